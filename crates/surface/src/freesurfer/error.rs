//! What can be wrong with a file of FreeSurfer.

use std::io;

use crate::mesh::MeshError;

/// Why bytes are not the file of FreeSurfer that they were read as. Bytes are counted from 0, lines
/// from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreeSurferError {
    /// The input could not be read.
    #[error("reading failed at byte {offset}")]
    Io {
        /// Where.
        offset: u64,
        /// What went wrong.
        source: io::Error,
    },
    /// The file is of another kind.
    #[error("the file is {got} (expected {expected})")]
    Kind {
        /// The kind that is read.
        expected: &'static str,
        /// The kind it is, or how it begins.
        got: String,
    },
    /// A count is negative or otherwise impossible.
    #[error("{got} {what} (expected {expected})")]
    Count {
        /// What is counted, such as `vertices`.
        what: &'static str,
        /// What is possible.
        expected: &'static str,
        /// The number in the file.
        got: i64,
    },
    /// The counts of the file promise more bytes than it has.
    #[error("{what} need {expected} bytes (got {got})")]
    TooShort {
        /// What does not fit, such as `5 vertices and 6 triangles`.
        what: String,
        /// The bytes that they need.
        expected: u64,
        /// The bytes that there are.
        got: u64,
    },
    /// The file ends inside a part of it.
    #[error("the file ends at byte {offset}, inside {what}")]
    EndsEarly {
        /// Where it ends.
        offset: u64,
        /// The part, such as `the coordinates`.
        what: &'static str,
    },
    /// The vertices and triangles are not a mesh.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// A line does not say what it should.
    #[error("line {line}: {got:?} (expected {expected})")]
    Line {
        /// The line.
        line: u64,
        /// What is expected there.
        expected: &'static str,
        /// What stands there.
        got: String,
    },
    /// A transform of a type that is not known.
    #[error("transform of type {got} (expected 0, voxels to voxels, or 1, RAS to RAS)")]
    TransformType {
        /// The type in the file.
        got: i64,
    },
    /// A transform or the place of a volume maps space onto a plane, or has a number that is not
    /// finite.
    #[error("{what} cannot be inverted")]
    Singular {
        /// Which one.
        what: &'static str,
    },
    /// The file does not say where a volume lies that is needed.
    #[error("the file does not say where {what} lies")]
    NoGeometry {
        /// Which volume.
        what: &'static str,
    },
}
