//! Files on disk that are not as they were downloaded: they are read, and it is said once.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use laion_fmri_base::{Sha256, lock};
use s3_mirror::RelativePath;

use super::{Files, Input, InputRecord, Located};
use crate::{Error, Result};

/// The files of which it was said.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(Arc<Mutex<HashSet<PathBuf>>>);

/// How a file differs from its record.
enum Change {
    /// In its bytes.
    Content,
    /// In its time of modification alone, which a copy changes too.
    Time,
}

impl Files {
    /// Reads what is left of a file, says what it was, and notes when it is not what was
    /// downloaded.
    pub(crate) fn finish(&self, place: &Located, input: Input) -> Result<InputRecord> {
        let record = input.finish()?;
        self.note_change(place, Some(record.sha256));
        Ok(record)
    }

    /// Notes, once for each file, that one on disk is not as it was downloaded: by its SHA-256
    /// where that is known, or else by size and time of modification. Users may change their files,
    /// so that is no error. A file without a record has nothing that it could differ from.
    pub(crate) fn note_change(&self, place: &Located, sha256: Option<Sha256>) {
        let change = self.change(place, sha256).unwrap_or_else(|error| {
            tracing::debug!(%error, path = %place.path().display(), "not compared with its record");
            None
        });
        let what = match change {
            None => return,
            Some(Change::Content) => "is not as it was downloaded",
            Some(Change::Time) => "has another time of modification than when it was downloaded",
        };
        if lock(&self.told.0).insert(place.path().to_owned()) {
            let path = place.path().display();
            tracing::warn!(target: "laion_fmri::changed", %path, "{path} {what}");
        }
    }

    fn change(&self, place: &Located, sha256: Option<Sha256>) -> Result<Option<Change>> {
        let Some(inventory) = self.inventory_of(place)? else { return Ok(None) };
        let Ok(relative) = RelativePath::new(place.relative()) else { return Ok(None) };
        let path = place.path();
        let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
        let change = || {
            let record = inventory.find(&relative, &metadata)?;
            match (record.sha256, sha256) {
                (Some(expected), Some(found)) => (expected != found).then_some(Change::Content),
                _ if record.size != metadata.len() => Some(Change::Content),
                _ if record.modified.is_none() || record.fits(&metadata) => None,
                _ => Some(Change::Time),
            }
        };
        if change().is_none() {
            return Ok(None);
        }
        // It may have been downloaded again since the records were read.
        inventory.refresh().map_err(Error::io("read the inventory", path))?;
        Ok(change())
    }
}
