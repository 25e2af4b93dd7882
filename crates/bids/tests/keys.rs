//! Generated object keys that mix entities, boundaries, directories and odd values.

use proptest::prelude::*;

const PIECES: &[&str] = &[
    "",
    "-",
    "01",
    "4",
    "averages",
    "bold",
    "derivatives",
    "desc-A",
    "desc-AB",
    "echo-1",
    "gz",
    "json",
    "label-FFA-1",
    "label-",
    "label--",
    "label-label-a-b",
    "mask",
    "nii",
    "part-mag",
    "run-02",
    "run-2",
    "ses-",
    "ses-01",
    "ses-011",
    "ses-01-02",
    "ses-04",
    "ses-averages",
    "ses-é",
    "space-T1w",
    "stat-z",
    "statmap",
    "sub-01",
    "task-foo-bar",
    "task-images",
    "trials",
    "tsv",
    "xses-01",
    "\n",
    "é",
    "+",
    " ",
];
const SEPARATORS: &[&str] = &["_", "_", "_", "/", "/", ".", "-", " ", "", "!"];

/// A key of up to eight pieces.
pub(crate) fn key() -> impl Strategy<Value = String> {
    let link = (prop::sample::select(PIECES), prop::sample::select(SEPARATORS));
    (prop::collection::vec(link, 0..8), prop::sample::select(PIECES)).prop_map(|(links, last)| {
        let mut key: String = links.into_iter().flat_map(<[&str; 2]>::from).collect();
        key.push_str(last);
        key
    })
}
