//! Numbers of bytes as people write them, for sizes and rates alike.

use std::num::NonZeroU64;

/// A number of bytes, with or without a unit: k, M, G and T are powers of 1,000, with or without a B behind
/// them; Ki, Mi, Gi and Ti are powers of 1,024. Case does not count.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    parse(text)
        .map(NonZeroU64::get)
        .ok_or_else(|| format!("invalid size {text:?} (use e.g. 2GiB or 500MB)"))
}

/// A number of bytes per second: a size, also with `/s` behind it.
pub(crate) fn parse_rate(text: &str) -> Result<NonZeroU64, String> {
    parse(text.strip_suffix("/s").unwrap_or(text)).ok_or_else(|| {
        format!("invalid rate {text:?} (use bytes per second, e.g. 500k, 10M or 2.5MiB)")
    })
}

fn parse(text: &str) -> Option<NonZeroU64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let factor = match unit.strip_suffix('b').unwrap_or(&unit) {
        "" => 1.0,
        "k" => 1e3,
        "m" => 1e6,
        "g" => 1e9,
        "t" => 1e12,
        "ki" => f64::from(1_u32 << 10),
        "mi" => f64::from(1_u32 << 20),
        "gi" => f64::from(1_u32 << 30),
        "ti" => 1024.0 * f64::from(1_u32 << 30),
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * factor;
    if !(1.0..1e18).contains(&bytes) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 1 and 1e18, and fractions of a byte do not matter"
    )]
    NonZeroU64::new(bytes.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_means_the_same_for_sizes_and_rates() {
        for (text, bytes) in [
            ("1", 1),
            ("4096b", 4096),
            ("500k", 500_000),
            ("500kB", 500_000),
            ("500MB", 500_000_000),
            ("2g", 2_000_000_000),
            ("1T", 1_000_000_000_000),
            ("1.5 KiB", 1536),
            ("2.5MiB", 2_621_440),
            ("4.35MB", 4_350_000),
            ("2Gi", 2 << 30),
            ("1tib", 1 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
            assert_eq!(parse_rate(text).map(NonZeroU64::get), Ok(bytes), "{text}");
            assert_eq!(
                parse_rate(&format!("{text}/s")).map(NonZeroU64::get),
                Ok(bytes),
                "{text}/s"
            );
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_an_example() {
        for text in ["", "0", "-1", "GiB", "2 GBit", "1x", "1e3", "nan", "inf", "fast", "10M/s/s"] {
            assert_eq!(
                parse_size(text).unwrap_err(),
                format!("invalid size {text:?} (use e.g. 2GiB or 500MB)")
            );
            let message = parse_rate(text).unwrap_err();
            assert!(message.starts_with("invalid rate"), "{text}: {message}");
        }
        assert!(parse_size("10M/s").is_err());
    }
}
