//! Zarr, format 3: one group of plain arrays in a directory, with few files.

mod metadata;
mod read;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::arrays::{Labels, Sink, Spec};
use crate::atomic::atomic_directory;
use crate::error::Error;

pub(crate) use read::read;

use metadata::METADATA;

/// The most bytes of one chunk of a matrix; everything that is smaller is one chunk.
const CHUNK: u64 = 64 << 20;

/// Writes a group that appears when it is complete.
pub(crate) fn write<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&mut ZarrWriter) -> Result<T, E>,
) -> Result<T, E> {
    atomic_directory(path, is_replaceable, |directory| {
        write(&mut ZarrWriter {
            path: path.into(),
            directory: directory.into(),
            chunk: CHUNK,
            arrays: Map::new(),
        })
    })
}

/// The arrays of a group that is being written.
#[derive(Debug)]
pub(crate) struct ZarrWriter {
    /// The output.
    path: PathBuf,
    /// Where it is written.
    directory: PathBuf,
    /// The most bytes of one chunk.
    chunk: u64,
    /// The metadata of the arrays so far, for the group.
    arrays: Map<String, Value>,
}

impl Sink for ZarrWriter {
    fn array(
        &mut self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), Error> {
        self.write_array(spec, write).map_err(|source| self.error(source))
    }

    fn finish(&mut self, labels: &Labels) -> Result<(), Error> {
        let group = metadata::group(labels, std::mem::take(&mut self.arrays));
        write_json(&self.directory, &group).map_err(|source| self.error(source))
    }
}

impl ZarrWriter {
    fn write_array(
        &mut self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let directory = self.directory.join(spec.name);
        fs::create_dir(&directory)?;
        let chunk_shape = metadata::chunk_shape(&spec.shape, spec.size as u64, self.chunk);
        let metadata = metadata::array(spec, &chunk_shape)
            .ok_or_else(|| io::Error::other(format!("no type {}", spec.descriptor)))?;
        write_json(&directory, &metadata)?;
        self.arrays.insert(spec.name.to_owned(), metadata);
        let chunk = crate::encoding::n_bytes(&chunk_shape, spec.size as u64);
        let dimensions = spec.shape.len();
        let mut chunks = Chunks { directory, dimensions, chunk, index: 0, left: 0, file: None };
        write(&mut chunks)?;
        chunks.finish()
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Write { path: self.path.clone(), source }
    }
}

/// Cuts the bytes of an array into the files of its chunks. Only the first dimension is divided, so
/// that chunks follow each other in C order.
struct Chunks {
    directory: PathBuf,
    dimensions: usize,
    /// Bytes of every chunk, the last one too: it is filled with zeros.
    chunk: u64,
    index: u64,
    /// Bytes that the open file still takes.
    left: u64,
    file: Option<BufWriter<File>>,
}

impl Chunks {
    fn close(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    fn finish(mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            io::copy(&mut io::Read::take(io::repeat(0), self.left), file)?;
        }
        self.close()
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            self.close()?;
            let path = self.directory.join(metadata::chunk_key(self.dimensions, self.index));
            self.file = Some(BufWriter::with_capacity(1 << 16, File::create_new(path)?));
            self.left = self.chunk;
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

fn write_json(directory: &Path, value: &Value) -> io::Result<()> {
    let mut file = File::create_new(directory.join(METADATA))?;
    file.write_all(format!("{value:#}\n").as_bytes())?;
    file.sync_all()
}

/// A group, or a directory with nothing in it; nothing else is removed for a new group.
fn is_replaceable(path: &Path) -> bool {
    let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    path.is_dir() && (path.join(METADATA).is_file() || is_empty())
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::arrays::Spec;

    #[test]
    fn a_matrix_of_many_chunks_comes_back() {
        for (rows, columns) in [(27, 100), (1, 3), (5, 0), (0, 5), (64, 250)] {
            let directory = tempfile::tempdir().unwrap();
            let (path, arrays) = (directory.path().to_path_buf(), Map::new());
            let mut zarr = ZarrWriter { path: path.clone(), directory: path, chunk: 1000, arrays };
            let matrix = Array2::from_shape_fn((rows, columns), |(row, column)| {
                (row * columns + column) as f32
            });
            let spec = Spec::of::<f32>("m", &["x", "y"], matrix.shape());
            zarr.array(&spec, &mut |writer| crate::encoding::write_c_order(writer, &matrix.view()))
                .unwrap();
            let labels = Labels { coordinates: Vec::new(), attributes: Map::new() };
            zarr.finish(&labels).unwrap();
            let mut file = crate::read_arrays(directory.path()).unwrap();
            assert_eq!(file.array::<f32>("m").unwrap(), matrix.clone().into_dyn());
            let mut expected = crate::ArraysDigest::default();
            expected.array("m", matrix.view());
            assert_eq!(file.digest().unwrap(), expected);
            for entry in fs::read_dir(directory.path().join("m")).unwrap() {
                let entry = entry.unwrap();
                let length = entry.metadata().unwrap().len();
                assert!(entry.file_name() == METADATA || length <= 1000, "{entry:?}: {length}");
            }
        }
    }
}
