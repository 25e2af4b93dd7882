//! What can be wrong with a store: [`StoreError`].

use std::path::PathBuf;

use bids_names::{SessionId, SubjectId};

use super::{Error, ErrorKind};
use crate::mask::MaskSource;

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
    /// There is no store that could be opened.
    #[error("there is no store of {subject} for the {mask_source} brain mask")]
    NoStore {
        /// The subject.
        subject: SubjectId,
        /// The brain mask.
        mask_source: MaskSource,
    },
    /// A store, or a session of one, that cannot be used although it is not damaged.
    #[error("{}: not usable: {reason}", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Tasks of a plan have not been run.
    #[error(
        "{} of {of} sessions of {subject} are not in the store: {}",
        missing.len(),
        missing.iter().map(SessionId::as_str).collect::<Vec<_>>().join(", ")
    )]
    NotBuilt {
        /// The subject.
        subject: SubjectId,
        /// The sessions.
        missing: Vec<SessionId>,
        /// The number of tasks.
        of: usize,
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
            Self::NotBuilt { .. } | Self::NoStore { .. } => ErrorKind::NotThere,
            Self::Unusable { .. } => ErrorKind::Integrity,
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
