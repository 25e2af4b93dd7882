//! HDF5 files as this crate needs them: datasets whose rows, along the first axis, are read one by
//! one or many at once. Two backends implement the traits; everything above is written once.

#[cfg(feature = "hdf5-c")]
mod c_library;
mod chunks;
mod fill;
mod filters;
mod heap;
mod lzf;
mod native;
mod tree;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use laion_fmri_base::{in_huge_pages, parallel_map};

use crate::error::Error;
use crate::source::ReadAt;

/// No single row, chunk or stored piece of data may be larger.
const MAX_PIECE: u64 = 256 << 20;

/// Deflate cannot shrink data by more than 1,032; the rest is for data that was never written.
const MAX_EXPANSION: u64 = 2048;

/// Rows that fit into this are not worth a second thread.
const WORTH_A_THREAD: usize = 4 << 20;

/// An open HDF5 file.
pub(crate) trait Backend: Send + Sync + fmt::Debug {
    /// Finds a dataset at the top of the file. Nothing of its data is read.
    fn dataset(&self, name: &str) -> Result<Arc<dyn Rows>, Failure>;
}

/// The rows of a dataset along its first axis.
pub(crate) trait Rows: Send + Sync + fmt::Debug {
    /// The length of every axis.
    fn shape(&self) -> &[u64];

    /// What the elements are.
    fn element(&self) -> &Element;

    /// Rows that are stored together, so that they should be read in one call; 0 when all should.
    fn rows_together(&self) -> usize;

    /// Whether reading a row takes decoding, so that no row should be read twice.
    fn is_encoded(&self) -> bool;

    /// Fills `out` with strictly ascending rows, one after the other, as they are stored. Rows are
    /// of the dataset, and `out` has the right length.
    fn read(&self, rows: &[usize], out: &mut [u8]) -> Result<(), Failure>;

    /// One row of a one-dimensional dataset of sequences.
    fn read_sequence(&self, row: usize) -> Result<Vec<u8>, Failure>;

    /// All rows of a one-dimensional dataset of text.
    fn read_text(&self) -> Result<Vec<String>, Failure>;
}

/// The type of the elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// IEEE 754 half precision.
    Half { big_endian: bool },
    /// One byte: a number, or a boolean (an enumeration over such a number).
    Byte,
    /// Sequences of bytes, each of its own length.
    Sequence,
    /// Text of one or of any length.
    Text,
    /// Anything else, in words.
    Other(String),
}

/// Why a backend could not do something. The caller knows the file and the dataset.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no such dataset; there are these.
    Missing(Vec<String>),
    /// More than the limit.
    TooLarge { expected: u64, got: u64 },
    /// Nothing is wrong with the file, but it uses this, which the backend does not know.
    Unsupported(String),
    /// Unreadable or damaged.
    Damaged(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    fn damaged(message: impl Into<String>) -> Self {
        Self::Damaged(message.into().into())
    }

    fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported(what.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Damaged(Box::new(error))
    }
}

/// A file and what it is called in errors.
#[derive(Clone, Debug)]
pub(crate) struct H5File {
    pub(crate) path: PathBuf,
    backend: Arc<dyn Backend>,
}

impl H5File {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file =
            File::open(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        Self::from_source(Arc::new(file), path)
    }

    pub(crate) fn from_source(source: Arc<dyn ReadAt>, path: &Path) -> Result<Self, Error> {
        let backend = native::open(source)
            .map_err(|source| Error::NotHdf5 { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), backend: Arc::new(backend) })
    }

    #[cfg(feature = "hdf5-c")]
    pub(crate) fn open_with_c_library(path: &Path) -> Result<Self, Error> {
        // What cannot be opened at all is the same error with either backend.
        File::open(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        let backend = c_library::open(path)
            .map_err(|source| Error::NotHdf5 { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), backend: Arc::new(backend) })
    }

    /// A dataset of this many axes whose elements are `is_expected`.
    pub(crate) fn dataset(
        &self,
        name: &'static str,
        rank: usize,
        expected: &'static str,
        is_expected: impl Fn(&Element) -> bool,
    ) -> Result<Dataset, Error> {
        let path = || self.path.clone();
        let rows = self.backend.dataset(name).map_err(|failure| match failure {
            Failure::Missing(got) => Error::MissingDataset { path: path(), dataset: name, got },
            failure => failed(&self.path, name, None, failure),
        })?;
        if rows.shape().len() != rank {
            let got = rows.shape().to_vec();
            return Err(Error::WrongRank { path: path(), dataset: name, expected: rank, got });
        }
        if !is_expected(rows.element()) {
            let got = rows.element().to_string();
            return Err(Error::WrongType { path: path(), dataset: name, expected, got });
        }
        let element: u64 = match rows.element() {
            Element::Half { .. } => 2,
            _ => 1,
        };
        let row_bytes =
            rows.shape()[1..].iter().try_fold(element, |bytes, n| bytes.checked_mul(*n));
        let row_bytes = row_bytes.filter(|bytes| *bytes <= MAX_PIECE).ok_or_else(|| {
            let got = row_bytes.unwrap_or(u64::MAX);
            Error::TooLarge { path: path(), dataset: name, expected: MAX_PIECE, got }
        })?;
        // INVARIANT: both are at most the limits above and below, which fit.
        Ok(Dataset {
            path: path(),
            name,
            len: rows.shape()[0] as usize,
            row_bytes: row_bytes as usize,
            rows,
        })
    }
}

/// A dataset and what it is called in errors.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    path: PathBuf,
    name: &'static str,
    len: usize,
    row_bytes: usize,
    rows: Arc<dyn Rows>,
}

impl Dataset {
    /// The number of rows.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The length of an axis.
    pub(crate) fn axis(&self, axis: usize) -> usize {
        self.rows.shape()[axis] as usize
    }

    pub(crate) fn element(&self) -> &Element {
        self.rows.element()
    }

    /// Whether there is such a row.
    pub(crate) fn check_row(&self, row: usize) -> Result<(), Error> {
        if row < self.len {
            return Ok(());
        }
        Err(Error::RowOutOfRange { path: self.path.clone(), row, len: self.len })
    }

    /// Checks the number of rows against that of something else.
    pub(crate) fn check_len(&self, expected: usize, like: &str) -> Result<(), Error> {
        if self.len == expected {
            return Ok(());
        }
        Err(Error::WrongLength {
            path: self.path.clone(),
            dataset: self.name,
            like: like.to_owned(),
            expected,
            got: self.len,
        })
    }

    /// Strictly ascending rows into `out`, which holds exactly them, on as many threads as are
    /// worth it.
    pub(crate) fn read(&self, rows: &[usize], out: &mut [u8]) -> Result<(), Error> {
        let Some(last) = rows.last() else { return Ok(()) };
        self.check_row(*last)?;
        let threads = threads_for(out.len());
        let together = self.rows.rows_together();
        if threads < 2 || together == 0 {
            return self.read_part(rows, out);
        }
        let mut rest = out;
        let parts = split(rows, threads, together).into_iter().map(|part| {
            let (first, others) =
                std::mem::take(&mut rest).split_at_mut(part.len() * self.row_bytes);
            rest = others;
            (part, first)
        });
        parallel_map(threads, parts, |(part, out)| self.read_part(part, out)).map(drop)
    }

    /// Whether reading a row takes decoding, so that no row should be read twice.
    pub(crate) fn is_encoded(&self) -> bool {
        self.rows.is_encoded()
    }

    /// Strictly ascending rows into `out`, which holds exactly them, on this thread.
    pub(crate) fn read_part(&self, rows: &[usize], out: &mut [u8]) -> Result<(), Error> {
        self.rows
            .read(rows, out)
            .map_err(|failure| failed(&self.path, self.name, rows.first().copied(), failure))
    }

    /// Zeros for this many rows, of elements of a plain type.
    pub(crate) fn zeros<T: bytemuck::Zeroable>(&self, rows: usize) -> Result<Vec<T>, Error> {
        self.zeros_of(rows.saturating_mul(self.row_bytes / size_of::<T>()))
    }

    /// So many zeros, if there is memory for them.
    pub(crate) fn zeros_of<T: bytemuck::Zeroable>(&self, count: usize) -> Result<Vec<T>, Error> {
        let zeros = isize::try_from(count.saturating_mul(size_of::<T>())).ok();
        let zeros = zeros.and_then(|_| bytemuck::allocation::try_zeroed_vec(count).ok());
        zeros.map(in_huge_pages).ok_or_else(|| Error::TooLarge {
            path: self.path.clone(),
            dataset: self.name,
            expected: isize::MAX as u64,
            got: (count as u64).saturating_mul(size_of::<T>() as u64),
        })
    }

    /// One sequence.
    pub(crate) fn read_sequence(&self, row: usize) -> Result<Vec<u8>, Error> {
        self.check_row(row)?;
        self.rows
            .read_sequence(row)
            .map_err(|failure| failed(&self.path, self.name, Some(row), failure))
    }

    /// All texts.
    pub(crate) fn read_text(&self) -> Result<Vec<String>, Error> {
        self.rows.read_text().map_err(|failure| failed(&self.path, self.name, None, failure))
    }
}

/// How many threads are worth it for this many bytes.
pub(crate) fn threads_for(bytes: usize) -> usize {
    let most = bytes / WORTH_A_THREAD;
    if most < 2 {
        // Asking the system takes longer than reading one row.
        return 1;
    }
    thread::available_parallelism().map_or(1, usize::from).min(most)
}

fn failed(path: &Path, dataset: &'static str, row: Option<usize>, failure: Failure) -> Error {
    let path = path.to_owned();
    match failure {
        Failure::TooLarge { expected, got } => Error::TooLarge { path, dataset, expected, got },
        Failure::Missing(got) => Error::MissingDataset { path, dataset, got },
        Failure::Unsupported(what) => Error::Unsupported { path, dataset, what },
        Failure::Damaged(source) => Error::Damaged { path, dataset, row, source },
    }
}

/// Splits rows into about `parts` pieces, and never between rows that are stored together.
fn split(rows: &[usize], parts: usize, together: usize) -> Vec<&[usize]> {
    let size = rows.len().div_ceil(parts);
    let mut pieces = Vec::new();
    let mut rest = rows;
    while rest.len() > size {
        let group = rest[size - 1] / together;
        let end = rest.partition_point(|row| row / together <= group);
        let (piece, others) = rest.split_at(end);
        pieces.push(piece);
        rest = others;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Half { .. } => "float16",
            Self::Byte => "bytes",
            Self::Sequence => "sequences of bytes",
            Self::Text => "text",
            Self::Other(what) => what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_stored_together_stay_together() {
        let rows = [0, 1, 2, 3, 5, 6, 7, 11];
        assert_eq!(split(&rows, 2, 1), [&rows[..4], &rows[4..]]);
        assert_eq!(split(&rows, 2, 3), [&rows[..5], &rows[5..]]);
        assert_eq!(split(&rows, 3, 100), [&rows[..]]);
        assert_eq!(split(&[], 2, 1), Vec::<&[usize]>::new());
    }
}
