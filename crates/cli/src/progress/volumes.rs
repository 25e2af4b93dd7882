//! Shows how many volumes of the sessions under way were read, and how many rows were written:
//! [`VolumeProgress`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use laion_fmri::{Event, Observer, SessionId, Step, SubjectId};
use laion_fmri_base::{counted, lock};
use serde_json::{Value, json};

use super::live::Live;
use super::text::{Row, in_words, left, percent};
use super::ticker::Ticker;
use super::{Shown, drawable, object, to_stderr};
use crate::args::ProgressKind;
use crate::context::Context;

/// What is left when all rows are written.
const COMPLETES: &str = "completing the file";

/// Counts the volumes of all sessions.
pub(crate) struct VolumeProgress {
    volumes: Arc<Mutex<Volumes>>,
    kind: ProgressKind,
    /// `None` when it is finished.
    shown: Mutex<Option<Shown>>,
}

struct Volumes {
    /// Volumes read and volumes in all, of every session that was begun; 0 before the first.
    sessions: BTreeMap<(SubjectId, SessionId), (usize, usize)>,
    /// The sessions that another process builds, and that are waited for.
    waiting: BTreeSet<(SubjectId, SessionId)>,
    /// What is done with sessions that were read.
    steps: BTreeMap<(SubjectId, SessionId), Step>,
    /// Rows written and rows in all, once rows are written.
    rows: Option<(usize, usize)>,
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
    /// The volumes, or the rows, that are done, and all of them.
    fn sums(&self) -> (u64, u64) {
        let sums = || self.sessions.values().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        let (done, all) = self.rows.unwrap_or_else(sums);
        (done as u64, all as u64)
    }

    /// The time that the rest takes, in words; not of less than a second, behind which other work
    /// comes.
    fn left(&self) -> Option<String> {
        let left = left(self.since.elapsed(), self.sums())?;
        (left.as_secs() > 0).then(|| in_words(left))
    }

    /// What is done with the sessions that were read, one text for each.
    fn works(&self) -> impl Iterator<Item = String> {
        let steps = self.steps.iter();
        steps.map(|((subject, session), step)| format!("{subject} {session}: {step}"))
    }

    /// Whether all rows are written, and the file has to be completed.
    fn completes(&self) -> bool {
        self.rows.is_some_and(|(done, all)| done >= all)
    }

    fn rows(&self, columns: usize) -> Vec<Row> {
        let (done, all) = self.sums();
        if all == 0 {
            return self.waits().map(|text| Row::text(&text, columns)).into_iter().collect();
        }
        let is_read = self.sessions.values().all(|(done, all)| *all > 0 && done >= all);
        if self.rows.is_none() && is_read && !self.steps.is_empty() {
            let works: Vec<String> = self.works().collect();
            return vec![Row::text(&works.join(", "), columns)];
        }
        if self.completes() {
            return vec![Row::text(&format!("{all} rows written, {COMPLETES}"), columns)];
        }
        let (label, what) = match self.rows {
            Some(_) => ("writing", "rows"),
            None => (self.latest.as_str(), "volumes"),
        };
        let share = percent(done, all);
        let tails = match self.left() {
            Some(left) => vec![
                format!("{done} of {all} {what}, {left} left"),
                format!("{share}, {left} left"),
                share,
            ],
            None => vec![format!("{done} of {all} {what}"), share],
        };
        vec![Row::new(label, columns, &tails, (done, all), columns)]
    }

    /// What is waited for, if anything is.
    fn waits(&self) -> Option<String> {
        let (subject, session) = self.waiting.first()?;
        let more = match self.waiting.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Some(format!("waiting for another process, which builds {subject} {session}{more}"))
    }

    /// A line for a log: the sessions under way and what is done with them, how many are read, and
    /// the time left.
    fn line(&self) -> Option<String> {
        const MOST: usize = 4;
        let left = self.left().map_or_else(String::new, |left| format!(", {left} left"));
        if let Some((_, all)) = self.rows.filter(|_| self.completes()) {
            return Some(format!("{all} rows written, {COMPLETES}"));
        }
        if let Some((done, all)) = self.rows {
            return Some(format!("{done} of {all} rows written{left}"));
        }
        let is_read = |(done, all): (usize, usize)| all > 0 && done >= all;
        let under_way: Vec<String> = self
            .sessions
            .iter()
            .filter(|(_, counts)| !is_read(**counts))
            .map(|((subject, session), (done, all))| match all {
                0 => format!("{subject} {session}: no volume yet"),
                all => format!("{subject} {session}: {done} of {all} volumes"),
            })
            .collect();
        let is_done = |(key, counts): &(&(SubjectId, SessionId), &(usize, usize))| {
            is_read(**counts) && !self.steps.contains_key(*key)
        };
        let n_read = self.sessions.iter().filter(is_done).count();
        let under_way: Vec<String> = under_way.into_iter().chain(self.works()).collect();
        let mut parts = under_way[..under_way.len().min(MOST)].to_vec();
        if under_way.len() > MOST {
            parts.push(format!("and {} more", under_way.len() - MOST));
        }
        if n_read > 0 {
            parts.push(format!("{} read", counted(n_read, "session")));
        }
        parts.extend(self.waits());
        (!parts.is_empty()).then(|| format!("{}{left}", parts.join(", ")))
    }

    /// The same for programs.
    fn object(&self) -> Option<String> {
        if self.sessions.is_empty() && self.rows.is_none() && self.waiting.is_empty() {
            return None;
        }
        let sessions = self.sessions.iter().map(|((subject, session), (done, all))| {
            json!({
                "subject": subject.as_str(), "session": session.as_str(), "volumes": done,
                "total_volumes": all,
            })
        });
        let steps = self.steps.iter().map(|((subject, session), step)| {
            let (subject, session) = (subject.as_str(), session.as_str());
            json!({"subject": subject, "session": session, "step": step.as_str()})
        });
        let (rows, total_rows) = self.rows.unzip();
        let left = left(self.since.elapsed(), self.sums()).map(|left| left.as_secs());
        let fields = [
            ("sessions", sessions.collect()),
            ("steps", steps.collect()),
            ("rows", json!(rows)),
            ("total_rows", json!(total_rows)),
            ("seconds_left", json!(left)),
            ("waiting", json!(self.waits())),
        ];
        Some(object("progress", fields))
    }
}

impl VolumeProgress {
    pub(crate) fn new(context: &Context) -> Self {
        let (latest, since) = (String::new(), Instant::now());
        let (sessions, sources) = (BTreeMap::new(), HashMap::new());
        let (waiting, steps) = (BTreeSet::new(), BTreeMap::new());
        let volumes = Volumes { sessions, waiting, steps, rows: None, sources, latest, since };
        let volumes = Arc::new(Mutex::new(volumes));
        let shared = Arc::clone(&volumes);
        let kind = drawable(context.progress());
        let shown = match kind {
            ProgressKind::None => None,
            ProgressKind::Bar => {
                let rows = move |columns, _| lock(&shared).rows(columns);
                Some(Shown::Live { _rows: Live::start(rows) })
            }
            ProgressKind::Json => {
                let line = move || lock(&shared).object();
                Some(Shown::Ticks { _ticker: Ticker::start(true, line) })
            }
            _ => {
                let line = move || lock(&shared).line();
                Some(Shown::Ticks { _ticker: Ticker::start(false, line) })
            }
        };
        Self { volumes, kind, shown: Mutex::new(shown) }
    }

    /// Shows nothing more. Programs are told the last state, however soon it came.
    pub(crate) fn finish(&self) {
        let was_shown = lock(&self.shown).take().is_some();
        if was_shown
            && self.kind == ProgressKind::Json
            && let Some(object) = lock(&self.volumes).object()
        {
            to_stderr(&object);
        }
    }

    /// Ends the bar, before something is printed to standard output; lines go on.
    pub(crate) fn end_bar(&self) {
        lock(&self.shown).take_if(|shown| matches!(shown, Shown::Live { .. }));
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
                let mut volumes = lock(&self.volumes);
                volumes.sessions.entry(key.clone()).or_default();
                volumes.sources.insert(key, source);
            }
            Event::Waiting { subject, session, is_over } => {
                let key = (subject.clone(), session.clone());
                let mut volumes = lock(&self.volumes);
                match is_over {
                    true => volumes.waiting.remove(&key),
                    false => volumes.waiting.insert(key),
                };
            }
            Event::Working { subject, session, step } => {
                let key = (subject.clone(), session.clone());
                let mut volumes = lock(&self.volumes);
                match step {
                    Some(step) => volumes.steps.insert(key, step),
                    None => volumes.steps.remove(&key),
                };
            }
            Event::Row { done, total } => {
                let mut volumes = lock(&self.volumes);
                if volumes.rows.is_none() {
                    volumes.since = Instant::now();
                }
                volumes.rows = Some((done, total));
            }
            _ => {}
        }
    }
}

impl Drop for VolumeProgress {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_names_sessions_and_volumes() {
        let now = Instant::now();
        let since = now.checked_sub(Duration::from_secs(10)).unwrap_or(now);
        let mut volumes = Volumes {
            sessions: BTreeMap::new(),
            waiting: BTreeSet::new(),
            steps: BTreeMap::new(),
            rows: None,
            sources: HashMap::new(),
            latest: String::new(),
            since,
        };
        assert_eq!((volumes.line(), volumes.object()), (None, None));
        let key = |session: &str| ("sub-03".parse().unwrap(), session.parse().unwrap());
        volumes.waiting.insert(key("ses-02"));
        let waits = "waiting for another process, which builds sub-03 ses-02";
        assert_eq!(volumes.line().as_deref(), Some(waits));
        let object: Value = serde_json::from_str(&volumes.object().unwrap()).unwrap();
        assert_eq!(object["waiting"], waits);
        volumes.waiting.clear();
        volumes.sessions.insert(key("ses-01"), (0, 0));
        assert_eq!(volumes.line().as_deref(), Some("sub-03 ses-01: no volume yet"));
        volumes.sessions.insert(key("ses-01"), (100, 100));
        volumes.sessions.insert(key("ses-02"), (25, 150));
        let line = volumes.line().unwrap();
        assert_eq!(line, "sub-03 ses-02: 25 of 150 volumes, 1 session read, 10 s left");
        for session in ["ses-03", "ses-04", "ses-05", "ses-06"] {
            volumes.sessions.insert(key(session), (0, 0));
        }
        let line = volumes.line().unwrap();
        assert!(line.ends_with(", and 1 more, 1 session read, 10 s left"), "{line}");
        let object: Value = serde_json::from_str(&volumes.object().unwrap()).unwrap();
        assert_eq!(object["sessions"][1]["volumes"], 25);
        assert_eq!(object["sessions"][1]["total_volumes"], 150);
        volumes.sessions.retain(|(_, session), _| session.as_str() == "ses-01");
        volumes.steps.insert(key("ses-01"), Step::Zscoring);
        assert_eq!(volumes.line().as_deref(), Some("sub-03 ses-01: z-scoring"));
        assert_eq!(volumes.rows(80), [Row::text("sub-03 ses-01: z-scoring", 80)]);
        let object: Value = serde_json::from_str(&volumes.object().unwrap()).unwrap();
        assert_eq!(object["steps"][0]["step"], "z-scoring");
        volumes.steps.clear();
        assert_eq!(volumes.line().as_deref(), Some("1 session read"));
        volumes.rows = Some((3, 12));
        assert_eq!(volumes.line().as_deref(), Some("3 of 12 rows written, 30 s left"));
        let object: Value = serde_json::from_str(&volumes.object().unwrap()).unwrap();
        assert_eq!((&object["rows"], &object["total_rows"]), (&json!(3), &json!(12)));
        volumes.rows = Some((12, 12));
        assert_eq!(volumes.line().as_deref(), Some("12 rows written, completing the file"));
    }
}
