//! The bucket of a dataset: where it is, how it is asked, and subjects that are read straight from
//! the bucket, without storing anything.

use std::collections::BTreeSet;

use bids_names::SubjectId;
use s3_mirror::{ConnectOptions, Location, RelativePath};

use super::{Dataset, READING};
use crate::files::{Files, Objects};
use crate::remote::Remote;
use crate::{Error, Result, Roots, Subject, layout};

impl Dataset {
    /// The dataset in a bucket, read without a mirror: no file is written anywhere but in a
    /// [cache directory](Dataset::with_cache_dir), if there is one.
    ///
    /// [`Dataset::subject`] lists what the bucket has of the subject, once; sessions that are not
    /// released yet are left out. Masks, ROIs, maps and tables are fetched when they are first
    /// needed (at most 64 MiB each) and held in memory as long as the [`Subject`]. Betas stream
    /// through the decoder, about 5 MiB ahead of it for each session that is read at the same time,
    /// and as much of the session that is next. If the decoder waits for a slow connection, the
    /// rest comes over eight, up to 18 MiB ahead. A connection that breaks is continued inside the
    /// object. Nothing is handed out before the object was read to its end and its content matches
    /// its entity tag. Everything is read in the version that was listed.
    ///
    /// The table of images, captions, the table of object masks, localizer maps and events are read
    /// from the bucket too, unless they are in the directories of [`Dataset::with_roots`] (the
    /// table of images even then). What is opened by path is only looked for in these directories,
    /// of which there are none by default: anatomical images, FreeSurfer files, raw images, and the
    /// images, embeddings and object masks of the stimulus side. Without them the call fails with
    /// [`Error::LocalCopyNeeded`], which holds the download that fetches them. Indexes are not
    /// used.
    ///
    /// # Errors
    ///
    /// [`Error::Mirror`] when the location cannot be used; no request is made yet.
    ///
    /// ```
    /// use laion_fmri::{Dataset, Location};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// # let server = bucket.serve()?;
    /// let location: Location = "s3://laion-fmri".parse()?;
    /// # let location: Location = server.url("laion-fmri").parse()?;
    /// let subject = Dataset::from_bucket(&location)?.subject("sub-03")?;
    /// let betas = subject.betas().session("ses-01").roi("FFA1").load()?; // (n_trials, n_voxels), float32
    /// assert_eq!(betas.nrows(), subject.trials("ses-01")?.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bucket(location: &Location) -> Result<Self> {
        let mut dataset = Self::new(Roots::none());
        dataset.location = location.clone();
        dataset.bucket = Some(dataset.remote(READING)?);
        Ok(dataset.with_stimuli())
    }

    /// The same dataset with other timeouts and retries for its bucket. They apply to listings, to
    /// downloads, and to reading from the bucket instead of a mirror. How many files a download
    /// fetches at once, and how many bytes per second, are set by
    /// [`DownloadRequest::jobs`](crate::DownloadRequest::jobs) and
    /// [`DownloadRequest::limit_rate`](crate::DownloadRequest::limit_rate).
    ///
    /// # Errors
    ///
    /// [`Error::Mirror`] when a bucket that is read cannot be opened again.
    pub fn with_connect_options(mut self, options: ConnectOptions) -> Result<Self> {
        self.connect = options;
        if self.bucket.is_some() {
            self.bucket = Some(self.open_bucket()?);
        }
        Ok(self.with_stimuli())
    }

    /// The same dataset, mirrored from another bucket, such as a copy of it.
    ///
    /// This is for the directories of a mirror. A dataset that is read from a bucket stays with
    /// that bucket, which [`Dataset::from_bucket`] was given: for another one, call that again. The
    /// call changes nothing then, and a warning goes to `tracing`.
    #[must_use]
    pub fn with_location(mut self, location: Location) -> Self {
        match &self.bucket {
            None => self.location = location,
            Some(_) if location == self.location => {}
            Some(_) => {
                tracing::warn!(bucket = %self.location, %location, "the bucket that is read stays");
            }
        }
        self
    }

    /// The same dataset, with or without permission to open sockets.
    #[must_use]
    pub fn with_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self.with_stimuli()
    }

    /// How patiently the bucket is asked.
    #[must_use]
    pub fn connect_options(&self) -> &ConnectOptions {
        &self.connect
    }

    /// Where the bucket lives.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Whether sockets are forbidden.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// The same dataset, which also writes behind links that lead out of the data directory, if
    /// they are at the place of `derivatives`, of a tree such as `derivatives/rois`, or of a
    /// subject. So a mirror may be spread over several disks. Reading follows every link anyway.
    #[must_use]
    pub fn with_follow_links(mut self, follow: bool) -> Self {
        self.follow_links = follow;
        self
    }

    /// The directories on the way to these files that may be links to other disks.
    pub(crate) fn linked_directories<'a>(
        &self,
        paths: impl IntoIterator<Item = &'a RelativePath>,
    ) -> BTreeSet<String> {
        let paths = paths.into_iter().filter(|_| self.follow_links);
        paths.flat_map(|path| layout::disks(path.as_str())).map(str::to_owned).collect()
    }

    /// Refuses what would open a socket in offline mode; a folder of keys opens none.
    pub(crate) fn check_online(&self, what: &str) -> Result<()> {
        if self.offline && self.location.is_remote() {
            return Err(Error::Offline { what: format!("{what} {}", self.location) });
        }
        Ok(())
    }

    pub(super) fn subject_of_bucket(&self, remote: &Remote, id: SubjectId) -> Result<Subject> {
        self.check_online(READING)?;
        let prefixes =
            vec![layout::glmsingle(&id), layout::rois(&id), layout::anatomical_images(&id)];
        let objects = Objects::list(remote, prefixes)?;
        if objects.is_empty() {
            // Other trees were not listed.
            let available = self.subjects()?;
            if !available.contains(&id) {
                let available = available.iter().map(ToString::to_string).collect();
                return Err(Error::SubjectNotFound { got: id.to_string(), available });
            }
        }
        let files = Files::of_mirror(self.roots.clone()).with_objects(objects);
        let files = files.with_cancel(&self.reading.cancel);
        Ok(Subject::new(files, id, self.stimuli.clone(), self.reading.clone()))
    }
}
