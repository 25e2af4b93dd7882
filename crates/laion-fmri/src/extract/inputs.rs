//! The files that an extraction read, by size and content.

use laion_fmri_base::Sha256;
use serde::{Deserialize, Serialize};

use super::text;
use crate::InputRecord;

/// A file that was read: its place in the bucket's layout, and what it held.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecipeInput {
    /// The path below the root of the mirror, in its spelling.
    pub path: String,
    /// Bytes as stored.
    pub size: u64,
    /// SHA-256 of the bytes as stored.
    #[serde(with = "text")]
    pub sha256: Sha256,
}

impl From<InputRecord> for RecipeInput {
    fn from(record: InputRecord) -> Self {
        Self { path: record.relative, size: record.size, sha256: record.sha256 }
    }
}

/// One list of what several tasks read; a file that was not the same for all is named.
pub(super) fn joined(
    lists: impl IntoIterator<Item = Vec<RecipeInput>>,
) -> Result<Vec<RecipeInput>, RecipeInput> {
    let mut inputs: Vec<RecipeInput> = lists.into_iter().flatten().collect();
    inputs.sort();
    inputs.dedup();
    match inputs.windows(2).find(|pair| pair[0].path == pair[1].path) {
        Some(pair) => Err(pair[1].clone()),
        None => Ok(inputs),
    }
}

/// How two lists differ, in words.
pub(super) fn differences(expected: &[RecipeInput], got: &[RecipeInput]) -> Vec<String> {
    let find = |list: &'_ [RecipeInput], path: &str| -> Option<RecipeInput> {
        list.iter().find(|input| input.path == path).cloned()
    };
    let mut differences = Vec::new();
    for input in expected {
        match find(got, &input.path) {
            None => differences.push(format!("{} was read then, but not now", input.path)),
            Some(now) if now.size != input.size => differences.push(format!(
                "{} has a different size (expected {}, got {})",
                input.path, input.size, now.size
            )),
            Some(now) if now.sha256 != input.sha256 => differences.push(format!(
                "{} has different content (SHA-256: expected {}, got {})",
                input.path, input.sha256, now.sha256
            )),
            Some(_) => {}
        }
    }
    let added = got.iter().filter(|input| find(expected, &input.path).is_none());
    differences.extend(added.map(|input| format!("{} is read now, but was not then", input.path)));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, size: u64, byte: u8) -> RecipeInput {
        RecipeInput { path: path.to_owned(), size, sha256: Sha256([byte; 32]) }
    }

    #[test]
    fn lists_join_unless_a_file_changed() {
        let (a, b) = (input("a", 1, 0xaa), input("b", 2, 0xbb));
        let list = joined([vec![b.clone(), a.clone()], vec![a.clone()]]).unwrap();
        assert_eq!(list, [a.clone(), b]);
        assert_eq!(joined([vec![a.clone()], vec![input("a", 1, 0xcc)]]), Err(input("a", 1, 0xcc)));
    }

    #[test]
    fn differences_name_file_and_values() {
        let then = [input("a", 1, 0xaa), input("b", 2, 0xbb), input("c", 3, 0xcc)];
        let now = [input("a", 9, 0xaa), input("b", 2, 0xb0), input("d", 4, 0xdd)];
        assert_eq!(differences(&then, &then), Vec::<String>::new());
        assert_eq!(
            differences(&then, &now),
            [
                "a has a different size (expected 1, got 9)",
                &format!(
                    "b has different content (SHA-256: expected {}, got {})",
                    Sha256([0xbb; 32]),
                    Sha256([0xb0; 32])
                ),
                "c was read then, but not now",
                "d is read now, but was not then",
            ]
        );
    }
}
