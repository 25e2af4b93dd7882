//! The spatial grid that volumes, masks and maps share.

use crate::affine::Affine;
use crate::error::Error;

/// Three spatial dimensions and where they lie in the scanner or template space.
///
/// Voxels are counted in C order: the flat index of `(x, y, z)` is `(x*NY + y)*NZ + z`, the order
/// of `numpy` arrays of shape `(X, Y, Z)`. (A NIfTI file itself stores x fastest.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    shape: [usize; 3],
    affine: Affine,
}

impl Grid {
    /// Largest difference between the entries of two affines that still counts as the same grid:
    /// 0.001 mm (per voxel, for the first three columns). The same grid written through single
    /// precision, or once as matrix and once as quaternion, stays below it.
    pub const AFFINE_TOLERANCE: f64 = 1e-3;

    /// A grid of `shape` voxels.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when the voxels cannot be counted in 32 bits.
    pub fn new(shape: [usize; 3], affine: Affine) -> Result<Self, Error> {
        count_voxels(shape)?;
        Ok(Self { shape, affine })
    }

    /// Number of voxels along x, y and z.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Voxel indices to mm.
    #[must_use]
    pub fn affine(&self) -> &Affine {
        &self.affine
    }

    /// Number of voxels.
    #[must_use]
    #[doc(alias = "get_n_voxels")]
    pub fn n_voxels(&self) -> usize {
        self.shape.iter().product()
    }

    /// The flat C-order index of a voxel, `None` outside the grid.
    #[must_use]
    pub fn flat_index(&self, [x, y, z]: [usize; 3]) -> Option<usize> {
        let [nx, ny, nz] = self.shape;
        (x < nx && y < ny && z < nz).then(|| (x * ny + y) * nz + z)
    }

    /// The voxel at a flat C-order index, `None` outside the grid.
    #[must_use]
    pub fn voxel(&self, flat_index: usize) -> Option<[usize; 3]> {
        (flat_index < self.n_voxels()).then(|| voxel(self.shape, flat_index))
    }

    /// Checks that `other` is the same grid: equal shape, and affines whose entries differ by at
    /// most [`Grid::AFFINE_TOLERANCE`].
    ///
    /// # Errors
    ///
    /// [`GridMismatch`] with `self` as the expected side.
    pub fn matches(&self, other: &Self) -> Result<(), GridMismatch> {
        if self.shape != other.shape {
            return Err(GridMismatch::Shape { expected: self.shape, got: other.shape });
        }
        if !self.affine.approx_eq(&other.affine, Self::AFFINE_TOLERANCE) {
            return Err(GridMismatch::Affine {
                expected: Box::new(self.affine),
                got: Box::new(other.affine),
                difference: self.affine.max_difference(&other.affine),
            });
        }
        Ok(())
    }
}

/// The voxel at a flat C-order index that lies on a grid of this shape.
pub(crate) fn voxel([_, ny, nz]: [usize; 3], flat_index: usize) -> [usize; 3] {
    [flat_index / (ny * nz), flat_index / nz % ny, flat_index % nz]
}

/// Why two grids are not the same.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GridMismatch {
    /// Different numbers of voxels.
    #[error("expected a grid of {expected:?} voxels, got {got:?}")]
    Shape {
        /// Shape of the reference.
        expected: [usize; 3],
        /// Shape of the other grid.
        got: [usize; 3],
    },
    /// Same shape, but elsewhere in space.
    #[error(
        "expected affine {:?}, got {:?} (largest difference {difference})",
        expected.rows(), got.rows()
    )]
    Affine {
        /// Affine of the reference.
        expected: Box<Affine>,
        /// Affine of the other grid.
        got: Box<Affine>,
        /// Largest absolute difference of two entries.
        difference: f64,
    },
}

/// Number of voxels, checked to fit 32 bits: the bound of every voxel index in this crate.
pub(crate) fn count_voxels(shape: [usize; 3]) -> Result<usize, Error> {
    shape
        .iter()
        .try_fold(1usize, |product, &n| product.checked_mul(n))
        .filter(|&n| u32::try_from(n).is_ok())
        .ok_or_else(|| Error::TooLarge { shape: shape.map(|n| n as u64).to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affine(origin: f64) -> Affine {
        Affine::from_rows([[1.0, 0.0, 0.0, origin], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    }

    #[test]
    fn flat_indices_and_voxels_undo_each_other() {
        let grid = Grid::new([2, 3, 4], affine(0.0)).unwrap();
        assert_eq!(grid.n_voxels(), 24);
        assert_eq!(grid.flat_index([1, 2, 3]), Some(23));
        assert_eq!(grid.flat_index([0, 1, 0]), Some(4));
        assert_eq!(grid.flat_index([0, 3, 0]), None);
        assert_eq!(grid.voxel(24), None);
        for flat in 0..24 {
            assert_eq!(grid.flat_index(grid.voxel(flat).unwrap()), Some(flat));
        }
    }

    #[test]
    fn grids_differ_by_shape_or_place() {
        let grid = Grid::new([2, 3, 4], affine(0.0)).unwrap();
        assert_eq!(grid.matches(&Grid::new([2, 3, 4], affine(0.0005)).unwrap()), Ok(()));
        assert_eq!(
            grid.matches(&Grid::new([4, 3, 2], affine(0.0)).unwrap()),
            Err(GridMismatch::Shape { expected: [2, 3, 4], got: [4, 3, 2] })
        );
        let moved = Grid::new([2, 3, 4], affine(0.5)).unwrap();
        assert_eq!(
            grid.matches(&moved),
            Err(GridMismatch::Affine {
                expected: Box::new(affine(0.0)),
                got: Box::new(affine(0.5)),
                difference: 0.5
            })
        );
    }

    #[test]
    fn grids_beyond_32_bits_are_refused() {
        for shape in [[1 << 12, 1 << 10, 1 << 10], [usize::MAX, 2, 2]] {
            let expected = shape.map(|n| n as u64).to_vec();
            assert!(matches!(
                Grid::new(shape, affine(0.0)),
                Err(Error::TooLarge { shape }) if shape == expected
            ));
        }
    }
}
