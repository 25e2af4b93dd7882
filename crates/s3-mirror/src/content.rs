//! What is known about the bytes of a file: [`Content`].

use laion_fmri_base::Sha256;

/// What is known about the content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Content {
    /// The SHA-256 of the bytes.
    pub sha256: Sha256,
    /// Whether the entity tag of the object was recomputed from the bytes and is the same. `false`
    /// says that the tag proves nothing about the bytes.
    pub etag_verified: bool,
}
