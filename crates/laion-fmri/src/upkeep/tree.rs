//! What lies in a folder that is, or may become, a mirror; and what the bucket says about it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use bids_names::dehyphenate_labels;
use s3_mirror::{Listed, RelativePath};

use crate::config::STATE_DIR;
use crate::remote::Remote;
use crate::{Error, Result};

/// A file below a folder.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) file: PathBuf,
    /// Relative to the folder, as it is named there.
    pub(super) path: RelativePath,
    pub(super) size: u64,
}

/// All regular files below `root`, sorted. Hidden files and the state directory are left out, and
/// names that no key can have. Links to files count as files, links to directories are not followed.
pub(super) fn files(root: &Path) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, leading)) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(Error::io("list", &folder))?;
        for entry in entries {
            let entry = entry.map_err(Error::io("list", &folder))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') || name == STATE_DIR {
                continue;
            }
            let kind = entry.file_type().map_err(Error::io("look at", entry.path()))?;
            let path = format!("{leading}{name}");
            if kind.is_dir() {
                folders.push((entry.path(), path + "/"));
            } else if let (Ok(metadata), Ok(path)) =
                (std::fs::metadata(entry.path()), path.parse::<RelativePath>())
                && metadata.is_file()
            {
                found.push(Found { file: entry.path(), path, size: metadata.len() });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Those of the paths that lie behind links to directories, taken out of `paths`.
pub(super) fn behind_links(root: &Path, paths: &mut BTreeSet<RelativePath>) -> Vec<Found> {
    let mut found = Vec::new();
    paths.retain(|path| {
        let file = root.join(path.as_str());
        let there = std::fs::metadata(&file).ok().filter(std::fs::Metadata::is_file);
        let size = there.as_ref().map(std::fs::Metadata::len);
        found.extend(size.map(|size| Found { file, path: path.clone(), size }));
        size.is_none()
    });
    found
}

/// The names that unfinished transfers and killed processes left below `root`.
pub(super) fn unfinished(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if name != STATE_DIR {
                    folders.push(path);
                }
            } else if name.starts_with('.') && (name.ends_with(".part") || name.ends_with("-part"))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The listed objects of the trees that the paths lie in, by the local path they get.
pub(super) fn listed<'a>(
    remote: &Remote,
    paths: impl Iterator<Item = &'a RelativePath>,
) -> Result<HashMap<RelativePath, Listed>> {
    let prefixes: BTreeSet<String> = paths.map(|path| tree_of(path.as_str())).collect();
    let mut by_path = HashMap::new();
    for prefix in prefixes {
        let listing = if prefix.is_empty() {
            remote.list_directory("")?
        } else {
            remote.list_tree(&prefix, |_| true)?
        };
        for listed in listing.objects {
            if let Ok(local) = local_of(listed.key.as_str()) {
                by_path.insert(local, listed);
            }
        }
    }
    Ok(by_path)
}

/// The local path of a key, or of the path of a file in a tree that another tool made.
pub(super) fn local_of(key: &str) -> Result<RelativePath, s3_mirror::InvalidKey> {
    RelativePath::new(dehyphenate_labels(key))
}

/// The prefix that is listed for a path: its subject's folder of its tree, the tree of a path without
/// a subject, nothing for files at the top.
fn tree_of(path: &str) -> String {
    let Some((folder, _)) = path.rsplit_once('/') else { return String::new() };
    let mut prefix = String::new();
    for (depth, part) in folder.split('/').enumerate() {
        prefix.push_str(part);
        prefix.push('/');
        let is_subject = part.starts_with("sub-");
        if is_subject || depth == 1 && !folder.contains("sub-") || part == "stimuli" {
            break;
        }
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_a_path() {
        for (path, expected) in [
            ("README", ""),
            ("sub-01/ses-01/func/x", "sub-01/"),
            ("derivatives/rois/sub-01/face/x", "derivatives/rois/sub-01/"),
            ("derivatives/anatomical/dataset_description.json", "derivatives/anatomical/"),
            ("stimuli/task-images_metadata.csv", "stimuli/"),
        ] {
            assert_eq!(tree_of(path), expected, "{path}");
        }
    }
}
