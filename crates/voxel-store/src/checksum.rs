//! The checksum of chunks, arrays and documents: CRC-32C, which Zarr calls `crc32c`.

use crc_fast::{CrcAlgorithm, Digest};

/// The CRC-32C of bytes that come in pieces.
#[derive(Debug)]
pub(crate) struct Crc32c(Digest);

impl Crc32c {
    pub(crate) fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc32Iscsi))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> u32 {
        // It has 32 bits.
        self.0.finalize() as u32
    }
}

/// The CRC-32C of bytes.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    // It has 32 bits.
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, by the definition.
    fn by_definition(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0x82f6_3b78 * (crc & 1));
            }
        }
        !crc
    }

    #[test]
    fn it_is_that_of_the_definition() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        let bytes: Vec<u8> = (0..3000_u32).map(|n| ((n * n) >> 3) as u8).collect();
        // Short ones, and those around the lengths that processors take at once.
        for length in (0..300).chain([511, 512, 513, 2783, 2784, 2785, 3000]) {
            for start in [0, 1, 4] {
                let bytes = &bytes[start.min(length)..length];
                assert_eq!(crc32c(bytes), by_definition(bytes), "{start} {length}");
            }
        }
    }

    #[test]
    fn pieces_give_the_same_as_the_whole() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n * 7) as u8).collect();
        for piece in [1, 16, 333, 1000] {
            let mut pieces = Crc32c::new();
            bytes.chunks(piece).for_each(|piece| pieces.update(piece));
            assert_eq!(pieces.finish(), crc32c(&bytes), "{piece}");
        }
    }
}
