//! Which voxels a call is about: the brain, ROIs, or a mask, on the axis of one brain mask.

use std::sync::Arc;

#[cfg(doc)]
use crate::Error;
use crate::error::{ExtractError, Restriction};
use crate::mask::{MaskSource, Resolution, VoxelMask};
use crate::roi::RoiQuery;
use crate::{Contradiction, NoiseCeiling, Result, Subject};

/// A choice of voxels that is not tied to a subject yet. By default the whole anatomical brain.
///
/// ```
/// use laion_fmri::{MaskSource, Voxels};
///
/// let face = Voxels::roi("face");
/// let everything = Voxels::all().mask_source(MaskSource::Rsquare);
/// # let _ = (face, everything);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Voxels {
    pub(crate) rois: Option<RoiQuery>,
    pub(crate) mask: Option<VoxelMask>,
    pub(crate) mask_source: Option<MaskSource>,
    pub(crate) is_non_empty: bool,
    pub(crate) ceiling: Option<(NoiseCeiling, f32)>,
}

impl Voxels {
    /// Every voxel of the brain mask.
    pub fn all() -> Self {
        Self::default()
    }

    /// The voxels of an ROI query.
    pub fn roi(query: impl Into<RoiQuery>) -> Self {
        Self { rois: Some(query.into()), ..Self::default() }
    }

    /// The voxels of a mask; they lie on the axis of the brain mask that it carries.
    pub fn mask(mask: VoxelMask) -> Self {
        Self { mask: Some(mask), ..Self::default() }
    }

    /// Which brain mask the voxel axis is made from.
    pub fn mask_source(mut self, source: MaskSource) -> Self {
        self.mask_source = Some(source);
        self
    }

    /// Makes a choice without any voxel an error, [`ExtractError::NothingLeft`]; otherwise it gives
    /// empty arrays. A request for betas of these voxels must also have a trial in every session.
    pub fn non_empty(mut self) -> Self {
        self.is_non_empty = true;
        self
    }

    /// Of the choice, only voxels whose noise ceiling in this map is at least so many percent; NaN is
    /// not. As [`Betas::nc_threshold_on`](crate::Betas::nc_threshold_on), for what is about voxels alone.
    ///
    /// ```
    /// use laion_fmri::{Dataset, NoiseCeiling, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let map = NoiseCeiling::desc("Noiseceiling12rep")?;
    /// let good = Voxels::roi("face").nc_threshold_on(map.clone(), 20.0);
    /// let values = subject.noise_ceiling(&map, &good)?;
    /// assert!(values.iter().all(|percent| *percent >= 20.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nc_threshold_on(mut self, map: NoiseCeiling, percent: f32) -> Self {
        self.ceiling = Some((map, percent));
        self
    }

    /// The choice on the axis of a subject's brain mask.
    ///
    /// # Errors
    ///
    /// [`Error::Contradiction`] when both an ROI and a mask are given; [`Error::MaskAxis`] when the
    /// mask was made on another axis; [`ExtractError::NothingLeft`] when the choice has to be
    /// [non-empty](Self::non_empty) and is not; as [`Subject::brain_mask`] and [`Subject::roi_mask`];
    /// with a threshold as [`Subject::noise_ceiling`].
    pub fn resolve(&self, subject: &Subject) -> Result<VoxelMask> {
        let mut voxels = self.find(subject)?;
        if let Some((map, percent)) = &self.ceiling {
            voxels = subject.voxels_reaching(&voxels, map, *percent, true)?.voxels;
        }
        if self.is_non_empty && voxels.n_voxels() == 0 {
            let (whose, why) = (subject.id().to_string(), self.restrictions());
            return Err(ExtractError::NothingLeft { what: "voxel", whose, why }.into());
        }
        Ok(voxels)
    }

    /// What leaves voxels out.
    pub(crate) fn restrictions(&self) -> Vec<Restriction> {
        let rois = self.rois.iter().map(|query| Restriction::Rois(query.items().to_vec()));
        let mask = self.mask.iter().map(|_| Restriction::VoxelMask);
        let mut why: Vec<Restriction> = rois.chain(mask).collect();
        if why.is_empty() {
            why.push(Restriction::Mask(self.mask_source.unwrap_or_default()));
        }
        why.extend(self.ceiling.iter().map(|(_, it)| Restriction::noise_ceiling(*it)));
        why
    }

    fn find(&self, subject: &Subject) -> Result<VoxelMask> {
        let source = |otherwise| self.mask_source.unwrap_or(otherwise);
        match (&self.rois, &self.mask) {
            (Some(_), Some(_)) => Err(Contradiction::RoiAndMask.into()),
            (Some(query), None) => subject.roi_mask(query.clone(), source(MaskSource::default())),
            (None, Some(mask)) => {
                let source = source(mask.brain().source());
                let brain = subject.brain_mask(source, Resolution::Func1pt8)?;
                mask.check_axis(&brain)?;
                Ok(mask.on(brain))
            }
            (None, None) => {
                let brain =
                    subject.brain_mask(source(MaskSource::default()), Resolution::Func1pt8)?;
                Ok(VoxelMask::all(Arc::clone(&brain)))
            }
        }
    }
}
