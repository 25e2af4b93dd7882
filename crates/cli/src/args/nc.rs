//! The options of `nc` and its commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use laion_fmri::noise_ceiling::{ImageSet, RepetitionTerm, Repetitions, Scope};

use crate::args::VoxelArgs;
use crate::args::bytes::parse_size;
use crate::args::names::one_of;
use crate::args::sessions::{SessionName, parse_session};

/// What to do with noise ceilings.
#[derive(Debug, Subcommand)]
pub(crate) enum Nc {
    /// Compute a noise ceiling from the betas, with every convention in a JSON file beside it
    Compute(Compute),
    /// Compare two maps voxel by voxel: files, or a file and a map of the bucket
    Compare(Compare),
}

#[derive(Args, Debug)]
pub(crate) struct Compute {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Over these sessions: 01, 01,03, 01-10 or all; by default all that are on disk
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) session: Vec<SessionName>,
    /// Z-score within each run or session; by default run for one session, session for several
    #[arg(long, value_name = "run|session", value_parser = one_of(Scope::ALL, Scope::as_str))]
    pub(crate) scope: Option<Scope>,
    /// Delta degrees of freedom of both variances: 0 as numpy does, 1 unbiased
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) ddof: usize,
    /// That of the z-score alone
    #[arg(long, value_name = "N")]
    pub(crate) zscore_ddof: Option<usize>,
    /// That of the variance within images alone
    #[arg(long, value_name = "N")]
    pub(crate) residual_ddof: Option<usize>,
    /// Which images count, by their name: all, 4rep or 12rep
    #[arg(long, value_name = "SET", default_value_t, value_parser = one_of(ImageSet::ALL, ImageSet::as_str))]
    pub(crate) images: ImageSet,
    /// Which images count, by how often they were shown in these sessions: 2+ or exactly 4
    #[arg(long, value_name = "N|N+", default_value_t = Repetitions::AtLeast(2))]
    pub(crate) repetitions: Repetitions,
    /// What stands for mean(1/n) in the formula: the mean over the images, or 1 / this number
    #[arg(long, value_name = "mean|N", default_value_t)]
    pub(crate) repetition_term: RepetitionTerm,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// The most memory, such as 2GiB: less means more passes over the files
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,
    /// Only say what would be read, how often, and the predicted peak of memory
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// The output: .nii or .nii.gz (the grid of the betas) or .npy (the voxel axis)
    #[arg(short, long, value_name = "FILE", required_unless_present = "dry_run")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("other").required(true).args(["second", "session", "desc"]))]
pub(crate) struct Compare {
    /// The subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// The first map: .nii, .nii.gz, or .npy on the voxel axis
    #[arg(value_name = "A")]
    pub(crate) first: PathBuf,
    /// The second map
    #[arg(value_name = "B")]
    pub(crate) second: Option<PathBuf>,
    /// Instead of B, the map of this session
    #[arg(long, visible_alias = "ses", value_name = "V", value_parser = parse_session)]
    pub(crate) session: Option<SessionName>,
    /// Instead of B, the subject-level map of this description, such as Noiseceiling12rep
    #[arg(long, value_name = "D")]
    pub(crate) desc: Option<String>,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
}
