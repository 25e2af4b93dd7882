//! One process at a time builds a session of a store; the others wait for it: [`Turns`].

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bids_names::{SessionId, SubjectId};
use laion_fmri_base::{lock, writers_of};

use crate::observer::Watch;
use crate::{Event, Result};

/// How often a process looks whether another one is done.
const LOOK: Duration = Duration::from_millis(200);

/// What a build knows of other builds of the same store.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Whether it was said that another process is waited for.
    told: AtomicBool,
    /// The sessions that other processes have built meanwhile.
    built_by_others: Mutex<BTreeSet<SessionId>>,
}

impl Turns {
    /// Waits until no process writes the session at `path`. Returns whether there was one.
    pub(super) fn wait(
        &self,
        path: &Path,
        (subject, session): (&SubjectId, &SessionId),
        watch: Watch<'_>,
    ) -> Result<bool> {
        if writers_of(path) == 0 {
            return Ok(false);
        }
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!("another process builds {subject} {session}: this one waits for it");
        }
        let tell = |is_over| watch.observer.event(Event::Waiting { subject, session, is_over });
        tell(false);
        while writers_of(path) > 0 {
            watch.check()?;
            std::thread::sleep(LOOK);
        }
        tell(true);
        Ok(true)
    }

    /// Whether this process alone writes the group at `path`, which it has begun. Of two that begin at
    /// the same moment, none is.
    pub(super) fn is_alone(path: &Path) -> bool {
        writers_of(path) <= 1
    }

    /// Lets another process go first that began at the same moment.
    pub(super) fn step_back() {
        // No two processes have the same number.
        let number = u64::from(std::process::id());
        std::thread::sleep(Duration::from_millis(10 + number % 89));
    }

    /// Another process has built this session.
    pub(super) fn found(&self, session: &SessionId) {
        lock(&self.built_by_others).insert(session.clone());
    }

    /// Of these sessions those that this process has built, and the others.
    pub(super) fn divided(self, sessions: Vec<SessionId>) -> (Vec<SessionId>, Vec<SessionId>) {
        let found = lock(&self.built_by_others).clone();
        sessions.into_iter().partition(|session| !found.contains(session))
    }
}
