//! The filter against its grammar, stated again with splits and a scan over every position.

use std::collections::BTreeMap;

use bids_names::{Filter, FilterField, Verdict, entity_value, extension_of, suffix_of};
use proptest::prelude::*;

use crate::keys;

const VALUES: &[&str] = &[
    "",
    "01",
    "ses-01",
    "011",
    "04",
    "4",
    "averages",
    "ses-averages",
    "ses-ses-01",
    "images",
    "task-images",
    "foo-bar",
    "foo",
    "A",
    "AB",
    "desc-A",
    "02",
    "run-02",
    "T1w",
    "z",
    "1",
    "mag",
    "statmap",
    "mask",
    "bold",
    "trials",
    "FFA-1",
    "label-FFA-1",
    "nii",
    "nii.gz",
    ".nii",
    "json",
    "tsv",
    "é",
    "01/sub-01",
    "01.json",
];

fn is_boundary(byte: u8) -> bool {
    b"_./".contains(&byte)
}

/// The alphanumeric value of the first piece that is `ENTITY-VALUE` up to its first dot.
fn plain_entity(key: &str, entity: &str) -> Option<String> {
    key.split(['/', '_']).find_map(|piece| {
        let token = piece.split('.').next()?;
        let (name, value) = token.split_once('-')?;
        let alphanumeric = !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric());
        (name == entity && alphanumeric).then(|| value.to_owned())
    })
}

/// Whether the token stands anywhere between a left and a right boundary.
fn plain_token(key: &str, entity: &str, value: &str) -> bool {
    let (key, token) = (key.as_bytes(), format!("{entity}-{value}"));
    let token = token.as_bytes();
    (0..=key.len()).any(|start| {
        let end = start + token.len();
        let left = start == 0 || key[start - 1] == b'/' || key[start - 1] == b'_';
        left && end <= key.len()
            && &key[start..end] == token
            && (end == key.len() || is_boundary(key[end]))
    })
}

fn plain_suffix_and_extension(key: &str) -> (String, String) {
    let name = &key[key.rfind('/').map_or(0, |slash| slash + 1)..];
    let stem = &name[..name.find('.').unwrap_or(name.len())];
    let suffix = &stem[stem.rfind('_').map_or(0, |underscore| underscore + 1)..];
    (suffix.to_owned(), name[stem.len()..].chars().skip(1).collect())
}

/// The grammar, one field at a time; `lists` are the values as the user gave them.
fn plain_accepts(field: FilterField, lists: &[(FilterField, Vec<&str>)], key: &str) -> bool {
    let list =
        |wanted| lists.iter().rev().find(|(field, _)| *field == wanted).map(|(_, values)| values);
    let Some(given) = list(field) else { return true };
    let (suffix, extension) = plain_suffix_and_extension(key);
    match field {
        FilterField::Suffix => given.contains(&suffix.as_str()),
        FilterField::Extension => {
            let sidecar = extension == "json"
                && list(FilterField::Suffix).is_some_and(|s| s.contains(&suffix.as_str()));
            sidecar || given.contains(&extension.as_str())
        }
        _ => {
            let entity = field.to_string();
            let prefix = format!("{entity}-");
            let values: Vec<&str> =
                given.iter().map(|v| v.strip_prefix(&prefix).unwrap_or(v)).collect();
            let present = plain_entity(key, &entity).is_some();
            let strict = field == FilterField::Ses;
            if present {
                values.iter().any(|v| !(strict && *v == "averages") && plain_token(key, &entity, v))
            } else {
                !strict || values.contains(&"averages")
            }
        }
    }
}

fn lists() -> impl Strategy<Value = Vec<(FilterField, Vec<&'static str>)>> {
    let field = prop::sample::select(FilterField::ALL.as_slice());
    let values = prop::collection::vec(prop::sample::select(VALUES), 0..4);
    prop::collection::vec((field, values), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_filter_agrees_with_its_grammar(key in keys::key(), lists in lists()) {
        let filter = lists.iter().fold(Filter::default(), |filter, (field, values)| {
            filter.with(*field, values.iter().copied())
        });
        let rejected = FilterField::ALL.into_iter().find(|field| !plain_accepts(*field, &lists, &key));
        prop_assert_eq!(filter.verdict(&key), rejected.map_or(Verdict::Pass, Verdict::Rejected));
        prop_assert_eq!(filter.matches(&key), rejected.is_none());
        if let Some(field) = rejected {
            prop_assert_ne!(filter.without(field).verdict(&key), Verdict::Rejected(field));
        }
    }

    #[test]
    fn a_strict_filter_agrees_with_its_grammar(
        key in keys::key(),
        entities in prop::collection::vec((prop::sample::select(&["sub", "ses", "label", "hemi", "run"][..]), prop::sample::select(VALUES)), 0..3),
        suffix in prop::option::of(prop::sample::select(VALUES)),
    ) {
        let mut filter = Filter::strict();
        let mut expected = true;
        for (entity, value) in entities.into_iter().collect::<BTreeMap<_, _>>() {
            filter = filter.with_entity(entity, [value]).unwrap();
            let bare = value.strip_prefix(&format!("{entity}-")).unwrap_or(value);
            expected &= plain_token(&key, entity, bare);
        }
        if let Some(suffix) = suffix {
            filter = filter.with(FilterField::Suffix, [suffix]);
            expected &= plain_suffix_and_extension(&key).0 == suffix;
        }
        prop_assert_eq!(filter.matches(&key), expected);
    }

    #[test]
    fn one_session_filters_agree_with_the_grammar(key in keys::key(), value in prop::sample::select(VALUES)) {
        let lists = [(FilterField::Ses, vec![value])];
        let filter = Filter::default().with(FilterField::Ses, [value]);
        prop_assert_eq!(filter.matches(&key), plain_accepts(FilterField::Ses, &lists, &key));
    }

    #[test]
    fn keys_are_read_as_stated(key in keys::key()) {
        let (suffix, extension) = plain_suffix_and_extension(&key);
        prop_assert_eq!((suffix_of(&key), extension_of(&key)), (suffix.as_str(), extension.as_str()));
        for entity in ["ses", "task", "run", "label", "averages"] {
            let expected = plain_entity(&key, entity);
            prop_assert_eq!(entity_value(&key, entity), expected.as_deref());
        }
    }

    #[test]
    fn an_unrestricted_filter_passes_everything(key in any::<String>()) {
        prop_assert_eq!(Filter::default().verdict(&key), Verdict::Pass);
    }
}

#[test]
fn a_typical_download_takes_what_it_names() {
    let filter = Filter::default()
        .with(FilterField::Ses, ["ses-01", "averages"])
        .with(FilterField::Suffix, ["statmap", "trials"])
        .with(FilterField::Extension, ["nii.gz", "tsv"]);
    let taken: Vec<&str> = [
        "betas/sub-01/ses-01/func/sub-01_ses-01_task-images_desc-SingletrialBetas_trials.tsv",
        "betas/sub-01/ses-01/func/sub-01_ses-01_task-images_desc-SingletrialBetas_trials.json",
        "betas/sub-01/ses-01/func/sub-01_ses-01_task-images_desc-HRFindex_dseg.nii.gz",
        "betas/sub-01/ses-02/func/sub-01_ses-02_task-images_desc-SingletrialBetas_trials.tsv",
        "betas/sub-01/sub-01_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz",
        "betas/sub-01/ses-01/func/figures/fit.png",
    ]
    .into_iter()
    .filter(|key| filter.matches(key))
    .filter_map(|key| key.rsplit('/').next())
    .collect();
    assert_eq!(
        taken,
        [
            "sub-01_ses-01_task-images_desc-SingletrialBetas_trials.tsv",
            "sub-01_ses-01_task-images_desc-SingletrialBetas_trials.json",
            "sub-01_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz",
        ]
    );
}
