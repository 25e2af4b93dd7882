//! Several subjects at once, aligned by the images they all saw.

mod shared_betas;

use std::sync::Arc;

use bids_names::SubjectId;
use laion_fmri_stimuli::{Metadata, NamedImages, OriginalImage, Stimulus, StimulusSet};
use ndarray::{Array3, Array4};

pub use self::shared_betas::{SharedBetas, SubjectShared};
use crate::stimulus::Needed;
use crate::stimulus::decoded;
use crate::{Dataset, Error, Result, Subject};

/// Subjects of one dataset, sorted by id; never empty. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Group {
    subjects: Arc<[Subject]>,
}

impl Dataset {
    /// Several subjects, each once, sorted by id.
    ///
    /// # Errors
    ///
    /// [`Error::NothingNamed`] when none is named; as [`Dataset::subject`].
    #[doc(alias = "load_subjects")]
    pub fn group(&self, ids: &[impl AsRef<str>]) -> Result<Group> {
        let mut subjects: Vec<Subject> =
            ids.iter().map(|id| self.subject(id.as_ref())).collect::<Result<_>>()?;
        subjects.sort_by(|a, b| a.id().cmp(b.id()));
        subjects.dedup_by(|a, b| a.id() == b.id());
        Group::new(subjects)
    }

    /// Every subject on disk.
    ///
    /// # Errors
    ///
    /// [`Error::NothingNamed`] when there is none; as [`Dataset::subject`].
    #[doc(alias = "load_subjects")]
    pub fn group_all(&self) -> Result<Group> {
        let ids = self.subjects()?;
        Group::new(ids.iter().map(|id| self.subject(id.as_str())).collect::<Result<_>>()?)
    }
}

impl Group {
    fn new(subjects: Vec<Subject>) -> Result<Self> {
        if subjects.is_empty() {
            return Err(Error::NothingNamed { what: "subject of a group".to_owned() });
        }
        Ok(Self { subjects: subjects.into() })
    }

    /// The number of subjects.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a group is never empty")]
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    /// The subjects, sorted by id.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Each subject with its id, sorted by id.
    pub fn iter(&self) -> <&Self as IntoIterator>::IntoIter {
        self.into_iter()
    }

    /// A subject of the group, by `sub-03` or `03`.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] with the ids of the group.
    pub fn subject(&self, id: impl AsRef<str>) -> Result<&Subject> {
        let id = id.as_ref();
        let found = id.parse::<SubjectId>().ok();
        self.subjects.iter().find(|subject| Some(subject.id()) == found.as_ref()).ok_or_else(|| {
            Error::SubjectNotFound {
                got: id.to_owned(),
                available: self.subjects.iter().map(|subject| subject.id().to_string()).collect(),
            }
        })
    }

    /// The rows of the table of images that belong to shared images, in the order of the table.
    ///
    /// # Errors
    ///
    /// As [`Subject::stimulus_metadata`].
    #[doc(alias = "get_shared_stimulus_metadata")]
    pub fn shared_stimulus_metadata(&self) -> Result<Vec<Stimulus>> {
        let metadata: Arc<Metadata> = self.subjects[0].stimulus_metadata()?;
        let shared = |found: &&Stimulus| found.set() == Some(StimulusSet::Shared);
        Ok(metadata.stimuli().iter().filter(shared).cloned().collect())
    }
}

/// The images that were shown to everybody, in the order of the table of images.
#[derive(Clone, Debug)]
pub struct SharedImages {
    names: Vec<String>,
    images: Arc<NamedImages>,
}

impl Group {
    /// The images of the shared set; entry i belongs to row i of
    /// [`Group::shared_stimulus_metadata`].
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`], [`Error::Stimuli`].
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// # fixtures::bucket::write_gated(bucket.root())?;
    /// let group = Dataset::open("laion-fmri")?.group_all()?;
    /// let shared = group.shared_images()?;
    /// let image = shared.get(0)?; // (height, width, 3), uint8, as displayed
    /// assert_eq!(shared.array()?.index_axis(ndarray::Axis(0), 0), image);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_shared_images")]
    pub fn shared_images(&self) -> Result<SharedImages> {
        let images = self.subjects[0].stimuli().images()?;
        let shared = self.shared_stimulus_metadata()?;
        let names = shared.into_iter().map(|stimulus| stimulus.image_name).collect();
        Ok(SharedImages { names, images })
    }
}

impl SharedImages {
    /// The names, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the table of images has no shared image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// One image as it was displayed: uint8 RGB, shape `(height, width, 3)`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] past the end; [`Error::Stimuli`].
    pub fn get(&self, row: usize) -> Result<Array3<u8>> {
        Ok(self.images.decode(self.name(row)?)?)
    }

    /// One image with the channels that its file has.
    ///
    /// # Errors
    ///
    /// As [`SharedImages::get`].
    pub fn original(&self, row: usize) -> Result<OriginalImage> {
        Ok(self.images.original(self.name(row)?)?)
    }

    /// All images as displayed in one array: uint8, shape `(n_images, height, width, 3)`, decoded on
    /// all cores.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]; [`Error::Stimuli`] when the images differ in size.
    pub fn array(&self) -> Result<Array4<u8>> {
        decoded(&self.images, &Needed::of(self.names.iter().map(String::as_str)))
    }

    fn name(&self, row: usize) -> Result<&str> {
        self.names.get(row).map(String::as_str).ok_or_else(|| Error::OutOfRange {
            what: "shared image",
            len: self.len(),
            got: row,
        })
    }
}

/// Each subject with its id.
impl<'a> IntoIterator for &'a Group {
    type Item = (&'a SubjectId, &'a Subject);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, Subject>, fn(&'a Subject) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        let with_id: fn(&'a Subject) -> Self::Item = |subject| (subject.id(), subject);
        self.subjects.iter().map(with_id)
    }
}
