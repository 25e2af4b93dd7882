//! HDF5 with the C library: one dataset per array.

use std::io::{self, Write};
use std::path::Path;

use half::f16;
use hdf5::types::{FixedUnicode, VarLenUnicode};
use hdf5::{Dataset, File, H5Type, Hyperslab, Location, SliceOrIndex};
use ndarray::{ArrayView, IxDyn};
use serde_json::Value;

use crate::arrays::{Labels, Sink, Spec};
use crate::atomic::atomic_path;
use crate::element::Element;
use crate::encoding;
use crate::error::Error;

/// Bytes that are gathered before the library gets them.
const PIECE: usize = 1 << 20;

/// Writes a file that appears when it is complete.
pub(crate) fn write<T, E: From<Error>>(
    path: &Path,
    write: impl FnOnce(&mut Hdf5Writer) -> Result<T, E>,
) -> Result<T, E> {
    atomic_path(path, |temporary| {
        let error = |source| Error::Write { path: path.into(), source };
        let file = create(temporary).map_err(error)?;
        let mut writer = Hdf5Writer { file };
        let value = write(&mut writer)?;
        writer.file.close().map_err(io::Error::other).map_err(error)?;
        Ok(value)
    })
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Hdf5Writer {
    file: File,
}

impl Sink for Hdf5Writer {
    fn array(
        &mut self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let dataset = match spec.descriptor.as_str() {
            _ if spec.is_text => self.write_texts(spec, write)?,
            "|b1" => self.write_numbers::<bool>(spec, write)?,
            "|u1" => self.write_numbers::<u8>(spec, write)?,
            "<u2" => self.write_numbers::<u16>(spec, write)?,
            "<u4" => self.write_numbers::<u32>(spec, write)?,
            "<u8" => self.write_numbers::<u64>(spec, write)?,
            "|i1" => self.write_numbers::<i8>(spec, write)?,
            "<i2" => self.write_numbers::<i16>(spec, write)?,
            "<i4" => self.write_numbers::<i32>(spec, write)?,
            "<i8" => self.write_numbers::<i64>(spec, write)?,
            "<f2" => self.write_numbers::<f16>(spec, write)?,
            "<f4" => self.write_numbers::<f32>(spec, write)?,
            "<f8" => self.write_numbers::<f64>(spec, write)?,
            other => return Err(io::Error::other(format!("no type {other}"))),
        };
        if spec.dimensions.is_empty() {
            return Ok(());
        }
        // A text with spaces between: names have none.
        text_attribute(&dataset, "dimension_names", &spec.dimensions.join(" "))
    }

    fn finish(&mut self, labels: &Labels) -> io::Result<()> {
        let there = self.file.member_names().map_err(io::Error::other)?;
        let coordinates = labels.coordinates_among(|name| there.iter().any(|other| other == name));
        if let Some(coordinates) = coordinates {
            text_attribute(&self.file, "coordinates", &coordinates)?;
        }
        for (name, value) in &labels.attributes {
            match value {
                Value::String(text) => text_attribute(&self.file, name, text)?,
                other => text_attribute(&self.file, name, &other.to_string())?,
            }
        }
        Ok(())
    }
}

impl Hdf5Writer {
    fn write_numbers<T: Element + H5Type>(
        &self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Dataset> {
        let dataset = self.create_dataset::<T>(spec.name, &spec.shape)?;
        let row = spec.shape.get(1..).unwrap_or_default();
        let row_bytes = encoding::n_bytes(row, T::SIZE as u64);
        let row_bytes = usize::try_from(row_bytes).map_err(io::Error::other)?;
        let mut rows = RowBuffer::<T> {
            dataset: &dataset,
            shape: spec.shape.clone(),
            row_bytes: row_bytes.max(1),
            next: 0,
            bytes: Vec::new(),
            values: Vec::new(),
        };
        write(&mut rows)?;
        rows.hand_over()?;
        Ok(dataset)
    }

    fn write_texts(
        &self,
        spec: &Spec<'_>,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Dataset> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        let texts = encoding::decode_texts(&bytes, spec.size)
            .ok_or_else(|| io::Error::other("not a text"))?;
        if spec.shape.is_empty() {
            return self.write_single_text(spec.name, &texts);
        }
        // The type is as long as the next power of two; readers take the zeros off.
        match texts.iter().map(String::len).max().unwrap_or(0) {
            0..=16 => self.write_fixed::<16>(spec, &texts),
            17..=32 => self.write_fixed::<32>(spec, &texts),
            33..=64 => self.write_fixed::<64>(spec, &texts),
            65..=128 => self.write_fixed::<128>(spec, &texts),
            129..=256 => self.write_fixed::<256>(spec, &texts),
            257..=1024 => self.write_fixed::<1024>(spec, &texts),
            got => Err(io::Error::other(format!("a text of {got} bytes, expected 1024 at most"))),
        }
    }

    fn write_fixed<const N: usize>(
        &self,
        spec: &Spec<'_>,
        texts: &[String],
    ) -> io::Result<Dataset> {
        let dataset = self.create_dataset::<FixedUnicode<N>>(spec.name, &spec.shape)?;
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            values.push(text.parse::<FixedUnicode<N>>().map_err(io::Error::other)?);
        }
        dataset.write_raw(&values).map_err(io::Error::other)?;
        Ok(dataset)
    }

    fn write_single_text(&self, name: &str, texts: &[String]) -> io::Result<Dataset> {
        let text = texts.first().map_or("", String::as_str);
        let text: VarLenUnicode = text.parse().map_err(io::Error::other)?;
        let dataset = self.create_dataset::<VarLenUnicode>(name, &[])?;
        dataset.write_scalar(&text).map_err(io::Error::other)?;
        Ok(dataset)
    }

    fn create_dataset<T: H5Type>(&self, name: &str, shape: &[usize]) -> io::Result<Dataset> {
        let empty = self.file.new_dataset::<T>();
        let dataset = match shape {
            [] => empty.obj_track_times(false).create(name),
            _ => empty.shape(shape).obj_track_times(false).no_chunk().create(name),
        };
        dataset.map_err(io::Error::other)
    }
}

/// Hands the bytes of an array to the library in whole rows.
struct RowBuffer<'a, T> {
    dataset: &'a Dataset,
    shape: Vec<usize>,
    row_bytes: usize,
    /// The first row that is not written.
    next: usize,
    bytes: Vec<u8>,
    values: Vec<T>,
}

impl<T: Element + H5Type> RowBuffer<'_, T> {
    fn hand_over(&mut self) -> io::Result<()> {
        let n_rows = self.bytes.len() / self.row_bytes;
        if n_rows == 0 {
            return Ok(());
        }
        let whole = n_rows * self.row_bytes;
        self.values.clear();
        for bytes in self.bytes[..whole].chunks_exact(T::SIZE) {
            self.values.push(T::get(bytes).ok_or(io::ErrorKind::InvalidData)?);
        }
        self.bytes.drain(..whole);
        let mut shape = self.shape.clone();
        let Some(rows) = shape.first_mut() else {
            let value = self.values.first().ok_or(io::ErrorKind::InvalidData)?;
            return self.dataset.write_scalar(value).map_err(io::Error::other);
        };
        *rows = n_rows;
        let mut selection: Vec<SliceOrIndex> =
            shape.iter().map(|&length| (0..length).into()).collect();
        selection[0] = (self.next..self.next + n_rows).into();
        let view = ArrayView::from_shape(IxDyn(&shape), &self.values).map_err(io::Error::other)?;
        self.dataset.write_slice(view, Hyperslab::from(selection)).map_err(io::Error::other)?;
        self.next += n_rows;
        Ok(())
    }
}

impl<T: Element + H5Type> Write for RowBuffer<'_, T> {
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

fn create(path: &Path) -> io::Result<File> {
    let mut options = File::with_options();
    options.with_fcpl(|create| create.obj_track_times(false));
    options.create(path).map_err(io::Error::other)
}

fn text_attribute(location: &Location, name: &str, text: &str) -> io::Result<()> {
    let text: VarLenUnicode = text.parse().map_err(io::Error::other)?;
    let attribute = location.new_attr::<VarLenUnicode>().create(name).map_err(io::Error::other)?;
    attribute.write_scalar(&text).map_err(io::Error::other)
}
