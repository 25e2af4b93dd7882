//! The key of an entity that a filter has no variant for.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::error::Error;
use core::fmt;

use crate::label::is_alphanumeric;

/// Bytes of the longest key; the longest that BIDS has is `recording`.
const LONGEST: usize = 15;

/// The key of an entity, such as `sub` or `hemi`, as a small value that is copied.
///
/// It is part of the [`FilterField`](crate::FilterField) that
/// [`FilterField::of_entity`](crate::FilterField::of_entity) makes.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EntityKey {
    /// ASCII letters and digits, then zeros.
    bytes: [u8; LONGEST],
    length: u8,
}

impl EntityKey {
    pub(crate) fn new(key: &str) -> Result<Self, InvalidEntityKey> {
        if !is_alphanumeric(key) || key.len() > LONGEST {
            return Err(InvalidEntityKey { got: key.to_owned() });
        }
        let mut bytes = [0; LONGEST];
        bytes[..key.len()].copy_from_slice(key.as_bytes());
        Ok(Self { bytes, length: key.len() as u8 })
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A text that is not the key of an entity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidEntityKey {
    /// The text as given.
    pub got: String,
}

impl fmt::Display for InvalidEntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid entity key {:?} (expected 1 to {LONGEST} letters or digits)", self.got)
    }
}

impl Error for InvalidEntityKey {}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn keys_are_letters_and_digits_of_a_limited_length() {
        for key in ["a", "sub", "recording", "123456789012345"] {
            let read = EntityKey::new(key).unwrap();
            assert_eq!(read.as_str(), key);
            assert_eq!(format!("{read:?}"), format!("{key:?}"));
        }
        for got in ["", "a-b", "s b", "é", "1234567890123456"] {
            assert_eq!(EntityKey::new(got), Err(InvalidEntityKey { got: got.to_owned() }));
        }
        assert_eq!(
            EntityKey::new("a-b").unwrap_err().to_string(),
            "invalid entity key \"a-b\" (expected 1 to 15 letters or digits)"
        );
        assert!(EntityKey::new("acq").unwrap() < EntityKey::new("acqu").unwrap());
    }
}
