//! PNG images.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use ndarray::ArrayView3;

use crate::atomic::atomic_file;
use crate::error::Error;

/// Writes an image of 8-bit levels, shape `(height, width, channels)`, to a `.png` file that appears
/// when it is complete. One channel is grey, two are grey and opacity, three RGB, four RGBA; nothing
/// is lost.
///
/// # Errors
///
/// As [`atomic_file`], also for an image without pixels or with another number of channels.
pub fn write_png<'a>(
    path: impl AsRef<Path>,
    image: impl Into<ArrayView3<'a, u8>>,
) -> Result<(), Error> {
    let image = image.into();
    atomic_file(path, |writer| encode(writer, image))
}

/// Writes a PNG image to a stream, for example the standard output.
///
/// # Errors
///
/// [`Error::Stream`].
pub fn write_png_to<'a>(
    writer: impl Write,
    image: impl Into<ArrayView3<'a, u8>>,
) -> Result<(), Error> {
    let mut writer = BufWriter::with_capacity(1 << 16, writer);
    encode(&mut writer, image.into())
        .and_then(|()| writer.flush())
        .map_err(|source| Error::Stream { source })
}

fn encode(writer: impl Write, image: ArrayView3<'_, u8>) -> io::Result<()> {
    let (height, width, channels) = image.dim();
    let color = match channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        4 => png::ColorType::Rgba,
        _ => return Err(unfit(format!("expected 1 to 4 channels, got {channels}"))),
    };
    let side = |length: usize| {
        u32::try_from(length).map_err(|_| unfit(format!("{length} is too long for a side")))
    };
    let mut encoder = png::Encoder::new(writer, side(width)?, side(height)?);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut encoder = encoder.write_header()?;
    encoder.write_image_data(image.as_standard_layout().as_slice().unwrap_or_default())?;
    Ok(encoder.finish()?)
}

fn unfit(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Axis};

    use super::*;

    fn read(bytes: &[u8]) -> (png::ColorType, Array3<u8>) {
        let mut reader = png::Decoder::new(io::Cursor::new(bytes)).read_info().unwrap();
        let mut levels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut levels).unwrap();
        let shape = (info.height as usize, info.width as usize, reader.info().color_type.samples());
        (info.color_type, Array3::from_shape_vec(shape, levels).unwrap())
    }

    #[test]
    fn every_number_of_channels_comes_back() {
        for (channels, color) in [
            (1, png::ColorType::Grayscale),
            (2, png::ColorType::GrayscaleAlpha),
            (3, png::ColorType::Rgb),
            (4, png::ColorType::Rgba),
        ] {
            let image =
                Array3::from_shape_fn((5, 7, channels), |(y, x, c)| (y * 50 + x * 7 + c) as u8);
            let mut bytes = Vec::new();
            write_png_to(&mut bytes, image.view()).unwrap();
            assert_eq!(read(&bytes), (color, image));
        }
    }

    #[test]
    fn other_orders_in_memory_give_the_same_image() {
        let image = Array3::from_shape_fn((4, 6, 3), |(y, x, c)| (y * 20 + x * 3 + c) as u8);
        let mut flipped = image.clone();
        flipped.invert_axis(Axis(0));
        flipped.invert_axis(Axis(0));
        let other = image.view().permuted_axes([1, 0, 2]);
        let (mut bytes, mut turned) = (Vec::new(), Vec::new());
        write_png_to(&mut bytes, flipped.view()).unwrap();
        write_png_to(&mut turned, other).unwrap();
        assert_eq!(read(&bytes).1, image);
        assert_eq!(read(&turned).1, other);
    }

    #[test]
    fn what_no_png_can_hold_leaves_no_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.png");
        for shape in [(2, 2, 5), (0, 2, 3), (2, 0, 1)] {
            let error = write_png(&path, Array3::zeros(shape).view()).unwrap_err();
            assert!(matches!(&error, Error::Write { path: got, .. } if *got == path), "{error}");
        }
        assert_eq!(directory.path().read_dir().unwrap().count(), 0);
    }
}
