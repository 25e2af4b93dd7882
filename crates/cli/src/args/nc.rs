//! The options of `nc` and its commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use laion_fmri::noise_ceiling::{ImageSet, RepetitionTerm, Repetitions, Scope};

use crate::args::VoxelArgs;
use crate::args::bytes::parse_size;
use crate::args::names::one_of;
use crate::args::sessions::{SessionName, parse_session};
use crate::args::store::StoreArgs;

/// What to do with noise ceilings.
#[derive(Debug, Subcommand)]
pub(crate) enum Nc {
    /// Compute a noise ceiling from the betas; all settings go into a JSON file next to it
    Compute(Compute),
    /// Compare two maps voxel by voxel: two files, or a file and a map of the dataset
    Compare(Compare),
}

#[derive(Args, Debug)]
pub(crate) struct Compute {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// Session(s): 01, 01,03, 01-10 or all (default: all that are on disk)
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session)]
    pub(crate) session: Vec<SessionName>,
    /// Z-score within each run or session (default: run for one session, session for several)
    #[arg(long, value_name = "run|session", value_parser = one_of(Scope::ALL, Scope::as_str))]
    pub(crate) scope: Option<Scope>,
    /// Delta degrees of freedom of both variances: 0 as in numpy, 1 for unbiased variances. With 0,
    /// voxels of pure noise have a noise ceiling of 50 to 67 %; with 1, of about 0 %
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) ddof: usize,
    /// --ddof for the z-score only
    #[arg(long, value_name = "N")]
    pub(crate) zscore_ddof: Option<usize>,
    /// --ddof for the within-image variance only
    #[arg(long, value_name = "N")]
    pub(crate) residual_ddof: Option<usize>,
    /// Images to use, by their planned repetitions
    #[arg(long, value_name = "SET", default_value_t, value_parser = one_of(ImageSet::ALL, ImageSet::as_str))]
    pub(crate) images: ImageSet,
    /// Images to use, by how often they were shown in these sessions: 2+ or exactly 4
    #[arg(long, value_name = "N|N+", default_value_t = Repetitions::AtLeast(2))]
    pub(crate) repetitions: Repetitions,
    /// Term 1/n of the formula: mean over images, or fixed 1/N
    #[arg(long, value_name = "mean|N", default_value_t)]
    pub(crate) repetition_term: RepetitionTerm,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Most memory to use, e.g. 4GiB (default: 2GiB); less memory takes more passes over the files
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_memory: Option<u64>,
    /// Only print what would be read, in how many passes, and the memory it takes
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Output file, replaced if it exists: .nii or .nii.gz (grid of the betas), or .npy (one value
    /// per voxel)
    #[arg(short, long, value_name = "FILE", required_unless_present = "dry_run")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("other").required(true).args(["second", "session", "desc"]))]
pub(crate) struct Compare {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// First map: .nii, .nii.gz, or .npy with one value per voxel
    #[arg(value_name = "A")]
    pub(crate) first: PathBuf,
    /// Second map
    #[arg(value_name = "B")]
    pub(crate) second: Option<PathBuf>,
    /// Instead of B: the map of this session
    #[arg(long, visible_alias = "ses", value_name = "V", value_parser = parse_session)]
    pub(crate) session: Option<SessionName>,
    /// Instead of B: this subject-level map, e.g. Noiseceiling12rep
    #[arg(long, value_name = "D")]
    pub(crate) desc: Option<String>,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
}
