//! What can go wrong between a plan and its output.

use std::path::PathBuf;

use laion_fmri_base::agreeing;
use laion_fmri_stimuli::StimulusSet;

use crate::{Error, ErrorKind, MaskSource};

/// A failure of an extraction that is about its plan, its parts or its recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// No trial or no voxel is left.
    #[error("no {what} of {whose} is left: {}", restrictions(why))]
    NothingLeft {
        /// `trial`, `voxel` or `image`.
        what: &'static str,
        /// Whose: a subject, a session, or the subjects together.
        whose: String,
        /// Which choices led there.
        why: Vec<Restriction>,
    },

    /// Tasks of a plan have not written their part.
    #[error(
        "{} of {of} {} {} not been run: {}",
        missing.len(),
        agreeing(*of, "task", "tasks"),
        agreeing(missing.len(), "has", "have"),
        shown(missing)
    )]
    MissingParts {
        /// Subject and session of each.
        missing: Vec<String>,
        /// The number of tasks of the plan.
        of: usize,
    },

    /// A file that is not a part, or was changed after it was written.
    #[error("{}: not a complete part: {reason}", path.display())]
    DamagedPart {
        /// The part.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },

    /// Parts that were made of other files than those that are there now, or of other voxels.
    #[error(
        "{} of {of} {} {} made of files or voxels that have changed since: {}",
        outdated.len(),
        agreeing(*of, "part", "parts"),
        agreeing(outdated.len(), "was", "were"),
        shown(outdated)
    )]
    OutdatedParts {
        /// Subject and session of each.
        outdated: Vec<String>,
        /// The number of tasks of the plan.
        of: usize,
    },

    /// Parts of one subject that are not about the same voxels.
    #[error("{} has other voxels than {}", path.display(), first.display())]
    OtherVoxels {
        /// The part that differs.
        path: PathBuf,
        /// The first part of the subject.
        first: PathBuf,
    },

    /// Parts that were made of different versions of one file.
    #[error("{path} changed between the tasks, so the parts in {} do not fit together", parts.display())]
    ChangedInput {
        /// The file, as its place in a mirror.
        path: String,
        /// The folder of the parts.
        parts: PathBuf,
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

/// A choice that leaves out trials or voxels.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Restriction {
    /// Only voxels of these ROIs.
    #[error("the ROIs {}", _0.join(" "))]
    Rois(Vec<String>),
    /// Only voxels of this brain mask.
    #[error("the {0} brain mask")]
    Mask(MaskSource),
    /// Only voxels of the caller's mask.
    #[error("the mask that was given")]
    VoxelMask,
    /// Only voxels whose noise ceiling is at least this many percent.
    #[error("a noise ceiling of at least {0} %")]
    NoiseCeiling(f64),
    /// Only voxels without NaN in any row.
    #[error("voxels without NaN in any row")]
    NoNan,
    /// Only these trials, by their numbers.
    #[error("the trials that were chosen")]
    Trials,
    /// Only trials with images of this set.
    #[error("{0} images")]
    Stimuli(StimulusSet),
    /// No trials with out-of-distribution images.
    #[error("no out-of-distribution images")]
    NoOutOfDistribution,
    /// Only images with exactly the planned number of trials.
    #[error("images with exactly the planned repetitions")]
    ExactRepetitions,
    /// Only images that every subject saw.
    #[error("images shown to every subject")]
    EverySubject,
    /// The sessions have no trials.
    #[error("the sessions have no trials")]
    NoTrials,
    /// The subject has no session.
    #[error("it has no session")]
    NoSession,
}

impl Restriction {
    /// A threshold in single precision, by the number that was given: 99.9, not 99.9000015258789.
    pub(crate) fn noise_ceiling(percent: f32) -> Self {
        let given = percent.to_string().parse::<f64>();
        Self::NoiseCeiling(given.unwrap_or_else(|_| f64::from(percent)))
    }
}

fn restrictions(why: &[Restriction]) -> String {
    why.iter().map(Restriction::to_string).collect::<Vec<_>>().join(", ")
}

impl ExtractError {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::NothingLeft { .. } | Self::MissingParts { .. } => ErrorKind::NotThere,
            Self::Plan { .. } => ErrorKind::Usage,
            Self::DamagedPart { .. }
            | Self::OutdatedParts { .. }
            | Self::OtherVoxels { .. }
            | Self::ChangedInput { .. }
            | Self::Recipe { .. }
            | Self::Differs { .. } => ErrorKind::Integrity,
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
