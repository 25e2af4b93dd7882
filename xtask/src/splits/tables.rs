//! All lists of all splits, in plain form.

use std::collections::BTreeMap;
use std::fmt;

use laion_fmri::splits::{
    Bundle, Pool, SplitFamily, SplitName, SplitRevision, TauFit, list_splits,
};

/// Which split is meant. Families other than the random one are the same in both revisions and are
/// kept under r1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) revision: SplitRevision,
    pub(super) pool: Pool,
    pub(super) split: SplitName,
}

/// The lists of a split, each sorted by bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lists {
    pub(super) train: Vec<String>,
    pub(super) test: Vec<String>,
}

/// Everything the bundle holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tables {
    pub(super) lists: BTreeMap<Key, Lists>,
    pub(super) duplicates: BTreeMap<Pool, Vec<Vec<String>>>,
    pub(super) tau: BTreeMap<Pool, TauFit>,
}

/// Every split that is kept: 72 of r1 and 30 of r2.
pub(super) fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    for &revision in SplitRevision::ALL {
        for &pool in Pool::ALL {
            let kept = |split: &&SplitName| {
                revision == SplitRevision::R1 || split.family() == SplitFamily::Random
            };
            let splits = list_splits(Some(pool)).iter().filter(kept);
            keys.extend(splits.map(|&split| Key { revision, pool, split }));
        }
    }
    keys
}

impl Key {
    /// The key under which the lists of a split are kept.
    pub(super) fn of(revision: SplitRevision, pool: Pool, split: SplitName) -> Self {
        let kept = match split.family() {
            SplitFamily::Random => revision,
            SplitFamily::ClusterK5 | SplitFamily::Tau | SplitFamily::Ood => SplitRevision::R1,
        };
        Self { revision: kept, pool, split }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.revision, self.pool, self.split)
    }
}

impl Lists {
    /// Sorts both lists by bytes.
    pub(super) fn sorted(mut train: Vec<String>, mut test: Vec<String>) -> Self {
        train.sort_unstable();
        test.sort_unstable();
        Self { train, test }
    }
}

impl Tables {
    /// The content of a bundle.
    pub(super) fn of(bundle: &Bundle) -> Self {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let mut tables = Self::default();
        for key in keys() {
            let ids = bundle.train_test_ids(key.split, key.pool, key.revision);
            tables.lists.insert(key, Lists { train: owned(ids.train), test: owned(ids.test) });
        }
        for &pool in Pool::ALL {
            let groups = bundle.duplicate_groups(pool).map(owned).collect();
            tables.duplicates.insert(pool, groups);
            tables.tau.insert(pool, bundle.tau_fit(pool));
        }
        tables
    }
}
