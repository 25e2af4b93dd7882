//! The secret that stands for granted access: [`RequestId`].

use std::fmt;

use super::AccessError;

/// Longer texts are not ids but mistakes.
const MAX_BYTES: usize = 200;

/// The id of a granted request, such as `lfm_...`.
///
/// Anyone who has it has the access, so `Debug` does not show it and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// Takes an id as it was handed out; blanks around it are dropped.
    ///
    /// # Errors
    ///
    /// [`AccessError::InvalidRequestId`] when it is empty, longer than 200 bytes, or holds anything
    /// but visible ASCII characters.
    pub fn new(text: &str) -> Result<Self, AccessError> {
        let text = text.trim();
        let refused = |reason| Err(AccessError::InvalidRequestId { reason });
        if text.is_empty() {
            return refused("it is empty");
        }
        if text.len() > MAX_BYTES {
            return refused("it is longer than 200 bytes");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refused("it holds other than visible ASCII characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// The id itself, for the one place that stores or sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestId(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_trimmed_checked_and_hidden() {
        let id = RequestId::new(" lfm_secret\n").unwrap();
        assert_eq!(id.reveal(), "lfm_secret");
        assert_eq!(format!("{id:?}"), "RequestId(..)");
        for (text, expected) in [
            (" ", "it is empty"),
            ("lfm_a b", "it holds other than visible ASCII characters"),
            ("lfm_\u{e9}", "it holds other than visible ASCII characters"),
            (&"x".repeat(201), "it is longer than 200 bytes"),
        ] {
            assert!(matches!(
                RequestId::new(text),
                Err(AccessError::InvalidRequestId { reason }) if reason == expected
            ));
        }
    }
}
