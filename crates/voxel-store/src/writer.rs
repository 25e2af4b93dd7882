//! A matrix that is written row by row in one pass: [`MatrixRows`].
//!
//! Three threads share the work. The caller's copies rows into buffers. Another one waits until the
//! rows of a chunk are there, puts each column in order and writes the chunks to their final place,
//! which is the end of the file. A third one lets the disk have what is written meanwhile, so that
//! little is left to wait for at the end. Buffers go round, so memory is the rows of a chunk and a
//! quarter of them more.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use laion_fmri_base::Sha256;

use crate::checksum::crc32c;
use crate::error::Error;
use crate::layout::Layout;
use crate::shard;

/// Bytes that are put in order and written at a time: they stay in the cache of the core.
const PIECE_BYTES: u64 = 256 << 10;

/// How a matrix is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MatrixOptions {
    /// The most rows of a chunk; 174 by default. While a matrix is written, that many rows are in
    /// memory, and a quarter more. Fewer make reading slower: 87 take half as long again.
    pub chunk_rows: usize,
}

impl Default for MatrixOptions {
    fn default() -> Self {
        Self { chunk_rows: 174 }
    }
}

impl MatrixOptions {
    /// At most this many rows in a chunk.
    #[must_use]
    pub fn chunk_rows(mut self, rows: usize) -> Self {
        self.chunk_rows = rows;
        self
    }

    /// The bytes that writing a matrix of this shape takes.
    #[must_use]
    pub fn memory(&self, [rows, columns]: [usize; 2]) -> u64 {
        let chunk_rows = self.chunk_rows.max(1);
        let chunk_rows = rows.div_ceil(rows.div_ceil(chunk_rows).max(1));
        let buffers = (chunk_rows + ahead(chunk_rows)).min(rows) as u64;
        buffers.saturating_mul(columns as u64).saturating_mul(4).saturating_add(2 * PIECE_BYTES)
    }
}

/// Rows that may arrive while those of a chunk are written.
fn ahead(chunk_rows: usize) -> usize {
    chunk_rows.div_ceil(4).max(2)
}

/// Takes the rows of a matrix one after the other.
#[derive(Debug)]
pub struct MatrixRows {
    layout: Layout,
    got: usize,
    /// Buffers that may still be made.
    unmade: usize,
    full: Sender<Vec<f32>>,
    empty: Receiver<Vec<f32>>,
}

impl MatrixRows {
    /// Puts the next row.
    ///
    /// # Errors
    ///
    /// [`Error::Count`] for a row of another length and for one too many; [`Error::Stopped`] once
    /// writing has failed, whose cause is returned by [`GroupWriter::matrix`](crate::GroupWriter::matrix).
    pub fn put(&mut self, row: &[f32]) -> Result<(), Error> {
        let [rows, columns] = self.layout.shape();
        if row.len() != columns {
            return Err(Error::Count {
                what: "values of a row",
                expected: columns,
                got: row.len(),
            });
        }
        if self.got == rows {
            return Err(Error::Count { what: "rows", expected: rows, got: rows + 1 });
        }
        let mut buffer = match self.empty.try_recv() {
            Ok(buffer) => buffer,
            Err(_) if self.unmade > 0 => {
                self.unmade -= 1;
                Vec::with_capacity(columns)
            }
            Err(_) => self.empty.recv().map_err(|_| Error::Stopped)?,
        };
        buffer.clear();
        buffer.extend_from_slice(row);
        self.got += 1;
        self.full.send(buffer).map_err(|_| Error::Stopped)
    }
}

/// Writes a matrix to a new, empty file. `fill` puts all rows and answers with their identity.
pub(crate) fn write_matrix<E: From<Error>>(
    file: &File,
    path: &Path,
    layout: Layout,
    fill: impl FnOnce(&mut MatrixRows) -> Result<Sha256, E>,
) -> Result<Sha256, E> {
    let failed = |source| Error::Io { action: "write", path: path.to_owned(), source };
    let identity = std::thread::scope(|scope| {
        let (full, full_rows) = channel();
        let (empty_rows, empty) = channel();
        let (wrote, to_sync) = channel();
        let sync = || to_sync.into_iter().try_for_each(|()| file.sync_data());
        let syncing = spawn(scope, "sync", sync).map_err(failed)?;
        let write = move || write_chunks(file, &layout, &full_rows, &empty_rows, &wrote);
        let writing = spawn(scope, "write", write).map_err(failed)?;
        let [chunk_rows, _] = layout.chunk_shape();
        let unmade = chunk_rows + ahead(chunk_rows);
        let mut rows = MatrixRows { layout, got: 0, unmade, full, empty };
        let filled = fill(&mut rows);
        let got = rows.got;
        // Ends the thread that writes, and with it the one that syncs.
        drop(rows);
        // A caller whose rows were refused fails because of these.
        joined(writing).and(joined(syncing)).map_err(failed)?;
        let identity = filled?;
        let [expected, _] = layout.shape();
        if got == expected {
            Ok(identity)
        } else {
            Err(E::from(Error::Count { what: "rows", expected, got }))
        }
    })?;
    let finish = || {
        shard::write_index(file, &layout)?;
        shard::write_header(file, identity)?;
        file.sync_all()
    };
    finish().map_err(failed)?;
    Ok(identity)
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(name.to_owned()).spawn_scoped(scope, work)
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Writes chunks as soon as their rows are there.
fn write_chunks(
    mut file: &File,
    layout: &Layout,
    full: &Receiver<Vec<f32>>,
    empty: &Sender<Vec<f32>>,
    wrote: &Sender<()>,
) -> io::Result<()> {
    shard::skip_header(file)?;
    let [chunk_rows, _] = layout.chunk_shape();
    let mut rows = Vec::with_capacity(chunk_rows);
    let mut piece = Vec::new();
    let mut got = 0;
    while let Ok(row) = full.recv() {
        rows.push(row);
        got += 1;
        if rows.len() < chunk_rows && got < layout.shape()[0] {
            continue;
        }
        let at_once = (PIECE_BYTES / layout.chunk_bytes()).max(1) as usize;
        let [_, column_chunks] = layout.grid();
        for first in (0..column_chunks).step_by(at_once) {
            let chunks = first..column_chunks.min(first + at_once);
            put_in_order(layout, &rows, chunks, &mut piece);
            file.write_all(bytemuck::cast_slice(&piece))?;
        }
        // Nobody waits for buffers after the last row, or for the disk once that has failed.
        rows.drain(..).for_each(|row| drop(empty.send(row)));
        let _ = wrote.send(());
    }
    Ok(())
}

/// The bytes of chunks next to each other: in each, column by column, and the checksum.
fn put_in_order(
    layout: &Layout,
    rows: &[Vec<f32>],
    chunks: std::ops::Range<usize>,
    piece: &mut Vec<u32>,
) {
    let [chunk_rows, chunk_columns] = layout.chunk_shape();
    let words = layout.chunk_words();
    let is_filled = rows.len() == chunk_rows && chunks.end * chunk_columns <= layout.shape()[1];
    if piece.len() != chunks.len() * words || !is_filled {
        piece.clear();
        piece.resize(chunks.len() * words, 0);
    }
    let columns = layout.columns_of(chunks.start).start..layout.columns_of(chunks.end - 1).end;
    for (place, row) in rows.iter().enumerate() {
        let values = row[columns.clone()].chunks(chunk_columns);
        for (chunk, values) in piece.chunks_exact_mut(words).zip(values) {
            for (column, value) in chunk.chunks_exact_mut(chunk_rows).zip(values) {
                column[place] = value.to_bits().to_le();
            }
        }
    }
    for chunk in piece.chunks_exact_mut(words) {
        if let Some((checksum, values)) = chunk.split_last_mut() {
            *checksum = crc32c(bytemuck::cast_slice(values)).to_le();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_the_buffers_take() {
        let memory = MatrixOptions::default().memory([1044, 271_985]);
        assert_eq!(memory, 218 * 271_985 * 4 + (512 << 10));
        assert!(memory < 230 << 20);
        assert_eq!(MatrixOptions { chunk_rows: 10 }.memory([8, 5]), 8 * 5 * 4 + (512 << 10));
        assert_eq!(MatrixOptions { chunk_rows: 0 }.memory([0, 5]), 512 << 10);
    }
}
