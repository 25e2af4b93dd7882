//! `roi`: ROIs as volumes, surface masks and vertex lists, in one `.npz` file.

use std::io::{self, BufWriter, Write};

use laion_fmri::bids::dehyphenate_name;
use laion_fmri::export::{self, NpzWriter, write_npz, write_npz_to};
use laion_fmri::ndarray::ArrayView1;
use laion_fmri::{Error, Hemisphere, RoiData};
use laion_fmri_base::counted;

use serde_json::json;

use crate::args::{Keys, Roi};
use crate::context::Context;
use crate::output;

pub(super) fn run(context: &Context, args: &Roi) -> anyhow::Result<()> {
    let to_stdout = output::is_stdout(&args.output);
    if !to_stdout && args.output.extension().is_none_or(|extension| extension != "npz") {
        return Err(output::unsupported(&args.output, &[".npz", "-"]).hint("-o roi.npz").into());
    }
    output::check_binary_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let rois =
        subject.roi_data_on(args.roi.as_slice(), args.format, args.hemi, args.mask_source)?;
    // The names of the arrays follow from what was asked for, not from how much was found.
    let is_full = args.keys == Keys::Full || args.roi.len() > 1;
    let alone = |name: &str| !is_full && dehyphenate_name(&args.roi[0]) == name;
    let write = |npz: &mut NpzWriter<'_>| -> Result<(), export::Error> {
        rois.iter().try_for_each(|(name, roi)| {
            let prefix = if alone(name) { String::new() } else { format!("{name}/") };
            write_roi(npz, &prefix, roi)
        })
    };
    if to_stdout {
        let mut stdout = BufWriter::new(io::stdout().lock());
        write_npz_to(&mut stdout, write).map_err(Error::from)?;
        stdout.flush()?;
    } else {
        write_npz(&args.output, write).map_err(Error::from)?;
    }
    let text = counted(rois.len(), "ROI");
    let names: Vec<&String> = rois.keys().collect();
    output::wrote(context, &args.output, &text, [("rois", json!(names))])
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
