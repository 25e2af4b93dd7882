//! The map from voxel indices to millimetres.

use std::fmt;

/// An affine map from voxel indices `(i, j, k)` to coordinates `(x, y, z)` in mm: the upper three
/// rows of the usual 4 x 4 matrix, in double precision.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Affine {
    rows: [[f64; 4]; 3],
}

impl Affine {
    /// From the upper three rows of the matrix.
    #[must_use]
    pub const fn from_rows(rows: [[f64; 4]; 3]) -> Self {
        Self { rows }
    }

    /// The upper three rows of the matrix.
    #[must_use]
    pub const fn rows(&self) -> [[f64; 4]; 3] {
        self.rows
    }

    /// The 4 x 4 matrix, row by row.
    #[must_use]
    pub const fn matrix(&self) -> [[f64; 4]; 4] {
        let [x, y, z] = self.rows;
        [x, y, z, [0.0, 0.0, 0.0, 1.0]]
    }

    /// Coordinates in mm of a voxel centre.
    #[must_use]
    pub fn apply(&self, voxel: [f64; 3]) -> [f64; 3] {
        self.rows.map(|[a, b, c, d]| a * voxel[0] + b * voxel[1] + c * voxel[2] + d)
    }

    /// Edge lengths of a voxel in mm: the lengths of the first three columns.
    #[must_use]
    pub fn voxel_sizes(&self) -> [f64; 3] {
        [0, 1, 2]
            .map(|column| self.rows.iter().map(|row| row[column] * row[column]).sum::<f64>().sqrt())
    }

    /// The largest absolute difference between two entries of the matrices; NaN if any is NaN.
    #[must_use]
    pub fn max_difference(&self, other: &Self) -> f64 {
        let differences = self
            .rows
            .iter()
            .flatten()
            .zip(other.rows.iter().flatten())
            .map(|(a, b)| if a == b { 0.0 } else { (a - b).abs() });
        differences.fold(0.0, |largest, difference| {
            if difference.is_nan() || difference > largest { difference } else { largest }
        })
    }

    /// Whether no entry of the two matrices differs by more than `tolerance`. Never with NaN.
    #[must_use]
    pub fn approx_eq(&self, other: &Self, tolerance: f64) -> bool {
        self.max_difference(other) <= tolerance
    }
}

/// The upper three rows on one line, as numpy and Python read them.
impl fmt::Display for Affine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAS: Affine = Affine::from_rows([
        [-1.8, 0.0, 0.0, 120.0],
        [0.0, 1.8, 0.0, -130.0],
        [0.0, 0.0, 1.8, -60.0],
    ]);

    #[test]
    fn voxels_become_millimetres() {
        assert_eq!(LAS.apply([0.0, 0.0, 0.0]), [120.0, -130.0, -60.0]);
        assert_eq!(LAS.apply([10.0, 0.0, 1.0]), [102.0, -130.0, -58.2]);
        assert_eq!(LAS.voxel_sizes(), [1.8; 3]);
        assert_eq!(LAS.matrix()[3], [0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn an_affine_is_shown_in_rows() {
        assert_eq!(
            LAS.to_string(),
            "[[-1.8, 0.0, 0.0, 120.0], [0.0, 1.8, 0.0, -130.0], [0.0, 0.0, 1.8, -60.0]]"
        );
    }

    #[test]
    fn comparison_has_a_tolerance_and_refuses_nan() {
        let mut rows = LAS.rows();
        rows[1][3] += 0.01;
        let moved = Affine::from_rows(rows);
        assert!(LAS.approx_eq(&LAS, 0.0));
        assert!(LAS.approx_eq(&moved, 0.011));
        assert!(!LAS.approx_eq(&moved, 0.009));
        rows[0][0] = f64::NAN;
        assert!(!LAS.approx_eq(&Affine::from_rows(rows), 1e9));
        rows[0][0] = f64::INFINITY;
        assert!(!LAS.approx_eq(&Affine::from_rows(rows), 1e9));
    }
}
