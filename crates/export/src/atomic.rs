//! Files that appear under their name only when they are complete.

#[cfg(feature = "zarr")]
mod directory;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use laion_fmri_base::{AtomicFile, sync_directory};

use crate::error::Error;

#[cfg(feature = "zarr")]
pub(crate) use directory::atomic_directory;

/// Writes a file through a temporary sibling that takes the name when it is complete.
///
/// `write` gets a buffered writer. When it returns `Ok`, the bytes are flushed to disk and the
/// temporary file is renamed to `path`, replacing a file that was there (of a symbolic link, the
/// link itself). When anything fails, the temporary file is removed and what was at `path` stays as
/// it was. New files get the usual permissions, `0666` less the umask, on Unix. If the target
/// exists and is not a regular file (a pipe, a device), it is written to directly, because it must
/// not be replaced by a file.
///
/// # Errors
///
/// [`Error::ParentMissing`], [`Error::Create`], [`Error::Write`] (also for the closure's error) and
/// [`Error::Replace`], each with `path`.
pub fn atomic_file<T>(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<T>,
) -> Result<T, Error> {
    let path = path.as_ref();
    let write_error = |source| Error::Write { path: path.into(), source };
    atomic(path, |writer| write(writer).map_err(write_error))
}

/// Writes bytes that are already complete, with [`atomic_file`].
///
/// # Errors
///
/// As [`atomic_file`].
pub fn write_text(path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<(), Error> {
    atomic_file(path, |writer| writer.write_all(text.as_ref()))
}

/// [`atomic_file`] for a closure with errors of its own.
pub(crate) fn atomic<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<T, E>,
) -> Result<T, E> {
    atomic_unbuffered(path, |file| {
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        let value = write(&mut writer)?;
        writer.flush().map_err(|source| Error::Write { path: path.into(), source })?;
        Ok(value)
    })
}

/// [`atomic`] for a closure that writes large pieces.
pub(crate) fn atomic_unbuffered<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&File) -> Result<T, E>,
) -> Result<T, E> {
    atomic_open(path, |file| write(file.file()))
}

/// [`atomic`] for contents written by a caller that opens the temporary file by its path.
#[cfg(feature = "hdf5")]
pub(crate) fn atomic_path<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    atomic_open(path, |file| {
        // The HDF5 library locks it itself.
        let _ = file.file().unlock();
        write(file.path())
    })
}

/// The steps of all of them, each with its error.
fn atomic_open<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&AtomicFile) -> Result<T, E>,
) -> Result<T, E> {
    let parent = parent(path)?;
    let file = AtomicFile::create(path).map_err(|source| Error::Create {
        path: path.into(),
        parent: parent.into(),
        source,
    })?;
    let value = write(&file)?;
    file.sync().map_err(|source| Error::Write { path: path.into(), source })?;
    file.commit_unsynced()
        .and_then(|()| sync_directory(parent))
        .map_err(|source| Error::Replace { path: path.into(), source })?;
    Ok(value)
}

/// The directory of an output, which must be there.
fn parent(path: &Path) -> Result<&Path, Error> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match parent.is_dir() {
        true => Ok(parent),
        false => Err(Error::ParentMissing { path: path.into(), parent: parent.into() }),
    }
}
