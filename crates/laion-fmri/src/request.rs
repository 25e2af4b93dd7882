//! What to download: subjects, filters and further trees.

use std::num::NonZeroU64;

use bids_names::{Filter, FilterField, SubjectId};
use laion_fmri_stimuli::EmbeddingModel;
#[cfg(feature = "download")]
use laion_fmri_stimuli::files;

use crate::policy::HELD_OUT_SESSIONS;
use crate::{Error, Result};

/// How many files are transferred at once unless the request says otherwise.
pub(crate) const DEFAULT_JOBS: usize = 8;

/// The subjects of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Subjects {
    /// Every subject that the bucket lists.
    All,
    /// These subjects; none when only other trees are wanted.
    These(Vec<SubjectId>),
}

/// A request for a part of the bucket.
///
/// Filters follow the grammar of [`bids_names::Filter`]: an entity that a key does not carry lets
/// it pass, except `ses`, which is strict (the word `averages` stands for the subject-level files).
/// A value that no listed key carries is an error all the same, so that a typing error does not
/// pass unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct DownloadRequest {
    /// Whose files.
    pub subjects: Subjects,
    /// Which of them.
    pub filter: Filter,
    /// The betas and the ROIs of each subject; on unless the request is for raw data alone.
    pub include_derivatives: bool,
    /// The anatomical brain mask on the functional grid and the mean R² map of each subject,
    /// whatever the filters say. They come with single-trial betas and with named sessions in any
    /// case.
    pub include_brain_mask: bool,
    /// The whole anatomical tree of each subject as well.
    pub include_anatomical: bool,
    /// The whole FreeSurfer reconstruction of each subject as well.
    pub include_freesurfer: bool,
    /// All localizer maps of each subject as well.
    pub include_localizers: bool,
    /// The raw data of each subject as well, chosen by the filters.
    pub include_raw: bool,
    /// The embeddings of these models as well. No filter applies to files below `stimuli/`.
    pub include_embeddings: Vec<EmbeddingModel>,
    /// The object masks and their table as well.
    pub include_segmentations: bool,
    /// The captions as well.
    pub include_captions: bool,
    /// The images and their table as well; see [`DownloadRequest::include_stimuli`].
    pub include_stimuli: bool,
    /// Further key prefixes, mirrored with the same filters.
    pub prefixes: Vec<String>,
    /// Fetch the rest if the bucket does not have some filter value or tree. Otherwise such a
    /// request is [`Error::NoMatchingData`].
    pub allow_missing: bool,
    /// How many files are transferred at once; at least 1, by default 8.
    pub jobs: usize,
    /// The most bytes per second for all files together; without it, as fast as possible.
    pub limit_rate: Option<NonZeroU64>,
}

impl DownloadRequest {
    /// A request for these subjects, without filters.
    pub fn new(subjects: Subjects) -> Self {
        Self {
            subjects,
            filter: Filter::default(),
            include_derivatives: true,
            include_brain_mask: false,
            include_anatomical: false,
            include_freesurfer: false,
            include_localizers: false,
            include_raw: false,
            include_embeddings: Vec::new(),
            include_segmentations: false,
            include_captions: false,
            include_stimuli: false,
            prefixes: Vec::new(),
            allow_missing: false,
            jobs: DEFAULT_JOBS,
            limit_rate: None,
        }
    }

    /// A request for one subject, without filters.
    pub(crate) fn of(subject: &SubjectId) -> Self {
        Self::new(Subjects::These(vec![subject.clone()]))
    }

    /// A request for what is read along with the betas of a store: brain masks, ROIs, trial tables.
    pub(crate) fn beside_store(subject: &SubjectId) -> Self {
        Self::of(subject).filter(FilterField::Suffix, ["mask", "trials"]).include_brain_mask()
    }

    /// Whether every session that the filter names is not released yet, so that the download would
    /// bring nothing. Localizers are released with their own sessions.
    #[must_use]
    pub fn is_held_out(&self) -> bool {
        let sessions = self.filter.values(FilterField::Ses).unwrap_or_default();
        let is_held_out = |session: &String| HELD_OUT_SESSIONS.contains(&session.as_str());
        !self.include_localizers && !sessions.is_empty() && sessions.iter().all(is_held_out)
    }

    /// A request for what lies below a key prefix and nothing else, without filters.
    pub fn of_prefix(prefix: impl Into<String>) -> Self {
        Self::new(Subjects::These(Vec::new())).prefix(prefix)
    }

    /// A request for the raw data of these subjects and nothing else, without filters.
    #[doc(alias = "download_raw")]
    pub fn raw(subjects: Subjects) -> Self {
        Self { include_derivatives: false, include_raw: true, ..Self::new(subjects) }
    }

    /// A request for the anatomical brain mask on the functional grid and the mean R² map of these
    /// subjects, and nothing else.
    pub fn brain_mask(subjects: Subjects) -> Self {
        Self { include_derivatives: false, include_brain_mask: true, ..Self::new(subjects) }
    }

    /// A request for the embeddings of these models and nothing else.
    #[doc(alias = "download_embeddings")]
    pub fn embeddings(models: impl IntoIterator<Item = EmbeddingModel>) -> Self {
        Self::nobody().include_embeddings(models)
    }

    /// A request for the object masks and their table and nothing else.
    #[doc(alias = "download_segmentations")]
    pub fn segmentations() -> Self {
        Self::nobody().include_segmentations()
    }

    /// A request for the captions and nothing else.
    #[doc(alias = "download_captions")]
    pub fn captions() -> Self {
        Self::nobody().include_captions()
    }

    /// A request for the images and nothing else; see [`DownloadRequest::include_stimuli`].
    #[doc(alias = "download_stimuli")]
    pub fn stimuli() -> Self {
        Self::nobody().include_stimuli()
    }

    fn nobody() -> Self {
        Self { include_derivatives: false, ..Self::new(Subjects::These(Vec::new())) }
    }

    /// A request for one subject, by `sub-03` or `03`, without filters.
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] when the id is malformed.
    pub fn subject(id: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self::new(Subjects::These(vec![id.as_ref().parse()?])))
    }

    /// Only these sessions, by `ses-01` or `01`; `averages` stands for the subject-level files. For
    /// all sessions, leave it out: `all` is not the name of one.
    pub fn ses(self, values: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.filter(FilterField::Ses, values)
    }

    /// Only these descriptions, such as `SingletrialBetas`.
    pub(crate) fn desc(self, desc: impl AsRef<str>) -> Self {
        self.filter(FilterField::Desc, [desc])
    }

    /// Only files of this suffix and extension.
    pub(crate) fn form(self, suffix: &str, extension: &str) -> Self {
        self.filter(FilterField::Suffix, [suffix]).filter(FilterField::Extension, [extension])
    }

    /// Only these values of a filter.
    pub fn filter(
        mut self,
        field: FilterField,
        values: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        let values = values.into_iter().map(|value| value.as_ref().to_owned());
        self.filter = self.filter.with(field, values);
        self
    }

    /// The brain masks as well, also where no betas are selected; see the field.
    pub fn include_brain_mask(mut self) -> Self {
        self.include_brain_mask = true;
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

    /// The embeddings of these models as well.
    pub fn include_embeddings(mut self, models: impl IntoIterator<Item = EmbeddingModel>) -> Self {
        self.include_embeddings.extend(models);
        self
    }

    /// The object masks and their table as well.
    pub fn include_segmentations(mut self) -> Self {
        self.include_segmentations = true;
        self
    }

    /// The captions as well.
    pub fn include_captions(mut self) -> Self {
        self.include_captions = true;
        self
    }

    /// The images and their table as well.
    ///
    /// The bucket has at most the table, and a [`Download`](crate::Download) fetches it. The images
    /// come from the access service: as long as they are not on disk, the plan and the report say
    /// that they are withheld, and [`Dataset::plan_stimuli`](crate::Dataset::plan_stimuli) and
    /// [`Dataset::download_stimuli`](crate::Dataset::download_stimuli) fetch them.
    pub fn include_stimuli(mut self) -> Self {
        self.include_stimuli = true;
        self
    }

    /// Further key prefixes, such as `derivatives/retinotopy/sub-01/`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefixes.push(prefix.into());
        self
    }

    /// Fetches the rest if the bucket does not have everything;
    /// [`Download::missing`](crate::Download::missing) lists what is missing.
    pub fn allow_missing(mut self) -> Self {
        self.allow_missing = true;
        self
    }

    /// How many files are transferred at once.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// How many bytes per second all files together take at most.
    pub fn limit_rate(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.limit_rate = Some(bytes_per_second);
        self
    }

    /// The keys below `stimuli/` that are meant, each once.
    #[cfg(feature = "download")]
    pub(crate) fn stimulus_keys(&self) -> Vec<String> {
        let mut names: Vec<&str> =
            self.include_embeddings.iter().map(|model| model.file_name()).collect();
        if self.include_segmentations {
            names.extend([files::SEGMENTATIONS, files::SEGMENTATIONS_METADATA]);
        }
        if self.include_captions {
            names.push(files::CAPTIONS);
        }
        names.sort_unstable();
        names.dedup();
        names.iter().map(|name| format!("{}/{name}", files::DIRECTORY)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_of_held_out_sessions_alone_brings_nothing() {
        let of = |sessions: &[&str]| {
            let request = DownloadRequest::new(Subjects::All);
            request.filter(FilterField::Ses, sessions.iter().copied()).is_held_out()
        };
        assert!(of(&["31"]) && of(&["31", "34"]));
        assert!(!of(&["30"]) && !of(&["01", "31"]) && !of(&["averages"]));
        assert!(!DownloadRequest::new(Subjects::All).is_held_out());
        let maps = DownloadRequest::new(Subjects::All).include_localizers();
        assert!(!maps.filter(FilterField::Ses, ["31"]).is_held_out());
    }
}
