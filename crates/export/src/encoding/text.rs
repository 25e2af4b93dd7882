//! Texts as NumPy's fixed-width unicode.

use std::io::{self, Write};

use super::BLOCK;
use crate::error::Error;

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

/// Refuses a text that NumPy would read shortened: `name` is where it would be.
pub(crate) fn check_texts<S: AsRef<str>>(name: &str, texts: &[S]) -> Result<(), Error> {
    match texts.iter().position(|text| text.as_ref().ends_with('\0')) {
        Some(index) => Err(Error::TrailingNul { name: name.to_owned(), index }),
        None => Ok(()),
    }
}
