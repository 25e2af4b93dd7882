//! What can be wrong with a file on disk, and with an object that is read instead.

use std::path::PathBuf;

use s3_mirror::InvalidKey;
use thiserror::Error;

use crate::error::ErrorKind;

/// Why a file of a mirror, or an object that is read without one, cannot be used.
///
/// Paths of objects are such as `s3://laion-fmri/README`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InputError {
    /// A file is not the one that was downloaded, according to the records of the mirror.
    #[error("{} changed since it was downloaded (expected {digest} {expected}, got {got})", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// What was compared: `SHA-256`, or where none is recorded the checksum of the bucket, or
        /// else the `MD5` that is its entity tag.
        digest: &'static str,
        /// That of the file when it came into the mirror: a SHA-256 or an MD5 in hexadecimal
        /// digits, a checksum as S3 has it.
        expected: String,
        /// That of the file now.
        got: String,
    },
    /// A text that cannot be the path of a file in a mirror: it is absolute, leads out of it, or is
    /// otherwise no key.
    #[error(transparent)]
    NotAKey(#[from] InvalidKey),
    /// A file was replaced or written to while it was read.
    #[error("{} changed during the read", path.display())]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// The bucket that is read does not have a file that the call needs.
    #[error("not in the bucket: {what} (expected at {})", path.display())]
    NotInBucket {
        /// What the file holds, in the terms of the field.
        what: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The bucket has it and does not hand it out.
    #[error("{} is withheld: {reason}", path.display())]
    Withheld {
        /// The object.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The bucket listed it, and does not have it any more.
    #[error("{key} disappeared from {location} during the download")]
    Disappeared {
        /// The key.
        key: String,
        /// The bucket.
        location: String,
    },
    /// The bucket sends another size than it lists.
    #[error("{} has {got} bytes (expected {expected}, as listed)", path.display())]
    Size {
        /// The object.
        path: PathBuf,
        /// The size in the listing.
        expected: u64,
        /// The size in the answer.
        got: u64,
    },
    /// A mask, map or table that is too large to be one.
    #[error("{} has {got} bytes (at most {limit} expected)", path.display())]
    TooLarge {
        /// The object.
        path: PathBuf,
        /// The largest that is held in memory.
        limit: u64,
        /// The size in the listing.
        got: u64,
    },
}

impl InputError {
    /// What the failure means for the caller.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotAKey(_) => ErrorKind::Usage,
            Self::NotInBucket { .. } | Self::Withheld { .. } | Self::Disappeared { .. } => {
                ErrorKind::NotThere
            }
            Self::Changed { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::Size { .. }
            | Self::TooLarge { .. } => ErrorKind::Integrity,
        }
    }
}
