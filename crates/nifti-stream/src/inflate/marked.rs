//! Inflating without what lies before: bytes where they are known, else places in the unknown
//! window.

use super::{Sink, WINDOW};

/// Symbols that are a byte, or 256 and more: a place in the window before the first of them, the
/// oldest byte of which is at 0.
#[derive(Default)]
pub(crate) struct Marked {
    symbols: Vec<u16>,
    /// Behind the last symbol that is no byte.
    known_from: usize,
    limit: usize,
}

/// Symbols for which room is kept.
const KEPT: usize = 1 << 20;
/// The first symbol that is no byte.
const FIRST: u16 = 256;

impl Marked {
    /// Empties it; decoding stops at about `limit` symbols.
    pub(crate) fn restart(&mut self, limit: usize) {
        self.symbols.clear();
        // Few chunks have many of them.
        self.symbols.shrink_to(KEPT);
        (self.known_from, self.limit) = (0, limit);
    }

    pub(crate) fn len(&self) -> usize {
        self.symbols.len()
    }

    /// The last window, if all of it is known.
    pub(crate) fn window(&self) -> Option<impl Iterator<Item = u8>> {
        let start = self.symbols.len().checked_sub(WINDOW)?;
        // Symbols behind the last that is no byte are bytes.
        (start >= self.known_from).then(|| self.symbols[start..].iter().map(|&symbol| symbol as u8))
    }

    /// Appends the bytes, once the window before them is known (all of it, or less at the start of a
    /// stream); `false` when a symbol refers to what is not there.
    pub(crate) fn resolve(&self, window: &[u8], bytes: &mut Vec<u8>) -> bool {
        let missing = WINDOW - window.len().min(WINDOW);
        let mut is_complete = true;
        bytes.extend(self.symbols.iter().map(|&symbol| match symbol.checked_sub(FIRST) {
            None => symbol as u8,
            Some(place) => {
                let known = usize::from(place).checked_sub(missing).and_then(|at| window.get(at));
                is_complete &= known.is_some();
                known.copied().unwrap_or_default()
            }
        }));
        is_complete
    }

    /// Repeats symbols that are there, from a place on.
    fn repeat_known(&mut self, from: usize, length: usize) {
        let start = self.symbols.len();
        let mut left = length;
        while left > 0 {
            let n = left.min(self.symbols.len() - from);
            self.symbols.extend_from_within(from..from + n);
            left -= n;
        }
        if from < self.known_from
            && let Some(last) = self.symbols[start..].iter().rposition(|&symbol| symbol >= FIRST)
        {
            self.known_from = start + last + 1;
        }
    }
}

impl Sink for Marked {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.symbols.len())
    }

    fn stored(&mut self, bytes: &[u8]) {
        self.symbols.extend(bytes.iter().map(|&byte| u16::from(byte)));
    }

    fn literal(&mut self, byte: u8) {
        self.symbols.push(u16::from(byte));
    }

    fn repeat(&mut self, distance: usize, length: usize) -> bool {
        let here = self.symbols.len();
        match here.checked_sub(distance) {
            Some(from) => self.repeat_known(from, length),
            None => {
                let unknown = distance - here;
                let n = unknown.min(length);
                let Some(first) = WINDOW.checked_sub(unknown) else { return false };
                self.symbols.extend((first..first + n).map(|place| FIRST + place as u16));
                self.known_from = here + n;
                self.repeat_known(0, length - n);
            }
        }
        true
    }
}
