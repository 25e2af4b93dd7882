//! From the text of a `Data` element to values, in small pieces.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zlib_rs::{Inflate, InflateFlush, Status};

use super::attributes::{Encoding, Header};
use super::error::GiftiError;
use super::values::Values;

/// The longest number that is read, in bytes.
const NUMBER_LIMIT: usize = 1024;

/// Base64 digits that are decoded at a time; a multiple of 4.
const DIGITS: usize = 4096;

/// Inflated bytes that are taken over at a time.
const INFLATED: usize = 16 * 1024;

const WINDOW_BITS: u8 = 15;

/// Bits after the last byte are ignored, as Python does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Takes the text of one array piece by piece.
pub(super) struct Decoder {
    header: Header,
    state: State,
}

enum State {
    Text(Numbers),
    Binary(Box<Digits>),
}

impl Decoder {
    pub(super) fn new(header: Header) -> Self {
        let state = if header.encoding == Encoding::Ascii {
            State::Text(Numbers { values: Values::empty(header.data_type), text: Vec::new() })
        } else {
            let zlib = header.encoding == Encoding::Zlib;
            State::Binary(Box::new(Digits {
                pending: Vec::with_capacity(DIGITS),
                padded: false,
                bytes: Bytes { expected: header.bytes(), kept: Vec::new() },
                inflate: zlib.then(|| Inflate::new(true, WINDOW_BITS)),
                ended: false,
            }))
        };
        Self { header, state }
    }

    /// Takes the next piece, which stands at `offset` of the file.
    pub(super) fn push(&mut self, piece: &[u8], offset: u64) -> Result<(), GiftiError> {
        let Self { header, state } = self;
        for (byte, offset) in piece.iter().zip(offset..) {
            match state {
                State::Text(numbers) => numbers.push(header, *byte, offset)?,
                State::Binary(digits) => digits.push(header, *byte, offset)?,
            }
        }
        Ok(())
    }

    /// The end of the text, at `offset`: its values, checked against the dimensions.
    pub(super) fn finish(self, offset: u64) -> Result<(Header, Values), GiftiError> {
        let Self { header, state } = self;
        let values = match state {
            State::Text(numbers) => numbers.finish(&header, offset)?,
            State::Binary(digits) => digits.finish(&header, offset)?,
        };
        let values =
            if header.column_major { values.into_row_major(&header.shape) } else { values };
        Ok((header, values))
    }
}

/// Numbers separated by white space.
struct Numbers {
    values: Values,
    /// The number being read.
    text: Vec<u8>,
}

impl Numbers {
    fn push(&mut self, header: &Header, byte: u8, offset: u64) -> Result<(), GiftiError> {
        if byte.is_ascii_whitespace() {
            return self.end_number(header, offset);
        }
        self.text.push(byte);
        if self.text.len() > NUMBER_LIMIT { Err(self.invalid(header, offset + 1)) } else { Ok(()) }
    }

    fn finish(mut self, header: &Header, offset: u64) -> Result<Values, GiftiError> {
        self.end_number(header, offset)?;
        let got = self.values.len() as u64;
        if got == header.count { Ok(self.values) } else { Err(length(header, "values", got)) }
    }

    fn end_number(&mut self, header: &Header, offset: u64) -> Result<(), GiftiError> {
        if self.text.is_empty() {
            return Ok(());
        }
        let taken = std::str::from_utf8(&self.text).is_ok_and(|text| self.values.push_text(text));
        if !taken {
            return Err(self.invalid(header, offset));
        }
        self.text.clear();
        let got = self.values.len() as u64;
        if got > header.count { Err(length(header, "values", got)) } else { Ok(()) }
    }

    /// The number that ends before `offset` is not of the type.
    fn invalid(&self, header: &Header, offset: u64) -> GiftiError {
        let shown = &self.text[..self.text.len().min(40)];
        GiftiError::InvalidData {
            array: header.array,
            offset: offset - self.text.len() as u64,
            expected: header.data_type.name(),
            got: String::from_utf8_lossy(shown).into_owned(),
        }
    }
}

/// Base64 digits, and what they decode to.
struct Digits {
    pending: Vec<u8>,
    /// Whether a `=` was seen, after which only another one may come.
    padded: bool,
    bytes: Bytes,
    inflate: Option<Inflate>,
    /// Whether the zlib stream has ended.
    ended: bool,
}

impl Digits {
    fn push(&mut self, header: &Header, byte: u8, offset: u64) -> Result<(), GiftiError> {
        let allowed = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => return Ok(()),
            b'=' => true,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => !self.padded,
            _ => false,
        };
        if !allowed {
            return Err(GiftiError::InvalidData {
                array: header.array,
                offset,
                expected: "base64",
                got: byte.escape_ascii().to_string(),
            });
        }
        self.padded |= byte == b'=';
        self.pending.push(byte);
        if self.pending.len() == DIGITS { self.decode(header, offset) } else { Ok(()) }
    }

    fn finish(mut self, header: &Header, offset: u64) -> Result<Values, GiftiError> {
        self.decode(header, offset)?;
        if self.inflate.is_some() && !self.ended {
            let reason = "it ends early";
            return Err(GiftiError::Inflate { array: header.array, offset, reason });
        }
        let got = self.bytes.kept.len() as u64;
        if got != self.bytes.expected {
            return Err(length(header, "bytes", got));
        }
        let mut values = Values::empty(header.data_type);
        values.extend_from_bytes(&self.bytes.kept, header.big_endian);
        Ok(values)
    }

    fn decode(&mut self, header: &Header, offset: u64) -> Result<(), GiftiError> {
        let mut decoded = [0; DIGITS / 4 * 3];
        let decoding = BASE64.decode_slice(&self.pending, &mut decoded);
        let count = decoding.map_err(|_| {
            let tail = &self.pending[self.pending.len().saturating_sub(8)..];
            let got = String::from_utf8_lossy(tail).into_owned();
            let expected = "base64 in groups of 4 digits";
            GiftiError::InvalidData { array: header.array, offset, expected, got }
        })?;
        self.pending.clear();
        match &mut self.inflate {
            None => self.bytes.extend(header, &decoded[..count]),
            Some(inflate) => {
                let bytes = &mut self.bytes;
                take_over(inflate, &mut self.ended, bytes, header, &decoded[..count], offset)
            }
        }
    }
}

/// Decoded bytes, at most as many as expected.
struct Bytes {
    expected: u64,
    kept: Vec<u8>,
}

impl Bytes {
    fn extend(&mut self, header: &Header, more: &[u8]) -> Result<(), GiftiError> {
        let got = self.kept.len() as u64 + more.len() as u64;
        if got > self.expected {
            return Err(length(header, "bytes", got));
        }
        self.kept.extend_from_slice(more);
        Ok(())
    }
}

/// Inflates a piece of the stream.
fn take_over(
    inflate: &mut Inflate,
    ended: &mut bool,
    bytes: &mut Bytes,
    header: &Header,
    mut input: &[u8],
    offset: u64,
) -> Result<(), GiftiError> {
    let damaged = |reason| GiftiError::Inflate { array: header.array, offset, reason };
    let mut output = [0; INFLATED];
    loop {
        // What follows the end of the stream is ignored, as Python does.
        if *ended {
            return Ok(());
        }
        let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(input, &mut output, InflateFlush::NoFlush);
        let status = status.map_err(|error| damaged(error.as_str()))?;
        // INVARIANT: no more is taken or given than the two slices hold.
        let taken = usize::try_from(inflate.total_in() - before_in).expect("a slice's length");
        // INVARIANT: as above.
        let given = usize::try_from(inflate.total_out() - before_out).expect("a slice's length");
        input = &input[taken..];
        bytes.extend(header, &output[..given])?;
        *ended = status == Status::StreamEnd;
        if taken == 0 && given == 0 && !*ended {
            return if input.is_empty() { Ok(()) } else { Err(damaged("it makes no progress")) };
        }
    }
}

fn length(header: &Header, unit: &'static str, got: u64) -> GiftiError {
    let expected = if unit == "values" { header.count } else { header.bytes() };
    GiftiError::Length { array: header.array, unit, expected, got }
}
