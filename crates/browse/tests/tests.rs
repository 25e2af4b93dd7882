//! The server as a browser meets it, on the fixture bucket.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod changes;
mod client;
mod figures;
mod gate;
mod images;
mod subjects;
mod surfaces;
mod volumes;
mod voxels;
