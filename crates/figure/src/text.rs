//! Lines of text: the glyphs of a font that comes with its crate, drawn into a canvas.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::canvas::Canvas;
use crate::color_map::Rgb;

/// The size of a text. All glyphs of a size are equally wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextSize {
    Small,
    Large,
}

impl TextSize {
    fn raster(self) -> RasterHeight {
        match self {
            Self::Small => RasterHeight::Size16,
            Self::Large => RasterHeight::Size20,
        }
    }

    /// The height of a line.
    pub(crate) fn height(self) -> usize {
        self.raster().val()
    }

    /// The width of a text.
    pub(crate) fn width(self, text: &str) -> usize {
        text.chars().count().saturating_mul(self.glyph_width())
    }

    /// How many glyphs fit.
    pub(crate) fn fitting(self, width: usize) -> usize {
        width / self.glyph_width()
    }

    fn glyph_width(self) -> usize {
        get_raster_width(FontWeight::Regular, self.raster())
    }
}

/// Draws a line of text whose left and top are at a pixel. What lies outside the canvas is left out;
/// for a character that the font lacks a question mark is drawn.
pub(crate) fn draw(
    canvas: &mut Canvas,
    [left, top]: [usize; 2],
    text: &str,
    size: TextSize,
    color: Rgb,
) {
    let glyph = |character| get_raster(character, FontWeight::Regular, size.raster());
    for (nth, character) in text.chars().enumerate() {
        let Some(glyph) = glyph(character).or_else(|| glyph('?')) else { continue };
        let left = left + nth * size.glyph_width();
        for (y, row) in glyph.raster().iter().enumerate() {
            for (x, cover) in row.iter().enumerate() {
                if *cover > 0 {
                    canvas.blend([left + x, top + y], color, f32::from(*cover) / 255.0);
                }
            }
        }
    }
}

/// The lines of a text that is no wider than this, but for a single glyph.
pub(crate) fn wrapped(text: &str, size: TextSize, width: usize) -> Vec<String> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let lines = textwrap::wrap(text, size.fitting(width).max(1));
    lines.into_iter().map(std::borrow::Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> ndarray::Array3<u8> {
        let mut canvas = Canvas::new(40, 20);
        draw(&mut canvas, [2, 2], text, TextSize::Small, [255; 3]);
        canvas.into_pixels()
    }

    #[test]
    fn characters_differ_and_those_that_lack_are_question_marks() {
        let blank = drawn(" ");
        assert!(blank.iter().all(|level| *level == 0));
        for (one, other) in [("L", "R"), ("²", "2"), ("é", "e"), ("%", "°")] {
            assert_ne!(drawn(one), blank, "{one}");
            assert_ne!(drawn(one), drawn(other), "{one} {other}");
        }
        assert_eq!(drawn("\u{4e16}"), drawn("?"));
    }

    #[test]
    fn text_beyond_the_canvas_is_left_out() {
        assert_eq!(drawn("a text that is far too long for this").dim(), (20, 40, 3));
    }

    #[test]
    fn lines_break_between_words() {
        let width = TextSize::Small.width("noise ceiling");
        let lines = wrapped("noise ceiling in percent", TextSize::Small, width);
        assert_eq!(lines, ["noise ceiling", "in percent"]);
        assert!(wrapped(" ", TextSize::Small, 100).is_empty());
        assert_eq!(wrapped("ab", TextSize::Small, 0), ["a", "b"]);
    }
}
