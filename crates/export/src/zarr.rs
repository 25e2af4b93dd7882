//! Zarr, format 3: one group of plain arrays in a directory, with few files.

mod chunks;
mod metadata;
mod read;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use laion_fmri_base::zarr::{DOCUMENT, to_text};
use serde_json::{Map, Value};

use crate::arrays::{Labels, Sink, Spec};
use crate::atomic::atomic_directory;
use crate::error::Error;

pub(crate) use read::read;

use chunks::ChunkGrid;

/// The most bytes of one chunk of a matrix; everything that is smaller is one chunk.
const CHUNK: u64 = 64 << 20;

/// Writes a group that appears when it is complete.
pub(crate) fn write<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&mut ZarrWriter) -> Result<T, E>,
) -> Result<T, E> {
    atomic_directory(path, is_replaceable, |directory| {
        write(&mut ZarrWriter { directory: directory.into(), chunk: CHUNK, arrays: Map::new() })
    })
}

/// The arrays of a group that is being written.
#[derive(Debug)]
pub(crate) struct ZarrWriter {
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
    ) -> io::Result<()> {
        let directory = self.directory.join(spec.name);
        fs::create_dir(&directory)?;
        let chunk_shape = chunks::chunk_shape(&spec.shape, spec.size as u64, self.chunk);
        let metadata = metadata::array(spec, &chunk_shape)
            .ok_or_else(|| io::Error::other(format!("no type {}", spec.descriptor)))?;
        write_json(&directory, &metadata)?;
        self.arrays.insert(spec.name.to_owned(), metadata);
        let grid = ChunkGrid::new(directory, &chunk_shape, spec.size as u64);
        let mut chunks = grid.ok_or(io::ErrorKind::FileTooLarge)?.writer();
        write(&mut chunks)?;
        chunks.finish()
    }

    fn finish(&mut self, labels: &Labels) -> io::Result<()> {
        write_json(&self.directory, &metadata::group(labels, std::mem::take(&mut self.arrays)))
    }
}

fn write_json(directory: &Path, value: &Value) -> io::Result<()> {
    let mut file = File::create_new(directory.join(DOCUMENT))?;
    file.write_all(to_text(value).as_bytes())?;
    file.sync_all()
}

/// A group, or a directory with nothing in it; nothing else is removed for a new group.
pub(crate) fn is_replaceable(path: &Path) -> bool {
    let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    path.is_dir() && (path.join(DOCUMENT).is_file() || is_empty())
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
            let path = directory.path().to_path_buf();
            let mut zarr = ZarrWriter { directory: path, chunk: 1000, arrays: Map::new() };
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
                assert!(entry.file_name() == DOCUMENT || length <= 1000, "{entry:?}: {length}");
            }
        }
    }
}
