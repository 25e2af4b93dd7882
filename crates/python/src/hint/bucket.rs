//! Hints about the bucket: what it does not have, and what keeps it from answering.

use std::path::Path;

use laion_fmri::s3_mirror::{Error as MirrorError, ObjectError, TransferError};
use laion_fmri::{Error, SessionId, Subject, SubjectId, Subjects, layout, policy};

use super::place::key_of;

/// What goes on with a download that stopped.
pub(super) const AGAIN: &str = "make the same call again; it goes on where this one stopped";

/// Where to look when a server does not answer.
pub(super) const NETWORK: &str = "check the network and the variables HTTPS_PROXY and NO_PROXY; \
                                  what is on disk is read without one";

/// What is known of a subject without asking.
pub(crate) enum Known {
    /// The handle of one on disk, which knows what the bucket had when it was last listed.
    OnDisk(Box<Subject>),
    /// The subjects that the bucket had when all were last listed; of this one nothing is on disk.
    Listed(Vec<SubjectId>),
}

/// What helps in the place of a download that the bucket cannot carry out. `known` says what is
/// known of a subject.
pub(crate) fn instead(
    error: &Error,
    known: &impl Fn(&SubjectId) -> Option<Known>,
) -> Option<String> {
    let (Error::DataNotDownloaded { fetch, .. } | Error::LocalCopyNeeded { fetch, .. }) = error
    else {
        return None;
    };
    if fetch.is_held_out() {
        return Some("not released yet; subject.get_sessions() lists those on disk".to_owned());
    }
    let Subjects::These(ids) = &fetch.subjects else { return None };
    let [id] = ids.as_slice() else { return None };
    if !policy::subjects().any(|known| known == id.as_str()) {
        return Some(of_subject(id.as_str()));
    }
    let subject = match known(id)? {
        Known::OnDisk(subject) => subject,
        Known::Listed(subjects) => return of_unlisted(id, &subjects),
    };
    if let Some(nearest) = subject.nearest_session_listed(fetch) {
        return Some(format!("the bucket does not have it; the nearest is session=\"{nearest}\""));
    }
    subject.is_not_listed(fetch).then(|| not_listed(&subject))
}

/// What the bucket has in the place of sessions that it did not have when it was last listed.
fn not_listed(subject: &Subject) -> String {
    let sessions = subject.sessions_listed().unwrap_or_default();
    if sessions.is_empty() {
        let id = subject.id();
        return format!(
            "the bucket has no betas of {id}, as last listed; \
             laion_fmri.get_rois(\"{id}\") lists the ROIs that it has"
        );
    }
    let sessions: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    format!("the bucket does not have it; its sessions, as last listed: {}", sessions.join(", "))
}

/// The subjects of the bucket, where it did not have this one when it was last listed.
fn of_unlisted(id: &SubjectId, listed: &[SubjectId]) -> Option<String> {
    let names: Vec<&str> = listed.iter().map(SubjectId::as_str).collect();
    (!names.contains(&id.as_str())).then(|| {
        format!(
            "the bucket does not have it; its subjects, as last listed: {}; \
             laion_fmri.get_subjects() lists them again",
            names.join(", ")
        )
    })
}

/// What exists, where the dataset has no such subject.
fn of_unknown_subject() -> String {
    let known: Vec<&str> = policy::subjects().collect();
    format!(
        "the dataset has {}; laion_fmri.get_subjects() lists those of the bucket",
        known.join(", ")
    )
}

/// How a subject that is not one may be meant.
pub(super) fn of_subject(got: &str) -> String {
    if got.eq_ignore_ascii_case("all") || got.contains(',') {
        return "laion_fmri.load_subjects([\"sub-01\", \"sub-03\"]) loads several, and \
                load_subjects(\"all\") all on disk"
            .to_owned();
    }
    meant_subject(got).map_or_else(of_unknown_subject, |meant| format!("did you mean {meant:?}?"))
}

/// The subject that a text spells in another way, such as `Sub-03`. Another number is never guessed.
fn meant_subject(got: &str) -> Option<&'static str> {
    // `SUB03` is a label, and `sub-SUB03` its subject.
    let label = got.trim().strip_prefix("sub-").unwrap_or(got.trim());
    let (prefix, digits) = label.split_at(label.find(|c: char| c.is_ascii_digit())?);
    let number: u32 = digits.parse().ok()?;
    let is_subject = prefix.is_empty() || prefix.starts_with(['s', 'S']);
    let meant = policy::subjects().find(|known| {
        let label = known.strip_prefix("sub-").unwrap_or_default();
        label.parse::<u32>().is_ok_and(|known| known == number)
    })?;
    // One that is spelled right does not exist where it was looked for.
    (is_subject && meant != got).then_some(meant)
}

/// What lists the sessions of a bucket that is read, where it does not have one. It is not asked for
/// a hint.
pub(super) fn of_missing(path: &Path) -> Option<String> {
    let key = key_of(path)?;
    let is_of_session = layout::is_betas(&key) || layout::is_trials(&key);
    is_of_session.then(|| "subject.get_sessions() lists those of the bucket".to_owned())
}

/// What helps where the bucket cannot be asked, or refuses.
pub(super) fn of_mirror(error: &MirrorError) -> Option<String> {
    Some(match error {
        MirrorError::WrongRegion { location, got, .. } => {
            let bucket = location.split('?').next().unwrap_or_default();
            format!("bucket=\"{bucket}?region={got}\"")
        }
        MirrorError::Unreachable { .. } | MirrorError::ProxyRefused { .. } => NETWORK.to_owned(),
        MirrorError::Client { .. } => {
            "install the package ca-certificates, or set SSL_CERT_FILE to a file of certificates"
                .to_owned()
        }
        MirrorError::NoSuchBucket { .. } => {
            "the variable LAION_FMRI_BUCKET, or bucket= of load_subject, names another".to_owned()
        }
        MirrorError::Status { .. } | MirrorError::ObjectStatus { .. } => {
            "make the same call again later".to_owned()
        }
        _ => return None,
    })
}

/// What helps where an object cannot be read to its end.
pub(super) fn of_object(error: &ObjectError) -> Option<String> {
    match error {
        ObjectError::Store(error) => of_mirror(error),
        ObjectError::Changed { .. } | ObjectError::Checksum { .. } => {
            Some("make the same call again".to_owned())
        }
        _ => None,
    }
}

/// What helps where a file did not arrive.
pub(super) fn of_transfer(error: &TransferError) -> Option<String> {
    match error {
        TransferError::Store(error) => of_mirror(error).or_else(|| Some(AGAIN.to_owned())),
        TransferError::OutsideRoot { path, .. } => {
            Some(format!("replace the link {} by a folder", path.display()))
        }
        TransferError::Write { path, .. } => {
            Some(format!("make room for {} and allow writing it", path.display()))
        }
        _ => Some(AGAIN.to_owned()),
    }
}
