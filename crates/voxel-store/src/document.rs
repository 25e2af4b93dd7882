//! Documents that carry the checksum of themselves.
//!
//! The first attribute of a document is `crc32c`: eight hexadecimal digits, the CRC-32C of the bytes
//! of the document with zeros in place of these digits.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use laion_fmri_base::AtomicFile;
use laion_fmri_base::zarr::{DOCUMENT, to_text};
use serde_json::{Map, Value};

use crate::checksum::crc32c;
use crate::error::Error;

/// The attribute that holds the checksum.
const CHECKSUM: &str = "crc32c";
/// What stands for the checksum while it is computed.
const BLANK: &str = "00000000";
/// What stands before the checksum in the text.
const BEFORE: &str = "\"crc32c\": \"";

/// The longest document that is read: thirty sessions take 0.2 MB.
const LONGEST: u64 = 64 << 20;

/// The document of a group or an array in a directory.
pub(crate) fn path_in(directory: &Path) -> PathBuf {
    directory.join(DOCUMENT)
}

/// Attributes with a place for the checksum, and without what is in that place already.
pub(crate) fn attributes(others: Map<String, Value>) -> Map<String, Value> {
    let mut attributes = Map::new();
    attributes.insert(CHECKSUM.to_owned(), BLANK.into());
    attributes.extend(others.into_iter().filter(|(name, _)| name != CHECKSUM));
    attributes
}

/// Attributes as they were given.
pub(crate) fn without_checksum(mut attributes: Map<String, Value>) -> Map<String, Value> {
    attributes.shift_remove(CHECKSUM);
    attributes
}

/// Puts the checksum into a document whose [`attributes`] have a place for it. Returns the text.
pub(crate) fn sealed(document: &mut Value) -> String {
    let text = to_text(document);
    let checksum = format!("{:08x}", crc32c(text.as_bytes()));
    document["attributes"][CHECKSUM] = checksum.as_str().into();
    text.replacen(&format!("{BEFORE}{BLANK}"), &format!("{BEFORE}{checksum}"), 1)
}

/// Writes the text of a document that appears when it is complete.
pub(crate) fn write(directory: &Path, text: &str) -> Result<(), Error> {
    let path = path_in(directory);
    let write = || {
        let mut file = AtomicFile::create(&path)?;
        file.write_all(text.as_bytes())?;
        file.commit()
    };
    write().map_err(Error::io("write", &path))
}

/// Reads a document and compares it with its checksum.
pub(crate) fn read(directory: &Path) -> Result<Value, Error> {
    let path = path_in(directory);
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(Error::io("open", &path))?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(Error::io("read", &path))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Error::document(&path, format!("longer than {LONGEST} bytes")));
    }
    checked(&path, bytes)
}

/// Compares the bytes of a document with their checksum.
pub(crate) fn checked(path: &Path, mut bytes: Vec<u8>) -> Result<Value, Error> {
    let missing = || Error::document(path, "it has no checksum of itself");
    let before = BEFORE.as_bytes();
    let found = bytes.windows(before.len()).position(|window| window == before);
    let start = found.ok_or_else(missing)? + before.len();
    let digits = bytes.get_mut(start..start + BLANK.len()).ok_or_else(missing)?;
    // Digits in one form alone: another case would be another document with the same checksum.
    let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|it| is_digit(&it)));
    let expected = text.and_then(|text| u32::from_str_radix(text, 16).ok()).ok_or_else(missing)?;
    let kept = digits.to_vec();
    digits.copy_from_slice(BLANK.as_bytes());
    let got = crc32c(&bytes);
    if got != expected {
        return Err(Error::DocumentChecksum { path: path.to_owned(), expected, got });
    }
    bytes[start..start + BLANK.len()].copy_from_slice(&kept);
    serde_json::from_slice(&bytes).map_err(|error| Error::document(path, error.to_string()))
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::zarr::group;
    use serde_json::json;

    use super::*;

    fn document() -> (Value, String) {
        let others = Map::from_iter([
            ("subject".to_owned(), json!("sub-03")),
            // Nested, and after the place of the checksum.
            ("other".to_owned(), json!({"crc32c": "12345678"})),
        ]);
        let mut document = group(attributes(others), Map::new());
        let text = sealed(&mut document);
        (document, text)
    }

    #[test]
    fn a_sealed_document_is_read_back() {
        let (document, text) = document();
        assert_eq!(checked(Path::new("a"), text.into_bytes()).unwrap(), document);
        let attributes = document["attributes"].as_object().unwrap().clone();
        assert_eq!(attributes.keys().next().unwrap(), CHECKSUM);
        assert_eq!(without_checksum(attributes).len(), 2);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let (_, text) = document();
        for position in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[position] ^= 1 << bit;
                let error = checked(Path::new("a"), bytes).unwrap_err();
                assert!(error.is_damage(), "{position} {bit}: {error}");
            }
            let cut = text.as_bytes()[..position].to_vec();
            assert!(checked(Path::new("a"), cut).unwrap_err().is_damage(), "{position}");
        }
    }

    #[test]
    fn the_checksum_of_a_document_is_told() {
        let (_, text) = document();
        let error = checked(Path::new("a"), text.replace("sub-03", "sub-04").into()).unwrap_err();
        assert!(
            matches!(&error, Error::DocumentChecksum { path, expected, got }
                if path == Path::new("a") && expected != got),
            "{error}"
        );
        let error = checked(Path::new("a"), b"{}".to_vec()).unwrap_err();
        assert!(matches!(error, Error::Document { .. }), "{error}");
    }
}
