//! Values on surfaces and in template space: from the voxels of a subject to the vertices of its own
//! surface (`fsnative`), to those of `fsaverage`, and to the voxels of `MNI305`.
//!
//! All that is needed lies in the FreeSurfer folder of the subject, but for the sphere of fsaverage:
//! see [`TemplateOptions::fsaverage_in`]. A projection is a set of weights. It is made once and then
//! applied to any number of rows; with a [cache directory](crate::Dataset::with_cache_dir) the weights
//! to vertices are kept there, by the contents of the files that they were made from.
//!
//! ```
//! use laion_fmri::template::{SurfaceSpace, TemplateOptions};
//! use laion_fmri::{Dataset, Hemisphere, NoiseCeiling, Voxels};
//!
//! # let bucket = fixtures::Bucket::example()?;
//! let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
//! let ceiling = subject.noise_ceiling(&NoiseCeiling::session("ses-01")?, &Voxels::all())?;
//!
//! let options = TemplateOptions::default().depths([0.0, 0.5, 1.0]);
//! let left = subject.projection(
//!     &Voxels::all(),
//!     SurfaceSpace::Fsnative,
//!     Hemisphere::Left,
//!     &options,
//! )?;
//! let map: Vec<f32> = left.project_row(&ceiling.to_vec())?; // one value for each vertex
//! assert_eq!(map.len(), left.n_vertices());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Voxels outside of the chosen ones count as 0, and so does NaN, as in the volume that
//! [`Subject::to_nifti`] writes. A vertex outside of the grid of the betas is NaN.

mod cache;
mod cortex;
mod fsaverage;
mod name;
mod options;
mod projection;
mod roi;
mod sampling;
mod sphere;
mod volume;
mod weights;

use indexmap::IndexMap;
use ndarray::{Array2, ArrayView2};

pub use self::name::TemplateName;
pub use self::options::{
    CorticalSurface, Density, Interpolation, SurfaceSpace, TemplateOptions, TemplateSpace,
};
pub use self::projection::Projection;
pub use self::volume::VolumeProjection;
#[cfg(doc)]
use crate::Error;
use crate::{Hemisphere, Result, Subject, Voxels};

/// Rows in template space.
#[derive(Debug)]
#[non_exhaustive]
pub enum TemplateValues {
    /// By hemisphere, each of shape `(n_rows, n_vertices)`.
    Surface(IndexMap<Hemisphere, Array2<f32>>),
    /// As volumes, which are made row by row.
    Volume(Box<VolumeProjection>),
}

impl Subject {
    /// Rows of one value for each chosen voxel on the vertices of each wanted hemisphere, of shape
    /// `(n_rows, n_vertices)`.
    ///
    /// # Errors
    ///
    /// As [`Subject::projection`] and [`Projection::project`].
    ///
    /// ```
    /// use laion_fmri::template::{CorticalSurface, SurfaceSpace, TemplateOptions};
    /// use laion_fmri::{Dataset, Hemisphere, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let face = Voxels::roi("face");
    /// let betas = subject.betas().session("ses-01").voxels(face.clone()).trials(0..3).load()?;
    /// let options = TemplateOptions::default().surface(CorticalSurface::Mid);
    /// let maps = subject.volume_to_surface(betas.view(), &face, SurfaceSpace::Fsnative, &options)?;
    /// assert_eq!(maps[&Hemisphere::Left].nrows(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn volume_to_surface(
        &self,
        rows: ArrayView2<'_, f32>,
        voxels: &Voxels,
        space: SurfaceSpace,
        options: &TemplateOptions,
    ) -> Result<IndexMap<Hemisphere, Array2<f32>>> {
        let hemispheres = options.hemispheres();
        let maps = hemispheres.iter().map(|hemisphere| {
            let projection = self.projection(voxels, space, *hemisphere, options)?;
            Ok((*hemisphere, projection.project(rows)?))
        });
        maps.collect()
    }

    /// Rows of one value for each vertex of the subject's own surface on fsaverage: from shape
    /// `(n_rows, n_vertices)` to `(n_rows, n_vertices of fsaverage)`.
    ///
    /// # Errors
    ///
    /// As [`Subject::sphere_projection`] and [`Projection::project`].
    pub fn surface_to_template(
        &self,
        rows: ArrayView2<'_, f32>,
        hemisphere: Hemisphere,
        options: &TemplateOptions,
    ) -> Result<Array2<f32>> {
        self.sphere_projection(hemisphere, options)?.project(rows)
    }

    /// The way of chosen voxels to MNI305, with which rows become volumes: as
    /// [`Subject::volume_projection`].
    ///
    /// # Errors
    ///
    /// As [`Subject::volume_projection`].
    pub fn volume_to_template(
        &self,
        voxels: &Voxels,
        options: &TemplateOptions,
    ) -> Result<VolumeProjection> {
        self.volume_projection(voxels, options)
    }

    /// Rows of one value for each chosen voxel in a space, by its usual way: by the surface to
    /// fsnative and fsaverage, by the linear transform to MNI305.
    ///
    /// # Errors
    ///
    /// As [`Subject::volume_to_surface`] and [`Subject::volume_projection`].
    pub fn to_template(
        &self,
        rows: ArrayView2<'_, f32>,
        voxels: &Voxels,
        space: TemplateSpace,
        options: &TemplateOptions,
    ) -> Result<TemplateValues> {
        match space.surface() {
            Some(space) => {
                self.volume_to_surface(rows, voxels, space, options).map(TemplateValues::Surface)
            }
            None => {
                let projection = self.volume_projection(voxels, options)?;
                Ok(TemplateValues::Volume(Box::new(projection)))
            }
        }
    }
}
