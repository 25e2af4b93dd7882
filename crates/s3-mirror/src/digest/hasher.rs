//! A digest or checksum of bytes as they come: [`Hasher`], and [`ChecksumHasher`] for callers.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use laion_fmri_base::{Hex, Sha256Hasher};
use md5::{Digest, Md5};
use sha1::Sha1;

use crate::{Checksum, ChecksumAlgorithm};

#[derive(Clone)]
pub(super) enum Hasher {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256Hasher),
    Crc(Crc),
}

impl Hasher {
    pub(super) fn md5() -> Self {
        Self::Md5(Md5::new())
    }

    pub(super) fn of(algorithm: ChecksumAlgorithm) -> Self {
        let crc = match algorithm {
            ChecksumAlgorithm::Sha1 => return Self::Sha1(Sha1::new()),
            ChecksumAlgorithm::Sha256 => return Self::Sha256(Sha256Hasher::new()),
            ChecksumAlgorithm::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
            ChecksumAlgorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
            ChecksumAlgorithm::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        };
        Self::Crc(Crc { crc: crc_fast::Digest::new(crc), width: algorithm.bytes() })
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(md5) => md5.update(bytes),
            Self::Sha1(sha1) => sha1.update(bytes),
            Self::Sha256(sha256) => sha256.update(bytes),
            Self::Crc(crc) => crc.update(bytes),
        }
    }

    /// The value of what came since the last one.
    pub(super) fn take(&mut self) -> Value {
        Value(match self {
            Self::Md5(md5) => md5.finalize_reset().to_vec(),
            Self::Sha1(sha1) => sha1.finalize_reset().to_vec(),
            Self::Sha256(sha256) => std::mem::take(sha256).finish().0.to_vec(),
            Self::Crc(Crc { crc, width }) => {
                let value = crc.finalize_reset().to_be_bytes();
                value[value.len() - *width..].to_vec()
            }
        })
    }
}

/// A CRC, which can be put together with that of the bytes that follow.
#[derive(Clone)]
pub(crate) struct Crc {
    crc: crc_fast::Digest,
    /// Bytes in the value.
    width: usize,
}

impl Crc {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
    }

    /// How many bytes came.
    pub(super) fn bytes(&self) -> u64 {
        self.crc.get_amount()
    }

    /// Goes on with bytes of which this is the CRC.
    pub(super) fn append(&mut self, next: &Self) {
        self.crc.combine(&next.crc);
    }
}

/// Computes a checksum of bytes as they come, to compare it with that of a
/// [`Record`](crate::Record).
///
/// ```
/// use s3_mirror::{ChecksumAlgorithm, ChecksumHasher};
///
/// let mut hasher = ChecksumHasher::new(ChecksumAlgorithm::Crc64Nvme);
/// hasher.update(b"1234");
/// hasher.update(b"56789");
/// assert_eq!(hasher.finish().to_string(), "crc64nvme:rosUhgp5mIg=");
/// ```
pub struct ChecksumHasher(Hasher, ChecksumAlgorithm);

impl ChecksumHasher {
    /// A hasher that has seen nothing.
    #[must_use]
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        Self(Hasher::of(algorithm), algorithm)
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes.
    #[must_use]
    pub fn finish(mut self) -> Checksum {
        Checksum::of(self.1, self.0.take().base64())
    }
}

impl fmt::Debug for ChecksumHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChecksumHasher").field(&self.1).finish_non_exhaustive()
    }
}

/// What a [`Hasher`] gives.
#[derive(Debug)]
pub(super) struct Value(pub(super) Vec<u8>);

impl Value {
    /// As entity tags have it.
    pub(super) fn hex(&self) -> String {
        Hex(&self.0).to_string()
    }

    /// As the checksums of S3 have it.
    pub(super) fn base64(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values that the catalogues of CRCs publish, of the digits from 1 to 9; and what
    /// `sha1sum` and `sha256sum` give for the same.
    #[test]
    fn published_check_values() {
        for (algorithm, expected) in [
            (ChecksumAlgorithm::Crc64Nvme, "ae8b14860a799888"),
            (ChecksumAlgorithm::Crc32c, "e3069283"),
            (ChecksumAlgorithm::Crc32, "cbf43926"),
            (ChecksumAlgorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (
                ChecksumAlgorithm::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
        ] {
            let mut hasher = Hasher::of(algorithm);
            hasher.update(b"12345");
            hasher.update(b"6789");
            assert_eq!(hasher.take().hex(), expected);
            // It begins again.
            hasher.update(b"123456789");
            assert_eq!(hasher.take().hex(), expected);
        }
        let mut hasher = Hasher::of(ChecksumAlgorithm::Crc64Nvme);
        hasher.update(b"123456789");
        assert_eq!(hasher.take().base64(), "rosUhgp5mIg=");
    }
}
