//! The bytes of one array in the `.npy` format, whatever they are a part of.

use std::io::{self, Read, Write};
use std::path::Path;

use ndarray::{ArrayD, ArrayView, ArrayView2, Dimension, IxDyn, ShapeBuilder};
use ndarray_npy::npy::header::{Header, Layout};
use py_literal::Value;

use crate::element::{self, Element};
use crate::error::Error;

/// Bytes converted at a time; what is held in addition to the array itself.
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
        let width = text_width(texts);
        let header = header(&text_descriptor(width), Layout::Standard, &[texts.len()])?;
        Ok(Self { texts, header, width })
    }

    /// Bytes of header and data; `u64::MAX` when they cannot be counted.
    pub(crate) fn n_bytes(&self) -> u64 {
        n_bytes(&[self.texts.len(), self.width], 4).saturating_add(self.header.len() as u64)
    }

    /// Writes header and data.
    pub(crate) fn write(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(&self.header)?;
        write_texts(writer, self.texts, self.width)
    }
}

/// Code points of the longest text, at least one.
pub(crate) fn text_width<S: AsRef<str>>(texts: &[S]) -> usize {
    texts.iter().map(|text| text.as_ref().chars().count()).max().unwrap_or(0).max(1)
}

/// The type descriptor of fixed-width texts.
pub(crate) fn text_descriptor(width: usize) -> String {
    format!("<U{width}")
}

/// Writes texts as UTF-32, filled with zeros to the width.
pub(crate) fn write_texts<S: AsRef<str>>(
    mut writer: impl Write,
    texts: &[S],
    width: usize,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for text in texts {
        let zeros = std::iter::repeat('\0');
        let padded = text.as_ref().chars().chain(zeros).take(width);
        bytes.extend(padded.flat_map(|character| u32::from(character).to_le_bytes()));
        if bytes.len() >= BLOCK {
            writer.write_all(&bytes)?;
            bytes.clear();
        }
    }
    writer.write_all(&bytes)
}

/// The texts of [`write_texts`], of which each takes `size` bytes.
#[cfg(feature = "hdf5-c")]
pub(crate) fn decode_texts(bytes: &[u8], size: usize) -> Option<Vec<String>> {
    bytes.chunks_exact(size.max(1)).map(|bytes| decode_text(bytes, u32::from_le_bytes)).collect()
}

/// A text of UTF-32, without the zeros at its end.
fn decode_text(bytes: &[u8], number: fn([u8; 4]) -> u32) -> Option<String> {
    let characters = bytes.as_chunks().0.iter().map(|&bytes| char::from_u32(number(bytes)));
    let text: String = characters.collect::<Option<_>>()?;
    Some(text.trim_end_matches('\0').to_owned())
}

/// Writes the elements of an array in C order, without a header.
pub(crate) fn write_c_order<T: Element, D: Dimension>(
    writer: impl Write,
    array: &ArrayView<'_, T, D>,
) -> io::Result<()> {
    match array.as_slice() {
        Some(values) => write_values(writer, values.iter().copied()),
        None => write_values(writer, array.iter().copied()),
    }
}

/// Why an array could not be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// There is no array of that name.
    Missing,
    Io(io::Error),
    /// Another format or another element type.
    Other(Box<dyn std::error::Error + Send + Sync>),
    Length {
        expected: u64,
        got: u64,
    },
}

impl Unreadable {
    /// With the file, the member and what was asked for.
    pub(crate) fn at(self, path: &Path, name: &str, expected: &'static str) -> Error {
        let (path, name) = (path.to_path_buf(), name.to_owned());
        match self {
            Self::Missing => Error::NoMember { path, name },
            // This is how a checksum that does not match is told.
            Self::Io(source) if source.kind() == io::ErrorKind::InvalidData => {
                Error::NotMember { path, name, expected, source: source.into() }
            }
            Self::Io(source) => Error::Read { path, source },
            Self::Other(source) => Error::NotMember { path, name, expected, source },
            Self::Length { expected, got } => Error::MemberLength { path, name, expected, got },
        }
    }
}

impl From<io::Error> for Unreadable {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}

impl From<&str> for Unreadable {
    fn from(reason: &str) -> Self {
        Self::Other(reason.into())
    }
}

impl From<io::ErrorKind> for Unreadable {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Io(kind.into())
    }
}

/// What a header says, checked against the bytes that follow it.
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
        let (header, descriptor, n_bytes) = read_header(&mut reader, n_bytes)?;
        let fortran = header.layout == Layout::Fortran;
        Ok(Self { descriptor, shape: header.shape, fortran, n_bytes })
    }

    /// Whether elements are `T`, and whether they are little-endian.
    fn little_endian<T: Element>(&self) -> Result<bool, Unreadable> {
        match split_descriptor(&self.descriptor) {
            Some((order, kind)) if kind == T::KIND => Ok(order != '>'),
            _ => Err(other(format!("the type is {:?}", self.descriptor))),
        }
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

    /// Reads the data of a matrix a few rows at a time.
    pub(crate) fn rows<T: Element>(
        &self,
        reader: impl Read,
        rows_per_block: usize,
        mut block: impl FnMut(usize, ArrayView2<'_, T>) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let little = self.little_endian::<T>()?;
        let count = checked_count(&self.shape, T::SIZE, self.n_bytes)?;
        let &[n_rows, n_columns] = &self.shape[..] else {
            return Err(other(format!("the shape is {:?}", self.shape)));
        };
        self.check_c_order()?;
        let rows_per_block = rows_per_block.clamp(1, n_rows.max(1));
        let mut values: Vec<T> = Vec::new();
        let mut row = 0;
        let mut hand_over = |values: &mut Vec<T>, least: usize| {
            if n_columns == 0 || values.len() < least.saturating_mul(n_columns) {
                return Ok(());
            }
            let shape = (values.len() / n_columns, n_columns);
            let view = ArrayView2::from_shape(shape, values)
                .map_err(|error| Unreadable::Other(error.into()))?;
            block(row, view)?;
            row += shape.0;
            values.clear();
            Ok(())
        };
        let mut failed = None;
        let result = read_blocks(reader, T::SIZE, count, |bytes| {
            if !little {
                bytes.reverse();
            }
            values.push(T::get(bytes)?);
            if values.len() == rows_per_block.saturating_mul(n_columns) {
                failed = hand_over(&mut values, rows_per_block).err();
            }
            failed.is_none().then_some(())
        });
        failed.map_or(result, Err)?;
        if values.is_empty() { Ok(()) } else { hand_over(&mut values, 1) }
    }

    /// Reads texts: a list, or a single one without dimension.
    pub(crate) fn texts(&self, reader: impl Read) -> Result<Vec<String>, Unreadable> {
        let (descriptor, shape) = (&self.descriptor, &self.shape);
        let wrong = || other(format!("the type is {descriptor:?} and the shape {shape:?}"));
        let (order, kind) = split_descriptor(descriptor).ok_or_else(wrong)?;
        let width = kind.strip_prefix('U').and_then(|width| width.parse::<usize>().ok());
        let size = width.and_then(|width| width.checked_mul(4)).filter(|&size| size > 0);
        let (Some(size), [_] | []) = (size, &shape[..]) else { return Err(wrong()) };
        let count = checked_count(shape, size, self.n_bytes)?;
        let mut texts = Vec::with_capacity(count);
        let number = if order == '>' { u32::from_be_bytes } else { u32::from_le_bytes };
        read_blocks(reader, size, count, |bytes| {
            texts.push(decode_text(bytes, number)?);
            Some(())
        })?;
        Ok(texts)
    }

    /// Hands out all bytes of the data, in C order and little-endian, without understanding them.
    pub(crate) fn bytes(
        &self,
        mut reader: impl Read,
        mut block: impl FnMut(&[u8]),
    ) -> Result<(), Unreadable> {
        let size = split_descriptor(&self.descriptor)
            .filter(|&(order, _)| order != '>')
            .and_then(|(_, kind)| element_size(kind))
            .ok_or_else(|| other(format!("the type is {:?}", self.descriptor)))?;
        self.check_c_order()?;
        checked_count(&self.shape, size, self.n_bytes)?;
        let mut buffer = vec![0; BLOCK];
        let mut left = self.n_bytes;
        loop {
            // Also at the end: a zip member compares its checksum when there is no more.
            let got = reader.read(&mut buffer)?;
            match left.checked_sub(got as u64) {
                Some(0) if got == 0 => return Ok(()),
                None => return Err(other("more data than announced".to_owned())),
                Some(_) if got == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(rest) => left = rest,
            }
            block(&buffer[..got]);
        }
    }

    fn check_c_order(&self) -> Result<(), Unreadable> {
        match self.fortran && self.shape.len() > 1 {
            true => Err(other("it is in Fortran order".to_owned())),
            false => Ok(()),
        }
    }
}

/// Reads an array that takes `n_bytes` bytes with its header.
pub(crate) fn read<T: Element>(
    mut reader: impl Read,
    n_bytes: u64,
) -> Result<ArrayD<T>, Unreadable> {
    Head::read(&mut reader, n_bytes)?.values(reader)
}

/// Reads texts that take `n_bytes` bytes with their header.
pub(crate) fn read_text(mut reader: impl Read, n_bytes: u64) -> Result<Vec<String>, Unreadable> {
    Head::read(&mut reader, n_bytes)?.texts(reader)
}

/// The header of an array in C order.
pub(crate) fn c_order_header(descriptor: &str, shape: &[usize]) -> io::Result<Vec<u8>> {
    header(descriptor, Layout::Standard, shape)
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

/// Bytes of one element of a kind that this crate writes.
fn element_size(kind: &str) -> Option<usize> {
    let letter = kind.get(..1)?;
    let number: usize = kind.get(1..)?.parse().ok()?;
    match letter {
        "U" => number.checked_mul(4),
        "f" | "i" | "u" | "b" => Some(number),
        _ => None,
    }
    .filter(|&size| size > 0)
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
