//! What a request means for each session, decided and checked before anything is inflated.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bids_names::SessionId;
use laion_fmri_stimuli::StimulusSet;
use ndarray::{Array2, ArrayView1, ArrayViewMut2};
use nifti_stream::RowSelection;

use super::order::{RowOrder, WantedRows, waiting_directory};
use super::reader::{SessionRead, SessionReader};
use super::{Betas, CeilingThreshold, SessionBetas};
use crate::error::{ExtractError, Restriction};
use crate::files::row_file::RowFile;
use crate::mask::VoxelMask;
use crate::observer::Watch;
use crate::subject::SessionPlace;
use crate::trial_table::SessionTrial;
use crate::trials::SessionTrials;
use crate::{Error, NoiseCeiling, Result, Subject};

/// The rows and columns of one session.
#[derive(Debug)]
pub(super) struct Planned {
    reader: SessionReader,
    pub(super) voxels: Arc<VoxelMask>,
    rows: WantedRows,
}

impl Betas<'_> {
    /// One plan for each session, of which there is at least one.
    pub(super) fn plan(&self, sessions: Vec<SessionPlace>) -> Result<Vec<Planned>> {
        self.plan_by(sessions, |session, n_volumes, table| self.rows(session, n_volumes, table))
    }

    /// As [`Betas::plan`], with the rows that `rows` takes of each session: it is given the number
    /// of volumes, and the trial table if it had to be read.
    pub(super) fn plan_by(
        &self,
        places: Vec<SessionPlace>,
        mut rows: impl FnMut(&SessionId, usize, Option<SessionTrials>) -> Result<WantedRows>,
    ) -> Result<Vec<Planned>> {
        let sessions: Vec<SessionId> = places.iter().map(|(session, _)| session.clone()).collect();
        self.subject.fetch_trials(&sessions)?;
        let base = Arc::new(self.voxels.resolve(&self.subject)?);
        let stores = self.subject.stores_of(&base);
        let mut thresholded = Thresholded::new(&self.subject, &base, self.threshold.as_ref())?;
        let mut planned = Vec::with_capacity(sessions.len());
        for (session, place) in places {
            let reader = SessionReader::open_with(&self.subject, &session, &base, &stores, place)?;
            let table = self.table(&session, reader.n_volumes())?;
            table.as_ref().map_or(Ok(()), |table| reader.check_trials(table))?;
            let planned_session = Planned {
                voxels: thresholded.voxels(&session)?,
                rows: rows(&session, reader.n_volumes(), table)?,
                reader: if sessions.len() == 1 { reader } else { reader.closed() },
            };
            if self.voxels.is_non_empty {
                self.check_non_empty(&planned_session)?;
            }
            planned.push(planned_session);
        }
        Ok(planned)
    }

    /// Refuses a session without a row or without a column.
    fn check_non_empty(&self, planned: &Planned) -> Result<()> {
        let (what, why) = if planned.voxels.n_voxels() == 0 {
            let mut why = self.voxels.restrictions();
            let threshold = self.threshold.iter();
            why.extend(threshold.map(|it| Restriction::noise_ceiling(it.percent)));
            ("voxel", why)
        } else if planned.n_rows() == 0 {
            let trials = self.trials.iter().map(|_| Restriction::Trials);
            let why: Vec<_> = trials.chain(self.stimuli.map(Restriction::Stimuli)).collect();
            ("trial", if why.is_empty() { vec![Restriction::NoTrials] } else { why })
        } else {
            return Ok(());
        };
        let whose = format!("{} {}", self.subject.id(), planned.session());
        Err(ExtractError::NothingLeft { what, whose, why }.into())
    }

    /// The trial table, unless it is known to have as many trials. It is not needed to read betas,
    /// but when it is there it has to fit.
    fn table(&self, session: &SessionId, n_volumes: usize) -> Result<Option<SessionTrials>> {
        match self.subject.trials_place(session) {
            Ok(place) if self.subject.is_table_of(&place, n_volumes) => Ok(None),
            Ok(place) => Ok(Some(self.subject.read_table(&place)?)),
            Err(error) if error.is_missing() => {
                tracing::warn!(%error, "no trial table: the number of trials is not checked");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The trial table where it is needed: if there is none, the answer is the error that names it.
    pub(super) fn needed_table(
        &self,
        session: &SessionId,
        table: Option<SessionTrials>,
    ) -> Result<SessionTrials> {
        table.map_or_else(|| self.subject.trials(session), Ok)
    }

    /// The wanted rows of a session.
    fn rows(
        &self,
        session: &SessionId,
        n_volumes: usize,
        table: Option<SessionTrials>,
    ) -> Result<WantedRows> {
        let Some(mut rows) = self
            .trials
            .clone()
            .or_else(|| self.stimuli.is_some().then(|| (0..n_volumes).collect::<Vec<_>>()))
        else {
            return Ok(WantedRows::all());
        };
        if let Some(&got) = rows.iter().find(|row| **row >= n_volumes) {
            return Err(Error::TrialOutOfRange {
                session: session.clone(),
                trials: n_volumes,
                got,
            });
        }
        if let Some(set) = self.stimuli {
            let table = self.needed_table(session, table)?;
            let wanted: Vec<bool> =
                table.labels()?.map(|label| StimulusSet::of_label(label) == set).collect();
            rows.retain(|row| wanted.get(*row) == Some(&true));
        }
        Ok(WantedRows::of(rows))
    }

    /// The trials that are rows of each session, as the trial tables alone say: no betas are
    /// needed, and voxels do not count. Without names, of all sessions with a trial table.
    ///
    /// # Errors
    ///
    /// As [`Subject::trials_of`]; [`Error::TrialOutOfRange`].
    ///
    /// ```
    /// use laion_fmri::{Dataset, StimulusSet};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let shared = subject.betas().session("ses-01").stimuli(StimulusSet::Shared);
    /// let rows = shared.trial_rows()?;
    /// assert_eq!(rows[0].1.len(), shared.roi("FFA1").load()?.nrows());
    /// assert_eq!(subject.trial_columns_of(&rows)?.table.n_rows(), rows[0].1.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trial_rows(&self) -> Result<Vec<(SessionId, Vec<SessionTrial>)>> {
        let tables = self.subject.trials_of(&self.sessions)?.into_iter();
        let rows = |(session, table): (SessionId, SessionTrials)| {
            let n_volumes = table.len();
            let rows = self.rows(&session, n_volumes, Some(table))?.trials(n_volumes);
            Ok((session, rows))
        };
        tables.map(rows).collect()
    }
}

impl Planned {
    pub(super) fn session(&self) -> &SessionId {
        self.reader.session()
    }

    pub(super) fn n_rows(&self) -> usize {
        self.rows.count(self.reader.n_volumes())
    }

    /// The bytes of the values.
    pub(super) fn n_bytes(&self) -> u64 {
        let values = (self.n_rows() as u64).saturating_mul(self.voxels.n_voxels() as u64);
        values.saturating_mul(size_of::<f32>() as u64)
    }

    pub(super) fn reader(&self) -> &SessionReader {
        &self.reader
    }

    /// The volumes that are read, in the order of the file.
    pub(super) fn volumes(&self) -> &RowSelection {
        &self.rows.volumes
    }

    /// Whether the rows are in another order than that of the volumes, or some come twice.
    pub(super) fn has_order(&self) -> bool {
        self.rows.order.is_some()
    }

    /// The trial of each row.
    pub(super) fn trials(&self) -> Vec<SessionTrial> {
        self.rows.trials(self.reader.n_volumes())
    }

    pub(super) fn load(self, watch: Watch<'_>, threads: NonZeroUsize) -> Result<SessionBetas> {
        let betas = self.array(watch, threads)?;
        Ok(SessionBetas { betas, trials: self.trials(), voxels: self.voxels })
    }

    /// Reads the rows of this session.
    pub(super) fn array(&self, watch: Watch<'_>, threads: NonZeroUsize) -> Result<Array2<f32>> {
        let mut betas = zeroed(self.n_rows(), self.voxels.n_voxels())?;
        self.read_into(betas.view_mut(), watch, threads)?;
        Ok(betas)
    }

    /// Reads the rows of this session into an array of their shape.
    pub(super) fn read_into(
        &self,
        mut out: ArrayViewMut2<'_, f32>,
        watch: Watch<'_>,
        threads: NonZeroUsize,
    ) -> Result<()> {
        let how = self.how(watch, threads);
        let Some(order) = &self.rows.order else {
            return self.reader.read_rows(how, out).map(drop);
        };
        let put = |trial: SessionTrial, row: &[f32]| {
            for &position in order.rows_of(trial.0) {
                out.row_mut(position).assign(&ArrayView1::from(row));
            }
            ControlFlow::Continue(())
        };
        self.reader.for_each_row(how, put).map(drop)
    }

    /// Reads the rows of this session one after the other, with the trial that each is. `output` is
    /// the file that they go to, if any.
    pub(super) fn for_each_row(
        &self,
        watch: Watch<'_>,
        threads: NonZeroUsize,
        output: Option<&Path>,
        take: impl FnMut(SessionTrial, &[f32]) -> ControlFlow<()>,
    ) -> Result<()> {
        let how = self.how(watch, threads);
        match &self.rows.order {
            Some(order) => self.for_each_ordered(order, how, &waiting_directory(output), take),
            None => self.reader.for_each_row(how, take).map(drop),
        }
    }

    /// Volumes wait in a file in `directory` until all are read: any of them may be the first row.
    fn for_each_ordered(
        &self,
        order: &RowOrder,
        how: SessionRead<'_>,
        directory: &Path,
        mut take: impl FnMut(SessionTrial, &[f32]) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut waiting = RowFile::writer(directory, self.voxels.n_voxels())?;
        let mut pushed = Ok(());
        let read = self.reader.for_each_row(how, |_, row| {
            pushed = waiting.push(row);
            if pushed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        // A row that could not be pushed stopped the read.
        pushed.and(read)?;
        let waiting = waiting.finish()?;
        let mut row = vec![0.0; self.voxels.n_voxels()];
        for (trial, position) in order.positions() {
            if how.watch.is_stopped() {
                return Err(Error::Cancelled);
            }
            waiting.read_row(position, &mut row)?;
            if take(trial, &row).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn how<'a>(&'a self, watch: Watch<'a>, threads: NonZeroUsize) -> SessionRead<'a> {
        SessionRead { voxels: &self.voxels, rows: &self.rows.volumes, threads, watch }
    }
}

/// Applies a noise-ceiling threshold to the voxels of each session.
struct Thresholded<'a> {
    subject: &'a Subject,
    base: &'a Arc<VoxelMask>,
    threshold: Option<&'a CeilingThreshold>,
    /// The voxels of every session, when they do not depend on the session.
    common: Option<Arc<VoxelMask>>,
    warned: bool,
}

impl<'a> Thresholded<'a> {
    fn new(
        subject: &'a Subject,
        base: &'a Arc<VoxelMask>,
        threshold: Option<&'a CeilingThreshold>,
    ) -> Result<Self> {
        let mut thresholded = Self { subject, base, threshold, common: None, warned: false };
        match threshold {
            None => thresholded.common = Some(Arc::clone(base)),
            Some(CeilingThreshold { percent, .. }) if percent.is_nan() => {
                return Err(crate::noise_ceiling::no_threshold());
            }
            Some(CeilingThreshold { percent, map: Some(map) }) => {
                thresholded.common = Some(thresholded.reaching(*percent, map)?);
            }
            Some(_) => {}
        }
        Ok(thresholded)
    }

    fn voxels(&mut self, session: &SessionId) -> Result<Arc<VoxelMask>> {
        match (&self.common, self.threshold) {
            (Some(common), _) => Ok(Arc::clone(common)),
            (None, Some(threshold)) => {
                self.reaching(threshold.percent, &NoiseCeiling::Session(session.clone()))
            }
            (None, None) => Ok(Arc::clone(self.base)),
        }
    }

    fn reaching(&mut self, percent: f32, map: &NoiseCeiling) -> Result<Arc<VoxelMask>> {
        let reaching = self.subject.voxels_reaching(self.base, map, percent, !self.warned)?;
        self.warned |= reaching.warned;
        Ok(Arc::new(reaching.voxels))
    }
}

/// The voxels that reach a threshold.
pub(crate) struct Reaching {
    pub(crate) voxels: VoxelMask,
    /// Whether the threshold looked like a fraction, and was warned about.
    warned: bool,
}

impl Subject {
    /// The voxels of `base` whose noise ceiling is at least `percent`; NaN is not. A threshold of 1
    /// or less on a map in percent is warned about, if `warn` says so.
    pub(crate) fn voxels_reaching(
        &self,
        base: &VoxelMask,
        map: &NoiseCeiling,
        percent: f32,
        warn: bool,
    ) -> Result<Reaching> {
        let ceiling = self.noise_ceiling_of(map, base)?;
        let in_percent = ceiling.iter().any(|ceiling| *ceiling > 1.0);
        let warned = warn && percent > 0.0 && percent <= 1.0 && in_percent;
        if warned {
            tracing::warn!(
                "the noise-ceiling map {map} is in percent: a threshold of {percent} means {percent} %, not a fraction"
            );
        }
        Ok(Reaching { voxels: base.filtered(|voxel| ceiling[voxel] >= percent), warned })
    }
}

/// The voxels that all sessions share.
pub(super) fn same_voxels(planned: &[Planned]) -> Result<Arc<VoxelMask>> {
    // INVARIANT: a plan is made for at least one session.
    let first = planned.first().expect("at least one session");
    for other in &planned[1..] {
        if !Arc::ptr_eq(&first.voxels, &other.voxels) && first.voxels != other.voxels {
            return Err(Error::VoxelAxis {
                first: first.session().clone(),
                session: other.session().clone(),
                expected: first.voxels.n_voxels(),
                got: other.voxels.n_voxels(),
            });
        }
    }
    Ok(Arc::clone(&first.voxels))
}

/// An array of zeros, or an error that says how large it would be. Memory is taken when rows are
/// written, so that a header that promises more volumes than the file holds costs little.
pub(crate) fn zeroed(rows: usize, columns: usize) -> Result<Array2<f32>> {
    let too_large = || Error::OutOfMemory { rows, columns };
    let total = rows.checked_mul(columns).ok_or_else(too_large)?;
    let zeros = laion_fmri_base::zeroed(total).ok_or_else(too_large)?;
    Array2::from_shape_vec((rows, columns), zeros).map_err(|_| too_large())
}
