//! `cargo xtask splits import`: the bundle from tables or from the Python package's split files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use laion_fmri::splits::{
    Bundle, Pool, SplitFamily, SplitName, SplitRevision, TauFit, list_splits,
};
use serde_json::Value;

use crate::splits::content::Content;
use crate::splits::digests::Digests;
use crate::splits::moves::{self, Move};
use crate::splits::tables::{Key, Lists, Tables};
use crate::splits::{Files, read_text, write};

/// Stated in the header of the bundle.
const PROVENANCE: &str = "\
Image names and lists of the train/test splits of LAION-fMRI, as published with its Python package laion_fmri. \
Revision r1: the package of 2026-05 (five independent draws, numpy default_rng(0..4)). \
Revision r2: the package of 2026-09-28 (five folds of a shuffle with default_rng(42), and 66 reviewed moves). \
cluster_k5 and tau: computed from image features by the publishers, the same in both. Licence: CC0 1.0.";

/// What to build the bundle from.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A folder with r1/ and r2/, each with POOL.csv, or with the package's POOL/SPLIT.json files
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Record the digests and the moves of what was read, instead of comparing with the records
    #[arg(long)]
    record: bool,
}

/// Reads what the folder has, takes the rest from the bundle there is, and writes the new one.
pub(crate) fn run(files: &Files, options: &Options) -> Result<bool> {
    // Without a bundle, or with one of another version, the folder has to have everything.
    let mut tables =
        files.read_bundle().map_or_else(|_| Tables::default(), |bundle| Tables::of(&bundle));
    let found = read(&options.folder)?;
    ensure!(!found.tables.lists.is_empty(), "{}: no lists", options.folder.display());
    println!("{} lists read", 2 * found.tables.lists.len());
    tables.lists.extend(found.tables.lists);
    tables.duplicates.extend(found.tables.duplicates);
    tables.tau.extend(found.tables.tau);
    for pool in Pool::ALL {
        tables.duplicates.entry(*pool).or_default();
    }
    let bytes = Content::of(&tables)?.encode(PROVENANCE)?;
    let bundle = Bundle::decode(&bytes)?;
    ensure!(Tables::of(&bundle) == tables, "the bundle does not give back what was read");
    let digests = Digests::of(&tables);
    if options.record {
        write(&files.digests, digests.to_text())?;
        if let Some(found) = found.moves {
            write(&files.moves, moves::to_text(&found))?;
        }
    } else {
        let recorded = Digests::parse(&read_text(&files.digests)?)?;
        let differences = digests.differences(&recorded);
        if !differences.is_empty() {
            differences.iter().for_each(|line| println!("{line}"));
            println!("nothing was written; --record takes these lists over");
            return Ok(false);
        }
    }
    write(&files.bundle, &bytes)?;
    println!("{} names, {} bytes: {}", bundle.names().len(), bytes.len(), files.bundle.display());
    Ok(true)
}

/// What a folder has.
#[derive(Debug, Default)]
struct Found {
    tables: Tables,
    moves: Option<Vec<Move>>,
}

fn read(folder: &Path) -> Result<Found> {
    let mut found = Found::default();
    for (folder, revision) in [
        (folder.to_owned(), None),
        (folder.join("r1"), Some(SplitRevision::R1)),
        (folder.join("r2"), Some(SplitRevision::R2)),
    ] {
        for &pool in Pool::ALL {
            let table = folder.join(format!("{pool}.csv"));
            if let Some(revision) = revision.filter(|_| table.is_file()) {
                let lists = read_csv(&table).with_context(|| table.display().to_string())?;
                for (split, lists) in lists {
                    found.insert(Key::of(revision, pool, split), lists)?;
                }
            }
            for &split in list_splits(Some(pool)) {
                let file = folder.join(pool.as_str()).join(format!("{split}.json"));
                if file.is_file() {
                    found
                        .insert_file(pool, split, revision, &json(&file)?)
                        .with_context(|| file.display().to_string())?;
                }
            }
        }
        found.insert_records(&folder)?;
    }
    Ok(found)
}

impl Found {
    fn insert(&mut self, key: Key, lists: Lists) -> Result<()> {
        match self.tables.lists.insert(key, lists.clone()) {
            Some(before) if before != lists => bail!("two different lists of {key}"),
            _ => Ok(()),
        }
    }

    /// A split file of the package; its own parameters say which revision it is of.
    fn insert_file(
        &mut self,
        pool: Pool,
        split: SplitName,
        folder: Option<SplitRevision>,
        file: &Value,
    ) -> Result<()> {
        let revision = match file["params"]["method"].as_str() {
            Some("uniform_random") => SplitRevision::R1,
            Some("shuffled_5fold_cv") => SplitRevision::R2,
            _ if split.family() != SplitFamily::Random => SplitRevision::R1,
            other => bail!("method {other:?} of a random split"),
        };
        if split.family() == SplitFamily::Random && folder.is_some_and(|folder| folder != revision)
        {
            bail!("a split of {revision} in the folder of another revision");
        }
        if split == SplitName::Tau {
            self.tables.tau.insert(pool, tau_fit(&file["params"])?);
        }
        let variant = &file["variants"][0];
        let lists = Lists::sorted(strings(&variant["train_ids"])?, strings(&variant["test_ids"])?);
        self.insert(Key::of(revision, pool, split), lists)
    }

    /// What stands beside the lists: parameters, duplicates and moves.
    fn insert_records(&mut self, folder: &Path) -> Result<()> {
        let optional = |name: &str| -> Result<Option<Value>> {
            let path = folder.join(name);
            if path.is_file() { json(&path).map(Some) } else { Ok(None) }
        };
        if let Some(params) = optional("params.json")? {
            for entry in params.as_array().context("params.json: no list")? {
                if entry["name"] == "tau" {
                    let pool: Pool = text(&entry["pool"])?.parse()?;
                    self.tables.tau.insert(pool, tau_fit(&entry["params"])?);
                }
            }
        }
        if let Some(duplicates) = optional("duplicate_groups.json")? {
            for (pool, groups) in duplicates.as_object().context("duplicate groups: no object")? {
                let groups = groups.as_array().context("duplicate groups: no list")?;
                let mut groups: Vec<Vec<String>> =
                    groups.iter().map(strings).collect::<Result<_>>()?;
                groups.iter_mut().for_each(|group| group.sort_unstable());
                groups.sort_unstable();
                self.tables.duplicates.insert(pool.parse()?, groups);
            }
        }
        if let Some(changes) = optional("random_fold_changes.json")? {
            self.moves = Some(read_moves(&changes)?);
        }
        Ok(())
    }
}

/// A table with `image_name` and one column for each split, with `train`, `test` or nothing.
fn read_csv(path: &Path) -> Result<BTreeMap<SplitName, Lists>> {
    let mut reader = csv::Reader::from_path(path)?;
    let mut lists: Vec<(SplitName, Vec<String>, Vec<String>)> = Vec::new();
    let headers = reader.headers()?.clone();
    ensure!(headers.get(0) == Some("image_name"), "the first column is not image_name");
    for column in headers.iter().skip(1) {
        lists.push((column.parse()?, Vec::new(), Vec::new()));
    }
    for row in reader.records() {
        let row = row?;
        let name = &row[0];
        for ((split, train, test), side) in lists.iter_mut().zip(row.iter().skip(1)) {
            match side {
                "train" => train.push(name.to_owned()),
                "test" => test.push(name.to_owned()),
                "" => {}
                other => bail!("{name:?} is {other:?} in {split}"),
            }
        }
    }
    Ok(lists.into_iter().map(|(split, train, test)| (split, Lists::sorted(train, test))).collect())
}

fn read_moves(changes: &Value) -> Result<Vec<Move>> {
    let mut moves = Vec::new();
    for (pool, entries) in changes.as_object().context("fold changes: no object")? {
        for entry in entries.as_array().context("fold changes: no list")? {
            let fold = |key: &str| -> Result<usize> {
                let fold = entry[key].as_u64().with_context(|| format!("fold changes: {key}"))?;
                Ok(usize::try_from(fold)?)
            };
            moves.push(Move {
                pool: pool.parse()?,
                image_name: text(&entry["image_id"])?.to_owned(),
                old_fold: fold("old_fold")?,
                new_fold: fold("new_fold")?,
            });
        }
    }
    Ok(moves)
}

fn tau_fit(params: &Value) -> Result<TauFit> {
    let selection = &params["adaptive_selection"];
    let float =
        |key: &str| selection[key].as_f64().with_context(|| format!("adaptive_selection.{key}"));
    Ok(TauFit {
        tau: float("tau")?,
        percentile: float("percentile")?,
        mmd2_mean: float("mmd2_mean")?,
        ratio_to_random: float("ratio_to_random")?,
    })
}

fn json(path: &Path) -> Result<Value> {
    serde_json::from_str(&read_text(path)?).with_context(|| path.display().to_string())
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

fn strings(value: &Value) -> Result<Vec<String>> {
    let list = value.as_array().context("no list of names")?;
    list.iter().map(|name| text(name).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the lists of the bundle in the layout of the Python package, one revision.
    fn write_package(folder: &Path, tables: &Tables, revision: SplitRevision) {
        for &pool in Pool::ALL {
            std::fs::create_dir_all(folder.join(pool.as_str())).unwrap();
            for &split in list_splits(Some(pool)) {
                let lists = &tables.lists[&Key::of(revision, pool, split)];
                let method = match (split.family(), revision) {
                    (SplitFamily::Random, SplitRevision::R1) => "uniform_random",
                    (SplitFamily::Random, SplitRevision::R2) => "shuffled_5fold_cv",
                    _ => "other",
                };
                let TauFit { tau, percentile, mmd2_mean, ratio_to_random } = tables.tau[&pool];
                let file = serde_json::json!({
                    "name": split.as_str(),
                    "pool": "a label that is not the pool",
                    "params": {"method": method, "adaptive_selection": {
                        "tau": tau, "percentile": percentile, "mmd2_mean": mmd2_mean,
                        "ratio_to_random": ratio_to_random}},
                    "variants": [{"variant_id": 0, "train_ids": lists.train,
                        "test_ids": lists.test.iter().rev().collect::<Vec<_>>()}],
                });
                let path = folder.join(pool.as_str()).join(format!("{split}.json"));
                std::fs::write(path, file.to_string()).unwrap();
            }
        }
    }

    fn files(folder: &Path) -> Files {
        let files = Files {
            bundle: folder.join("splits.bundle"),
            digests: folder.join("digests.tsv"),
            moves: folder.join("moves.tsv"),
        };
        std::fs::write(&files.digests, include_str!("../../splits/digests.tsv")).unwrap();
        files
    }

    #[test]
    fn files_of_the_package_give_the_same_bundle() {
        let scratch = tempfile::tempdir().unwrap();
        let files = files(scratch.path());
        let tables = Tables::of(Bundle::embedded());
        let package = scratch.path().join("package");
        write_package(&package.join("r1"), &tables, SplitRevision::R1);
        write_package(&package, &tables, SplitRevision::R2);
        let duplicates = serde_json::json!(
            tables
                .duplicates
                .iter()
                .map(|(pool, groups)| (pool.as_str(), groups))
                .collect::<BTreeMap<_, _>>()
        );
        std::fs::write(package.join("duplicate_groups.json"), duplicates.to_string()).unwrap();
        let options = Options { folder: package.clone(), record: false };
        assert!(run(&files, &options).unwrap());
        let written = files.read_bundle().unwrap();
        assert_eq!(written.sha256(), Bundle::embedded().sha256());
        assert_eq!(written.provenance(), Bundle::embedded().provenance());

        // A list that is not as recorded is refused, and the bundle stays as it is.
        let path = package.join("shared/random_0.json");
        let other = std::fs::read_to_string(package.join("shared/random_1.json")).unwrap();
        std::fs::write(path, other).unwrap();
        let before = std::fs::read(&files.bundle).unwrap();
        assert!(!run(&files, &options).unwrap());
        assert_eq!(std::fs::read(&files.bundle).unwrap(), before);
    }

    #[test]
    fn tables_are_read_by_their_columns() {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::create_dir(scratch.path().join("r2")).unwrap();
        let path = scratch.path().join("r2/shared.csv");
        let check = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(scratch.path())
        };
        let found = check("image_name,random_1\nb.jpg,train\na .jpg,train\nc.jpg,test\nd.jpg,\n");
        let key = Key::of(SplitRevision::R2, Pool::Shared, SplitName::Random1);
        let lists = &found.unwrap().tables.lists[&key];
        assert_eq!(
            (&lists.train[..], &lists.test[..]),
            (&["a .jpg".to_owned(), "b.jpg".to_owned()][..], &["c.jpg".to_owned()][..])
        );
        for text in ["image_name,random_9\n", "label,tau\n", "image_name,tau\na.jpg,maybe\n"] {
            assert!(check(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_empty_folder_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let options = Options { folder: scratch.path().to_owned(), record: true };
        let error = run(&files(scratch.path()), &options).unwrap_err().to_string();
        assert!(error.ends_with(": no lists"), "{error}");
    }
}
