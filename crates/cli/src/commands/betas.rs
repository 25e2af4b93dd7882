//! `betas`: single-trial betas as arrays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use laion_fmri::export::write_npz;
use laion_fmri::{Dataset, Error, NoiseCeiling, SessionId, Subject, WrittenBetas, layout};
use laion_fmri_base::counted;

use super::voxels::{ArrayFormat, array_format, voxel_columns, voxels, write_array};
use crate::args::Betas;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;
use crate::progress::VolumeProgress;

/// Where the arrays go.
enum Destination {
    /// One array, alone in its file, which takes it row by row.
    Stream(PathBuf),
    /// One array as a whole.
    File(PathBuf),
    /// All arrays in one file, under the names of their sessions.
    Archive(PathBuf),
    /// One file for each session.
    Directory(PathBuf),
}

pub(super) fn run(context: &Context, args: &Betas) -> anyhow::Result<()> {
    let dataset = context.dataset()?;
    let subject = dataset.subject(&args.subject)?;
    let sessions = sessions(context, &dataset, &subject, args)?;
    let destination = destination(args, sessions.len())?;
    let progress = VolumeProgress::new(context);
    let request = request(args, &subject, &sessions)?.observer(&progress);
    let note = |session: &SessionId, trials: usize, voxels: usize, path: &Path| {
        progress.finish();
        let arrow = match output::is_stdout(path) {
            true => String::new(),
            false => format!(" -> {}", path.display()),
        };
        let (trials, voxels) = (counted(trials, "trial"), counted(voxels, "voxel"));
        context.note(&format!("{session}: {trials} x {voxels}{arrow}"));
    };
    let written = |session: SessionId, written: WrittenBetas| {
        note(&session, written.trials.len(), written.voxels.n_voxels(), &written.path);
        anyhow::Ok(())
    };
    match destination {
        Destination::Stream(path) => request.write_npy(|_| path.clone(), written),
        Destination::File(path) => request.for_each_session(|session, answer| {
            write_array(&path, answer.betas.view(), voxel_columns(&answer.voxels))?;
            let (trials, voxels) = answer.betas.dim();
            note(&session, trials, voxels, &path);
            anyhow::Ok(())
        }),
        Destination::Directory(directory) => {
            std::fs::create_dir_all(&directory).map_err(|source| Error::Io {
                action: "create",
                path: directory.clone(),
                source,
            })?;
            let path = |session: &SessionId| directory.join(format!("{session}.npy"));
            request.write_npy(path, written)
        }
        Destination::Archive(path) => write_npz(&path, |npz| {
            request.for_each_session(|session, answer| {
                npz.array(&session, answer.betas.view())?;
                let (trials, voxels) = answer.betas.dim();
                note(&session, trials, voxels, &path);
                anyhow::Ok(())
            })
        }),
    }
}

/// The sessions that are meant, each once. There are none when all are meant and none has betas, which the
/// library says best.
fn sessions(
    context: &Context,
    dataset: &Dataset,
    subject: &Subject,
    args: &Betas,
) -> anyhow::Result<Vec<String>> {
    let mut named =
        super::sessions::with_file(context, dataset, subject, &args.session, layout::betas)?;
    let mut seen = BTreeSet::new();
    named.retain(|session| seen.insert(session.clone()));
    Ok(named)
}

fn destination(args: &Betas, sessions: usize) -> anyhow::Result<Destination> {
    let output = &args.output;
    let text = output.to_string_lossy();
    if text.ends_with('/') || (output.is_dir() && !output::is_stdout(output)) {
        return Ok(Destination::Directory(output.clone()));
    }
    if sessions > 1 && output.extension().is_none_or(|extension| extension != "npz") {
        let message = "sessions have different numbers of trials and cannot share one array";
        let hint = "use -o FILE.npz (one array per session) or -o DIR/ (one .npy file per session)";
        return Err(CommandError::usage(message).hint(hint).into());
    }
    let fitting = [ArrayFormat::Npy, ArrayFormat::Npz, ArrayFormat::Csv];
    let format = array_format(output, &fitting)?;
    output::check_destination(output)?;
    Ok(match format {
        ArrayFormat::Npz => Destination::Archive(output.clone()),
        ArrayFormat::Npy if !output::is_stdout(output) => Destination::Stream(output.clone()),
        ArrayFormat::Npy | ArrayFormat::Csv => Destination::File(output.clone()),
    })
}

fn request<'a>(
    args: &Betas,
    subject: &'a Subject,
    sessions: &[String],
) -> anyhow::Result<laion_fmri::Betas<'a>> {
    let mut request = subject.betas().sessions(sessions).voxels(voxels(&args.voxels, subject)?);
    if let Some(percent) = args.nc_threshold {
        request = match &args.nc_desc {
            Some(desc) => request.nc_threshold_on(NoiseCeiling::desc(desc)?, percent),
            None => request.nc_threshold(percent),
        };
    }
    if let Some(set) = args.stimuli {
        request = request.stimuli(set);
    }
    if let Some(trials) = &args.trials {
        request = request.trials(trials.0.iter().copied());
    }
    Ok(request)
}
