//! Where a voxel stands in the picture, by the affine of its grid.

use slice_figure::{ColorMap, ColorScale, Extent, Figure, Grid, Mosaic, Picture, Plane, Volume};

type Affine = [[f64; 4]; 3];

/// Voxels to the right, to the front, upwards.
const STRAIGHT: Affine = [[2., 0., 0., -8.], [0., 2., 0., -10.], [0., 0., 2., -4.]];

fn flat([_, nj, nk]: [usize; 3], [i, j, k]: [usize; 3]) -> usize {
    (i * nj + j) * nk + k
}

/// A picture of the whole grid whose values are 0, and 1 in one voxel.
fn marked(grid: &Grid, voxel: [usize; 3], plane: Plane, slices: usize) -> Picture {
    let mut values = vec![0.0; grid.n_voxels()];
    values[flat(grid.shape(), voxel)] = 1.0;
    let scale = ColorScale::new(ColorMap::Viridis, 0.0, 1.0).unwrap();
    let whole = grid.whole();
    let figure = Figure::new(Volume::new(*grid, &values).unwrap(), scale);
    figure.plane(plane).slices(slices).frame(whole).through(whole).draw().unwrap()
}

/// The slice that shows the highest colour, and the middle of that colour in it: 0 to 1 from left to right,
/// and from bottom to top. The slices begin at the margin of the picture.
fn place(picture: &Picture) -> (usize, f64, f64) {
    const MARGIN: usize = 16;
    let yellow = ColorMap::Viridis.table()[255];
    let [width, height] = picture.mosaic.slice_size();
    let mut found = Vec::new();
    for nth in 0..picture.mosaic.slices().len() {
        let [left, top] = picture.mosaic.slice_place(nth).map(|pixel| pixel + MARGIN);
        for y in 0..height {
            for x in 0..width {
                let pixel: Vec<u8> =
                    (0..3).map(|channel| picture.pixels[[top + y, left + x, channel]]).collect();
                if pixel == yellow {
                    found.push((nth, x, height - 1 - y));
                }
            }
        }
    }
    let slice = found.first().expect("a slice that shows the voxel").0;
    assert!(found.iter().all(|(nth, ..)| *nth == slice));
    // All of the voxel, and nothing else.
    assert_eq!(found.len(), picture.mosaic.scale().pow(2));
    let n_pixels = found.len() as f64;
    let x = found.iter().map(|(_, x, _)| *x as f64 + 0.5).sum::<f64>() / n_pixels;
    let up = found.iter().map(|(.., up)| *up as f64 + 0.5).sum::<f64>() / n_pixels;
    (slice, x / width as f64, up / height as f64)
}

/// Checks the place of the voxel at a point in mm in all three planes. A point is compared with the middle
/// of the grid: -1 left of it, behind it or below it, 1 on the other side.
fn check(shape: [usize; 3], affine: Affine, voxel: [usize; 3], [right, front, above]: [i32; 3]) {
    let grid = Grid::new(shape, affine).unwrap();
    let side = |share: f64| if share > 0.5 { 1 } else { -1 };
    for (plane, expected) in [
        (Plane::Axial, (right, front, above)),
        (Plane::Coronal, (right, above, front)),
        (Plane::Sagittal, (front, above, right)),
    ] {
        let picture = marked(&grid, voxel, plane, usize::MAX);
        let (slice, x, up) = place(&picture);
        let through = (slice as f64 + 0.5) / picture.mosaic.slices().len() as f64;
        assert_eq!((side(x), side(up), side(through)), expected, "{plane} of {affine:?}");
    }
}

#[test]
fn a_corner_is_where_the_affine_says() {
    let shape = [9, 11, 5];
    check(shape, STRAIGHT, [0, 0, 0], [-1, -1, -1]);
    check(shape, STRAIGHT, [8, 0, 0], [1, -1, -1]);
    check(shape, STRAIGHT, [0, 10, 0], [-1, 1, -1]);
    check(shape, STRAIGHT, [0, 0, 4], [-1, -1, 1]);
    // The first index runs to the left, as many scanners write it.
    let radiological = [[-2., 0., 0., 8.], [0., 2., 0., -10.], [0., 0., 2., -4.]];
    check(shape, radiological, [0, 0, 0], [1, -1, -1]);
    check(shape, radiological, [8, 10, 4], [-1, 1, 1]);
    // Backwards, downwards, to the right.
    let swapped = [[0., 0., 2., -4.], [-2., 0., 0., 8.], [0., -2., 0., 10.]];
    check(shape, swapped, [0, 0, 0], [-1, 1, 1]);
    check(shape, swapped, [8, 0, 4], [1, -1, 1]);
    // Turned by 20 degrees around the axis through the ears.
    let (sin, cos) = 20_f64.to_radians().sin_cos();
    let oblique =
        [[2., 0., 0., -8.], [0., 2. * cos, -2. * sin, -10.], [0., 2. * sin, 2. * cos, -4.]];
    check(shape, oblique, [8, 10, 0], [1, 1, -1]);
}

#[test]
fn slices_say_where_they_lie() {
    let grid = Grid::new([9, 11, 5], STRAIGHT).unwrap();
    for (plane, first, last) in [
        (Plane::Axial, "z = -4", "z = 4"),
        (Plane::Coronal, "y = -10", "y = 10"),
        (Plane::Sagittal, "x = -8", "x = 8"),
    ] {
        let whole = grid.whole();
        let mosaic = Mosaic::new(&grid, plane, whole, whole, 100, 20).unwrap();
        let labels: Vec<String> = mosaic.slices().iter().map(|it| mosaic.label(it)).collect();
        assert_eq!((labels[0].as_str(), labels[labels.len() - 1].as_str()), (first, last));
    }
}

#[test]
fn voxels_keep_their_proportions() {
    let affine = [[1., 0., 0., 0.], [0., 2., 0., 0.], [0., 0., 3., 0.]];
    let grid = Grid::new([10, 10, 10], affine).unwrap();
    let whole = grid.whole();
    let size = |plane| {
        let mosaic = Mosaic::new(&grid, plane, whole, whole, 1, 0).unwrap();
        mosaic.with_scale(2).unwrap().slice_size()
    };
    assert_eq!(size(Plane::Axial), [20, 40]);
    assert_eq!(size(Plane::Coronal), [20, 60]);
    assert_eq!(size(Plane::Sagittal), [20, 30]);
}

#[test]
fn a_frame_cuts_and_slices_go_through_a_box_of_their_own() {
    let grid = Grid::new([9, 11, 5], STRAIGHT).unwrap();
    let shape = grid.shape();
    let extent = |voxels: [[usize; 3]; 2]| -> Extent {
        grid.extent(voxels.map(|voxel| flat(shape, voxel))).unwrap()
    };
    let frame = extent([[2, 3, 0], [5, 9, 4]]);
    let through = extent([[0, 0, 3], [0, 0, 4]]);
    let mosaic = Mosaic::new(&grid, Plane::Axial, frame, through, 8, 0).unwrap();
    let mosaic = mosaic.with_scale(1).unwrap();
    assert_eq!(mosaic.slice_size(), [4, 7]);
    assert_eq!(mosaic.slices().iter().map(|slice| slice.index).collect::<Vec<_>>(), [3, 4]);
    let numbers: Vec<f32> = (0..grid.n_voxels()).map(|voxel| voxel as f32).collect();
    let shown = mosaic.values(&numbers).unwrap();
    let [left, top] = mosaic.slice_place(1);
    assert_eq!(shown[[top, left]], flat(shape, [2, 9, 4]) as f32);
    assert_eq!(shown[[top + 6, left + 3]], flat(shape, [5, 3, 4]) as f32);
    // Between slices there is nothing.
    assert!(shown[[top, left - 1]].is_nan());
}
