//! Files that take their name only when they are complete: [`AtomicFile`].

use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::leftovers::{hold, machine, remove_leftovers_of};

/// The end of every temporary name.
const ENDING: &str = ".tmp-part";

/// Longest part of the final name that a temporary name repeats, so that it stays below 255 bytes.
const NAME_BYTES: usize = 160;

/// How often another temporary name is tried when one is taken.
const ATTEMPTS: usize = 16;

/// A file that takes its name only when it is complete.
///
/// It is written as a new file in the same directory, named by [`temporary_sibling`].
/// [`commit`](Self::commit) gives it the final name and replaces a file of that name (a symbolic
/// link itself, not its target). If it is dropped before that, the new file is removed, and a file
/// under the final name stays as it was. What a writer of the same file left behind when it was
/// killed is removed; a writer that is alive keeps its file locked.
///
/// If the target exists and is not a regular file (a pipe, a device), it is written to directly,
/// because it must not be replaced by a file.
///
/// ```
/// use std::io::Write;
///
/// # fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("table.csv");
/// let mut file = laion_fmri_base::AtomicFile::create(&path)?;
/// file.write_all(b"x,y\n")?;
/// assert!(!path.exists());
/// file.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"x,y\n");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    // Closed before the temporary file is removed, which not every system does while it is open.
    file: File,
    target: PathBuf,
    /// None when the target itself is written to.
    temporary: Option<Temporary>,
}

/// The name of a temporary file, which is removed with this value.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing left under this name.
        let _ = fs::remove_file(&self.0);
    }
}

impl AtomicFile {
    /// Begins a file with the usual permissions, on Unix `0666` less the umask. Its directory must be
    /// there.
    ///
    /// # Errors
    ///
    /// Those of the system when the temporary file cannot be created.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::with_mode(path.as_ref(), 0o666)
    }

    /// Begins a file that, on Unix, only its owner can read and write (`0600`), from the moment it
    /// exists.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub fn create_private(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::with_mode(path.as_ref(), 0o600)
    }

    fn with_mode(path: &Path, mode: u32) -> io::Result<Self> {
        let target = path.to_owned();
        if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            let file = File::options().write(true).open(path)?;
            return Ok(Self { file, target, temporary: None });
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        remove_leftovers_of(path);
        let (temporary, file) = at_temporary_sibling(path, |name| {
            let file = options.open(name)?;
            if hold(&file, name) { Ok(file) } else { Err(io::ErrorKind::AlreadyExists.into()) }
        })?;
        Ok(Self { file, target, temporary: Some(Temporary(temporary)) })
    }

    /// The open file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The name under which the file is written, for code that opens it by name.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.temporary.as_ref().map_or(&self.target, |temporary| &temporary.0)
    }

    /// Waits until the contents are on disk. For a pipe or a device it does not wait.
    ///
    /// # Errors
    ///
    /// Errors of the system, also those of writes that it had delayed.
    pub fn sync(&self) -> io::Result<()> {
        if self.temporary.is_some() { self.file.sync_all() } else { Ok(()) }
    }

    /// Waits until the contents are on disk, gives the file its name, and waits until the name is
    /// on disk too. From then on the file survives a power failure.
    ///
    /// # Errors
    ///
    /// Those of the system: of [`sync`](Self::sync), of the rename, and of [`sync_directory`].
    pub fn commit(self) -> io::Result<()> {
        self.sync()?;
        let directory = self.temporary.is_some().then(|| parent(&self.target).to_owned());
        self.commit_unsynced()?;
        directory.map_or(Ok(()), |directory| sync_directory(&directory))
    }

    /// Gives the file its name without waiting for the disk. After a power failure the file may be
    /// empty or damaged. So use this only after [`sync`](Self::sync), or for a file that is checked
    /// when it is read and can be made again.
    ///
    /// # Errors
    ///
    /// Those of the system when the file cannot be renamed.
    pub fn commit_unsynced(self) -> io::Result<()> {
        match &self.temporary {
            Some(temporary) => fs::rename(&temporary.0, &self.target),
            None => Ok(()),
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

/// Creates something under a temporary name that is free, and returns that name with it.
pub(crate) fn at_temporary_sibling<T>(
    path: &Path,
    create: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    for _ in 0..ATTEMPTS {
        let temporary = temporary_sibling(path);
        match create(&temporary) {
            Ok(created) => return Ok((temporary, created)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A name for a temporary file or directory next to `path`: `.NAME.RANDOM.tmp-part`, hidden from
/// `*` patterns. A long `NAME` is cut. The name is very likely unused, but create the file
/// exclusively.
#[must_use]
pub fn temporary_sibling(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    // A fresh `RandomState` is the randomness that std has; a name needs no better one.
    let random = RandomState::new().hash_one(std::process::id());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let (name, machine) = (shown_name(path), machine());
    parent(path).join(format!(".{name}.{machine}{random:016x}{count:x}{ENDING}"))
}

/// The part of the name of an output that its temporary names repeat.
pub(crate) fn shown_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name[..name.floor_char_boundary(NAME_BYTES)].to_owned()
}

/// Whether a file name is one that [`temporary_sibling`] gives: something that a killed process left
/// behind, or that another one is about to complete.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(ENDING)
}

/// Waits until the names in a directory are on disk, where the system can do that.
///
/// # Errors
///
/// Errors of the system, except that it lacks the operation or does not let this process open the
/// directory.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};

    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        Err(error) if matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported) => {
            Ok(())
        }
        done => done,
    }
}

/// The directory of a file; of a bare name, the current one.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::thread;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_name_is_taken_by_complete_contents() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.csv");
        for (content, synced) in [("first", true), ("second", false)] {
            let before = fs::read(&path).ok();
            let mut file = AtomicFile::create(&path)?;
            file.write_all(b"#####")?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(content.as_bytes())?;
            assert_eq!(fs::read(&path).ok(), before);
            assert_eq!(fs::read(file.path())?, content.as_bytes());
            assert!(names(folder.path()).iter().any(|name| is_temporary(name)));
            if synced {
                file.commit()?;
            } else {
                file.commit_unsynced()?;
            }
            assert_eq!(fs::read_to_string(&path)?, content);
            assert_eq!(names(folder.path()), ["a.csv"]);
        }
        Ok(())
    }

    #[test]
    fn a_dropped_file_leaves_what_was_there() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.csv");
        fs::write(&path, "old")?;
        let mut file = AtomicFile::create(&path)?;
        file.write_all(b"new")?;
        drop(file);
        assert_eq!(fs::read_to_string(&path)?, "old");
        assert_eq!(names(folder.path()), ["a.csv"]);
        Ok(())
    }

    #[test]
    fn a_rename_that_fails_leaves_no_temporary_file() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("taken");
        fs::create_dir(&path)?;
        assert!(AtomicFile::create(&path)?.commit().is_err());
        assert_eq!(names(folder.path()), ["taken"]);
        let missing = folder.path().join("missing").join("a.csv");
        assert_eq!(AtomicFile::create(missing).unwrap_err().kind(), io::ErrorKind::NotFound);
        Ok(())
    }

    #[test]
    fn writers_side_by_side_do_not_disturb_each_other() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a");
        thread::scope(|scope| {
            for writer in 0..8_u8 {
                let path = &path;
                scope.spawn(move || {
                    for _ in 0..20 {
                        let mut file = AtomicFile::create(path).unwrap();
                        file.write_all(&[writer; 1000]).unwrap();
                        file.commit_unsynced().unwrap();
                    }
                });
            }
        });
        let bytes = fs::read(&path)?;
        assert_eq!(bytes, vec![bytes[0]; 1000]);
        assert_eq!(names(folder.path()), ["a"]);
        Ok(())
    }

    #[test]
    fn temporary_names_are_hidden_short_and_different() {
        let long = "\u{e9}".repeat(120);
        for name in ["a.nii.gz", long.as_str(), ".hidden"] {
            let path = Path::new("folder").join(name);
            let found: BTreeSet<PathBuf> = (0..100).map(|_| temporary_sibling(&path)).collect();
            assert_eq!(found.len(), 100);
            for sibling in found {
                assert_eq!(sibling.parent(), path.parent());
                let name = sibling.file_name().unwrap().to_str().unwrap();
                assert!(is_temporary(name) && name.len() < 255, "{name}");
            }
        }
        let sibling = temporary_sibling(Path::new("a.nii.gz"));
        let shown = sibling.display().to_string();
        assert!(shown.starts_with("./.a.nii.gz."), "{shown}");
        for name in ["a.tmp-part", ".a.part", ".a.tmp-part.state", "", ".part-abc"] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_the_usual_ones_or_private() -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        // What any new file gets under the umask of this process.
        fs::write(path("usual"), "")?;
        AtomicFile::create(path("public"))?.commit()?;
        // Also where a file that everybody could read was.
        fs::write(path("private"), "")?;
        let private = AtomicFile::create_private(path("private"))?;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(private.path()), 0o600);
        private.commit()?;
        assert_eq!(mode(&path("private")), 0o600);
        assert_eq!(mode(&path("public")), mode(&path("usual")));
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn of_a_link_the_link_is_replaced() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (victim, link) = (folder.path().join("victim"), folder.path().join("link"));
        fs::write(&victim, "old")?;
        std::os::unix::fs::symlink(&victim, &link)?;
        let mut file = AtomicFile::create(&link)?;
        file.write_all(b"new")?;
        file.commit()?;
        assert_eq!(fs::read_to_string(&victim)?, "old");
        assert!(fs::symlink_metadata(&link)?.is_file());
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_are_written_to_and_not_replaced() -> io::Result<()> {
        use std::os::unix::fs::FileTypeExt;

        let folder = tempfile::tempdir()?;
        // Through links, so that the devices are safe should this test ever fail.
        let path = |name: &str| folder.path().join(name);
        for device in ["null", "full"] {
            std::os::unix::fs::symlink(Path::new("/dev").join(device), path(device))?;
        }
        let mut null = AtomicFile::create(path("null"))?;
        assert_eq!(null.path(), path("null"));
        null.write_all(b"text")?;
        null.commit()?;
        let full = AtomicFile::create(path("full"))?.write_all(b"text").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        for device in ["null", "full"] {
            assert!(fs::metadata(path(device))?.file_type().is_char_device());
        }
        assert_eq!(names(folder.path()), ["full", "null"]);
        Ok(())
    }
}
