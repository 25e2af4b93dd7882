//! Suffix, extension and entities of a whole object key (a path with `/` between its parts).
//!
//! These functions accept every string. They define the grammar that [`Filter`](crate::Filter)
//! uses. It looks at the directories of a key as well as at its file name, so it is coarser than
//! [`FileName`](crate::FileName).

/// The suffix of a key: of its file name up to the first dot, the text after the last `_`.
///
/// Without `_` it is the whole stem, and a name that ends in an entity has that entity as its
/// suffix.
///
/// ```
/// use bids_names::suffix_of;
///
/// assert_eq!(suffix_of("sub-01/ses-01/func/sub-01_ses-01_desc-SingletrialBetas_trials.tsv"), "trials");
/// assert_eq!(suffix_of("participants.tsv"), "participants");
/// assert_eq!(suffix_of("stimuli/task-images_desc-captions.csv"), "desc-captions");
/// ```
pub fn suffix_of(key: &str) -> &str {
    let (stem, _) = split_extension(file_name_of(key));
    stem.rsplit_once('_').map_or(stem, |(_, suffix)| suffix)
}

/// The extension of a key: everything after the first dot of its file name, without that dot; empty
/// if there is none.
///
/// ```
/// use bids_names::extension_of;
///
/// assert_eq!(extension_of("sub-01/anat/sub-01_T1w.nii.gz"), "nii.gz");
/// assert_eq!(extension_of("v1.0/README"), "");
/// ```
pub fn extension_of(key: &str) -> &str {
    split_extension(file_name_of(key)).1.unwrap_or("")
}

/// The value of the first `entity` in a key, directories included.
///
/// The rule is the regular expression `(?:^|/|_)ENTITY-([A-Za-z0-9]+)(?=[_./]|$)`: a value is
/// alphanumeric and runs to the next `_`, `.`, `/` or the end of the key. A hyphen in a value
/// (`label-FFA-1`) hides the entity.
///
/// ```
/// use bids_names::entity_value;
///
/// assert_eq!(entity_value("sub-01/ses-PrismaAnat/anat/sub-01_T1w.json", "ses"), Some("PrismaAnat"));
/// assert_eq!(entity_value("sub-01_task-images_bold.json", "ses"), None);
/// assert_eq!(entity_value("sub-01_label-FFA-1_mask.nii.gz", "label"), None);
/// ```
pub fn entity_value<'a>(key: &'a str, entity: &str) -> Option<&'a str> {
    values_at_boundaries(key, entity).find_map(|rest| {
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        (length > 0 && starts_at_boundary(&rest[length..])).then(|| &rest[..length])
    })
}

/// Whether a key holds `ENTITY-VALUE` as a token, with the boundaries of [`entity_value`] and
/// `value` taken literally.
pub(crate) fn has_token(key: &str, entity: &str, value: &str) -> bool {
    values_at_boundaries(key, entity)
        .filter_map(|rest| rest.strip_prefix(value))
        .any(starts_at_boundary)
}

/// The last part of a key.
pub(crate) fn file_name_of(key: &str) -> &str {
    key.rsplit_once('/').map_or(key, |(_, name)| name)
}

/// A file name split at its first dot; `None` where there is no dot.
pub(crate) fn split_extension(name: &str) -> (&str, Option<&str>) {
    name.split_once('.').map_or((name, None), |(stem, extension)| (stem, Some(extension)))
}

/// What follows each `ENTITY-` of a key that stands at the start or after `/` or `_`.
fn values_at_boundaries<'a>(key: &'a str, entity: &str) -> impl Iterator<Item = &'a str> {
    key.split_inclusive(['/', '_'])
        .scan(0, |end, part| {
            let start = *end;
            *end += part.len();
            Some(start)
        })
        .filter_map(move |start| key[start..].strip_prefix(entity)?.strip_prefix('-'))
}

fn starts_at_boundary(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['_', '.', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffix_and_extension_split_at_the_first_dot_of_the_file_name() {
        let cases = [
            (
                "derivatives/rois/sub-01/face/sub-01_hemi-L_label-OFA_mask.func.gii",
                "mask",
                "func.gii",
            ),
            ("dataset_description.json", "description", "json"),
            ("README", "README", ""),
            ("README.", "README", ""),
            ("derivatives/freesurfer/sub-01/surf/lh.sphere.reg", "lh", "sphere.reg"),
            ("release_1.0/CHANGES", "CHANGES", ""),
            (".bidsignore", "", "bidsignore"),
            ("sub-01/", "", ""),
            ("sub-01_.nii", "", "nii"),
            ("sub-01", "sub-01", ""),
            ("", "", ""),
        ];
        for (key, suffix, extension) in cases {
            assert_eq!((suffix_of(key), extension_of(key)), (suffix, extension), "{key}");
        }
    }

    #[test]
    fn an_entity_counts_only_between_boundaries() {
        let cases = [
            ("ses-01", Some("01")),
            ("sub-01/ses-01/x", Some("01")),
            ("sub-01_ses-01.json", Some("01")),
            ("sub-01_ses-4BarScreenfLoc_x", Some("4BarScreenfLoc")),
            ("xses-01_bold", None),
            ("a.ses-01_bold", None),
            ("sub-01-ses-01_bold", None),
            ("ses-_bold", None),
            ("ses-01-02_bold", None),
            ("ses-01 _bold", None),
            ("ses-é_bold", None),
            ("SES-01", None),
            ("ses-01x!/ses-02", Some("02")),
            ("ses-01/sub-01_ses-02_bold", Some("01")),
            ("", None),
        ];
        for (key, expected) in cases {
            assert_eq!(entity_value(key, "ses"), expected, "{key}");
        }
    }

    #[test]
    fn a_token_is_literal_and_whole() {
        assert!(has_token("sub-01/ses-01/x", "ses", "01"));
        assert!(!has_token("sub-01/ses-011/x", "ses", "01"));
        assert!(!has_token("sub-01/ses-01/x", "ses", "0"));
        assert!(!has_token("sub-01/ses-01/x", "ses", ".1"));
        assert!(has_token("sub-01_label-FFA-1_mask", "label", "FFA-1"));
        assert!(has_token("ses-01x_ses-01", "ses", "01"));
    }
}
