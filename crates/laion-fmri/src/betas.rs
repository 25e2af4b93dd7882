//! Single-trial betas: a request, built step by step, and the forms that the result can take.

mod chosen;
mod file;
mod order;
mod plan;
mod reader;
mod rows;
mod session_file;
mod sessions;
mod statistics;
mod written;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use bids_names::SessionId;
use indexmap::{IndexMap, IndexSet};
use laion_fmri_stimuli::StimulusSet;
use ndarray::{Array2, Axis};

use self::plan::Planned;
pub(crate) use self::plan::zeroed;
pub(crate) use self::reader::{SessionRead, SessionReader};
pub use self::rows::BetaRows;
use self::sessions::InFlight;
pub(crate) use self::sessions::stopped;
pub(crate) use self::sessions::stopping_at_failure;
use crate::mask::{MaskSource, VoxelMask};
use crate::observer::Watch;
use crate::roi::RoiQuery;
use crate::subject::SessionPlace;
use crate::trial_table::SessionTrial;
use crate::{Cancel, Contradiction, Error, NoiseCeiling, Observer, Result, Subject, Voxels};

/// A request for single-trial betas, built step by step.
///
/// [`Betas::load`] and [`Betas::volumes`] answer for one session, which has to be named. What
/// answers for several ([`Betas::load_sessions`], [`Betas::for_each_session`], [`Betas::concat`],
/// [`Betas::write_npy`]) takes those that are named, in their order, or without names all with
/// betas. A session that is named twice is read once, in its first place; where rows are joined
/// ([`Betas::concat`]) it is refused, since its rows would count twice.
///
/// Betas are on the functional grid under either [`MaskSource`]. A brain mask at
/// [`Resolution::Full`](crate::Resolution::Full) belongs to the anatomical images: no voxel of it
/// is a column here, and for [`MaskSource::Rsquare`] there is none.
///
/// Arrays are float32 of shape `(n_trials, n_voxels)`: trials in the order of the volumes, which is
/// the row order of the trial table, or in the order of [`Betas::trials`]; voxels by ascending flat
/// C-order index of the brain mask's grid. NaN stays NaN.
///
/// Sessions that are in a [store](crate::store) are read from there. The values are the same, bit
/// for bit.
///
/// With one thread, memory is the array plus less than 32 MiB: the file is inflated chunk by chunk,
/// and only the selected voxels of the selected trials are kept.
/// [`Dataset::with_jobs`](crate::Dataset::with_jobs) lets several threads read,
/// [`Dataset::with_cache_dir`](crate::Dataset::with_cache_dir) keeps what makes the next read
/// shorter.
///
/// ```
/// use laion_fmri::{Dataset, MaskSource, StimulusSet};
///
/// # let bucket = fixtures::Bucket::example()?;
/// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
/// let ffa1 = subject.betas().roi("FFA1").session("ses-01").load()?;
/// assert_eq!(ffa1.nrows(), subject.trials("ses-01")?.len());
/// assert_eq!(ffa1.ncols(), subject.roi_mask("FFA1", MaskSource::Anatomical)?.n_voxels());
///
/// let shared = subject.betas().roi("FFA1").nc_threshold(30.0).stimuli(StimulusSet::Shared);
/// let shared = shared.session("ses-01").load_with_rows()?;
/// assert_eq!(shared.betas.dim(), (shared.trials.len(), shared.voxels.n_voxels()));
///
/// let both = subject.betas().roi("FFA1").sessions(["ses-01", "ses-02"]).concat()?;
/// assert_eq!(both.betas.nrows(), both.sessions.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Betas<'a> {
    subject: Cow<'a, Subject>,
    /// As they were named.
    sessions: Vec<String>,
    voxels: Voxels,
    threshold: Option<CeilingThreshold>,
    stimuli: Option<StimulusSet>,
    trials: Option<Vec<usize>>,
    observer: &'a dyn Observer,
}

/// A noise ceiling that voxels have to reach.
#[derive(Clone, Debug)]
struct CeilingThreshold {
    percent: f32,
    /// One map for all sessions; each session's own without it.
    map: Option<NoiseCeiling>,
}

/// The betas of one session with what their rows and columns are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SessionBetas {
    /// Float32, shape `(n_trials, n_voxels)`.
    pub betas: Array2<f32>,
    /// The trial of each row.
    pub trials: Vec<SessionTrial>,
    /// The voxels of the columns.
    pub voxels: Arc<VoxelMask>,
}

/// What the rows and columns are of a file with the betas of one session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WrittenBetas {
    /// The file.
    pub path: PathBuf,
    /// The trial of each row.
    pub trials: Vec<SessionTrial>,
    /// The voxels of the columns.
    pub voxels: Arc<VoxelMask>,
    /// How many voxels have NaN in any row.
    pub nan_voxels: usize,
}

/// The betas of several sessions below each other.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConcatenatedBetas {
    /// Float32, shape `(n_trials of all sessions, n_voxels)`.
    pub betas: Array2<f32>,
    /// The session of each row.
    pub sessions: Vec<SessionId>,
    /// The trial of each row, counted within its session.
    pub trials: Vec<SessionTrial>,
    /// The voxels of the columns, the same in all sessions.
    pub voxels: Arc<VoxelMask>,
}

impl std::fmt::Debug for Betas<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Betas")
            .field("subject", &self.subject.id())
            .field("sessions", &self.sessions)
            .field("voxels", &self.voxels)
            .field("threshold", &self.threshold)
            .field("stimuli", &self.stimuli)
            .field("trials", &self.trials)
            .finish_non_exhaustive()
    }
}

impl<'a> Betas<'a> {
    pub(crate) fn new(subject: &'a Subject) -> Self {
        Self {
            subject: Cow::Borrowed(subject),
            sessions: Vec::new(),
            voxels: Voxels::all(),
            threshold: None,
            stimuli: None,
            trials: None,
            observer: &(),
        }
    }

    /// Only this session, by `ses-01` or `01` or as a [`SessionId`].
    pub fn session(self, session: impl AsRef<str>) -> Self {
        self.sessions([session])
    }

    /// Only these sessions, in this order, named as for [`Betas::session`].
    pub fn sessions(mut self, sessions: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.sessions = sessions.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Only the voxels of these ROIs. Without it, the whole brain mask. Excludes a mask.
    pub fn roi(mut self, query: impl Into<RoiQuery>) -> Self {
        self.voxels.rois = Some(query.into());
        self
    }

    /// Only the voxels of this mask, on the axis that it carries. Excludes ROIs.
    pub fn mask(mut self, mask: VoxelMask) -> Self {
        self.voxels.mask = Some(mask);
        self
    }

    /// Only these voxels: ROIs, a mask and its source in one value.
    pub fn voxels(mut self, voxels: Voxels) -> Self {
        self.voxels = voxels;
        self
    }

    /// Which brain mask the voxel axis is made from.
    pub fn mask_source(mut self, source: MaskSource) -> Self {
        self.voxels.mask_source = Some(source);
        self
    }

    /// Only voxels whose noise ceiling is at least this many percent (0 to 100); NaN never is.
    ///
    /// Each session's own map decides, so the voxels differ between sessions; see
    /// [`Betas::nc_threshold_on`]. A threshold of 1 or less on a map in percent is probably meant
    /// as a fraction, and is warned about once a call.
    pub fn nc_threshold(mut self, percent: f32) -> Self {
        self.threshold = Some(CeilingThreshold { percent, map: None });
        self
    }

    /// As [`Betas::nc_threshold`], with one map for every session, so that all have the same
    /// voxels.
    pub fn nc_threshold_on(mut self, map: NoiseCeiling, percent: f32) -> Self {
        self.threshold = Some(CeilingThreshold { percent, map: Some(map) });
        self
    }

    /// Only trials whose image is in this set, as the trial table says, which has to be there then.
    pub fn stimuli(mut self, set: StimulusSet) -> Self {
        self.stimuli = Some(set);
        self
    }

    /// Only these trials, counted within each session from 0. Rows come in the order in which
    /// trials are named, and a trial that is named twice is two rows, as numpy indexes. Each trial
    /// is read once.
    pub fn trials(mut self, trials: impl IntoIterator<Item = usize>) -> Self {
        self.trials = Some(trials.into_iter().collect());
        self
    }

    /// Reports every volume to an observer ([`Event::Volume`](crate::Event::Volume)).
    /// [`Betas::volumes`] reports nothing; its rows are the progress, and
    /// [`BetaRows::with_observer`] is told of volumes that give no row.
    pub fn observer(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Stops with [`Error::Cancelled`] when this is set, instead of the [`Cancel`] of the subject.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.subject = Cow::Owned(self.subject.into_owned().with_cancel(cancel));
        self
    }

    fn watch(&self) -> Watch<'_> {
        Watch::new(self.observer, &self.subject.reading.cancel)
    }

    /// The betas of the one session that is named.
    ///
    /// # Errors
    ///
    /// [`Error::NothingNamed`] without a session and [`Contradiction::OneSession`] with several;
    /// [`Error::InvalidSession`]; [`Error::UnknownRoi`]; [`Error::Contradiction`] for choices that
    /// exclude each other; [`Error::MaskAxis`]; [`Error::TrialOutOfRange`];
    /// [`Error::DataNotDownloaded`] or [`InputError::NotInBucket`](crate::InputError::NotInBucket)
    /// when a file is missing; [`Error::GridMismatch`] and [`Error::TrialCountMismatch`] when files
    /// that belong together do not fit, found before the first volume is inflated; [`Error::Nifti`]
    /// when the file is damaged.
    pub fn load(&self) -> Result<Array2<f32>> {
        Ok(self.load_with_rows()?.betas)
    }

    /// As [`Betas::load`], with the trial of each row and the voxels of the columns.
    ///
    /// # Errors
    ///
    /// As [`Betas::load`].
    pub fn load_with_rows(&self) -> Result<SessionBetas> {
        self.plan_one()?.load(self.watch(), self.subject.reading.jobs)
    }

    /// The betas of several sessions, in their order, never stacked: the number of trials differs
    /// between sessions. A session that is named twice has one entry. All files are checked against
    /// each other before the first is read.
    ///
    /// # Errors
    ///
    /// As [`Betas::load`]; [`Error::DataNotDownloaded`] when none is named and none has betas.
    pub fn load_sessions(&self) -> Result<IndexMap<SessionId, Array2<f32>>> {
        let planned = self.plan(self.chosen()?)?;
        let arrays = sessions::arrays(&planned, self.subject.reading.jobs, self.watch())?;
        Ok(planned.iter().map(|planned| planned.session().clone()).zip(arrays).collect())
    }

    /// As [`Betas::load_sessions`], handing over one session after the other, so that only one is
    /// in memory; with [several threads](crate::Dataset::with_jobs), one more than there are
    /// threads.
    ///
    /// # Errors
    ///
    /// As [`Betas::load_sessions`], and the error of `take`, which ends the loop.
    pub fn for_each_session<E: From<Error>>(
        &self,
        take: impl FnMut(SessionId, SessionBetas) -> Result<(), E>,
    ) -> Result<(), E> {
        let load = |planned: Planned, watch: Watch<'_>, threads| planned.load(watch, threads);
        let jobs = self.subject.reading.jobs;
        sessions::in_order(
            self.plan(self.chosen()?)?,
            jobs,
            InFlight::Bounded,
            self.watch(),
            &load,
            take,
        )
    }

    /// The betas of several sessions, each written to a `.npy` file of its own, which appears
    /// when it is complete. `path` names the file of a session; `done` hears of each that was
    /// written, in their order.
    ///
    /// No array is held: rows go to the file while the next ones are read. The files are byte for
    /// byte those of [`array_export::write_npy`] for the arrays of [`Betas::load_sessions`].
    ///
    /// # Errors
    ///
    /// As [`Betas::load_sessions`]; [`Error::Space`]; [`Error::Export`]; what `done` answers ends
    /// the loop.
    pub fn write_npy<E: From<Error>>(
        &self,
        path: impl Fn(&SessionId) -> PathBuf + Sync,
        done: impl FnMut(SessionId, WrittenBetas) -> Result<(), E>,
    ) -> Result<(), E> {
        let write = |planned: Planned, watch: Watch<'_>, threads| {
            let path = path(planned.session());
            planned.write_npy(path, watch, threads)
        };
        let jobs = self.subject.reading.jobs;
        let planned = self.plan(self.chosen()?)?;
        if let Some(first) = planned.first() {
            let bytes = planned.iter().map(Planned::n_bytes).sum();
            crate::roots::check_space(&path(first.session()), bytes)?;
        }
        sessions::in_order(planned, jobs, InFlight::Unbounded, self.watch(), &write, done)
    }

    /// The betas of several sessions in one array, one session after the other, in the order named.
    ///
    /// # Errors
    ///
    /// As [`Betas::load_sessions`]; [`Error::NamedTwice`] for a session that is named twice, whose
    /// rows would count twice; [`Error::VoxelAxis`] when the sessions do not have the same voxels,
    /// before anything is read.
    pub fn concat(&self) -> Result<ConcatenatedBetas> {
        // Before any file is looked at.
        if !self.sessions.is_empty() {
            self.subject.sessions_once(&self.sessions)?;
        }
        let planned = self.plan(self.chosen()?)?;
        let voxels = plan::same_voxels(&planned)?;
        let rows = planned.iter().map(Planned::n_rows).sum();
        let columns = voxels.n_voxels();
        let mut betas = plan::zeroed(rows, columns)?;
        let mut row_sessions = Vec::with_capacity(rows);
        let mut trials = Vec::with_capacity(rows);
        let mut parts = Vec::with_capacity(planned.len());
        let mut rest = betas.view_mut();
        for planned in &planned {
            let (part, others) = rest.split_at(Axis(0), planned.n_rows());
            parts.push((planned, part));
            rest = others;
            row_sessions.extend(std::iter::repeat_n(planned.session().clone(), planned.n_rows()));
            trials.extend(planned.trials());
        }
        sessions::into_parts(parts, self.subject.reading.jobs, self.watch())?;
        Ok(ConcatenatedBetas { betas, sessions: row_sessions, trials, voxels })
    }

    /// The betas of the session row by row, for callers who want no array at all. Rows that
    /// [`Betas::trials`] puts into another order than that of the file wait in a temporary file of
    /// the system.
    ///
    /// # Errors
    ///
    /// As [`Betas::load`].
    pub fn volumes(&self) -> Result<BetaRows> {
        Ok(BetaRows::new(self.plan_one()?, &self.subject.reading))
    }

    /// As [`Betas::volumes`] for several sessions with the same voxels, all opened and checked.
    #[cfg(feature = "stimuli")]
    pub(crate) fn volumes_of(&self, sessions: &[SessionId]) -> Result<Vec<BetaRows>> {
        let planned = self.plan(self.subject.betas_of(sessions.iter().cloned())?)?;
        plan::same_voxels(&planned)?;
        let reading = &self.subject.reading;
        Ok(planned.into_iter().map(|planned| BetaRows::new(planned, reading)).collect())
    }

    /// The sessions that were named, or all with betas, each once and with its file.
    fn chosen(&self) -> Result<Vec<SessionPlace>> {
        if self.sessions.is_empty() {
            return self.subject.all_betas();
        }
        let named: IndexSet<_> =
            self.subject.sessions_of_betas(&self.sessions)?.into_iter().collect();
        // Missing files are the likeliest failure and the cheapest to see.
        self.subject.betas_of(named)
    }

    /// The sessions as they were named.
    #[cfg(feature = "stimuli")]
    pub(crate) fn named_sessions(&self) -> &[String] {
        &self.sessions
    }

    fn plan_one(&self) -> Result<Planned> {
        let session: SessionId = match self.sessions.as_slice() {
            [session] => session.parse()?,
            [] => return Err(Error::NothingNamed { what: "session".to_owned() }),
            several => return Err(Contradiction::OneSession { got: several.len() }.into()),
        };
        let mut planned = self.plan(self.subject.betas_of([session])?)?;
        // INVARIANT: one session was named, and each gives one plan.
        Ok(planned.pop().expect("one plan"))
    }
}
