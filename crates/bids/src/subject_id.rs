//! The validated name of a subject.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::borrow::Borrow;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::label;

const PREFIX: &str = "sub-";

/// The name of a subject: `sub-` and a label of one or more ASCII letters and digits.
///
/// It is read from either form and always shown with its prefix. It holds no hyphen beyond the
/// prefix, no dot and no `/`, so it can stand in a path or in a file name as it is. Labels are
/// compared as text: `sub-1` is not `sub-01`.
///
/// ```
/// use bids_names::SubjectId;
///
/// let subject = SubjectId::try_from("01")?;
/// assert_eq!(subject, SubjectId::try_from("sub-01")?);
/// assert_eq!(subject, "sub-01");
/// assert_eq!(subject.as_str(), "sub-01");
/// assert_eq!(subject.label(), "01");
/// assert!("sub-../x".parse::<SubjectId>().is_err());
/// # Ok::<(), bids_names::InvalidSubjectId>(())
/// ```
#[doc(alias = "resolve_subject_id")]
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubjectId(String);

impl SubjectId {
    /// The prefixed form, `sub-01`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The bare label, `01`.
    pub fn label(&self) -> &str {
        &self.0[PREFIX.len()..]
    }
}

/// A text that is not the name of a subject.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InvalidSubjectId {
    /// The text as given.
    pub got: String,
}

impl fmt::Display for InvalidSubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid subject {:?} (expected `sub-` and letters or digits)", self.got)
    }
}

impl Error for InvalidSubjectId {}

impl FromStr for SubjectId {
    type Err = InvalidSubjectId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        label::prefixed(PREFIX, text)
            .map(Self)
            .ok_or_else(|| InvalidSubjectId { got: text.to_owned() })
    }
}

impl TryFrom<&str> for SubjectId {
    type Error = InvalidSubjectId;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for SubjectId {
    type Error = InvalidSubjectId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<SubjectId> for String {
    fn from(id: SubjectId) -> Self {
        id.0
    }
}

/// Equal to the prefixed form alone: `sub-01`, not `01`.
impl PartialEq<str> for SubjectId {
    fn eq(&self, text: &str) -> bool {
        self.0 == text
    }
}

/// Equal to the prefixed form alone: `sub-01`, not `01`.
impl PartialEq<&str> for SubjectId {
    fn eq(&self, text: &&str) -> bool {
        self.0 == *text
    }
}

impl AsRef<str> for SubjectId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Maps keyed by names answer to the prefixed form as text.
impl Borrow<str> for SubjectId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn both_forms_name_the_same_subject() -> Result<(), InvalidSubjectId> {
        for (text, label) in
            [("sub-01", "01"), ("01", "01"), ("1", "1"), ("sub-pilotA", "pilotA"), ("sub", "sub")]
        {
            let subject: SubjectId = text.parse()?;
            assert_eq!(subject.label(), label);
            assert_eq!(subject.to_string(), alloc::format!("sub-{label}"));
        }
        Ok(())
    }

    #[test]
    fn a_subject_is_equal_to_its_prefixed_form() {
        let subject = SubjectId::try_from(String::from("01")).unwrap();
        assert!(subject == "sub-01" && subject == *"sub-01" && subject != "01");
        assert_eq!(String::from(subject), "sub-01");
    }

    #[test]
    fn everything_else_is_refused_as_given() {
        for got in [
            "",
            "sub-",
            "sub-../x",
            "../sub-01",
            "sub-01/",
            "sub-01\n",
            " sub-01",
            "sub-sub-01",
            "sub_01",
            "0é",
        ] {
            assert_eq!(got.parse::<SubjectId>(), Err(InvalidSubjectId { got: got.to_owned() }));
        }
    }

    #[test]
    fn the_message_quotes_the_text() {
        let error = InvalidSubjectId { got: "sub-\n".to_owned() };
        assert_eq!(
            error.to_string(),
            r#"invalid subject "sub-\n" (expected `sub-` and letters or digits)"#
        );
    }

    #[test]
    fn subjects_sort_by_label_and_pad_like_text() {
        let [one, three] = ["sub-01", "03"].map(|text| SubjectId::try_from(text).unwrap());
        assert!(one < three);
        assert_eq!(alloc::format!("{one:>8}|"), "  sub-01|");
    }
}
