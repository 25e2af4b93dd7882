//! What symbols are written to: bytes, or bytes that are not all known.

use super::{Inflater, Input, Output, copy};

/// What symbols are written to.
pub(crate) trait Sink {
    /// Symbols before the limit; the last may go beyond it.
    fn room(&self) -> usize;
    /// Bytes of a stored block, not more than there is room for.
    fn stored(&mut self, bytes: &[u8]);
    fn literal(&mut self, byte: u8);
    /// Repeats what was written so far before; `false` when there is not as much.
    fn repeat(&mut self, distance: usize, length: usize) -> bool;
    /// Decodes as much as a faster loop can, if there is one; `true` at the end of the block.
    fn many(
        &mut self,
        _inflater: &mut Inflater,
        _input: &mut Input<'_>,
    ) -> Result<bool, &'static str> {
        Ok(false)
    }
}

impl Sink for Output<'_> {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.at)
    }

    fn stored(&mut self, bytes: &[u8]) {
        self.bytes[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }

    fn literal(&mut self, byte: u8) {
        self.bytes[self.at] = byte;
        self.at += 1;
    }

    fn repeat(&mut self, distance: usize, length: usize) -> bool {
        let is_there = distance <= self.at - self.floor;
        if is_there {
            copy(self.bytes, self.at, distance, length);
            self.at += length;
        }
        is_there
    }

    fn many(
        &mut self,
        inflater: &mut Inflater,
        input: &mut Input<'_>,
    ) -> Result<bool, &'static str> {
        inflater.many(input, self)
    }
}
