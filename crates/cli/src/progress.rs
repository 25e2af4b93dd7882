//! Progress on standard error: bars on a terminal, a line every few seconds elsewhere, or JSON.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use laion_fmri::s3_mirror::{self, Key, Outcome, Plan, PlanItem};
use laion_fmri::{Event, Observer, SessionId, SubjectId};
use laion_fmri_base::{agreeing, counted, lock, readable_bytes as bytes};
use serde_json::{Value, json};

use crate::args::ProgressKind;
use crate::context::Context;
use crate::output::json_line;

/// How often a line is printed where there is no terminal.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Shows the progress of a transfer.
pub(crate) fn transfer(context: &Context) -> Box<dyn Observer + Send + Sync> {
    match drawable(context.progress()) {
        ProgressKind::Bar => Box::new(Bars::default()),
        ProgressKind::Json => Box::new(Ticker::new(true)),
        ProgressKind::None => Box::new(()),
        ProgressKind::Plain | ProgressKind::Auto => Box::new(Ticker::new(false)),
    }
}

/// Bars need a terminal to be redrawn on.
fn drawable(kind: ProgressKind) -> ProgressKind {
    if kind == ProgressKind::Bar && !io::stderr().is_terminal() {
        ProgressKind::Plain
    } else {
        kind
    }
}

/// One bar for the whole transfer and one for each file on its way.
#[derive(Default)]
struct Bars {
    multi: MultiProgress,
    state: Mutex<BarState>,
}

#[derive(Default)]
struct BarState {
    total: Option<ProgressBar>,
    files: HashMap<Key, ProgressBar>,
}

impl Observer for Bars {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Transfer(s3_mirror::Event::Planned { plan }) => self.planned(plan),
            Event::Transfer(s3_mirror::Event::Started { item }) => self.started(item),
            Event::Transfer(
                s3_mirror::Event::Advanced { item, bytes }
                | s3_mirror::Event::Resumed { item, bytes },
            ) => {
                self.advanced(item, bytes);
            }
            Event::Transfer(s3_mirror::Event::Discarded { item, bytes }) => {
                self.discarded(item, bytes);
            }
            Event::Transfer(s3_mirror::Event::Finished { item, outcome }) => {
                self.finished(item, outcome);
            }
            _ => {}
        }
    }
}

impl Bars {
    fn planned(&self, plan: &Plan) {
        let totals = plan.totals();
        let bar = self.multi.add(ProgressBar::new(totals.fetch.bytes));
        bar.set_style(style(
            "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
        ));
        bar.set_message(counted(totals.fetch.count, "file"));
        bar.enable_steady_tick(Duration::from_millis(200));
        lock(&self.state).total = Some(bar);
    }

    fn started(&self, item: &PlanItem) {
        let bar = self.multi.add(ProgressBar::new(item.size));
        bar.set_style(style("  {msg:44!} {wide_bar} {decimal_bytes}/{decimal_total_bytes}"));
        bar.set_message(item.key.file_name().to_owned());
        lock(&self.state).files.insert(item.key.clone(), bar);
    }

    fn advanced(&self, item: &PlanItem, bytes: u64) {
        let state = lock(&self.state);
        if let Some(bar) = state.files.get(&item.key) {
            bar.inc(bytes);
        }
        if let Some(total) = &state.total {
            total.inc(bytes);
        }
    }

    fn discarded(&self, item: &PlanItem, bytes: u64) {
        let state = lock(&self.state);
        for bar in state.files.get(&item.key).into_iter().chain(&state.total) {
            bar.set_position(bar.position().saturating_sub(bytes));
        }
    }

    fn finished(&self, item: &PlanItem, outcome: &Outcome) {
        let mut state = lock(&self.state);
        if let Some(bar) = state.files.remove(&item.key) {
            // What a failed attempt received does not count, and the rest will not come.
            if let (Some(total), false) = (&state.total, matches!(outcome, Outcome::Fetched { .. }))
            {
                total.set_position(total.position().saturating_sub(bar.position()));
                total.set_length(total.length().unwrap_or(0).saturating_sub(item.size));
            }
            bar.finish_and_clear();
            self.multi.remove(&bar);
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        if let Some(total) = lock(&self.state).total.take() {
            total.finish_and_clear();
        }
        // A terminal that cannot be cleared only keeps a stale bar.
        let _ = self.multi.clear();
    }
}

/// A line, or a JSON object, at regular times, whether anything arrives or not.
struct Ticker {
    shared: Arc<Ticking>,
    thread: Option<JoinHandle<()>>,
    json: bool,
}

#[derive(Default)]
struct Ticking {
    counts: Mutex<Counts>,
    ended: Condvar,
}

#[derive(Default)]
struct Counts {
    files: u64,
    total_files: u64,
    /// What is there of the files to fetch.
    bytes: u64,
    total_bytes: u64,
    /// What came in this run.
    fetched: u64,
    /// What is there of each file that is on its way.
    under_way: HashMap<Key, u64>,
    started: Option<Instant>,
    done: bool,
}

impl Counts {
    fn add(&mut self, item: &PlanItem, bytes: u64) {
        self.bytes += bytes;
        *self.under_way.entry(item.key.clone()).or_default() += bytes;
    }

    fn take_back(&mut self, item: &PlanItem, bytes: u64) {
        self.bytes = self.bytes.saturating_sub(bytes);
        if let Some(there) = self.under_way.get_mut(&item.key) {
            *there = there.saturating_sub(bytes);
        }
    }

    /// Bytes per second of this run.
    fn rate(&self) -> u64 {
        let seconds = self.started.map_or(0.0, |start| start.elapsed().as_secs_f64());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rate for people: a saturated or rounded figure is still right"
        )]
        let rate = if seconds > 0.0 { (self.fetched as f64 / seconds) as u64 } else { 0 };
        rate
    }

    fn seconds_left(&self) -> Option<u64> {
        self.total_bytes.saturating_sub(self.bytes).checked_div(self.rate())
    }

    fn line(&self) -> String {
        let left = self.seconds_left().map_or_else(String::new, |seconds| {
            format!(", {} left", indicatif::HumanDuration(Duration::from_secs(seconds)))
        });
        format!(
            "{}/{} {}, {} of {}, {}/s{left}",
            self.files,
            self.total_files,
            agreeing(self.total_files, "file", "files"),
            bytes(self.bytes),
            bytes(self.total_bytes),
            bytes(self.rate())
        )
    }

    fn fields(&self) -> [(&'static str, Value); 6] {
        [
            ("files", json!(self.files)),
            ("total_files", json!(self.total_files)),
            ("bytes", json!(self.bytes)),
            ("total_bytes", json!(self.total_bytes)),
            ("bytes_per_second", json!(self.rate())),
            ("seconds_left", json!(self.seconds_left())),
        ]
    }
}

impl Ticker {
    fn new(json: bool) -> Self {
        let shared = Arc::new(Ticking::default());
        let ticking = Arc::clone(&shared);
        let period = if json { Duration::from_secs(1) } else { HEARTBEAT };
        let thread = std::thread::spawn(move || {
            let mut counts = lock(&ticking.counts);
            while !counts.done {
                let waited = ticking.ended.wait_timeout(counts, period);
                let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                counts = woken;
                if timeout.timed_out() && counts.started.is_some() {
                    match json {
                        true => event("progress", counts.fields()),
                        false => to_stderr(&counts.line()),
                    }
                }
            }
        });
        Self { shared, thread: Some(thread), json }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        lock(&self.shared.counts).done = true;
        self.shared.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            // It only counts: when it has failed, nothing is lost.
            let _ = thread.join();
        }
    }
}

impl Observer for Ticker {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Transfer(s3_mirror::Event::Planned { plan }) => self.planned(plan),
            Event::Transfer(s3_mirror::Event::Advanced { item, bytes }) => {
                self.advanced(item, bytes);
            }
            Event::Transfer(s3_mirror::Event::Resumed { item, bytes }) => self.resumed(item, bytes),
            Event::Transfer(s3_mirror::Event::Discarded { item, bytes }) => {
                self.discarded(item, bytes);
            }
            Event::Transfer(s3_mirror::Event::Finished { item, outcome }) => {
                self.finished(item, outcome);
            }
            _ => {}
        }
    }
}

impl Ticker {
    fn planned(&self, plan: &Plan) {
        let mut counts = lock(&self.shared.counts);
        let totals = plan.totals();
        (counts.total_files, counts.total_bytes) = (totals.fetch.count, totals.fetch.bytes);
        counts.started = Some(Instant::now());
        if self.json {
            let (files, bytes) = (counts.total_files, counts.total_bytes);
            event("planned", [("files", json!(files)), ("bytes", json!(bytes))]);
        }
    }

    fn resumed(&self, item: &PlanItem, bytes: u64) {
        lock(&self.shared.counts).add(item, bytes);
    }

    fn discarded(&self, item: &PlanItem, bytes: u64) {
        lock(&self.shared.counts).take_back(item, bytes);
    }

    fn advanced(&self, item: &PlanItem, bytes: u64) {
        let mut counts = lock(&self.shared.counts);
        counts.add(item, bytes);
        counts.fetched += bytes;
    }

    fn finished(&self, item: &PlanItem, outcome: &Outcome) {
        let mut counts = lock(&self.shared.counts);
        let there = counts.under_way.remove(&item.key).unwrap_or(0);
        if let Outcome::Fetched { .. } = outcome {
            counts.files += 1;
        } else {
            counts.bytes = counts.bytes.saturating_sub(there);
        }
        if self.json {
            let outcome = outcome_name(outcome);
            event("finished", [("key", json!(item.key.as_str())), ("outcome", json!(outcome))]);
        }
    }
}

fn event<const N: usize>(name: &str, fields: [(&str, Value); N]) {
    let fields = fields.map(|(field, value)| (field.to_owned(), value));
    let named = std::iter::once(("event".to_owned(), json!(name)));
    to_stderr(&json_line("progress", named.chain(fields)));
}

/// Shows how much of a set of files was read.
pub(crate) struct Files {
    kind: ProgressKind,
    bar: ProgressBar,
    last_line: Mutex<Instant>,
}

impl Files {
    pub(crate) fn new(context: &Context) -> Self {
        let kind = drawable(context.progress());
        let bar = if kind == ProgressKind::Bar {
            let bar = ProgressBar::new(0);
            let template = "{wide_bar} {decimal_bytes}/{decimal_total_bytes} \
                            {decimal_bytes_per_sec} {eta}";
            bar.set_style(style(template));
            bar
        } else {
            ProgressBar::hidden()
        };
        Self { kind, bar, last_line: Mutex::new(Instant::now()) }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Files {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Checking { bytes, .. } => self.bar.set_length(bytes),
            Event::Checked { bytes: size, .. } => {
                self.bar.inc(size);
                let mut last = lock(&self.last_line);
                if self.kind == ProgressKind::Plain && last.elapsed() >= HEARTBEAT {
                    *last = Instant::now();
                    let (position, length) = (self.bar.position(), self.bar.length().unwrap_or(0));
                    to_stderr(&format!("read {} of {}", bytes(position), bytes(length)));
                }
            }
            _ => {}
        }
    }
}

/// Shows how many volumes of the sessions under way were read.
pub(crate) struct VolumeProgress {
    bar: Option<ProgressBar>,
    /// Volumes read and volumes in all, of every session under way.
    sessions: Mutex<HashMap<(SubjectId, SessionId), (usize, usize)>>,
}

impl VolumeProgress {
    pub(crate) fn new(context: &Context) -> Self {
        let bar = (drawable(context.progress()) == ProgressKind::Bar).then(|| {
            let bar = ProgressBar::new(0);
            bar.set_style(style("{msg} {wide_bar} {pos}/{len} volumes {eta}"));
            bar
        });
        Self { bar, sessions: Mutex::default() }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for VolumeProgress {
    fn event(&self, event: Event<'_>) {
        let Event::Volume { subject, session, done, total } = event else { return };
        let Some(bar) = &self.bar else { return };
        let mut sessions = lock(&self.sessions);
        sessions.insert((subject.clone(), session.clone()), (done, total));
        let sums = sessions.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        bar.set_message(session.to_string());
        bar.set_length(sums.1 as u64);
        bar.set_position(sums.0 as u64);
    }
}

/// The word for an outcome in JSON.
pub(crate) fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Fetched { .. } => "fetched",
        Outcome::Kept => "kept",
        Outcome::Withheld { .. } => "withheld",
        Outcome::Refused(_) => "refused",
        Outcome::Gone => "gone",
        Outcome::Failed { .. } => "failed",
        Outcome::NotAttempted => "not attempted",
        _ => "other",
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template that does not parse would only cost the looks.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn to_stderr(line: &str) {
    // Progress that cannot be shown is not worth a failure.
    let _ = writeln!(io::stderr(), "{line}");
}
