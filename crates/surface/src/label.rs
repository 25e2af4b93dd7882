//! The vertices of a FreeSurfer ASCII label.

use std::io::{self, BufRead, Read};

use laion_fmri_base::{agreeing, counted};

/// The names of the fields of a vertex line.
const FIELDS: [&str; 5] = ["vertex", "x", "y", "z", "value"];

/// The longest line that is read, in bytes with its line feed.
const LINE_LIMIT: usize = 8192;

/// Reads the vertex indices of a FreeSurfer ASCII `.label` file, 0-based, in the order of the file.
///
/// The first line is a comment of any content. The second is the number of vertices. Each line
/// after it is `vertex x y z value`, separated by white space: the index, the position in
/// millimetres and a value. Some programs write fewer or more fields, which all lines must have.
/// All but the index are checked to be numbers and dropped. What follows a `#` is a comment, and
/// lines without fields are skipped.
///
/// The memory needed grows with the lines that are there, never with the number that the file
/// claims. Reading ends with the input; vertices are neither sorted nor compared with each other.
///
/// # Errors
///
/// If reading fails, a line is not as described, or the lines are not as many as the second line
/// says.
pub fn read_label<R: BufRead>(reader: R) -> Result<Vec<u32>, LabelError> {
    let mut lines = Lines { reader, number: 0, line: Vec::new() };
    if lines.next()?.is_none() {
        return Err(LabelError::MissingHeader { line: 1 });
    }
    let Some(count) = lines.next()? else {
        return Err(LabelError::MissingHeader { line: 2 });
    };
    let expected: u64 = count
        .trim()
        .parse()
        .map_err(|_| LabelError::InvalidCount { line: 2, got: count.trim().to_owned() })?;
    let mut vertices = Vec::new();
    let mut got: u64 = 0;
    let mut fields = None;
    while let Some(line) = lines.next()? {
        let line = line.split('#').next().unwrap_or_default();
        let here = line.split_ascii_whitespace().count();
        if here == 0 {
            continue;
        }
        let expected_fields = *fields.get_or_insert(here);
        if here != expected_fields {
            let (line, expected) = (lines.number, expected_fields);
            return Err(LabelError::FieldCount { line, expected, got: here });
        }
        let vertex = vertex(line, lines.number)?;
        got += 1;
        if got <= expected {
            vertices.push(vertex);
        }
    }
    if got != expected {
        return Err(LabelError::CountMismatch { expected, got });
    }
    Ok(vertices)
}

/// Why a text is not a FreeSurfer ASCII label. Lines are counted from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The input could not be read.
    #[error("line {line} could not be read")]
    Io {
        /// The line that was being read.
        line: u64,
        /// What went wrong.
        source: io::Error,
    },
    /// The input ends before the comment or before the number of vertices.
    #[error("line {line} is missing (expected a comment and the number of vertices)")]
    MissingHeader {
        /// The first line that is missing.
        line: u64,
    },
    /// The second line is not a number of vertices.
    #[error("line {line}: {got:?} is not a number of vertices")]
    InvalidCount {
        /// The line, always 2.
        line: u64,
        /// The line as it stands.
        got: String,
    },
    /// A vertex line has fewer or more fields than the first one.
    #[error("line {line} has {got} fields (expected {expected}, as in the first vertex line)")]
    FieldCount {
        /// The line.
        line: u64,
        /// The number of fields of the first vertex line.
        expected: usize,
        /// The number of fields found.
        got: usize,
    },
    /// A vertex is not an index that fits 32 bits, or another field is not a number.
    #[error("line {line}: {got:?} is not a valid {field}")]
    InvalidField {
        /// The line.
        line: u64,
        /// `vertex`, `x`, `y`, `z`, `value`, or `further field`.
        field: &'static str,
        /// The field as it stands.
        got: String,
    },
    /// A line is too long to belong to a label.
    #[error("line {line} is longer than {limit} bytes")]
    LineTooLong {
        /// The line.
        line: u64,
        /// The longest line that is read.
        limit: usize,
    },
    /// There are fewer or more vertex lines than the second line says.
    #[error(
        "{} {} listed (expected {expected})",
        counted(*got, "vertex"),
        agreeing(*got, "is", "are")
    )]
    CountMismatch {
        /// The number that the second line says.
        expected: u64,
        /// The number of vertex lines.
        got: u64,
    },
}

/// The lines of an input, one at a time and none longer than the limit.
struct Lines<R> {
    reader: R,
    /// The line read last, counted from 1.
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The next line, or `None` at the end. Bytes that are not UTF-8 are replaced: they can only be
    /// part of a comment or of a field that is refused.
    fn next(&mut self) -> Result<Option<String>, LabelError> {
        self.number += 1;
        self.line.clear();
        let read = self
            .reader
            .by_ref()
            .take(LINE_LIMIT as u64 + 1)
            .read_until(b'\n', &mut self.line)
            .map_err(|source| LabelError::Io { line: self.number, source })?;
        if read > LINE_LIMIT {
            return Err(LabelError::LineTooLong { line: self.number, limit: LINE_LIMIT });
        }
        Ok((read > 0).then(|| String::from_utf8_lossy(&self.line).into_owned()))
    }
}

fn vertex(text: &str, line: u64) -> Result<u32, LabelError> {
    let mut vertex = 0;
    let names = FIELDS.into_iter().chain(std::iter::repeat("further field"));
    for (field, value) in names.zip(text.split_ascii_whitespace()) {
        let invalid = || LabelError::InvalidField { line, field, got: value.to_owned() };
        if field == "vertex" {
            vertex = value.parse().map_err(|_| invalid())?;
        } else {
            value.parse::<f64>().map_err(|_| invalid())?;
        }
    }
    Ok(vertex)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERTEX: &str = "7  -1.5  0.000  2e1 0.0000000000\n";

    fn read(text: &str) -> Result<Vec<u32>, LabelError> {
        read_label(text.as_bytes())
    }

    #[test]
    fn vertices_keep_the_order_of_the_file() -> Result<(), LabelError> {
        assert_eq!(
            read("#!ascii label\n3\n9 0 0 0 0\n4294967295\t1 2 3 -nan\n9 0 0 0 1")?,
            [9, u32::MAX, 9]
        );
        assert_eq!(read("\r\n 1 \r\n\r\n  0 0 0 0 0\r\n\r\n")?, [0]);
        assert!(read("no vertices\n0\n")?.is_empty());
        assert!(read("no vertices\n0")?.is_empty());
        Ok(())
    }

    #[test]
    fn a_comment_need_not_be_utf8() -> Result<(), LabelError> {
        assert_eq!(read_label(&b"# \xff\xfe\n1\n5 0 0 0 0\n"[..])?, [5]);
        Ok(())
    }

    #[test]
    fn a_missing_header_is_refused() {
        assert!(matches!(read(""), Err(LabelError::MissingHeader { line: 1 })));
        assert!(matches!(read("# comment"), Err(LabelError::MissingHeader { line: 2 })));
    }

    #[test]
    fn the_count_must_be_a_number() {
        for got in ["", "-1", "1.0", "two", "7 0 0 0 0", "99999999999999999999"] {
            let error = read(&format!("#\n{got}\n{VERTEX}")).unwrap_err();
            assert!(
                matches!(&error, LabelError::InvalidCount { line: 2, got: found } if found == got),
                "{error:?}"
            );
        }
    }

    #[test]
    fn the_lines_must_be_as_many_as_the_count() {
        for (count, lines) in [(2, 1), (0, 1), (1, 3), (u64::MAX, 2)] {
            let error = read(&format!("#\n{count}\n{}", VERTEX.repeat(lines))).unwrap_err();
            assert!(
                matches!(error, LabelError::CountMismatch { expected, got } if expected == count && got == lines as u64),
                "{error:?}"
            );
        }
    }

    #[test]
    fn other_numbers_of_fields_and_comments() -> Result<(), LabelError> {
        assert_eq!(read("#\n2\n7\n9\n")?, [7, 9]);
        assert_eq!(read("#\n2\n7 0 0 0\n9 0 0 0\n")?, [7, 9]);
        assert_eq!(read("#\n1\n7 0 0 0 0 0.5\n# an end\n")?, [7]);
        assert_eq!(read("#\n2\n7 0 0 0 0 # here\n  # there\n9 0 0 0 0#\n")?, [7, 9]);
        assert!(matches!(
            read("#\n1\n7 0 0 0 0 x\n"),
            Err(LabelError::InvalidField { line: 3, field: "further field", got }) if got == "x"
        ));
        Ok(())
    }

    #[test]
    fn all_vertex_lines_have_as_many_fields() {
        for (text, found) in [("7", 1), ("7 0 0 0", 4), ("7 0 0 0 0 0", 6)] {
            let error = read(&format!("#\n2\n{VERTEX}{text}\n")).unwrap_err();
            assert!(
                matches!(error, LabelError::FieldCount { line: 4, expected: 5, got } if got == found),
                "{error:?}"
            );
        }
    }

    #[test]
    fn fields_must_be_numbers() {
        let cases = [
            ("-1 0 0 0 0", "vertex", "-1"),
            ("4294967296 0 0 0 0", "vertex", "4294967296"),
            ("1.5 0 0 0 0", "vertex", "1.5"),
            ("1 x 0 0 0", "x", "x"),
            ("1 0 0,5 0 0", "y", "0,5"),
            ("1 0 0 -- 0", "z", "--"),
            ("1 0 0 0 0x1", "value", "0x1"),
        ];
        for (text, name, value) in cases {
            let error = read(&format!("#\n1\n{text}\n")).unwrap_err();
            assert!(
                matches!(&error, LabelError::InvalidField { line: 3, field, got } if *field == name && got == value),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_line_without_end_is_not_collected() {
        let error = read_label(io::BufReader::new(io::repeat(b'x'))).unwrap_err();
        assert!(
            matches!(error, LabelError::LineTooLong { line: 1, limit: LINE_LIMIT }),
            "{error:?}"
        );
        let longest = format!("{}\n0\n", "x".repeat(LINE_LIMIT - 1));
        assert!(matches!(read(&longest).as_deref(), Ok([])));
        assert!(matches!(
            read(&format!("x{longest}")),
            Err(LabelError::LineTooLong { line: 1, .. })
        ));
    }

    #[test]
    fn messages_name_the_line() {
        let cases = [
            ("#", "line 2 is missing (expected a comment and the number of vertices)"),
            ("#\nx", "line 2: \"x\" is not a number of vertices"),
            (
                "#\n2\n7 0 0 0 0\n8 0",
                "line 4 has 2 fields (expected 5, as in the first vertex line)",
            ),
            ("#\n1\n-7 0 0 0 0", "line 3: \"-7\" is not a valid vertex"),
            ("#\n2\n7 0 0 0 0", "1 vertex is listed (expected 2)"),
        ];
        for (text, message) in cases {
            assert_eq!(read(text).unwrap_err().to_string(), message);
        }
        let long = read(&"x".repeat(LINE_LIMIT + 1)).unwrap_err();
        assert_eq!(long.to_string(), "line 1 is longer than 8192 bytes");
    }
}
