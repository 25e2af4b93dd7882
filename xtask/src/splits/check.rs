//! `cargo xtask splits check`: the proof of the bundle from what the repository holds.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use laion_fmri::splits::{Bundle, Pool, SplitFamily, SplitName, SplitRevision};
use laion_fmri_base::Sha256;

use crate::project::Project;
use crate::splits::content::Content;
use crate::splits::digests::Digests;
use crate::splits::moves::{self, Move};
use crate::splits::tables::{Key, Tables};
use crate::splits::{Files, read_text, regenerate};
use crate::steps::Outcome;

/// The step of `cargo xtask test`.
pub(crate) fn step(project: &Project) -> Result<Outcome> {
    ensure!(run(&Files::of(project))?, "the bundle of splits is not proved");
    Ok(Outcome::Done)
}

/// Prints every proof and what contradicts it; true if nothing does.
pub(crate) fn run(files: &Files) -> Result<bool> {
    let bundle = files.read_bundle()?;
    let digests = Digests::parse(&read_text(&files.digests)?)?;
    let moves = moves::parse(&read_text(&files.moves)?)?;
    let mut proved = true;
    for (title, problems) in prove(&bundle, &digests, &moves)? {
        proved &= problems.is_empty();
        println!("{} {title}", if problems.is_empty() { "ok    " } else { "FAILED" });
        for problem in problems {
            println!("       {problem}");
        }
    }
    Ok(proved)
}

/// What is proved, each with what contradicts it.
fn prove(bundle: &Bundle, digests: &Digests, moves: &[Move]) -> Result<Vec<(String, Vec<String>)>> {
    let tables = Tables::of(bundle);
    let own = Digests::of(&tables);
    let lists = format!("{} lists have their recorded SHA-256", own.len());
    let derived = format!("60 random splits and 6 ood follow from names and {} moves", moves.len());
    Ok(vec![
        ("the payload has the SHA-256 of the header".to_owned(), payload(bundle, &tables)?),
        (lists, own.differences(digests)),
        (derived, derivation(bundle, &tables, moves)?),
        ("training and test images make up the pool".to_owned(), partitions(&tables)),
        ("folds are disjoint, complete and even".to_owned(), folds(&tables)),
        ("ood is the same in every pool".to_owned(), ood(&tables)),
        ("r2 keeps known duplicates together".to_owned(), duplicates(&tables)),
    ])
}

fn payload(bundle: &Bundle, tables: &Tables) -> Result<Vec<String>> {
    let payload = Content::of(tables)?.payload()?;
    let same = Sha256::of(payload) == bundle.sha256();
    Ok(if same { Vec::new() } else { vec!["the digests differ".to_owned()] })
}

/// Derives from a bundle in which everything but the names is blank.
fn derivation(bundle: &Bundle, tables: &Tables, moves: &[Move]) -> Result<Vec<String>> {
    let names = bundle.names().map(str::to_owned).collect();
    let blank = Bundle::decode(&Content::names_only(names).encode("names only")?)?;
    ensure!(
        Pool::ALL.iter().all(|pool| blank.members(*pool).len() == 0),
        "the blank bundle has members"
    );
    let names: Vec<String> = blank.names().map(str::to_owned).collect();
    let derived = match regenerate::derive(&names, moves) {
        Ok(derived) => derived,
        Err(error) => return Ok(vec![format!("{error:#}")]),
    };
    ensure!(derived.len() == 66, "{} splits were derived", derived.len());
    let wrong = derived.iter().filter(|(key, lists)| tables.lists[*key] != **lists);
    Ok(wrong.map(|(key, _)| format!("{key} differs")).collect())
}

fn partitions(tables: &Tables) -> Vec<String> {
    let mut problems = Vec::new();
    for (key, lists) in &tables.lists {
        let pool: Vec<&String> = members(tables, key.pool).iter().collect();
        let mut both: Vec<&String> = lists.train.iter().collect();
        if key.split != SplitName::Ood {
            both.extend(&lists.test);
            both.sort_unstable();
        }
        if both != pool {
            problems.push(format!("{key}: the lists are not the pool"));
        }
        if !lists.train.is_sorted_by(|a, b| a < b) || !lists.test.is_sorted_by(|a, b| a < b) {
            problems.push(format!("{key}: a list is not sorted"));
        }
    }
    problems
}

/// Clusters and the folds of r2 divide the pool; those of r2 and the draws of r1 are a fifth.
fn folds(tables: &Tables) -> Vec<String> {
    let mut problems = Vec::new();
    for &pool in Pool::ALL {
        let n = members(tables, pool).len();
        let mut family = |family: SplitFamily, revision, divides: bool, sizes: &[usize]| {
            let splits = SplitName::ALL.iter().filter(|split| split.family() == family);
            let tests = splits.map(|split| &tables.lists[&Key::of(revision, pool, *split)].test);
            let tests: Vec<&Vec<String>> = tests.collect();
            let total: usize = tests.iter().map(|test| test.len()).sum();
            let distinct: BTreeSet<&String> = tests.iter().copied().flatten().collect();
            if divides && (total != n || distinct.len() != n) {
                problems.push(format!("{revision} {pool} {family}: {total} of {n} images"));
            }
            let wrong = tests.iter().find(|test| !sizes.is_empty() && !sizes.contains(&test.len()));
            if let Some(wrong) = wrong {
                problems.push(format!("{revision} {pool} {family}: a fold of {}", wrong.len()));
            }
        };
        let fifth = (2 * n + 5) / 10;
        family(SplitFamily::Random, SplitRevision::R1, false, &[fifth]);
        family(SplitFamily::Random, SplitRevision::R2, true, &[n / 5, n.div_ceil(5)]);
        family(SplitFamily::ClusterK5, SplitRevision::R1, true, &[]);
        family(SplitFamily::Tau, SplitRevision::R1, false, &[fifth]);
    }
    problems
}

fn ood(tables: &Tables) -> Vec<String> {
    let lists = |pool| &tables.lists[&Key::of(SplitRevision::R1, pool, SplitName::Ood)];
    let first = &lists(Pool::Shared).test;
    let mut problems = Vec::new();
    for &pool in Pool::ALL {
        let inside: BTreeSet<&String> = members(tables, pool).iter().collect();
        if lists(pool).test != *first {
            problems.push(format!("{pool}: other test images than those of the shared pool"));
        }
        if lists(pool).test.iter().any(|name| inside.contains(name)) {
            problems.push(format!("{pool}: an out-of-distribution image is in the pool"));
        }
    }
    problems
}

fn duplicates(tables: &Tables) -> Vec<String> {
    let mut problems = Vec::new();
    for &pool in Pool::ALL {
        let mut fold_of = BTreeMap::new();
        for (fold, split) in SplitName::ALL[..5].iter().enumerate() {
            let lists = &tables.lists[&Key::of(SplitRevision::R2, pool, *split)];
            fold_of.extend(lists.test.iter().map(|name| (name, fold)));
        }
        for group in tables.duplicates.get(&pool).map_or(&[][..], Vec::as_slice) {
            let folds: BTreeSet<_> = group.iter().map(|name| fold_of.get(name)).collect();
            if folds.len() != 1 || folds.contains(&None) {
                problems.push(format!("{pool}: {}: in different folds", group.join(", ")));
            }
        }
    }
    problems
}

/// The images of a pool: the training list of `ood`.
fn members(tables: &Tables, pool: Pool) -> &[String] {
    &tables.lists[&Key::of(SplitRevision::R1, pool, SplitName::Ood)].train
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::splits::digests::sha256;

    fn records() -> (Digests, Vec<Move>) {
        (
            Digests::parse(include_str!("../../splits/digests.tsv")).unwrap(),
            moves::parse(include_str!("../../splits/moves.tsv")).unwrap(),
        )
    }

    #[test]
    fn the_bundle_is_proved() {
        let (digests, moves) = records();
        for (title, problems) in prove(Bundle::embedded(), &digests, &moves).unwrap() {
            assert_eq!(problems, [""; 0], "{title}");
        }
    }

    /// The start of the SHA-256 of each pool, as its publisher states it.
    #[test]
    fn pools_are_those_that_were_published() {
        let starts = [
            "33fb0b2cd8ff79",
            "f4624061195e54",
            "c4ff98234f9dfd",
            "0f7791ea1177d4",
            "5850eb83dc5f09",
            "4bbc9e44efeb28",
        ];
        let tables = Tables::of(Bundle::embedded());
        for (pool, start) in Pool::ALL.iter().zip(starts) {
            let digest = sha256(members(&tables, *pool).join("\n").as_bytes());
            assert!(digest.starts_with(start), "{pool}: {digest}");
        }
    }

    /// Re-encodes changed tables and collects what the proof finds, by its place in the list.
    fn found(change: impl Fn(&mut Tables)) -> Vec<usize> {
        let (digests, moves) = records();
        let mut tables = Tables::of(Bundle::embedded());
        change(&mut tables);
        let bytes = Content::of(&tables).unwrap().encode("changed").unwrap();
        let proofs = prove(&Bundle::decode(&bytes).unwrap(), &digests, &moves).unwrap();
        let failed = proofs.iter().enumerate().filter(|(_, (_, problems))| !problems.is_empty());
        failed.map(|(index, _)| index).collect()
    }

    /// Exchanges a training and a test image of a split.
    fn exchange(tables: &mut Tables, revision: SplitRevision, pool: Pool, split: SplitName) {
        let lists = tables.lists.get_mut(&Key::of(revision, pool, split)).unwrap();
        std::mem::swap(&mut lists.train[0], &mut lists.test[0]);
        lists.train.sort_unstable();
        lists.test.sort_unstable();
    }

    #[test]
    fn one_exchanged_image_is_found() {
        let of = |revision, pool, split| found(|tables| exchange(tables, revision, pool, split));
        // Which of the proofs see it: digests, derivation, folds.
        assert_eq!(of(SplitRevision::R1, Pool::Shared, SplitName::Random3), [1, 2]);
        assert_eq!(of(SplitRevision::R2, Pool::Shared, SplitName::Random3), [1, 2, 4]);
        assert_eq!(of(SplitRevision::R1, Pool::Sub07, SplitName::ClusterK5_2), [1, 4]);
        assert_eq!(of(SplitRevision::R1, Pool::Sub07, SplitName::Tau), [1]);
    }

    #[test]
    fn a_duplicate_apart_is_found() {
        let apart = found(|tables| {
            let groups = tables.duplicates.get_mut(&Pool::Sub01).unwrap();
            let (one, other) = (groups[0][0].clone(), groups[1][0].clone());
            groups.push(vec![one, other]);
        });
        assert_eq!(apart, [6]);
    }

    #[test]
    fn wrong_moves_are_found() {
        let (digests, mut moves) = records();
        moves.pop();
        let proofs = prove(Bundle::embedded(), &digests, &moves).unwrap();
        assert_eq!(proofs[2].1.len(), 1, "{:?}", proofs[2]);
    }
}
