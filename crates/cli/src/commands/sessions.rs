//! Which sessions a command line means: those of a subject, or of the bucket.

use std::collections::BTreeSet;

use laion_fmri::{Dataset, SessionId, Subject, SubjectId, Subjects, layout, policy};
use laion_fmri_base::agreeing;

use crate::args::sessions::{self, SessionName};
use crate::context::Context;
use crate::exit::CommandError;

/// The path of a file of a session, as the library's layout gives it.
type FileOf = fn(&SubjectId, &SessionId) -> String;

/// The sessions of a subject by name; none when all are meant, of which this file is read.
pub(super) fn of_subject(
    context: &Context,
    subject: &Subject,
    named: &[SessionName],
    file: FileOf,
) -> anyhow::Result<Vec<String>> {
    if sessions::are_all(named)? {
        name_gone(context, subject, file)?;
        return Ok(Vec::new());
    }
    meant(context, named, subject.id().as_str(), Place::Disk, || Ok(subject.sessions()?))
}

/// Names the sessions that were downloaded and are not there any more, which `all` leaves out.
fn name_gone(context: &Context, subject: &Subject, file: FileOf) -> anyhow::Result<()> {
    let gone = subject.sessions_gone(file)?;
    if gone.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = gone.iter().map(ToString::to_string).collect();
    context.note(&format!(
        "warning: {}: {} {} downloaded but {} no longer on disk; left out",
        subject.id(),
        some(&names, names.len()),
        agreeing(names.len(), "was", "were"),
        agreeing(names.len(), "is", "are"),
    ));
    Ok(())
}

/// Says how many sessions of the bucket, as last listed, `all` means because their betas are on disk;
/// with `--strict`, it has to mean all of them.
pub(super) fn check_all(
    context: &Context,
    subject: &Subject,
    named: &[SessionName],
) -> anyhow::Result<()> {
    if !sessions::are_all(named)? {
        return Ok(());
    }
    let Some(listed) = subject.sessions_listed() else { return Ok(()) };
    let there: BTreeSet<SessionId> = subject.sessions_with_betas()?.into_iter().collect();
    let missing: Vec<&SessionId> =
        listed.iter().filter(|session| !there.contains(*session)).collect();
    // What has nothing at all is an error of its own.
    if missing.is_empty() || there.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let text = format!(
        "{}: {} of {} sessions of the bucket are on disk; left out: {}",
        subject.id(),
        listed.len() - missing.len(),
        listed.len(),
        some(&names, names.len())
    );
    if context.global.strict {
        let hint = format!(
            "laion-fmri download --subject {} --ses {} --desc SingletrialBetas",
            subject.id(),
            names.join(" ")
        );
        return Err(CommandError::withheld(text).hint(hint).into());
    }
    context.note(&format!("note: {text}"));
    Ok(())
}

/// Where sessions are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Disk,
    Bucket,
}

/// As [`of_subject`]; when all are meant, those of which this file is on disk. There may be none.
pub(super) fn with_file(
    context: &Context,
    dataset: &Dataset,
    subject: &Subject,
    named: &[SessionName],
    file: FileOf,
) -> anyhow::Result<Vec<String>> {
    if !sessions::are_all(named)? {
        return of_subject(context, subject, named, file);
    }
    name_gone(context, subject, file)?;
    let mut on_disk = subject.sessions()?;
    on_disk.retain(|session| dataset.roots().find(&file(subject.id(), session)).is_some());
    Ok(on_disk.iter().map(ToString::to_string).collect())
}

/// The sessions that several subjects of a dataset have; none when all are meant.
pub(super) fn of_subjects(
    context: &Context,
    dataset: &Dataset,
    subjects: &[String],
    named: &[SessionName],
) -> anyhow::Result<Vec<String>> {
    if sessions::are_all(named)? {
        for subject in subjects {
            let subject = dataset.subject(subject)?;
            name_gone(context, &subject, layout::betas)?;
            check_all(context, &subject, named)?;
        }
        return Ok(Vec::new());
    }
    let place = if dataset.reads_bucket() { Place::Bucket } else { Place::Disk };
    meant(context, named, &subjects.join(", "), place, || {
        let mut existing = BTreeSet::new();
        for subject in subjects {
            existing.extend(dataset.subject(subject)?.sessions()?);
        }
        Ok(existing.into_iter().collect())
    })
}

/// The values of the filter of a download; no filter when all are meant.
pub(super) fn of_bucket(
    context: &Context,
    subjects: &Subjects,
    named: &[SessionName],
) -> anyhow::Result<Option<Vec<String>>> {
    if sessions::are_all(named)? {
        return Ok(None);
    }
    let listed = || -> anyhow::Result<Vec<SessionId>> {
        Ok(context.asking(|| context.discovery()?.sessions_of(subjects))?)
    };
    meant(context, named, "these subjects", Place::Bucket, listed).map(Some)
}

/// Asks what exists when the names alone do not say what is meant.
fn meant(
    context: &Context,
    named: &[SessionName],
    whose: &str,
    place: Place,
    existing: impl FnOnce() -> anyhow::Result<Vec<SessionId>>,
) -> anyhow::Result<Vec<String>> {
    if let Some(names) = sessions::plain(named) {
        return Ok(names);
    }
    let meant = sessions::resolve(named, &existing()?, whose)?;
    for missing in &meant.missing {
        let range = &missing.range;
        if place == Place::Disk {
            let names = some(&missing.inside, missing.n_inside);
            if context.global.strict {
                let message = format!("{range}: not on disk: {names}");
                return Err(CommandError::withheld(message).into());
            }
            context.note(&format!("note: {range}: not on disk, left out: {names}"));
            continue;
        }
        for end in &missing.ends {
            let label = end.strip_prefix("ses-").unwrap_or(end);
            context.note(&match policy::HELD_OUT_SESSIONS.contains(&label) {
                true => format!("note: {range}: {end} is not released yet, left out"),
                false => format!("note: {range}: there is no {end}"),
            });
        }
    }
    Ok(meant.names)
}

/// The first few of many names.
pub(super) fn some(names: &[String], of: usize) -> String {
    const MOST: usize = 8;
    let shown = &names[..names.len().min(MOST)];
    match of - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
