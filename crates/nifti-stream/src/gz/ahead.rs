//! The first member of a gzip stream inflated by several threads, without an index.
//!
//! The stored bytes are cut into chunks. A thread looks for the first block that describes its own codes
//! at or after the start of its chunk, and inflates up to the first one after its end, with marks for
//! what refers to the unknown bytes before. Whoever takes the chunks in order knows these bytes: marks
//! are replaced then. When a chunk does not start where the one before has ended, or anything else is
//! unusual, the stream goes on from that place in one thread: what was found can only be wrong in
//! where it starts, which is compared to the bit.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::input::Input;
use super::members::{Members, Place};
use crate::error::Error;
use crate::inflate::{DYNAMIC, Inflater, Marked, Output, SLACK, Stop, WINDOW, find_dynamic};
use crate::queue::{Queue, StopAtEnd};

/// Stored bytes of a chunk.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
/// Inflated bytes of a chunk, at most, and those of them with marks, which take twice the memory.
const MOST: usize = 12 << 20;
const MOST_MARKED: usize = 5 << 20;
/// Bytes by which the room of a chunk grows.
const ROOM: usize = 1 << 20;

/// What is read ahead, and how far it is taken.
pub(crate) struct Ahead<R> {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    reopen: Reopen<R>,
    next: usize,
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
    /// The first byte behind the header of the member.
    first: u64,
    queue: Queue<Chunk, Infallible>,
}

/// A part of the stored stream, inflated.
#[derive(Default)]
struct Chunk {
    start: u64,
    end: End,
    marked: Marked,
    /// [`WINDOW`] bytes of history, the bytes behind those with marks, and room.
    plain: Vec<u8>,
    plain_end: usize,
    /// Where blocks start, and how many bytes of the chunk lie before.
    blocks: Vec<(u64, usize)>,
}

#[derive(Clone, Copy, Default)]
enum End {
    /// The bit at which the next chunk should start.
    Block(u64),
    /// The member ends before this byte.
    Member(u64),
    /// The chunk is of no use.
    #[default]
    Unusual,
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
        let shared = Arc::new(Shared { path: path.to_owned(), chunk_bytes, first, queue });
        let start = |_| {
            let shared = Arc::clone(&shared);
            Builder::new().name("inflate".to_owned()).spawn(move || shared.work()).ok()
        };
        let threads: Vec<_> = (0..threads.get().min(chunks)).map_while(start).collect();
        let (part, plain, chunk, is_at_trailer) = (Part::default(), None, None, false);
        let place = Place { bit: first * 8, inflated: 0 };
        (!threads.is_empty()).then_some(Self {
            shared,
            threads,
            reopen,
            next: 0,
            part,
            plain,
            chunk,
            place,
            is_at_trailer,
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

    /// Begins the next chunk, if it starts where the last one has ended.
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
            self.shared.queue.spare(done);
        }
        let Ok(mut chunk) = self.shared.queue.next(self.next) else { return false };
        let (bit, is_at_trailer) = match chunk.end {
            End::Block(bit) if chunk.start == self.place.bit => (bit, false),
            End::Member(byte) if chunk.start == self.place.bit => (byte * 8, true),
            _ => return false,
        };
        if !chunk.marked.resolve(self.history(), &mut bytes) {
            return false;
        }
        let floor = if self.next == 0 { WINDOW } else { 0 };
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
        let inflated = (chunk.marked.len() + chunk.plain_end - WINDOW) as u64;
        self.place = Place { bit, inflated: self.place.inflated + inflated };
        self.is_at_trailer = is_at_trailer;
        self.next += 1;
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

    /// Offers the blocks of the first chunk, if no other was begun.
    pub(crate) fn offer_first(&self, mut offer: impl FnMut(Place, &[u8])) {
        let (1, Some(chunk)) = (self.next, &self.chunk) else { return };
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
                if self.inflate(number as u64, &mut inflater, &mut chunk).is_none() {
                    chunk.end = End::Unusual;
                }
                self.queue.done(number, Ok(chunk));
            }
        }
    }

    /// Inflates a chunk; `None` when it cannot be done from here.
    fn inflate(&self, number: u64, inflater: &mut Inflater, chunk: &mut Chunk) -> Option<()> {
        let from = self.first + number * self.chunk_bytes;
        let target = (from + self.chunk_bytes) * 8;
        let mut file = File::open(&self.path).ok()?;
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut input = Input::new(file, from);
        input.more().ok()?;
        chunk.begin();
        let mut is_plain = number == 0;
        let at = match is_plain {
            true => 0,
            false => find_dynamic(input.buffered(), input.is_end())?,
        };
        chunk.start = from * 8 + at as u64;
        let taken = inflater.start_at(input.buffered(), at);
        input.consume(taken);
        if chunk.start >= target {
            chunk.end = End::Block(chunk.start);
            return Some(());
        }
        chunk.blocks.push((chunk.start, 0));
        loop {
            let mut source = input.for_inflater();
            let stop = match is_plain {
                true => chunk.run(inflater, &mut source, number == 0),
                false => inflater.run(&mut source, &mut chunk.marked, true),
            };
            let used = source.at;
            input.consume(used);
            match stop.ok()? {
                Stop::Input => input.more().ok()?,
                Stop::Output if is_plain && chunk.plain_end - WINDOW < MOST => {}
                Stop::Block => {
                    let bit = input.offset() * 8 - u64::from(inflater.held_bits());
                    if bit >= target && inflater.peek_header(input.peek().ok()?)? == DYNAMIC {
                        chunk.end = End::Block(bit);
                        return Some(());
                    }
                    if self.queue.is_stopped() {
                        return None;
                    }
                    chunk.blocks.push((bit, chunk.len()));
                    is_plain = is_plain || chunk.is_known();
                }
                Stop::End => {
                    chunk.end = End::Member(input.offset());
                    return Some(());
                }
                // Too much of it, or not in one piece.
                Stop::Output | Stop::Truncated => return None,
            }
        }
    }
}

impl Chunk {
    fn begin(&mut self) {
        self.marked.restart(MOST_MARKED);
        self.plain.resize(self.plain.len().max(WINDOW), 0);
        self.plain_end = WINDOW;
        self.blocks.clear();
    }

    fn len(&self) -> usize {
        self.marked.len() + self.plain_end - WINDOW
    }

    /// Whether everything that a match may refer to is known; what follows needs no marks then.
    fn is_known(&mut self) -> bool {
        let Some(window) = self.marked.window() else { return false };
        self.plain.iter_mut().zip(window).for_each(|(byte, known)| *byte = known);
        true
    }

    /// Inflates bytes, with room for some more.
    fn run(
        &mut self,
        inflater: &mut Inflater,
        input: &mut crate::inflate::Input<'_>,
        is_start: bool,
    ) -> Result<Stop, &'static str> {
        if self.plain.len() < self.plain_end + ROOM / 2 + SLACK {
            self.plain.resize(self.plain_end + ROOM + SLACK, 0);
        }
        let (at, floor) = (self.plain_end, if is_start { WINDOW } else { 0 });
        let limit = self.plain.len() - SLACK;
        let mut output = Output { bytes: &mut self.plain, at, floor, limit };
        let stop = inflater.run(input, &mut output, true);
        self.plain_end = output.at;
        stop
    }
}
