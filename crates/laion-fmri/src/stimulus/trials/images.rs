//! The images that trials showed.

use std::ops::Range;
use std::sync::Arc;
use std::thread;

use laion_fmri_base::parallel_map;
use laion_fmri_stimuli::{NamedImages, OriginalImage};
use ndarray::{Array3, Array4, ArrayView3, ArrayViewMut3, Axis};

use crate::stimulus::{Needed, Shown};
use crate::{Cancel, Error, GlobalTrial, Result, SessionOrAll, Subject};

/// Images by trial.
#[derive(Clone, Debug)]
pub struct TrialImages {
    shown: Arc<Shown>,
    images: Arc<NamedImages>,
}

impl Subject {
    /// The images that this subject saw.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`]; as [`Subject::trials`]
    /// for every session on disk.
    ///
    /// ```
    /// use laion_fmri::{Dataset, GlobalTrial};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// # fixtures::bucket::write_gated(bucket.root())?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let images = subject.images()?;
    /// let image = images.get(GlobalTrial(42))?; // (height, width, 3), uint8, as displayed
    /// let session = images.array(Some("ses-01"))?; // (n_trials, height, width, 3)
    /// assert_eq!(session.index_axis(ndarray::Axis(0), 42), image);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn images(&self) -> Result<TrialImages> {
        Ok(TrialImages { images: self.stimuli().images()?, shown: Shown::read(self)? })
    }
}

impl TrialImages {
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

    /// The name of the image of a trial.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`].
    pub fn name(&self, trial: GlobalTrial) -> Result<&str> {
        self.shown.name(trial)
    }

    /// The image of a trial as it was displayed: uint8 RGB, shape `(height, width, 3)`, transparent
    /// pixels on grey 128.
    ///
    /// # Errors
    ///
    /// [`Error::GlobalTrialOutOfRange`], [`Error::Stimuli`].
    pub fn get(&self, trial: GlobalTrial) -> Result<Array3<u8>> {
        Ok(self.images.decode(self.shown.name(trial)?)?)
    }

    /// The image of a trial with the channels that its file has.
    ///
    /// # Errors
    ///
    /// As [`TrialImages::get`].
    pub fn original(&self, trial: GlobalTrial) -> Result<OriginalImage> {
        Ok(self.images.original(self.shown.name(trial)?)?)
    }

    /// The bytes of the image file of a trial.
    ///
    /// # Errors
    ///
    /// As [`TrialImages::get`].
    pub fn encoded(&self, trial: GlobalTrial) -> Result<Vec<u8>> {
        Ok(self.images.encoded(self.shown.name(trial)?)?)
    }

    /// The images of a session, or of all sessions, one after the other in trial order, each
    /// decoded when it is its turn.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] for a session without a trial table. Items: as
    /// [`TrialImages::get`].
    pub fn all<'s>(
        &self,
        session: impl Into<SessionOrAll<'s>>,
    ) -> Result<impl ExactSizeIterator<Item = Result<Array3<u8>>>> {
        Ok(self.shown.trials(session.into())?.map(|trial| self.get(GlobalTrial(trial))))
    }

    /// The images of a session, or of all sessions, in one array: uint8, shape
    /// `(n_trials, height, width, 3)`. Each image is decoded once, on all cores, however often it
    /// was shown.
    ///
    /// # Errors
    ///
    /// As [`TrialImages::all`]; [`Error::OutOfMemory`]; [`Error::Stimuli`] when the images differ in
    /// size.
    pub fn array<'s>(&self, session: impl Into<SessionOrAll<'s>>) -> Result<Array4<u8>> {
        self.array_of(self.shown.trials(session.into())?)
    }

    fn array_of(&self, trials: Range<usize>) -> Result<Array4<u8>> {
        decoded(&self.images, &self.shown.needed(trials), &Cancel::new())
    }
}

/// The rows of `needed` in one array.
pub(crate) fn decoded(
    images: &NamedImages,
    needed: &Needed<'_>,
    cancel: &Cancel,
) -> Result<Array4<u8>> {
    let (height, width) = match needed.names.first() {
        Some(name) => images.images().dimensions(images.row(name)?)?,
        None => (0, 0),
    };
    let shape = (needed.rows.len(), height, width, 3);
    let too_large = || Error::OutOfMemory { rows: shape.0, columns: height * width * 3 };
    let mut values = Vec::new();
    let total = (height * width * 3).checked_mul(shape.0).ok_or_else(too_large)?;
    values.try_reserve_exact(total).map_err(|_| too_large())?;
    values.resize(total, 0);
    let mut array = Array4::from_shape_vec(shape, values).map_err(|_| too_large())?;
    // The rows of each image, so that one thread fills all of them.
    let mut rows: Vec<Vec<ArrayViewMut3<'_, u8>>> = needed.names.iter().map(|_| vec![]).collect();
    for (row, image) in array.axis_iter_mut(Axis(0)).zip(&needed.rows) {
        rows[*image].push(row);
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    parallel_map(threads, needed.names.iter().zip(rows), |(name, mut rows)| {
        let Some((first, others)) = rows.split_first_mut() else { return Ok(()) };
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        images.images().decode_into(images.row(name)?, first.view_mut())?;
        for other in others {
            other.assign(first);
        }
        Ok::<(), Error>(())
    })?;
    Ok(array)
}

/// An image as networks take it: float32 in [0, 1], shape `(3, height, width)`.
pub(crate) fn tensor(image: &ArrayView3<'_, u8>) -> Array3<f32> {
    let channels_first = image.view().permuted_axes([2, 0, 1]);
    let mut tensor = Array3::zeros(channels_first.dim());
    tensor.zip_mut_with(&channels_first, |value, level| *value = f32::from(*level) / 255.0);
    tensor
}
