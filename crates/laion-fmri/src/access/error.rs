//! What can go wrong between here and the images: [`AccessError`].

use std::time::Duration;

use laion_fmri_base::{RootCause, counted, readable_bytes};

use super::{FormError, Sha256};
use crate::ErrorKind;

/// A cause that the HTTP client names; addresses are taken out of it.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The access service or one of its files cannot be used.
///
/// Addresses in the fields are without queries, and nothing holds a request id.
#[derive(Debug, thiserror::Error)]
#[doc(alias = "AccessServiceError")]
#[non_exhaustive]
pub enum AccessError {
    /// An address that is not that of a service.
    #[error("{url:?} is not the address of an access service: {reason}")]
    InvalidUrl {
        /// The address, unless it holds a password.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that cannot be a request id. The text itself is not repeated.
    #[error("not a request id: {reason}")]
    InvalidRequestId {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The form is incomplete, so nothing was sent.
    #[error("the access form cannot be sent")]
    Form(#[from] FormError),
    /// Access was not requested yet: there is no request id for this service.
    #[error("the stimulus images need an access request to {server}")]
    AccessNeeded {
        /// The service.
        server: String,
        /// Where access can be requested too.
        page: String,
    },
    /// The terms have changed since access was granted.
    #[doc(alias = "TermsOutdatedError")]
    #[error(
        "the terms of use are now version {current_terms_version}, which has to be accepted at {accept_url}"
    )]
    TermsOutdated {
        /// The page to visit.
        accept_url: String,
        /// The version in force, `?` when the service does not say.
        current_terms_version: String,
    },
    /// Access was taken back.
    #[doc(alias = "AccessRevokedError")]
    #[error("access to the stimulus images was revoked, see {page}")]
    Revoked {
        /// The page to visit.
        page: String,
    },
    /// The service does not know the request id.
    #[doc(alias = "AccessNotFoundError")]
    #[error("{server} does not know this request id, see {page}")]
    UnknownRequestId {
        /// The service.
        server: String,
        /// The page to visit.
        page: String,
    },
    /// Too many requests (status 429), for longer than it is waited for.
    #[error("{url} refuses further requests for now{}", retry_after.map(|wait| format!("; retry in {} s", wait.as_secs())).unwrap_or_default())]
    RateLimited {
        /// The address that was called.
        url: String,
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
    },
    /// Another status than success.
    #[error("{url} returned status {status}{}", said(detail))]
    Status {
        /// The address that was called.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the service says, shortened.
        detail: String,
    },
    /// The service sends its callers to another server, which is not followed.
    #[error("{url} redirects to another server ({to}), which is not followed")]
    Redirected {
        /// The address that was called.
        url: String,
        /// The other server.
        to: String,
    },
    /// No answer.
    #[error("{url} cannot be reached ({})", counted(*attempts, "attempt"))]
    Unreachable {
        /// The address that was called.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// What happened the last time.
        source: Cause,
    },
    /// An answer that does not follow the protocol.
    #[error("{url} does not respond like an access service: {reason}")]
    Malformed {
        /// The address that was called.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// An answer without an end.
    #[error("{url} returned more than {}", readable_bytes(*limit as u64))]
    TooLarge {
        /// The address that was called.
        url: String,
        /// The most that is read.
        limit: usize,
    },
    /// The manifest lacks a file that belongs to the release.
    #[error("the manifest of {url} does not list {name}")]
    NotInManifest {
        /// The service.
        url: String,
        /// The file.
        name: String,
    },
    /// Access was granted, but without a link to this file.
    #[error("{server} provided no link to {name}")]
    NoLink {
        /// The service.
        server: String,
        /// The file.
        name: String,
    },
    /// The service announces another file than at the start.
    #[error("the service replaced {name} in the meantime (sha256 {expected}, now {got})")]
    Replaced {
        /// The file.
        name: String,
        /// The digest in the manifest.
        expected: Sha256,
        /// The digest that came with the link.
        got: Sha256,
    },
    /// The store refuses a file although its link was renewed.
    #[error("{name}: refused with status {status}, even after {} of the link", counted(*renewed, "renewal"))]
    Denied {
        /// The file.
        name: String,
        /// The HTTP status.
        status: u16,
        /// How often the link was renewed.
        renewed: u32,
    },
    /// The store answers with a status that is not an answer to a download.
    #[error("{name}: the server returned status {status} after {}", counted(*attempts, "attempt"))]
    FileStatus {
        /// The file.
        name: String,
        /// The HTTP status.
        status: u16,
        /// Attempts without progress.
        attempts: u32,
    },
    /// The store answers with something that cannot be the file, such as a page or more bytes than the
    /// file has, again and again. Nothing of it is kept.
    #[error(
        "{name}: the server did not return the expected content (expected {expected}, got {got})"
    )]
    FileAnswer {
        /// The file.
        name: String,
        /// What the request implies.
        expected: String,
        /// What the answer says.
        got: String,
    },
    /// The store has a file of another size.
    #[error("{name} has {got} bytes on the server (expected {expected})")]
    FileSize {
        /// The file.
        name: String,
        /// Bytes according to the manifest.
        expected: u64,
        /// Bytes announced, or received until it was given up.
        got: u64,
    },
    /// What arrived is not the file. It was thrown away.
    #[error(
        "{name}: the download is not the expected file (expected sha256 {expected}, got {got})"
    )]
    FileDigest {
        /// The file.
        name: String,
        /// The digest in the manifest.
        expected: Sha256,
        /// The digest of what arrived.
        got: Sha256,
    },
    /// The transfer stopped again and again. What arrived is kept for the next run.
    #[error(
        "{name} stopped at {received} of {expected} bytes ({} without progress)",
        counted(*attempts, "attempt")
    )]
    Interrupted {
        /// The file.
        name: String,
        /// Bytes that are on disk.
        received: u64,
        /// Bytes according to the manifest.
        expected: u64,
        /// Attempts since the last progress.
        attempts: u32,
        /// What happened the last time.
        source: Cause,
    },
}

impl AccessError {
    /// The page that a person should visit, when that would help.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        match self {
            Self::TermsOutdated { accept_url, .. } => Some(accept_url),
            Self::Revoked { page }
            | Self::UnknownRequestId { page, .. }
            | Self::AccessNeeded { page, .. } => Some(page),
            _ => None,
        }
    }

    /// What the failure means for the caller.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidUrl { .. } | Self::InvalidRequestId { .. } => ErrorKind::Usage,
            Self::Form(error) => error.kind(),
            Self::AccessNeeded { .. }
            | Self::TermsOutdated { .. }
            | Self::Revoked { .. }
            | Self::UnknownRequestId { .. } => ErrorKind::Access,
            Self::FileAnswer { .. } | Self::FileSize { .. } | Self::FileDigest { .. } => {
                ErrorKind::Integrity
            }
            _ => ErrorKind::Other,
        }
    }
}

fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

/// A failure of the HTTP client without the address, which may be a secret.
pub(super) fn cause(error: reqwest::Error) -> Cause {
    RootCause(error.without_url()).into()
}

/// Text from a server as it may be shown: without control characters, on one line, not too long.
pub(super) fn tame(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_control() || c.is_whitespace()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_server_is_tamed() {
        assert_eq!(tame("a\x1b[31mb\r\n  c\u{7}", 80), "a [31mb c");
        assert_eq!(tame("äöüß", 2), "äö...");
        assert_eq!(tame("", 2), "");
    }

    #[test]
    fn what_a_failure_means() {
        let page = || "https://a.example/request".to_owned();
        let cases = [
            (AccessError::InvalidRequestId { reason: "" }, ErrorKind::Usage, None),
            (AccessError::Revoked { page: page() }, ErrorKind::Access, Some(page())),
            (
                AccessError::UnknownRequestId { server: page(), page: page() },
                ErrorKind::Access,
                Some(page()),
            ),
            (
                AccessError::FileSize { name: page(), expected: 1, got: 2 },
                ErrorKind::Integrity,
                None,
            ),
            (AccessError::RateLimited { url: page(), retry_after: None }, ErrorKind::Other, None),
        ];
        for (error, kind, page) in cases {
            assert_eq!((error.kind(), error.page()), (kind, page.as_deref()), "{error}");
        }
    }
}
