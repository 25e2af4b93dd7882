//! A report that is not complete, as an error: [`Incomplete`].

use std::error::Error as StdError;
use std::fmt;

use super::report::{Outcome, ReportTotals, Stop};
use crate::Key;

/// A transfer did not bring everything. [`Report::into_result`](super::Report::into_result) makes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Incomplete {
    /// The sums by outcome.
    pub totals: ReportTotals,
    /// Why the transfer ended before its end, if it did.
    pub stop: Option<Stop>,
    /// The first object that failed, with what became of it. When none failed: the first that was
    /// refused, is gone, is withheld or was not attempted. `None` when only names that are not keys
    /// are missing.
    pub first: Option<Box<(Key, Outcome)>>,
}

impl Incomplete {
    pub(super) fn new(
        totals: ReportTotals,
        stop: Option<Stop>,
        outcomes: Vec<(Key, Outcome)>,
    ) -> Self {
        let missing = outcomes.into_iter().filter(|(_, outcome)| !outcome.is_there());
        // The first of several that are equally bad.
        let first = missing.min_by_key(|(_, outcome)| rank(outcome)).map(Box::new);
        Self { totals, stop, first }
    }

    /// Whether nothing failed, but everything that was wanted is withheld.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.totals.missing() == 0
    }
}

fn rank(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Failed { .. } => 0,
        Outcome::Refused(_) => 1,
        Outcome::Gone => 2,
        Outcome::Withheld { .. } => 3,
        Outcome::Unfinished { .. } => 4,
        Outcome::NotAttempted => 5,
        Outcome::Fetched { .. } | Outcome::Kept => 6,
    }
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the transfer is not complete: {}", self.totals)?;
        if let Some(stop) = self.stop {
            write!(f, "; it ended early, {stop}")?;
        }
        let Some((key, outcome)) = self.first.as_deref() else { return Ok(()) };
        write!(f, "; {:?} ", key.as_str())?;
        match outcome {
            Outcome::Failed { .. } => f.write_str("failed"),
            Outcome::Refused(refusal) => write!(f, "is refused: {refusal}"),
            Outcome::Gone => f.write_str("is no longer in the store"),
            Outcome::Withheld { reason } => write!(f, "is withheld: {reason}"),
            Outcome::Unfinished { .. } => f.write_str("is not finished"),
            Outcome::NotAttempted => f.write_str("was not requested"),
            Outcome::Fetched { .. } | Outcome::Kept => f.write_str("is there"),
        }
    }
}

impl StdError for Incomplete {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self.first.as_deref() {
            Some((_, Outcome::Failed { error })) => Some(&**error),
            _ => None,
        }
    }
}
