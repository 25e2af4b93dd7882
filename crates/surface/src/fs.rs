//! Surface files by path.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::label::{self, LabelError};

/// Reads the vertex indices of a FreeSurfer ASCII `.label` file.
///
/// [`surface::read_label`](crate::read_label) describes the format.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
pub fn read_label(path: impl AsRef<Path>) -> Result<Vec<u32>, ReadLabelError> {
    let path = path.as_ref();
    let file = File::open(path)
        .map_err(|source| ReadLabelError::Open { path: path.to_owned(), source })?;
    label::read_label(BufReader::new(file))
        .map_err(|source| ReadLabelError::Read { path: path.to_owned(), source })
}

/// Why a label file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadLabelError {
    /// The file could not be opened.
    #[error("label file {} could not be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The content could not be read.
    #[error("label file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong, and in which line.
        source: LabelError,
    },
}
