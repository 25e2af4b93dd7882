//! Arguments of `to-template`, and the options of spaces that other commands share.

use std::path::PathBuf;

use clap::Args;
use laion_fmri::Hemi;
use laion_fmri::template::{CorticalSurface, Density, Interpolation, TemplateSpace};

use super::VoxelArgs;
use super::names::one_of;

/// How voxels get to vertices and templates.
#[derive(Args, Debug)]
pub(crate) struct SpaceArgs {
    /// Surface on which voxels are sampled: white (default), pial or mid (half way)
    #[arg(long, value_name = "NAME", conflicts_with = "depths", requires = "space", value_parser = one_of(CorticalSurface::ALL, CorticalSurface::as_str))]
    pub(crate) surface: Option<CorticalSurface>,
    /// Mean over these depths, from 0 (white surface) to 1 (pial surface): 0,0.25,0.5,0.75,1
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "space")]
    pub(crate) depths: Vec<f64>,
    /// Vertices of fsaverage per hemisphere: 10k (default), 41k or 164k
    #[arg(long, value_name = "N", requires = "space", value_parser = one_of(Density::ALL, Density::as_str))]
    pub(crate) density: Option<Density>,
    /// How values between voxels are computed (default: linear on surfaces, nearest in MNI305)
    #[arg(long, value_name = "HOW", requires = "space", value_parser = one_of(Interpolation::ALL, Interpolation::as_str))]
    pub(crate) interpolation: Option<Interpolation>,
    /// Folder with the sphere of fsaverage: a FreeSurfer subject, a folder of subjects, or TemplateFlow
    /// (default: derivatives/freesurfer, SUBJECTS_DIR, FREESURFER_HOME, TEMPLATEFLOW_HOME)
    #[arg(long, value_name = "DIR", requires = "space")]
    pub(crate) fsaverage: Vec<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct ToTemplate {
    /// Subject: sub-03 or 03
    #[arg(long, value_name = "S")]
    pub(crate) subject: String,
    /// One value per selected voxel, or rows of them: .npy of numbers with one or two axes
    // Behind --roi it is the last of its values.
    #[arg(value_name = "VALUES.npy", required_unless_present = "roi")]
    pub(crate) values: Option<PathBuf>,
    /// Where the values go: fsaverage, fsnative (the subject's own surface) or MNI305
    #[arg(long = "target", id = "space", visible_alias = "space", value_name = "SPACE", required = true, value_parser = one_of(TemplateSpace::ALL, TemplateSpace::as_str))]
    pub(crate) space: TemplateSpace,
    /// Hemisphere: L, R or all
    #[arg(long, value_name = "H", default_value_t, value_parser = one_of(Hemi::ALL, Hemi::as_str))]
    pub(crate) hemi: Hemi,
    #[command(flatten)]
    pub(crate) how: SpaceArgs,
    #[command(flatten)]
    pub(crate) voxels: VoxelArgs,
    /// Session of the values, for the names of the files in DIR/
    #[arg(long, visible_alias = "ses", value_name = "V")]
    pub(crate) session: Option<String>,
    /// Description of the values (letters and digits), for the names of the files in DIR/
    #[arg(long, value_name = "D")]
    pub(crate) desc: Option<String>,
    /// Output, replaced if it exists: .npz with L and R; .npy or .func.gii with --hemi; .nii or .nii.gz
    /// for MNI305; DIR/ for files named
    /// sub-03_space-fsaverage_den-10k_hemi-L_statmap.func.gii; - for .npy on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}
