//! Shows how many volumes of the sessions under way were read: [`VolumeProgress`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use laion_fmri::{Event, Observer, SessionId, SubjectId};
use laion_fmri_base::lock;

use super::drawable;
use super::live::Live;
use super::text::{fraction, in_words, percent, row};
use crate::args::ProgressKind;
use crate::context::Context;

/// Counts the volumes of all sessions.
pub(crate) struct VolumeProgress {
    volumes: Arc<Mutex<Volumes>>,
    /// `None` when it is finished, and where there is no terminal.
    live: Mutex<Option<Live>>,
}

struct Volumes {
    /// Volumes read and volumes in all, of every session under way.
    sessions: HashMap<(SubjectId, SessionId), (usize, usize)>,
    latest: String,
    since: Instant,
}

impl Volumes {
    fn lines(&self, columns: usize) -> Vec<String> {
        let sums = self.sessions.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let (read, all) = (sums.0 as u64, sums.1 as u64);
        if all == 0 {
            return Vec::new();
        }
        let (part, share) = (fraction(read, all), percent(read, all));
        let tails = if part > 0.0 {
            let left = self.since.elapsed().mul_f64((1.0 - part).max(0.0) / part);
            let left = in_words(left);
            vec![
                format!("{read} of {all} volumes, {left} left"),
                format!("{share}, {left} left"),
                share,
            ]
        } else {
            vec![format!("{read} of {all} volumes"), share]
        };
        vec![row(&self.latest, columns, &tails, part, columns)]
    }
}

impl VolumeProgress {
    pub(crate) fn new(context: &Context) -> Self {
        let (sessions, latest, since) = (HashMap::new(), String::new(), Instant::now());
        let volumes = Arc::new(Mutex::new(Volumes { sessions, latest, since }));
        let shared = Arc::clone(&volumes);
        let live = (drawable(context.progress()) == ProgressKind::Bar)
            .then(|| Live::start(move |columns, _| lock(&shared).lines(columns)));
        Self { volumes, live: Mutex::new(live) }
    }

    pub(crate) fn finish(&self) {
        lock(&self.live).take();
    }
}

impl Observer for VolumeProgress {
    fn event(&self, event: Event<'_>) {
        let Event::Volume { subject, session, done, total } = event else { return };
        let mut volumes = lock(&self.volumes);
        volumes.sessions.insert((subject.clone(), session.clone()), (done, total));
        volumes.latest = session.to_string();
    }
}
