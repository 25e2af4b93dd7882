//! Progress on standard error: bars on a terminal, a line every few seconds elsewhere, or JSON.

mod asking;
mod bars;
mod counts;
mod files;
mod live;
mod screen;
mod text;
mod ticker;
mod transfers;
mod volumes;
mod waits;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use laion_fmri::Observer;
use laion_fmri::s3_mirror::Outcome;
use serde_json::{Value, json};

pub(crate) use self::asking::Asking;
pub(crate) use self::files::Files;
pub(crate) use self::screen::write_above;
pub(crate) use self::text::in_words;
pub(crate) use self::volumes::{Source, VolumeProgress};
use crate::args::ProgressKind;
use crate::context::Context;
use crate::output::json_line;

/// How often a line is printed where there is no terminal.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What shows progress as long as it lives.
enum Shown {
    Live { _rows: live::Live },
    Ticks { _ticker: ticker::Ticker },
}

/// Shows the progress of a transfer.
pub(crate) fn transfer(context: &Context) -> Box<dyn Observer + Send + Sync> {
    match drawable(context.progress()) {
        ProgressKind::None => Box::new(()),
        kind => Box::new(transfers::Transfers::new(kind)),
    }
}

/// Lines can only be redrawn on a terminal.
fn drawable(kind: ProgressKind) -> ProgressKind {
    if kind == ProgressKind::Bar && !io::stderr().is_terminal() {
        ProgressKind::Plain
    } else {
        kind
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
        Outcome::Unfinished { .. } => "unfinished",
        Outcome::NotAttempted => "not attempted",
        _ => "other",
    }
}

/// A line for programs.
fn object<const N: usize>(name: &str, fields: [(&str, Value); N]) -> String {
    let fields = fields.map(|(field, value)| (field.to_owned(), value));
    let named = std::iter::once(("event".to_owned(), json!(name)));
    json_line("progress", named.chain(fields))
}

fn to_stderr(line: &str) {
    // Progress that cannot be shown is not worth a failure.
    let _ = writeln!(io::stderr(), "{line}");
}
