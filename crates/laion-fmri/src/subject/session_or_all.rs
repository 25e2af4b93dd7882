//! One session, or all of them.

use bids_names::{InvalidSessionId, SessionId};

/// One session, by `ses-01` or `01` or as a [`SessionId`], or all sessions: `None`.
///
/// ```
/// use laion_fmri::{SessionId, SessionOrAll};
///
/// let session: SessionId = "01".parse()?;
/// let one: [SessionOrAll; 3] = [(&session).into(), "01".into(), Some("ses-01").into()];
/// let all: SessionOrAll = None.into();
/// # let _ = (one, all);
/// # Ok::<(), laion_fmri::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionOrAll<'a>(Option<&'a str>);

impl SessionOrAll<'_> {
    /// The session, when one is meant.
    pub(crate) fn parsed(self) -> Result<Option<SessionId>, InvalidSessionId> {
        self.0.map(str::parse).transpose()
    }
}

impl<'a> From<Option<&'a str>> for SessionOrAll<'a> {
    fn from(session: Option<&'a str>) -> Self {
        Self(session)
    }
}

impl<'a, S: AsRef<str> + ?Sized> From<&'a S> for SessionOrAll<'a> {
    fn from(session: &'a S) -> Self {
        Self(Some(session.as_ref()))
    }
}
