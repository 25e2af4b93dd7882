//! The trials of all sessions of a subject, joined with the table of images.

mod columns;
mod index;

use std::collections::{BTreeMap, HashMap};
use std::ops::{Index, Range};
use std::sync::Arc;

use bids_names::SessionId;
use laion_fmri_stimuli::{Metadata, StimulusSet};

pub use self::columns::TrialColumns;
pub use self::index::{GlobalTrial, SessionTrial};
use crate::{Error, Result, Subject};

/// One trial of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Trial {
    /// The session, by the directory that its table lies in.
    pub session: SessionId,
    /// The row within the session's table, which is the volume of its betas.
    pub session_trial: SessionTrial,
    /// The image that was shown; the key of every stimulus table.
    pub image_name: String,
    /// The row of the image in the table of images; none for an image that it does not list.
    pub stim_idx: Option<usize>,
    /// `shared` or `unique`, as the table of images has it.
    pub unique_or_shared: Option<String>,
    /// Where the image comes from, such as `NSD`.
    pub dataset: Option<String>,
    /// How often the image was planned to be shown.
    pub planned_repetitions: Option<u32>,
    /// How often it was shown in the sessions on disk.
    pub actual_repetitions: u32,
    /// Which showing of the image this is among the sessions on disk, from 0.
    pub repetition: u32,
    /// The fields of the session's table, under [`SubjectTrials::columns`].
    pub fields: Vec<String>,
}

/// The trials of all sessions on disk, in session order; the row is the [`GlobalTrial`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SubjectTrials {
    columns: Vec<String>,
    trials: Vec<Trial>,
    /// The trials of each session, which follow each other.
    sessions: BTreeMap<SessionId, Range<usize>>,
}

impl SubjectTrials {
    fn new(columns: Vec<String>, trials: Vec<Trial>) -> Self {
        let mut sessions = BTreeMap::new();
        let mut start = 0;
        for session in trials.chunk_by(|one, next| one.session == next.session) {
            let end = start + session.len();
            sessions.insert(session[0].session.clone(), start..end);
            start = end;
        }
        Self { columns, trials, sessions }
    }

    /// The columns of the sessions' own tables.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The trials, in the order of their global index.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Whether no session is on disk.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }

    /// A trial by its global index; `None` past the end.
    #[must_use]
    pub fn get(&self, trial: GlobalTrial) -> Option<&Trial> {
        self.trials.get(trial.0)
    }

    /// The global index of a trial of a session.
    #[must_use]
    pub fn global(&self, session: &SessionId, trial: SessionTrial) -> Option<GlobalTrial> {
        let rows = self.sessions.get(session)?;
        let row = rows.start.checked_add(trial.0)?;
        rows.contains(&row).then_some(GlobalTrial(row))
    }

    /// The trials of a session; none for one that is not on disk.
    #[must_use]
    pub fn of_session(&self, session: &SessionId) -> &[Trial] {
        self.sessions.get(session).map_or(&[], |rows| &self.trials[rows.clone()])
    }

    /// The trials, in the order of their global index.
    pub fn iter(&self) -> std::slice::Iter<'_, Trial> {
        self.trials.iter()
    }
}

impl Index<GlobalTrial> for SubjectTrials {
    type Output = Trial;

    fn index(&self, trial: GlobalTrial) -> &Trial {
        &self.trials[trial.0]
    }
}

impl<'a> IntoIterator for &'a SubjectTrials {
    type Item = &'a Trial;
    type IntoIter = std::slice::Iter<'a, Trial>;

    fn into_iter(self) -> Self::IntoIter {
        self.trials.iter()
    }
}

impl IntoIterator for SubjectTrials {
    type Item = Trial;
    type IntoIter = std::vec::IntoIter<Trial>;

    fn into_iter(self) -> Self::IntoIter {
        self.trials.into_iter()
    }
}

impl Subject {
    /// The trials of all sessions on disk, in session order, joined with the table of images.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] without the table of images; as [`Subject::trials`] for every
    /// session, so that one with betas and no trial table is [`Error::DataNotDownloaded`];
    /// [`Error::DoesNotFit`] when the sessions' tables have different columns.
    ///
    /// ```
    /// use laion_fmri::{Dataset, GlobalTrial};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let table = subject.subject_trials()?;
    /// let trial = &table[GlobalTrial(42)];
    /// assert_eq!(trial.session.as_str(), "ses-01");
    /// assert!(trial.repetition < trial.actual_repetitions);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "metadata")]
    #[doc(alias = "trial_table")]
    pub fn subject_trials(&self) -> Result<SubjectTrials> {
        let metadata = self.stimulus_metadata()?;
        let mut columns: Option<Vec<String>> = None;
        let mut trials = Vec::new();
        let mut shown: HashMap<String, u32> = HashMap::new();
        for (session, table) in self.session_tables()? {
            let columns = columns.get_or_insert_with(|| table.columns().to_vec());
            if columns != table.columns() {
                return Err(Error::DoesNotFit {
                    what: format!("the columns of {}", table.path().display()),
                    expected: format!("{columns:?}, as in the sessions before"),
                    got: format!("{:?}", table.columns()),
                });
            }
            for (row, (label, fields)) in table.labels()?.zip(table.rows()).enumerate() {
                let stimulus = metadata.get(label);
                let count = shown.entry(label.to_owned()).or_default();
                trials.push(Trial {
                    session: session.clone(),
                    session_trial: SessionTrial(row),
                    image_name: label.to_owned(),
                    stim_idx: metadata.row(label),
                    unique_or_shared: stimulus.map(|found| found.unique_or_shared.clone()),
                    dataset: stimulus.map(|found| found.dataset.clone()),
                    planned_repetitions: stimulus
                        .and_then(laion_fmri_stimuli::Stimulus::planned_repetitions),
                    actual_repetitions: 0,
                    repetition: *count,
                    fields: fields.to_vec(),
                });
                *count += 1;
            }
        }
        for trial in &mut trials {
            trial.actual_repetitions = shown.get(&trial.image_name).copied().unwrap_or_default();
        }
        Ok(SubjectTrials::new(columns.unwrap_or_default(), trials))
    }

    /// The table of images; read once per handle.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`], [`Error::StimulusMetadata`].
    #[doc(alias = "get_stimulus_metadata")]
    pub fn stimulus_metadata(&self) -> Result<Arc<Metadata>> {
        let read = self.stimuli().metadata_with_record()?;
        self.records().add(read.1.clone());
        Ok(Arc::clone(&read.0))
    }

    /// The number of images, of all or of one set.
    ///
    /// # Errors
    ///
    /// As [`Subject::stimulus_metadata`].
    #[doc(alias = "get_n_stimuli")]
    pub fn n_stimuli(&self, set: Option<StimulusSet>) -> Result<usize> {
        let metadata = self.stimulus_metadata()?;
        let wanted = |found: &&laion_fmri_stimuli::Stimulus| set.is_none() || found.set() == set;
        Ok(metadata.stimuli().iter().filter(wanted).count())
    }

    /// Whether the table of images and the packed images are both on disk.
    #[must_use]
    pub fn has_stimuli(&self) -> bool {
        self.stimuli().is_complete()
    }
}
