//! An array as the member of a file: lists of texts, and errors that name the member.

use std::io::{self, Read, Write};
use std::path::Path;

use super::read::{Head, Unreadable, checked_count, other, read_blocks, split_descriptor};
use super::text::{text_descriptor, text_width, write_texts};
use super::{header, n_bytes};
use crate::error::Error;

/// Texts as NumPy's fixed-width unicode: UTF-32, as wide as the longest, the rest zero.
pub(crate) struct EncodedText<'a, S> {
    texts: &'a [S],
    header: Vec<u8>,
    width: usize,
}

impl<'a, S: AsRef<str>> EncodedText<'a, S> {
    /// Counts code points; the width is at least one, since NumPy has no empty type.
    pub(crate) fn list(texts: &'a [S]) -> io::Result<Self> {
        Self::of_shape(texts, &[texts.len()])
    }

    /// A single text, without dimension.
    pub(crate) fn scalar(text: &'a [S; 1]) -> io::Result<Self> {
        Self::of_shape(text, &[])
    }

    fn of_shape(texts: &'a [S], shape: &[usize]) -> io::Result<Self> {
        let width = text_width(texts);
        let header = header::to_bytes(&text_descriptor(width), false, shape)?;
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

/// The texts of [`write_texts`], of which each takes `size` bytes.
#[cfg(feature = "hdf5")]
pub(crate) fn decode_texts(bytes: &[u8], size: usize) -> Option<Vec<String>> {
    bytes.chunks_exact(size.max(1)).map(|bytes| decode_text(bytes, u32::from_le_bytes)).collect()
}

/// A text of UTF-32, without the zeros at its end.
fn decode_text(bytes: &[u8], number: fn([u8; 4]) -> u32) -> Option<String> {
    let characters = bytes.as_chunks().0.iter().map(|&bytes| char::from_u32(number(bytes)));
    let text: String = characters.collect::<Option<_>>()?;
    Some(text.trim_end_matches('\0').to_owned())
}

impl Head {
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
}

/// Reads texts that take `n_bytes` bytes with their header.
pub(crate) fn read_text(mut reader: impl Read, n_bytes: u64) -> Result<Vec<String>, Unreadable> {
    Head::read(&mut reader, n_bytes)?.texts(reader)
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
