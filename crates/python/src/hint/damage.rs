//! Hints about damaged files: the call that downloads them again.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use laion_fmri::SubjectId;
use laion_fmri::stimuli::files;

use super::list;

/// The call that downloads a damaged file again; none for a file that is not of the dataset.
pub(super) fn fetch_again(path: &Path) -> Option<String> {
    if path.file_name().is_some_and(|name| name == files::IMAGES) {
        // Only access to the images brings them, and what is there is kept.
        return Some(format!("delete {}, then laion_fmri.download_stimuli()", path.display()));
    }
    fetch_prefixes_again(vec![prefix_of(path)?])
}

/// The same for files of which one is damaged.
pub(super) fn fetch_all_again(paths: [&PathBuf; 2]) -> Option<String> {
    let prefixes: Option<Vec<String>> = paths.into_iter().map(|path| prefix_of(path)).collect();
    fetch_prefixes_again(prefixes?)
}

fn fetch_prefixes_again(prefixes: Vec<String>) -> Option<String> {
    let prefixes = list(prefixes)?;
    Some(format!("laion_fmri.download.download([], prefix={prefixes}, verify=True)"))
}

/// What the key of a file begins with, by the folders that its path leads through: all of the key,
/// or what is before a label, since names on disk are without the hyphens of labels.
fn prefix_of(path: &Path) -> Option<String> {
    const LABEL: &str = "label-";

    let parts: Option<Vec<&str>> = path.iter().map(OsStr::to_str).collect();
    let parts = parts?;
    let is_tree = |part: &&str| *part == files::DIRECTORY || *part == "derivatives";
    // Raw data of a subject lie at the top.
    let is_raw = |pair: &[&str]| match pair {
        [subject, session] => is_subject(subject) && session.starts_with("ses-"),
        _ => false,
    };
    let top = parts.iter().rposition(is_tree).or_else(|| parts.windows(2).position(is_raw))?;
    let mut key = parts.get(top..)?.join("/");
    if let Some(label) = key.find(LABEL) {
        key.truncate(label + LABEL.len());
    }
    Some(key)
}

fn is_subject(part: &str) -> bool {
    part.parse().is_ok_and(|id: SubjectId| id.as_str() == part)
}
