//! Shows a transfer: as bars on a terminal, as a line at regular times, or as JSON objects.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use laion_fmri::s3_mirror::Event as Transfer;
use laion_fmri::{Event, Observer};
use laion_fmri_base::lock;
use serde_json::{Value, json};

use super::counts::Counts;
use super::live::Live;
use super::{HEARTBEAT, outcome_name, to_stderr};
use crate::args::ProgressKind;
use crate::output::json_line;

/// Counts the events of a transfer, and shows the counts until it is dropped.
pub(super) struct Transfers {
    counts: Arc<Mutex<Counts>>,
    json: bool,
    /// Dropped last, when nothing is counted any more.
    _shown: Shown,
}

/// What shows the counts.
enum Shown {
    Live { _rows: Live },
    Ticks { _ticker: Ticker },
}

impl Transfers {
    pub(super) fn new(kind: ProgressKind) -> Self {
        let counts = Arc::new(Mutex::new(Counts::default()));
        let (shared, json) = (Arc::clone(&counts), kind == ProgressKind::Json);
        let shown = match kind {
            ProgressKind::Bar => Shown::Live {
                _rows: Live::start(move |columns, lines| {
                    lock(&shared).rows(columns, lines, Instant::now())
                }),
            },
            _ => Shown::Ticks { _ticker: Ticker::start(shared, json) },
        };
        Self { counts, json, _shown: shown }
    }
}

impl Observer for Transfers {
    fn event(&self, event: Event<'_>) {
        let Event::Transfer(event) = event else { return };
        let mut counts = lock(&self.counts);
        match event {
            Transfer::Planned { plan } => {
                counts.planned(plan, Instant::now());
                if self.json {
                    let (files, bytes) = counts.totals();
                    print("planned", [("files", json!(files)), ("bytes", json!(bytes))]);
                }
            }
            Transfer::Started { item } => counts.started(item),
            Transfer::Advanced { item, bytes } => counts.advanced(item, bytes),
            Transfer::Resumed { item, bytes } => counts.resumed(item, bytes),
            Transfer::Discarded { item, bytes } => counts.discarded(item, bytes),
            Transfer::Waiting { item, wait } => counts.waiting(item, wait, Instant::now()),
            Transfer::Finished { item, outcome } => {
                counts.finished(item, outcome);
                if self.json {
                    let (key, outcome) = (item.key.as_str(), outcome_name(outcome));
                    print("finished", [("key", json!(key)), ("outcome", json!(outcome))]);
                }
            }
            _ => {}
        }
    }
}

/// A line, or a JSON object, at regular times, whether anything arrives or not.
struct Ticker {
    shared: Arc<Ticking>,
    /// `None` when the system refuses a thread: then nothing is shown.
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Ticking {
    ended: Mutex<bool>,
    wake: Condvar,
}

impl Ticker {
    fn start(counts: Arc<Mutex<Counts>>, json: bool) -> Self {
        let shared = Arc::new(Ticking::default());
        let ticking = Arc::clone(&shared);
        let period = if json { Duration::from_secs(1) } else { HEARTBEAT };
        let tick = move || {
            let mut ended = lock(&ticking.ended);
            while !*ended {
                let waited = ticking.wake.wait_timeout(ended, period);
                let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                ended = woken;
                let mut counts = lock(&counts);
                if timeout.timed_out() && !*ended && counts.has_started() {
                    match json {
                        true => print("progress", counts.fields(Instant::now())),
                        false => to_stderr(&counts.line(Instant::now())),
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(tick).ok();
        Self { shared, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        *lock(&self.shared.ended) = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // It only counts: when it has failed, nothing is lost.
            let _ = thread.join();
        }
    }
}

fn print<const N: usize>(name: &str, fields: [(&str, Value); N]) {
    let fields = fields.map(|(field, value)| (field.to_owned(), value));
    let named = std::iter::once(("event".to_owned(), json!(name)));
    to_stderr(&json_line("progress", named.chain(fields)));
}
