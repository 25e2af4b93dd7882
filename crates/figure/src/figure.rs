//! A figure: slices with values over a background, outlines, a title and a colour bar.

use ndarray::{Array2, Array3};

use crate::canvas::Canvas;
use crate::color_bar;
use crate::error::Error;
use crate::mosaic::{MAX_PIXELS, Mosaic, Plane};
use crate::outline;
use crate::scale::{ColorScale, quantile};
use crate::text::{self, TextSize};
use crate::volume::{Extent, Volume};

/// Pixels around the picture, and between the slices and the colour bar.
const MARGIN: usize = 16;
/// The room above each slice.
const HEADER: usize = 20;
/// A colour bar is at least and at most so high.
const BAR: (usize, usize) = (180, 480);
const TEXT: [u8; 3] = [235; 3];
const MARKS: [u8; 3] = [170; 3];
/// The brightest grey of the background: values and outlines stay brighter.
const BRIGHTEST: f32 = 200.0;
/// The grey of a brain without an image.
const SILHOUETTE: u8 = 88;
/// The shares of the background that are black and of the brightest grey.
const TAILS: [f64; 2] = [0.02, 0.005];

/// A picture of one value for each voxel, built step by step.
///
/// Values lie over a background in greys. NaN is transparent, and so is what lies below the threshold of
/// the scale. The left of the body is at the left.
///
/// ```
/// use slice_figure::{ColorMap, ColorScale, Figure, Grid, Volume};
///
/// let affine = [[2.0, 0.0, 0.0, -20.0], [0.0, 2.0, 0.0, -20.0], [0.0, 0.0, 2.0, -10.0]];
/// let grid = Grid::new([20, 20, 10], affine)?;
/// let values: Vec<f32> = (0..4000).map(|voxel| (voxel % 20) as f32).collect();
/// let scale = ColorScale::fitting(ColorMap::Viridis, values.iter().copied());
/// let picture = Figure::new(Volume::new(grid, &values)?, scale)
///     .slices(5)
///     .title("Responses")
///     .quantity("beta")
///     .draw()?;
/// assert_eq!(picture.mosaic.slices().len(), 5);
/// let (height, width, channels) = picture.pixels.dim();
/// assert!(height > 100 && width > 100 && channels == 3);
/// # Ok::<(), slice_figure::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Figure<'a> {
    values: Volume<'a>,
    scale: ColorScale,
    background: Option<Volume<'a>>,
    silhouette: Option<&'a [bool]>,
    outline: Option<(&'a [bool], String)>,
    plane: Plane,
    most_slices: usize,
    frame: Option<Extent>,
    through: Option<Extent>,
    within: Option<(usize, usize)>,
    title: String,
    quantity: String,
}

/// What a figure is drawn from, pixel by pixel; arrays have the shape `(height, width)` of the mosaic.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Layers {
    /// Which slices stand where.
    pub mosaic: Mosaic,
    /// The grey of the background, 0 where there is none.
    pub background: Array2<u8>,
    /// The values, whatever the threshold; NaN between slices.
    pub values: Array2<f32>,
    /// Whether a pixel lies in the region that is outlined.
    pub region: Option<Array2<bool>>,
}

/// A picture, ready to be encoded.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Picture {
    /// Red, green and blue, shape `(height, width, 3)`.
    pub pixels: Array3<u8>,
    /// Which slices it shows.
    pub mosaic: Mosaic,
    /// How many voxels of the volume have a colour, in these slices and in all others.
    pub n_visible: usize,
}

impl<'a> Figure<'a> {
    /// Values and their colours: 12 axial slices through what is visible, as far as there are so many.
    pub fn new(values: Volume<'a>, scale: ColorScale) -> Self {
        Self {
            values,
            scale,
            background: None,
            silhouette: None,
            outline: None,
            plane: Plane::default(),
            most_slices: 12,
            frame: None,
            through: None,
            within: None,
            title: String::new(),
            quantity: String::new(),
        }
    }

    /// An image behind the values, on any grid in the same space.
    pub fn background(mut self, image: Volume<'a>) -> Self {
        self.background = Some(image);
        self
    }

    /// Voxels that are grey where no image is: one flag for each voxel of the values.
    pub fn silhouette(mut self, voxels: &'a [bool]) -> Self {
        self.silhouette = Some(voxels);
        self
    }

    /// A region that is outlined: one flag for each voxel of the values, and its name.
    pub fn outline(mut self, voxels: &'a [bool], name: impl Into<String>) -> Self {
        self.outline = Some((voxels, name.into()));
        self
    }

    /// The plane of the slices.
    pub fn plane(mut self, plane: Plane) -> Self {
        self.plane = plane;
        self
    }

    /// At most so many slices.
    pub fn slices(mut self, most: usize) -> Self {
        self.most_slices = most;
        self
    }

    /// The box that each slice shows; as first the one around all values but NaN.
    pub fn frame(mut self, frame: Extent) -> Self {
        self.frame = Some(frame);
        self
    }

    /// The box that the slices are spread over; as first the one around the visible values, or the frame
    /// if there are none.
    pub fn through(mut self, through: Extent) -> Self {
        self.through = Some(through);
        self
    }

    /// The width and the height, in pixels, up to which the slices are enlarged; by default those of
    /// a screen. A voxel has at least one pixel and at most 16.
    pub fn within(mut self, room: (usize, usize)) -> Self {
        self.within = Some(room);
        self
    }

    /// What is written above the slices.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// What the values are, for the colour bar, such as `noise ceiling (%)`.
    pub fn quantity(mut self, quantity: impl Into<String>) -> Self {
        self.quantity = quantity.into();
        self
    }

    /// Draws the picture. The same figure always gives the same pixels.
    ///
    /// # Errors
    ///
    /// [`Error::Length`] when there is not one flag for each voxel; [`Error::NoSlices`];
    /// [`Error::TooLarge`].
    pub fn draw(&self) -> Result<Picture, Error> {
        let layers = self.layers()?;
        let mosaic = &layers.mosaic;
        let width = (mosaic.width() + 3 * MARGIN).saturating_add(color_bar::WIDTH);
        let title = text::wrapped(&self.title, TextSize::Large, width - 2 * MARGIN);
        let names = self.outline.as_ref().map_or("", |(_, name)| name.as_str());
        let names = if names.is_empty() { String::new() } else { format!("outline: {names}") };
        let names = text::wrapped(&names, TextSize::Small, width - 2 * MARGIN);
        let title_height = match title.len() {
            0 => 0,
            lines => lines * TextSize::Large.height() + MARGIN / 2,
        };
        let body = mosaic.height().max(BAR.0);
        let names_top = MARGIN + title_height + body + MARGIN / 2;
        let height = names_top + names.len() * TextSize::Small.height() + MARGIN / 2;
        if width.checked_mul(height).is_none_or(|pixels| pixels > MAX_PIXELS) {
            return Err(Error::TooLarge { width, height, limit: MAX_PIXELS });
        }
        let mut canvas = Canvas::new(width, height);
        for (lines, size, top) in
            [(&title, TextSize::Large, MARGIN), (&names, TextSize::Small, names_top)]
        {
            for (nth, line) in lines.iter().enumerate() {
                let place = [MARGIN, top + nth * size.height()];
                text::draw(&mut canvas, place, line, size, TEXT);
            }
        }
        let place = [MARGIN, MARGIN + title_height];
        self.paint_slices(&mut canvas, place, &layers);
        let bar_height = body.min(BAR.1);
        let bar_place = [place[0] + mosaic.width() + MARGIN, place[1] + (body - bar_height) / 2];
        let (low, high) = self.scale.range();
        let visible = || self.values.values().iter().filter(|value| self.scale.is_visible(**value));
        let beyond = [visible().any(|value| *value < low), visible().any(|value| *value > high)];
        color_bar::draw(&mut canvas, bar_place, bar_height, &self.scale, &self.quantity, beyond);
        let n_visible = visible().count();
        Ok(Picture { pixels: canvas.into_pixels(), mosaic: layers.mosaic, n_visible })
    }

    /// Draws the slices alone, without title, colour bar and the name of the outline: a small
    /// picture, for a place that says these itself.
    ///
    /// ```
    /// use slice_figure::{ColorMap, ColorScale, Figure, Grid, Volume};
    ///
    /// let affine = [[2.0, 0.0, 0.0, -20.0], [0.0, 2.0, 0.0, -20.0], [0.0, 0.0, 2.0, -10.0]];
    /// let grid = Grid::new([20, 20, 10], affine)?;
    /// let values = vec![1.0; 4000];
    /// let scale = ColorScale::new(ColorMap::Viridis, 0.0, 2.0)?;
    /// let figure = Figure::new(Volume::new(grid, &values)?, scale).slices(1).within((100, 100));
    /// let picture = figure.draw_slices()?;
    /// let (height, width, channels) = picture.pixels.dim();
    /// assert!(height <= 100 && width <= 100 && channels == 3);
    /// # Ok::<(), slice_figure::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Figure::draw`].
    pub fn draw_slices(&self) -> Result<Picture, Error> {
        let layers = self.layers()?;
        let mut canvas = Canvas::new(layers.mosaic.width(), layers.mosaic.height());
        self.paint_slices(&mut canvas, [0, 0], &layers);
        let values = self.values.values().iter();
        let n_visible = values.filter(|value| self.scale.is_visible(**value)).count();
        Ok(Picture { pixels: canvas.into_pixels(), mosaic: layers.mosaic, n_visible })
    }

    fn mosaic(&self) -> Result<Mosaic, Error> {
        let grid = self.values.grid();
        let voxels = |keep: &dyn Fn(f32) -> bool| {
            let values = self.values.values().iter().enumerate();
            let kept: Vec<usize> = values.filter(|(_, it)| keep(**it)).map(|(at, _)| at).collect();
            grid.extent(kept).ok()
        };
        let frame = self.frame.or_else(|| voxels(&|value| !value.is_nan()));
        let frame = frame.unwrap_or_else(|| grid.whole());
        let through = self.through.or_else(|| voxels(&|value| self.scale.is_visible(value)));
        let through = through.unwrap_or(frame);
        let mosaic = Mosaic::new(grid, self.plane, frame, through, self.most_slices, HEADER)?;
        match self.within {
            Some(room) => mosaic.within(room),
            None => Ok(mosaic),
        }
    }

    /// What the figure is drawn from, for another way to draw it.
    ///
    /// # Errors
    ///
    /// As [`Figure::draw`].
    pub fn layers(&self) -> Result<Layers, Error> {
        let mosaic = self.mosaic()?;
        let mut background = Array2::zeros((mosaic.height(), mosaic.width()));
        if let Some(voxels) = self.silhouette {
            let is_inside = mosaic.flags(voxels)?;
            background.zip_mut_with(&is_inside, |grey, is_inside| {
                if *is_inside {
                    *grey = SILHOUETTE;
                }
            });
        }
        if let Some(image) = &self.background {
            let sampled = mosaic.sampled(image);
            let (black, white) = window(&sampled);
            background.zip_mut_with(&sampled, |grey, value| {
                if !value.is_nan() {
                    let share = ((value - black) / (white - black)).clamp(0.0, 1.0);
                    *grey = (share * BRIGHTEST).round() as u8;
                }
            });
        }
        let values = mosaic.values(self.values.values())?;
        let region = self.outline.as_ref().map(|(voxels, _)| mosaic.flags(voxels)).transpose()?;
        Ok(Layers { mosaic, background, values, region })
    }

    fn paint_slices(&self, canvas: &mut Canvas, [left, top]: [usize; 2], layers: &Layers) {
        for ((y, x), grey) in layers.background.indexed_iter() {
            canvas.set([left + x, top + y], [*grey; 3]);
        }
        for ((y, x), value) in layers.values.indexed_iter() {
            if let Some(color) = self.scale.color(*value) {
                canvas.blend([left + x, top + y], color, self.scale.opacity());
            }
        }
        let mosaic = &layers.mosaic;
        if let Some(region) = &layers.region {
            outline::draw(canvas, [left, top], region, (mosaic.scale() / 2).clamp(1, 3));
        }
        for (nth, slice) in mosaic.slices().iter().enumerate() {
            let [x, y] = mosaic.slice_place(nth);
            let place = [left + x, top + y - HEADER];
            draw_header(canvas, place, mosaic.slice_size()[0], mosaic, &mosaic.label(slice));
        }
    }
}

/// The marks of the sides and the place of a slice, as far as there is room for them.
fn draw_header(
    canvas: &mut Canvas,
    [left, top]: [usize; 2],
    width: usize,
    mosaic: &Mosaic,
    label: &str,
) {
    let size = TextSize::Small;
    let [at_left, at_right] = mosaic.plane().marks();
    let (label_width, mark_width) = (size.width(label), size.width(at_right));
    let has_marks = width >= 2 * mark_width;
    if has_marks {
        text::draw(canvas, [left, top], at_left, size, MARKS);
        text::draw(canvas, [left + width - mark_width, top], at_right, size, MARKS);
    }
    if width >= label_width + 2 * (mark_width + 2) {
        text::draw(canvas, [left + (width - label_width) / 2, top], label, size, TEXT);
    }
}

/// The values that are black and of the brightest grey.
fn window(image: &Array2<f32>) -> (f32, f32) {
    let mut values: Vec<f32> = image.iter().copied().filter(|value| value.is_finite()).collect();
    let black = quantile(&mut values, TAILS[0]);
    let white = quantile(&mut values, 1.0 - TAILS[1]);
    match black < white {
        true => (black, white),
        // An even image is grey.
        false => (black - 1.0, black + 1.0),
    }
}
