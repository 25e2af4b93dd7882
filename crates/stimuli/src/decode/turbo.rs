//! JPEG with the library that Pillow uses, for pixels that equal Pillow's.

use turbojpeg::{Decompressor, Image, PixelFormat};

use super::{DecodeError, jpeg::damaged};

/// Decodes to tightly packed rows of this many pixels.
pub(super) fn decode(
    encoded: &[u8],
    (height, width): (usize, usize),
    is_grey: bool,
    pixels: &mut [u8],
) -> Result<(), DecodeError> {
    let (format, channels) = if is_grey { (PixelFormat::GRAY, 1) } else { (PixelFormat::RGB, 3) };
    let mut decompressor = Decompressor::new().map_err(damaged)?;
    let header = decompressor.read_header(encoded).map_err(damaged)?;
    if (header.height, header.width) != (height, width) {
        return Err(damaged("two sizes"));
    }
    let image = Image { pixels, width, pitch: width * channels, height, format };
    decompressor.decompress(encoded, image).map_err(damaged)
}
