//! The options of the commands that keep a mirror in order.

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
    /// Fetch again what is damaged or missing
    #[arg(long)]
    pub(crate) repair: bool,
    /// Verify nothing: drop the records of these files or folders, which you have removed on purpose
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with_all = ["subject", "fast", "repair"])]
    pub(crate) forget: Vec<PathBuf>,
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
    /// Address, bytes and local path, separated by tabs, below a header line
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
