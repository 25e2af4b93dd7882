//! Which sessions a command line means: those of a subject, or of the bucket.

use std::collections::BTreeSet;

use laion_fmri::{Dataset, SessionId, Subject, SubjectId, Subjects};

use crate::args::sessions::{self, SessionName};
use crate::context::Context;

/// The sessions of a subject by name; none when all are meant.
pub(super) fn of_subject(
    context: &Context,
    subject: &Subject,
    named: &[SessionName],
) -> anyhow::Result<Vec<String>> {
    if sessions::are_all(named)? {
        return Ok(Vec::new());
    }
    meant(context, named, subject.id().as_str(), || Ok(subject.sessions()?))
}

/// As [`of_subject`]; when all are meant, those of which this file is on disk. There may be none.
pub(super) fn with_file(
    context: &Context,
    dataset: &Dataset,
    subject: &Subject,
    named: &[SessionName],
    file: fn(&SubjectId, &SessionId) -> String,
) -> anyhow::Result<Vec<String>> {
    if !sessions::are_all(named)? {
        return of_subject(context, subject, named);
    }
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
        return Ok(Vec::new());
    }
    meant(context, named, &subjects.join(", "), || {
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
        let discovery = context.discovery()?;
        let subjects = match subjects {
            Subjects::These(subjects) => subjects.clone(),
            _ => discovery.subjects()?,
        };
        let mut existing = BTreeSet::new();
        for subject in subjects {
            existing.extend(discovery.sessions(&subject)?);
            existing.extend(discovery.raw_sessions(&subject)?);
        }
        Ok(existing.into_iter().collect())
    };
    meant(context, named, "these subjects", || context.interrupt.at_once(listed)).map(Some)
}

/// Asks what exists when the names alone do not say what is meant.
fn meant(
    context: &Context,
    named: &[SessionName],
    whose: &str,
    existing: impl FnOnce() -> anyhow::Result<Vec<SessionId>>,
) -> anyhow::Result<Vec<String>> {
    if let Some(names) = sessions::plain(named) {
        return Ok(names);
    }
    let meant = sessions::resolve(named, &existing()?, whose)?;
    for end in &meant.missing_ends {
        context.note(&format!("note: {end}"));
    }
    Ok(meant.names)
}
