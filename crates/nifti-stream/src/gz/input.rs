//! Stored bytes through a buffer of fixed size, with a count of those consumed.

use std::io::Read;

use super::read_some;
use crate::error::Error;
use crate::inflate;

/// Stored bytes read at a time.
const INPUT_BYTES: usize = 128 * 1024;

pub(super) struct StoredInput<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    offset: u64,
    is_end: bool,
}

impl<R: Read> StoredInput<R> {
    /// A stream that stands at this offset of the stored bytes.
    pub(super) fn new(reader: R, offset: u64) -> Self {
        let buffer = vec![0; INPUT_BYTES].into_boxed_slice();
        Self { reader, buffer, start: 0, end: 0, offset, is_end: false }
    }

    /// Stored bytes consumed.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Whether nothing comes after the buffered bytes, as far as that is known.
    pub(super) fn is_end(&self) -> bool {
        self.is_end
    }

    /// The buffered bytes for the inflater; [`consume`](Self::consume) takes what it used.
    pub(super) fn for_inflater(&self) -> inflate::Input<'_> {
        inflate::Input { bytes: self.buffered(), at: 0, is_end: self.is_end }
    }

    /// Reads more after what is buffered.
    pub(super) fn more(&mut self) -> Result<(), Error> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let n = read_some(&mut self.reader, &mut self.buffer[self.end..]).map_err(|source| {
            Error::Read { compressed_offset: self.offset + self.end as u64, source }
        })?;
        self.end += n;
        self.is_end = n == 0;
        Ok(())
    }

    /// The next bytes; empty only at the end.
    pub(super) fn peek(&mut self) -> Result<&[u8], Error> {
        if self.start == self.end && !self.is_end {
            self.more()?;
        }
        Ok(self.buffered())
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.start += n;
        self.offset += n as u64;
    }

    /// The next `N` bytes; `None` when fewer are left, which are consumed. A failure of the reader
    /// consumes nothing, so that this can be tried again.
    pub(super) fn take<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Error> {
        while self.buffered().len() < N && !self.is_end {
            self.more()?;
        }
        let bytes = self.buffered().first_chunk().copied();
        self.consume(self.buffered().len().min(N));
        Ok(bytes)
    }

    /// Where the stored bytes come from.
    pub(super) fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }
}
