//! The options of `splits` and its commands.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use laion_fmri::splits::{OodType, Pool, SplitName, SplitRevision};

use super::names::{one_of, pool};
use super::sessions::{SessionName, parse_session};

/// What to do with the splits.
#[derive(Debug, Subcommand)]
pub(crate) enum Splits {
    /// List the splits with their sizes
    List(List),
    /// Show one split: its family, sizes, and how it was made
    Show(Show),
    /// Print the image names of a training or test set, one per line
    Ids(Ids),
    /// Save bool arrays `train` and `test` over the trials of a subject
    Masks(Masks),
    /// Find images on both sides of a split, and unknown image names (exit 1 if any)
    Check(Check),
}

/// The form of a table on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Csv,
    Json,
}

#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only this pool: shared, or a subject (default: all)
    #[arg(long, value_name = "P", value_parser = pool())]
    pub(crate) pool: Option<Pool>,
    /// Only this revision of the random splits (default: both)
    #[arg(long, value_name = "R", value_parser = one_of(SplitRevision::ALL, SplitRevision::as_str))]
    pub(crate) revision: Option<SplitRevision>,
    /// Output format (default: text)
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
}

/// Which split is meant.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// Split, e.g. tau, random_0 or cluster_k5_0
    #[arg(value_name = "NAME", value_parser = one_of(SplitName::ALL, SplitName::as_str))]
    pub(crate) name: SplitName,
    /// Pool: shared, or a subject, e.g. sub-03
    #[arg(long, value_name = "P", value_parser = pool())]
    pub(crate) pool: Pool,
    /// Revision of the random splits
    #[arg(long, value_name = "R", default_value_t, value_parser = one_of(SplitRevision::ALL, SplitRevision::as_str))]
    pub(crate) revision: SplitRevision,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Output format (default: text)
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
}

/// One of the lists of a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Set {
    Train,
    Test,
}

#[derive(Args, Debug)]
pub(crate) struct Ids {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Which of the two lists to print
    #[arg(long, value_enum)]
    pub(crate) set: Set,
    /// For the split ood: only these types of images in the test set
    #[arg(long, num_args = 1.., value_name = "T", value_parser = one_of(OodType::ALL, OodType::as_str))]
    pub(crate) ood_type: Vec<OodType>,
}

/// Whose trials are meant.
#[derive(Args, Debug)]
pub(crate) struct Trials {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Session(s): 01, 01,03, 01-10 or all (default: all, in order)
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) session: Vec<SessionName>,
}

#[derive(Args, Debug)]
pub(crate) struct Masks {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) trials: Trials,
    /// For the split ood: only these types of images in the test set
    #[arg(long, num_args = 1.., value_name = "T", value_parser = one_of(OodType::ALL, OodType::as_str))]
    pub(crate) ood_type: Vec<OodType>,
    /// Output file, replaced if it exists: .npz, or - for .npz on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) trials: Trials,
    /// Output format (default: text)
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
}
