//! Noise ceilings: how much of a voxel's variance any model could explain, in percent.

mod compare;
mod compute;
mod options;

use std::fmt;

use bids_names::{FileName, SessionId};
use indexmap::IndexMap;
use ndarray::Array1;
use nifti_stream::Header;

use crate::files::Located;
use crate::mask::VoxelMask;
use crate::{DownloadRequest, Error, Result, Subject, Voxels, layout};

pub use self::compare::{NoiseCeilingComparison, TOLERANCES, compare};
pub use self::compute::{ComputedNoiseCeiling, NoiseCeilingPlan};
pub use self::options::{ImageSet, NoiseCeilingOptions, RepetitionTerm, Repetitions, Scope};

/// The `desc` of the maps over all sessions that the dataset publishes.
pub(crate) const SUBJECT_MAPS: [&str; 3] =
    ["Noiseceiling4rep", "Noiseceiling12rep", "NoiseceilingAllrep"];

/// The maps over all sessions, those first that are drawn when none is named.
const USUAL_MAPS: [&str; 3] = ["Noiseceiling12rep", "Noiseceiling4rep", "NoiseceilingAllrep"];

/// The `desc` of the map of a session.
pub(crate) const SESSION_MAP: &str = "Noiseceiling";

/// What the map of a `desc` is called among arrays: `nc_12rep`; `nc_session` for a session's own.
pub(crate) fn array_name(desc: &str) -> String {
    match desc.strip_prefix(SESSION_MAP).unwrap_or(desc) {
        "" => "nc_session".to_owned(),
        rest => format!("nc_{}", rest.to_lowercase()),
    }
}

/// Which noise-ceiling map is meant. Maps are in percent, 0 to 100.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoiseCeiling {
    /// The map within one session.
    Session(SessionId),
    /// A map over all sessions, by its `desc`: `Noiseceiling4rep`, `Noiseceiling12rep` or
    /// `NoiseceilingAllrep`.
    Desc(String),
}

impl NoiseCeiling {
    /// The map of a session, by `ses-01` or `01`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSession`].
    pub fn session(session: impl AsRef<str>) -> Result<Self> {
        Ok(Self::Session(session.as_ref().parse()?))
    }

    /// The subject-level map of a `desc`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] when it is not letters and digits.
    pub fn desc(desc: impl AsRef<str>) -> Result<Self> {
        let desc = desc.as_ref();
        let desc = desc.strip_prefix("desc-").unwrap_or(desc);
        if desc.is_empty() || !desc.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::InvalidValue {
                what: "desc of a noise ceiling",
                got: format!("{desc:?}"),
                expected: "letters and digits, such as Noiseceiling12rep".to_owned(),
            });
        }
        Ok(Self::Desc(desc.to_owned()))
    }
}

/// The error about a threshold that no value can be compared with.
pub(crate) fn no_threshold() -> Error {
    Error::InvalidValue {
        what: "noise-ceiling threshold",
        got: "NaN".to_owned(),
        expected: "a number".to_owned(),
    }
}

impl fmt::Display for NoiseCeiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(session) => session.fmt(f),
            Self::Desc(desc) => f.write_str(desc),
        }
    }
}

impl Subject {
    /// A noise-ceiling map at the chosen voxels, in percent: float32, shape `(n_voxels,)`, in the
    /// order of the voxel axis.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when the map is not in the mirror; [`Error::GridMismatch`] when
    /// it is not on the brain mask's grid; as [`Voxels::resolve`].
    ///
    /// ```
    /// use laion_fmri::{Dataset, NoiseCeiling, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let ceiling = subject.noise_ceiling(&NoiseCeiling::session("ses-01")?, &Voxels::roi("FFA1"))?;
    /// let reliable = ceiling.iter().filter(|percent| **percent >= 30.0).count();
    /// assert!(reliable <= ceiling.len());
    /// let over_sessions = NoiseCeiling::desc("Noiseceiling12rep")?;
    /// assert_eq!(subject.noise_ceiling(&over_sessions, &Voxels::roi("FFA1"))?.len(), ceiling.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_noise_ceiling")]
    pub fn noise_ceiling(&self, which: &NoiseCeiling, voxels: &Voxels) -> Result<Array1<f32>> {
        self.noise_ceiling_of(which, &voxels.resolve(self)?)
    }

    /// Several maps at the same voxels, in the order asked.
    ///
    /// # Errors
    ///
    /// As [`Subject::noise_ceiling`].
    #[doc(alias = "get_noise_ceiling")]
    pub fn noise_ceilings(
        &self,
        which: &[NoiseCeiling],
        voxels: &Voxels,
    ) -> Result<IndexMap<NoiseCeiling, Array1<f32>>> {
        let mask = voxels.resolve(self)?;
        which
            .iter()
            .map(|which| Ok((which.clone(), self.noise_ceiling_of(which, &mask)?)))
            .collect()
    }

    /// The noise ceiling that is meant when none is named: that of images with 12 repetitions over all
    /// sessions, or another over all sessions if that is not there.
    ///
    /// ```
    /// use laion_fmri::{Dataset, NoiseCeiling};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// assert_eq!(subject.usual_noise_ceiling(), NoiseCeiling::desc("Noiseceiling12rep")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn usual_noise_ceiling(&self) -> NoiseCeiling {
        let maps = USUAL_MAPS.map(|desc| NoiseCeiling::Desc(desc.to_owned()));
        let found = maps.iter().find(|map| self.noise_ceiling_file(map).is_ok());
        found.unwrap_or(&maps[0]).clone()
    }

    pub(crate) fn noise_ceiling_of(
        &self,
        which: &NoiseCeiling,
        mask: &VoxelMask,
    ) -> Result<Array1<f32>> {
        self.map_values(&self.noise_ceiling_file(which)?, mask)
    }

    /// The noise ceilings on disk, or in the bucket that is read: those over all sessions first, then
    /// each session's own.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    #[doc(alias = "noise_ceiling_maps")]
    pub fn available_noise_ceilings(&self) -> Result<Vec<NoiseCeiling>> {
        let over_all = SUBJECT_MAPS.iter().map(|desc| NoiseCeiling::Desc((*desc).to_owned()));
        let of_sessions = self.sessions()?.into_iter().map(NoiseCeiling::Session);
        let is_there = |which: &NoiseCeiling| self.noise_ceiling_file(which).is_ok();
        Ok(over_all.chain(of_sessions).filter(is_there).collect())
    }

    /// Whether the map of [`Subject::mean_r2`] is on disk, or in the bucket that is read.
    #[must_use]
    pub fn has_mean_r2(&self) -> bool {
        self.mean_r2_place().is_ok()
    }

    /// The mean R² of the single-trial model over the sessions at the chosen voxels, in percent:
    /// float32, shape `(n_voxels,)`, in the order of the voxel axis. It is the map that
    /// [`MaskSource::Rsquare`](crate::MaskSource::Rsquare) is made from.
    ///
    /// # Errors
    ///
    /// As [`Subject::noise_ceiling`].
    ///
    /// ```
    /// use laion_fmri::{Dataset, MaskSource, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let fit = subject.mean_r2(&Voxels::roi("FFA1"))?;
    /// assert_eq!(fit.len(), subject.roi_mask("FFA1", MaskSource::Anatomical)?.n_voxels());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mean_r2(&self, voxels: &Voxels) -> Result<Array1<f32>> {
        let mask = voxels.resolve(self)?;
        self.map_values(&self.mean_r2_place()?, &mask)
    }

    /// The values of a map on the grid of the betas.
    fn map_values(&self, located: &Located, mask: &VoxelMask) -> Result<Array1<f32>> {
        let named = |error| located.named(error);
        let header = Header::read(self.files().open(located)?).map_err(named)?;
        mask.brain().check_grid(located.path(), &header.grid().map_err(named)?)?;
        let selection = mask.selection()?;
        let (_, values) = self
            .read(located, |input| nifti_stream::read_voxels(input, &selection).map_err(named))?;
        Ok(Array1::from_vec(values))
    }

    fn noise_ceiling_file(&self, which: &NoiseCeiling) -> Result<Located> {
        let id = self.id();
        let what = format!("the noise ceiling {which} of {id}");
        match which {
            NoiseCeiling::Session(session) => {
                self.locate(&what, &layout::session_noise_ceiling(id, session), || {
                    DownloadRequest::of(id)
                        .ses([session.as_str()])
                        .desc("Noiseceiling")
                        .form("statmap", "nii.gz")
                })
            }
            NoiseCeiling::Desc(desc) => {
                let name = FileName::builder("statmap", "nii.gz")
                    .entity("sub", id.label())
                    .entity("task", "images")
                    .entity("space", "T1w")
                    .entity("desc", desc.as_str())
                    .build()?;
                self.locate(&what, &format!("{}{name}", layout::glmsingle(id)), || {
                    DownloadRequest::of(id)
                        .ses(["averages"])
                        .desc(desc.as_str())
                        .form("statmap", "nii.gz")
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_named_after_their_desc() {
        let names: Vec<String> =
            SUBJECT_MAPS.into_iter().chain([SESSION_MAP, "Other"]).map(array_name).collect();
        assert_eq!(names, ["nc_4rep", "nc_12rep", "nc_allrep", "nc_session", "nc_other"]);
    }
}
