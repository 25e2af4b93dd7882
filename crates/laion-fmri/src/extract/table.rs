//! The rows of an extraction as a table, without betas.

use array_export::Table;

use super::plan::ExtractRequest;
use super::rows::{OutputRows, SessionRows};
use super::task::Trials;
use crate::{Dataset, Result};

/// The rows that an extraction would have.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RowTable {
    /// One row for each row of the output, with its coordinates.
    pub table: Table,
    /// Images that are no row because not every subject saw them.
    pub dropped_images: usize,
}

/// What a session brings to the rows.
struct Kept {
    subject: String,
    session: String,
    image_names: Vec<String>,
    runs: Vec<i64>,
    trials: Vec<usize>,
}

impl Dataset {
    /// The rows that an extraction would have, with their coordinates: `image_name`, `n_averaged` and,
    /// unless images are averaged, `session`, `run`, `beta_index` and `repetition`; then `train` and
    /// `test` when a split was chosen. No betas are read.
    ///
    /// # Errors
    ///
    /// As [`Dataset::extract_plan`].
    pub fn extract_rows(&self, request: &ExtractRequest) -> Result<RowTable> {
        let (subjects, chosen) = self.chosen(request)?;
        let mut sessions = Vec::new();
        for (subject, chosen) in subjects.iter().zip(&chosen) {
            for session in chosen {
                let trials = Trials::of(&subject.trials(session.as_str())?, &request.conventions)?;
                sessions.push(Kept {
                    subject: subject.id().to_string(),
                    session: session.to_string(),
                    image_names: trials.kept_labels(),
                    runs: trials.kept_runs(),
                    trials: trials.kept,
                });
            }
        }
        let sessions = sessions.iter().map(|kept| SessionRows {
            subject: &kept.subject,
            session: &kept.session,
            image_names: &kept.image_names,
            runs: &kept.runs,
            trials: &kept.trials,
        });
        let rows = OutputRows::of(sessions.collect(), &request.conventions)?;
        let dropped_images = rows.dropped_images;
        Ok(RowTable { table: table(&rows, request)?, dropped_images })
    }
}

fn table(rows: &OutputRows<'_>, request: &ExtractRequest) -> Result<Table> {
    let mut table = Table::new();
    table.add("image_name", rows.image_names())?;
    if !rows.is_averaged() {
        table.add("session", rows.session_names())?;
        table.add("run", rows.runs())?;
        table.add("beta_index", rows.trials())?;
        table.add("repetition", rows.repetitions())?;
    }
    for (column, subject) in rows.subjects.iter().enumerate() {
        let name = match rows.subjects.len() {
            1 => "n_averaged".to_owned(),
            _ => format!("n_averaged_{subject}"),
        };
        let counts: Vec<i64> = rows.sources.iter().map(|row| row[column].len() as i64).collect();
        table.add(name, counts)?;
    }
    if let Some(split) = &request.conventions.split {
        let masks = split.load()?.masks(rows.image_names());
        table.add("train", masks.train)?;
        table.add("test", masks.test)?;
    }
    Ok(table)
}
