//! Raw deflate (RFC 1951), piece by piece: it can stop at the start of a block and continue from
//! there in another process.
//!
//! The output buffer is also the window: it holds the inflated bytes before the next ones, and the
//! caller moves them. Between two calls the decoder is between two symbols and holds back less than
//! a byte of input.

mod find;
mod marked;
mod output;
mod table;

pub(crate) use self::find::{DYNAMIC, find_dynamic};
pub(crate) use self::marked::Marked;
use self::output::copy;
pub(crate) use self::output::{Output, Symbol};
use self::table::{
    Code, DISTANCE_BITS, DISTANCE_ENTRIES, END_OF_BLOCK, LENGTHS_BITS, LENGTHS_ENTRIES, LITERAL,
    LITERAL_BITS, LITERAL_ENTRIES, LONG, SPECIAL, build,
};

/// The farthest that a match reaches back.
pub(crate) const WINDOW: usize = 32 * 1024;
/// Bytes that may be written beyond the limit: literals of one round, one match, and the rounding
/// of its copy.
pub(crate) const SLACK: usize = 8 + 258 + STRIDE;
/// More input than the longest description of a block.
pub(crate) const MIN_INPUT: usize = 640;

/// Bytes copied at a time.
const STRIDE: usize = 32;
/// Longest match with both codes: more bits are never looked at for one symbol.
const SYMBOL_BITS: u32 = 48;

/// A decoder between two symbols.
pub(crate) struct Inflater {
    state: State,
    last_block: bool,
    bits: u64,
    n_bits: u32,
    tables: Box<Tables>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    BlockStart,
    Stored(usize),
    Codes,
    End,
}

struct Tables {
    literals: [u32; LITERAL_ENTRIES],
    distances: [u32; DISTANCE_ENTRIES],
}

/// Why the decoder came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// More input is needed.
    Input,
    /// The limit of the output is reached.
    Output,
    /// A block starts here and the caller wanted to know.
    Block,
    /// The last block has ended; the rest of its last byte is dropped.
    End,
    /// The input ends inside the stream.
    Truncated,
}

/// What the decoder reads.
pub(crate) struct Input<'a> {
    pub(crate) bytes: &'a [u8],
    /// The next byte.
    pub(crate) at: usize,
    /// Nothing comes after these bytes.
    pub(crate) is_end: bool,
}

impl Inflater {
    pub(crate) fn new() -> Self {
        let tables = Tables { literals: [0; LITERAL_ENTRIES], distances: [0; DISTANCE_ENTRIES] };
        Self {
            state: State::BlockStart,
            last_block: false,
            bits: 0,
            n_bits: 0,
            tables: Box::new(tables),
        }
    }

    /// Starts over at a block whose first bits are the upper `n_bits` of `byte`, the rest of it
    /// being done already. 0 bits: at the byte that comes next.
    pub(crate) fn start(&mut self, byte: u8, n_bits: u32) {
        self.state = State::BlockStart;
        self.last_block = false;
        self.n_bits = n_bits & 7;
        self.bits = if self.n_bits == 0 { 0 } else { u64::from(byte) >> (8 - self.n_bits) };
    }

    /// Bits of the byte before the next one that are still to be decoded: 0 to 7.
    pub(crate) fn held_bits(&self) -> u32 {
        self.n_bits
    }

    /// Inflates until something stops it. With `stop_at_blocks`, also before each block but the
    /// one at which this call starts.
    pub(crate) fn run(
        &mut self,
        input: &mut Input<'_>,
        output: &mut Output<'_, impl Symbol>,
        stop_at_blocks: bool,
    ) -> Result<Stop, &'static str> {
        let stop = self.blocks(input, output, stop_at_blocks);
        // Whole bytes go back, so that the caller knows the place to the bit.
        input.at -= (self.n_bits / 8) as usize;
        self.n_bits %= 8;
        self.bits &= (1 << self.n_bits) - 1;
        stop
    }

    fn blocks(
        &mut self,
        input: &mut Input<'_>,
        output: &mut Output<'_, impl Symbol>,
        stop_at_blocks: bool,
    ) -> Result<Stop, &'static str> {
        let mut may_stop = false;
        loop {
            match self.state {
                State::End => return Ok(Stop::End),
                // The member's trailer starts at a byte: the rest of this one is padding.
                State::BlockStart if self.last_block => {
                    self.state = State::End;
                    self.bits >>= self.n_bits % 8;
                    self.n_bits -= self.n_bits % 8;
                }
                // The caller was told of the block at which this call starts by the call before.
                State::BlockStart if may_stop && stop_at_blocks => return Ok(Stop::Block),
                State::BlockStart => {
                    // A stop at a full buffer leaves the block to the next call.
                    if output.room() == 0 {
                        return Ok(Stop::Output);
                    }
                    // A description of codes cannot be stopped in its middle, so all of it has to be
                    // buffered.
                    if !input.is_end && input.bytes.len() - input.at < MIN_INPUT {
                        return Ok(Stop::Input);
                    }
                    if !self.block_header(input)? {
                        return Ok(Stop::Truncated);
                    }
                }
                State::Stored(0) => self.state = State::BlockStart,
                State::Stored(left) => {
                    if let Some(stop) = self.stored(left, input, output) {
                        return Ok(stop);
                    }
                }
                State::Codes => {
                    if let Some(stop) = self.codes(input, output)? {
                        return Ok(stop);
                    }
                }
            }
            may_stop = true;
        }
    }

    /// Fills the bits to 56 or more, as far as the input goes.
    fn refill(&mut self, input: &mut Input<'_>) {
        while self.n_bits < 56
            && let Some(&byte) = input.bytes.get(input.at)
        {
            self.bits |= u64::from(byte) << self.n_bits;
            self.n_bits += 8;
            input.at += 1;
        }
    }

    /// The next bits, `None` when the input ends before.
    fn take(&mut self, n: u32, input: &mut Input<'_>) -> Option<u32> {
        self.refill(input);
        if self.n_bits < n {
            return None;
        }
        let value = self.bits & ((1 << n) - 1);
        self.bits >>= n;
        self.n_bits -= n;
        Some(value as u32)
    }

    /// Reads the description of a block; `false` when the input ends inside.
    fn block_header(&mut self, input: &mut Input<'_>) -> Result<bool, &'static str> {
        let Some(header) = self.take(3, input) else { return Ok(false) };
        let complete = match header >> 1 {
            0 => self.stored_header(input)?,
            1 => {
                self.fixed_tables();
                Some(())
            }
            2 => self.dynamic_tables(input)?,
            _ => return Err("invalid block type"),
        };
        self.last_block = header & 1 == 1;
        Ok(complete.is_some())
    }

    fn stored_header(&mut self, input: &mut Input<'_>) -> Result<Option<()>, &'static str> {
        self.bits >>= self.n_bits % 8;
        self.n_bits -= self.n_bits % 8;
        let Some(length) = self.take(16, input) else { return Ok(None) };
        let Some(complement) = self.take(16, input) else { return Ok(None) };
        // The only redundancy of a stored block.
        if length != !complement & 0xffff {
            return Err("invalid stored block lengths");
        }
        self.state = State::Stored(length as usize);
        Ok(Some(()))
    }

    fn stored(
        &mut self,
        left: usize,
        input: &mut Input<'_>,
        output: &mut Output<'_, impl Symbol>,
    ) -> Option<Stop> {
        // The lengths end at a byte, so what is held are whole bytes.
        input.at -= (self.n_bits / 8) as usize;
        (self.bits, self.n_bits) = (0, 0);
        let available = input.bytes.len() - input.at;
        let n = left.min(available).min(output.room());
        output.stored(&input.bytes[input.at..input.at + n]);
        input.at += n;
        self.state = State::Stored(left - n);
        match left - n {
            0 => None,
            _ if output.room() == 0 => Some(Stop::Output),
            _ if input.is_end => Some(Stop::Truncated),
            _ => Some(Stop::Input),
        }
    }

    fn fixed_tables(&mut self) {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        let built = build(&mut self.tables.literals, Code::Literals, &lengths)
            && build(&mut self.tables.distances, Code::Distances, &[5; 32]);
        debug_assert!(built, "the fixed codes are complete");
        self.state = State::Codes;
    }

    fn dynamic_tables(&mut self, input: &mut Input<'_>) -> Result<Option<()>, &'static str> {
        const ORDER: [usize; 19] =
            [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let Some(counts) = self.take(14, input) else { return Ok(None) };
        let n_literals = (counts & 31) as usize + 257;
        let n_distances = (counts >> 5 & 31) as usize + 1;
        let n_lengths = (counts >> 10) as usize + 4;
        // Larger counts would describe symbols that RFC 1951 does not define.
        if n_literals > 286 || n_distances > 30 {
            return Err("too many length or distance symbols");
        }
        let mut own = [0_u8; 19];
        for &symbol in &ORDER[..n_lengths] {
            let Some(length) = self.take(3, input) else { return Ok(None) };
            own[symbol] = length as u8;
        }
        let mut table = [0; LENGTHS_ENTRIES];
        if !build(&mut table, Code::Lengths, &own) {
            return Err("invalid code lengths set");
        }
        let mut lengths = [0_u8; 320];
        let total = n_literals + n_distances;
        let mut filled = 0;
        while filled < total {
            self.refill(input);
            let entry = table[(self.bits & ((1 << LENGTHS_BITS) - 1)) as usize];
            if self.take(entry & 0xff, input).is_none() {
                return Ok(None);
            }
            // 16 repeats the length before, 17 and 18 repeat zero; the rest are lengths themselves.
            let (value, bits, least) = match entry >> 16 {
                16 if filled == 0 => return Err("invalid bit length repeat"),
                16 => (lengths[filled - 1], 2, 3),
                17 => (0, 3, 3),
                18 => (0, 7, 11),
                length => (length as u8, 0, 1),
            };
            let Some(more) = self.take(bits, input) else { return Ok(None) };
            let repeat = least + more as usize;
            if filled + repeat > total {
                return Err("invalid bit length repeat");
            }
            lengths[filled..filled + repeat].fill(value);
            filled += repeat;
        }
        // Such a block could never end.
        if lengths[256] == 0 {
            return Err("invalid code -- missing end-of-block");
        }
        if !build(&mut self.tables.literals, Code::Literals, &lengths[..n_literals]) {
            return Err("invalid literal/lengths set");
        }
        if !build(&mut self.tables.distances, Code::Distances, &lengths[n_literals..total]) {
            return Err("invalid distances set");
        }
        self.state = State::Codes;
        Ok(Some(()))
    }

    /// Decodes symbols of a block; `None` at its end.
    fn codes(
        &mut self,
        input: &mut Input<'_>,
        output: &mut Output<'_, impl Symbol>,
    ) -> Result<Option<Stop>, &'static str> {
        loop {
            if self.many(input, output)? {
                return Ok(None);
            }
            if output.room() == 0 {
                return Ok(Some(Stop::Output));
            }
            // Near the end of what was read: symbol by symbol, each only when it is complete.
            self.refill(input);
            if !input.is_end && self.n_bits < SYMBOL_BITS {
                return Ok(Some(Stop::Input));
            }
            match self.one(output)? {
                One::Symbol => {}
                One::EndOfBlock => return Ok(None),
                One::Incomplete => return Ok(Some(Stop::Truncated)),
            }
        }
    }

    /// One symbol, if its bits are there.
    fn one(&mut self, output: &mut Output<'_, impl Symbol>) -> Result<One, &'static str> {
        let (mut bits, mut left) = (self.bits, self.n_bits);
        let mut take = |n: u32| {
            let value = bits & ((1 << n) - 1);
            bits = bits.wrapping_shr(n);
            left.checked_sub(n).map(|rest| {
                left = rest;
                (value as u32, bits)
            })
        };
        let mut entry = self.tables.literals[(self.bits & ((1 << LITERAL_BITS) - 1)) as usize];
        // A code longer than the first table: its last bits are looked up in a table of their own.
        if entry & LONG != 0 && entry & SPECIAL != 0 && entry & LITERAL == 0 {
            let Some((_, rest)) = take(LITERAL_BITS) else { return Ok(One::Incomplete) };
            let within = rest & ((1 << (entry >> 8 & 15)) - 1);
            entry =
                self.tables.literals[((entry >> 16) as usize + within as usize) % LITERAL_ENTRIES];
        }
        let Some((value, rest)) = take(entry & 0xff) else { return Ok(One::Incomplete) };
        if entry & LITERAL != 0 {
            output.literal((entry >> 16) as u8);
            (self.bits, self.n_bits) = (bits, left);
            return Ok(One::Symbol);
        }
        if entry & SPECIAL != 0 {
            // No symbol has this code: the code is incomplete, or the symbol is 286 or 287.
            if entry & END_OF_BLOCK == 0 {
                return Err("invalid literal/length code");
            }
            (self.bits, self.n_bits) = (bits, left);
            self.state = State::BlockStart;
            return Ok(One::EndOfBlock);
        }
        let length = (entry >> 16) as usize + (value >> (entry >> 8 & 15)) as usize;
        let mut entry = self.tables.distances[(rest & ((1 << DISTANCE_BITS) - 1)) as usize];
        if entry & LONG != 0 && entry & SPECIAL != 0 {
            let Some((_, rest)) = take(DISTANCE_BITS) else { return Ok(One::Incomplete) };
            let within = rest & ((1 << (entry >> 8 & 15)) - 1);
            entry = self.tables.distances
                [((entry >> 16) as usize + within as usize) % DISTANCE_ENTRIES];
        }
        let Some((value, _)) = take(entry & 0xff) else { return Ok(One::Incomplete) };
        if entry & SPECIAL != 0 {
            return Err("invalid distance code");
        }
        let distance = (entry >> 16) as usize + (value >> (entry >> 8 & 15)) as usize;
        if !output.repeat(distance, length) {
            return Err("invalid distance too far back");
        }
        (self.bits, self.n_bits) = (bits, left);
        Ok(One::Symbol)
    }

    /// The fast loop: runs while there is plenty of input and room; `true` at the end of the block.
    fn many<T: Symbol>(
        &mut self,
        input: &mut Input<'_>,
        output: &mut Output<'_, T>,
    ) -> Result<bool, &'static str> {
        let Tables { literals, distances } = &*self.tables;
        let limit = output.limit.min(output.symbols.len().saturating_sub(SLACK));
        let (source, mut at) = (input.bytes, input.at);
        let (symbols, mut to, floor) = (&mut *output.symbols, output.at, output.floor);
        let (mut bits, mut n_bits) = (self.bits, self.n_bits);
        let last = source.len().saturating_sub(16);
        let mut outcome = Ok(false);

        /// Looks up the next literal or length.
        macro_rules! look_up {
            () => {
                literals[(bits & ((1 << LITERAL_BITS) - 1)) as usize]
            };
        }
        macro_rules! consume {
            ($entry:expr) => {
                bits = bits.wrapping_shr($entry);
                n_bits = n_bits.wrapping_sub($entry & 0xff);
            };
        }
        macro_rules! refill {
            () => {
                let Some(&word) = source.get(at..).and_then(<[u8]>::first_chunk::<8>) else {
                    break;
                };
                bits |= u64::from_le_bytes(word).wrapping_shl(n_bits);
                at += (63 - (n_bits & 63)) as usize >> 3;
                n_bits |= 56;
            };
        }
        /// Up to as many literals as there are offsets named, then goes on with something else.
        macro_rules! literals {
            ($entry:ident, $room:ident, $offset:literal) => {
                $room[$offset] = T::from(($entry >> 16) as u8);
                consume!($entry);
                to += $offset + 1;
                continue;
            };
            ($entry:ident, $room:ident, $offset:literal $($rest:literal)+) => {
                $room[$offset] = T::from(($entry >> 16) as u8);
                consume!($entry);
                $entry = look_up!();
                if $entry & LITERAL != 0 {
                    literals!($entry, $room, $($rest)+);
                } else {
                    to += $offset + 1;
                }
            };
        }

        while to < limit && at < last {
            refill!();
            let Some(room) = symbols.get_mut(to..).and_then(<[T]>::first_chunk_mut::<8>) else {
                break;
            };
            let mut entry = look_up!();
            if entry & LITERAL != 0 {
                // Five codes of 11 bits are in the 56.
                literals!(entry, room, 0 1 2 3 4);
            }
            // Literals may have used up most bits, and a length with its distance takes up to 48.
            refill!();
            if entry & SPECIAL != 0 {
                // The last bits of a long code are looked up in a table of their own.
                if entry & LONG != 0 {
                    consume!(LITERAL_BITS);
                    let within = bits & ((1 << (entry >> 8 & 15)) - 1);
                    entry = literals[((entry >> 16) as usize + within as usize) % LITERAL_ENTRIES];
                    // Rare literals have long codes.
                    if entry & LITERAL != 0 {
                        if let Some(symbol) = symbols.get_mut(to) {
                            *symbol = T::from((entry >> 16) as u8);
                        }
                        to += 1;
                        consume!(entry);
                        continue;
                    }
                }
                if entry & SPECIAL != 0 {
                    consume!(entry);
                    outcome = if entry & END_OF_BLOCK != 0 {
                        Ok(true)
                    } else {
                        Err("invalid literal/length code")
                    };
                    break;
                }
            }
            let value = bits & ((1 << (entry & 63)) - 1);
            let length = (entry >> 16) as usize + (value >> (entry >> 8 & 15)) as usize;
            consume!(entry);
            let mut entry = distances[(bits & ((1 << DISTANCE_BITS) - 1)) as usize];
            if entry & SPECIAL != 0 {
                if entry & LONG != 0 {
                    consume!(DISTANCE_BITS);
                    let within = bits & ((1 << (entry >> 8 & 15)) - 1);
                    entry =
                        distances[((entry >> 16) as usize + within as usize) % DISTANCE_ENTRIES];
                }
                if entry & SPECIAL != 0 {
                    outcome = Err("invalid distance code");
                    break;
                }
            }
            let value = bits & ((1 << (entry & 63)) - 1);
            let distance = (entry >> 16) as usize + (value >> (entry >> 8 & 15)) as usize;
            consume!(entry);
            // Before the floor lies another member, or nothing.
            if distance > to - floor {
                outcome = Err("invalid distance too far back");
                break;
            }
            copy(symbols, to, distance, length);
            to += length;
        }
        if outcome == Ok(true) {
            self.state = State::BlockStart;
        }
        (self.bits, self.n_bits) = (bits, n_bits & 63);
        input.at = at;
        output.at = to;
        outcome
    }
}

enum One {
    Symbol,
    EndOfBlock,
    Incomplete,
}
