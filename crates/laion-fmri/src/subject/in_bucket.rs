//! What the bucket has of a subject, as it was last listed. Nothing is asked.

use std::collections::BTreeSet;

use bids_names::{FilterField, SessionId};

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
            roots.filter_map(|root| listed::read(root).remove(&self.id)).collect();
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
}

/// The session whose number is nearest to one that is not in the list.
fn nearest(listed: &[SessionId], session: &str) -> Option<SessionId> {
    let number = |label: &str| label.parse::<u32>().ok();
    let wanted = session.strip_prefix("ses-").unwrap_or(session);
    let wanted_number = number(wanted)?;
    let is_there = listed.iter().any(|it| number(it.label()) == Some(wanted_number));
    if is_there || HELD_OUT_SESSIONS.contains(&wanted) {
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
}
