//! Progress on standard error: bars on a terminal, a line every few seconds elsewhere, or JSON.

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use laion_fmri::s3_mirror::{Key, Outcome, Plan, PlanItem};
use laion_fmri::{Cancel, Observer, ReadObserver, SessionId};
use serde_json::{Value, json};

use crate::args::ProgressKind;
use crate::context::Context;
use crate::output::{bytes, json_line};

/// How often a line is printed where there is no terminal.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// Shows the progress of a transfer.
pub(crate) fn transfer(context: &Context) -> Box<dyn Observer + Send + Sync> {
    match drawable(context.progress()) {
        ProgressKind::Bar => Box::new(Bars::default()),
        ProgressKind::Json => Box::new(JsonEvents::default()),
        ProgressKind::None => Box::new(()),
        ProgressKind::Plain | ProgressKind::Auto => Box::new(Heartbeat::default()),
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
    fn planned(&self, plan: &Plan) {
        let totals = plan.totals();
        let bar = self.multi.add(ProgressBar::new(totals.fetch.bytes));
        bar.set_style(style(
            "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {eta}",
        ));
        bar.set_message(format!("{} files", totals.fetch.count));
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

/// A line every few seconds.
#[derive(Default)]
struct Heartbeat {
    state: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    files: u64,
    total_files: u64,
    bytes: u64,
    total_bytes: u64,
    started: Option<Instant>,
    last_line: Option<Instant>,
}

impl Counts {
    fn plan(&mut self, plan: &Plan) {
        let totals = plan.totals();
        (self.total_files, self.total_bytes) = (totals.fetch.count, totals.fetch.bytes);
        self.started = Some(Instant::now());
        self.last_line = self.started;
    }

    fn line(&self) -> String {
        let seconds = self.started.map_or(0.0, |start| start.elapsed().as_secs_f64());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rate for people: a saturated or rounded figure is still right"
        )]
        let rate = if seconds > 0.0 { (self.bytes as f64 / seconds) as u64 } else { 0 };
        format!(
            "{}/{} files, {} of {}, {}/s",
            self.files,
            self.total_files,
            bytes(self.bytes),
            bytes(self.total_bytes),
            bytes(rate)
        )
    }
}

impl Observer for Heartbeat {
    fn planned(&self, plan: &Plan) {
        lock(&self.state).plan(plan);
    }

    fn advanced(&self, _: &PlanItem, bytes: u64) {
        let mut counts = lock(&self.state);
        counts.bytes += bytes;
        if counts.last_line.is_some_and(|last| last.elapsed() >= HEARTBEAT) {
            counts.last_line = Some(Instant::now());
            to_stderr(&counts.line());
        }
    }

    fn finished(&self, _: &PlanItem, outcome: &Outcome) {
        if matches!(outcome, Outcome::Fetched { .. }) {
            lock(&self.state).files += 1;
        }
    }
}

/// One JSON object for each file that ends.
#[derive(Default)]
struct JsonEvents {
    state: Mutex<Counts>,
}

impl Observer for JsonEvents {
    fn planned(&self, plan: &Plan) {
        let mut counts = lock(&self.state);
        counts.plan(plan);
        event(
            "planned",
            [("files", json!(counts.total_files)), ("bytes", json!(counts.total_bytes))],
        );
    }

    fn advanced(&self, _: &PlanItem, bytes: u64) {
        let mut counts = lock(&self.state);
        counts.bytes += bytes;
        if counts.last_line.is_some_and(|last| last.elapsed() >= Duration::from_secs(1)) {
            counts.last_line = Some(Instant::now());
            event(
                "progress",
                [("bytes", json!(counts.bytes)), ("total_bytes", json!(counts.total_bytes))],
            );
        }
    }

    fn finished(&self, item: &PlanItem, outcome: &Outcome) {
        event(
            "finished",
            [("key", json!(item.key.as_str())), ("outcome", json!(outcome_name(outcome)))],
        );
    }
}

fn event<const N: usize>(name: &str, fields: [(&str, Value); N]) {
    let fields = fields.map(|(field, value)| (field.to_owned(), value));
    let named = std::iter::once(("event".to_owned(), json!(name)));
    to_stderr(&json_line("progress", named.chain(fields)));
}

/// Shows how many volumes of a session were read, and stops the read when a signal arrived.
pub(crate) struct VolumeProgress {
    bar: Option<ProgressBar>,
    /// Volumes read and volumes in all, of every session under way.
    sessions: Mutex<HashMap<SessionId, (usize, usize)>>,
    cancel: Cancel,
}

impl VolumeProgress {
    pub(crate) fn new(context: &Context) -> Self {
        let bar = (drawable(context.progress()) == ProgressKind::Bar).then(|| {
            let bar = ProgressBar::new(0);
            bar.set_style(style("{msg} {wide_bar} {pos}/{len} volumes {eta}"));
            bar
        });
        Self { bar, sessions: Mutex::default(), cancel: context.interrupt.cancel().clone() }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl ReadObserver for VolumeProgress {
    fn volume(&self, session: &SessionId, done: usize, total: usize) -> bool {
        if let Some(bar) = &self.bar {
            let mut sessions = lock(&self.sessions);
            sessions.insert(session.clone(), (done, total));
            let sums = sessions.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            bar.set_message(session.to_string());
            bar.set_length(sums.1 as u64);
            bar.set_position(sums.0 as u64);
        }
        !self.cancel.is_cancelled()
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
