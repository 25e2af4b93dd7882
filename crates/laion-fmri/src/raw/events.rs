//! The table of events of a run: what was shown, what was pressed, and when.

use std::io::Read;
use std::str::FromStr;

use thiserror::Error;

use crate::trials::{NOT_AVAILABLE, TableError, Tsv};

/// The events of one run or of several runs, one row per event.
///
/// Every column is kept as text, in the order of the file: `onset`, `duration`, `trial_number`,
/// `trial_type` (`new`, `old` or `blank`), `response`, `response_correct`, `response_changed`,
/// `response_time`, `stim_number`, `stim_name` (the image, or `blank`), `stim_occurrence`,
/// `stim_occurrence_run`, `stim_occurrence_session`, `stim_duration`, `isi_onset`, `isi_duration`,
/// `pulse_number` and `pulse_onset`. Times are in seconds from the start of the run. Fields are
/// split at TAB only and never trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTable(Tsv);

/// What can be wrong with a table of events.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EventTableError {
    /// The table or one of its columns cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The tables of two runs have different columns.
    #[error("expected columns {expected:?} as in the run before, got {got:?}")]
    ColumnsDiffer {
        /// The columns of the first run.
        expected: Vec<String>,
        /// The columns of this run.
        got: Vec<String>,
    },
}

impl EventTable {
    /// Reads the table of one run.
    ///
    /// # Errors
    ///
    /// [`TableError::Unreadable`], [`TableError::FieldCount`].
    #[doc(alias = "load_tsv")]
    pub fn from_reader(reader: impl Read) -> Result<Self, EventTableError> {
        Ok(Self(Tsv::from_reader(reader)?))
    }

    /// The number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.rows.len()
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.rows.is_empty()
    }

    /// The column names, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.0.columns
    }

    /// The rows, each with one field a column.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[String]> {
        self.0.rows()
    }

    /// The fields of one column as text, or `None` when the table has no such column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<Vec<&str>> {
        self.0.column(name)
    }

    /// The numbers of one column; `None` where the table says `n/a`.
    ///
    /// # Errors
    ///
    /// [`TableError::MissingColumn`], [`TableError::InvalidValue`].
    pub fn numbers(&self, column: &str) -> Result<Vec<Option<f64>>, EventTableError> {
        Ok(self.0.optional(column, "a number or n/a")?)
    }

    /// The integers of one column; `None` where the table says `n/a`.
    ///
    /// # Errors
    ///
    /// As [`EventTable::numbers`].
    pub fn integers(&self, column: &str) -> Result<Vec<Option<i64>>, EventTableError> {
        Ok(self.0.optional_integers(column)?)
    }

    /// When each event begins, in seconds from the start of its run.
    ///
    /// # Errors
    ///
    /// As [`EventTable::numbers`].
    pub fn onsets(&self) -> Result<Vec<f64>, EventTableError> {
        Ok(self.0.parsed("onset", "a number", |text| text.parse().ok())?)
    }

    /// How long each event lasts, in seconds.
    ///
    /// # Errors
    ///
    /// As [`EventTable::numbers`].
    pub fn durations(&self) -> Result<Vec<f64>, EventTableError> {
        Ok(self.0.parsed("duration", "a number", |text| text.parse().ok())?)
    }

    /// Whether each image was `new` or `old`, or the trial `blank`.
    ///
    /// # Errors
    ///
    /// [`TableError::MissingColumn`].
    pub fn trial_types(&self) -> Result<Vec<&str>, EventTableError> {
        Ok(self.0.required("trial_type")?)
    }

    /// The image of each event, `None` for blank trials.
    ///
    /// # Errors
    ///
    /// [`TableError::MissingColumn`].
    pub fn stimulus_names(&self) -> Result<Vec<Option<&str>>, EventTableError> {
        let names = self.0.required("stim_name")?;
        Ok(names.into_iter().map(|name| (name != "blank").then_some(name)).collect())
    }

    /// The numbers of the scanner pulses during each event, such as `[9, 10]`.
    ///
    /// # Errors
    ///
    /// As [`EventTable::numbers`].
    pub fn pulse_numbers(&self) -> Result<Vec<Vec<u32>>, EventTableError> {
        Ok(self.0.parsed("pulse_number", "a list of integers", list)?)
    }

    /// When the scanner pulses during each event came, in seconds, such as
    /// `['15.1992', '17.0991']`.
    ///
    /// # Errors
    ///
    /// As [`EventTable::numbers`].
    pub fn pulse_onsets(&self) -> Result<Vec<Vec<f64>>, EventTableError> {
        Ok(self.0.parsed("pulse_onset", "a list of numbers", list)?)
    }

    /// The table with a further column that holds the same text in every row.
    pub(super) fn with_column(mut self, name: &str, value: &str) -> Self {
        self.0.columns.push(name.to_owned());
        self.0.rows.iter_mut().for_each(|row| row.push(value.to_owned()));
        self
    }

    /// Adds the rows of another run.
    pub(super) fn append(&mut self, other: Self) -> Result<(), EventTableError> {
        if other.0.columns != self.0.columns {
            let expected = self.0.columns.clone();
            return Err(EventTableError::ColumnsDiffer { expected, got: other.0.columns });
        }
        self.0.rows.extend(other.0.rows);
        Ok(())
    }
}

/// A list as Python shows it, with or without quotes around its elements; `n/a` is an empty one.
fn list<T: FromStr>(text: &str) -> Option<Vec<T>> {
    if text == NOT_AVAILABLE {
        return Some(Vec::new());
    }
    let inside = text.strip_prefix('[')?.strip_suffix(']')?.trim();
    if inside.is_empty() {
        return Some(Vec::new());
    }
    inside
        .split(',')
        .map(|element| {
            let element = element.trim();
            let bare = element
                .strip_prefix('\'')
                .map_or(Some(element), |element| element.strip_suffix('\''))?;
            bare.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "onset\tduration\ttrial_type\tresponse\tstim_name\tpulse_number\tpulse_onset\n\
        12.0493\t2.9998\tnew\t1\ta b .jpg\t[9, 10]\t['15.1992', '17.0991']\n\
        15.0493\t2.9998\tblank\tn/a\tblank\t[]\tn/a\n";

    fn parse(text: &str) -> Result<EventTable, EventTableError> {
        EventTable::from_reader(text.as_bytes())
    }

    #[test]
    fn columns_have_types() {
        let table = parse(TABLE).unwrap();
        assert_eq!(table.len(), 2);
        assert_eq!(table.onsets().unwrap(), [12.0493, 15.0493]);
        assert_eq!(table.durations().unwrap(), [2.9998, 2.9998]);
        assert_eq!(table.trial_types().unwrap(), ["new", "blank"]);
        assert_eq!(table.stimulus_names().unwrap(), [Some("a b .jpg"), None]);
        assert_eq!(table.integers("response").unwrap(), [Some(1), None]);
        assert_eq!(table.numbers("response").unwrap(), [Some(1.0), None]);
        assert_eq!(table.pulse_numbers().unwrap(), [vec![9, 10], vec![]]);
        assert_eq!(table.pulse_onsets().unwrap(), [vec![15.1992, 17.0991], vec![]]);
        assert_eq!(table.column("response_time"), None);
        assert_eq!(table.rows().next().unwrap()[4], "a b .jpg");
    }

    #[test]
    fn what_is_not_of_the_type_is_named() {
        let table = parse(&TABLE.replace("[9, 10]", "9, 10").replace("\t1\t", "\tyes\t")).unwrap();
        let check = |error: EventTableError, name: &str, text: &str| {
            assert!(
                matches!(&error, EventTableError::Table(TableError::InvalidValue { row: 0, column, got, .. }) if column == name && got == text),
                "{error:?}"
            );
        };
        check(table.pulse_numbers().unwrap_err(), "pulse_number", "9, 10");
        check(table.integers("response").unwrap_err(), "response", "yes");
        let error = table.numbers("response_time").unwrap_err();
        assert!(
            matches!(&error, EventTableError::Table(TableError::MissingColumn { expected, got }) if expected == "response_time" && got.len() == 7)
        );
        for text in ["['1]", "[1,]", "[a]", "", "[", "]"] {
            assert_eq!(list::<u32>(text), None, "{text}");
        }
    }

    #[test]
    fn tables_that_cannot_be_read_are_refused() {
        let error = parse("onset\tduration\n1\t2\n1\n").unwrap_err();
        assert!(matches!(
            error,
            EventTableError::Table(TableError::FieldCount { line: 3, expected: 2, got: 1 })
        ));
        let error = EventTable::from_reader(&b"onset\n\xff\n"[..]).unwrap_err();
        assert!(matches!(error, EventTableError::Table(TableError::Unreadable(_))));
    }

    #[test]
    fn runs_follow_each_other_when_their_columns_agree() {
        let mut table = parse(TABLE).unwrap().with_column("run", "run-01");
        table.append(parse(TABLE).unwrap().with_column("run", "run-02")).unwrap();
        assert_eq!(table.column("run").unwrap(), ["run-01", "run-01", "run-02", "run-02"]);
        let error = table.append(parse(TABLE).unwrap()).unwrap_err();
        assert!(
            matches!(&error, EventTableError::ColumnsDiffer { expected, got } if expected.len() == 8 && got.len() == 7)
        );
    }
}
