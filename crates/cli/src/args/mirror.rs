//! The options of the commands that keep a mirror in order.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Download;

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Only files of these subjects: sub-03 or 03
    #[arg(long, num_args = 1.., value_name = "S")]
    pub(crate) subject: Vec<String>,
    /// Compare sizes alone, without reading the files
    #[arg(long)]
    pub(crate) fast: bool,
    /// Fetch again what is bad
    #[arg(long)]
    pub(crate) repair: bool,
    /// Accept the licence of the dataset without a prompt, for --repair
    #[arg(long)]
    pub(crate) accept_license: bool,
}

/// How files of another tree come into the mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum How {
    /// Hard links where possible (no space is needed, and both names share the bytes), else copies
    #[default]
    Link,
    /// Copies
    Copy,
    /// Renamed where possible, else copied and removed
    Move,
}

#[derive(Args, Debug)]
pub(crate) struct Adopt {
    /// A tree made by `aws s3 sync`, the Python package or another tool; or the data directory itself
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// How its files come into the mirror
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) how: How,
}

/// The form of a list of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum UrlFormat {
    /// Address, bytes and local path, separated by tabs
    #[default]
    Tsv,
    /// A configuration for `curl --parallel --config FILE`
    Curl,
    /// An input file for `aria2c --input-file FILE`
    Aria2,
}

#[derive(Args, Debug)]
#[command(
    mut_arg("n_jobs", |argument| argument.hide(true)),
    mut_arg("dry_run", |argument| argument.hide(true)),
    mut_arg("verify", |argument| argument.hide(true)),
    mut_arg("limit_rate", |argument| argument.hide(true)),
    mut_arg("accept_license", |argument| argument.hide(true))
)]
pub(crate) struct Urls {
    #[command(flatten)]
    pub(crate) selection: Download,
    /// The form of the list
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: UrlFormat,
    /// Only what is not on disk
    #[arg(long)]
    pub(crate) missing: bool,
}

/// Bytes per second: a number with an optional unit (k, M, G; Ki, Mi, Gi; a B at the end is ignored).
pub(crate) fn parse_rate(text: &str) -> Result<NonZeroU64, String> {
    let expected =
        || format!("expected bytes per second such as 500k, 10M or 2.5MiB, got {text:?}");
    let text = text.trim_end_matches("/s").trim_end_matches(['B', 'b']);
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" => 1.0,
        "k" | "K" => 1e3,
        "m" | "M" => 1e6,
        "g" | "G" => 1e9,
        "ki" | "Ki" => 1024.0,
        "mi" | "Mi" => 1024.0 * 1024.0,
        "gi" | "Gi" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(expected()),
    };
    let rate = digits.parse::<f64>().map_err(|_| expected())? * factor;
    if !(1.0..1e18).contains(&rate) {
        return Err(expected());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it lies between 1 and 1e18, and fractions of a byte do not matter"
    )]
    NonZeroU64::new(rate as u64).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        for (text, expected) in [
            ("1", 1),
            ("500k", 500_000),
            ("10M", 10_000_000),
            ("10MB/s", 10_000_000),
            ("2.5MiB", 2_621_440),
            ("1G", 1_000_000_000),
        ] {
            assert_eq!(parse_rate(text).map(NonZeroU64::get), Ok(expected), "{text}");
        }
        for text in ["", "0", "-1", "fast", "1x", "nan", "inf", "1e30"] {
            let message = parse_rate(text).unwrap_err();
            assert!(message.starts_with("expected bytes per second"), "{text}: {message}");
        }
    }
}
