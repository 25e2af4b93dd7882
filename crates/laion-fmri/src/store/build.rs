//! Building a store: a task for each session, each in one pass over its file.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bids_names::{SessionId, SubjectId};
use laion_fmri_base::zarr::DOCUMENT;
use nifti_stream::RowSelection;
use voxel_store::{
    Group, GroupWriter, MatrixOptions, MatrixRows, consolidate, mend_group, write_group,
    write_new_group,
};

use super::contents::{VoxelArray, voxel_arrays, with_coordinates, write_trials};
use super::described::{SessionLabel, StoreLabel, VERSION, to_attributes};
use super::find::{FOLDER, Store, Unfit, name};
use super::turn::Turns;
use super::upkeep::session_names;
use super::{BETAS, TRIALS, VOXEL_INDEX, VOXELS};
use crate::betas::{SessionRead, SessionReader, stopping_at_failure};
use crate::files::Fingerprint;
use crate::mask::VoxelMask;
use crate::memory::{self, PER_VOXEL, PROGRAM};
use crate::observer::Watch;
use crate::{Cancel, Error, Observer, Result, SessionTrials, Subject, Voxels};

/// The fewest rows of a chunk: below it, the checksums take as much as the values.
const LEAST_ROWS: usize = 8;

/// What a store is to hold, built step by step.
#[derive(Clone, Debug, Default)]
#[must_use]
#[non_exhaustive]
pub struct StoreRequest {
    /// The sessions, by `ses-01` or `01`; all with betas when empty.
    pub sessions: Vec<String>,
    /// The voxels; by default the whole brain mask, so that every later ROI is in the store.
    pub voxels: Voxels,
    /// The directory that the store goes to; by default the folder `stores` of the data directory
    /// that downloads go to. A dataset that reads a bucket has no data directory, so there it has
    /// to be set.
    pub directory: Option<PathBuf>,
    /// The most memory that building may take, in bytes. Less memory makes chunks of fewer trials,
    /// which are slower to read.
    pub max_memory: Option<u64>,
    /// Whether every byte of what is there is checked, so that what is damaged is built again.
    /// Without it, only the documents of sessions are read. What the store says of its voxels is
    /// compared with the mirror by every build.
    pub verify: bool,
}

impl StoreRequest {
    /// A store of every session with betas, and of the whole anatomical brain mask.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only these sessions.
    pub fn sessions(mut self, sessions: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.sessions = sessions.into_iter().map(|name| name.as_ref().to_owned()).collect();
        self
    }

    /// Only these voxels.
    pub fn voxels(mut self, voxels: Voxels) -> Self {
        self.voxels = voxels;
        self
    }

    /// Into this directory, which is needed for a dataset that reads a bucket.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// In this much memory.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = Some(bytes);
        self
    }

    /// Checking every byte of what is there.
    pub fn verify(mut self) -> Self {
        self.verify = true;
        self
    }
}

/// How a store will be built; see [`Subject::plan_store`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StorePlan {
    /// The directory of the store.
    pub path: PathBuf,
    /// The subject.
    pub subject: SubjectId,
    /// The sessions that are not built yet, or out of step, or damaged as far as that was looked
    /// at; in this order.
    pub sessions: Vec<SessionId>,
    /// The sessions that are there and in step.
    pub kept: Vec<SessionId>,
    /// The voxels.
    pub n_voxels: usize,
    /// The bytes that the sessions to be built will take on disk.
    pub bytes: u64,
    /// The most memory that building takes, as predicted, in bytes.
    pub peak_memory: u64,
    /// Whether every byte of what is there was checked.
    is_verified: bool,
    /// Whether the voxels or what is known of them are damaged.
    is_damaged: bool,
    voxels: Arc<VoxelMask>,
    label: StoreLabel,
    pub(super) tables: Vec<SessionTrials>,
    workers: usize,
    threads: NonZeroUsize,
    options: MatrixOptions,
}

/// Where a store lies, and of which voxels it is.
#[derive(Clone, Debug)]
pub(super) struct StorePlace {
    pub(super) path: PathBuf,
    pub(super) voxels: Arc<VoxelMask>,
    label: StoreLabel,
}

impl StorePlace {
    /// The store as it has to be, whatever its document says.
    pub(super) fn expected(&self) -> Store {
        Store::expected(&self.path, &self.label, &self.voxels)
    }
}

/// What was built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreBuilt {
    /// The directory of the store.
    pub path: PathBuf,
    /// The sessions that were built.
    pub built: Vec<SessionId>,
    /// The sessions that were there and in step.
    pub kept: Vec<SessionId>,
}

impl Subject {
    /// What [`Subject::build_store`] will do: sessions, bytes, memory. Masks, trial tables and the
    /// documents of a store that is there are read, betas are not, unless [`StoreRequest::verify`]
    /// asks for that.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`], [`Error::NamedTwice`]; [`Error::DataNotDownloaded`] when betas, a
    /// trial table or a mask are missing; [`Error::MemoryLimit`]; [`Error::DataDirNotSet`] when
    /// there is no data directory and the request has no [`directory`](StoreRequest::directory),
    /// such as for a dataset that reads a bucket; as [`Voxels::resolve`].
    pub fn plan_store(&self, request: &StoreRequest) -> Result<StorePlan> {
        let named = &request.sessions;
        let chosen = self.sessions_of_betas(named)?;
        crate::subject::each_once(&chosen)?;
        let place = self.store_place(request)?;
        // Also where the document of the store is damaged: sessions stand on their own.
        let store = Arc::new(place.expected());
        let verify = |path: &Path| if request.verify { self.is_sound(path) } else { Ok(true) };
        let (mut kept, mut missing) = (Vec::new(), Vec::new());
        for session in chosen {
            let found = store.session(&session);
            let betas = self.betas_place(&session).ok();
            let is_there = found.is_ok_and(|found| self.check_step(&found, betas.as_ref()).is_ok())
                && verify(&store.session_path(&session))?;
            if is_there { kept.push(session) } else { missing.push(session) }
        }
        let is_damaged = !verify(&place.path)?;
        for session in &missing {
            self.betas_place(session)?;
        }
        let plan = self.plan_sessions(request, place, missing)?;
        Ok(StorePlan { kept, is_verified: request.verify, is_damaged, ..plan })
    }

    /// Where the store of a request lies, and of which voxels it is.
    pub(super) fn store_place(&self, request: &StoreRequest) -> Result<StorePlace> {
        let voxels = Arc::new(request.voxels.clone().non_empty().resolve(self)?);
        let label = StoreLabel::new(self.id(), &voxels);
        let directory = match &request.directory {
            Some(directory) => directory.clone(),
            None => self.roots().writable()?.join(FOLDER),
        };
        let path = directory.join(name(&label, voxels.brain().source()));
        Ok(StorePlace { path, voxels, label })
    }

    /// How these sessions will be built, whatever there is of them.
    pub(super) fn plan_sessions(
        &self,
        request: &StoreRequest,
        place: StorePlace,
        sessions: Vec<SessionId>,
    ) -> Result<StorePlan> {
        let StorePlace { path, voxels, label } = place;
        self.fetch_trials(&sessions)?;
        let tables = sessions.iter().map(|session| self.trials(session));
        let tables: Vec<SessionTrials> = tables.collect::<Result<_>>()?;
        let n_voxels = voxels.n_voxels();
        let shapes: Vec<[usize; 2]> = tables.iter().map(|table| [table.len(), n_voxels]).collect();
        let from_bucket = self.files().reads_bucket();
        let memory = BuildMemory { shapes: &shapes, limit: request.max_memory, from_bucket };
        let (workers, threads, options) = memory.plan(self.reading.jobs.get())?;
        let layouts =
            shapes.iter().map(|shape| voxel_store::Layout::new(*shape, options.chunk_rows));
        let bytes = layouts.map(|layout| layout.map(|layout| layout.bytes()));
        Ok(StorePlan {
            bytes: bytes.sum::<Result<u64, _>>()?,
            peak_memory: memory.peak(workers, threads, options),
            path,
            subject: self.id().clone(),
            sessions,
            kept: Vec::new(),
            n_voxels,
            is_verified: false,
            is_damaged: false,
            voxels,
            label,
            tables,
            workers,
            threads,
            options,
        })
    }

    /// Builds a store, or what is missing of one.
    ///
    /// Each session is read once, from the mirror or the bucket, and appears in the store when it
    /// is complete and on disk. Sessions that are there and in step stay as they are, so a build
    /// that was interrupted goes on with the next session. Several processes may build one store: a
    /// session that another one builds is waited for ([`Event::Waiting`](crate::Event::Waiting))
    /// and kept. Noise ceilings and ROIs that are damaged in the store, or that have come to the
    /// mirror or changed there, are written again; sessions are not touched by that.
    ///
    /// # Errors
    ///
    /// As [`Subject::plan_store`] and [`Betas::load`](crate::Betas::load); [`Error::Space`];
    /// [`StoreError`](crate::StoreError) when the store cannot be written; [`Error::Cancelled`].
    ///
    /// ```
    /// use laion_fmri::store::StoreRequest;
    /// use laion_fmri::{Cancel, Dataset};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let built = subject.build_store(&StoreRequest::new(), &(), &Cancel::new())?;
    /// assert!(built.path.ends_with("laion-fmri/stores/sub-03_desc-anatomical.zarr"));
    /// let betas = subject.betas().session("ses-01").roi("FFA1").load()?; // from the store
    /// assert_eq!(betas.nrows(), subject.trials("ses-01")?.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build_store(
        &self,
        request: &StoreRequest,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<StoreBuilt> {
        let subject = self.apart().with_cancel(cancel);
        let plan = subject.plan_store(request)?;
        let watch = Watch::new(observer, cancel);
        watch.check()?;
        // What an earlier build left behind makes room first.
        if plan.path.is_dir() {
            voxel_store::remove_abandoned(&plan.path)?;
        }
        crate::roots::check_space(&plan.path, plan.bytes)?;
        plan.prepare(&subject)?;
        // From the files, whatever other store there is.
        let mut from_files = subject;
        from_files.reading.stores.are_off = true;
        let turns = Turns::default();
        let tasks = plan.sessions.iter().zip(&plan.tables);
        stopping_at_failure(plan.workers, tasks.collect::<Vec<_>>(), watch, |watch, task| {
            plan.build_in_turn(&from_files, task, &turns, watch)
        })?;
        consolidate(&plan.path)?;
        let (built, by_others) = turns.divided(plan.sessions);
        Ok(StoreBuilt { path: plan.path, built, kept: [plan.kept, by_others].concat() })
    }

    /// Whether every byte of a group is what was written.
    fn is_sound(&self, path: &Path) -> Result<bool> {
        let cancel = &self.reading.cancel;
        let observe = || match cancel.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        match Group::open(path).and_then(|group| group.verify(self.reading.jobs, observe)) {
            Ok(_) => Ok(true),
            Err(voxel_store::Error::Stopped) => Err(Error::Cancelled),
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl StorePlan {
    /// The voxels of the store.
    #[cfg(feature = "extract")]
    pub(super) fn voxels(&self) -> &Arc<VoxelMask> {
        &self.voxels
    }

    /// The bytes that a process takes that builds one session with so many threads.
    #[cfg(feature = "extract")]
    pub(super) fn memory_of_one(
        &self,
        jobs: usize,
        limit: Option<u64>,
        from_bucket: bool,
    ) -> Result<u64> {
        let shapes = self.tables.iter().map(|table| [table.len(), self.n_voxels]);
        let shapes: Vec<[usize; 2]> = shapes.collect();
        let most = shapes.iter().max_by_key(|shape| shape[0]);
        let shapes = most.map(std::slice::from_ref).unwrap_or(&[]);
        let memory = BuildMemory { shapes, limit, from_bucket };
        let (workers, threads, options) = memory.plan(jobs)?;
        Ok(memory.peak(workers, threads, options))
    }

    /// Makes the store without sessions, unless one for the same voxels is there. What that one
    /// says of its voxels is written again if it is damaged, or if the mirror says something else.
    pub(super) fn prepare(&self, subject: &Subject) -> Result<()> {
        if let Some(directory) = self.path.parent() {
            std::fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
        }
        let arrays = voxel_arrays(subject, &self.voxels)?;
        let write = |group: &mut GroupWriter| -> Result<()> {
            arrays.iter().try_for_each(|array| array.write(group))?;
            let label = to_attributes(&self.label);
            group.attributes(with_coordinates(label, "voxel_index voxel_ijk roi_name"));
            Ok(())
        };
        let is_there = || Store::open(&self.path).is_ok_and(|store| store.label == self.label);
        let is_done = !self.is_damaged && is_there() || write_new_group(&self.path, write)?;
        if !is_done {
            match Store::open(&self.path) {
                // Another process has written it meanwhile.
                Ok(store) if store.label == self.label && !self.is_damaged => {}
                // No session of another store, or of another version, can be used.
                Ok(store) if store.label != self.label => write_group(&self.path, write)?,
                Err(Unfit::Stale(_)) => write_group(&self.path, write)?,
                _ if is_store(&self.path)? => {
                    self.remove_others()?;
                    mend_group(&self.path, write)?;
                }
                // An empty directory, or something that is not replaced.
                _ => write_group(&self.path, write)?,
            }
        }
        if !self.is_in_step(&arrays)? {
            mend_group(&self.path, write)?;
        }
        voxel_store::remove_abandoned(&self.path)?;
        Ok(())
    }

    /// Whether the store says of its voxels what the mirror says now. What the mirror does not have
    /// any more stays in the store, as sessions do whose file is gone.
    fn is_in_step(&self, arrays: &[VoxelArray]) -> Result<bool> {
        let group = Group::open(&self.path)?;
        for array in arrays {
            if !array.is_in(&group)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Removes the sessions that cannot be sessions of this store.
    fn remove_others(&self) -> Result<()> {
        let store = Arc::new(Store::expected(&self.path, &self.label, &self.voxels));
        for name in session_names(&self.path)? {
            let is_own = name.parse().is_ok_and(|session| store.session(&session).is_ok());
            if !is_own {
                let path = self.path.join(name);
                std::fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Reads a session into the store, unless another process does.
    fn build_in_turn(
        &self,
        subject: &Subject,
        task: (&SessionId, &SessionTrials),
        turns: &Turns,
        watch: Watch<'_>,
    ) -> Result<()> {
        let (session, _) = task;
        let path = self.path.join(session.as_str());
        loop {
            let waited = turns.wait(&path, (subject.id(), session), watch)?;
            // It was missing when this build was planned; a check of every byte is not repeated.
            if (waited || !self.is_verified) && self.has(subject, session) {
                turns.found(session);
                return Ok(());
            }
            if self.build(subject, task, watch)? {
                return Ok(());
            }
            Turns::step_back();
        }
    }

    /// Whether a session is there and in step.
    fn has(&self, subject: &Subject, session: &SessionId) -> bool {
        let store = Arc::new(Store::expected(&self.path, &self.label, &self.voxels));
        let betas = subject.betas_place(session).ok();
        let found = store.session(session);
        found.is_ok_and(|found| subject.check_step(&found, betas.as_ref()).is_ok())
    }

    /// Reads a session into the store; false, and nothing is read, when another process has begun
    /// at the same moment.
    fn build(
        &self,
        subject: &Subject,
        (session, table): (&SessionId, &SessionTrials),
        watch: Watch<'_>,
    ) -> Result<bool> {
        let reader = SessionReader::open(subject, session, &self.voxels)?;
        reader.check_trials(table)?;
        let (threads, rows) = (self.threads, RowSelection::All);
        let read = SessionRead { voxels: &self.voxels, rows: &rows, threads, watch };
        self.write(session, table, |rows| {
            let mut put = Ok(());
            let record = reader.recorded(threads, || {
                reader.for_each_row(read, |_, row| {
                    put = rows.put(row);
                    if put.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                })
            });
            // A row that could not be put stopped the read.
            put?;
            subject.files().fingerprint(&subject.betas_place(session)?, &record?)
        })
    }

    /// Writes a session. `fill` puts all rows, and says which file they came from. False, and
    /// nothing is put, when another process has begun at the same moment.
    pub(super) fn write(
        &self,
        session: &SessionId,
        table: &SessionTrials,
        fill: impl FnOnce(&mut MatrixRows) -> Result<Fingerprint>,
    ) -> Result<bool> {
        let shape = [table.len(), self.n_voxels];
        let path = self.path.join(session.as_str());
        remove_remains(&path, &[BETAS])?;
        let mut is_alone = true;
        let written = write_group(&path, |group| -> Result<()> {
            is_alone = Turns::is_alone(&path);
            if !is_alone {
                return Err(Error::Cancelled);
            }
            write_trials(group, table)?;
            let mut label = None;
            group.matrix(BETAS, [TRIALS, VOXELS], shape, &self.options, |rows| {
                let betas = fill(rows)?;
                let written = SystemTime::now().duration_since(UNIX_EPOCH);
                let label = label.insert(SessionLabel {
                    laion_fmri_store: VERSION,
                    subject: self.label.subject.clone(),
                    session: session.to_string(),
                    mask_source: self.label.mask_source.clone(),
                    n_trials: table.len(),
                    voxels_sha256: self.label.voxels_sha256,
                    betas,
                    written_by: concat!("laion-fmri ", env!("CARGO_PKG_VERSION")).to_owned(),
                    written: written.map_or(0, |since| since.as_secs()),
                });
                Ok::<_, Error>(label.identity())
            })?;
            let label = label.as_ref().map(to_attributes).unwrap_or_default();
            let names = "image_name run beta_index session_repetition";
            group.attributes(with_coordinates(label, names));
            Ok(())
        });
        if !is_alone {
            return Ok(false);
        }
        written?;
        consolidate(&self.path)?;
        Ok(true)
    }
}

/// Whether a directory is a store, which may have lost its document.
fn is_store(path: &Path) -> Result<bool> {
    if !path.is_dir() {
        return Ok(false);
    }
    let mut members = session_names(path)?;
    members.extend([String::new(), VOXEL_INDEX.to_owned()]);
    Ok(members.iter().any(|member| path.join(member).join(DOCUMENT).is_file()))
}

/// Removes what is left of a group that has lost its document: nothing else has these members.
fn remove_remains(path: &Path, members: &[&str]) -> Result<()> {
    let is_group = path.join(DOCUMENT).is_file();
    if is_group || !members.iter().any(|member| path.join(member).join(DOCUMENT).is_file()) {
        return Ok(());
    }
    std::fs::remove_dir_all(path).map_err(Error::io("remove", path))
}

/// How much memory a build takes.
struct BuildMemory<'a> {
    shapes: &'a [[usize; 2]],
    limit: Option<u64>,
    from_bucket: bool,
}

impl BuildMemory<'_> {
    /// The bytes that the process takes with so many sessions at work.
    fn peak(&self, workers: usize, threads: NonZeroUsize, options: MatrixOptions) -> u64 {
        let each = self.shapes.iter().map(|shape| options.memory(*shape)).max();
        // With nothing to build, nothing is read.
        let Some(each) = each else { return PROGRAM };
        let each = each.saturating_add(memory::reader(threads.get(), self.from_bucket));
        let voxels = self.shapes.iter().map(|[_, columns]| *columns as u64).max().unwrap_or(0);
        PROGRAM
            .saturating_add(voxels.saturating_mul(PER_VOXEL))
            .saturating_add(each.saturating_mul(workers as u64))
    }

    /// As many sessions at a time as the limit and the number of threads allow, each with its share
    /// of the threads; with one session and one thread, chunks of fewer trials.
    fn plan(&self, jobs: usize) -> Result<(usize, NonZeroUsize, MatrixOptions)> {
        let limit = self.limit.unwrap_or(u64::MAX);
        let options = MatrixOptions::default();
        for workers in (1..=jobs.clamp(1, self.shapes.len().max(1))).rev() {
            for threads in (1..=(jobs / workers).max(1)).rev().filter_map(NonZeroUsize::new) {
                if self.peak(workers, threads, options) <= limit {
                    return Ok((workers, threads, options));
                }
            }
        }
        let one = NonZeroUsize::MIN;
        let with = |chunk_rows| MatrixOptions::default().chunk_rows(chunk_rows);
        memory::check(self.peak(1, one, with(LEAST_ROWS)), limit)?;
        let fitting = (LEAST_ROWS..options.chunk_rows).rev();
        let fits = |rows: &usize| self.peak(1, one, with(*rows)) <= limit;
        Ok((1, one, with(fitting.into_iter().find(fits).unwrap_or(LEAST_ROWS))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: [usize; 2] = [1044, 271_985];

    #[test]
    fn a_session_at_work_takes_less_than_300_mib() {
        let memory = BuildMemory { shapes: &[SESSION], limit: Some(360 << 20), from_bucket: false };
        let (workers, threads, options) = memory.plan(2).unwrap();
        assert_eq!((workers, threads.get(), options.chunk_rows), (1, 2, 174));
        assert!(memory.peak(workers, threads, options) < 340 << 20);
    }

    #[test]
    fn less_memory_takes_workers_first_and_rows_then() {
        let plan = |limit: u64| {
            let (limit, from_bucket) = (Some(limit), false);
            let memory = BuildMemory { shapes: &[SESSION; 30], limit, from_bucket };
            let (workers, threads, options) = memory.plan(4).unwrap();
            assert!(limit.is_some_and(|limit| memory.peak(workers, threads, options) <= limit));
            (workers, threads.get(), options.chunk_rows)
        };
        assert_eq!(plan(u64::MAX), (4, 1, 174));
        assert_eq!(plan(600 << 20).0, 2);
        let (workers, threads, rows) = plan(200 << 20);
        assert!(workers == 1 && threads == 1 && (50..174).contains(&rows), "{rows}");
        let memory = BuildMemory { shapes: &[SESSION], limit: Some(1 << 20), from_bucket: false };
        let Err(Error::MemoryLimit { limit: 1_048_576, least }) = memory.plan(4) else {
            panic!("a limit that is too small")
        };
        let nothing = BuildMemory { shapes: &[], limit: None, from_bucket: false };
        let (workers, threads, options) = nothing.plan(4).unwrap();
        assert_eq!(nothing.peak(workers, threads, options), PROGRAM);
        assert_eq!(BuildMemory { limit: Some(least), ..memory }.plan(4).unwrap().2.chunk_rows, 8);
    }
}
