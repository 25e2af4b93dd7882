//! Tables separated by TAB as the dataset writes them: no quotes, nothing trimmed, all text.

use std::io::Read;
use std::str::FromStr;

use laion_fmri_base::integer_of_table;
use thiserror::Error;

/// What BIDS writes where there is no value.
pub(crate) const NOT_AVAILABLE: &str = "n/a";

/// A table in which every row has as many fields as the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tsv {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

/// What can be wrong with a table, be it of trials or of events.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TableError {
    /// The bytes are not readable as text separated by TAB.
    #[error("not readable as a table")]
    Unreadable(#[from] csv::Error),
    /// Every name of the header is between quotes, which are text in such a table.
    #[error("expected fields between TABs without quotes, got columns {got:?}")]
    Quoted {
        /// The columns of the header.
        got: Vec<String>,
    },
    /// A row has more or fewer fields than the header.
    #[error("line {line}: expected {expected} fields, got {got}")]
    FieldCount {
        /// The line, counted from 1.
        line: u64,
        /// The number of columns.
        expected: usize,
        /// The number of fields in the row.
        got: usize,
    },
    /// A column that was asked for is not there.
    #[error("expected a column {expected:?}, got columns {got:?}")]
    MissingColumn {
        /// The column.
        expected: String,
        /// The columns that are there.
        got: Vec<String>,
    },
    /// A field is not of the type that was asked for.
    #[error("row {row}: {column} is {got:?} (expected {expected})")]
    InvalidValue {
        /// The row, counted from 0.
        row: usize,
        /// The column.
        column: String,
        /// What was asked for.
        expected: &'static str,
        /// The field as it stands.
        got: String,
    },
}

impl Tsv {
    pub(crate) fn from_reader(reader: impl Read) -> Result<Self, TableError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b'\t')
            .quoting(false)
            .flexible(true)
            .from_reader(reader);
        let header = reader.headers()?;
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        let is_quoted =
            |name: &String| name.len() > 1 && name.starts_with('"') && name.ends_with('"');
        if !columns.is_empty() && columns.iter().all(is_quoted) {
            return Err(TableError::Quoted { got: columns });
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record?;
            if record.len() != columns.len() {
                return Err(TableError::FieldCount {
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
    pub(crate) fn required(&self, column: &str) -> Result<Vec<&str>, TableError> {
        self.column(column).ok_or_else(|| TableError::MissingColumn {
            expected: column.to_owned(),
            got: self.columns.clone(),
        })
    }

    /// The values of one column; `None` where the table says `n/a`.
    pub(crate) fn optional<T: FromStr>(
        &self,
        column: &str,
        expected: &'static str,
    ) -> Result<Vec<Option<T>>, TableError> {
        self.parsed(column, expected, |text| {
            if text == NOT_AVAILABLE { Some(None) } else { text.parse().ok().map(Some) }
        })
    }

    /// The integers of one column, also as pandas writes them; `None` where the table says `n/a`.
    pub(crate) fn optional_integers(&self, column: &str) -> Result<Vec<Option<i64>>, TableError> {
        self.parsed(column, "an integer or n/a", |text| {
            if text == NOT_AVAILABLE { Some(None) } else { integer_of_table(text).map(Some) }
        })
    }

    /// The values of one column, each parsed; `expected` says what they should be.
    pub(crate) fn parsed<T>(
        &self,
        column: &str,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Vec<T>, TableError> {
        let fields = self.required(column)?.into_iter().enumerate();
        fields
            .map(|(row, text)| {
                parse(text).ok_or_else(|| TableError::InvalidValue {
                    row,
                    column: column.to_owned(),
                    expected,
                    got: text.to_owned(),
                })
            })
            .collect()
    }
}
