//! A text that names no pool, split, family, revision or type.

/// A text that is not a name of the kind it was read as. Names are compared exactly.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not a [`Pool`](crate::Pool).
    #[error("unknown pool {got:?} (expected one of {})", expected.join(", "))]
    UnknownPool {
        /// The text as given.
        got: String,
        /// The names of all pools.
        expected: Vec<&'static str>,
    },
    /// Not a [`SplitName`](crate::SplitName).
    #[error("unknown split {got:?} (expected one of {})", expected.join(", "))]
    UnknownSplit {
        /// The text as given.
        got: String,
        /// The names of all splits.
        expected: Vec<&'static str>,
    },
    /// Not a [`SplitFamily`](crate::SplitFamily).
    #[error("unknown split family {got:?} (expected one of {})", expected.join(", "))]
    UnknownSplitFamily {
        /// The text as given.
        got: String,
        /// The names of all families.
        expected: Vec<&'static str>,
    },
    /// Not a [`SplitRevision`](crate::SplitRevision).
    #[error("unknown split revision {got:?} (expected one of {})", expected.join(", "))]
    UnknownRevision {
        /// The text as given.
        got: String,
        /// The names of all revisions.
        expected: Vec<&'static str>,
    },
    /// Not an [`OodType`](crate::OodType).
    #[error("unknown OOD type {got:?} (expected one of {})", expected.join(", "))]
    UnknownOodType {
        /// The text as given.
        got: String,
        /// The names of all types.
        expected: Vec<&'static str>,
    },
}
