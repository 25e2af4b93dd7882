//! The images that trials showed.

use std::ops::Range;
use std::sync::Arc;
use std::thread;

use laion_fmri_base::parallel_map_with;
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

/// The rows of `needed` as they were displayed: uint8, shape `(n, height, width, 3)`.
pub(crate) fn decoded(
    images: &NamedImages,
    needed: &Needed<'_>,
    cancel: &Cancel,
) -> Result<Array4<u8>> {
    let (height, width) = size(images, needed)?;
    filled(
        needed,
        (height, width, 3),
        cancel,
        || (),
        |(), name, pixels| Ok(images.images().decode_into(images.row(name)?, pixels)?),
    )
}

/// The rows of `needed` as networks take them: float32 in [0, 1], shape `(n, 3, height, width)`.
pub(crate) fn tensors(
    images: &NamedImages,
    needed: &Needed<'_>,
    cancel: &Cancel,
) -> Result<Array4<f32>> {
    let (height, width) = size(images, needed)?;
    let pixels = || Array3::zeros((height, width, 3));
    filled(needed, (3, height, width), cancel, pixels, |pixels, name, tensor| {
        images.images().decode_into(images.row(name)?, pixels.view_mut())?;
        write_tensor(&pixels.view(), tensor);
        Ok(())
    })
}

/// The size of the first image, which is that of all, or there is no array of them.
fn size(images: &NamedImages, needed: &Needed<'_>) -> Result<(usize, usize)> {
    match needed.names.first() {
        Some(name) => Ok(images.images().dimensions(images.row(name)?)?),
        None => Ok((0, 0)),
    }
}

/// An array with a row for each of `needed`. Each image is written once, on all cores, by a thread
/// with its own state, and copied to its other rows.
fn filled<T: Copy + Default + Send, S>(
    needed: &Needed<'_>,
    (a, b, c): (usize, usize, usize),
    cancel: &Cancel,
    state: impl Fn() -> S + Sync,
    write: impl Fn(&mut S, &str, ArrayViewMut3<'_, T>) -> Result<()> + Sync,
) -> Result<Array4<T>> {
    let shape = (needed.rows.len(), a, b, c);
    let too_large = || Error::OutOfMemory { rows: shape.0, columns: a * b * c };
    let total = (a * b * c).checked_mul(shape.0).ok_or_else(too_large)?;
    let zeros = laion_fmri_base::zeroed(total).ok_or_else(too_large)?;
    let mut array = Array4::from_shape_vec(shape, zeros).map_err(|_| too_large())?;
    // The rows of each image, so that one thread fills all of them.
    let mut rows: Vec<Vec<ArrayViewMut3<'_, T>>> = needed.names.iter().map(|_| vec![]).collect();
    for (row, image) in array.axis_iter_mut(Axis(0)).zip(&needed.rows) {
        rows[*image].push(row);
    }
    let threads = thread::available_parallelism().map_or(1, usize::from);
    parallel_map_with(threads, needed.names.iter().zip(rows), state, |state, (name, mut rows)| {
        let Some((first, others)) = rows.split_first_mut() else { return Ok(()) };
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        write(state, name, first.view_mut())?;
        for other in others {
            other.assign(first);
        }
        Ok::<(), Error>(())
    })?;
    Ok(array)
}

/// An image as networks take it: float32 in [0, 1], shape `(3, height, width)`.
pub(crate) fn tensor(image: &ArrayView3<'_, u8>) -> Array3<f32> {
    let (height, width, channels) = image.dim();
    let mut tensor = Array3::zeros((channels, height, width));
    write_tensor(image, tensor.view_mut());
    tensor
}

/// Every level divided by 255.
const LEVELS: [f32; 256] = {
    let mut levels = [0.0; 256];
    let mut level = 0;
    while level < 256 {
        levels[level] = level as f32 / 255.0;
        level += 1;
    }
    levels
};

/// Writes pixels, `(height, width, 3)`, to a tensor, `(3, height, width)`.
fn write_tensor(pixels: &ArrayView3<'_, u8>, mut tensor: ArrayViewMut3<'_, f32>) {
    let pixels = pixels.as_standard_layout();
    let (pixels, plane) = (pixels.as_slice().unwrap_or_default(), pixels.len() / 3);
    let (red, others) = tensor.as_slice_mut().unwrap_or_default().split_at_mut(plane);
    let (green, blue) = others.split_at_mut(plane);
    let planes = red.iter_mut().zip(green).zip(blue);
    for (pixel, ((red, green), blue)) in pixels.chunks_exact(3).zip(planes) {
        *red = LEVELS[usize::from(pixel[0])];
        *green = LEVELS[usize::from(pixel[1])];
        *blue = LEVELS[usize::from(pixel[2])];
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array;

    use super::*;

    #[test]
    fn a_tensor_has_a_plane_for_each_colour_and_levels_from_0_to_1() {
        let pixels = Array::from_shape_fn((16, 48, 3), |(y, x, c)| (y * 48 * 3 + x * 3 + c) as u8);
        let found = tensor(&pixels.view());
        assert_eq!(found.dim(), (3, 16, 48));
        for ((c, y, x), value) in found.indexed_iter() {
            assert_eq!(*value, f32::from(pixels[[y, x, c]]) / 255.0);
        }
        // Pixels of another layout are those that they are.
        let turned = pixels.view().permuted_axes([1, 0, 2]);
        assert_eq!(tensor(&turned), found.view().permuted_axes([0, 2, 1]));
        assert_eq!(tensor(&Array3::zeros((0, 0, 3)).view()).dim(), (3, 0, 0));
    }
}
