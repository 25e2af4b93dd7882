//! Shows how many volumes of the sessions under way were read: [`VolumeProgress`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use laion_fmri::{Event, Observer, SessionId, SubjectId};
use laion_fmri_base::lock;
use serde_json::{Value, json};

use super::drawable;
use super::live::Live;
use super::text::{Row, in_words, left, percent};
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
    /// Where the betas of each session came from.
    sources: HashMap<(SubjectId, SessionId), Source>,
    latest: String,
    since: Instant,
}

/// Where the betas of a session came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// This store.
    Store(PathBuf),
    /// Their file, by its index.
    Index,
    /// Their file, from its start.
    Stream,
}

impl Source {
    /// The word for it in JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Store(_) => "store",
            Self::Index => "index",
            Self::Stream => "stream",
        }
    }

    /// For other programs: the word, and the path of a store.
    pub(crate) fn fields(source: Option<&Self>) -> [(&'static str, Value); 2] {
        let store = match source {
            Some(Self::Store(path)) => json!(path),
            _ => Value::Null,
        };
        [("source", json!(source.map(Self::name))), ("store", store)]
    }
}

impl Volumes {
    fn rows(&self, columns: usize) -> Vec<Row> {
        let sums = self.sessions.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let (read, all) = (sums.0 as u64, sums.1 as u64);
        if all == 0 {
            return Vec::new();
        }
        let share = percent(read, all);
        let tails = match left(self.since.elapsed(), (read, all)).map(in_words) {
            Some(left) => vec![
                format!("{read} of {all} volumes, {left} left"),
                format!("{share}, {left} left"),
                share,
            ],
            None => vec![format!("{read} of {all} volumes"), share],
        };
        vec![Row::new(&self.latest, columns, &tails, (read, all), columns)]
    }
}

impl VolumeProgress {
    pub(crate) fn new(context: &Context) -> Self {
        let (latest, since) = (String::new(), Instant::now());
        let (sessions, sources) = (HashMap::new(), HashMap::new());
        let volumes = Arc::new(Mutex::new(Volumes { sessions, sources, latest, since }));
        let shared = Arc::clone(&volumes);
        let live = (drawable(context.progress()) == ProgressKind::Bar)
            .then(|| Live::start(move |columns, _| lock(&shared).rows(columns)));
        Self { volumes, live: Mutex::new(live) }
    }

    pub(crate) fn finish(&self) {
        lock(&self.live).take();
    }

    /// Where the betas of a session came from, if they were read.
    pub(crate) fn source(&self, subject: &SubjectId, session: &SessionId) -> Option<Source> {
        lock(&self.volumes).sources.get(&(subject.clone(), session.clone())).cloned()
    }

    /// How many sessions came from each kind of place, for other programs.
    pub(crate) fn counted_sources(&self) -> Value {
        let volumes = lock(&self.volumes);
        let count =
            |name: &str| volumes.sources.values().filter(|source| source.name() == name).count();
        json!({"store": count("store"), "index": count("index"), "stream": count("stream")})
    }
}

impl Observer for VolumeProgress {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Volume { subject, session, done, total } => {
                let mut volumes = lock(&self.volumes);
                volumes.sessions.insert((subject.clone(), session.clone()), (done, total));
                volumes.latest = session.to_string();
            }
            Event::Reading { subject, session, store, index } => {
                let source = match (store, index) {
                    (Some(store), _) => Source::Store(store.to_owned()),
                    (None, Some(_)) => Source::Index,
                    (None, None) => Source::Stream,
                };
                let key = (subject.clone(), session.clone());
                lock(&self.volumes).sources.insert(key, source);
            }
            _ => {}
        }
    }
}
