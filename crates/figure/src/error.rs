//! What keeps a picture from being drawn.

/// Why a picture cannot be drawn. Nothing is allocated for a size that is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not one value for each voxel of the grid.
    #[error("expected {expected} {what} for a grid of {shape:?} voxels, got {got}")]
    Length {
        /// What there should be one of for each voxel, such as `values`.
        what: &'static str,
        /// The grid.
        shape: [usize; 3],
        /// The number of its voxels.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A grid without voxels, or with more than can be counted in 32 bits.
    #[error("expected a grid of 1 to {} voxels, got {shape:?}", u32::MAX)]
    Grid {
        /// The grid.
        shape: [usize; 3],
    },
    /// An affine that makes space flat, or that has numbers that are not finite.
    #[error("expected an affine that can be inverted, got {affine:?}")]
    Affine {
        /// The upper three rows of its matrix.
        affine: Box<laion_fmri_base::AffineRows>,
    },
    /// A voxel that is not on the grid.
    #[error("expected voxels below {n_voxels}, got {got}")]
    Voxel {
        /// The number of voxels of the grid.
        n_voxels: usize,
        /// The flat index of the voxel.
        got: usize,
    },
    /// There is no voxel to draw.
    #[error("expected at least one voxel to draw, got none")]
    NoVoxels,
    /// A picture without slices.
    #[error("expected at least 1 slice, got 0")]
    NoSlices,
    /// A range without width, or of numbers that are not finite.
    #[error("expected a range from a lower to a higher number, got {low} to {high}")]
    Range {
        /// The lower end.
        low: f32,
        /// The higher end.
        high: f32,
    },
    /// A range of a diverging map that is not symmetric around zero.
    #[error("expected a range that is symmetric around zero for {map}, got {low} to {high}")]
    NotSymmetric {
        /// The colour map.
        map: crate::ColorMap,
        /// The lower end.
        low: f32,
        /// The higher end.
        high: f32,
    },
    /// A threshold that no value can be compared with, or that is negative.
    #[error("expected a threshold of 0 or more, got {got}")]
    Threshold {
        /// The threshold.
        got: f32,
    },
    /// An opacity outside 0 to 1.
    #[error("expected an opacity from 0 to 1, got {got}")]
    Opacity {
        /// The opacity.
        got: f32,
    },
    /// A picture with more pixels than are drawn.
    #[error("expected a picture of at most {limit} pixels, got {width} x {height}")]
    TooLarge {
        /// Pixels from left to right.
        width: usize,
        /// Pixels from top to bottom.
        height: usize,
        /// The most pixels that are drawn.
        limit: usize,
    },
}
