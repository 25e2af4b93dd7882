//! Labels of region-of-interest (ROI) files, by the rules of one publisher: LAION-fMRI.
//!
//! BIDS itself allows no hyphen in a value. The bucket of LAION-fMRI has hyphens in the labels of
//! its ROI files, and a mirror of it has none: [`dehyphenate_labels`] converts a key,
//! [`dehyphenate_name`] a name as people write it.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::subject_id::SubjectId;

const MARK: &str = "label-";

/// Removes the hyphens from the value of every `label-` in a key, so that `label-FFA-1` becomes
/// `label-FFA1`.
///
/// The rule, and nothing more than it: for every match of the regular expression
/// `label-([A-Za-z0-9-]+)(?=[_./]|$)`, anywhere in the key and also inside a word, all `-` of group
/// 1 are deleted. A run followed by another character is left alone. Applying it twice changes
/// nothing more, but it maps different keys to one: `label-FFA-1` and `label-FFA1` collide.
///
/// ```
/// use bids_names::dehyphenate_labels;
///
/// assert_eq!(
///     dehyphenate_labels("rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-FFA-1_mask.nii.gz"),
///     "rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-FFA1_mask.nii.gz",
/// );
/// ```
pub fn dehyphenate_labels(key: &str) -> Cow<'_, str> {
    let mut written = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = key[at..].find(MARK) {
        let start = at + found + MARK.len();
        let run = key[start..].bytes().take_while(|&byte| is_label_byte(byte)).count();
        // A shorter run would end before a letter, digit or hyphen, and a later mark inside the
        // run shares its end: the longest run decides for both.
        at = start + run;
        let value = &key[start..at];
        let bounded = at == key.len() || key[at..].starts_with(['_', '.', '/']);
        if bounded && value.contains('-') {
            written.push_str(&key[copied..start]);
            written.push_str(&dehyphenate_name(value));
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(key);
    }
    written.push_str(&key[copied..]);
    Cow::Owned(written)
}

/// The name of an ROI without its hyphens, as it is in a mirror: `FFA-1` becomes `FFA1`.
///
/// ```
/// use bids_names::dehyphenate_name;
///
/// assert_eq!(dehyphenate_name("pSTS-faces"), "pSTSfaces");
/// ```
pub fn dehyphenate_name(name: &str) -> Cow<'_, str> {
    if name.contains('-') { Cow::Owned(name.split('-').collect()) } else { Cow::Borrowed(name) }
}

/// The ROI that a volume mask of a subject holds, or `None` if the name is not such a mask.
///
/// A name counts only if it starts with `SUB_space-T1w_res-RES_label-` and ends with
/// `_mask.nii.gz`; the ROI is what lies between and is not empty. Surface files, other grids and
/// other subjects are `None`. `file_name` is a name without directories; to compare with names on
/// disk, apply [`dehyphenate_labels`] first.
///
/// ```
/// use bids_names::{SubjectId, roi_label};
///
/// let subject = SubjectId::try_from("sub-01")?;
/// let name = "sub-01_space-T1w_res-1pt8_label-hV4_mask.nii.gz";
/// assert_eq!(roi_label(name, &subject, "1pt8"), Some("hV4"));
/// assert_eq!(roi_label(name, &subject, "1pt5"), None);
/// # Ok::<(), bids_names::InvalidSubjectId>(())
/// ```
pub fn roi_label<'a>(file_name: &'a str, subject: &SubjectId, res: &str) -> Option<&'a str> {
    file_name
        .strip_prefix(subject.as_str())?
        .strip_prefix("_space-T1w_res-")?
        .strip_prefix(res)?
        .strip_prefix("_label-")?
        .strip_suffix("_mask.nii.gz")
        .filter(|label| !label.is_empty())
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject_id::InvalidSubjectId;

    #[test]
    fn labels_lose_their_hyphens() {
        let cases = [
            (
                "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-FFA-1_mask.nii.gz",
                "derivatives/rois/sub-01/face/sub-01_space-T1w_res-1pt8_label-FFA1_mask.nii.gz",
            ),
            ("sub-01_label-pSTS-faces_mask.nii.gz", "sub-01_label-pSTSfaces_mask.nii.gz"),
            ("sub-01_label-laion-dorsal_mask.nii.gz", "sub-01_label-laiondorsal_mask.nii.gz"),
            (
                "sub-01_ses-04_task-foo-bar_label-FFA-1_mask.nii.gz",
                "sub-01_ses-04_task-foo-bar_label-FFA1_mask.nii.gz",
            ),
            ("label-FFA-1.json", "label-FFA1.json"),
            ("label-FFA-1", "label-FFA1"),
            ("sub-01_label-OFA_mask.nii.gz", "sub-01_label-OFA_mask.nii.gz"),
        ];
        for (key, local) in cases {
            assert_eq!(dehyphenate_labels(key), local);
        }
    }

    #[test]
    fn the_corners_follow_the_regular_expression() {
        let cases = [
            ("mylabel-a-b/label-c-d_x", "mylabel-ab/label-cd_x"),
            ("label-a-b!_label-c-d", "label-a-b!_label-cd"),
            ("label-label-a-b_x", "label-labelab_x"),
            ("label--_x", "label-_x"),
            ("label-_x-y", "label-_x-y"),
            ("label-a-é", "label-a-é"),
            ("label-a-+b", "label-a-+b"),
            ("label", "label"),
            ("Label-a-b", "Label-a-b"),
            ("", ""),
        ];
        for (key, local) in cases {
            assert_eq!(dehyphenate_labels(key), local);
        }
    }

    #[test]
    fn a_name_loses_its_hyphens_wherever_they_are() {
        for (name, local) in [("FFA-1", "FFA1"), ("-a--b-", "ab"), ("OFA", "OFA"), ("", "")] {
            assert_eq!(dehyphenate_name(name), local);
        }
    }

    #[test]
    fn an_unchanged_key_is_not_copied() {
        assert!(matches!(dehyphenate_labels("label-OFA_desc-a-b"), Cow::Borrowed(_)));
    }

    #[test]
    fn only_volume_masks_of_the_subject_and_grid_name_a_roi() -> Result<(), InvalidSubjectId> {
        let subject = SubjectId::try_from("01")?;
        let cases = [
            ("sub-01_space-T1w_res-1pt8_label-FFA-1_mask.nii.gz", Some("FFA-1")),
            ("sub-01_space-T1w_res-1pt8_label-V1v_mask.json", None),
            ("sub-01_space-T1w_res-1pt8_label-V1v_mask.nii.gz.part", None),
            ("sub-01_space-T1w_res-1pt8_label-_mask.nii.gz", None),
            ("sub-01_space-T1w_res-1pt8_label_mask.nii.gz", None),
            ("sub-03_space-T1w_res-1pt8_label-V1v_mask.nii.gz", None),
            ("sub-011_space-T1w_res-1pt8_label-V1v_mask.nii.gz", None),
            ("sub-01_hemi-L_space-fsnative_label-V1v_mask.label", None),
            ("x/sub-01_space-T1w_res-1pt8_label-V1v_mask.nii.gz", None),
        ];
        for (name, expected) in cases {
            assert_eq!(roi_label(name, &subject, "1pt8"), expected, "{name}");
        }
        Ok(())
    }
}
