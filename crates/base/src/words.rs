//! Numbers in sentences: with their noun, with their verb, and bytes as people read them.

use std::fmt::Display;

/// A number with its noun, in the plural unless it is 1: `1 file`, `2 files`, `0 passes`.
///
/// The last word of the noun takes the ending, so `recorded file` becomes `recorded files`.
///
/// ```
/// use laion_fmri_base::counted;
///
/// assert_eq!(counted(1, "ROI"), "1 ROI");
/// assert_eq!(counted(3, "pass"), "3 passes");
/// assert_eq!(counted(0_u64, "axis"), "0 axes");
/// ```
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) {
        return format!("{number} {noun}");
    }
    let sibilant = ["s", "x", "sh", "ch"].iter().any(|ending| noun.ends_with(ending));
    match noun.strip_suffix("is") {
        Some(stem) => format!("{number} {stem}es"),
        None if noun.ends_with("vertex") => format!("{number} {}ices", &noun[..noun.len() - 2]),
        None if sibilant => format!("{number} {noun}es"),
        None => match noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u'])) {
            Some(stem) => format!("{number} {stem}ies"),
            None => format!("{number} {noun}s"),
        },
    }
}

/// The word that goes with a number: the first with 1, the second with any other.
///
/// ```
/// use laion_fmri_base::{agreeing, counted};
///
/// let said = |n: usize| format!("{} {} left out", counted(n, "voxel"), agreeing(n, "was", "were"));
/// assert_eq!(said(1), "1 voxel was left out");
/// assert_eq!(said(2), "2 voxels were left out");
/// ```
#[must_use]
pub fn agreeing<'a, N: PartialEq + From<u8>>(number: N, one: &'a str, many: &'a str) -> &'a str {
    if number == N::from(1) { one } else { many }
}

/// A number of bytes as people read it: three digits and a unit, in powers of 1000.
///
/// ```
/// use laion_fmri_base::readable_bytes;
///
/// assert_eq!(readable_bytes(41_950_656), "42 MB");
/// assert_eq!(readable_bytes(1_148_922_368), "1.15 GB");
/// ```
#[must_use]
pub fn readable_bytes(bytes: u64) -> String {
    in_units(bytes, |thousandths, step| (thousandths + step / 2) / step)
}

/// As [`readable_bytes`], rounded up, for the least that is enough: whoever grants this number of bytes
/// grants no less than was asked for.
///
/// ```
/// use laion_fmri_base::sufficient_bytes;
///
/// assert_eq!(sufficient_bytes(42_010_000), "42.1 MB");
/// ```
#[must_use]
pub fn sufficient_bytes(bytes: u64) -> String {
    in_units(bytes, u128::div_ceil)
}

/// Three digits of a number of bytes, which `divide` rounds.
fn in_units(bytes: u64, divide: impl Fn(u128, u128) -> u128) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    // In thousandths of the unit, so that nothing is lost before the one rounding.
    let thousandths = u128::from(bytes) * 1000;
    let mut scale = 1_u128;
    for unit in UNITS {
        for (limit, step) in [(10_000, 10), (100_000, 100), (1_000_000, 1000)] {
            let digits = divide(thousandths, scale * step) * step;
            if digits < limit {
                return format!("{} {unit}", decimal(digits));
            }
        }
        scale *= 1000;
    }
    // INVARIANT: 2^64 bytes are 18 EB, so that one of the units fits.
    format!("{bytes} B")
}

/// Thousandths as a decimal number without zeros at its end.
fn decimal(thousandths: u128) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_number() {
        for (noun, many) in [
            ("file", "files"),
            ("recorded file", "recorded files"),
            ("ROI", "ROIs"),
            ("pass", "passes"),
            ("axis", "axes"),
            ("vertex", "vertices"),
            ("entry", "entries"),
            ("key", "keys"),
            ("byte", "bytes"),
        ] {
            assert_eq!(counted(1_usize, noun), format!("1 {noun}"));
            assert_eq!(counted(0_u64, noun), format!("0 {many}"));
            assert_eq!(counted(21_u32, noun), format!("21 {many}"));
        }
        assert_eq!((agreeing(1, "has", "have"), agreeing(0, "has", "have")), ("has", "have"));
    }

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        for (bytes, nearest, enough) in [
            (0, "0 B", "0 B"),
            (999, "999 B", "999 B"),
            (1000, "1 kB", "1 kB"),
            (1001, "1 kB", "1.01 kB"),
            (714_970, "715 kB", "715 kB"),
            (999_499, "999 kB", "1 MB"),
            (999_500, "1 MB", "1 MB"),
            (6_010_000, "6.01 MB", "6.01 MB"),
            (41_950_656, "42 MB", "42 MB"),
            (42_010_000, "42 MB", "42.1 MB"),
            (1_149_000_000, "1.15 GB", "1.15 GB"),
            (u64::MAX, "18.4 EB", "18.5 EB"),
        ] {
            assert_eq!(readable_bytes(bytes), nearest, "{bytes}");
            assert_eq!(sufficient_bytes(bytes), enough, "{bytes}");
        }
    }
}
