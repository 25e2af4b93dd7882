//! Tables separated by TAB as the dataset writes them: no quotes, nothing trimmed, all text.

use std::io::Read;
use std::str::FromStr;

/// What BIDS writes where there is no value.
pub(crate) const NOT_AVAILABLE: &str = "n/a";

/// A table in which every row has as many fields as the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tsv {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// Why bytes are not such a table.
#[derive(Debug)]
pub(crate) enum TsvError {
    /// A row is too short or too long; the line is counted from 1.
    FieldCount { line: u64, expected: usize, got: usize },
    /// Not readable as text.
    Unreadable(csv::Error),
}

/// Why a column does not have the values that are asked for.
#[derive(Debug)]
pub(crate) enum ColumnError {
    /// There is no such column.
    Missing { expected: String, got: Vec<String> },
    /// A field is of another type; the row is counted from 0.
    Value { row: usize, column: String, expected: &'static str, got: String },
}

impl Tsv {
    pub(crate) fn from_reader(reader: impl Read) -> Result<Self, TsvError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b'\t')
            .quoting(false)
            .flexible(true)
            .from_reader(reader);
        let header = reader.headers().map_err(TsvError::Unreadable)?;
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(TsvError::Unreadable)?;
            if record.len() != columns.len() {
                return Err(TsvError::FieldCount {
                    line: record.position().map_or(0, csv::Position::line),
                    expected: columns.len(),
                    got: record.len(),
                });
            }
            rows.push(record.iter().map(str::to_owned).collect());
        }
        Ok(Self { columns, rows })
    }

    /// The rows, each with one field a column.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[String]> {
        self.rows.iter().map(Vec::as_slice)
    }

    /// The fields of one column.
    pub(crate) fn column(&self, name: &str) -> Option<Vec<&str>> {
        let column = self.columns.iter().position(|column| column == name)?;
        Some(self.rows.iter().map(|row| row[column].as_str()).collect())
    }

    /// The fields of one column, which has to be there.
    pub(crate) fn required(&self, column: &str) -> Result<Vec<&str>, ColumnError> {
        self.column(column).ok_or_else(|| ColumnError::Missing {
            expected: column.to_owned(),
            got: self.columns.clone(),
        })
    }

    /// The values of one column; `None` where the table says `n/a`.
    pub(crate) fn optional<T: FromStr>(
        &self,
        column: &str,
        expected: &'static str,
    ) -> Result<Vec<Option<T>>, ColumnError> {
        self.parsed(column, expected, |text| {
            if text == NOT_AVAILABLE { Some(None) } else { text.parse().ok().map(Some) }
        })
    }

    /// The values of one column, each parsed; `expected` says what they should be.
    pub(crate) fn parsed<T>(
        &self,
        column: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, ColumnError> {
        let fields = self.required(column)?.into_iter().enumerate();
        fields
            .map(|(row, text)| {
                parse(text).ok_or_else(|| ColumnError::Value {
                    row,
                    column: column.to_owned(),
                    expected,
                    got: text.to_owned(),
                })
            })
            .collect()
    }
}
