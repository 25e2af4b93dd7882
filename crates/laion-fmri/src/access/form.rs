//! What a person enters to get access: [`AccessForm`], and what is checked before it is sent.

use std::fmt;

use serde_json::{Value, json};

use crate::ErrorKind;

/// The fewest characters that say anything about a research purpose.
pub const MIN_PURPOSE_CHARS: usize = 20;

/// More characters than any honest answer has.
const MAX_CHARS: usize = 4000;

/// A request for access, filled in by a person.
///
/// The terms are accepted by naming their version, and the privacy notice is acknowledged on its own,
/// so that neither happens by accident. `Debug` shows which fields are filled, not with what.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct AccessForm {
    name: String,
    email: String,
    institution: String,
    supervisor: Option<String>,
    purpose: String,
    accepted_terms: Option<String>,
    acknowledged_privacy: bool,
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormField {
    /// Full name.
    Name,
    /// Institutional e-mail address.
    Email,
    /// University, institute or company.
    Institution,
    /// Principal investigator or supervisor; may be left out.
    Supervisor,
    /// What the images are needed for.
    Purpose,
}

/// Why a form cannot be sent. The answers themselves are not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// A field is empty.
    #[error("{field} is missing")]
    Missing {
        /// Which.
        field: FormField,
    },
    /// A field holds far more than its answer.
    #[error("{field} has {got} characters (expected at most {expected})")]
    TooLong {
        /// Which.
        field: FormField,
        /// The most characters.
        expected: usize,
        /// Its characters.
        got: usize,
    },
    /// A field holds control characters.
    #[error("{field} holds a control character")]
    ControlCharacter {
        /// Which.
        field: FormField,
    },
    /// The e-mail address has not the form of one.
    #[error("{} {reason} (expected a form such as name@university.edu)", FormField::Email)]
    Email {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The research purpose says too little.
    #[error("{} has {got} characters (expected at least {expected})", FormField::Purpose)]
    PurposeTooShort {
        /// The fewest characters.
        expected: usize,
        /// Its characters.
        got: usize,
    },
    /// The terms in force were not accepted.
    #[error("the terms of use, version {expected}, are not accepted{}", got.as_deref().map(|got| format!(" (accepted: {got})")).unwrap_or_default())]
    TermsNotAccepted {
        /// The version in force.
        expected: String,
        /// The version that was accepted, if any.
        got: Option<String>,
    },
    /// The privacy notice was not acknowledged.
    #[error("the privacy notice is not acknowledged")]
    PrivacyNotAcknowledged,
}

impl AccessForm {
    /// A form with everything that a person has to write. Blanks around the answers are dropped.
    pub fn new(name: &str, email: &str, institution: &str, purpose: &str) -> Self {
        let trimmed = |text: &str| text.trim().to_owned();
        Self {
            name: trimmed(name),
            email: trimmed(email),
            institution: trimmed(institution),
            purpose: trimmed(purpose),
            ..Self::default()
        }
    }

    /// The principal investigator or supervisor; nothing but blanks counts as none.
    pub fn supervisor(mut self, name: &str) -> Self {
        self.supervisor = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        self
    }

    /// Accepts the terms of use in this version, after a person has read and accepted them.
    pub fn accept_terms(mut self, version: &str) -> Self {
        self.accepted_terms = Some(version.to_owned());
        self
    }

    /// Acknowledges the privacy notice, after a person has read it.
    pub fn acknowledge_privacy(mut self) -> Self {
        self.acknowledged_privacy = true;
        self
    }

    /// The e-mail address, which is stored with the access.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Checks everything that can be checked without asking the service.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: fields in their order, then the terms, then privacy.
    pub fn check(&self, terms_version: &str) -> Result<(), FormError> {
        for (field, text) in [
            (FormField::Name, self.name.as_str()),
            (FormField::Email, &self.email),
            (FormField::Institution, &self.institution),
            (FormField::Supervisor, self.supervisor.as_deref().unwrap_or("-")),
            (FormField::Purpose, &self.purpose),
        ] {
            field.check(text)?;
        }
        if self.accepted_terms.as_deref() != Some(terms_version) {
            let expected = terms_version.to_owned();
            return Err(FormError::TermsNotAccepted { expected, got: self.accepted_terms.clone() });
        }
        if !self.acknowledged_privacy {
            return Err(FormError::PrivacyNotAcknowledged);
        }
        Ok(())
    }

    /// What is sent; only for a form that was checked.
    pub(super) fn body(&self, terms_version: &str) -> Value {
        json!({
            "name": self.name,
            "email": self.email,
            "institution": self.institution,
            "pi_or_supervisor": self.supervisor,
            "research_purpose": self.purpose,
            "accepted_terms": true,
            "acknowledged_privacy": true,
            "terms_version": terms_version,
            "source": "cli",
        })
    }
}

impl FormField {
    /// Checks one answer, without the blanks around it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn check(self, text: &str) -> Result<(), FormError> {
        let text = text.trim();
        let got = text.chars().count();
        if got == 0 {
            return Err(FormError::Missing { field: self });
        }
        if got > MAX_CHARS {
            return Err(FormError::TooLong { field: self, expected: MAX_CHARS, got });
        }
        let allowed = |c: char| !c.is_control() || (self == Self::Purpose && "\n\r\t".contains(c));
        if !text.chars().all(allowed) {
            return Err(FormError::ControlCharacter { field: self });
        }
        match self {
            Self::Email => check_email(text),
            Self::Purpose if got < MIN_PURPOSE_CHARS => {
                Err(FormError::PurposeTooShort { expected: MIN_PURPOSE_CHARS, got })
            }
            _ => Ok(()),
        }
    }
}

impl FormError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::TermsNotAccepted { .. } | Self::PrivacyNotAcknowledged => ErrorKind::Access,
            _ => ErrorKind::Usage,
        }
    }
}

impl fmt::Display for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the name",
            Self::Email => "the e-mail address",
            Self::Institution => "the institution",
            Self::Supervisor => "the supervisor",
            Self::Purpose => "the research purpose",
        })
    }
}

impl fmt::Debug for AccessForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessForm")
            .field("name", &!self.name.is_empty())
            .field("email", &!self.email.is_empty())
            .field("institution", &!self.institution.is_empty())
            .field("supervisor", &self.supervisor.is_some())
            .field("purpose", &!self.purpose.is_empty())
            .field("accepted_terms", &self.accepted_terms)
            .field("acknowledged_privacy", &self.acknowledged_privacy)
            .finish()
    }
}

/// The shape alone: whether mail arrives is between the service and its reader.
fn check_email(text: &str) -> Result<(), FormError> {
    let refused = |reason| Err(FormError::Email { reason });
    let Some((local, domain)) = text.rsplit_once('@') else { return refused("has no @") };
    if text.chars().any(char::is_whitespace) {
        return refused("holds a blank");
    }
    if local.is_empty() || local.contains('@') {
        return refused("has no single part before the @");
    }
    let labels: Vec<&str> = domain.split('.').collect();
    if labels.len() < 2 || labels.iter().any(|label| label.is_empty()) {
        return refused("has no domain after the @");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> AccessForm {
        AccessForm::new("Ada", "ada@uni.edu", "University", "Encoding models of natural images")
    }

    #[test]
    fn a_complete_form_is_sent_as_the_protocol_says() {
        let form = filled().supervisor("  ").accept_terms("3").acknowledge_privacy();
        assert_eq!(form.check("3"), Ok(()));
        assert_eq!(
            form.body("3").to_string(),
            r#"{"name":"Ada","email":"ada@uni.edu","institution":"University","pi_or_supervisor":null,"research_purpose":"Encoding models of natural images","accepted_terms":true,"acknowledged_privacy":true,"terms_version":"3","source":"cli"}"#
        );
        assert_eq!(filled().supervisor("Bob").body("3")["pi_or_supervisor"], "Bob");
    }

    #[test]
    fn terms_and_privacy_are_accepted_explicitly() {
        let not_accepted = |got: Option<&str>| FormError::TermsNotAccepted {
            expected: "3".to_owned(),
            got: got.map(str::to_owned),
        };
        assert_eq!(filled().check("3"), Err(not_accepted(None)));
        assert_eq!(filled().accept_terms("2").check("3"), Err(not_accepted(Some("2"))));
        let form = filled().accept_terms("3");
        assert_eq!(form.check("3"), Err(FormError::PrivacyNotAcknowledged));
    }

    #[test]
    fn each_field_is_checked() {
        let check = |field: FormField, text: &str, expected: FormError| {
            assert_eq!(field.check(text), Err(expected), "{text:?}");
        };
        check(FormField::Name, " ", FormError::Missing { field: FormField::Name });
        check(FormField::Name, "a\nb", FormError::ControlCharacter { field: FormField::Name });
        let long = "x".repeat(4001);
        let too_long =
            FormError::TooLong { field: FormField::Institution, expected: 4000, got: 4001 };
        check(FormField::Institution, &long, too_long);
        check(
            FormField::Purpose,
            "  19 characters äöü  ",
            FormError::PurposeTooShort { expected: 20, got: 17 },
        );
        assert_eq!(FormField::Purpose.check("two lines\nof a purpose"), Ok(()));
        for (text, reason) in [
            ("ada", "has no @"),
            ("a da@uni.edu", "holds a blank"),
            ("@uni.edu", "has no single part before the @"),
            ("a@b@uni.edu", "has no single part before the @"),
            ("ada@uni", "has no domain after the @"),
            ("ada@uni.", "has no domain after the @"),
            ("ada@.edu", "has no domain after the @"),
        ] {
            check(FormField::Email, text, FormError::Email { reason });
        }
        assert_eq!(FormField::Email.check("a.b+c@x.uni-y.example"), Ok(()));
    }

    #[test]
    fn answers_are_not_shown() {
        let shown = format!("{:?}", filled().accept_terms("3"));
        assert!(!shown.contains("Ada") && !shown.contains("uni.edu"), "{shown}");
        assert!(shown.contains("accepted_terms: Some(\"3\")"), "{shown}");
    }
}
