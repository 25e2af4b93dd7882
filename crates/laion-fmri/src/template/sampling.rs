//! From a grid of voxels to points: the nearest voxel, or the eight around a point.

use laion_fmri_base::{AffineRows, apply_affine};
use nifti_stream::Grid;

use super::Interpolation;
use super::weights::Weights;
use crate::Result;

/// The weights from the voxels of a grid, by their flat indices in C order, to points.
///
/// A point is given as its samples in mm, whose values are averaged; samples outside of the grid are
/// left out. `to_voxels` takes mm to voxels.
pub(super) fn weights<'s>(
    grid: &Grid,
    to_voxels: &AffineRows,
    points: impl Iterator<Item = &'s [[f64; 3]]>,
    interpolation: Interpolation,
) -> Result<Weights> {
    let mut weights = Weights::new(grid.n_voxels());
    let (mut entries, mut sample) = (Vec::new(), Vec::new());
    for samples in points {
        let mut inside = 0;
        for point in samples {
            around(grid, apply_affine(to_voxels, *point), interpolation, &mut sample);
            inside += usize::from(!sample.is_empty());
            entries.append(&mut sample);
        }
        entries.iter_mut().for_each(|(_, weight)| *weight /= inside as f64);
        weights.push(&mut entries)?;
    }
    Ok(weights)
}

/// The voxels around a position in voxels and their weights; none outside of the grid.
///
/// The nearest voxel is the rounded position, halves to the even neighbour, as numpy rounds. The linear
/// weights are those between the centres of voxels: half a voxel at the rim is outside.
pub(super) fn around(
    grid: &Grid,
    position: [f64; 3],
    interpolation: Interpolation,
    entries: &mut Vec<(u32, f64)>,
) {
    entries.clear();
    let shape = grid.shape();
    let last = shape.map(|n| n as f64 - 1.0);
    let is_inside =
        |position: [f64; 3]| (0..3).all(|axis| (0.0..=last[axis]).contains(&position[axis]));
    let flat = |[x, y, z]: [usize; 3]| ((x * shape[1] + y) * shape[2] + z) as u32;
    match interpolation {
        Interpolation::Nearest => {
            let rounded = position.map(f64::round_ties_even);
            if is_inside(rounded) {
                entries.push((flat(rounded.map(|coordinate| coordinate as usize)), 1.0));
            }
        }
        Interpolation::Linear => {
            if !is_inside(position) {
                return;
            }
            let low = position.map(|coordinate| coordinate as usize);
            let share: [f64; 3] = std::array::from_fn(|axis| position[axis] - low[axis] as f64);
            for corner in 0..8_usize {
                let is_high: [usize; 3] = std::array::from_fn(|axis| corner >> (2 - axis) & 1);
                let weight: f64 = (0..3)
                    .map(|axis| if is_high[axis] == 1 { share[axis] } else { 1.0 - share[axis] })
                    .product();
                // At the last voxel of an axis the next one has no weight, and is not there.
                if weight != 0.0 {
                    entries.push((flat(std::array::from_fn(|a| low[a] + is_high[a])), weight));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nifti_stream::Affine;

    use super::*;

    fn grid() -> Grid {
        let rows = [[2.0, 0.0, 0.0, 10.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, -4.0]];
        Grid::new([3, 4, 5], Affine::from_rows(rows)).unwrap()
    }

    fn at(position: [f64; 3], interpolation: Interpolation) -> Vec<(u32, f64)> {
        let mut entries = Vec::new();
        around(&grid(), position, interpolation, &mut entries);
        entries
    }

    #[test]
    fn the_nearest_voxel_is_rounded_as_numpy_does() {
        let nearest = |position| at(position, Interpolation::Nearest);
        assert_eq!(nearest([1.0, 2.0, 3.0]), [(33, 1.0)]);
        assert_eq!(nearest([0.5, 1.5, 2.5]), [(2 * 5 + 2, 1.0)]);
        assert_eq!(nearest([-0.5, 3.4, 4.5]), [(3 * 5 + 4, 1.0)]);
        for outside in [[-0.6, 0.0, 0.0], [0.0, 3.6, 0.0], [0.0, 0.0, 4.51], [f64::NAN, 0.0, 0.0]] {
            assert_eq!(nearest(outside), []);
        }
    }

    #[test]
    fn linear_weights_reproduce_linear_values() {
        let grid = grid();
        // A value that is linear in the position.
        let value = |voxel: u32| {
            let [x, y, z] = grid.voxel(voxel as usize).unwrap().map(|n| n as f64);
            1.0 + 2.0 * x - 3.0 * y + 0.5 * z
        };
        for position in
            [[0.0, 0.0, 0.0], [1.25, 2.5, 0.125], [2.0, 3.0, 4.0], [2.0, 0.7, 4.0], [0.3, 3.0, 1.9]]
        {
            let entries = at(position, Interpolation::Linear);
            let sum: f64 = entries.iter().map(|(voxel, weight)| weight * value(*voxel)).sum();
            let [x, y, z] = position;
            assert!((sum - (1.0 + 2.0 * x - 3.0 * y + 0.5 * z)).abs() < 1e-12, "{position:?}");
        }
        for outside in [[-0.01, 0.0, 0.0], [0.0, 3.01, 0.0], [0.0, 0.0, f64::NAN]] {
            assert_eq!(at(outside, Interpolation::Linear), []);
        }
    }

    #[test]
    fn samples_are_averaged_and_those_outside_left_out() {
        let to_voxels = laion_fmri_base::invert_affine(&grid().affine().rows()).unwrap();
        // In mm: voxel (0, 0, 0), voxel (1, 0, 0), and far away.
        let [near, next, far] = [[10.0, 0.0, -4.0], [12.0, 0.0, -4.0], [900.0, 0.0, 0.0]];
        let points: [&[[f64; 3]]; 4] = [&[near, next], &[near, far], &[far], &[near, near, next]];
        for interpolation in [Interpolation::Nearest, Interpolation::Linear] {
            let weights = weights(&grid(), &to_voxels, points.into_iter(), interpolation).unwrap();
            assert_eq!(weights.outside(), [2]);
            assert_eq!(weights.of(0).collect::<Vec<_>>(), [(0, 0.5), (20, 0.5)]);
            assert_eq!(weights.of(1).collect::<Vec<_>>(), [(0, 1.0)]);
            let third = (1.0_f64 / 3.0 + 1.0 / 3.0) as f32;
            assert_eq!(weights.of(3).collect::<Vec<_>>(), [(0, third), (20, 1.0 / 3.0)]);
        }
    }
}
