//! The voxel options that several commands share, and arrays on the voxel axis in and out.

use std::fmt::Debug;
use std::io::{self, Write};
use std::path::Path;

use laion_fmri::export::{self, Element};
use laion_fmri::ndarray::{ArrayView, Axis, RemoveAxis};
use laion_fmri::{Error, MaskFile, MaskSource, NoiseCeiling, Subject, VoxelMask, Voxels, layout};
use laion_fmri_base::{agreeing, counted};

use super::sessions;
use crate::args::{ThresholdArgs, VoxelArgs};
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;

/// The voxels that the options choose, of which there has to be one.
pub(super) fn voxels(
    context: &Context,
    args: &VoxelArgs,
    subject: &Subject,
) -> anyhow::Result<Voxels> {
    if let Some(file) = &args.mask {
        let mask = read_mask(context, subject, file, args.mask_source)?;
        return Ok(Voxels::mask(mask.voxels).non_empty());
    }
    note_shared_names(context, subject, &args.roi);
    let voxels = if args.roi.is_empty() { Voxels::all() } else { Voxels::roi(args.roi.as_slice()) };
    Ok(voxels.mask_source(args.mask_source).non_empty())
}

/// Names the ROIs that several categories have, of which all are meant.
pub(super) fn note_shared_names(context: &Context, subject: &Subject, rois: &[String]) {
    // A query that cannot be answered is an error of its own.
    for (roi, categories) in subject.rois_of_several_categories(rois).unwrap_or_default() {
        context.note(&format!(
            "note: {roi} is in {}, and means the voxels of all; \"{} & {roi}\" means those in {}",
            categories.join(" and "),
            categories[0],
            categories[0]
        ));
    }
}

/// Of the voxels those that reach the threshold, if there is one.
pub(super) fn reaching(
    context: &Context,
    voxels: Voxels,
    args: &ThresholdArgs,
    subject: &Subject,
) -> anyhow::Result<Voxels> {
    let Some(percent) = args.nc_threshold else { return Ok(voxels) };
    let map = match (&args.nc_desc, &args.session) {
        (Some(desc), _) => NoiseCeiling::desc(desc)?,
        (None, Some(session)) => {
            let named = std::slice::from_ref(session);
            let map = layout::session_noise_ceiling;
            match sessions::of_subject(context, subject, named, map)?.as_slice() {
                [session] => NoiseCeiling::session(session)?,
                _ => return Err(CommandError::usage("--session takes one session here").into()),
            }
        }
        // The arguments require one of them.
        (None, None) => return Ok(voxels),
    };
    Ok(voxels.nc_threshold_on(map, percent))
}

/// A mask that the user made; what is left out of it is said.
pub(super) fn read_mask(
    context: &Context,
    subject: &Subject,
    file: &Path,
    source: MaskSource,
) -> anyhow::Result<MaskFile> {
    let mask = subject.read_mask(file, source)?;
    if mask.outside > 0 {
        context.note(&format!(
            "note: {} of {} {} outside the {source} brain mask and left out",
            counted(mask.outside, "voxel"),
            file.display(),
            agreeing(mask.outside, "is", "are")
        ));
    }
    Ok(mask)
}

/// The array formats of outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArrayFormat {
    Npy,
    Npz,
    Csv,
    Nifti,
}

/// The format that an output's name asks for, among those that fit.
pub(super) fn array_format(output: &Path, fitting: &[ArrayFormat]) -> anyhow::Result<ArrayFormat> {
    let format = match output.extension().and_then(|extension| extension.to_str()) {
        _ if output::is_stdout(output) => Some(ArrayFormat::Npy),
        Some("npy") => Some(ArrayFormat::Npy),
        Some("npz") => Some(ArrayFormat::Npz),
        Some("csv") => Some(ArrayFormat::Csv),
        Some("nii") => Some(ArrayFormat::Nifti),
        Some("gz") if output.to_string_lossy().ends_with(".nii.gz") => Some(ArrayFormat::Nifti),
        _ => None,
    };
    if let Some(format) = format.filter(|format| fitting.contains(format)) {
        return Ok(format);
    }
    let names: Vec<&str> = fitting
        .iter()
        .map(|format| match format {
            ArrayFormat::Npy => ".npy",
            ArrayFormat::Npz => ".npz",
            ArrayFormat::Csv => ".csv",
            ArrayFormat::Nifti => ".nii.gz",
        })
        .collect();
    Err(output::unsupported(output, &names).into())
}

/// Writes an array to a `.npy` file, by rename, or to standard output.
pub(super) fn write_npy<A: Element, D: RemoveAxis>(
    output: &Path,
    array: ArrayView<'_, A, D>,
) -> anyhow::Result<()> {
    if !output::is_stdout(output) {
        return Ok(export::write_npy(output, array).map_err(Error::from)?);
    }
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    export::write_npy_to(&mut stdout, array).map_err(Error::from)?;
    stdout.flush()?;
    Ok(())
}

/// As [`write_npy`], or as a `.csv` file, whose first line names the columns.
pub(super) fn write_array<A: Element + Debug, D: RemoveAxis>(
    output: &Path,
    array: ArrayView<'_, A, D>,
    columns: impl IntoIterator<Item = String>,
) -> anyhow::Result<()> {
    match array_format(output, &[ArrayFormat::Npy, ArrayFormat::Csv])? {
        ArrayFormat::Csv => {
            let written = export::atomic_file(output, |file| write_csv(file, array, columns));
            Ok(written.map_err(Error::from)?)
        }
        _ => write_npy(output, array),
    }
}

/// The columns of an array with one for each voxel: `v` and the flat index on the grid.
pub(super) fn voxel_columns(voxels: &VoxelMask) -> impl Iterator<Item = String> {
    voxels.indices().iter().map(|index| format!("v{index}"))
}

/// The names of the columns, then one line for each element of the first axis. Floating-point
/// numbers have as many digits as it takes to read the same number back, and at least one behind
/// the point: pandas reads a column of `0` and `-0` as integers, which have no sign of zero.
fn write_csv<A: Debug, D: RemoveAxis>(
    file: impl Write,
    array: ArrayView<'_, A, D>,
    columns: impl IntoIterator<Item = String>,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(columns)?;
    for row in array.axis_iter(Axis(0)) {
        writer.write_record(row.iter().map(|value| format!("{value:?}")))?;
    }
    writer.flush()
}
