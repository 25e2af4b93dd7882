//! HDF5: one contiguous dataset per array, written in pieces of whole rows.

use std::io::{self, Write};
use std::path::Path;

use rust_hdf5::{ByteOrder, DatatypeMessage, H5Dataset, H5File, H5Type, HBool, VarLenUnicode};
use serde_json::Value;

use crate::arrays::{Labels, Sink, Spec};
use crate::atomic::atomic_path;
use crate::encoding;
use crate::error::Error;

/// Bytes that are gathered before the library gets them.
const PIECE: usize = 1 << 20;

/// Unused bytes of a text are zeros, in UTF-8.
const ZEROS: u8 = 1;
const UTF8: u8 = 1;

/// Writes a file that appears when it is complete.
pub(crate) fn write<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&mut Hdf5Writer) -> Result<T, E>,
) -> Result<T, E> {
    atomic_path(path, |temporary| {
        let error = |source| Error::Write { path: path.into(), source };
        // Nobody else knows the temporary name, and some file systems know no locks.
        let file = H5File::options().no_locking().create(temporary);
        let file = file.map_err(|source| error(other(source)))?;
        let mut writer = Hdf5Writer { file, names: Vec::new() };
        let value = write(&mut writer)?;
        // What is to stay is brought to the disk with its name.
        writer.file.close_no_sync().map_err(|source| error(other(source)))?;
        Ok(value)
    })
}

/// A file that is being written.
pub(crate) struct Hdf5Writer {
    file: H5File,
    /// The arrays that are in it.
    names: Vec<String>,
}

impl Sink for Hdf5Writer {
    fn array(
        &mut self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let dataset = match (spec.is_text, spec.size) {
            (true, _) => self.write_texts(spec, write)?,
            (false, 1) => self.write_numbers::<u8, 1>(spec, write, u8::from_le_bytes)?,
            (false, 2) => self.write_numbers::<u16, 2>(spec, write, u16::from_le_bytes)?,
            (false, 4) => self.write_numbers::<u32, 4>(spec, write, u32::from_le_bytes)?,
            (false, 8) => self.write_numbers::<u64, 8>(spec, write, u64::from_le_bytes)?,
            (false, size) => return Err(io::Error::other(format!("no type of {size} bytes"))),
        };
        self.names.push(spec.name.to_owned());
        if spec.dimensions.is_empty() {
            return Ok(());
        }
        // A text with spaces between: names have none.
        let attribute = dataset.new_attr::<VarLenUnicode>().shape(()).create("dimension_names");
        attribute.and_then(|it| it.write_string(&spec.dimensions.join(" "))).map_err(other)
    }

    fn finish(&mut self, labels: &Labels) -> io::Result<()> {
        let is_there = |name: &str| self.names.iter().any(|other| other == name);
        if let Some(coordinates) = labels.coordinates_among(is_there) {
            self.file.set_attr_string("coordinates", &coordinates).map_err(other)?;
        }
        for (name, value) in &labels.attributes {
            match value {
                Value::String(text) => self.file.set_attr_string(name, text),
                value => self.file.set_attr_string(name, &value.to_string()),
            }
            .map_err(other)?;
        }
        Ok(())
    }
}

impl Hdf5Writer {
    /// Numbers of any type of `N` bytes, which the library gets as unsigned ones of that size.
    fn write_numbers<T: H5Type, const N: usize>(
        &self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
        from_bytes: fn([u8; N]) -> T,
    ) -> io::Result<H5Dataset> {
        let datatype = datatype(&spec.descriptor)
            .ok_or_else(|| io::Error::other(format!("no type {}", spec.descriptor)))?;
        let dataset = self.create::<T>(spec, datatype)?;
        let row = spec.shape.get(1..).unwrap_or_default();
        let row_bytes = usize::try_from(encoding::n_bytes(row, N as u64));
        let mut rows = Rows {
            dataset: &dataset,
            shape: &spec.shape,
            row_bytes: row_bytes.map_err(io::Error::other)?.max(1),
            next: 0,
            bytes: Vec::new(),
            from_bytes,
        };
        write(&mut rows)?;
        rows.hand_over()?;
        Ok(dataset)
    }

    fn write_texts(
        &self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<H5Dataset> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        let texts = encoding::decode_texts(&bytes, spec.size)
            .ok_or_else(|| io::Error::other("not a text"))?;
        // The type is as long as the longest of them; readers take the zeros off.
        let width = texts.iter().map(String::len).max().unwrap_or(0).max(1);
        let size = u32::try_from(width).map_err(io::Error::other)?;
        let datatype = DatatypeMessage::FixedString { size, padding: ZEROS, charset: UTF8 };
        let dataset = self.create::<u8>(spec, datatype)?;
        let mut stored = vec![0; width * texts.len()];
        for (stored, text) in stored.chunks_exact_mut(width).zip(&texts) {
            stored[..text.len()].copy_from_slice(text.as_bytes());
        }
        if !stored.is_empty() {
            dataset.write_raw_bytes(&stored).map_err(other)?;
        }
        Ok(dataset)
    }

    fn create<T: H5Type>(
        &self,
        spec: &Spec<'_>,
        datatype: DatatypeMessage,
    ) -> io::Result<H5Dataset> {
        let dataset = self.file.new_dataset::<T>().datatype(datatype);
        let dataset = match spec.shape.as_slice() {
            [] => dataset.scalar(),
            shape => dataset.shape(shape),
        };
        dataset.create(spec.name).map_err(other)
    }
}

/// Hands the bytes of an array to the library in whole rows.
struct Rows<'a, T, const N: usize> {
    dataset: &'a H5Dataset,
    shape: &'a [usize],
    row_bytes: usize,
    /// The first row that is not written.
    next: usize,
    bytes: Vec<u8>,
    from_bytes: fn([u8; N]) -> T,
}

impl<T: H5Type, const N: usize> Rows<'_, T, N> {
    fn hand_over(&mut self) -> io::Result<()> {
        let n_rows = self.bytes.len() / self.row_bytes;
        if n_rows == 0 {
            return Ok(());
        }
        let whole = n_rows * self.row_bytes;
        let (elements, _) = self.bytes[..whole].as_chunks::<N>();
        let values: Vec<T> = elements.iter().map(|bytes| (self.from_bytes)(*bytes)).collect();
        self.bytes.drain(..whole);
        if self.shape.is_empty() {
            return self.dataset.write_raw(&values).map_err(other);
        }
        let (mut starts, mut counts) = (vec![0; self.shape.len()], self.shape.to_vec());
        (starts[0], counts[0]) = (self.next, n_rows);
        self.next += n_rows;
        self.dataset.write_slice(&starts, &counts, &values).map_err(other)
    }
}

impl<T: H5Type, const N: usize> Write for Rows<'_, T, N> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= PIECE {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The type of HDF5 for a type descriptor of NumPy.
fn datatype(descriptor: &str) -> Option<DatatypeMessage> {
    Some(match descriptor {
        "|b1" => HBool::hdf5_type(),
        "|u1" => u8::hdf5_type(),
        "<u2" => u16::hdf5_type(),
        "<u4" => u32::hdf5_type(),
        "<u8" => u64::hdf5_type(),
        "|i1" => i8::hdf5_type(),
        "<i2" => i16::hdf5_type(),
        "<i4" => i32::hdf5_type(),
        "<i8" => i64::hdf5_type(),
        "<f2" => DatatypeMessage::FloatingPoint {
            size: 2,
            byte_order: ByteOrder::LittleEndian,
            sign_location: 15,
            bit_offset: 0,
            bit_precision: 16,
            exponent_location: 10,
            exponent_size: 5,
            mantissa_location: 0,
            mantissa_size: 10,
            exponent_bias: 15,
        },
        "<f4" => f32::hdf5_type(),
        "<f8" => f64::hdf5_type(),
        _ => return None,
    })
}

fn other(error: rust_hdf5::Hdf5Error) -> io::Error {
    match error {
        rust_hdf5::Hdf5Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

impl std::fmt::Debug for Hdf5Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hdf5Writer").field("names", &self.names).finish_non_exhaustive()
    }
}
