//! Listing a folder that stands for a bucket.
//!
//! `object_store` ends a listing at the first name that is not UTF-8, and at a link that leads in a
//! circle. Here such a name is refused, and the rest is listed.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::Listing;
use crate::{Error, InvalidKey, KeyProblem, Store};

/// Everything below the folder whose key starts with `prefix`; with `level` no deeper than the first
/// slash after it.
pub(super) async fn list(
    store: &Store,
    folder: &Path,
    prefix: &str,
    level: bool,
) -> Result<Listing, Error> {
    let (location, root, wanted) = (store.name().to_owned(), folder.to_owned(), prefix.to_owned());
    let walked = tokio::task::spawn_blocking(move || {
        let mut walk = Walk { location, prefix: wanted, level, found: Listing::default() };
        walk.run(&root)?;
        Ok(walk.found)
    });
    walked.await.unwrap_or_else(|source| {
        let (location, subject) = (store.name().to_owned(), prefix.to_owned());
        Err(Error::Other { location, subject, source: source.into() })
    })
}

struct Walk {
    location: String,
    prefix: String,
    level: bool,
    found: Listing,
}

impl Walk {
    fn run(&mut self, root: &Path) -> Result<(), Error> {
        let parent = self.prefix.rsplit_once('/').map_or("", |(parent, _)| parent);
        // No key has a part that is empty or leads elsewhere.
        if parent.split('/').any(|part| matches!(part, "" | "." | "..")) && !parent.is_empty()
            || self.prefix.starts_with('/')
        {
            return Ok(());
        }
        let leading = if parent.is_empty() { String::new() } else { format!("{parent}/") };
        let mut folders = vec![(root.join(parent), leading)];
        while let Some((folder, leading)) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(self.failed(error, &leading)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| self.failed(error, &leading))?;
                let name = entry.file_name();
                let key = format!("{leading}{}", name.to_string_lossy());
                if !key.starts_with(&self.prefix) && !self.prefix.starts_with(&format!("{key}/")) {
                    continue;
                }
                if name.to_str().is_none() {
                    let reason = KeyProblem::NotUtf8;
                    self.found.refused.push(InvalidKey { key, reason });
                    continue;
                }
                let path = entry.path();
                let metadata = match std::fs::metadata(&path) {
                    Ok(metadata) => metadata,
                    Err(error) if is_gone(&error) => continue,
                    Err(error) if leads_in_a_circle(&error) => {
                        self.found.refused.push(InvalidKey { key, reason: KeyProblem::Loop });
                        continue;
                    }
                    Err(error) => return Err(self.failed(error, &key)),
                };
                if metadata.is_file() {
                    let (etag, modified) = (etag_of(&metadata), metadata.modified().ok());
                    self.found.push(key, metadata.len(), Some(etag), modified);
                } else if metadata.is_dir() && self.level {
                    self.found.prefixes.push(format!("{key}/"));
                } else if metadata.is_dir() && is_above(&path) {
                    self.found.refused.push(InvalidKey { key, reason: KeyProblem::Loop });
                } else if metadata.is_dir() {
                    folders.push((path, key + "/"));
                }
            }
        }
        Ok(())
    }

    fn failed(&self, source: io::Error, subject: &str) -> Error {
        let (location, subject) = (self.location.clone(), subject.to_owned());
        if source.kind() == io::ErrorKind::PermissionDenied {
            return Error::ListDenied { location, prefix: subject };
        }
        Error::Other { location, subject, source: source.into() }
    }
}

/// A link that leads nowhere, or what was removed or replaced meanwhile.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
fn leads_in_a_circle(error: &io::Error) -> bool {
    // Too many links, one after the other, has no stable kind.
    const ELOOP: &[i32] = if cfg!(target_os = "linux") { &[40] } else { &[62] };
    error.raw_os_error().is_some_and(|code| ELOOP.contains(&code))
}

#[cfg(not(unix))]
fn leads_in_a_circle(_: &io::Error) -> bool {
    false
}

/// Whether a directory is a link to one that holds it.
fn is_above(path: &Path) -> bool {
    if !path.is_symlink() {
        return false;
    }
    let canonical = |path: &Path| -> Option<PathBuf> { std::fs::canonicalize(path).ok() };
    let parent = path.parent().and_then(canonical);
    parent.zip(canonical(path)).is_some_and(|(parent, target)| parent.starts_with(target))
}

/// The entity tag under which `object_store` opens the file: it compares it with this form.
fn etag_of(metadata: &Metadata) -> String {
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let inode = 0_u64;
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let microseconds = modified.unwrap_or_default().as_micros();
    format!("\"{inode:x}-{microseconds:x}-{:x}\"", metadata.len())
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use crate::{Location, head};

    #[tokio::test]
    async fn one_odd_name_leaves_the_rest_listed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for key in ["a/b/one", "a/two", "a.txt", "c/x"] {
            std::fs::create_dir_all(root.join(key).parent().unwrap()).unwrap();
            std::fs::write(root.join(key), key).unwrap();
        }
        std::fs::write(root.join("a").join(OsStr::from_bytes(b"caf\xe9.tsv")), "").unwrap();
        std::fs::create_dir(root.join("a").join(OsStr::from_bytes(b"\xff"))).unwrap();
        std::fs::write(root.join("a/back\\slash"), "").unwrap();
        symlink("..", root.join("a/b/up")).unwrap();
        symlink("self", root.join("a/self")).unwrap();
        symlink("nowhere", root.join("a/dangling")).unwrap();
        symlink("../c", root.join("a/linked")).unwrap();
        let store = Location::directory(root).unwrap().open().unwrap();

        let all = crate::list(&store, "").await.unwrap();
        let keys: Vec<&str> = all.iter().map(|listed| listed.key.as_str()).collect();
        assert_eq!(keys, ["a.txt", "a/b/one", "a/linked/x", "a/two", "c/x"]);
        let refused: Vec<String> = all.refused.iter().map(ToString::to_string).collect();
        assert_eq!(
            refused,
            [
                "key \"a/b/up\" is refused: it is a link to a directory above itself",
                "key \"a/back\\\\slash\" is refused: it has the character '\\\\'",
                "key \"a/caf\u{fffd}.tsv\" is refused: it is not UTF-8",
                "key \"a/self\" is refused: it is a link to a directory above itself",
                "key \"a/\u{fffd}\" is refused: it is not UTF-8",
            ]
        );
        // As the files are opened later.
        for listed in &all {
            assert_eq!(head(&store, &listed.key).await.unwrap().unwrap().etag, listed.etag);
        }

        for (prefix, expected) in [
            ("a/", vec!["a/b/one", "a/linked/x", "a/two"]),
            ("a/t", vec!["a/two"]),
            ("a", vec!["a.txt", "a/b/one", "a/linked/x", "a/two"]),
            ("c/", vec!["c/x"]),
            ("none/", vec![]),
            ("a.txt/x", vec![]),
            ("/a", vec![]),
            ("a//b", vec![]),
            ("../", vec![]),
        ] {
            let found = crate::list(&store, prefix).await.unwrap();
            let keys: Vec<&str> = found.iter().map(|listed| listed.key.as_str()).collect();
            assert_eq!(keys, expected, "{prefix}");
        }
        let level = crate::list_directory(&store, "a/").await.unwrap();
        assert_eq!(level.prefixes, ["a/b/", "a/linked/"]);
        assert_eq!(level.objects.len(), 1);
        assert_eq!(crate::list_directory(&store, "").await.unwrap().prefixes, ["a/", "c/"]);
    }
}
