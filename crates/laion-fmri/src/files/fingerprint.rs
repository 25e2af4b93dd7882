//! What a large file was: its SHA-256 is made once, then known as long as the file stays as it is,
//! and what was derived from it is used as long as it stays in step.

use std::fs::Metadata;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::UNIX_EPOCH;

use laion_fmri_base::{AtomicFile, Sha256};
use s3_mirror::{Record, RelativePath};
use serde::{Deserialize, Serialize};

use super::{Files, InputError, InputRecord, Located};
use crate::{Error, Result};

/// Bytes that are hashed at a time.
const PIECE_BYTES: usize = 256 << 10;

/// A file on disk as it was when it was looked at, by size and time of modification.
pub(crate) struct LargeFile<'a> {
    files: &'a Files,
    place: &'a Located,
    /// Where its digest is kept.
    kept: Option<&'a Path>,
    metadata: Metadata,
}

/// A digest that was made at first need, and what it holds for.
#[derive(Debug, Serialize, Deserialize)]
struct KeptDigest {
    #[serde(flatten)]
    of: FileState,
    sha256: Sha256,
}

/// A file on disk or an object of the bucket, as long as it stays as it is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileState {
    path: PathBuf,
    size: u64,
    /// Of a file, the time of modification, in nanoseconds since 1970.
    modified: Option<u64>,
    /// Of an object, its entity tag.
    etag: Option<String>,
}

/// What a file was when something was derived from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// Where it lies in a mirror.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: Sha256,
    /// The time of modification on disk, in nanoseconds since 1970; of an object there is none.
    pub(crate) modified: Option<u64>,
    /// The entity tag of the object, if it is known.
    pub(crate) etag: Option<String>,
}

/// Whether a file is what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is.
    Same,
    /// Its size is the same and its time of modification is not, as after copying; what its bytes
    /// are is not known.
    OtherTime,
    /// It is another file.
    Other,
}

impl Fingerprint {
    /// What a result says that it was made from.
    pub(crate) fn record(&self) -> InputRecord {
        InputRecord { relative: self.path.clone(), size: self.size, sha256: self.sha256 }
    }
}

impl Files {
    /// The fingerprint of a file that was just read.
    pub(crate) fn fingerprint(&self, place: &Located, record: &InputRecord) -> Result<Fingerprint> {
        let (mut modified, mut etag) = (None, place.listed().and_then(|(_, etag)| etag));
        if place.is_on_disk() {
            let metadata = metadata(place)?;
            modified = nanoseconds(&metadata);
            let recorded = self.recorded(place, &metadata)?;
            let is_same = |sha256: Sha256| sha256 == record.sha256;
            etag = recorded.filter(|it| it.sha256.is_none_or(is_same)).and_then(|it| it.etag);
        }
        let InputRecord { relative: path, size, sha256 } = record.clone();
        Ok(Fingerprint { path, size, sha256, modified, etag })
    }

    /// The fingerprint of what was read by its path, unless there is no such file or another one
    /// now.
    #[cfg(feature = "extract")]
    pub(crate) fn fingerprint_of(&self, record: &InputRecord) -> Result<Option<Fingerprint>> {
        let Some(place) = self.search(&record.relative)? else { return Ok(None) };
        if place.is_on_disk() && metadata(&place)?.len() != record.size {
            return Ok(None);
        }
        self.fingerprint(&place, record).map(Some)
    }

    /// Whether a file is what it was: on disk by the size and time of modification that it had when
    /// it was found, or else by a SHA-256 that is known for those (`kept` says where one may be
    /// kept); in the bucket by size and entity tag. Nothing is read but records.
    pub(crate) fn step(
        &self,
        place: &Located,
        kept: impl FnOnce() -> Option<PathBuf>,
        fingerprint: &Fingerprint,
    ) -> Result<Step> {
        let Some(metadata) = place.metadata() else {
            let (size, etag) = place.listed().unwrap_or_default();
            let is_same = size == fingerprint.size && etag.is_some() && etag == fingerprint.etag;
            return Ok(if is_same { Step::Same } else { Step::Other });
        };
        if metadata.len() != fingerprint.size {
            return Ok(Step::Other);
        }
        let modified = nanoseconds(metadata);
        if modified.is_some() && modified == fingerprint.modified {
            return Ok(Step::Same);
        }
        let kept = kept();
        let metadata = metadata.clone();
        let file = LargeFile { files: self, place, kept: kept.as_deref(), metadata };
        Ok(match file.known()? {
            Some(record) if record.sha256 == fingerprint.sha256 => Step::Same,
            Some(_) => Step::Other,
            None => Step::OtherTime,
        })
    }

    /// What is recorded in the mirror about a file in its present state.
    fn recorded(&self, place: &Located, metadata: &Metadata) -> Result<Option<Record>> {
        let Some(inventory) = self.inventory_of(place)? else { return Ok(None) };
        let relative = RelativePath::new(place.relative()).ok();
        let record = relative.and_then(|relative| inventory.find(&relative, metadata));
        Ok(record.filter(|record| record.fits(metadata)))
    }
}

impl<'a> LargeFile<'a> {
    /// Notes size and time of modification of the file as it is now.
    pub(crate) fn new(
        files: &'a Files,
        place: &'a Located,
        kept: Option<&'a Path>,
    ) -> Result<Self> {
        let metadata = metadata(place)?;
        Ok(Self { files, place, kept, metadata })
    }

    /// What the file is, if that is recorded for its present size and time of modification: in the
    /// inventory of the mirror, or by [`LargeFile::settled`].
    pub(crate) fn known(&self) -> Result<Option<InputRecord>> {
        let recorded = self.files.recorded(self.place, &self.metadata)?;
        let sha256 = recorded.and_then(|record| record.sha256).or_else(|| self.kept_digest());
        Ok(sha256.map(|sha256| InputRecord {
            relative: self.place.relative().to_owned(),
            size: self.metadata.len(),
            sha256,
        }))
    }

    /// Reads the file while another thread hashes it.
    pub(crate) fn hashed_beside<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<InputRecord> {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let hash = || self.hash(&stop);
            let thread = Builder::new().name("sha256".to_owned()).spawn_scoped(scope, hash);
            let read = read();
            stop.store(read.is_err(), Ordering::Relaxed);
            let record = match thread {
                Ok(thread) => {
                    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                }
                Err(_) => self.hash(&stop),
            };
            read.and(record)
        })
    }

    /// Says what the file was, unless it changed since it was looked at. What was not known is
    /// kept.
    pub(crate) fn settled(&self, record: InputRecord) -> Result<InputRecord> {
        let path = self.place.path();
        let (then, now) = (&self.metadata, metadata(self.place)?);
        if (then.len(), then.modified().ok()) != (now.len(), now.modified().ok())
            || record.size != now.len()
        {
            return Err(InputError::ChangedMeanwhile { path: path.to_owned() }.into());
        }
        if let (Some(kept), None, Some(state)) = (self.kept, self.known()?, self.state()) {
            state.keep(kept, record.sha256);
        }
        Ok(record)
    }

    fn hash(&self, stop: &AtomicBool) -> Result<InputRecord> {
        let mut input = self.files.stream_recorded(self.place)?;
        let mut piece = vec![0; PIECE_BYTES];
        while !(stop.load(Ordering::Relaxed) || self.files.is_cancelled()) {
            match input.read(&mut piece) {
                Ok(0) => return input.finish(),
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return Err(Error::io("read", self.place.path())(error));
                }
                _ => {}
            }
        }
        Err(Error::Cancelled)
    }

    fn kept_digest(&self) -> Option<Sha256> {
        self.state()?.kept(self.kept?)
    }

    fn state(&self) -> Option<FileState> {
        let path = std::path::absolute(self.place.path()).ok()?;
        let modified = Some(nanoseconds(&self.metadata)?);
        Some(FileState { path, size: self.metadata.len(), modified, etag: None })
    }
}

impl FileState {
    /// An object as it is listed, if it has an entity tag, which alone names a version.
    fn of_object(place: &Located) -> Option<Self> {
        let (size, etag) = place.listed()?;
        Some(Self { path: place.path().to_owned(), size, modified: None, etag: Some(etag?) })
    }

    /// The digest that is kept in this file, if it is of this state.
    fn kept(&self, kept: &Path) -> Option<Sha256> {
        let digest: KeptDigest = serde_json::from_slice(&std::fs::read(kept).ok()?).ok()?;
        (digest.of == *self).then_some(digest.sha256)
    }

    fn keep(self, kept: &Path, sha256: Sha256) {
        let path = self.path.clone();
        let digest = KeptDigest { of: self, sha256 };
        let keep = || -> std::io::Result<()> {
            if let Some(directory) = kept.parent() {
                std::fs::create_dir_all(directory)?;
            }
            let mut file = AtomicFile::create(kept)?;
            file.write_all(&serde_json::to_vec(&digest)?)?;
            // It can be made again: it is not worth waiting for the disk.
            file.commit_unsynced()
        };
        if let Err(error) = keep() {
            tracing::debug!(%error, path = %path.display(), "the digest is not kept");
        }
    }
}

/// The digest of the version of an object that is listed, if it is kept in this file.
pub(super) fn kept_of_object(place: &Located, kept: &Path) -> Option<Sha256> {
    FileState::of_object(place)?.kept(kept)
}

/// Keeps the digest of an object that was read in the version that is listed.
pub(crate) fn keep_of_object(place: &Located, kept: &Path, record: &InputRecord) {
    if let Some(state) = FileState::of_object(place)
        && state.kept(kept) != Some(record.sha256)
    {
        state.keep(kept, record.sha256);
    }
}

/// The time of modification, in nanoseconds since 1970.
fn nanoseconds(metadata: &Metadata) -> Option<u64> {
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(modified.as_nanos()).ok()
}

fn metadata(place: &Located) -> Result<Metadata> {
    tracing::trace!(path = %place.path().display(), "looking at");
    std::fs::metadata(place.path()).map_err(Error::io("look at", place.path()))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;
    use crate::Roots;

    const NAME: &str = "betas.nii.gz";

    fn write(path: &Path, bytes: &str, modified: SystemTime) {
        std::fs::write(path, bytes).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }

    #[test]
    fn a_digest_is_known_as_long_as_size_and_time_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join(NAME), directory.path().join("cache/digest"));
        let files = Files::of_mirror(Roots::new([directory.path().to_owned()]).unwrap());
        let then = SystemTime::now();
        write(&path, "abc", then);
        let place = files.find_on_disk(NAME).unwrap();
        let noted = || LargeFile::new(&files, &place, Some(&kept)).unwrap();
        let file = noted();
        assert_eq!(file.known().unwrap(), None);
        let record = file.hashed_beside(|| Ok(())).unwrap();
        assert_eq!((record.size, record.sha256), (3, Sha256::of("abc")));
        assert_eq!(file.settled(record.clone()).unwrap(), record);
        assert_eq!(noted().known().unwrap().as_ref(), Some(&record));
        // Nothing else is looked at: the checksums of gzip and index find damage.
        write(&path, "abd", then);
        assert_eq!(noted().known().unwrap(), Some(record));
        write(&path, "abd", then + std::time::Duration::from_nanos(1000));
        assert_eq!(noted().known().unwrap(), None);
        write(&path, "abcd", then);
        assert_eq!(noted().known().unwrap(), None);
        std::fs::write(&kept, "{").unwrap();
        write(&path, "abc", then);
        assert_eq!(noted().known().unwrap(), None);
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let (path, kept) = (directory.path().join(NAME), directory.path().join("digest"));
        let files = Files::of_mirror(Roots::new([directory.path().to_owned()]).unwrap());
        write(&path, "abc", SystemTime::now());
        let place = files.find_on_disk(NAME).unwrap();
        let file = LargeFile::new(&files, &place, Some(&kept)).unwrap();
        let record = file.hashed_beside(|| Ok(())).unwrap();
        write(&path, "abcd", SystemTime::now());
        let error = file.settled(record).unwrap_err();
        assert!(
            matches!(&error, Error::Input(InputError::ChangedMeanwhile { path: named }) if *named == path),
            "{error}"
        );
        assert!(!kept.exists());
        // A read that fails is the failure, and ends the hashing.
        let error = file.hashed_beside(|| Err::<(), _>(Error::DataDirNotSet)).unwrap_err();
        assert!(matches!(error, Error::DataDirNotSet), "{error}");
    }
}
