//! Tables of named columns, and the files they can become.

mod cell;
mod json;
#[cfg(feature = "parquet")]
mod parquet;
mod text;

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::atomic::atomic_file;
use crate::error::Error;

pub use cell::Cell;
#[cfg(feature = "parquet")]
pub use parquet::read_parquet_metadata;

/// Named columns of equal length, in order.
///
/// A cell may be missing, in a column of any kind. How a missing cell, a float and a boolean are
/// written is said with each format; floats take the fewest digits from which the same float64 is
/// read again.
///
/// ```
/// let mut table = array_export::Table::new();
/// table.add("label", ["shared_0001.jpg", "shared_0002.jpg"])?;
/// table.add("trial", 0..2)?;
/// table.add("noise_ceiling", [Some(0.25), None])?;
/// let mut csv = Vec::new();
/// table.write_csv_to(&mut csv)?;
/// assert_eq!(csv, b"label,trial,noise_ceiling\nshared_0001.jpg,0,0.25\nshared_0002.jpg,1,\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    columns: Vec<(String, Column)>,
}

/// The cells of one column; `None` is a missing cell.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(untagged))]
pub enum Column {
    /// Texts.
    Text(Vec<Option<String>>),
    /// Integers.
    Integer(Vec<Option<i64>>),
    /// Floats, NaN and infinities among them.
    Float(Vec<Option<f64>>),
    /// Booleans.
    Boolean(Vec<Option<bool>>),
}

impl Table {
    /// A table without columns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column to the right: any list, slice, range or iterator of [cells](Cell).
    ///
    /// # Errors
    ///
    /// [`Error::SameColumn`]; [`Error::ColumnLength`] when the columns before have another length;
    /// [`Error::CellRange`] for an integer that is larger than the largest int64.
    pub fn add<C: Cell>(
        &mut self,
        name: impl Into<String>,
        cells: impl IntoIterator<Item = C>,
    ) -> Result<(), Error> {
        let name = name.into();
        match C::column(cells.into_iter()) {
            Ok(column) => self.add_column(name, column),
            Err((row, got)) => Err(Error::CellRange { column: name, row, got }),
        }
    }

    /// Adds a column whose kind is chosen while the program runs.
    ///
    /// # Errors
    ///
    /// As [`Table::add`].
    pub fn add_column(&mut self, name: impl Into<String>, column: Column) -> Result<(), Error> {
        let name = name.into();
        if self.column(&name).is_some() {
            return Err(Error::SameColumn { column: name });
        }
        if !self.columns.is_empty() && column.len() != self.n_rows() {
            let (expected, got) = (self.n_rows(), column.len());
            return Err(Error::ColumnLength { column: name, expected, got });
        }
        self.columns.push((name, column));
        Ok(())
    }

    /// The number of rows; zero without columns.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// The columns with their names, in order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column))
    }

    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns().find(|&(other, _)| other == name).map(|(_, column)| column)
    }

    /// Writes comma-separated text that appears when it is complete.
    ///
    /// A header line, then a line per row; fields are quoted where RFC 4180 asks for it, lines end
    /// in a line feed, the text is UTF-8. A missing cell is an empty field (and so is an empty
    /// text), booleans are `true` and `false`, the special floats `NaN`, `inf` and `-inf`.
    ///
    /// # Errors
    ///
    /// As [`atomic_file`].
    pub fn write_csv(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        atomic_file(path, |writer| text::write_csv(self, writer))
    }

    /// Writes the text of [`Table::write_csv`] to a stream.
    ///
    /// # Errors
    ///
    /// [`Error::Stream`].
    pub fn write_csv_to(&self, writer: impl Write) -> Result<(), Error> {
        stream(writer, |writer| text::write_csv(self, writer))
    }

    /// Writes TAB-separated text in the form of BIDS that appears when it is complete.
    ///
    /// A header line, then a line per row; nothing is ever quoted, so that a field is what stands
    /// between two TABs. A missing cell is `n/a`; the rest is as in [`Table::write_csv`].
    ///
    /// # Errors
    ///
    /// [`Error::Field`] for a TAB or a line break in a text or in a name, and for an empty text in
    /// a table of one column, whose line would be empty; then as [`atomic_file`].
    pub fn write_tsv(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        text::check_tsv(self)?;
        atomic_file(path, |writer| text::write_tsv(self, writer))
    }

    /// Writes the text of [`Table::write_tsv`] to a stream.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] before anything is written; [`Error::Stream`].
    pub fn write_tsv_to(&self, writer: impl Write) -> Result<(), Error> {
        text::check_tsv(self)?;
        stream(writer, |writer| text::write_tsv(self, writer))
    }

    /// Writes one JSON object per row and line to a file that appears when it is complete.
    ///
    /// The first key is `schema` with the value given, the others are the columns. A missing cell
    /// is `null`, and so are NaN and the infinities, which JSON does not have.
    ///
    /// # Errors
    ///
    /// [`Error::SameColumn`] for a column named `schema`; then as [`atomic_file`].
    pub fn write_json_lines(&self, path: impl AsRef<Path>, schema: &str) -> Result<(), Error> {
        json::check(self)?;
        atomic_file(path, |writer| json::write(self, schema, writer))
    }

    /// Writes the text of [`Table::write_json_lines`] to a stream.
    ///
    /// # Errors
    ///
    /// [`Error::SameColumn`] before anything is written; [`Error::Stream`].
    pub fn write_json_lines_to(&self, writer: impl Write, schema: &str) -> Result<(), Error> {
        json::check(self)?;
        stream(writer, |writer| json::write(self, schema, writer))
    }

    /// Writes a Parquet file that appears when it is complete.
    ///
    /// Every column is optional, so that the files of all sessions have the same schema; texts are
    /// `STRING`, integers `INT64`, floats `DOUBLE`, booleans `BOOLEAN`. Pages are not compressed;
    /// repeated values are stored once. A row group has 131,072 rows.
    ///
    /// # Errors
    ///
    /// As [`atomic_file`].
    #[cfg(feature = "parquet")]
    pub fn write_parquet(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        self.write_parquet_with(path, &[])
    }

    /// Writes the file of [`Table::write_parquet`] with texts about the whole table (a recipe, say) in
    /// its metadata, in the order given; [`read_parquet_metadata`] gives them back.
    ///
    /// # Errors
    ///
    /// As [`atomic_file`].
    #[cfg(feature = "parquet")]
    pub fn write_parquet_with(
        &self,
        path: impl AsRef<Path>,
        metadata: &[(&str, &str)],
    ) -> Result<(), Error> {
        atomic_file(path, |writer| parquet::write(self, metadata, writer))
    }

    /// Writes the bytes of [`Table::write_parquet`] to a stream.
    ///
    /// # Errors
    ///
    /// [`Error::Stream`].
    #[cfg(feature = "parquet")]
    pub fn write_parquet_to(&self, writer: impl Write) -> Result<(), Error> {
        stream(writer, |writer| parquet::write(self, &[], writer))
    }
}

impl Column {
    /// The number of cells.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(cells) => cells.len(),
            Self::Integer(cells) => cells.len(),
            Self::Float(cells) => cells.len(),
            Self::Boolean(cells) => cells.len(),
        }
    }

    /// Whether there is no cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a cell, or `None` if it is missing.
    fn field(&self, row: usize) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(cells) => cells[row].as_deref().map(Cow::Borrowed),
            Self::Integer(cells) => cells[row].map(|value| value.to_string().into()),
            // Unlike Display, Debug turns to an exponent where the digits would be only zeros.
            Self::Float(cells) => cells[row].map(|value| format!("{value:?}").into()),
            Self::Boolean(cells) => cells[row].map(|value| value.to_string().into()),
        }
    }
}

/// A map from the names of the columns to their cells, in the order of the columns.
#[cfg(feature = "serde")]
impl serde::Serialize for Table {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.columns())
    }
}

fn stream<W: Write>(
    writer: W,
    write: impl FnOnce(&mut BufWriter<W>) -> io::Result<()>,
) -> Result<(), Error> {
    let mut writer = BufWriter::with_capacity(1 << 16, writer);
    write(&mut writer).and_then(|()| writer.flush()).map_err(|source| Error::Stream { source })
}
