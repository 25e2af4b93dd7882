//! A bundle that cannot be decoded.

use laion_fmri_base::Sha256;

/// What is wrong with the bytes of a bundle.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The first bytes are those of something else.
    #[error("not a bundle of splits (expected it to start with {expected:?}, got {got:?})")]
    Magic {
        /// The eight bytes of every bundle.
        expected: [u8; 8],
        /// The bytes there are, eight at most.
        got: Vec<u8>,
    },
    /// A version of the format that this crate does not read.
    #[error("version of the bundle (expected {expected}, got {got})")]
    Version {
        /// The version that is read.
        expected: u32,
        /// The version in the header.
        got: u32,
    },
    /// A number in the header that does not fit this version of the crate.
    #[error("{field} of the bundle (expected {expected}, got {got})")]
    Count {
        /// What is counted.
        field: &'static str,
        /// The number, or the largest that is accepted.
        expected: usize,
        /// The number in the header.
        got: usize,
    },
    /// A part ends before its length, or is longer than it.
    #[error("{section} of the bundle (expected {expected} bytes, got {got})")]
    Length {
        /// The part.
        section: &'static str,
        /// The bytes that it needs.
        expected: usize,
        /// The bytes that are there.
        got: usize,
    },
    /// The compressed part is damaged.
    #[error("the compressed part of the bundle is damaged ({reason})")]
    Damaged {
        /// The decoder's word for it.
        reason: &'static str,
    },
    /// A payload that is not the one that the header was written for.
    #[error("payload of the bundle (expected SHA-256 {expected}, got {got})")]
    Digest {
        /// The digest in the header.
        expected: Sha256,
        /// The digest of the payload.
        got: Sha256,
    },
    /// Text that is not UTF-8.
    #[error("{section} of the bundle: not UTF-8")]
    Text {
        /// The part.
        section: &'static str,
    },
    /// A name that does not come after the one before it.
    #[error("name {position} of the bundle is not in order")]
    Order {
        /// Its position, from 0.
        position: usize,
    },
    /// A name that begins with more bytes of the one before than that has.
    #[error(
        "name {position} of the bundle (expected to share at most {expected} bytes, got {got})"
    )]
    Prefix {
        /// Its position, from 0.
        position: usize,
        /// The length of the name before.
        expected: usize,
        /// The number of shared bytes.
        got: usize,
    },
    /// A column with bits after its last one.
    #[error("{section} of the bundle has bits behind its end")]
    StrayBits {
        /// The column.
        section: &'static str,
    },
    /// An out-of-distribution image whose name tells no known type.
    #[error("the name {name:?} tells no type of out-of-distribution images")]
    OodType {
        /// The name.
        name: String,
    },
    /// A position after the last name.
    #[error("{section} of the bundle (expected a position below {expected}, got {got})")]
    Position {
        /// The part.
        section: &'static str,
        /// The number of names.
        expected: usize,
        /// The position.
        got: usize,
    },
}
