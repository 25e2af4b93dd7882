//! The selected matrix of a trial dataset, in a temporary file that is read row by row.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use laion_fmri_stimuli::ReadAt;

use crate::{Error, Result};

/// A file of float32 rows without a name, which the system removes with the last handle.
///
/// Rows are read at their position: several threads need no lock, and unlike a mapped file a disk
/// that fails is an error and not a signal.
#[derive(Debug)]
pub(super) struct Scratch {
    file: File,
    directory: PathBuf,
    columns: usize,
}

/// Takes the rows in order.
pub(super) struct ScratchWriter {
    file: BufWriter<File>,
    directory: PathBuf,
    columns: usize,
}

impl Scratch {
    pub(super) fn writer(directory: &Path, columns: usize) -> Result<ScratchWriter> {
        let file = tempfile::tempfile_in(directory)
            .map_err(Error::io("make a temporary file", directory))?;
        Ok(ScratchWriter { file: BufWriter::new(file), directory: directory.to_owned(), columns })
    }

    /// Reads a row.
    pub(super) fn read(&self, place: usize, row: &mut [f32]) -> Result<()> {
        let mut bytes = vec![0; self.columns * size_of::<f32>()];
        let offset = (place * bytes.len()) as u64;
        ReadAt::read_exact_at(&self.file, &mut bytes, offset)
            .map_err(Error::io("read the temporary file", &self.directory))?;
        let (values, _) = bytes.as_chunks();
        row.iter_mut().zip(values).for_each(|(beta, bytes)| *beta = f32::from_le_bytes(*bytes));
        Ok(())
    }
}

impl ScratchWriter {
    pub(super) fn push(&mut self, row: &[f32]) -> Result<()> {
        for beta in row {
            self.file
                .write_all(&beta.to_le_bytes())
                .map_err(Error::io("write a temporary file", &self.directory))?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Scratch> {
        let Self { file, directory, columns } = self;
        let file = file.into_inner().map_err(std::io::IntoInnerError::into_error);
        let file = file.map_err(Error::io("write a temporary file", &directory))?;
        Ok(Scratch { file, directory, columns })
    }
}
