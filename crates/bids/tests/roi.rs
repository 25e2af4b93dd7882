//! The rule for ROI labels against a backtracking restatement of its regular expression.

use std::borrow::Cow;

use bids_names::{FileName, SubjectId, dehyphenate_labels, roi_label};
use proptest::prelude::*;

use crate::keys;

/// Matches `label-([A-Za-z0-9-]+)(?=[_./]|$)` as an engine does: leftmost start, longest run first,
/// shorter runs after.
fn plain_dehyphenate(key: &str) -> String {
    let text: Vec<char> = key.chars().collect();
    let mark: Vec<char> = "label-".chars().collect();
    let mut written = String::new();
    let mut at = 0;
    'positions: while at < text.len() {
        if text[at..].starts_with(&mark) {
            let start = at + mark.len();
            for end in (start + 1..=text.len()).rev() {
                let run = text[start..end].iter().all(|c| c.is_ascii_alphanumeric() || *c == '-');
                let bounded = end == text.len() || ['_', '.', '/'].contains(&text[end]);
                if run && bounded {
                    written.extend(&mark);
                    written.extend(text[start..end].iter().filter(|c| **c != '-'));
                    at = end;
                    continue 'positions;
                }
            }
        }
        written.push(text[at]);
        at += 1;
    }
    written
}

fn check(key: &str) -> Result<(), TestCaseError> {
    let local = dehyphenate_labels(key);
    prop_assert_eq!(&local, &plain_dehyphenate(key));
    prop_assert_eq!(matches!(local, Cow::Borrowed(_)), local == key);
    prop_assert_eq!(dehyphenate_labels(&local), local.as_ref());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn labels_of_keys_lose_their_hyphens(key in keys::key()) {
        check(&key)?;
    }

    #[test]
    fn labels_in_odd_texts_lose_their_hyphens(key in "(label|label-|-|_|[.]|/|a|b|!|é){0,10}") {
        check(&key)?;
    }

    #[test]
    fn a_roi_is_what_its_file_was_named_for(label in "[A-Za-z0-9-]{1,8}", res in "1pt[58]", other in "1pt[58]") {
        let subject = SubjectId::try_from("sub-03").map_err(|error| TestCaseError::fail(error.to_string()))?;
        let name = FileName::builder("mask", "nii.gz")
            .entity("sub", subject.label())
            .entity("space", "T1w")
            .entity("res", res.as_str())
            .entity("label", label.as_str())
            .build()
            .map_err(|error| TestCaseError::fail(error.to_string()))?
            .to_string();
        prop_assert_eq!(roi_label(&name, &subject, &other), (res == other).then_some(label.as_str()));
    }
}
