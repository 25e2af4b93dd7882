//! The kinds of out-of-distribution images.

use laion_fmri_base::named_enum;

named_enum! {
    /// A kind of out-of-distribution (OOD) image.
    ///
    /// OOD images belong to no pool and were shown to every subject. The counts are those of the
    /// release. The names of its images contain the name of a type.
    #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
    pub enum OodType: "OOD type" {
        /// `cropped`, such as `cropped_air_pump.png` (60 images).
        Cropped = "cropped",
        /// `gabor`, such as `gabor_gabor-01-top-left.jpg` (10 images).
        Gabor = "gabor",
        /// `gaudy` (24 images).
        Gaudy = "gaudy",
        /// `illusion-classic`, such as `illusion-classic_classic-illusion-01-asahi.png` (21 images).
        IllusionClassic = "illusion-classic",
        /// `illusion-natural` (8 images).
        IllusionNatural = "illusion-natural",
        /// `relations`, such as `relations_007_saucer-ontop-cup_04.jpg` (72 images).
        Relations = "relations",
        /// `selfmade` (30 images).
        Selfmade = "selfmade",
        /// `shape`, such as `shape_blob_round-01.png` (82 images).
        Shape = "shape",
        /// `unusual` (64 images).
        Unusual = "unusual",
    }
}

impl OodType {
    /// The type of an image, from its name; `None` if it is not the name of an OOD image.
    ///
    /// The rule is the regular expression `^shared_4rep_OOD_([a-zA-Z0-9-]+)_.+\.(png|jpg)$`, with
    /// the name of a type as its group 1.
    pub fn of_image_name(image_name: &str) -> Option<Self> {
        let (name, rest) = image_name.strip_prefix("shared_4rep_OOD_")?.split_once('_')?;
        let stem = rest.strip_suffix(".png").or_else(|| rest.strip_suffix(".jpg"))?;
        if stem.is_empty() || stem.contains('\n') {
            return None;
        }
        name.parse().ok()
    }
}

/// The OOD types, in alphabetical order.
pub fn list_ood_types() -> &'static [OodType] {
    OodType::ALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_tell_their_type() {
        let cases = [
            ("shared_4rep_OOD_shape_blob_round-01.png", Some(OodType::Shape)),
            ("shared_4rep_OOD_gabor_gabor-01-top-left.jpg", Some(OodType::Gabor)),
            ("shared_4rep_OOD_relations_007_saucer-ontop-cup_04.jpg", Some(OodType::Relations)),
            (
                "shared_4rep_OOD_illusion-classic_classic-illusion-01-asahi.png",
                Some(OodType::IllusionClassic),
            ),
            (
                "shared_4rep_OOD_unusual_Screenshot 2024-05-06 at 10.00.00.jpg",
                Some(OodType::Unusual),
            ),
            ("shared_4rep_OOD_unusual_fruit-and-vegetables .jpg", Some(OodType::Unusual)),
            ("shared_4rep_OOD_cropped_.png.png", Some(OodType::Cropped)),
            ("shared_4rep_OOD_cropped_.png", None),
            ("shared_4rep_OOD_cropped.png", None),
            ("shared_4rep_OOD_cropped_apple.jpeg", None),
            ("shared_4rep_OOD_cropped_apple.PNG", None),
            ("shared_4rep_OOD_cropped_apple", None),
            ("shared_4rep_OOD_cropped_a\nb.png", None),
            ("shared_4rep_OOD_Cropped_apple.png", None),
            ("shared_4rep_OOD_new_apple.png", None),
            ("shared_4rep_OOD__apple.png", None),
            ("xshared_4rep_OOD_cropped_apple.png", None),
            ("shared_12rep_OOD_cropped_apple.png", None),
            ("unique_LAION_initial_cluster_1122_i20_p01.jpg", None),
            ("", None),
        ];
        for (image_name, expected) in cases {
            assert_eq!(OodType::of_image_name(image_name), expected, "{image_name}");
        }
    }

    #[test]
    fn an_unknown_type_lists_the_known_ones() {
        let error = "illusion".parse::<OodType>().unwrap_err();
        let expected: Vec<&str> = OodType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!((error.got.as_str(), error.expected), ("illusion", &expected[..]));
        assert_eq!(
            error.to_string(),
            "unknown OOD type \"illusion\" (expected one of cropped, gabor, gaudy, illusion-classic, \
             illusion-natural, relations, selfmade, shape, unusual)"
        );
    }
}
