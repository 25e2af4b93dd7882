//! The bundle as bytes: the writing side of `splits::bundle`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use laion_fmri::splits::bundle::{COLUMNS, MAGIC, VERSION, test_column};
use laion_fmri::splits::{Pool, SplitName, SplitRevision, TauFit};
use laion_fmri_base::Sha256;
use zlib_rs::{DeflateConfig, ReturnCode, compress_bound, compress_slice};

use crate::splits::tables::{Key, Tables, keys};

/// The tables in the terms of the format.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) names: Vec<String>,
    /// Positions of the members of each pool, ascending.
    members: Vec<Vec<usize>>,
    ood: Vec<usize>,
    /// For each pool, its test columns over its members.
    columns: Vec<Vec<Vec<bool>>>,
    duplicates: Vec<Vec<Vec<usize>>>,
    tau: Vec<TauFit>,
}

impl Content {
    /// Refuses lists that the format cannot hold: a training list that is not the rest of the pool.
    pub(super) fn of(tables: &Tables) -> Result<Self> {
        for key in keys() {
            ensure!(tables.lists.contains_key(&key), "no lists of {key}");
        }
        let all: BTreeSet<&String> =
            tables.lists.values().flat_map(|lists| lists.train.iter().chain(&lists.test)).collect();
        let positions: BTreeMap<&str, usize> =
            all.iter().enumerate().map(|(position, name)| (name.as_str(), position)).collect();
        let find = |name: &String| {
            let position = positions.get(name.as_str()).copied();
            position.with_context(|| format!("{name:?} is in no list"))
        };
        let mut content = Self::names_only(all.iter().map(|name| (*name).clone()).collect());
        content.ood = Vec::new();
        for (index, &pool) in Pool::ALL.iter().enumerate() {
            let ood = &tables.lists[&Key::of(SplitRevision::R1, pool, SplitName::Ood)];
            let members: Vec<usize> = ood.train.iter().map(find).collect::<Result<_>>()?;
            let outside: Vec<usize> = ood.test.iter().map(find).collect::<Result<_>>()?;
            if index > 0 && outside != content.ood {
                bail!("the test images of ood differ between pools");
            }
            content.ood = outside;
            let mut columns = vec![vec![false; members.len()]; COLUMNS];
            for key in keys().iter().filter(|key| key.pool == pool) {
                let Some(column) = test_column(key.split, key.revision) else { continue };
                columns[column] =
                    column_of(tables, key, &ood.train).with_context(|| key.to_string())?;
            }
            content.columns[index] = columns;
            content.members[index] = members;
            let groups = tables.duplicates.get(&pool).map_or(&[][..], Vec::as_slice);
            content.duplicates[index] = groups
                .iter()
                .map(|group| group.iter().map(find).collect())
                .collect::<Result<_>>()?;
            content.tau[index] =
                *tables.tau.get(&pool).with_context(|| format!("no parameters of tau {pool}"))?;
        }
        Ok(content)
    }

    /// Names, and nothing about them: no member, no test image, no duplicate.
    pub(super) fn names_only(names: Vec<String>) -> Self {
        let pools = Pool::ALL.len();
        let tau = TauFit { tau: 0.0, percentile: 0.0, mmd2_mean: 0.0, ratio_to_random: 0.0 };
        Self {
            names,
            members: vec![Vec::new(); pools],
            ood: Vec::new(),
            columns: vec![vec![Vec::new(); COLUMNS]; pools],
            duplicates: vec![Vec::new(); pools],
            tau: vec![tau; pools],
        }
    }

    /// The whole bundle.
    pub(super) fn encode(&self, provenance: &str) -> Result<Vec<u8>> {
        let payload = self.payload()?;
        let mut bytes = MAGIC.to_vec();
        let numbers = [
            VERSION as usize,
            self.names.len(),
            Pool::ALL.len(),
            COLUMNS,
            payload.len(),
            provenance.len(),
        ];
        for number in numbers {
            bytes.extend(u32::try_from(number)?.to_le_bytes());
        }
        bytes.extend(Sha256::of(&payload).0);
        bytes.extend(provenance.as_bytes());
        let mut compressed = vec![0; compress_bound(payload.len())];
        let (compressed, code) =
            compress_slice(&mut compressed, &payload, DeflateConfig::best_compression());
        ensure!(code == ReturnCode::Ok, "the payload could not be compressed");
        bytes.extend_from_slice(compressed);
        Ok(bytes)
    }

    /// The sections of the format, uncompressed.
    pub(super) fn payload(&self) -> Result<Vec<u8>> {
        let n = self.names.len();
        let mut payload = self.front_coded()?;
        for positions in self.members.iter().chain([&self.ood]) {
            let mut bits = vec![false; n];
            positions.iter().for_each(|&position| bits[position] = true);
            payload.extend(packed(&bits));
        }
        for column in self.columns.iter().flatten() {
            payload.extend(packed(column));
        }
        for groups in &self.duplicates {
            payload.extend(u32::try_from(groups.len())?.to_le_bytes());
            for group in groups {
                payload.extend(u32::try_from(group.len())?.to_le_bytes());
                for &position in group {
                    payload.extend(u32::try_from(position)?.to_le_bytes());
                }
            }
        }
        for tau in &self.tau {
            for float in [tau.tau, tau.percentile, tau.mmd2_mean, tau.ratio_to_random] {
                payload.extend(float.to_le_bytes());
            }
        }
        Ok(payload)
    }

    fn front_coded(&self) -> Result<Vec<u8>> {
        let (mut shared, mut added, mut suffixes) = (Vec::new(), Vec::new(), Vec::new());
        let mut before: &[u8] = &[];
        for name in &self.names {
            let name = name.as_bytes();
            let common = before.iter().zip(name).take_while(|(a, b)| a == b).count();
            let common = common.min(u8::MAX.into());
            shared.push(u8::try_from(common)?);
            added.push(u8::try_from(name.len() - common).context("a name is too long")?);
            suffixes.extend_from_slice(&name[common..]);
            before = name;
        }
        Ok([shared, added, suffixes].concat())
    }
}

/// The test bits of a split over the members of its pool.
fn column_of(tables: &Tables, key: &Key, members: &[String]) -> Result<Vec<bool>> {
    let lists = &tables.lists[key];
    let test: BTreeSet<&String> = lists.test.iter().collect();
    ensure!(test.len() == lists.test.len(), "a test image is listed twice");
    let column: Vec<bool> = members.iter().map(|name| test.contains(name)).collect();
    let found = column.iter().filter(|bit| **bit).count();
    ensure!(found == test.len(), "{} test images are not in the pool", test.len() - found);
    let rest = members.iter().zip(&column).filter(|(_, bit)| !**bit).map(|(name, _)| name);
    ensure!(
        rest.eq(&lists.train),
        "the training list is not the sorted rest of the pool (the training list of ood)"
    );
    Ok(column)
}

fn packed(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8)
        .map(|byte| byte.iter().enumerate().fold(0, |sum, (i, bit)| sum | u8::from(*bit) << i))
        .collect()
}

#[cfg(test)]
mod tests {
    use laion_fmri::splits::{Bundle, BundleError};

    use super::*;

    #[test]
    fn the_bundle_is_what_its_tables_encode_to() {
        let bundle = Bundle::embedded();
        let content = Content::of(&Tables::of(bundle)).unwrap();
        let encoded = content.encode(bundle.provenance()).unwrap();
        let again = Bundle::decode(&encoded).unwrap();
        assert_eq!(again.sha256(), bundle.sha256());
        assert_eq!(Tables::of(&again), Tables::of(bundle));
        assert_eq!(Sha256::of(content.payload().unwrap()), bundle.sha256());
    }

    #[test]
    fn names_alone_are_a_bundle_without_members() {
        let names = ["a", "a ", "ab", "é"].map(str::to_owned).to_vec();
        let bytes = Content::names_only(names.clone()).encode("none").unwrap();
        let bundle = Bundle::decode(&bytes).unwrap();
        assert!(bundle.names().eq(&names));
        assert_eq!(bundle.provenance(), "none");
        assert!(Pool::ALL.iter().all(|pool| bundle.members(*pool).len() == 0));
        assert!(bundle.knows("a ") && !bundle.knows("b"));
    }

    #[test]
    fn names_out_of_order_are_refused_by_the_reader() {
        for names in [["b", "a"], ["a", "a"]] {
            let bytes = Content::names_only(names.map(str::to_owned).to_vec()).encode("").unwrap();
            assert_eq!(Bundle::decode(&bytes).unwrap_err(), BundleError::Order { position: 1 });
        }
    }

    #[test]
    fn lists_that_are_no_partition_are_refused() {
        let whole = Tables::of(Bundle::embedded());
        let key = Key::of(SplitRevision::R1, Pool::Shared, SplitName::Tau);
        let check = |change: &dyn Fn(&mut Tables), expected: &str| {
            let mut tables = whole.clone();
            change(&mut tables);
            let error = format!("{:#}", Content::of(&tables).unwrap_err());
            assert!(error.contains(expected), "{error}");
        };
        check(&|tables| assert!(tables.lists.remove(&key).is_some()), "no lists of r1 shared tau");
        check(
            &|tables| assert!(tables.lists.get_mut(&key).unwrap().train.pop().is_some()),
            "r1 shared tau: the training list is not the sorted rest",
        );
        check(
            &|tables| tables.lists.get_mut(&key).unwrap().test.push("x.jpg".to_owned()),
            "1 test images are not in the pool",
        );
        check(
            &|tables| assert!(tables.tau.remove(&Pool::Sub05).is_some()),
            "no parameters of tau sub-05",
        );
        let ood = Key::of(SplitRevision::R1, Pool::Sub07, SplitName::Ood);
        check(
            &|tables| assert!(tables.lists.get_mut(&ood).unwrap().test.pop().is_some()),
            "the test images of ood differ between pools",
        );
    }
}
