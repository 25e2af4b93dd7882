//! What can go wrong between a plan and its output.

use std::path::PathBuf;

use crate::{Error, ErrorKind};

/// A failure of an extraction that is about its plan, its parts or its recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// No trial or no voxel is left.
    #[error("no {what} of {whose} is left: {why}")]
    NothingLeft {
        /// `trial`, `voxel` or `image`.
        what: &'static str,
        /// Whose: a subject, a session, or the subjects together.
        whose: String,
        /// Which choices led there.
        why: String,
    },

    /// Tasks of a plan have not written their part.
    #[error("{} of {of} tasks have not been run: {}", missing.len(), shown(missing))]
    MissingParts {
        /// Subject and session of each.
        missing: Vec<String>,
        /// The number of tasks of the plan.
        of: usize,
    },

    /// A file that is no part, or was changed after it was written.
    #[error("{}: not a complete part: {reason}", path.display())]
    DamagedPart {
        /// The part.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// Parts of one subject that are not about the same voxels.
    #[error("{}: its voxels are not those of {}", path.display(), first.display())]
    OtherVoxels {
        /// The part that differs.
        path: PathBuf,
        /// The first part of the subject.
        first: PathBuf,
    },

    /// A plan that cannot be used.
    #[error("{whose}: {reason}")]
    Plan {
        /// The plan, with the line.
        whose: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A recipe that cannot be read.
    #[error("{}: not a usable recipe: {reason}", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// A reproduction that is not equal to what the recipe describes.
    #[error("{} cannot be reproduced: {}", recipe.display(), differences.join("; "))]
    Differs {
        /// The recipe.
        recipe: PathBuf,
        /// What differs, expected and got.
        differences: Vec<String>,
    },
}

impl ExtractError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::NothingLeft { .. } | Self::MissingParts { .. } => ErrorKind::NotThere,
            Self::Plan { .. } => ErrorKind::Usage,
            Self::DamagedPart { .. }
            | Self::OtherVoxels { .. }
            | Self::Recipe { .. }
            | Self::Differs { .. } => ErrorKind::Integrity,
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::MissingParts { .. } => {
                Some("laion-fmri run PLAN completes what is missing".to_owned())
            }
            Self::DamagedPart { path, .. } | Self::OtherVoxels { path, .. } => {
                Some(format!("delete {} and run the same command again", path.display()))
            }
            _ => None,
        }
    }
}

impl From<ExtractError> for Error {
    fn from(error: ExtractError) -> Self {
        Self::Extract(Box::new(error))
    }
}

/// The first few of many names.
fn shown(names: &[String]) -> String {
    const MOST: usize = 8;
    let mut text = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        text.push_str(&format!(" and {} more", names.len() - MOST));
    }
    text
}
