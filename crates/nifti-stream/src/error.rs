//! The one error of this crate: what was wrong, where in the file, expected and got.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::selection::SelectionError;

/// Everything that can go wrong while reading or writing NIfTI.
///
/// Offsets called `compressed_offset` count bytes of the file as stored, those called
/// `inflated_offset` count bytes of the NIfTI stream; they are equal for files that are not
/// gzipped. [`Error::File`], [`Error::Output`] and [`Error::Volume`] only add where the error below
/// them happened: each says its own part, and [`source`](std::error::Error::source) the next. Print
/// the whole chain, or look through it with [`Error::innermost`]. Nothing is added to an output of the
/// wrong shape or to rows that do not ascend, which are mistakes of the caller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This file could not be read; `source` says why.
    #[error("cannot read {}", path.display())]
    File {
        /// The file as it was given.
        path: PathBuf,
        /// What happened.
        source: Box<Error>,
    },
    /// This file could not be written; `source` says why.
    #[error("cannot write {}", path.display())]
    Output {
        /// The file as it was given.
        path: PathBuf,
        /// What happened.
        source: Box<Error>,
    },
    /// Reading this volume of a 4-D file failed; `source` says why.
    #[error("volume {volume} of {n_volumes}")]
    Volume {
        /// Zero-based index on the fourth axis.
        volume: usize,
        /// Number of volumes the header declares.
        n_volumes: usize,
        /// What happened.
        source: Box<Error>,
    },
    /// The file could not be opened.
    #[error("opening failed")]
    Open {
        /// Why.
        source: io::Error,
    },
    /// The underlying reader failed.
    #[error("reading failed at byte {compressed_offset}")]
    Read {
        /// Stored bytes read before the failure.
        compressed_offset: u64,
        /// The reader's error.
        source: io::Error,
    },
    /// The underlying writer, or a step on the way to the finished file, failed.
    #[error("writing failed")]
    Write {
        /// The writer's error.
        source: io::Error,
    },
    /// An earlier error left the reader in the middle of the data.
    #[error("an earlier error ended this reader")]
    AlreadyFailed,
    /// The caller's observer asked to stop.
    #[error("stopped by the caller before volume {volume}")]
    Cancelled {
        /// The volume that would have been read next.
        volume: usize,
    },

    /// A gzip member does not start as RFC 1952 says.
    #[error("gzip member {member} at byte {compressed_offset}: {problem}")]
    GzipHeader {
        /// Zero-based member index.
        member: u64,
        /// First byte of the member.
        compressed_offset: u64,
        /// The rule that is broken.
        problem: &'static str,
    },
    /// The gzip stream ends too early.
    #[error(
        "the gzip data are truncated: they end at byte {compressed_offset}, inside the {part} of \
         member {member} ({inflated_offset} bytes inflated)"
    )]
    GzipTruncated {
        /// Zero-based member index.
        member: u64,
        /// Length of the stream as stored.
        compressed_offset: u64,
        /// Bytes inflated until then, all members.
        inflated_offset: u64,
        /// Which part of the member is incomplete.
        part: GzipPart,
    },
    /// The deflate data of a member are damaged.
    #[error(
        "the gzip data are damaged near byte {compressed_offset} of member {member} \
         ({inflated_offset} bytes inflated): {problem}"
    )]
    GzipData {
        /// Zero-based member index.
        member: u64,
        /// Stored bytes consumed.
        compressed_offset: u64,
        /// Bytes inflated until then, all members.
        inflated_offset: u64,
        /// The decoder's description.
        problem: &'static str,
    },
    /// The inflated bytes of a member do not have the CRC-32 in its trailer.
    #[error(
        "the gzip data are damaged: expected CRC-32 {expected:08x}, got {got:08x} \
         (member {member}, which ends at byte {compressed_offset})"
    )]
    GzipChecksum {
        /// Zero-based member index.
        member: u64,
        /// First byte after the member's trailer.
        compressed_offset: u64,
        /// CRC-32 stored in the trailer.
        expected: u32,
        /// CRC-32 of the inflated bytes.
        got: u32,
    },
    /// The inflated length of a member is not the one in its trailer.
    #[error(
        "the gzip data are damaged: expected length {expected} (modulo 2^32), got {got} \
         (member {member}, which ends at byte {compressed_offset})"
    )]
    GzipLength {
        /// Zero-based member index.
        member: u64,
        /// First byte after the member's trailer.
        compressed_offset: u64,
        /// Length stored in the trailer, modulo 2^32.
        expected: u32,
        /// Inflated length, modulo 2^32.
        got: u32,
    },
    /// Bytes other than zero padding or a further member follow the last member.
    #[error("bytes that are neither padding nor a gzip member at byte {compressed_offset}")]
    GzipTrailing {
        /// The first such byte.
        compressed_offset: u64,
    },

    /// The stream ends before the image data begin.
    #[error("the file ends after {got} bytes, the image data should start at byte {expected}")]
    HeaderTruncated {
        /// Bytes needed: the header's size, or the data offset.
        expected: u64,
        /// Bytes the stream holds.
        got: u64,
    },
    /// The stream is no NIfTI file.
    #[error(
        "not a NIfTI file: expected header size 348 or 540 with magic \"n+1\" or \"n+2\", \
         got size {size} with magic {magic:?}"
    )]
    NotNifti {
        /// The first four bytes as a little-endian number.
        size: i32,
        /// The bytes at the place of the magic, as text; empty when the size is wrong already.
        magic: String,
    },
    /// The header belongs to a `.hdr`/`.img` pair, whose data are in another file.
    #[error("header of a .hdr/.img pair (magic {magic:?}); only single-file NIfTI is read")]
    PairFile {
        /// `ni1` or `ni2`.
        magic: &'static str,
    },
    /// A header field holds a value that has no meaning there.
    #[error("header field {field}: expected {expected}, got {got}")]
    HeaderField {
        /// Field name of the NIfTI standard, with index.
        field: &'static str,
        /// What would be right.
        expected: &'static str,
        /// The value found.
        got: String,
    },
    /// The voxel type is not one of the supported real numbers.
    #[error("header field datatype: code {code} ({}) is not supported", datatype_name(*code))]
    UnsupportedDatatype {
        /// The NIfTI datatype code.
        code: i16,
    },
    /// The dimensions are too large to count the bytes or the voxels.
    #[error("shape {shape:?} is too large")]
    TooLarge {
        /// The shape.
        shape: Vec<u64>,
    },
    /// A series of volumes was asked for, but the file is not 4-D.
    #[error("expected a 4-D image, got shape {got:?}")]
    NotFourDimensional {
        /// The shape in the header.
        got: Vec<u64>,
    },
    /// One volume was asked for, but the file is neither 3-D nor 4-D with one volume.
    #[error("expected a 3-D image, got shape {got:?}")]
    NotThreeDimensional {
        /// The shape in the header.
        got: Vec<u64>,
    },
    /// The stream ends inside the image data.
    #[error(
        "the image data end at byte {inflated_offset} (stored byte {compressed_offset}): \
         expected {expected} bytes of data, got {got}"
    )]
    Truncated {
        /// Length of the NIfTI stream.
        inflated_offset: u64,
        /// Length of the file.
        compressed_offset: u64,
        /// Bytes of image data that the header declares.
        expected: u64,
        /// Bytes of image data present.
        got: u64,
    },

    /// The voxel selection is not valid.
    #[error("voxel selection")]
    Selection(#[from] SelectionError),
    /// The selection was made for another grid.
    #[error("selection for grid {got:?} used on grid {expected:?}")]
    SelectionShape {
        /// Grid of the file.
        expected: [usize; 3],
        /// Grid of the selection.
        got: [usize; 3],
    },
    /// The row buffer, or the values to scatter, do not have one place per selected voxel.
    #[error("expected a row of {expected} values, got {got}")]
    RowLength {
        /// Number of selected voxels.
        expected: usize,
        /// Length of the buffer.
        got: usize,
    },
    /// The output array is not selected volumes x selected voxels.
    #[error("expected an output of shape {expected:?}, got {got:?}")]
    OutputShape {
        /// Selected volumes, selected voxels.
        expected: [usize; 2],
        /// Shape of the array.
        got: [usize; 2],
    },
    /// A file is given more or fewer volumes than its header says.
    #[error("{got} volumes were written (expected {expected})")]
    VolumeCount {
        /// Volumes of the header.
        expected: usize,
        /// Volumes that were given.
        got: usize,
    },
    /// A selected row is not in the file.
    #[error("row {row} selected, the file has {n_volumes} volumes")]
    RowOutOfRange {
        /// The row.
        row: usize,
        /// Number of volumes in the file.
        n_volumes: usize,
    },
    /// Selected rows must be ascending and distinct.
    #[error("row {row} follows row {previous} at position {position}: expected ascending rows")]
    RowsNotAscending {
        /// Position in the list.
        position: usize,
        /// The row before it.
        previous: usize,
        /// The row at this position.
        row: usize,
    },
    /// The data to write do not have one value per voxel.
    #[error("expected {expected} values for shape {shape:?}, got {got}")]
    DataLength {
        /// Shape of the volume.
        shape: [usize; 3],
        /// Number of voxels.
        expected: usize,
        /// Number of values.
        got: usize,
    },
}

impl Error {
    /// The error below [`Error::File`], [`Error::Output`] and [`Error::Volume`].
    #[must_use]
    pub fn innermost(&self) -> &Error {
        match self {
            Self::File { source, .. }
            | Self::Output { source, .. }
            | Self::Volume { source, .. } => source.innermost(),
            other => other,
        }
    }

    /// The file this error is about, when it was given by path.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } | Self::Output { path, .. } => Some(path),
            _ => None,
        }
    }

    /// The volume during which the error happened.
    #[must_use]
    pub fn volume(&self) -> Option<usize> {
        match self {
            Self::File { source, .. } | Self::Output { source, .. } => source.volume(),
            Self::Volume { volume, .. } => Some(*volume),
            _ => None,
        }
    }

    /// Whether the stored bytes are incomplete or damaged, so that a fresh copy of the file may
    /// help.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        let innermost = self.innermost();
        innermost.is_gzip()
            || matches!(innermost, Self::HeaderTruncated { .. } | Self::Truncated { .. })
    }

    /// Whether the gzip stream itself is damaged, whatever it holds.
    pub(crate) fn is_gzip(&self) -> bool {
        matches!(
            self.innermost(),
            Self::GzipHeader { .. }
                | Self::GzipTruncated { .. }
                | Self::GzipData { .. }
                | Self::GzipChecksum { .. }
                | Self::GzipLength { .. }
                | Self::GzipTrailing { .. }
        )
    }

    /// Whether the reader has no more bytes yet.
    pub(crate) fn is_would_block(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether the file was asked for by path and does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(
            self.innermost(),
            Self::Open { source } if source.kind() == io::ErrorKind::NotFound
        )
    }

    /// Names the file in front of the error, unless the caller's arguments are wrong whatever the file
    /// holds.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::OutputShape { .. } | Self::RowLength { .. } | Self::RowsNotAscending { .. } => {
                self
            }
            error => Self::File { path: path.to_path_buf(), source: Box::new(error) },
        }
    }

    /// Names the file that was to be written in front of the error.
    pub(crate) fn in_output(self, path: &Path) -> Self {
        Self::Output { path: path.to_path_buf(), source: Box::new(self) }
    }

    /// Names the volume in front of the error.
    pub(crate) fn in_volume(self, volume: usize, n_volumes: usize) -> Self {
        Self::Volume { volume, n_volumes, source: Box::new(self) }
    }
}

impl From<Error> for io::Error {
    /// For readers that speak `std::io::Read`: the error itself is the payload.
    fn from(error: Error) -> Self {
        match error {
            Error::Open { source } | Error::Read { source, .. } | Error::Write { source } => source,
            Error::GzipTruncated { .. }
            | Error::Truncated { .. }
            | Error::HeaderTruncated { .. } => io::Error::new(io::ErrorKind::UnexpectedEof, error),
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// The three parts of a gzip member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GzipPart {
    /// Magic, flags and optional fields.
    Header,
    /// The deflate data.
    Data,
    /// CRC-32 and length.
    Trailer,
}

impl fmt::Display for GzipPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Data => "data",
            Self::Trailer => "trailer",
        })
    }
}

/// The standard's name of a datatype code that this crate does not read.
fn datatype_name(code: i16) -> &'static str {
    match code {
        0 => "unknown",
        1 => "binary",
        32 => "complex64",
        128 => "RGB24",
        1280 => "uint64",
        1536 => "float128",
        1792 => "complex128",
        2048 => "complex256",
        2304 => "RGBA32",
        _ => "no NIfTI datatype",
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_chain_prints_each_fact_once() {
        let error = Error::UnsupportedDatatype { code: 32 }
            .in_volume(3, 10)
            .in_file(Path::new("betas.nii.gz"));
        let mut chain = vec![error.to_string()];
        let mut source = error.source();
        while let Some(inner) = source {
            chain.push(inner.to_string());
            source = inner.source();
        }
        assert_eq!(
            chain,
            [
                "cannot read betas.nii.gz",
                "volume 3 of 10",
                "header field datatype: code 32 (complex64) is not supported"
            ]
        );
        assert_eq!(error.path(), Some(Path::new("betas.nii.gz")));
        assert_eq!(error.volume(), Some(3));
        assert!(matches!(error.innermost(), Error::UnsupportedDatatype { code: 32 }));
        assert!(!error.is_damaged());
        let error = Error::Write { source: io::ErrorKind::StorageFull.into() };
        let error = error.in_output(Path::new("map.nii"));
        assert_eq!(error.to_string(), "cannot write map.nii");
        assert_eq!(error.path(), Some(Path::new("map.nii")));
        assert!(matches!(error.innermost(), Error::Write { .. }));
    }

    #[test]
    fn arguments_are_not_reported_as_files_that_cannot_be_read() {
        let file = Path::new("betas.nii.gz");
        let error = Error::RowsNotAscending { position: 2, previous: 5, row: 3 }.in_file(file);
        assert_eq!(error.to_string(), "row 3 follows row 5 at position 2: expected ascending rows");
        let error = Error::OutputShape { expected: [2, 7], got: [7, 2] }.in_file(file);
        assert_eq!(error.to_string(), "expected an output of shape [2, 7], got [7, 2]");
        assert_eq!(error.path(), None);
        // How many volumes there are depends on the file.
        let error = Error::RowOutOfRange { row: 9, n_volumes: 9 }.in_file(file);
        assert_eq!(error.path(), Some(file));
    }

    #[test]
    fn damage_is_told_from_other_errors() {
        let damaged = Error::GzipTrailing { compressed_offset: 7 }.in_volume(0, 1);
        assert!(damaged.is_damaged());
        let missing = Error::Open { source: io::ErrorKind::NotFound.into() };
        assert!(missing.is_not_found());
        assert!(!missing.is_damaged());
    }

    #[test]
    fn selection_errors_are_the_source() {
        let inner = SelectionError::MaskLength { expected: 8, got: 7 };
        let error = Error::from(inner.clone());
        assert_eq!(error.to_string(), "voxel selection");
        let source = error.source().and_then(|source| source.downcast_ref());
        assert_eq!(source, Some(&inner));
    }

    #[test]
    fn io_errors_keep_the_payload() {
        let error = io::Error::from(Error::GzipTruncated {
            member: 0,
            compressed_offset: 5,
            inflated_offset: 0,
            part: GzipPart::Header,
        });
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(error.to_string().contains("at byte 5, inside the header of member 0"));
    }
}
