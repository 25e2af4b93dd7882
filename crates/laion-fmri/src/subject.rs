//! One subject of the mirror: what is on disk, and the accessors that read it.

mod in_bucket;
mod session_or_all;
mod sessions;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bids_names::{SessionId, SubjectId};
use laion_fmri_base::lock;
use s3_mirror::RelativePath;

pub use self::session_or_all::SessionOrAll;
pub(crate) use self::sessions::{SessionPlace, each_once};
use crate::dataset::Reading;
use crate::files::{Files, Located, Records};
use crate::mask::{BrainMask, MaskSource, Resolution};
use crate::roi::{RoiFiles, RoiIndex};
use crate::stimulus::Stimuli;
use crate::store::OpenedStores;
use crate::trials::SessionTrials;
use crate::{
    Betas, Contradiction, DownloadRequest, Error, FilterField, Input, InputError, InputRecord,
    Result, Roots, Subjects, layout,
};

/// The brain masks that were read.
type Masks = HashMap<(MaskSource, Resolution), Arc<BrainMask>>;

/// The number of trials in the tables on disk that were read, by path.
type TableLengths = HashMap<PathBuf, TableLength>;

/// The number of trials in a table of this size and time of modification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TableLength {
    size: u64,
    modified: Option<SystemTime>,
    trials: usize,
}

/// A subject. Opening one reads nothing; brain masks and ROIs are read once per handle and shared.
///
/// All methods take `&self` and may be called from several threads at once. Clones share what was
/// read.
#[derive(Clone)]
pub struct Subject {
    pub(crate) files: Files,
    records: Records,
    id: SubjectId,
    masks: Arc<Mutex<Masks>>,
    table_lengths: Arc<Mutex<TableLengths>>,
    pub(crate) roi_files: RoiFiles,
    stimuli: Stimuli,
    pub(crate) reading: Reading,
    pub(crate) stores: Arc<OpenedStores>,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("id", &self.id).field("roots", self.roots()).finish()
    }
}

// As for a dataset: what is shared is complete whenever its lock is free.
impl UnwindSafe for Subject {}
impl RefUnwindSafe for Subject {}

impl Subject {
    pub(crate) fn new(files: Files, id: SubjectId, stimuli: Stimuli, reading: Reading) -> Self {
        Self {
            files,
            records: Records::default(),
            id,
            masks: Arc::default(),
            table_lengths: Arc::default(),
            roi_files: RoiFiles::default(),
            stimuli,
            reading,
            stores: Arc::default(),
        }
    }

    /// The id, such as `sub-03`.
    #[must_use]
    #[doc(alias = "subject_id")]
    pub fn id(&self) -> &SubjectId {
        &self.id
    }

    /// The sessions on disk: those with a betas file or a trial table, sorted. Betas that only a
    /// [store](crate::store) has count by their trial table, without which they are not read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    #[doc(alias = "get_sessions")]
    pub fn sessions(&self) -> Result<Vec<SessionId>> {
        let mut sessions = self.sessions_with_a_directory()?;
        sessions.retain(|it| self.has_file_of_betas(it) || self.has_trial_table(it));
        Ok(sessions)
    }

    /// The sessions whose betas are on disk or in a [store](crate::store), sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    pub fn sessions_with_betas(&self) -> Result<Vec<SessionId>> {
        Ok(self.betas_there()?.into_iter().map(|(session, _)| session).collect())
    }

    /// As [`Subject::sessions_with_betas`], each with the file, without which a store has the
    /// betas.
    pub(crate) fn betas_there(&self) -> Result<Vec<SessionPlace>> {
        let found = |session: SessionId| {
            let place = self.find_betas(&session);
            let is_there =
                place.is_some() || (self.has_trial_table(&session) && self.is_stored(&session));
            is_there.then_some((session, place))
        };
        Ok(self.sessions_with_a_directory()?.into_iter().filter_map(found).collect())
    }

    /// The sessions with a directory, sorted.
    fn sessions_with_a_directory(&self) -> Result<Vec<SessionId>> {
        let names = self.files.subdirectories(&layout::glmsingle(&self.id))?;
        let names = names.iter().filter(|name| name.starts_with("ses-"));
        Ok(names.filter_map(|name| name.parse::<SessionId>().ok()).collect())
    }

    /// The sessions of which this file was downloaded and is no longer on disk, by the records of
    /// the mirror, sorted; `file` is a path of [`layout`]. Betas that a [store](crate::store) has
    /// are there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the records or a directory cannot be read.
    ///
    /// ```
    /// use laion_fmri::{Dataset, layout};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// assert!(subject.sessions_gone(layout::betas)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sessions_gone(
        &self,
        file: impl Fn(&SubjectId, &SessionId) -> String,
    ) -> Result<Vec<SessionId>> {
        if self.files.reads_bucket() {
            return Ok(Vec::new());
        }
        let tree = layout::glmsingle(&self.id);
        let mut gone = BTreeSet::new();
        for path in self.files.recorded_paths()? {
            let session = path.strip_prefix(&tree).and_then(|rest| rest.split('/').next());
            let session = session.filter(|name| name.starts_with("ses-"));
            let Some(session) = session.and_then(|name| name.parse::<SessionId>().ok()) else {
                continue;
            };
            let is_gone = file(&self.id, &session) == path && self.files.find(&path).is_none();
            let is_elsewhere =
                || path == layout::betas(&self.id, &session) && self.is_stored(&session);
            if is_gone && !is_elsewhere() {
                gone.insert(session);
            }
        }
        Ok(gone.into_iter().collect())
    }

    /// The brain mask of a source.
    ///
    /// The R² map is published on the functional grid alone.
    ///
    /// # Errors
    ///
    /// [`Error::Contradiction`] for the R² map at full resolution, [`Error::DataNotDownloaded`]
    /// when the file is not in the mirror, [`Error::Nifti`] when it is damaged.
    ///
    /// ```
    /// use laion_fmri::{Dataset, MaskSource, Resolution};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8)?;
    /// let all = brain.to_bool();
    /// assert_eq!(all.len(), brain.grid().n_voxels());
    /// assert_eq!(all.iter().filter(|voxel| **voxel).count(), brain.n_voxels());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_brain_mask")]
    pub fn brain_mask(&self, source: MaskSource, resolution: Resolution) -> Result<Arc<BrainMask>> {
        if source == MaskSource::Rsquare && resolution != Resolution::Func1pt8 {
            let (expected, got) = (Resolution::Func1pt8, resolution);
            return Err(Contradiction::MaskResolution { mask: source, expected, got }.into());
        }
        let key = (source, resolution);
        // A panic while the lock was held cannot leave a half-read mask behind: masks are inserted
        // whole.
        let mut masks = lock(&self.masks);
        if let Some(mask) = masks.get(&key) {
            return Ok(Arc::clone(mask));
        }
        let located = match source {
            MaskSource::Anatomical => {
                let res = (resolution == Resolution::Func1pt8).then_some("1pt8");
                self.locate(
                    "the anatomical brain mask",
                    &layout::anatomical_brain_mask(&self.id, res),
                    || anatomical_mask(&self.id, resolution),
                )?
            }
            MaskSource::Rsquare => self.mean_r2_place()?,
        };
        let mask = self.read(&located, |input| {
            BrainMask::read(input, source, resolution).map_err(|error| located.named(error))
        })?;
        let mask = Arc::new(mask);
        masks.insert(key, Arc::clone(&mask));
        Ok(mask)
    }

    /// The number of brain voxels of a source on the functional grid.
    ///
    /// # Errors
    ///
    /// As [`Subject::brain_mask`].
    #[doc(alias = "get_n_voxels")]
    pub fn n_voxels(&self, source: MaskSource) -> Result<usize> {
        Ok(self.brain_mask(source, Resolution::Func1pt8)?.n_voxels())
    }

    /// A request for single-trial betas on the functional grid; see [`Betas`], also for what a
    /// session does that is named twice.
    #[doc(alias = "get_betas")]
    pub fn betas(&self) -> Betas<'_> {
        Betas::new(self)
    }

    /// The trial table of one session, by `ses-01` or `01`: the columns `session`, `run` (from 1),
    /// `beta_index` (from 0) and `label`, the name of the image; see [`SessionTrials`]. Row i
    /// belongs to row i of the betas.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`], [`Error::DataNotDownloaded`], [`Error::TrialTable`].
    #[doc(alias = "get_trial_info")]
    pub fn trials(&self, session: impl AsRef<str>) -> Result<SessionTrials> {
        let session: SessionId = session.as_ref().parse()?;
        self.read_table(&self.trials_place(&session)?)
    }

    /// A file of the subject, or of the dataset, as a stream of its bytes that is hashed while it
    /// is read; `relative` is its path in a mirror, as [`layout`] gives it: a [`RelativePath`],
    /// never one that leads out. The records of the mirror, or the entity tag of the object, say
    /// what it has to be.
    ///
    /// # Errors
    ///
    /// [`InputError::NotAKey`](crate::InputError::NotAKey) for any other path;
    /// [`Error::DataNotDownloaded`] or [`InputError::NotInBucket`](crate::InputError::NotInBucket)
    /// when it is not there; [`Error::Io`], [`Error::Object`] or
    /// [`InputError::Withheld`](crate::InputError::Withheld) when it cannot be opened.
    pub fn open_input(&self, relative: &str) -> Result<Input> {
        RelativePath::new(relative).map_err(InputError::from)?;
        let located = self.files.search(relative)?.ok_or_else(|| {
            let fetch = || DownloadRequest::of_prefix(relative);
            self.files.missing("a file of the dataset", relative, fetch)
        })?;
        self.files.stream_recorded(&located)
    }

    /// What was read through this handle so far, but betas: masks, ROI files, maps and tables, each
    /// as it was when it was last read, sorted by path.
    #[must_use]
    pub fn inputs_read(&self) -> Vec<InputRecord> {
        self.records.all()
    }

    /// The stimulus side of the dataset by image name. Nothing is opened yet.
    #[must_use]
    pub fn stimuli(&self) -> &Stimuli {
        &self.stimuli
    }

    /// The trial tables of all sessions on disk, in session order. A session that has betas and no
    /// table is an error: without its trials, every later trial would get the index of another one.
    pub(crate) fn session_tables(&self) -> Result<Vec<(SessionId, SessionTrials)>> {
        let sessions = self.sessions()?;
        self.fetch_trials(&sessions)?;
        let table = |session: SessionId| Ok((session.clone(), self.trials(&session)?));
        sessions.into_iter().map(table).collect()
    }

    pub(crate) fn roots(&self) -> &Roots {
        self.files.roots()
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// The same subject, whose further reading leaves no record in this one.
    pub(crate) fn apart(&self) -> Self {
        Self { records: Records::default(), table_lengths: Arc::default(), ..self.clone() }
    }

    /// Reads a file as a whole and notes what it was.
    pub(crate) fn read<T>(
        &self,
        located: &Located,
        read: impl FnOnce(&mut Input) -> Result<T>,
    ) -> Result<T> {
        let mut input = self.files.open(located)?;
        let value = read(&mut input)?;
        self.records.add(self.files.finish(located, input)?);
        Ok(value)
    }

    /// Whether a trial table has so many trials, as far as that is known without reading it: this
    /// handle has read it, and it has not changed.
    pub(crate) fn is_table_of(&self, place: &Located, n_trials: usize) -> bool {
        let length = table_length(place, n_trials);
        length.is_some() && lock(&self.table_lengths).get(place.path()).copied() == length
    }

    /// Reads a trial table.
    pub(crate) fn read_table(&self, place: &Located) -> Result<SessionTrials> {
        // As it was before it was read: a table that changes meanwhile is read again.
        let length = table_length(place, 0);
        let table = self.read(place, SessionTrials::read)?;
        if let Some(length) = length {
            let length = TableLength { trials: table.len(), ..length };
            lock(&self.table_lengths).insert(place.path().to_owned(), length);
        }
        Ok(table)
    }

    pub(crate) fn roi_index(&self) -> Result<RoiIndex> {
        RoiIndex::scan(&self.files, &self.id)
    }

    pub(crate) fn betas_place(&self, session: &SessionId) -> Result<Located> {
        self.find_betas(session).ok_or_else(|| self.no_betas(session))
    }

    /// The file of the betas of a session, if it is there.
    pub(crate) fn find_betas(&self, session: &SessionId) -> Option<Located> {
        self.files.find(&layout::betas(&self.id, session))
    }

    /// The error about a session whose betas are not there.
    pub(crate) fn no_betas(&self, session: &SessionId) -> Error {
        let error = self.files.missing(
            format!("the betas of {} {session}", self.id),
            &layout::betas(&self.id, session),
            // The trial table comes along: betas without it cannot be joined with anything.
            || single_trials(&self.id, session),
        );
        self.with_others(error, layout::betas)
    }

    pub(crate) fn mean_r2_place(&self) -> Result<Located> {
        let fetch = || anatomical_mask(&self.id, Resolution::Func1pt8);
        self.locate("the mean R² map", &layout::r2mean(&self.id), fetch)
    }

    /// An error about a file of a session that is not there, with the sessions that have it.
    fn with_others(&self, error: Error, file: fn(&SubjectId, &SessionId) -> String) -> Error {
        match error {
            Error::DataNotDownloaded { what, path, fetch } => {
                let what = what + &self.others_with(file);
                Error::DataNotDownloaded { what, path, fetch }
            }
            other => other,
        }
    }

    /// `, only those of ses-01 (in the bucket, as last listed: ses-01, ses-02)`: the sessions of
    /// which this file is there, for messages about others.
    fn others_with(&self, file: fn(&SubjectId, &SessionId) -> String) -> String {
        // A folder that cannot be listed makes this no better message.
        let mut there = self.sessions().unwrap_or_default();
        there.retain(|session| self.files.find(&file(&self.id, session)).is_some());
        let listed = self.sessions_listed().unwrap_or_default();
        let mut text = match there.is_empty() {
            true => String::new(),
            false => format!(", only those of {}", first_few(&there)),
        };
        if !listed.is_empty() {
            text.push_str(&format!(" (in the bucket, as last listed: {})", first_few(&listed)));
        }
        text
    }

    /// Whether there is a file of the betas of a session.
    pub(crate) fn has_file_of_betas(&self, session: &SessionId) -> bool {
        self.find_betas(session).is_some()
    }

    fn has_trial_table(&self, session: &SessionId) -> bool {
        self.files.find(&layout::trials(&self.id, session)).is_some()
    }

    /// Refuses a session without betas. Answers with their file, without which a store has them.
    pub(crate) fn check_betas(&self, session: &SessionId) -> Result<Option<Located>> {
        let place = self.find_betas(session);
        if place.is_none() && !self.is_stored(session) {
            return Err(self.no_betas(session));
        }
        Ok(place)
    }

    pub(crate) fn trials_place(&self, session: &SessionId) -> Result<Located> {
        let relative = layout::trials(&self.id, session);
        self.files.find(&relative).ok_or_else(|| {
            let what = format!("the trial table of {} {session}", self.id);
            let error = self.files.missing(what, &relative, || trial_table(&self.id, session));
            self.with_others(error, layout::trials)
        })
    }

    /// Makes the trial tables of sessions quick to read, as far as they are there.
    pub(crate) fn fetch_trials(&self, sessions: &[SessionId]) -> Result<()> {
        if !self.files.reads_bucket() {
            return Ok(());
        }
        let tables = sessions.iter().map(|session| layout::trials(&self.id, session));
        self.files.fetch(&tables.filter_map(|table| self.files.find(&table)).collect::<Vec<_>>())
    }

    /// A file of the dataset, or what it is and the download that brings it.
    pub(crate) fn locate(
        &self,
        what: &str,
        relative: &str,
        fetch: impl FnOnce() -> DownloadRequest,
    ) -> Result<Located> {
        self.files.find(relative).ok_or_else(|| self.files.missing(what, relative, fetch))
    }

    /// As [`Subject::place`], for a file that is no mask, map or table of the betas: a bucket that
    /// is read is asked for it, unless it is on disk.
    pub(crate) fn locate_anywhere(
        &self,
        what: &str,
        relative: &str,
        fetch: impl FnOnce() -> DownloadRequest,
    ) -> Result<Located> {
        let found = self.files.search(relative)?;
        found.ok_or_else(|| self.files.missing(what, relative, fetch))
    }

    /// As [`Subject::place`], on disk.
    pub(crate) fn file(
        &self,
        what: &str,
        relative: &str,
        fetch: impl FnOnce() -> DownloadRequest,
    ) -> Result<PathBuf> {
        let found = self.roots().find(relative);
        found.ok_or_else(|| self.files.missing_on_disk(what, relative, fetch))
    }

    /// A directory, in the first root that has it.
    pub(crate) fn directory(
        &self,
        what: &str,
        relative: &str,
        fetch: impl FnOnce() -> DownloadRequest,
    ) -> Result<PathBuf> {
        let candidates = self.roots().directories().iter().map(|root| root.join(relative));
        candidates.into_iter().find(|path| path.is_dir()).ok_or_else(|| {
            self.files.missing_on_disk(format!("{what} of {}", self.id), relative, fetch)
        })
    }
}

/// A number of trials for a table on disk as it was found.
fn table_length(place: &Located, trials: usize) -> Option<TableLength> {
    let found = place.metadata()?;
    Some(TableLength { size: found.len(), modified: found.modified().ok(), trials })
}

/// The download of what GLMsingle made of the trials of a session.
fn single_trials(id: &SubjectId, session: &SessionId) -> DownloadRequest {
    DownloadRequest::of(id).ses([session.as_str()]).desc("SingletrialBetas")
}

/// The download of the trial table of a session.
pub(crate) fn trial_table(id: &SubjectId, session: &SessionId) -> DownloadRequest {
    single_trials(id, session).form("trials", "tsv")
}

/// The download of the brain mask made from the anatomy; on the functional grid the mean R² map
/// comes with it.
pub(crate) fn anatomical_mask(id: &SubjectId, resolution: Resolution) -> DownloadRequest {
    match resolution {
        Resolution::Func1pt8 => DownloadRequest::brain_mask(Subjects::These(vec![id.clone()])),
        _ => DownloadRequest::of(id).filter(FilterField::Suffix, ["mask"]).include_anatomical(),
    }
}

/// The first few of many sessions.
fn first_few(sessions: &[SessionId]) -> String {
    const MOST: usize = 8;
    let names: Vec<&str> = sessions.iter().take(MOST).map(SessionId::as_str).collect();
    match sessions.len() {
        n if n > MOST => format!("{} and {} more", names.join(", "), n - MOST),
        _ => names.join(", "),
    }
}
