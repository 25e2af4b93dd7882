//! `betas`: single-trial betas as arrays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use laion_fmri::export::write_npz;
use laion_fmri::ndarray::Array2;
use laion_fmri::{Error, NoiseCeiling, SessionId, Subject, Voxels, WrittenBetas, layout};
use laion_fmri_base::counted;

use serde_json::json;

use super::trials;
use super::voxels::{ArrayFormat, array_format, voxel_columns, voxels, write_array};
use crate::args::{Betas, TableFormat};
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;
use crate::progress::{Source, VolumeProgress};

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

impl Destination {
    /// The files that the arrays of these sessions are written to.
    fn files(&self, sessions: &[String]) -> Vec<PathBuf> {
        match self {
            Self::Stream(path) | Self::File(path) | Self::Archive(path) => vec![path.clone()],
            Self::Directory(directory) => {
                let sessions = sessions.iter().filter_map(|name| name.parse::<SessionId>().ok());
                sessions.map(|session| in_directory(directory, &session)).collect()
            }
        }
    }
}

/// The file of a session in the directory of the output.
fn in_directory(directory: &Path, session: &SessionId) -> PathBuf {
    directory.join(format!("{session}.npy"))
}

pub(super) fn run(context: &Context, args: &Betas) -> anyhow::Result<()> {
    let dataset = args.store.apply(context.dataset()?);
    let subject = dataset.subject(&args.subject)?;
    let sessions = sessions(context, &subject, args)?;
    let destination = destination(args, sessions.len())?;
    let row_table = row_table(args)?;
    let mut outputs = destination.files(&sessions);
    outputs.extend(row_table.iter().map(|(path, _)| path.clone()));
    let mut rows = Vec::new();
    if row_table.is_some() {
        // A table that is not there is found before betas are read.
        subject.trials_of(&sessions)?;
    }
    let progress = VolumeProgress::new(context);
    let chosen = voxels(context, &args.voxels, &subject)?;
    let observer = output::NotingReplaced::new(context, outputs, &progress);
    let request = request(args, &subject, &sessions, chosen)?.observer(&observer);
    let note = |session: &SessionId, shape: (usize, usize), nan: usize, path: &Path| {
        if context.global.json {
            progress.end_bar();
        }
        let (trials, voxels) = shape;
        let [source, store] = Source::fields(progress.source(subject.id(), session).as_ref());
        let fields = [
            ("session", json!(session.as_str())),
            ("shape", json!([trials, voxels])),
            ("nan_voxels", json!(nan)),
            source,
            store,
        ];
        let (trials, voxels) = (counted(trials, "trial"), counted(voxels, "voxel"));
        let nan = match nan {
            0 => String::new(),
            nan => format!(", NaN in {}", counted(nan, "voxel")),
        };
        output::wrote(context, path, &format!("{session}: {trials} x {voxels}{nan}"), fields)
    };
    let written = |session: SessionId, written: WrittenBetas| {
        let shape = (written.trials.len(), written.voxels.n_voxels());
        note(&session, shape, written.nan_voxels, &written.path)?;
        rows.push((session, written.trials));
        anyhow::Ok(())
    };
    match destination {
        Destination::Stream(path) => request.write_npy(|_| path.clone(), written)?,
        Destination::File(path) => request.for_each_session(|session, answer| {
            write_array(&path, answer.betas.view(), voxel_columns(&answer.voxels))?;
            note(&session, answer.betas.dim(), nan_voxels(&answer.betas), &path)?;
            rows.push((session, answer.trials));
            anyhow::Ok(())
        })?,
        Destination::Directory(directory) => {
            std::fs::create_dir_all(&directory).map_err(|source| Error::Io {
                action: "create",
                path: directory.clone(),
                source,
            })?;
            request.write_npy(|session| in_directory(&directory, session), written)?;
        }
        Destination::Archive(path) => write_npz(&path, |npz| {
            request.for_each_session(|session, answer| {
                npz.array(&session, answer.betas.view())?;
                note(&session, answer.betas.dim(), nan_voxels(&answer.betas), &path)?;
                rows.push((session, answer.trials));
                anyhow::Ok(())
            })
        })?,
    }
    progress.finish();
    if let Some((path, format)) = row_table {
        trials::write_rows(context, &subject, &rows, &path, format)?;
    }
    Ok(())
}

/// How many voxels have NaN in any trial.
fn nan_voxels(betas: &Array2<f32>) -> usize {
    betas.columns().into_iter().filter(|voxel| voxel.iter().any(|value| value.is_nan())).count()
}

/// Where the trial table of the rows goes, and in which format.
fn row_table(args: &Betas) -> anyhow::Result<Option<(PathBuf, TableFormat)>> {
    let Some(path) = &args.row_table else { return Ok(None) };
    let format = trials::format_of(path)?;
    output::check_destination(path)?;
    if *path == args.output {
        let message = format!("{} cannot be both the betas and their rows", path.display());
        return Err(CommandError::usage(message).into());
    }
    Ok(Some((path.clone(), format)))
}

/// The sessions that are meant, each once. There are none when all are meant and none has betas,
/// which the library says best.
fn sessions(context: &Context, subject: &Subject, args: &Betas) -> anyhow::Result<Vec<String>> {
    let mut named = super::sessions::of_subject(context, subject, &args.session, layout::betas)?;
    super::sessions::check_all(context, subject, &args.session)?;
    if named.is_empty() {
        named = subject.sessions_with_betas()?.iter().map(ToString::to_string).collect();
    }
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
        let message = format!(
            "{sessions} sessions do not fit into {}, which holds one array",
            match output::is_stdout(output) {
                true => "standard output".to_owned(),
                false => output.display().to_string(),
            }
        );
        let hint = "use -o FILE.npz (one array per session) or -o DIR/ (one .npy file per session)";
        return Err(CommandError::usage(message).hint(hint).into());
    }
    let fitting = [ArrayFormat::Npy, ArrayFormat::Npz, ArrayFormat::Csv];
    let format = array_format(output, &fitting)?;
    output::check_binary_destination(output)?;
    Ok(match format {
        ArrayFormat::Npz => Destination::Archive(output.clone()),
        ArrayFormat::Npy if !output::is_stdout(output) => Destination::Stream(output.clone()),
        _ => Destination::File(output.clone()),
    })
}

fn request<'a>(
    args: &Betas,
    subject: &'a Subject,
    sessions: &[String],
    voxels: Voxels,
) -> anyhow::Result<laion_fmri::Betas<'a>> {
    let request = trials::chosen(subject, sessions, &args.rows);
    let mut request = request.voxels(voxels);
    if let Some(percent) = args.nc_threshold {
        request = match &args.nc_desc {
            Some(desc) => request.nc_threshold_on(NoiseCeiling::desc(desc)?, percent),
            None => request.nc_threshold(percent),
        };
    }
    Ok(request)
}
