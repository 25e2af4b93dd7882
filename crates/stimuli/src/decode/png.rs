//! PNG of any colour type and depth.

use std::io::Cursor;

use ndarray::Array3;
use png::{ColorType, Decoder, Limits, Reader, Transformations};

use super::{ColorMode, DecodeError, MAX_PIXELS, OriginalImage, check_size};

pub(super) fn dimensions(encoded: &[u8]) -> Result<(usize, usize), DecodeError> {
    let mut decoder = Decoder::new(Cursor::new(encoded));
    let info = decoder.read_header_info().map_err(damaged)?;
    check_size(info.height as usize, info.width as usize)
}

pub(super) fn decode(encoded: &[u8]) -> Result<OriginalImage, DecodeError> {
    let (height, width) = dimensions(encoded)?;
    let mut reader = open(encoded)?;
    let mode = match reader.output_color_type().0 {
        ColorType::Grayscale => ColorMode::Grey,
        ColorType::GrayscaleAlpha => ColorMode::GreyAlpha,
        ColorType::Rgb => ColorMode::Rgb,
        ColorType::Rgba => ColorMode::Rgba,
        ColorType::Indexed => return Err(damaged("the palette was not resolved")),
    };
    let mut pixels = Array3::zeros((height, width, mode.channels()));
    let bytes = pixels.as_slice_mut().unwrap_or_default();
    // A frame that is smaller than the image would leave pixels unset.
    let expected = bytes.len();
    let frame = reader.next_frame(bytes).map_err(damaged)?;
    if frame.buffer_size() != expected {
        return Err(damaged("the frame does not fill the image"));
    }
    Ok(OriginalImage { mode, pixels })
}

fn open(encoded: &[u8]) -> Result<Reader<Cursor<&[u8]>>, DecodeError> {
    let limits = Limits { bytes: 8 * MAX_PIXELS as usize };
    let mut decoder = Decoder::new_with_limits(Cursor::new(encoded), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.read_info().map_err(damaged)
}

fn damaged(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DecodeError {
    DecodeError::Damaged { format: "PNG", source: source.into() }
}
