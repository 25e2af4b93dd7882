//! The two generations of the random splits.

use std::fmt;
use std::str::FromStr;

use crate::name_error::NameError;

/// Which generation of the random family is meant. The other families are the same in both.
///
/// Results are comparable only within one revision, so record it with every result.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SplitRevision {
    /// Of 2026-05: five independent draws of 20 %, whose test sets overlap.
    #[default]
    R1,
    /// Of 2026-09-28: one partition into five folds, in which near-duplicate images of a subject
    /// pool share a fold.
    R2,
}

impl SplitRevision {
    /// All revisions, the oldest first.
    pub const ALL: &'static [Self] = &[Self::R1, Self::R2];

    /// The name of the revision, `r1` or `r2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R1 => "r1",
            Self::R2 => "r2",
        }
    }
}

impl FromStr for SplitRevision {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|revision| revision.as_str() == text).ok_or_else(|| {
            NameError::UnknownRevision {
                got: text.to_owned(),
                expected: Self::ALL.iter().map(|revision| revision.as_str()).collect(),
            }
        })
    }
}

impl TryFrom<&str> for SplitRevision {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for SplitRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_revision_is_the_default() {
        assert_eq!(SplitRevision::default(), SplitRevision::R1);
    }

    #[test]
    fn an_unknown_revision_lists_the_known_ones() {
        let error = "R1".parse::<SplitRevision>().unwrap_err();
        let expected =
            NameError::UnknownRevision { got: "R1".to_owned(), expected: vec!["r1", "r2"] };
        assert_eq!(error, expected);
        assert_eq!(error.to_string(), "unknown split revision \"R1\" (expected one of r1, r2)");
    }
}
