//! What is recorded about files: by the mirror when it fetched them, and by a handle when it read
//! them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use laion_fmri_base::lock;
use s3_mirror::{Inventory, RelativePath};

use super::{InputError, InputRecord};
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

/// What was recorded about the files of a root when they came into the mirror.
#[derive(Debug)]
pub(crate) struct Recorded(Arc<Inventory>);

impl Recorded {
    pub(super) fn new(inventory: Arc<Inventory>) -> Self {
        Self(inventory)
    }

    /// Refuses a file that has the size of its record and other bytes. One of another size is of
    /// another version, about which nothing is recorded.
    pub(super) fn check(&self, found: InputRecord, path: &Path) -> Result<InputRecord> {
        let got = found.sha256;
        let differs = || {
            let relative = RelativePath::new(found.relative.clone()).ok()?;
            let metadata = std::fs::metadata(path).ok()?;
            let record = self.0.find(&relative, &metadata)?;
            (record.size == found.size && record.sha256 != got).then_some(record.sha256)
        };
        if differs().is_none() {
            return Ok(found);
        }
        // The file may have been replaced since the records were read.
        self.0.refresh().map_err(Error::io("read the inventory", path))?;
        match differs() {
            Some(expected) => {
                let (expected, got) = (expected.to_string(), got.to_string());
                Err(InputError::Changed { path: path.to_owned(), expected, got }.into())
            }
            None => Ok(found),
        }
    }
}
