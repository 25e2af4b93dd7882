//! Lines of text files, and the numbers in them.

use std::io::{BufRead, Read};

use super::error::FreeSurferError;

/// The longest line that is read, in bytes with its line feed.
const LINE_LIMIT: usize = 8192;

/// The most lines that are read: transforms have some thirty.
const MOST_LINES: u64 = 10_000;

/// The lines of a text, without comments and blank ones.
pub(super) struct Lines<R> {
    reader: R,
    offset: u64,
    /// The line read last, from 1.
    number: u64,
    /// What begins a comment.
    comment: char,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R, comment: char) -> Self {
        Self { reader, offset: 0, number: 0, comment }
    }

    /// The next line with something in it, trimmed; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<String>, FreeSurferError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.number += 1;
            let limit = LINE_LIMIT as u64 + 1;
            let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut line);
            let offset = self.offset;
            let read = read.map_err(|source| FreeSurferError::Io { offset, source })?;
            if read == 0 {
                return Ok(None);
            }
            self.offset += read as u64;
            let text = String::from_utf8_lossy(&line);
            if read > LINE_LIMIT || self.number > MOST_LINES {
                return Err(self.unexpected("a transform", &text));
            }
            let text = text.split(self.comment).next().unwrap_or_default().trim();
            if !text.is_empty() {
                return Ok(Some(text.to_owned()));
            }
        }
    }

    /// The next line, which has to be there.
    pub(super) fn required(&mut self, expected: &'static str) -> Result<String, FreeSurferError> {
        self.next()?.ok_or_else(|| self.unexpected(expected, "the end of the file"))
    }

    /// The next line as so many finite numbers.
    pub(super) fn numbers<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[f64; N], FreeSurferError> {
        let line = self.required(expected)?;
        numbers(&line).ok_or_else(|| self.unexpected(expected, &line))
    }

    /// The value of the next line, `KEY = VALUE`.
    pub(super) fn value(&mut self, key: &'static str) -> Result<String, FreeSurferError> {
        let line = self.required(key)?;
        value_of(&line, key).map(str::to_owned).ok_or_else(|| self.unexpected(key, &line))
    }

    /// The numbers of the next line, `KEY = 1 2 3`.
    pub(super) fn values<const N: usize>(
        &mut self,
        key: &'static str,
    ) -> Result<[f64; N], FreeSurferError> {
        let value = self.value(key)?;
        numbers(&value).ok_or_else(|| self.unexpected(key, &value))
    }

    /// The line read last is not what was expected.
    pub(super) fn unexpected(&self, expected: &'static str, got: &str) -> FreeSurferError {
        let got = got.chars().take(60).collect();
        FreeSurferError::Line { line: self.number, expected, got }
    }
}

/// The value of `KEY = VALUE`, if that is the key.
pub(super) fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once('=')?;
    (name.trim() == key).then(|| value.trim())
}

/// So many finite numbers, separated by white space, and nothing else.
pub(super) fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let mut words = text.split_ascii_whitespace();
    let mut numbers = [0.0; N];
    for number in &mut numbers {
        *number = words.next()?.parse().ok().filter(|number: &f64| number.is_finite())?;
    }
    words.next().is_none().then_some(numbers)
}
