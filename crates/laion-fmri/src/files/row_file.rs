//! Float32 rows in a temporary file without a name, read back by rows or by blocks of columns.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use laion_fmri_stimuli::ReadAt;
#[cfg(feature = "extract")]
use ndarray::ArrayViewMut2;

use crate::{Error, Result};

/// Rows that were written, which the system removes with the last handle.
///
/// They are read at their position: several threads need no lock, and unlike a mapped file a disk that
/// fails is an error and not a signal.
#[derive(Debug)]
pub(crate) struct RowFile {
    file: File,
    directory: PathBuf,
    #[cfg_attr(
        not(feature = "extract"),
        expect(dead_code, reason = "blocks of rows are read there")
    )]
    n_rows: usize,
    n_columns: usize,
}

/// Takes the rows in order.
#[derive(Debug)]
pub(crate) struct RowFileWriter {
    file: BufWriter<File>,
    directory: PathBuf,
    n_rows: usize,
    n_columns: usize,
}

impl RowFile {
    /// A new file in a directory.
    pub(crate) fn writer(directory: &Path, n_columns: usize) -> Result<RowFileWriter> {
        let file = tempfile::tempfile_in(directory)
            .map_err(Error::io("create a temporary file in", directory))?;
        let (file, directory) = (BufWriter::new(file), directory.to_owned());
        Ok(RowFileWriter { file, directory, n_rows: 0, n_columns })
    }

    #[cfg(feature = "extract")]
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Reads a row.
    pub(crate) fn read_row(&self, row: usize, out: &mut [f32]) -> Result<()> {
        self.read_values(row, 0, self.n_columns, out.iter_mut())
    }

    /// Reads columns from `first` on, of all rows.
    #[cfg(feature = "extract")]
    pub(crate) fn read_block(&self, first: usize, mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
        let width = out.ncols();
        for (row, mut values) in out.rows_mut().into_iter().enumerate() {
            self.read_values(row, first, width, values.iter_mut())?;
        }
        Ok(())
    }

    fn read_values<'a>(
        &self,
        row: usize,
        first: usize,
        width: usize,
        out: impl Iterator<Item = &'a mut f32>,
    ) -> Result<()> {
        let mut bytes = vec![0; width * size_of::<f32>()];
        let offset = (row * self.n_columns + first) as u64 * size_of::<f32>() as u64;
        ReadAt::read_exact_at(&self.file, &mut bytes, offset)
            .map_err(Error::io("read a temporary file in", &self.directory))?;
        for (value, bytes) in out.zip(bytes.as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }
}

impl RowFileWriter {
    pub(crate) fn push(&mut self, row: &[f32]) -> Result<()> {
        for value in row {
            self.file
                .write_all(&value.to_le_bytes())
                .map_err(Error::io("write a temporary file in", &self.directory))?;
        }
        self.n_rows += 1;
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<RowFile> {
        let Self { file, directory, n_rows, n_columns } = self;
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
        let file = file.map_err(Error::io("write a temporary file in", &directory))?;
        Ok(RowFile { file, directory, n_rows, n_columns })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn rows_and_columns_are_given_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut writer = RowFile::writer(directory.path(), 3).unwrap();
        writer.push(&[1.0, 2.0, 3.0]).unwrap();
        writer.push(&[4.0, 5.0, 6.0]).unwrap();
        let rows = writer.finish().unwrap();
        let mut block = Array2::zeros((rows.n_rows(), 2));
        rows.read_block(1, block.view_mut()).unwrap();
        assert_eq!(block, array![[2.0, 3.0], [5.0, 6.0]]);
        let mut row = [0.0; 3];
        rows.read_row(1, &mut row).unwrap();
        assert_eq!(row, [4.0, 5.0, 6.0]);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
