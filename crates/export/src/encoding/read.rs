//! Arrays of numbers, read back: what a header says is compared with the bytes that are there first.

use std::io::{self, Read};

use ndarray::{ArrayD, IxDyn, ShapeBuilder};

use super::header::{self, Header};
use super::{BLOCK, n_bytes};
use crate::element::Element;

/// Why an array could not be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// There is no array of that name.
    #[cfg(feature = "npz")]
    Missing,
    Io(io::Error),
    /// Another format or another element type.
    Other(Box<dyn std::error::Error + Send + Sync>),
    Length {
        expected: u64,
        got: u64,
    },
}

impl From<io::Error> for Unreadable {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}

#[cfg(feature = "zarr")]
impl From<&str> for Unreadable {
    fn from(reason: &str) -> Self {
        Self::Other(reason.into())
    }
}

#[cfg(feature = "zarr")]
impl From<io::ErrorKind> for Unreadable {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Io(kind.into())
    }
}

/// What a header says, checked against the bytes that follow it.
#[derive(Debug)]
pub(crate) struct Head {
    /// NumPy's type descriptor with its byte order.
    pub(crate) descriptor: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) fortran: bool,
    /// Bytes of data that are there.
    pub(crate) n_bytes: u64,
}

impl Head {
    /// Takes a header off an array of `n_bytes` bytes.
    pub(crate) fn read(mut reader: impl Read, n_bytes: u64) -> Result<Self, Unreadable> {
        let (header, n_bytes) = header::read(&mut reader, n_bytes)?;
        let Header { descriptor, fortran, shape } = header;
        Ok(Self { descriptor, shape, fortran, n_bytes })
    }

    /// Whether elements are `T`.
    pub(crate) fn holds<T: Element>(&self) -> bool {
        self.little_endian::<T>().is_ok()
    }

    /// Whether elements are `T`, and whether they are little-endian.
    pub(super) fn little_endian<T: Element>(&self) -> Result<bool, Unreadable> {
        match split_descriptor(&self.descriptor) {
            Some((order, kind)) if kind == T::KIND => Ok(order != '>'),
            _ => Err(other(format!("the type is {:?}", self.descriptor))),
        }
    }

    /// Hands over the data row by row, a row being what one index of the first axis stands for; an array
    /// in Fortran order is read as a whole for that.
    pub(crate) fn each_row<T: Element, E: From<Unreadable>>(
        &self,
        mut reader: impl Read,
        mut take: impl FnMut(&[T]) -> Result<(), E>,
    ) -> Result<(), E> {
        let little = self.little_endian::<T>()?;
        let count = checked_count(&self.shape, T::SIZE, self.n_bytes)?;
        let n_rows = self.shape.first().copied().unwrap_or(1);
        if count == 0 {
            return (0..n_rows).try_for_each(|_| take(&[]));
        }
        if self.fortran && self.shape.len() > 1 {
            let values = self.values::<T>(reader)?;
            return values
                .outer_iter()
                .try_for_each(|row| take(&row.iter().copied().collect::<Vec<T>>()));
        }
        let mut row = Vec::with_capacity(count / n_rows);
        for _ in 0..n_rows {
            row.clear();
            read_elements(&mut reader, T::SIZE, count / n_rows, |bytes| {
                if !little {
                    bytes.reverse();
                }
                row.push(T::get(bytes)?);
                Some(())
            })?;
            take(&row)?;
        }
        Ok(check_end(reader)?)
    }

    /// Reads the data.
    pub(crate) fn values<T: Element>(&self, reader: impl Read) -> Result<ArrayD<T>, Unreadable> {
        let little = self.little_endian::<T>()?;
        let count = checked_count(&self.shape, T::SIZE, self.n_bytes)?;
        let mut values = Vec::with_capacity(count);
        read_blocks(reader, T::SIZE, count, |bytes| {
            if !little {
                bytes.reverse();
            }
            values.push(T::get(bytes)?);
            Some(())
        })?;
        let shape = IxDyn(&self.shape).set_f(self.fortran);
        ArrayD::from_shape_vec(shape, values).map_err(|error| Unreadable::Other(error.into()))
    }
}

/// Reads an array that takes `n_bytes` bytes with its header.
pub(crate) fn read<T: Element>(
    mut reader: impl Read,
    n_bytes: u64,
) -> Result<ArrayD<T>, Unreadable> {
    Head::read(&mut reader, n_bytes)?.values(reader)
}

/// Byte order (little-endian unless said otherwise) and kind.
pub(super) fn split_descriptor(descriptor: &str) -> Option<(char, &str)> {
    let first = descriptor.chars().next()?;
    match first {
        '<' | '>' | '|' => Some((first, &descriptor[1..])),
        _ => Some(('<', descriptor)),
    }
}

/// The number of elements, after comparing their bytes with those that are there.
pub(super) fn checked_count(shape: &[usize], size: usize, got: u64) -> Result<usize, Unreadable> {
    let expected = n_bytes(shape, size as u64);
    if expected != got {
        return Err(Unreadable::Length { expected, got });
    }
    usize::try_from(expected / size as u64).map_err(|error| Unreadable::Other(error.into()))
}

/// Hands out `count` elements of `size` bytes each, as far as `element` takes them; they are all.
pub(super) fn read_blocks(
    mut reader: impl Read,
    size: usize,
    count: usize,
    element: impl FnMut(&mut [u8]) -> Option<()>,
) -> Result<(), Unreadable> {
    read_elements(&mut reader, size, count, element)?;
    check_end(reader)
}

fn read_elements(
    mut reader: impl Read,
    size: usize,
    count: usize,
    mut element: impl FnMut(&mut [u8]) -> Option<()>,
) -> Result<(), Unreadable> {
    let per_block = (BLOCK / size).max(1);
    let mut block = vec![0; per_block.min(count) * size];
    let mut left = count;
    while left > 0 {
        let bytes = &mut block[..per_block.min(left) * size];
        reader.read_exact(bytes)?;
        for bytes in bytes.chunks_exact_mut(size) {
            element(bytes)
                .ok_or_else(|| other("a value that the type does not have".to_owned()))?;
        }
        left -= per_block.min(left);
    }
    Ok(())
}

fn check_end(mut reader: impl Read) -> Result<(), Unreadable> {
    // A zip member compares its checksum when it is read to its end.
    if reader.read(&mut [0])? != 0 {
        return Err(other("more data than announced".to_owned()));
    }
    Ok(())
}

pub(super) fn other(message: String) -> Unreadable {
    Unreadable::Other(message.into())
}
