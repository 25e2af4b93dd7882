//! The object masks of the image that a trial showed.

use std::sync::Arc;

use laion_fmri_stimuli::{MaskRow, NounFilter, Segmentations};
use ndarray::Array2;

use crate::stimulus::Shown;
use crate::{GlobalTrial, Result, Subject};

/// Object masks by trial. Only shared images have them: for other trials the lists are empty.
#[derive(Clone, Debug)]
pub struct TrialSegmentations {
    shown: Arc<Shown>,
    segmentations: Arc<Segmentations>,
}

impl Subject {
    /// The object masks of what this subject saw.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`](crate::Error::StimuliNotDownloaded); as [`Subject::trials`]
    /// for every session on disk.
    ///
    /// ```
    /// use laion_fmri::stimuli::NounFilter;
    /// use laion_fmri::{Dataset, GlobalTrial};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let objects = subject.segmentations()?;
    /// for trial in (0..objects.len()).map(GlobalTrial) {
    ///     for noun in objects.nouns(trial, NounFilter::Localized)? {
    ///         let mask = objects.get(trial, noun, 0)?; // (height, width), uint8, 0 or 1
    ///         assert!(mask.iter().all(|value| *value <= 1));
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn segmentations(&self) -> Result<TrialSegmentations> {
        let segmentations = self.stimuli().segmentations()?;
        Ok(TrialSegmentations { segmentations, shown: Shown::read(self)? })
    }
}

impl TrialSegmentations {
    /// The number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether there is no trial.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the trial's image has masks.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange).
    pub fn has_image(&self, trial: GlobalTrial) -> Result<bool> {
        Ok(self.segmentations.has_image(self.shown.name(trial)?))
    }

    /// The nouns of the trial's image, each once, in the order of the table.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange).
    pub fn nouns(&self, trial: GlobalTrial, filter: NounFilter) -> Result<Vec<&str>> {
        Ok(self.segmentations.nouns(self.shown.name(trial)?, filter))
    }

    /// The rows of the table of masks that are about the trial's image.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange).
    pub fn for_image(&self, trial: GlobalTrial) -> Result<Vec<&MaskRow>> {
        Ok(self.segmentations.for_image(self.shown.name(trial)?).collect())
    }

    /// The mask of one instance of a noun, localized or not: uint8, shape `(height, width)`.
    /// Instance 0 has the highest score.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange);
    /// [`Error::Stimuli`](crate::Error::Stimuli) when the image has no such mask or the file is
    /// damaged.
    pub fn get(&self, trial: GlobalTrial, noun: &str, instance: u32) -> Result<Array2<u8>> {
        Ok(self.segmentations.get(self.shown.name(trial)?, noun, instance)?)
    }
}
