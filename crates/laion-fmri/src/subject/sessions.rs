//! The sessions that a request means: those that it names, or all that are there.

use bids_names::{SessionId, SubjectId};

use crate::files::Located;
use crate::{DownloadRequest, Error, Result, Subject, layout};

/// A session with the file of its betas; without a file, a [store](crate::store) has them.
pub(crate) type SessionPlace = (SessionId, Option<Located>);

impl Subject {
    /// The sessions by name, in the order named; without names all of which this file is there,
    /// ascending. There may be none.
    pub(crate) fn chosen_sessions(
        &self,
        named: &[impl AsRef<str>],
        file: fn(&SubjectId, &SessionId) -> String,
    ) -> Result<Vec<SessionId>> {
        if named.is_empty() {
            let mut sessions = self.sessions()?;
            sessions.retain(|session| self.files.find(&file(&self.id, session)).is_some());
            return Ok(sessions);
        }
        named.iter().map(|session| Ok(session.as_ref().parse()?)).collect()
    }

    /// As [`Subject::chosen_sessions`] for betas. There is at least one.
    pub(crate) fn sessions_of_betas(&self, named: &[impl AsRef<str>]) -> Result<Vec<SessionId>> {
        match named.is_empty() {
            true => Ok(self.all_betas()?.into_iter().map(|(session, _)| session).collect()),
            false => self.chosen_sessions(named, layout::betas),
        }
    }

    /// As [`Subject::betas_there`]. There is at least one session.
    pub(crate) fn all_betas(&self) -> Result<Vec<SessionPlace>> {
        let there = self.betas_there()?;
        if there.is_empty() {
            let what = format!("betas of {}", self.id);
            let fetch = || DownloadRequest::of(&self.id).desc("SingletrialBetas");
            return Err(self.files.missing(what, &layout::glmsingle(&self.id), fetch));
        }
        Ok(there)
    }

    /// These sessions, each with the file of its betas. A session without betas is refused.
    pub(crate) fn betas_of(
        &self,
        sessions: impl IntoIterator<Item = SessionId>,
    ) -> Result<Vec<SessionPlace>> {
        let place = |session: SessionId| Ok((session.clone(), self.check_betas(&session)?));
        sessions.into_iter().map(place).collect()
    }

    /// As [`Subject::sessions_of_betas`], refusing a session that is named twice: where rows are
    /// joined, its rows would come twice.
    pub(crate) fn sessions_once(&self, named: &[impl AsRef<str>]) -> Result<Vec<SessionId>> {
        let chosen = self.sessions_of_betas(named)?;
        each_once(&chosen)?;
        Ok(chosen)
    }

    /// As [`Subject::sessions_once`], refusing a session without betas.
    pub(crate) fn sessions_to_join(&self, named: &[impl AsRef<str>]) -> Result<Vec<SessionId>> {
        let chosen = self.sessions_once(named)?;
        // Asked for before their tables: the download of betas brings both.
        for session in &chosen {
            self.check_betas(session)?;
        }
        Ok(chosen)
    }
}

/// Refuses a session that is named twice.
pub(crate) fn each_once(sessions: &[SessionId]) -> Result<()> {
    let twice = (1..).zip(sessions).find(|(after, session)| sessions[*after..].contains(session));
    match twice {
        Some((_, session)) => Err(Error::NamedTwice { got: session.to_string() }),
        None => Ok(()),
    }
}
