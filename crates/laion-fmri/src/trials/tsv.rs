//! Tables separated by TAB as the dataset writes them: no quotes, nothing trimmed, all text.

use std::io::Read;

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
}
