//! `coordinates`: where voxels lie, in mm of the subject's T1w space.

use laion_fmri_base::counted;
use serde_json::json;

use super::voxels::{ArrayFormat, array_format, reaching, voxels, write_array};
use crate::args::Coordinates;
use crate::context::Context;
use crate::output;

pub(super) fn run(context: &Context, args: &Coordinates) -> anyhow::Result<()> {
    array_format(&args.output, &[ArrayFormat::Npy, ArrayFormat::Csv])?;
    output::check_binary_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let chosen = voxels(context, &args.voxels, &subject)?;
    let chosen = reaching(context, chosen, &args.threshold, &subject)?;
    let coordinates = subject.voxel_coordinates(&chosen)?;
    output::note_replaced(context, [args.output.as_path()]);
    write_array(&args.output, coordinates.view(), ["x", "y", "z"].map(str::to_owned))?;
    let voxels = counted(coordinates.nrows(), "voxel");
    let shape = json!(coordinates.shape());
    output::wrote(context, &args.output, &voxels, [("shape", shape)])
}
