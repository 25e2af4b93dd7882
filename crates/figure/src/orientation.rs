//! Which axis of a grid runs along which axis of the body.

use laion_fmri_base::AffineRows;

use crate::error::Error;

/// The axis of a grid that comes closest to an axis of the body, and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GridAxis {
    /// 0, 1 or 2: the first, second or third index of a voxel.
    pub(crate) axis: usize,
    /// Whether the index falls on the way to the right, to the front or upwards.
    pub(crate) is_flipped: bool,
}

/// For each axis of the body (to the right, to the front, upwards) the axis of the grid that runs along
/// it: those three whose directions agree best with the body's together.
pub(crate) fn body_axes(affine: &AffineRows) -> Result<[GridAxis; 3], Error> {
    const ORDERS: [[usize; 3]; 6] =
        [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    if laion_fmri_base::invert_affine(affine).is_none() {
        return Err(Error::Affine { affine: Box::new(*affine) });
    }
    let sizes = voxel_sizes(affine);
    let cosine = |body: usize, axis: usize| affine[body][axis] / sizes[axis];
    let agreement = |order: &[usize; 3]| -> f64 {
        order.iter().enumerate().map(|(body, axis)| cosine(body, *axis).abs()).sum()
    };
    let best = ORDERS.iter().skip(1).fold(&ORDERS[0], |best, order| {
        if agreement(order) > agreement(best) { order } else { best }
    });
    Ok(std::array::from_fn(|body| {
        let axis = best[body];
        GridAxis { axis, is_flipped: cosine(body, axis) < 0.0 }
    }))
}

/// How far apart voxels lie along each axis of the grid, in mm.
pub(crate) fn voxel_sizes(affine: &AffineRows) -> [f64; 3] {
    std::array::from_fn(|axis| affine.iter().map(|row| row[axis] * row[axis]).sum::<f64>().sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(affine: AffineRows) -> [(usize, bool); 3] {
        body_axes(&affine).unwrap().map(|found| (found.axis, found.is_flipped))
    }

    #[test]
    fn axes_that_are_swapped_flipped_or_oblique_are_found() {
        let straight = [[2., 0., 0., 9.], [0., 2., 0., 0.], [0., 0., 2., 0.]];
        assert_eq!(axes(straight), [(0, false), (1, false), (2, false)]);
        // To the left, to the front, upwards.
        let flipped = [[-2., 0., 0., 9.], [0., 2., 0., 0.], [0., 0., 2., 0.]];
        assert_eq!(axes(flipped), [(0, true), (1, false), (2, false)]);
        // Backwards, downwards, to the right.
        let swapped = [[0., 0., 1., 0.], [-1., 0., 0., 0.], [0., -3., 0., 0.]];
        assert_eq!(axes(swapped), [(2, false), (0, true), (1, true)]);
        let (sin, cos) = 0.3_f64.sin_cos();
        let oblique = [[1., 0., 0., 0.], [0., cos, -sin, 0.], [0., sin, cos, 0.]];
        assert_eq!(axes(oblique), [(0, false), (1, false), (2, false)]);
    }

    #[test]
    fn an_affine_that_makes_space_flat_is_refused() {
        let flat = [[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 0., 0.]];
        assert_eq!(body_axes(&flat), Err(Error::Affine { affine: Box::new(flat) }));
    }
}
