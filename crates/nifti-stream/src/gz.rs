//! gzip: every member, every checksum.

mod encode;

use std::fmt;
use std::io::{self, Read};

use crc32fast::Hasher;
use zlib_rs::{Inflate, InflateFlush, Status};

pub use self::encode::GzEncoder;
use crate::error::{Error, GzipPart};

/// The two bytes at the start of every gzip member.
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Stored bytes read at a time.
const INPUT_BYTES: usize = 64 * 1024;
/// 2^15 bytes, the largest window of deflate.
const WINDOW_BITS: u8 = 15;

const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// A gzip decoder over any reader, in fixed memory (about 100 KiB).
///
/// It accepts what Python's `gzip` module accepts: any number of members, with zero padding after
/// each. CRC-32 and length (modulo 2^32) of every member are checked; anything else after a member
/// is an error, and so is a stream that ends anywhere but after a member. Three cases are stricter
/// than in Python: a header checksum (FHCRC) must be right, reserved flags must be 0, and an empty
/// stream counts as truncated.
///
/// The bytes of a member are handed out before its checksum can be known: they are final only
/// when [`read_chunk`](Self::read_chunk) has returned fewer bytes than asked for.
pub struct GzDecoder<R> {
    input: Input<R>,
    inflate: Inflate,
    state: State,
    member: u64,
    crc: Hasher,
    member_bytes: u64,
    inflated_bytes: u64,
}

/// What comes next in the stored stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Data,
    Trailer,
    End,
    Failed,
}

impl<R: Read> GzDecoder<R> {
    /// A decoder at the start of a gzip stream. Nothing is read yet.
    pub fn new(reader: R) -> Self {
        Self {
            input: Input::new(reader),
            inflate: Inflate::new(false, WINDOW_BITS),
            state: State::Header,
            member: 0,
            crc: Hasher::new(),
            member_bytes: 0,
            inflated_bytes: 0,
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
        let result = self.fill(chunk);
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    /// Stored bytes consumed so far.
    #[must_use]
    pub fn compressed_offset(&self) -> u64 {
        self.input.offset
    }

    /// Bytes inflated so far, over all members.
    #[must_use]
    pub fn inflated_offset(&self) -> u64 {
        self.inflated_bytes
    }

    fn fill(&mut self, chunk: &mut [u8]) -> Result<usize, Error> {
        let mut filled = 0;
        loop {
            match self.state {
                State::Header => {
                    self.read_header()?;
                    self.state = State::Data;
                }
                State::Data if filled == chunk.len() => return Ok(filled),
                State::Data => {
                    let (n, member_ended) = self.inflate_into(&mut chunk[filled..])?;
                    filled += n;
                    if member_ended {
                        self.state = State::Trailer;
                    }
                }
                // Left for the next call, so that a wrong trailer never takes away the bytes.
                State::Trailer if filled == chunk.len() => return Ok(filled),
                State::Trailer => {
                    self.check_trailer()?;
                    self.state = self.after_member()?;
                }
                State::End => return Ok(filled),
                State::Failed => return Err(Error::AlreadyFailed),
            }
        }
    }

    /// One step of the inflater: the bytes written and whether the member's data ended.
    fn inflate_into(&mut self, chunk: &mut [u8]) -> Result<(usize, bool), Error> {
        if self.input.peek()?.is_empty() {
            return Err(self.truncated(GzipPart::Data));
        }
        let (stored_before, inflated_before) = (self.inflate.total_in(), self.inflate.total_out());
        let outcome = self.inflate.decompress(self.input.buffered(), chunk, InflateFlush::NoFlush);
        // Both differences are bounded by the slices above.
        let stored = (self.inflate.total_in() - stored_before) as usize;
        let inflated = (self.inflate.total_out() - inflated_before) as usize;
        self.input.consume(stored);
        self.crc.update(&chunk[..inflated]);
        self.member_bytes += inflated as u64;
        self.inflated_bytes += inflated as u64;
        match outcome {
            Ok(Status::StreamEnd) => Ok((inflated, true)),
            Ok(_) if stored + inflated > 0 => Ok((inflated, false)),
            Ok(_) => Err(self.damaged("no progress")),
            Err(_) => Err(self.damaged(self.inflate.error_message().unwrap_or("invalid data"))),
        }
    }

    fn read_header(&mut self) -> Result<(), Error> {
        let start = self.input.offset;
        let problem =
            |member, problem| Error::GzipHeader { member, compressed_offset: start, problem };
        let mut crc = Hasher::new();
        let [id1, id2, method, flags, ..] = self.header_bytes::<10>(&mut crc)?;
        if [id1, id2] != MAGIC {
            return Err(problem(self.member, "expected the magic bytes 1f 8b"));
        }
        if method != 8 {
            return Err(problem(self.member, "expected compression method 8 (deflate)"));
        }
        if flags & RESERVED != 0 {
            return Err(problem(self.member, "expected reserved flags to be 0"));
        }
        if flags & FEXTRA != 0 {
            let length = u16::from_le_bytes(self.header_bytes(&mut crc)?);
            for _ in 0..length {
                self.header_bytes::<1>(&mut crc)?;
            }
        }
        for text in [FNAME, FCOMMENT] {
            if flags & text != 0 {
                while self.header_bytes(&mut crc)? != [0] {}
            }
        }
        if flags & FHCRC != 0 {
            let computed = crc.clone().finalize().to_le_bytes();
            if self.header_bytes(&mut crc)? != [computed[0], computed[1]] {
                return Err(problem(self.member, "the header checksum does not fit"));
            }
        }
        self.inflate.reset(false);
        self.crc = Hasher::new();
        self.member_bytes = 0;
        Ok(())
    }

    fn header_bytes<const N: usize>(&mut self, crc: &mut Hasher) -> Result<[u8; N], Error> {
        let bytes = self.input.take()?.ok_or_else(|| self.truncated(GzipPart::Header))?;
        crc.update(&bytes);
        Ok(bytes)
    }

    fn check_trailer(&mut self) -> Result<(), Error> {
        let [c0, c1, c2, c3, l0, l1, l2, l3] =
            self.input.take()?.ok_or_else(|| self.truncated(GzipPart::Trailer))?;
        let (member, compressed_offset) = (self.member, self.input.offset);
        let (expected, got) = (u32::from_le_bytes([c0, c1, c2, c3]), self.crc.clone().finalize());
        if expected != got {
            return Err(Error::GzipChecksum { member, compressed_offset, expected, got });
        }
        // The trailer holds the length modulo 2^32: the cast is the modulo.
        let (expected, got) = (u32::from_le_bytes([l0, l1, l2, l3]), self.member_bytes as u32);
        if expected != got {
            return Err(Error::GzipLength { member, compressed_offset, expected, got });
        }
        Ok(())
    }

    /// Skips zero padding and tells whether another member follows.
    fn after_member(&mut self) -> Result<State, Error> {
        loop {
            let buffered = self.input.peek()?;
            if buffered.is_empty() {
                return Ok(State::End);
            }
            let zeros = buffered.iter().take_while(|&&byte| byte == 0).count();
            let next = buffered.get(zeros).copied();
            self.input.consume(zeros);
            match next {
                None => {}
                Some(byte) if byte == MAGIC[0] => {
                    self.member += 1;
                    return Ok(State::Header);
                }
                Some(_) => {
                    return Err(Error::GzipTrailing { compressed_offset: self.input.offset });
                }
            }
        }
    }

    fn truncated(&self, part: GzipPart) -> Error {
        Error::GzipTruncated {
            member: self.member,
            compressed_offset: self.input.offset + self.input.buffered().len() as u64,
            inflated_offset: self.inflated_bytes,
            part,
        }
    }

    fn damaged(&self, problem: &'static str) -> Error {
        Error::GzipData {
            member: self.member,
            compressed_offset: self.input.offset,
            inflated_offset: self.inflated_bytes,
            problem,
        }
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
            .field("member", &self.member)
            .field("compressed_offset", &self.input.offset)
            .field("inflated_offset", &self.inflated_bytes)
            .finish_non_exhaustive()
    }
}

/// The stored bytes, through a buffer of fixed size, with a count of those consumed.
struct Input<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    offset: u64,
}

impl<R: Read> Input<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; INPUT_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The next bytes; empty only at the end.
    fn peek(&mut self) -> Result<&[u8], Error> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.end = read_some(&mut self.reader, &mut self.buffer)
                .map_err(|source| Error::Read { compressed_offset: self.offset, source })?;
        }
        Ok(self.buffered())
    }

    fn consume(&mut self, n: usize) {
        self.start += n;
        self.offset += n as u64;
    }

    /// The next `N` bytes, `None` when fewer are left (those are consumed).
    fn take<const N: usize>(&mut self) -> Result<Option<[u8; N]>, Error> {
        let mut bytes = [0; N];
        let mut filled = 0;
        while filled < N {
            let next = self.peek()?;
            if next.is_empty() {
                return Ok(None);
            }
            let n = next.len().min(N - filled);
            bytes[filled..filled + n].copy_from_slice(&next[..n]);
            filled += n;
            self.consume(n);
        }
        Ok(Some(bytes))
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
