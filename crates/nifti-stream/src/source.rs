//! A NIfTI stream, gzipped or not. This is decided by its first bytes, never by a file name.

use std::io::{self, Chain, Cursor, Read};
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::error::Error;
use crate::gz::{
    self, BlockStart, GzDecoder, PIECE_BYTES, Pieces, Points, Window, fill, read_some,
};

/// The inflated bytes of a stream that may be gzipped, with both offsets.
#[derive(Debug)]
pub struct Source<R> {
    kind: Kind<Chain<Cursor<Vec<u8>>, R>>,
}

#[derive(Debug)]
enum Kind<R> {
    Plain(Plain<R>),
    Gzip(Box<GzDecoder<R>>),
}

struct Plain<R> {
    reader: R,
    window: Window,
    consumed: u64,
    ended: bool,
}

impl<R> std::fmt::Debug for Plain<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plain").field("consumed", &self.consumed).finish_non_exhaustive()
    }
}

impl<R: Read> Source<R> {
    /// Reads the first two bytes and decides.
    ///
    /// # Errors
    ///
    /// [`Error::Read`].
    pub fn open(reader: R) -> Result<Self, Error> {
        Self::with_piece_bytes(reader, PIECE_BYTES)
    }

    /// As [`open`](Self::open), inflating at most about this many bytes at a time.
    pub(crate) fn with_piece_bytes(mut reader: R, piece_bytes: usize) -> Result<Self, Error> {
        let mut start = [0; 2];
        let n = read_full(&mut reader, &mut start, 0)?;
        let reader = Cursor::new(start[..n].to_vec()).chain(reader);
        let kind = if start == gz::MAGIC {
            Kind::Gzip(Box::new(GzDecoder::with_piece_bytes(reader, piece_bytes)))
        } else {
            let window = Window::new(piece_bytes);
            Kind::Plain(Plain { reader, window, consumed: 0, ended: false })
        };
        Ok(Self { kind })
    }

    /// Inside a gzip member, at a block after this history; the reader stands at its first byte.
    pub(crate) fn resume(reader: R, start: BlockStart, history: &[u8]) -> Result<Self, Error> {
        let reader = Cursor::new(Vec::new()).chain(reader);
        Ok(Self { kind: Kind::Gzip(Box::new(GzDecoder::resume(reader, start, history)?)) })
    }

    /// Whether the stream is gzipped.
    #[must_use]
    pub fn is_gzip(&self) -> bool {
        matches!(self.kind, Kind::Gzip(_))
    }

    /// Whether other threads inflate what comes next.
    pub(crate) fn is_inflated_in_parallel(&self) -> bool {
        matches!(&self.kind, Kind::Gzip(decoder) if decoder.is_inflated_in_parallel())
    }

    /// Inflated bytes handed out so far.
    #[must_use]
    pub fn inflated_offset(&self) -> u64 {
        match &self.kind {
            Kind::Plain(plain) => plain.consumed,
            Kind::Gzip(decoder) => decoder.inflated_offset(),
        }
    }

    /// Stored bytes consumed so far.
    #[must_use]
    pub fn compressed_offset(&self) -> u64 {
        match &self.kind {
            Kind::Plain(plain) => plain.consumed,
            Kind::Gzip(decoder) => decoder.compressed_offset(),
        }
    }

    /// Reads until `buffer` is full or the stream ends, and returns the number of bytes.
    ///
    /// Fewer bytes than `buffer.len()` mean that the stream has ended and, for gzip, that every
    /// checksum was right.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] and the gzip variants of [`Error`].
    pub fn read_full(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        fill(self, buffer)
    }

    /// The CRC-32 of the inflated bytes since the last cut; none is kept of plain files.
    pub(crate) fn cut(&mut self) -> Option<u32> {
        match &mut self.kind {
            Kind::Plain(_) => None,
            Kind::Gzip(decoder) => Some(decoder.cut()),
        }
    }

    /// From now on, places to resume from are collected, if the stream is gzipped.
    pub(crate) fn collect_points(&mut self, points: Points) {
        if let Kind::Gzip(decoder) = &mut self.kind {
            decoder.collect_points(points);
        }
    }

    /// What was collected, once the stream has ended.
    pub(crate) fn take_points(&mut self) -> Option<Points> {
        match &mut self.kind {
            Kind::Plain(_) => None,
            Kind::Gzip(decoder) => decoder.take_points(),
        }
    }

    /// Skips `n` bytes; returns how many there were.
    ///
    /// # Errors
    ///
    /// As [`read_full`](Self::read_full).
    pub(crate) fn skip(&mut self, n: u64) -> Result<u64, Error> {
        let mut skipped = 0;
        while skipped < n {
            let available = self.available().len();
            if available == 0 {
                if !self.more()? {
                    break;
                }
                continue;
            }
            let here = usize::try_from(n - skipped).unwrap_or(usize::MAX).min(available);
            self.consume(here);
            skipped += here as u64;
        }
        Ok(skipped)
    }

    /// Reads to the verified end and returns the number of bytes that were left.
    ///
    /// # Errors
    ///
    /// As [`read_full`](Self::read_full).
    pub(crate) fn drain(&mut self) -> Result<u64, Error> {
        self.skip(u64::MAX)
    }
}

impl<R: Read + 'static> Source<R> {
    /// The start of a gzip stream of this many stored bytes, inflated by this many threads besides the
    /// caller's. `reopen` opens the stream at a byte.
    pub(crate) fn in_parallel(
        stored: u64,
        threads: NonZeroUsize,
        chunk_bytes: NonZeroUsize,
        reopen: impl Fn(u64) -> io::Result<R> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let reopen = move |offset| Ok(Cursor::new(Vec::new()).chain(reopen(offset)?));
        let decoder = GzDecoder::in_parallel(stored, threads, chunk_bytes, Arc::new(reopen))?;
        Ok(Self { kind: Kind::Gzip(Box::new(decoder)) })
    }
}

impl<R: Read> Pieces for Source<R> {
    fn available(&self) -> &[u8] {
        match &self.kind {
            Kind::Plain(plain) => plain.window.available(),
            Kind::Gzip(decoder) => decoder.available(),
        }
    }

    fn consume(&mut self, n: usize) {
        match &mut self.kind {
            Kind::Plain(plain) => {
                plain.consumed += n.min(plain.window.available().len()) as u64;
                plain.window.consume(n);
            }
            Kind::Gzip(decoder) => decoder.consume(n),
        }
    }

    fn more(&mut self) -> Result<bool, Error> {
        match &mut self.kind {
            Kind::Plain(plain) => plain.more(),
            Kind::Gzip(decoder) => decoder.more(),
        }
    }
}

impl<R: Read> Plain<R> {
    fn more(&mut self) -> Result<bool, Error> {
        if self.ended {
            return Ok(false);
        }
        let offset = self.consumed + self.window.available().len() as u64;
        self.window
            .make_room()
            .map_err(|source| Error::Read { compressed_offset: offset, source })?;
        let room = self.window.room();
        let wanted = room.len();
        let n = read_full(&mut self.reader, room, offset)?;
        self.window.advance_to(self.window.end() + n);
        self.ended = n < wanted;
        Ok(n > 0)
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.read_full(buffer)?)
    }
}

fn read_full(reader: &mut impl Read, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        let n = read_some(reader, &mut buffer[filled..])
            .map_err(|source| Error::Read { compressed_offset: offset + filled as u64, source })?;
        if n == 0 {
            break;
        }
        filled += n;
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A reader that is interrupted, gives single bytes, and fails after its data if told so.
    struct Awkward<'a> {
        data: &'a [u8],
        interrupted: bool,
        fails: bool,
    }

    impl Read for Awkward<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match self.data.split_first() {
                Some((&byte, rest)) => {
                    buffer[0] = byte;
                    self.data = rest;
                    Ok(1)
                }
                None if self.fails => Err(io::ErrorKind::ConnectionReset.into()),
                None => Ok(0),
            }
        }
    }

    fn awkward(data: &[u8], fails: bool) -> Awkward<'_> {
        Awkward { data, interrupted: false, fails }
    }

    #[test]
    fn the_first_bytes_decide() {
        let mut encoder = gz::GzEncoder::new(Vec::new()).unwrap();
        encoder.write_all(b"twelve bytes").unwrap();
        let gzipped = encoder.finish().unwrap();
        for (bytes, is_gzip) in [(&b"twelve bytes"[..], false), (&gzipped, true)] {
            let mut source = Source::open(awkward(bytes, false)).unwrap();
            assert_eq!(source.is_gzip(), is_gzip);
            let mut start = [0; 6];
            assert_eq!(source.read_full(&mut start).unwrap(), 6);
            assert_eq!(&start, b"twelve");
            assert_eq!(source.inflated_offset(), 6);
            assert_eq!(source.skip(2).unwrap(), 2);
            assert_eq!(source.drain().unwrap(), 4);
            assert_eq!(source.inflated_offset(), 12);
            assert_eq!(source.compressed_offset(), bytes.len() as u64);
            assert_eq!(source.read_full(&mut start).unwrap(), 0);
        }
    }

    #[test]
    fn the_standard_reader_gives_the_inflated_bytes() {
        let mut encoder = gz::GzEncoder::new(Vec::new()).unwrap();
        encoder.write_all(b"twelve bytes").unwrap();
        let gzipped = encoder.finish().unwrap();
        let mut text = String::new();
        Source::open(&gzipped[..]).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "twelve bytes");
        let error = Source::open(&gzipped[..15]).unwrap().read_to_string(&mut text).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn streams_shorter_than_the_magic_are_plain() {
        for bytes in [&b""[..], b"\x1f"] {
            let mut source = Source::open(bytes).unwrap();
            assert!(!source.is_gzip());
            assert_eq!(source.drain().unwrap(), bytes.len() as u64);
        }
    }

    #[test]
    fn failures_of_the_reader_carry_the_offset() {
        let mut source = Source::open(awkward(b"abcde", true)).unwrap();
        assert!(matches!(
            source.drain(),
            Err(Error::Read { compressed_offset: 5, source })
                if source.kind() == io::ErrorKind::ConnectionReset
        ));
        assert!(matches!(
            Source::open(awkward(b"a", true)),
            Err(Error::Read { compressed_offset: 1, .. })
        ));
    }
}
