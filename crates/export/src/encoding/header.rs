//! The header of the `.npy` format: a Python dictionary that says type, memory order and shape.
//!
//! The form is that of `numpy.lib.format`: a magic string, a version, the length of the rest, and the
//! dictionary, filled with spaces up to a line feed so that the data begin at a multiple of 64 bytes.

use std::fmt::Write as _;
use std::io::{self, Read};

use super::read::{Unreadable, other};

/// Every `.npy` file starts with it.
const MAGIC: &[u8] = b"\x93NUMPY";

/// The data begin at a multiple of this.
const ALIGNMENT: usize = 64;

/// The longest header that is read; NumPy itself refuses more than 10,000 bytes.
const LONGEST: usize = 1 << 16;

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// NumPy's type descriptor with its byte order; the whole list of fields for a structured type.
    pub(super) descriptor: String,
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
}

/// The bytes of a header of version 1.0.
pub(super) fn to_bytes(descriptor: &str, fortran: bool, shape: &[usize]) -> io::Result<Vec<u8>> {
    let fortran = if fortran { "True" } else { "False" };
    let mut text = format!("{{'descr': '{descriptor}', 'fortran_order': {fortran}, 'shape': (");
    for (index, length) in shape.iter().enumerate() {
        let separator = if index > 0 { ", " } else { "" };
        // Writing into a String cannot fail.
        let _ = write!(text, "{separator}{length}");
    }
    text.push_str(if shape.len() == 1 { ",)}" } else { ")}" });
    let start = MAGIC.len() + 4;
    let filled = (start + text.len() + 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
    let length = u16::try_from(filled - start).map_err(|_| {
        let dimensions = shape.len();
        let problem = format!("an array of {dimensions} dimensions has no header of version 1.0");
        io::Error::new(io::ErrorKind::InvalidInput, problem)
    })?;
    let mut bytes = [MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat();
    bytes.resize(filled - 1, b' ');
    bytes.push(b'\n');
    Ok(bytes)
}

/// Takes a header off an array of `n_bytes` bytes, and says how many are left for the data.
pub(super) fn read(reader: &mut impl Read, n_bytes: u64) -> Result<(Header, u64), Unreadable> {
    let short = |source: io::Error| match source.kind() {
        io::ErrorKind::UnexpectedEof => other("shorter than its header".to_owned()),
        _ => Unreadable::Io(source),
    };
    // Magic string, version, and the length of the rest in two bytes, or in four from version 2.
    let mut start = vec![0; MAGIC.len() + 4];
    reader.read_exact(&mut start).map_err(short)?;
    if start[MAGIC.len()] > 1 {
        start.resize(MAGIC.len() + 6, 0);
        reader.read_exact(&mut start[MAGIC.len() + 4..]).map_err(short)?;
    }
    let length = match start[MAGIC.len() + 2..] {
        [a, b] => usize::from(u16::from_le_bytes([a, b])),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
        _ => usize::MAX,
    };
    if !start.starts_with(MAGIC) || length > LONGEST {
        return Err(other("no .npy header".to_owned()));
    }
    let (major, minor) = (start[MAGIC.len()], start[MAGIC.len() + 1]);
    if !(1..=3).contains(&major) || minor != 0 {
        return Err(other(format!("the version is {major}.{minor}, expected 1.0 to 3.0")));
    }
    let mut text = vec![0; length];
    reader.read_exact(&mut text).map_err(short)?;
    let header = std::str::from_utf8(&text).ok().and_then(parse);
    let header = header.ok_or_else(|| {
        let text = String::from_utf8_lossy(&text);
        other(format!("the header is {:?}", text.trim_end()))
    })?;
    Ok((header, n_bytes.saturating_sub((start.len() + length) as u64)))
}

/// Reads the dictionary, which must have the three entries and no other.
fn parse(text: &str) -> Option<Header> {
    let mut parser = Parser { rest: text };
    let (mut descriptor, mut fortran, mut shape) = (None, None, None);
    parser.take("{")?;
    while !parser.has("}") {
        let key = parser.string()?;
        parser.take(":")?;
        match key {
            "descr" => descriptor = Some(parser.descriptor()?),
            "fortran_order" => fortran = Some(parser.boolean()?),
            "shape" => shape = Some(parser.lengths()?),
            _ => return None,
        }
        if !parser.has(",") {
            parser.take("}")?;
            break;
        }
    }
    parser.is_at_end().then_some(())?;
    Some(Header { descriptor: descriptor?, fortran: fortran?, shape: shape? })
}

/// What is left of a text of Python.
struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty()
    }

    /// Takes `token` if it comes next.
    fn has(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take(&mut self, token: &str) -> Option<()> {
        self.has(token).then_some(())
    }

    /// A text without escapes, which neither names nor types need.
    fn string(&mut self) -> Option<&'a str> {
        let quote = if self.has("'") { '\'' } else { self.has("\"").then_some('"')? };
        let (text, rest) = self.rest.split_once(quote)?;
        self.rest = rest;
        (!text.contains('\\')).then_some(text)
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.has("True") { Some(true) } else { self.has("False").then_some(false) }
    }

    /// A tuple of lengths. Python 2 wrote an `L` behind large ones.
    fn lengths(&mut self) -> Option<Vec<usize>> {
        self.take("(")?;
        let mut lengths = Vec::new();
        while !self.has(")") {
            self.skip_blanks();
            let end = self.rest.find(|next: char| !next.is_ascii_digit())?;
            lengths.push(self.rest[..end].parse().ok()?);
            self.rest = &self.rest[end..];
            let _ = self.has("L");
            if !self.has(",") {
                self.take(")")?;
                break;
            }
        }
        Some(lengths)
    }

    /// The type; a list of fields is taken as it stands, for messages.
    fn descriptor(&mut self) -> Option<String> {
        self.skip_blanks();
        if !self.rest.starts_with('[') {
            return self.string().map(str::to_owned);
        }
        let start = self.rest;
        let mut depth = 0_usize;
        loop {
            match self.rest.chars().next()? {
                '\'' | '"' => {
                    self.string()?;
                    continue;
                }
                '[' | '(' => depth += 1,
                ']' | ')' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            let first = self.rest.chars().next().map_or(0, char::len_utf8);
            self.rest = &self.rest[first..];
            if depth == 0 {
                return Some(start[..start.len() - self.rest.len()].to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray_npy::npy::header::{Header as Theirs, Layout};
    use proptest::prelude::*;
    use py_literal::Value;

    use super::*;

    fn theirs(descriptor: &str, fortran: bool, shape: &[usize]) -> Vec<u8> {
        let layout = if fortran { Layout::Fortran } else { Layout::Standard };
        let type_descriptor = Value::String(descriptor.to_owned());
        Theirs { type_descriptor, layout, shape: shape.to_vec() }.to_bytes().unwrap()
    }

    proptest! {
        #[test]
        fn headers_are_those_of_another_writer_and_come_back(
            descriptor in "[<>|]?[a-zA-Z][0-9]{1,6}",
            fortran: bool,
            shape in prop::collection::vec(any::<u32>().prop_map(|length| length as usize), 0..24),
            data in 0_u64..9,
        ) {
            let bytes = to_bytes(&descriptor, fortran, &shape).unwrap();
            prop_assert_eq!(&bytes, &theirs(&descriptor, fortran, &shape));
            let n_bytes = bytes.len() as u64 + data;
            let (header, left) = read(&mut &bytes[..], n_bytes).unwrap();
            prop_assert_eq!(header, Header { descriptor, fortran, shape });
            prop_assert_eq!(left, data);
        }

        #[test]
        fn any_text_is_read_or_refused(text in r#"[\[\](){}'",: LTrueFals0-9descrhapfotn_<|f]{0,60}"#) {
            let _ = parse(&text);
        }
    }

    #[test]
    fn python_writes_dictionaries_in_many_ways() {
        let check = |text: &str, expected: Option<(&str, bool, &[usize])>| {
            let expected = expected.map(|(descriptor, fortran, shape)| Header {
                descriptor: descriptor.to_owned(),
                fortran,
                shape: shape.to_vec(),
            });
            assert_eq!(parse(text), expected, "{text}");
        };
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n";
        check(good, Some(("<f4", false, &[2, 3])));
        check(
            "{\"shape\":(3L,),\"fortran_order\":True,\"descr\":\"|b1\"}",
            Some(("|b1", true, &[3])),
        );
        check(&good.replace("(2, 3)", "()"), Some(("<f4", false, &[])));
        let fields = "[('a', '<f4'), ('b]', '<i4', (2,))]";
        check(&good.replace("'<f4'", fields), Some((fields, false, &[2, 3])));
        for (from, to) in [
            ("'shape': (2, 3), ", ""),
            ("'shape'", "'form'"),
            ("False", "false"),
            ("(2, 3)", "(2, -3)"),
            ("(2, 3)", "(2, 3.0)"),
            ("(2, 3)", "(2 3)"),
            ("(2, 3)", "[2, 3]"),
            ("(2, 3)", "(2, 99999999999999999999999)"),
            ("'<f4'", "'<f\\x34'"),
            ("'<f4'", "[('a', '<f4')"),
            ("'<f4'", "None"),
            ("}", ""),
            ("}", "} 1"),
            ("{", ""),
        ] {
            check(&good.replacen(from, to, 1), None);
        }
    }

    #[test]
    fn other_versions_are_told_by_their_number() {
        let mut bytes = to_bytes("<f4", false, &[1]).unwrap();
        for (version, expected) in
            [([2, 0], true), ([3, 0], true), ([1, 1], false), ([4, 0], false)]
        {
            let text = bytes[10..].to_vec();
            let length = (text.len() as u32).to_le_bytes();
            let length = if version[0] > 1 { &length[..] } else { &length[..2] };
            let other = [MAGIC, &version, length, &text].concat();
            assert_eq!(read(&mut &other[..], 200).is_ok(), expected, "{version:?}");
        }
        bytes.truncate(40);
        let error = read(&mut &bytes[..], 40).unwrap_err();
        assert!(matches!(error, Unreadable::Other(error) if error.to_string().contains("shorter")));
        assert!(to_bytes("<f4", false, &[1; 40_000]).is_err());
    }
}
