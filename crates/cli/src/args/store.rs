//! The options of `store` and its commands, and the one that turns stores off.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use laion_fmri::{Dataset, MaskSource};

use super::VoxelArgs;
use super::bytes::parse_size;
use super::extract::Origin;
use super::names::one_of;
use super::sessions::{SessionName, parse_session};

/// Whether stores are read.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct StoreArgs {
    /// Read betas from their files even if a store has them (same numbers)
    #[arg(long)]
    pub(crate) no_store: bool,
}

impl StoreArgs {
    /// The dataset that reads what these options say.
    pub(crate) fn apply(self, dataset: Dataset) -> Dataset {
        if self.no_store { dataset.without_stores() } else { dataset }
    }
}

/// What to do with stores.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreAction {
    /// Build a store, or the sessions that it lacks; commands that read betas then use it
    Build(Box<Build>),
    /// Print the tasks that build a store, one JSON line per session, for run and slurm
    Plan(Box<BuildArgs>),
    /// List stores with their sessions and sizes
    List(Chosen),
    /// Check every byte of stores
    Verify(Chosen),
    /// Remove the stores of a subject, or some of their sessions
    Remove(Remove),
}

#[derive(Args, Debug)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) what: BuildArgs,
    /// With --from bucket: accept the licence of the dataset without a prompt
    #[arg(long)]
    pub(crate) accept_license: bool,
    /// Only print what would be built, its size and the memory it takes
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// What a store is to hold, and how it is built.
#[derive(Args, Debug)]
pub(crate) struct BuildArgs {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Session(s): 01, 01,03, 01-10 or all (default: all with betas)
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) session: Vec<SessionName>,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// Read the downloaded files (mirror), or read from the bucket and keep no NIfTI file (bucket)
    #[arg(long, value_enum, default_value_t)]
    pub(crate) from: Origin,
    /// Most memory to use, e.g. 2GiB; with little memory, the store becomes slower to read
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,
    /// Check every byte of the sessions in the store, and build damaged ones again
    #[arg(long)]
    pub(crate) verify: bool,
    /// Directory of stores (default: stores/ in the data directory)
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Chosen {
    /// Subject(s): sub-03, 03 or all (default: all)
    #[arg(long, num_args = 1.., value_name = "S", value_delimiter = ',')]
    pub(crate) subject: Vec<String>,
    /// Only stores of this brain mask
    #[arg(long, value_name = "M", value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: Option<MaskSource>,
}

#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Only stores of this brain mask
    #[arg(long, value_name = "M", value_parser = one_of(MaskSource::ALL, MaskSource::as_str))]
    pub(crate) mask_source: Option<MaskSource>,
    /// Only these session(s): 01, 01,03, 01-10 (default: the whole store)
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) session: Vec<SessionName>,
}
