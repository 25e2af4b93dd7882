//! Two ways to count trials, as two types that cannot be confused.

use std::fmt;

/// A trial counted within its session, from 0: the row of the session's trial table and the volume
/// of its betas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct SessionTrial(pub usize);

/// A trial counted over all sessions of a subject on disk, from 0: a row of
/// [`Subject::subject_trials`](crate::Subject::subject_trials).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct GlobalTrial(pub usize);

impl From<usize> for SessionTrial {
    fn from(trial: usize) -> Self {
        Self(trial)
    }
}

impl From<usize> for GlobalTrial {
    fn from(trial: usize) -> Self {
        Self(trial)
    }
}

impl fmt::Display for SessionTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for GlobalTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
