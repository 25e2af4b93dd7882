//! What lies over what: background, values, outlines, text.

use ndarray::{Array3, Axis};
use slice_figure::{ColorMap, ColorScale, Error, Figure, Grid, Picture, Volume};

const AFFINE: [[f64; 4]; 3] = [[2., 0., 0., -8.], [0., 2., 0., -8.], [0., 0., 2., 0.]];
const BLACK: [u8; 3] = [0; 3];

/// One slice of nine by nine voxels.
fn grid() -> Grid {
    Grid::new([9, 9, 1], AFFINE).unwrap()
}

fn figure(values: &[f32], scale: ColorScale) -> Figure<'_> {
    let grid = grid();
    Figure::new(Volume::new(grid, values).unwrap(), scale).frame(grid.whole())
}

/// The colour in the middle of a voxel.
fn pixel(picture: &Picture, [i, j]: [usize; 2]) -> [u8; 3] {
    const MARGIN: usize = 16;
    let scale = picture.mosaic.scale();
    let [left, top] = picture.mosaic.slice_place(0).map(|pixel| pixel + MARGIN);
    let (x, y) = (left + i * scale + scale / 2, top + (8 - j) * scale + scale / 2);
    std::array::from_fn(|channel| picture.pixels[[y, x, channel]])
}

fn viridis(low: f32, high: f32) -> ColorScale {
    ColorScale::new(ColorMap::Viridis, low, high).unwrap()
}

#[test]
fn nan_is_transparent_and_zero_is_a_colour() {
    let mut values = vec![f32::NAN; 81];
    values[0] = 0.0;
    values[80] = 10.0;
    let table = ColorMap::Viridis.table();
    let picture = figure(&values, viridis(0.0, 10.0)).draw().unwrap();
    assert_eq!(pixel(&picture, [0, 0]), table[0]);
    assert_eq!(pixel(&picture, [8, 8]), table[255]);
    assert_eq!(pixel(&picture, [4, 4]), BLACK);
    assert_eq!(picture.n_visible, 2);
    // What lies behind shows through NaN, and not through zero.
    let behind: Vec<f32> = (0..81).map(|voxel| voxel as f32).collect();
    let image = Volume::new(grid(), &behind).unwrap();
    let picture = figure(&values, viridis(0.0, 10.0)).background(image).draw().unwrap();
    assert_eq!(pixel(&picture, [0, 0]), table[0]);
    let [r, g, b] = pixel(&picture, [4, 4]);
    assert!(r == g && g == b && (60..140).contains(&r), "{r}");
}

#[test]
fn values_below_the_threshold_show_what_lies_behind() {
    let mut values = vec![0.0; 81];
    (values[0], values[1], values[2], values[3]) = (-3.0, -1.0, 1.0, 3.0);
    let scale = ColorScale::new(ColorMap::BlueRed, -3.0, 3.0).unwrap();
    let scale = scale.with_threshold(2.0).unwrap();
    let silhouette = [true; 81];
    let picture = figure(&values, scale.clone()).silhouette(&silhouette).draw().unwrap();
    let shown = [0, 1, 2, 3].map(|j| pixel(&picture, [0, j]));
    let [grey, ..] = [shown[1]];
    assert!(grey[0] == grey[1] && grey[1] == grey[2] && grey[0] > 0);
    let expected = [scale.color(-3.0).unwrap(), grey, grey, scale.color(3.0).unwrap()];
    assert_eq!(shown, expected);
    assert_eq!(picture.n_visible, 2);
}

#[test]
fn half_opaque_colours_are_mixed_with_what_lies_behind() {
    let values = vec![10.0; 81];
    let scale = viridis(0.0, 10.0).with_opacity(0.5).unwrap();
    let picture = figure(&values, scale).draw().unwrap();
    let expected =
        ColorMap::Viridis.table()[255].map(|level| (f32::from(level) / 2.0).round() as u8);
    assert_eq!(pixel(&picture, [4, 4]), expected);
}

#[test]
fn an_outline_is_white_within_the_region_and_black_around_it() {
    let values = vec![5.0; 81];
    let mut region = [false; 81];
    for i in 2..7 {
        for j in 2..7 {
            region[i * 9 + j] = true;
        }
    }
    let scale = viridis(0.0, 10.0);
    let color = scale.color(5.0).unwrap();
    let picture = figure(&values, scale).outline(&region, "FFA1").draw().unwrap();
    // The middles of voxels are free of it.
    for place in [[0, 0], [1, 4], [2, 4], [4, 4], [6, 6], [7, 4]] {
        assert_eq!(pixel(&picture, place), color, "{place:?}");
    }
    let pixels_per_voxel = picture.mosaic.scale();
    let [left, top] = picture.mosaic.slice_place(0).map(|pixel| pixel + 16);
    let y = top + 4 * pixels_per_voxel + pixels_per_voxel / 2;
    let edge = left + 2 * pixels_per_voxel;
    let at = |x: usize| -> [u8; 3] { std::array::from_fn(|it| picture.pixels[[y, x, it]]) };
    assert_eq!([at(edge - 2), at(edge - 1), at(edge)], [color, BLACK, [255; 3]]);
    // The name stands below the slices.
    let plain = figure(&values, viridis(0.0, 10.0)).draw().unwrap();
    assert!(picture.pixels.dim().0 > plain.pixels.dim().0);
    let short = figure(&values, viridis(0.0, 10.0)).outline(&region[1..], "FFA1").draw();
    assert!(matches!(short, Err(Error::Length { what: "flags", got: 80, .. })), "{short:?}");
}

#[test]
fn a_finer_background_is_interpolated_at_its_own_place() {
    // Twice as fine, and shifted so that both grids cover the same space; bright on the right half.
    let affine = [[1., 0., 0., -8.5], [0., 1., 0., -8.5], [0., 0., 2., 0.]];
    let fine = Grid::new([18, 18, 1], affine).unwrap();
    let image: Vec<f32> = (0..324).map(|voxel| if voxel / 18 >= 9 { 100.0 } else { 1.0 }).collect();
    let values = vec![f32::NAN; 81];
    let picture = figure(&values, viridis(0.0, 1.0))
        .background(Volume::new(fine, &image).unwrap())
        .draw()
        .unwrap();
    assert_eq!(pixel(&picture, [1, 4]), BLACK);
    assert_eq!(pixel(&picture, [7, 4]), [200; 3]);
    // The pixel lies a sixteenth of a fine voxel right of the edge: 9/16 of the brightest grey.
    assert_eq!((picture.mosaic.scale(), pixel(&picture, [4, 4])), (16, [113; 3]));
}

/// The colours of the bar from top to bottom.
fn bar(picture: &Picture) -> Vec<[u8; 3]> {
    let x = 16 + picture.mosaic.width() + 16 + 10;
    let column = picture.pixels.index_axis(Axis(1), x);
    column.outer_iter().map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

#[test]
fn the_bar_has_the_colours_of_the_map_and_is_pointed_where_values_lie_beyond() {
    let mut values = vec![1.0; 81];
    values[0] = 5.0;
    let table = ColorMap::Viridis.table();
    let draw = |high| figure(&values, viridis(0.0, high)).draw().unwrap();
    let within = bar(&draw(5.0));
    let first = within.iter().position(|color| *color == table[255]).unwrap();
    let last = within.iter().rposition(|color| *color == table[0]).unwrap();
    assert!(first < last);
    let beyond = bar(&draw(4.0));
    assert!(beyond.iter().position(|color| *color == table[255]).unwrap() < first);
    assert_eq!(beyond.iter().rposition(|color| *color == table[0]).unwrap(), last);
    // What the threshold hides is grey.
    let scale = viridis(0.0, 5.0).with_threshold(4.0).unwrap();
    let hidden = bar(&figure(&values, scale).draw().unwrap());
    assert!(hidden.contains(&table[255]) && !hidden.contains(&table[0]));
    assert!(hidden.contains(&[64; 3]));
}

#[test]
fn the_same_figure_gives_the_same_pixels() {
    let values: Vec<f32> = (0..81).map(|voxel| (voxel as f32).sin()).collect();
    let draw = |title: &str| -> Array3<u8> {
        let scale = ColorScale::fitting(ColorMap::BlueRed, values.iter().copied());
        figure(&values, scale).title(title).quantity("z").draw().unwrap().pixels
    };
    assert_eq!(draw("R² of sub-01"), draw("R² of sub-01"));
    assert_ne!(draw("R² of sub-01"), draw("R² of sub-02"));
}

#[test]
fn slices_alone_have_the_pixels_of_the_figure_and_fit_into_their_room() {
    const MARGIN: usize = 16;
    let values: Vec<f32> = (0..81).map(|voxel| voxel as f32).collect();
    let figure = figure(&values, viridis(0.0, 80.0)).title("A title").quantity("z");
    let (whole, alone) = (figure.draw().unwrap(), figure.draw_slices().unwrap());
    assert_eq!((&alone.mosaic, alone.n_visible), (&whole.mosaic, whole.n_visible));
    let (height, width, _) = alone.pixels.dim();
    assert_eq!((width, height), (alone.mosaic.width(), alone.mosaic.height()));
    // The title moves the slices down: where they start is where the first colour is.
    let color = |picture: &Picture, top: usize, left: usize| -> [u8; 3] {
        std::array::from_fn(|channel| picture.pixels[[top, left, channel]])
    };
    let [left, top] = alone.mosaic.slice_place(0);
    let first = color(&alone, top, left);
    let below =
        (0..whole.pixels.dim().0).find(|row| color(&whole, *row, MARGIN + left) == first).unwrap();
    let [slice_width, slice_height] = alone.mosaic.slice_size();
    for (y, x) in [(0, 0), (slice_height / 2, slice_width / 3), (slice_height - 1, slice_width - 1)]
    {
        let expected = color(&whole, below + y, MARGIN + left + x);
        assert_eq!(color(&alone, top + y, left + x), expected, "{y} {x}");
    }
    // Nine voxels and 20 pixels of text.
    let sizes = [(60, 200), (200, 60), (1, 1), (10_000, 10_000)];
    let scales =
        sizes.map(|room| figure.clone().within(room).draw_slices().unwrap().mosaic.scale());
    assert_eq!(scales, [6, 4, 1, 16]);
}

#[test]
fn without_anything_to_see_the_frame_is_drawn() {
    let values = vec![f32::NAN; 81];
    let scale = viridis(0.0, 1.0);
    let picture = Figure::new(Volume::new(grid(), &values).unwrap(), scale).draw().unwrap();
    assert_eq!((picture.n_visible, picture.mosaic.slices().len()), (0, 1));
}

#[test]
fn a_title_of_any_length_is_drawn_or_refused() {
    let values = vec![1.0; 81];
    let draw = |title: String| figure(&values, viridis(0.0, 1.0)).title(title).draw();
    let short = draw("A title".to_owned()).unwrap().pixels.dim();
    let long = draw("A title of many words ".repeat(20)).unwrap().pixels.dim();
    assert!(long.0 > short.0 && long.1 == short.1);
    let error = draw("A title of many words ".repeat(100_000)).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}
