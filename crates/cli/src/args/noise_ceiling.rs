//! Arguments of `noise-ceiling`.

use std::path::PathBuf;

use clap::Args;

use super::VoxelArgs;
use super::sessions::{SessionName, parse_session};

#[derive(Args, Debug)]
#[group(id = "which", required = true, multiple = false)]
pub(crate) struct WhichNoiseCeiling {
    /// Maps within these sessions: 01, 01,03, 01-10 or all
    #[arg(long, visible_alias = "ses", num_args = 1.., value_name = "V", value_delimiter = ',', value_parser = parse_session, group = "which")]
    pub(crate) session: Vec<SessionName>,
    /// Subject-level maps, e.g. Noiseceiling12rep
    #[arg(long, num_args = 1.., value_name = "D", group = "which")]
    pub(crate) desc: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct NoiseCeilingArgs {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) which: WhichNoiseCeiling,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// Output file: .npy or .csv for one map, .npz for several, .nii or .nii.gz with one volume per map,
    /// - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
