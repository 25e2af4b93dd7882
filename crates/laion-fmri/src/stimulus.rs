//! The stimulus side of the dataset: its files by image name, questions across them, what each trial
//! showed, and trials as items for training.

mod dataset;
mod files;
mod query;
mod shown;
mod trials;

pub use self::dataset::{
    Batches, ImageTransform, TrialBatch, TrialDataset, TrialDatasetRequest, TrialItem,
};
pub use self::files::Stimuli;
pub use self::query::StimulusQuery;
pub(crate) use self::shown::{Needed, Shown};
pub(crate) use self::trials::decoded;
pub use self::trials::{TrialCaptions, TrialEmbeddings, TrialImages, TrialSegmentations};
