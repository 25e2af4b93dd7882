//! A checksum of the whole content, put together from those of its pieces: [`Pieces`].

use std::collections::BTreeMap;
use std::sync::Mutex;

use laion_fmri_base::lock;

use super::Mismatch;
use super::hasher::{Crc, Hasher};
use crate::{Check, Checksum, Content};

/// The checksums of pieces of an object, which come in any order. Only CRCs can be put together.
pub(crate) struct Pieces {
    expected: Checksum,
    empty: Crc,
    done: Mutex<BTreeMap<u64, Crc>>,
}

impl Pieces {
    /// For an object with this checksum, if it can be put together.
    pub(super) fn of(expected: Checksum) -> Option<Self> {
        let Hasher::Crc(empty) = Hasher::of(expected.algorithm()) else { return None };
        let is_whole = expected.parts().is_none();
        is_whole.then_some(Self { expected, empty, done: Mutex::default() })
    }

    /// What computes the checksum of one piece.
    pub(crate) fn piece(&self) -> Crc {
        self.empty.clone()
    }

    /// Notes a piece that begins at `start` and is complete.
    pub(crate) fn add(&self, start: u64, piece: Crc) {
        lock(&self.done).insert(start, piece);
    }

    /// Compares what the pieces of an object of `size` bytes make up.
    pub(crate) fn finish(&self, size: u64) -> Result<Content, Mismatch> {
        let mut whole = self.piece();
        let mut complete = true;
        for (start, piece) in &*lock(&self.done) {
            complete &= *start == whole.bytes();
            whole.append(piece);
        }
        complete &= whole.bytes() == size;
        let (check, expected) = (Check::Checksum(self.expected.algorithm()), self.expected.text());
        let got = Hasher::Crc(whole).take().base64();
        if !complete || got != expected {
            return Err(Mismatch::Checksum { check, expected, got, sha256: None });
        }
        let checksum = Some(self.expected.clone());
        Ok(Content { sha256: None, etag_verified: false, check, checksum, fault: None })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ChecksumAlgorithm;

    const CRCS: [ChecksumAlgorithm; 3] =
        [ChecksumAlgorithm::Crc64Nvme, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc32];

    fn checksum(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Hasher::of(algorithm);
        hasher.update(bytes);
        Checksum::new(algorithm, &hasher.take().base64()).unwrap()
    }

    /// Cut at these places; the pieces arrive in another order.
    fn pieces(expected: Checksum, bytes: &[u8], cuts: &[usize]) -> Pieces {
        let pieces = Pieces::of(expected).unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        for pair in cuts.windows(2).rev() {
            let mut piece = pieces.piece();
            bytes[pair[0]..pair[1]].chunks(7).for_each(|chunk| piece.update(chunk));
            pieces.add(pair[0] as u64, piece);
        }
        pieces
    }

    proptest! {
        #[test]
        fn pieces_make_up_the_whole(
            bytes in prop::collection::vec(any::<u8>(), 0..500),
            cuts in prop::collection::vec(any::<usize>(), 0..6),
            turned in any::<usize>(),
        ) {
            for algorithm in CRCS {
                let expected = checksum(algorithm, &bytes);
                let size = bytes.len() as u64;
                let content = pieces(expected.clone(), &bytes, &cuts).finish(size).unwrap();
                prop_assert_eq!(content.check, Check::Checksum(algorithm));
                prop_assert_eq!(content.checksum.as_ref(), Some(&expected));
                prop_assert!(pieces(expected.clone(), &bytes, &cuts).finish(size + 1).is_err());
                if !bytes.is_empty() {
                    let mut other = bytes.clone();
                    other[turned % bytes.len()] ^= 1 << (turned % 8);
                    prop_assert!(pieces(expected, &other, &cuts).finish(size).is_err());
                }
            }
        }
    }

    #[test]
    fn a_gap_or_an_overlap_is_not_the_whole() {
        for algorithm in CRCS {
            let pieces = Pieces::of(checksum(algorithm, b"abc")).unwrap();
            for (start, bytes) in [(0, &b"ab"[..]), (1, b"c")] {
                let mut piece = pieces.piece();
                piece.update(bytes);
                pieces.add(start, piece);
            }
            assert!(pieces.finish(3).is_err());
        }
        for other in ["sha1:qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", "crc32c:4waSgw==-3"] {
            assert!(Pieces::of(other.parse().unwrap()).is_none());
        }
    }
}
