//! Arguments of `coordinates` and `to-nifti`: where voxels lie, and values back in space.

use std::path::PathBuf;

use clap::Args;

use super::{ThresholdArgs, VoxelArgs};

#[derive(Args, Debug)]
pub(crate) struct Coordinates {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    #[command(flatten)]
    pub(crate) threshold: ThresholdArgs,
    /// Output file, replaced if it exists: .npy, .csv, or - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ToNifti {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// One value per selected voxel, or rows of them: .npy of numbers with one or two axes. Rows become
    /// volumes of a 4-D file
    // Behind --roi it is the last of its values.
    #[arg(value_name = "VALUES.npy", required_unless_present = "roi")]
    pub(crate) values: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    #[command(flatten)]
    pub(crate) threshold: ThresholdArgs,
    /// Output file, replaced if it exists: .nii or .nii.gz
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
