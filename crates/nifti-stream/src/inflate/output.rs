//! Where symbols are written: to bytes that are all known, or to bytes some of which are unknown.

use super::STRIDE;

/// What a literal becomes.
pub(crate) trait Symbol: Copy + From<u8> {}

impl Symbol for u8 {}
impl Symbol for u16 {}

/// Where the decoder writes.
pub(crate) struct Output<'a, T = u8> {
    /// What was inflated before and room for more, [`SLACK`](super::SLACK) beyond the limit.
    pub(crate) symbols: &'a mut [T],
    /// Where the next symbol goes.
    pub(crate) at: usize,
    /// The first symbol a match may refer to.
    pub(crate) floor: usize,
    /// Output stops here, or up to [`SLACK`](super::SLACK) later.
    pub(crate) limit: usize,
}

impl<T: Symbol> Output<'_, T> {
    /// Symbols before the limit; the last may go beyond it.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_sub(self.at)
    }

    /// Bytes of a stored block, not more than there is room for.
    pub(super) fn stored(&mut self, bytes: &[u8]) {
        let room = &mut self.symbols[self.at..self.at + bytes.len()];
        room.iter_mut().zip(bytes).for_each(|(symbol, &byte)| *symbol = byte.into());
        self.at += bytes.len();
    }

    pub(super) fn literal(&mut self, byte: u8) {
        self.symbols[self.at] = byte.into();
        self.at += 1;
    }

    /// Repeats what was written so far before; `false` when there is not as much.
    pub(super) fn repeat(&mut self, distance: usize, length: usize) -> bool {
        let is_there = distance <= self.at - self.floor;
        if is_there {
            copy(self.symbols, self.at, distance, length);
            self.at += length;
        }
        is_there
    }
}

/// Repeats `length` symbols from `distance` before `to`; up to a stride more may be overwritten.
#[inline]
pub(super) fn copy<T: Symbol>(symbols: &mut [T], to: usize, distance: usize, length: usize) {
    let end = to + length;
    let mut to = to;
    let mut distance = distance;
    if distance < STRIDE {
        // A short period is written out one by one until a stride of it is there.
        let whole = STRIDE.div_ceil(distance) * distance;
        let first = length.min(whole);
        let from = to - distance;
        let window = &mut symbols[from..to + first];
        for position in distance..window.len() {
            window[position] = window[position - distance];
        }
        to += first;
        distance = whole;
    }
    while to < end {
        let Some((before, after)) = symbols.split_at_mut_checked(to) else { return };
        let from = to - distance;
        let (Some(source), Some(target)) = (
            before.get(from..).and_then(<[T]>::first_chunk::<STRIDE>),
            after.first_chunk_mut::<STRIDE>(),
        ) else {
            return;
        };
        *target = *source;
        to += STRIDE;
    }
}
