//! What the table of images says of the images of the rows.

use laion_fmri_stimuli::Stimulus;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Subject};

/// The columns of outputs, as trial tables call them.
pub(super) const COLUMNS: [&str; 3] = ["dataset", "unique_or_shared", "n_reps_planned"];

/// Stands for an unknown number of repetitions.
const UNKNOWN: i64 = -1;

/// One entry for each row: what [`COLUMNS`] hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RowImages {
    /// Where the image comes from, such as `NSD`; empty for an image that the table does not list.
    pub(super) dataset: Vec<String>,
    /// `shared` or `unique`; empty as above.
    pub(super) unique_or_shared: Vec<String>,
    /// How often the image was planned to be shown, -1 where the table does not say.
    pub(super) n_reps_planned: Vec<i64>,
}

impl RowImages {
    /// What the table of images says of these images.
    pub(super) fn of(subject: &Subject, names: &[String]) -> Result<Self> {
        let metadata = subject.stimulus_metadata()?;
        let mut rows = Self::default();
        for name in names {
            let listed = metadata.get(name);
            let text = |field: fn(&Stimulus) -> &String| listed.map(field).cloned();
            rows.dataset.push(text(|it| &it.dataset).unwrap_or_default());
            rows.unique_or_shared.push(text(|it| &it.unique_or_shared).unwrap_or_default());
            let planned = listed.and_then(Stimulus::planned_repetitions);
            rows.n_reps_planned.push(planned.map_or(UNKNOWN, i64::from));
        }
        Ok(rows)
    }

    /// Whether there is one entry for each of so many rows.
    pub(super) fn fits(&self, n_rows: usize) -> bool {
        let lengths = [self.dataset.len(), self.unique_or_shared.len(), self.n_reps_planned.len()];
        lengths.iter().all(|length| *length == n_rows)
    }

    /// What is said of one row.
    pub(super) fn row(&self, row: usize) -> (&str, &str, i64) {
        (&self.dataset[row], &self.unique_or_shared[row], self.n_reps_planned[row])
    }
}

/// Whether the table of images is there. It is one file for all subjects.
pub(super) fn are_listed(subjects: &[Subject]) -> Result<bool> {
    let Some(subject) = subjects.first() else { return Ok(false) };
    match subject.stimulus_metadata() {
        Ok(_) => Ok(true),
        Err(Error::StimuliNotDownloaded { .. }) => Ok(false),
        Err(error) if error.is_missing() => Ok(false),
        Err(error) => Err(error),
    }
}
