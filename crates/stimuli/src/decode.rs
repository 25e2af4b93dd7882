//! Encoded images to pixels: JPEG and PNG, told by their first bytes.

mod jpeg;
mod png;
#[cfg(feature = "turbojpeg")]
mod turbo;

use ndarray::{Array3, ArrayViewMut3};

/// The grey that shines through transparent pixels, as on the screen of the experiment.
pub const BACKGROUND: u8 = 128;

/// The most pixels of an image; a header that claims more is refused before memory is asked for.
pub const MAX_PIXELS: u64 = 50_000_000;

const JPEG_START: [u8; 3] = [0xff, 0xd8, 0xff];
const PNG_START: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// What the pixels of an image are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ColorMode {
    /// Grey: one channel.
    Grey,
    /// Grey and opacity: two channels.
    GreyAlpha,
    /// Red, green and blue.
    Rgb,
    /// Red, green, blue and opacity.
    Rgba,
}

/// An image as its file holds it, before anything was composited.
///
/// Palettes are resolved, 16-bit samples are reduced to their upper byte, and CMYK becomes RGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalImage {
    /// What the channels are.
    pub mode: ColorMode,
    /// (height, width, channels).
    pub pixels: Array3<u8>,
}

impl ColorMode {
    /// The number of channels.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// Height and width in pixels, from the header alone.
///
/// # Errors
///
/// [`DecodeError`].
pub fn dimensions(encoded: &[u8]) -> Result<(usize, usize), DecodeError> {
    match format(encoded)? {
        Format::Jpeg => jpeg::dimensions(encoded),
        Format::Png => png::dimensions(encoded),
    }
}

/// The image as it was displayed: (height, width, 3) RGB, with transparent pixels composited on
/// grey 128.
///
/// Compared with Pillow, PNG images are equal, or one level off where they are transparent. JPEG
/// images differ by at most half a level on average, and by up to about 32 levels in single pixels
/// at sharp coloured edges, where the decoders interpolate colour differently. With the feature
/// `turbojpeg` JPEG images are equal.
///
/// # Errors
///
/// [`DecodeError`].
#[doc(alias = "as_displayed")]
pub fn decode(encoded: &[u8]) -> Result<Array3<u8>, DecodeError> {
    let (height, width) = dimensions(encoded)?;
    let mut image = Array3::zeros((height, width, 3));
    decode_into(encoded, image.view_mut())?;
    Ok(image)
}

/// As [`decode`], into an array of the right shape.
///
/// # Errors
///
/// [`DecodeError`].
pub fn decode_into(encoded: &[u8], mut image: ArrayViewMut3<'_, u8>) -> Result<(), DecodeError> {
    let (height, width) = dimensions(encoded)?;
    if image.dim() != (height, width, 3) {
        let expected = image.dim().into();
        return Err(DecodeError::Shape { expected, got: [height, width, 3] });
    }
    let Some(pixels) = image.as_slice_mut() else {
        image.assign(&decode(encoded)?);
        return Ok(());
    };
    match format(encoded)? {
        Format::Jpeg => jpeg::decode_rgb(encoded, pixels),
        Format::Png => {
            let OriginalImage { mode, pixels: original } = png::decode(encoded)?;
            composite(mode, original.as_slice().unwrap_or_default(), pixels);
            Ok(())
        }
    }
}

/// The image as it is stored, with its own channels.
///
/// # Errors
///
/// [`DecodeError`].
pub fn decode_original(encoded: &[u8]) -> Result<OriginalImage, DecodeError> {
    match format(encoded)? {
        Format::Jpeg => jpeg::decode(encoded),
        Format::Png => png::decode(encoded),
    }
}

/// Why the bytes of an image could not be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Neither a JPEG nor a PNG file.
    #[error("expected a JPEG or PNG file, got one that starts with {got:02x?}")]
    Format {
        /// The first bytes.
        got: Vec<u8>,
    },
    /// More pixels than [`MAX_PIXELS`].
    #[error("expected at most {expected} pixels, got {height} x {width}")]
    TooLarge {
        /// The limit.
        expected: u64,
        /// Rows of pixels.
        height: usize,
        /// Pixels in a row.
        width: usize,
    },
    /// The image has another size than the array that it is decoded into.
    #[error("expected shape {expected:?}, got {got:?}")]
    Shape {
        /// The shape of the array.
        expected: [usize; 3],
        /// The shape of the image.
        got: [usize; 3],
    },
    /// The data is damaged or truncated.
    #[error("damaged {format} data")]
    Damaged {
        /// `JPEG` or `PNG`.
        format: &'static str,
        /// What the decoder found.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

enum Format {
    Jpeg,
    Png,
}

fn format(encoded: &[u8]) -> Result<Format, DecodeError> {
    if encoded.starts_with(&JPEG_START) {
        Ok(Format::Jpeg)
    } else if encoded.starts_with(&PNG_START) {
        Ok(Format::Png)
    } else {
        Err(DecodeError::Format { got: encoded[..encoded.len().min(8)].to_vec() })
    }
}

fn check_size(height: usize, width: usize) -> Result<(usize, usize), DecodeError> {
    if (height as u64).checked_mul(width as u64).is_some_and(|pixels| pixels <= MAX_PIXELS) {
        return Ok((height, width));
    }
    Err(DecodeError::TooLarge { expected: MAX_PIXELS, height, width })
}

/// Draws pixels of any mode on the grey background.
fn composite(mode: ColorMode, original: &[u8], rgb: &mut [u8]) {
    let pixels = original.chunks_exact(mode.channels()).zip(rgb.chunks_exact_mut(3));
    match mode {
        ColorMode::Grey => pixels.for_each(|(pixel, rgb)| rgb.fill(pixel[0])),
        ColorMode::GreyAlpha => {
            pixels.for_each(|(pixel, rgb)| rgb.fill(blend(pixel[0], pixel[1])));
        }
        ColorMode::Rgb => rgb.copy_from_slice(original),
        ColorMode::Rgba => pixels.for_each(|(pixel, rgb)| {
            for (level, out) in pixel[..3].iter().zip(rgb) {
                *out = blend(*level, pixel[3]);
            }
        }),
    }
}

/// A level of some opacity on the background, rounded to the nearest level.
fn blend(level: u8, alpha: u8) -> u8 {
    let (level, alpha) = (u32::from(level), u32::from(alpha));
    ((level * alpha + u32::from(BACKGROUND) * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_pixels_keep_their_level_and_transparent_ones_are_grey() {
        for level in 0..=255 {
            assert_eq!((blend(level, 255), blend(level, 0)), (level, BACKGROUND));
        }
        assert_eq!(blend(0, 128), 64);
    }

    #[test]
    fn other_bytes_are_no_image() {
        let error = decode(b"GIF89a....").unwrap_err();
        assert!(matches!(error, DecodeError::Format { got } if got == b"GIF89a.."));
        assert!(matches!(decode(b"").unwrap_err(), DecodeError::Format { got } if got.is_empty()));
    }

    #[test]
    fn sizes_are_limited_before_memory_is_asked_for() {
        assert_eq!(check_size(5000, 10_000).unwrap(), (5000, 10_000));
        let error = check_size(5001, 10_000).unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge { height: 5001, width: 10_000, .. }));
        assert!(check_size(usize::MAX, usize::MAX).is_err());
    }
}
