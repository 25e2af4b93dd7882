//! Directories that appear under their name only when they are complete.

use std::fs;
use std::io;
use std::path::Path;

use laion_fmri_base::AtomicDirectory;

use super::parent;
use crate::error::Error;

/// Fills a temporary sibling that takes the name `path` when it is complete.
///
/// `write` gets the temporary directory and syncs the files it makes there; the directories are
/// synced here, and the new name. What is at `path` is replaced if `replaceable` says so, as
/// [`AtomicDirectory::commit`] does it.
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
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::Replace { path: path.into(), source }),
    };
    let parent = parent(path)?;
    check()?;
    let create = |source| Error::Create { path: path.into(), parent: parent.into(), source };
    let directory = AtomicDirectory::create(path).map_err(create)?;
    let value = write(directory.path())?;
    directory.sync().map_err(|source| Error::Write { path: path.into(), source })?;
    check()?;
    directory.commit_synced().map_err(|source| Error::Replace { path: path.into(), source })?;
    Ok(value)
}
