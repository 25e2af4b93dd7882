//! `to-nifti`: values on the voxel axis back into a volume, or into one volume for each row.

use std::path::Path;

use laion_fmri::nifti_stream::Sample;
use laion_fmri::{Event, Observer, Subject, Voxels};
use laion_fmri_base::counted;

use serde_json::json;

use super::value_rows::{ValueRows, file_and_voxels};
use super::voxels::{reaching, voxels};
use crate::args::ToNifti;
use crate::context::Context;
use crate::output;
use crate::progress::VolumeProgress;

pub(super) fn run(context: &Context, args: &ToNifti) -> anyhow::Result<()> {
    let name = args.output.to_string_lossy();
    if !(name.ends_with(".nii") || name.ends_with(".nii.gz")) {
        return Err(output::unsupported(&args.output, &[".nii", ".nii.gz"]).into());
    }
    output::check_destination(&args.output)?;
    let command = format!("to-nifti --subject {}", args.subject);
    let (values, chosen) =
        file_and_voxels(&command, args.values.as_ref(), &args.voxels, &args.output)?;
    let rows = ValueRows::open(&values)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let voxels = voxels(context, &chosen, &subject)?;
    let voxels = reaching(context, voxels, &args.threshold, &subject)?;
    let double = rows.needs_double()?;
    let voxels = rows.fitting(&voxels, &subject)?;
    output::note_replaced(context, [args.output.as_path()]);
    let progress = VolumeProgress::new(context);
    let written = match double {
        true => write(&rows, &subject, &args.output, &voxels, &progress, |value| value),
        false => write(&rows, &subject, &args.output, &voxels, &progress, |value| value as f32),
    };
    progress.finish();
    written?;
    if double {
        context.note("note: written as float64: float32 would change some values to 0, to infinity or to another integer");
    }
    let volumes = match rows.n_rows {
        Some(rows) => format!("{} of ", counted(rows, "volume")),
        None => String::new(),
    };
    let voxels = counted(rows.n_columns, "voxel");
    let fields = [("volumes", json!(rows.n_rows.unwrap_or(1))), ("float64", json!(double))];
    output::wrote(context, &args.output, &format!("{volumes}{voxels}"), fields)
}

fn write<T: Sample + Default>(
    rows: &ValueRows<'_>,
    subject: &Subject,
    output: &Path,
    voxels: &Voxels,
    observer: &dyn Observer,
    value: impl Fn(f64) -> T,
) -> anyhow::Result<()> {
    let total = rows.n_rows.unwrap_or(1);
    subject.rows_to_nifti(output, voxels, rows.n_rows, |put| {
        let mut values = Vec::with_capacity(rows.n_columns);
        let mut done = 0;
        rows.for_each(|row| {
            values.clear();
            values.extend(row.iter().map(|it| value(*it)));
            put(&values)?;
            done += 1;
            observer.event(Event::Row { done, total });
            Ok(())
        })
    })
}
