//! What is recorded about files: by the mirror when it fetched them, and by a handle when it read
//! them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use laion_fmri_base::{Sha256, lock};
use s3_mirror::{Checksum, Inventory, Record, RelativePath};
#[cfg(feature = "download")]
use s3_mirror::{ChecksumHasher, ETagHasher};

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

/// A digest of all bytes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    Sha256(Sha256),
    Checksum(Checksum),
    /// In lower-case hexadecimal digits.
    Md5(String),
}

impl Proof {
    /// What a file with this record is held to: the SHA-256, or else what the bucket says.
    fn recorded(record: &Record) -> Option<Self> {
        if let Some(sha256) = record.sha256 {
            return Some(Self::Sha256(sha256));
        }
        if let Some(checksum) = &record.checksum {
            return checksum.parts().is_none().then(|| Self::Checksum(checksum.clone()));
        }
        // With a hyphen it is one of parts.
        let etag = record.etag.as_deref();
        let etag = etag.filter(|tag| record.etag_verified && !tag.contains('-'))?;
        Some(Self::Md5(etag.trim_matches('"').to_ascii_lowercase()))
    }

    /// What computes it beside the SHA-256, which is computed of every file.
    #[cfg(feature = "download")]
    fn hasher(&self) -> Option<Hasher> {
        match self {
            Self::Sha256(_) => None,
            Self::Checksum(checksum) => {
                Some(Hasher::Checksum(ChecksumHasher::new(checksum.algorithm())))
            }
            Self::Md5(text) => ETagHasher::for_tag(text).map(Hasher::ETag),
        }
    }

    /// How it is called.
    fn digest(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Checksum(checksum) => checksum.algorithm().title(),
            Self::Md5(_) => "MD5",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Sha256(sha256) => sha256.to_string(),
            Self::Checksum(checksum) => checksum.text(),
            Self::Md5(text) => text.clone(),
        }
    }
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
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Checksum(hasher) => hasher.update(bytes),
            Self::ETag(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Proof {
        match self {
            Self::Checksum(hasher) => Proof::Checksum(hasher.finish()),
            Self::ETag(hasher) => Proof::Md5(hasher.finish()),
        }
    }
}

impl Recorded {
    pub(super) fn new(inventory: Arc<Inventory>, located: &Located) -> Self {
        #[cfg(feature = "download")]
        let hasher = record_of(&inventory, &located.relative, &located.path)
            .and_then(|record| Proof::recorded(&record)?.hasher());
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
        let computed: Option<Proof> = None;
        let inventory = &self.inventory;
        let differs = || {
            let record = record_of(inventory, &found.relative, path)?;
            let record = (record.size == found.size).then_some(record)?;
            let expected = Proof::recorded(&record)?;
            let got = match expected {
                Proof::Sha256(_) => Proof::Sha256(found.sha256),
                Proof::Checksum(_) | Proof::Md5(_) => computed.clone()?,
            };
            (expected.digest() == got.digest() && expected != got).then_some((expected, got))
        };
        if differs().is_none() {
            return Ok(found);
        }
        // The file may have been replaced since the records were read.
        inventory.refresh().map_err(Error::io("read the inventory", path))?;
        match differs() {
            Some((expected, got)) => {
                let (path, digest) = (path.to_owned(), expected.digest());
                let (expected, got) = (expected.text(), got.text());
                Err(InputError::Changed { path, digest, expected, got }.into())
            }
            None => Ok(found),
        }
    }
}

/// The record of a file on disk.
fn record_of(inventory: &Inventory, relative: &str, path: &Path) -> Option<Record> {
    let relative = RelativePath::new(relative.to_owned()).ok()?;
    inventory.find(&relative, &std::fs::metadata(path).ok()?)
}
