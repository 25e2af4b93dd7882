//! Indexes of betas made while the files pass through: [`IndexingInspection`].

use std::path::Path;

use nifti_stream::fs::PassingIndex;
use s3_mirror::{Inspection, Inspector, RelativePath, Source};

use super::gzip::GzipInspection;
use crate::dataset::Reading;
use crate::layout;

/// What [`GzipInspection`] does, and leaves an index of each betas file in the cache directory. Its
/// bytes are inflated once for both.
#[derive(Debug)]
pub(super) struct IndexingInspection {
    pub(super) reading: Reading,
}

impl Inspection for IndexingInspection {
    fn inspect(&self, path: &RelativePath) -> Option<Box<dyn Inspector>> {
        let index = layout::is_betas(path.as_str())
            .then(|| self.reading.index_path(Path::new(path.as_str())))
            .flatten();
        match index.map(PassingIndex::start) {
            Some(Ok(index)) => Some(Box::new(Indexing(index))),
            // Without a thread there is no index, but the file is checked.
            Some(Err(_)) | None => GzipInspection.inspect(path),
        }
    }
}

struct Indexing(PassingIndex);

impl Inspector for Indexing {
    fn update(&mut self, bytes: &[u8]) -> Result<(), Source> {
        // What is wrong, if anything, is the verdict at the end.
        self.0.push(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Source> {
        self.0.finish().map(drop).map_err(Source::from)
    }
}
