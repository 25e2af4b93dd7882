//! Checksums of the consumed bytes: of each member, and of parts that the caller chooses.

use crc32fast::Hasher;

use crate::error::Error;

/// Follows the inflated bytes. A segment ends where a member or a part does, so that every byte is
/// hashed once.
#[derive(Default)]
pub(crate) struct Checker {
    segment: Hasher,
    member: Hasher,
    member_bytes: u64,
    part: Hasher,
    /// Available bytes that are hashed but not consumed.
    ahead: usize,
}

/// The end of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trailer {
    pub(crate) member: u64,
    /// The first byte after it.
    pub(crate) compressed_offset: u64,
    pub(crate) crc: u32,
    pub(crate) length: u32,
    /// Whether the member was read from its start, so that both can be compared.
    pub(crate) is_whole: bool,
}

impl Checker {
    /// Hashes the next bytes that are consumed.
    pub(crate) fn consume(&mut self, bytes: &[u8]) {
        let (_, new) = bytes.split_at(self.ahead.min(bytes.len()));
        self.ahead -= bytes.len() - new.len();
        self.hash(new);
    }

    /// Ends a part at the bytes consumed so far and returns its CRC-32.
    pub(crate) fn cut(&mut self) -> u32 {
        self.end_segment();
        std::mem::take(&mut self.part).finalize()
    }

    /// Compares a trailer with the member that ends with the available bytes.
    pub(crate) fn end_member(&mut self, available: &[u8], trailer: &Trailer) -> Result<(), Error> {
        let new = &available[self.ahead.min(available.len())..];
        self.hash(new);
        self.ahead = available.len();
        self.end_segment();
        let got = std::mem::take(&mut self.member).finalize();
        let bytes = std::mem::take(&mut self.member_bytes);
        let &Trailer { member, compressed_offset, crc, length, is_whole } = trailer;
        if is_whole && crc != got {
            return Err(Error::GzipChecksum { member, compressed_offset, expected: crc, got });
        }
        // The trailer holds the length modulo 2^32: the cast is the modulo.
        let got = bytes as u32;
        if is_whole && length != got {
            return Err(Error::GzipLength { member, compressed_offset, expected: length, got });
        }
        Ok(())
    }

    fn hash(&mut self, bytes: &[u8]) {
        self.segment.update(bytes);
        self.member_bytes += bytes.len() as u64;
    }

    fn end_segment(&mut self) {
        let segment = std::mem::take(&mut self.segment);
        self.member.combine(&segment);
        self.part.combine(&segment);
    }
}
