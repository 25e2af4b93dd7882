//! What a user types to get what is missing: [`Commands`].

use laion_fmri::{SessionId, SubjectId};

/// The words of the program around the server: what a user types for what the page cannot do itself.
///
/// The server knows what is missing, as errors and requests of `laion_fmri`; only the program knows
/// how it is called. `()` has no words, and the page then shows sentences alone.
pub trait Commands: Send + Sync + 'static {
    /// What would help against a failure.
    fn of_error(&self, error: &laion_fmri::Error) -> Option<String> {
        let _ = error;
        None
    }

    /// What builds the store of a subject.
    fn build_store(&self, subject: &SubjectId) -> Option<String> {
        let _ = subject;
        None
    }

    /// What makes the indexes of these sessions of a subject.
    fn index(&self, subject: &SubjectId, sessions: &[SessionId]) -> Option<String> {
        let _ = (subject, sessions);
        None
    }

    /// What makes the array of a selection.
    fn extract(&self, selection: &Selection) -> Option<String> {
        let _ = selection;
        None
    }
}

impl Commands for () {}

/// What the page has selected, of one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Selection {
    /// The subject.
    pub subject: SubjectId,
    /// An ROI expression; the whole brain without it.
    pub roi: Option<String>,
    /// The sessions; all without any.
    pub sessions: Vec<SessionId>,
    /// The name of a split and its pool.
    pub split: Option<(String, String)>,
    /// Only the trials of shared (`true`) or of unique images.
    pub shared: Option<bool>,
    /// Whether each voxel is z-scored within its session.
    pub zscore: bool,
    /// Whether the trials of an image are averaged.
    pub average: bool,
}
