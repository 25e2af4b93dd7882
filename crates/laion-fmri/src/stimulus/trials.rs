//! The stimulus side of a subject's trials: what was shown, in the order it was shown.
//!
//! Trials are counted over all sessions that have a trial table, in session order, as in
//! [`Subject::subject_trials`]; bulk calls keep that order, repeats included, so that their rows
//! match those of the joined betas of the same sessions.

mod captions;
mod embeddings;
mod images;
mod segmentations;

pub use self::captions::TrialCaptions;
pub use self::embeddings::TrialEmbeddings;
pub use self::images::TrialImages;
pub(crate) use self::images::{decoded, tensor, tensors};
pub use self::segmentations::TrialSegmentations;
#[cfg(doc)]
use crate::Subject;
