//! Where blocks start in the middle of a stream: those that describe their own codes can be told
//! from other bits.

use super::{Inflater, Input};

/// The first three bits of a block with codes of its own that is not the last.
pub(crate) const DYNAMIC: u32 = 0b100;

/// The first bit at which such a block seems to start, with a complete
/// description of valid codes. Bits that only look like one are possible, but very rare.
pub(crate) fn find_dynamic(bytes: &[u8], is_end: bool) -> Option<usize> {
    let mut inflater = Inflater::new();
    (0..bytes.len()).find_map(|byte| {
        let mut word = [0; 16];
        let next = &bytes[byte..bytes.len().min(byte + 16)];
        word[..next.len()].copy_from_slice(next);
        let word = u128::from_le_bytes(word);
        let low = word as u64;
        (0..8)
            .find(|&shift| {
                let bits = low >> shift;
                let fits =
                    bits as u32 & 7 == DYNAMIC && bits >> 3 & 31 <= 29 && bits >> 8 & 31 <= 29;
                fits && is_complete(word >> shift)
                    && inflater.starts_block(bytes, byte * 8 + shift, is_end)
            })
            .map(|shift| byte * 8 + shift)
    })
}

/// Whether the code of the code lengths is complete.
fn is_complete(bits: u128) -> bool {
    let n_lengths = (bits >> 13 & 15) as u32 + 4;
    let lengths = (0..n_lengths).map(|n| bits >> (17 + 3 * n) & 7);
    lengths.filter(|&length| length > 0).map(|length| 128 >> length).sum::<u32>() == 128
}

impl Inflater {
    /// Stands at a bit of these bytes; the next byte that is read comes back.
    pub(crate) fn start_at(&mut self, bytes: &[u8], bit: usize) -> usize {
        let done = (bit % 8) as u32;
        match (done, bytes.get(bit / 8)) {
            (1.., Some(&byte)) => {
                self.start(byte, 8 - done);
                bit / 8 + 1
            }
            _ => {
                self.start(0, 0);
                bit / 8
            }
        }
    }

    fn starts_block(&mut self, bytes: &[u8], bit: usize, is_end: bool) -> bool {
        let at = self.start_at(bytes, bit);
        self.block_header(&mut Input { bytes, at, is_end }) == Ok(true)
    }

    /// The first three bits of what comes next, if they are there.
    pub(crate) fn peek_header(&self, next: &[u8]) -> Option<u32> {
        let byte = next.first().copied();
        let bits = self.bits | u64::from(byte.unwrap_or_default()) << self.n_bits;
        (self.n_bits >= 3 || byte.is_some()).then_some(bits as u32 & 7)
    }
}
