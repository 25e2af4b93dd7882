//! Stimulus files: as they are written, as they are read, and as they break.
#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod contents;
#[cfg(test)]
mod corpus;
mod corruption;
mod counting;
mod errors;
mod names;
#[cfg(feature = "serde")]
mod serialize;

use std::path::PathBuf;

use fixtures::bucket;
use tempfile::TempDir;

/// The stimulus files of the fixture bucket, the images included.
struct Files {
    folder: TempDir,
}

impl Files {
    fn write() -> Self {
        let folder = tempfile::tempdir().unwrap();
        bucket::write_stimuli(folder.path()).unwrap();
        bucket::write_gated(folder.path()).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(laion_fmri_stimuli::files::DIRECTORY).join(name)
    }
}
