//! A matrix that is written row by row in one pass: [`MatrixRows`].
//!
//! Two threads share the work. The caller's copies rows into buffers. Another one waits until the
//! rows of a chunk are there, puts each column in order and writes each chunk to its final place.
//! Buffers go round, so memory is the rows of a chunk and a quarter of them more.
//!
//! The file has its length from the beginning. Chunks of the next rows go into the gaps between
//! those that are there, which are smaller than a page: to let the disk have pages before the last
//! rows are in them would write them several times. So the file is synced once, at the end. What
//! was not written is zeros, which no checksum fits.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

use laion_fmri_base::{Sha256, write_all_at};

use crate::checksum::crc32c;
use crate::error::Error;
use crate::layout::Layout;
use crate::read_ahead::{ReadAhead, will_be_read};
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
        let write = move || write_chunks(file, &layout, &full_rows, &empty_rows);
        let writing = Builder::new().name("write".to_owned()).spawn_scoped(scope, write);
        let writing = writing.map_err(failed)?;
        let [chunk_rows, _] = layout.chunk_shape();
        let unmade = chunk_rows + ahead(chunk_rows);
        let mut rows = MatrixRows { layout, got: 0, unmade, full, empty };
        let filled = fill(&mut rows);
        let got = rows.got;
        // Ends the thread that writes.
        drop(rows);
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A caller whose rows were refused fails because of this.
        written.map_err(failed)?;
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

/// Writes chunks as soon as their rows are there.
fn write_chunks(
    file: &File,
    layout: &Layout,
    full: &Receiver<Vec<f32>>,
    empty: &Sender<Vec<f32>>,
) -> io::Result<()> {
    file.set_len(layout.bytes())?;
    let [chunk_rows, _] = layout.chunk_shape();
    let [_, column_chunks] = layout.grid();
    let at_once = (PIECE_BYTES / layout.chunk_bytes()).max(1) as usize;
    let pieces = |first: usize| first..column_chunks.min(first + at_once);
    let ahead = ReadAhead::default();
    let mut rows = Vec::with_capacity(chunk_rows);
    let mut piece = Vec::new();
    let (mut row_chunk, mut got) = (0, 0);
    while let Ok(row) = full.recv() {
        rows.push(row);
        got += 1;
        if rows.len() < chunk_rows && got < layout.shape()[0] {
            continue;
        }
        for first in (0..column_chunks).step_by(at_once) {
            // A page that holds other chunks already, and is not in memory any more, is read before
            // a part of it is written.
            if row_chunk > 0 && ahead.is_worthwhile() {
                announce(file, layout, pieces(first + at_once));
            }
            put_in_order(layout, &rows, pieces(first), &mut piece);
            write_piece(file, layout, row_chunk, pieces(first), &piece, &ahead)?;
        }
        row_chunk += 1;
        // Nobody waits for buffers after the last row.
        rows.drain(..).for_each(|row| drop(empty.send(row)));
    }
    Ok(())
}

/// Says that the places of chunks will be written soon, and those of other rows around them.
fn announce(file: &File, layout: &Layout, chunks: Range<usize>) {
    if !chunks.is_empty() {
        let bytes = (chunks.len() * layout.grid()[0]) as u64 * layout.chunk_bytes();
        will_be_read(file, layout.offset(0, chunks.start), bytes);
    }
}

/// Writes chunks of neighbouring columns, each to its place.
fn write_piece(
    file: &File,
    layout: &Layout,
    row_chunk: usize,
    chunks: Range<usize>,
    piece: &[u32],
    ahead: &ReadAhead,
) -> io::Result<()> {
    if layout.grid()[0] == 1 {
        // No other rows are between them.
        let offset = layout.offset(row_chunk, chunks.start);
        return write_all_at(file, bytemuck::cast_slice(piece), offset);
    }
    for (number, chunk) in piece.chunks_exact(layout.chunk_words()).enumerate() {
        let offset = layout.offset(row_chunk, chunks.start + number);
        ahead.notices(number, || write_all_at(file, bytemuck::cast_slice(chunk), offset))?;
    }
    Ok(())
}

/// The bytes of chunks of neighbouring columns: in each, column by column, and the checksum.
fn put_in_order(layout: &Layout, rows: &[Vec<f32>], chunks: Range<usize>, piece: &mut Vec<u32>) {
    let [chunk_rows, chunk_columns] = layout.chunk_shape();
    let words = layout.chunk_words();
    let is_filled = rows.len() == chunk_rows && chunks.end * chunk_columns <= layout.shape()[1];
    if piece.len() != chunks.len() * words || !is_filled {
        piece.clear();
        piece.resize(chunks.len() * words, 0);
    }
    let columns = layout.columns_of(chunks.start).start..layout.columns_of(chunks.end - 1).end;
    let fours = rows.chunks_exact(4);
    let rest = fours.remainder();
    for (place, four) in (0..).step_by(4).zip(fours) {
        let four = [0, 1, 2, 3].map(|number| &four[number][columns.clone()]);
        put_four(four, place, layout, piece);
    }
    for (place, row) in (rows.len() - rest.len()..).zip(rest) {
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

/// Puts four rows next to each other, so that a column takes one store for them in place of four.
fn put_four(rows: [&[f32]; 4], place: usize, layout: &Layout, piece: &mut [u32]) {
    let [chunk_rows, chunk_columns] = layout.chunk_shape();
    let [a, b, c, d] = rows.map(|row| row.chunks(chunk_columns));
    let chunks = piece.chunks_exact_mut(layout.chunk_words());
    for ((chunk, (a, b)), (c, d)) in chunks.zip(a.zip(b)).zip(c.zip(d)) {
        let values = a.iter().zip(b).zip(c.iter().zip(d));
        for (column, ((a, b), (c, d))) in chunk.chunks_exact_mut(chunk_rows).zip(values) {
            let four = [a, b, c, d].map(|value| value.to_bits().to_le());
            column[place..place + 4].copy_from_slice(&four);
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

    /// The words of the file of a matrix, each of whose values says where it belongs.
    fn written(path: &Path, layout: Layout) -> Vec<u32> {
        let [n_rows, n_columns] = layout.shape();
        let file = File::create_new(path).unwrap();
        write_matrix(&file, path, layout, |rows| {
            for row in 0..n_rows {
                let values: Vec<f32> =
                    (0..n_columns).map(|column| (row * 1000 + column) as f32).collect();
                rows.put(&values)?;
            }
            Ok::<_, Error>(Sha256([1; 32]))
        })
        .unwrap();
        let bytes = std::fs::read(path).unwrap();
        assert_eq!(bytes.len() as u64, layout.bytes());
        bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
    }

    #[test]
    fn chunks_of_a_column_are_written_next_to_each_other() {
        let folder = tempfile::tempdir().unwrap();
        // Rows by fours and the rest of them, a chunk that is filled, and several pieces.
        for (number, shape, chunk_rows) in
            [(0, [23, 330], 6), (1, [3, 7], 174), (2, [1044, 405], 174), (3, [9, 700], 1)]
        {
            let layout = Layout::new(shape, chunk_rows).unwrap();
            let [chunk_rows, chunk_columns] = layout.chunk_shape();
            let words = written(&folder.path().join(number.to_string()), layout);
            let [row_chunks, column_chunks] = layout.grid();
            let start = layout.offset(0, 0) as usize / 4;
            let chunks = words[start..].chunks_exact(layout.chunk_words());
            for (number, chunk) in chunks.take(row_chunks * column_chunks).enumerate() {
                let (column_chunk, row_chunk) = (number / row_chunks, number % row_chunks);
                let (checksum, values) = chunk.split_last().unwrap();
                assert_eq!(*checksum, crc32c(bytemuck::cast_slice(values)));
                for (place, value) in values.iter().enumerate() {
                    let row = row_chunk * chunk_rows + place % chunk_rows;
                    let column = column_chunk * chunk_columns + place / chunk_rows;
                    let is_there = row < shape[0] && column < shape[1];
                    let expected = if is_there { (row * 1000 + column) as f32 } else { 0.0 };
                    assert_eq!(f32::from_bits(*value), expected, "{shape:?} {row} {column}");
                }
            }
        }
    }
}
