//! Errors of the facade as exceptions of the Python module.
//!
//! The classes are Python classes (`laion_fmri._errors`), so that they pickle and print as those of
//! any Python package; here it is only decided which one an error is.

use std::error::Error as _;
use std::io;
use std::path::Path;

use laion_fmri::access::AccessError;
use laion_fmri::{Error, ErrorKind, InputError, SubjectId, stimuli};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::hint::{self, Known};

/// The exception of an error.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    raised_in(py, error, &|_: &SubjectId| None)
}

/// The exception of an error, with a hint that knows what the bucket has, and what of a subject.
pub(crate) fn raised_in(
    py: Python<'_>,
    error: &Error,
    known: &impl Fn(&SubjectId) -> Option<Known>,
) -> PyErr {
    let details = PyDict::new(py);
    let elsewhere = |root: &Path| elsewhere(py, root);
    let hint = hint::instead(error, known).or_else(|| hint::of(error, &elsewhere));
    let built = details_of(error, &details)
        .and_then(|()| build(py, class_of(error), &text(error), hint, details));
    built.unwrap_or_else(|failed| failed)
}

/// A data directory as the argument of a call, where calls use another one by themselves.
pub(crate) fn elsewhere(py: Python<'_>, root: &Path) -> Option<String> {
    let find = || -> PyResult<Option<String>> {
        py.import("laion_fmri.config")?.getattr("_elsewhere")?.call1((root,))?.extract()
    };
    // A configuration that cannot be read makes no hint worse.
    find().unwrap_or_default()
}

/// The exception of whatever the facade has an error for.
pub(crate) fn raise<E: Into<Error>>(py: Python<'_>) -> impl Fn(E) -> PyErr {
    move |error| raised(py, &error.into())
}

/// An argument that has no meaning.
pub(crate) fn invalid(py: Python<'_>, message: &str) -> PyErr {
    build(py, "InvalidRequestError", message, None, PyDict::new(py)).unwrap_or_else(|failed| failed)
}

/// A mistake of this package.
pub(crate) fn internal(py: Python<'_>, what: &str) -> PyErr {
    let message = format!("internal error of laion_fmri: {what}");
    build(py, "InternalError", &message, None, PyDict::new(py)).unwrap_or_else(|failed| failed)
}

fn build(
    py: Python<'_>,
    class: &str,
    message: &str,
    hint: Option<String>,
    details: Bound<'_, PyDict>,
) -> PyResult<PyErr> {
    let make = py.import("laion_fmri._errors")?.getattr("_build")?;
    Ok(PyErr::from_value(make.call1((class, message, hint, details))?))
}

/// The error with its causes.
fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Some errors say what their cause says.
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    text
}

fn class_of(error: &Error) -> &'static str {
    match error {
        Error::DataDirNotSet => "DataDirNotSetError",
        Error::DataDirUnusable { .. } => "DataDirUnusableError",
        Error::SubjectNotFound { .. } => "SubjectNotFoundError",
        Error::DataNotDownloaded { .. } | Error::LocalCopyNeeded { .. } => "DataNotDownloadedError",
        Error::StimuliNotDownloaded { .. } => "StimuliNotDownloadedError",
        Error::NoMatchingData { .. } => "NoMatchingDataError",
        Error::LicenseNotAccepted { .. } => "LicenseNotAcceptedError",
        Error::TrialOutOfRange { .. }
        | Error::GlobalTrialOutOfRange { .. }
        | Error::OutOfRange { .. } => "OutOfRangeError",
        Error::Stimuli(error) => match **error {
            stimuli::Error::RowOutOfRange { .. } => "OutOfRangeError",
            stimuli::Error::UnknownImage { .. }
            | stimuli::Error::UnknownMask { .. }
            | stimuli::Error::ModelNotOpen { .. }
            | stimuli::Error::InvalidEmbedding { .. } => "UnknownNameError",
            stimuli::Error::Open { .. } => "OSError",
            _ => "DataIntegrityError",
        },
        Error::Access(AccessError::TermsOutdated { .. }) => "TermsOutdatedError",
        Error::Access(AccessError::Revoked { .. }) => "AccessRevokedError",
        Error::Access(AccessError::UnknownRequestId { .. }) => "AccessNotFoundError",
        Error::Access(_) => "AccessServiceError",
        Error::Offline { .. } => "OfflineError",
        Error::OutOfMemory { .. } => "OutOfMemoryError",
        Error::Mirror(_)
        | Error::Transfer { .. }
        | Error::Object(_)
        | Error::Incomplete(_)
        | Error::Plan(_) => "TransferError",
        Error::Input(InputError::NotInBucket { .. }) => "DataNotFoundError",
        _ => match error.kind() {
            ErrorKind::Usage => "InvalidRequestError",
            ErrorKind::NotThere => "DataNotFoundError",
            ErrorKind::Integrity => "DataIntegrityError",
            ErrorKind::Access => "AccessServiceError",
            ErrorKind::Cancelled => "KeyboardInterrupt",
            _ => "OSError",
        },
    }
}

fn details_of(error: &Error, details: &Bound<'_, PyDict>) -> PyResult<()> {
    if let Error::Access(AccessError::TermsOutdated { accept_url, current_terms_version }) = error {
        details.set_item("accept_url", accept_url)?;
        details.set_item("terms_version", current_terms_version)?;
    }
    if let Some(path) = path_of(error) {
        details.set_item("filename", path)?;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(number) = error.downcast_ref().and_then(io::Error::raw_os_error) {
            return details.set_item("errno", number);
        }
        cause = error.source();
    }
    Ok(())
}

/// The file that an error is about, for errors that are an `OSError` in Python.
fn path_of(error: &Error) -> Option<&Path> {
    match error {
        Error::DataDirUnusable { path, .. }
        | Error::DataNotDownloaded { path, .. }
        | Error::LocalCopyNeeded { path, .. }
        | Error::StimuliNotDownloaded { path, .. }
        | Error::Input(InputError::NotInBucket { path, .. })
        | Error::Io { path, .. } => Some(path),
        Error::Stimuli(error) => match &**error {
            stimuli::Error::Open { path, .. } => Some(path),
            _ => None,
        },
        _ => None,
    }
}

/// What cannot happen in code that holds its invariants, as an exception all the same.
pub(crate) fn impossible(what: impl std::fmt::Display) -> PyErr {
    PyRuntimeError::new_err(format!("internal error of laion_fmri: {what}"))
}
