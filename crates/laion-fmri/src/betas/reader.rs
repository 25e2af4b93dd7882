//! The betas of one session: opened once, checked, read by all threads, and known by their SHA-256.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bids_names::{SessionId, SubjectId};
use laion_fmri_base::lock;
use ndarray::ArrayViewMut2;
use nifti_stream::{Progress, RowSelection, VoxelSelection};

use super::file::BetasFile;
#[cfg(feature = "extract")]
use crate::files::LargeFile;
use crate::files::{Files, Located};
use crate::mask::{BrainMask, VoxelMask};
use crate::observer::Watch;
use crate::trial_table::SessionTrial;
use crate::trials::SessionTrials;
use crate::{Error, InputRecord, Result, Subject};

/// The betas of one session, in a mirror or in the bucket.
#[derive(Debug)]
pub(crate) struct SessionReader {
    subject: SubjectId,
    session: SessionId,
    files: Files,
    place: Located,
    n_volumes: usize,
    /// What the header was read from, for the first read.
    opened: Mutex<Option<BetasFile>>,
    index: Option<PathBuf>,
    /// Where the SHA-256 of the file is kept.
    #[cfg(feature = "extract")]
    digest: Option<PathBuf>,
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
    /// Opens the betas of a session, which have to lie on the grid of the brain mask.
    pub(crate) fn open(subject: &Subject, session: &SessionId, brain: &BrainMask) -> Result<Self> {
        let place = subject.betas_place(session)?;
        let file = BetasFile::open(subject.files(), &place)?;
        brain.check_grid(place.path(), file.grid())?;
        let index = subject.reading.index(&place);
        tracing::info!(
            betas = %place.path().display(),
            volumes = file.n_volumes(),
            index = index.as_ref().filter(|index| index.is_file()).map(|it| it.display().to_string()),
            brain = %brain.path().display(),
            threads = subject.reading.jobs.get(),
            "reading betas"
        );
        Ok(Self {
            subject: subject.id().clone(),
            session: session.clone(),
            files: subject.files().clone(),
            n_volumes: file.n_volumes(),
            opened: Mutex::new(Some(file)),
            index,
            #[cfg(feature = "extract")]
            digest: subject.reading.digest(&place),
            place,
        })
    }

    /// Refuses a trial table with another number of trials.
    pub(crate) fn check_trials(&self, table: &SessionTrials) -> Result<()> {
        if table.len() == self.n_volumes {
            return Ok(());
        }
        Err(Error::TrialCountMismatch {
            betas: self.path().to_owned(),
            volumes: self.n_volumes,
            rows: table.len(),
            trials: table.path().to_owned(),
        })
    }

    /// Closes the file until it is read: several objects would be open for long, each with what was
    /// fetched ahead.
    pub(super) fn closed(self) -> Self {
        lock(&self.opened).take();
        self
    }

    pub(crate) fn session(&self) -> &SessionId {
        &self.session
    }

    pub(crate) fn n_volumes(&self) -> usize {
        self.n_volumes
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Reads rows into an array of their shape. Answers with what a stream was.
    pub(crate) fn read_rows(
        &self,
        read: SessionRead<'_>,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<Option<InputRecord>> {
        self.read(read, |file, selection, observe| {
            file.read_rows_with(selection, read.rows, out, observe)
        })
    }

    /// Reads rows one after the other, with the trial that each is. Answers with what a stream was.
    pub(crate) fn for_each_row(
        &self,
        read: SessionRead<'_>,
        mut take: impl FnMut(SessionTrial, &[f32]) -> ControlFlow<()>,
    ) -> Result<Option<InputRecord>> {
        self.read(read, |file, selection, observe| {
            let take = |volume, row: &[f32]| take(SessionTrial(volume), row);
            file.for_each_row(selection, read.rows, take, observe)
        })
    }

    /// Reads with this many threads, and says what the file was.
    ///
    /// A file on disk whose digest is recorded for its present size and time of modification is read
    /// by index and threads, and not hashed. Otherwise it is hashed while the threads inflate it,
    /// or, with one thread, by that thread; the digest is kept for the next time.
    #[cfg(feature = "extract")]
    pub(crate) fn recorded(
        &self,
        threads: NonZeroUsize,
        read: impl FnOnce() -> Result<Option<InputRecord>>,
    ) -> Result<InputRecord> {
        // INVARIANT: what is read as a stream is hashed on the way, and says what it was.
        let streamed = |record: Option<InputRecord>| record.expect("a record of a stream");
        if !self.place.is_on_disk() {
            return read().map(streamed);
        }
        let file = LargeFile::new(&self.files, &self.place, self.digest.as_deref())?;
        let record = match file.known()? {
            Some(record) => read().map(|_| record)?,
            None if threads.get() == 1 => {
                let input = self.files.stream_recorded(&self.place)?;
                *lock(&self.opened) = Some(BetasFile::stream(input, &self.place)?);
                read().map(streamed)?
            }
            None => file.hashed_beside(read)?,
        };
        file.settled(record)
    }

    fn read(
        &self,
        SessionRead { voxels, threads, watch, .. }: SessionRead<'_>,
        read: impl FnOnce(
            BetasFile,
            &VoxelSelection,
            &mut dyn FnMut(Progress) -> ControlFlow<()>,
        ) -> Result<Option<InputRecord>>,
    ) -> Result<Option<InputRecord>> {
        let selection = voxels.selection()?;
        let opened = lock(&self.opened).take();
        let file = opened.map_or_else(|| BetasFile::open(&self.files, &self.place), Ok)?;
        let (session, volumes) = (&self.session, file.n_volumes());
        tracing::debug!(%session, volumes, voxels = selection.len(), path = %self.path().display(), "reading betas");
        let mut is_stopped = false;
        let file = file.with(threads, self.index.as_deref());
        let record = read(file, &selection, &mut |progress| {
            let answer = watch.volume(&self.subject, session, progress);
            is_stopped |= answer.is_break();
            answer
        })?;
        // Who stopped it after the last volume wants no answer all the same.
        if is_stopped { Err(Error::Cancelled) } else { Ok(record) }
    }
}
