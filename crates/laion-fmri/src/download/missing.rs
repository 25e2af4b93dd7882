//! What a request asks for and the bucket does not have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bids_names::{Filter, FilterField, SubjectId};

/// Something that a [`DownloadRequest`](crate::DownloadRequest) asks for and the bucket does not
/// have.
///
/// `Display` writes a sentence without a full stop, with the nearest value that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// A value of a filter that no searched key carries.
    Value {
        /// The subject, if only its keys were searched.
        subject: Option<SubjectId>,
        /// The filter.
        field: FilterField,
        /// The value, without a leading `ENTITY-`.
        value: String,
        /// The values that the searched keys carry, sorted.
        existing: Vec<String>,
    },
    /// A tree that was asked for and has no key that passes the filters.
    Tree {
        /// What it holds: `anatomical`, `FreeSurfer`, `localizer` or `raw`.
        tree: &'static str,
        /// The prefixes that were searched, one for each subject.
        prefixes: Vec<String>,
    },
    /// A prefix that was asked for and has no key below it that passes the filters.
    Prefix {
        /// The prefix.
        prefix: String,
    },
    /// A key that was asked for by name.
    Key {
        /// The key.
        key: String,
    },
}

impl Missing {
    /// The existing value that is nearest to the missing one. Of a number it is the same number in
    /// another spelling: session 01 is not what whoever asks for 02 means.
    #[must_use]
    pub fn nearest(&self) -> Option<&str> {
        let Self::Value { value, existing, .. } = self else { return None };
        let Ok(number) = value.parse::<u64>() else {
            return bids_names::suggest(value, existing);
        };
        let is_same = |known: &&str| known.parse::<u64>().is_ok_and(|it| it == number);
        existing.iter().map(String::as_str).find(is_same)
    }

    /// Whether both are the same value of the same filter, for any subject.
    pub(super) fn is_same_value(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Value { field, value, .. },
                Self::Value { field: others_field, value: others_value, .. },
            ) => (field, value) == (others_field, others_value),
            _ => false,
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, field, value, existing) = match self {
            Self::Value { subject, field, value, existing } => (subject, field, value, existing),
            Self::Tree { tree, prefixes } => {
                let prefixes = prefixes.join(", ");
                return write!(f, "the {tree} tree has no matching file ({prefixes})");
            }
            Self::Prefix { prefix } => {
                return write!(f, "the bucket has no matching file below {prefix}");
            }
            Self::Key { key } => return write!(f, "the bucket has no {key}"),
        };
        match subject {
            Some(subject) => write!(f, "{subject} has no")?,
            None => write!(f, "the bucket has no")?,
        }
        let (one, several) = match field {
            FilterField::Ses => ("session ".to_owned(), "sessions"),
            _ if field.entity().is_some() => (format!("file with {field}-"), field.as_str()),
            _ => (format!("file with the {field} "), field.as_str()),
        };
        write!(f, " {one}{value}")?;
        if subject.is_some() {
            f.write_str(" in the bucket")?;
        }
        if *field == FilterField::Ses && value.eq_ignore_ascii_case("all") {
            write!(f, " (leave ses out for all)")?;
        } else if let Some(nearest) = self.nearest() {
            write!(f, " (did you mean {nearest}?)")?;
        }
        match existing.is_empty() {
            true => write!(f, "; no file has {field} in its name"),
            false => write!(f, "; {several}: {}", existing.join(", ")),
        }
    }
}

/// Which values of a filter the searched keys carry.
pub(super) struct Carried<'a> {
    subject: Option<SubjectId>,
    /// Whether a key carries the value, in the order of the fields and of their values.
    wanted: Vec<(FilterField, &'a str, bool)>,
    existing: BTreeMap<FilterField, BTreeSet<String>>,
}

impl<'a> Carried<'a> {
    pub(super) fn new(filter: &'a Filter) -> Self {
        let named = FilterField::ALL.into_iter().flat_map(|field| {
            let values = filter.values(field).unwrap_or_default().iter();
            values.map(move |value| (field, value.as_str(), false))
        });
        // `averages` stands for keys without a session, so no key carries it.
        let is_value = |(field, value, _): &(FilterField, &str, bool)| {
            (*field, *value) != (FilterField::Ses, Filter::AVERAGES)
        };
        let wanted = named.filter(is_value).collect();
        Self { subject: None, wanted, existing: BTreeMap::new() }
    }

    /// The same for the keys of one subject.
    pub(super) fn of(subject: &SubjectId, filter: &'a Filter) -> Self {
        Self { subject: Some(subject.clone()), ..Self::new(filter) }
    }

    /// Adds the keys that another value has looked at, for the same filter.
    pub(super) fn join(&mut self, other: &Carried<'_>) {
        for (mine, others) in self.wanted.iter_mut().zip(&other.wanted) {
            mine.2 = mine.2 || others.2;
        }
        for (field, values) in &other.existing {
            self.existing.entry(*field).or_default().extend(values.iter().cloned());
        }
    }

    /// Looks at a key, or at a prefix that was not listed further.
    pub(super) fn see(&mut self, key: &str) {
        let mut seen = None;
        for (field, value, carried) in &mut self.wanted {
            if key.ends_with('/') && field.entity().is_none() {
                continue;
            }
            *carried = *carried || field.carries(key, value);
            if seen.replace(*field) == Some(*field) {
                continue;
            }
            if let Some(value) = field.value_in(key).filter(|value| !value.is_empty()) {
                let existing = self.existing.entry(*field).or_default();
                if !existing.contains(value) {
                    existing.insert(value.to_owned());
                }
            }
        }
    }

    /// The values that no key carries.
    pub(super) fn missing(&self) -> Vec<Missing> {
        let uncarried = self.wanted.iter().filter(|(_, _, carried)| !carried);
        uncarried
            .map(|(field, value, _)| Missing::Value {
                subject: self.subject.clone(),
                field: *field,
                value: (*value).to_owned(),
                existing: self.existing.get(field).into_iter().flatten().cloned().collect(),
            })
            .collect()
    }

    /// Whether keys of a session were looked at, if sessions are named.
    pub(super) fn has_a_session(&self) -> bool {
        let mut sessions = self.wanted.iter().filter(|(field, ..)| *field == FilterField::Ses);
        sessions.clone().next().is_none() || sessions.any(|(_, _, carried)| *carried)
    }

    /// The sessions that no key carries.
    pub(super) fn missing_sessions(&self) -> Vec<Missing> {
        let is_session =
            |it: &Missing| matches!(it, Missing::Value { field: FilterField::Ses, .. });
        self.missing().into_iter().filter(is_session).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_no_key_carries_are_told_with_those_that_exist() {
        let filter = Filter::default()
            .with(FilterField::Ses, ["01", "averages", "9"])
            .with(FilterField::Desc, ["singletrialbetas"])
            .with(FilterField::Echo, ["1"])
            .with(FilterField::Suffix, ["statmap", "ma"]);
        let mut carried = Carried::new(&filter);
        for key in [
            "a/sub-01/ses-01/sub-01_ses-01_desc-SingletrialBetas_statmap.nii.gz",
            "a/sub-01/ses-02/",
            "a/sub-01/sub-01_desc-R2mean_statmap.nii.gz",
        ] {
            carried.see(key);
        }
        let shown: Vec<String> = carried.missing().iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "the bucket has no session 9; sessions: 01, 02",
                "the bucket has no file with desc-singletrialbetas (did you mean SingletrialBetas?); desc: R2mean, SingletrialBetas",
                "the bucket has no file with echo-1; no file has echo in its name",
                "the bucket has no file with the suffix ma; suffix: statmap",
            ]
        );
        let every = Filter::default().with(FilterField::Ses, ["all"]);
        let mut of_all = Carried::new(&every);
        of_all.see("a/sub-01/ses-01/sub-01_ses-01_statmap.nii.gz");
        let shown = of_all.missing()[0].to_string();
        assert_eq!(shown, "the bucket has no session all (leave ses out for all); sessions: 01");
        assert_eq!(carried.missing_sessions(), carried.missing()[..1]);
        let mut all = Carried::new(&filter);
        all.join(&carried);
        all.see("b/sub-02/ses-9/sub-02_echo-1_ma.json");
        assert_eq!(all.missing().len(), 1);
        let of_one = Carried::of(&"sub-02".parse().unwrap(), &filter);
        let shown = of_one.missing()[0].to_string();
        assert_eq!(shown, "sub-02 has no session 01 in the bucket; no file has ses in its name");
        let tree = Missing::Tree { tree: "raw", prefixes: vec!["sub-01/".to_owned()] };
        assert_eq!(tree.to_string(), "the raw tree has no matching file (sub-01/)");
    }
}
