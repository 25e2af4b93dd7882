//! Trials as items for training: betas and image, read lazily, in memory proportional to a batch.

mod batches;
#[cfg(feature = "burn")]
mod burn;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bids_names::SessionId;
use laion_fmri_stimuli::{NamedImages, StimulusSet};
use ndarray::{Array1, Array3, ArrayView3};

pub use self::batches::{Batches, TrialBatch};
use crate::files::row_file::RowFile;
use crate::mask::{MaskSource, VoxelMask};
use crate::roi::RoiQuery;
use crate::stimulus::Shown;
use crate::stimulus::trials::tensor;
use crate::trial_table::{GlobalTrial, SessionTrial};
use crate::{Betas, Cancel, Error, NoiseCeiling, Result, Subject, Voxels};

/// What is done to every image tensor: float32 in [0, 1], shape `(3, height, width)`, to whatever
/// float32 tensor the model takes.
pub type ImageTransform = dyn Fn(Array3<f32>) -> Array3<f32> + Send + Sync;

/// A request for a [`TrialDataset`], built step by step and answered by
/// [`TrialDatasetRequest::open`].
#[must_use]
pub struct TrialDatasetRequest<'a> {
    subject: &'a Subject,
    betas: Betas<'a>,
    transform: Option<Arc<ImageTransform>>,
}

/// The trials of one or more sessions as items: betas, image, and what the trial was.
///
/// Items are read when they are asked for, from any thread: the betas from a temporary file that
/// holds the selected matrix, written in one pass when the dataset was opened and gone with it; the
/// image from the packed images. Memory is one item, or one batch.
#[doc(alias = "LaionFMRIDataset")]
#[derive(Clone)]
pub struct TrialDataset {
    trials: Arc<[DatasetTrial]>,
    sessions: Arc<[SessionId]>,
    shown: Arc<Shown>,
    images: Arc<NamedImages>,
    matrix: Arc<RowFile>,
    voxels: Arc<VoxelMask>,
    transform: Option<Arc<ImageTransform>>,
}

#[derive(Clone, Debug)]
struct DatasetTrial {
    /// The place in the sessions of the dataset.
    session: usize,
    session_trial: SessionTrial,
    global: GlobalTrial,
    session_repetition: u32,
    repetition: u32,
}

/// One trial of a [`TrialDataset`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrialItem {
    /// The response: float32, shape `(n_voxels,)`.
    pub betas: Array1<f32>,
    /// The image as displayed: float32 in [0, 1], shape `(3, height, width)`, then transformed.
    pub image: Array3<f32>,
    /// The name of the image.
    pub image_name: String,
    /// The session.
    pub session: SessionId,
    /// The trial, counted within its session.
    pub session_trial: SessionTrial,
    /// How many earlier trials of the session showed the image.
    #[doc(alias = "rep_index")]
    pub session_repetition: u32,
    /// How many earlier trials, over all sessions on disk, showed the image.
    pub repetition: u32,
}

/// The items of a [`TrialDataset`] in trial order.
#[derive(Clone, Debug)]
pub struct TrialItems<'a> {
    dataset: &'a TrialDataset,
    indices: Range<usize>,
}

impl Iterator for TrialItems<'_> {
    type Item = Result<TrialItem>;

    fn next(&mut self) -> Option<Self::Item> {
        self.indices.next().map(|index| self.dataset.item(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.indices.size_hint()
    }
}

impl ExactSizeIterator for TrialItems<'_> {}

impl<'a> IntoIterator for &'a TrialDataset {
    type Item = Result<TrialItem>;
    type IntoIter = TrialItems<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Subject {
    /// The trials of all sessions on disk, or of chosen ones, as items for training; see
    /// [`TrialDataset`].
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// # fixtures::bucket::write_gated(bucket.root())?;
    /// # std::fs::create_dir("scratch")?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let trials = subject.trial_dataset().session("ses-01").roi("FFA1").open("scratch")?;
    /// let item = trials.item(0)?;
    /// assert_eq!(item.betas.len(), trials.n_voxels());
    /// for batch in trials.shuffled_batches(8, 42) {
    ///     let batch = batch?; // betas (8, n_voxels), images (8, 3, height, width)
    ///     assert_eq!(batch.betas.nrows(), batch.images.dim().0);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "to_torch_dataset")]
    pub fn trial_dataset(&self) -> TrialDatasetRequest<'_> {
        TrialDatasetRequest { subject: self, betas: self.betas(), transform: None }
    }
}

impl fmt::Debug for TrialDatasetRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrialDatasetRequest").field("betas", &self.betas).finish_non_exhaustive()
    }
}

impl TrialDatasetRequest<'_> {
    /// As [`Betas::session`].
    pub fn session(mut self, session: impl AsRef<str>) -> Self {
        self.betas = self.betas.session(session);
        self
    }

    /// As [`Betas::sessions`].
    pub fn sessions(mut self, sessions: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.betas = self.betas.sessions(sessions);
        self
    }

    /// As [`Betas::roi`].
    pub fn roi(mut self, query: impl Into<RoiQuery>) -> Self {
        self.betas = self.betas.roi(query);
        self
    }

    /// As [`Betas::mask`].
    pub fn mask(mut self, mask: VoxelMask) -> Self {
        self.betas = self.betas.mask(mask);
        self
    }

    /// As [`Betas::voxels`].
    pub fn voxels(mut self, voxels: Voxels) -> Self {
        self.betas = self.betas.voxels(voxels);
        self
    }

    /// As [`Betas::mask_source`].
    pub fn mask_source(mut self, source: MaskSource) -> Self {
        self.betas = self.betas.mask_source(source);
        self
    }

    /// As [`Betas::nc_threshold`]. Several sessions need [`TrialDatasetRequest::nc_threshold_on`].
    pub fn nc_threshold(mut self, percent: f32) -> Self {
        self.betas = self.betas.nc_threshold(percent);
        self
    }

    /// As [`Betas::nc_threshold_on`].
    pub fn nc_threshold_on(mut self, map: NoiseCeiling, percent: f32) -> Self {
        self.betas = self.betas.nc_threshold_on(map, percent);
        self
    }

    /// As [`Betas::stimuli`].
    pub fn stimuli(mut self, set: StimulusSet) -> Self {
        self.betas = self.betas.stimuli(set);
        self
    }

    /// As [`Betas::cancel`].
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.betas = self.betas.cancel(cancel);
        self
    }

    /// What is done to every image, such as resizing or normalising. Without it an image is float32
    /// in [0, 1], shape `(3, height, width)`.
    pub fn image_transform(
        mut self,
        transform: impl Fn(Array3<f32>) -> Array3<f32> + Send + Sync + 'static,
    ) -> Self {
        self.transform = Some(Arc::new(transform));
        self
    }

    /// Reads the betas once, into a temporary file in the directory `scratch`, which needs
    /// 4 bytes for each trial and voxel. Nothing is left there when the dataset is dropped.
    ///
    /// # Errors
    ///
    /// As [`Betas::volumes`]; [`Error::NamedTwice`] for a session that is named twice;
    /// [`Error::VoxelAxis`] when the sessions do not have the same voxels;
    /// [`Error::DataNotDownloaded`] for a session without a trial table;
    /// [`Error::StimuliNotDownloaded`] without the images; [`Error::Io`] when the temporary file
    /// cannot be written.
    pub fn open(&self, scratch: impl AsRef<Path>) -> Result<TrialDataset> {
        let named = self.betas.named_sessions();
        let mut sessions = self.subject.sessions()?;
        if !named.is_empty() || sessions.is_empty() {
            sessions = self.subject.sessions_to_join(named)?;
        }
        let images = self.subject.stimuli().images()?;
        let shown = Shown::read(self.subject)?;
        // Every file is opened and checked before the first is read.
        let betas = self.betas.volumes_of(&sessions)?;
        // INVARIANT: there is one reader for each session, and without a session there is an error above.
        let voxels = Arc::clone(betas.first().expect("at least one session").voxels());
        let mut matrix = RowFile::writer(scratch.as_ref(), voxels.n_voxels())?;
        let repetitions = shown.repetitions();
        let mut trials = Vec::new();
        let mut row = vec![0.0; voxels.n_voxels()];
        for (session, mut betas) in betas.into_iter().enumerate() {
            let first = shown.trials((&sessions[session]).into())?.start;
            while let Some(session_trial) = betas.next_row(&mut row)? {
                matrix.push(&row)?;
                let global = GlobalTrial(first + session_trial.0);
                let (session_repetition, repetition) = repetitions[global.0];
                trials.push(DatasetTrial {
                    session,
                    session_trial,
                    global,
                    session_repetition,
                    repetition,
                });
            }
        }
        Ok(TrialDataset {
            trials: trials.into(),
            sessions: sessions.into(),
            shown,
            images,
            matrix: Arc::new(matrix.finish()?),
            voxels,
            transform: self.transform.clone(),
        })
    }
}

impl fmt::Debug for TrialDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrialDataset")
            .field("sessions", &self.sessions)
            .field("trials", &self.len())
            .field("voxels", &self.n_voxels())
            .finish_non_exhaustive()
    }
}

impl TrialDataset {
    /// The number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Whether no trial was selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trials.is_empty()
    }

    /// The number of voxels of every item.
    #[must_use]
    pub fn n_voxels(&self) -> usize {
        self.voxels.n_voxels()
    }

    /// The voxels of every item.
    #[must_use]
    pub fn voxels(&self) -> &Arc<VoxelMask> {
        &self.voxels
    }

    /// The trial at this index, counted from 0.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] past the end; [`Error::Stimuli`] when the image cannot be read;
    /// [`Error::Io`] when the temporary file cannot.
    pub fn item(&self, index: usize) -> Result<TrialItem> {
        let trial = self.trial(index)?;
        let image = self.images.decode(self.shown.name(trial.global)?)?;
        let mut betas = Array1::zeros(self.n_voxels());
        // INVARIANT: an array that was just made is contiguous.
        self.matrix.read_row(index, betas.as_slice_mut().expect("a contiguous array"))?;
        Ok(TrialItem {
            betas,
            image: self.transformed(&image.view()),
            image_name: self.shown.name(trial.global)?.to_owned(),
            session: self.sessions[trial.session].clone(),
            session_trial: trial.session_trial,
            session_repetition: trial.session_repetition,
            repetition: trial.repetition,
        })
    }

    /// The items in trial order. Each is read when it is asked for.
    pub fn iter(&self) -> TrialItems<'_> {
        TrialItems { dataset: self, indices: 0..self.len() }
    }

    fn trial(&self, index: usize) -> Result<&DatasetTrial> {
        self.trials.get(index).ok_or_else(|| Error::OutOfRange {
            what: "trial",
            len: self.len(),
            got: index,
        })
    }

    fn transformed(&self, image: &ArrayView3<'_, u8>) -> Array3<f32> {
        let image = tensor(image);
        match &self.transform {
            Some(transform) => transform(image),
            None => image,
        }
    }
}
