//! Stores of betas after a download: what it has stored is told, and what they lack is built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use laion_fmri::store::StoreRequest;
use laion_fmri::{Dataset, DownloadRequest, Error, SessionId, SubjectId, Subjects, layout};

use crate::args::Download;
use crate::commands::{sessions, store};
use crate::context::Context;
use crate::exit::{CommandError, chain};
use crate::hint;

/// Sessions that were stored while their files were downloaded, each with its store.
pub(super) type StoredSessions = BTreeMap<(SubjectId, SessionId), PathBuf>;

/// Completes the stores of the betas that were asked for: what was on disk before is read now. One
/// that fails leaves the others alone; the first error is returned.
pub(super) fn complete(
    context: &Context,
    request: &DownloadRequest,
    args: &Download,
    stored: &StoredSessions,
) -> anyhow::Result<()> {
    let dataset = context.dataset()?;
    let subjects = match &request.subjects {
        Subjects::These(subjects) => subjects.clone(),
        _ => dataset.subjects()?,
    };
    let mut first = None;
    for id in &subjects {
        let Err(error) = complete_one(context, &dataset, id, args, stored) else { continue };
        report(context, stored.iter().filter(|((subject, _), _)| subject == id))?;
        if context.interrupt.signal().is_some() {
            return Err(first.unwrap_or(error));
        }
        if first.is_none() {
            first = Some(error);
        } else {
            let error = chain(error.chain());
            context.failure(&format!("the store of {id} is not complete: {error}"));
        }
    }
    first.map_or(Ok(()), Err)
}

fn complete_one(
    context: &Context,
    dataset: &Dataset,
    id: &SubjectId,
    args: &Download,
    stored: &StoredSessions,
) -> anyhow::Result<()> {
    let subject = dataset.subject(id)?;
    let named = &args.filters.ses;
    let sessions = sessions::with_file(context, dataset, &subject, named, layout::betas)?;
    let has_betas = |session: &String| {
        let session = session.parse().ok();
        session.is_some_and(|it| dataset.roots().find(&layout::betas(id, &it)).is_some())
    };
    let sessions: Vec<String> = sessions.into_iter().filter(has_betas).collect();
    if sessions.is_empty() {
        context.note(&format!("note: no betas of {id} are on disk: there is nothing to store"));
        return Ok(());
    }
    let request = StoreRequest::new().sessions(&sessions);
    let built = store::built(context, &subject, &request);
    let mut built = built.map_err(|error| with_hint(error, id))?;
    let kept = std::mem::take(&mut built.kept).into_iter();
    let (before, kept): (Vec<_>, Vec<_>) =
        kept.partition(|session| stored.contains_key(&(id.clone(), session.clone())));
    built.built = [before, built.built].concat();
    built.built.sort_unstable();
    built.kept = kept;
    store::report(context, &built)
}

/// A store's hints name options of `store build`, which a download does not have.
fn with_hint(error: anyhow::Error, subject: &SubjectId) -> anyhow::Error {
    let failure = error.downcast_ref::<Error>();
    let hint = failure.and_then(|failure| hint::of_store_of_download(failure, subject));
    let Some(hint) = hint else { return error };
    match error.downcast::<Error>() {
        Ok(error) => CommandError::from(error).hint(hint).into(),
        Err(error) => error,
    }
}

/// Says which sessions were stored before something failed. The next run keeps them.
pub(super) fn report<'s>(
    context: &Context,
    stored: impl Iterator<Item = (&'s (SubjectId, SessionId), &'s PathBuf)>,
) -> anyhow::Result<()> {
    let mut stores: BTreeMap<&Path, Vec<SessionId>> = BTreeMap::new();
    for ((_, session), path) in stored {
        stores.entry(path).or_default().push(session.clone());
    }
    stores
        .into_iter()
        .try_for_each(|(path, sessions)| store::report_sessions(context, path, &sessions, &[]))
}
