//! Finds where blocks start in the middle of a stream. Only blocks that describe their own codes
//! can be told from other bits.

use super::{Inflater, Input};

/// The first three bits of a block with codes of its own that is not the last.
pub(crate) const DYNAMIC: u32 = 0b100;

/// Bits that are looked at together: of each the 17 before the code lengths lie in the same word.
const TOGETHER: usize = 40;

/// The first bit at which such a block seems to start, with a complete
/// description of valid codes. Bits that only look like one are possible, but very rare.
pub(crate) fn find_dynamic(bytes: &[u8], is_end: bool) -> Option<usize> {
    let mut inflater = Inflater::new();
    (0..bytes.len()).step_by(TOGETHER / 8).find_map(|byte| {
        let mut word = [0; 16];
        let next = &bytes[byte..bytes.len().min(byte + 16)];
        word[..next.len()].copy_from_slice(next);
        let word = u128::from_le_bytes(word);
        let mut candidates = candidates(word as u64);
        while candidates != 0 {
            let shift = candidates.trailing_zeros() as usize;
            candidates &= candidates - 1;
            let bit = byte * 8 + shift;
            if is_complete(word >> shift) && inflater.starts_block(bytes, bit, is_end) {
                return Some(bit);
            }
        }
        None
    })
}

/// The bits of a word at which a dynamic block may start, by its first three and both counts of codes,
/// none of which is 30 or 31.
fn candidates(word: u64) -> u64 {
    let is_large = |at: u32| word >> at & word >> (at + 1) & word >> (at + 2) & word >> (at + 3);
    let dynamic = !word & !(word >> 1) & word >> 2;
    dynamic & !is_large(4) & !is_large(9) & ((1 << TOGETHER) - 1)
}

/// Whether the code of the code lengths is complete.
fn is_complete(bits: u128) -> bool {
    let n_lengths = (bits >> 13 & 15) as u32 + 4;
    let lengths = (bits >> 17) as u64 & ((1 << (3 * n_lengths)) - 1);
    let used = |four: u32| USED[(lengths >> (12 * four)) as usize % USED.len()];
    used(0) + used(1) + used(2) + used(3) + used(4) == 128
}

/// Of 128, how many four code lengths use up.
static USED: [u16; 1 << 12] = {
    let mut used = [0; 1 << 12];
    let mut lengths = 0;
    while lengths < used.len() {
        let mut position = 0;
        while position < 4 {
            let length = lengths >> (3 * position) & 7;
            if length > 0 {
                used[lengths] += 128 >> length;
            }
            position += 1;
        }
        lengths += 1;
    }
    used
};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_looked_at() {
        let mut seed = 3_u64;
        for n_lengths in 4..20_u32 {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(11);
            for (counts, fits) in [(0x3bd, true), (0x3de, false), (0x3dd, false), (0, true)] {
                let lengths = u128::from(seed >> 7) & ((1 << (3 * n_lengths)) - 1);
                let used: u32 = (0..n_lengths)
                    .map(|n| (lengths >> (3 * n) & 7) as u32)
                    .filter(|&length| length > 0)
                    .map(|length| 128 >> length)
                    .sum();
                let start = u128::from(DYNAMIC) | counts << 3 | u128::from(n_lengths - 4) << 13;
                let bits = start | lengths << 17;
                assert_eq!(is_complete(bits), used == 128, "{bits:x}");
                for shift in 0..TOGETHER {
                    let found = candidates((bits << shift) as u64) >> shift & 1 == 1;
                    assert_eq!(found, fits, "{bits:x} at {shift}");
                }
            }
        }
        // Two codes of length 1.
        assert!(is_complete(0b1001 << 17));
        assert!(!is_complete(0b1010 << 17));
    }
}
