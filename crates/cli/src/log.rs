//! The notes of the libraries on standard error, in the form of the command's own messages.

use std::collections::HashSet;
use std::fmt;
use std::sync::Mutex;

use laion_fmri_base::lock;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::args::Global;
use crate::hint;
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
        .event_format(Message { given: global.clone(), said: Mutex::default() })
        // A program that runs the command twice, or listens itself, has a subscriber already.
        .try_init();
}

/// `warning: what happened path=...`, or, where a command helps,
/// `warning: what happened; the command`.
struct Message {
    /// The options that the command of a note repeats.
    given: Global,
    /// The notes with a command so far: several handles may notice the same.
    said: Mutex<HashSet<String>>,
}

/// What a note is about.
#[derive(Default)]
struct Parts {
    message: String,
    subject: String,
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "subject" => self.subject = format!("{value:?}"),
            _ => {}
        }
    }
}

/// A note with the command that helps, if there is one for notes of this kind.
fn with_command(target: &str, Parts { message, subject }: &Parts) -> Option<String> {
    Some(match target {
        "laion_fmri::changed" => {
            format!("{message}; compare it with: laion-fmri verify --repair")
        }
        "laion_fmri::gone_volume" => format!(
            "{message}; download what is missing with: laion-fmri verify --repair --subject {subject}"
        ),
        "laion_fmri::damaged_store" => format!(
            "{message}; build it again with: laion-fmri store build --subject {subject} --verify"
        ),
        "laion_fmri::stale_store" => format!(
            "{message}; laion-fmri verify --subject {subject} compares files that were copied, \
             laion-fmri store build --subject {subject} builds what has changed"
        ),
        _ => return None,
    })
}

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
        let mut parts = Parts::default();
        event.record(&mut parts);
        let told = with_command(event.metadata().target(), &parts);
        if told.as_ref().is_some_and(|told| !lock(&self.said).insert(told.clone())) {
            return Ok(());
        }
        let (word, color) = word(*event.metadata().level());
        match writer.has_ansi_escapes() {
            true => write!(writer, "\x1b[1;{color}m{word}:\x1b[0m ")?,
            false => write!(writer, "{word}: ")?,
        }
        match told {
            Some(told) => write!(writer, "{}", hint::with_typed(&told, &self.given))?,
            None => context.field_format().format_fields(writer.by_ref(), event)?,
        }
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
    fn notes_about_a_file_or_a_store_end_in_the_command_that_helps() {
        let parts = Parts { message: "it is so".to_owned(), subject: "sub-03".to_owned() };
        assert_eq!(
            with_command("laion_fmri::changed", &parts).as_deref(),
            Some("it is so; compare it with: laion-fmri verify --repair")
        );
        assert_eq!(
            with_command("laion_fmri::damaged_store", &parts).as_deref(),
            Some("it is so; build it again with: laion-fmri store build --subject sub-03 --verify")
        );
        assert_eq!(with_command("laion_fmri::betas", &parts), None);
    }

    #[test]
    fn levels_have_the_words_of_other_messages() {
        let words = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG].map(|it| word(it).0);
        assert_eq!(words, ["error", "warning", "note", "debug"]);
    }
}
