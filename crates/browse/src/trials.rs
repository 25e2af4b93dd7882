//! The trials of a subject over all sessions on disk: which image each showed.

use std::collections::HashMap;

use laion_fmri::{Error, SessionId, Subject};

use crate::answer::Refusal;

/// The trials of all sessions on disk, in session order and there in the order of the volumes.
#[derive(Debug, Default)]
pub(crate) struct Trials {
    pub(crate) rows: Vec<Row>,
    pub(crate) sessions: Vec<Session>,
    /// Each image once, in the order of its first trial.
    pub(crate) images: Vec<String>,
    by_name: HashMap<String, u32>,
}

/// A trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The place of its session among those on disk.
    pub(crate) session: u32,
    /// The row of its session's table, which is the volume of the betas.
    pub(crate) trial: u32,
    /// The run, if the table has runs that are numbers.
    pub(crate) run: Option<i64>,
    /// The place of its image in the list of images.
    pub(crate) image: u32,
    /// Which showing of the image this is over all sessions on disk, from 0.
    pub(crate) repetition: u32,
}

/// A session on disk.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) n_trials: usize,
    /// Why its trials are not listed.
    pub(crate) problem: Option<Error>,
}

impl Trials {
    /// Reads the tables of all sessions. One that is missing or damaged is a problem of its session.
    pub(crate) fn read(subject: &Subject) -> Result<Self, Refusal> {
        let mut trials = Self::default();
        let mut shown: Vec<u32> = Vec::new();
        for id in subject.sessions()? {
            let first = trials.rows.len();
            let problem = trials.read_session(subject, &id, &mut shown).err();
            if problem.is_some() {
                // Rows of a table without names are no trials.
                trials.rows.truncate(first);
            }
            let n_trials = trials.rows.len() - first;
            trials.sessions.push(Session { id, n_trials, problem });
        }
        Ok(trials)
    }

    fn read_session(
        &mut self,
        subject: &Subject,
        session: &SessionId,
        shown: &mut Vec<u32>,
    ) -> Result<(), Error> {
        let table = subject.trials(session)?;
        let labels = table.labels()?;
        let run = |text: &&str| text.strip_prefix("run-").unwrap_or(text).parse().ok();
        let runs: Option<Vec<Option<i64>>> =
            table.column("run").map(|column| column.iter().map(run).collect());
        // There are far fewer than 2^32 trials: each is a row of text in memory.
        let place = self.sessions.len() as u32;
        for (trial, label) in labels.enumerate() {
            let image = self.image(label);
            if shown.len() <= image as usize {
                shown.resize(image as usize + 1, 0);
            }
            let count = &mut shown[image as usize];
            let run = runs.as_ref().and_then(|runs| runs[trial]);
            let repetition = *count;
            self.rows.push(Row { session: place, trial: trial as u32, run, image, repetition });
            *count += 1;
        }
        Ok(())
    }

    /// The place of an image, which is new if it was not shown before.
    fn image(&mut self, label: &str) -> u32 {
        if let Some(image) = self.by_name.get(label) {
            return *image;
        }
        let image = self.images.len() as u32;
        self.images.push(label.to_owned());
        self.by_name.insert(label.to_owned(), image);
        image
    }

    /// The sessions that showed an image, each with its trials, ascending.
    pub(crate) fn sessions_of(&self, image_name: &str) -> Vec<(&SessionId, Vec<usize>)> {
        let mut found: Vec<(&SessionId, Vec<usize>)> = Vec::new();
        for row in self.rows_of(image_name) {
            let Row { session, trial, .. } = self.rows[row];
            let session = &self.sessions[session as usize].id;
            match found.last_mut().filter(|(last, _)| *last == session) {
                Some((_, trials)) => trials.push(trial as usize),
                None => found.push((session, vec![trial as usize])),
            }
        }
        found
    }

    /// The rows that showed an image, ascending.
    pub(crate) fn rows_of(&self, image_name: &str) -> Vec<usize> {
        let Some(image) = self.by_name.get(image_name) else { return Vec::new() };
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| row.image == *image).map(|(place, _)| place).collect()
    }
}
