//! The backend that calls the C library of HDF5. It takes one call at a time, whatever the thread.

use std::path::Path;
use std::sync::Arc;

use half::f16;
use hdf5::types::{FixedUnicode, FloatSize, IntSize, TypeDescriptor, VarLenArray, VarLenUnicode};
use hdf5::{Hyperslab, SliceOrIndex};
use ndarray::IxDyn;

use super::{Backend, Element, Failure, MAX_PIECE, Rows};

/// Texts of a fixed length are read if they have at most this many bytes.
const MAX_TEXT: usize = 1024;

/// An open file.
#[derive(Debug)]
pub(super) struct CLibrary(hdf5::File);

#[derive(Debug)]
struct CRows {
    dataset: hdf5::Dataset,
    descriptor: TypeDescriptor,
    element: Element,
    shape: Vec<u64>,
}

/// Opens a file read-only, without locking it.
pub(super) fn open(path: &Path) -> Result<CLibrary, Box<dyn std::error::Error + Send + Sync>> {
    let mut options = hdf5::File::with_options();
    options.with_fapl(|access| access.file_locking(false));
    Ok(CLibrary(options.open(path)?))
}

impl Backend for CLibrary {
    fn dataset(&self, name: &str) -> Result<Arc<dyn Rows>, Failure> {
        let dataset = match self.0.dataset(name) {
            Ok(dataset) => dataset,
            Err(error) => {
                let names = self.0.member_names().map_err(damaged)?;
                let is_missing = !names.iter().any(|other| other == name);
                return Err(if is_missing { Failure::Missing(names) } else { damaged(error) });
            }
        };
        let descriptor = dataset.dtype().and_then(|datatype| datatype.to_descriptor());
        let descriptor = descriptor.map_err(damaged)?;
        let element = element(&descriptor);
        let shape = dataset.get_shape().map_err(damaged)?;
        let shape = shape.into_iter().map(|axis| axis as u64).collect();
        Ok(Arc::new(CRows { dataset, descriptor, element, shape }))
    }
}

impl Rows for CRows {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn element(&self) -> &Element {
        &self.element
    }

    fn rows_together(&self) -> usize {
        // More threads would only wait for each other.
        0
    }

    fn is_encoded(&self) -> bool {
        // The library does not say.
        true
    }

    fn read(&self, rows: &[usize], out: &mut [u8]) -> Result<(), Failure> {
        let Some(size) = out.len().checked_div(rows.len()) else { return Ok(()) };
        let mut rest = out;
        for run in rows.chunk_by(|row, next| row + 1 == *next) {
            let (part, others) = rest.split_at_mut(run.len() * size);
            self.read_run(run[0], run.len(), part)?;
            rest = others;
        }
        Ok(())
    }

    fn read_sequence(&self, row: usize) -> Result<Vec<u8>, Failure> {
        let rows: Vec<VarLenArray<u8>> = self.select(row, 1)?;
        let [sequence] = rows.as_slice() else { return Err(Failure::damaged("not one row")) };
        if sequence.len() as u64 > MAX_PIECE {
            return Err(Failure::TooLarge { expected: MAX_PIECE, got: sequence.len() as u64 });
        }
        Ok(sequence.to_vec())
    }

    fn read_text(&self) -> Result<Vec<String>, Failure> {
        let count = self.shape[0] as usize;
        match self.descriptor {
            TypeDescriptor::FixedAscii(length) | TypeDescriptor::FixedUnicode(length) => {
                if length > MAX_TEXT {
                    let (expected, got) = (MAX_TEXT as u64, length as u64);
                    return Err(Failure::TooLarge { expected, got });
                }
                let texts: Vec<FixedUnicode<MAX_TEXT>> = self.select(0, count)?;
                Ok(texts.iter().map(ToString::to_string).collect())
            }
            _ => {
                let texts: Vec<VarLenUnicode> = self.select(0, count)?;
                Ok(texts.iter().map(ToString::to_string).collect())
            }
        }
    }
}

impl CRows {
    fn read_run(&self, first: usize, count: usize, out: &mut [u8]) -> Result<(), Failure> {
        match self.descriptor {
            TypeDescriptor::Float(FloatSize::U2) => {
                let values: Vec<f16> = self.select(first, count)?;
                for (pair, value) in out.chunks_exact_mut(2).zip(values) {
                    pair.copy_from_slice(&value.to_bits().to_le_bytes());
                }
            }
            TypeDescriptor::Boolean => {
                let values: Vec<bool> = self.select(first, count)?;
                out.iter_mut().zip(values).for_each(|(out, value)| *out = u8::from(value));
            }
            TypeDescriptor::Integer(IntSize::U1) => {
                let values: Vec<i8> = self.select(first, count)?;
                out.iter_mut().zip(values).for_each(|(out, value)| *out = value.cast_unsigned());
            }
            _ => out.copy_from_slice(&self.select::<u8>(first, count)?),
        }
        Ok(())
    }

    fn select<T: hdf5::H5Type>(&self, first: usize, count: usize) -> Result<Vec<T>, Failure> {
        let along = |start, count| SliceOrIndex::SliceCount { start, step: 1, count, block: 1 };
        let mut axes = vec![along(first, count)];
        axes.extend(self.shape[1..].iter().map(|axis| along(0, *axis as usize)));
        let values = self.dataset.read_slice::<T, _, IxDyn>(Hyperslab::from(axes));
        Ok(values.map_err(damaged)?.into_raw_vec_and_offset().0)
    }
}

fn element(descriptor: &TypeDescriptor) -> Element {
    let is_byte = |descriptor: &TypeDescriptor| {
        let byte = IntSize::U1;
        *descriptor == TypeDescriptor::Unsigned(byte)
            || *descriptor == TypeDescriptor::Integer(byte)
    };
    match descriptor {
        // The library converts to the order of this machine, and `read_run` to this one.
        TypeDescriptor::Float(FloatSize::U2) => Element::Half { big_endian: false },
        TypeDescriptor::Boolean => Element::Byte,
        other if is_byte(other) => Element::Byte,
        TypeDescriptor::FixedAscii(_)
        | TypeDescriptor::FixedUnicode(_)
        | TypeDescriptor::VarLenAscii
        | TypeDescriptor::VarLenUnicode => Element::Text,
        TypeDescriptor::VarLenArray(base) if is_byte(base) => Element::Sequence,
        other => Element::Other(other.to_string()),
    }
}

fn damaged(error: hdf5::Error) -> Failure {
    Failure::Damaged(Box::new(error))
}
