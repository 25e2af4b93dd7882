//! Pixels that are drawn over each other.

use ndarray::Array3;

use crate::color_map::Rgb;

/// Red, green and blue of each pixel, black at first.
#[derive(Debug)]
pub(crate) struct Canvas {
    pixels: Array3<u8>,
}

impl Canvas {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { pixels: Array3::zeros((height, width, 3)) }
    }

    /// Shape `(height, width, 3)`.
    pub(crate) fn into_pixels(self) -> Array3<u8> {
        self.pixels
    }

    /// Gives a pixel a colour; one outside the canvas is left out.
    pub(crate) fn set(&mut self, place: [usize; 2], color: Rgb) {
        self.blend(place, color, 1.0);
    }

    /// Lays a colour over a pixel: with an opacity of 1 nothing is left of what was there.
    pub(crate) fn blend(&mut self, [x, y]: [usize; 2], color: Rgb, opacity: f32) {
        for (channel, level) in color.into_iter().enumerate() {
            if let Some(pixel) = self.pixels.get_mut([y, x, channel]) {
                let mixed = f32::from(*pixel) + opacity * (f32::from(level) - f32::from(*pixel));
                *pixel = mixed.round() as u8;
            }
        }
    }

    /// Fills a rectangle.
    pub(crate) fn fill(&mut self, [left, top]: [usize; 2], [w, h]: [usize; 2], color: Rgb) {
        for y in top..top + h {
            for x in left..left + w {
                self.set([x, y], color);
            }
        }
    }
}
