//! One file of the dataset as a stream, and a record of it: the inputs of a result.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
#[cfg(feature = "download")]
use std::sync::Arc;

use laion_fmri_base::{Sha256, Sha256Hasher};

use super::{Located, Recorded};
#[cfg(feature = "download")]
use crate::remote::object::RemoteObject;
use crate::{Error, Result};

/// Bytes read at a time of what nobody wants.
const REST_BYTES: usize = 16 << 10;

/// A file of the dataset from its start to its end, on disk or in the bucket, whose bytes are counted
/// and hashed while they pass.
///
/// [`Input::finish`] says what the file was, and whether it is what it has to be; what was read
/// before is provisional.
///
/// ```
/// use std::io::Read as _;
/// use laion_fmri::{Dataset, layout};
///
/// # let bucket = fixtures::Bucket::example()?;
/// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
/// let mut input = subject.open_input(&layout::r2mean(subject.id()))?;
/// let mut first = [0; 2];
/// input.read_exact(&mut first)?;
/// assert_eq!(first, [0x1f, 0x8b]); // gzip
/// let record = input.finish()?; // reads the rest
/// assert_eq!(record.relative, layout::r2mean(subject.id()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Input {
    relative: String,
    path: PathBuf,
    body: Body,
}

/// What a file was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct InputRecord {
    /// Where it lies in a mirror, relative to the root; labels have no hyphens.
    pub relative: String,
    /// Its bytes.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256,
}

/// Where the bytes come from.
#[derive(Debug)]
enum Body {
    File {
        file: File,
        digest: Sha256Hasher,
        size: u64,
        recorded: Option<Box<Recorded>>,
    },
    #[cfg(feature = "download")]
    Kept {
        bytes: Arc<KeptObject>,
        position: usize,
    },
    #[cfg(feature = "download")]
    Object(Box<RemoteObject>),
}

/// A small object that was read to its end.
#[cfg(feature = "download")]
#[derive(Debug)]
pub(super) struct KeptObject {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: Sha256,
}

impl Input {
    /// A file on disk.
    pub(super) fn of_file(located: &Located) -> Result<Self> {
        let file = File::open(&located.path).map_err(Error::io("open", &located.path))?;
        Ok(Self::new(
            located,
            Body::File { file, digest: Sha256Hasher::new(), size: 0, recorded: None },
        ))
    }

    /// An object that is there as a whole.
    #[cfg(feature = "download")]
    pub(super) fn of_kept(located: &Located, bytes: Arc<KeptObject>) -> Self {
        Self::new(located, Body::Kept { bytes, position: 0 })
    }

    /// An object that is on its way.
    #[cfg(feature = "download")]
    pub(super) fn of_object(located: &Located, object: RemoteObject) -> Self {
        Self::new(located, Body::Object(Box::new(object)))
    }

    fn new(located: &Located, body: Body) -> Self {
        Self { relative: located.relative.clone(), path: located.path.clone(), body }
    }

    /// The same file on disk, held to what was recorded when it came into the mirror.
    pub(super) fn held_to(mut self, record: Recorded) -> Self {
        match &mut self.body {
            Body::File { recorded, .. } => *recorded = Some(Box::new(record)),
            #[cfg(feature = "download")]
            Body::Kept { .. } | Body::Object(_) => {}
        }
        self
    }

    /// The file, as messages name it: a path, or such as `s3://laion-fmri/README`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is left, and says what the file was.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a file cannot be read; [`InputError::Changed`](super::InputError::Changed) when it is not the file that
    /// was downloaded, according to the records of the mirror; [`Error::Object`] when an object does
    /// not arrive, or not with the content of its entity tag.
    pub fn finish(mut self) -> Result<InputRecord> {
        if matches!(self.body, Body::File { .. }) {
            self.read_rest()?;
        }
        let (relative, path) = (self.relative, self.path);
        match self.body {
            Body::File { digest, size, recorded, .. } => {
                let record = InputRecord { relative, size, sha256: digest.finish() };
                match recorded {
                    Some(recorded) => recorded.check(record, &path),
                    None => Ok(record),
                }
            }
            #[cfg(feature = "download")]
            Body::Kept { bytes, .. } => {
                let (size, sha256) = (bytes.bytes.len() as u64, bytes.sha256);
                Ok(InputRecord { relative, size, sha256 })
            }
            #[cfg(feature = "download")]
            Body::Object(object) => {
                let content = object.finish()?;
                Ok(InputRecord { relative, size: content.size, sha256: content.sha256 })
            }
        }
    }

    fn read_rest(&mut self) -> Result<()> {
        let mut rest = [0; REST_BYTES];
        loop {
            match self.read(&mut rest) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", &self.path)(error)),
            }
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.body {
            Body::File { file, digest, size, recorded } => {
                let read = file.read(buffer)?;
                digest.update(&buffer[..read]);
                if let Some(recorded) = recorded {
                    recorded.update(&buffer[..read]);
                }
                *size += read as u64;
                Ok(read)
            }
            #[cfg(feature = "download")]
            Body::Kept { bytes, position } => {
                let read = (&bytes.bytes[*position..]).read(buffer)?;
                *position += read;
                Ok(read)
            }
            #[cfg(feature = "download")]
            Body::Object(object) => object.read(buffer),
        }
    }
}
