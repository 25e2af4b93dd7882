//! Where values go, and how.

use std::path::PathBuf;

use crate::error::TemplateError;
use crate::{Hemi, Hemisphere, Result};

laion_fmri_base::named_enum! {
    /// How a value between voxels or vertices is found.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Interpolation: "interpolation" {
        /// From the eight voxels around a point, or the three corners of a triangle.
        Linear = "linear",
        /// The nearest voxel or vertex: right for masks and labels.
        Nearest = "nearest",
    }
}

laion_fmri_base::named_enum! {
    /// A surface of the cortex.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum CorticalSurface: "surface" {
        /// Between white and grey matter.
        #[default]
        White = "white",
        /// The outer surface.
        Pial = "pial",
        /// Half way between the two.
        Mid = "mid" | "midthickness",
    }
}

impl CorticalSurface {
    /// The share of the way from the white to the pial surface.
    #[must_use]
    pub fn depth(self) -> f64 {
        match self {
            Self::White => 0.0,
            Self::Pial => 1.0,
            Self::Mid => 0.5,
        }
    }
}

laion_fmri_base::named_enum! {
    /// A space whose values lie on vertices.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum SurfaceSpace: "surface space" {
        /// The subject's own surface.
        Fsnative = "fsnative",
        /// The average surface of FreeSurfer.
        Fsaverage = "fsaverage",
    }
}

laion_fmri_base::named_enum! {
    /// A space that values can be taken to.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum TemplateSpace: "target" {
        /// The subject's own surface.
        Fsnative = "fsnative",
        /// The average surface of FreeSurfer.
        Fsaverage = "fsaverage",
        /// The volume that FreeSurfer's linear transform leads to.
        Mni305 = "MNI305",
    }
}

impl TemplateSpace {
    /// The space of vertices, if it is one.
    #[must_use]
    pub fn surface(self) -> Option<SurfaceSpace> {
        match self {
            Self::Fsnative => Some(SurfaceSpace::Fsnative),
            Self::Fsaverage => Some(SurfaceSpace::Fsaverage),
            Self::Mni305 => None,
        }
    }
}

laion_fmri_base::named_enum! {
    /// How many vertices a hemisphere of fsaverage has.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Density: "density" {
        /// 10,242 vertices (`fsaverage5`).
        #[default]
        K10 = "10k" | "fsaverage5",
        /// 40,962 vertices (`fsaverage6`).
        K41 = "41k" | "fsaverage6",
        /// 163,842 vertices (`fsaverage`, `fsaverage7`).
        K164 = "164k" | "fsaverage" | "fsaverage7",
    }
}

impl Density {
    /// The number of vertices of a hemisphere.
    #[must_use]
    pub fn n_vertices(self) -> usize {
        match self {
            Self::K10 => 10_242,
            Self::K41 => 40_962,
            Self::K164 => 163_842,
        }
    }

    /// FreeSurfer's name of the subject that has this density.
    #[must_use]
    pub fn freesurfer(self) -> &'static str {
        match self {
            Self::K10 => "fsaverage5",
            Self::K41 => "fsaverage6",
            Self::K164 => "fsaverage",
        }
    }
}

/// How values are taken to a surface or a template. By default both hemispheres are made, on the white
/// surface, linearly; MNI305 by the nearest voxel; fsaverage with 10,242 vertices.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TemplateOptions {
    hemi: Hemi,
    depths: Option<Vec<f64>>,
    interpolation: Option<Interpolation>,
    density: Density,
    fsaverage: Vec<PathBuf>,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            hemi: Hemi::Both,
            depths: None,
            interpolation: None,
            density: Density::default(),
            fsaverage: Vec::new(),
        }
    }
}

impl TemplateOptions {
    /// Which hemispheres are made.
    pub fn hemi(mut self, hemi: Hemi) -> Self {
        self.hemi = hemi;
        self
    }

    /// On which surface voxels are sampled. It replaces depths that were given.
    pub fn surface(self, surface: CorticalSurface) -> Self {
        self.depths([surface.depth()])
    }

    /// At which depths voxels are sampled: shares of the way from the white surface (0) to the pial
    /// one (1). A vertex gets the mean over its depths; those outside of the grid are left out. It
    /// replaces a surface that was given.
    pub fn depths(mut self, depths: impl IntoIterator<Item = f64>) -> Self {
        self.depths = Some(depths.into_iter().collect());
        self
    }

    /// How values between voxels, and between vertices on the way to fsaverage, are found.
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = Some(interpolation);
        self
    }

    /// How many vertices fsaverage has.
    pub fn density(mut self, density: Density) -> Self {
        self.density = density;
        self
    }

    /// Folders where fsaverage is looked for, in this order, after the FreeSurfer tree of the dataset.
    /// A folder may be that of fsaverage (with `surf` in it), one of several FreeSurfer subjects, or
    /// that of TemplateFlow.
    pub fn fsaverage_in(
        mut self,
        directories: impl IntoIterator<Item = impl Into<PathBuf>>,
    ) -> Self {
        self.fsaverage = directories.into_iter().map(Into::into).collect();
        self
    }

    /// The hemispheres, left first.
    #[must_use]
    pub fn hemispheres(&self) -> &'static [Hemisphere] {
        self.hemi.hemispheres()
    }

    /// How many vertices fsaverage has.
    #[must_use]
    pub fn chosen_density(&self) -> Density {
        self.density
    }

    /// How values are found on the way to a surface.
    pub(super) fn on_surface(&self) -> Interpolation {
        self.interpolation.unwrap_or(Interpolation::Linear)
    }

    /// How values are found on the way to a volume.
    pub(super) fn in_volume(&self) -> Interpolation {
        self.interpolation.unwrap_or(Interpolation::Nearest)
    }

    pub(super) fn fsaverage_directories(&self) -> &[PathBuf] {
        &self.fsaverage
    }

    /// The depths, checked; by default these.
    pub(super) fn checked_depths(&self, default: &[f64]) -> Result<Vec<f64>> {
        let depths = self.depths.as_deref().unwrap_or(default);
        let is_depth = |depth: &&f64| (-1.0..=2.0).contains(*depth);
        match depths.iter().find(|depth| !is_depth(depth)) {
            Some(depth) => Err(TemplateError::Depth { got: *depth }.into()),
            None if depths.is_empty() => Err(TemplateError::NoDepth.into()),
            None => Ok(depths.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn densities_are_refined_icosahedra() {
        for (density, refinements) in Density::ALL.iter().zip([5, 6, 7]) {
            assert_eq!(density.n_vertices(), 10 * 4_usize.pow(refinements) + 2);
        }
        for (name, density) in [
            ("fsaverage5", Density::K10),
            ("10k", Density::K10),
            ("fsaverage6", Density::K41),
            ("fsaverage7", Density::K164),
            ("fsaverage", Density::K164),
        ] {
            assert_eq!(name.parse(), Ok(density));
        }
    }

    #[test]
    fn depths_are_checked_and_the_last_choice_holds() {
        let options = TemplateOptions::default();
        assert_eq!(options.checked_depths(&[0.25]).unwrap(), [0.25]);
        let options = options.depths([0.0, 1.0]).surface(CorticalSurface::Mid);
        assert_eq!(options.checked_depths(&[0.25]).unwrap(), [0.5]);
        for depth in [-1.5, 2.5, f64::NAN] {
            let error = options.clone().depths([0.0, depth]).checked_depths(&[]).unwrap_err();
            assert!(
                matches!(&error, Error::Template(error) if matches!(**error, TemplateError::Depth { got } if got.to_bits() == depth.to_bits())),
                "{error}"
            );
        }
        let error = options.depths([]).checked_depths(&[0.0]).unwrap_err();
        assert!(
            matches!(&error, Error::Template(error) if matches!(**error, TemplateError::NoDepth)),
            "{error}"
        );
    }
}
