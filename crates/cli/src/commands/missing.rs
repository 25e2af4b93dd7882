//! What helps in the place of a download that the bucket could not carry out.

use laion_fmri::{Dataset, DownloadRequest, Filter, FilterField, SubjectId, Subjects, policy};

use crate::args::Command;
use crate::context::Context;

/// The hint in the place of a download, if it would bring nothing or far too much. Nothing is
/// asked: what the bucket has is known from its last listing.
pub(super) fn instead(
    context: &Context,
    command: &Command,
    fetch: &DownloadRequest,
) -> Option<String> {
    let Subjects::These(subjects) = &fetch.subjects else { return None };
    let [id] = subjects.as_slice() else { return None };
    if let Some(hint) = of_unknown(id) {
        return Some(hint);
    }
    // Where the bucket itself is read, there may be no mirror.
    let dataset = context.dataset().ok();
    if let Some(hint) = dataset.as_ref().and_then(|dataset| of_unlisted(dataset, id)) {
        return Some(hint);
    }
    if let Command::Rois(_) = command {
        return Some(format!("laion-fmri rois --subject {id} --remote"));
    }
    if let Some(hint) = of_map(fetch) {
        return Some(hint);
    }
    let subject = dataset?.subject(id).ok()?;
    let listed = subject.sessions_listed()?;
    let is_not_listed = subject.is_not_listed(fetch);
    if listed.is_empty() && is_not_listed {
        return Some(format!(
            "the bucket has no betas of {id}, as last listed; laion-fmri info --subject {id} shows \
             what it has"
        ));
    }
    let names: Vec<String> = listed.iter().map(ToString::to_string).collect();
    let names = super::sessions::some(&names, names.len());
    if let Some(nearest) = subject.nearest_session_listed(fetch) {
        return Some(format!(
            "--session {nearest} is the nearest that the bucket has, as last listed: {names}"
        ));
    }
    is_not_listed.then(|| format!("the sessions that the bucket has, as last listed: {names}"))
}

/// The maps of noise ceilings, where no subject has the one over all sessions that was asked for.
fn of_map(fetch: &DownloadRequest) -> Option<String> {
    const MAP: &str = "Noiseceiling";
    const OVER_SESSIONS: [&str; 3] =
        ["Noiseceiling4rep", "Noiseceiling12rep", "NoiseceilingAllrep"];
    let of_subject = fetch.filter.values(FilterField::Ses)? == [Filter::AVERAGES];
    let [desc] = fetch.filter.values(FilterField::Desc)? else { return None };
    if !of_subject || !desc.starts_with(MAP) || OVER_SESSIONS.contains(&desc.as_str()) {
        return None;
    }
    let of_session = match desc == MAP {
        true => "; the map of one session is named by --session",
        false => "",
    };
    Some(format!("the maps over all sessions are {}{of_session}", OVER_SESSIONS.join(", ")))
}

/// What exists, where the dataset has no such subject.
fn of_unknown(id: &SubjectId) -> Option<String> {
    let known: Vec<&str> = policy::subjects().collect();
    (!known.contains(&id.as_str())).then(|| {
        format!(
            "the dataset has {}; laion-fmri subjects --remote lists those of the bucket",
            known.join(", ")
        )
    })
}

/// The subjects of the bucket, where it did not have this one when it was last listed.
fn of_unlisted(dataset: &Dataset, id: &SubjectId) -> Option<String> {
    let listed = dataset.subjects_listed()?;
    let names: Vec<&str> = listed.iter().map(SubjectId::as_str).collect();
    (!names.contains(&id.as_str())).then(|| {
        format!(
            "the subjects that the bucket has, as last listed: {}; \
             laion-fmri subjects --remote lists them again",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_that_the_dataset_does_not_have_is_not_downloaded() {
        assert_eq!(of_unknown(&"sub-03".parse().unwrap()), None);
        let hint = of_unknown(&"sub-04".parse().unwrap()).unwrap();
        assert!(hint.starts_with("the dataset has sub-01, sub-03, "), "{hint}");
    }
}
