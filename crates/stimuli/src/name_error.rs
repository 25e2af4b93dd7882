//! A text that names no embedding model, caption source or stimulus set.

/// A text that is not a name of the kind it was read as. Names are compared exactly.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not an [`EmbeddingModel`](crate::EmbeddingModel).
    #[error("unknown embedding model {got:?} (expected one of {})", expected.join(", "))]
    UnknownEmbeddingModel {
        /// The text as given.
        got: String,
        /// The names of all models.
        expected: Vec<&'static str>,
    },
    /// Not a [`CaptionSource`](crate::CaptionSource).
    #[error("unknown caption source {got:?} (expected one of {})", expected.join(", "))]
    UnknownCaptionSource {
        /// The text as given.
        got: String,
        /// The names of all sources.
        expected: Vec<&'static str>,
    },
    /// Not a [`StimulusSet`](crate::StimulusSet).
    #[error("unknown stimulus set {got:?} (expected one of {})", expected.join(", "))]
    UnknownStimulusSet {
        /// The text as given.
        got: String,
        /// The names of all sets.
        expected: Vec<&'static str>,
    },
}
