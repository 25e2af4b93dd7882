//! How a command ends: the exit status, and the message for a failure.

use std::io::{self, Write};
use std::process::ExitCode;

use laion_fmri::{Error, ErrorKind};

use crate::hint;

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

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.code())
    }
}

/// A wrong use of the command line that the argument parser cannot see.
#[derive(Debug)]
pub(crate) struct UsageError {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for UsageError {}

/// A failure that only the command line knows of.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

/// A failure with a better hint than the library can give.
#[derive(Debug)]
pub(crate) struct Hinted {
    pub(crate) error: Error,
    pub(crate) hint: String,
}

impl std::fmt::Display for Hinted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Hinted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// The status that a failure ends with; `signal` is the signal that arrived, if any.
pub(crate) fn status_of(error: &anyhow::Error, signal: Option<u8>) -> Status {
    if broken_pipe(error) {
        return Status::Done;
    }
    if error.is::<UsageError>() {
        return Status::Usage;
    }
    let kind = error
        .downcast_ref::<Error>()
        .or_else(|| error.downcast_ref::<Hinted>().map(|hinted| &hinted.error))
        .map(Error::kind);
    match kind {
        Some(ErrorKind::Usage) => Status::Usage,
        Some(ErrorKind::NotThere) => Status::NotThere,
        Some(ErrorKind::Integrity) => Status::Integrity,
        Some(ErrorKind::Access) => Status::Access,
        Some(ErrorKind::Cancelled) => Status::Signal(signal.unwrap_or(2)),
        _ => Status::Failed,
    }
}

/// Prints `error: ...` with its causes, and `hint: ...` when one is known.
pub(crate) fn report(error: &anyhow::Error, colored: bool) {
    if broken_pipe(error) {
        return;
    }
    let (red, cyan, reset) =
        if colored { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let mut message = format!("{red}error:{reset} {}\n", causes.join(": "));
    if let Some(hint) = hint_of(error) {
        message.push_str(&format!("{cyan}hint:{reset} {hint}\n"));
    }
    // Nothing is left to tell a user whose standard error is gone.
    let _ = io::stderr().write_all(message.as_bytes());
}

fn hint_of(error: &anyhow::Error) -> Option<String> {
    if let Some(hinted) = error.downcast_ref::<Hinted>() {
        return Some(hinted.hint.clone());
    }
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return Some(refused.hint.clone());
    }
    if let Some(usage) = error.downcast_ref::<UsageError>() {
        return usage.hint.clone();
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
        let usage = UsageError { message: String::new(), hint: None };
        assert_eq!(status_of(&usage.into(), None).code(), 2);
    }
}
