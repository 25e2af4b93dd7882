//! The bytes of one array in the `.npy` format, whatever they are a part of.

use std::io::{self, Read, Write};

use ndarray::{ArrayD, ArrayView, Dimension, IxDyn, ShapeBuilder};
use ndarray_npy::npy::header::{Header, Layout};
use py_literal::Value;

use crate::element::{self, Element};

/// Bytes converted at a time; what is held beside the array itself.
const BLOCK: usize = 1 << 16;

/// The longest header that is read; NumPy itself refuses more than 10,000 bytes.
const LONGEST_HEADER: usize = 1 << 16;

/// The memory order and the header of an array, and how many bytes the two take.
pub(crate) struct Encoded<'a, T, D> {
    array: ArrayView<'a, T, D>,
    header: Vec<u8>,
    layout: Layout,
}

impl<'a, T: Element, D: Dimension> Encoded<'a, T, D> {
    /// Keeps the memory order where NumPy can express it (C or Fortran).
    pub(crate) fn new(array: ArrayView<'a, T, D>) -> io::Result<Self> {
        let reversed = array.view().reversed_axes();
        let layout = if !array.is_standard_layout() && reversed.is_standard_layout() {
            Layout::Fortran
        } else {
            Layout::Standard
        };
        let header = header(&element::descriptor::<T>(), layout, array.shape())?;
        Ok(Self { array, header, layout })
    }

    /// Bytes of header and data; `u64::MAX` when they cannot be counted.
    pub(crate) fn n_bytes(&self) -> u64 {
        n_bytes(self.array.shape(), T::SIZE as u64).saturating_add(self.header.len() as u64)
    }

    /// Writes header and data.
    pub(crate) fn write(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(&self.header)?;
        let reversed = self.array.view().reversed_axes();
        let in_order = match self.layout {
            Layout::Standard => self.array.as_slice(),
            Layout::Fortran => reversed.as_slice(),
        };
        match in_order {
            Some(values) => write_values(writer, values.iter().copied()),
            None => write_values(writer, self.array.iter().copied()),
        }
    }
}

/// Texts as NumPy's fixed-width unicode: UTF-32, as wide as the longest, the rest zero.
pub(crate) struct EncodedText<'a, S> {
    texts: &'a [S],
    header: Vec<u8>,
    width: usize,
}

impl<'a, S: AsRef<str>> EncodedText<'a, S> {
    /// Counts code points; the width is at least one, since NumPy has no empty type.
    pub(crate) fn new(texts: &'a [S]) -> io::Result<Self> {
        let longest = texts.iter().map(|text| text.as_ref().chars().count()).max();
        let width = longest.unwrap_or(0).max(1);
        let header = header(&format!("<U{width}"), Layout::Standard, &[texts.len()])?;
        Ok(Self { texts, header, width })
    }

    /// Bytes of header and data; `u64::MAX` when they cannot be counted.
    pub(crate) fn n_bytes(&self) -> u64 {
        n_bytes(&[self.texts.len(), self.width], 4).saturating_add(self.header.len() as u64)
    }

    /// Writes header and data.
    pub(crate) fn write(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(&self.header)?;
        let mut bytes = Vec::new();
        for text in self.texts {
            let zeros = std::iter::repeat('\0');
            let padded = text.as_ref().chars().chain(zeros).take(self.width);
            bytes.extend(padded.flat_map(|character| u32::from(character).to_le_bytes()));
            if bytes.len() >= BLOCK {
                writer.write_all(&bytes)?;
                bytes.clear();
            }
        }
        writer.write_all(&bytes)
    }
}

/// Why an array could not be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
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

/// Reads an array that takes `n_bytes` bytes with its header.
pub(crate) fn read<T: Element>(
    mut reader: impl Read,
    n_bytes: u64,
) -> Result<ArrayD<T>, Unreadable> {
    let (header, descriptor, left) = read_header(&mut reader, n_bytes)?;
    let little = match split_descriptor(&descriptor) {
        Some((order, kind)) if kind == T::KIND => order != '>',
        _ => return Err(other(format!("the type is {descriptor:?}"))),
    };
    let count = checked_count(&header.shape, T::SIZE, left)?;
    let mut values = Vec::with_capacity(count);
    read_blocks(reader, T::SIZE, count, |bytes| {
        if !little {
            bytes.reverse();
        }
        values.push(T::get(bytes)?);
        Some(())
    })?;
    let shape = IxDyn(&header.shape).set_f(header.layout == Layout::Fortran);
    ArrayD::from_shape_vec(shape, values).map_err(|error| Unreadable::Other(error.into()))
}

/// Reads a list of texts that takes `n_bytes` bytes with its header.
pub(crate) fn read_text(mut reader: impl Read, n_bytes: u64) -> Result<Vec<String>, Unreadable> {
    let (header, descriptor, left) = read_header(&mut reader, n_bytes)?;
    let wrong = || other(format!("the type is {descriptor:?} and the shape {:?}", header.shape));
    let (order, kind) = split_descriptor(&descriptor).ok_or_else(wrong)?;
    let width = kind.strip_prefix('U').and_then(|width| width.parse::<usize>().ok());
    let size = width.and_then(|width| width.checked_mul(4)).filter(|&size| size > 0);
    let (Some(size), [_]) = (size, &header.shape[..]) else { return Err(wrong()) };
    let count = checked_count(&header.shape, size, left)?;
    let mut texts = Vec::with_capacity(count);
    read_blocks(reader, size, count, |bytes| {
        let characters = bytes.as_chunks().0.iter().map(|&bytes| {
            let number = if order == '>' { u32::from_be_bytes } else { u32::from_le_bytes };
            char::from_u32(number(bytes))
        });
        let text: String = characters.collect::<Option<_>>()?;
        texts.push(text.trim_end_matches('\0').to_owned());
        Some(())
    })?;
    Ok(texts)
}

/// The header of a C-ordered array.
pub(crate) fn standard_header<T: Element>(shape: &[usize]) -> io::Result<Vec<u8>> {
    header(&element::descriptor::<T>(), Layout::Standard, shape)
}

fn header(descriptor: &str, layout: Layout, shape: &[usize]) -> io::Result<Vec<u8>> {
    Header { type_descriptor: Value::String(descriptor.to_owned()), layout, shape: shape.to_vec() }
        .to_bytes()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

fn n_bytes(shape: &[usize], size: u64) -> u64 {
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

/// The header, its type descriptor, and how many bytes are left for the data.
fn read_header(reader: &mut impl Read, n_bytes: u64) -> Result<(Header, String, u64), Unreadable> {
    let short = |source: io::Error| match source.kind() {
        io::ErrorKind::UnexpectedEof => other("shorter than its header".to_owned()),
        _ => Unreadable::Io(source),
    };
    // Magic string, version, and the length of the rest in two bytes, or in four from version 2.
    let mut start = vec![0; 10];
    reader.read_exact(&mut start).map_err(short)?;
    if start[6] > 1 {
        start.resize(12, 0);
        reader.read_exact(&mut start[10..]).map_err(short)?;
    }
    let length = match start[8..] {
        [a, b] => usize::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => usize::MAX,
    };
    if !start.starts_with(b"\x93NUMPY") || length > LONGEST_HEADER {
        return Err(other("no .npy header".to_owned()));
    }
    let fixed = start.len();
    start.resize(fixed + length, 0);
    reader.read_exact(&mut start[fixed..]).map_err(short)?;
    let header =
        Header::from_reader(&mut &start[..]).map_err(|error| Unreadable::Other(error.into()))?;
    let descriptor = match &header.type_descriptor {
        Value::String(descriptor) => descriptor.clone(),
        structured => structured.to_string(),
    };
    Ok((header, descriptor, n_bytes.saturating_sub(start.len() as u64)))
}

/// Byte order (little-endian unless said otherwise) and kind.
fn split_descriptor(descriptor: &str) -> Option<(char, &str)> {
    let first = descriptor.chars().next()?;
    match first {
        '<' | '>' | '|' => Some((first, &descriptor[1..])),
        _ => Some(('<', descriptor)),
    }
}

/// The number of elements, after comparing their bytes with those that are there.
fn checked_count(shape: &[usize], size: usize, got: u64) -> Result<usize, Unreadable> {
    let expected = n_bytes(shape, size as u64);
    if expected != got {
        return Err(Unreadable::Length { expected, got });
    }
    usize::try_from(expected / size as u64).map_err(|error| Unreadable::Other(error.into()))
}

/// Hands out `count` elements of `size` bytes each, as far as `element` takes them.
fn read_blocks(
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
    // A zip member compares its checksum when it is read to its end.
    if reader.read(&mut [0])? != 0 {
        return Err(other("more data than announced".to_owned()));
    }
    Ok(())
}

fn other(message: String) -> Unreadable {
    Unreadable::Other(message.into())
}
