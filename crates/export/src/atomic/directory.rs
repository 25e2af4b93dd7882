//! Directories that appear under their name only when they are complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use laion_fmri_base::{sync_directory, temporary_sibling};

use super::parent;
use crate::error::Error;

/// Fills a temporary sibling that takes the name `path` when it is complete.
///
/// `write` gets the temporary directory and syncs the files it makes there; the directories are
/// synced here, and the new name. What is at `path` is replaced if `replaceable` says so: by an exchange of the two
/// names where the system has one (Linux), else it steps aside first, and for a moment nothing is
/// there. In both cases `path` never names an incomplete directory, whenever the process ends.
///
/// # Errors
///
/// Those of the closure; [`Error::ParentMissing`], [`Error::Create`], [`Error::NotReplaceable`]
/// (found before anything is written, and again before the end), [`Error::Write`] and
/// [`Error::Replace`].
pub(crate) fn atomic_directory<T, E: From<Error>>(
    path: &Path,
    replaceable: impl Fn(&Path) -> bool,
    write: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let check = || match fs::symlink_metadata(path) {
        Ok(_) if !replaceable(path) => Err(Error::NotReplaceable { path: path.into() }),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(Error::Replace { path: path.into(), source }),
    };
    let parent = parent(path)?;
    check()?;
    let create = |source| Error::Create { path: path.into(), parent: parent.into(), source };
    let directory = Temporary::beside(path).map_err(create)?;
    let value = write(&directory.0)?;
    sync(&directory.0).map_err(|source| Error::Write { path: path.into(), source })?;
    let replace = |source| Error::Replace { path: path.into(), source };
    if check()? {
        let aside = Temporary::beside(path).map_err(create)?;
        exchange(&directory.0, path, &aside.0).map_err(replace)?;
    } else {
        fs::rename(&directory.0, path).map_err(replace)?;
    }
    sync_directory(parent).map_err(replace)?;
    Ok(value)
}

/// A directory that is removed with this value, unless it has another name by then.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(path: &Path) -> io::Result<Self> {
        let directory = temporary_sibling(path);
        fs::create_dir(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Puts the complete directory `new` at `path`, and what was there at `new` or below `aside`, where
/// it is removed with them.
fn exchange(new: &Path, path: &Path, aside: &Path) -> io::Result<()> {
    if swap(new, path)? {
        return match fs::symlink_metadata(new)?.is_dir() {
            true => Ok(()),
            false => fs::remove_file(new),
        };
    }
    let old = aside.join("old");
    fs::rename(path, &old)?;
    fs::rename(new, path).or_else(|error| {
        fs::rename(&old, path)?;
        Err(error)
    })
}

/// Exchanges two names in one step; false where that is not possible.
#[cfg(target_os = "linux")]
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

#[cfg(not(target_os = "linux"))]
fn swap(_one: &Path, _other: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Syncs a directory and those in it; files have been synced by who wrote them.
fn sync(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync(&entry.path())?;
        }
    }
    sync_directory(directory)
}
