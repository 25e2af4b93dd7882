//! Sessions as people name them: `ses-01`, `1`, `01,03`, `01-10` and `all`.

use std::collections::BTreeSet;

use laion_fmri::SessionId;

use crate::exit::CommandError;

/// A value of `--session`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionName {
    /// Every session.
    All,
    /// One session, as it was written.
    One(String),
    /// Those from one number to another, both included.
    Range(SessionRange),
}

/// A range of sessions by their numbers, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionRange {
    first: String,
    last: String,
}

/// The sessions that were meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NamedSessions {
    /// By name, in the order asked; of names that mean no existing session, the names themselves.
    pub(crate) names: Vec<String>,
    /// What ranges name and does not exist.
    pub(crate) missing: Vec<MissingOfRange>,
}

/// The sessions of a range that do not exist, by the names that they would have.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MissingOfRange {
    /// The range, as it was written.
    pub(crate) range: String,
    /// Its ends that do not exist.
    pub(crate) ends: Vec<String>,
    /// Those in it that do not exist, ascending; of many the first.
    pub(crate) inside: Vec<String>,
    /// How many there are in it.
    pub(crate) n_inside: usize,
}

/// How many sessions of a range are kept that do not exist.
const MOST_MISSING: usize = 16;

/// Reads a value of `--session`. What is no id of a session is found when it is used.
pub(crate) fn parse_session(text: &str) -> Result<SessionName, String> {
    if text.eq_ignore_ascii_case("all") {
        return Ok(SessionName::All);
    }
    let ends = label(text).split_once('-').map(|(first, last)| (first, label(last)));
    let Some((first, last)) = ends.filter(|(first, last)| is_number(first) && is_number(last))
    else {
        return Ok(SessionName::One(text.to_owned()));
    };
    if number(first) > number(last) {
        return Err(format!("{text} contains no session (expected FIRST-LAST, e.g. 01-10)"));
    }
    Ok(SessionName::Range(SessionRange { first: first.to_owned(), last: last.to_owned() }))
}

impl SessionName {
    /// The label of the session, or the range; none for all of them.
    pub(crate) fn label(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::One(text) => Some(label(text).to_owned()),
            Self::Range(range) => Some(format!("{}-{}", range.first, range.last)),
        }
    }
}

/// Whether all sessions are meant: by `all`, which stands alone, or because none is named.
pub(crate) fn are_all(named: &[SessionName]) -> Result<bool, CommandError> {
    match named {
        [] | [SessionName::All] => Ok(true),
        named if named.contains(&SessionName::All) => {
            Err(CommandError::usage("--session all cannot be combined with other sessions"))
        }
        _ => Ok(false),
    }
}

/// The names, when they say by themselves which sessions are meant. `1` may be `ses-1` or `ses-01`,
/// and a range depends on what is there.
pub(crate) fn plain(named: &[SessionName]) -> Option<Vec<String>> {
    let plain = |name: &SessionName| match name {
        SessionName::One(text) if !is_short(label(text)) => Some(bare(text)),
        _ => None,
    };
    named.iter().map(plain).collect()
}

/// The sessions that are meant among those that exist.
pub(crate) fn resolve(
    named: &[SessionName],
    existing: &[SessionId],
    whose: &str,
) -> Result<NamedSessions, CommandError> {
    let mut meant = NamedSessions::default();
    for name in named {
        match name {
            SessionName::All => meant.names.extend(existing.iter().map(ToString::to_string)),
            SessionName::One(text) => meant.names.push(one(text, existing)),
            SessionName::Range(range) => {
                let inside = range.inside(existing);
                if inside.is_empty() {
                    let message = format!(
                        "no session of {whose} is in the range {range}{}",
                        listed(existing)
                    );
                    return Err(CommandError::not_there(message));
                }
                meant.missing.extend(range.missing(&inside));
                meant.names.extend(inside.iter().map(ToString::to_string));
            }
        }
    }
    Ok(meant)
}

impl SessionRange {
    /// The sessions in it, ascending by number.
    fn inside<'a>(&self, existing: &'a [SessionId]) -> Vec<&'a SessionId> {
        let (first, last) = (number(&self.first), number(&self.last));
        let mut inside: Vec<(u64, &SessionId)> = existing
            .iter()
            .filter_map(|id| Some((number(id.label())?, id)))
            .filter(|(number, _)| first <= Some(*number) && Some(*number) <= last)
            .collect();
        inside.sort();
        inside.into_iter().map(|(_, id)| id).collect()
    }

    /// What is missing in it, next to those that exist, of which there is one at least.
    fn missing(&self, existing: &[&SessionId]) -> Option<MissingOfRange> {
        let numbers: BTreeSet<u64> = existing.iter().filter_map(|id| number(id.label())).collect();
        let (first, last) = (number(&self.first)?, number(&self.last)?);
        let n_inside = (last - first).saturating_add(1) - numbers.len() as u64;
        if n_inside == 0 {
            return None;
        }
        // With as many digits as the others have.
        let width = existing.iter().map(|id| id.label().len()).max().unwrap_or(0);
        let name = |number: u64| format!("ses-{number:0width$}");
        let missing = (first..=last).filter(|number| !numbers.contains(number));
        let mut ends: Vec<String> =
            [first, last].into_iter().filter(|end| !numbers.contains(end)).map(name).collect();
        ends.dedup();
        Some(MissingOfRange {
            range: self.to_string(),
            ends,
            inside: missing.take(MOST_MISSING).map(name).collect(),
            n_inside: usize::try_from(n_inside).unwrap_or(usize::MAX),
        })
    }
}

impl std::fmt::Display for SessionRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// The session of this label, or the only one with this number; without any, the name that it would
/// have among the others.
fn one(text: &str, existing: &[SessionId]) -> String {
    let label = label(text);
    if existing.iter().any(|id| id.label() == label) {
        return format!("ses-{label}");
    }
    let same = |id: &&SessionId| is_number(label) && number(id.label()) == number(label);
    let mut same = existing.iter().filter(same);
    match (same.next(), same.next()) {
        (Some(only), None) => only.to_string(),
        (None, _) if is_number(label) => {
            format!("ses-{label:0>width$}", width = digits(existing).unwrap_or_default())
        }
        _ => bare(text),
    }
}

/// How many digits the numbers of the sessions have, if all have as many.
fn digits(existing: &[SessionId]) -> Option<usize> {
    let mut lengths =
        existing.iter().map(SessionId::label).filter(|label| is_number(label)).map(str::len);
    let first = lengths.next()?;
    lengths.all(|length| length == first).then_some(first)
}

/// What stands behind `ses-`, or behind the `ses` of a number.
fn label(text: &str) -> &str {
    let label = text.strip_prefix("ses-");
    label.or_else(|| text.strip_prefix("ses").filter(|rest| is_number(rest))).unwrap_or(text)
}

/// The name with the prefix as it should be; what is no name stays as it is.
fn bare(text: &str) -> String {
    match label(text) {
        label if is_number(label) => format!("ses-{label}"),
        _ => text.to_owned(),
    }
}

/// A number that may be meant with a zero before it.
fn is_short(label: &str) -> bool {
    label.len() < 2 && is_number(label)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(label: &str) -> Option<u64> {
    Some(label).filter(|label| is_number(label))?.parse().ok()
}

fn listed(sessions: &[SessionId]) -> String {
    let names: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    if names.is_empty() { String::new() } else { format!("; sessions: {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(texts: &str) -> Vec<SessionName> {
        texts.split(',').map(|text| parse_session(text).unwrap()).collect()
    }

    fn existing(labels: &[&str]) -> Vec<SessionId> {
        labels.iter().map(|label| label.parse().unwrap()).collect()
    }

    #[test]
    fn sessions_are_meant_as_people_spell_them() {
        let there = existing(&["01", "02", "09", "11", "31", "4", "PrismaAnat"]);
        for (texts, expected) in [
            ("01", "ses-01"),
            ("ses-01", "ses-01"),
            ("1", "ses-01"),
            ("ses1", "ses-01"),
            ("ses-1", "ses-01"),
            ("4,04", "ses-4 ses-4"),
            ("7", "ses-7"),
            ("ses7", "ses-7"),
            ("ses-PrismaAnat,PrismaAnat", "ses-PrismaAnat ses-PrismaAnat"),
            ("../01", "../01"),
            ("02,1", "ses-02 ses-01"),
            ("01-10", "ses-01 ses-02 ses-4 ses-09"),
            ("ses-2-ses-9", "ses-02 ses-4 ses-09"),
        ] {
            let meant = resolve(&named(texts), &there, "sub-03").unwrap();
            assert_eq!(meant.names.join(" "), expected, "{texts}");
        }
        // One that is not there is named as it would be.
        let there = existing(&["01", "02", "PrismaAnat"]);
        let meant = resolve(&named("3,11,103,4x"), &there, "sub-03").unwrap();
        assert_eq!(meant.names, ["ses-03", "ses-11", "ses-103", "4x"]);
        // Two that are called so: neither is guessed.
        let meant = resolve(&named("1"), &existing(&["01", "001"]), "sub-03").unwrap();
        assert_eq!(meant.names, ["ses-1"]);
        let meant = resolve(&named("1"), &existing(&["01", "1"]), "sub-03").unwrap();
        assert_eq!(meant.names, ["ses-1"]);
    }

    #[test]
    fn what_a_range_lacks_is_told() {
        let there = existing(&["01", "02", "09"]);
        let missing = |texts: &str| {
            let mut meant = resolve(&named(texts), &there, "sub-03").unwrap();
            meant.missing.pop().map(|it| (it.ends.join(" "), it.inside.join(" "), it.n_inside))
        };
        let expected = |ends: &str, inside: &str, n| Some((ends.to_owned(), inside.to_owned(), n));
        let inside = "ses-03 ses-04 ses-05 ses-06 ses-07 ses-08";
        assert_eq!(missing("01-10"), expected("ses-10", &format!("{inside} ses-10"), 7));
        assert_eq!(missing("0-3"), expected("ses-00 ses-03", "ses-00 ses-03", 2));
        assert_eq!(missing("1-9"), expected("", inside, 6));
        assert_eq!(missing("1-2"), None);
        let (_, inside, n) = missing("0-18446744073709551614").unwrap();
        assert!(n > 1000 && inside.ends_with("ses-18"), "{inside}");
        let error = resolve(&named("20-30"), &there, "sub-03").unwrap_err();
        let expected =
            "no session of sub-03 is in the range 20-30; sessions: ses-01, ses-02, ses-09";
        assert_eq!(error.to_string(), expected);
        assert!(parse_session("10-01").is_err());
    }

    #[test]
    fn what_says_itself_needs_no_listing() {
        assert_eq!(plain(&named("01,ses-02,averages")).unwrap(), ["ses-01", "ses-02", "averages"]);
        for texts in ["1", "ses1", "01-10", "all", "01,2"] {
            assert_eq!(plain(&named(texts)), None, "{texts}");
        }
        assert!(are_all(&[]).unwrap() && are_all(&named("all")).unwrap());
        assert!(!are_all(&named("01")).unwrap() && are_all(&named("all,01")).is_err());
    }
}
