//! A file on its way: `NAME.part` beside its place, and `NAME.part.json` that says what it is part of.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use laion_fmri_base::Sha256Hasher;
use s3_mirror::Cancel;
use serde::{Deserialize, Serialize};

use super::record::hash_into;
use super::{AccessError, GatedFile};
use crate::{Error, Result};

/// Chunks from the network are a few KiB; the disk gets larger ones.
const BUFFER: usize = 1 << 20;

/// An unfinished file, hashed as it grows.
///
/// It outlives the process: the next one goes on with it if it is part of the very same file.
pub(super) struct Part {
    expected: GatedFile,
    target: PathBuf,
    path: PathBuf,
    state: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256Hasher,
    len: u64,
    etag: Option<String>,
}

#[derive(Deserialize, PartialEq, Eq, Serialize)]
struct State {
    size: u64,
    sha256: String,
    etag: Option<String>,
}

impl Part {
    /// Takes over what an earlier run left of this file, or begins anew.
    pub(super) fn open(target: &Path, expected: &GatedFile, cancel: &Cancel) -> Result<Self> {
        let path = part_path(target);
        let state = sibling(target, ".part.json");
        let bound =
            fs::read(&state).ok().and_then(|text| serde_json::from_slice::<State>(&text).ok());
        let bound = bound.filter(|bound| {
            bound.size == expected.size && bound.sha256 == expected.sha256.to_string()
        });
        // Never through a link that somebody put there.
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_file()) {
            fs::remove_file(&path).map_err(Error::io("replace", &path))?;
        }
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("create", &path))?;
        let found = file.metadata().map_err(Error::io("look at", &path))?.len();
        let mut hasher = Sha256Hasher::new();
        let mut len = 0;
        if bound.is_some() && found <= expected.size {
            len = hash_into(&mut hasher, &mut file, &path, found, cancel)?;
        }
        let mut part = Self {
            expected: expected.clone(),
            target: target.to_owned(),
            path,
            state,
            file: BufWriter::with_capacity(BUFFER, file),
            hasher,
            len,
            etag: bound.and_then(|bound| bound.etag),
        };
        if len == 0 {
            part.restart()?;
        }
        Ok(part)
    }

    /// How much is there.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn is_complete(&self) -> bool {
        self.len == self.expected.size
    }

    /// The entity tag of what is there.
    pub(super) fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// Throws away what is there.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.file.flush().map_err(Error::io("write", &self.path))?;
        let file = self.file.get_mut();
        let emptied = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)));
        emptied.map_err(Error::io("write", &self.path))?;
        self.hasher = Sha256Hasher::new();
        self.len = 0;
        self.bind(None)
    }

    /// Notes which file of the store the bytes come from.
    pub(super) fn bind(&mut self, etag: Option<String>) -> Result<()> {
        let state = State {
            size: self.expected.size,
            sha256: self.expected.sha256.to_string(),
            etag: etag.clone(),
        };
        let text = serde_json::to_vec(&state)
            .map_err(|error| Error::io("write", &self.state)(error.into()))?;
        array_export::write_text(&self.state, text)?;
        self.etag = etag;
        Ok(())
    }

    /// Adds bytes, which must not be more than are missing.
    pub(super) fn write(&mut self, chunk: &[u8]) -> Result<()> {
        let left = self.expected.size - self.len;
        if chunk.len() as u64 > left {
            return Err(AccessError::FileSize {
                name: self.expected.name.clone(),
                expected: self.expected.size,
                got: self.len.saturating_add(chunk.len() as u64),
            }
            .into());
        }
        self.file.write_all(chunk).map_err(Error::io("write", &self.path))?;
        self.hasher.update(chunk);
        self.len += chunk.len() as u64;
        Ok(())
    }

    /// Gives the file its name if it is the right one, and throws it away if it is not.
    pub(super) fn publish(mut self) -> Result<u64> {
        self.file.flush().map_err(Error::io("write", &self.path))?;
        let got = std::mem::take(&mut self.hasher).finish();
        if got != self.expected.sha256 {
            for path in [&self.path, &self.state] {
                fs::remove_file(path).map_err(Error::io("remove", path))?;
            }
            let (name, expected) = (self.expected.name.clone(), self.expected.sha256);
            return Err(AccessError::FileDigest { name, expected, got }.into());
        }
        self.file.get_ref().sync_all().map_err(Error::io("write", &self.path))?;
        fs::rename(&self.path, &self.target).map_err(Error::io("replace", &self.target))?;
        sync_directory(&self.target).map_err(Error::io("write", &self.target))?;
        if let Err(error) = fs::remove_file(&self.state) {
            tracing::debug!(path = %self.state.display(), %error, "left behind");
        }
        Ok(self.len)
    }
}

/// Where the unfinished file of a target is.
pub(crate) fn part_path(target: &Path) -> PathBuf {
    sibling(target, ".part")
}

fn sibling(target: &Path, ending: &str) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    target.with_file_name(name)
}

fn sync_directory(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(directory) = file.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::Sha256;

    use super::*;

    const CONTENT: &[u8] = b"abc";

    fn expected() -> GatedFile {
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        GatedFile { name: "x.h5".to_owned(), size: 3, sha256: sha256.parse().unwrap() }
    }

    fn open(folder: &Path, expected: &GatedFile) -> Part {
        Part::open(&folder.join("x.h5"), expected, &Cancel::new()).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_goes_on_where_it_stopped_and_appears_when_it_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = open(folder.path(), &expected());
        part.bind(Some("\"e\"".to_owned())).unwrap();
        part.write(&CONTENT[..2]).unwrap();
        drop(part);
        assert_eq!(names(folder.path()), ["x.h5.part", "x.h5.part.json"]);
        let mut part = open(folder.path(), &expected());
        assert_eq!((part.len(), part.etag(), part.is_complete()), (2, Some("\"e\""), false));
        part.write(&CONTENT[2..]).unwrap();
        assert!(part.is_complete());
        assert_eq!(part.publish().unwrap(), 3);
        assert_eq!(names(folder.path()), ["x.h5"]);
        assert_eq!(fs::read(folder.path().join("x.h5")).unwrap(), CONTENT);
    }

    #[test]
    fn what_is_part_of_another_file_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let begin = || {
            let mut part = open(folder.path(), &expected());
            part.restart().unwrap();
            part.write(&CONTENT[..2]).unwrap();
        };
        begin();
        let other = GatedFile { size: 4, ..expected() };
        assert_eq!(open(folder.path(), &other).len(), 0);
        begin();
        let other = GatedFile { sha256: Sha256::of(""), ..expected() };
        assert_eq!(open(folder.path(), &other).len(), 0);
        begin();
        fs::write(folder.path().join("x.h5.part.json"), "{").unwrap();
        assert_eq!(open(folder.path(), &expected()).len(), 0);
        begin();
        fs::write(folder.path().join("x.h5.part"), "longer than expected").unwrap();
        assert_eq!(open(folder.path(), &expected()).len(), 0);
    }

    #[test]
    fn the_wrong_file_is_thrown_away_and_a_longer_one_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = open(folder.path(), &expected());
        part.write(b"xy").unwrap();
        assert!(matches!(
            part.write(b"zz"),
            Err(Error::Access(AccessError::FileSize { expected: 3, got: 4, .. }))
        ));
        part.write(b"z").unwrap();
        assert!(matches!(
            part.publish(),
            Err(Error::Access(AccessError::FileDigest { name, expected: e, got }))
                if name == "x.h5" && e == expected().sha256 && got != e
        ));
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_its_place_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join("x.h5.part")).unwrap();
        open(folder.path(), &expected()).write(b"ab").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
    }
}
