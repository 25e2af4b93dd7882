//! What is recorded about files: by the mirror when it fetched them, and by a handle when it read
//! them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use laion_fmri_base::lock;
#[cfg(feature = "download")]
use s3_mirror::{ChecksumHasher, ETagHasher};
use s3_mirror::{Inventory, Record, RelativePath};

use super::{InputError, InputRecord, Located};
use crate::{Error, Result};

/// The records of the files that were read through one handle, each file once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records(Arc<Mutex<BTreeMap<String, InputRecord>>>);

impl Records {
    pub(crate) fn add(&self, record: InputRecord) {
        let mut records = lock(&self.0);
        records.insert(record.relative.clone(), record);
    }

    /// Sorted by path.
    pub(crate) fn all(&self) -> Vec<InputRecord> {
        lock(&self.0).values().cloned().collect()
    }
}

/// What was recorded about a file when it came into the mirror.
#[derive(Debug)]
pub(crate) struct Recorded {
    inventory: Arc<Inventory>,
    /// Computes what the bucket says, where no SHA-256 is recorded. Without requests there is
    /// nothing that computes it.
    #[cfg(feature = "download")]
    hasher: Option<Hasher>,
}

/// Computes what the bucket says about the bytes of an object.
#[cfg(feature = "download")]
#[derive(Debug)]
enum Hasher {
    Checksum(ChecksumHasher),
    ETag(ETagHasher),
}

#[cfg(feature = "download")]
impl Hasher {
    /// `None` if more is recorded than what the bucket says, or nothing that can be computed.
    fn of(record: &Record) -> Option<Self> {
        if record.sha256.is_some() {
            return None;
        }
        if let Some(checksum) = &record.checksum {
            let hasher = ChecksumHasher::new(checksum.algorithm());
            return checksum.parts().is_none().then_some(Self::Checksum(hasher));
        }
        let etag = record.etag.as_deref().filter(|_| record.etag_verified)?;
        ETagHasher::for_tag(etag).map(Self::ETag)
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Checksum(hasher) => hasher.update(bytes),
            Self::ETag(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> (&'static str, String) {
        match self {
            Self::Checksum(hasher) => {
                let checksum = hasher.finish();
                (checksum.algorithm().title(), checksum.text())
            }
            Self::ETag(hasher) => (MD5, hasher.finish()),
        }
    }
}

const MD5: &str = "MD5";

impl Recorded {
    pub(super) fn new(inventory: Arc<Inventory>, located: &Located) -> Self {
        #[cfg(feature = "download")]
        let hasher = record_of(&inventory, &located.relative, &located.path)
            .and_then(|record| Hasher::of(&record));
        #[cfg(not(feature = "download"))]
        let _ = located;
        Self {
            inventory,
            #[cfg(feature = "download")]
            hasher,
        }
    }

    /// The next bytes of the file.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        #[cfg(feature = "download")]
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        #[cfg(not(feature = "download"))]
        let _ = bytes;
    }

    /// Refuses a file that has the size of its record and other bytes. One of another size is of
    /// another version, about which nothing is recorded.
    pub(super) fn check(self, found: InputRecord, path: &Path) -> Result<InputRecord> {
        #[cfg(feature = "download")]
        let computed = self.hasher.map(Hasher::finish);
        #[cfg(not(feature = "download"))]
        let computed: Option<(&'static str, String)> = None;
        let inventory = &self.inventory;
        let differs = || {
            let record = record_of(inventory, &found.relative, path)?;
            let record = (record.size == found.size).then_some(record)?;
            if let Some(expected) = record.sha256 {
                let differs = expected != found.sha256;
                let digests = (expected.to_string(), found.sha256.to_string());
                return differs.then_some(("SHA-256", digests));
            }
            let ((digest, expected), (of, got)) = (said(&record)?, computed.clone()?);
            (digest == of && expected != got).then_some((digest, (expected, got)))
        };
        if differs().is_none() {
            return Ok(found);
        }
        // The file may have been replaced since the records were read.
        inventory.refresh().map_err(Error::io("read the inventory", path))?;
        match differs() {
            Some((digest, (expected, got))) => {
                Err(InputError::Changed { path: path.to_owned(), digest, expected, got }.into())
            }
            None => Ok(found),
        }
    }
}

/// What the bucket says about all bytes of an object, and how that is called.
fn said(record: &Record) -> Option<(&'static str, String)> {
    if let Some(checksum) = &record.checksum {
        return Some((checksum.algorithm().title(), checksum.text()));
    }
    // With a hyphen it is one of parts.
    let etag = record.etag.as_deref().filter(|tag| record.etag_verified && !tag.contains('-'))?;
    Some((MD5, etag.trim_matches('"').to_ascii_lowercase()))
}

/// The record of a file on disk.
fn record_of(inventory: &Inventory, relative: &str, path: &Path) -> Option<Record> {
    let relative = RelativePath::new(relative.to_owned()).ok()?;
    inventory.find(&relative, &std::fs::metadata(path).ok()?)
}
