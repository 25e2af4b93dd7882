//! What became of each object: [`Report`] and [`Outcome`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use laion_fmri_base::{Sha256, counted, readable_bytes};

use super::incomplete::Incomplete;
use crate::{Check, Content, Error, InvalidKey, Key, Refusal};

/// What became of each object of a plan.
///
/// A transfer in which every object failed gives a report too: [`into_result`](Self::into_result)
/// makes an error of one that is not complete.
#[derive(Clone, Debug)]
#[must_use = "a report says whether anything arrived; `into_result` makes an error of an incomplete one"]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Report {
    /// One outcome per item of the plan, in the same order.
    pub outcomes: Vec<(Key, Outcome)>,
    /// Names from the listing that are not keys, as the plan has them.
    pub refused: Vec<InvalidKey>,
    /// Keys that only came along with those that were wanted, as the plan has them.
    pub accompanying: BTreeSet<Key>,
    /// What is known about the bytes of the objects that were transferred: what shows that they are right,
    /// and faults that the objects themselves have.
    pub contents: BTreeMap<Key, Content>,
    /// Why the transfer ended before its end, if it did.
    pub stop: Option<Stop>,
}

/// What became of one object.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Outcome {
    /// It was transferred and is complete on disk.
    Fetched {
        /// Its bytes.
        bytes: u64,
    },
    /// It was there already.
    Kept,
    /// It is listed but cannot be fetched.
    Withheld {
        /// Who withholds it.
        reason: Withheld,
    },
    /// It cannot be mirrored.
    Refused(Refusal),
    /// It was listed, but is not in the store any more (HTTP 404).
    Gone,
    /// It was asked for and did not arrive. What there is of a long file stays for the next transfer
    /// ([`PlanItem::unfinished_bytes`](crate::PlanItem::unfinished_bytes)).
    Failed {
        /// What happened.
        error: Arc<TransferError>,
    },
    /// It was given up half-way because the transfer was stopped; the next transfer goes on with what is
    /// there.
    Unfinished {
        /// Bytes that are there, from this transfer and earlier ones.
        bytes: u64,
    },
    /// It was not asked for, or given up with nothing to go on with, because the transfer was stopped.
    NotAttempted,
}

impl Outcome {
    pub(super) fn failed(error: TransferError) -> Self {
        Self::Failed { error: Arc::new(error) }
    }

    /// Whether the object is on disk: it was fetched, or kept.
    #[must_use]
    pub fn is_there(&self) -> bool {
        matches!(self, Self::Fetched { .. } | Self::Kept)
    }
}

/// Who withholds an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Withheld {
    /// The caller of the plan, for this reason.
    Rule(String),
    /// The server, which lists the object and denies it (HTTP 401 or 403).
    Server,
    /// The server, which refuses every link to the object.
    Link {
        /// The HTTP status.
        status: u16,
        /// How often the link was renewed.
        renewed: u32,
    },
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(reason) => f.write_str(reason),
            Self::Server => f.write_str("the server denies access"),
            Self::Link { status, renewed } => {
                let renewals = counted(*renewed, "renewal");
                write!(f, "the server returned status {status}, even after {renewals} of the link")
            }
        }
    }
}

/// Why a transfer ended before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Stop {
    /// It was cancelled.
    Cancelled,
    /// Nothing can be written: the disk or quota is full, the file system is read-only, or the root
    /// cannot be created.
    LocalStorage,
    /// Several objects in a row found the location unreachable.
    Unreachable,
    /// The location gave nothing but failures that may pass, such as status 503, for longer than
    /// [`ConnectOptions::retry_timeout`](crate::ConnectOptions::retry_timeout).
    Unavailable,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "because it was cancelled",
            Self::LocalStorage => "because nothing can be written",
            Self::Unreachable => "because the location cannot be reached",
            Self::Unavailable => "because the location was too busy for too long",
        })
    }
}

/// Why an object did not arrive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The object does not have the listed size.
    #[error("the object has {got} bytes (expected {expected}, as listed)")]
    SizeMismatch {
        /// Listed bytes.
        expected: u64,
        /// Bytes announced, or received until it was given up.
        got: u64,
    },
    /// A symbolic link leads out of the mirror.
    #[error("{} leads out of {}", path.display(), root.display())]
    OutsideRoot {
        /// The link.
        path: PathBuf,
        /// The root of the mirror, canonical.
        root: PathBuf,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The bytes do not have the checksum that the store keeps of the object, or its entity tag.
    #[error("the content has {check} {got} (expected {expected})")]
    Checksum {
        /// Which of them.
        check: Check,
        /// That of the object.
        expected: String,
        /// The same of the bytes.
        got: String,
    },
    /// The bytes do not have the SHA-256 that is known of the object.
    #[error("the content has SHA-256 {got} (expected {expected})")]
    Sha256 {
        /// The digest of the plan.
        expected: Sha256,
        /// That of the bytes.
        got: Sha256,
    },
    /// The content is damaged, as the inspection of its format says.
    #[error("the content is damaged")]
    Damaged {
        /// What is wrong with it.
        source: crate::error::Source,
    },
    /// The object was replaced on the server again and again while it was fetched.
    #[error("the object keeps changing during the download")]
    KeepsChanging,
    /// The work was given up, because the runtime is shutting down.
    #[error("interrupted")]
    Interrupted,
    /// The store does not deliver it.
    #[error(transparent)]
    Store(#[from] Error),
}

impl TransferError {
    /// Whether every other file would fail in the same way.
    pub(super) fn hits_every_file(&self) -> bool {
        let Self::Write { source, .. } = self else { return false };
        matches!(
            source.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::ReadOnlyFilesystem
        )
    }
}

/// The sums of a [`Report`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ReportTotals {
    /// Objects transferred.
    pub fetched: u64,
    /// Their bytes.
    pub fetched_bytes: u64,
    /// Objects that were there already.
    pub kept: u64,
    /// Objects withheld by the caller or the server.
    pub withheld: u64,
    /// Objects refused, names that are not keys included.
    pub refused: u64,
    /// Objects that disappeared after the listing.
    pub gone: u64,
    /// Objects that failed.
    pub failed: u64,
    /// Objects of which a part is there, since the transfer was stopped.
    pub unfinished: u64,
    /// The bytes of these parts.
    pub unfinished_bytes: u64,
    /// Objects left out because the transfer was stopped.
    pub not_attempted: u64,
}

impl ReportTotals {
    /// Objects that should be on disk and are not. Withheld ones are not among them.
    pub(super) fn missing(&self) -> u64 {
        self.refused + self.gone + self.failed + self.unfinished + self.not_attempted
    }
}

impl fmt::Display for ReportTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fetched, size) = (counted(self.fetched, "file"), readable_bytes(self.fetched_bytes));
        write!(f, "fetched {fetched} ({size}), kept {}", self.kept)?;
        for (name, count) in [
            ("withheld", self.withheld),
            ("refused", self.refused),
            ("gone", self.gone),
            ("failed", self.failed),
            ("unfinished", self.unfinished),
            ("not attempted", self.not_attempted),
        ] {
            if count > 0 {
                write!(f, ", {name} {count}")?;
            }
        }
        Ok(())
    }
}

impl Report {
    /// The sums by outcome.
    #[must_use]
    pub fn totals(&self) -> ReportTotals {
        let mut totals =
            ReportTotals { refused: self.refused.len() as u64, ..ReportTotals::default() };
        for (_, outcome) in &self.outcomes {
            match outcome {
                Outcome::Fetched { bytes } => {
                    totals.fetched += 1;
                    totals.fetched_bytes = totals.fetched_bytes.saturating_add(*bytes);
                }
                Outcome::Kept => totals.kept += 1,
                Outcome::Withheld { .. } => totals.withheld += 1,
                Outcome::Refused(_) => totals.refused += 1,
                Outcome::Gone => totals.gone += 1,
                Outcome::Failed { .. } => totals.failed += 1,
                Outcome::Unfinished { bytes } => {
                    totals.unfinished += 1;
                    totals.unfinished_bytes = totals.unfinished_bytes.saturating_add(*bytes);
                }
                Outcome::NotAttempted => totals.not_attempted += 1,
            }
        }
        totals
    }

    /// Whether everything that was to be fetched or kept is on disk.
    ///
    /// Refused, gone, failed and skipped objects make a report incomplete. Withheld ones do not, as
    /// long as anything that was wanted is there: a report in which every wanted object is withheld is
    /// not complete. [Accompanying](Report::accompanying) objects are not what was wanted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let totals = self.totals();
        let had = |(key, outcome): &(Key, Outcome)| {
            outcome.is_there() && !self.accompanying.contains(key)
        };
        totals.missing() == 0 && (totals.withheld == 0 || self.outcomes.iter().any(had))
    }

    /// The objects that arrived as they are in the store and are at fault themselves, each with what the
    /// inspection found wrong.
    pub fn faults(&self) -> impl Iterator<Item = (&Key, &str)> {
        let contents = self.contents.iter();
        contents.filter_map(|(key, content)| Some((key, content.fault.as_deref()?)))
    }

    /// The sums by outcome if it [is complete](Self::is_complete).
    ///
    /// # Errors
    ///
    /// [`Incomplete`] with the first failure and the sums.
    pub fn into_result(self) -> Result<ReportTotals, Incomplete> {
        let totals = self.totals();
        if self.is_complete() {
            return Ok(totals);
        }
        Err(Incomplete::new(totals, self.stop, self.outcomes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_failures_hit_every_file() {
        let write =
            |kind: io::ErrorKind| TransferError::Write { path: "/x".into(), source: kind.into() };
        assert!(write(io::ErrorKind::StorageFull).hits_every_file());
        assert!(write(io::ErrorKind::QuotaExceeded).hits_every_file());
        assert!(write(io::ErrorKind::ReadOnlyFilesystem).hits_every_file());
        assert!(!write(io::ErrorKind::PermissionDenied).hits_every_file());
        assert!(!TransferError::SizeMismatch { expected: 1, got: 2 }.hits_every_file());
    }

    #[test]
    fn totals_and_completeness() {
        let key = |text: &str| text.parse::<Key>().unwrap();
        let mut report = Report {
            outcomes: vec![
                (key("a"), Outcome::Fetched { bytes: 3 }),
                (key("b"), Outcome::Kept),
                (key("c"), Outcome::Withheld { reason: Withheld::Server }),
            ],
            refused: Vec::new(),
            accompanying: BTreeSet::new(),
            contents: BTreeMap::new(),
            stop: None,
        };
        assert!(report.is_complete());
        report.refused.push(Key::new("").unwrap_err());
        assert!(!report.is_complete());
        report.refused.clear();
        let error = TransferError::SizeMismatch { expected: 1, got: 2 };
        assert_eq!(error.to_string(), "the object has 2 bytes (expected 1, as listed)");
        for outcome in [
            Outcome::Gone,
            Outcome::Unfinished { bytes: 5 },
            Outcome::NotAttempted,
            Outcome::Refused(Refusal::SameLocalPath { other: key("a") }),
            Outcome::failed(error),
        ] {
            report.outcomes.push((key("d"), outcome));
            assert!(!report.is_complete());
        }
        assert_eq!(
            report.totals(),
            ReportTotals {
                fetched: 1,
                fetched_bytes: 3,
                kept: 1,
                withheld: 1,
                refused: 1,
                gone: 1,
                failed: 1,
                unfinished: 1,
                unfinished_bytes: 5,
                not_attempted: 1
            }
        );
    }

    fn report(outcomes: Vec<(&str, Outcome)>) -> Report {
        let outcomes = outcomes.into_iter().map(|(key, outcome)| (key.parse().unwrap(), outcome));
        let (refused, accompanying) = (Vec::new(), BTreeSet::new());
        let (outcomes, contents) = (outcomes.collect(), BTreeMap::new());
        Report { outcomes, refused, accompanying, contents, stop: None }
    }

    #[test]
    fn nothing_had_of_what_was_wanted_is_not_complete() {
        let denied = || Outcome::Withheld { reason: Withheld::Server };
        let all = report(vec![("a", denied()), ("b", denied())]);
        assert!(!all.is_complete());
        let mut along = report(vec![("README", Outcome::Fetched { bytes: 1 }), ("b", denied())]);
        assert!(along.is_complete());
        along.accompanying.insert("README".parse().unwrap());
        assert!(!along.is_complete());
        let error = along.into_result().unwrap_err();
        assert!(error.is_withheld());
        assert_eq!(
            error.to_string(),
            "the transfer is not complete: fetched 1 file (1 B), kept 0, withheld 1; \
             \"b\" is withheld: the server denies access"
        );
        // Whoever wants nothing has it.
        assert!(report(Vec::new()).into_result().is_ok());
    }

    #[test]
    fn an_incomplete_report_is_an_error_with_the_first_failure() {
        let failed = |got| Outcome::failed(TransferError::SizeMismatch { expected: 1, got });
        let mut all = report(vec![
            ("a", Outcome::Kept),
            ("b", Outcome::Gone),
            ("c", failed(2)),
            ("d", failed(3)),
            ("e", Outcome::NotAttempted),
        ]);
        all.stop = Some(Stop::Unreachable);
        let totals = all.totals();
        let error = all.into_result().unwrap_err();
        assert_eq!((error.totals, error.stop), (totals, Some(Stop::Unreachable)));
        assert_eq!(
            error.to_string(),
            "the transfer is not complete: fetched 0 files (0 B), kept 1, gone 1, failed 2, \
             not attempted 1; it ended early, because the location cannot be reached; \"c\" failed"
        );
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "the object has 2 bytes (expected 1, as listed)");
        assert!(!error.is_withheld());
        let complete = report(vec![("a", Outcome::Kept)]).into_result().unwrap();
        assert_eq!(complete.kept, 1);
    }
}
