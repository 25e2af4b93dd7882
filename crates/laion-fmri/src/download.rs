//! Downloads: a request, the plan it becomes, and the transfer that carries it out.

mod gated;
mod request;
mod select;

use std::io;
use std::path::{Path, PathBuf};

use bids::{SubjectId, dehyphenate_labels};
use s3_mirror::{
    Cancel, Candidate, Folder, InvalidKey, LocalEntry, LocalView, Observer, Plan, RelativePath,
    Report, Rule, TransferOptions,
};
use stimuli::EmbeddingModel;

pub use self::gated::{StimulusDownload, StimulusFile, StimulusReport};
pub use self::request::{DownloadRequest, Subjects};
use self::select::Selection;
#[cfg(doc)]
use crate::Error;
use crate::discovery::Discovery;
use crate::license::LicenseAccepted;
use crate::remote::Remote;
use crate::{Dataset, Result, Roots};

/// A download that has been planned but not begun: every key with what will be done to it.
#[derive(Debug)]
pub struct Download {
    remote: Remote,
    plan: Plan,
    root: PathBuf,
    skipped_subjects: Vec<SubjectId>,
}

impl Download {
    /// What will be done to each key, and the totals.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The directory that files go to.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// With `Subjects::All`: the subjects for which nothing matched.
    #[must_use]
    pub fn skipped_subjects(&self) -> &[SubjectId] {
        &self.skipped_subjects
    }

    /// Carries the plan out and reports the outcome of every key.
    ///
    /// A failed key does not stop the others; the report tells. Stopping through `cancel` leaves
    /// complete files only.
    pub fn run(
        &self,
        _license: &LicenseAccepted,
        jobs: usize,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Report {
        let options = TransferOptions::default().with_jobs(jobs);
        let store = self.remote.store();
        let transfer =
            s3_mirror::transfer(store, &self.plan, &self.root, &options, observer, cancel);
        self.remote.block_on(transfer)
    }
}

impl Dataset {
    /// What the bucket holds.
    ///
    /// # Errors
    ///
    /// [`Error::Offline`] in offline mode, [`Error::Mirror`] when the location cannot be used.
    pub fn discovery(&self) -> Result<Discovery> {
        self.check_online("asking")?;
        Discovery::open(self.location())
    }

    /// Lists the bucket and decides for every key whether it is fetched, kept or withheld.
    ///
    /// Nothing is written. For each subject the betas tree and the ROIs are searched with the
    /// filters of the request (`ses` does not apply to ROIs); when `ses` names a session, the mean
    /// R² map and the functional-grid brain mask are kept whatever the filters say, so that the
    /// default loader works. Of the trees that are included on top, the raw data are searched with
    /// all filters, and the others are taken whole. Sessions that are not released yet are
    /// withheld, except the maps of the object localizer. The four files that describe the dataset
    /// come along, but not with files below `stimuli/` alone, which are taken by their very names.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] when the bucket has no such subject; [`Error::NoMatchingData`]
    /// when nothing matches in any tree of a subject, or when a `ses` value belongs to no listed key of a subject;
    /// [`Error::Offline`]; [`Error::Mirror`] when the bucket cannot be listed;
    /// [`Error::Io`] when no root is writable.
    #[doc(alias = "download")]
    pub fn plan_download(&self, request: &DownloadRequest) -> Result<Download> {
        self.check_online("listing")?;
        let remote = Remote::open(self.location())?;
        let root = self.roots().writable()?.to_owned();
        let mut selection = Selection::default();
        let skipped_subjects = selection.collect(&remote, self.location(), request)?;
        let (keys, mut refused) = selection.into_parts();
        let mut candidates = Vec::with_capacity(keys.len());
        for key in keys {
            match candidate(key) {
                Ok(candidate) => candidates.push(candidate),
                Err(invalid) => refused.push(invalid),
            }
        }
        let plan = s3_mirror::plan(candidates, &Mirror { roots: self.roots(), root: &root })?
            .with_refused(refused);
        Ok(Download { remote, plan, root, skipped_subjects })
    }

    /// Plans and carries out a download in one call.
    ///
    /// # Errors
    ///
    /// As [`Dataset::plan_download`] and [`Download::run`].
    ///
    /// ```
    /// use laion_fmri::{Cancel, Dataset, DownloadRequest, Location};
    ///
    /// let bucket = fixtures::Bucket::temporary()?;
    /// let mirror = tempfile::tempdir()?;
    /// let dataset = Dataset::open(mirror.path())?
    ///     .with_location(Location::directory(bucket.root())?);
    /// let license = dataset.accept_license()?;
    /// let request = DownloadRequest::subject("sub-03")?.ses(["ses-01"]);
    /// let report = dataset.download(&request, &license, &(), &Cancel::default())?;
    /// assert!(report.is_complete());
    /// assert_eq!(dataset.subject("sub-03")?.sessions()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn download(
        &self,
        request: &DownloadRequest,
        license: &LicenseAccepted,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        Ok(self.plan_download(request)?.run(license, request.jobs, observer, cancel))
    }

    /// Mirrors the embeddings of these models; `EmbeddingModel::ALL` has all of them.
    ///
    /// # Errors
    ///
    /// As [`Dataset::download`]; [`Error::NoMatchingData`] when the bucket lacks a file.
    pub fn download_embeddings(
        &self,
        models: &[EmbeddingModel],
        license: &LicenseAccepted,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        let request = DownloadRequest::embeddings(models.iter().copied());
        self.download(&request, license, observer, cancel)
    }

    /// Mirrors the object masks and their table.
    ///
    /// # Errors
    ///
    /// As [`Dataset::download_embeddings`].
    pub fn download_segmentations(
        &self,
        license: &LicenseAccepted,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        self.download(&DownloadRequest::segmentations(), license, observer, cancel)
    }

    /// Mirrors the captions.
    ///
    /// # Errors
    ///
    /// As [`Dataset::download_embeddings`].
    pub fn download_captions(
        &self,
        license: &LicenseAccepted,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        self.download(&DownloadRequest::captions(), license, observer, cancel)
    }
}

/// What is on disk: a file in any root counts, else what stands in the way in the root written to.
struct Mirror<'a> {
    roots: &'a Roots,
    root: &'a Path,
}

impl LocalView for Mirror<'_> {
    fn entry(&self, path: &RelativePath) -> io::Result<LocalEntry> {
        match self.roots.find(path.as_str()) {
            Some(file) => Ok(LocalEntry::File { size: std::fs::metadata(file)?.len() }),
            None => Folder::new(self.root).map_err(io::Error::other)?.entry(path),
        }
    }
}

fn candidate(key: select::SelectedKey) -> Result<Candidate, InvalidKey> {
    let local = RelativePath::new(dehyphenate_labels(key.listed.key.as_str()))?;
    let rule = match key.withheld {
        Some(reason) => Rule::Withhold(reason.to_owned()),
        None => Rule::Mirror,
    };
    Ok(Candidate { listed: key.listed, local, rule })
}
