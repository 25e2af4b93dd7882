//! Options that contradict each other.

use bids_names::SubjectId;
use laion_fmri_base::{agreeing, counted};
use laion_fmri_splits::{Pool, SplitName};
use thiserror::Error;

use crate::localizer::LocalizerTask;
use crate::noise_ceiling::{ImageSet, Repetitions};
use crate::{MaskSource, Resolution};

/// Options each of which is valid, and which cannot be met together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// Voxels were chosen twice.
    #[error("an ROI and a mask exclude each other: give only one of them")]
    RoiAndMask,

    /// A brain mask that does not exist on this grid.
    #[error("there is no {mask} mask of resolution {got} (expected {expected})")]
    MaskResolution {
        /// The source of the mask.
        mask: MaskSource,
        /// The grid that it exists on.
        expected: Resolution,
        /// The grid that was asked for.
        got: Resolution,
    },

    /// One array was asked for, and its rows are those of one session.
    #[error("this call reads one session (got {got})")]
    OneSession {
        /// How many were named.
        got: usize,
    },

    /// Only unions can be returned ROI by ROI.
    #[error("{query:?} is not a plain list of ROIs, but each ROI is returned on its own here")]
    NotAUnion {
        /// The ROI expression.
        query: String,
    },

    /// Trials of several subjects cannot share one array.
    #[error(
        "several subjects in one output need an average by image, because their trials are different rows"
    )]
    TrialsOfSeveralSubjects,

    /// A mask that a user made is about the voxels of one subject.
    #[error("a mask chooses the voxels of one subject: extract each subject on its own")]
    MaskOfSeveralSubjects,

    /// A threshold on the map of each session would choose other voxels in each.
    #[error(
        "several sessions need one subject-level noise-ceiling map, because each session's own map would select different voxels"
    )]
    CeilingOfEachSession,

    /// A z-score is fitted on a training set, and there is no split to say which.
    #[error("a z-score fitted on the training trials needs a split")]
    FitWithoutSplit,

    /// A split divides the images of a subject who is not among those asked for.
    #[error(
        "the split {split} divides the images of {pool}, not those of {subject} (expected the pool shared or {subject})"
    )]
    PoolOfOther {
        /// The split.
        split: SplitName,
        /// Its pool.
        pool: Pool,
        /// The subject that was asked for.
        subject: String,
    },

    /// A variance over so few repetitions is not defined.
    #[error(
        "{} with ddof {ddof} {} no variance (expected at least {least})",
        counted(*repetitions, "repetition"),
        agreeing(*repetitions, "has", "have")
    )]
    NoVariance {
        /// The smallest number of repetitions that was asked for.
        repetitions: usize,
        /// What is subtracted from it in the divisor.
        ddof: usize,
        /// The smallest number that has a variance.
        least: usize,
    },

    /// No image belongs to the set and was shown that often.
    #[error(
        "no image of the set {images} was shown {repetitions} times in {} of {subject}",
        counted(*sessions, "session")
    )]
    NoImage {
        /// The set.
        images: ImageSet,
        /// How often they had to be shown.
        repetitions: Repetitions,
        /// The number of sessions.
        sessions: usize,
        /// The subject.
        subject: SubjectId,
    },

    /// A localizer that pools two tasks has no maps of single runs.
    #[error(
        "{task} pools two tasks and has no effects of single runs; take MotionLeft or MotionRight"
    )]
    PooledTask {
        /// The task.
        task: LocalizerTask,
    },

    /// Shared betas were asked for with a request that chooses sessions, stimuli or trials.
    #[error(
        "shared betas take every trial of the shared images: the request cannot choose sessions, stimuli or trials"
    )]
    SharedTrialsSelected,
}
