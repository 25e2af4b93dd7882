//! What is known about the bytes of a file: [`Content`], and what shows it: [`Check`].

use std::fmt;

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
    /// What shows that these are the bytes of the object.
    pub check: Check,
    /// What the inspection of the format found wrong, although these are the bytes of the object:
    /// the object itself is at fault, and fetching it again would change nothing.
    pub fault: Option<String>,
}

/// What shows that bytes are those of their object. `Display` names it in a word or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Check {
    /// They have the SHA-256 that was known beforehand.
    Sha256,
    /// They have the entity tag of the object, which is a digest of its content.
    ETag,
    /// The checksums inside the file hold.
    Inspection,
    /// They came twice, and were the same both times.
    Repetition,
    /// There are as many as the object has. Nothing else could be compared.
    Size,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::ETag => "entity tag",
            Self::Inspection => "checksums inside",
            Self::Repetition => "fetched twice",
            Self::Size => "size",
        })
    }
}
