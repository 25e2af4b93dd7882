//! The trial table of a session: which image was shown for which volume of the betas.

#[cfg(feature = "serde")]
mod serialize;
mod tsv;

use std::io::Read;
use std::path::{Path, PathBuf};

use laion_fmri_base::integer_of_table;
use thiserror::Error;

pub use self::tsv::TableError;
pub(crate) use self::tsv::{NOT_AVAILABLE, Tsv};
use crate::{Error as FacadeError, Input, Result};

/// The column that names the image; the first tables of the dataset call it otherwise.
const LABELS: [&str; 2] = ["label", "stimulus_id"];

/// The column that counts the volumes of the betas, from 0.
const BETA_INDEX: &str = "beta_index";

/// The trial table of one session. Row i belongs to volume i of the betas.
///
/// A column `beta_index` has to hold every number from 0 to the number of rows, once. Where a file
/// has its rows in another order than that of this column, they are sorted by it.
///
/// Every column of the TSV is kept as text, in the order of the file; rows are split at TAB only
/// and never trimmed, since some image names hold spaces.
///
/// These are the columns of the dataset's tables; there is no column of times:
///
/// | column | value | counted from |
/// |---|---|---|
/// | `session` | name of the session, such as `ses-01` | |
/// | `run` | integer: the run of the session | 1 |
/// | `beta_index` | integer: the volume of the betas, in the order of presentation | 0 |
/// | `label` | name of the image, such as `shared_12rep_LAION_cluster_2677_i5.jpg` | |
///
/// [`labels`](Self::labels), [`column`](Self::column), [`integers`](Self::integers) and
/// [`numbers`](Self::numbers) give a column.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "TrialTable")]
pub struct SessionTrials {
    path: PathBuf,
    /// The column that names the images.
    label: Option<usize>,
    table: Tsv,
}

/// What can be wrong with a trial table.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrialTableError {
    /// The header lacks the column `label`, which is needed where images are.
    #[error("expected a column \"label\", got columns {got:?}")]
    MissingLabel {
        /// The columns of the header.
        got: Vec<String>,
    },
    /// The column `beta_index` does not count the volumes of the betas.
    #[error("row {row} (counted from 0): expected beta_index {expected}, got {got:?}")]
    BetaIndex {
        /// The first row whose value is not a volume of its own, counted from 0.
        row: usize,
        /// The volume that belongs to the row.
        expected: usize,
        /// The value.
        got: String,
    },
    /// The column `beta_index` counts the volumes of the betas, but from 1.
    #[error("beta_index counts from 1 to {rows}, expected a count from 0")]
    BetaIndexFromOne {
        /// The number of rows.
        rows: usize,
    },
    /// The table or one of its columns cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl TrialTableError {
    /// What it means for the table: a column that somebody asked for is no fault of it.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Table(TableError::MissingColumn { expected, .. }) => {
                format!("no column {expected:?}")
            }
            _ => "not a usable trial table".to_owned(),
        }
    }
}

impl SessionTrials {
    /// Reads a table; `path` is only used in messages.
    ///
    /// # Errors
    ///
    /// [`TrialTableError`] with the line.
    #[doc(alias = "load_tsv")]
    pub fn from_reader(reader: impl Read, path: &Path) -> Result<Self, TrialTableError> {
        let mut table = Tsv::from_reader(reader)?;
        let position = |name: &&str| table.columns.iter().position(|column| column == name);
        let label = LABELS.iter().find_map(position);
        if let Some(column) = table.columns.iter().position(|column| column == BETA_INDEX) {
            in_order_of_volumes(&mut table.rows, column, path)?;
        }
        Ok(Self { path: path.to_owned(), label, table })
    }

    pub(crate) fn read(input: &mut Input) -> Result<Self> {
        let path = input.path().to_owned();
        Self::from_reader(std::io::BufReader::new(input), &path)
            .map_err(|source| FacadeError::TrialTable { path, source })
    }

    /// The file it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.rows.len()
    }

    /// Whether there is no trial.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.rows.is_empty()
    }

    /// Refuses betas with another number of volumes.
    pub(crate) fn check_volumes(&self, betas: &Path, volumes: usize) -> Result<()> {
        if self.len() == volumes {
            return Ok(());
        }
        let (betas, trials) = (betas.to_owned(), self.path.clone());
        Err(FacadeError::TrialCountMismatch { betas, volumes, rows: self.len(), trials })
    }

    /// The column names, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.table.columns
    }

    /// The rows, each with one field a column.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[String]> {
        self.table.rows()
    }

    /// The fields of one trial.
    ///
    /// # Panics
    ///
    /// When the table has no such trial.
    pub(crate) fn row(&self, trial: crate::SessionTrial) -> &[String] {
        &self.table.rows[trial.0]
    }

    /// The image name of each trial, in the order of the volumes.
    ///
    /// # Errors
    ///
    /// [`Error::TrialTable`](crate::Error::TrialTable) with [`TrialTableError::MissingLabel`].
    pub fn labels(&self) -> Result<impl ExactSizeIterator<Item = &str> + Clone> {
        let label = self.label.ok_or_else(|| FacadeError::TrialTable {
            path: self.path.clone(),
            source: TrialTableError::MissingLabel { got: self.columns().to_vec() },
        })?;
        Ok(self.table.rows.iter().map(move |row| row[label].as_str()))
    }

    /// The values of one column, or `None` when the table has no such column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<Vec<&str>> {
        self.table.column(name)
    }

    /// The integers of one column; `None` where the table says `n/a`.
    ///
    /// # Errors
    ///
    /// [`Error::TrialTable`](crate::Error::TrialTable) with [`TableError::MissingColumn`] or
    /// [`TableError::InvalidValue`].
    pub fn integers(&self, column: &str) -> Result<Vec<Option<i64>>> {
        self.table.optional_integers(column).map_err(|error| self.refused(error))
    }

    /// The numbers of one column; `None` where the table says `n/a`.
    ///
    /// # Errors
    ///
    /// As [`SessionTrials::integers`].
    pub fn numbers(&self, column: &str) -> Result<Vec<Option<f64>>> {
        self.table.optional(column, "a number or n/a").map_err(|error| self.refused(error))
    }

    /// The rows, each with one field a column.
    pub fn iter(&self) -> <&Self as IntoIterator>::IntoIter {
        self.into_iter()
    }

    /// The run of each trial as it is written, and as a number: -1 for one that is not a number, with
    /// or without `run-`, or without a column of runs.
    pub(crate) fn runs(&self) -> Vec<(String, i64)> {
        let number = |text: &str| text.strip_prefix("run-").unwrap_or(text).parse().unwrap_or(-1);
        match self.column("run") {
            Some(column) => column.iter().map(|&text| (text.to_owned(), number(text))).collect(),
            None => vec![(String::new(), -1); self.len()],
        }
    }

    fn refused(&self, error: TableError) -> FacadeError {
        FacadeError::TrialTable { path: self.path.clone(), source: error.into() }
    }

    /// The error about a table without runs where trials are grouped by run.
    pub(crate) fn without_runs(&self) -> FacadeError {
        FacadeError::DoesNotFit {
            what: format!("the columns of {}", self.path.display()),
            expected: "a column \"run\" to group trials by".to_owned(),
            got: format!("{:?}", self.columns()),
        }
    }
}

/// The rows, each with one field a column.
impl<'a> IntoIterator for &'a SessionTrials {
    type Item = &'a Vec<String>;
    type IntoIter = std::slice::Iter<'a, Vec<String>>;

    fn into_iter(self) -> Self::IntoIter {
        self.table.rows.iter()
    }
}

/// Puts the rows into the order of the volumes that a column counts.
fn in_order_of_volumes(
    rows: &mut Vec<Vec<String>>,
    column: usize,
    path: &Path,
) -> Result<(), TrialTableError> {
    let volumes: Vec<Option<usize>> =
        rows.iter().map(|fields| integer_of_table(&fields[column])).collect();
    let mut row_of_volume = vec![None; rows.len()];
    for (row, volume) in volumes.iter().enumerate() {
        match volume.and_then(|volume| row_of_volume.get_mut(volume)) {
            Some(free @ None) => *free = Some(row),
            _ if counts_from_one(&volumes) => {
                return Err(TrialTableError::BetaIndexFromOne { rows: rows.len() });
            }
            _ => {
                let got = rows[row][column].clone();
                return Err(TrialTableError::BetaIndex { row, expected: row, got });
            }
        }
    }
    // As many volumes as rows, and no two rows of one volume: each volume has its row.
    let order: Vec<usize> = row_of_volume.into_iter().flatten().collect();
    if !order.is_sorted() {
        tracing::warn!(path = %path.display(), "the rows are sorted by {BETA_INDEX}");
        *rows = order.into_iter().map(|row| std::mem::take(&mut rows[row])).collect();
    }
    Ok(())
}

/// Whether the volumes, in some order, are the numbers from 1 to their count.
fn counts_from_one(volumes: &[Option<usize>]) -> bool {
    let mut sorted = volumes.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq((1..=volumes.len()).map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SessionTrials, TrialTableError> {
        SessionTrials::from_reader(text.as_bytes(), Path::new("trials.tsv"))
    }

    #[test]
    fn names_with_spaces_quotes_and_na_stay_as_written() {
        let table = parse(
            "session\trun\tbeta_index\tlabel\n\
             ses-01\t1\t0\tfruit-and-vegetables .jpg\n\
             ses-01\t1\t1\t\"quoted\" + NA.jpg\n\
             ses-01\t2\t2\t leading.png\n",
        )
        .unwrap();
        let labels: Vec<_> = table.labels().unwrap().collect();
        assert_eq!(labels, ["fruit-and-vegetables .jpg", "\"quoted\" + NA.jpg", " leading.png"]);
        assert_eq!(table.column("run").unwrap(), ["1", "1", "2"]);
        assert_eq!(table.column("rep_index"), None);
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn columns_have_types_where_they_are_asked_for() {
        let table =
            parse("run\tlabel\trt\n1\ta.jpg\t0.5\nn/a\tb.jpg\tn/a\n-2\tc.jpg\t1\n").unwrap();
        assert_eq!(table.integers("run").unwrap(), [Some(1), None, Some(-2)]);
        assert_eq!(table.numbers("rt").unwrap(), [Some(0.5), None, Some(1.0)]);
        let source = |error| match error {
            FacadeError::TrialTable { path, source } if path == Path::new("trials.tsv") => source,
            other => panic!("{other:?}"),
        };
        assert!(matches!(
            source(table.integers("rt").unwrap_err()),
            TrialTableError::Table(TableError::InvalidValue { row: 0, column, expected: "an integer or n/a", got })
                if column == "rt" && got == "0.5"
        ));
        assert!(matches!(
            source(table.numbers("runs").unwrap_err()),
            TrialTableError::Table(TableError::MissingColumn { expected, got })
                if expected == "runs" && got == ["run", "label", "rt"]
        ));
        let error = table.integers("runs").unwrap_err();
        assert_eq!(error.to_string(), "trials.tsv: no column \"runs\"");
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
        let error = table.integers("rt").unwrap_err();
        assert_eq!(error.to_string(), "trials.tsv: not a usable trial table");
        let rows: Vec<&str> = table.iter().map(|row| row[1].as_str()).collect();
        assert_eq!(rows, ["a.jpg", "b.jpg", "c.jpg"]);
        assert_eq!((&table).into_iter().len(), table.len());
    }

    #[test]
    fn further_columns_are_kept() {
        let table = parse("label\tquality\na.jpg\tgood\n").unwrap();
        assert_eq!(table.columns(), ["label", "quality"]);
        assert_eq!(table.rows().next().unwrap(), ["a.jpg", "good"]);
    }

    #[test]
    fn a_table_without_label_is_read_and_says_what_it_has_when_images_are_needed() {
        for (text, columns) in [("session\trun\nses-01\t1\n", &["session", "run"][..]), ("", &[])] {
            let table = parse(text).unwrap();
            assert_eq!(table.columns(), columns);
            let error = table.labels().map(drop).unwrap_err();
            assert!(matches!(
                error,
                FacadeError::TrialTable { source: TrialTableError::MissingLabel { got }, .. }
                    if got == columns
            ));
        }
    }

    #[test]
    fn the_name_of_the_column_in_the_first_tables_is_known() {
        let table = parse("stimulus_id\trun\na.jpg\t1\n").unwrap();
        assert_eq!(table.labels().unwrap().collect::<Vec<_>>(), ["a.jpg"]);
        let table = parse("stimulus_id\tlabel\na\tb.jpg\n").unwrap();
        assert_eq!(table.labels().unwrap().collect::<Vec<_>>(), ["b.jpg"]);
    }

    #[test]
    fn a_short_row_is_named_by_line() {
        let error = parse("run\tlabel\n1\ta.jpg\n2\n").unwrap_err();
        assert!(matches!(
            error,
            TrialTableError::Table(TableError::FieldCount { line: 3, expected: 2, got: 1 })
        ));
    }

    #[test]
    fn rows_come_in_the_order_of_beta_index() {
        let table = parse("beta_index\tlabel\n2\tc.jpg\n0\ta.jpg\n1\tb.jpg\n").unwrap();
        assert_eq!(table.labels().unwrap().collect::<Vec<_>>(), ["a.jpg", "b.jpg", "c.jpg"]);
        assert_eq!(table.column("beta_index").unwrap(), ["0", "1", "2"]);
    }

    #[test]
    fn a_beta_index_that_counts_no_volumes_is_named() {
        for (cells, wrong, value) in [
            (["0", "1", "1"], 2, "1"),
            (["0", "3", "1"], 1, "3"),
            (["1", "2", "4"], 2, "4"),
            (["0", "", "2"], 1, ""),
            (["0", "1.5", "2"], 1, "1.5"),
            (["-1", "0", "1"], 0, "-1"),
        ] {
            let rows: String = cells.iter().map(|cell| format!("{cell}\ta.jpg\n")).collect();
            let error = parse(&format!("beta_index\tlabel\n{rows}")).unwrap_err();
            assert!(
                matches!(&error, TrialTableError::BetaIndex { row, expected, got }
                    if *row == wrong && *expected == wrong && got == value),
                "{cells:?}: {error}"
            );
        }
    }

    #[test]
    fn a_beta_index_that_counts_from_one_is_told_from_damage() {
        for rows in ["1\ta\n2\tb\n3\tc\n", "3\tc\n1\ta\n2\tb\n", "1.0\ta\n2.0\tb\n3.0\tc\n"] {
            let error = parse(&format!("beta_index\tlabel\n{rows}")).unwrap_err();
            assert!(matches!(error, TrialTableError::BetaIndexFromOne { rows: 3 }), "{error}");
        }
    }

    #[test]
    fn integers_that_pandas_wrote_as_floats_are_integers() {
        let table = parse("beta_index\tlabel\trun\n1.0\tb.jpg\tn/a\n0.0\ta.jpg\t2.0\n").unwrap();
        assert_eq!(table.labels().unwrap().collect::<Vec<_>>(), ["a.jpg", "b.jpg"]);
        assert_eq!(table.integers("run").unwrap(), [Some(2), None]);
        assert_eq!(table.column("run").unwrap(), ["2.0", "n/a"], "text stays as written");
    }

    #[test]
    fn a_header_between_quotes_is_named() {
        for text in ["\"run\"\t\"label\"\n\"1\"\t\"a.jpg\"\n", "\"label\"\n\"a.jpg\"\n"] {
            let error = parse(text).unwrap_err();
            assert!(
                matches!(&error, TrialTableError::Table(TableError::Quoted { got }) if got.last().unwrap() == "\"label\"")
            );
            assert!(error.to_string().contains("without quotes"), "{error}");
        }
        // Quotes around some of the names are text as everywhere.
        let table = parse("\"run\"\tlabel\n1\t\"a.jpg\"\n").unwrap();
        assert_eq!(table.columns(), ["\"run\"", "label"]);
        assert_eq!(table.labels().unwrap().collect::<Vec<_>>(), ["\"a.jpg\""]);
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error() {
        let error =
            SessionTrials::from_reader(&b"label\n\xff\xfe\n"[..], Path::new("t")).unwrap_err();
        assert!(matches!(error, TrialTableError::Table(TableError::Unreadable(_))));
    }
}
