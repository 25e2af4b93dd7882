//! `coordinates`: where voxels lie, in mm of the subject's T1w space.

use super::voxels::{ArrayFormat, array_format, voxels, write_array};
use crate::args::Coordinates;
use crate::context::Context;
use crate::output;

pub(super) fn run(context: &Context, args: &Coordinates) -> anyhow::Result<()> {
    array_format(&args.output, &[ArrayFormat::Npy, ArrayFormat::Csv])?;
    output::check_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let coordinates = subject.voxel_coordinates(&voxels(&args.voxels, &subject)?)?;
    write_array(&args.output, coordinates.view(), ["x", "y", "z"].map(str::to_owned))?;
    context.note(&laion_fmri_base::counted(coordinates.nrows(), "voxel"));
    Ok(())
}
