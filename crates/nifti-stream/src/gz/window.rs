//! The inflated bytes at hand: those not yet consumed, and the history that matches refer to.

use std::io;

use crate::inflate::{Output, SLACK, WINDOW};

/// A buffer that is window and output in one: `history | consumed | available | room`.
pub(crate) struct Window {
    /// Empty until something is inflated: a system that refuses the memory is an error then.
    bytes: Vec<u8>,
    /// Bytes inflated at a time, at most.
    piece: usize,
    /// The first byte a match may refer to.
    floor: usize,
    /// The first byte that was not consumed.
    start: usize,
    end: usize,
}

impl Window {
    pub(crate) fn new(piece: usize) -> Self {
        Self { bytes: Vec::new(), piece: piece.max(1), floor: 0, start: 0, end: 0 }
    }

    fn allocate(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            // Small pieces share a buffer, so that the history is not moved for each of them.
            let length = WINDOW + self.piece.max(WINDOW) + SLACK;
            let refused = |_| io::Error::from(io::ErrorKind::OutOfMemory);
            self.bytes.try_reserve_exact(length).map_err(refused)?;
            self.bytes.resize(length, 0);
        }
        Ok(())
    }

    /// What was inflated and not consumed.
    pub(crate) fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The next `n` of the available bytes are done with.
    pub(crate) fn consume(&mut self, n: usize) {
        self.start = self.end.min(self.start.saturating_add(n));
    }

    /// The last bytes before the next one, as far as a match may refer to them.
    pub(crate) fn history(&self) -> &[u8] {
        &self.bytes[self.floor.max(self.end.saturating_sub(WINDOW))..self.end]
    }

    /// Nothing before the next byte may be referred to.
    pub(crate) fn forget_history(&mut self) {
        self.floor = self.end;
    }

    /// Starts with a history and nothing available.
    pub(crate) fn set_history(&mut self, history: &[u8]) -> io::Result<()> {
        self.allocate()?;
        let history = &history[history.len().saturating_sub(WINDOW)..];
        self.bytes[..history.len()].copy_from_slice(history);
        (self.floor, self.start, self.end) = (0, history.len(), history.len());
        Ok(())
    }

    /// Makes room for a piece; the bytes not consumed stay available.
    pub(crate) fn make_room(&mut self) -> io::Result<()> {
        self.allocate()?;
        if self.end + self.piece + SLACK <= self.bytes.len() {
            return Ok(());
        }
        let kept = self.start.min(self.end.saturating_sub(WINDOW));
        self.bytes.copy_within(kept..self.end, 0);
        self.start -= kept;
        self.end -= kept;
        self.floor = self.floor.saturating_sub(kept);
        Ok(())
    }

    /// The last `n` bytes of the history are available again.
    pub(crate) fn keep(&mut self, n: usize) {
        self.start = self.end.saturating_sub(n);
    }

    /// Where the next piece ends, after [`make_room`](Self::make_room).
    pub(crate) fn piece_end(&self) -> usize {
        (self.end + self.piece).min(self.bytes.len() - SLACK)
    }

    /// The free part up to the end of a piece, as the inflater takes it.
    pub(crate) fn output(&mut self, limit: usize) -> Output<'_> {
        Output { limit, at: self.end, floor: self.floor, symbols: &mut self.bytes }
    }

    /// Room for plain bytes, after [`make_room`](Self::make_room).
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let end = self.piece_end();
        &mut self.bytes[self.end..end]
    }

    /// The bytes end here now.
    pub(crate) fn advance_to(&mut self, end: usize) {
        self.end = end;
    }

    pub(crate) fn end(&self) -> usize {
        self.end
    }
}
