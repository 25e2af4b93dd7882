//! Decoding tables for the prefix codes of a deflate block.
//!
//! A table is looked up by the next bits of the stream. An entry says what these bits mean and how
//! many of them it uses:
//!
//! | entry | bit 31 | 30..16 | 15 | 14 | 13 | 11..8 | 7..0 |
//! |---|---|---|---|---|---|---|---|
//! | literal | 1 | the byte | 0 | 0 | 0 | | bits of the code |
//! | length or distance | 0 | smallest value | 0 | 0 | 0 | bits of the code | with extra bits |
//! | long code | 0 | where its own table starts | 1 | 1 | 0 | bits of that table | bits so far |
//! | end of block | 0 | | 1 | 0 | 1 | | bits of the code |
//! | no code | 0 | | 1 | 0 | 0 | | 0 |

/// Longest code of deflate.
const MAX_BITS: usize = 15;
/// Bits looked up at once for literals and lengths.
pub(super) const LITERAL_BITS: u32 = 11;
/// Bits looked up at once for distances.
pub(super) const DISTANCE_BITS: u32 = 8;
/// Bits of the longest code of the code lengths.
pub(super) const LENGTHS_BITS: u32 = 7;

pub(super) const LITERAL: u32 = 1 << 31;
pub(super) const SPECIAL: u32 = 1 << 15;
pub(super) const LONG: u32 = 1 << 14;
pub(super) const END_OF_BLOCK: u32 = 1 << 13;
const NO_CODE: u32 = SPECIAL;

/// Entries of a table of 2^11 with room for the longest codes: 2,342 at most, rounded up to a power
/// of two, so that a masked index needs no check.
pub(super) const LITERAL_ENTRIES: usize = 4096;
/// As above: 402 at most.
pub(super) const DISTANCE_ENTRIES: usize = 512;
/// Every code of the code lengths fits the first table.
pub(super) const LENGTHS_ENTRIES: usize = 128;

/// Entries of the literals and lengths, by symbol, without the bits of the code.
static LITERAL_SYMBOLS: [u32; 288] = literal_symbols();
static DISTANCE_SYMBOLS: [u32; 32] = distance_symbols();
static LENGTHS_SYMBOLS: [u32; 19] = lengths_symbols();

const fn literal_symbols() -> [u32; 288] {
    let mut symbols = [NO_CODE; 288];
    let mut symbol = 0;
    while symbol < 256 {
        symbols[symbol] = LITERAL | (symbol as u32) << 16;
        symbol += 1;
    }
    symbols[256] = SPECIAL | END_OF_BLOCK;
    let mut base = 3;
    let mut symbol = 257;
    while symbol < 285 {
        let extra = if symbol < 265 { 0 } else { (symbol as u32 - 261) / 4 };
        symbols[symbol] = base << 16 | extra;
        base += 1 << extra;
        symbol += 1;
    }
    symbols[285] = 258 << 16;
    symbols
}

const fn distance_symbols() -> [u32; 32] {
    let mut symbols = [NO_CODE; 32];
    let mut base = 1;
    let mut symbol = 0;
    while symbol < 30 {
        let extra = if symbol < 4 { 0 } else { symbol as u32 / 2 - 1 };
        symbols[symbol] = base << 16 | extra;
        base += 1 << extra;
        symbol += 1;
    }
    symbols
}

const fn lengths_symbols() -> [u32; 19] {
    let mut symbols = [0; 19];
    let mut symbol = 0;
    while symbol < 19 {
        symbols[symbol] = (symbol as u32) << 16;
        symbol += 1;
    }
    symbols
}

/// Which code a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Literals,
    Distances,
    Lengths,
}

impl Code {
    /// The entry of a symbol whose code ends `bits` after what was looked up before.
    fn entry(self, symbol: usize, bits: u32) -> u32 {
        let table: &[u32] = match self {
            Self::Literals => &LITERAL_SYMBOLS,
            Self::Distances => &DISTANCE_SYMBOLS,
            Self::Lengths => &LENGTHS_SYMBOLS,
        };
        let symbol = table.get(symbol).copied().unwrap_or(NO_CODE);
        match symbol {
            NO_CODE => NO_CODE,
            literal if literal & LITERAL != 0 => literal + bits,
            end if end & SPECIAL != 0 => end + bits,
            value => value + (bits << 8) + bits,
        }
    }

    fn bits(self) -> u32 {
        match self {
            Self::Literals => LITERAL_BITS,
            Self::Distances => DISTANCE_BITS,
            Self::Lengths => LENGTHS_BITS,
        }
    }

    /// Whether a code may leave bit patterns unused: only one of a single bit, and only for
    /// distances and lengths, as in zlib.
    fn may_be_incomplete(self, longest: usize) -> bool {
        longest <= 1 && self != Self::Lengths
    }
}

/// Fills a table from the length of the code of each symbol; `false` for lengths that make no
/// prefix code.
pub(super) fn build<const N: usize>(table: &mut [u32; N], code: Code, lengths: &[u8]) -> bool {
    let mut counts = [0_u16; MAX_BITS + 1];
    for &length in lengths {
        counts[usize::from(length) & MAX_BITS] += 1;
    }
    counts[0] = 0;
    let longest = counts.iter().rposition(|&count| count > 0).unwrap_or(0);

    // Codes that are left after those of each length: none may be missing.
    let mut left = 1_i32;
    let mut offsets = [0_u16; MAX_BITS + 2];
    for bits in 1..=MAX_BITS {
        left = (left << 1) - i32::from(counts[bits]);
        if left < 0 {
            return false;
        }
        offsets[bits + 1] = offsets[bits] + counts[bits];
    }
    let first_bits = code.bits();
    let first_size = 1_usize << first_bits;
    if left > 0 {
        if !code.may_be_incomplete(longest) {
            return false;
        }
        table[..first_size].fill(NO_CODE);
    }
    let mut sorted = [0_u16; 320];
    for (symbol, &length) in lengths.iter().enumerate() {
        if length > 0 {
            let position = &mut offsets[usize::from(length) & MAX_BITS];
            sorted[usize::from(*position)] = symbol as u16;
            *position += 1;
        }
    }

    let mut symbols = sorted.iter().map(|&symbol| usize::from(symbol));
    let mut next = first_size;
    let mut codeword = 0_usize;
    // The entry of the first table that leads to the table now filled, and the bits of that table.
    let mut prefix = usize::MAX;
    let mut table_bits = 0;
    let mut start = 0;
    for bits in 1..=longest {
        for done in 0..counts[bits] {
            let Some(symbol) = symbols.next() else { return false };
            let reversed = reverse(codeword, bits);
            codeword += 1;
            if bits as u32 <= first_bits {
                let entry = code.entry(symbol, bits as u32);
                for slot in table[..first_size].iter_mut().skip(reversed).step_by(1 << bits) {
                    *slot = entry;
                }
                continue;
            }
            let beyond = bits as u32 - first_bits;
            if reversed & (first_size - 1) != prefix {
                prefix = reversed & (first_size - 1);
                // As many bits as the codes with this prefix need.
                table_bits = beyond;
                let mut room = (1_i32 << table_bits) - i32::from(counts[bits] - done);
                while room > 0 && first_bits + table_bits < MAX_BITS as u32 {
                    table_bits += 1;
                    room = (room << 1) - i32::from(counts[(first_bits + table_bits) as usize]);
                }
                start = next;
                next += 1 << table_bits;
                if next > N {
                    return false;
                }
                table[prefix] =
                    (start as u32) << 16 | SPECIAL | LONG | table_bits << 8 | first_bits;
            }
            let entry = code.entry(symbol, beyond);
            let own = &mut table[start..start + (1 << table_bits)];
            for slot in own.iter_mut().skip(reversed >> first_bits).step_by(1 << beyond) {
                *slot = entry;
            }
        }
        codeword <<= 1;
    }
    true
}

/// The codeword with its first bit lowest, as the stream holds it.
fn reverse(codeword: usize, bits: usize) -> usize {
    usize::from((codeword as u16).reverse_bits() >> (16 - bits))
}
