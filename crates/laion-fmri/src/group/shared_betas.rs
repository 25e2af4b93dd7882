//! Responses to the images that all subjects of a group saw: means that are summed while trials are read.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use bids_names::{SessionId, SubjectId};
use indexmap::IndexMap;
use laion_fmri_base::parallel_map;
use laion_fmri_stimuli::StimulusSet;
use ndarray::Array2;

use super::Group;
use crate::betas::zeroed;
use crate::mask::VoxelMask;
use crate::subject::each_once;
use crate::trials::SessionTrials;
use crate::{Betas, Contradiction, Error, Result, Subject};

/// The responses of several subjects to the images that all of them saw.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SharedBetas {
    /// The images, in code-point order; row i of every array belongs to image i.
    pub image_names: Vec<String>,
    /// The responses of each subject.
    pub subjects: IndexMap<SubjectId, SubjectShared>,
}

/// The responses of one subject to the images of a [`SharedBetas`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SubjectShared {
    /// Means over the repeats of each image: float32, shape `(n_images, n_voxels)`. NaN is left out
    /// of a mean; the mean of nothing else is NaN.
    ///
    /// The sum is float32 and takes the trials in their order, the sessions in the order asked, as
    /// numpy adds the rows of a float32 array. So a mean of n trials differs from one that is summed in
    /// float64 by at most n x 2^-24 of the mean absolute value.
    pub betas: Array2<f32>,
    /// How many trials showed each image, whether or not they are NaN in some voxels.
    pub repeats: Vec<u32>,
    /// The voxels of the columns.
    pub voxels: Arc<VoxelMask>,
}

impl Group {
    /// The responses to the shared images that every subject of the group saw in these sessions,
    /// averaged over repeats and aligned by image name (the rows of a session are not: subjects saw
    /// different images in a different order).
    ///
    /// `request` changes each subject's plain request, for example by choosing ROIs. It cannot choose
    /// sessions or trials.
    ///
    /// Subjects are read in parallel, as many as [`Dataset::with_jobs`](crate::Dataset::with_jobs)
    /// allows. Trials are added to the means while they are read. Memory is the result, as much again
    /// for the voxels that are NaN in any trial, and what reading takes: less than 32 MiB for each
    /// subject that is read at the same time, and up to 40 MiB for each further thread.
    ///
    /// # Errors
    ///
    /// [`Error::NothingNamed`] without a session and [`Error::NamedTwice`] for one that is named twice;
    /// [`Contradiction::SharedTrialsSelected`] for a request that chooses sessions, stimuli or trials;
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
        // `request` may be of one thread, so every request is made before there are several.
        let requests: Vec<_> =
            self.subjects.iter().map(|subject| (subject.id(), request(subject.betas()))).collect();
        if requests.iter().any(|(_, request)| request.chooses_trials()) {
            return Err(Contradiction::SharedTrialsSelected.into());
        }
        let image_names = self.shared_images_of(&sessions)?;
        let images: HashMap<&str, usize> =
            image_names.iter().enumerate().map(|(row, name)| (name.as_str(), row)).collect();
        // Several subjects at once, each with its share of the threads, as sessions are.
        let jobs = self.subjects[0].reading.jobs.get();
        let at_once = jobs.min(self.subjects.len());
        let threads = NonZeroUsize::new(jobs / at_once).unwrap_or(NonZeroUsize::MIN);
        let answered = parallel_map(at_once, requests, |(id, request)| {
            let shared = averaged(&request, &sessions, &images, threads)?;
            Ok::<_, Error>((id.clone(), shared))
        })?;
        Ok(SharedBetas { image_names, subjects: answered.into_iter().collect() })
    }

    /// The shared images that every subject saw in these sessions, in code-point order.
    fn shared_images_of(&self, sessions: &[SessionId]) -> Result<Vec<String>> {
        let mut common: Option<BTreeSet<String>> = None;
        for subject in self.subjects.iter() {
            let seen = shared_images(subject, sessions)?;
            common = Some(match common {
                Some(common) => &common & &seen,
                None => seen,
            });
        }
        Ok(common.unwrap_or_default().into_iter().collect())
    }
}

/// The shared images that a subject saw in these sessions.
fn shared_images(subject: &Subject, sessions: &[SessionId]) -> Result<BTreeSet<String>> {
    // Asked for before the tables: the download of betas brings both.
    for session in sessions {
        subject.check_betas(session)?;
    }
    subject.fetch_trials(sessions)?;
    let mut images = BTreeSet::new();
    for session in sessions {
        let table = subject.trials(session)?;
        let shared =
            table.labels()?.filter(|label| StimulusSet::of_label(label) == StimulusSet::Shared);
        images.extend(shared.map(str::to_owned));
    }
    Ok(images)
}

/// The means of one subject; `images` has the row of each image.
fn averaged(
    request: &Betas<'_>,
    sessions: &[SessionId],
    images: &HashMap<&str, usize>,
    threads: NonZeroUsize,
) -> Result<SubjectShared> {
    let mut image_of_trial = Vec::new();
    let trials = request.chosen_trials(sessions, |table: &SessionTrials| {
        let rows = table.labels()?.enumerate();
        let shared = rows.filter_map(|(trial, label)| Some((trial, *images.get(label)?)));
        let (trials, images): (Vec<usize>, Vec<usize>) = shared.unzip();
        image_of_trial.extend(images);
        Ok(trials)
    })?;
    let voxels = Arc::clone(trials.voxels());
    let mut means = Means::zero(images.len(), voxels.n_voxels())?;
    let mut image_of_trial = image_of_trial.into_iter();
    trials.for_each_row(threads, |row| match image_of_trial.next() {
        Some(image) => {
            means.add(image, row);
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    })?;
    let (betas, repeats) = means.finish();
    Ok(SubjectShared { betas, repeats, voxels })
}

/// Means of rows by image, which take no more than the result where nothing is NaN.
struct Means {
    /// Sums of what is not NaN, shape `(n_images, n_voxels)`.
    sums: Array2<f32>,
    repeats: Vec<u32>,
    /// For each voxel with any NaN, how many repeats of each image are NaN.
    nan: Vec<Option<Box<[u32]>>>,
}

impl Means {
    fn zero(images: usize, voxels: usize) -> Result<Self> {
        let sums = zeroed(images, voxels)?;
        Ok(Self { sums, repeats: vec![0; images], nan: vec![None; voxels] })
    }

    fn add(&mut self, image: usize, row: &[f32]) {
        self.repeats[image] += 1;
        let n_images = self.repeats.len();
        for (sum, (beta, nan)) in
            self.sums.row_mut(image).iter_mut().zip(row.iter().zip(&mut self.nan))
        {
            if beta.is_nan() {
                nan.get_or_insert_with(|| vec![0; n_images].into())[image] += 1;
            } else {
                *sum += beta;
            }
        }
    }

    /// The means, in the memory of the sums, and the repeats.
    fn finish(mut self) -> (Array2<f32>, Vec<u32>) {
        for (image, (mut sums, repeats)) in
            self.sums.rows_mut().into_iter().zip(&self.repeats).enumerate()
        {
            for (sum, nan) in sums.iter_mut().zip(&self.nan) {
                let count = repeats - nan.as_ref().map_or(0, |nan| nan[image]);
                *sum = (f64::from(*sum) / f64::from(count)) as f32;
            }
        }
        (self.sums, self.repeats)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn nan_is_left_out_of_a_mean() {
        let mut means = Means::zero(3, 4).unwrap();
        means.add(1, &[1.0, f32::NAN, f32::NAN, -0.0]);
        means.add(0, &[5.0, 6.0, 7.0, f32::INFINITY]);
        means.add(1, &[2.0, 3.0, f32::NAN, -0.0]);
        means.add(1, &[4.0, 6.0, f32::NAN, 0.0]);
        assert!(means.nan[0].is_none() && means.nan[1].is_some());
        let (betas, repeats) = means.finish();
        assert_eq!(repeats, [1, 3, 0]);
        assert_eq!(betas.row(0), array![5.0, 6.0, 7.0, f32::INFINITY]);
        assert_eq!(betas[(1, 0)].to_bits(), (7.0_f32 / 3.0).to_bits());
        assert_eq!((betas[(1, 1)], betas[(1, 3)]), (4.5, 0.0));
        assert!(betas[(1, 2)].is_nan() && betas.row(2).iter().all(|mean| mean.is_nan()));
    }

    #[test]
    fn sums_take_rows_in_their_order_in_float32() {
        let values = [0.1_f32, 1e8, -1e8, 0.3];
        let mut means = Means::zero(1, 1).unwrap();
        values.iter().for_each(|value| means.add(0, &[*value]));
        let expected = ((0.1_f32 + 1e8) - 1e8 + 0.3) / 4.0;
        assert_eq!(means.finish().0[(0, 0)].to_bits(), expected.to_bits());
    }
}
