//! Hints about damaged files: the call that downloads them again.

use std::path::{Path, PathBuf};

use laion_fmri::stimuli::files;

use super::list;
use super::place::{DataDir, Elsewhere, key_of};

/// The call that downloads a damaged file again; none for a file that is not of the dataset.
pub(super) fn fetch_again(path: &Path, elsewhere: Elsewhere<'_>) -> Option<String> {
    let data_dir = DataDir::of(path, elsewhere);
    if path.file_name().is_some_and(|name| name == files::IMAGES) {
        // Only access to the images brings them, and what is there is kept.
        let path = path.display().to_string();
        let call = data_dir.call("laion_fmri.download_stimuli", Vec::new());
        return Some(format!("import os; os.remove({path:?}); {call}"));
    }
    fetch_prefixes_again(vec![prefix_of(path)?], &data_dir)
}

/// The same for files of which one is damaged.
pub(super) fn fetch_all_again(paths: [&PathBuf; 2], elsewhere: Elsewhere<'_>) -> Option<String> {
    let prefixes: Option<Vec<String>> = paths.into_iter().map(|path| prefix_of(path)).collect();
    fetch_prefixes_again(prefixes?, &DataDir::of(paths[0], elsewhere))
}

fn fetch_prefixes_again(prefixes: Vec<String>, data_dir: &DataDir) -> Option<String> {
    let prefixes = format!("prefix={}", list(prefixes)?);
    let arguments = vec!["[]".to_owned(), prefixes, "verify=True".to_owned()];
    Some(data_dir.call("laion_fmri.download.download", arguments))
}

/// What the key of a file begins with: all of the key, or what is before a label, since names on
/// disk are without the hyphens of labels.
fn prefix_of(path: &Path) -> Option<String> {
    const LABEL: &str = "label-";

    let mut key = key_of(path)?;
    if let Some(label) = key.find(LABEL) {
        key.truncate(label + LABEL.len());
    }
    Some(key)
}
