//! Several subjects at once, aligned by the images they all saw.

#[cfg(feature = "stimuli")]
mod images;
mod shared_betas;

use std::sync::Arc;

use bids_names::SubjectId;
use laion_fmri_stimuli::{Metadata, Stimulus, StimulusSet};

#[cfg(feature = "stimuli")]
pub use self::images::SharedImages;
pub use self::shared_betas::{SharedBetas, SubjectShared};
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

/// Each subject with its id.
impl<'a> IntoIterator for &'a Group {
    type Item = (&'a SubjectId, &'a Subject);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, Subject>, fn(&'a Subject) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        let with_id: fn(&'a Subject) -> Self::Item = |subject| (subject.id(), subject);
        self.subjects.iter().map(with_id)
    }
}
