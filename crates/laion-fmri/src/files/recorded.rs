//! What is recorded about files: by the mirror when it fetched them, and by a handle when it read
//! them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use laion_fmri_base::lock;
#[cfg(not(feature = "download"))]
use s3_mirror::Checksum;
#[cfg(feature = "download")]
use s3_mirror::ChecksumHasher;
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
    /// Computes the checksum of the bucket, where no SHA-256 is recorded. Without requests there is nothing
    /// that computes one.
    #[cfg(feature = "download")]
    hasher: Option<ChecksumHasher>,
}

impl Recorded {
    pub(super) fn new(inventory: Arc<Inventory>, located: &Located) -> Self {
        #[cfg(feature = "download")]
        let hasher = record_of(&inventory, &located.relative, &located.path)
            .filter(|record| record.sha256.is_none())
            .and_then(|record| record.checksum)
            .filter(|checksum| checksum.parts().is_none())
            .map(|checksum| ChecksumHasher::new(checksum.algorithm()));
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
        let checksum = self.hasher.map(ChecksumHasher::finish);
        #[cfg(not(feature = "download"))]
        let checksum: Option<Checksum> = None;
        let inventory = &self.inventory;
        let differs = || {
            let record = record_of(inventory, &found.relative, path)?;
            let record = (record.size == found.size).then_some(record)?;
            if let Some(expected) = record.sha256 {
                let differs = expected != found.sha256;
                let digests = (expected.to_string(), found.sha256.to_string());
                return differs.then_some(("SHA-256", digests));
            }
            let (expected, got) = (record.checksum?, checksum.as_ref()?);
            let differs = expected.algorithm() == got.algorithm() && expected != *got;
            differs.then(|| (got.algorithm().title(), (expected.text(), got.text())))
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

/// The record of a file on disk.
fn record_of(inventory: &Inventory, relative: &str, path: &Path) -> Option<Record> {
    let relative = RelativePath::new(relative.to_owned()).ok()?;
    inventory.find(&relative, &std::fs::metadata(path).ok()?)
}
