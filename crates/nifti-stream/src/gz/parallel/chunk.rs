//! An inflated part of the stored stream, made by a thread that does not know the bytes before it,
//! or by one that does.

use std::io::Read;

use super::super::input::StoredInput;
use crate::inflate::{self, Inflater, Marked, Output, SLACK, Stop, WINDOW};

/// Inflated bytes of a chunk, at most, and those of them with marks, which take twice the memory: for
/// each stored byte, and for all of them.
const MOST: [usize; 2] = [256, 10 << 20];
const MOST_MARKED: [usize; 2] = [16, 1 << 20];
/// Bytes by which the room of a chunk grows.
const ROOM: usize = 1 << 20;

/// A part of the stored stream, inflated.
#[derive(Default)]
pub(super) struct Chunk {
    /// The bit at which it starts.
    pub(super) start: u64,
    pub(super) end: End,
    pub(super) marked: Marked,
    /// [`WINDOW`] bytes for what lies before, the bytes after those with marks, and room.
    pub(super) plain: Vec<u8>,
    /// The first of them that is there.
    pub(super) floor: usize,
    pub(super) plain_end: usize,
    /// The most of all bytes, and of those with marks.
    most: usize,
    most_marked: usize,
    /// Where blocks start, and how many bytes of the chunk lie before.
    pub(super) blocks: Vec<(u64, usize)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum End {
    /// The bit at which the next chunk should start.
    Block(u64),
    /// The member ends before this byte.
    Member(u64),
    /// The chunk is of no use.
    #[default]
    Unusual,
}

/// What is known of the bytes before a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownPrefix {
    Known,
    Unknown,
    /// Nothing, but some may be taken for zero.
    Guessed,
}

impl Chunk {
    /// Empties it, to take about as many stored bytes from a bit on: after this history, or, if there is
    /// none, after what is not known.
    pub(super) fn begin(&mut self, start: u64, stored: u64, history: Option<&[u8]>) {
        let stored = usize::try_from(stored).unwrap_or(usize::MAX);
        let [most, most_marked] = [MOST, MOST_MARKED]
            .map(|[for_each, for_all]| for_all.min(stored.saturating_mul(for_each)));
        (self.most, self.most_marked) = (most, most_marked);
        self.start = start;
        self.end = End::Unusual;
        self.marked.restart();
        self.plain.resize(self.plain.len().max(WINDOW), 0);
        self.plain_end = WINDOW;
        self.floor = history.map_or(0, |history| WINDOW - history.len().min(WINDOW));
        if let Some(history) = history {
            let known = &history[history.len().saturating_sub(WINDOW)..];
            self.plain[self.floor..WINDOW].copy_from_slice(known);
        }
        self.blocks.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.marked.len() + self.plain_end - WINDOW
    }

    /// Inflates from its start up to the first block at which it is to end, or to the end of the
    /// member; `None` when that cannot be done.
    pub(super) fn inflate<R: Read>(
        &mut self,
        inflater: &mut Inflater,
        input: &mut StoredInput<R>,
        before: KnownPrefix,
        mut ends: impl FnMut(&Self, AtBlock<'_, R>) -> Option<bool>,
    ) -> Option<()> {
        self.blocks.push((self.start, 0));
        let mut is_plain = before == KnownPrefix::Known;
        let may_guess = before == KnownPrefix::Guessed;
        loop {
            let mut source = input.for_inflater();
            let stop = match is_plain {
                true => self.run(inflater, &mut source),
                false => self.marked.run(inflater, &mut source, self.most_marked),
            };
            let used = source.at;
            input.consume(used);
            match stop.ok()? {
                Stop::Input => input.more().ok()?,
                Stop::Output if is_plain && self.plain_end - WINDOW < self.most => {}
                Stop::Output if !is_plain && self.marked.len() < self.most_marked => {
                    is_plain = self.is_known(may_guess);
                }
                Stop::Block => {
                    let bit = input.offset() * 8 - u64::from(inflater.held_bits());
                    if ends(self, AtBlock { bit, inflater, input })? {
                        self.end = End::Block(bit);
                        return Some(());
                    }
                    self.blocks.push((bit, self.len()));
                    is_plain = is_plain || self.is_known(may_guess);
                }
                Stop::End => {
                    self.end = End::Member(input.offset());
                    return Some(());
                }
                // Too much of it, or not in one piece.
                Stop::Output | Stop::Truncated => return None,
            }
        }
    }

    /// Whether everything that a match may refer to is known or guessed; what follows needs no marks then.
    fn is_known(&mut self, may_guess: bool) -> bool {
        let Some(window) = self.marked.window(may_guess) else { return false };
        self.plain.iter_mut().zip(window).for_each(|(byte, known)| *byte = known);
        true
    }

    /// Inflates bytes, with room for some more.
    fn run(
        &mut self,
        inflater: &mut Inflater,
        input: &mut inflate::Input<'_>,
    ) -> Result<Stop, &'static str> {
        if self.plain.len() < self.plain_end + ROOM / 2 + SLACK {
            self.plain.resize(self.plain_end + ROOM + SLACK, 0);
        }
        let (at, floor) = (self.plain_end, self.floor);
        let limit = (self.plain.len() - SLACK).min(WINDOW + self.most);
        let mut output = Output { symbols: &mut self.plain, at, floor, limit };
        let stop = inflater.run(input, &mut output, true);
        self.plain_end = output.at;
        stop
    }
}

/// Before a block.
pub(super) struct AtBlock<'a, R> {
    pub(super) bit: u64,
    inflater: &'a Inflater,
    input: &'a mut StoredInput<R>,
}

impl<R: Read> AtBlock<'_, R> {
    /// The first three bits of the block, if they can be read.
    pub(super) fn header(&mut self) -> Option<u32> {
        self.inflater.peek_header(self.input.peek().ok()?)
    }
}
