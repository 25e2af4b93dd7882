//! Several subjects at once, aligned by the images they all saw.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use bids_names::{SessionId, SubjectId};
use indexmap::IndexMap;
use laion_fmri_base::parallel_map;
use laion_fmri_stimuli::{Metadata, NamedImages, OriginalImage, Stimulus, StimulusSet};
use ndarray::{Array2, Array3, Array4};

use crate::mask::VoxelMask;
use crate::stimulus::Needed;
use crate::stimulus::decoded;
use crate::subject::each_once;
use crate::{Betas, Contradiction, Dataset, Error, Result, Subject};

/// Subjects of one dataset, sorted by id; never empty.
#[derive(Debug)]
pub struct Group {
    subjects: Vec<Subject>,
}

/// The responses of several subjects to the images that all of them saw.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SharedBetas {
    /// The images, in code-point order; row i of every array belongs to image i.
    pub image_names: Vec<String>,
    /// What each subject answered.
    pub subjects: IndexMap<SubjectId, SubjectShared>,
}

/// The responses of one subject to the images of a [`SharedBetas`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubjectShared {
    /// Means over the repeats of each image: float32, shape `(n_images, n_voxels)`. A NaN in any
    /// repeat makes the mean NaN.
    pub betas: Array2<f32>,
    /// How many trials each mean is made of.
    pub repeats: Vec<u32>,
    /// The voxels of the columns.
    pub voxels: Arc<VoxelMask>,
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
        Ok(Self { subjects })
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

    /// The responses to the shared images that every subject of the group saw in these sessions,
    /// averaged over repeats and aligned by image name (the rows of a session are not: subjects saw
    /// different images in a different order).
    ///
    /// Subjects are read in parallel, as many as [`Dataset::with_jobs`] allows, and each array of
    /// trials is let go once its means are made.
    ///
    /// `request` changes each subject's plain request, for example by choosing ROIs.
    ///
    /// # Errors
    ///
    /// [`Error::NothingNamed`] without a session and [`Error::NamedTwice`] for one that is named twice;
    /// as [`Betas::concat`] and [`Subject::trials`].
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let group = Dataset::open("laion-fmri")?.group(&["sub-01", "sub-03"])?;
    /// let shared = group.shared_betas(&["ses-01"], |betas| betas.roi("FFA1"))?;
    /// for (_subject, answers) in &shared.subjects {
    ///     assert_eq!(answers.betas.nrows(), shared.image_names.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_shared_betas")]
    pub fn shared_betas(
        &self,
        sessions: &[impl AsRef<str>],
        request: impl for<'a> Fn(Betas<'a>) -> Betas<'a>,
    ) -> Result<SharedBetas> {
        let sessions: Vec<SessionId> =
            sessions.iter().map(|session| session.as_ref().parse()).collect::<Result<_, _>>()?;
        if sessions.is_empty() {
            return Err(Error::NothingNamed { what: "session".to_owned() });
        }
        each_once(&sessions)?;
        let labels: Vec<Vec<String>> = self
            .subjects
            .iter()
            .map(|subject| shared_labels(subject, &sessions))
            .collect::<Result<_>>()?;
        let mut common: BTreeSet<&String> = labels[0].iter().collect();
        for labels in &labels[1..] {
            let here: BTreeSet<&String> = labels.iter().collect();
            common.retain(|label| here.contains(*label));
        }
        let image_names: Vec<String> = common.into_iter().cloned().collect();
        // `request` may be of one thread, so every request is made before there are several.
        let requests: Vec<_> = self
            .subjects
            .iter()
            .zip(&labels)
            .map(|(subject, labels)| {
                let plain = subject.betas().sessions(&sessions).stimuli(StimulusSet::Shared);
                (subject.id(), request(plain), labels)
            })
            .collect();
        // Several subjects at once, each with its share of the threads, as sessions are.
        let jobs = self.subjects[0].reading.jobs.get();
        let at_once = jobs.min(self.subjects.len());
        let threads = NonZeroUsize::new(jobs / at_once).unwrap_or(NonZeroUsize::MIN);
        let answered = parallel_map(at_once, requests, |(id, request, labels)| {
            let all = request.concat_by(&sessions, threads)?;
            if all.betas.nrows() != labels.len() {
                return Err(Error::from(Contradiction::SharedTrialsSelected));
            }
            let (betas, repeats) = means(&all.betas, labels, &image_names);
            Ok((id.clone(), SubjectShared { betas, repeats, voxels: all.voxels }))
        })?;
        Ok(SharedBetas { image_names, subjects: answered.into_iter().collect() })
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

impl<'a> IntoIterator for &'a Group {
    type Item = (&'a SubjectId, &'a Subject);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.subjects.iter().map(|subject| (subject.id(), subject)).collect::<Vec<_>>().into_iter()
    }
}

/// The image of each shared trial, over the sessions in their order.
fn shared_labels(subject: &Subject, sessions: &[SessionId]) -> Result<Vec<String>> {
    let mut labels = Vec::new();
    for session in sessions {
        let table = subject.trials(session)?;
        let shared =
            table.labels().filter(|label| StimulusSet::of_label(label) == StimulusSet::Shared);
        labels.extend(shared.map(str::to_owned));
    }
    Ok(labels)
}

/// The mean of the rows of each image, summed in float64 in row order, and their number.
fn means(betas: &Array2<f32>, labels: &[String], images: &[String]) -> (Array2<f32>, Vec<u32>) {
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        rows.entry(label).or_default().push(row);
    }
    let mut averaged = Array2::zeros((images.len(), betas.ncols()));
    let mut repeats = Vec::with_capacity(images.len());
    for (mut mean, image) in averaged.rows_mut().into_iter().zip(images) {
        let rows = rows.get(image.as_str()).map_or(&[][..], Vec::as_slice);
        let mut sum = vec![0.0_f64; betas.ncols()];
        for &row in rows {
            sum.iter_mut().zip(betas.row(row)).for_each(|(sum, beta)| *sum += f64::from(*beta));
        }
        mean.iter_mut().zip(sum).for_each(|(mean, sum)| *mean = (sum / rows.len() as f64) as f32);
        repeats.push(u32::try_from(rows.len()).unwrap_or(u32::MAX));
    }
    (averaged, repeats)
}
