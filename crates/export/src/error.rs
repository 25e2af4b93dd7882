//! What can go wrong on the way to a file, with the file's name.

use std::io;
use std::path::{Path, PathBuf};

/// An output could not be written, or an array could not be read back.
///
/// An error of the disk, or of a file that is read, names the file. One of the arrays and tables that
/// are to be written names the member, the array or the column.
/// [`source`](std::error::Error::source) often says more: print the whole chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory of the output does not exist; directories are never created.
    #[error("{}: the directory {} does not exist", path.display(), parent.display())]
    ParentMissing {
        /// The output.
        path: PathBuf,
        /// Its directory.
        parent: PathBuf,
    },
    /// No temporary file could be created next to the output.
    #[error("{}: no file can be created in {}", path.display(), parent.display())]
    Create {
        /// The output.
        path: PathBuf,
        /// Its directory.
        parent: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Writing the contents failed, for example because the disk is full. Nothing was left behind,
    /// and a file that was there before is unchanged; a pipe or a device may have got a part.
    #[error("{}: writing failed", path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The complete temporary file could not take the output's name. It was removed again.
    #[error("{}: the finished file could not be put in place", path.display())]
    Replace {
        /// The output.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Writing to a stream failed.
    #[error("writing failed")]
    Stream {
        /// Why.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("{}: reading failed", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no `.npy` file of the expected element type.
    #[error("{}: not a .npy file of {expected}", path.display())]
    NotNpy {
        /// The file.
        path: PathBuf,
        /// The element type asked for.
        expected: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A `.npy` file does not hold as many bytes as its header says.
    #[error("{}: expected {expected} bytes of data, got {got}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Bytes for the shape in the header; `u64::MAX` when they cannot be counted.
        expected: u64,
        /// Bytes in the file after the header.
        got: u64,
    },
    /// A file is not a zip archive of stored (uncompressed) members.
    #[error("{}: not a .npz file", path.display())]
    NotNpz {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file has no member of that name.
    #[error("{}: no member {name:?}", path.display())]
    NoMember {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        name: String,
    },
    /// A member of a file is not an array of the expected element type.
    #[error("{}: the member {name:?} is not an array of {expected}", path.display())]
    NotMember {
        /// The file.
        path: PathBuf,
        /// The member.
        name: String,
        /// The element type asked for.
        expected: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A member of a file does not hold as many bytes as its header says.
    #[error("{}: the member {name:?}: expected {expected} bytes of data, got {got}", path.display())]
    MemberLength {
        /// The file.
        path: PathBuf,
        /// The member.
        name: String,
        /// Bytes for the shape in the header; `u64::MAX` when they cannot be counted.
        expected: u64,
        /// Bytes in the member after the header.
        got: u64,
    },
    /// A directory is no Zarr group of the kind that this crate writes: format 3, arrays in C order,
    /// not compressed.
    #[error("{}: not a Zarr group of plain arrays", path.display())]
    NotZarr {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is at the place of a directory that was written is neither a Zarr group nor empty, so
    /// that it is not removed.
    #[error("{} exists and is not a Zarr group", path.display())]
    NotReplaceable {
        /// The output.
        path: PathBuf,
    },
    /// A format that this build does not know.
    #[error("{}: built without the feature {feature}", path.display())]
    Unsupported {
        /// The output.
        path: PathBuf,
        /// The feature of this crate that would bring it.
        feature: &'static str,
    },
    /// An array was given more or fewer names of dimensions than it has dimensions.
    #[error("the array {name:?}: expected names for {expected} dimensions, got {got}")]
    Dimensions {
        /// The array.
        name: String,
        /// The dimensions of the array.
        expected: usize,
        /// The names given.
        got: usize,
    },
    /// A dimension has another length than in an array before.
    #[error("the array {name:?}: expected {dimension:?} to have the length {expected}, got {got}")]
    DimensionLength {
        /// The array.
        name: String,
        /// The dimension.
        dimension: String,
        /// Its length so far.
        expected: usize,
        /// Its length in this array.
        got: usize,
    },
    /// More or fewer rows than the shape of a matrix says.
    #[error("the array {name:?}: expected {expected} rows, got {got}")]
    Rows {
        /// The array, or the file of which it is all.
        name: String,
        /// The rows announced.
        expected: usize,
        /// The rows given.
        got: usize,
    },
    /// Rows are wider or narrower than the shape of their matrix says.
    #[error("the array {name:?}: expected rows of {expected} columns, got {got}")]
    Columns {
        /// The array, or the file of which it is all.
        name: String,
        /// The columns announced.
        expected: usize,
        /// The columns given.
        got: usize,
    },
    /// Two members of a file were given the same name.
    #[error("the member {name:?} exists already")]
    SameMember {
        /// The name.
        name: String,
    },
    /// A name that a member of a file cannot have.
    #[error("{name:?} cannot be the name of a member: {reason}")]
    MemberName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text ends in a NUL character, which fixed-width texts of NumPy cannot express.
    #[error("the text {index} of the member {name:?} ends in a NUL character")]
    TrailingNul {
        /// The member.
        name: String,
        /// The position of the text, from zero.
        index: usize,
    },
    /// Two columns of a table have the same name.
    #[error("the column {column:?} exists already")]
    SameColumn {
        /// The name.
        column: String,
    },
    /// A column is shorter or longer than those before it.
    #[error("the column {column:?}: expected {expected} rows, got {got}")]
    ColumnLength {
        /// The column.
        column: String,
        /// Rows of the table so far.
        expected: usize,
        /// Cells of the column.
        got: usize,
    },
    /// An integer of a column is larger than int64 holds.
    #[error("the column {column:?}: {got} in row {row} does not fit into 64 bits with a sign")]
    CellRange {
        /// The column.
        column: String,
        /// The row, from zero.
        row: usize,
        /// The integer.
        got: u64,
    },
    /// A row that comes after writing has failed.
    #[error("an earlier write failed")]
    Stopped,
    /// A text that cannot be a field without quotes.
    #[error("the column {column:?}{}: a field has {reason}", at_row(*row))]
    Field {
        /// The column.
        column: String,
        /// The row, from zero; `None` for the name of the column.
        row: Option<usize>,
        /// What is in it.
        reason: &'static str,
    },
}

impl Error {
    /// The file this error is about, if it is about one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::ParentMissing { path, .. }
            | Self::Create { path, .. }
            | Self::Write { path, .. }
            | Self::Replace { path, .. }
            | Self::Read { path, .. }
            | Self::NotNpy { path, .. }
            | Self::Length { path, .. }
            | Self::NotNpz { path, .. }
            | Self::NoMember { path, .. }
            | Self::NotMember { path, .. }
            | Self::NotZarr { path, .. }
            | Self::NotReplaceable { path }
            | Self::Unsupported { path, .. }
            | Self::MemberLength { path, .. } => Some(path),
            Self::Stream { .. }
            | Self::Dimensions { .. }
            | Self::DimensionLength { .. }
            | Self::Rows { .. }
            | Self::Columns { .. }
            | Self::SameMember { .. }
            | Self::MemberName { .. }
            | Self::TrailingNul { .. }
            | Self::SameColumn { .. }
            | Self::ColumnLength { .. }
            | Self::CellRange { .. }
            | Self::Stopped
            | Self::Field { .. } => None,
        }
    }
}

fn at_row(row: Option<usize>) -> String {
    row.map_or_else(String::new, |row| format!(", row {row}"))
}
