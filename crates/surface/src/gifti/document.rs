//! The walk through a GIFTI document.

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::DataArray;
use super::attributes::Header;
use super::data::Decoder;
use super::error::GiftiError;

/// The longest tag, comment or text outside of the data.
const MARKUP_LIMIT: u64 = 16 << 20;

const ROOT: &str = "GIFTI";
const ARRAY: &str = "DataArray";
const DATA: &str = "Data";

/// Reads all arrays of a document.
pub(super) fn read<R: BufRead>(mut reader: R) -> Result<Vec<DataArray>, GiftiError> {
    refuse_wide_text(&mut reader)?;
    let reader = Limited { inner: reader, left: MARKUP_LIMIT, exceeded: false };
    let mut document = Document {
        reader: Reader::from_reader(reader),
        path: Vec::new(),
        arrays: Vec::new(),
        current: None,
    };
    let mut buffer = Vec::new();
    while !document.next(&mut buffer)? {
        buffer.clear();
    }
    Ok(document.arrays)
}

/// UTF-16 and UTF-32 are told by the first bytes: a mark of their order, or a zero beside the `<`.
fn refuse_wide_text(reader: &mut impl BufRead) -> Result<(), GiftiError> {
    let start = loop {
        match reader.fill_buf() {
            Ok(start) => break start,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(GiftiError::Io { offset: 0, source }),
        }
    };
    let got = match *start {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [b'<', 0, 0, 0, ..] => "UTF-32",
        [0, 0, 0, b'<', ..] => "UTF-32",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..] => "UTF-16",
        _ => return Ok(()),
    };
    Err(GiftiError::Encoding { got })
}

/// Where the walk is.
struct Document<R> {
    reader: Reader<Limited<R>>,
    /// The names of the open elements.
    path: Vec<String>,
    arrays: Vec<DataArray>,
    current: Option<Current>,
}

/// The array whose element is open.
struct Current {
    header: Header,
    /// While its element `Data` is open.
    decoder: Option<Decoder>,
    read: Option<DataArray>,
}

impl<R: BufRead> Document<R> {
    /// Takes the next event; true at the end of the root.
    fn next(&mut self, buffer: &mut Vec<u8>) -> Result<bool, GiftiError> {
        self.data_text()?;
        let before = self.reader.buffer_position();
        self.reader.get_mut().left = MARKUP_LIMIT;
        let event = match self.reader.read_event_into(buffer) {
            Ok(event) => event,
            Err(error) => return Err(self.fault(before, error)),
        };
        match event {
            Event::Start(element) => self.open(&element)?,
            Event::Empty(element) => {
                self.open(&element)?;
                return self.close();
            }
            Event::End(_) => return self.close(),
            Event::CData(data) => self.push(&data, before)?,
            Event::GeneralRef(reference) => self.reference(&reference, before)?,
            Event::Eof => return Err(self.ends_early()),
            // Outside of data texts are of no interest; their own text is read in `data_text`.
            _ => {}
        }
        Ok(false)
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), GiftiError> {
        let offset = self.reader.buffer_position();
        let name = String::from_utf8_lossy(element.name().as_ref()).into_owned();
        let parents: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match (parents.as_slice(), &mut self.current) {
            ([], _) if name != ROOT => return Err(GiftiError::NotGifti { got: name }),
            ([ROOT], _) if name == ARRAY => {
                let header = Header::parse(self.arrays.len(), element, offset)?;
                self.current = Some(Current { header, decoder: None, read: None });
            }
            ([ROOT, ARRAY], Some(current)) if name == DATA => {
                let array = current.header.array;
                if current.read.is_some() {
                    return Err(GiftiError::DataElements { array, expected: 1, got: 2 });
                }
                current.decoder = Some(Decoder::new(current.header.clone()));
            }
            ([ROOT, ARRAY, DATA], Some(current)) => {
                return Err(GiftiError::InvalidData {
                    array: current.header.array,
                    offset,
                    expected: "text",
                    got: format!("<{name}>"),
                });
            }
            _ => {}
        }
        self.path.push(name);
        Ok(())
    }

    /// The end of the innermost element; true if it is the root.
    fn close(&mut self) -> Result<bool, GiftiError> {
        let offset = self.reader.buffer_position();
        let closed = self.path.pop();
        match (self.path.len(), closed.as_deref()) {
            (2, Some(DATA)) => {
                if let Some(current) = &mut self.current
                    && let Some(decoder) = current.decoder.take()
                {
                    let (Header { intent, shape, .. }, values) = decoder.finish(offset)?;
                    current.read = Some(DataArray { intent, shape, values });
                }
            }
            (1, Some(ARRAY)) => {
                if let Some(Current { header, read, .. }) = self.current.take() {
                    let array = header.array;
                    let missing = GiftiError::DataElements { array, expected: 1, got: 0 };
                    self.arrays.push(read.ok_or(missing)?);
                }
            }
            _ => {}
        }
        Ok(self.path.is_empty())
    }

    /// Decodes the text up to the next markup while `Data` is open, without collecting it.
    fn data_text(&mut self) -> Result<(), GiftiError> {
        let Some(decoder) = self.current.as_mut().and_then(|current| current.decoder.as_mut())
        else {
            return Ok(());
        };
        loop {
            let mut stream = self.reader.stream();
            let offset = stream.offset();
            // Text is decoded as it comes and may be as long as the dimensions allow.
            stream.get_mut().left = MARKUP_LIMIT;
            let chunk = match stream.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(GiftiError::Io { offset, source }),
            };
            let end = chunk.iter().position(|byte| matches!(byte, b'<' | b'&'));
            let length = end.unwrap_or(chunk.len());
            decoder.push(&chunk[..length], offset)?;
            stream.consume(length);
            if end.is_some() || length == 0 {
                return Ok(());
            }
        }
    }

    fn push(&mut self, text: &[u8], offset: u64) -> Result<(), GiftiError> {
        match self.current.as_mut().and_then(|current| current.decoder.as_mut()) {
            Some(decoder) => decoder.push(text, offset),
            None => Ok(()),
        }
    }

    /// A reference such as `&#10;`; nothing that a document type declares is expanded.
    fn reference(&mut self, reference: &BytesRef<'_>, offset: u64) -> Result<(), GiftiError> {
        let Some(current) = &mut self.current else { return Ok(()) };
        let Some(decoder) = &mut current.decoder else { return Ok(()) };
        match reference.resolve_char_ref() {
            Ok(Some(character)) => {
                decoder.push(character.encode_utf8(&mut [0; 4]).as_bytes(), offset)
            }
            _ => Err(GiftiError::InvalidData {
                array: current.header.array,
                offset,
                expected: "text without references",
                got: format!("&{};", String::from_utf8_lossy(reference)),
            }),
        }
    }

    fn ends_early(&self) -> GiftiError {
        match self.path.last() {
            None => GiftiError::NotGifti { got: String::new() },
            Some(innermost) => GiftiError::EndsEarly {
                offset: self.reader.buffer_position(),
                expected: innermost.clone(),
            },
        }
    }

    fn fault(&self, before: u64, error: quick_xml::Error) -> GiftiError {
        let offset = self.reader.error_position();
        match error {
            _ if self.reader.get_ref().exceeded => {
                GiftiError::MarkupTooLong { offset: before, limit: MARKUP_LIMIT }
            }
            quick_xml::Error::Io(error) => {
                let source = io::Error::new(error.kind(), error);
                GiftiError::Io { offset: self.reader.buffer_position(), source }
            }
            error => GiftiError::Syntax { offset, source: error.into() },
        }
    }
}

/// A reader that fails when one event takes too much.
struct Limited<R> {
    inner: R,
    left: u64,
    exceeded: bool,
}

impl<R: BufRead> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let length = chunk.len().min(buffer.len());
        buffer[..length].copy_from_slice(&chunk[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            self.exceeded = true;
            return Err(io::Error::other("too long"));
        }
        let chunk = self.inner.fill_buf()?;
        let length = chunk.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        Ok(&chunk[..length])
    }

    fn consume(&mut self, length: usize) {
        self.left = self.left.saturating_sub(length as u64);
        self.inner.consume(length);
    }
}
