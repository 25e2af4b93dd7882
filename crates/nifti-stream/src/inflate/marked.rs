//! Inflating without the bytes before: known bytes are written as bytes, unknown ones as positions
//! in the unknown window.
//!
//! The zeros around a brain are copied from earlier zeros, and these from still earlier ones, so
//! their marks would never end. So if everything refers to a few positions in the window, these may
//! be taken for zero. This is checked as soon as the window is known.

use super::{Inflater, Input, Output, SLACK, Stop, WINDOW};

/// Symbols that are a byte, or 256 and more: a position in the window before the first of them, the
/// oldest byte of which is at 0.
#[derive(Default)]
pub(crate) struct Marked {
    /// The window, every position of which is a mark, the symbols after it, and room.
    symbols: Vec<u16>,
    end: usize,
    /// Positions that were taken for zero, and where that was last tried.
    zeros: Vec<u16>,
    tried: usize,
}

/// Symbols for which room is kept.
const KEPT: usize = 1 << 18;
/// Symbols by which the room grows.
const ROOM: usize = WINDOW;
/// The first symbol that is not a byte.
const FIRST: u16 = 256;
/// Marks of a position in the last window that make it likely to be zero. Other bytes are copied
/// by chance, and their marks become fewer from window to window.
const MANY: u16 = 16;
/// Positions that are taken for zero, at most.
const MOST_POSITIONS: usize = 1024;

impl Marked {
    /// Empties it.
    pub(crate) fn restart(&mut self) {
        // Few chunks have many of them.
        self.symbols.truncate(KEPT);
        self.symbols.shrink_to(KEPT);
        if self.symbols.is_empty() {
            self.symbols.extend((0..WINDOW).map(|position| FIRST + position as u16));
        }
        (self.end, self.tried) = (WINDOW, WINDOW);
        self.zeros.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.end - WINDOW
    }

    /// Inflates some symbols more, until there are `most` of them, and stops before each block.
    pub(crate) fn run(
        &mut self,
        inflater: &mut Inflater,
        input: &mut Input<'_>,
        most: usize,
    ) -> Result<Stop, &'static str> {
        let limit = (self.end + ROOM).min(WINDOW.saturating_add(most));
        if self.symbols.len() < limit + SLACK {
            self.symbols.resize(limit + SLACK, 0);
        }
        let mut output = Output { symbols: &mut self.symbols, at: self.end, floor: 0, limit };
        let stop = inflater.run(input, &mut output, true);
        self.end = output.at;
        stop
    }

    /// The last window, if all of it is known, or can be guessed.
    pub(crate) fn window(&mut self, may_guess: bool) -> Option<impl Iterator<Item = u8>> {
        let start = self.end.checked_sub(WINDOW)?;
        let is_known = |symbol: &u16| *symbol < FIRST;
        let all = self.symbols.get(start..self.end)?.iter().all(is_known);
        let is_guessed = !all && may_guess && self.guess(start);
        if !all && !is_guessed {
            return None;
        }
        let byte = move |&symbol| if is_known(&symbol) { symbol as u8 } else { 0 };
        Some(self.symbols[start..self.end].iter().map(byte))
    }

    /// Whether all marks after `start` are of positions with many of them, which are taken for zero then.
    fn guess(&mut self, start: usize) -> bool {
        // A window in between without another try, in which marks become fewer.
        if start < self.tried + WINDOW {
            return false;
        }
        self.tried = start;
        let mut counts = vec![0_u16; usize::from(FIRST) + WINDOW];
        let mut rest = self.symbols[start..self.end].iter().copied().peekable();
        while let Some(symbol) = rest.next() {
            let mut n = 1;
            while rest.next_if_eq(&symbol).is_some() {
                n += 1;
            }
            let count = &mut counts[usize::from(symbol)];
            if *count == 0
                && let Some(position) = symbol.checked_sub(FIRST)
            {
                self.zeros.push(position);
            }
            *count += n;
        }
        let is_few = |&position: &u16| counts[usize::from(FIRST + position)] < MANY;
        let is_likely = self.zeros.len() <= MOST_POSITIONS && !self.zeros.iter().any(is_few);
        if !is_likely {
            self.zeros.clear();
        }
        is_likely
    }

    /// Whether what was guessed of the window before is right.
    pub(crate) fn fits(&self, window: &[u8]) -> bool {
        let missing = WINDOW - window.len().min(WINDOW);
        self.zeros.iter().all(|&position| {
            let at = usize::from(position).checked_sub(missing);
            at.and_then(|at| window.get(at)) == Some(&0)
        })
    }

    /// Appends the bytes, once the window before them is known (all of it, or less at the start of a
    /// stream); `false` when a symbol refers to what is not there.
    pub(crate) fn resolve(&self, window: &[u8], bytes: &mut Vec<u8>) -> bool {
        let symbols = self.symbols.get(WINDOW..self.end).unwrap_or_default();
        let missing = WINDOW - window.len().min(WINDOW);
        let first = usize::from(FIRST) + missing;
        let is_missing = |&symbol: &u16| symbol >= FIRST && usize::from(symbol) < first;
        if missing > 0 && symbols.iter().any(is_missing) {
            return false;
        }
        // What every symbol stands for; as long as this, none can lie outside.
        let mut known = [0; 1 << 16];
        (0..=u8::MAX).zip(&mut known).for_each(|(byte, known)| *known = byte);
        known[first..].iter_mut().zip(window).for_each(|(known, &byte)| *known = byte);
        bytes.extend(symbols.iter().map(|&symbol| known[usize::from(symbol)]));
        true
    }
}
