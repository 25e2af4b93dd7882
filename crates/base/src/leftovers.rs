//! What writers that were killed left behind: [`leftovers`], [`remove_leftovers`]; and how many writers
//! are at work: [`writers_of`].
//!
//! A writer keeps what it writes locked until it is complete. A lock ends with its process, so what is
//! not locked is left over. Some network file systems keep locks to one machine, so the name says on
//! which one a temporary file was made. What another machine made, or cannot be locked, is judged by
//! its age.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use crate::atomic_file::{parent, shown_name};
use crate::{is_temporary, lock};

/// A writer on another machine changes what it writes before that.
const YOUNG: Duration = Duration::from_secs(60);
/// What has not changed for so long is left over even where nothing can be locked.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// A directory with more entries is listed by the first writer of a process alone: thousands of files
/// that are written into one directory would list it thousands of times.
const MANY: usize = 512;

/// The directories of many entries that were listed.
static LISTED: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// A temporary file or directory that no process works on any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Where it lies.
    pub path: PathBuf,
    /// The bytes of its files.
    pub bytes: u64,
}

/// The temporary files and directories in a directory that no process works on any more, by path:
/// writers that were killed left them.
///
/// Where files cannot be locked, only what has not changed for a day is listed; of another machine,
/// only what has not changed for a minute.
///
/// # Errors
///
/// Those of the system when the directory cannot be listed.
pub fn leftovers(directory: &Path) -> io::Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for path in temporaries(directory)? {
        if proof(&path).is_some() {
            found.push(Leftover { bytes: bytes_below(&path), path });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// Removes what [`leftovers`] lists. Returns how many there were.
///
/// # Errors
///
/// As [`leftovers`].
pub fn remove_leftovers(directory: &Path) -> io::Result<usize> {
    Ok(temporaries(directory)?.into_iter().filter(|path| remove(path)).count())
}

/// How many writers work on one output at this moment, those of this process included. Where nothing
/// can be locked, none are counted.
#[must_use]
pub fn writers_of(target: &Path) -> usize {
    let shown = shown_start(target);
    let entries = fs::read_dir(parent(target)).into_iter().flatten().flatten();
    let temporaries = entries.filter(|entry| is_temporary_of(&shown, &entry.file_name()));
    temporaries.filter(|entry| is_held(&entry.path())).count()
}

/// What the names of temporary files and directories of an output begin with.
fn shown_start(target: &Path) -> String {
    format!(".{}.", shown_name(target))
}

/// Whether a name is one of those that begin so.
fn is_temporary_of(shown: &str, name: &OsStr) -> bool {
    let Some(name) = name.to_str().filter(|name| is_temporary(name)) else { return false };
    let random = name.strip_prefix(shown).and_then(|rest| rest.split('.').next());
    random.is_some_and(|random| {
        random.len() >= 16 && random.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// Whether a writer has it locked, or a file in it.
fn is_held(path: &Path) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else { return false };
    if !found.is_dir() {
        return found.is_file() && locked(path, false).is_none();
    }
    locked(path, true).is_none()
        || files_below(path).iter().any(|file| locked(file, false).is_none())
}

/// Removes what earlier writers of one output left behind.
pub(crate) fn remove_leftovers_of(target: &Path) {
    let shown = shown_start(target);
    let directory = parent(target);
    if lock(&LISTED).contains(directory) {
        return;
    }
    // Where the directory cannot be listed, a file may still be created.
    let mut entries = 0;
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        entries += 1;
        if is_temporary_of(&shown, &entry.file_name()) {
            remove(&entry.path());
        }
    }
    if entries > MANY {
        lock(&LISTED).insert(directory.to_owned());
    }
}

/// Locks what was just created under a temporary name, for as long as the value lives. False if
/// another process took it for a leftover in between.
pub(crate) fn hold(created: &File, path: &Path) -> bool {
    // Elsewhere a lock keeps others from reading.
    if !cfg!(unix) {
        return true;
    }
    match created.try_lock() {
        Err(TryLockError::WouldBlock) => false,
        // Where files cannot be locked, age decides.
        _ => fs::symlink_metadata(path).is_ok(),
    }
}

/// Eight digits that name this machine since it was started; zeros where the system has none.
pub(crate) fn machine() -> &'static str {
    static MACHINE: OnceLock<String> = OnceLock::new();
    MACHINE.get_or_init(|| {
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(8).collect();
        format!("{digits:0<8}")
    })
}

fn temporaries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if is_temporary(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn remove(path: &Path) -> bool {
    let Some(_held) = proof(path) else { return false };
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    // Another process may have been quicker, or it belongs to another user.
    removed.is_ok()
}

/// The lock of something that is left over, if it can be locked. Nothing if it may be in use.
fn proof(path: &Path) -> Option<Option<File>> {
    let found = fs::symlink_metadata(path).ok()?;
    let lock = if found.is_dir() || found.is_file() { locked(path, found.is_dir())? } else { None };
    let files = if found.is_dir() { files_below(path) } else { Vec::new() };
    // The files of a directory may be locked where it cannot be locked itself.
    let mut file_is_free = false;
    for file in &files {
        file_is_free |= locked(file, false)?.is_some();
    }
    let digits = machine();
    let name = path.file_name()?.to_string_lossy();
    let is_ours = digits != "00000000"
        && name.rsplit('.').nth(1).is_some_and(|random| random.starts_with(digits));
    if lock.is_some() && is_ours {
        return Some(lock);
    }
    let patience = if lock.is_some() || file_is_free { YOUNG } else { OLD };
    let changed = files.iter().map(|file| age(file)).chain([age(path)]).min();
    (changed.unwrap_or_default() > patience).then_some(lock)
}

/// The lock of a file or directory; `Some(None)` if it cannot be locked, nothing if another process
/// has it.
fn locked(path: &Path, is_directory: bool) -> Option<Option<File>> {
    if !cfg!(unix) && is_directory {
        return Some(None);
    }
    // Network file systems lock only what is open for writing.
    let opened = File::options().read(true).write(!is_directory).open(path);
    let Ok(file) = opened else { return Some(None) };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Error(_)) => Some(None),
        Ok(()) => Some(Some(file)),
    }
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_below(&entry.path())),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}

fn bytes_below(path: &Path) -> u64 {
    let bytes = |path: &Path| fs::symlink_metadata(path).map_or(0, |found| found.len());
    if path.is_dir() { files_below(path).iter().map(|file| bytes(file)).sum() } else { bytes(path) }
}

/// How long ago it was changed; 0 if that is not known.
fn age(path: &Path) -> Duration {
    let modified = fs::symlink_metadata(path).and_then(|found| found.modified());
    let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::{AtomicDirectory, AtomicFile, temporary_sibling};

    const HOUR: Duration = Duration::from_secs(3600);

    /// What a killed writer left, changed so long ago.
    fn left(path: &Path, ago: Duration) -> File {
        fs::create_dir_all(path.join("m")).unwrap();
        let file = File::create(path.join("m/c.0.0")).unwrap();
        (&file).write_all(b"12345").unwrap();
        for path in [path.join("m/c.0.0"), path.join("m"), path.to_owned()] {
            File::open(path).unwrap().set_modified(SystemTime::now() - ago).unwrap();
        }
        file
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_next_writer_removes_at_once_what_no_process_holds() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let target = folder.path().join("int.npy");
        let killed = temporary_sibling(&target);
        fs::write(&killed, "half")?;
        let other = temporary_sibling(&folder.path().join("int.npy.other"));
        fs::write(&other, "of another output")?;
        fs::write(folder.path().join(".int.npy.mine.tmp-part"), "of somebody")?;
        let live = AtomicFile::create(&target)?;
        assert!(!killed.exists() && other.exists());
        assert!(folder.path().join(".int.npy.mine.tmp-part").exists());
        let second = AtomicFile::create(&target)?;
        assert!(live.path().exists());
        live.commit()?;
        second.commit()?;
        let target = folder.path().join("ses-01");
        let killed = temporary_sibling(&target);
        left(&killed, Duration::ZERO);
        assert_eq!(writers_of(&target), 0);
        let live = AtomicDirectory::create(&target)?;
        assert!(!killed.exists());
        assert_eq!(writers_of(&target), 1);
        let second = AtomicDirectory::create(&target)?;
        assert!(live.path().exists() && second.path().exists());
        assert_eq!((writers_of(&target), writers_of(&folder.path().join("ses-02"))), (2, 0));
        assert!(live.commit_new()?);
        assert_eq!(writers_of(&target), 1);
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn leftovers_are_listed_with_their_size_and_removed() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let killed = temporary_sibling(&folder.path().join("killed"));
        left(&killed, Duration::ZERO);
        let held = temporary_sibling(&folder.path().join("held"));
        let file = left(&held, OLD * 2);
        file.lock()?;
        let live = AtomicDirectory::create(folder.path().join("live"))?;
        let found = leftovers(folder.path())?;
        assert_eq!(found, [Leftover { path: killed.clone(), bytes: 5 }]);
        assert_eq!(remove_leftovers(folder.path())?, 1);
        assert!(!killed.exists() && held.exists() && live.path().exists());
        drop(file);
        assert_eq!(remove_leftovers(folder.path())?, 1);
        assert!(leftovers(&folder.path().join("missing")).is_err());
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_directory_of_many_files_is_listed_once() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let target = folder.path().join("image.png");
        for entry in 0..=MANY {
            File::create(folder.path().join(format!("{entry}.png")))?;
        }
        let killed = || -> io::Result<PathBuf> {
            let path = temporary_sibling(&target);
            fs::write(&path, "half")?;
            AtomicFile::create(&target)?.commit()?;
            Ok(path)
        };
        assert!(!killed()?.exists());
        assert!(killed()?.exists());
        Ok(())
    }

    #[test]
    fn of_another_machine_age_decides() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(format!(".{name}.0.tmp-part"));
        left(&path("young"), Duration::ZERO);
        left(&path("killed"), HOUR);
        assert_eq!(remove_leftovers(folder.path())?, 1);
        assert!(path("young").exists() && !path("killed").exists());
        Ok(())
    }
}
