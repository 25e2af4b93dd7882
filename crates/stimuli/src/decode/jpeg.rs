//! JPEG with `zune-jpeg`, which is set to refuse truncated files.

use ndarray::Array3;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{ColorMode, DecodeError, OriginalImage, check_size};

/// JPEG cannot be larger along one axis.
const MAX_SIDE: usize = 65_535;

pub(super) fn dimensions(encoded: &[u8]) -> Result<(usize, usize), DecodeError> {
    let (height, width, _) = header(encoded)?;
    Ok((height, width))
}

pub(super) fn decode(encoded: &[u8]) -> Result<OriginalImage, DecodeError> {
    let (height, width, is_grey) = header(encoded)?;
    let mode = if is_grey { ColorMode::Grey } else { ColorMode::Rgb };
    let space = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
    let mut pixels = Array3::zeros((height, width, mode.channels()));
    decode_as(encoded, space, pixels.as_slice_mut().unwrap_or_default())?;
    Ok(OriginalImage { mode, pixels })
}

pub(super) fn decode_rgb(encoded: &[u8], pixels: &mut [u8]) -> Result<(), DecodeError> {
    decode_as(encoded, ColorSpace::RGB, pixels)
}

fn decode_as(encoded: &[u8], space: ColorSpace, pixels: &mut [u8]) -> Result<(), DecodeError> {
    #[cfg(feature = "turbojpeg")]
    if let Some(size) = known_to_turbo(encoded)? {
        return super::turbo::decode(encoded, size, space == ColorSpace::Luma, pixels);
    }
    let options = options().jpeg_set_out_colorspace(space);
    JpegDecoder::new_with_options(ZCursor::new(encoded), options)
        .decode_into(pixels)
        .map_err(damaged)
}

/// The size of an image that is not CMYK, which the other library does not turn into RGB.
#[cfg(feature = "turbojpeg")]
fn known_to_turbo(encoded: &[u8]) -> Result<Option<(usize, usize)>, DecodeError> {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(encoded), options());
    decoder.decode_headers().map_err(damaged)?;
    let other =
        [Some(ColorSpace::CMYK), Some(ColorSpace::YCCK)].contains(&decoder.input_colorspace());
    Ok(decoder.dimensions().filter(|_| !other).map(|(width, height)| (height, width)))
}

/// Height, width, and whether it is grey.
fn header(encoded: &[u8]) -> Result<(usize, usize, bool), DecodeError> {
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(encoded), options());
    decoder.decode_headers().map_err(damaged)?;
    let Some((width, height)) = decoder.dimensions() else {
        return Err(damaged("no size"));
    };
    let (height, width) = check_size(height, width)?;
    Ok((height, width, decoder.input_colorspace() == Some(ColorSpace::Luma)))
}

fn options() -> DecoderOptions {
    DecoderOptions::default().set_strict_mode(true).set_max_width(MAX_SIDE).set_max_height(MAX_SIDE)
}

pub(super) fn damaged(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DecodeError {
    DecodeError::Damaged { format: "JPEG", source: source.into() }
}
