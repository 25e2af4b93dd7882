//! Which slices are drawn, where each of them stands, and which voxel a pixel shows.

use laion_fmri_base::{apply_affine, compose_affines, invert_affine};
use ndarray::Array2;

use crate::error::Error;
use crate::orientation::{GridAxis, body_axes, voxel_sizes};
use crate::volume::{Extent, Grid, Volume};

/// The most pixels of a picture.
pub(crate) const MAX_PIXELS: usize = 1 << 24;
/// Pixels between slices.
const GAP: usize = 12;
/// The most pixels for a voxel that is as wide as high.
const MAX_SCALE: usize = 16;
/// What slices are enlarged to.
const FITTING: (usize, usize) = (1600, 1000);
/// Width to height.
const ASPECT: f64 = 1.6;

laion_fmri_base::named_enum! {
    /// The plane of slices.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Plane: "plane" {
        /// Seen from above: the front is at the top.
        #[default]
        Axial = "axial",
        /// Seen from behind: the top of the head is at the top.
        Coronal = "coronal",
        /// Seen from the right: the front is at the right.
        Sagittal = "sagittal",
    }
}

impl Plane {
    /// The axes of the body from left to right of the picture, from its bottom to its top, and through
    /// the slices: 0 to the right, 1 to the front, 2 upwards.
    fn body(self) -> [usize; 3] {
        match self {
            Self::Axial => [0, 1, 2],
            Self::Coronal => [0, 2, 1],
            Self::Sagittal => [1, 2, 0],
        }
    }

    /// What is at the left and at the right of a slice.
    #[must_use]
    pub fn marks(self) -> [&'static str; 2] {
        match self {
            Self::Axial | Self::Coronal => ["L", "R"],
            Self::Sagittal => ["P", "A"],
        }
    }
}

/// One slice.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Slice {
    /// The index of its voxels along the axis of the grid that runs through the slices.
    pub index: usize,
    /// Where it lies along the axis of the body, in mm; where a grid is oblique, in its middle.
    pub mm: f64,
}

/// Slices side by side in rows, as pixels; the left of the body is at the left.
///
/// Above each slice is room for a line of text. Slices go from left to right, from back to front or
/// upwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Mosaic {
    grid: Grid,
    plane: Plane,
    across: Side,
    up: Side,
    through: GridAxis,
    slices: Vec<Slice>,
    columns: usize,
    header: usize,
    scale: usize,
}

/// One side of a slice.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Side {
    axis: GridAxis,
    start: usize,
    n_voxels: usize,
    /// Pixels for a voxel when the shorter side of a voxel has one.
    stretch: f64,
}

impl Side {
    fn n_pixels(&self, scale: usize) -> usize {
        // A float becomes the nearest number that the type has.
        ((self.n_voxels as f64 * self.stretch * scale as f64).round() as usize).max(1)
    }

    /// The index of the voxel that a pixel lies in, with its fraction; the middle of a voxel is whole.
    fn position(&self, pixel: usize, scale: usize) -> f64 {
        let n_voxels = self.n_voxels as f64;
        let along = (pixel as f64 + 0.5) / self.n_pixels(scale) as f64 * n_voxels - 0.5;
        let along = if self.axis.is_flipped { n_voxels - 1.0 - along } else { along };
        self.start as f64 + along
    }

    fn voxel(&self, pixel: usize, scale: usize) -> usize {
        (self.position(pixel, scale).round() as usize)
            .clamp(self.start, self.start + self.n_voxels - 1)
    }
}

impl Mosaic {
    /// At most so many slices of a grid.
    ///
    /// Each shows the box `frame`. They are spread over the box `through`, at the same distance from each
    /// other but for rounding; if it has fewer than twice as many planes, every second one is taken.
    /// `header` is the height of the room above each slice, in pixels. Voxels are as large as fits on a
    /// screen; [`Mosaic::with_scale`] chooses another size.
    ///
    /// # Errors
    ///
    /// [`Error::NoSlices`] for none; [`Error::TooLarge`] for more than fit into a picture.
    pub fn new(
        grid: &Grid,
        plane: Plane,
        frame: Extent,
        through: Extent,
        most_slices: usize,
        header: usize,
    ) -> Result<Self, Error> {
        if most_slices == 0 {
            return Err(Error::NoSlices);
        }
        let axes = body_axes(grid.affine())?;
        let sizes = voxel_sizes(grid.affine());
        let [across, up, normal] = plane.body();
        let (across, up, through_axis) = (axes[across], axes[up], axes[normal]);
        let finest = sizes[across.axis].min(sizes[up.axis]);
        let side = |axis: GridAxis| {
            let range = frame.along(axis.axis);
            let stretch = sizes[axis.axis] / finest;
            Side { axis, start: range.start, n_voxels: range.len().max(1), stretch }
        };
        let (across, up) = (side(across), side(up));
        let range = through.along(through_axis.axis);
        let places = spread(range.len().max(1), most_slices);
        let middle = |side: &Side| side.start as f64 + (side.n_voxels - 1) as f64 / 2.0;
        let slice = |place: usize| {
            let index = range.start + place;
            let mut voxel = [0.0; 3];
            voxel[across.axis.axis] = middle(&across);
            voxel[up.axis.axis] = middle(&up);
            voxel[through_axis.axis] = index as f64;
            Slice { index, mm: apply_affine(grid.affine(), voxel)[normal] }
        };
        let mut slices: Vec<Slice> = places.into_iter().map(slice).collect();
        if through_axis.is_flipped {
            slices.reverse();
        }
        let mosaic = Self {
            grid: *grid,
            plane,
            across,
            up,
            through: through_axis,
            columns: columns(slices.len(), across.n_pixels(1), up.n_pixels(1)),
            slices,
            header,
            scale: 1,
        };
        mosaic.within(FITTING)
    }

    /// The same, with voxels as large as fits into a width and a height in pixels. A voxel has at
    /// least one pixel and at most 16.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for more than fit into a picture.
    pub fn within(self, (width, height): (usize, usize)) -> Result<Self, Error> {
        let mut mosaic = Self { scale: 1, ..self };
        while mosaic.scale < MAX_SCALE {
            let larger = Self { scale: mosaic.scale + 1, ..mosaic.clone() };
            if larger.width() > width || larger.height() > height {
                break;
            }
            mosaic = larger;
        }
        mosaic.checked()
    }

    /// The same with so many pixels for the shorter side of a voxel; at least one.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for more than fit into a picture.
    pub fn with_scale(self, pixels: usize) -> Result<Self, Error> {
        Self { scale: pixels.max(1), ..self }.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        let (width, height) = (self.width(), self.height());
        match width.checked_mul(height) {
            Some(pixels) if pixels <= MAX_PIXELS => Ok(self),
            _ => Err(Error::TooLarge { width, height, limit: MAX_PIXELS }),
        }
    }

    /// The plane of the slices.
    #[must_use]
    pub fn plane(&self) -> Plane {
        self.plane
    }

    /// The slices, in the order of the picture.
    #[must_use]
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    /// Pixels for the shorter side of a voxel.
    #[must_use]
    pub fn scale(&self) -> usize {
        self.scale
    }

    /// Pixels from left to right, and from top to bottom, of one slice.
    #[must_use]
    pub fn slice_size(&self) -> [usize; 2] {
        [self.across.n_pixels(self.scale), self.up.n_pixels(self.scale)]
    }

    /// The pixel at the left and top of a slice; the room for text is above it.
    #[must_use]
    pub fn slice_place(&self, nth: usize) -> [usize; 2] {
        let [width, height] = self.slice_size();
        let (column, row) = (nth % self.columns, nth / self.columns);
        [column * (width + GAP), row * (self.header + height + GAP) + self.header]
    }

    /// Pixels from left to right.
    #[must_use]
    pub fn width(&self) -> usize {
        let each = self.slice_size()[0].saturating_add(GAP);
        each.saturating_mul(self.columns) - GAP
    }

    /// Pixels from top to bottom.
    #[must_use]
    pub fn height(&self) -> usize {
        let each = self.slice_size()[1].saturating_add(GAP + self.header);
        each.saturating_mul(self.slices.len().div_ceil(self.columns)) - GAP
    }

    /// What is written above a slice: `z = -12`.
    #[must_use]
    pub fn label(&self, slice: &Slice) -> String {
        let axis = ["x", "y", "z"][self.plane.body()[2]];
        // No minus in front of a zero.
        format!("{axis} = {}", slice.mm.round() + 0.0)
    }

    /// The value of the voxel that each pixel lies in, shape `(height, width)`; NaN between slices.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] unless there is one value for each voxel of the grid.
    pub fn values(&self, values: &[f32]) -> Result<Array2<f32>, Error> {
        self.grid.check_length("values", values.len())?;
        Ok(self.each_voxel(f32::NAN, |voxel| values[voxel]))
    }

    /// As [`Mosaic::values`] for flags; false between slices.
    ///
    /// # Errors
    ///
    /// As [`Mosaic::values`].
    pub fn flags(&self, flags: &[bool]) -> Result<Array2<bool>, Error> {
        self.grid.check_length("flags", flags.len())?;
        Ok(self.each_voxel(false, |voxel| flags[voxel]))
    }

    /// The values of a volume on any grid in the same space, between voxels from those around; shape
    /// `(height, width)`, NaN outside of it and between slices.
    #[must_use]
    pub fn sampled(&self, volume: &Volume<'_>) -> Array2<f32> {
        // INVARIANT: a grid has an affine that can be inverted.
        let back = invert_affine(volume.grid().affine()).expect("an affine of a grid");
        let to_volume = compose_affines(&back, self.grid.affine());
        let [width, height] = self.slice_size();
        let across: Vec<f64> = (0..width).map(|x| self.across.position(x, self.scale)).collect();
        let mut picture = self.filled(f32::NAN);
        for (nth, slice) in self.slices.iter().enumerate() {
            let [left, top] = self.slice_place(nth);
            let mut voxel = [0.0; 3];
            voxel[self.through.axis] = slice.index as f64;
            for y in 0..height {
                voxel[self.up.axis.axis] = self.up.position(height - 1 - y, self.scale);
                for (x, position) in across.iter().enumerate() {
                    voxel[self.across.axis.axis] = *position;
                    picture[[top + y, left + x]] = volume.between(apply_affine(&to_volume, voxel));
                }
            }
        }
        picture
    }

    fn each_voxel<T: Copy>(&self, between: T, value: impl Fn(usize) -> T) -> Array2<T> {
        let [width, height] = self.slice_size();
        let across: Vec<usize> = (0..width).map(|x| self.across.voxel(x, self.scale)).collect();
        let mut picture = self.filled(between);
        for (nth, slice) in self.slices.iter().enumerate() {
            let [left, top] = self.slice_place(nth);
            let mut voxel = [0; 3];
            voxel[self.through.axis] = slice.index;
            for y in 0..height {
                voxel[self.up.axis.axis] = self.up.voxel(height - 1 - y, self.scale);
                for (x, position) in across.iter().enumerate() {
                    voxel[self.across.axis.axis] = *position;
                    picture[[top + y, left + x]] = value(Grid::flat(self.grid.shape(), voxel));
                }
            }
        }
        picture
    }

    fn filled<T: Copy>(&self, value: T) -> Array2<T> {
        Array2::from_elem((self.height(), self.width()), value)
    }
}

/// The places of at most so many slices among planes, at the same distance from each other but for
/// rounding. Of fewer than twice as many planes every second one is taken.
fn spread(n_planes: usize, most: usize) -> Vec<usize> {
    let (n_slices, step) = match n_planes {
        n if n <= most => (n, 1.0),
        n if n < most.saturating_mul(2) => (n.div_ceil(2), 2.0),
        n => (most, n as f64 / most as f64),
    };
    let before = (n_planes as f64 - n_slices as f64 * step) / 2.0;
    let place = |nth: usize| (before + (nth as f64 + 0.5) * step - 0.5).round() as usize;
    (0..n_slices).map(place).collect()
}

/// How many slices stand side by side, so that the picture has about the shape of a screen and few empty
/// places.
fn columns(n_slices: usize, width: usize, height: usize) -> usize {
    let cost = |columns: usize| {
        let rows = n_slices.div_ceil(columns);
        let shape = (columns as f64 * width as f64) / (rows as f64 * height as f64) / ASPECT;
        let empty = (columns * rows - n_slices) as f64 / n_slices as f64;
        shape.ln().abs() + empty
    };
    (1..=n_slices).min_by(|one, other| cost(*one).total_cmp(&cost(*other))).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_fill_a_screen() {
        assert_eq!(columns(1, 80, 100), 1);
        assert_eq!(columns(12, 80, 100), 6);
        assert_eq!(columns(3, 100, 100), 3);
        // Wide slices stand below each other.
        assert_eq!(columns(2, 300, 100), 1);
    }

    #[test]
    fn slices_are_equally_far_apart() {
        assert_eq!(spread(1, 12), [0]);
        assert_eq!(spread(3, 12), [0, 1, 2]);
        assert_eq!(spread(12, 8), [1, 3, 5, 7, 9, 11]);
        assert_eq!(spread(13, 8), [0, 2, 4, 6, 8, 10, 12]);
        assert_eq!(spread(70, 5), [7, 21, 35, 49, 63]);
        assert_eq!(spread(1000, 1), [500]);
    }

    #[test]
    fn slices_lie_in_the_middle_of_equal_parts() {
        let affine = [[2., 0., 0., 0.], [0., 2., 0., 0.], [0., 0., -2., 10.]];
        let grid = Grid::new([4, 4, 12], affine).unwrap();
        let mosaic =
            |most| Mosaic::new(&grid, Plane::Axial, grid.whole(), grid.whole(), most, 0).unwrap();
        let slices = |most| -> Vec<_> {
            mosaic(most).slices().iter().map(|slice| (slice.index, slice.mm)).collect()
        };
        // The third index runs downwards, slices go upwards.
        assert_eq!(slices(3), [(10, -10.0), (6, -2.0), (2, 6.0)]);
        assert_eq!(slices(1), [(6, -2.0)]);
        assert_eq!(slices(100).len(), 12);
        assert_eq!(mosaic(1).label(&mosaic(1).slices()[0]), "z = -2");
    }

    #[test]
    fn sizes_are_checked_before_anything_is_allocated() {
        let unit = [[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.]];
        let grid = Grid::new([2000, 2000, 400], unit).unwrap();
        let whole = grid.whole();
        let error = Mosaic::new(&grid, Plane::Axial, whole, whole, 400, 20).unwrap_err();
        assert!(matches!(error, Error::TooLarge { limit: MAX_PIXELS, .. }), "{error}");
        let error = Mosaic::new(&grid, Plane::Axial, whole, whole, 0, 20).unwrap_err();
        assert_eq!(error, Error::NoSlices);
        let mosaic = Mosaic::new(&grid, Plane::Axial, whole, whole, 1, 20).unwrap();
        let error = mosaic.with_scale(usize::MAX).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        // Voxels that are a billion times as long as wide.
        let stretched = [[1e9, 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.]];
        let grid = Grid::new([4, 4, 4], stretched).unwrap();
        let error = Mosaic::new(&grid, Plane::Axial, grid.whole(), grid.whole(), 1, 0);
        assert!(matches!(error, Err(Error::TooLarge { .. })), "{error:?}");
    }
}
