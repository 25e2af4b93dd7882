//! The outline of a region: white within its edge and black around it, so that it shows on any colour.

use ndarray::Array2;

use crate::canvas::Canvas;

const INSIDE: [u8; 3] = [255; 3];
const AROUND: [u8; 3] = [0; 3];

/// Draws the outline of flagged pixels, whose left and top are at a pixel of the canvas.
pub(crate) fn draw(
    canvas: &mut Canvas,
    [left, top]: [usize; 2],
    flags: &Array2<bool>,
    thickness: usize,
) {
    let flag = |x: Option<usize>, y: Option<usize>| match (x, y) {
        (Some(x), Some(y)) => flags.get([y, x]).copied().unwrap_or(false),
        _ => false,
    };
    let around = |x: usize, y: usize, distance: usize| {
        [
            flag(x.checked_sub(distance), Some(y)),
            flag(x.checked_add(distance), Some(y)),
            flag(Some(x), y.checked_sub(distance)),
            flag(Some(x), y.checked_add(distance)),
        ]
    };
    for ((y, x), is_inside) in flags.indexed_iter() {
        let place = [left + x, top + y];
        if *is_inside {
            let is_edge = (1..=thickness).any(|it| around(x, y, it).contains(&false));
            if is_edge {
                canvas.set(place, INSIDE);
            }
        } else if around(x, y, 1).contains(&true) {
            canvas.set(place, AROUND);
        }
    }
}
