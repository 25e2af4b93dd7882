//! The entity tag of an object that was uploaded in one piece, and nothing else, of bytes as they
//! come: [`ETagDigest`], and [`ETagHasher`] for callers.

use std::fmt;

use super::hasher::Hasher;
use super::{Mismatch, is_md5};
use crate::{Check, Content};

/// Computes the entity tag of an object that was uploaded in one piece, to compare it with that of
/// a [`Record`](crate::Record): the MD5 of all bytes.
///
/// ```
/// use s3_mirror::ETagHasher;
///
/// let mut hasher = ETagHasher::for_tag("\"25f9e794323b453885f5181f1b624d0b\"").unwrap();
/// hasher.update(b"1234");
/// hasher.update(b"56789");
/// assert_eq!(hasher.finish(), "25f9e794323b453885f5181f1b624d0b");
/// ```
pub struct ETagHasher(Hasher);

impl ETagHasher {
    /// A hasher that has seen nothing; `None` if the entity tag is not the MD5 of all bytes, as
    /// that of an upload in several parts.
    #[must_use]
    pub fn for_tag(etag: &str) -> Option<Self> {
        is_md5(etag.trim_matches('"')).then(Self::new)
    }

    fn new() -> Self {
        Self(Hasher::md5())
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The entity tag of all bytes, without quotes, in lower case.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.0.take().hex()
    }
}

impl fmt::Debug for ETagHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ETagHasher").finish_non_exhaustive()
    }
}

/// Compares bytes with an entity tag that is the MD5 of all of them. No SHA-256 is made: whoever
/// reads the record of the file later can compare the bytes with the tag again.
pub(crate) struct ETagDigest {
    expected: String,
    hasher: ETagHasher,
}

impl ETagDigest {
    /// `expected` is an MD5 in lower case.
    pub(super) fn new(expected: String) -> Self {
        Self { expected, hasher: ETagHasher::new() }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    pub(crate) fn finish(self) -> Result<Content, Mismatch> {
        let (check, expected, got) = (Check::ETag, self.expected, self.hasher.finish());
        if got != expected {
            return Err(Mismatch::Checksum { check, expected, got, sha256: None });
        }
        Ok(Content { sha256: None, etag_verified: true, check, checksum: None, fault: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_ABC: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn the_tag_of_one_piece_is_an_md5() {
        for etag in [OF_ABC.to_owned(), format!("\"{}\"", OF_ABC.to_uppercase())] {
            let mut hasher = ETagHasher::for_tag(&etag).unwrap();
            hasher.update(b"a");
            hasher.update(b"bc");
            assert_eq!(hasher.finish(), OF_ABC);
        }
        for etag in ["", "\"tag\"", "900150983cd24fb0d6963f7d28e17f72-1"] {
            assert!(ETagHasher::for_tag(etag).is_none(), "{etag}");
        }
    }

    #[test]
    fn bytes_are_compared_with_it() {
        let finish = |bytes: &[u8]| {
            let mut digest = ETagDigest::new(OF_ABC.to_owned());
            digest.update(bytes);
            digest.finish()
        };
        let content = finish(b"abc").unwrap();
        assert_eq!((content.check, content.etag_verified), (Check::ETag, true));
        assert_eq!((content.sha256, content.checksum), (None, None));
        assert!(matches!(
            finish(b"abd").unwrap_err(),
            Mismatch::Checksum { check: Check::ETag, expected, got, sha256: None }
                if expected == OF_ABC && got == "4911e516e5aa21d327512e0c8b197616"
        ));
    }
}
