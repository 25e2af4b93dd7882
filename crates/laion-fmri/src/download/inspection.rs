//! What is inspected while files are downloaded: the checksums inside gzipped files and, for betas,
//! what indexes and stores need.

use std::path::Path;
use std::sync::Arc;

use nifti_stream::fs::{ArrivingVolumes, IndexBuilder};
use nifti_stream::gz::GzVerifier;
use s3_mirror::{Inspection, Inspector, RelativePath, Source};

use crate::dataset::Reading;
use crate::layout;
use crate::store::ArrivingSessions;

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

/// The length of the header of a gzip file, without its optional fields.
const GZIP_HEADER: usize = 10;

/// What [`GzipInspection`] does. Of betas it makes indexes and stores as well, whose bytes are inflated
/// once for everything.
#[derive(Debug)]
pub(super) struct BetasInspection {
    /// Where the index of each file goes, if indexes are made.
    pub(super) indexes: Option<Reading>,
    /// The sessions that go to stores, if any do.
    pub(super) arriving: Option<Arc<ArrivingSessions>>,
}

impl Inspection for BetasInspection {
    fn inspect(&self, path: &RelativePath) -> Option<Box<dyn Inspector>> {
        if !layout::is_betas(path.as_str()) {
            return GzipInspection.inspect(path);
        }
        let read = self.arriving.as_ref().and_then(|arriving| arriving.begin(path));
        let index = match (&self.indexes, &self.arriving) {
            (Some(reading), _) => reading.index_path(Path::new(path.as_str())),
            (None, Some(arriving)) if read.is_some() => arriving.index(path),
            _ => None,
        };
        if index.is_none() && read.is_none() {
            return GzipInspection.inspect(path);
        }
        let read = read.unwrap_or_else(|| Box::new(|_: &mut ArrivingVolumes| {}));
        match IndexBuilder::start_reading(index, read) {
            Ok(builder) => Some(Box::new(Building { builder, first: Some(GzVerifier::new()) })),
            // When the system refuses a thread there is neither, but the file is verified.
            Err(_) => GzipInspection.inspect(path),
        }
    }
}

struct Building {
    builder: IndexBuilder,
    /// Sees the header as well: the builder would take a file that is not gzipped.
    first: Option<GzVerifier>,
}

impl Inspector for Building {
    fn update(&mut self, bytes: &[u8]) -> Result<(), Source> {
        if let Some(mut first) = self.first.take() {
            first.push(&bytes[..bytes.len().min(GZIP_HEADER)])?;
        }
        // What else is wrong, if anything, is the verdict at the end.
        self.builder.push(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Source> {
        let Self { builder, first } = *self;
        if let Some(nothing) = first {
            nothing.finish()?;
        }
        builder.finish().map(drop).map_err(Source::from)
    }
}
