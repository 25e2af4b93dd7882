//! The facade against the fixture bucket: every number is compared with the bucket's formulas.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod access_files;
mod anatomy;
mod betas;
mod brain_slices;
mod bucket;
mod cancelled;
#[cfg(test)]
mod corpus;
mod damage;
mod discovery;
mod download;
mod examples;
mod extract;
mod filters;
mod given_back;
mod golden;
mod inputs;
mod inside_tokio;
mod joined;
mod localizers;
mod masks;
mod memory;
mod missing;
mod objects;
mod python_names;
mod raw;
mod reading;
mod ridge_output;
mod roi_data;
#[cfg(feature = "serde")]
mod serialize;
mod stimuli;
mod store_arriving;
mod store_building;
mod stores;
mod templates;
mod trees;
mod trials;
mod untabled;

use fixtures::{Bucket, Server};
use laion_fmri::{Dataset, DownloadRequest, Error, FilterField, Location, Subject};

/// A bucket, its server, and an empty folder for a mirror.
struct Served {
    bucket: Bucket,
    server: Server,
    mirror: tempfile::TempDir,
}

impl Served {
    fn new() -> Self {
        let bucket = Bucket::temporary().unwrap();
        let server = bucket.serve().unwrap();
        Self { bucket, server, mirror: tempfile::tempdir().unwrap() }
    }

    fn location(&self) -> Location {
        self.server.url("laion-fmri").parse().unwrap()
    }
}

/// The bucket itself as a mirror: labels keep their hyphens, and everything is there.
fn opened(bucket: &Bucket, subject: &str) -> Subject {
    Dataset::open(bucket.root()).unwrap().subject(subject).unwrap()
}

/// The download that brings what an error misses.
fn fetch(error: &Error) -> DownloadRequest {
    match error {
        Error::DataNotDownloaded { fetch, .. }
        | Error::StimuliNotDownloaded { fetch, .. }
        | Error::LocalCopyNeeded { fetch, .. } => (**fetch).clone(),
        other => panic!("{other:?}"),
    }
}

/// The download of one subject with filters.
fn download(subject: &str, filters: &[(FilterField, &[&str])]) -> DownloadRequest {
    filters.iter().fold(DownloadRequest::subject(subject).unwrap(), |request, (field, values)| {
        request.filter(*field, values.iter().copied())
    })
}

/// Bitwise equality, so that NaN equals NaN and 0.0 differs from -0.0.
fn assert_same(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}: lengths");
    for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!(
            got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan()),
            "{what}: element {index} is {got}, expected {expected}"
        );
    }
}
