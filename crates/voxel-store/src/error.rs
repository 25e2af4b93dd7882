//! What can go wrong with a store, and where.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use laion_fmri_base::Sha256;
use thiserror::Error;

/// What can go wrong with a store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// The answer of the system.
        source: io::Error,
    },
    /// A document that is not one of a store: other software wrote it, or another version.
    #[error("{}: not a document of a store: {reason}", path.display())]
    Document {
        /// The document.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
    },
    /// A document whose bytes are not those that were written.
    #[error("{}: damaged (CRC-32C: expected {expected:08x}, got {got:08x})", path.display())]
    DocumentChecksum {
        /// The document.
        path: PathBuf,
        /// What it says itself.
        expected: u32,
        /// What its bytes give.
        got: u32,
    },
    /// A file that is longer or shorter than its document says.
    #[error("{}: {got} bytes (expected {expected})", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// The length by the document.
        expected: u64,
        /// The length on disk.
        got: u64,
    },
    /// A file that does not start as a matrix of a store does.
    #[error("{}: damaged at its start", path.display())]
    Start {
        /// The file.
        path: PathBuf,
    },
    /// A matrix that is not the one that its document describes.
    #[error("{}: another matrix (expected {expected}, got {got})", path.display())]
    Identity {
        /// The file.
        path: PathBuf,
        /// The identity that was asked for.
        expected: Sha256,
        /// The identity in the file.
        got: Sha256,
    },
    /// A chunk of a matrix whose bytes are not those that were written.
    #[error(
        "{}: damaged in rows {} to {} of columns {} to {} (CRC-32C: expected {expected:08x}, got {got:08x})",
        path.display(), rows.start, rows.end - 1, columns.start, columns.end - 1
    )]
    Chunk {
        /// The file.
        path: PathBuf,
        /// The rows of the chunk.
        rows: Range<usize>,
        /// The columns of the chunk.
        columns: Range<usize>,
        /// The checksum in the file.
        expected: u32,
        /// What the bytes give.
        got: u32,
    },
    /// An array of texts, numbers or flags, or an index, whose bytes are not those that were written.
    #[error("{}: damaged: {reason}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no array of that name, or it is of another kind.
    #[error("{}: no {kind} {name:?}", path.display())]
    Missing {
        /// The group.
        path: PathBuf,
        /// `array` or `matrix`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Something that is not a group is where a group should be written.
    #[error("{}: not replaced, since it is not a group", path.display())]
    NotReplaceable {
        /// What is there.
        path: PathBuf,
    },
    /// A name that cannot be that of an array.
    #[error("{got:?} cannot be the name of an array (expected letters, digits, - and _)")]
    Name {
        /// The name.
        got: String,
    },
    /// A matrix that is too large for a file.
    #[error("a matrix of {rows} x {columns} is too large")]
    TooLarge {
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// A number of items that is not the one that was announced or is there.
    #[error("{what}: expected {expected}, got {got}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// The number expected.
        expected: usize,
        /// The number there is.
        got: usize,
    },
    /// Rows or columns that the matrix does not have, or, if `got` is one that it has, rows that are
    /// not ascending.
    #[error("{}", out_of_range(what, *len, *got))]
    OutOfRange {
        /// `row` or `column`.
        what: &'static str,
        /// How many there are.
        len: usize,
        /// What was asked for.
        got: usize,
    },
    /// The caller stopped it.
    #[error("stopped")]
    Stopped,
}

fn out_of_range(what: &str, len: usize, got: usize) -> String {
    match got < len {
        true => format!("{what} {got} does not follow a smaller one (expected ascending {what}s)"),
        false => format!("no {what} {got} (expected fewer than {len})"),
    }
}

impl Error {
    /// Whether the store is not what was written: it has to be made again.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::DocumentChecksum { .. }
            | Self::Document { .. }
            | Self::Length { .. }
            | Self::Start { .. }
            | Self::Identity { .. }
            | Self::Chunk { .. }
            | Self::Array { .. } => true,
            // A part that is not there.
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn document(path: &Path, reason: impl Into<String>) -> Self {
        Self::Document { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn array(path: &Path, reason: impl Into<String>) -> Self {
        Self::Array { path: path.to_owned(), reason: reason.into() }
    }
}
