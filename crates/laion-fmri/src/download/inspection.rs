//! What is inspected while files are downloaded: the checksums inside gzipped files and, for betas,
//! what their indexes need.

use std::path::Path;

use nifti_stream::fs::IndexBuilder;
use nifti_stream::gz::GzVerifier;
use s3_mirror::{Inspection, Inspector, RelativePath, Source};

use crate::dataset::Reading;
use crate::layout;

/// Inflates every `.gz` file without keeping it, and compares length and CRC-32 of each member with
/// its trailer (RFC 1952).
#[derive(Clone, Copy, Debug)]
pub(crate) struct GzipInspection;

impl Inspection for GzipInspection {
    fn inspect(&self, path: &RelativePath) -> Option<Box<dyn Inspector>> {
        let is_gzip = path.as_str().ends_with(".gz");
        is_gzip.then(|| Box::new(Verifying(GzVerifier::new())) as Box<dyn Inspector>)
    }
}

struct Verifying(GzVerifier);

impl Inspector for Verifying {
    fn update(&mut self, bytes: &[u8]) -> Result<(), Source> {
        self.0.push(bytes).map_err(Source::from)
    }

    fn finish(self: Box<Self>) -> Result<(), Source> {
        self.0.finish().map_err(Source::from)
    }
}

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
        match index.map(IndexBuilder::start) {
            Some(Ok(builder)) => Some(Box::new(Indexing(builder))),
            // When the system refuses a thread there is no index, but the file is verified.
            Some(Err(_)) | None => GzipInspection.inspect(path),
        }
    }
}

struct Indexing(IndexBuilder);

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
