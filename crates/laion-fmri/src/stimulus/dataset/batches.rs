//! Batches of a trial dataset, in trial order or shuffled.

use bids_names::SessionId;
use ndarray::{Array2, Array4, ArrayView3, Axis};

use super::TrialDataset;
use crate::stimulus::Needed;
use crate::stimulus::decoded;
use crate::trial_table::SessionTrial;
use crate::{Cancel, Error, Result};

/// Several trials of a [`TrialDataset`] side by side; entry i of every field is trial i.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrialBatch {
    /// Responses: float32, shape `(n, n_voxels)`.
    pub betas: Array2<f32>,
    /// Images: float32, shape `(n, 3, height, width)`, or what the transform made of them.
    pub images: Array4<f32>,
    /// The names of the images.
    pub image_names: Vec<String>,
    /// The sessions.
    pub sessions: Vec<SessionId>,
    /// The trials, counted within their sessions.
    pub session_trials: Vec<SessionTrial>,
    /// As [`TrialItem::session_repetition`](super::TrialItem::session_repetition).
    pub session_repetitions: Vec<u32>,
    /// As [`TrialItem::repetition`](super::TrialItem::repetition).
    pub repetitions: Vec<u32>,
}

/// The batches of a [`TrialDataset`], one pass. The last may be smaller.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    dataset: &'a TrialDataset,
    order: std::vec::IntoIter<usize>,
    size: usize,
}

impl TrialDataset {
    /// Batches of this many trials in trial order; a size of 0 counts as 1.
    #[must_use]
    pub fn batches(&self, size: usize) -> Batches<'_> {
        self.in_order((0..self.len()).collect(), size)
    }

    /// Batches of this many trials, each trial once, in an order that the seed decides.
    #[must_use]
    pub fn shuffled_batches(&self, size: usize, seed: u64) -> Batches<'_> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        self.in_order(order, size)
    }

    fn in_order(&self, order: Vec<usize>, size: usize) -> Batches<'_> {
        Batches { dataset: self, order: order.into_iter(), size: size.max(1) }
    }

    /// The trials at these indices in one batch. Images that occur twice are decoded once, and all
    /// on all cores. Without an index the batch is empty and its images have the shape
    /// `(0, 0, 0, 0)`, because the size of an image is only known from the images.
    ///
    /// # Errors
    ///
    /// As [`TrialDataset::item`]; [`Error::DoesNotFit`] when a transform gives tensors of
    /// different shapes.
    pub fn batch(&self, indices: &[usize]) -> Result<TrialBatch> {
        let trials = indices.iter().map(|index| self.trial(*index)).collect::<Result<Vec<_>>>()?;
        let image_names = trials
            .iter()
            .map(|trial| self.shown.name(trial.global).map(str::to_owned))
            .collect::<Result<Vec<_>>>()?;
        let needed = Needed::of(image_names.iter().map(String::as_str));
        let images = decoded(&self.images, &needed, &Cancel::new())?;
        let mut tensors = Vec::with_capacity(indices.len());
        for image in images.axis_iter(Axis(0)) {
            tensors.push(self.transformed(&image));
        }
        let views: Vec<_> = tensors.iter().map(|tensor| tensor.view()).collect();
        let images = match views.is_empty() {
            true => Array4::zeros((0, 0, 0, 0)),
            false => ndarray::stack(Axis(0), &views).map_err(|_| uneven(&views))?,
        };
        let mut betas = Array2::zeros((indices.len(), self.n_voxels()));
        for (mut row, index) in betas.rows_mut().into_iter().zip(indices) {
            // INVARIANT: the rows of an array that was just made are contiguous.
            self.matrix.read_row(*index, row.as_slice_mut().expect("a contiguous row"))?;
        }
        Ok(TrialBatch {
            betas,
            images,
            image_names,
            sessions: trials.iter().map(|trial| self.sessions[trial.session].clone()).collect(),
            session_trials: trials.iter().map(|trial| trial.session_trial).collect(),
            session_repetitions: trials.iter().map(|trial| trial.session_repetition).collect(),
            repetitions: trials.iter().map(|trial| trial.repetition).collect(),
        })
    }
}

/// The error about tensors that cannot be stacked: the first that is unlike the first of all.
fn uneven(views: &[ArrayView3<'_, f32>]) -> Error {
    let expected = views.first().map(ArrayView3::dim).unwrap_or_default();
    let got = views.iter().map(ArrayView3::dim).find(|got| *got != expected);
    Error::DoesNotFit {
        what: "the shapes of transformed images".to_owned(),
        expected: format!("{expected:?}, as of the first"),
        got: format!("{:?}", got.unwrap_or(expected)),
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<TrialBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let indices: Vec<usize> = self.order.by_ref().take(self.size).collect();
        (!indices.is_empty()).then(|| self.dataset.batch(&indices))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let batches = self.order.len().div_ceil(self.size);
        (batches, Some(batches))
    }
}

impl ExactSizeIterator for Batches<'_> {}
