//! How a command ends: the exit status, and the message for a failure.

use std::io;

use laion_fmri::{Error, ErrorKind};
use serde_json::json;

use crate::args::Global;
use crate::{hint, message, output};

/// The exit statuses of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Done,
    Failed,
    Usage,
    NotThere,
    Integrity,
    Access,
    Withheld,
    /// Stopped by this signal.
    Signal(u8),
}

impl Status {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotThere => 3,
            Self::Integrity => 4,
            Self::Access => 5,
            Self::Withheld => 6,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

/// A failure of which the command line knows more than the library: that its use is wrong, that
/// only the command refuses it, or a better hint.
#[derive(Debug)]
pub(crate) struct CommandError {
    cause: Cause,
    hint: Option<String>,
}

#[derive(Debug)]
enum Cause {
    /// A wrong use that the argument parser cannot see.
    Usage(String),
    /// A refusal that only the command line knows of.
    Refused(String),
    /// Something that only the command line looked for is not there.
    NotThere(String),
    /// Something is left out that was asked for, with `--strict`.
    Withheld(String),
    Library(Box<Error>),
}

impl CommandError {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { cause: Cause::Usage(message.into()), hint: None }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { cause: Cause::Refused(message.into()), hint: None }
    }

    pub(crate) fn not_there(message: impl Into<String>) -> Self {
        Self { cause: Cause::NotThere(message.into()), hint: None }
    }

    pub(crate) fn withheld(message: impl Into<String>) -> Self {
        Self { cause: Cause::Withheld(message.into()), hint: None }
    }

    /// Says what to type next, in the place of the hint that the error alone has.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        Self { cause: Cause::Library(Box::new(error)), hint: None }
    }
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.cause {
            Cause::Usage(message)
            | Cause::Refused(message)
            | Cause::NotThere(message)
            | Cause::Withheld(message) => f.write_str(message),
            Cause::Library(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CommandError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Usage(_) | Cause::Refused(_) | Cause::NotThere(_) | Cause::Withheld(_) => None,
            Cause::Library(error) => error.source(),
        }
    }
}

/// The status that a failure ends with; `signal` is the signal that arrived, if any.
pub(crate) fn status_of(error: &anyhow::Error, signal: Option<u8>) -> Status {
    if broken_pipe(error) {
        return Status::Done;
    }
    let error = match error.downcast_ref::<CommandError>().map(|error| &error.cause) {
        Some(Cause::Usage(_)) => return Status::Usage,
        Some(Cause::Refused(_)) => return Status::Failed,
        Some(Cause::NotThere(_)) => return Status::NotThere,
        Some(Cause::Withheld(_)) => return Status::Withheld,
        Some(Cause::Library(error)) => Some(&**error),
        None => error.downcast_ref::<Error>(),
    };
    if error.is_some_and(is_about_no_file) {
        return Status::NotThere;
    }
    match error.map(Error::kind) {
        Some(ErrorKind::Usage) => Status::Usage,
        Some(ErrorKind::NotThere) => Status::NotThere,
        Some(ErrorKind::Integrity) => Status::Integrity,
        Some(ErrorKind::Access) => Status::Access,
        Some(ErrorKind::Cancelled) => Status::Signal(signal.unwrap_or(2)),
        _ => Status::Failed,
    }
}

/// Whether a file that was to be read, and that the user may have named, does not exist.
fn is_about_no_file(error: &Error) -> bool {
    let is_reading = match error {
        Error::Io { action, .. } => ["read", "open", "look at", "list"].contains(action),
        Error::Export(_) | Error::Nifti(_) | Error::Gifti(_) | Error::Label(_) => true,
        _ => false,
    };
    is_reading
        && error.kind() == ErrorKind::Other
        && hint::has_cause(error, io::ErrorKind::NotFound)
}

/// Prints `error: ...` with its causes, and `hint: ...` when one is known; for programs, one
/// object. Hints repeat what was typed.
pub(crate) fn report(error: &anyhow::Error, status: Status, form: Form, given: &Global) {
    if broken_pipe(error) {
        return;
    }
    let hint = hint_of(error).map(|text| hint::with_typed(&text, given));
    form.print(&chain(error.chain()), hint, status);
}

/// Prints a wrong use that the argument parser has found, or the help that was asked for.
pub(crate) fn report_usage(answer: &clap::Error, form: Form) -> u8 {
    let code = u8::try_from(answer.exit_code()).unwrap_or(Status::Usage.code());
    if answer.use_stderr() && form == Form::Json {
        let (message, hint) = parts_of_usage(&answer.render().to_string());
        form.print(&message, hint, Status::Usage);
    } else {
        // Nothing is left to tell a user who cannot be printed to.
        let _ = answer.print();
    }
    code
}

/// The message of the argument parser, and as the hint its tips or else the usage.
fn parts_of_usage(text: &str) -> (String, Option<String>) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some(text) = text.strip_prefix("error: ") else {
        // A command without a sub-command is answered with its help.
        return ("no command is named".to_owned(), Some("laion-fmri --help".to_owned()));
    };
    let mut blocks = text.split("\n\n");
    let message = words(blocks.next().unwrap_or_default());
    let starts = ["tip: ", "Usage: "];
    let hint = starts.iter().find_map(|start| {
        let mut blocks = blocks.clone().flat_map(|block| block.split("\n  tip: "));
        blocks.find_map(|block| block.trim().strip_prefix(start).map(words))
    });
    (message, hint)
}

/// The form of the message for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Colored,
    /// One object, for programs.
    Json,
}

impl Form {
    pub(crate) fn of(json: bool, colored: bool) -> Self {
        match (json, colored) {
            (true, _) => Self::Json,
            (false, true) => Self::Colored,
            (false, false) => Self::Plain,
        }
    }

    fn print(self, error: &str, hint: Option<String>, status: Status) {
        let (red, cyan, reset) = match self {
            Self::Json => {
                let fields = [
                    ("error", json!(error)),
                    ("hint", json!(hint)),
                    ("status", json!(status.code())),
                ];
                return message::print_json(&output::json_line("error", output::named(fields)));
            }
            Self::Colored => ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m"),
            Self::Plain => ("", "", ""),
        };
        message::print(&format!("{red}error:{reset} {error}"));
        if let Some(hint) = hint {
            message::print(&format!("{cyan}hint:{reset} {hint}"));
        }
    }
}

/// An error and its causes, without those that only repeat the one above them.
pub(crate) fn chain<'a>(
    causes: impl Iterator<Item = &'a (dyn std::error::Error + 'static)>,
) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in causes.map(ToString::to_string) {
        if texts.last().is_none_or(|above| !above.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

fn hint_of(error: &anyhow::Error) -> Option<String> {
    if let Some(CommandError { cause, hint }) = error.downcast_ref() {
        return match cause {
            Cause::Library(error) => hint.clone().or_else(|| hint::of(error)),
            Cause::Usage(_) | Cause::Refused(_) | Cause::NotThere(_) | Cause::Withheld(_) => {
                hint.clone()
            }
        };
    }
    hint::of(error.downcast_ref::<Error>()?)
}

/// Whether the reader of our output went away, as `head` does: that is not a failure.
fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_end_as_the_contract_says() {
        let cases = [
            (Error::DataDirNotSet, 2),
            (Error::NamedTwice { got: String::new() }, 2),
            (Error::SubjectNotFound { got: String::new(), available: Vec::new() }, 2),
            (Error::Offline { what: String::new() }, 3),
            (Error::LicenseNotAccepted { data_dir: "/".into() }, 5),
            (Error::OutOfMemory { rows: 1, columns: 1 }, 1),
        ];
        for (error, code) in cases {
            assert_eq!(status_of(&error.into(), None).code(), code);
        }
        assert_eq!(status_of(&Error::Cancelled.into(), Some(15)).code(), 143);
        assert_eq!(status_of(&Error::Cancelled.into(), Some(2)).code(), 130);
        let pipe = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(status_of(&pipe, None).code(), 0);
        for (error, code) in [
            (CommandError::usage("a"), 2),
            (CommandError::refused("a"), 1),
            (CommandError::not_there("a"), 3),
            (CommandError::withheld("a"), 6),
            (Error::Offline { what: String::new() }.into(), 3),
        ] {
            assert_eq!(status_of(&error.hint("b").into(), None).code(), code);
        }
    }

    #[test]
    fn a_cause_that_is_said_already_is_not_repeated() {
        let error = anyhow::anyhow!("no route to host").context("it failed: no route to host");
        assert_eq!(chain(error.context("a").chain()), "a: it failed: no route to host");
    }

    #[test]
    fn the_hint_of_the_command_comes_before_that_of_the_library() {
        let unset = || CommandError::from(Error::DataDirNotSet);
        assert_eq!(unset().to_string(), Error::DataDirNotSet.to_string());
        assert_eq!(hint_of(&unset().into()), hint::of(&Error::DataDirNotSet));
        assert_eq!(hint_of(&unset().hint("do this").into()).as_deref(), Some("do this"));
        assert_eq!(hint_of(&CommandError::usage("a").into()), None);
        let refused = CommandError::refused("a").hint("b");
        assert_eq!(hint_of(&refused.into()).as_deref(), Some("b"));
    }
}
