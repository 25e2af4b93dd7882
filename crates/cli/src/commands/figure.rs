//! `figure`: a map or a trial as slices over the anatomy, in a PNG file.

use std::io::{self, Write};
use std::path::Path;

use laion_fmri::figure::{self, BrainSlices, ColorMap, ColorScale, Picture};
use laion_fmri::ndarray::Array1;
use laion_fmri::{
    Error, NoiseCeiling, Resolution, SessionId, Subject, SubjectId, Voxels, export, layout,
};
use laion_fmri_base::counted;

use serde_json::json;

use super::value_rows::ValueRows;
use crate::args::figure::{Figure, TrialName};
use crate::args::sessions::SessionName;
use crate::context::Context;
use crate::exit::CommandError;
use crate::hint;
use crate::output;
use crate::progress::VolumeProgress;

/// What is drawn: one value for each of some voxels, and what they are.
struct Shown {
    values: Array1<f32>,
    voxels: Voxels,
    title: String,
    label: String,
    is_diverging: bool,
}

pub(super) fn run(context: &Context, args: &Figure) -> anyhow::Result<()> {
    let is_png = args.output.extension().is_some_and(|extension| extension == "png");
    if !output::is_stdout(&args.output) && !is_png {
        return Err(output::unsupported(&args.output, &[".png", "-"]).into());
    }
    output::check_binary_destination(&args.output)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    let voxels = Voxels::all().mask_source(args.mask_source);
    let shown = match (&args.shown.map, &args.shown.trial) {
        (Some(map), _) => map_shown(context, &subject, args, map, &voxels)?,
        (None, Some(trial)) => trial_shown(context, &subject, trial, &voxels)?,
        // The arguments require one of them.
        (None, None) => return Err(CommandError::usage("nothing to draw is named").into()),
    };
    let mut slices = subject.brain_slices(&shown.values, &shown.voxels)?;
    if let Some(rois) = rois(args) {
        slices = slices.with_region(&rois.resolve(&subject)?, args.roi.join(", "))?;
    }
    let scale = scale(args, &shown, &slices)?;
    let title = args.title.as_ref().unwrap_or(&shown.title);
    let picture = slices
        .figure(scale.clone())
        .plane(args.plane)
        .slices(args.slices)
        .title(title)
        .quantity(args.label.as_ref().unwrap_or(&shown.label))
        .draw()
        .map_err(|error| CommandError::usage(error.to_string()))?;
    output::note_replaced(context, [args.output.as_path()]);
    write(&args.output, &picture)?;
    notes(context, &subject, &slices, &picture);
    report(context, args, title, &slices, &scale, &picture)
}

/// The region that is outlined.
fn rois(args: &Figure) -> Option<Voxels> {
    let rois = Voxels::roi(args.roi.as_slice()).mask_source(args.mask_source).non_empty();
    (!args.roi.is_empty()).then_some(rois)
}

/// A map of the dataset or of a file.
fn map_shown(
    context: &Context,
    subject: &Subject,
    args: &Figure,
    map: &str,
    voxels: &Voxels,
) -> anyhow::Result<Shown> {
    let id = subject.id();
    if args.session.is_some() && map != "nc" {
        let message = "--session goes with --map nc alone";
        return Err(CommandError::usage(message).into());
    }
    if map == "r2" {
        return Ok(Shown {
            values: subject.mean_r2(voxels)?,
            voxels: voxels.clone(),
            title: format!("{id}: mean R² of the single-trial model"),
            label: "R² (%)".to_owned(),
            is_diverging: false,
        });
    }
    if map == "nc" || map.starts_with("Noiseceiling") && !is_file(map) {
        let which = match &args.session {
            Some(session) => {
                let file = layout::session_noise_ceiling;
                let session = one_session(context, subject, session, file, "--session")?;
                NoiseCeiling::Session(session)
            }
            None if map == "nc" => subject.usual_noise_ceiling(),
            None => NoiseCeiling::desc(map)?,
        };
        return Ok(Shown {
            values: subject.noise_ceiling(&which, voxels)?,
            voxels: voxels.clone(),
            title: match &which {
                NoiseCeiling::Session(session) => format!("{id}, {session}: noise ceiling"),
                other => format!("{id}: {other}"),
            },
            label: "noise ceiling (%)".to_owned(),
            is_diverging: false,
        });
    }
    file_shown(subject, args, Path::new(map), voxels)
}

/// The session that an option names.
fn one_session(
    context: &Context,
    subject: &Subject,
    named: &SessionName,
    file: fn(&SubjectId, &SessionId) -> String,
    option: &str,
) -> anyhow::Result<SessionId> {
    let named = std::slice::from_ref(named);
    match super::sessions::of_subject(context, subject, named, file)?.as_slice() {
        [session] => Ok(session.parse().map_err(Error::from)?),
        _ => Err(CommandError::usage(format!("{option} takes one session here")).into()),
    }
}

/// Whether a map is named by its file.
fn is_file(map: &str) -> bool {
    map.ends_with(".npy") || map.ends_with(".nii") || map.ends_with(".nii.gz")
}

/// The values of a file that the user made.
fn file_shown(
    subject: &Subject,
    args: &Figure,
    path: &Path,
    voxels: &Voxels,
) -> anyhow::Result<Shown> {
    let name = path.to_string_lossy();
    let (values, voxels) = if name.ends_with(".npy") {
        values_of_npy(subject, args, path, voxels)?
    } else if is_file(&name) {
        (subject.read_map(path, voxels)?, voxels.clone())
    } else {
        let message = format!("unknown map {name:?}");
        let hint = "--map takes nc, r2, a map such as Noiseceiling4rep, or a .npy or .nii.gz file";
        return Err(CommandError::usage(message).hint(hint).into());
    };
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Shown {
        is_diverging: values.iter().any(|value| *value < 0.0),
        values,
        voxels,
        title: format!("{}: {file}", subject.id()),
        label: String::new(),
    })
}

/// The values of an array: one for each voxel of the brain, or of the region that is outlined.
fn values_of_npy(
    subject: &Subject,
    args: &Figure,
    path: &Path,
    brain: &Voxels,
) -> anyhow::Result<(Array1<f32>, Voxels)> {
    let rows = ValueRows::open(path)?;
    let is_row = rows.n_rows.is_none_or(|n_rows| n_rows == 1);
    let mut expected = Vec::new();
    let mut fitting = None;
    for (voxels, what) in [(Some(brain.clone()), "the brain"), (rois(args), "--roi")] {
        let Some(voxels) = voxels else { continue };
        let n_voxels = voxels.resolve(subject)?.n_voxels();
        expected.push(format!("{n_voxels} of {what}"));
        if fitting.is_none() && is_row && n_voxels == rows.n_columns {
            fitting = Some(voxels);
        }
    }
    let Some(voxels) = fitting else {
        let got = match rows.n_rows {
            Some(n_rows) => format!("{n_rows} rows of {}", rows.n_columns),
            None => rows.n_columns.to_string(),
        };
        let (path, expected) = (path.display(), expected.join(" or "));
        let message = format!("{path}: expected one value for each voxel, {expected}, got {got}");
        let error = CommandError::usage(message);
        return Err(match args.roi.is_empty() {
            true => error.hint("--roi names the ROI, if the values are those of one").into(),
            false => error.into(),
        });
    };
    let mut values = Vec::with_capacity(rows.n_columns);
    rows.for_each(|row| {
        values.extend(row.iter().map(|value| *value as f32));
        Ok(())
    })?;
    Ok((Array1::from_vec(values), voxels))
}

/// The betas of one trial.
fn trial_shown(
    context: &Context,
    subject: &Subject,
    trial: &TrialName,
    voxels: &Voxels,
) -> anyhow::Result<Shown> {
    let session = one_session(context, subject, &trial.session, layout::betas, "--trial")?;
    let progress = VolumeProgress::new(context);
    let betas = subject.betas().session(&session).voxels(voxels.clone()).trials([trial.row]);
    let read = betas.observer(&progress).load_with_rows();
    progress.finish();
    let betas = read?.betas;
    let table = subject.trials(&session)?;
    let image = match table.labels() {
        Ok(mut labels) => labels.nth(trial.row).map(|label| format!(" ({label})")),
        // A table without images has its betas all the same.
        Err(_) => None,
    };
    Ok(Shown {
        values: betas.row(0).to_owned(),
        voxels: voxels.clone(),
        title: format!(
            "{}, {session}, trial {}{}",
            subject.id(),
            trial.row,
            image.unwrap_or_default()
        ),
        label: "beta".to_owned(),
        is_diverging: true,
    })
}

/// The colours: as asked for, and else as the values have it.
fn scale(args: &Figure, shown: &Shown, slices: &BrainSlices) -> anyhow::Result<ColorScale> {
    let own = if shown.is_diverging { ColorMap::BlueRed } else { ColorMap::Viridis };
    let map = args.colormap.unwrap_or(own);
    let scale = match args.range {
        Some(range) => ColorScale::new(map, range.low, range.high),
        None => Ok(slices.fitting(map)),
    };
    let scale = scale.and_then(|scale| match args.threshold {
        Some(threshold) => scale.with_threshold(threshold),
        None => Ok(scale),
    });
    scale.and_then(|scale| scale.with_opacity(args.opacity)).map_err(|error| {
        let hint = match &error {
            figure::Error::NotSymmetric { low, high, .. } => {
                let end = low.abs().max(high.abs());
                Some(format!("--range -{end},{end}, or --colormap viridis"))
            }
            _ => None,
        };
        let error = CommandError::usage(error.to_string());
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
        .into()
    })
}

fn write(output: &Path, picture: &Picture) -> anyhow::Result<()> {
    if !output::is_stdout(output) {
        return Ok(export::write_png(output, &picture.pixels).map_err(Error::from)?);
    }
    let mut stdout = io::stdout().lock();
    export::write_png_to(&mut stdout, &picture.pixels).map_err(Error::from)?;
    stdout.flush()?;
    Ok(())
}

/// Says what a reader of the picture would not see in it.
fn notes(context: &Context, subject: &Subject, slices: &BrainSlices, picture: &Picture) {
    if slices.anatomy().is_none() {
        let brings = subject.t1w(Resolution::Func1pt8).err().and_then(|error| hint::of(&error));
        let brings = brings.map_or(String::new(), |command| format!(" ({command})"));
        context.note(&format!(
            "note: no T1-weighted image is on disk; the brain is drawn in grey{brings}"
        ));
    }
    if picture.n_visible == 0 {
        context.note("note: no voxel has a colour: all are NaN or below the threshold");
    }
}

fn report(
    context: &Context,
    args: &Figure,
    title: &str,
    slices: &BrainSlices,
    scale: &ColorScale,
    picture: &Picture,
) -> anyhow::Result<()> {
    let mosaic = &picture.mosaic;
    let (height, width, _) = picture.pixels.dim();
    let (low, high) = scale.range();
    let places: Vec<f64> = mosaic.slices().iter().map(|slice| slice.mm).collect();
    let text = format!(
        "{} {}, {} in colour, {} x {} pixels",
        args.plane,
        counted(places.len(), "slice"),
        counted(picture.n_visible, "voxel"),
        width,
        height
    );
    let fields = [
        ("title", json!(title)),
        ("plane", json!(args.plane.as_str())),
        ("slices_mm", json!(places)),
        ("colormap", json!(scale.map().as_str())),
        ("range", json!([low, high])),
        ("threshold", json!(scale.threshold())),
        ("voxels", json!(picture.n_visible)),
        ("anatomy", json!(slices.anatomy())),
        ("size", json!([width, height])),
    ];
    output::wrote(context, &args.output, &text, fields)
}
