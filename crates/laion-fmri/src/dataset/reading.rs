//! How betas files are read: with how many threads, and where their indexes lie.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bids_names::SessionId;
use nifti_stream::fs::VolumeFile;

use crate::files::Located;
use crate::observer::Watch;
use crate::{Cancel, Dataset, Observer, Result, Subject};

/// Files below this size are read faster than an index could help.
const LEAST_INDEXED_BYTES: u64 = 8 << 20;

/// What a dataset lays down for reading.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) jobs: NonZeroUsize,
    pub(crate) cache_dir: Option<PathBuf>,
    /// What stops it.
    pub(crate) cancel: Cancel,
    pub(crate) stores: StoreSettings,
}

/// Which stores are looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreSettings {
    pub(crate) are_off: bool,
    /// Directories of stores, before those of the data directories.
    pub(crate) directories: Vec<PathBuf>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            jobs: NonZeroUsize::MIN,
            cache_dir: None,
            cancel: Cancel::new(),
            stores: StoreSettings::default(),
        }
    }
}

impl Reading {
    /// Where the index of a betas file lies, whether it is there or not.
    pub(crate) fn index_path(&self, betas: &Path) -> Option<PathBuf> {
        let mut name = betas.file_name()?.to_owned();
        name.push(".index");
        Some(self.cache_dir.as_ref()?.join("indexes").join(name))
    }

    /// The index that a read of a file uses, and makes when it is not there.
    pub(crate) fn index(&self, betas: &Located) -> Option<PathBuf> {
        let index = self.index_path(Some(betas).filter(|betas| betas.is_on_disk())?.path());
        index.filter(|index| index.is_file() || is_large(betas))
    }

    /// The index that a betas file of this size gets when it is read for the first time.
    #[cfg(feature = "download")]
    pub(crate) fn first_index(&self, betas: &Path, size: u64) -> Option<PathBuf> {
        self.index_path(betas).filter(|_| size >= LEAST_INDEXED_BYTES)
    }

    /// Where the SHA-256 of a betas file or object is kept, next to the index: of a small one
    /// nowhere, it is hashed in no time.
    pub(crate) fn digest(&self, betas: &Located) -> Option<PathBuf> {
        let index = self.index_path(betas.path()).filter(|_| is_large(betas))?;
        let name = if betas.is_on_disk() { "sha256.json" } else { "object.sha256.json" };
        Some(index.with_extension(name))
    }
}

fn is_large(betas: &Located) -> bool {
    betas.size().is_some_and(|size| size >= LEAST_INDEXED_BYTES)
}

impl Dataset {
    /// The same dataset, reading betas with this many threads; one by default, and 0 is one.
    ///
    /// Several sessions are read in parallel. All threads share the work on one session, if its
    /// file allows that (see [`VolumeFile::with_threads`]). Values never depend on the number of
    /// threads. Memory is the arrays that are read at the same time, plus less than 32 MiB, plus
    /// less than 40 MiB for each thread beyond the first. Reading from the bucket takes up to
    /// 24 MiB more for each session that is read at the same time. Rows that go to a file or are
    /// handed over need no array.
    #[must_use]
    pub fn with_jobs(mut self, jobs: usize) -> Self {
        self.reading.jobs = NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// With how many threads betas are read.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.reading.jobs.get()
    }

    /// The same dataset, with a directory for derived files, which are safe to delete. Without one,
    /// nothing is derived.
    ///
    /// The first read of a betas file of 8 MiB or more leaves an index there (see
    /// [`VolumeFile::with_index`]), with which single trials are read without what comes before
    /// them, and a session by all threads. The first extraction leaves its SHA-256, which holds as
    /// long as size and time of modification stay the same; from the bucket, for that version of
    /// the object.
    #[must_use]
    pub fn with_cache_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.reading.cache_dir = Some(directory.into());
        self
    }

    /// The same dataset, which looks for [stores](crate::store) in these directories first, in this
    /// order, and then in the folder `stores` of each data directory. They are only read.
    #[must_use]
    pub fn with_stores(
        mut self,
        directories: impl IntoIterator<Item = impl Into<PathBuf>>,
    ) -> Self {
        self.reading.stores.directories = directories.into_iter().map(Into::into).collect();
        self
    }

    /// The same dataset, which reads betas from their files even if a [store](crate::store) has
    /// them. Values do not depend on it.
    #[must_use]
    pub fn without_stores(mut self) -> Self {
        self.reading.stores.are_off = true;
        self
    }

    /// The same dataset, with a [`Cancel`]. When it is set, every call of the dataset and its
    /// subjects that asks the bucket or reads betas ends with
    /// [`Error::Cancelled`](crate::Error::Cancelled), within half a second. If a call takes a
    /// [`Cancel`] itself, that one counts instead.
    #[must_use]
    pub fn with_cancel(mut self, cancel: &Cancel) -> Self {
        self.reading.cancel = cancel.clone();
        #[cfg(feature = "download")]
        if let Some(bucket) = self.bucket.take() {
            self.bucket = Some(bucket.with_cancel(cancel));
        }
        self.with_stimuli()
    }
}

impl Subject {
    /// The same subject, with a [`Cancel`]; see [`Dataset::with_cancel`]. Both share what was read.
    #[must_use]
    pub fn with_cancel(mut self, cancel: &Cancel) -> Self {
        self.reading.cancel = cancel.clone();
        self.files = self.files.with_cancel(cancel);
        self
    }

    /// Whether reading a single trial of a session goes through what comes before it in the file:
    /// the file is large, and its index is not there. A [store](crate::store) that has the session
    /// needs none (see [`Subject::stored_sessions`]). False for a session of the bucket, which has
    /// no index.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`](crate::Error::InvalidSession);
    /// [`Error::DataNotDownloaded`](crate::Error::DataNotDownloaded).
    pub fn needs_index(&self, session: impl AsRef<str>) -> Result<bool> {
        let session: SessionId = session.as_ref().parse()?;
        let place = self.betas_place(&session)?;
        let index = self.reading.index_path(place.path());
        let has_index = index.is_some_and(|index| index.is_file());
        Ok(place.is_on_disk() && is_large(&place) && !has_index)
    }

    /// Makes the index of the betas of a session, in one pass that also verifies the file, unless
    /// it is there. Returns where it lies; `None` when there is no cache directory, the file is not
    /// gzipped and needs none, or it is read from the bucket.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`](crate::Error::InvalidSession);
    /// [`Error::DataNotDownloaded`](crate::Error::DataNotDownloaded);
    /// [`Error::Nifti`](crate::Error::Nifti) when the file is damaged or the index cannot be
    /// written; [`Error::Cancelled`](crate::Error::Cancelled).
    pub fn index_betas(
        &self,
        session: impl AsRef<str>,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Option<PathBuf>> {
        let session: SessionId = session.as_ref().parse()?;
        let place = self.betas_place(&session)?;
        if !place.is_on_disk() {
            return Ok(None);
        }
        let path = place.path();
        let Some(index) = self.reading.index_path(path) else { return Ok(None) };
        let file = VolumeFile::open(path)?.with_threads(self.reading.jobs.get());
        let watch = Watch::new(observer, cancel);
        let observe = |progress| watch.volume(self.id(), &session, progress);
        let made = file.make_index(&index, observe).map_err(crate::betas::stopped)?;
        Ok(made.then_some(index))
    }
}
