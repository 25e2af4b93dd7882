//! The notes of the libraries on standard error, in the form of the command's own messages.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::args::Global;
use crate::message::Messages;

/// Shows as many of the notes as were asked for.
pub(crate) fn to_stderr(global: &Global, colored: bool) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, _) => "debug",
    };
    // The network stack below repeats at length what our own errors say.
    let filter = format!("error,laion_fmri={level},s3_mirror={level},nifti_stream={level}");
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(|| Messages)
        .with_ansi(colored)
        .event_format(Message)
        // A program that runs the command twice, or listens itself, has a subscriber already.
        .try_init();
}

/// `warning: what happened path=...`
struct Message;

impl<S, N> FormatEvent<S, N> for Message
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (word, color) = word(*event.metadata().level());
        match writer.has_ansi_escapes() {
            true => write!(writer, "\x1b[1;{color}m{word}:\x1b[0m ")?,
            false => write!(writer, "{word}: ")?,
        }
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// What a level is called, and its colour.
fn word(level: Level) -> (&'static str, u8) {
    match level {
        Level::ERROR => ("error", 31),
        Level::WARN => ("warning", 33),
        Level::INFO => ("note", 36),
        _ => ("debug", 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_words_of_other_messages() {
        let words = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG].map(|it| word(it).0);
        assert_eq!(words, ["error", "warning", "note", "debug"]);
    }
}
