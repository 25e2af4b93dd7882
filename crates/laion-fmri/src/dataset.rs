//! The dataset as a value: where its mirror lies and which bucket it mirrors.

#[cfg(feature = "download")]
mod bucket;
mod reading;

use std::collections::BTreeSet;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;

use bids_names::SubjectId;
#[cfg(feature = "download")]
use s3_mirror::{ConnectOptions, Location};

pub(crate) use self::reading::Reading;
use crate::error::alike;
use crate::files::Files;
#[cfg(feature = "download")]
use crate::files::Objects;
#[cfg(feature = "download")]
use crate::remote::Remote;
use crate::roots::listed;
use crate::{DownloadRequest, Error, Result, Roots, Stimuli, Subject, layout};

/// What a dataset without a mirror does with its bucket.
#[cfg(feature = "download")]
const READING: &str = "reading from";

/// A mirror on disk and the bucket it belongs to; or the [bucket](Dataset::from_bucket) alone.
///
/// Nothing is read until a method needs it. The value can be cloned and shared between threads.
/// Calls block until they are done. They may also be made, and values dropped, inside a tokio
/// runtime; use `spawn_blocking` if other tasks of the thread should continue meanwhile.
///
/// ```
/// # let bucket = fixtures::Bucket::example()?;
/// let dataset = laion_fmri::Dataset::open("laion-fmri")?;
/// let names: Vec<String> = dataset.subjects()?.iter().map(ToString::to_string).collect();
/// assert_eq!(names, ["sub-01", "sub-03", "sub-05"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    roots: Roots,
    #[cfg(feature = "download")]
    location: Location,
    /// When subjects are read from the bucket in place of a mirror.
    #[cfg(feature = "download")]
    bucket: Option<Remote>,
    #[cfg(feature = "download")]
    connect: ConnectOptions,
    #[cfg(feature = "download")]
    offline: bool,
    /// Whether files are written behind links that lead to other disks.
    #[cfg(feature = "download")]
    follow_links: bool,
    pub(crate) stimuli: Stimuli,
    pub(crate) reading: Reading,
}

// What is shared lies behind locks and is complete whenever one is free; a call that panics leaves
// nothing else behind.
impl UnwindSafe for Dataset {}
impl RefUnwindSafe for Dataset {}

impl Dataset {
    /// The dataset in these roots, mirrored from the public bucket.
    #[must_use]
    pub fn new(roots: Roots) -> Self {
        let stimuli = Stimuli::new(Files::of_mirror(roots.clone()));
        Self {
            roots,
            #[cfg(feature = "download")]
            location: crate::discovery::public_bucket(),
            #[cfg(feature = "download")]
            bucket: None,
            #[cfg(feature = "download")]
            connect: ConnectOptions::default(),
            #[cfg(feature = "download")]
            offline: false,
            #[cfg(feature = "download")]
            follow_links: false,
            stimuli,
            reading: Reading::default(),
        }
    }

    /// The dataset in one directory.
    ///
    /// # Errors
    ///
    /// [`Error::DataDirUnusable`] when the directory does not exist.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        Ok(Self::new(Roots::new([root.as_ref().to_owned()])?))
    }

    /// The same dataset, with other directories on disk.
    #[must_use]
    pub fn with_roots(mut self, roots: Roots) -> Self {
        self.roots = roots;
        self.with_stimuli()
    }

    /// Whether subjects are read from the bucket in place of a mirror.
    #[must_use]
    pub fn reads_bucket(&self) -> bool {
        #[cfg(feature = "download")]
        let reads = self.bucket.is_some();
        #[cfg(not(feature = "download"))]
        let reads = false;
        reads
    }

    /// The directories of the mirror; none for a dataset that is read from the bucket, unless some
    /// were given.
    #[must_use]
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The subjects of which anything is on disk, or in the bucket that is read, sorted: betas, ROIs,
    /// the anatomy, FreeSurfer files, localizers or raw data.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read; [`Error::Mirror`] and [`Error::Offline`] when
    /// the bucket cannot be listed.
    pub fn subjects(&self) -> Result<Vec<SubjectId>> {
        #[cfg(feature = "download")]
        if let Some(remote) = &self.bucket {
            self.check_online(READING)?;
            return remote.subjects();
        }
        subjects_below(|tree| self.roots.subdirectories(tree))
    }

    /// The subjects that the bucket had when a download of all of them was last run, sorted.
    /// Nothing is asked. Nothing is known without such a download, or when the bucket itself is
    /// read.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let dataset = Dataset::open("laion-fmri")?;
    /// assert_eq!(dataset.subjects_listed(), None); // nothing was downloaded
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn subjects_listed(&self) -> Option<Vec<SubjectId>> {
        if self.reads_bucket() {
            return None;
        }
        let directories = self.roots.directories().iter();
        let all: BTreeSet<SubjectId> =
            directories.filter_map(|root| listed::read(root).subjects).flatten().collect();
        (!all.is_empty()).then(|| all.into_iter().collect())
    }

    /// A subject of the mirror, or of the bucket that is read, by `sub-03` or `03`. Any of its trees
    /// is enough; a method that needs more says what.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] for a malformed id, another spelling of a subject on disk (`sub-1`
    /// for `sub-01`), or a subject that the bucket does not have; [`Error::DataNotDownloaded`] when no
    /// root has anything of the subject;
    /// [`Error::Mirror`] and [`Error::Offline`] when the bucket cannot be listed.
    #[doc(alias = "load_subject")]
    pub fn subject(&self, id: impl AsRef<str>) -> Result<Subject> {
        let got = id.as_ref();
        // `all` is a word for several subjects wherever there may be several.
        let parsed = got.parse().ok().filter(|_| !got.eq_ignore_ascii_case("all"));
        let id: SubjectId = parsed.ok_or_else(|| {
            let available =
                self.subjects().unwrap_or_default().iter().map(ToString::to_string).collect();
            Error::SubjectNotFound { got: got.to_owned(), available }
        })?;
        #[cfg(feature = "download")]
        if let Some(remote) = &self.bucket {
            return self.subject_of_bucket(remote, id);
        }
        let roots = self.roots.directories();
        let is_there =
            |tree: &str| roots.iter().any(|root| root.join(tree).join(id.as_str()).is_dir());
        if !layout::SUBJECT_TREES.into_iter().any(is_there) {
            let available = self.subjects()?;
            if alike(id.as_str(), &available).is_some() {
                let available = available.iter().map(ToString::to_string).collect();
                return Err(Error::SubjectNotFound { got: id.to_string(), available });
            }
            let on_disk: Vec<&str> = available.iter().map(SubjectId::as_str).collect();
            let on_disk = match on_disk.as_slice() {
                [] => String::new(),
                names => format!(", only {}", names.join(", ")),
            };
            let path = self.roots.expected(&layout::glmsingle(&id));
            // A store that was built from the bucket has the betas.
            let is_stored = self.mirrored(&id).stores(None).is_ok_and(|stores| !stores.is_empty());
            let (what, fetch) = match is_stored {
                true => (
                    format!("the masks and trial tables of {id}, which are read with its store"),
                    DownloadRequest::beside_store(&id),
                ),
                false => (format!("subject {id}{on_disk}"), DownloadRequest::of(&id)),
            };
            return Err(Error::DataNotDownloaded { what, path, fetch: Box::new(fetch) });
        }
        Ok(self.mirrored(&id))
    }

    /// A subject of the mirror, whatever is on disk of it.
    pub(crate) fn mirrored(&self, id: &SubjectId) -> Subject {
        let files = Files::of_mirror(self.roots.clone());
        Subject::new(files, id.clone(), self.stimuli.clone(), self.reading.clone())
    }

    /// The same dataset, with a stimulus side that fits its other settings.
    fn with_stimuli(mut self) -> Self {
        let files = Files::of_mirror(self.roots.clone()).with_cancel(&self.reading.cancel);
        #[cfg(feature = "download")]
        let files = match self.bucket.as_ref().filter(|_| self.check_online(READING).is_ok()) {
            Some(remote) => files.with_objects(Objects::none(remote)),
            None => files,
        };
        self.stimuli = Stimuli::new(files);
        self
    }
}

/// The subjects below any of the trees, sorted; `directories` names the folders of a tree.
pub(crate) fn subjects_below(
    directories: impl Fn(&str) -> Result<BTreeSet<String>>,
) -> Result<Vec<SubjectId>> {
    let mut subjects = BTreeSet::new();
    for tree in layout::SUBJECT_TREES {
        subjects.extend(subjects_among(&directories(tree)?));
    }
    Ok(subjects.into_iter().collect())
}

/// The folders that are those of subjects.
pub(crate) fn subjects_among(names: &BTreeSet<String>) -> impl Iterator<Item = SubjectId> {
    let names = names.iter().filter(|name| name.starts_with("sub-"));
    names.filter_map(|name| name.parse().ok())
}
