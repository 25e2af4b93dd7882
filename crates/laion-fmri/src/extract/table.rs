//! The rows of an extraction as a table, without betas.

use array_export::Table;

use super::images::{self, RowImages};
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
    images: Option<RowImages>,
}

impl Dataset {
    /// The rows that an extraction would have, with their coordinates: `image_name`, `n_averaged` and,
    /// unless images are averaged, `session`, `run`, `beta_index` and `repetition`; then `dataset`,
    /// `unique_or_shared` and `n_reps_planned` when the table of images is there, and `train` and `test`
    /// when a split was chosen. No betas are read.
    ///
    /// # Errors
    ///
    /// As [`Dataset::extract_plan`].
    pub fn extract_rows(&self, request: &ExtractRequest) -> Result<RowTable> {
        let (subjects, chosen) = self.chosen(request)?;
        let with_images = images::are_listed(&subjects)?;
        let mut sessions = Vec::new();
        for (subject, chosen) in subjects.iter().zip(&chosen) {
            for session in chosen {
                let trials = Trials::of(&subject.trials(session.as_str())?, &request.conventions)?;
                let image_names = trials.kept_labels();
                let images = match with_images {
                    true => Some(RowImages::of(subject, &image_names)?),
                    false => None,
                };
                sessions.push(Kept {
                    subject: subject.id().to_string(),
                    session: session.to_string(),
                    image_names,
                    runs: trials.kept_runs(),
                    trials: trials.kept,
                    images,
                });
            }
        }
        let kept = &sessions;
        let sessions = kept.iter().map(|kept| SessionRows {
            subject: &kept.subject,
            session: &kept.session,
            image_names: &kept.image_names,
            runs: &kept.runs,
            trials: &kept.trials,
        });
        let rows = OutputRows::of(sessions.collect(), &request.conventions)?;
        let dropped_images = rows.dropped_images;
        let said = rows
            .firsts()
            .map(|(task, row)| Some(kept[task as usize].images.as_ref()?.row(row as usize)));
        let said = said.collect::<Option<Vec<_>>>();
        Ok(RowTable { table: table(&rows, said.as_deref(), request)?, dropped_images })
    }
}

fn table(
    rows: &OutputRows<'_>,
    images: Option<&[(&str, &str, i64)]>,
    request: &ExtractRequest,
) -> Result<Table> {
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
    if let Some(images) = images {
        let [dataset, set, planned] = images::COLUMNS;
        table.add(dataset, images.iter().map(|it| it.0))?;
        table.add(set, images.iter().map(|it| it.1))?;
        table.add(planned, images.iter().map(|it| it.2))?;
    }
    if let Some(split) = &request.conventions.split {
        let masks = split.load()?.masks(rows.image_names());
        table.add("train", masks.train)?;
        table.add("test", masks.test)?;
    }
    Ok(table)
}
