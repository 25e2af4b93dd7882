//! Deciding, without any I/O of its own, what a mirror needs: [`plan`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use laion_fmri_base::{Sha256, counted, readable_bytes};

use crate::{InvalidKey, Key, Listed, RelativePath};

mod local;

pub use local::{Folder, LocalEntry, LocalView};

/// An object that the caller wants the plan to account for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Candidate {
    /// The object as listed.
    pub listed: Listed,
    /// Where it lands below the root of the mirror.
    pub local: RelativePath,
    /// Whether it is wanted.
    pub rule: Rule,
}

impl Candidate {
    /// A wanted object that lands under its own key.
    #[must_use]
    pub fn exact(listed: Listed) -> Self {
        Self { local: RelativePath::from(&listed.key), listed, rule: Rule::Mirror }
    }
}

/// Whether a [`Candidate`] is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Rule {
    /// It belongs into the mirror.
    Mirror,
    /// It belongs into the mirror, and what is there of it is wrong.
    Replace,
    /// It is listed but must not be asked for, for the given reason.
    Withhold(String),
}

/// What a mirror needs, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Plan {
    /// One item per key, in bytewise order of the keys; a key that was given with two local paths
    /// has a second item, which is refused.
    pub items: Vec<PlanItem>,
    /// Names from the listing that are no [`Key`].
    pub refused: Vec<InvalidKey>,
    /// Keys that only come along with those that are wanted. They are treated like the others, but
    /// having them alone does not make a [`Report`](crate::Report) complete.
    pub accompanying: BTreeSet<Key>,
}

/// One object and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PlanItem {
    /// The name of the object.
    pub key: Key,
    /// Where it lands below the root of the mirror.
    pub local: RelativePath,
    /// Bytes in the object, as listed.
    pub size: u64,
    /// The entity tag of the object, as listed.
    pub etag: Option<String>,
    /// The SHA-256 that its bytes must have, if it is known beforehand.
    pub sha256: Option<Sha256>,
    /// What happens to it.
    pub action: Action,
}

/// What happens to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Action {
    /// It is transferred.
    Fetch(FetchReason),
    /// The local file has the listed size, and no record says that it came from another version; it
    /// is taken for the object. Content is not compared: a file that was damaged without changing
    /// its size is kept.
    Keep,
    /// The caller withholds it, for this reason.
    Withheld(String),
    /// It cannot be mirrored.
    Refused(Refusal),
}

/// Why an object is transferred.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum FetchReason {
    /// There is no local file.
    Missing,
    /// The local file has another size.
    SizeDiffers {
        /// Listed bytes.
        expected: u64,
        /// Bytes in the local file.
        got: u64,
    },
    /// The local file was made from another version of the object.
    Changed {
        /// The listed entity tag.
        expected: String,
        /// The recorded one.
        got: String,
    },
    /// The caller wants it again ([`Rule::Replace`]).
    Damaged,
}

/// Why an object cannot be mirrored. The other objects of the plan are not affected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Refusal {
    /// Another key lands on the same local path; the first key in order has it.
    #[error("key {other:?} lands on the same local path", other = other.as_str())]
    SameLocalPath {
        /// The key that has the path.
        other: Key,
    },
    /// Another key lands on a file where this one needs a directory.
    #[error("key {other:?} lands on a file where a directory is needed", other = other.as_str())]
    BelowFile {
        /// The key that has the path.
        other: Key,
    },
    /// The same key was given with another local path before.
    #[error("the same key lands on {other} already")]
    SecondPath {
        /// The path it has.
        other: RelativePath,
    },
    /// The local path is taken by something that is not a regular file.
    #[error("the local path is {got} (expected a file)")]
    LocalConflict {
        /// What is there.
        got: LocalEntry,
    },
}

/// A plan cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The local view failed.
    #[error("cannot look at {path}")]
    Local {
        /// The path below the root.
        path: RelativePath,
        /// What the view said.
        source: std::io::Error,
    },
    /// The root of the mirror exists and is not a directory.
    #[error("{} is not a directory", root.display())]
    Root {
        /// The root.
        root: PathBuf,
    },
}

/// How many objects, and how many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Tally {
    /// Objects.
    pub count: u64,
    /// Their listed bytes.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The sums of a [`Plan`] by action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PlanTotals {
    /// To transfer.
    pub fetch: Tally,
    /// Kept as they are.
    pub keep: Tally,
    /// Withheld by the caller.
    pub withheld: Tally,
    /// Refused, names that are not keys included (those without bytes).
    pub refused: Tally,
}

impl fmt::Display for PlanTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fetch, size) = (counted(self.fetch.count, "file"), readable_bytes(self.fetch.bytes));
        write!(f, "fetch {fetch} ({size})")?;
        for (name, Tally { count, bytes }) in
            [("keep", self.keep), ("withheld", self.withheld), ("refused", self.refused)]
        {
            if count > 0 {
                write!(f, ", {name} {count} ({})", readable_bytes(bytes))?;
            }
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a Plan {
    type Item = &'a PlanItem;
    type IntoIter = std::slice::Iter<'a, PlanItem>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl IntoIterator for Plan {
    type Item = PlanItem;
    type IntoIter = std::vec::IntoIter<PlanItem>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl Plan {
    /// The items, sorted by key.
    pub fn iter(&self) -> std::slice::Iter<'_, PlanItem> {
        self.items.iter()
    }

    /// The same plan, with names from a listing that are not keys.
    #[must_use]
    pub fn with_refused(mut self, refused: Vec<InvalidKey>) -> Self {
        self.refused = refused;
        self
    }

    /// The same plan, with these keys as [accompanying](Self::accompanying) ones.
    #[must_use]
    pub fn with_accompanying(mut self, keys: impl IntoIterator<Item = Key>) -> Self {
        self.accompanying = keys.into_iter().collect();
        self
    }

    /// The sums by action.
    #[must_use]
    pub fn totals(&self) -> PlanTotals {
        let mut totals = PlanTotals::default();
        for item in &self.items {
            match item.action {
                Action::Fetch(_) => totals.fetch.add(item.size),
                Action::Keep => totals.keep.add(item.size),
                Action::Withheld(_) => totals.withheld.add(item.size),
                Action::Refused(_) => totals.refused.add(item.size),
            }
        }
        self.refused.iter().for_each(|_| totals.refused.add(0));
        totals
    }

    /// The items that will be transferred.
    pub fn fetches(&self) -> impl Iterator<Item = &PlanItem> {
        self.items.iter().filter(|item| matches!(item.action, Action::Fetch(_)))
    }
}

/// Decides what happens to each candidate.
///
/// * Candidates are sorted by key, whatever order they come in. The same key counts once: a rule that
///   withholds it wins, then the newest listing; a second local path is refused.
/// * A local file of the listed size is kept, unless the view knows that it was made from a version
///   with another entity tag; any other size or no file means a transfer.
/// * Of two keys with the same local path, the first in key order gets it and the second is
///   refused. A key is also refused if it needs a directory where another key needs a file, or if a
///   directory is at its local path.
///
/// Planning again after the plan was carried out gives `Keep` wherever this plan said `Fetch`.
///
/// ```
/// use s3_mirror::{Action, Candidate, FetchReason, LocalEntry, Listed, plan};
///
/// let listed = Listed { key: "a.txt".parse()?, size: 3, etag: None, last_modified: None };
/// let nothing_there = |_: &s3_mirror::RelativePath| Ok(LocalEntry::Absent);
/// let plan = plan([Candidate::exact(listed)], &nothing_there)?;
/// assert_eq!(plan.items[0].action, Action::Fetch(FetchReason::Missing));
/// assert_eq!(plan.totals().fetch.bytes, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`PlanError::Local`] if `local` fails, for example for want of permission to look.
pub fn plan(
    candidates: impl IntoIterator<Item = Candidate>,
    local: &impl LocalView,
) -> Result<Plan, PlanError> {
    let mut candidates: Vec<Candidate> = candidates.into_iter().collect();
    candidates.sort_by(|a, b| order(a).cmp(&order(b)));
    let groups = || candidates.chunk_by(|a, b| a.listed.key == b.listed.key);
    let claims = claims(groups());
    let mut items: Vec<PlanItem> = Vec::with_capacity(candidates.len());
    for group in groups() {
        let [first, others @ ..] = group else { continue };
        let (key, path) = (&first.listed.key, &first.local);
        let action = match &first.rule {
            Rule::Withhold(reason) => Action::Withheld(reason.clone()),
            Rule::Mirror | Rule::Replace => match conflict(&claims, key, path) {
                Some(refusal) => Action::Refused(refusal),
                None => compare(path, first, local)?,
            },
        };
        items.push(item(first, action));
        if is_wanted(first) {
            let mut previous = path;
            for other in others.iter().filter(|other| other.local != *path) {
                if other.local != *previous {
                    let refusal = Refusal::SecondPath { other: path.clone() };
                    items.push(item(other, Action::Refused(refusal)));
                }
                previous = &other.local;
            }
        }
    }
    Ok(Plan { items, refused: Vec::new(), accompanying: BTreeSet::new() })
}

/// By key; within a key withheld first, then by local path, then the newest and largest listing.
fn order(candidate: &Candidate) -> impl Ord {
    let listed = &candidate.listed;
    let wanted = is_wanted(candidate);
    (&listed.key, wanted, &candidate.local, Reverse((listed.last_modified, listed.size)))
}

fn item(candidate: &Candidate, action: Action) -> PlanItem {
    PlanItem {
        key: candidate.listed.key.clone(),
        local: candidate.local.clone(),
        size: candidate.listed.size,
        etag: candidate.listed.etag.clone(),
        sha256: None,
        action,
    }
}

/// Which key has which local path: the first in order among the wanted ones.
fn claims<'a>(groups: impl Iterator<Item = &'a [Candidate]>) -> BTreeMap<&'a str, &'a Key> {
    let mut claims = BTreeMap::new();
    for first in groups.filter_map(<[Candidate]>::first) {
        if is_wanted(first) {
            claims.entry(first.local.as_str()).or_insert(&first.listed.key);
        }
    }
    claims
}

fn conflict(claims: &BTreeMap<&str, &Key>, key: &Key, local: &RelativePath) -> Option<Refusal> {
    if let Some(other) = claims.get(local.as_str()).copied().filter(|other| *other != key) {
        return Some(Refusal::SameLocalPath { other: other.clone() });
    }
    let other = local.ancestors().find_map(|directory| claims.get(directory).copied())?;
    Some(Refusal::BelowFile { other: other.clone() })
}

fn is_wanted(candidate: &Candidate) -> bool {
    !matches!(candidate.rule, Rule::Withhold(_))
}

fn compare(
    path: &RelativePath,
    candidate: &Candidate,
    local: &impl LocalView,
) -> Result<Action, PlanError> {
    let entry =
        local.entry(path).map_err(|source| PlanError::Local { path: path.clone(), source })?;
    let expected = candidate.listed.size;
    Ok(match entry {
        LocalEntry::Absent => Action::Fetch(FetchReason::Missing),
        LocalEntry::File { .. } if candidate.rule == Rule::Replace => {
            Action::Fetch(FetchReason::Damaged)
        }
        LocalEntry::File { size } if size == expected => {
            match (&candidate.listed.etag, local.etag(path)) {
                (Some(expected), Some(got)) if *expected != got => {
                    Action::Fetch(FetchReason::Changed { expected: expected.clone(), got })
                }
                _ => Action::Keep,
            }
        }
        LocalEntry::File { size } => {
            Action::Fetch(FetchReason::SizeDiffers { expected, got: size })
        }
        got => Action::Refused(Refusal::LocalConflict { got }),
    })
}

impl fmt::Display for FetchReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is not on disk"),
            Self::SizeDiffers { expected, got } => {
                write!(f, "has {got} bytes (expected {expected})")
            }
            Self::Changed { expected, got } => {
                write!(f, "has entity tag {got} (expected {expected})")
            }
            Self::Damaged => f.write_str("is damaged"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;
    use std::io;
    use std::time::{Duration, SystemTime};

    fn listed(key: &str, size: u64) -> Listed {
        Listed { key: key.parse().unwrap(), size, etag: None, last_modified: None }
    }

    fn candidate(key: &str, local: &str, size: u64) -> Candidate {
        Candidate { listed: listed(key, size), local: local.parse().unwrap(), rule: Rule::Mirror }
    }

    fn withheld(key: &str, size: u64) -> Candidate {
        Candidate { rule: Rule::Withhold("embargo".to_owned()), ..candidate(key, key, size) }
    }

    fn disk(files: &[(&str, LocalEntry)]) -> impl LocalView {
        let files: HashMap<String, LocalEntry> =
            files.iter().map(|(path, entry)| ((*path).to_owned(), *entry)).collect();
        move |path: &RelativePath| {
            Ok(files.get(path.as_str()).copied().unwrap_or(LocalEntry::Absent))
        }
    }

    fn check(
        candidates: Vec<Candidate>,
        files: &[(&str, LocalEntry)],
        expected: &[(&str, Action)],
    ) {
        let plan = plan(candidates, &disk(files)).unwrap();
        let got: Vec<_> = plan.items.iter().map(|i| (i.key.as_str(), i.action.clone())).collect();
        assert_eq!(got, expected);
    }

    const MISSING: Action = Action::Fetch(FetchReason::Missing);

    fn refused(refusal: Refusal) -> Action {
        Action::Refused(refusal)
    }

    #[test]
    fn sizes_decide() {
        check(
            vec![candidate("c", "c", 3), candidate("a", "a", 1), candidate("b", "b", 2)],
            &[("a", LocalEntry::File { size: 1 }), ("b", LocalEntry::File { size: 1 })],
            &[
                ("a", Action::Keep),
                ("b", Action::Fetch(FetchReason::SizeDiffers { expected: 2, got: 1 })),
                ("c", MISSING),
            ],
        );
    }

    #[test]
    fn same_key_counts_once_and_withheld_wins() {
        check(vec![candidate("a", "a", 1), candidate("a", "a", 1)], &[], &[("a", MISSING)]);
        check(
            vec![candidate("a", "a", 1), withheld("a", 1)],
            &[],
            &[("a", Action::Withheld("embargo".to_owned()))],
        );
        check(
            vec![candidate("a", "0", 1), withheld("a", 1), candidate("a", "z", 1)],
            &[],
            &[("a", Action::Withheld("embargo".to_owned()))],
        );
    }

    #[test]
    fn the_newest_listing_of_a_key_counts() {
        let listed_at = |size, seconds| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let mut candidate = candidate("a", "a", size);
            candidate.listed.last_modified = Some(time);
            candidate
        };
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let all = [listed_at(1, 20), listed_at(2, 10), listed_at(3, 10)];
            let present = [("a", LocalEntry::File { size: 1 })];
            check(order.map(|i| all[i].clone()).to_vec(), &present, &[("a", Action::Keep)]);
        }
        // Found by the property test below: without times the order of the candidates decided.
        for (first, second) in [(0, 1), (1, 0)] {
            let plan = plan([candidate("a", "b", first), candidate("a", "b", second)], &disk(&[]));
            assert_eq!(plan.unwrap().totals().fetch, Tally { count: 1, bytes: 1 });
        }
    }

    #[test]
    fn one_local_path_has_one_key() {
        let key: Key = "label-FFA-1".parse().unwrap();
        check(
            vec![
                candidate("label-FFA1", "label-FFA1", 1),
                candidate("label-FFA-1", "label-FFA1", 2),
            ],
            &[("label-FFA1", LocalEntry::File { size: 1 })],
            &[
                ("label-FFA-1", Action::Fetch(FetchReason::SizeDiffers { expected: 2, got: 1 })),
                ("label-FFA1", refused(Refusal::SameLocalPath { other: key })),
            ],
        );
        // A withheld key does not block the path.
        check(
            vec![
                Candidate { local: "x".parse().unwrap(), ..withheld("a", 1) },
                candidate("b", "x", 1),
            ],
            &[],
            &[("a", Action::Withheld("embargo".to_owned())), ("b", MISSING)],
        );
    }

    #[test]
    fn files_and_directories_exclude_each_other() {
        check(
            vec![candidate("a", "a", 1), candidate("a/b/c", "a/b/c", 1)],
            &[],
            &[
                ("a", MISSING),
                ("a/b/c", refused(Refusal::BelowFile { other: "a".parse().unwrap() })),
            ],
        );
        for got in [LocalEntry::Directory, LocalEntry::BelowFile, LocalEntry::Special] {
            check(
                vec![candidate("a", "a", 1)],
                &[("a", got)],
                &[("a", refused(Refusal::LocalConflict { got }))],
            );
        }
    }

    #[test]
    fn a_key_has_one_local_path() {
        check(
            vec![
                candidate("a", "y", 1),
                candidate("a", "x", 1),
                candidate("a", "y", 2),
                candidate("b", "y", 1),
            ],
            &[],
            &[
                ("a", MISSING),
                ("a", refused(Refusal::SecondPath { other: "x".parse().unwrap() })),
                ("b", MISSING),
            ],
        );
    }

    #[test]
    fn totals_count_every_action() {
        let bad = Key::new("a//b").unwrap_err();
        let plan = plan(
            [
                candidate("a", "a", 1),
                candidate("b", "b", 2),
                candidate("c", "b", 4),
                withheld("d", 8),
            ],
            &disk(&[("a", LocalEntry::File { size: 1 })]),
        )
        .unwrap()
        .with_refused(vec![bad]);
        let tally = |count, bytes| Tally { count, bytes };
        assert_eq!(
            plan.totals(),
            PlanTotals {
                fetch: tally(1, 2),
                keep: tally(1, 1),
                withheld: tally(1, 8),
                refused: tally(2, 4)
            }
        );
        assert_eq!(plan.fetches().count(), 1);
    }

    #[test]
    fn sums_do_not_overflow() {
        let plan =
            plan([candidate("a", "a", u64::MAX), candidate("b", "b", 1)], &disk(&[])).unwrap();
        assert_eq!(plan.totals().fetch, Tally { count: 2, bytes: u64::MAX });
    }

    #[test]
    fn a_failing_view_names_the_path() {
        let failing = |_: &RelativePath| Err::<LocalEntry, _>(io::Error::other("no"));
        let error = plan([candidate("a", "b", 1)], &failing).unwrap_err();
        assert!(matches!(&error, PlanError::Local { path, .. } if path.as_str() == "b"));
        assert_eq!(error.to_string(), "cannot look at b");
    }

    proptest! {
        #[test]
        fn planning_is_idempotent(
            wanted in proptest::collection::vec(("[ab]{1,2}(/[ab]{1,2}){0,2}", "[ab]{1,2}(/[ab]{1,2}){0,2}", 0_u64..4, any::<bool>()), 0..12),
            present in proptest::collection::vec(("[ab]{1,2}(/[ab]{1,2}){0,2}", 0_u64..4), 0..6),
        ) {
            let mut files: HashMap<String, u64> = present.into_iter().collect();
            let candidates: Vec<_> = wanted
                .iter()
                .map(|(key, local, size, hold)| match hold {
                    true => withheld(key, *size),
                    false => candidate(key, local, *size),
                })
                .collect();
            let local = |files: &HashMap<String, u64>| {
                let files = files.clone();
                move |path: &RelativePath| {
                    Ok(files.get(path.as_str()).map_or(LocalEntry::Absent, |size| LocalEntry::File { size: *size }))
                }
            };
            let first = plan(candidates.clone(), &local(&files)).unwrap();
            prop_assert!(first.items.is_sorted_by(|a, b| a.key <= b.key));
            let mut landed: Vec<_> = first.fetches().map(|item| item.local.clone()).collect();
            for item in first.fetches() {
                files.insert(item.local.to_string(), item.size);
            }
            let second = plan(candidates.iter().rev().cloned(), &local(&files)).unwrap();
            prop_assert_eq!(second.totals().fetch, Tally::default());
            for (before, after) in first.items.iter().zip(&second.items) {
                match &before.action {
                    Action::Fetch(_) => prop_assert_eq!(&after.action, &Action::Keep),
                    other => prop_assert_eq!(&after.action, other),
                }
            }
            landed.sort();
            prop_assert!(landed.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }
}
