//! Surface files by path.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use crate::gifti::{self, Gifti, GiftiError};
use crate::label::{self, LabelError};

/// Reads the vertex indices of a FreeSurfer ASCII `.label` file.
///
/// [`gifti_surface::read_label`](crate::read_label) describes the format.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
#[doc(alias = "load_freesurfer_label")]
pub fn read_label(path: impl AsRef<Path>) -> Result<Vec<u32>, ReadLabelError> {
    let path = path.as_ref();
    let file = File::open(path)
        .map_err(|source| ReadLabelError::Open { path: path.to_owned(), source })?;
    label::read_label(BufReader::new(file))
        .map_err(|source| ReadLabelError::Read { path: path.to_owned(), source })
}

/// Reads the data arrays of a GIFTI file.
///
/// [`gifti_surface::read_gifti`](crate::read_gifti) describes what is read.
///
/// # Errors
///
/// If the file cannot be opened or is not such a file.
#[doc(alias = "load_gifti_mask")]
pub fn read_gifti(path: impl AsRef<Path>) -> Result<Gifti, ReadGiftiError> {
    let path = path.as_ref();
    let file = File::open(path)
        .map_err(|source| ReadGiftiError::Open { path: path.to_owned(), source })?;
    gifti::read_gifti(BufReader::new(file))
        .map_err(|source| ReadGiftiError::Read { path: path.to_owned(), source })
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

/// Why a GIFTI file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadGiftiError {
    /// The file could not be opened.
    #[error("GIFTI file {} could not be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The content could not be read.
    #[error("GIFTI file {} could not be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong, in which array or at which byte.
        source: GiftiError,
    },
}
