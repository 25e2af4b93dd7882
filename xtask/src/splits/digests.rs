//! The recorded SHA-256 of every list, of its names joined by line feeds.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Result, bail};
use laion_fmri_base::Sha256;

use crate::splits::tables::{Key, Lists, Tables, keys};

const COLUMNS: &str = "revision\tpool\tsplit\tset\tn\tsha256";

/// The length and the digest of the lists of each split, training before test.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Digests {
    lists: BTreeMap<Key, [Recorded; 2]>,
}

/// A list as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Recorded {
    n: usize,
    sha256: String,
}

const SETS: [&str; 2] = ["train", "test"];

impl Digests {
    pub(super) fn of(tables: &Tables) -> Self {
        let recorded = |names: &Vec<String>| Recorded {
            n: names.len(),
            sha256: sha256(names.join("\n").as_bytes()),
        };
        let of_split = |lists: &Lists| [recorded(&lists.train), recorded(&lists.test)];
        Self { lists: tables.lists.iter().map(|(key, lists)| (*key, of_split(lists))).collect() }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(COLUMNS) {
            bail!("the first line has to be {COLUMNS:?}");
        }
        let mut digests = Self::default();
        for line in lines {
            let fields: Vec<&str> = line.split('\t').collect();
            let [revision, pool, split, set, n, sha256] = fields[..] else {
                bail!("{line:?} has not six columns");
            };
            let key =
                Key { revision: revision.parse()?, pool: pool.parse()?, split: split.parse()? };
            let Some(set_index) = SETS.iter().position(|known| *known == set) else {
                bail!("{line:?}: neither train nor test");
            };
            let recorded = &mut digests.lists.entry(key).or_default()[set_index];
            if *recorded != Recorded::default() {
                bail!("{line:?}: recorded twice");
            }
            *recorded = Recorded { n: n.parse()?, sha256: sha256.to_owned() };
        }
        Ok(digests)
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{COLUMNS}\n");
        for (key, lists) in &self.lists {
            for (set, Recorded { n, sha256 }) in SETS.iter().zip(lists) {
                let Key { revision, pool, split } = key;
                // Writing to a text does not fail.
                let _ = writeln!(text, "{revision}\t{pool}\t{split}\t{set}\t{n}\t{sha256}");
            }
        }
        text
    }

    /// The number of lists.
    pub(super) fn len(&self) -> usize {
        2 * self.lists.len()
    }

    /// The lists that are not as recorded, or that only one side has.
    pub(super) fn differences(&self, recorded: &Self) -> Vec<String> {
        let none = [Recorded::default(), Recorded::default()];
        let mut differences = Vec::new();
        for key in keys() {
            let expected = recorded.lists.get(&key).unwrap_or(&none);
            let got = self.lists.get(&key).unwrap_or(&none);
            for (set, (expected, got)) in SETS.iter().zip(expected.iter().zip(got)) {
                if expected != got || got.sha256.is_empty() {
                    differences.push(format!(
                        "{key} {set}: expected {} names with SHA-256 {:?}, got {} with {:?}",
                        expected.n, expected.sha256, got.n, got.sha256
                    ));
                }
            }
        }
        differences
    }
}

/// A SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::of(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_digests_undo_each_other() {
        let text = include_str!("../../splits/digests.tsv");
        let digests = Digests::parse(text).unwrap();
        assert_eq!(digests.len(), 204);
        assert_eq!(digests.to_text(), text);
        assert_eq!(digests.differences(&digests), [""; 0]);
    }

    #[test]
    fn a_changed_and_a_missing_list_are_named() {
        let text = include_str!("../../splits/digests.tsv");
        let recorded = Digests::parse(text).unwrap();
        let changed = text.replacen("\t897\t", "\t898\t", 1);
        let changed = Digests::parse(&changed).unwrap().differences(&recorded);
        assert_eq!(changed.len(), 1);
        assert!(changed[0].starts_with("r1 shared random_0 train: expected 897 "), "{changed:?}");
        assert_eq!(Digests::default().differences(&recorded).len(), 204);
        assert_eq!(Digests::default().differences(&Digests::default()).len(), 204);
    }

    #[test]
    fn other_files_are_refused() {
        for text in ["", "a\tb\n", &format!("{COLUMNS}\nr1\tshared\n")] {
            assert!(Digests::parse(text).is_err(), "{text:?}");
        }
        let line = "r1\tshared\ttau\ttrain\t1\tab\n";
        assert!(Digests::parse(&format!("{COLUMNS}\n{line}")).is_ok());
        assert!(Digests::parse(&format!("{COLUMNS}\n{line}{line}")).is_err());
        assert!(Digests::parse(&format!("{COLUMNS}\n{}", line.replace("train", "x"))).is_err());
    }

    #[test]
    fn digests_are_those_of_the_standard() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
    }
}
