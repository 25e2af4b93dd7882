//! `cargo xtask splits regenerate`: the random splits of both revisions, and `ood`, from names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use laion_fmri::splits::{Pool, SplitName, SplitRevision};

use crate::splits::digests::Digests;
use crate::splits::generator::Generator;
use crate::splits::moves::{self, Move};
use crate::splits::names::{self, Kind};
use crate::splits::tables::{Key, Lists, Tables};
use crate::splits::{Files, read_text, write};

/// The seed of the partition of r2.
const SEED: u64 = 42;
const FOLDS: usize = 5;

/// What to derive from, and where to.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Image names, one a line; by default the names of the bundle
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Write the lists below this folder, as REVISION/POOL/SPLIT.SET.txt with one name a line
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Derives, compares with the recorded digests, and writes; true if all lists are as recorded.
pub(crate) fn run(files: &Files, options: &Options) -> Result<bool> {
    let names: Vec<String> = match &options.names {
        Some(path) => read_text(path)?.lines().map(str::to_owned).collect(),
        None => files.read_bundle()?.names().map(str::to_owned).collect(),
    };
    let moves = moves::parse(&read_text(&files.moves)?)?;
    let lists = derive(&names, &moves)?;
    if let Some(folder) = &options.output {
        for (key, lists) in &lists {
            write_lists(folder, key, lists)?;
        }
    }
    let derived = lists.len() * 2;
    let recorded = Digests::parse(&read_text(&files.digests)?)?;
    let tables = Tables { lists, ..Tables::default() };
    let mut differences = Digests::of(&tables).differences(&recorded);
    differences.retain(|line| tables.lists.keys().any(|key| line.starts_with(&format!("{key} "))));
    for difference in &differences {
        println!("{difference}");
    }
    println!(
        "{} names -> {derived} lists, {} of them not as recorded",
        names.len(),
        differences.len()
    );
    Ok(differences.is_empty())
}

/// The random splits of both revisions and `ood`, of all pools.
pub(super) fn derive(names: &[String], moves: &[Move]) -> Result<BTreeMap<Key, Lists>> {
    let mut kinds: Vec<(&String, Kind)> = names
        .iter()
        .map(|name| {
            let kind = names::kind(name);
            kind.map(|kind| (name, kind)).with_context(|| format!("{name:?} tells no pool"))
        })
        .collect::<Result<_>>()?;
    kinds.sort_unstable_by_key(|(name, _)| *name);
    if let Some(pair) = kinds.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        bail!("{:?} is named twice", pair[0].0);
    }
    let of = |keep: &dyn Fn(Kind) -> bool| -> Vec<&String> {
        kinds.iter().filter(|(_, kind)| keep(*kind)).map(|(name, _)| *name).collect()
    };
    let ood = of(&|kind| kind == Kind::Ood);
    let mut lists = BTreeMap::new();
    for &pool in Pool::ALL {
        let members = of(&|kind| names::belongs(kind, pool));
        let moves: Vec<&Move> = moves.iter().filter(|entry| entry.pool == pool).collect();
        let folds = folds(&members, &moves).with_context(|| format!("pool {pool}"))?;
        for (fold, &split) in SplitName::ALL[..FOLDS].iter().enumerate() {
            let drawn = draw(&members, fold as u64);
            let r1 = divide(&members, |position, _| drawn.contains(&position));
            lists.insert(Key { revision: SplitRevision::R1, pool, split }, r1);
            let r2 = divide(&members, |_, name| folds[name] == fold);
            lists.insert(Key { revision: SplitRevision::R2, pool, split }, r2);
        }
        let owned = |names: &[&String]| names.iter().map(|name| (*name).clone()).collect();
        let key = Key { revision: SplitRevision::R1, pool, split: SplitName::Ood };
        lists.insert(key, Lists { train: owned(&members), test: owned(&ood) });
    }
    Ok(lists)
}

/// Revision r1: a fifth of the pool, rounded half to even, in places.
fn draw(members: &[&String], seed: u64) -> BTreeSet<usize> {
    let n = members.len();
    // A fifth is never half way between two whole numbers, so that rounding to even does not arise.
    let size = (2 * n + FOLDS) / (2 * FOLDS);
    Generator::new(seed).choice(n, size)
}

/// Revision r2: the fold of each image, after the moves.
fn folds<'a>(members: &[&'a String], moves: &[&Move]) -> Result<BTreeMap<&'a String, usize>> {
    let mut shuffled: Vec<&String> = members.to_vec();
    Generator::new(SEED).shuffle(&mut shuffled);
    let (each, larger) = (members.len() / FOLDS, members.len() % FOLDS);
    let mut folds = BTreeMap::new();
    let mut rest = shuffled.into_iter();
    for fold in 0..FOLDS {
        let size = each + usize::from(fold < larger);
        folds.extend(rest.by_ref().take(size).map(|name| (name, fold)));
    }
    let mut change = [0_i64; FOLDS];
    for Move { image_name, old_fold, new_fold, .. } in moves {
        let Some(fold) = folds.get_mut(image_name) else {
            bail!("the move of {image_name:?}: no such image in the pool");
        };
        ensure!(fold == old_fold, "the move of {image_name:?}: fold {fold}, not {old_fold}");
        ensure!(*new_fold < FOLDS, "the move of {image_name:?}: no fold {new_fold}");
        *fold = *new_fold;
        change[*old_fold] -= 1;
        change[*new_fold] += 1;
    }
    ensure!(change == [0; FOLDS], "the moves change the sizes of the folds by {change:?}");
    Ok(folds)
}

fn divide(members: &[&String], is_test: impl Fn(usize, &String) -> bool) -> Lists {
    let mut lists = Lists { train: Vec::new(), test: Vec::new() };
    for (position, name) in members.iter().enumerate() {
        let list = if is_test(position, name) { &mut lists.test } else { &mut lists.train };
        list.push((*name).clone());
    }
    lists
}

fn write_lists(folder: &Path, key: &Key, lists: &Lists) -> Result<()> {
    let folder = folder.join(key.revision.as_str()).join(key.pool.as_str());
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (set, names) in [("train", &lists.train), ("test", &lists.test)] {
        let path = folder.join(format!("{}.{set}.txt", key.split));
        write(&path, names.iter().fold(String::new(), |text, name| text + name + "\n"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("shared_12rep_{i:02}.jpg")).collect()
    }

    fn step(image: usize, old_fold: usize, new_fold: usize) -> Move {
        let image_name = format!("shared_12rep_{image:02}.jpg");
        Move { pool: Pool::Shared, image_name, old_fold, new_fold }
    }

    #[test]
    fn folds_follow_the_shuffle() {
        // numpy shuffles ten images to 5 6 0 7 3 2 4 9 1 8.
        let lists = derive(&names(10), &[]).unwrap();
        let test = |split| {
            let key = Key { revision: SplitRevision::R2, pool: Pool::Shared, split };
            lists[&key].test.clone()
        };
        assert_eq!(test(SplitName::Random0), ["shared_12rep_05.jpg", "shared_12rep_06.jpg"]);
        assert_eq!(test(SplitName::Random1), ["shared_12rep_00.jpg", "shared_12rep_07.jpg"]);
        assert_eq!(test(SplitName::Random4), ["shared_12rep_01.jpg", "shared_12rep_08.jpg"]);
    }

    #[test]
    fn moves_exchange_images() {
        let lists = derive(&names(10), &[step(5, 0, 1), step(0, 1, 0)]).unwrap();
        let key =
            Key { revision: SplitRevision::R2, pool: Pool::Shared, split: SplitName::Random0 };
        assert_eq!(lists[&key].test, ["shared_12rep_00.jpg", "shared_12rep_06.jpg"]);
    }

    #[test]
    fn wrong_moves_are_refused() {
        let check = |moves: &[Move], expected: &str| {
            let error = format!("{:#}", derive(&names(10), moves).unwrap_err());
            assert!(error.contains(expected), "{error}");
        };
        check(&[step(5, 1, 2)], "fold 0, not 1");
        check(&[step(5, 0, 5)], "no fold 5");
        check(&[step(77, 0, 1)], "no such image");
        check(&[step(5, 0, 1)], "change the sizes of the folds by [-1, 1, 0, 0, 0]");
    }

    #[test]
    fn a_name_without_a_pool_and_one_given_twice_are_refused() {
        let error = derive(&["unique_p09.jpg".to_owned()], &[]).unwrap_err();
        assert_eq!(error.to_string(), "\"unique_p09.jpg\" tells no pool");
        let twice = ["shared_a.jpg".to_owned(), "shared_a.jpg".to_owned()];
        let error = derive(&twice, &[]).unwrap_err().to_string();
        assert_eq!(error, "\"shared_a.jpg\" is named twice");
    }
}
