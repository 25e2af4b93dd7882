//! The bytes of one array in the `.npy` format, whatever they are a part of.

#[cfg(feature = "zarr")]
mod blocks;
mod header;
#[cfg(feature = "npz")]
mod member;
mod read;
#[cfg(any(feature = "npz", feature = "digest"))]
mod text;

use std::io::{self, Write};

use ndarray::{ArrayView, Dimension};

#[cfg(feature = "hdf5")]
pub(crate) use self::member::decode_texts;
#[cfg(feature = "npz")]
pub(crate) use self::member::{EncodedText, read_text};
pub(crate) use self::read::{Head, Unreadable, read};
#[cfg(any(feature = "npz", feature = "digest"))]
pub(crate) use self::text::check_texts;
#[cfg(feature = "digest")]
pub(crate) use self::text::{text_descriptor, text_width, write_texts};
use crate::element::{self, Element};

/// Bytes converted at a time; what is held in addition to the array itself.
const BLOCK: usize = 1 << 16;

/// The memory order and the header of an array, and how many bytes the two take.
pub(crate) struct Encoded<'a, T, D> {
    array: ArrayView<'a, T, D>,
    header: Vec<u8>,
    fortran: bool,
}

impl<'a, T: Element, D: Dimension> Encoded<'a, T, D> {
    /// Keeps the memory order where NumPy can express it (C or Fortran).
    pub(crate) fn new(array: ArrayView<'a, T, D>) -> io::Result<Self> {
        let reversed = array.view().reversed_axes();
        let fortran = !array.is_standard_layout() && reversed.is_standard_layout();
        let header = header::to_bytes(&element::descriptor::<T>(), fortran, array.shape())?;
        Ok(Self { array, header, fortran })
    }

    /// Bytes of header and data; `u64::MAX` when they cannot be counted.
    #[cfg(feature = "npz")]
    pub(crate) fn n_bytes(&self) -> u64 {
        n_bytes(self.array.shape(), T::SIZE as u64).saturating_add(self.header.len() as u64)
    }

    /// Writes header and data.
    pub(crate) fn write(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(&self.header)?;
        let reversed = self.array.view().reversed_axes();
        let in_order = match self.fortran {
            false => self.array.as_slice(),
            true => reversed.as_slice(),
        };
        match in_order {
            Some(values) => write_values(writer, values.iter().copied()),
            None => write_values(writer, self.array.iter().copied()),
        }
    }
}

/// Writes the elements of an array in C order, without a header.
#[cfg(feature = "digest")]
pub(crate) fn write_c_order<T: Element, D: Dimension>(
    writer: impl Write,
    array: &ArrayView<'_, T, D>,
) -> io::Result<()> {
    match array.as_slice() {
        Some(values) => write_values(writer, values.iter().copied()),
        None => write_values(writer, array.iter().copied()),
    }
}

/// The header of an array in C order.
#[cfg(feature = "zarr")]
pub(crate) fn c_order_header(descriptor: &str, shape: &[usize]) -> io::Result<Vec<u8>> {
    header::to_bytes(descriptor, false, shape)
}

/// The header of a C-ordered array.
pub(crate) fn standard_header<T: Element>(shape: &[usize]) -> io::Result<Vec<u8>> {
    header::to_bytes(&element::descriptor::<T>(), false, shape)
}

/// Bytes of that many elements; `u64::MAX` when they cannot be counted.
pub(crate) fn n_bytes(shape: &[usize], size: u64) -> u64 {
    // The empty array of a huge shape: zero, in whatever order the lengths come.
    if shape.contains(&0) {
        return 0;
    }
    shape.iter().fold(size, |product, &length| product.saturating_mul(length as u64))
}

fn write_values<T: Element>(
    mut writer: impl Write,
    mut values: impl ExactSizeIterator<Item = T>,
) -> io::Result<()> {
    let mut block = vec![0; BLOCK / T::SIZE * T::SIZE];
    while values.len() > 0 {
        let length = block.len().min(values.len().saturating_mul(T::SIZE));
        for (bytes, value) in block[..length].chunks_exact_mut(T::SIZE).zip(values.by_ref()) {
            value.put(bytes);
        }
        writer.write_all(&block[..length])?;
    }
    Ok(())
}
