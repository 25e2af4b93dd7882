//! What can be wrong with a request for a split.

use laion_fmri_base::NameError;

use crate::split_name::SplitName;

/// A question that no table answers.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text that names no pool, split, revision or type; it carries those that exist.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Types of out-of-distribution images were given for a split that has none.
    #[error("OOD types are only valid for the split {expected}, got {got}")]
    OodTypesWithOtherSplit {
        /// The split that has out-of-distribution images.
        expected: SplitName,
        /// The split that was asked for.
        got: SplitName,
    },
    /// Masks and labels that are not equally many.
    #[error("masks over the rows (expected {expected} rows, got {got})")]
    MaskLength {
        /// The number of labels.
        expected: usize,
        /// The length of a mask.
        got: usize,
    },
}
