//! Where a file goes: directories that stay below the root, temporary names, and the rename.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use laion_fmri_base::{lock, sync_directory};

use super::TransferError;
use crate::{RelativePath, machine};

/// Longest part of the final name that a temporary name repeats, so that it stays below 255 bytes.
const NAME_BYTES: usize = 160;

/// How often another temporary name is tried when one is taken.
const NAME_ATTEMPTS: usize = 16;

/// A temporary file of a short transfer that is older than this belongs to nobody.
const LITTER_AGE: Duration = Duration::from_secs(24 * 3600);

/// The canonical root of a mirror, and which directories below it were looked at already.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
    /// Directories that may be links to places outside.
    linked: BTreeSet<String>,
    directories: Mutex<HashMap<String, PathBuf>>,
    renamed_in: Mutex<BTreeSet<PathBuf>>,
}

/// The directory and the name of one file, below a [`Root`].
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    directory: PathBuf,
    name: String,
}

impl Root {
    pub(crate) fn new(path: PathBuf) -> Self {
        let (linked, directories) = (BTreeSet::new(), Mutex::default());
        Self { path, linked, directories, renamed_in: Mutex::default() }
    }

    /// The same, where these directories may be links that lead out of the root.
    pub(crate) fn with_linked_directories(mut self, linked: BTreeSet<String>) -> Self {
        self.linked = linked;
        self
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the directories of `local`, so that none is created behind a link that leaves the
    /// root.
    pub(crate) fn destination(&self, local: &RelativePath) -> Result<Destination, TransferError> {
        let parent = local.as_str().rsplit_once('/').map_or("", |(parent, _)| parent);
        let known = |directories: &Mutex<HashMap<String, PathBuf>>| {
            let directories = lock(directories);
            directories.get(parent).cloned()
        };
        let directory = match known(&self.directories) {
            Some(directory) => directory,
            None => {
                let directory = self.create(parent)?;
                sweep(&directory);
                let mut directories = lock(&self.directories);
                directories.insert(parent.to_owned(), directory.clone());
                directory
            }
        };
        Ok(Destination { directory, name: local.file_name().to_owned() })
    }

    /// Gives a synced file its final name.
    pub(crate) fn publish(
        &self,
        from: &Path,
        destination: &Destination,
    ) -> Result<Metadata, TransferError> {
        let target = destination.target();
        let failed = |source| TransferError::Write { path: target.clone(), source };
        std::fs::rename(from, &target).map_err(failed)?;
        let mut renamed = lock(&self.renamed_in);
        if !renamed.contains(&destination.directory) {
            renamed.insert(destination.directory.clone());
        }
        drop(renamed);
        std::fs::symlink_metadata(&target).map_err(failed)
    }

    /// Makes the new names durable: once for each directory, since a name that is lost is only a
    /// file that is fetched again.
    pub(crate) fn sync(&self) {
        let renamed = lock(&self.renamed_in);
        for directory in renamed.iter() {
            if let Err(error) = sync_directory(directory) {
                tracing::debug!(%error, directory = %directory.display(), "not synced");
            }
        }
    }

    fn create(&self, parent: &str) -> Result<PathBuf, TransferError> {
        let mut directory = self.path.clone();
        // Where a directory may lie: below the root, or below a link that may leave it.
        let mut base = self.path.clone();
        let mut relative = String::new();
        for part in parent.split('/').filter(|part| !part.is_empty()) {
            let next = directory.join(part);
            relative = if relative.is_empty() { part.to_owned() } else { relative + "/" + part };
            let failed = |source| TransferError::Write { path: next.clone(), source };
            match std::fs::create_dir(&next) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
            let canonical = std::fs::canonicalize(&next).map_err(failed)?;
            if !canonical.starts_with(&base) && !canonical.starts_with(&self.path) {
                if !self.linked.contains(&relative) {
                    return Err(TransferError::OutsideRoot { path: next, root: self.path.clone() });
                }
                base.clone_from(&canonical);
            }
            directory = canonical;
        }
        Ok(directory)
    }
}

impl Destination {
    /// The destination of a file, whether its directory is there or not.
    pub(super) fn below(root: &Path, local: &RelativePath) -> Self {
        let target = local.below(root);
        let directory = target.parent().unwrap_or(root).to_owned();
        Self { directory, name: local.file_name().to_owned() }
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// The unfinished file of a long transfer, which later runs go on with.
    pub(super) fn part(&self) -> PathBuf {
        self.hidden("part")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.hidden("part.state")
    }

    pub(super) fn claim(&self) -> PathBuf {
        self.hidden("part.lock")
    }

    /// An exclusively created file for a short transfer.
    pub(crate) fn temporary(&self) -> Result<Temporary, TransferError> {
        for _ in 0..NAME_ATTEMPTS {
            let path = self.free_name();
            match File::create_new(&path) {
                Ok(file) => return Ok(Temporary { path, file, is_published: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(TransferError::Write { path, source }),
            }
        }
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(TransferError::Write { path: self.target(), source })
    }

    /// A temporary name that nothing has yet.
    pub(crate) fn free_name(&self) -> PathBuf {
        self.hidden(&format!("{}.{LITTER}", machine::random_name()))
    }

    /// Opens the unfinished file, new or as an earlier run left it; `None` if what stands there is
    /// not a file of that kind, such as a symbolic link that somebody planted.
    pub(super) fn open_part(&self, anew: bool) -> io::Result<Option<File>> {
        let path = self.part();
        if anew {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            return File::options().read(true).write(true).create_new(true).open(path).map(Some);
        }
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && is_alone(&found) => {
                let file = File::options().read(true).write(true).open(path)?;
                Ok(same_file(&found, &file.metadata()?).then_some(file))
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `.NAME.SUFFIX`, hidden from `*` patterns; a long name is cut and told apart by its digest.
    fn hidden(&self, suffix: &str) -> PathBuf {
        if self.name.len() <= NAME_BYTES {
            return self.directory.join(format!(".{}.{suffix}", self.name));
        }
        let mut end = NAME_BYTES;
        while !self.name.is_char_boundary(end) {
            end -= 1;
        }
        let digest = machine::short_digest(&self.name);
        self.directory.join(format!(".{}.{digest}.{suffix}", &self.name[..end]))
    }
}

/// A file that is not published yet; dropping it deletes it.
#[derive(Debug)]
pub(crate) struct Temporary {
    path: PathBuf,
    pub(crate) file: File,
    is_published: bool,
}

impl Temporary {
    /// Gives the file, which is synced, its final name.
    pub(crate) fn publish(
        mut self,
        root: &Root,
        destination: &Destination,
    ) -> Result<Metadata, TransferError> {
        let metadata = root.publish(&self.path, destination)?;
        self.is_published = true;
        Ok(metadata)
    }

    pub(crate) fn failed(&self, source: io::Error) -> TransferError {
        TransferError::Write { path: self.path.clone(), source }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // There is nothing left under this name, and looking for it would hold up all others that
        // write into the directory.
        if self.is_published {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "temporary file left behind");
        }
    }
}

const LITTER: &str = "tmp-part";

/// Removes what killed processes left in a directory. Ages are differences of times that the same
/// file system gave, so no clock of this machine matters.
fn sweep(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    // Also a state without its file, and the name under which a claim was to be made.
    let is_litter = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with('.')
            && (name.ends_with(LITTER)
                || name.contains(".part.claim-")
                || name.contains(".part.state") && !path.with_extension("").exists())
    };
    let found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_litter(path))
        .collect();
    if found.is_empty() {
        return;
    }
    let probe = Destination { directory: directory.to_owned(), name: "now".to_owned() };
    let Ok(probe) = probe.temporary() else { return };
    let modified = |metadata: io::Result<Metadata>| metadata.and_then(|found| found.modified());
    let Ok(now) = modified(probe.file.metadata()) else { return };
    for path in found {
        let age = modified(std::fs::symlink_metadata(&path)).map(|then| now.duration_since(then));
        if let Ok(Ok(age)) = age
            && age > LITTER_AGE
            && std::fs::remove_file(&path).is_ok()
        {
            tracing::debug!(path = %path.display(), "removed what a killed process left");
        }
    }
}

#[cfg(unix)]
fn is_alone(found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    found.nlink() == 1
}

#[cfg(not(unix))]
fn is_alone(_: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn same_file(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn root() -> (tempfile::TempDir, Root) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::new(folder.path().canonicalize().unwrap());
        (folder, root)
    }

    #[test]
    fn temporary_names_are_short_hidden_and_their_own() {
        let (_folder, root) = root();
        let names = [
            "a.nii.gz".to_owned(),
            "x".repeat(255),
            format!("{}y", "x".repeat(254)),
            "é".repeat(127),
        ];
        let mut seen = BTreeSet::new();
        for name in names {
            let destination = root.destination(&name.parse().unwrap()).unwrap();
            for path in [destination.part(), destination.state(), destination.claim()] {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                assert!(name.starts_with('.') && name.len() <= 255, "{name}");
                assert!(seen.insert(name));
            }
            let (first, second) =
                (destination.temporary().unwrap(), destination.temporary().unwrap());
            assert_ne!(first.path, second.path);
        }
        assert!(seen.contains(".a.nii.gz.part"));
    }

    #[test]
    fn published_or_removed() {
        let (folder, root) = root();
        let destination = root.destination(&"a/b/c.txt".parse().unwrap()).unwrap();
        let files = || std::fs::read_dir(folder.path().join("a/b")).unwrap().count();
        drop(destination.temporary().unwrap());
        assert_eq!(files(), 0);
        let temporary = destination.temporary().unwrap();
        assert_eq!((files(), destination.target().exists()), (1, false));
        let metadata = temporary.publish(&root, &destination).unwrap();
        root.sync();
        assert_eq!((files(), destination.target().is_file()), (1, true));
        assert!(metadata.is_file());
        // What cannot have its name is removed.
        std::fs::create_dir_all(folder.path().join("a/b/d/e")).unwrap();
        let taken = root.destination(&"a/b/d".parse().unwrap()).unwrap();
        let error = taken.temporary().unwrap().publish(&root, &taken).unwrap_err();
        assert!(matches!(error, TransferError::Write { path, .. } if path == taken.target()));
        assert_eq!(files(), 2);
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let (folder, root) = root();
        std::fs::write(folder.path().join("a"), b"").unwrap();
        assert!(
            matches!(
                root.destination(&"a/b".parse().unwrap()),
                Err(TransferError::Write { path, .. }) | Err(TransferError::OutsideRoot { path, .. })
                    if path.starts_with(root.path.join("a"))
            ) || root.destination(&"a/b".parse().unwrap()).unwrap().temporary().is_err()
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_link_is_not_written_through() {
        let (folder, root) = root();
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        std::fs::write(&victim, b"precious").unwrap();
        let destination = root.destination(&"big".parse().unwrap()).unwrap();
        std::os::unix::fs::symlink(&victim, destination.part()).unwrap();
        assert!(destination.open_part(false).unwrap().is_none());
        assert!(destination.open_part(true).unwrap().is_some());
        std::fs::remove_file(destination.part()).unwrap();
        std::fs::hard_link(&victim, destination.part()).unwrap();
        assert!(destination.open_part(false).unwrap().is_none());
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
        assert!(matches!(
            root.destination(&"out/x".parse().unwrap()),
            Err(TransferError::OutsideRoot { path, .. }) if path.ends_with("out")
        ));
    }

    #[cfg(unix)]
    #[test]
    fn links_that_may_leave_the_root_are_followed_there_alone() {
        use std::os::unix::fs::symlink;
        let (folder, root) = root();
        let disks = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            let place = disks.path().join(name);
            std::fs::create_dir_all(&place).unwrap();
            place
        };
        let allowed = ["d", "d/tree/sub-01"].map(str::to_owned);
        let root = root.with_linked_directories(allowed.into());
        symlink(place("one"), folder.path().join("d")).unwrap();
        place("one/tree");
        symlink(place("two"), disks.path().join("one/tree/sub-01")).unwrap();
        symlink(place("two"), disks.path().join("one/tree/sub-02")).unwrap();
        symlink(place("three"), disks.path().join("two/ses-01")).unwrap();
        // Inside the disk that was led to, links are as good as inside the root.
        symlink("tree", disks.path().join("one/same")).unwrap();
        for (local, expected) in [
            ("d/x", Some("one/x")),
            ("d/tree/sub-01/ses-02/x", Some("two/ses-02/x")),
            ("d/same/x", Some("one/tree/x")),
            ("d/tree/sub-02/x", None),
            ("d/tree/sub-01/ses-01/x", None),
        ] {
            let got = root.destination(&local.parse().unwrap());
            match expected {
                Some(expected) => {
                    let expected = disks.path().canonicalize().unwrap().join(expected);
                    assert_eq!(got.unwrap().target(), expected, "{local}");
                }
                None => assert!(
                    matches!(&got, Err(TransferError::OutsideRoot { .. })),
                    "{local}: {got:?}"
                ),
            }
        }
    }

    #[test]
    fn old_litter_is_swept_and_young_is_not() {
        let (folder, root) = root();
        let (old, young) =
            (folder.path().join(".a.1.tmp-part"), folder.path().join(".a.2.tmp-part"));
        let long_ago = SystemTime::now() - 2 * LITTER_AGE;
        File::create(&old).unwrap().set_modified(long_ago).unwrap();
        let names = [".a.part.state", ".b.part", ".b.part.state", "c.part.state"];
        for name in names {
            File::create(folder.path().join(name)).unwrap().set_modified(long_ago).unwrap();
        }
        File::create(&young).unwrap().set_modified(SystemTime::now() + LITTER_AGE).unwrap();
        root.destination(&"b".parse().unwrap()).unwrap();
        assert_eq!((old.exists(), young.exists()), (false, true));
        // A state without its file goes, one with it stays, and what is not hidden is not ours.
        let left = names.map(|name| folder.path().join(name).exists());
        assert_eq!(left, [false, true, true, true]);
    }
}
