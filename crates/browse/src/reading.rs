//! How far the reads of betas are that go on: the page shows it while it waits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use laion_fmri::{Event, Observer, SessionId, SubjectId};
use laion_fmri_base::lock;
use serde_json::{Value, json};

/// The reads that go on.
#[derive(Debug, Default)]
pub(crate) struct Reads(Arc<Mutex<Vec<Progress>>>);

/// What a read is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The betas of some trials.
    Betas,
    /// Mean and deviation of every voxel over the trials of the session.
    Zscore,
}

/// How far a read is. It is told of the volumes.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<State>);

#[derive(Debug)]
struct State {
    subject: SubjectId,
    session: SessionId,
    purpose: Purpose,
    started: Instant,
    is_stored: AtomicBool,
    done: AtomicUsize,
    total: AtomicUsize,
}

/// A read that is listed as long as this value lives.
#[derive(Debug)]
pub(crate) struct Read {
    progress: Progress,
    reads: Arc<Mutex<Vec<Progress>>>,
}

impl Reads {
    pub(crate) fn start(&self, subject: &SubjectId, session: &SessionId, purpose: Purpose) -> Read {
        let (subject, session) = (subject.clone(), session.clone());
        let progress = Progress(Arc::new(State {
            subject,
            session,
            purpose,
            started: Instant::now(),
            is_stored: AtomicBool::new(false),
            done: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
        }));
        lock(&self.0).push(progress.clone());
        Read { progress, reads: Arc::clone(&self.0) }
    }

    /// The reads of a subject that go on, oldest first.
    pub(crate) fn of(&self, subject: &SubjectId) -> Value {
        let reads = lock(&self.0);
        let of_subject = reads.iter().filter(|read| read.0.subject == *subject);
        Value::Array(of_subject.map(Progress::json).collect())
    }
}

impl Read {
    /// What is told of the volumes.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        lock(&self.reads).retain(|read| !Arc::ptr_eq(&read.0, &self.progress.0));
    }
}

impl Progress {
    fn json(&self) -> Value {
        let state = &*self.0;
        json!({
            "session": state.session.as_str(),
            "purpose": match state.purpose {
                Purpose::Betas => "betas",
                Purpose::Zscore => "zscore",
            },
            "stored": state.is_stored.load(Ordering::Relaxed),
            "done": state.done.load(Ordering::Relaxed),
            "total": state.total.load(Ordering::Relaxed),
            "seconds": state.started.elapsed().as_secs_f64(),
        })
    }
}

impl Observer for Progress {
    fn event(&self, event: Event<'_>) {
        let state = &*self.0;
        match event {
            Event::Reading { store, .. } => {
                state.is_stored.store(store.is_some(), Ordering::Relaxed);
            }
            Event::Volume { done, total, .. } => {
                state.done.store(done, Ordering::Relaxed);
                state.total.store(total, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use laion_fmri::Dataset;

    use super::*;

    #[test]
    fn a_read_is_listed_with_its_volumes_until_it_ends() {
        let bucket = fixtures::Bucket::temporary().unwrap();
        let subject = Dataset::open(bucket.root()).unwrap().subject("sub-03").unwrap();
        let session: SessionId = "ses-01".parse().unwrap();
        let n_trials = subject.trials(&session).unwrap().len();
        let reads = Reads::default();
        let read = reads.start(subject.id(), &session, Purpose::Betas);
        let shown = reads.of(subject.id());
        assert_eq!((&shown[0]["done"], &shown[0]["total"]), (&json!(0), &json!(0)), "{shown}");

        let rows = subject.betas().session(&session).trials([3]).volumes().unwrap();
        assert_eq!(rows.with_observer(read.progress().clone()).count(), 1);
        let shown = reads.of(subject.id());
        assert_eq!(
            (&shown[0]["session"], &shown[0]["purpose"]),
            (&json!("ses-01"), &json!("betas"))
        );
        let total = shown[0]["total"].as_u64().unwrap();
        assert!(total > 0 && shown[0]["done"].as_u64().unwrap() > 0, "{shown}");

        let other = reads.start(subject.id(), &session, Purpose::Zscore);
        subject.betas().session(&session).observer(other.progress()).statistics().unwrap();
        let shown = reads.of(subject.id());
        assert_eq!((&shown[1]["purpose"], &shown[1]["stored"]), (&json!("zscore"), &json!(false)));
        assert_eq!((&shown[1]["done"], &shown[1]["total"]), (&json!(n_trials), &json!(n_trials)));
        drop(read);
        assert_eq!(reads.of(subject.id()).as_array().unwrap().len(), 1);
        drop(other);
        assert_eq!(reads.of(subject.id()), json!([]));
        let elsewhere = reads.start(&"sub-01".parse().unwrap(), &session, Purpose::Betas);
        assert_eq!(reads.of(subject.id()), json!([]));
        drop(elsewhere);
    }
}
