//! The stimulus side of the dataset: its files by image name, queries across them, what each trial
//! showed, and trials as items for training.

#[cfg(feature = "stimuli")]
mod dataset;
mod files;
#[cfg(feature = "stimuli")]
mod query;
#[cfg(feature = "stimuli")]
mod readers;
#[cfg(feature = "stimuli")]
mod shown;
#[cfg(feature = "stimuli")]
mod trials;

#[cfg(feature = "stimuli")]
pub use self::dataset::{
    Batches, ImageTransform, TrialBatch, TrialDataset, TrialDatasetRequest, TrialItem, TrialItems,
};
pub use self::files::Stimuli;
#[cfg(feature = "stimuli")]
pub use self::query::StimulusQuery;
#[cfg(feature = "stimuli")]
pub(crate) use self::shown::{Needed, Shown};
#[cfg(feature = "stimuli")]
pub use self::trials::{TrialCaptions, TrialEmbeddings, TrialImages, TrialSegmentations};
#[cfg(feature = "stimuli")]
pub(crate) use self::trials::{decoded, tensors};
use crate::Error;

impl From<laion_fmri_stimuli::Error> for Error {
    fn from(error: laion_fmri_stimuli::Error) -> Self {
        Self::Stimuli(Box::new(error))
    }
}

/// How often an image was planned to be shown to a subject, which its name tells.
pub(crate) fn planned_repetitions(image_name: &str) -> usize {
    if image_name.starts_with("shared_12rep_") { 12 } else { 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_often_an_image_is_shown() {
        assert_eq!(planned_repetitions("shared_12rep_LAION_cluster_1003_i0.jpg"), 12);
        assert_eq!(planned_repetitions("shared_4rep_NSD_special100_10.jpg"), 4);
        assert_eq!(planned_repetitions("unique_THINGS_whisk_p01.jpg"), 4);
    }
}
