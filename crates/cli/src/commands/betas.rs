//! `betas`: single-trial betas as `.npy` arrays.

use std::io::Write;
use std::path::{Path, PathBuf};

use laion_fmri::export::{self, Element};
use laion_fmri::ndarray::{ArrayView, Dimension};
use laion_fmri::{Error, SessionId, Subject};

use crate::args::Betas;
use crate::context::Context;
use crate::exit::UsageError;
use crate::output;
use crate::progress::VolumeProgress;

pub(super) fn run(context: &Context, args: &Betas) -> anyhow::Result<()> {
    let outputs = outputs(args)?;
    let subject = context.dataset()?.subject(&args.subject)?;
    // A file that is missing for the last session is better known before the first is read.
    request(args, &subject, &args.session[0]).check_sessions(&args.session)?;
    for (session, output) in args.session.iter().zip(&outputs) {
        write_session(context, args, &subject, session, output)?;
    }
    Ok(())
}

/// One output for each session, checked before anything is read.
fn outputs(args: &Betas) -> anyhow::Result<Vec<PathBuf>> {
    let text = args.output.to_string_lossy();
    if text.ends_with('/') || (args.output.is_dir() && !output::is_stdout(&args.output)) {
        if !args.output.is_dir() {
            std::fs::create_dir_all(&args.output).map_err(|source| Error::Io {
                action: "create",
                path: args.output.clone(),
                source,
            })?;
        }
        return args
            .session
            .iter()
            .map(|session| {
                let session: SessionId = session.parse().map_err(Error::from)?;
                Ok(args.output.join(format!("{session}.npy")))
            })
            .collect();
    }
    let hint = |text: &str| Some(text.to_owned());
    if args.session.len() > 1 {
        let message = "several sessions do not fit into one array: their numbers of trials differ";
        let hint = hint("-o DIR/ writes one .npy for each session");
        return Err(UsageError { message: message.to_owned(), hint }.into());
    }
    if !output::is_stdout(&args.output) && !text.ends_with(".npy") {
        let message = format!("the output {text} is neither .npy, a directory nor -");
        return Err(UsageError { message, hint: hint("-o betas.npy") }.into());
    }
    output::check_destination(&args.output)?;
    Ok(vec![args.output.clone()])
}

fn request<'a>(args: &Betas, subject: &'a Subject, session: &str) -> laion_fmri::Betas<'a> {
    let request = subject.betas(session).mask_source(args.mask_source);
    if args.roi.is_empty() { request } else { request.roi(args.roi.as_slice()) }
}

fn write_session(
    context: &Context,
    args: &Betas,
    subject: &Subject,
    session: &str,
    output: &Path,
) -> anyhow::Result<()> {
    let progress = VolumeProgress::new(context);
    let betas = request(args, subject, session).observer(&progress).load()?;
    progress.finish();
    write_array(output, betas.view())?;
    let (trials, voxels) = betas.dim();
    let place =
        if output::is_stdout(output) { String::new() } else { format!(" -> {}", output.display()) };
    let session: SessionId = session.parse().map_err(Error::from)?;
    context.note(&format!("{session}: {trials} trials x {voxels} voxels{place}"));
    Ok(())
}

/// Writes an array as `.npy` to a file, by rename, or to standard output.
pub(super) fn write_array<A: Element, D: Dimension>(
    output: &Path,
    array: ArrayView<'_, A, D>,
) -> anyhow::Result<()> {
    if !output::is_stdout(output) {
        export::write_npy(output, array).map_err(Error::from)?;
        return Ok(());
    }
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    export::write_npy_to(&mut stdout, array).map_err(Error::from)?;
    stdout.flush()?;
    Ok(())
}
