//! What to download: subjects, filters and further trees.

use bids::{Filter, FilterField, SubjectId};

use crate::{Error, Result};

/// The subjects of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subjects {
    /// Every subject that the bucket lists.
    All,
    /// These subjects; none when only other trees are wanted.
    These(Vec<SubjectId>),
}

/// A request for a part of the bucket.
///
/// Filters follow the grammar of [`bids::Filter`]: an entity that a key does not carry lets it pass,
/// except `ses`, which is strict (the word `averages` stands for the subject-level files).
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct DownloadRequest {
    /// Whose files.
    pub subjects: Subjects,
    /// Which of them.
    pub filter: Filter,
    /// The betas and the ROIs of each subject; on unless the request is for raw data alone.
    pub include_derivatives: bool,
    /// The whole anatomical tree of each subject as well.
    pub include_anatomical: bool,
    /// The whole FreeSurfer reconstruction of each subject as well.
    pub include_freesurfer: bool,
    /// All localizer maps of each subject as well.
    pub include_localizers: bool,
    /// The raw data of each subject as well, chosen by the filters.
    pub include_raw: bool,
    /// Further key prefixes, mirrored with the same filters.
    pub prefixes: Vec<String>,
    /// How many files are transferred at once; at least 1.
    pub jobs: usize,
}

impl DownloadRequest {
    /// A request for these subjects, without filters.
    pub fn new(subjects: Subjects) -> Self {
        Self {
            subjects,
            filter: Filter::default(),
            include_derivatives: true,
            include_anatomical: false,
            include_freesurfer: false,
            include_localizers: false,
            include_raw: false,
            prefixes: Vec::new(),
            jobs: 8,
        }
    }

    /// A request for the raw data of these subjects and nothing else, without filters.
    #[doc(alias = "download_raw")]
    pub fn raw(subjects: Subjects) -> Self {
        Self { include_derivatives: false, include_raw: true, ..Self::new(subjects) }
    }

    /// A request for one subject, by `sub-03` or `03`, without filters.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] when the id is malformed.
    pub fn subject(id: &str) -> Result<Self, Error> {
        Ok(Self::new(Subjects::These(vec![id.parse()?])))
    }

    /// Only these sessions; `averages` stands for the subject-level files.
    pub fn ses(self, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.filter(FilterField::Ses, values)
    }

    /// Only these values of a filter.
    pub fn filter(
        mut self,
        field: FilterField,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.filter = self.filter.with(field, values);
        self
    }

    /// The whole anatomical tree as well.
    pub fn include_anatomical(mut self) -> Self {
        self.include_anatomical = true;
        self
    }

    /// The whole FreeSurfer reconstruction as well.
    pub fn include_freesurfer(mut self) -> Self {
        self.include_freesurfer = true;
        self
    }

    /// All localizer maps as well.
    pub fn include_localizers(mut self) -> Self {
        self.include_localizers = true;
        self
    }

    /// The raw data as well, chosen by the filters.
    pub fn include_raw(mut self) -> Self {
        self.include_raw = true;
        self
    }

    /// Further key prefixes, such as `derivatives/retinotopy/sub-01/`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// How many files are transferred at once.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }
}
