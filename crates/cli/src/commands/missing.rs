//! What helps in the place of a download that the bucket could not carry out.

use laion_fmri::splits::list_pools;
use laion_fmri::{DownloadRequest, Filter, FilterField, SessionId, SubjectId, Subjects, policy};

use crate::args::Command;
use crate::context::Context;

/// The hint in the place of a download, if it would bring nothing or far too much. Nothing is asked:
/// what the bucket has is known from its last listing.
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
    if let Command::Rois(_) = command {
        return Some(format!("laion-fmri rois --subject {id} --remote lists those of the bucket"));
    }
    if let Some(hint) = of_map(fetch) {
        return Some(hint);
    }
    let listed = context.dataset().ok()?.subject(id).ok()?.sessions_listed()?;
    let sessions = fetch.filter.values(FilterField::Ses).unwrap_or_default();
    let is_of_betas = fetch.filter.values(FilterField::Desc).is_some_and(|descs| {
        descs.iter().any(|desc| desc.eq_ignore_ascii_case("SingletrialBetas"))
    });
    if listed.is_empty() && is_of_betas {
        return Some(format!(
            "the bucket has no betas of {id}, as last listed; laion-fmri info --subject {id} shows \
             what it has"
        ));
    }
    let wanted = sessions.iter().find(|label| !has(&listed, label))?;
    nearest(&listed, wanted)
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
    // Every subject has a pool of its own.
    let known: Vec<&str> = list_pools().iter().filter_map(|pool| pool.subject()).collect();
    (!known.contains(&id.as_str())).then(|| {
        format!(
            "the dataset has {}; laion-fmri subjects --remote lists those of the bucket",
            known.join(", ")
        )
    })
}

fn has(listed: &[SessionId], label: &str) -> bool {
    let bare = |label: &str| label.trim_start_matches('0').to_owned();
    listed.iter().any(|session| bare(session.label()) == bare(label))
        || policy::HELD_OUT_SESSIONS.contains(&label)
}

/// The listed session whose number is nearest to one that does not exist.
fn nearest(listed: &[SessionId], label: &str) -> Option<String> {
    let wanted: u32 = label.parse().ok()?;
    let number = |session: &&SessionId| session.label().parse::<u32>().ok();
    let nearest = listed
        .iter()
        .filter(|session| number(session).is_some())
        .min_by_key(|session| number(session).map(|number| number.abs_diff(wanted)))?;
    let names: Vec<String> = listed.iter().map(ToString::to_string).collect();
    Some(format!(
        "--session {nearest} is the nearest that the bucket has, as last listed: {}",
        super::sessions::some(&names, names.len())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_session_is_named() {
        let listed: Vec<SessionId> =
            ["ses-01", "ses-02", "ses-05"].iter().map(|name| name.parse().unwrap()).collect();
        assert_eq!(
            nearest(&listed, "09").as_deref(),
            Some(
                "--session ses-05 is the nearest that the bucket has, as last listed: ses-01, ses-02, ses-05"
            )
        );
        assert!(nearest(&listed, "3").is_some_and(|hint| hint.starts_with("--session ses-02 ")));
        assert_eq!(nearest(&listed, "averages"), None);
        assert_eq!(nearest(&[], "03"), None);
        assert!(
            has(&listed, "02") && has(&listed, "2") && has(&listed, "31") && !has(&listed, "03")
        );
    }

    #[test]
    fn a_subject_that_the_dataset_does_not_have_is_not_downloaded() {
        assert_eq!(of_unknown(&"sub-03".parse().unwrap()), None);
        let hint = of_unknown(&"sub-04".parse().unwrap()).unwrap();
        assert!(hint.starts_with("the dataset has sub-01, sub-03, "), "{hint}");
    }
}
