//! One file of the dataset as a stream, and what it was: the inputs that a result is made from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

use crate::files::Recorded;
use crate::{Error, Result};

/// Bytes read at a time of what nobody wants.
const REST_BYTES: usize = 64 << 10;

/// A file of the dataset from its start to its end, whose bytes are counted and hashed while they
/// pass.
///
/// [`Input::finish`] says what the file was, and whether it is what it has to be; what was read
/// before is provisional.
///
/// ```
/// use std::io::Read as _;
/// use laion_fmri::{Dataset, layout};
///
/// let bucket = fixtures::Bucket::temporary()?;
/// let subject = Dataset::open(bucket.root())?.subject("sub-03")?;
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
    file: File,
    digest: Sha256,
    size: u64,
    recorded: Option<Recorded>,
}

/// What a file was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputRecord {
    /// Where it lies in a mirror, relative to the root; labels have no hyphens.
    pub relative: String,
    /// Its bytes.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

impl Input {
    /// A file on disk.
    pub(crate) fn of_file(relative: String, path: PathBuf) -> Result<Self> {
        let file = File::open(&path).map_err(Error::io("open", &path))?;
        Ok(Self { relative, path, file, digest: Sha256::new(), size: 0, recorded: None })
    }

    /// The same file, held to what was recorded when it came into the mirror.
    pub(crate) fn held_to(mut self, recorded: Recorded) -> Self {
        self.recorded = Some(recorded);
        self
    }

    /// The file, as messages name it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what is left, and says what the file was.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be read; [`Error::InputChanged`] when it is not the file that
    /// was downloaded, according to the records of the mirror.
    pub fn finish(mut self) -> Result<InputRecord> {
        let mut rest = vec![0; REST_BYTES];
        loop {
            match self.read(&mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", self.path)(error)),
            }
        }
        let sha256 = self.digest.finalize().into();
        let record = InputRecord { relative: self.relative, size: self.size, sha256 };
        match self.recorded {
            Some(recorded) => recorded.check(record, &self.path),
            None => Ok(record),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.digest.update(&buffer[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

impl InputRecord {
    /// The SHA-256 in lower-case hexadecimal digits.
    #[must_use]
    pub fn sha256_hex(&self) -> String {
        self.sha256.iter().fold(String::with_capacity(64), |mut digits, byte| {
            // Writing into a text cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
    }
}

/// The records of the files that were read through one handle, each file once.
#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<BTreeMap<String, InputRecord>>);

impl Records {
    pub(crate) fn add(&self, record: InputRecord) {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        records.insert(record.relative.clone(), record);
    }

    /// Sorted by path.
    pub(crate) fn all(&self) -> Vec<InputRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
