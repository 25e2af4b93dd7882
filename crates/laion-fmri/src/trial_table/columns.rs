//! Trial tables of several sessions as one table of columns, for writing and for other programs.

use array_export::{Column, Table};
use bids_names::SessionId;

use crate::trials::SessionTrials;
use crate::{DownloadRequest, Error, Result, SessionTrial, Subject, SubjectTrials, Trial, layout};

/// The trials of several sessions as columns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TrialColumns {
    /// The columns of the sessions' tables, then the derived ones.
    pub table: Table,
    /// Whether the derived columns are there; they need the table of images.
    pub derived: bool,
}

impl Subject {
    /// The trials of these sessions, one session after the other in the order asked; of all
    /// sessions on disk when none is named.
    ///
    /// The columns of the sessions' tables are kept as they are (`session` is the directory's
    /// name); a column of plain whole numbers is one of integers. When the table of images is on
    /// disk, `session_trial`, `image_name`, `stim_idx`, `unique_or_shared`, `dataset`,
    /// `n_reps_planned`, `n_reps_actual` and `repetition` follow, as far as the sessions' tables do
    /// not have columns of these names.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when a session has no trial table, or there is no session;
    /// [`Error::DoesNotFit`] when the sessions' tables have different columns; as
    /// [`Subject::trials`] and, with the table of images, as [`Subject::subject_trials`].
    pub fn trial_columns(&self, sessions: &[impl AsRef<str>]) -> Result<TrialColumns> {
        let all = |(session, table): (SessionId, SessionTrials)| {
            let rows = (0..table.len()).map(SessionTrial).collect();
            ((session, rows), table)
        };
        let (rows, tables): (Vec<_>, Vec<_>) =
            self.trials_of(sessions)?.into_iter().map(all).unzip();
        self.joined_columns(&rows, &tables)
    }

    /// As [`Subject::trial_columns`], of these trials alone: one row for each, in this order and as often
    /// as named, as [`SessionBetas::trials`](crate::SessionBetas::trials) and
    /// [`Betas::trial_rows`](crate::Betas::trial_rows) list them.
    ///
    /// # Errors
    ///
    /// As [`Subject::trial_columns`]; [`Error::TrialOutOfRange`] for a trial that a session does not have.
    pub fn trial_columns_of(
        &self,
        rows: &[(SessionId, Vec<SessionTrial>)],
    ) -> Result<TrialColumns> {
        let sessions: Vec<&str> = rows.iter().map(|(session, _)| session.as_str()).collect();
        if sessions.is_empty() {
            return Err(self.no_trials());
        }
        let tables = self.trials_of(&sessions)?;
        let tables: Vec<SessionTrials> = tables.into_iter().map(|(_, table)| table).collect();
        for ((session, rows), table) in rows.iter().zip(&tables) {
            if let Some(got) = rows.iter().map(|row| row.0).find(|row| *row >= table.len()) {
                let (session, trials) = (session.clone(), table.len());
                return Err(Error::TrialOutOfRange { session, trials, got });
            }
        }
        self.joined_columns(rows, &tables)
    }

    /// The rows of each table that are meant, one after the other.
    fn joined_columns(
        &self,
        rows: &[(SessionId, Vec<SessionTrial>)],
        tables: &[SessionTrials],
    ) -> Result<TrialColumns> {
        let Some(first) = tables.first() else { return Err(self.no_trials()) };
        if let Some(other) = tables.iter().find(|table| table.columns() != first.columns()) {
            return Err(Error::DoesNotFit {
                what: format!("the columns of {}", other.path().display()),
                expected: format!("{:?}, as in {}", first.columns(), first.path().display()),
                got: format!("{:?}", other.columns()),
            });
        }
        let mut table = Table::new();
        for (column, name) in first.columns().iter().enumerate() {
            let cells = tables.iter().zip(rows).flat_map(|(table, (session, rows))| {
                rows.iter().map(move |row| match name.as_str() {
                    "session" => session.to_string(),
                    _ => table.row(*row)[column].clone(),
                })
            });
            table.add_column(name, typed(cells.collect()))?;
        }
        let derived = match self.stimulus_metadata() {
            Ok(_) => {
                add_derived(&mut table, &self.subject_trials()?, rows)?;
                true
            }
            Err(Error::StimuliNotDownloaded { .. }) => false,
            Err(error) if error.is_missing() => false,
            Err(error) => return Err(error),
        };
        Ok(TrialColumns { table, derived })
    }

    /// The trial tables of these sessions in the order asked; of all sessions on disk when none is
    /// named. There is at least one.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when a session has no trial table, or there is no session; as
    /// [`Subject::trials`].
    pub fn trials_of(
        &self,
        sessions: &[impl AsRef<str>],
    ) -> Result<Vec<(SessionId, SessionTrials)>> {
        if sessions.is_empty() {
            let tables = self.session_tables()?;
            return if tables.is_empty() { Err(self.no_trials()) } else { Ok(tables) };
        }
        let named = sessions.iter().map(|session| session.as_ref().parse());
        let chosen: Vec<SessionId> = named.collect::<Result<_, _>>()?;
        self.fetch_trials(&chosen)?;
        let table = |session: SessionId| Ok((session.clone(), self.trials(&session)?));
        chosen.into_iter().map(table).collect()
    }

    fn no_trials(&self) -> Error {
        let id = self.id();
        let fetch = || DownloadRequest::of(id).form("trials", "tsv");
        self.files().missing(format!("any trial table of {id}"), &layout::glmsingle(id), fetch)
    }
}

fn add_derived(
    table: &mut Table,
    trials: &SubjectTrials,
    rows: &[(SessionId, Vec<SessionTrial>)],
) -> Result<()> {
    let of_session = |(session, rows): &'_ (SessionId, Vec<SessionTrial>)| {
        let trials = trials.of_session(session);
        // INVARIANT: the rows were compared with the table of the session.
        rows.iter().map(|row| &trials[row.0]).collect::<Vec<&Trial>>()
    };
    let rows: Vec<&Trial> = rows.iter().flat_map(of_session).collect();
    let texts = |text: fn(&Trial) -> Option<String>| {
        Column::Text(rows.iter().map(|row| text(row)).collect())
    };
    let integers = |number: fn(&Trial) -> Option<usize>| {
        let numbers = rows.iter().map(|row| number(row).and_then(|n| i64::try_from(n).ok()));
        Column::Integer(numbers.collect())
    };
    let columns = [
        ("session_trial", integers(|row| Some(row.session_trial.0))),
        ("image_name", texts(|row| Some(row.image_name.clone()))),
        ("stim_idx", integers(|row| row.stim_idx)),
        ("unique_or_shared", texts(|row| row.unique_or_shared.clone())),
        ("dataset", texts(|row| row.dataset.clone())),
        ("n_reps_planned", integers(|row| row.planned_repetitions.map(|n| n as usize))),
        ("n_reps_actual", integers(|row| Some(row.actual_repetitions as usize))),
        ("repetition", integers(|row| Some(row.repetition as usize))),
    ];
    for (name, column) in columns {
        if table.column(name).is_none() {
            table.add_column(name, column)?;
        }
    }
    Ok(())
}

/// Integers when every cell is a whole number in its plain form, else the texts as they are.
fn typed(cells: Vec<String>) -> Column {
    let plain = |cell: &String| {
        cell.parse::<i64>().ok().filter(|number| number.to_string() == *cell).map(Some)
    };
    match cells.iter().map(plain).collect::<Option<Vec<_>>>() {
        Some(numbers) if !numbers.is_empty() => Column::Integer(numbers),
        _ => Column::Text(cells.into_iter().map(Some).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_whole_numbers_become_integers() {
        let cells =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(typed(cells(&["1", "-2"])), Column::Integer(vec![Some(1), Some(-2)]));
        for texts in [&["1", "02"][..], &["+1"], &["1", "n/a"], &["1", ""], &["1.0"]] {
            let expected = texts.iter().map(|text| Some((*text).to_owned())).collect();
            assert_eq!(typed(cells(texts)), Column::Text(expected), "{texts:?}");
        }
    }
}
