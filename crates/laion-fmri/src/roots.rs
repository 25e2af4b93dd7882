//! The directories a mirror is read from and written to.

pub(crate) mod inventory;
pub(crate) mod listed;

use std::collections::BTreeSet;
use std::fs::{self, FileType, Metadata};
use std::path::{Path, PathBuf};

use s3_mirror::RelativePath;

use crate::{Error, NotEnoughSpace, Result};

/// One or more directories that together hold the mirror.
///
/// Reads search them in order and take the first file that exists, so a shared read-only mirror
/// can come before one's own. Writes go to the last one that is writable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roots(Vec<PathBuf>);

impl Roots {
    /// Takes over the directories.
    ///
    /// # Errors
    ///
    /// [`Error::DataDirNotSet`] without any, [`Error::DataDirUnusable`] when one is missing or not
    /// a directory.
    pub fn new(directories: impl IntoIterator<Item = PathBuf>) -> Result<Self> {
        let mut roots = Vec::new();
        for directory in directories {
            let path = std::path::absolute(&directory)
                .map_err(Error::io("make the path absolute", &directory))?;
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => roots.push(path),
                Ok(_) => return Err(Error::DataDirUnusable { path, reason: "is not a directory" }),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(Error::DataDirUnusable { path, reason: "does not exist" });
                }
                Err(error) => return Err(Error::io("open", path)(error)),
            }
        }
        if roots.is_empty() { Err(Error::DataDirNotSet) } else { Ok(Self(roots)) }
    }

    /// The directories, in search order.
    #[must_use]
    pub fn directories(&self) -> &[PathBuf] {
        &self.0
    }

    /// The first existing file of that relative path. A text that is no [`RelativePath`], such as
    /// one with `..`, is the path of no file.
    #[must_use]
    pub fn find(&self, relative: &str) -> Option<PathBuf> {
        self.find_with_metadata(relative).map(|(path, _)| path)
    }

    /// As [`Roots::find`], with what the system says about the file.
    pub(crate) fn find_with_metadata(&self, relative: &str) -> Option<(PathBuf, Metadata)> {
        let relative = RelativePath::new(relative).ok()?;
        self.0.iter().find_map(|root| {
            let path = relative.below(root);
            tracing::trace!(path = %path.display(), "looking at");
            let metadata = fs::metadata(&path).ok().filter(Metadata::is_file)?;
            Some((path, metadata))
        })
    }

    /// No directory: what a dataset that is read from the bucket has by default.
    #[cfg(feature = "download")]
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// The first root; empty for a dataset without any, which
    /// [`Dataset::from_bucket`](crate::Dataset::from_bucket) makes.
    #[must_use]
    pub fn first(&self) -> &Path {
        self.0.first().map_or(Path::new(""), PathBuf::as_path)
    }

    /// Where the file would lie in the first root, for messages about missing files.
    #[must_use]
    pub fn expected(&self, relative: &str) -> PathBuf {
        self.first().join(relative)
    }

    /// The names of all directories directly below a relative directory, over all roots, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory exists but cannot be read.
    pub fn subdirectories(&self, relative: &str) -> Result<BTreeSet<String>> {
        self.children(relative, FileType::is_dir)
    }

    /// The names of all files directly below a relative directory, over all roots, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory exists but cannot be read.
    pub fn files(&self, relative: &str) -> Result<BTreeSet<String>> {
        self.children(relative, FileType::is_file)
    }

    /// The last root in which a file can be created.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the system's answer for the last root when none is writable.
    pub fn writable(&self) -> Result<&Path> {
        let mut answer = None;
        for root in self.0.iter().rev() {
            match tempfile::tempfile_in(root) {
                Ok(_) => return Ok(root),
                Err(error) => {
                    answer.get_or_insert((root, error));
                }
            }
        }
        match answer {
            Some((root, error)) => Err(Error::io("write into the data directory", root)(error)),
            None => Err(Error::DataDirNotSet),
        }
    }

    /// As [`Roots::writable`]; when none is, the last root, in which there may be nothing to write.
    #[cfg(feature = "download")]
    pub(crate) fn writable_or_last(&self) -> Result<&Path> {
        self.writable().or_else(|_| self.0.last().map(PathBuf::as_path).ok_or(Error::DataDirNotSet))
    }

    fn children(
        &self,
        relative: &str,
        wanted: impl Fn(&FileType) -> bool,
    ) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for root in &self.0 {
            let directory = root.join(relative);
            tracing::trace!(directory = %directory.display(), "listing");
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("list", directory)(error)),
            };
            for entry in entries {
                let entry = entry.map_err(Error::io("list", &directory))?;
                // Most systems say what an entry is while they list it.
                let kind = match entry.file_type() {
                    Ok(kind) if !kind.is_symlink() => Ok(kind),
                    // Follows links: shared mirrors are often stitched together with them.
                    _ => fs::metadata(entry.path()).map(|metadata| metadata.file_type()),
                };
                if let (Ok(kind), Ok(name)) = (kind, entry.file_name().into_string())
                    && wanted(&kind)
                {
                    names.insert(name);
                }
            }
        }
        Ok(names)
    }
}

/// Bytes that are free for this user where `directory` lies; `None` where the system does not say.
pub(crate) fn free_bytes(directory: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(directory).ok()?;
        found.f_bavail.checked_mul(found.f_frsize)
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        None
    }
}

/// Refuses to begin an output of so many bytes that its disk cannot hold. Its directory may be made
/// later; a pipe or a device takes everything.
pub(crate) fn check_space(output: &Path, needed: u64) -> Result<()> {
    if fs::metadata(output).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return Ok(());
    }
    let Ok(absolute) = std::path::absolute(output) else { return Ok(()) };
    let Some(directory) = absolute.parent().and_then(nearest_folder) else { return Ok(()) };
    match free_bytes(&directory) {
        Some(free) if free < needed => Err(NotEnoughSpace { directory, needed, free }.into()),
        _ => Ok(()),
    }
}

/// Whether what is written to both takes space of the same disk, also where folders of them are
/// made later. Where the system does not say, it does.
pub(crate) fn share_a_disk(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        let device = |path: &Path| Some(fs::metadata(nearest_folder(path)?).ok()?.dev());
        match (device(one), device(other)) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        true
    }
}

/// The folder itself, or the innermost one around it that is there.
fn nearest_folder(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find(|it| it.is_dir()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_a_disk_cannot_hold_is_refused_before_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().to_owned();
        for output in ["a.npy", "missing/deep/a.npy"] {
            let output = there.join(output);
            check_space(&output, 1).unwrap();
            let error = check_space(&output, u64::MAX).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("18.5 EB needed, ") && text.ends_with(" free"), "{text}");
            let Error::Space(NotEnoughSpace { directory, needed: u64::MAX, .. }) = error else {
                panic!()
            };
            assert_eq!(directory, there);
        }
        check_space(Path::new("/dev/null"), u64::MAX).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn folders_of_one_disk_share_it_before_they_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let later = folder.path().join("missing/deep");
        assert!(share_a_disk(folder.path(), &later));
        assert!(!share_a_disk(&later, Path::new("/proc/self/missing")));
    }

    #[test]
    fn earlier_roots_win_and_names_are_merged() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(a.path().join("d/one")).unwrap();
        fs::create_dir_all(b.path().join("d/two")).unwrap();
        fs::write(a.path().join("f"), "a").unwrap();
        fs::write(b.path().join("f"), "b").unwrap();
        fs::write(b.path().join("g"), "b").unwrap();
        let roots = Roots::new([a.path().to_owned(), b.path().to_owned()]).unwrap();
        assert_eq!(roots.find("f").unwrap(), a.path().join("f"));
        assert_eq!(roots.find("g").unwrap(), b.path().join("g"));
        assert_eq!(roots.find("h"), None);
        fs::write(a.path().join("d/one/i"), "a").unwrap();
        assert!(roots.find("d/one/i").is_some());
        let absolute = a.path().join("f");
        for outside in ["d/../f", "../f", "./f", "d//one/i", "", absolute.to_str().unwrap()] {
            assert_eq!(roots.find(outside), None, "{outside}");
        }
        assert_eq!(roots.expected("h"), a.path().join("h"));
        let names: Vec<_> = roots.subdirectories("d").unwrap().into_iter().collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(roots.writable().unwrap(), b.path());
        assert!(roots.files("nothing").unwrap().is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn links_are_what_they_lead_to() {
        let dir = tempfile::tempdir().unwrap();
        let (mirror, elsewhere) = (dir.path().join("mirror"), dir.path().join("elsewhere"));
        fs::create_dir_all(mirror.join("d/plain")).unwrap();
        fs::create_dir_all(elsewhere.join("far")).unwrap();
        fs::write(elsewhere.join("file"), "a").unwrap();
        fs::write(mirror.join("d/own"), "a").unwrap();
        for (link, target) in [("linked", "far"), ("also", "file"), ("broken", "nothing")] {
            std::os::unix::fs::symlink(elsewhere.join(target), mirror.join("d").join(link))
                .unwrap();
        }
        let roots = Roots::new([mirror]).unwrap();
        let names = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>();
        assert_eq!(names(roots.subdirectories("d").unwrap()), ["linked", "plain"]);
        assert_eq!(names(roots.files("d").unwrap()), ["also", "own"]);
    }

    #[test]
    fn unusable_directories_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing");
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(
            Roots::new([missing.clone()]),
            Err(Error::DataDirUnusable { path, reason: "does not exist" }) if path == missing
        ));
        assert!(matches!(
            Roots::new([file.clone()]),
            Err(Error::DataDirUnusable { path, reason: "is not a directory" }) if path == file
        ));
        assert!(matches!(Roots::new([]), Err(Error::DataDirNotSet)));
    }
}
