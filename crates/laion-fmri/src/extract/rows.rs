//! Which trials the rows of an output are made of.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::conventions::{Average, Conventions};
use crate::Result;
use crate::error::{ExtractError, Restriction};
use crate::stimulus::planned_repetitions;

/// The trials of one session that may become rows, in the order of the plan's tasks.
#[derive(Clone, Debug)]
pub(super) struct SessionRows<'a> {
    pub(super) subject: &'a str,
    pub(super) session: &'a str,
    pub(super) image_names: &'a [String],
    pub(super) runs: &'a [i64],
    pub(super) trials: &'a [usize],
}

/// A trial, by its task and its row among the rows of the task.
pub(super) type Source = (u32, u32);

/// The rows of an output.
#[derive(Debug)]
pub(super) struct OutputRows<'a> {
    sessions: Vec<SessionRows<'a>>,
    /// The subjects, in the order of their columns.
    pub(super) subjects: Vec<&'a str>,
    /// For each row and each subject, what is averaged; in the order of sessions and trials.
    pub(super) sources: Vec<Vec<Vec<Source>>>,
    is_averaged: bool,
    /// Images that became no row because a subject did not see them.
    pub(super) dropped_images: usize,
}

impl<'a> OutputRows<'a> {
    /// Sorts the trials into rows.
    pub(super) fn of(sessions: Vec<SessionRows<'a>>, conventions: &Conventions) -> Result<Self> {
        let mut subjects: Vec<&str> = Vec::new();
        let mut images: Vec<BTreeMap<&str, Vec<Source>>> = Vec::new();
        for (task, session) in (0..).zip(&sessions) {
            if subjects.last() != Some(&session.subject) {
                subjects.push(session.subject);
                images.push(BTreeMap::new());
            }
            let Some(images) = images.last_mut() else { continue };
            for (row, name) in (0..).zip(session.image_names) {
                images.entry(name).or_default().push((task, row));
            }
        }
        if conventions.exact_repetitions {
            for images in &mut images {
                images.retain(|name, trials| trials.len() == planned_repetitions(name));
            }
        }
        let mut dropped_images = 0;
        let sources = match conventions.average {
            Average::Image => {
                let seen: BTreeSet<&str> =
                    images.iter().flat_map(BTreeMap::keys).copied().collect();
                let shared = shared(images);
                dropped_images = seen.len() - shared.len();
                shared
            }
            Average::None => {
                let mut trials: Vec<Source> =
                    images.into_iter().flatten().flat_map(|(_, trials)| trials).collect();
                trials.sort_unstable();
                trials.into_iter().map(|trial| vec![vec![trial]]).collect()
            }
        };
        let is_averaged = conventions.average == Average::Image;
        let rows = Self { sessions, subjects, sources, is_averaged, dropped_images };
        if rows.sources.is_empty() {
            return Err(rows.nothing_left(conventions).into());
        }
        Ok(rows)
    }

    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether rows are means over trials, so that they have no session, run or trial.
    pub(super) fn is_averaged(&self) -> bool {
        self.is_averaged
    }

    /// The first trial of each row.
    pub(super) fn firsts(&self) -> impl Iterator<Item = Source> {
        // INVARIANT: a row is made of at least one trial of its first subject.
        self.sources.iter().map(|row| *row[0].first().expect("at least one trial"))
    }

    /// The image of each row.
    pub(super) fn image_names(&self) -> Vec<&'a str> {
        let name =
            |(task, row): Source| self.sessions[task as usize].image_names[row as usize].as_str();
        self.firsts().map(name).collect()
    }

    /// The session of each row.
    pub(super) fn session_names(&self) -> Vec<&'a str> {
        self.firsts().map(|(task, _)| self.sessions[task as usize].session).collect()
    }

    /// The run of each row, -1 where the table has none.
    pub(super) fn runs(&self) -> Vec<i64> {
        self.firsts().map(|(task, row)| self.sessions[task as usize].runs[row as usize]).collect()
    }

    /// The trial of each row within its session, from 0.
    pub(super) fn trials(&self) -> Vec<i64> {
        let trial = |(task, row): Source| self.sessions[task as usize].trials[row as usize] as i64;
        self.firsts().map(trial).collect()
    }

    /// Which showing of its image each row is among the rows, from 0.
    pub(super) fn repetitions(&self) -> Vec<i64> {
        let mut shown: HashMap<&str, i64> = HashMap::new();
        let count = |name| {
            let count = shown.entry(name).or_default();
            *count += 1;
            *count - 1
        };
        self.image_names().into_iter().map(count).collect()
    }

    fn nothing_left(&self, conventions: &Conventions) -> ExtractError {
        let mut why = Vec::new();
        why.extend(conventions.stimuli.map(Restriction::Stimuli));
        why.extend(conventions.exclude_ood.then_some(Restriction::NoOutOfDistribution));
        why.extend(conventions.exact_repetitions.then_some(Restriction::ExactRepetitions));
        if self.subjects.len() > 1 {
            why.push(Restriction::EverySubject);
        }
        if why.is_empty() {
            why.push(Restriction::NoTrials);
        }
        let what = if self.is_averaged { "image" } else { "trial" };
        ExtractError::NothingLeft { what, whose: self.subjects.join(", "), why }
    }
}

/// The images that every subject saw, in code-point order.
fn shared(mut images: Vec<BTreeMap<&str, Vec<Source>>>) -> Vec<Vec<Vec<Source>>> {
    let Some((first, others)) = images.split_first_mut() else { return Vec::new() };
    let mut rows = Vec::new();
    for (name, trials) in std::mem::take(first) {
        let more: Option<Vec<Vec<Source>>> =
            others.iter_mut().map(|images| images.remove(name)).collect();
        if let Some(more) = more {
            rows.push([vec![trials], more].concat());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    const A: &str = "shared_4rep_a.jpg";
    const B: &str = "shared_12rep_b.jpg";
    const C: &str = "unique_c.jpg";

    struct Session(&'static str, &'static str, Vec<String>);

    fn sessions(lists: &[(&'static str, &'static str, &[&str])]) -> Vec<Session> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        lists
            .iter()
            .map(|(subject, session, list)| Session(subject, session, names(list)))
            .collect()
    }

    const RUNS: [i64; 8] = [1, 1, 1, 1, 2, 2, 2, 2];
    const TRIALS: [usize; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

    fn rows<'a>(sessions: &'a [Session], conventions: &Conventions) -> Result<OutputRows<'a>> {
        let session = |Session(subject, session, image_names): &'a Session| SessionRows {
            subject,
            session,
            image_names,
            runs: &RUNS[..image_names.len()],
            trials: &TRIALS[..image_names.len()],
        };
        OutputRows::of(sessions.iter().map(session).collect(), conventions)
    }

    #[test]
    fn trials_stay_in_their_order_and_are_counted() {
        let sessions =
            sessions(&[("sub-01", "ses-01", &[C, A, C, B, A]), ("sub-01", "ses-02", &[A, C])]);
        let rows = rows(&sessions, &Conventions::default()).unwrap();
        assert_eq!(rows.image_names(), [C, A, C, B, A, A, C]);
        assert_eq!(rows.repetitions(), [0, 0, 1, 0, 1, 2, 2]);
        assert_eq!(rows.runs(), [1, 1, 1, 1, 2, 1, 1]);
        assert_eq!(rows.trials(), [0, 1, 2, 3, 4, 0, 1]);
        assert_eq!(rows.session_names()[4..6], ["ses-01", "ses-02"]);
        assert!(!rows.is_averaged() && rows.len() == 7);
    }

    #[test]
    fn images_are_averaged_in_code_point_order() {
        let sessions =
            sessions(&[("sub-01", "ses-01", &[C, A]), ("sub-01", "ses-02", &[B, A, C, A])]);
        let mut conventions = Conventions { average: Average::Image, ..Conventions::default() };
        let averaged = rows(&sessions, &conventions).unwrap();
        assert_eq!(averaged.image_names(), [B, A, C]);
        assert_eq!(averaged.sources[1], [vec![(0, 1), (1, 1), (1, 3)]]);
        conventions.exact_repetitions = true;
        let error = rows(&sessions, &conventions).unwrap_err();
        assert!(
            matches!(&error, Error::Extract(error) if matches!(&**error,
                ExtractError::NothingLeft { what: "image", why, .. } if *why == [Restriction::ExactRepetitions])),
            "{error}"
        );
    }

    #[test]
    fn exact_repetitions_follow_the_plan_of_the_name() {
        let sessions = sessions(&[("sub-01", "ses-01", &[A, A, B, C, A, A, B])]);
        let conventions = Conventions { exact_repetitions: true, ..Conventions::default() };
        let rows = rows(&sessions, &conventions).unwrap();
        assert_eq!(rows.image_names(), [A; 4]);
        assert_eq!(rows.trials(), [0, 1, 4, 5]);
    }

    #[test]
    fn several_subjects_meet_in_the_images_that_all_saw() {
        let sessions = sessions(&[
            ("sub-01", "ses-01", &[A, B, A]),
            ("sub-03", "ses-01", &[C, B]),
            ("sub-03", "ses-02", &[B, A]),
        ]);
        let conventions = Conventions { average: Average::Image, ..Conventions::default() };
        let rows = rows(&sessions, &conventions).unwrap();
        assert_eq!(rows.subjects, ["sub-01", "sub-03"]);
        assert_eq!(rows.image_names(), [B, A]);
        assert_eq!(rows.sources[0], [vec![(0, 1)], vec![(1, 1), (2, 0)]]);
    }
}
