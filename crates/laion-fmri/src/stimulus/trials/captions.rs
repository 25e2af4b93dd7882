//! The captions of the image that a trial showed.

use std::sync::Arc;

use laion_fmri_stimuli::{Caption, CaptionSource, Captions};

use crate::stimulus::Shown;
use crate::{GlobalTrial, Result, Subject};

/// Captions by trial.
#[derive(Clone, Debug)]
pub struct TrialCaptions {
    shown: Arc<Shown>,
    captions: Arc<Captions>,
}

impl Subject {
    /// The captions of what this subject saw.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`](crate::Error::StimuliNotDownloaded); as [`Subject::trials`]
    /// for every session on disk.
    ///
    /// ```
    /// use laion_fmri::{Dataset, GlobalTrial};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let captions = subject.captions()?;
    /// for trial in 0..captions.len() {
    ///     let human = captions.human(GlobalTrial(trial), Some(1))?;
    ///     assert!(human.len() <= 1);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn captions(&self) -> Result<TrialCaptions> {
        Ok(TrialCaptions { captions: self.stimuli().captions()?, shown: Shown::read(self)? })
    }
}

impl TrialCaptions {
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

    /// The captions by people, best first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange).
    pub fn human(&self, trial: GlobalTrial, limit: Option<usize>) -> Result<Vec<&str>> {
        Ok(self.captions.human(self.shown.name(trial)?, limit))
    }

    /// The caption by the language model, which only some images have.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange).
    pub fn ai(&self, trial: GlobalTrial) -> Result<Option<&str>> {
        Ok(self.captions.ai(self.shown.name(trial)?))
    }

    /// All captions, or those of one source: the language model's first, then people's, best first.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange).
    pub fn list(&self, trial: GlobalTrial, source: Option<CaptionSource>) -> Result<Vec<&str>> {
        Ok(self.captions.list(self.shown.name(trial)?, source))
    }

    /// The rows of the captions table, by rank.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`](crate::Error::GlobalTrialOutOfRange).
    pub fn for_image(&self, trial: GlobalTrial) -> Result<&[Caption]> {
        Ok(self.captions.get(self.shown.name(trial)?))
    }
}
