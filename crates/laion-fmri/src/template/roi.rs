//! Regions on surfaces, and from there back to voxels.

use std::sync::Arc;

use indexmap::IndexMap;

use super::options::SurfaceSpace;
use super::{Interpolation, TemplateOptions};
use crate::error::TemplateError;
use crate::mask::{MaskSource, Resolution, VoxelMask};
use crate::{Hemi, Hemisphere, Result, RoiData, RoiFormat, RoiQuery, Subject, Voxels};

/// Where a region on the surface is taken to lie between the white and the pial surface.
const DEPTHS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

impl Subject {
    /// ROIs on the vertices of a surface, by their names, in the order of the query: one flag for each
    /// vertex of each wanted hemisphere.
    ///
    /// On the subject's own surface it is the mask that the dataset ships. For an ROI that is shipped as
    /// a volume alone, it is the vertices whose nearest voxel belongs to it. Vertices of fsaverage have
    /// the flag of the nearest vertex of the subject.
    ///
    /// # Errors
    ///
    /// As [`Subject::roi_data`], [`Subject::projection`] and [`Subject::sphere_projection`].
    ///
    /// ```
    /// use laion_fmri::template::{SurfaceSpace, TemplateOptions};
    /// use laion_fmri::{Dataset, Hemisphere};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let options = TemplateOptions::default();
    /// let rois = subject.roi_vertices("face", SurfaceSpace::Fsnative, &options)?;
    /// assert!(rois["FFA1"][&Hemisphere::Left].contains(&true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn roi_vertices(
        &self,
        query: impl Into<RoiQuery>,
        space: SurfaceSpace,
        options: &TemplateOptions,
    ) -> Result<IndexMap<String, IndexMap<Hemisphere, Vec<bool>>>> {
        let options = options.clone().interpolation(Interpolation::Nearest);
        let found = self.roi_data(query, RoiFormat::All, Hemi::Both)?;
        let on_surfaces = |(name, roi): (&String, &RoiData)| {
            let hemispheres = options.hemispheres().iter().map(|hemisphere| {
                let native = self.roi_on_own_surface(name, roi, *hemisphere, &options)?;
                let flags = match space {
                    SurfaceSpace::Fsnative => native,
                    SurfaceSpace::Fsaverage => {
                        let projection = self.sphere_projection(*hemisphere, &options)?;
                        flags(&projection.project_row(&ones(&native))?)
                    }
                };
                Ok((*hemisphere, flags))
            });
            Ok((name.clone(), hemispheres.collect::<Result<_>>()?))
        };
        found.iter().map(on_surfaces).collect()
    }

    fn roi_on_own_surface(
        &self,
        name: &str,
        roi: &RoiData,
        hemisphere: Hemisphere,
        options: &TemplateOptions,
    ) -> Result<Vec<bool>> {
        if let Some(mask) = roi.surface(hemisphere).and_then(|surface| surface.mask.clone()) {
            return Ok(mask);
        }
        let voxels = match &roi.volume {
            Some(volume) => Voxels::mask(volume.clone()),
            // The error says what is missing.
            None => Voxels::roi(name),
        };
        let projection = self.projection(&voxels, SurfaceSpace::Fsnative, hemisphere, options)?;
        Ok(flags(&projection.project_row(&vec![1.0; projection.n_sources()])?))
    }

    /// The voxels of a region on the subject's own surface, given by hemisphere as one flag for each
    /// vertex: those that are the nearest to a chosen vertex at any of the depths, by default at five
    /// from the white to the pial surface. Voxels outside of the brain mask are left out.
    ///
    /// # Errors
    ///
    /// [`TemplateError::VertexValues`] when there is not one flag for each vertex; as
    /// [`Subject::projection`].
    ///
    /// ```
    /// use laion_fmri::template::TemplateOptions;
    /// use laion_fmri::{Dataset, Hemi, Hemisphere, MaskSource, RoiFormat};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// // MST is shipped as a surface alone.
    /// let mst = &subject.roi_data("MST", RoiFormat::FuncGii, Hemi::Both)?["MST"];
    /// let left = mst.left.as_ref().and_then(|surface| surface.mask.clone()).unwrap();
    /// let voxels = subject.surface_to_voxels(
    ///     &[(Hemisphere::Left, left)].into(),
    ///     MaskSource::Anatomical,
    ///     &TemplateOptions::default(),
    /// )?;
    /// # let _ = voxels;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn surface_to_voxels(
        &self,
        regions: &IndexMap<Hemisphere, Vec<bool>>,
        source: MaskSource,
        options: &TemplateOptions,
    ) -> Result<VoxelMask> {
        let brain = self.brain_mask(source, Resolution::Func1pt8)?;
        let mut is_chosen = vec![false; brain.grid().n_voxels()];
        for (hemisphere, region) in regions {
            // Each depth marks voxels of its own.
            for depth in options.checked_depths(&DEPTHS)? {
                let options = options.clone().depths([depth]).interpolation(Interpolation::Nearest);
                let space = SurfaceSpace::Fsnative;
                let weights = self.weights_to_vertices(&brain, space, *hemisphere, &options)?;
                if weights.n_targets() != region.len() {
                    let path = self.surface_place(*hemisphere, "white")?.path().to_owned();
                    let (expected, got) = (weights.n_targets(), region.len());
                    return Err(TemplateError::VertexValues { path, expected, got }.into());
                }
                let chosen = region.iter().enumerate().filter(|(_, is_chosen)| **is_chosen);
                for (voxel, _) in chosen.flat_map(|(vertex, _)| weights.of(vertex)) {
                    is_chosen[voxel as usize] = true;
                }
            }
        }
        let flags = brain.indices().iter().map(|index| is_chosen[*index]).collect();
        VoxelMask::new(Arc::clone(&brain), flags)
    }
}

fn ones(flags: &[bool]) -> Vec<f32> {
    flags.iter().map(|flag| f32::from(u8::from(*flag))).collect()
}

/// What is outside of the grid is NaN, and in no region.
fn flags(values: &[f32]) -> Vec<bool> {
    values.iter().map(|value| *value > 0.0).collect()
}
