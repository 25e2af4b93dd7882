//! A disk that is too full for an output: [`NotEnoughSpace`].

use std::path::PathBuf;

use laion_fmri_base::{readable_bytes, sufficient_bytes};

/// The disk has less free space than what is to be written takes. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not enough space in {}: {} needed, {} free",
    .directory.display(),
    sufficient_bytes(*needed),
    readable_bytes(*free)
)]
pub struct NotEnoughSpace {
    /// Where it was to be written.
    pub directory: PathBuf,
    /// The bytes that it takes.
    pub needed: u64,
    /// The bytes that are free for this user.
    pub free: u64,
}
