//! `index`: makes the indexes that speed up later reads of betas.

use laion_fmri::{DownloadRequest, Error, FilterField, Subjects, layout};

use super::sessions;
use crate::args::index::Index;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;
use crate::progress::VolumeProgress;

pub(super) fn run(context: &Context, args: &Index) -> anyhow::Result<()> {
    check_cache_dir(context)?;
    let dataset = context.dataset()?;
    let subject = dataset.subject(&args.subject)?;
    let sessions = sessions::with_file(context, &dataset, &subject, &args.session, layout::betas)?;
    if sessions.is_empty() {
        return Err(Error::DataNotDownloaded {
            what: format!("betas of {}", subject.id()),
            path: dataset.roots().expected(&layout::glmsingle(subject.id())),
            fetch: Box::new(
                DownloadRequest::new(Subjects::These(vec![subject.id().clone()]))
                    .filter(FilterField::Desc, ["SingletrialBetas"]),
            ),
        }
        .into());
    }
    let progress = VolumeProgress::new(context);
    for session in sessions {
        let index = subject.index_betas(&session, &progress, context.interrupt.cancel())?;
        progress.end_bar();
        let Some(path) = index else {
            context.note(&format!("{session}: not gzipped, so it needs no index"));
            continue;
        };
        let path = path.display().to_string();
        output::print_lines([if context.global.json {
            let fields = [("session", session), ("index", path)];
            output::json_line("index", fields.map(|(name, value)| (name.to_owned(), value.into())))
        } else {
            path
        }])?;
    }
    Ok(())
}

/// Indexes lie in the cache directory: there has to be one.
pub(super) fn check_cache_dir(context: &Context) -> Result<(), CommandError> {
    if context.cache_dir().is_some() {
        return Ok(());
    }
    let message = "there is no cache directory";
    let hint = "name one with --cache-dir DIR or LAION_FMRI_CACHE";
    Err(CommandError::usage(message).hint(hint))
}
