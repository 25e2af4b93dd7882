//! Integers as tables hold them.

use std::str::FromStr;

/// The integer that a field of a table holds: `5`, or `5.0` as pandas writes it when another field of
/// the column is empty.
///
/// ```
/// use laion_fmri_base::integer_of_table;
///
/// assert_eq!(integer_of_table::<u32>("5.0"), Some(5));
/// assert_eq!(integer_of_table::<u32>("5.5"), None);
/// ```
#[must_use]
pub fn integer_of_table<T: FromStr>(text: &str) -> Option<T> {
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && fraction.bytes().all(|c| c == b'0') => {
            whole
        }
        _ => text,
    };
    whole.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fraction_of_zeros_is_left_out() {
        for (text, expected) in [("5", 5), ("5.0", 5), ("53.000", 53), ("-2.0", -2), ("0.0", 0)] {
            assert_eq!(integer_of_table::<i64>(text), Some(expected), "{text}");
        }
        for text in ["", ".", "5.", ".0", "5.5", "5.01", "5.0.0", " 5", "5,0", "1e3", "n/a"] {
            assert_eq!(integer_of_table::<i64>(text), None, "{text}");
        }
        assert_eq!(integer_of_table::<u8>("-1.0"), None);
        assert_eq!(integer_of_table::<u8>("256.0"), None);
    }
}
