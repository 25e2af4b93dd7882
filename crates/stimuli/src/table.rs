//! CSV tables by the names of their columns; text stays text.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::error::Error;

/// Reads a table file, and names it in what goes wrong.
pub(crate) fn open<T>(
    path: &Path,
    read: impl FnOnce(BufReader<File>) -> Result<T, TableError>,
) -> Result<T, Error> {
    let file = File::open(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
    read(BufReader::new(file)).map_err(|source| Error::Table { path: path.to_owned(), source })
}

/// The columns of a table, in an order that does not depend on the file.
pub(crate) struct Table<R> {
    records: csv::Reader<R>,
    positions: Vec<usize>,
}

/// One row.
pub(crate) struct Record<'a> {
    record: &'a csv::StringRecord,
    positions: &'a [usize],
    columns: &'a [&'static str],
    pub(crate) line: u64,
}

impl<R: Read> Table<R> {
    /// Reads the header and finds the columns.
    pub(crate) fn open(reader: R, columns: &[&'static str]) -> Result<Self, TableError> {
        let mut records = csv::Reader::from_reader(reader);
        let header = records.headers()?.clone();
        let positions = columns.iter().map(|&column| {
            header.iter().position(|name| name == column).ok_or_else(|| TableError::MissingColumn {
                expected: column,
                got: header.iter().map(str::to_owned).collect(),
            })
        });
        let positions = positions.collect::<Result<_, _>>()?;
        Ok(Self { records, positions })
    }

    /// Calls `each` with every row, and stops at the first error.
    pub(crate) fn each(
        mut self,
        columns: &'static [&'static str],
        mut each: impl FnMut(Record<'_>) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let mut record = csv::StringRecord::new();
        while self.records.read_record(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            each(Record { record: &record, positions: &self.positions, columns, line })?;
        }
        Ok(())
    }
}

impl<'a> Record<'a> {
    /// The text of the column at this position of the list of columns.
    pub(crate) fn text(&self, column: usize) -> &'a str {
        self.record.get(self.positions[column]).unwrap_or_default()
    }

    /// The value of a column, read by `parse`.
    pub(crate) fn value<T>(
        &self,
        column: usize,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, TableError> {
        let got = self.text(column);
        parse(got).ok_or_else(|| TableError::Value {
            line: self.line,
            column: self.columns[column],
            expected,
            got: got.to_owned(),
        })
    }
}

/// What can be wrong with a table of images, masks or captions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The header lacks a column.
    #[error("expected a column {expected:?}, got columns {got:?}")]
    MissingColumn {
        /// The column.
        expected: &'static str,
        /// The columns of the header.
        got: Vec<String>,
    },
    /// Two rows have the same key: the name of an image, or the row of a mask.
    #[error("line {line}: a second row for {key:?}")]
    Duplicate {
        /// The line, counted from 1.
        line: u64,
        /// The key.
        key: String,
    },
    /// A field is not of the kind that its column holds.
    #[error("line {line}: column {column:?}: expected {expected}, got {got:?}")]
    Value {
        /// The line, counted from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The kind, in words.
        expected: &'static str,
        /// The field as written.
        got: String,
    },
    /// Not readable as CSV: a wrong number of fields, or bytes that are not text.
    #[error("not readable as a table")]
    Unreadable(#[from] csv::Error),
}
