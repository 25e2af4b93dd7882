//! Single-trial betas: a request, and the one pass over the file that answers it.

use std::path::Path;
use std::sync::Arc;

use bids::SessionId;
use indexmap::IndexMap;
use ndarray::Array2;
use nifti_stream::VoxelSelection;
use nifti_stream::fs::VolumeFile;

use crate::mask::{BrainMask, MaskSource, Resolution};
use crate::roi::RoiQuery;
use crate::trials::TrialTable;
use crate::{Error, Result, Subject};

/// A request for single-trial betas, built step by step and answered by [`Betas::load`].
///
/// Arrays are float32 of shape `(n_trials, n_voxels)`: trials in the order of the volumes, which is
/// the row order of the trial table; voxels by ascending flat C-order index of the brain mask's
/// grid. NaN stays NaN.
///
/// Memory is the array plus less than 32 MiB: the file is inflated chunk by chunk and only the
/// selected voxels are kept.
///
/// ```
/// use laion_fmri::{Dataset, MaskSource};
///
/// let bucket = fixtures::Bucket::temporary()?;
/// let subject = Dataset::open(bucket.root())?.subject("sub-03")?;
/// let ffa1 = subject.betas("ses-01").roi("FFA1").load()?;
/// assert_eq!(ffa1.nrows(), subject.trials("ses-01")?.len());
/// assert_eq!(ffa1.ncols(), subject.roi_mask("FFA1", MaskSource::Anatomical)?.n_voxels());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Betas<'a> {
    subject: &'a Subject,
    session: String,
    rois: Option<RoiQuery>,
    mask_source: MaskSource,
    observer: Option<&'a dyn ReadObserver>,
}

/// Hears of the progress of a read, and may stop it.
///
/// `volume` is called from the reading thread after each volume of the file, with the number of
/// volumes read so far and their total. Answering `false` stops the read with [`Error::Cancelled`].
pub trait ReadObserver: Sync {
    /// One more volume was read.
    fn volume(&self, session: &SessionId, done: usize, total: usize) -> bool;
}

impl std::fmt::Debug for Betas<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Betas")
            .field("subject", &self.subject.id())
            .field("session", &self.session)
            .field("rois", &self.rois)
            .field("mask_source", &self.mask_source)
            .finish_non_exhaustive()
    }
}

impl<'a> Betas<'a> {
    pub(crate) fn new(subject: &'a Subject, session: &str) -> Self {
        let session = session.to_owned();
        Self { subject, session, rois: None, mask_source: MaskSource::default(), observer: None }
    }

    /// Only the voxels of these ROIs, with the grammar of [`Subject::roi_mask`]. Without it, the
    /// whole brain mask.
    pub fn roi(mut self, query: impl Into<RoiQuery>) -> Self {
        self.rois = Some(query.into());
        self
    }

    /// Which brain mask the voxel axis is made from.
    pub fn mask_source(mut self, source: MaskSource) -> Self {
        self.mask_source = source;
        self
    }

    /// Reports progress to an observer, which may stop the read.
    pub fn observer(mut self, observer: &'a dyn ReadObserver) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The betas of the session that the request was made for.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`]; [`Error::UnknownRoi`]; [`Error::DataNotDownloaded`] when a file
    /// is missing; [`Error::GridMismatch`] and [`Error::TrialCountMismatch`] when files that belong
    /// together do not fit, found before the first volume is inflated; [`Error::Nifti`] when the
    /// file is damaged.
    pub fn load(&self) -> Result<Array2<f32>> {
        let session = self.session.parse()?;
        let (brain, selection) = self.voxels()?;
        self.load_one(&session, &brain, &selection)
    }

    /// The same voxels for several sessions, in the order asked, never stacked: the number of
    /// trials differs between sessions. The session of the request itself only counts when named.
    ///
    /// All files are checked against each other before the first is read.
    ///
    /// # Errors
    ///
    /// As [`Betas::load`]; [`Error::InvalidQuery`] when no session is named.
    pub fn load_sessions(
        &self,
        sessions: &[impl AsRef<str>],
    ) -> Result<IndexMap<SessionId, Array2<f32>>> {
        if sessions.is_empty() {
            return Err(Error::InvalidQuery { reason: "no session was named".to_owned() });
        }
        let sessions: Vec<SessionId> =
            sessions.iter().map(|session| session.as_ref().parse()).collect::<Result<_, _>>()?;
        let (brain, selection) = self.voxels()?;
        for session in &sessions {
            self.open(session, &brain)?;
        }
        let mut loaded = IndexMap::with_capacity(sessions.len());
        for session in sessions {
            let betas = self.load_one(&session, &brain, &selection)?;
            loaded.insert(session, betas);
        }
        Ok(loaded)
    }

    /// Whether these sessions could be read: their files are there, their grids and numbers of
    /// trials fit. Reads headers, masks and trial tables only.
    ///
    /// # Errors
    ///
    /// As [`Betas::load`], without what only the data themselves can show.
    pub fn check_sessions(&self, sessions: &[impl AsRef<str>]) -> Result<()> {
        let (brain, _) = self.voxels()?;
        for session in sessions {
            self.open(&session.as_ref().parse()?, &brain)?;
        }
        Ok(())
    }

    fn voxels(&self) -> Result<(Arc<BrainMask>, VoxelSelection)> {
        let (brain, voxels) = match &self.rois {
            Some(query) => {
                let roi = self.subject.roi_mask(query.clone(), self.mask_source)?;
                (Arc::clone(roi.brain()), roi.indices())
            }
            None => {
                let brain = self.subject.brain_mask(self.mask_source, Resolution::Func1pt8)?;
                let voxels = brain.indices().to_vec();
                (brain, voxels)
            }
        };
        let selection =
            VoxelSelection::new(brain.grid().shape(), voxels).map_err(nifti_stream::Error::from)?;
        Ok((brain, selection))
    }

    fn load_one(
        &self,
        session: &SessionId,
        brain: &BrainMask,
        selection: &VoxelSelection,
    ) -> Result<Array2<f32>> {
        let mut file = self.open(session, brain)?;
        let (volumes, voxels) = (file.n_volumes(), selection.len());
        tracing::debug!(%session, volumes, voxels, path = %file.path().display(), "reading betas");
        let values = self.read_volumes(&mut file, session, selection)?;
        // Only now are the checksums of the last member known to be right.
        file.finish()?;
        Array2::from_shape_vec((volumes, voxels), values)
            .map_err(|_| Error::OutOfMemory { rows: volumes, columns: voxels })
    }

    /// Opens the betas of a session once everything that can be known beforehand fits.
    fn open(&self, session: &SessionId, brain: &BrainMask) -> Result<VolumeFile> {
        let path = self.subject.betas_path(session)?;
        let file = VolumeFile::open(&path)?;
        brain.grid().matches(file.grid()).map_err(|source| Error::GridMismatch {
            path: path.clone(),
            reference: brain.path().to_owned(),
            source,
        })?;
        self.check_trial_count(session, &path, file.n_volumes())?;
        Ok(file)
    }

    /// Grows the array row by row, so that a header that promises more volumes than the file holds
    /// costs no more memory than the file can fill.
    fn read_volumes(
        &self,
        file: &mut VolumeFile,
        session: &SessionId,
        selection: &VoxelSelection,
    ) -> Result<Vec<f32>> {
        let (rows, columns) = (file.n_volumes(), selection.len());
        let too_large = || Error::OutOfMemory { rows, columns };
        let total = rows.checked_mul(columns).ok_or_else(too_large)?;
        let mut values = Vec::new();
        values.try_reserve_exact(total).map_err(|_| too_large())?;
        for done in 1..=rows {
            let start = values.len();
            values.resize(start + columns, 0.0);
            file.read_row(selection, &mut values[start..])?;
            if let Some(observer) = self.observer
                && !observer.volume(session, done, rows)
            {
                return Err(Error::Cancelled);
            }
        }
        Ok(values)
    }

    /// The trial table is not needed to read betas, but when it is there it has to fit.
    fn check_trial_count(&self, session: &SessionId, betas: &Path, volumes: usize) -> Result<()> {
        let trials = match self.subject.trials_path(session) {
            Ok(path) => path,
            Err(Error::DataNotDownloaded { path, .. }) => {
                tracing::warn!(path = %path.display(), "no trial table: the number of trials is not checked");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let table = TrialTable::read(&trials)?;
        if table.len() == volumes {
            return Ok(());
        }
        Err(Error::TrialCountMismatch {
            betas: betas.to_owned(),
            volumes,
            rows: table.len(),
            trials,
        })
    }
}
