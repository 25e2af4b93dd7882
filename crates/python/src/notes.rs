//! Notes of the libraries: warnings become Python warnings, the rest log records of `laion_fmri`.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Mutex, Once};

use laion_fmri_base::lock;
use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::{error, hint};

/// Notes that wait for the thread that holds the GIL; of very many the oldest are dropped.
static WAITING: Mutex<VecDeque<Note>> = Mutex::new(VecDeque::new());
const MOST: usize = 1000;

/// From now on, notes wait to be delivered. The command has a subscriber of its own, so this is not done
/// before the first call that is not the command.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A program that embeds this module may have a subscriber, which then gets the notes.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Notes));
    });
}

/// Hands the notes that wait to `warnings` and `logging`. A warning that a filter turns into an
/// exception is raised; the notes behind it are dropped with the call.
pub(crate) fn deliver(py: Python<'_>) -> PyResult<()> {
    let notes = std::mem::take(&mut *lock(&WAITING));
    if notes.is_empty() {
        return Ok(());
    }
    let deliver = py.import("laion_fmri._notes")?.getattr("deliver")?;
    for note in notes {
        let level = match note.level {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            _ => "debug",
        };
        deliver.call1((level, note.with_call(py)))?;
    }
    Ok(())
}

struct Notes;

impl<S: Subscriber> Layer<S> for Notes {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // The network stack below repeats at length what our own errors say.
        let ours = ["laion_fmri", "s3_mirror", "nifti_stream"];
        let target = metadata.target();
        *metadata.level() <= Level::DEBUG && ours.iter().any(|name| target.starts_with(name))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let mut note = Note { level, target, text: Text::default() };
        event.record(&mut note.text);
        let mut waiting = lock(&WAITING);
        if waiting.len() == MOST {
            waiting.pop_front();
        }
        waiting.push_back(note);
    }
}

/// A note that waits.
struct Note {
    level: Level,
    target: &'static str,
    text: Text,
}

impl Note {
    /// The message with the call that helps, or with its fields.
    fn with_call(self, py: Python<'_>) -> String {
        let Text { message, fields, subject, path } = self.text;
        let elsewhere = |root: &Path| error::elsewhere(py, root);
        match hint::of_note(self.target, &subject, Path::new(&path), &elsewhere) {
            Some(call) => format!("{message}; {call}"),
            None => message + &fields,
        }
    }
}

/// The message of an event, and its fields behind it.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
    subject: String,
    path: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "subject" => self.subject = format!("{value:?}"),
            "path" => self.path = format!("{value:?}"),
            _ => {}
        }
        // Writing into a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " ({name}: {value:?})"),
        };
    }
}
