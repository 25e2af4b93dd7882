//! What is extracted and by which conventions: everything that decides the numbers, and nothing else.

use std::path::Path;

use laion_fmri_base::{Sha256, named_enum};
use laion_fmri_splits::{OodType, Pool, Split, SplitName, SplitRevision, load_split};
use laion_fmri_stimuli::{EmbeddingModel, StimulusSet};
use serde::{Deserialize, Serialize};

use super::text;
#[cfg(any(doc, test))]
use crate::Error;
use crate::{Contradiction, MaskFile, MaskSource, NoiseCeiling, Result, RoiQuery};

/// Everything that decides the numbers of an extraction, except the subjects and their sessions.
///
/// Threads, memory, the format of the output and where the files are read from are not conventions:
/// the arrays do not depend on them.
///
/// ```
/// use laion_fmri::extract::{Average, Conventions, Zscore, ZscoreScope};
///
/// let conventions = Conventions::default()
///     .roi("FFA1")
///     .zscore(Zscore::within(ZscoreScope::Session))
///     .average(Average::Image);
/// assert_eq!(conventions.rois, ["FFA1"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
#[non_exhaustive]
pub struct Conventions {
    /// The items of a [`RoiQuery`](crate::RoiQuery), whose union is taken; the whole brain mask
    /// when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rois: Vec<String>,
    /// Only the voxels that a user's file chose; excludes ROIs, and is of one subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskChoice>,
    /// Which brain mask the voxel axis is made from.
    #[serde(with = "text")]
    pub mask_source: MaskSource,
    /// Only voxels whose noise ceiling reaches a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise_ceiling: Option<Threshold>,
    /// How responses are z-scored, before anything is averaged; not at all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zscore: Option<Zscore>,
    /// What is averaged.
    pub average: Average,
    /// What becomes of NaN in the output.
    pub nan: NanColumns,
    /// Only trials whose image is in this set.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub stimuli: Option<StimulusSet>,
    /// Whether trials with out-of-distribution images are left out.
    pub exclude_ood: bool,
    /// Whether to leave out images whose number of trials in the chosen sessions is not the planned
    /// one (12 for `shared_12rep`, 4 for all others).
    pub exact_repetitions: bool,
    /// Which train/test split the rows are marked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitChoice>,
    /// Whose embeddings of the images go along with the rows.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub features: Option<EmbeddingModel>,
}

/// The voxels that a user's file chose. They are kept themselves, so that the file is not needed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskChoice {
    /// The name of the file.
    pub file: String,
    /// Its SHA-256.
    #[serde(with = "text")]
    pub sha256: Sha256,
    /// The flat C-order grid indices of its voxels inside the brain mask, ascending; as text, ranges
    /// such as `12-15,20`.
    #[serde(with = "text::ranges")]
    pub voxels: Vec<u32>,
}

impl MaskChoice {
    /// The voxels of a file of this name; see [`Subject::read_mask`](crate::Subject::read_mask).
    #[must_use]
    pub fn new(path: impl AsRef<Path>, read: &MaskFile) -> Self {
        let file = path.as_ref().file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Grids have less than 2^32 voxels, which the masks rely on as well.
        let voxels = read.voxels.indices().iter().map(|index| *index as u32).collect();
        Self { file, sha256: read.sha256, voxels }
    }
}

/// A noise ceiling that voxels have to reach: `>=`, in the units of the map (percent), NaN never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// The least noise ceiling.
    pub percent: f64,
    /// The `desc` of a subject-level map. Without it the session's own map, which only one session
    /// can use: the voxels would differ between several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desc: Option<String>,
}

/// How responses are z-scored: per voxel, over the trials of a run or of a session, with NaN left
/// out of the statistics; a voxel without variance becomes 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zscore {
    /// Which trials share a mean and a standard deviation.
    pub within: ZscoreScope,
    /// Subtracted from the number of trials in the divisor of the variance.
    pub ddof: u8,
    /// Which of these trials the statistics are computed from.
    pub fit: ZscoreFit,
}

named_enum! {
    /// Which trials share a mean and a standard deviation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ZscoreScope: "scope of a z-score" {
        /// Those of one run.
        Run = "run",
        /// Those of one session.
        Session = "session",
    }
}

named_enum! {
    /// Which trials the statistics of a z-score are computed from.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum ZscoreFit: "fit of a z-score" {
        /// All trials of the run or session, also those that do not become rows.
        #[default]
        All = "all",
        /// The trials of the training set of the split, so that nothing leaks from the test set.
        Train = "train",
    }
}

named_enum! {
    /// What is averaged.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Average: "average" {
        /// Nothing: one row for each trial, in trial order.
        #[default]
        None = "none",
        /// The trials of each image: one row for each image, in code-point order of the names. NaN is
        /// left out of a mean; the mean of nothing else is NaN.
        Image = "image",
    }
}

named_enum! {
    /// What becomes of NaN in the output.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum NanColumns: "treatment of NaN" {
        /// It stays, and is counted.
        #[default]
        Keep = "keep",
        /// Voxels with NaN in any row are left out.
        Drop = "drop",
        /// It becomes 0.
        Zero = "zero",
    }
}

/// A train/test split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitChoice {
    /// Its name.
    #[serde(with = "text")]
    pub name: SplitName,
    /// The pool that it divides.
    #[serde(with = "text")]
    pub pool: Pool,
    /// Its revision.
    #[serde(with = "text")]
    pub revision: SplitRevision,
    /// The types of out-of-distribution images in the test set of the split `ood`; all when empty.
    #[serde(default, with = "text::list", skip_serializing_if = "Vec::is_empty")]
    pub ood_types: Vec<OodType>,
}

impl Zscore {
    /// The z-score of the dataset's own recipes: population standard deviation over all trials.
    #[must_use]
    pub fn within(within: ZscoreScope) -> Self {
        Self { within, ddof: 0, fit: ZscoreFit::All }
    }

    /// Another number that is subtracted in the divisor.
    #[must_use]
    pub fn ddof(mut self, ddof: u8) -> Self {
        self.ddof = ddof;
        self
    }

    /// Statistics from other trials.
    #[must_use]
    pub fn fit(mut self, fit: ZscoreFit) -> Self {
        self.fit = fit;
        self
    }
}

impl SplitChoice {
    /// A split of a pool, in the first revision, with every type of out-of-distribution images.
    #[must_use]
    pub fn new(name: SplitName, pool: Pool) -> Self {
        Self { name, pool, revision: SplitRevision::R1, ood_types: Vec::new() }
    }

    /// Another revision.
    #[must_use]
    pub fn revision(mut self, revision: SplitRevision) -> Self {
        self.revision = revision;
        self
    }

    /// Only these types of out-of-distribution images in the test set of the split `ood`.
    #[must_use]
    pub fn ood_types(mut self, types: impl IntoIterator<Item = OodType>) -> Self {
        self.ood_types = types.into_iter().collect();
        self
    }

    /// The split.
    ///
    /// # Errors
    ///
    /// [`Error::Split`] when types of images are named for another split than `ood`.
    pub fn load(&self) -> Result<Split> {
        let split = load_split(self.name, self.pool)?.with_revision(self.revision);
        if self.ood_types.is_empty() {
            return Ok(split);
        }
        Ok(split.with_ood_types(self.ood_types.iter().copied())?)
    }
}

impl Conventions {
    /// Only the voxels of these ROIs, whose union is taken.
    pub fn roi(mut self, query: impl Into<RoiQuery>) -> Self {
        self.rois = query.into().items().to_vec();
        self
    }

    /// Only the voxels that a user's file chose.
    pub fn mask(mut self, mask: MaskChoice) -> Self {
        self.mask = Some(mask);
        self
    }

    /// Which brain mask the voxel axis is made from.
    pub fn mask_source(mut self, source: MaskSource) -> Self {
        self.mask_source = source;
        self
    }

    /// Only voxels whose noise ceiling is at least this many percent in the session's own map, which
    /// only one session can use; see [`Conventions::nc_threshold_on`].
    pub fn nc_threshold(mut self, percent: f64) -> Self {
        self.noise_ceiling = Some(Threshold { percent, desc: None });
        self
    }

    /// As [`Conventions::nc_threshold`], in the subject-level map of this `desc`.
    pub fn nc_threshold_on(mut self, desc: impl Into<String>, percent: f64) -> Self {
        self.noise_ceiling = Some(Threshold { percent, desc: Some(desc.into()) });
        self
    }

    /// Z-scored responses.
    pub fn zscore(mut self, zscore: Zscore) -> Self {
        self.zscore = Some(zscore);
        self
    }

    /// What is averaged.
    pub fn average(mut self, average: Average) -> Self {
        self.average = average;
        self
    }

    /// What becomes of NaN.
    pub fn nan(mut self, nan: NanColumns) -> Self {
        self.nan = nan;
        self
    }

    /// Only trials whose image is in this set.
    pub fn stimuli(mut self, set: StimulusSet) -> Self {
        self.stimuli = Some(set);
        self
    }

    /// No trials with out-of-distribution images.
    pub fn exclude_ood(mut self) -> Self {
        self.exclude_ood = true;
        self
    }

    /// No images that were shown more or less often than planned.
    pub fn exact_repetitions(mut self) -> Self {
        self.exact_repetitions = true;
        self
    }

    /// Rows marked with a train/test split.
    pub fn split(mut self, split: SplitChoice) -> Self {
        self.split = Some(split);
        self
    }

    /// The embeddings of this model along with the rows.
    pub fn features(mut self, model: EmbeddingModel) -> Self {
        self.features = Some(model);
        self
    }

    /// Refuses what contradicts itself, before anything is opened.
    pub(super) fn check(&self, n_subjects: usize, several_sessions: bool) -> Result<()> {
        if n_subjects > 1 && self.average == Average::None {
            return Err(Contradiction::TrialsOfSeveralSubjects.into());
        }
        if self.mask.is_some() {
            if !self.rois.is_empty() {
                return Err(Contradiction::RoiAndMask.into());
            }
            if n_subjects > 1 {
                return Err(Contradiction::MaskOfSeveralSubjects.into());
            }
        }
        if let Some(Threshold { percent, desc }) = &self.noise_ceiling {
            if percent.is_nan() {
                return Err(crate::noise_ceiling::no_threshold());
            }
            match desc {
                Some(desc) => drop(NoiseCeiling::desc(desc)?),
                None if several_sessions => {
                    return Err(Contradiction::CeilingOfEachSession.into());
                }
                None => {}
            }
        }
        match &self.split {
            Some(split) => drop(split.load()?),
            None if self.zscore.is_some_and(|zscore| zscore.fit == ZscoreFit::Train) => {
                return Err(Contradiction::FitWithoutSplit.into());
            }
            None => {}
        }
        Ok(())
    }

    /// Refuses a split of images that are those of another subject.
    pub(super) fn check_pool(&self, subject: &str) -> Result<()> {
        let Some(split) = &self.split else { return Ok(()) };
        if split.pool == Pool::Shared || split.pool.to_string() == subject {
            return Ok(());
        }
        let (pool, subject) = (split.pool, subject.to_owned());
        Err(Contradiction::PoolOfOther { split: split.name, pool, subject }.into())
    }
}

/// Whether an image is out of distribution, which its name tells.
pub(super) fn is_ood(image_name: &str) -> bool {
    image_name.contains("_OOD_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_refused() {
        let refused = |conventions: &Conventions, subjects, several| match conventions
            .check(subjects, several)
        {
            Err(error @ (Error::Contradiction(_) | Error::InvalidValue { .. })) => {
                error.to_string()
            }
            other => panic!("{other:?}"),
        };
        let mut conventions = Conventions::default();
        conventions.check(1, true).unwrap();
        assert!(refused(&conventions, 2, false).contains("different rows"));
        conventions.noise_ceiling = Some(Threshold { percent: 20.0, desc: None });
        conventions.check(1, false).unwrap();
        assert!(refused(&conventions, 1, true).contains("one subject-level noise-ceiling map"));
        conventions.noise_ceiling =
            Some(Threshold { percent: 20.0, desc: Some("Noiseceiling12rep".to_owned()) });
        conventions.check(1, true).unwrap();
        conventions.noise_ceiling = Some(Threshold { percent: f64::NAN, desc: None });
        assert!(refused(&conventions, 1, false).contains("NaN"));
        conventions.noise_ceiling = None;
        let fit = ZscoreFit::Train;
        conventions.zscore = Some(Zscore { fit, ..Zscore::within(ZscoreScope::Run) });
        assert!(refused(&conventions, 1, false).contains("needs a split"));
        let (file, sha256) = ("a.npy".to_owned(), Sha256([0; 32]));
        let mask = MaskChoice { file, sha256, voxels: vec![3] };
        let mut conventions = Conventions::default().mask(mask).average(Average::Image);
        conventions.check(1, true).unwrap();
        assert!(refused(&conventions, 2, false).contains("voxels of one subject"));
        conventions.rois = vec!["FFA1".to_owned()];
        assert!(refused(&conventions, 1, false).contains("exclude each other"));
    }

    #[test]
    fn a_split_of_another_subject_is_refused() {
        let mut conventions = Conventions::default();
        conventions.check_pool("sub-01").unwrap();
        for (pool, is_refused) in [("shared", false), ("sub-01", false), ("sub-03", true)] {
            conventions.split = Some(SplitChoice {
                name: SplitName::Tau,
                pool: pool.parse().unwrap(),
                revision: SplitRevision::R1,
                ood_types: Vec::new(),
            });
            match conventions.check_pool("sub-01") {
                Err(error @ Error::Contradiction(Contradiction::PoolOfOther { .. })) => {
                    let message = error.to_string();
                    assert!(is_refused && message.contains("images of sub-03"), "{message}");
                }
                other => assert!(other.is_ok() && !is_refused, "{pool}: {other:?}"),
            }
        }
    }

    #[test]
    fn names_tell_the_kind() {
        assert!(is_ood("shared_4rep_OOD_shape_blob_round-01.png"));
        assert!(!is_ood("shared_4rep_NSD_special100_10.jpg"));
    }

    #[test]
    fn each_step_sets_its_field() {
        let split = SplitChoice::new(SplitName::Ood, Pool::Shared);
        let built = Conventions::default()
            .roi(["FFA1", "OFA"])
            .mask_source(MaskSource::Rsquare)
            .nc_threshold_on("Noiseceiling12rep", 20.0)
            .zscore(Zscore::within(ZscoreScope::Run).ddof(1).fit(ZscoreFit::Train))
            .average(Average::Image)
            .nan(NanColumns::Drop)
            .stimuli(StimulusSet::Unique)
            .exclude_ood()
            .exact_repetitions()
            .split(split.revision(SplitRevision::R2).ood_types([OodType::Shape]))
            .features(EmbeddingModel::DinoV2);
        let expected = Conventions {
            rois: vec!["FFA1".to_owned(), "OFA".to_owned()],
            mask: None,
            mask_source: MaskSource::Rsquare,
            noise_ceiling: Some(Threshold {
                percent: 20.0,
                desc: Some("Noiseceiling12rep".to_owned()),
            }),
            zscore: Some(Zscore { within: ZscoreScope::Run, ddof: 1, fit: ZscoreFit::Train }),
            average: Average::Image,
            nan: NanColumns::Drop,
            stimuli: Some(StimulusSet::Unique),
            exclude_ood: true,
            exact_repetitions: true,
            split: Some(SplitChoice {
                name: SplitName::Ood,
                pool: Pool::Shared,
                revision: SplitRevision::R2,
                ood_types: vec![OodType::Shape],
            }),
            features: Some(EmbeddingModel::DinoV2),
        };
        assert_eq!(built, expected);
        let own = Conventions::default().nc_threshold(5.0).noise_ceiling;
        assert_eq!(own, Some(Threshold { percent: 5.0, desc: None }));
    }

    #[test]
    fn conventions_survive_json() {
        let split = SplitChoice::new(SplitName::Ood, Pool::Shared);
        let conventions = Conventions::default()
            .roi("laionventral - retinotopy")
            .stimuli(StimulusSet::Shared)
            .features(EmbeddingModel::Clip)
            .nc_threshold(0.2)
            .zscore(Zscore::within(ZscoreScope::Session))
            .split(split.revision(SplitRevision::R2).ood_types([OodType::Shape]));
        let text = serde_json::to_string(&conventions).unwrap();
        assert_eq!(serde_json::from_str::<Conventions>(&text).unwrap(), conventions);
        assert!(text.contains(r#""zscore":{"within":"session","ddof":0,"fit":"all"}"#), "{text}");
        // What is not used leaves no trace: recipes of the first form stay as they are.
        assert!(!text.contains("mask\":{"), "{text}");
        let (file, sha256) = ("a.npy".to_owned(), Sha256([0xab; 32]));
        let voxels = vec![3, 4, 5, 9, 11, 12];
        let conventions = Conventions::default().mask(MaskChoice { file, sha256, voxels });
        let masked = serde_json::to_string(&conventions).unwrap();
        assert!(masked.contains(r#""voxels":"3-5,9,11-12""#), "{masked}");
        assert_eq!(serde_json::from_str::<Conventions>(&masked).unwrap(), conventions);
        for bad in ["5-3", "3-5,5", "9,3", "x", "0-4294967295", "1-"] {
            let text = masked.replacen("3-5,9,11-12", bad, 1);
            assert!(serde_json::from_str::<Conventions>(&text).is_err(), "{bad}");
        }
        let unknown = text.replacen("\"nan\"", "\"nans\"", 1);
        assert!(serde_json::from_str::<Conventions>(&unknown).is_err());
    }
}
