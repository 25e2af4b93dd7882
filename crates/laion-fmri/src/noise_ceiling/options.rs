//! The conventions of a computed noise ceiling.

use std::fmt;
use std::str::FromStr;

use crate::stimulus::planned_repetitions;
use crate::{Error, Result, Voxels};

/// Everything that a computed noise ceiling depends on besides the betas.
///
/// The description of the dataset leaves some of it open, for example the divisor of the variances.
/// So all of it is a choice here, and is recorded in [`ComputedNoiseCeiling::sidecar`].
///
/// [`ComputedNoiseCeiling::sidecar`]: crate::noise_ceiling::ComputedNoiseCeiling::sidecar
#[derive(Clone, Debug, PartialEq)]
#[must_use]
#[non_exhaustive]
pub struct NoiseCeilingOptions {
    /// What betas are z-scored within. Without a choice: runs for one session, sessions for several,
    /// as in the maps of the bucket.
    pub scope: Option<Scope>,
    /// Subtracted from the number of trials in the variance of the z-score: 0 as numpy does, 1 for
    /// the unbiased estimate.
    pub zscore_ddof: usize,
    /// Subtracted from the number of repetitions in the variance within an image.
    pub residual_ddof: usize,
    /// Which images count, by their name.
    pub images: ImageSet,
    /// Which images count, by how often they were shown in the chosen sessions.
    pub repetitions: Repetitions,
    /// What stands for the mean of 1/n in the formula.
    pub repetition_term: RepetitionTerm,
    /// Which voxels.
    pub voxels: Voxels,
    /// The most bytes that the process may take, roughly; fewer mean more passes over the files.
    /// 2 GiB without a choice.
    pub max_memory: Option<u64>,
}

laion_fmri_base::named_enum! {
    /// What betas are z-scored within.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Scope: "scope" {
        /// Each run of each session apart.
        Run = "run",
        /// Each session apart.
        Session = "session",
    }
}

laion_fmri_base::named_enum! {
    /// Images by the number of repetitions that their name promises.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum ImageSet: "set of images" {
        /// Every image.
        #[default]
        All = "all",
        /// Those that are shown four times: all but `shared_12rep_...`.
        FourRep = "4rep",
        /// Those that are shown twelve times: `shared_12rep_...`.
        TwelveRep = "12rep",
    }
}

/// Images by the number of times they were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetitions {
    /// This often or more often; at least twice.
    AtLeast(usize),
    /// Exactly this often; at least twice.
    Exactly(usize),
}

/// What stands for the mean of 1/n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepetitionTerm {
    /// The mean over the images of 1 / their repetitions.
    #[default]
    MeanInverse,
    /// 1 / this number.
    Constant(usize),
}

impl Default for NoiseCeilingOptions {
    /// Population variances; every image that was shown twice or more often; the exact mean of 1/n;
    /// the whole anatomical brain.
    fn default() -> Self {
        Self {
            scope: None,
            zscore_ddof: 0,
            residual_ddof: 0,
            images: ImageSet::All,
            repetitions: Repetitions::AtLeast(2),
            repetition_term: RepetitionTerm::MeanInverse,
            voxels: Voxels::all(),
            max_memory: None,
        }
    }
}

impl NoiseCeilingOptions {
    /// Betas z-scored within runs or sessions.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// What is subtracted in the divisor of the z-score's variance.
    pub fn zscore_ddof(mut self, ddof: usize) -> Self {
        self.zscore_ddof = ddof;
        self
    }

    /// What is subtracted in the divisor of the variance within an image.
    pub fn residual_ddof(mut self, ddof: usize) -> Self {
        self.residual_ddof = ddof;
        self
    }

    /// Only these images.
    pub fn images(mut self, images: ImageSet) -> Self {
        self.images = images;
        self
    }

    /// Only images that were shown so often.
    pub fn repetitions(mut self, repetitions: Repetitions) -> Self {
        self.repetitions = repetitions;
        self
    }

    /// What stands for the mean of 1/n.
    pub fn repetition_term(mut self, term: RepetitionTerm) -> Self {
        self.repetition_term = term;
        self
    }

    /// Only these voxels.
    pub fn voxels(mut self, voxels: Voxels) -> Self {
        self.voxels = voxels;
        self
    }

    /// With at most so many bytes of memory.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = Some(bytes);
        self
    }
}

impl ImageSet {
    pub(super) fn has(self, label: &str) -> bool {
        let is_twelve = planned_repetitions(label) == 12;
        match self {
            Self::All => true,
            Self::FourRep => !is_twelve,
            Self::TwelveRep => is_twelve,
        }
    }
}

impl Repetitions {
    pub(super) fn has(self, shown: usize) -> bool {
        match self {
            Self::AtLeast(least) => shown >= least,
            Self::Exactly(number) => shown == number,
        }
    }

    /// The smallest number that it takes.
    pub(super) fn least(self) -> usize {
        match self {
            Self::AtLeast(number) | Self::Exactly(number) => number,
        }
    }
}

impl fmt::Display for Repetitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(number) => write!(f, "{number}+"),
            Self::Exactly(number) => write!(f, "{number}"),
        }
    }
}

impl FromStr for Repetitions {
    type Err = Error;

    /// `2+` (at least) or `4` (exactly).
    fn from_str(text: &str) -> Result<Self> {
        let number = |digits: &str| digits.parse().ok().filter(|number| *number >= 2);
        let parsed = match text.strip_suffix('+') {
            Some(least) => number(least).map(Self::AtLeast),
            None => number(text).map(Self::Exactly),
        };
        parsed.ok_or_else(|| refused("number of repetitions", text, "2+ or 4, at least 2"))
    }
}

impl fmt::Display for RepetitionTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MeanInverse => f.write_str("mean"),
            Self::Constant(number) => write!(f, "{number}"),
        }
    }
}

impl FromStr for RepetitionTerm {
    type Err = Error;

    /// `mean`, or the number whose inverse is taken.
    fn from_str(text: &str) -> Result<Self> {
        if text == "mean" {
            return Ok(Self::MeanInverse);
        }
        let number = text.parse().ok().filter(|number| *number >= 1);
        number
            .map(Self::Constant)
            .ok_or_else(|| refused("repetition term", text, "mean or a number from 1 on"))
    }
}

fn refused(what: &'static str, got: &str, expected: &str) -> Error {
    Error::InvalidValue { what, got: format!("{got:?}"), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_undo_each_other() {
        for text in ["run", "session"] {
            assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
        }
        for text in ["all", "4rep", "12rep"] {
            assert_eq!(text.parse::<ImageSet>().unwrap().to_string(), text);
        }
        for text in ["2+", "4", "12"] {
            assert_eq!(text.parse::<Repetitions>().unwrap().to_string(), text);
        }
        for text in ["mean", "1", "12"] {
            assert_eq!(text.parse::<RepetitionTerm>().unwrap().to_string(), text);
        }
        for text in ["", "1", "1+", "+", "x", "-2"] {
            let error = text.parse::<Repetitions>().unwrap_err();
            assert!(matches!(error, Error::InvalidValue { .. }), "{text}");
        }
        assert!("0".parse::<RepetitionTerm>().is_err());
        assert!("Run".parse::<Scope>().is_err());
        assert!("4".parse::<ImageSet>().is_err());
    }

    #[test]
    fn each_step_sets_its_field() {
        let built = NoiseCeilingOptions::default()
            .scope(Scope::Run)
            .zscore_ddof(1)
            .residual_ddof(2)
            .images(ImageSet::FourRep)
            .repetitions(Repetitions::Exactly(4))
            .repetition_term(RepetitionTerm::Constant(3))
            .voxels(Voxels::roi("FFA1"))
            .max_memory(7);
        let expected = NoiseCeilingOptions {
            scope: Some(Scope::Run),
            zscore_ddof: 1,
            residual_ddof: 2,
            images: ImageSet::FourRep,
            repetitions: Repetitions::Exactly(4),
            repetition_term: RepetitionTerm::Constant(3),
            voxels: Voxels::roi("FFA1"),
            max_memory: Some(7),
        };
        assert_eq!(built, expected);
    }

    #[test]
    fn sets_go_by_the_name() {
        let twelve = "shared_12rep_LAION_cluster_2677_i5.jpg";
        let four = ["shared_4rep_NSD_special100_10.jpg", "unique_THINGS_whisk_p01.jpg"];
        assert!(ImageSet::TwelveRep.has(twelve) && !ImageSet::FourRep.has(twelve));
        for label in four {
            assert!(ImageSet::FourRep.has(label) && !ImageSet::TwelveRep.has(label));
            assert!(ImageSet::All.has(label));
        }
    }
}
