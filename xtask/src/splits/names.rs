//! Which pool an image belongs to, told by its name alone.

use laion_fmri::splits::Pool;

/// What the name of an image tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An out-of-distribution image: in no pool, test image of every `ood` split.
    Ood,
    /// An image that everybody saw: in every pool.
    Shared,
    /// An image of one subject, in that subject's pool.
    Of(Pool),
}

/// The numbers in the names are those of the participants, which are not those of the subjects.
const PARTICIPANTS: &[(&str, Pool)] = &[
    ("p01", Pool::Sub01),
    ("p02", Pool::Sub06),
    ("p03", Pool::Sub05),
    ("p04", Pool::Sub03),
    ("p05", Pool::Sub07),
];

/// The kind of an image; nothing for a name that follows no rule.
pub(super) fn kind(image_name: &str) -> Option<Kind> {
    if image_name.contains("_OOD_") {
        return Some(Kind::Ood);
    }
    if image_name.starts_with("shared_") {
        return Some(Kind::Shared);
    }
    let (stem, _) = image_name.rsplit_once('.')?;
    let (_, participant) = stem.rsplit_once('_')?;
    let known = PARTICIPANTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(participant));
    known.map(|(_, pool)| Kind::Of(*pool))
}

/// Whether an image of this kind is in a pool.
pub(super) fn belongs(kind: Kind, pool: Pool) -> bool {
    kind == Kind::Shared || kind == Kind::Of(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_pools() {
        let cases = [
            ("shared_4rep_OOD_shape_blob_round-01.png", Some(Kind::Ood)),
            ("shared_12rep_LAION_cluster_1003_i0.jpg", Some(Kind::Shared)),
            ("unique_THINGS_whisk_p01.jpg", Some(Kind::Of(Pool::Sub01))),
            ("unique_THINGS_whisk_p02.jpg", Some(Kind::Of(Pool::Sub06))),
            ("unique_THINGS_whisk_p03.jpg", Some(Kind::Of(Pool::Sub05))),
            ("unique_THINGS_whisk_p04.jpg", Some(Kind::Of(Pool::Sub03))),
            ("unique_THINGS_whisk_P05.jpg", Some(Kind::Of(Pool::Sub07))),
            ("unique_THINGS_whisk_p06.jpg", None),
            ("unique_THINGS_whisk.jpg", None),
            ("whisk", None),
        ];
        for (name, expected) in cases {
            assert_eq!(kind(name), expected, "{name}");
        }
    }
}
