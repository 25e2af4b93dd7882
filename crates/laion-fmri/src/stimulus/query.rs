//! Which images match a query across modalities: objects, captions, origin, repetitions.

use std::collections::HashSet;

use laion_fmri_stimuli::{NounFilter, Stimulus, StimulusSet};

use crate::stimulus::Shown;
use crate::{Error, Result, Stimuli, Subject};

/// A query for images, built step by step and answered by [`StimulusQuery::image_names`]. An image
/// must match every part of it. Only the files that these parts need must be on disk.
///
/// ```
/// use laion_fmri::{Dataset, StimulusSet};
///
/// # let bucket = fixtures::Bucket::example()?;
/// let stimuli = Dataset::open("laion-fmri")?.stimuli();
/// let names = stimuli.query().set(StimulusSet::Shared).dataset("nsd").repetitions(4);
/// assert!(names.image_names()?.iter().all(|name| name.contains("_NSD_")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct StimulusQuery<'a> {
    stimuli: &'a Stimuli,
    nouns: Vec<String>,
    captions: Vec<String>,
    datasets: Vec<String>,
    repetitions: Option<u32>,
    set: Option<StimulusSet>,
    subject: Option<&'a Subject>,
}

impl Stimuli {
    /// A query for images; without any part it matches all of them.
    pub fn query(&self) -> StimulusQuery<'_> {
        StimulusQuery {
            stimuli: self,
            nouns: Vec::new(),
            captions: Vec::new(),
            datasets: Vec::new(),
            repetitions: None,
            set: None,
            subject: None,
        }
    }
}

impl<'a> StimulusQuery<'a> {
    /// Only images with a localized mask of this noun. If called several times, an image must have
    /// all nouns.
    pub fn noun(mut self, noun: impl Into<String>) -> Self {
        self.nouns.push(noun.into());
        self
    }

    /// Only images of which a caption holds this text; case does not count. Several texts all have
    /// to occur, be it in different captions.
    pub fn caption(mut self, text: impl Into<String>) -> Self {
        self.captions.push(text.into());
        self
    }

    /// Only images from this dataset, such as `NSD`; case and hyphens are ignored. Several datasets
    /// are alternatives.
    pub fn dataset(mut self, dataset: impl Into<String>) -> Self {
        self.datasets.push(dataset.into());
        self
    }

    /// Only images that were planned to be shown this often to a subject.
    pub fn repetitions(mut self, repetitions: u32) -> Self {
        self.repetitions = Some(repetitions);
        self
    }

    /// Only images of this set.
    pub fn set(mut self, set: StimulusSet) -> Self {
        self.set = Some(set);
        self
    }

    /// Only images that this subject saw in the sessions on disk.
    pub fn seen_by(mut self, subject: &'a Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The names of the images, in the order of the table of images.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] when a file that a part needs is missing, the table of images
    /// included; [`Error::NoSuchImage`] for a noun or a dataset that no image has, with what comes
    /// nearest; as [`Subject::trials`] for [`StimulusQuery::seen_by`].
    pub fn image_names(&self) -> Result<Vec<String>> {
        let mut parts: Vec<HashSet<String>> = Vec::new();
        for noun in &self.nouns {
            parts.push(self.with_noun(noun)?);
        }
        for text in &self.captions {
            let captions = self.stimuli.captions()?;
            parts.push(captions.search(text).map(|(name, _)| name.to_owned()).collect());
        }
        if let Some(subject) = self.subject {
            parts.push(Shown::read(subject)?.names().iter().cloned().collect());
        }
        let metadata = self.stimuli.metadata()?;
        self.check_datasets(metadata.stimuli())?;
        let fits = |stimulus: &&Stimulus| {
            self.admits(stimulus) && parts.iter().all(|part| part.contains(&stimulus.image_name))
        };
        let found = metadata.stimuli().iter().filter(fits);
        Ok(found.map(|stimulus| stimulus.image_name.clone()).collect())
    }

    fn with_noun(&self, noun: &str) -> Result<HashSet<String>> {
        let table = self.stimuli.segmentation_table()?;
        let images: HashSet<String> =
            table.images_with(noun, NounFilter::Localized).map(str::to_owned).collect();
        if images.is_empty() {
            let nouns = table.all_nouns(NounFilter::Localized);
            let nearest = bids_names::suggest(noun, nouns.iter().map(|count| count.noun));
            return Err(unknown("object is called", noun, nearest));
        }
        Ok(images)
    }

    fn check_datasets(&self, stimuli: &[Stimulus]) -> Result<()> {
        for dataset in &self.datasets {
            if !stimuli.iter().any(|stimulus| folded(&stimulus.dataset) == folded(dataset)) {
                let known = stimuli.iter().map(|stimulus| stimulus.dataset.as_str());
                return Err(unknown(
                    "dataset is called",
                    dataset,
                    bids_names::suggest(dataset, known),
                ));
            }
        }
        Ok(())
    }

    /// What the table of images alone can say.
    fn admits(&self, stimulus: &Stimulus) -> bool {
        let dataset = folded(&stimulus.dataset);
        (self.datasets.is_empty() || self.datasets.iter().any(|wanted| folded(wanted) == dataset))
            && self.repetitions.is_none_or(|n| stimulus.planned_repetitions() == Some(n))
            && self.set.is_none_or(|set| stimulus.set() == Some(set))
    }
}

/// The spellings of datasets differ in case and hyphens only.
fn folded(dataset: &str) -> String {
    dataset.replace('-', "").to_lowercase()
}

fn unknown(what: &'static str, got: &str, nearest: Option<&str>) -> Error {
    Error::NoSuchImage { what, got: got.to_owned(), nearest: nearest.map(Box::from) }
}
