//! Images shown to everybody and images shown to one subject.

use std::fmt;
use std::str::FromStr;

use crate::name_error::NameError;

/// Whether an image was shown to every subject or to one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum StimulusSet {
    /// Shown to every subject.
    Shared,
    /// Shown to one subject.
    Unique,
}

impl StimulusSet {
    /// Both sets.
    pub const ALL: &'static [Self] = &[Self::Shared, Self::Unique];

    /// The name of the set, as it stands in the table of images.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Unique => "unique",
        }
    }

    /// The set of a trial by its label, the name of the image: shared if it starts with `shared_`,
    /// otherwise unique.
    pub fn of_label(label: &str) -> Self {
        if label.starts_with("shared_") { Self::Shared } else { Self::Unique }
    }
}

impl FromStr for StimulusSet {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|set| set.as_str() == text).ok_or_else(|| {
            NameError::UnknownStimulusSet {
                got: text.to_owned(),
                expected: Self::ALL.iter().map(|set| set.as_str()).collect(),
            }
        })
    }
}

impl fmt::Display for StimulusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
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
        let expected = vec!["shared", "unique"];
        assert_eq!(error, NameError::UnknownStimulusSet { got: "all".to_owned(), expected });
        assert_eq!(
            error.to_string(),
            "unknown stimulus set \"all\" (expected one of shared, unique)"
        );
    }
}
