//! `mask`: a brain mask, or an ROI over the brain axis, as an array or a volume.

use std::path::Path;

use laion_fmri::ndarray::Array1;
use laion_fmri::{Error, Subject, VoxelMask, Voxels};
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
    let kept = if volume { write_volume(&subject, args)? } else { write_npy(&subject, args)? };
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

/// The voxels of the ROIs, of which there has to be one.
fn roi_mask(subject: &Subject, args: &Mask) -> Result<VoxelMask, Error> {
    let voxels = Voxels::roi(args.roi.as_slice()).mask_source(args.mask_source);
    voxels.non_empty().resolve(subject)
}

fn write_npy(subject: &Subject, args: &Mask) -> anyhow::Result<usize> {
    let mask = if args.roi.is_empty() {
        subject.brain_mask(args.mask_source, args.res)?.to_bool()
    } else {
        roi_mask(subject, args)?.as_slice().to_vec()
    };
    let kept = mask.iter().filter(|voxel| **voxel).count();
    voxels::write_npy(&args.output, Array1::from_vec(mask).view())?;
    Ok(kept)
}

/// As a volume the mask always lies on the whole grid.
fn write_volume(subject: &Subject, args: &Mask) -> anyhow::Result<usize> {
    if args.roi.is_empty() {
        let brain = subject.brain_mask(args.mask_source, args.res)?;
        brain.write_nifti(&args.output)?;
        return Ok(brain.n_voxels());
    }
    let roi = roi_mask(subject, args)?;
    roi.write_nifti(&args.output)?;
    Ok(roi.n_voxels())
}
