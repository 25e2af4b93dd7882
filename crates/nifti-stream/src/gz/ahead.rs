//! The first member of a gzip stream inflated by several threads, without an index.
//!
//! The stored bytes are cut into chunks. A thread looks for the first block that describes its own codes
//! at or after the start of its chunk, and inflates up to the first one after its end, with marks for
//! what refers to the unknown bytes before. Whoever takes the chunks in order knows these bytes: marks
//! are replaced then. A chunk that does not start where the one before has ended, or that outgrew its
//! room, is thrown away: its taker inflates from that place itself, up to the start of the next one
//! that is of use. What was found can only be wrong in where it starts, which is compared to the bit.
//! When most chunks are of no use, the stream goes on in one thread.

mod chunk;

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use self::chunk::{Before, Chunk, End};
use super::input::Input;
use super::members::{Members, Place};
use crate::error::Error;
use crate::inflate::{DYNAMIC, Inflater, WINDOW, find_dynamic};
use crate::queue::{Queue, StopAtEnd};

/// Stored bytes of a chunk.
pub(crate) const CHUNK_BYTES: usize = 512 << 10;
/// Inflated bytes after which the taker of the chunks hands over what it has inflated itself.
const PIECE: usize = 1 << 20;
/// Of the last 16 chunks so many may be of no use.
const MOST_USELESS: u32 = 12;
/// Of so many chunks one may be of no use because of a wrong guess.
const MOST_WRONG: usize = 16;

/// What is read ahead, and how far it is taken.
pub(crate) struct Ahead<R> {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    reopen: Reopen<R>,
    /// The next chunk that is to be taken, and one that starts farther on than it was taken.
    next: usize,
    waiting: Option<Chunk>,
    /// A bit for each of the last chunks: whether it was of no use.
    useless: u16,
    /// Chunks so far of which a guess was wrong.
    wrong: usize,
    in_order: Option<InOrder<R>>,
    /// Room for what is inflated here, and whether the chunk begun last has it.
    own: Option<Chunk>,
    is_own: bool,
    part: Part,
    /// What follows the part that is available, and the chunk of both.
    plain: Option<Part>,
    chunk: Option<Chunk>,
    /// Where the chunks end that were begun.
    place: Place,
    is_at_trailer: bool,
}

/// Opens the stream once more, at a byte.
pub(crate) type Reopen<R> = Box<dyn FnMut(u64) -> io::Result<R> + Send>;

/// What goes on when nothing more is read ahead.
pub(crate) struct GoOn<R> {
    pub(crate) members: Members<R>,
    /// The bytes before, as far as a match may refer to them, and how many of them are not consumed.
    pub(crate) history: Vec<u8>,
    pub(crate) left: usize,
}

/// History, if it starts at 0, and bytes behind it.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    floor: usize,
    at: usize,
    end: usize,
}

struct Shared {
    path: PathBuf,
    chunk_bytes: u64,
    chunks: usize,
    /// Whether places before a chunk may be taken for zero.
    may_guess: AtomicBool,
    /// The first byte behind the header of the member.
    first: u64,
    queue: Queue<Chunk, Infallible>,
}

/// What inflates where no chunk is of use; it stands where the chunks end that were begun.
struct InOrder<R> {
    place: u64,
    inflater: Inflater,
    input: Input<R>,
}

impl<R: Read> Ahead<R> {
    /// Starts threads behind the header of the first member, which ends before byte `first`. `None`
    /// when the file is too short to gain from it.
    pub(crate) fn start(
        path: &Path,
        first: u64,
        threads: NonZeroUsize,
        chunk_bytes: NonZeroUsize,
        reopen: Reopen<R>,
    ) -> Option<Self> {
        let chunk_bytes = chunk_bytes.get() as u64;
        let stored = std::fs::metadata(path).ok()?.len().checked_sub(first)?;
        let chunks = usize::try_from(stored.div_ceil(chunk_bytes)).ok().filter(|&n| n > 1)?;
        let queue = Queue::new(chunks, 1, threads.get());
        let (path, may_guess) = (path.to_owned(), AtomicBool::new(true));
        let shared = Arc::new(Shared { path, chunk_bytes, chunks, may_guess, first, queue });
        let start = |_| {
            let shared = Arc::clone(&shared);
            Builder::new().name("inflate".to_owned()).spawn(move || shared.work()).ok()
        };
        let threads: Vec<_> = (0..threads.get().min(chunks)).map_while(start).collect();
        (!threads.is_empty()).then_some(Self {
            shared,
            threads,
            reopen,
            next: 0,
            waiting: None,
            useless: 0,
            wrong: 0,
            in_order: None,
            own: None,
            is_own: false,
            part: Part::default(),
            plain: None,
            chunk: None,
            place: Place { bit: first * 8, inflated: 0 },
            is_at_trailer: false,
        })
    }

    pub(crate) fn available(&self) -> &[u8] {
        &self.part.bytes[self.part.at..self.part.end]
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.part.at = self.part.end.min(self.part.at.saturating_add(n));
    }

    /// Stored bytes of the chunks so far.
    pub(crate) fn compressed_offset(&self) -> u64 {
        self.place.bit / 8
    }

    /// Brings more bytes behind the available ones; `false` when another way has to go on. Blocks that
    /// start in these bytes are offered.
    pub(crate) fn more(&mut self, mut offer: impl FnMut(Place, &[u8])) -> bool {
        loop {
            let left = self.part.end - self.part.at;
            if let Some(mut plain) = self.plain.take() {
                // What is left over is the end of the history of what follows.
                plain.at -= left;
                self.part = plain;
            } else if !self.take(left, &mut offer) {
                return false;
            }
            if self.part.end - self.part.at > left {
                return true;
            }
        }
    }

    /// Begins what follows where the last chunk has ended.
    fn take(&mut self, left: usize, offer: &mut dyn FnMut(Place, &[u8])) -> bool {
        if self.is_at_trailer {
            return false;
        }
        // Of the last chunk its end is enough; the room that it took is free then.
        let mut bytes = self.history().to_vec();
        let before = bytes.len();
        let part = Part { bytes: bytes.clone(), floor: 0, at: before - left, end: before };
        let last = std::mem::replace(&mut self.part, part);
        if let Some(mut done) = self.chunk.take() {
            if last.bytes.len() >= WINDOW {
                done.plain = last.bytes;
            }
            match self.is_own {
                true => self.own = Some(done),
                false => self.shared.queue.spare(done),
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
            let inflated = self.place.inflated + offset as u64;
            let (bytes, end, floor) = match offset.checked_sub(chunk.marked.len()) {
                Some(behind) if chunk.plain_end > WINDOW => {
                    (&chunk.plain[..], WINDOW + behind, floor)
                }
                _ => (&bytes[..], before + offset, 0),
            };
            let history = &bytes[floor.max(end.saturating_sub(WINDOW))..end];
            offer(Place { bit, inflated }, history);
        }
        self.place = Place { bit, inflated: self.place.inflated + chunk.len() as u64 };
        self.is_at_trailer = is_at_trailer;
        let end = chunk.plain_end;
        if end > WINDOW {
            let bytes = std::mem::take(&mut chunk.plain);
            self.plain = Some(Part { bytes, floor, at: WINDOW, end });
        }
        let end = bytes.len();
        self.part = Part { bytes, floor: 0, at: before - left, end };
        self.chunk = Some(chunk);
        true
    }

    /// The chunk that starts where the last one has ended, whoever inflates it; `None` when another
    /// way has to go on.
    fn next_chunk(&mut self) -> Option<Chunk> {
        loop {
            let chunk = match self.waiting.take() {
                Some(chunk) => chunk,
                None if self.place.bit < self.shared.start(self.next)? * 8 => {
                    return self.inflate(self.shared.start(self.next)? * 8);
                }
                None => {
                    let chunk = self.shared.queue.next(self.next).ok()?;
                    self.next += 1;
                    chunk
                }
            };
            let is_wrong = chunk.start == self.place.bit && !chunk.marked.fits(self.history());
            if is_wrong {
                self.wrong += 1;
                if self.wrong > 2 + self.next / MOST_WRONG {
                    self.shared.may_guess.store(false, Ordering::Relaxed);
                }
            }
            let is_useless =
                is_wrong || chunk.start < self.place.bit || matches!(chunk.end, End::Unusual);
            if !is_useless && chunk.start > self.place.bit {
                let start = chunk.start;
                self.waiting = Some(chunk);
                return self.inflate(start);
            }
            self.useless = self.useless << 1 | u16::from(is_useless);
            if !is_useless {
                self.is_own = false;
                return Some(chunk);
            }
            self.shared.queue.spare(chunk);
            if self.useless.count_ones() > MOST_USELESS {
                return None;
            }
        }
    }

    /// Inflates a chunk here, where what lies before is known, up to a block at or after this bit, or
    /// a part of the way.
    fn inflate(&mut self, until: u64) -> Option<Chunk> {
        let Place { bit, .. } = self.place;
        let mut in_order = match self.in_order.take().filter(|here| here.place == bit) {
            Some(in_order) => in_order,
            None => {
                let mut input = Input::new((self.reopen)(bit / 8).ok()?, bit / 8);
                input.more().ok()?;
                let mut inflater = Inflater::new();
                let taken = inflater.start_at(input.buffered(), (bit % 8) as usize);
                input.consume(taken);
                InOrder { place: bit, inflater, input }
            }
        };
        let InOrder { place, inflater, input } = &mut in_order;
        let mut chunk = self.own.take().unwrap_or_default();
        chunk.begin(bit, u64::MAX, Some(self.history()));
        chunk.inflate(inflater, input, Before::Known, |chunk, here| {
            Some(here.bit >= until || chunk.len() >= PIECE)
        })?;
        if let End::Block(bit) = chunk.end {
            *place = bit;
            self.in_order = Some(in_order);
        }
        self.is_own = true;
        Some(chunk)
    }

    /// Offers the blocks of the first chunk, if no other was begun.
    pub(crate) fn offer_first(&self, mut offer: impl FnMut(Place, &[u8])) {
        let is_first = |chunk: &&Chunk| chunk.start == self.shared.first * 8;
        let Some(chunk) = self.chunk.as_ref().filter(is_first) else { return };
        // Of the first chunk, everything lies in one part.
        let Part { bytes, floor, .. } = self.plain.as_ref().unwrap_or(&self.part);
        for &(bit, offset) in &chunk.blocks {
            let end = floor + offset;
            let history = &bytes[(*floor).max(end.saturating_sub(WINDOW))..end];
            offer(Place { bit, inflated: offset as u64 }, history);
        }
    }

    /// The last bytes, as far as a match may refer to them.
    fn history(&self) -> &[u8] {
        let Part { bytes, floor, end, .. } = &self.part;
        &bytes[(*floor).max(end.saturating_sub(WINDOW))..*end]
    }

    /// Ends the threads; the stream goes on in another way where the chunks have ended.
    pub(crate) fn finish(mut self) -> Result<GoOn<R>, Error> {
        let byte = self.place.bit / 8;
        let reader = (self.reopen)(byte)
            .map_err(|source| Error::Read { compressed_offset: byte, source })?;
        let members = match self.is_at_trailer {
            true => Members::at_trailer(reader, self.place),
            false => Members::go_on(reader, self.place)?,
        };
        let left = self.part.end - self.part.at;
        Ok(GoOn { members, history: self.history().to_vec(), left })
    }
}

impl<R> Drop for Ahead<R> {
    fn drop(&mut self) {
        self.shared.queue.stop();
        for thread in self.threads.drain(..) {
            // What a thread did that panicked is not used.
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// What every thread does.
    fn work(&self) {
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
        // Before the first chunk there is nothing.
        let history: Option<&[u8]> = (number == 0).then_some(&[]);
        chunk.begin(from * 8, self.chunk_bytes, history);
        let mut file = File::open(&self.path).ok()?;
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut input = Input::new(file, from);
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
            _ if history.is_some() => Before::Known,
            true => Before::Guessed,
            false => Before::Unknown,
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
        (0..300_u32).map(|place| (place * place % 251) as u8 | 1).collect()
    }

    /// How the chunks of a file come about, which always give its bytes; blocks that are offered start
    /// where they are said to.
    fn begun(content: &[u8], chunk_bytes: usize, level: u32) -> Begun {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(content).unwrap();
        let stored = encoder.finish().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(&stored).unwrap();
        let copy = stored.clone();
        let reopen = move |offset| Ok(Cursor::new(copy[offset as usize..].to_vec()));
        let [threads, chunk_bytes] = [2, chunk_bytes].map(|n| NonZeroUsize::new(n).unwrap());
        let mut ahead =
            Ahead::start(file.path(), 10, threads, chunk_bytes, Box::new(reopen)).unwrap();
        let (mut inflated, mut offered) = (Vec::new(), Vec::new());
        let mut begun = Begun::default();
        while ahead.more(|place, history| offered.push((place, history.to_vec()))) {
            // A few bytes are left over each time.
            let n = ahead.available().len().saturating_sub(3);
            inflated.extend(&ahead.available()[..n]);
            ahead.consume(n);
            match ahead.is_own {
                true => begun.here += 1,
                false => begun.by_threads += 1,
            }
        }
        inflated.extend(ahead.available());
        begun.wrong = ahead.wrong;
        begun.is_complete = ahead.is_at_trailer;
        assert!(content.starts_with(&inflated));
        assert!(!begun.is_complete || content.len() == inflated.len());
        for (place, history) in offered {
            let end = place.inflated as usize;
            assert!(content[..end].ends_with(&history));
            assert!(history.len() == end.min(WINDOW));
            let reader = &stored[(place.bit / 8) as usize..];
            let mut decoder = crate::gz::GzDecoder::resume(reader, place, &history).unwrap();
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
