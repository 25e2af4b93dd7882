//! The betas of one session: from a store that has them, or else from their file.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bids_names::{SessionId, SubjectId};
use ndarray::ArrayViewMut2;
use nifti_stream::{Progress, RowSelection, VoxelSelection};

use super::file::BetasFile;
use super::session_file::SessionFile;
use crate::error::StoreError;
use crate::files::Located;
use crate::mask::VoxelMask;
use crate::observer::Watch;
use crate::store::{StoredSession, StoresOfVoxels};
use crate::trial_table::SessionTrial;
use crate::trials::SessionTrials;
use crate::{Error, Event, InputRecord, Result, Subject};

/// The betas of one session, in a store, in a mirror or in the bucket.
#[derive(Debug)]
pub(crate) struct SessionReader {
    subject: SubjectId,
    session: SessionId,
    n_volumes: usize,
    stored: Option<StoredSession>,
    /// Whether the store turned out to be damaged while it was read.
    is_damaged: AtomicBool,
    /// With a store, it may not be there.
    file: Option<SessionFile>,
}

/// Which rows and columns of a session are read, and how.
#[derive(Clone, Copy)]
pub(crate) struct SessionRead<'a> {
    pub(crate) voxels: &'a VoxelMask,
    pub(crate) rows: &'a RowSelection,
    pub(crate) threads: NonZeroUsize,
    pub(crate) watch: Watch<'a>,
}

impl SessionReader {
    /// Finds the betas of a session. Those of a store are taken if it has all of these voxels and
    /// is in step with the file; those of a file have to lie on the grid of the brain mask.
    pub(crate) fn open(subject: &Subject, session: &SessionId, voxels: &VoxelMask) -> Result<Self> {
        let stores = subject.stores_of(voxels);
        Self::open_with(subject, session, voxels, &stores, subject.find_betas(session))
    }

    /// As [`SessionReader::open`], with the stores of the voxels and the file of the betas, which
    /// were looked for already.
    pub(super) fn open_with(
        subject: &Subject,
        session: &SessionId,
        voxels: &VoxelMask,
        stores: &StoresOfVoxels,
        place: Option<Located>,
    ) -> Result<Self> {
        let stored = subject.stored(session, stores, place.as_ref());
        let file = match place {
            Some(place) => Some(SessionFile::new(subject, place, voxels.brain())),
            None if stored.is_some() => None,
            None => return Err(subject.no_betas(session)),
        };
        let n_volumes = match (&stored, &file) {
            (Some(stored), _) => stored.n_trials(),
            (None, Some(file)) => file.open()?,
            (None, None) => 0,
        };
        let index = file.as_ref().filter(|_| stored.is_none()).and_then(SessionFile::index);
        tracing::info!(
            store = stored.as_ref().map(|stored| stored.store_path().display().to_string()),
            betas = file.as_ref().map(|file| file.path().display().to_string()),
            volumes = n_volumes,
            index = index.filter(|index| index.is_file()).map(|it| it.display().to_string()),
            brain = %voxels.brain().path().display(),
            threads = subject.reading.jobs.get(),
            "reading betas"
        );
        let (subject, session) = (subject.id().clone(), session.clone());
        let is_damaged = AtomicBool::new(false);
        Ok(Self { subject, session, n_volumes, stored, is_damaged, file })
    }

    /// Refuses a trial table with another number of trials.
    pub(crate) fn check_trials(&self, table: &SessionTrials) -> Result<()> {
        table.check_volumes(self.path(), self.n_volumes)
    }

    /// Asks for the betas of a session that will be opened next, if they are an object and no store
    /// has these voxels. If they are not read, they are given up with the subject.
    #[cfg(feature = "extract")]
    pub(crate) fn fetch_ahead_of(subject: &Subject, session: &SessionId, voxels: &VoxelMask) {
        if let Some(place) = subject.find_betas(session).filter(|place| !place.is_on_disk())
            && subject.stores_of(voxels).is_empty()
        {
            let kept = subject.reading.digest(&place);
            subject.files().fetch_ahead(&place, kept.as_deref());
        }
    }

    /// Asks for the betas, if they are an object that will be read next.
    pub(super) fn fetch_ahead(&self) {
        if let (false, Some(file)) = (self.is_stored(), &self.file) {
            file.fetch_ahead();
        }
    }

    /// Closes the file until it is read.
    pub(super) fn closed(self) -> Self {
        self.file.iter().for_each(SessionFile::close);
        self
    }

    pub(crate) fn session(&self) -> &SessionId {
        &self.session
    }

    pub(crate) fn n_volumes(&self) -> usize {
        self.n_volumes
    }

    /// Where the betas are read from.
    pub(crate) fn path(&self) -> &Path {
        let stored = self.store_in_use().map(StoredSession::path);
        stored.or(self.file.as_ref().map(SessionFile::path)).unwrap_or(Path::new(""))
    }

    /// Reads rows into an array of their shape. Answers with what a stream was.
    pub(crate) fn read_rows(
        &self,
        read: SessionRead<'_>,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<Option<InputRecord>> {
        if let Some(stored) = self.store_in_use() {
            self.tell(read, Some(stored));
            let done = stored.read_rows(&self.subject, &self.session, read, out.view_mut());
            match done {
                Ok(()) => return Ok(None),
                Err(error) => self.give_up(stored, read.voxels, error)?,
            }
        }
        self.read_file(read, |file, selection, observe| {
            file.read_rows_with(selection, read.rows, out, observe)
        })
    }

    /// Reads rows one after the other, with the trial that each is. Answers with what a stream was.
    pub(crate) fn for_each_row(
        &self,
        read: SessionRead<'_>,
        mut take: impl FnMut(SessionTrial, &[f32]) -> ControlFlow<()>,
    ) -> Result<Option<InputRecord>> {
        // Chunks would be read several times over where a few rows of many voxels are in memory.
        let suits = |stored: &&StoredSession| self.file.is_none() || stored.gives_rows(read.voxels);
        let mut taken = 0;
        if let Some(stored) = self.store_in_use().filter(suits) {
            self.tell(read, Some(stored));
            let counting = |trial, row: &[f32]| {
                taken += 1;
                take(trial, row)
            };
            let done = stored.for_each_row(&self.subject, &self.session, read, counting);
            match done {
                Ok(()) => return Ok(None),
                Err(error) => self.give_up(stored, read.voxels, error)?,
            }
        }
        // Rows that were handed over have the same values in the file.
        let rows = match read.rows {
            rows if taken == 0 => rows.clone(),
            RowSelection::All => RowSelection::Rows((taken..self.n_volumes).collect()),
            RowSelection::Rows(rows) => RowSelection::Rows(rows[taken..].to_vec()),
        };
        self.read_file(read, |file, selection, observe| {
            let take = |volume, row: &[f32]| take(SessionTrial(volume), row);
            file.for_each_row(selection, &rows, take, observe)
        })
    }

    /// Reads with this many threads, and says what the file was, also when a store is read in its
    /// place.
    pub(crate) fn recorded(
        &self,
        threads: NonZeroUsize,
        read: impl FnOnce() -> Result<Option<InputRecord>>,
    ) -> Result<InputRecord> {
        let Some(stored) = self.store_in_use() else {
            return self.file()?.recorded(threads, read);
        };
        let record = read()?;
        match (self.store_in_use(), record) {
            (Some(_), _) => Ok(stored.record()),
            (None, Some(record)) => Ok(record),
            // The file was read after all, and not hashed.
            (None, None) => self.file()?.recorded(NonZeroUsize::MAX, || Ok(None)),
        }
    }

    /// Whether a store is read, as far as it is not known to be damaged.
    pub(super) fn is_stored(&self) -> bool {
        self.store_in_use().is_some()
    }

    fn store_in_use(&self) -> Option<&StoredSession> {
        self.stored.as_ref().filter(|_| !self.is_damaged.load(Ordering::Relaxed))
    }

    fn file(&self) -> Result<&SessionFile> {
        let missing = || voxel_store::Error::Missing {
            path: self.path().to_owned(),
            kind: "file",
            name: "of betas".to_owned(),
        };
        Ok(self.file.as_ref().ok_or_else(missing)?)
    }

    /// Leaves a damaged store for the file. Otherwise the error, which is not about the store, or
    /// cannot be mended.
    fn give_up(&self, stored: &StoredSession, voxels: &VoxelMask, error: Error) -> Result<()> {
        let source = match error {
            Error::Store(error) => match *error {
                StoreError::Format(source) if source.is_damage() => source,
                other => return Err(other.into()),
            },
            other => return Err(other),
        };
        let (subject, session) = (self.subject.clone(), self.session.clone());
        if self.file.is_none() {
            let voxel = stored.first_voxel(voxels.brain(), &source);
            return Err(StoreError::Damaged { subject, session, voxel, source }.into());
        }
        let store = stored.store_path().display();
        tracing::debug!(%store, %session, error = %source, "the store is damaged");
        tracing::warn!(
            target: "laion_fmri::damaged_store",
            %subject,
            "{session} of {store} is damaged: its betas are read from their file"
        );
        self.is_damaged.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn tell(&self, read: SessionRead<'_>, stored: Option<&StoredSession>) {
        let (subject, session) = (&self.subject, &self.session);
        let store = stored.map(StoredSession::store_path);
        let path = match (stored, &self.file) {
            (Some(stored), _) => stored.path(),
            (None, Some(file)) => file.path(),
            (None, None) => Path::new(""),
        };
        let (volumes, voxels) = (self.n_volumes, read.voxels.n_voxels());
        tracing::debug!(%session, volumes, voxels, path = %path.display(), "reading betas");
        let index = self.file.as_ref().filter(|_| stored.is_none()).and_then(SessionFile::index);
        let index = index.as_deref().filter(|index| index.is_file());
        read.watch.observer.event(Event::Reading { subject, session, store, index });
    }

    fn read_file(
        &self,
        read: SessionRead<'_>,
        read_rows: impl FnOnce(
            BetasFile,
            &VoxelSelection,
            &mut dyn FnMut(Progress) -> ControlFlow<()>,
        ) -> Result<Option<InputRecord>>,
    ) -> Result<Option<InputRecord>> {
        let selection = read.voxels.selection()?;
        self.tell(read, None);
        let observe = |progress| read.watch.volume(&self.subject, &self.session, progress);
        let n_volumes = self.n_volumes;
        let read_rows = |file: BetasFile, observe: &mut dyn FnMut(Progress) -> ControlFlow<()>| {
            let (volumes, rows) = (file.n_volumes(), n_volumes);
            if volumes != rows {
                let path = self.path().to_owned();
                return Err(Error::TrialCountMismatch {
                    betas: path.clone(),
                    volumes,
                    rows,
                    trials: path,
                });
            }
            read_rows(file, &selection, observe)
        };
        self.file()?.read(read.threads, read_rows, observe)
    }
}
