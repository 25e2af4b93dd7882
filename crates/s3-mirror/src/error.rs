//! What can go wrong between this crate and a store: [`Error`].

use std::error::Error as StdError;
use std::io;

use laion_fmri_base::{RootCause, counted};
use object_store::client::{HttpError, HttpErrorKind};

/// A boxed lower-level error, kept as `source()`.
pub type Source = Box<dyn StdError + Send + Sync + 'static>;

/// A request to a store that failed.
///
/// Errors are told apart by HTTP status and by type, never by message text. Every variant names the
/// location as [`Store::name`](crate::Store::name) gives it. `Display` says only what happened here;
/// the rest is in `source()`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store has no such object.
    #[error("{location} has no object {key:?}")]
    NotFound {
        /// The location.
        location: String,
        /// The key that was asked for.
        key: String,
    },
    /// The bucket, or the folder of a `file://` location, does not exist.
    #[error("{location} does not exist")]
    NoSuchBucket {
        /// The location.
        location: String,
    },
    /// The store refuses to hand out an object (HTTP 401 or 403).
    #[error("{location} denies access to {key:?}")]
    Denied {
        /// The location.
        location: String,
        /// The key that was asked for.
        key: String,
    },
    /// Every link to an object is refused, although it was renewed.
    #[error(
        "{location} refuses access to {key:?} with status {status}, even after {} of the link",
        counted(*renewed, "renewal")
    )]
    LinkRefused {
        /// The store.
        location: String,
        /// The key that was asked for.
        key: String,
        /// The HTTP status.
        status: u16,
        /// How often the link was renewed.
        renewed: u32,
    },
    /// There is no link to an object.
    #[error("{location} provided no link to {key:?}")]
    Link {
        /// The store.
        location: String,
        /// The key that was asked for.
        key: String,
        /// What [`Links`](crate::Links) says.
        source: Source,
    },
    /// The store refuses to list (HTTP 401 or 403).
    #[error("{location} refuses to list keys under {prefix:?}")]
    ListDenied {
        /// The location.
        location: String,
        /// The prefix that was asked for.
        prefix: String,
    },
    /// No connection, or one that broke or fell silent, after the bounded number of attempts.
    #[error("{location} cannot be reached")]
    Unreachable {
        /// The location.
        location: String,
        /// What the last attempt met.
        source: Source,
    },
    /// The bucket lives in another region than the location says, and it could not be followed there.
    #[error("{location} is in region {got} (expected {expected})")]
    WrongRegion {
        /// The location.
        location: String,
        /// The region of the location.
        expected: String,
        /// The region that the server names.
        got: String,
    },
    /// The server answers a listing with a status that has no meaning of its own here.
    #[error("{location} returned status {status} ({code}) for the listing of {prefix:?}")]
    Status {
        /// The location.
        location: String,
        /// The prefix that was asked for.
        prefix: String,
        /// The HTTP status.
        status: u16,
        /// The S3 error code, or `"no code"`.
        code: String,
    },
    /// The server answers a request for an object with a status that has no meaning of its own here,
    /// or kept saying that it is busy.
    #[error("{location} returned status {status} ({code}) for {key:?}")]
    ObjectStatus {
        /// The location.
        location: String,
        /// The key that was asked for.
        key: String,
        /// The HTTP status.
        status: u16,
        /// The S3 error code, or `"no code"`.
        code: String,
    },
    /// The server answers a request for an object with something else: another range, or a page
    /// that is not an object.
    #[error(
        "{location} did not return the expected content for {key:?} (expected {expected}, got {got})"
    )]
    WrongAnswer {
        /// The location.
        location: String,
        /// The key that was asked for.
        key: String,
        /// What the request implies.
        expected: String,
        /// What the answer says.
        got: String,
    },
    /// A proxy on the way wants to know who asks (HTTP 407).
    #[error("a proxy on the way to {location} asks for a user name and a password (status 407)")]
    ProxyRefused {
        /// The location.
        location: String,
    },
    /// No client for the location can be set up. For `https` that is most often a machine without the
    /// certificates of any authority.
    #[error("no connection to {location} can be set up")]
    Client {
        /// The location.
        location: String,
        /// What is missing.
        source: Source,
    },
    /// The server's listing is not what the S3 protocol describes.
    #[error("{location} returned a listing of {prefix:?} that cannot be read")]
    MalformedListing {
        /// The location.
        location: String,
        /// The prefix that was asked for.
        prefix: String,
        /// What is wrong with it.
        source: Source,
    },
    /// Anything else, for example a failing disk under a `file://` location.
    #[error("{location}: the request for {subject:?} failed")]
    Other {
        /// The location.
        location: String,
        /// The key or prefix that was asked for; empty for the bucket itself.
        subject: String,
        /// What the store says.
        source: Source,
    },
}

impl Error {
    /// Whether the store refuses this object or listing, so that asking again is useless until its
    /// owner changes something.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::ListDenied { .. } | Self::LinkRefused { .. })
    }

    /// Whether the location itself could not be reached, so that requests for other keys would fail
    /// too.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// Translates an `object_store` error about one object.
pub(crate) fn about_object(location: &str, key: &str, error: object_store::Error) -> Error {
    let (location, key) = (location.to_owned(), key.to_owned());
    match meaning(&error) {
        Meaning::NotFound => Error::NotFound { location, key },
        Meaning::Denied => Error::Denied { location, key },
        Meaning::Unreachable => Error::Unreachable { location, source: Box::new(RootCause(error)) },
        Meaning::Other => Error::Other { location, subject: key, source: Box::new(error) },
    }
}

/// Translates an `object_store` error about a listing.
pub(crate) fn about_listing(location: &str, prefix: &str, error: object_store::Error) -> Error {
    let (location, prefix) = (location.to_owned(), prefix.to_owned());
    match meaning(&error) {
        Meaning::NotFound => Error::NoSuchBucket { location },
        Meaning::Denied => Error::ListDenied { location, prefix },
        Meaning::Unreachable => Error::Unreachable { location, source: Box::new(RootCause(error)) },
        Meaning::Other => Error::Other { location, subject: prefix, source: Box::new(error) },
    }
}

/// Whether sending the same request again may help.
pub(crate) fn is_transient(kind: HttpErrorKind) -> bool {
    matches!(
        kind,
        HttpErrorKind::Connect
            | HttpErrorKind::Request
            | HttpErrorKind::Timeout
            | HttpErrorKind::Interrupted
    )
}

/// Whether a broken body stream may be continued: some layer below is a transport error.
pub(crate) fn is_transport(error: &object_store::Error) -> bool {
    chain(error).any(|error| error.downcast_ref::<HttpError>().is_some())
}

enum Meaning {
    NotFound,
    Denied,
    Unreachable,
    Other,
}

/// The variants of `object_store` where they are exact, otherwise the typed errors below them.
///
/// Inside `Error::Generic`, a type that `object_store` does not export holds the status of a failed
/// request. So listings of a [`Location`](crate::Location) do not come this way (see
/// `listing/s3.rs`). For a store given by the caller, a denied listing is `Other`.
fn meaning(error: &object_store::Error) -> Meaning {
    match error {
        object_store::Error::NotFound { .. } => return Meaning::NotFound,
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => {
            return Meaning::Denied;
        }
        _ => {}
    }
    for error in chain(error) {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            return if is_transient(error.kind()) { Meaning::Unreachable } else { Meaning::Other };
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => return Meaning::NotFound,
                io::ErrorKind::PermissionDenied => return Meaning::Denied,
                _ => {}
            }
        }
    }
    Meaning::Other
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| StdError::source(*error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(source: impl StdError + Send + Sync + 'static) -> object_store::Error {
        object_store::Error::Generic { store: "test", source: Box::new(source) }
    }

    fn http(kind: HttpErrorKind) -> object_store::Error {
        generic(HttpError::new(kind, io::Error::other("below")))
    }

    #[test]
    fn variants_keep_their_meaning() {
        let source = || Box::new(io::Error::other("below"));
        let error = object_store::Error::NotFound { path: "x".to_owned(), source: source() };
        assert!(matches!(
            about_object("there", "a/b", error),
            Error::NotFound { location, key } if location == "there" && key == "a/b"
        ));
        let error =
            object_store::Error::PermissionDenied { path: "x".to_owned(), source: source() };
        let error = about_object("there", "a/b", error);
        assert!(error.is_denied() && !error.is_unreachable());
        assert_eq!(error.to_string(), "there denies access to \"a/b\"");
        let error = object_store::Error::Unauthenticated { path: "x".to_owned(), source: source() };
        assert!(matches!(
            about_listing("there", "a/", error),
            Error::ListDenied { location, prefix } if location == "there" && prefix == "a/"
        ));
    }

    #[test]
    fn generic_errors_are_told_apart_by_type() {
        for kind in [HttpErrorKind::Connect, HttpErrorKind::Timeout, HttpErrorKind::Interrupted] {
            let error = about_object("there", "a", http(kind));
            assert!(error.is_unreachable(), "{kind:?}");
            assert_eq!(error.to_string(), "there cannot be reached");
            assert!(error.source().is_some());
        }
        assert!(matches!(
            about_object("there", "a", http(HttpErrorKind::Decode)),
            Error::Other { subject, .. } if subject == "a"
        ));
        let missing = generic(io::Error::from(io::ErrorKind::NotADirectory));
        assert!(matches!(about_object("there", "a", missing), Error::NotFound { .. }));
        let denied = generic(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(matches!(about_listing("there", "a", denied), Error::ListDenied { .. }));
        let gone = generic(io::Error::from(io::ErrorKind::NotFound));
        assert!(matches!(
            about_listing("there", "a", gone),
            Error::NoSuchBucket { location } if location == "there"
        ));
        assert!(!is_transport(&generic(io::Error::other("disk"))));
        assert!(is_transport(&http(HttpErrorKind::Decode)));
    }
}
