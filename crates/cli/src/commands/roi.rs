//! `roi`: ROIs as volumes, surface masks and vertex lists, in one `.npz` file.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use laion_fmri::bids::dehyphenate_name;
use laion_fmri::export::{self, NpzWriter, write_npz, write_npz_to};
use laion_fmri::ndarray::ArrayView1;
use laion_fmri::template::{TemplateOptions, TemplateSpace};
use laion_fmri::{Error, Hemisphere, RoiData, RoiFormat, Voxels};
use laion_fmri_base::counted;

use serde_json::json;

use super::spaces::options;
use crate::args::{Keys, Roi};
use crate::context::Context;
use crate::hint;
use crate::output;

pub(super) fn run(context: &Context, args: &Roi) -> anyhow::Result<()> {
    if let Some(space) = args.space {
        return in_space(context, args, space);
    }
    check_npz(context, args)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let rois =
        subject.roi_data_on(args.rois().as_slice(), args.format, args.hemi, args.mask_source)?;
    output::note_replaced(context, [args.output.as_path()]);
    let names = Names::of(args);
    write_file(&args.output, |npz| {
        rois.iter().try_for_each(|(name, roi)| write_roi(npz, &names.prefix(name), roi))
    })?;
    report(context, &args.output, rois.keys())
}

/// ROIs on the vertices of a surface, or as volumes of a template.
fn in_space(context: &Context, args: &Roi, space: TemplateSpace) -> anyhow::Result<()> {
    let options = options(context, &args.how, args.hemi);
    let Some(surface) = space.surface() else {
        return in_volume(context, args, &options);
    };
    check_npz(context, args)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let rois = subject.roi_vertices(args.rois().as_slice(), surface, &options)?;
    output::note_replaced(context, [args.output.as_path()]);
    let names = Names::of(args);
    write_file(&args.output, |npz| {
        for (name, hemispheres) in &rois {
            let prefix = names.prefix(name);
            for (hemisphere, flags) in hemispheres {
                let flags = ArrayView1::from(flags);
                npz.array(format!("{prefix}hemi-{hemisphere}/func.gii"), flags)?;
            }
        }
        Ok(())
    })?;
    report(context, &args.output, rois.keys())
}

/// Each ROI as a volume of MNI305: 1 inside, 0 outside.
fn in_volume(context: &Context, args: &Roi, options: &TemplateOptions) -> anyhow::Result<()> {
    let name = args.output.to_string_lossy();
    if !(name.ends_with(".nii") || name.ends_with(".nii.gz")) {
        return Err(output::unsupported(&args.output, &[".nii", ".nii.gz"]).into());
    }
    output::check_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let format = RoiFormat::Volume;
    let rois = subject.roi_data_on(args.rois().as_slice(), format, args.hemi, args.mask_source)?;
    // The voxels of the brain, so that one set of weights does for all of them.
    let brain = Voxels::all().mask_source(args.mask_source);
    let projection = subject.volume_projection(&brain, options)?;
    output::note_replaced(context, [args.output.as_path()]);
    let n_rois = (rois.len() > 1).then_some(rois.len());
    projection.write_nifti(&args.output, n_rois, |put| {
        rois.values().filter_map(|roi| roi.volume.as_ref()).try_for_each(|volume| {
            let inside = volume.as_slice().iter().map(|inside| f32::from(u8::from(*inside)));
            put(&inside.collect::<Vec<_>>())
        })
    })?;
    report(context, &args.output, rois.keys())
}

/// What writes an ROI that has no volume, if one of them has none.
fn on_surface_only(context: &Context, args: &Roi) -> Option<String> {
    let subject = context.dataset().ok()?.subject(&args.subject).ok()?;
    let error = subject.roi_masks(args.rois().as_slice(), args.mask_source).err()?;
    matches!(error, Error::UnknownRoi { is_on_surface: true, .. })
        .then(|| hint::of(&error))
        .flatten()
}

fn check_npz(context: &Context, args: &Roi) -> anyhow::Result<()> {
    let output = args.output.as_path();
    let is_npz = output.extension().is_some_and(|extension| extension == "npz");
    if !output::is_stdout(output) && !is_npz {
        let name = output.to_string_lossy();
        // A volume of one ROI is what `mask` writes.
        let hint = match name.ends_with(".nii") || name.ends_with(".nii.gz") {
            true => on_surface_only(context, args).unwrap_or_else(|| {
                format!(
                    "laion-fmri mask --subject {} --roi {} -o {}",
                    hint::word(&args.subject),
                    args.rois().iter().map(|it| hint::word(it)).collect::<Vec<_>>().join(" "),
                    hint::word(&name)
                )
            }),
            false => "-o roi.npz".to_owned(),
        };
        return Err(output::unsupported(output, &[".npz", "-"]).hint(hint).into());
    }
    output::check_binary_destination(output)
}

/// How the arrays of ROIs begin.
struct Names {
    /// The only ROI that was named, whose arrays need no name.
    alone: Option<String>,
}

impl Names {
    /// The names follow from what was asked for, not from how much was found.
    fn of(args: &Roi) -> Self {
        let rois = args.rois();
        let is_full = args.keys == Keys::Full || rois.len() > 1;
        let alone = rois.first().filter(|_| !is_full);
        Self { alone: alone.map(|name| dehyphenate_name(name).into()) }
    }

    fn prefix(&self, name: &str) -> String {
        match &self.alone {
            Some(alone) if alone == name => String::new(),
            _ => format!("{name}/"),
        }
    }
}

fn write_file(
    output: &Path,
    write: impl FnOnce(&mut NpzWriter<'_>) -> Result<(), export::Error>,
) -> anyhow::Result<()> {
    if output::is_stdout(output) {
        let mut stdout = BufWriter::new(io::stdout().lock());
        write_npz_to(&mut stdout, write).map_err(Error::from)?;
        stdout.flush()?;
    } else {
        write_npz(output, write).map_err(Error::from)?;
    }
    Ok(())
}

fn report<'n>(
    context: &Context,
    output: &Path,
    names: impl Iterator<Item = &'n String>,
) -> anyhow::Result<()> {
    let names: Vec<&String> = names.collect();
    output::wrote(context, output, &counted(names.len(), "ROI"), [("rois", json!(names))])
}

fn write_roi(npz: &mut NpzWriter<'_>, prefix: &str, roi: &RoiData) -> Result<(), export::Error> {
    if let Some(volume) = &roi.volume {
        npz.array(format!("{prefix}volume"), ArrayView1::from(volume.as_slice()))?;
    }
    for hemisphere in Hemisphere::ALL {
        let Some(surface) = roi.surface(*hemisphere) else { continue };
        if let Some(mask) = &surface.mask {
            npz.array(format!("{prefix}hemi-{hemisphere}/func.gii"), ArrayView1::from(mask))?;
        }
        if let Some(vertices) = &surface.vertices {
            let vertices: Vec<i64> = vertices.iter().map(|vertex| i64::from(*vertex)).collect();
            npz.array(format!("{prefix}hemi-{hemisphere}/label"), ArrayView1::from(&vertices))?;
        }
    }
    Ok(())
}
