//! Which image each trial of a subject showed, over all sessions on disk.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bids_names::{SessionId, SubjectId};

use crate::files::Files;
use crate::subject::trial_table;
use crate::trial_table::GlobalTrial;
use crate::{Error, Result, SessionOrAll, Subject, layout};

/// The image of every trial, in the order of the [`GlobalTrial`].
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    subject: SubjectId,
    files: Files,
    /// Each image once, in the order of its first trial.
    names: Vec<String>,
    /// The place in `names` of each trial's image.
    images: Vec<u32>,
    /// The trials of each session, in session order.
    sessions: Vec<(SessionId, Range<usize>)>,
}

/// Rows that were asked for, as the distinct images they need.
#[derive(Debug)]
pub(crate) struct Needed<'a> {
    /// Each image once.
    pub(crate) names: Vec<&'a str>,
    /// For each row the index of its image in `names`.
    pub(crate) rows: Vec<usize>,
}

impl<'a> Needed<'a> {
    /// Rows by the name of their image.
    pub(crate) fn of(rows: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let mut indices: HashMap<&str, usize> = HashMap::new();
        let mut needed = Self { names: Vec::new(), rows: Vec::with_capacity(rows.len()) };
        for name in rows {
            let image = *indices.entry(name).or_insert_with(|| {
                needed.names.push(name);
                needed.names.len() - 1
            });
            needed.rows.push(image);
        }
        needed
    }
}

impl Shown {
    /// Reads the trial tables alone: no file of the stimulus side is needed.
    pub(crate) fn read(subject: &Subject) -> Result<Arc<Self>> {
        let mut shown = Self {
            subject: subject.id().clone(),
            files: subject.files().clone(),
            names: Vec::new(),
            images: Vec::new(),
            sessions: Vec::new(),
        };
        let mut indices: HashMap<String, u32> = HashMap::new();
        for (session, table) in subject.session_tables()? {
            let first = shown.images.len();
            for label in table.labels()? {
                let image = match indices.get(label) {
                    Some(image) => *image,
                    None => {
                        // There are fewer images than trials, and those are rows of text in memory.
                        let image = shown.names.len() as u32;
                        indices.insert(label.to_owned(), image);
                        shown.names.push(label.to_owned());
                        image
                    }
                };
                shown.images.push(image);
            }
            shown.sessions.push((session, first..shown.images.len()));
        }
        Ok(Arc::new(shown))
    }

    pub(crate) fn len(&self) -> usize {
        self.images.len()
    }

    pub(crate) fn name(&self, trial: GlobalTrial) -> Result<&str> {
        let image = self.images.get(trial.0).ok_or_else(|| Error::GlobalTrialOutOfRange {
            subject: self.subject.clone(),
            trials: self.len(),
            got: trial.0,
        })?;
        Ok(&self.names[*image as usize])
    }

    /// The trials of one session, or of all.
    pub(crate) fn trials(&self, session: SessionOrAll<'_>) -> Result<Range<usize>> {
        let Some(session) = session.parsed()? else { return Ok(0..self.len()) };
        let found = self.sessions.iter().find(|(known, _)| *known == session);
        found.map(|(_, trials)| trials.clone()).ok_or_else(|| {
            let what = format!("the trial table of {} {session}", self.subject);
            let relative = layout::trials(&self.subject, &session);
            self.files.missing(what, &relative, || trial_table(&self.subject, &session))
        })
    }

    /// Each image once, in the order of its first trial.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// For each trial how many trials before it showed the image: in its session, and in all.
    pub(crate) fn repetitions(&self) -> Vec<(u32, u32)> {
        let mut in_all = vec![0; self.names.len()];
        let mut repetitions = Vec::with_capacity(self.len());
        for (_, trials) in &self.sessions {
            let mut in_session: HashMap<u32, u32> = HashMap::new();
            for image in &self.images[trials.clone()] {
                let (here, all) =
                    (in_session.entry(*image).or_default(), &mut in_all[*image as usize]);
                repetitions.push((*here, *all));
                *here += 1;
                *all += 1;
            }
        }
        repetitions
    }

    /// The images of a range of trials, each once in the order of its first trial there.
    pub(crate) fn needed(&self, trials: Range<usize>) -> Needed<'_> {
        Needed::of(self.images[trials].iter().map(|image| self.names[*image as usize].as_str()))
    }
}
