//! `to-nifti`: values on the voxel axis back into a volume.

use std::path::Path;

use laion_fmri::Error;
use laion_fmri::export::{self, read_npy};

use super::voxels::voxels;
use crate::args::ToNifti;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;

pub(super) fn run(context: &Context, args: &ToNifti) -> anyhow::Result<()> {
    let name = args.output.to_string_lossy();
    if !(name.ends_with(".nii") || name.ends_with(".nii.gz")) {
        return Err(output::unsupported(&args.output, &[".nii", ".nii.gz"]).into());
    }
    output::check_destination(&args.output)?;
    let values = read_values(&args.values)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    subject.to_nifti(&values, &args.output, &voxels(&args.voxels, &subject)?)?;
    context.note(&laion_fmri_base::counted(values.len(), "voxel"));
    Ok(())
}

/// The values of a 1-D array of float32, or of float64 rounded to it.
fn read_values(path: &Path) -> anyhow::Result<Vec<f32>> {
    let array = match read_npy::<f32>(path) {
        Err(export::Error::NotNpy { .. }) => {
            read_npy::<f64>(path).map(|array| array.mapv(|value| value as f32))
        }
        other => other,
    };
    let array = array.map_err(Error::from)?;
    if array.ndim() != 1 {
        let message = format!(
            "{} has {} axes (expected 1: one value per voxel)",
            path.display(),
            array.ndim()
        );
        return Err(CommandError::usage(message).into());
    }
    Ok(array.iter().copied().collect())
}
