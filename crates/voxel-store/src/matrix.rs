//! Columns of a matrix: [`Matrix`].

use std::fs::File;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use laion_fmri_base::{Sha256, parallel_map, parallel_map_with, read_exact_at};
use ndarray::{ArrayViewMut2, Axis};

use crate::buffers::Buffers;
use crate::checksum::crc32c;
use crate::columns::{Batch, ColumnPlan, Run, Wanted};
use crate::error::Error;
use crate::layout::Layout;
use crate::put::put;
use crate::read_ahead::{ReadAhead, will_be_read};
use crate::shard;

/// Asked between chunks with the rows that are complete; whether to go on.
pub(crate) type Observe<'a> = &'a (dyn Fn(usize) -> ControlFlow<()> + Sync);

/// A matrix of a store, opened for reading. Several threads may read it at once.
#[derive(Debug)]
pub struct Matrix {
    file: File,
    path: PathBuf,
    layout: Layout,
    identity: Sha256,
}

/// The rows of one row of chunks that are wanted, and where they go.
struct Part<'a> {
    row_chunk: usize,
    /// Counted from the first row of the chunks.
    rows: Vec<usize>,
    out: ArrayViewMut2<'a, f32>,
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
    /// the number of rows that are complete; it may stop the read.
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
        let plan = ColumnPlan::new(&self.layout, columns)?;
        for (what, expected, got) in [
            ("rows of the output", rows.len(), out.nrows()),
            ("columns of the output", columns.len(), out.ncols()),
        ] {
            if expected != got {
                return Err(Error::Count { what, expected, got });
            }
        }
        let parts = self.parts(rows, out)?;
        let done = AtomicUsize::new(0);
        let buffer = || buffers.take(plan.most_chunks() * self.layout.chunk_words());
        let ahead = ReadAhead::default();
        parallel_map_with(threads.get(), parts, buffer, |buffer, mut part| {
            if ahead.is_worthwhile() {
                plan.runs.iter().for_each(|run| self.announce(part.row_chunk, run));
            }
            for batch in &plan.batches {
                if observe(done.load(Ordering::Relaxed)).is_break() {
                    return Err(Error::Stopped);
                }
                self.read_batch(&plan, batch, &mut part, buffer.words(), &ahead)?;
            }
            let complete = done.fetch_add(part.rows.len(), Ordering::Relaxed) + part.rows.len();
            match observe(complete) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Stopped),
            }
        })
        .map(drop)
    }

    /// Divides the rows among the rows of chunks that hold them.
    fn parts<'a>(
        &self,
        rows: &[usize],
        mut out: ArrayViewMut2<'a, f32>,
    ) -> Result<Vec<Part<'a>>, Error> {
        let [len, _] = self.layout.shape();
        let [chunk_rows, _] = self.layout.chunk_shape();
        let before = std::iter::once(None).chain(rows.iter().map(Some));
        let odd = |(before, row): &(Option<&usize>, &usize)| **row >= len || before >= &Some(*row);
        if let Some((_, &got)) = before.zip(rows).find(odd) {
            return Err(Error::OutOfRange { what: "row", len, got });
        }
        let mut parts = Vec::new();
        let mut rest = rows;
        while let Some(&first) = rest.first() {
            let row_chunk = first / chunk_rows;
            let start = row_chunk * chunk_rows;
            let of_chunk = rest.iter().take_while(|row| **row < start + chunk_rows).count();
            let (here, later) = rest.split_at(of_chunk);
            let (own, others) = out.split_at(Axis(0), of_chunk);
            let rows = here.iter().map(|row| row - start).collect();
            parts.push(Part { row_chunk, rows, out: own });
            (out, rest) = (others, later);
        }
        Ok(parts)
    }

    fn read_batch(
        &self,
        plan: &ColumnPlan,
        batch: &Batch,
        part: &mut Part<'_>,
        buffer: &mut [u32],
        ahead: &ReadAhead,
    ) -> Result<(), Error> {
        let words = self.layout.chunk_words();
        let runs = &plan.runs[batch.runs.clone()];
        for (number, run) in runs.iter().enumerate() {
            let start = run.place * words;
            let buffer = &mut buffer[start..start + run.chunks.len() * words];
            let read = || self.read_chunks(part.row_chunk, run.chunks.clone(), buffer);
            if ahead.notices(number, read)? {
                runs[number + 1..].iter().for_each(|run| self.announce(part.row_chunk, run));
            }
        }
        let wanted = &plan.wanted[batch.wanted.clone()];
        let mut checked = None;
        let mut runs = runs.iter();
        let mut run = runs.next();
        for Wanted { start, .. } in wanted {
            let place = start / words;
            if checked == Some(place) {
                continue;
            }
            while run.is_some_and(|run| place >= run.place + run.chunks.len()) {
                run = runs.next();
            }
            let Some(run) = run else { break };
            let chunk = &buffer[place * words..(place + 1) * words];
            self.check(part.row_chunk, run.chunks.start + place - run.place, chunk)?;
            checked = Some(place);
        }
        let [chunk_rows, _] = self.layout.chunk_shape();
        put(wanted, buffer, chunk_rows, &part.rows, &mut part.out);
        Ok(())
    }

    /// Says that the chunks of a run will be read soon.
    fn announce(&self, row_chunk: usize, run: &Run) {
        let offset = self.layout.offset(row_chunk, run.chunks.start);
        will_be_read(&self.file, offset, run.chunks.len() as u64 * self.layout.chunk_bytes());
    }

    fn read_chunks(
        &self,
        row_chunk: usize,
        chunks: Range<usize>,
        buffer: &mut [u32],
    ) -> Result<(), Error> {
        let offset = self.layout.offset(row_chunk, chunks.start);
        let bytes = bytemuck::cast_slice_mut(buffer);
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
        if self.layout.n_chunks() == 0 {
            return Ok(());
        }
        let [row_chunks, column_chunks] = self.layout.grid();
        let words = self.layout.chunk_words();
        let every: Vec<usize> = (0..column_chunks).collect();
        let [_, chunk_columns] = self.layout.chunk_shape();
        let first_columns: Vec<usize> = every.iter().map(|chunk| chunk * chunk_columns).collect();
        let plan = ColumnPlan::new(&self.layout, &first_columns)?;
        let done = AtomicUsize::new(0);
        parallel_map(threads.get(), 0..row_chunks, |row_chunk| {
            let mut buffer = vec![0_u32; plan.most_chunks() * words];
            for run in &plan.runs {
                if observe(done.load(Ordering::Relaxed)).is_break() {
                    return Err(Error::Stopped);
                }
                let buffer = &mut buffer[..run.chunks.len() * words];
                self.read_chunks(row_chunk, run.chunks.clone(), buffer)?;
                for (chunk, words) in run.chunks.clone().zip(buffer.chunks_exact(words)) {
                    self.check(row_chunk, chunk, words)?;
                }
            }
            done.fetch_add(self.layout.rows_of(row_chunk).len(), Ordering::Relaxed);
            Ok(())
        })
        .map(drop)
    }
}
