//! One way to make a call that may take long: on a thread of its own, while this one serves Python.
//!
//! The calling thread releases the GIL and looks up every 50 ms: for signals, so that Ctrl-C ends
//! the call; for progress, which it hands to a callable; and for notes, which become warnings and
//! log records.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use laion_fmri::s3_mirror::{self, Action, Outcome};
use laion_fmri::{Cancel, Event, Observer, SubjectId};
use laion_fmri_base::lock;
use pyo3::prelude::*;

use crate::hint::Known;
use crate::{error, notes};

/// How often the calling thread looks up.
const TICK: Duration = Duration::from_millis(50);

/// How long a call that was asked to stop may take before it is left alone. Work that looks at its
/// [`Cancel`] has ended by then; what cannot be stopped ends in the background, and its answer is
/// dropped.
const GRACE: Duration = Duration::from_millis(350);

/// What the work of a call is given.
pub(crate) struct Job {
    /// Set when the caller wants no answer any more.
    pub(crate) cancel: Cancel,
    meter: Arc<Meter>,
}

impl Job {
    /// Counts what happens.
    pub(crate) fn observer(&self) -> &dyn Observer {
        &*self.meter
    }
}

/// Does `work` without the GIL, and returns its answer or raises its error. `progress` is called as
/// `progress(done, total, unit)` with the GIL, at most twenty times a second.
pub(crate) fn run<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<Bound<'_, PyAny>>,
    work: impl FnOnce(&Job) -> laion_fmri::Result<T> + Send + 'static,
) -> PyResult<T> {
    run_in(py, progress, |_| None, work)
}

/// The same, with what hints know of a subject.
pub(crate) fn run_in<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<Bound<'_, PyAny>>,
    known: impl Fn(&SubjectId) -> Option<Known>,
    work: impl FnOnce(&Job) -> laion_fmri::Result<T> + Send + 'static,
) -> PyResult<T> {
    notes::listen();
    let job = Job { cancel: Cancel::new(), meter: Arc::default() };
    let (cancel, meter) = (job.cancel.clone(), Arc::clone(&job.meter));
    let (sender, receiver) = sync_channel(1);
    let answer = move || {
        // Nobody waits any more when the call was given up.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(|| work(&job))));
    };
    std::thread::Builder::new().name("laion-fmri".to_owned()).spawn(answer)?;
    let mut shown = Shown { progress, last: None };
    let mut receiver = Waiting(receiver);
    loop {
        let (back, answer) = py.detach(move || receiver.wait(TICK));
        receiver = back;
        let served = notes::deliver(py)
            .and_then(|()| py.check_signals())
            .and_then(|()| shown.show(meter.counts()));
        match answer {
            Ok(Ok(answer)) => {
                served?;
                return answer.map_err(|error| error::raised_in(py, &error, &known));
            }
            Ok(Err(panic)) => return Err(error::internal(py, &message(&*panic))),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(error::internal(py, "a thread ended without an answer"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Err(raised) = served {
            cancel.cancel();
            py.detach(move || drop(receiver.wait(GRACE)));
            return Err(raised);
        }
    }
}

type Answer<T> = std::thread::Result<laion_fmri::Result<T>>;

/// The end of the channel that an answer comes out of. It is moved into each wait and out again,
/// since it may be used by one thread only.
struct Waiting<T>(Receiver<Answer<T>>);

impl<T> Waiting<T> {
    fn wait(self, most: Duration) -> (Self, Result<Answer<T>, RecvTimeoutError>) {
        let answer = self.0.recv_timeout(most);
        (self, answer)
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

/// What was handed to the callable last.
struct Shown<'py> {
    progress: Option<Bound<'py, PyAny>>,
    last: Option<Counts>,
}

impl Shown<'_> {
    fn show(&mut self, counts: Option<Counts>) -> PyResult<()> {
        let (Some(progress), Some(counts)) = (&self.progress, counts) else { return Ok(()) };
        if self.last != Some(counts) {
            progress.call1((counts.done, counts.total, counts.unit))?;
            self.last = Some(counts);
        }
        Ok(())
    }
}

/// How far a call is.
#[derive(Clone, Copy, PartialEq)]
struct Counts {
    done: u64,
    total: u64,
    unit: &'static str,
}

/// Adds up the events of a call.
#[derive(Default)]
struct Meter(Mutex<Sums>);

#[derive(Default)]
struct Sums {
    counts: Option<Counts>,
    /// Volumes of each session, since several are read at once.
    sessions: HashMap<String, (u64, u64)>,
    /// Bytes of each object on its way.
    objects: HashMap<String, u64>,
}

impl Meter {
    fn counts(&self) -> Option<Counts> {
        lock(&self.0).counts
    }
}

impl Observer for Meter {
    fn event(&self, event: Event<'_>) {
        let mut sums = lock(&self.0);
        match event {
            Event::Volume { subject, session, done, total } => {
                let session = format!("{subject} {session}");
                sums.sessions.insert(session, (done as u64, total as u64));
                let (done, total) =
                    sums.sessions.values().fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
                sums.counts = Some(Counts { done, total, unit: "volumes" });
            }
            Event::Row { done, total } => {
                let (done, total) = (done as u64, total as u64);
                sums.counts = Some(Counts { done, total, unit: "rows" });
            }
            Event::Checking { bytes, .. } => {
                sums.counts = Some(Counts { done: 0, total: bytes, unit: "bytes" });
            }
            Event::Checked { bytes, .. } => sums.advance(bytes),
            Event::Transfer(event) => sums.transfer(event),
            _ => {}
        }
    }
}

impl Sums {
    fn advance(&mut self, bytes: u64) {
        if let Some(counts) = &mut self.counts {
            counts.done += bytes;
        }
    }

    fn retreat(&mut self, bytes: u64) {
        if let Some(counts) = &mut self.counts {
            counts.done = counts.done.saturating_sub(bytes);
        }
    }

    fn transfer(&mut self, event: s3_mirror::Event<'_>) {
        use s3_mirror::Event::{Advanced, Discarded, Finished, Planned, Resumed};
        match event {
            Planned { plan } => {
                let total = plan.totals().fetch.bytes;
                self.counts = Some(Counts { done: 0, total, unit: "bytes" });
            }
            Advanced { item, bytes } | Resumed { item, bytes } => {
                *self.objects.entry(item.key.to_string()).or_default() += bytes;
                self.advance(bytes);
            }
            Discarded { item, bytes } => {
                let there = self.objects.entry(item.key.to_string()).or_default();
                *there = there.saturating_sub(bytes);
                self.retreat(bytes);
            }
            Finished { item, outcome } => {
                let there = self.objects.remove(item.key.as_str()).unwrap_or_default();
                let wanted = matches!(item.action, Action::Fetch(_));
                // What will not come any more is not waited for.
                if wanted && !matches!(outcome, Outcome::Fetched { .. }) {
                    self.retreat(there);
                    if let Some(counts) = &mut self.counts {
                        counts.total = counts.total.saturating_sub(item.size);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Panics where calls do their work, so that a test sees what becomes of it.
#[pyfunction]
pub(crate) fn _panic(py: Python<'_>) -> PyResult<()> {
    run(py, None, |_| panic!("on purpose"))
}
