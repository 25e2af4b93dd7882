//! What is known about the bytes of a file: [`Content`], and what shows it: [`Check`].

use std::fmt;

use laion_fmri_base::Sha256;

use crate::{Checksum, ChecksumAlgorithm};

/// What is known about the content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Content {
    /// The SHA-256 of the bytes, if it was computed. A transfer leaves it out of a long file that is not
    /// inspected, where the store keeps a CRC of the whole, or where the entity tag is the MD5 of
    /// the whole: whoever needs it makes it then.
    pub sha256: Option<Sha256>,
    /// Whether the entity tag of the object was recomputed from the bytes and is the same. `false`
    /// says that the tag proves nothing about the bytes, or that a better proof was at hand.
    pub etag_verified: bool,
    /// What shows that these are the bytes of the object.
    pub check: Check,
    /// The checksum that the store keeps of the object, if the bytes were compared with it and have it.
    pub checksum: Option<Checksum>,
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
    /// They have the checksum of the whole content that the store keeps of the object.
    Checksum(ChecksumAlgorithm),
    /// The checksums of the parts in which the object was uploaded have the checksum that the store keeps
    /// of them.
    PartChecksums(ChecksumAlgorithm),
    /// They have the entity tag of the object, which is a digest of its content.
    ETag,
    /// The checksums inside the file hold.
    Inspection,
    /// They came twice, and were the same both times.
    Repetition,
    /// There are as many as the object has. Nothing else could be compared.
    Size,
}

impl Check {
    /// Whether the bytes were compared with a digest or checksum of the object.
    #[must_use]
    pub fn is_proof(self) -> bool {
        match self {
            Self::Sha256 | Self::Checksum(_) | Self::PartChecksums(_) | Self::ETag => true,
            Self::Inspection | Self::Repetition | Self::Size => false,
        }
    }

    /// The name in a record.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Sha256 => SHA256.to_owned(),
            Self::Checksum(algorithm) => format!("{CHECKSUM}{algorithm}"),
            Self::PartChecksums(algorithm) => format!("{PART_CHECKSUMS}{algorithm}"),
            Self::ETag => ETAG.to_owned(),
            Self::Inspection => INSPECTION.to_owned(),
            Self::Repetition => REPETITION.to_owned(),
            Self::Size => SIZE.to_owned(),
        }
    }

    /// The check with this name in a record.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if let Some(algorithm) = name.strip_prefix(CHECKSUM) {
            return algorithm.parse().ok().map(Self::Checksum);
        }
        if let Some(algorithm) = name.strip_prefix(PART_CHECKSUMS) {
            return algorithm.parse().ok().map(Self::PartChecksums);
        }
        Some(match name {
            SHA256 => Self::Sha256,
            ETAG => Self::ETag,
            INSPECTION => Self::Inspection,
            REPETITION => Self::Repetition,
            SIZE => Self::Size,
            _ => return None,
        })
    }
}

const SHA256: &str = "sha256";
const CHECKSUM: &str = "checksum:";
const PART_CHECKSUMS: &str = "part-checksums:";
const ETAG: &str = "etag";
const INSPECTION: &str = "inspection";
const REPETITION: &str = "repetition";
const SIZE: &str = "size";

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Checksum(algorithm) => algorithm.title(),
            Self::PartChecksums(algorithm) => return write!(f, "{} of parts", algorithm.title()),
            Self::ETag => "entity tag",
            Self::Inspection => "checksums inside",
            Self::Repetition => "fetched twice",
            Self::Size => "size",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_records_are_read_back() {
        let mut all =
            vec![Check::Sha256, Check::ETag, Check::Inspection, Check::Repetition, Check::Size];
        all.extend(ChecksumAlgorithm::ALL.iter().copied().map(Check::Checksum));
        all.extend(ChecksumAlgorithm::ALL.iter().copied().map(Check::PartChecksums));
        for check in all {
            assert_eq!(Check::named(&check.name()), Some(check));
        }
        for other in ["", "md5", "checksum:", "checksum:md5", "part-checksums:x"] {
            assert_eq!(Check::named(other), None, "{other}");
        }
    }
}
