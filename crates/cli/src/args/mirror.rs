//! The options of the commands that keep a mirror in order.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Download;

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Only files of these subjects: sub-03 or 03
    #[arg(long, num_args = 1.., value_name = "S", value_delimiter = ',')]
    pub(crate) subject: Vec<String>,
    /// Compare sizes only, without reading the files
    #[arg(long)]
    pub(crate) fast: bool,
    /// Download damaged and missing files again
    #[arg(long)]
    pub(crate) repair: bool,
    /// Verify nothing; forget these files or folders, which you deleted on purpose
    #[arg(long, num_args = 1.., value_name = "FILE", conflicts_with_all = ["subject", "fast", "repair"])]
    pub(crate) forget: Vec<PathBuf>,
    /// With --repair: accept the licence of the dataset without a prompt
    #[arg(long)]
    pub(crate) accept_license: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Status {
    /// Show the sessions, folders and ROIs of these subjects: sub-03, 03 or all
    #[arg(long, num_args = 1.., value_name = "S", value_delimiter = ',')]
    pub(crate) subject: Vec<String>,
    /// Count only what is on disk; do not ask the bucket
    #[arg(long)]
    pub(crate) local: bool,
    /// List what the mirror, the indexes and the stores take on disk, and nothing else
    #[arg(long, conflicts_with_all = ["subject", "local"])]
    pub(crate) usage: bool,
}

/// How files of another tree come into the mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum How {
    /// Hard links if possible (needs no space), else copies
    #[default]
    Link,
    /// Copies
    Copy,
    /// Moves the files
    Move,
}

#[derive(Args, Debug)]
pub(crate) struct Adopt {
    /// Folder that contains derivatives/, filled by another tool; or the data directory itself
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// How the files get into the data directory
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) how: How,
}

/// The form of a list of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum UrlFormat {
    /// Tab-separated table with a header: address, bytes, local path
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
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: UrlFormat,
    /// Only files that are not on disk
    #[arg(long)]
    pub(crate) missing: bool,
}
