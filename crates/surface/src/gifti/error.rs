//! Why a text is not a GIFTI file that can be read.

use std::error::Error;
use std::io;

use crate::MeshError;

/// Why a GIFTI file cannot be read. Arrays are counted from 0, offsets are bytes of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GiftiError {
    /// The input could not be read.
    #[error("the input could not be read at byte {offset}")]
    Io {
        /// Where reading stopped.
        offset: u64,
        /// What went wrong.
        source: io::Error,
    },
    /// The text is not well-formed XML.
    #[error("not well-formed XML at byte {offset}")]
    Syntax {
        /// Where the fault was noticed.
        offset: u64,
        /// What the parser says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An array has several values for each vertex, such as coordinates.
    #[error("array {array} has shape {got:?} (expected one value for each vertex)")]
    NotPerVertex {
        /// The array.
        array: usize,
        /// Its shape.
        got: Vec<usize>,
    },
    /// The text is in another encoding.
    #[error("the document is text in {got} (expected UTF-8)")]
    Encoding {
        /// The encoding.
        got: &'static str,
    },
    /// A tag, comment or text outside of the data is longer than anything that a GIFTI file needs.
    #[error("markup or text at byte {offset} is longer than {limit} bytes")]
    MarkupTooLong {
        /// Where it begins.
        offset: u64,
        /// The longest piece that is read.
        limit: u64,
    },
    /// The first element is another one.
    #[error("the document is {got:?} (expected \"GIFTI\")")]
    NotGifti {
        /// The name of the first element, or nothing.
        got: String,
    },
    /// The input ends inside an element.
    #[error("the document ends at byte {offset} (expected </{expected}>)")]
    EndsEarly {
        /// The length of the input.
        offset: u64,
        /// The innermost element that is not closed.
        expected: String,
    },
    /// An array lacks an attribute that it needs.
    #[error("array {array} has no {attribute}")]
    MissingAttribute {
        /// The array.
        array: usize,
        /// The attribute, such as `DataType`.
        attribute: String,
    },
    /// An attribute of an array has a value that is not known or not valid.
    #[error("array {array}: {attribute}={got:?} (expected {expected})")]
    InvalidAttribute {
        /// The array.
        array: usize,
        /// The attribute, such as `Encoding`.
        attribute: String,
        /// What it may be.
        expected: &'static str,
        /// The value as it stands.
        got: String,
    },
    /// The data of an array lie in another file, which is not opened.
    #[error(
        "array {array}: the data lie in another file, {file:?} (expected data in the document)"
    )]
    ExternalFile {
        /// The array.
        array: usize,
        /// The name of the file as it stands.
        file: String,
    },
    /// The product of the dimensions is more than can be addressed.
    #[error("array {array}: dimensions {dimensions:?} are more than memory can hold")]
    TooLarge {
        /// The array.
        array: usize,
        /// Its dimensions as they stand.
        dimensions: Vec<u64>,
    },
    /// An array has no element `Data`, or several.
    #[error("array {array} has {got} elements Data (expected {expected})")]
    DataElements {
        /// The array.
        array: usize,
        /// Always 1.
        expected: usize,
        /// The number found so far.
        got: usize,
    },
    /// The data hold something that is not part of a value.
    #[error("array {array}: {got:?} at byte {offset} (expected {expected})")]
    InvalidData {
        /// The array.
        array: usize,
        /// Where it stands.
        offset: u64,
        /// What may stand there.
        expected: &'static str,
        /// What stands there.
        got: String,
    },
    /// A compressed array is damaged or ends early.
    #[error("array {array}: the zlib stream is damaged near byte {offset}: {reason}")]
    Inflate {
        /// The array.
        array: usize,
        /// Where the fault was noticed.
        offset: u64,
        /// What the decompressor says.
        reason: &'static str,
    },
    /// The data are more or fewer than the dimensions say.
    #[error("array {array} has {got} {unit} (expected {expected})")]
    Length {
        /// The array.
        array: usize,
        /// `values` for text, `bytes` for binary data.
        unit: &'static str,
        /// What the dimensions and the datatype say.
        expected: u64,
        /// What was found; when it is more than expected, there may be yet more.
        got: u64,
    },
    /// The file holds no array, but one was asked for.
    #[error("the file holds no data array")]
    NoDataArray,
    /// The file is no mesh: an array of it is missing or has another shape.
    #[error("no array {expected} of shape (n, 3) (got {got:?})")]
    NotAMesh {
        /// The intent of the array.
        expected: &'static str,
        /// The arrays that there are.
        got: Vec<(String, Vec<usize>)>,
    },
    /// Coordinates and triangles do not fit each other.
    #[error("the mesh is not valid")]
    Mesh {
        /// What is wrong with it.
        source: MeshError,
    },
}
