//! Columns of a matrix: [`Matrix`].

use std::fs::File;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use laion_fmri_base::{Sha256, parallel_map_with, read_exact_at};
use ndarray::ArrayViewMut2;

use crate::buffers::Buffers;
use crate::checksum::crc32c;
use crate::columns::{Batch, ColumnPlan, MOST_BYTES, Run, Wanted};
use crate::error::Error;
use crate::layout::Layout;
use crate::put::put;
use crate::read_ahead::{ReadAhead, will_be_read};
use crate::shard;
use crate::stacks::{Stack, pieces};

/// Asked between chunks: whether to go on.
pub(crate) type Observe<'a> = &'a (dyn Fn() -> ControlFlow<()> + Sync);

/// The system is told of so many batches before they are read, when it has to ask the disk: 16 MiB.
const BATCHES_AHEAD: usize = 64;

/// Pieces of a file that one thread verifies before it takes others.
const PIECES: u64 = 64;

/// A matrix of a store, opened for reading. Several threads may read it at once.
#[derive(Debug)]
pub struct Matrix {
    file: File,
    path: PathBuf,
    layout: Layout,
    identity: Sha256,
}

impl Matrix {
    /// Opens the file of a matrix, which has to be as long as its layout says.
    pub(crate) fn open(path: &Path, layout: Layout) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let identity = shard::read_header(&file, path, &layout)?;
        Ok(Self { file, path: path.to_owned(), layout, identity })
    }

    /// Rows and columns.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        self.layout.shape()
    }

    /// How the matrix is divided into chunks.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The identity that was given when it was written.
    #[must_use]
    pub fn identity(&self) -> Sha256 {
        self.identity
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a matrix of another identity.
    ///
    /// # Errors
    ///
    /// [`Error::Identity`].
    pub fn check_identity(&self, expected: Sha256) -> Result<(), Error> {
        if self.identity == expected {
            return Ok(());
        }
        Err(Error::Identity { path: self.path.clone(), expected, got: self.identity })
    }

    /// Reads columns, in any order, of ascending rows into an array of shape
    /// `(rows.len(), columns.len())`. Bits are those that were written, of NaN too.
    ///
    /// Mind the order of the arguments: **columns first**, although shapes are rows by columns.
    /// Both count from 0, and rows are distinct. `out[[i, j]]` is the value of row `rows[i]` and
    /// column `columns[j]`.
    ///
    /// Only the chunks of the columns are read, and the checksum of each is compared. Memory is
    /// 256 KiB (or one chunk, if that is larger) and 32 bytes for each column.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`], [`Error::Count`] for an output of another shape, [`Error::Chunk`] for
    /// damage, [`Error::Io`].
    pub fn read(
        &self,
        columns: &[usize],
        rows: &[usize],
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        self.read_with(columns, rows, out, NonZeroUsize::MIN, |_| ControlFlow::Continue(()))
    }

    /// As [`Matrix::read`], by several threads. `observe` is called from all of them, often, with
    /// the part that is done, as a number of rows; it may stop the read. Rows that are read
    /// together are complete only when all of their columns are.
    ///
    /// # Errors
    ///
    /// As [`Matrix::read`], and [`Error::Stopped`].
    pub fn read_with(
        &self,
        columns: &[usize],
        rows: &[usize],
        out: ArrayViewMut2<'_, f32>,
        threads: NonZeroUsize,
        observe: impl Fn(usize) -> ControlFlow<()> + Sync,
    ) -> Result<(), Error> {
        self.read_using(&Buffers::default(), columns, rows, out, threads, observe)
    }

    /// As [`Matrix::read_with`], with memory that other reads used before, also those of other
    /// matrices.
    ///
    /// # Errors
    ///
    /// As [`Matrix::read_with`].
    pub fn read_using(
        &self,
        buffers: &Buffers,
        columns: &[usize],
        rows: &[usize],
        out: ArrayViewMut2<'_, f32>,
        threads: NonZeroUsize,
        observe: impl Fn(usize) -> ControlFlow<()> + Sync,
    ) -> Result<(), Error> {
        for (what, expected, got) in [
            ("rows of the output", rows.len(), out.nrows()),
            ("columns of the output", columns.len(), out.ncols()),
        ] {
            if expected != got {
                return Err(Error::Count { what, expected, got });
            }
        }
        let stacks = Stack::all(&self.layout, rows, out.reborrow(), threads.get())?;
        let height = stacks.iter().map(|stack| stack.row_chunks.len()).max().unwrap_or(1);
        let plan = ColumnPlan::new(&self.layout, columns, height)?;
        let words = height * self.layout.chunk_words();
        let done = AtomicUsize::new(0);
        let buffer = || buffers.take(plan.most_chunks() * words);
        let ahead = ReadAhead::default();
        parallel_map_with(threads.get(), stacks, buffer, |buffer, mut stack| {
            let place = Place { row_chunks: stack.row_chunks.clone(), height };
            let (n_rows, n_batches) = (stack.n_rows(), plan.batches.len());
            let (mut told, mut announced) = (0, 0);
            for (number, batch) in plan.batches.iter().enumerate() {
                if observe(done.load(Ordering::Relaxed)).is_break() {
                    return Err(Error::Stopped);
                }
                if ahead.is_worthwhile() {
                    let until = n_batches.min(number + BATCHES_AHEAD);
                    let batches = &plan.batches[until.min(announced.max(number))..until];
                    let runs = batches.iter().flat_map(|batch| &plan.runs[batch.runs.clone()]);
                    runs.for_each(|run| self.announce(&place, run));
                    announced = until;
                }
                self.read_batch(&plan, batch, &place, &mut stack, buffer.words(), &ahead)?;
                let share = share(n_rows, number + 1, n_batches);
                done.fetch_add(share - told, Ordering::Relaxed);
                told = share;
            }
            // Without columns there is nothing to read.
            let complete = done.fetch_add(n_rows - told, Ordering::Relaxed) + n_rows - told;
            match observe(complete) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Stopped),
            }
        })
        .map(drop)
    }

    fn read_batch(
        &self,
        plan: &ColumnPlan,
        batch: &Batch,
        place: &Place,
        stack: &mut Stack<'_>,
        buffer: &mut [u32],
        ahead: &ReadAhead,
    ) -> Result<(), Error> {
        let words = self.layout.chunk_words();
        let column_words = place.height * words;
        let runs = &plan.runs[batch.runs.clone()];
        for (number, run) in runs.iter().enumerate() {
            let start = run.place * column_words;
            let buffer = &mut buffer[start..start + run.chunks.len() * column_words];
            let read = || self.read_chunks(place, run, buffer);
            if ahead.notices(number, read)? {
                runs[number + 1..].iter().for_each(|run| self.announce(place, run));
            }
        }
        let wanted = &plan.wanted[batch.wanted.clone()];
        for part in &mut stack.parts {
            // In memory, the chunks of a column lie below each other.
            let above = (part.row_chunk - place.row_chunks.start) * words;
            let buffer = &buffer[above..];
            self.check_wanted(part.row_chunk, wanted, runs, buffer, column_words)?;
            let chunk_rows = self.layout.rows_of(part.row_chunk);
            put(wanted, buffer, &chunk_rows, part.rows, &mut part.out);
        }
        Ok(())
    }

    /// Compares the chunks with wanted columns with their checksums.
    fn check_wanted(
        &self,
        row_chunk: usize,
        wanted: &[Wanted],
        runs: &[Run],
        buffer: &[u32],
        column_words: usize,
    ) -> Result<(), Error> {
        let mut checked = None;
        let mut runs = runs.iter();
        let mut run = runs.next();
        for Wanted { start, .. } in wanted {
            let place = start / column_words;
            if checked == Some(place) {
                continue;
            }
            while run.is_some_and(|run| place >= run.place + run.chunks.len()) {
                run = runs.next();
            }
            let Some(run) = run else { break };
            let start = place * column_words;
            let chunk = &buffer[start..start + self.layout.chunk_words()];
            self.check(row_chunk, run.chunks.start + place - run.place, chunk)?;
            checked = Some(place);
        }
        Ok(())
    }

    /// Says that the chunks of a run will be read soon.
    fn announce(&self, place: &Place, run: &Run) {
        for piece in pieces(&self.layout, &place.row_chunks, place.height, run.chunks.clone()) {
            will_be_read(&self.file, piece.offset, piece.words.len() as u64 * 4);
        }
    }

    fn read_chunks(&self, place: &Place, run: &Run, buffer: &mut [u32]) -> Result<(), Error> {
        for piece in pieces(&self.layout, &place.row_chunks, place.height, run.chunks.clone()) {
            self.read_words(&mut buffer[piece.words], piece.offset)?;
        }
        Ok(())
    }

    fn read_words(&self, words: &mut [u32], offset: u64) -> Result<(), Error> {
        let bytes = bytemuck::cast_slice_mut(words);
        read_exact_at(&self.file, bytes, offset).map_err(|source| match source.kind() {
            // It was as long as that when it was opened.
            ErrorKind::UnexpectedEof => Error::Length {
                path: self.path.clone(),
                expected: self.layout.bytes(),
                got: self.file.metadata().map_or(0, |found| found.len()),
            },
            _ => Error::io("read", &self.path)(source),
        })
    }

    /// Compares a chunk with its checksum.
    fn check(&self, row_chunk: usize, column_chunk: usize, chunk: &[u32]) -> Result<(), Error> {
        let Some((checksum, values)) = chunk.split_last() else { return Ok(()) };
        let (expected, got) = (u32::from_le(*checksum), crc32c(bytemuck::cast_slice(values)));
        if got == expected {
            return Ok(());
        }
        Err(Error::Chunk {
            path: self.path.clone(),
            rows: self.layout.rows_of(row_chunk),
            columns: self.layout.columns_of(column_chunk),
            expected,
            got,
        })
    }

    /// Compares every chunk with its checksum, and the index with the chunks.
    pub(crate) fn verify(&self, threads: NonZeroUsize, observe: Observe<'_>) -> Result<(), Error> {
        shard::check_index(&self.file, &self.path, &self.layout)?;
        // A matrix without columns may have any number of rows, and the other way round.
        let n_chunks = self.layout.n_chunks();
        if n_chunks == 0 {
            return Ok(());
        }
        let words = self.layout.chunk_words();
        let at_once = (MOST_BYTES / self.layout.chunk_bytes()).max(1);
        let stretch = at_once * PIECES;
        let buffer = || vec![0_u32; at_once.min(n_chunks) as usize * words];
        // In the order in which they lie.
        parallel_map_with(threads.get(), 0..n_chunks.div_ceil(stretch), buffer, |buffer, number| {
            let end = n_chunks.min((number + 1) * stretch);
            let mut first = number * stretch;
            while first < end {
                if observe().is_break() {
                    return Err(Error::Stopped);
                }
                let chunks = at_once.min(end - first);
                let buffer = &mut buffer[..chunks as usize * words];
                let [row_chunk, column_chunk] = self.layout.chunk_at(first);
                self.read_words(buffer, self.layout.offset(row_chunk, column_chunk))?;
                for (before, chunk) in (first..).zip(buffer.chunks_exact(words)) {
                    let [row_chunk, column_chunk] = self.layout.chunk_at(before);
                    self.check(row_chunk, column_chunk, chunk)?;
                }
                first += chunks;
            }
            Ok(())
        })
        .map(drop)
    }
}

/// Rows of chunks that are read together, and the place in memory for each column of them.
struct Place {
    row_chunks: Range<usize>,
    /// In chunks; stacks that are read by one call may have different heights.
    height: usize,
}

/// The part of so many rows that is done after some of the batches.
fn share(n_rows: usize, done: usize, n_batches: usize) -> usize {
    // As wide as to hold any product.
    (n_rows as u128 * done as u128 / n_batches.max(1) as u128) as usize
}
