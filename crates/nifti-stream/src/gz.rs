//! gzip: every member, every checksum.

mod check;
mod encode;
mod input;
mod members;
mod parallel;
mod points;
mod verify;
mod window;

use std::fmt;
use std::io::{self, Read};
use std::num::NonZeroUsize;

use self::check::Checker;
pub(crate) use self::encode::GzEncoder;
pub(crate) use self::members::BlockStart;
use self::members::{MemberStep, Members};
pub(crate) use self::parallel::{CHUNK_BYTES, Reopen};
use self::parallel::{Handover, ParallelInflate};
pub(crate) use self::points::{Point, Points, Volumes, unpack};
pub use self::verify::GzVerifier;
pub(crate) use self::window::Window;
use crate::error::Error;

/// The two bytes at the start of every gzip member.
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Bytes inflated at a time.
pub(crate) const PIECE_BYTES: usize = 256 * 1024;

/// For benchmarks and fuzz targets: [`Source`](crate::Source) is the way to inflate a stream.
///
/// A gzip decoder over any reader, in fixed memory (less than 1 MiB).
///
/// It accepts what Python's `gzip` module accepts: any number of members, with zero padding after
/// each. CRC-32 and length (modulo 2^32) of every member are checked; anything else after a member
/// is an error, and so is a stream that ends anywhere but after a member. Three cases are stricter
/// than in Python: a header checksum (FHCRC) must be right, reserved flags must be 0, and an empty
/// stream counts as truncated.
///
/// The bytes of a member are handed out before its checksum can be known: they are final only
/// when [`read_chunk`](Self::read_chunk) has returned fewer bytes than asked for.
#[doc(hidden)]
pub struct GzDecoder<R> {
    members: Box<Members<R>>,
    /// Other threads that inflate, as long as there are some: their bytes come first.
    parallel: Option<Box<ParallelInflate<R>>>,
    window: Window,
    checker: Checker,
    state: State,
    consumed_bytes: u64,
    compressed_offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    End,
    Failed,
}

impl<R: Read + 'static> GzDecoder<R> {
    /// A decoder at the start of a stream of this many stored bytes, which other threads open too and
    /// inflate a chunk at a time.
    pub(crate) fn in_parallel(
        stored: u64,
        threads: NonZeroUsize,
        chunk_bytes: NonZeroUsize,
        reopen: Reopen<R>,
    ) -> Result<Self, Error> {
        let mut decoder = Self::new(reopen(0).map_err(|source| Error::Open { source })?);
        let first = decoder.members.enter()?;
        let parallel = ParallelInflate::start(first, stored, threads, chunk_bytes, reopen);
        decoder.parallel = parallel.map(Box::new);
        Ok(decoder)
    }
}

impl<R: Read> GzDecoder<R> {
    /// A decoder at the start of a gzip stream. Nothing is read yet.
    pub fn new(reader: R) -> Self {
        Self::with_piece_bytes(reader, PIECE_BYTES)
    }

    pub(crate) fn with_piece_bytes(reader: R, piece_bytes: usize) -> Self {
        Self::from_members(Members::new(reader), piece_bytes)
    }

    /// A decoder at a block inside a member, after this history.
    pub(crate) fn resume(reader: R, start: BlockStart, history: &[u8]) -> Result<Self, Error> {
        let mut decoder = Self::from_members(Members::resume(reader, start)?, PIECE_BYTES);
        let refused = |source| Error::Read { compressed_offset: start.bit / 8, source };
        decoder.window.set_history(history).map_err(refused)?;
        decoder.consumed_bytes = start.inflated;
        Ok(decoder)
    }

    /// Whether other threads inflate what comes next.
    pub(crate) fn is_inflated_in_parallel(&self) -> bool {
        self.parallel.is_some()
    }

    fn from_members(members: Members<R>, piece_bytes: usize) -> Self {
        Self {
            compressed_offset: members.compressed_offset(),
            members: Box::new(members),
            parallel: None,
            window: Window::new(piece_bytes),
            checker: Checker::default(),
            state: State::Running,
            consumed_bytes: 0,
        }
    }

    /// Inflates until `chunk` is full or the stream ends, and returns the number of bytes written.
    ///
    /// Fewer bytes than `chunk.len()` mean that the stream has ended and every member was right.
    ///
    /// # Errors
    ///
    /// The gzip variants of [`Error`], and [`Error::Read`] from the reader. After an error every
    /// further call gives [`Error::AlreadyFailed`].
    pub fn read_chunk(&mut self, chunk: &mut [u8]) -> Result<usize, Error> {
        fill(self, chunk)
    }

    /// Stored bytes consumed so far.
    #[must_use]
    pub fn compressed_offset(&self) -> u64 {
        self.compressed_offset
    }

    /// Bytes inflated and handed out so far, over all members.
    #[must_use]
    pub fn inflated_offset(&self) -> u64 {
        self.consumed_bytes
    }

    /// The CRC-32 of what was consumed since the last cut.
    pub(crate) fn cut(&mut self) -> u32 {
        self.checker.cut()
    }

    fn try_more(&mut self) -> Result<bool, Error> {
        loop {
            match self.state {
                State::Running => {}
                State::End => return Ok(false),
                State::Failed => return Err(Error::AlreadyFailed),
            }
            if let Some(parallel) = &mut self.parallel {
                let more = parallel.more(|start, history| self.members.offer(start, history));
                self.compressed_offset = parallel.compressed_offset();
                if more {
                    return Ok(true);
                }
                self.take_over()?;
            }
            let step = self.members.step(&mut self.window);
            self.compressed_offset = self.members.compressed_offset();
            match step? {
                MemberStep::Data => return Ok(true),
                MemberStep::Trailer(trailer) => {
                    self.checker.end_member(self.window.available(), &trailer)?;
                }
                MemberStep::End => self.state = State::End,
            }
        }
    }

    /// Ends the other threads; this one inflates from where they stopped.
    fn take_over(&mut self) -> Result<(), Error> {
        let Some(parallel) = self.parallel.take() else { return Ok(()) };
        let Handover { mut members, history, left } = parallel.finish()?;
        if let Some(points) = self.members.take_points() {
            members.collect_points(points);
        }
        *self.members = members;
        let refused = |source| Error::Read { compressed_offset: self.compressed_offset, source };
        self.window.set_history(&history).map_err(refused)?;
        self.window.keep(left);
        Ok(())
    }

    /// Where the stored bytes come from.
    pub(crate) fn reader_mut(&mut self) -> &mut R {
        self.members.reader_mut()
    }

    /// From now on, places to resume from are collected.
    pub(crate) fn collect_points(&mut self, points: Points) {
        self.members.collect_points(points);
        if let Some(parallel) = &self.parallel {
            parallel.offer_first(|start, history| self.members.offer(start, history));
        }
    }

    /// What was collected, once the stream has ended.
    pub(crate) fn take_points(&mut self) -> Option<Points> {
        self.members.take_points()
    }
}

/// Bytes that come piece by piece and are looked at where they lie.
pub(crate) trait Pieces {
    /// The bytes that come next, as far as they are at hand.
    fn available(&self) -> &[u8];

    /// The next `n` of the available bytes are done with.
    fn consume(&mut self, n: usize);

    /// Brings more bytes after the available ones, of which there must be few; `false` at the
    /// verified end.
    fn more(&mut self) -> Result<bool, Error>;
}

/// Copies pieces until `buffer` is full or they end, and returns the number of bytes.
pub(crate) fn fill(pieces: &mut impl Pieces, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        let available = pieces.available();
        if available.is_empty() {
            if !pieces.more()? {
                break;
            }
            continue;
        }
        let n = available.len().min(buffer.len() - filled);
        buffer[filled..filled + n].copy_from_slice(&available[..n]);
        pieces.consume(n);
        filled += n;
    }
    Ok(filled)
}

impl<R: Read> Pieces for GzDecoder<R> {
    fn available(&self) -> &[u8] {
        match &self.parallel {
            Some(parallel) => parallel.available(),
            None => self.window.available(),
        }
    }

    fn consume(&mut self, n: usize) {
        let available = match &self.parallel {
            Some(parallel) => parallel.available(),
            None => self.window.available(),
        };
        let n = n.min(available.len());
        self.checker.consume(&available[..n]);
        match &mut self.parallel {
            Some(parallel) => parallel.consume(n),
            None => self.window.consume(n),
        }
        self.consumed_bytes += n as u64;
    }

    fn more(&mut self) -> Result<bool, Error> {
        let result = self.try_more();
        // A reader that only waits for more bytes can be asked again.
        if result.as_ref().is_err_and(|error| !error.is_would_block()) {
            self.state = State::Failed;
        }
        result
    }
}

impl<R: Read> Read for GzDecoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.read_chunk(buffer)?)
    }
}

impl<R> fmt::Debug for GzDecoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GzDecoder")
            .field("state", &self.state)
            .field("compressed_offset", &self.compressed_offset)
            .field("inflated_offset", &self.consumed_bytes)
            .finish_non_exhaustive()
    }
}

/// One successful `read`, repeated when it was interrupted.
pub(crate) fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
