//! Directories that take their name only when they are complete: [`AtomicDirectory`].

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::atomic_file::{at_temporary_sibling, parent, sync_directory};
use crate::leftovers::{hold, remove_leftovers_of};

/// A directory that takes its name only when it is complete.
///
/// It is filled as a new directory next to its target, named by
/// [`temporary_sibling`](crate::temporary_sibling). If it is dropped before it has its name, it is
/// removed with what is in it, and what is at the target stays as it was. What a writer of the same
/// directory left behind when it was killed is removed.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("results");
/// let directory = laion_fmri_base::AtomicDirectory::create(&path)?;
/// std::fs::write(directory.path().join("a.csv"), "x,y\n")?;
/// assert!(!path.exists());
/// directory.commit()?;
/// assert_eq!(std::fs::read(path.join("a.csv"))?, b"x,y\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AtomicDirectory {
    temporary: Temporary,
    target: PathBuf,
}

/// A directory that is removed with this value, unless it has another name by then.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
    /// Locked, by which others see that it is being written.
    _held: Option<File>,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Temporary {
    fn beside(path: &Path) -> io::Result<Self> {
        remove_leftovers_of(path);
        let (path, _held) = at_temporary_sibling(path, |name| {
            fs::create_dir(name)?;
            // Not every system opens directories.
            let opened = File::open(name).ok();
            let is_ours = match &opened {
                Some(directory) => hold(directory, name),
                // Another process may have taken it for a leftover before it was locked.
                None => name.is_dir(),
            };
            if !is_ours {
                // Or looked at it at that moment. Nothing is in it yet.
                let _ = fs::remove_dir(name);
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            Ok(opened)
        })?;
        Ok(Self { path, _held })
    }
}

impl AtomicDirectory {
    /// Begins an empty directory. The directory that it will be in must be there.
    ///
    /// # Errors
    ///
    /// Those of the system when the temporary directory cannot be created.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        Ok(Self { temporary: Temporary::beside(path)?, target: path.to_owned() })
    }

    /// Where it is filled.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.temporary.path
    }

    /// Waits until the names in it are on disk. Files are synced by whoever writes them.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn sync(&self) -> io::Result<()> {
        sync_tree(self.path())
    }

    /// Waits until the names in it are on disk, gives it its name, and waits until that is on disk.
    ///
    /// What is at the target is replaced, whatever it is: by an exchange of the two names where the
    /// system has one (Linux). Elsewhere the old directory steps aside first, and for a moment
    /// nothing is there. In both cases the target never names an incomplete directory, whenever the
    /// process ends.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn commit(self) -> io::Result<()> {
        self.sync()?;
        self.commit_synced()
    }

    /// As [`commit`](Self::commit), after [`sync`](Self::sync).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn commit_synced(self) -> io::Result<()> {
        if !rename_to_free(self.path(), &self.target)? {
            exchange(self.path(), &self.target)?;
        }
        sync_directory(parent(&self.target))
    }

    /// As [`commit`](Self::commit), unless a directory with something in it is at the target: that
    /// one stays, and this one is removed. Returns whether this one has the name.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn commit_new(self) -> io::Result<bool> {
        self.sync()?;
        let is_free = rename_to_free(self.path(), &self.target)?;
        if is_free {
            sync_directory(parent(&self.target))?;
        }
        Ok(is_free)
    }
}

/// Renames a directory unless something but an empty directory has the name.
fn rename_to_free(new: &Path, target: &Path) -> io::Result<bool> {
    // A rename would replace a link, and only on some systems a file.
    let is_other = |found: fs::Metadata| !found.is_dir();
    if fs::symlink_metadata(target).is_ok_and(is_other) {
        return Ok(false);
    }
    match fs::rename(new, target) {
        Ok(()) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => Ok(false),
            _ => Err(error),
        },
    }
}

/// Puts the complete directory `new` at `path`. What was there is removed, now or with `new`.
fn exchange(new: &Path, path: &Path) -> io::Result<()> {
    if swap(new, path)? {
        return match fs::symlink_metadata(new)?.is_dir() {
            true => Ok(()),
            false => fs::remove_file(new),
        };
    }
    step_aside(new, path)
}

/// As [`exchange`], in two steps.
fn step_aside(new: &Path, path: &Path) -> io::Result<()> {
    let aside = Temporary::beside(path)?;
    let old = aside.path.join("old");
    fs::rename(path, &old)?;
    fs::rename(new, path).or_else(|error| {
        fs::rename(&old, path)?;
        Err(error)
    })
}

/// Exchanges two names in one step; false where that is not possible.
#[cfg(all(target_os = "linux", feature = "directory"))]
fn swap(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        // Network file systems and old kernels.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(all(target_os = "linux", feature = "directory")))]
fn swap(_one: &Path, _other: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Syncs a directory and those in it.
fn sync_tree(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    sync_directory(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn filled(path: &Path, text: &str) -> AtomicDirectory {
        let directory = AtomicDirectory::create(path).unwrap();
        fs::create_dir(directory.path().join("in")).unwrap();
        fs::write(directory.path().join("in/a"), text).unwrap();
        directory
    }

    #[test]
    fn a_complete_directory_takes_the_name_from_whatever_has_it() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("d");
        let check = |text: &str| {
            filled(&path, text).commit().unwrap();
            assert_eq!(fs::read_to_string(path.join("in/a")).unwrap(), text);
            assert_eq!(names(folder.path()), ["d"]);
        };
        check("nothing was there");
        check("a directory was there");
        fs::remove_dir_all(&path)?;
        fs::create_dir(&path)?;
        check("an empty directory was there");
        fs::remove_dir_all(&path)?;
        fs::write(&path, "file")?;
        check("a file was there");
        Ok(())
    }

    #[test]
    fn what_is_there_stays_when_only_a_new_one_is_wanted() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("d");
        assert!(filled(&path, "first").commit_new()?);
        assert!(!filled(&path, "second").commit_new()?);
        assert_eq!(fs::read_to_string(path.join("in/a"))?, "first");
        assert_eq!(names(folder.path()), ["d"]);
        fs::remove_dir_all(&path)?;
        fs::write(&path, "file")?;
        assert!(!filled(&path, "third").commit_new()?);
        assert_eq!(fs::read_to_string(&path)?, "file");
        Ok(())
    }

    #[test]
    fn a_dropped_directory_leaves_what_was_there() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("d");
        filled(&path, "old").commit()?;
        drop(filled(&path, "new"));
        assert_eq!(fs::read_to_string(path.join("in/a"))?, "old");
        assert_eq!(names(folder.path()), ["d"]);
        let missing = folder.path().join("missing/d");
        let error = AtomicDirectory::create(missing).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        Ok(())
    }

    #[test]
    fn the_old_one_steps_aside_where_names_cannot_be_exchanged() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("d");
        filled(&path, "old").commit()?;
        let new = filled(&path, "new");
        step_aside(new.path(), &path)?;
        drop(new);
        assert_eq!(fs::read_to_string(path.join("in/a"))?, "new");
        assert_eq!(names(folder.path()), ["d"]);
        Ok(())
    }
}
