//! gzip members one after the other: headers, inflated pieces, trailers.

use std::io::Read;

use crc32fast::Hasher;

use super::MAGIC;
use super::check::Trailer;
use super::input::StoredInput;
use super::points::Points;
use super::window::Window;
use crate::error::{Error, GzipPart};
use crate::inflate::{Inflater, Stop};

const FHCRC: u8 = 1 << 1;
const FEXTRA: u8 = 1 << 2;
const FNAME: u8 = 1 << 3;
const FCOMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// A gzip stream in steps. It does not check trailers, it hands them over.
pub(crate) struct Members<R> {
    input: StoredInput<R>,
    inflater: Inflater,
    state: State,
    header: Header,
    member: u64,
    /// Whether the current member was entered in its middle.
    is_resumed: bool,
    inflated_bytes: u64,
    /// What went wrong after the bytes handed over last.
    failure: Option<Error>,
    points: Option<Points>,
}

/// What comes next in the stored stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Data,
    Trailer,
    /// Zeros, another member, or the end.
    Padding,
    End,
}

/// A member header that may arrive in pieces.
#[derive(Default)]
struct Header {
    /// Its first stored byte.
    start: u64,
    flags: u8,
    crc: Hasher,
    next: HeaderPart,
}

/// What comes next in a header.
#[derive(Clone, Copy, Debug, Default)]
enum HeaderPart {
    #[default]
    Fixed,
    ExtraLength,
    /// Bytes of the extra field that are left.
    Extra(u16),
    /// Up to a zero, if this flag is set.
    Text(u8),
    Checksum,
}

/// What one step found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MemberStep {
    /// Bytes were added to the window.
    Data,
    /// A member has ended, and its bytes are those of the steps before.
    Trailer(Trailer),
    /// Nothing follows.
    End,
}

/// Where a block starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockStart {
    /// Bits of the stored stream before the block.
    pub(crate) bit: u64,
    /// Inflated bytes before it, over all members.
    pub(crate) inflated: u64,
}

impl<R: Read> Members<R> {
    /// At the start of a stream. Nothing is read yet.
    pub(crate) fn new(reader: R) -> Self {
        Self::at_member(reader, BlockStart { bit: 0, inflated: 0 })
    }

    /// At the start of a member, where the reader stands. Nothing is read yet.
    pub(crate) fn at_member(reader: R, start: BlockStart) -> Self {
        Self {
            input: StoredInput::new(reader, start.bit / 8),
            inflater: Inflater::new(),
            state: State::Header,
            header: Header::default(),
            member: 0,
            is_resumed: false,
            inflated_bytes: start.inflated,
            failure: None,
            points: None,
        }
    }

    /// At a block inside a member; the reader stands at the byte in which the block starts.
    pub(crate) fn resume(reader: R, start: BlockStart) -> Result<Self, Error> {
        let mut members = Self::at_member(reader, start);
        members.state = State::Data;
        members.is_resumed = true;
        let done = (start.bit % 8) as u32;
        if done > 0 {
            let [byte] = members.input.take()?.ok_or_else(|| members.truncated(GzipPart::Data))?;
            members.inflater.start(byte, 8 - done);
        }
        Ok(members)
    }

    /// As [`resume`](Self::resume), when what lies before the block was read in another way, so that the
    /// trailer of the member can be compared.
    pub(crate) fn resume_whole(reader: R, start: BlockStart) -> Result<Self, Error> {
        let mut members = Self::resume(reader, start)?;
        members.is_resumed = false;
        Ok(members)
    }

    /// At the trailer of the first member, of which all was read in another way.
    pub(crate) fn at_trailer(reader: R, start: BlockStart) -> Self {
        let mut members = Self::at_member(reader, start);
        members.state = State::Trailer;
        members
    }

    /// Reads the header of the first member, and gives the first byte after it.
    pub(crate) fn enter(&mut self) -> Result<u64, Error> {
        self.read_header()?;
        self.state = State::Data;
        Ok(self.input.offset())
    }

    /// A block starts here, after this history.
    pub(crate) fn offer(&mut self, start: BlockStart, history: &[u8]) {
        if let Some(points) = &mut self.points {
            points.offer(start, history);
        }
    }

    /// From now on, places to resume from are collected.
    pub(crate) fn collect_points(&mut self, points: Points) {
        self.points = Some(points);
    }

    pub(crate) fn take_points(&mut self) -> Option<Points> {
        self.points.take()
    }

    /// Where the stored bytes come from.
    pub(crate) fn reader_mut(&mut self) -> &mut R {
        self.input.reader_mut()
    }

    /// Stored bytes consumed so far.
    pub(crate) fn compressed_offset(&self) -> u64 {
        self.input.offset()
    }

    /// Goes on until there is something to tell.
    pub(crate) fn step(&mut self, window: &mut Window) -> Result<MemberStep, Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        loop {
            match self.state {
                State::Header => {
                    self.read_header()?;
                    window.forget_history();
                    self.state = State::Data;
                    if let Some(points) = &mut self.points {
                        let bit = self.input.offset() * 8;
                        points.offer(BlockStart { bit, inflated: self.inflated_bytes }, &[]);
                    }
                }
                State::Data => {
                    let offset = self.input.offset();
                    window
                        .make_room()
                        .map_err(|source| Error::Read { compressed_offset: offset, source })?;
                    let before = window.end();
                    let outcome = self.inflate(window);
                    if window.end() > before {
                        // What was inflated before a failure is right as far as it goes.
                        self.failure = outcome.err();
                        return Ok(MemberStep::Data);
                    }
                    outcome?;
                }
                // Left for a step of its own, so that a wrong trailer never takes away the bytes.
                State::Trailer => {
                    let trailer = self.read_trailer()?;
                    self.state = State::Padding;
                    self.is_resumed = false;
                    return Ok(MemberStep::Trailer(trailer));
                }
                State::Padding => match self.has_another_member()? {
                    true => {
                        self.member += 1;
                        self.state = State::Header;
                    }
                    false => self.state = State::End,
                },
                State::End => return Ok(MemberStep::End),
            }
        }
    }

    /// Inflates a piece, or what is left of the member.
    fn inflate(&mut self, window: &mut Window) -> Result<(), Error> {
        let limit = window.piece_end();
        loop {
            let mut input = self.input.for_inflater();
            let mut output = window.output(limit);
            let before = output.at;
            let outcome = self.inflater.run(&mut input, &mut output, self.points.is_some());
            let (consumed, end) = (input.at, output.at);
            window.advance_to(end);
            self.input.consume(consumed);
            self.inflated_bytes += (end - before) as u64;
            match outcome {
                Ok(Stop::Input) => self.input.more()?,
                Ok(Stop::Output) => return Ok(()),
                Ok(Stop::Block) => {
                    let bit = self.input.offset() * 8 - u64::from(self.inflater.held_bits());
                    if let Some(points) = &mut self.points {
                        let start = BlockStart { bit, inflated: self.inflated_bytes };
                        points.offer(start, window.history());
                    }
                }
                Ok(Stop::End) => {
                    self.state = State::Trailer;
                    return Ok(());
                }
                Ok(Stop::Truncated) => return Err(self.truncated(GzipPart::Data)),
                Err(problem) => {
                    return Err(Error::GzipData {
                        member: self.member,
                        compressed_offset: self.input.offset(),
                        inflated_offset: self.inflated_bytes,
                        problem,
                    });
                }
            }
        }
    }

    /// Reads a header, or what is left of it after a failure of the reader.
    fn read_header(&mut self) -> Result<(), Error> {
        loop {
            let flags = self.header.flags;
            self.header.next = match self.header.next {
                HeaderPart::Fixed => {
                    self.header = Header { start: self.input.offset(), ..Header::default() };
                    let [id1, id2, method, flags, ..] = self.header_bytes::<10>()?;
                    if [id1, id2] != MAGIC {
                        return Err(self.header_problem("expected the magic bytes 1f 8b"));
                    }
                    if method != 8 {
                        return Err(self.header_problem("expected compression method 8 (deflate)"));
                    }
                    if flags & RESERVED != 0 {
                        return Err(self.header_problem("expected reserved flags to be 0"));
                    }
                    self.header.flags = flags;
                    HeaderPart::ExtraLength
                }
                HeaderPart::ExtraLength if flags & FEXTRA != 0 => {
                    HeaderPart::Extra(u16::from_le_bytes(self.header_bytes()?))
                }
                HeaderPart::ExtraLength | HeaderPart::Extra(0) => HeaderPart::Text(FNAME),
                HeaderPart::Extra(left) => {
                    self.header_bytes::<1>()?;
                    HeaderPart::Extra(left - 1)
                }
                HeaderPart::Text(text) if flags & text != 0 => {
                    // A zero ends the text; its flag is done with then.
                    if self.header_bytes()? == [0] {
                        self.header.flags &= !text;
                    }
                    HeaderPart::Text(text)
                }
                HeaderPart::Text(FNAME) => HeaderPart::Text(FCOMMENT),
                HeaderPart::Text(_) => HeaderPart::Checksum,
                HeaderPart::Checksum => {
                    let [low, high, ..] = self.header.crc.clone().finalize().to_le_bytes();
                    if flags & FHCRC != 0 && self.header_bytes()? != [low, high] {
                        return Err(self.header_problem("the header checksum does not fit"));
                    }
                    self.header = Header::default();
                    self.inflater.start(0, 0);
                    return Ok(());
                }
            };
        }
    }

    fn header_problem(&self, problem: &'static str) -> Error {
        let (member, compressed_offset) = (self.member, self.header.start);
        Error::GzipHeader { member, compressed_offset, problem }
    }

    fn header_bytes<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bytes = self.input.take()?.ok_or_else(|| self.truncated(GzipPart::Header))?;
        self.header.crc.update(&bytes);
        Ok(bytes)
    }

    fn read_trailer(&mut self) -> Result<Trailer, Error> {
        let [c0, c1, c2, c3, l0, l1, l2, l3] =
            self.input.take()?.ok_or_else(|| self.truncated(GzipPart::Trailer))?;
        Ok(Trailer {
            member: self.member,
            compressed_offset: self.input.offset(),
            crc: u32::from_le_bytes([c0, c1, c2, c3]),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            is_whole: !self.is_resumed,
        })
    }

    /// Skips zero padding and tells whether another member follows.
    fn has_another_member(&mut self) -> Result<bool, Error> {
        loop {
            let buffered = self.input.peek()?;
            if buffered.is_empty() {
                return Ok(false);
            }
            let zeros = buffered.iter().take_while(|&&byte| byte == 0).count();
            let next = buffered.get(zeros).copied();
            self.input.consume(zeros);
            match next {
                None => {}
                Some(byte) if byte == MAGIC[0] => return Ok(true),
                Some(_) => {
                    return Err(Error::GzipTrailing { compressed_offset: self.input.offset() });
                }
            }
        }
    }

    fn truncated(&self, part: GzipPart) -> Error {
        Error::GzipTruncated {
            member: self.member,
            compressed_offset: self.input.offset() + self.input.buffered().len() as u64,
            inflated_offset: self.inflated_bytes,
            part,
        }
    }
}
