//! Names in an address: each is read as the type that it stands for, so that none is ever a path.

use laion_fmri::{SessionId, SubjectId};

use crate::answer::Refusal;

/// A subject, such as `sub-01`, spelled as it is on disk.
pub(crate) fn subject(text: &str) -> Result<SubjectId, Refusal> {
    let id: Option<SubjectId> = text.parse().ok();
    id.filter(|id| id.as_str() == text)
        .ok_or_else(|| Refusal::NotFound(format!("{text:?} is not the name of a subject")))
}

/// A session, such as `ses-01`, spelled as it is on disk.
pub(crate) fn session(text: &str) -> Result<SessionId, Refusal> {
    let id: Option<SessionId> = text.parse().ok();
    id.filter(|id| id.as_str() == text)
        .ok_or_else(|| Refusal::NotFound(format!("{text:?} is not the name of a session")))
}

/// What stands before an ending, such as the number of a trial before `.nii`.
pub(crate) fn stem<'a>(file: &'a str, ending: &str) -> Result<&'a str, Refusal> {
    file.strip_suffix(ending)
        .filter(|stem| !stem.is_empty())
        .ok_or_else(|| Refusal::NotFound(format!("{file:?} does not end with {ending}")))
}

/// A whole number from 0.
pub(crate) fn number(text: &str, what: &str) -> Result<usize, Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.ok_or_else(|| Refusal::Bad(format!("{what}: expected a whole number, got {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_as_they_are_on_disk_are_taken() {
        assert!(subject("sub-01").is_ok() && session("ses-01").is_ok());
        for text in ["..", "", "01", "sub-01/..", "sub-", "sub-01\0", "/etc", "sub-0 1"] {
            assert!(matches!(subject(text), Err(Refusal::NotFound(_))), "{text:?}");
        }
        for text in ["..", "1", "ses-01/../x", "ses-\u{0}1"] {
            assert!(matches!(session(text), Err(Refusal::NotFound(_))), "{text:?}");
        }
        assert_eq!(stem("3.nii", ".nii").unwrap(), "3");
        assert!(stem(".nii", ".nii").is_err() && stem("3", ".nii").is_err());
        assert_eq!(number("12", "trial").unwrap(), 12);
        for text in ["", "-1", "+1", "1.5", "99999999999999999999999", "x"] {
            assert!(matches!(number(text, "trial"), Err(Refusal::Bad(_))), "{text:?}");
        }
    }
}
