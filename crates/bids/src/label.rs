//! The alphanumeric label after the prefix of a subject or session.

use alloc::format;
use alloc::string::String;

/// `PREFIX` + label for a text that is either form, or `None` if the label is not `[A-Za-z0-9]+`.
pub(crate) fn prefixed(prefix: &str, text: &str) -> Option<String> {
    let label = text.strip_prefix(prefix).unwrap_or(text);
    is_alphanumeric(label).then(|| format!("{prefix}{label}"))
}

/// Whether a text is one or more ASCII letters and digits.
pub(crate) fn is_alphanumeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
