//! The bundled tables: one sorted table of image names and bit columns over it.
//!
//! # Where the bytes come from
//!
//! `data/splits.bundle` is written by `cargo xtask splits import DIR` from tables of the published
//! lists and is never edited by hand. `cargo xtask splits check` proves it from what the repository
//! holds. It compares every list with its recorded SHA-256. It derives both revisions of the random
//! family, and `ood`, from nothing but the image names, the recorded moves and the constants of
//! numpy's generator, and compares. To rebuild it, run `import` with a folder that has
//! `r1/POOL.csv` and `r2/POOL.csv`, or with the folder of split files of the Python package.
//!
//! # Format, version 1
//!
//! All numbers are little-endian. The header:
//!
//! | offset | bytes | content |
//! |---|---|---|
//! | 0 | 8 | `LFSPLITS` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | number of names, n |
//! | 16 | 4 | number of pools, 6, in the order of [`Pool::ALL`] |
//! | 20 | 4 | number of test columns of a pool, 16 |
//! | 24 | 4 | bytes of the payload |
//! | 28 | 4 | bytes of the provenance, p |
//! | 32 | 32 | SHA-256 of the payload |
//! | 64 | p | provenance, UTF-8 |
//! | 64 + p | | the payload as a zlib stream |
//!
//! The payload is a sequence of sections without padding, except that a bit column fills whole
//! bytes: bit i is bit `i % 8` of byte `i / 8`, and the bits after the last one are 0.
//!
//! 1. For each name, one byte: how many bytes it has in common with the start of the name before.
//! 2. For each name, one byte: how many bytes follow.
//! 3. These bytes, one name after the other. The names are UTF-8, sorted by their bytes.
//! 4. Seven bit columns of n bits: the members of each pool, then the out-of-distribution images.
//! 5. For each pool with m members, 16 bit columns of m bits, the test images: `random_0` to
//!    `random_4` of r1, `cluster_k5_0` to `cluster_k5_4`, `tau`, `random_0` to `random_4` of r2.
//! 6. For each pool, the groups of known duplicates: their number (4 bytes), and for each its size
//!    and the positions of its names in the table (4 bytes each).
//! 7. For each pool, four float64 about `tau`: threshold, percentile, mean squared MMD, and its
//!    ratio to that of random subsets.
//!
//! The training images of a split are the members that are not test images; those of `ood` are all
//! members.

mod bytes;
mod decode;
mod error;

use std::hash::BuildHasher;
use std::sync::OnceLock;

use hashbrown::{DefaultHashBuilder, HashTable};
use laion_fmri_base::Sha256;

use crate::ids::TrainTestIds;
use crate::ood_type::OodType;
use crate::pool::Pool;
use crate::revision::SplitRevision;
use crate::split_name::{SplitFamily, SplitName};

pub use self::error::BundleError;

/// The first bytes of a bundle.
pub const MAGIC: &[u8; 8] = b"LFSPLITS";

/// The version of the format that is read.
pub const VERSION: u32 = 1;

/// The number of test columns of a pool.
pub const COLUMNS: usize = 16;

const EMBEDDED: &[u8] = include_bytes!("../data/splits.bundle");

/// The decoded tables.
#[derive(Debug)]
pub struct Bundle {
    provenance: String,
    sha256: Sha256,
    names: Names,
    pools: Vec<PoolTable>,
    /// Positions of the OOD images, ascending.
    ood: Vec<(u32, OodType)>,
    /// The position of each name, built when labels are first looked up.
    index: OnceLock<(DefaultHashBuilder, HashTable<u32>)>,
}

/// The sorted names, one after the other.
#[derive(Debug)]
struct Names {
    text: String,
    /// Where each name ends in the text.
    ends: Vec<u32>,
}

/// What the bundle holds about one pool.
#[derive(Debug)]
struct PoolTable {
    /// Positions of the names, ascending.
    members: Vec<u32>,
    /// The test images as bits over the members.
    columns: Vec<Vec<u8>>,
    duplicates: Vec<Vec<u32>>,
    tau: TauFit,
}

/// How the `tau` split of a pool was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TauFit {
    /// Test images are farther than this from every other image of the pool.
    pub tau: f64,
    /// The percentile of the distances that the threshold is.
    pub percentile: f64,
    /// Squared maximum mean discrepancy between the test set and the pool, mean over the spaces.
    pub mmd2_mean: f64,
    /// The same, relative to random subsets of the same size.
    pub ratio_to_random: f64,
}

impl Bundle {
    /// The bundle of this crate, decoded when first asked for and kept.
    pub fn embedded() -> &'static Self {
        static DECODED: OnceLock<Bundle> = OnceLock::new();
        DECODED.get_or_init(|| {
            // INVARIANT: the bytes are a constant of the crate, and its tests decode just these.
            Self::decode(EMBEDDED).expect("the bundle of the crate is whole")
        })
    }

    /// The bytes that [`embedded`](Self::embedded) decodes.
    pub fn embedded_bytes() -> &'static [u8] {
        EMBEDDED
    }

    /// Decodes a bundle in the format of [this module](self).
    ///
    /// Every count and length is checked before it is used, and the payload is compared with the
    /// SHA-256 of the header.
    ///
    /// # Errors
    ///
    /// [`BundleError`] with what was expected and what is there.
    pub fn decode(bytes: &[u8]) -> Result<Self, BundleError> {
        decode::decode(bytes)
    }

    /// Where the tables come from, a sentence for each source.
    pub fn provenance(&self) -> &str {
        &self.provenance
    }

    /// The SHA-256 of the payload.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// All image names, sorted by their bytes.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.names.ends.len()).map(|position| self.names.get(position as u32))
    }

    /// Whether the table has this name, spelled exactly so.
    pub fn knows(&self, label: &str) -> bool {
        self.position(label).is_some()
    }

    /// The names of a pool, sorted by their bytes. Out-of-distribution images are in none.
    pub fn members(&self, pool: Pool) -> impl ExactSizeIterator<Item = &str> {
        self.table(pool).members.iter().map(|&position| self.names.get(position))
    }

    /// The lists of a split, each sorted by bytes.
    pub fn train_test_ids(
        &self,
        split: SplitName,
        pool: Pool,
        revision: SplitRevision,
    ) -> TrainTestIds<'_> {
        let table = self.table(pool);
        let Some(column) = test_column(split, revision) else {
            let ood = self.ood.iter().map(|(position, _)| self.names.get(*position));
            return TrainTestIds { train: self.members(pool).collect(), test: ood.collect() };
        };
        let mut ids = TrainTestIds { train: Vec::new(), test: Vec::new() };
        let bits = &table.columns[column];
        for (member, &position) in table.members.iter().enumerate() {
            let list = if bytes::bit(bits, member) { &mut ids.test } else { &mut ids.train };
            list.push(self.names.get(position));
        }
        ids
    }

    /// The groups of images of a pool that are known to show the same, sorted by their first names.
    pub fn duplicate_groups(&self, pool: Pool) -> impl ExactSizeIterator<Item = Vec<&str>> {
        let name = |&position: &u32| self.names.get(position);
        self.table(pool).duplicates.iter().map(move |group| group.iter().map(name).collect())
    }

    /// How the `tau` split of a pool was chosen.
    pub fn tau_fit(&self, pool: Pool) -> TauFit {
        self.table(pool).tau
    }

    /// The sizes of the lists of a split, without collecting them.
    pub(crate) fn sizes(&self, split: SplitName, pool: Pool, revision: SplitRevision) -> Sizes {
        let table = self.table(pool);
        let all = table.members.len();
        match test_column(split, revision) {
            None => Sizes { train: all, test: self.ood.len() },
            Some(column) => {
                let test = bytes::count_ones(&table.columns[column]);
                Sizes { train: all - test, test }
            }
        }
    }

    /// The type of each out-of-distribution image, in the order of the test list of `ood`.
    pub(crate) fn ood_types(&self) -> impl Iterator<Item = OodType> {
        self.ood.iter().map(|(_, kind)| *kind)
    }

    /// The side of every name in a split.
    pub(crate) fn sides(
        &self,
        split: SplitName,
        pool: Pool,
        revision: SplitRevision,
        keeps: impl Fn(OodType) -> bool,
    ) -> Vec<Side> {
        let mut sides = vec![Side::Neither; self.names.ends.len()];
        let table = self.table(pool);
        let bits = test_column(split, revision).map(|column| &table.columns[column]);
        for (member, &position) in table.members.iter().enumerate() {
            let test = bits.is_some_and(|bits| bytes::bit(bits, member));
            sides[position as usize] = if test { Side::Test } else { Side::Train };
        }
        if bits.is_none() {
            for (position, _) in self.ood.iter().filter(|(_, kind)| keeps(*kind)) {
                sides[*position as usize] = Side::Test;
            }
        }
        sides
    }

    /// The position of a name in the table. Bisection would need no index, but takes seven times as
    /// long for the labels of a subject.
    pub(crate) fn position(&self, label: &str) -> Option<usize> {
        let (hasher, index) = self.index.get_or_init(|| {
            let hasher = DefaultHashBuilder::default();
            let mut index = HashTable::with_capacity(self.names.ends.len());
            for (position, name) in self.names().enumerate() {
                let hash = |&position: &u32| hasher.hash_one(self.names.get(position));
                index.insert_unique(hasher.hash_one(name), position as u32, hash);
            }
            (hasher, index)
        });
        let found =
            index.find(hasher.hash_one(label), |&position| self.names.get(position) == label);
        found.map(|&position| position as usize)
    }

    fn table(&self, pool: Pool) -> &PoolTable {
        &self.pools[pool as usize]
    }
}

/// Numbers of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) train: usize,
    pub(crate) test: usize,
}

/// Where an image is in a split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Neither,
    Train,
    Test,
}

/// The test column of a split; `ood` has none, since it is stated by a rule.
pub fn test_column(split: SplitName, revision: SplitRevision) -> Option<usize> {
    let fold = split.fold().unwrap_or(0);
    match (split.family(), revision) {
        (SplitFamily::Random, SplitRevision::R1) => Some(fold),
        (SplitFamily::ClusterK5, _) => Some(5 + fold),
        (SplitFamily::Tau, _) => Some(10),
        (SplitFamily::Random, SplitRevision::R2) => Some(11 + fold),
        (SplitFamily::Ood, _) => None,
    }
}

impl Names {
    fn get(&self, position: u32) -> &str {
        let position = position as usize;
        let start = position.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[position] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_but_ood_has_its_own_column() {
        let mut columns: Vec<usize> = SplitName::ALL
            .iter()
            .filter_map(|split| test_column(*split, SplitRevision::R1))
            .chain((0..5).filter_map(|fold| test_column(SplitName::ALL[fold], SplitRevision::R2)))
            .collect();
        columns.sort_unstable();
        assert_eq!(columns, (0..COLUMNS).collect::<Vec<_>>());
        assert_eq!(test_column(SplitName::Ood, SplitRevision::R2), None);
        let both = [SplitRevision::R1, SplitRevision::R2].map(|r| test_column(SplitName::Tau, r));
        assert_eq!(both, [Some(10), Some(10)]);
    }

    #[test]
    fn labels_are_found_as_spelled() {
        let bundle = Bundle::embedded();
        for (position, name) in bundle.names().enumerate() {
            assert_eq!(bundle.position(name), Some(position));
            for other in [&name[1..], &format!("{name} "), &name.to_uppercase()] {
                assert_eq!(bundle.position(other), None, "{other:?}");
            }
        }
        assert!(!bundle.knows(""));
    }

    #[test]
    fn pools_are_numbered_in_the_order_of_the_format() {
        for (position, pool) in Pool::ALL.iter().enumerate() {
            assert_eq!(*pool as usize, position);
        }
    }
}
