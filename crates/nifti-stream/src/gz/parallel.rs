//! The first member of a gzip stream inflated by several threads, without an index.
//!
//! The stored bytes are cut into chunks. A thread looks for the first block with codes of its own at or
//! after the start of its chunk, and inflates up to the first such block after its end. Bytes copied
//! from before its start are unknown to it: it leaves marks for them. The consumer takes the chunks in
//! order, knows those bytes, and replaces the marks.
//!
//! A chunk is discarded if it does not start where the previous one ended (to the bit), if it
//! overflowed its buffer, or if a guess in it was wrong. The consumer then inflates that range
//! itself and resumes with the next chunk. When most chunks are discarded, the stream goes on in
//! one thread.

mod chunk;

use std::convert::Infallible;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use self::chunk::{Chunk, End, KnownPrefix};
use super::input::StoredInput;
use super::members::{BlockStart, Members};
use crate::error::Error;
use crate::inflate::{DYNAMIC, Inflater, WINDOW, find_dynamic};
use crate::queue::{Queue, StopAtEnd};

/// Stored bytes of a chunk.
pub(crate) const CHUNK_BYTES: usize = 512 << 10;
/// Inflated bytes after which the consumer hands over what it has inflated itself.
const PIECE: usize = 1 << 20;
/// Chunks of the last 16 that may be discarded; with more, one thread is faster.
const MOST_USELESS: u32 = 12;
/// One chunk in this number may be discarded for a wrong guess; with more, guessing stops.
const MOST_WRONG: usize = 16;

/// Threads that inflate chunks, and the consumer's position in them.
pub(crate) struct ParallelInflate<R> {
    work: Arc<ChunkWork<R>>,
    threads: Vec<JoinHandle<()>>,
    /// The number of the next chunk to take from the queue.
    next: usize,
    /// A chunk that was taken but starts after the position: the gap is inflated first.
    later_chunk: Option<Chunk>,
    /// A bit for each of the last 16 chunks: whether it was discarded.
    useless: u16,
    /// Chunks so far that were discarded for a wrong guess.
    wrong: usize,
    in_order: Option<InOrder<R>>,
    /// A buffer for what the consumer inflates itself, and whether the current chunk is in it.
    local_chunk: Option<Chunk>,
    is_local: bool,
    /// The inflated bytes that are handed out now.
    current: Segment,
    /// What follows them in the same chunk: the bytes after those that had marks.
    upcoming: Option<Segment>,
    /// The chunk of both.
    chunk: Option<Chunk>,
    /// Where the chunks taken so far end.
    position: BlockStart,
    is_at_trailer: bool,
}

/// Opens the stored stream once more, at a byte.
pub(crate) type Reopen<R> = Arc<dyn Fn(u64) -> io::Result<R> + Send + Sync>;

/// What one thread needs to go on where the chunks end.
pub(crate) struct Handover<R> {
    pub(crate) members: Members<R>,
    /// The bytes before, as far as a match may refer to them, and how many of them are still to be
    /// handed out.
    pub(crate) history: Vec<u8>,
    pub(crate) left: usize,
}

/// Inflated bytes: a history from `floor`, of which those from `at` to `end` are to be handed out.
#[derive(Default)]
struct Segment {
    bytes: Vec<u8>,
    floor: usize,
    at: usize,
    end: usize,
}

/// What the threads share.
struct ChunkWork<R> {
    reopen: Reopen<R>,
    chunk_bytes: u64,
    chunks: usize,
    /// Whether unknown bytes before a chunk may be taken for zero.
    may_guess: AtomicBool,
    /// The first byte after the header of the member.
    first: u64,
    queue: Queue<Chunk, Infallible>,
}

/// The consumer's own decoder, for ranges without a valid chunk.
struct InOrder<R> {
    /// The bit at which it stands.
    bit: u64,
    inflater: Inflater,
    input: StoredInput<R>,
}

impl<R: Read + 'static> ParallelInflate<R> {
    /// Starts threads after the header of the first member, which ends before byte `first` of
    /// `stored`. `None` when the stream is too short to gain from it.
    pub(crate) fn start(
        first: u64,
        stored: u64,
        threads: NonZeroUsize,
        chunk_bytes: NonZeroUsize,
        reopen: Reopen<R>,
    ) -> Option<Self> {
        let chunk_bytes = chunk_bytes.get() as u64;
        let rest = stored.checked_sub(first)?;
        let chunks = usize::try_from(rest.div_ceil(chunk_bytes)).ok().filter(|&n| n > 1)?;
        let queue = Queue::new(chunks, 1, threads.get());
        let may_guess = AtomicBool::new(true);
        let work = Arc::new(ChunkWork { reopen, chunk_bytes, chunks, may_guess, first, queue });
        let start = |_| {
            let work = Arc::clone(&work);
            Builder::new().name("inflate".to_owned()).spawn(move || work.run()).ok()
        };
        let threads: Vec<_> = (0..threads.get().min(chunks)).map_while(start).collect();
        (!threads.is_empty()).then_some(Self {
            work,
            threads,
            next: 0,
            later_chunk: None,
            useless: 0,
            wrong: 0,
            in_order: None,
            local_chunk: None,
            is_local: false,
            current: Segment::default(),
            upcoming: None,
            chunk: None,
            position: BlockStart { bit: first * 8, inflated: 0 },
            is_at_trailer: false,
        })
    }
}

impl<R: Read> ParallelInflate<R> {
    pub(crate) fn available(&self) -> &[u8] {
        &self.current.bytes[self.current.at..self.current.end]
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.current.at = self.current.end.min(self.current.at.saturating_add(n));
    }

    /// Stored bytes of the chunks so far.
    pub(crate) fn compressed_offset(&self) -> u64 {
        self.position.bit / 8
    }

    /// Brings more bytes after the available ones; `false` when one thread has to go on from
    /// [`finish`](Self::finish). Blocks that start in these bytes are offered.
    pub(crate) fn more(&mut self, mut offer: impl FnMut(BlockStart, &[u8])) -> bool {
        loop {
            let left = self.current.end - self.current.at;
            if let Some(mut upcoming) = self.upcoming.take() {
                // The history of what follows ends with the bytes that are left: they lie there too.
                upcoming.at -= left;
                self.current = upcoming;
            } else if !self.take(left, &mut offer) {
                return false;
            }
            if self.current.end - self.current.at > left {
                return true;
            }
        }
    }

    /// Begins what follows where the last chunk has ended.
    fn take(&mut self, left: usize, offer: &mut dyn FnMut(BlockStart, &[u8])) -> bool {
        if self.is_at_trailer {
            return false;
        }
        // Matches reach back one window at most: the end of the last chunk is copied, and its buffer
        // is used for another one.
        let mut bytes = self.history().to_vec();
        let before = bytes.len();
        let part = Segment { bytes: bytes.clone(), floor: 0, at: before - left, end: before };
        let last = std::mem::replace(&mut self.current, part);
        if let Some(mut done) = self.chunk.take() {
            if last.bytes.len() >= WINDOW {
                done.plain = last.bytes;
            }
            match self.is_local {
                true => self.local_chunk = Some(done),
                false => self.work.queue.spare(done),
            }
        }
        let Some(mut chunk) = self.next_chunk() else { return false };
        let (bit, is_at_trailer) = match chunk.end {
            End::Block(bit) => (bit, false),
            End::Member(byte) => (byte * 8, true),
            End::Unusual => return false,
        };
        if !chunk.marked.resolve(self.history(), &mut bytes) {
            return false;
        }
        let floor = chunk.floor;
        for &(bit, offset) in &chunk.blocks {
            let inflated = self.position.inflated + offset as u64;
            let (bytes, end, floor) = match offset.checked_sub(chunk.marked.len()) {
                Some(behind) if chunk.plain_end > WINDOW => {
                    (&chunk.plain[..], WINDOW + behind, floor)
                }
                _ => (&bytes[..], before + offset, 0),
            };
            let history = &bytes[floor.max(end.saturating_sub(WINDOW))..end];
            offer(BlockStart { bit, inflated }, history);
        }
        self.position = BlockStart { bit, inflated: self.position.inflated + chunk.len() as u64 };
        self.is_at_trailer = is_at_trailer;
        let end = chunk.plain_end;
        if end > WINDOW {
            let bytes = std::mem::take(&mut chunk.plain);
            self.upcoming = Some(Segment { bytes, floor, at: WINDOW, end });
        }
        let end = bytes.len();
        self.current = Segment { bytes, floor: 0, at: before - left, end };
        self.chunk = Some(chunk);
        true
    }

    /// The chunk that starts where the last one has ended, from a thread or inflated here; `None` when
    /// one thread has to go on.
    fn next_chunk(&mut self) -> Option<Chunk> {
        loop {
            let chunk = match self.later_chunk.take() {
                Some(chunk) => chunk,
                None if self.position.bit < self.work.start(self.next)? * 8 => {
                    return self.inflate(self.work.start(self.next)? * 8);
                }
                None => {
                    let chunk = self.work.queue.next(self.next).ok()?;
                    self.next += 1;
                    chunk
                }
            };
            // Its start is right, but a byte before it that was taken for zero is none.
            let is_wrong = chunk.start == self.position.bit && !chunk.marked.fits(self.history());
            if is_wrong {
                self.wrong += 1;
                if self.wrong > 2 + self.next / MOST_WRONG {
                    self.work.may_guess.store(false, Ordering::Relaxed);
                }
            }
            let is_useless =
                is_wrong || chunk.start < self.position.bit || matches!(chunk.end, End::Unusual);
            // It begins farther on: what lies between is inflated here, and it is looked at again.
            if !is_useless && chunk.start > self.position.bit {
                let start = chunk.start;
                self.later_chunk = Some(chunk);
                return self.inflate(start);
            }
            self.useless = self.useless << 1 | u16::from(is_useless);
            if !is_useless {
                self.is_local = false;
                return Some(chunk);
            }
            self.work.queue.spare(chunk);
            // Stored or fixed blocks, or a second member: threads find nothing to begin at.
            if self.useless.count_ones() > MOST_USELESS {
                return None;
            }
        }
    }

    /// Inflates a chunk here, where what lies before is known, up to a block at or after this bit, or
    /// a part of the way.
    fn inflate(&mut self, until: u64) -> Option<Chunk> {
        let BlockStart { bit, .. } = self.position;
        let mut in_order = match self.in_order.take().filter(|own| own.bit == bit) {
            Some(in_order) => in_order,
            None => {
                let mut input = StoredInput::new((self.work.reopen)(bit / 8).ok()?, bit / 8);
                input.more().ok()?;
                let mut inflater = Inflater::new();
                let taken = inflater.start_at(input.buffered(), (bit % 8) as usize);
                input.consume(taken);
                InOrder { bit, inflater, input }
            }
        };
        let InOrder { bit: stands_at, inflater, input } = &mut in_order;
        let mut chunk = self.local_chunk.take().unwrap_or_default();
        chunk.begin(bit, u64::MAX, Some(self.history()));
        chunk.inflate(inflater, input, KnownPrefix::Known, |chunk, here| {
            Some(here.bit >= until || chunk.len() >= PIECE)
        })?;
        if let End::Block(bit) = chunk.end {
            *stands_at = bit;
            self.in_order = Some(in_order);
        }
        self.is_local = true;
        Some(chunk)
    }

    /// Offers the blocks of the first chunk, if no other was begun.
    pub(crate) fn offer_first(&self, mut offer: impl FnMut(BlockStart, &[u8])) {
        let is_first = |chunk: &&Chunk| chunk.start == self.work.first * 8;
        let Some(chunk) = self.chunk.as_ref().filter(is_first) else { return };
        // Of the first chunk, everything lies in one part.
        let Segment { bytes, floor, .. } = self.upcoming.as_ref().unwrap_or(&self.current);
        for &(bit, offset) in &chunk.blocks {
            let end = floor + offset;
            let history = &bytes[(*floor).max(end.saturating_sub(WINDOW))..end];
            offer(BlockStart { bit, inflated: offset as u64 }, history);
        }
    }

    /// The last bytes, as far as a match may refer to them.
    fn history(&self) -> &[u8] {
        let Segment { bytes, floor, end, .. } = &self.current;
        &bytes[(*floor).max(end.saturating_sub(WINDOW))..*end]
    }

    /// Ends the threads; one thread goes on where the chunks have ended.
    pub(crate) fn finish(self) -> Result<Handover<R>, Error> {
        let byte = self.position.bit / 8;
        let reader = (self.work.reopen)(byte)
            .map_err(|source| Error::Read { compressed_offset: byte, source })?;
        let members = match self.is_at_trailer {
            true => Members::at_trailer(reader, self.position),
            false => Members::resume_whole(reader, self.position)?,
        };
        let left = self.current.end - self.current.at;
        Ok(Handover { members, history: self.history().to_vec(), left })
    }
}

impl<R> Drop for ParallelInflate<R> {
    fn drop(&mut self) {
        self.work.queue.stop();
        for thread in self.threads.drain(..) {
            // Chunks of a thread that panicked are never taken, so its panic needs no answer here.
            let _ = thread.join();
        }
    }
}

impl<R: Read> ChunkWork<R> {
    /// What every thread does.
    fn run(&self) {
        let _stop = StopAtEnd { queue: &self.queue, only_in_panic: true };
        let mut inflater = Inflater::new();
        while let Some(turn) = self.queue.turn() {
            for number in turn {
                let Some(mut chunk) = self.queue.begin(number) else { return };
                if self.inflate(number, &mut inflater, &mut chunk).is_none() {
                    chunk.end = End::Unusual;
                }
                self.queue.done(number, Ok(chunk));
            }
        }
    }

    /// The first stored byte of a chunk; `None` when there are not as many.
    fn start(&self, number: usize) -> Option<u64> {
        let is_there = number < self.chunks;
        is_there.then(|| self.first + number as u64 * self.chunk_bytes)
    }

    /// Inflates a chunk; `None` when it cannot be done from here.
    fn inflate(&self, number: usize, inflater: &mut Inflater, chunk: &mut Chunk) -> Option<()> {
        let from = self.start(number)?;
        let target = (from + self.chunk_bytes) * 8;
        // Nothing lies before the first chunk, so it needs no guess and no marks.
        let history: Option<&[u8]> = (number == 0).then_some(&[]);
        chunk.begin(from * 8, self.chunk_bytes, history);
        let mut input = StoredInput::new((self.reopen)(from).ok()?, from);
        input.more().ok()?;
        let at = match history {
            Some(_) => 0,
            None => find_dynamic(input.buffered(), input.is_end())?,
        };
        chunk.start = from * 8 + at as u64;
        let taken = inflater.start_at(input.buffered(), at);
        input.consume(taken);
        if chunk.start >= target {
            chunk.end = End::Block(chunk.start);
            return Some(());
        }
        let before = match self.may_guess.load(Ordering::Relaxed) {
            _ if history.is_some() => KnownPrefix::Known,
            true => KnownPrefix::Guessed,
            false => KnownPrefix::Unknown,
        };
        chunk.inflate(inflater, &mut input, before, |_, mut here| {
            if here.bit >= target && here.header()? == DYNAMIC {
                return Some(true);
            }
            (!self.queue.is_stopped()).then_some(false)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// Noise with the same bytes again and again, which are copied from copies, and then and now a lot
    /// of them.
    fn content(sections: usize, copied: &[u8]) -> Vec<u8> {
        let mut seed = 5_u64;
        let mut bytes = Vec::new();
        for _ in 0..sections {
            for _ in 0..500 {
                let noise = (0..400).map(|_| {
                    seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(11);
                    (seed >> 40) as u8
                });
                bytes.extend(noise.chain(copied.iter().copied()));
            }
            bytes.extend(copied.repeat(500_000 / copied.len()));
        }
        bytes
    }

    fn pattern() -> Vec<u8> {
        (0..300_u32).map(|number| (number * number % 251) as u8 | 1).collect()
    }

    /// How the chunks of a file come about, which always give its bytes; blocks that are offered start
    /// where they are said to.
    fn begun(content: &[u8], chunk_bytes: usize, level: u32) -> Begun {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(content).unwrap();
        let stored = encoder.finish().unwrap();
        let copy = stored.clone();
        let reopen = move |offset| Ok(Cursor::new(copy[offset as usize..].to_vec()));
        let [threads, chunk_bytes] = [2, chunk_bytes].map(|n| NonZeroUsize::new(n).unwrap());
        let length = stored.len() as u64;
        let mut ahead =
            ParallelInflate::start(10, length, threads, chunk_bytes, Arc::new(reopen)).unwrap();
        let (mut inflated, mut offered) = (Vec::new(), Vec::new());
        let mut begun = Begun::default();
        while ahead.more(|start, history| offered.push((start, history.to_vec()))) {
            // A few bytes are left over each time.
            let n = ahead.available().len().saturating_sub(3);
            inflated.extend(&ahead.available()[..n]);
            ahead.consume(n);
            match ahead.is_local {
                true => begun.here += 1,
                false => begun.by_threads += 1,
            }
        }
        inflated.extend(ahead.available());
        begun.wrong = ahead.wrong;
        begun.is_complete = ahead.is_at_trailer;
        assert!(content.starts_with(&inflated));
        assert!(!begun.is_complete || content.len() == inflated.len());
        for (start, history) in offered {
            let end = start.inflated as usize;
            assert!(content[..end].ends_with(&history));
            assert!(history.len() == end.min(WINDOW));
            let reader = &stored[(start.bit / 8) as usize..];
            let mut decoder = crate::gz::GzDecoder::resume(reader, start, &history).unwrap();
            let mut next = [0; 100];
            let n = decoder.read_chunk(&mut next).unwrap();
            assert!(content[end..].starts_with(&next[..n]));
        }
        begun
    }

    #[derive(Debug, Default)]
    struct Begun {
        here: usize,
        by_threads: usize,
        wrong: usize,
        is_complete: bool,
    }

    #[test]
    fn a_chunk_of_no_use_is_inflated_by_who_takes_it() {
        for level in [4, 6] {
            let begun = begun(&content(10, &pattern()), 40_000, level);
            // Which guess is the last depends on the threads.
            assert!(begun.by_threads >= 10, "{begun:?}");
            assert!(begun.here >= 4, "{begun:?}");
            assert!(begun.is_complete, "{begun:?}");
        }
    }

    #[test]
    fn guesses_end_where_they_are_wrong() {
        let right = begun(&content(6, &[0; 300]), 60_000, 6);
        assert_eq!((right.wrong, right.is_complete), (0, true), "{right:?}");
        let wrong = begun(&content(6, &pattern()), 60_000, 6);
        assert!((3..9).contains(&wrong.wrong), "{wrong:?}");
        assert!(wrong.by_threads > wrong.wrong, "{wrong:?}");
    }

    #[test]
    fn what_is_of_no_use_at_all_goes_another_way() {
        // Stored blocks, of which none is told from other bits.
        let begun = begun(&content(2, &pattern()), 5000, 0);
        assert!(!begun.is_complete, "{begun:?}");
        assert!(begun.by_threads < 2, "{begun:?}");
    }
}
