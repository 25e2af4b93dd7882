//! `mask`: a brain mask, or an ROI over the brain axis, as an array or a volume.

use std::path::Path;

use laion_fmri::ndarray::Array1;
use laion_fmri::{Subject, VoxelMask, Voxels};
use laion_fmri_base::counted;

use serde_json::json;

use super::voxels;
use crate::args::Mask;
use crate::context::Context;
use crate::output;

pub(super) fn run(context: &Context, args: &Mask) -> anyhow::Result<()> {
    let volume = is_volume(&args.output)?;
    output::check_binary_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let chosen = chosen(context, &subject, args)?;
    let chosen = chosen.map(|voxels| voxels.resolve(&subject)).transpose()?;
    let brain = subject.brain_mask(args.mask_source, args.res)?;
    output::note_replaced(context, [args.output.as_path()]);
    let kept = match (chosen, volume) {
        (Some(voxels), _) => write_voxels(&voxels, volume, args)?,
        (None, true) => {
            brain.write_nifti(&args.output)?;
            brain.n_voxels()
        }
        (None, false) => write_npy(brain.to_bool(), args)?,
    };
    let text = counted(kept, "voxel");
    output::wrote(context, &args.output, &text, [("voxels", json!(kept))])
}

fn is_volume(output: &Path) -> anyhow::Result<bool> {
    let name = output.to_string_lossy();
    match name.as_ref() {
        "-" => Ok(false),
        name if name.ends_with(".npy") => Ok(false),
        name if name.ends_with(".nii") || name.ends_with(".nii.gz") => Ok(true),
        _ => Err(output::unsupported(output, &[".npy", ".nii", ".nii.gz", "-"]).into()),
    }
}

/// The voxels of the ROIs or those that reach a threshold, of which there has to be one; without
/// either the brain mask itself is meant.
fn chosen(context: &Context, subject: &Subject, args: &Mask) -> anyhow::Result<Option<Voxels>> {
    if args.roi.is_empty() && args.threshold.nc_threshold.is_none() {
        return Ok(None);
    }
    let voxels = if args.roi.is_empty() { Voxels::all() } else { Voxels::roi(args.roi.as_slice()) };
    let voxels = voxels.mask_source(args.mask_source).non_empty();
    voxels::reaching(context, voxels, &args.threshold, subject).map(Some)
}

fn write_npy(flags: Vec<bool>, args: &Mask) -> anyhow::Result<usize> {
    let kept = flags.iter().filter(|voxel| **voxel).count();
    voxels::write_npy(&args.output, Array1::from_vec(flags).view())?;
    Ok(kept)
}

/// One flag for each brain voxel; as a volume the mask lies on the whole grid.
fn write_voxels(voxels: &VoxelMask, volume: bool, args: &Mask) -> anyhow::Result<usize> {
    if volume {
        voxels.write_nifti(&args.output)?;
        return Ok(voxels.n_voxels());
    }
    write_npy(voxels.as_slice().to_vec(), args)
}
