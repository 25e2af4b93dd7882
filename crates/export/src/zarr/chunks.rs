//! The chunks of an array: how it is divided, and the files that hold them.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use crate::encoding::n_bytes;

/// How the bytes of an array are divided among files. Only the first dimension is divided, so that
/// chunks follow each other in C order.
pub(super) struct ChunkGrid {
    directory: PathBuf,
    dimensions: usize,
    /// Bytes of every chunk, the last one too: it is filled with zeros.
    chunk: u64,
}

impl ChunkGrid {
    /// The chunks of an array with elements of `size` bytes; nothing if their bytes cannot be counted.
    pub(super) fn new(directory: PathBuf, chunk_shape: &[usize], size: u64) -> Option<Self> {
        let (dimensions, chunk) = (chunk_shape.len(), n_bytes(chunk_shape, size));
        (chunk > 0 && chunk < u64::MAX).then_some(Self { directory, dimensions, chunk })
    }

    fn path(&self, index: u64) -> PathBuf {
        let mut key = "c".to_owned();
        for dimension in 0..self.dimensions {
            key.push_str(&format!(".{}", if dimension == 0 { index } else { 0 }));
        }
        self.directory.join(key)
    }

    /// How many of the `total` bytes of the array are there, in whole chunks from the first on.
    pub(super) fn bytes_there(&self, total: u64) -> u64 {
        let is_there = |&index: &u64| {
            self.path(index).metadata().is_ok_and(|metadata| metadata.len() == self.chunk)
        };
        let complete = (0..total.div_ceil(self.chunk)).take_while(is_there).count() as u64;
        complete.saturating_mul(self.chunk).min(total)
    }

    /// Takes the bytes of the array.
    pub(super) fn writer(self) -> ChunkWriter {
        ChunkWriter { grid: self, index: 0, left: 0, file: None }
    }

    /// Gives the `total` bytes of the array, without the filling of the last chunk.
    pub(super) fn reader(self, total: u64) -> ChunkReader {
        ChunkReader { grid: self, index: 0, left: total, file: None }
    }
}

/// Cuts the bytes of an array into the files of its chunks.
pub(super) struct ChunkWriter {
    grid: ChunkGrid,
    index: u64,
    /// Bytes that the open file still takes.
    left: u64,
    file: Option<BufWriter<File>>,
}

impl ChunkWriter {
    fn close(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            io::copy(&mut io::repeat(0).take(self.left), file)?;
        }
        self.close()
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            self.close()?;
            let file = File::create_new(self.grid.path(self.index))?;
            self.file = Some(BufWriter::with_capacity(1 << 16, file));
            self.left = self.grid.chunk;
            self.index += 1;
        }
        let Some(file) = &mut self.file else { return Ok(0) };
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let written = file.write(&bytes[..length])?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// Puts the bytes of an array together from the files of its chunks.
pub(super) struct ChunkReader {
    grid: ChunkGrid,
    index: u64,
    /// Bytes of the array that have not been read.
    left: u64,
    file: Option<io::Take<File>>,
}

impl Read for ChunkReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.file {
                let got = file.read(buffer)?;
                self.left -= got as u64;
                if got > 0 || buffer.is_empty() {
                    return Ok(got);
                }
                self.file = None;
            }
            if self.left == 0 {
                return Ok(0);
            }
            let file = File::open(self.grid.path(self.index))?;
            self.file = Some(file.take(self.grid.chunk.min(self.left)));
            self.index += 1;
        }
    }
}

/// Divides the first dimension of a matrix into equal parts of at most `limit` bytes (or one row),
/// with the fewest rows of filling; an array of one dimension is not divided.
pub(super) fn chunk_shape(shape: &[usize], size: u64, limit: u64) -> Vec<usize> {
    let mut chunk: Vec<usize> = shape.iter().map(|&length| length.max(1)).collect();
    if let [rows, columns @ ..] = &chunk[..]
        && !columns.is_empty()
    {
        let row = n_bytes(columns, size);
        let fitting = usize::try_from(limit / row).unwrap_or(usize::MAX).max(1);
        let parts = rows.div_ceil(fitting);
        chunk[0] = rows.div_ceil(parts);
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_as_equal_as_rows_allow() {
        for (shape, expected) in [
            (&[][..], &[][..]),
            (&[0], &[1]),
            (&[1_000_000], &[1_000_000]),
            (&[10, 10], &[10, 10]),
            (&[0, 10], &[1, 10]),
            (&[10, 0], &[10, 1]),
            // 400 bytes a row: two rows fit, fourteen parts of two rows are as many as are needed.
            (&[27, 100], &[2, 100]),
            (&[3, 1000], &[1, 1000]),
            (&[11, 40], &[6, 40]),
        ] {
            assert_eq!(chunk_shape(shape, 4, 1000), expected, "{shape:?}");
        }
    }
}
