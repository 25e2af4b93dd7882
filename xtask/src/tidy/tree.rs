//! The text files of the repository.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Names of what is not the repository's own; `.git` is a file in a linked worktree.
const SKIPPED: &[&str] = &["target", ".git", "node_modules", "__pycache__", ".venv"];

/// Folders of what is built from the repository's own, by their paths.
const BUILT: &[&str] = &["crates/browse/web/dist"];

/// A text file with its path relative to the root, separated by `/`.
#[derive(Clone, Debug)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// All text files below a folder, ordered by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    files: Vec<TextFile>,
}

impl Tree {
    /// Reads every file that is UTF-8 and neither skipped nor below something skipped; links are not followed.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        files.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(Self { files })
    }

    /// The files in order.
    pub(crate) fn files(&self) -> &[TextFile] {
        &self.files
    }

    /// The text of one file, if there is one.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| TextFile {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Self { files: files.iter().map(file).collect() }
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<TextFile>) -> Result<()> {
    let shown = || folder.display().to_string();
    for entry in fs::read_dir(folder).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let kind = entry.file_type().with_context(shown)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if SKIPPED.contains(&name.as_str()) {
            continue;
        }
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if BUILT.contains(&path.as_str()) {
            continue;
        }
        if kind.is_dir() {
            read_folder(&entry.path(), &path, files)?;
        } else if kind.is_file() {
            let content = fs::read(entry.path()).with_context(|| path.clone())?;
            if let Ok(text) = String::from_utf8(content)
                && !text.contains('\0')
            {
                files.push(TextFile { path, text });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_the_rest_is_left_out() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        for folder in ["crates/bids/src", "target/debug", ".ci"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("crates/bids/src/lib.rs"), "//! Names.").unwrap();
        fs::write(root.join(".ci/run"), "#!/bin/sh").unwrap();
        fs::write(root.join("target/debug/note"), "x").unwrap();
        fs::write(root.join(".git"), "gitdir: elsewhere").unwrap();
        fs::write(root.join("image.png"), [0x89, 0xff, 0x00]).unwrap();
        let tree = Tree::read(root).unwrap();
        let paths: Vec<&str> = tree.files().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".ci/run", "crates/bids/src/lib.rs"]);
        assert_eq!(tree.text("crates/bids/src/lib.rs"), Some("//! Names."));
        assert_eq!(tree.text("image.png"), None);
    }
}
