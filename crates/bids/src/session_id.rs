//! The validated name of a session.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use core::borrow::Borrow;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::label;

const PREFIX: &str = "ses-";

/// The name of a session: `ses-` and a label of one or more ASCII letters and digits.
///
/// It is read from either form and always shown with its prefix. It holds no hyphen beyond the
/// prefix, no dot and no `/`, so it can stand in a path or in a file name as it is. Labels are
/// compared as text: `ses-1` is not `ses-01`.
///
/// ```
/// use bids_names::SessionId;
///
/// let session = SessionId::try_from("01")?;
/// assert_eq!(session, SessionId::try_from("ses-01")?);
/// assert_eq!(session, "ses-01");
/// assert_eq!(session.as_str(), "ses-01");
/// assert_eq!(session.label(), "01");
/// assert!("ses-../x".parse::<SessionId>().is_err());
/// # Ok::<(), bids_names::InvalidSessionId>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(
    /// Shared by clones: tables name the session of each of their rows.
    Arc<str>,
);

impl SessionId {
    /// The prefixed form, `ses-01`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bare label, `01`.
    pub fn label(&self) -> &str {
        &self.0[PREFIX.len()..]
    }
}

/// A text that is not the name of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidSessionId {
    /// The text as given.
    pub got: String,
}

impl fmt::Display for InvalidSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid session {:?} (expected `ses-` and letters or digits)", self.got)
    }
}

impl Error for InvalidSessionId {}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        label::prefixed(PREFIX, text)
            .map(|text| Self(text.into()))
            .ok_or_else(|| InvalidSessionId { got: text.to_owned() })
    }
}

impl TryFrom<&str> for SessionId {
    type Error = InvalidSessionId;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidSessionId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0.as_ref().to_owned()
    }
}

/// Equal to the prefixed form alone: `ses-01`, not `01`.
impl PartialEq<str> for SessionId {
    fn eq(&self, text: &str) -> bool {
        *self.0 == *text
    }
}

/// Equal to the prefixed form alone: `ses-01`, not `01`.
impl PartialEq<&str> for SessionId {
    fn eq(&self, text: &&str) -> bool {
        *self.0 == **text
    }
}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Maps keyed by names answer to the prefixed form as text.
impl Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn clones_share_the_name() -> Result<(), InvalidSessionId> {
        let session: SessionId = "ses-01".parse()?;
        assert!(core::ptr::eq(session.as_str(), session.clone().as_str()));
        Ok(())
    }

    #[test]
    fn both_forms_name_the_same_session() -> Result<(), InvalidSessionId> {
        for (text, label) in [
            ("ses-01", "01"),
            ("01", "01"),
            ("ses-PrismaAnat", "PrismaAnat"),
            ("4BarScreenfLoc", "4BarScreenfLoc"),
        ] {
            let session: SessionId = text.parse()?;
            assert_eq!(session.label(), label);
            assert_eq!(session.to_string(), alloc::format!("ses-{label}"));
        }
        Ok(())
    }

    #[test]
    fn a_session_is_equal_to_its_prefixed_form() {
        let session = SessionId::try_from(String::from("01")).unwrap();
        assert!(session == "ses-01" && session == *"ses-01" && session != "01");
        assert_eq!(String::from(session), "ses-01");
    }

    #[test]
    fn everything_else_is_refused_as_given() {
        for got in ["", "ses-", "ses-01/..", "ses-0 1", "ses-ses-01", "sub-01", "."] {
            assert_eq!(got.parse::<SessionId>(), Err(InvalidSessionId { got: got.to_owned() }));
        }
    }

    #[test]
    fn the_message_quotes_the_text() {
        let error = InvalidSessionId { got: "sub-01".to_owned() };
        assert_eq!(
            error.to_string(),
            r#"invalid session "sub-01" (expected `ses-` and letters or digits)"#
        );
    }
}
