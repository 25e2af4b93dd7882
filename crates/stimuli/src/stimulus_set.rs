//! Images shown to everybody and images shown to one subject.

use laion_fmri_base::named_enum;

named_enum! {
    /// Whether an image was shown to every subject or to one.
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    pub enum StimulusSet: "stimulus set" {
        /// Shown to every subject.
        Shared = "shared",
        /// Shown to one subject.
        Unique = "unique",
    }
}

impl StimulusSet {
    /// The set of a trial by its label, the name of the image: shared if it starts with `shared_`,
    /// otherwise unique.
    pub fn of_label(label: &str) -> Self {
        if label.starts_with("shared_") { Self::Shared } else { Self::Unique }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_label_tells_its_set() {
        let cases = [
            ("shared_12rep_LAION_cluster_2677_i5.jpg", StimulusSet::Shared),
            ("shared_4rep_OOD_unusual_fruit-and-vegetables .jpg", StimulusSet::Shared),
            ("unique_THINGS+_mitten_p04.jpg", StimulusSet::Unique),
            ("shared", StimulusSet::Unique),
            ("Shared_1.jpg", StimulusSet::Unique),
            ("unique_shared_1.jpg", StimulusSet::Unique),
            ("", StimulusSet::Unique),
        ];
        for (label, expected) in cases {
            assert_eq!(StimulusSet::of_label(label), expected, "{label}");
        }
    }

    #[test]
    fn an_unknown_set_lists_the_known_ones() {
        let error = "all".parse::<StimulusSet>().unwrap_err();
        assert_eq!((error.got.as_str(), error.expected), ("all", ["shared", "unique"].as_slice()));
        assert_eq!(
            error.to_string(),
            "unknown stimulus set \"all\" (expected one of shared, unique)"
        );
    }
}
