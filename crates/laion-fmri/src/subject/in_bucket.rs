//! What the bucket has of a subject, as it was last listed. Nothing is asked.

use std::collections::BTreeSet;

use bids_names::{Filter, FilterField, SessionId};

use super::Subject;
use crate::DownloadRequest;
use crate::policy::HELD_OUT_SESSIONS;
use crate::roots::listed;

impl Subject {
    /// The released sessions that the bucket had when a download was last planned, sorted. Nothing
    /// is asked. Nothing is known without such a download, or when the bucket itself is read.
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// assert_eq!(subject.sessions_listed(), None); // nothing was downloaded
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn sessions_listed(&self) -> Option<Vec<SessionId>> {
        if self.files.reads_bucket() {
            return None;
        }
        let roots = self.files.roots().directories().iter();
        let listed: Vec<BTreeSet<SessionId>> =
            roots.filter_map(|root| listed::read(root).sessions.remove(&self.id)).collect();
        let all: BTreeSet<SessionId> = listed.iter().flatten().cloned().collect();
        (!listed.is_empty()).then(|| all.into_iter().collect())
    }

    /// The session whose number is nearest to one that a download names and that the bucket did not
    /// have when a download was last planned. Nothing is asked.
    ///
    /// `None` when the bucket has all that are named or they are not released yet, for names
    /// without a number, and where [`Subject::sessions_listed`] knows nothing. It knows the
    /// sessions of betas, so that nothing is said about raw data and localizers.
    #[must_use]
    pub fn nearest_session_listed(&self, download: &DownloadRequest) -> Option<SessionId> {
        if download.include_raw || download.include_localizers {
            return None;
        }
        let named = download.filter.values(FilterField::Ses)?;
        let listed = self.sessions_listed()?;
        named.iter().find_map(|session| nearest(&listed, session))
    }

    /// Whether the bucket had nothing of the betas that a download names when it was last listed: none
    /// of its sessions, or no session at all. Nothing is asked. Such a download brings nothing, or
    /// masks alone.
    ///
    /// `false` where [`Subject::nearest_session_listed`] says nothing either: what is not released
    /// yet, raw data and localizers, and where [`Subject::sessions_listed`] knows nothing.
    #[must_use]
    pub fn is_not_listed(&self, download: &DownloadRequest) -> bool {
        if download.include_raw || download.include_localizers || download.is_held_out() {
            return false;
        }
        self.sessions_listed().is_some_and(|listed| lacks(&listed, &download.filter))
    }
}

/// Whether none of the sessions in the list has what a filter names.
fn lacks(listed: &[SessionId], filter: &Filter) -> bool {
    let sessions = filter.values(FilterField::Ses).unwrap_or_default();
    if listed.is_empty() {
        // ROIs and the anatomy are named by other fields.
        let desc = filter.values(FilterField::Desc).unwrap_or_default();
        return !sessions.is_empty()
            || desc.iter().any(|desc| desc.eq_ignore_ascii_case("SingletrialBetas"))
            || filter.values(FilterField::Suffix).is_some_and(|suffix| suffix == ["trials"]);
    }
    let may_be_there = |session: &String| {
        session == Filter::AVERAGES
            || HELD_OUT_SESSIONS.contains(&session.as_str())
            || has(listed, session)
    };
    !sessions.is_empty() && !sessions.iter().any(may_be_there)
}

/// Whether a session is in the list, in this spelling or with other zeros.
fn has(listed: &[SessionId], label: &str) -> bool {
    let wanted = number(label);
    let is_same =
        |it: &SessionId| it.label() == label || (wanted.is_some() && number(it.label()) == wanted);
    listed.iter().any(is_same)
}

fn number(label: &str) -> Option<u32> {
    label.parse().ok()
}

/// The session whose number is nearest to one that is not in the list.
fn nearest(listed: &[SessionId], session: &str) -> Option<SessionId> {
    let wanted = session.strip_prefix("ses-").unwrap_or(session);
    let wanted_number = number(wanted)?;
    if has(listed, wanted) || HELD_OUT_SESSIONS.contains(&wanted) {
        return None;
    }
    let far = |it: &SessionId| number(it.label()).map(|number| number.abs_diff(wanted_number));
    let numbered = listed.iter().filter_map(|it| Some((far(it)?, it)));
    numbered.min().map(|(_, session)| session.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_session_is_found() {
        let listed: Vec<SessionId> = ["ses-01", "ses-02", "ses-05", "ses-pilot"]
            .iter()
            .map(|it| it.parse().unwrap())
            .collect();
        let named = |session: &str| nearest(&listed, session).map(|it| it.to_string());
        for (wanted, expected) in [
            ("09", "ses-05"),
            ("ses-09", "ses-05"),
            ("3", "ses-02"),
            ("0", "ses-01"),
            ("30", "ses-05"),
        ] {
            assert_eq!(named(wanted).as_deref(), Some(expected), "{wanted}");
        }
        // What is there, what is not released, and what has no number.
        for wanted in ["02", "2", "ses-2", "31", "averages", ""] {
            assert_eq!(named(wanted), None, "{wanted}");
        }
        assert_eq!(nearest(&[], "03"), None);
    }

    #[test]
    fn what_no_listed_session_has_is_known() {
        let listed: Vec<SessionId> =
            ["ses-01", "ses-pilot"].iter().map(|it| it.parse().unwrap()).collect();
        let of = |field, values: &[&str]| Filter::default().with(field, values.iter().copied());
        let of_sessions = |sessions: &[&str]| of(FilterField::Ses, sessions);
        for missing in [&["02"][..], &["Pilot"], &["ses-02", "03"]] {
            assert!(lacks(&listed, &of_sessions(missing)), "{missing:?}");
        }
        for there in [&["01"][..], &["1"], &["pilot"], &["02", "01"], &["averages"], &["31"]] {
            assert!(!lacks(&listed, &of_sessions(there)), "{there:?}");
        }
        let betas = of(FilterField::Desc, &["SingletrialBetas"]);
        let trials = of(FilterField::Suffix, &["trials"]);
        let masks = of(FilterField::Suffix, &["mask", "trials"]);
        for filter in [&betas, &trials, &masks, &Filter::default()] {
            assert!(!lacks(&listed, filter), "{filter}");
        }
        for filter in [&betas, &trials, &of_sessions(&["01"]), &of_sessions(&["averages"])] {
            assert!(lacks(&[], filter), "{filter}");
        }
        assert!(!lacks(&[], &masks) && !lacks(&[], &Filter::default()));
    }
}
