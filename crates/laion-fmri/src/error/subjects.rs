//! Subjects in messages: those that exist, and the one that is spelled alike.

use bids_names::SubjectId;

/// The subject that a text spells in another way: `1`, `sub1`, `SUB-01` for `sub-01`. Another number is
/// never guessed.
pub(crate) fn alike<'a>(got: &str, available: &'a [impl AsRef<str>]) -> Option<&'a str> {
    let wanted = key(got);
    let is_alike = |name: &&str| !wanted.is_empty() && key(name) == wanted;
    available.iter().map(AsRef::as_ref).find(is_alike)
}

/// ` (did you mean sub-01?)`
pub(super) fn did_you_mean(got: &str, available: &[impl AsRef<str>]) -> String {
    alike(got, available).map(|near| format!(" (did you mean {near}?)")).unwrap_or_default()
}

/// ` of sub-1 (did you mean sub-01?), sub-99`
pub(super) fn of_subjects(subjects: &[SubjectId], available: &[SubjectId]) -> String {
    let named =
        |subject: &SubjectId| format!("{subject}{}", did_you_mean(subject.as_str(), available));
    let names: Vec<String> = subjects.iter().map(named).collect();
    if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) }
}

/// What two spellings of a subject have in common: the label in lower case, numbers without zeros before
/// them.
fn key(text: &str) -> String {
    let mut label = text.trim().to_lowercase();
    for prefix in ["sub-", "subject", "sub"] {
        if let Some(rest) = label.strip_prefix(prefix) {
            label = rest.trim_start_matches(['-', '_', ' ']).to_owned();
        }
    }
    match label.trim_start_matches('0') {
        "" => label,
        number => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_spellings_are_recognised_and_other_numbers_are_not() {
        let available = ["sub-01", "sub-03", "sub-pilotA"];
        for (got, expected) in [
            ("1", Some("sub-01")),
            ("sub-1", Some("sub-01")),
            ("sub1", Some("sub-01")),
            ("sub-sub01", Some("sub-01")),
            ("subject3", Some("sub-03")),
            ("SUB-01", Some("sub-01")),
            ("sub-01 ", Some("sub-01")),
            ("sub-PILOTA", Some("sub-pilotA")),
            ("sub-2", None),
            ("sub-10", None),
            ("sub-0", None),
            ("sub-", None),
            ("", None),
            ("nonsense", None),
        ] {
            assert_eq!(alike(got, &available), expected, "{got:?}");
        }
    }
}
