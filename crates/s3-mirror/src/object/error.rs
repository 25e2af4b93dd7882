//! Why an object cannot be read to its end: [`ObjectError`].

use std::io;
use std::sync::Arc;

use crate::digest::Mismatch;
use crate::get::{Failure, error_of};
use crate::{Check, Error, Key, Store};

/// Why an object cannot be read, or not to its end.
///
/// `Read` can only give an [`io::Error`]; [`ObjectError::find`] gets this one back out of it, and out
/// of whatever the error was wrapped into.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The object is not the one that was opened, or asked for, any more.
    #[error("{location} has another version of {key:?} now{}", expected.as_deref().map(|tag| format!(" (expected {tag})")).unwrap_or_default())]
    Changed {
        /// The location.
        location: String,
        /// The key.
        key: String,
        /// The entity tag of the version that was read, if it had one.
        expected: Option<String>,
    },
    /// All bytes came, and they do not have the checksum or the entity tag of the object.
    #[error("content of {key:?} in {location} has {check} {got} (expected {expected})")]
    Checksum {
        /// The location.
        location: String,
        /// The key.
        key: String,
        /// Which of them.
        check: Check,
        /// That of the object.
        expected: String,
        /// The same of the bytes.
        got: String,
    },
    /// The [`Cancel`](crate::Cancel) was set.
    #[error("reading {key:?} was cancelled")]
    Cancelled {
        /// The key.
        key: String,
    },
    /// The runtime that fetches the bytes is shutting down.
    #[error("reading {key:?} was interrupted")]
    Interrupted {
        /// The key.
        key: String,
    },
    /// The store does not deliver it, or not the rest of it.
    #[error(transparent)]
    Store(Arc<Error>),
}

impl ObjectError {
    /// The error of an [`ObjectReader`](crate::ObjectReader) in `error` or anywhere below it.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            // The `source` of an I/O error skips the error inside it.
            let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = match inside {
                Some(inside) => Some(inside),
                None => error.source(),
            };
        }
        None
    }

    /// Whether the store has the object and withholds it (HTTP 401 or 403).
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_denied())
    }

    pub(super) fn of(failure: Failure, store: &Store, key: &Key, etag: Option<&str>) -> Self {
        match error_of(failure) {
            Some(error) => Self::Store(Arc::new(error)),
            None => Self::Changed {
                location: store.name().to_owned(),
                key: key.to_string(),
                expected: etag.map(str::to_owned),
            },
        }
    }

    pub(super) fn mismatch(mismatch: Mismatch, store: &Store, key: &Key) -> Self {
        let (location, key) = (store.name().to_owned(), key.to_string());
        match mismatch {
            Mismatch::Checksum { check, expected, got, .. } => {
                Self::Checksum { location, key, check, expected, got }
            }
            Mismatch::Sha256 { expected, got } => {
                let (check, expected, got) = (Check::Sha256, expected.to_string(), got.to_string());
                Self::Checksum { location, key, check, expected, got }
            }
            Mismatch::Damaged { source, .. } => {
                Self::Store(Arc::new(Error::Other { location, subject: key, source }))
            }
        }
    }
}

impl From<ObjectError> for io::Error {
    /// Never [`io::ErrorKind::Interrupted`], which callers of `Read` try again.
    fn from(error: ObjectError) -> Self {
        let kind = match &error {
            ObjectError::Changed { .. } | ObjectError::Checksum { .. } => {
                io::ErrorKind::InvalidData
            }
            ObjectError::Cancelled { .. } | ObjectError::Interrupted { .. } => {
                io::ErrorKind::ConnectionAborted
            }
            ObjectError::Store(error) => match &**error {
                Error::Denied { .. } => io::ErrorKind::PermissionDenied,
                Error::NotFound { .. } => io::ErrorKind::NotFound,
                Error::Unreachable { .. } => io::ErrorKind::NotConnected,
                Error::WrongAnswer { .. } => io::ErrorKind::InvalidData,
                _ => io::ErrorKind::Other,
            },
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_wherever_it_is() {
        let denied = || {
            let (location, key) = ("there".to_owned(), "a".to_owned());
            ObjectError::Store(Arc::new(Error::Denied { location, key }))
        };
        let error = io::Error::from(denied());
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(ObjectError::find(&error).is_some_and(ObjectError::is_denied));
        let wrapped = io::Error::other(error);
        assert!(ObjectError::find(&wrapped).is_some_and(ObjectError::is_denied));
        assert!(ObjectError::find(&denied()).is_some());
        assert!(ObjectError::find(&io::Error::other("disk")).is_none());
        let cancelled = ObjectError::Cancelled { key: "a".to_owned() };
        assert_eq!(cancelled.to_string(), "reading \"a\" was cancelled");
        assert_eq!(io::Error::from(cancelled).kind(), io::ErrorKind::ConnectionAborted);
    }
}
