//! What can be wrong with a store: [`StoreError`].

use super::{Error, ErrorKind};
use bids_names::{SessionId, SubjectId};

/// A store that cannot be used or built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The betas of a session are damaged in the store, and the file that they came from is not there.
    #[error(
        "the stored betas of {subject} {session} are damaged{}, and their file is not there",
        voxel.map(|voxel| format!(" from voxel {voxel} on")).unwrap_or_default()
    )]
    Damaged {
        /// The subject.
        subject: SubjectId,
        /// The session.
        session: SessionId,
        /// The first voxel that cannot be read, by its flat C-order index, if it is known.
        voxel: Option<usize>,
        /// What is damaged, and where.
        source: voxel_store::Error,
    },
    /// A store that cannot be read or written.
    #[error(transparent)]
    Format(#[from] voxel_store::Error),
}

impl StoreError {
    /// What the failure means for the caller.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Damaged { .. } => ErrorKind::Integrity,
            Self::Format(error) if error.is_damage() => ErrorKind::Integrity,
            Self::Format(_) => ErrorKind::Other,
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<voxel_store::Error> for Error {
    fn from(error: voxel_store::Error) -> Self {
        match error {
            voxel_store::Error::Stopped => Self::Cancelled,
            other => StoreError::from(other).into(),
        }
    }
}
