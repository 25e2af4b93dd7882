//! Affine maps between voxels and millimetres, as the upper three rows of their 4 x 4 matrix.

/// The upper three rows of the 4 x 4 matrix of an affine map; the last row is 0, 0, 0, 1.
pub type AffineRows = [[f64; 4]; 3];

/// Where an affine map takes a point.
///
/// ```
/// use laion_fmri_base::{apply_affine, compose_affines, invert_affine};
///
/// let map = [[-2.0, 0.0, 0.0, 10.0], [0.0, 0.0, 2.0, 0.0], [0.0, 2.0, 0.0, -4.0]];
/// assert_eq!(apply_affine(&map, [1.0, 2.0, 3.0]), [8.0, 6.0, 0.0]);
/// let back = invert_affine(&map).unwrap();
/// assert_eq!(apply_affine(&compose_affines(&back, &map), [1.0, 2.0, 3.0]), [1.0, 2.0, 3.0]);
/// ```
#[must_use]
pub fn apply_affine(rows: &AffineRows, [x, y, z]: [f64; 3]) -> [f64; 3] {
    rows.map(|[a, b, c, d]| a * x + b * y + c * z + d)
}

/// The map that applies `first` and then `then`.
#[must_use]
pub fn compose_affines(then: &AffineRows, first: &AffineRows) -> AffineRows {
    then.map(|[a, b, c, d]| {
        std::array::from_fn(|column| {
            let shift = if column == 3 { d } else { 0.0 };
            a * first[0][column] + b * first[1][column] + c * first[2][column] + shift
        })
    })
}

/// The map back; none when a number is not finite, or when the map makes space flat.
#[must_use]
pub fn invert_affine(rows: &AffineRows) -> Option<AffineRows> {
    let [[a, b, c, _], [d, e, f, _], [g, h, i, _]] = *rows;
    let cofactors = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ];
    let determinant = a * cofactors[0][0] + b * cofactors[1][0] + c * cofactors[2][0];
    let inverse = cofactors.map(|[x, y, z]| {
        let row = [x, y, z].map(|cofactor| cofactor / determinant);
        let shift = row[0] * rows[0][3] + row[1] * rows[1][3] + row[2] * rows[2][3];
        [row[0], row[1], row[2], -shift]
    });
    inverse.iter().flatten().all(|number| number.is_finite()).then_some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHEARED: AffineRows =
        [[1.5, 0.25, 0.0, -7.0], [0.0, -2.0, 0.5, 3.0], [0.125, 0.0, 0.75, 11.0]];

    #[test]
    fn a_map_and_its_inverse_undo_each_other() {
        let inverse = invert_affine(&SHEARED).unwrap();
        for point in [[0.0, 0.0, 0.0], [1.0, -2.0, 3.5], [-100.0, 80.0, 0.125]] {
            let there = apply_affine(&SHEARED, point);
            let back = apply_affine(&inverse, there);
            let composed = apply_affine(&compose_affines(&inverse, &SHEARED), point);
            for axis in 0..3 {
                assert!((back[axis] - point[axis]).abs() < 1e-12);
                assert!((composed[axis] - point[axis]).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_first_map_is_applied_first() {
        let shift = [[1.0, 0.0, 0.0, 5.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
        let twice = [[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]];
        assert_eq!(apply_affine(&compose_affines(&twice, &shift), [1.0; 3]), [12.0, 2.0, 2.0]);
        assert_eq!(apply_affine(&compose_affines(&shift, &twice), [1.0; 3]), [7.0, 2.0, 2.0]);
    }

    #[test]
    fn a_map_that_loses_an_axis_has_no_inverse() {
        let flat = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]];
        assert_eq!(invert_affine(&flat), None);
        let mut broken = SHEARED;
        broken[1][1] = f64::NAN;
        assert_eq!(invert_affine(&broken), None);
        broken[1][1] = f64::INFINITY;
        assert_eq!(invert_affine(&broken), None);
    }
}
