//! The file with the betas of a session, in a mirror or in the bucket: opened when it is read,
//! checked, and known by its SHA-256.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use laion_fmri_base::{Sha256, lock};
use nifti_stream::Progress;

use super::file::BetasFile;
use crate::dataset::Reading;
use crate::files::{Files, LargeFile, Located, keep_of_object};
use crate::mask::BrainMask;
use crate::{Error, InputRecord, Result, Subject};

/// The file with the betas of a session.
#[derive(Debug)]
pub(super) struct SessionFile {
    files: Files,
    place: Located,
    brain: Arc<BrainMask>,
    /// What the header was read from, for the first read.
    opened: Mutex<Option<BetasFile>>,
    /// Whether the file is hashed when it is read, so that its bytes are compared with its record.
    is_hashed: AtomicBool,
    /// Whether an object was asked for ahead.
    is_ahead: AtomicBool,
    reading: Reading,
}

impl Drop for SessionFile {
    fn drop(&mut self) {
        if self.is_ahead.load(Ordering::Relaxed) {
            self.files.forget_ahead(&self.place);
        }
    }
}

impl SessionFile {
    /// The file of a place. It is not opened yet.
    pub(super) fn new(subject: &Subject, place: Located, brain: &Arc<BrainMask>) -> Self {
        Self {
            files: subject.files().clone(),
            brain: Arc::clone(brain),
            opened: Mutex::new(None),
            is_hashed: AtomicBool::new(false),
            is_ahead: AtomicBool::new(false),
            reading: subject.reading.clone(),
            place,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Where the index of the file lies, whether it is there or not.
    pub(super) fn index(&self) -> Option<PathBuf> {
        self.reading.index(&self.place)
    }

    /// Reads the header: the voxels have to lie on the grid of the brain mask. Returns the number
    /// of volumes.
    pub(super) fn open(&self) -> Result<usize> {
        let file = self.opened()?;
        let n_volumes = file.n_volumes();
        *lock(&self.opened) = Some(file);
        Ok(n_volumes)
    }

    /// Closes the file until it is read: several objects would be open for long, each with what was
    /// fetched ahead.
    pub(super) fn close(&self) {
        lock(&self.opened).take();
    }

    /// Asks for an object that will be read next; what is on disk is there. What was asked for is
    /// given up with this file, if it was not read.
    pub(super) fn fetch_ahead(&self) {
        if !self.place.is_on_disk() {
            self.is_ahead.store(true, Ordering::Relaxed);
            self.files.fetch_ahead(&self.place, self.reading.digest(&self.place).as_deref());
        }
    }

    /// Reads the file from its start.
    pub(super) fn read(
        &self,
        threads: NonZeroUsize,
        read: impl FnOnce(
            BetasFile,
            &mut dyn FnMut(Progress) -> ControlFlow<()>,
        ) -> Result<Option<InputRecord>>,
        mut observe: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Option<InputRecord>> {
        let opened = lock(&self.opened).take();
        let file = opened.map_or_else(|| self.opened(), Ok)?;
        let mut is_stopped = false;
        let record = read(file.with(threads, self.index().as_deref()), &mut |progress| {
            let answer = observe(progress);
            is_stopped |= answer.is_break();
            answer
        })?;
        // Who stopped it after the last volume wants no answer all the same.
        if is_stopped {
            return Err(Error::Cancelled);
        }
        if self.place.is_on_disk() && !self.is_hashed.load(Ordering::Relaxed) {
            self.files.note_change(&self.place, self.known_digest()?);
        }
        Ok(record)
    }

    /// Reads with this many threads, and says what the file was.
    ///
    /// A file on disk whose digest is recorded for its present size and time of modification is
    /// read by index and threads, and not hashed. Otherwise it is hashed while the threads inflate
    /// it, or, with one thread, by that thread; the digest is kept for the next time. So is that of
    /// an object, for the version that was read.
    pub(super) fn recorded(
        &self,
        threads: NonZeroUsize,
        read: impl FnOnce() -> Result<Option<InputRecord>>,
    ) -> Result<InputRecord> {
        // INVARIANT: what is read as a stream is hashed on the way, and says what it was.
        let streamed = |record: Option<InputRecord>| record.expect("a record of a stream");
        let digest = self.reading.digest(&self.place);
        if !self.place.is_on_disk() {
            let record = read().map(streamed)?;
            if let Some(kept) = &digest {
                keep_of_object(&self.place, kept, &record);
            }
            return Ok(record);
        }
        let file = LargeFile::new(&self.files, &self.place, digest.as_deref())?;
        self.is_hashed.store(true, Ordering::Relaxed);
        let record = match file.known()? {
            Some(record) => read().map(|_| record)?,
            None if threads.get() == 1 => {
                let input = self.files.stream_recorded(&self.place)?;
                let file = BetasFile::stream(input, &self.place)?;
                self.check_grid(&file)?;
                *lock(&self.opened) = Some(file);
                read().map(streamed)?
            }
            None => file.hashed_beside(read)?,
        };
        let record = file.settled(record)?;
        self.files.note_change(&self.place, Some(record.sha256));
        Ok(record)
    }

    /// The digest of the file on disk, if it was made before and the file has not changed since.
    fn known_digest(&self) -> Result<Option<Sha256>> {
        let digest = self.reading.digest(&self.place);
        let file = LargeFile::new(&self.files, &self.place, digest.as_deref())?;
        Ok(file.known()?.map(|record| record.sha256))
    }

    fn opened(&self) -> Result<BetasFile> {
        let kept = self.reading.digest(&self.place);
        let file = BetasFile::open(&self.files, &self.place, kept.as_deref())?;
        self.check_grid(&file)?;
        Ok(file)
    }

    fn check_grid(&self, file: &BetasFile) -> Result<()> {
        self.brain.check_grid(self.place.path(), file.grid())
    }
}
