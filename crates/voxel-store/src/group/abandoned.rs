//! What writers that were killed left behind.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, SystemTime};

use laion_fmri_base::is_temporary;

use super::chunk_name;
use crate::error::Error;

/// A writer has its matrix locked before that.
const YOUNG: Duration = Duration::from_secs(60);
/// What has not changed for so long is abandoned even where files cannot be locked.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Removes the temporary files and directories in a directory of groups, or in a group, that no writer
/// works on any more: writers that were killed left them. Returns how many there were.
///
/// A writer keeps its matrix locked. Where files cannot be locked, only what has not changed for a day
/// is removed.
///
/// # Errors
///
/// [`Error::Io`] when the directory cannot be listed.
pub fn remove_abandoned(path: impl AsRef<Path>) -> Result<usize, Error> {
    let path = path.as_ref();
    let mut removed = 0;
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        let (name, path) = (entry.file_name(), entry.path());
        if !is_temporary(&name.to_string_lossy()) || !is_abandoned(&path) {
            continue;
        }
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        // Another process may have been quicker, or it belongs to another user.
        removed += usize::from(gone.is_ok());
    }
    Ok(removed)
}

fn is_abandoned(path: &Path) -> bool {
    let matrices = files_below(path);
    let mut unlocked = false;
    for matrix in matrices.iter().filter(|path| path.ends_with(chunk_name(2))) {
        match File::options().write(true).open(matrix).map(|file| file.try_lock()) {
            Ok(Err(TryLockError::WouldBlock)) => return false,
            Ok(Ok(())) => unlocked = true,
            _ => {}
        }
    }
    let changed = matrices.iter().map(|file| age(file)).chain([age(path)]).min();
    changed.unwrap_or_default() > if unlocked { YOUNG } else { OLD }
}

/// The files of the members.
fn files_below(path: &Path) -> Vec<std::path::PathBuf> {
    let list = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    list(path).flat_map(|member| list(&member.path())).map(|entry| entry.path()).collect()
}

/// How long ago it was changed; 0 if that is not known.
fn age(path: &Path) -> Duration {
    let modified = fs::metadata(path).and_then(|found| found.modified());
    let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A temporary directory with a matrix that was changed so long ago.
    fn temporary(path: &Path, ago: Duration) -> File {
        let member = path.join("m");
        fs::create_dir_all(&member).unwrap();
        let file = File::create(member.join("c.0.0")).unwrap();
        let then = SystemTime::now() - ago;
        file.set_modified(then).unwrap();
        for path in [member.as_path(), path] {
            File::open(path).unwrap().set_modified(then).unwrap();
        }
        file
    }

    #[test]
    fn what_a_writer_works_on_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let (hour, day) = (Duration::from_secs(3600), 2 * OLD);
        let locked = temporary(&path(".locked.0.tmp-part"), day);
        locked.lock().unwrap();
        drop(temporary(&path(".killed.1.tmp-part"), hour));
        drop(temporary(&path(".young.2.tmp-part"), Duration::ZERO));
        drop(temporary(&path("not-temporary"), day));
        fs::write(path(".zarr.json.3.tmp-part"), "").unwrap();
        fs::write(path(".zarr.json.4.tmp-part"), "").unwrap();
        let old = File::options().write(true).open(path(".zarr.json.4.tmp-part")).unwrap();
        old.set_modified(SystemTime::now() - day).unwrap();
        assert_eq!(remove_abandoned(directory.path()).unwrap(), 2);
        for (name, stays) in [
            (".locked.0.tmp-part", true),
            (".killed.1.tmp-part", false),
            (".young.2.tmp-part", true),
            ("not-temporary", true),
            (".zarr.json.3.tmp-part", true),
            (".zarr.json.4.tmp-part", false),
        ] {
            assert_eq!(path(name).exists(), stays, "{name}");
        }
        drop(locked);
        assert_eq!(remove_abandoned(directory.path()).unwrap(), 1);
        assert!(matches!(remove_abandoned(path("missing")), Err(Error::Io { action: "list", .. })));
    }
}
