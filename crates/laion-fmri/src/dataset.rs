//! The dataset as a value: where its mirror lies and which bucket it mirrors.

mod reading;

use std::path::Path;

use bids::SubjectId;
use s3_mirror::Location;

pub(crate) use self::reading::Reading;
use crate::{Error, Result, Roots, Stimuli, Subject, layout};

/// A mirror on disk and the bucket it belongs to.
///
/// Nothing is read until a method needs it. The value can be cloned and shared between threads.
///
/// ```
/// let bucket = fixtures::Bucket::temporary()?;
/// let dataset = laion_fmri::Dataset::open(bucket.root())?;
/// let names: Vec<String> = dataset.subjects()?.iter().map(ToString::to_string).collect();
/// assert_eq!(names, ["sub-01", "sub-03"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    roots: Roots,
    location: Location,
    offline: bool,
    pub(crate) stimuli: Stimuli,
    pub(crate) reading: Reading,
}

impl Dataset {
    /// The dataset in these roots, mirrored from the public bucket.
    #[must_use]
    pub fn new(roots: Roots) -> Self {
        let stimuli = Stimuli::new(roots.clone());
        Self {
            roots,
            location: crate::discovery::public_bucket(),
            offline: false,
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

    /// The same dataset, mirrored from another bucket.
    #[must_use]
    pub fn with_location(mut self, location: Location) -> Self {
        self.location = location;
        self
    }

    /// The same dataset, with or without the permission to open sockets.
    #[must_use]
    pub fn with_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// The directories of the mirror.
    #[must_use]
    pub fn roots(&self) -> &Roots {
        &self.roots
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

    /// Refuses what would open a socket in offline mode; a folder of keys opens none.
    pub(crate) fn check_online(&self, what: &str) -> Result<()> {
        if self.offline && self.location.is_remote() {
            return Err(Error::Offline { what: format!("{what} {}", self.location) });
        }
        Ok(())
    }

    /// The subjects whose betas tree is on disk, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    pub fn subjects(&self) -> Result<Vec<SubjectId>> {
        let names = self.roots.subdirectories(layout::GLMSINGLE)?;
        Ok(names
            .iter()
            .filter(|name| name.starts_with("sub-"))
            .filter_map(|name| name.parse().ok())
            .collect())
    }

    /// A subject of the mirror, by `sub-03` or `03`.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] for a malformed id; [`Error::DataNotDownloaded`] when the
    /// subject has no betas tree in any root.
    #[doc(alias = "load_subject")]
    pub fn subject(&self, id: &str) -> Result<Subject> {
        let id: SubjectId = id.parse().map_err(|error: bids::InvalidSubjectId| {
            let available =
                self.subjects().unwrap_or_default().iter().map(ToString::to_string).collect();
            Error::SubjectNotFound { got: error.got, available }
        })?;
        let tree = layout::glmsingle(&id);
        if !self.roots.directories().iter().any(|root| root.join(&tree).is_dir()) {
            return Err(Error::DataNotDownloaded {
                what: format!("subject {id}"),
                path: self.roots.expected(&tree),
                fetch: format!("--subject {id}"),
            });
        }
        Ok(Subject::new(self.roots.clone(), id, self.stimuli.clone(), self.reading.clone()))
    }
}
