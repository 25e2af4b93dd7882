//! A volume: a grid in space, and one value for each voxel.

use std::ops::Range;

use laion_fmri_base::AffineRows;

use crate::error::Error;

/// Where voxels lie: their number along each axis, and the affine from their indices to mm, with the
/// axes to the right, to the front and upwards.
///
/// The flat index of the voxel `(i, j, k)` is `(i * NJ + j) * NK + k`, as in a C-order array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    shape: [usize; 3],
    affine: AffineRows,
}

impl Grid {
    /// A grid.
    ///
    /// # Errors
    ///
    /// [`Error::Grid`] without voxels, or with too many; [`Error::Affine`] when the affine cannot be
    /// inverted.
    pub fn new(shape: [usize; 3], affine: AffineRows) -> Result<Self, Error> {
        let n_voxels = shape.iter().try_fold(1_usize, |n, length| n.checked_mul(*length));
        if !n_voxels.is_some_and(|n| n > 0 && u32::try_from(n).is_ok()) {
            return Err(Error::Grid { shape });
        }
        match laion_fmri_base::invert_affine(&affine) {
            Some(_) => Ok(Self { shape, affine }),
            None => Err(Error::Affine { affine: Box::new(affine) }),
        }
    }

    /// The number of voxels along each axis.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The upper three rows of the matrix from indices to mm.
    #[must_use]
    pub fn affine(&self) -> &AffineRows {
        &self.affine
    }

    /// The number of voxels.
    #[must_use]
    pub fn n_voxels(&self) -> usize {
        self.shape.iter().product()
    }

    pub(crate) fn flat([_, nj, nk]: [usize; 3], [i, j, k]: [usize; 3]) -> usize {
        (i * nj + j) * nk + k
    }

    /// Refuses anything but one of `what` for each voxel.
    pub(crate) fn check_length(&self, what: &'static str, got: usize) -> Result<(), Error> {
        let expected = self.n_voxels();
        match got == expected {
            true => Ok(()),
            false => Err(Error::Length { what, shape: self.shape, expected, got }),
        }
    }

    /// The smallest box around voxels.
    ///
    /// # Errors
    ///
    /// [`Error::NoVoxels`] without any; [`Error::Voxel`] for one that is not on the grid.
    pub fn extent(&self, voxels: impl IntoIterator<Item = usize>) -> Result<Extent, Error> {
        let [_, nj, nk] = self.shape;
        let n_voxels = self.n_voxels();
        let mut lowest = [usize::MAX; 3];
        let mut highest = [0; 3];
        for got in voxels {
            if got >= n_voxels {
                return Err(Error::Voxel { n_voxels, got });
            }
            let voxel = [got / (nj * nk), got / nk % nj, got % nk];
            for axis in 0..3 {
                lowest[axis] = lowest[axis].min(voxel[axis]);
                highest[axis] = highest[axis].max(voxel[axis]);
            }
        }
        if lowest[0] == usize::MAX {
            return Err(Error::NoVoxels);
        }
        Ok(Extent(std::array::from_fn(|axis| (lowest[axis], highest[axis] + 1))))
    }

    /// The box of the whole grid.
    #[must_use]
    pub fn whole(&self) -> Extent {
        Extent(self.shape.map(|length| (0, length)))
    }
}

/// A box of voxels: from an index to the one behind the last, along each axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent([(usize, usize); 3]);

impl Extent {
    /// The indices along an axis.
    #[must_use]
    pub fn along(&self, axis: usize) -> Range<usize> {
        let (start, end) = self.0[axis];
        start..end
    }

    /// The box with a margin on all sides, within a grid.
    #[must_use]
    pub fn with_margin(&self, margin: usize, grid: &Grid) -> Self {
        Self(std::array::from_fn(|axis| {
            let (start, end) = self.0[axis];
            (start.saturating_sub(margin), end.saturating_add(margin).min(grid.shape[axis]))
        }))
    }
}

/// A volume on its grid, in C order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Volume<'a> {
    grid: Grid,
    values: &'a [f32],
}

impl<'a> Volume<'a> {
    /// A volume.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless there is one value for each voxel.
    pub fn new(grid: Grid, values: &'a [f32]) -> Result<Self, Error> {
        grid.check_length("values", values.len())?;
        Ok(Self { grid, values })
    }

    /// Where its voxels lie.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The values in C order.
    #[must_use]
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// The value between voxels, from the eight around; NaN outside the grid. A neighbour that is NaN or
    /// lies outside does not count.
    pub(crate) fn between(&self, position: [f64; 3]) -> f32 {
        let shape = self.grid.shape;
        let mut corners = [[(0_usize, 0.0_f64); 2]; 3];
        for axis in 0..3 {
            let last = (shape[axis] - 1) as f64;
            let at = position[axis];
            // Half a voxel around the centres belongs to the grid.
            if !(at >= -0.5 && at <= last + 0.5) {
                return f32::NAN;
            }
            let at = at.clamp(0.0, last);
            let below = at.floor();
            let share = at - below;
            let next = (below as usize + 1).min(shape[axis] - 1);
            corners[axis] = [(below as usize, 1.0 - share), (next, share)];
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for (i, wi) in corners[0] {
            for (j, wj) in corners[1] {
                for (k, wk) in corners[2] {
                    let weight = wi * wj * wk;
                    let value = self.values[Grid::flat(shape, [i, j, k])];
                    if weight > 0.0 && !value.is_nan() {
                        sum += weight * f64::from(value);
                        weights += weight;
                    }
                }
            }
        }
        if weights > 0.0 { (sum / weights) as f32 } else { f32::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: AffineRows = [[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.]];

    #[test]
    fn sizes_are_checked() {
        for shape in [[0, 2, 2], [1 << 12, 1 << 12, 1 << 12], [usize::MAX, 2, 2]] {
            assert_eq!(Grid::new(shape, UNIT), Err(Error::Grid { shape }));
        }
        let grid = Grid::new([2, 2, 2], UNIT).unwrap();
        let error = Volume::new(grid, &[0.0; 7]).unwrap_err();
        let expected = Error::Length { what: "values", shape: [2, 2, 2], expected: 8, got: 7 };
        assert_eq!(error, expected);
        let mut affine = UNIT;
        affine[0][0] = f64::NAN;
        assert!(matches!(Grid::new([2, 2, 2], affine), Err(Error::Affine { .. })));
    }

    #[test]
    fn the_box_around_voxels() {
        let grid = Grid::new([4, 5, 6], UNIT).unwrap();
        let extent = grid.extent([Grid::flat([4, 5, 6], [1, 4, 2]), 0]).unwrap();
        assert_eq!(extent, Extent([(0, 2), (0, 5), (0, 3)]));
        assert_eq!(extent.with_margin(1, &grid), Extent([(0, 3), (0, 5), (0, 4)]));
        assert_eq!(grid.extent([]), Err(Error::NoVoxels));
        assert_eq!(grid.extent([120]), Err(Error::Voxel { n_voxels: 120, got: 120 }));
    }

    #[test]
    fn values_between_voxels_are_those_of_their_neighbours() {
        let grid = Grid::new([2, 1, 2], UNIT).unwrap();
        let values = [0.0, 1.0, 2.0, f32::NAN];
        let volume = Volume::new(grid, &values).unwrap();
        assert_eq!(volume.between([0.0, 0.0, 0.0]), 0.0);
        assert_eq!(volume.between([0.5, 0.0, 0.0]), 1.0);
        assert_eq!(volume.between([0.0, 0.25, 0.75]), 0.75);
        // The voxel that is NaN does not count, and beyond the outer half nothing is known.
        assert_eq!(volume.between([1.0, 0.0, 0.75]), 2.0);
        assert!(volume.between([1.0, 0.0, 1.0]).is_nan());
        assert_eq!(volume.between([-0.5, 0.0, 0.0]), 0.0);
        assert!(volume.between([-0.6, 0.0, 0.0]).is_nan());
        assert!(volume.between([f64::NAN, 0.0, 0.0]).is_nan());
    }
}
