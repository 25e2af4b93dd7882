//! What is on disk, as a plan sees it: [`LocalView`] and [`Folder`].

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::PlanError;
use crate::{Inventory, RelativePath};

/// What stands at a local path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum LocalEntry {
    /// Nothing, or a symbolic link that leads nowhere.
    Absent,
    /// A regular file.
    File {
        /// Its bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// Nothing can be there, because a directory on the way is a file.
    BelowFile,
    /// A device, socket or pipe.
    Special,
}

impl std::fmt::Display for LocalEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::File { size } => write!(f, "a file of {size} bytes"),
            Self::Directory => f.write_str("a directory"),
            Self::BelowFile => f.write_str("below a file"),
            Self::Special => f.write_str("a device, socket or pipe"),
        }
    }
}

/// Answers what stands at a local path. Closures of the same shape are views.
pub trait LocalView {
    /// What stands at `path`, relative to the root of the mirror.
    ///
    /// # Errors
    ///
    /// Any failure that leaves the question open; it ends the planning.
    fn entry(&self, path: &RelativePath) -> io::Result<LocalEntry>;

    /// The entity tag of the version that the file at `path` was made from, if that is recorded.
    fn etag(&self, path: &RelativePath) -> Option<String> {
        let _ = path;
        None
    }
}

impl<F: Fn(&RelativePath) -> io::Result<LocalEntry>> LocalView for F {
    fn entry(&self, path: &RelativePath) -> io::Result<LocalEntry> {
        self(path)
    }
}

/// A directory on disk. Symbolic links are followed, so a file that was linked into place counts.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    inventory: Option<Arc<Inventory>>,
}

impl Folder {
    /// The directory `root`, which need not exist yet. Without the records of an inventory
    /// ([`with_inventory`](Self::with_inventory)) only the sizes of its files are compared.
    ///
    /// # Errors
    ///
    /// [`PlanError::Root`] if `root` is something else than a directory.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self, PlanError> {
        let root = root.into();
        if root.exists() && !root.is_dir() {
            return Err(PlanError::Root { root });
        }
        Ok(Self { root, inventory: None })
    }

    /// The same directory with the records of what was published in it. A file whose record names
    /// another entity tag than the listing is out of date, whatever its size.
    #[must_use]
    pub fn with_inventory(mut self, inventory: Arc<Inventory>) -> Self {
        self.inventory = Some(inventory);
        self
    }
}

impl LocalView for Folder {
    fn entry(&self, path: &RelativePath) -> io::Result<LocalEntry> {
        match std::fs::metadata(path.below(&self.root)) {
            Ok(data) if data.is_file() => Ok(LocalEntry::File { size: data.len() }),
            Ok(data) if data.is_dir() => Ok(LocalEntry::Directory),
            Ok(_) => Ok(LocalEntry::Special),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Ok(LocalEntry::Absent),
                io::ErrorKind::NotADirectory => Ok(LocalEntry::BelowFile),
                _ => Err(error),
            },
        }
    }

    fn etag(&self, path: &RelativePath) -> Option<String> {
        let inventory = self.inventory.as_ref()?;
        let found = std::fs::metadata(path.below(&self.root)).ok()?;
        inventory.find(path, &found).filter(|record| record.size == found.len())?.etag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_folder_holds() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("directory")).unwrap();
        std::fs::write(root.path().join("file"), b"abc").unwrap();
        let folder = Folder::new(root.path()).unwrap();
        let check = |path: &str, expected| {
            assert_eq!(folder.entry(&path.parse().unwrap()).unwrap(), expected, "{path}");
        };
        check("file", LocalEntry::File { size: 3 });
        check("directory", LocalEntry::Directory);
        check("other", LocalEntry::Absent);
        check("other/deeper", LocalEntry::Absent);
        check("file/below", LocalEntry::BelowFile);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nowhere", root.path().join("dangling")).unwrap();
            std::os::unix::fs::symlink("file", root.path().join("link")).unwrap();
            std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap();
            check("dangling", LocalEntry::Absent);
            check("link", LocalEntry::File { size: 3 });
            check("socket", LocalEntry::Special);
        }
    }

    #[test]
    fn the_root_may_be_missing_but_not_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let missing = Folder::new(directory.path().join("later")).unwrap();
        assert_eq!(missing.entry(&"a".parse().unwrap()).unwrap(), LocalEntry::Absent);
        let file = directory.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert!(matches!(Folder::new(&file), Err(PlanError::Root { root }) if root == file));
    }
}
