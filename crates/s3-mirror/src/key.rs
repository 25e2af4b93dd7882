//! Names that are safe to ask for and safe to write: [`Key`] and [`RelativePath`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Longest key S3 accepts, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1024;

/// Longest part between two slashes that common file systems accept, in bytes of UTF-8.
pub const MAX_PART_BYTES: usize = 255;

/// The name of an object, relative to its bucket.
///
/// A `Key` is never empty, has at most [`MAX_KEY_BYTES`] bytes, and its parts (split at `/`) are
///
/// * not empty, so it neither starts nor ends with `/` nor contains `//`,
/// * not `.` or `..`,
/// * free of control characters and backslashes,
/// * at most [`MAX_PART_BYTES`] bytes long.
///
/// Everything else is allowed and kept byte for byte: spaces, `+`, `#`, `%`, letters of any script.
/// A store can hold keys outside these rules; a listing reports them as [`InvalidKey`].
///
/// ```
/// use s3_mirror::{Key, KeyProblem};
///
/// let key: Key = "sub-01/mri/aparc+aseg.mgz".parse()?;
/// assert_eq!(key.file_name(), "aparc+aseg.mgz");
///
/// let refused = "sub-01/../../etc/passwd".parse::<Key>().unwrap_err();
/// assert_eq!(refused.reason, KeyProblem::RelativePart { part: "..".to_owned() });
/// # Ok::<(), s3_mirror::InvalidKey>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Checks `key` against the rules of the type.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] with the first rule that is broken.
    pub fn new(key: impl Into<String>) -> Result<Self, InvalidKey> {
        validate(key.into()).map(Self)
    }

    /// The key as it is sent to the store, before any percent-encoding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last `/`.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The parts between the slashes; there is at least one.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

/// Where an object lands, relative to the root of the mirror, with `/` between the parts on every
/// platform.
///
/// The rules are those of [`Key`], so joining a `RelativePath` to a directory always stays below
/// that directory as long as no part is a symbolic link; [`transfer`](crate::transfer) checks the
/// links.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(String);

impl RelativePath {
    /// Checks `path` against the rules of the type.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] with the first rule that is broken.
    pub fn new(path: impl Into<String>) -> Result<Self, InvalidKey> {
        validate(path.into()).map(Self)
    }

    /// The path with `/` between its parts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last `/`.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The parts between the slashes; there is at least one.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The file below `root`.
    #[must_use]
    pub fn below(&self, root: &Path) -> PathBuf {
        // Paths are made by the hundred for each question to a mirror: one allocation each.
        let mut path = PathBuf::with_capacity(root.as_os_str().len() + 1 + self.0.len());
        path.push(root);
        path.extend(self.parts());
        path
    }

    /// The directories that hold this path, outermost first: `a` and `a/b` for `a/b/c`.
    #[cfg(feature = "network")]
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(end, _)| &self.0[..end])
    }
}

/// A name that is not a [`Key`] or [`RelativePath`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key {key:?} is refused: {reason}")]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct InvalidKey {
    /// The name as it was given or listed.
    pub key: String,
    /// The first rule it breaks.
    pub reason: KeyProblem,
}

/// The rule of [`Key`] that a name breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum KeyProblem {
    /// The name is empty.
    #[error("it is empty")]
    Empty,
    /// The name has too many bytes.
    #[error("it has {got} bytes (at most {limit} expected)")]
    TooLong {
        /// Bytes in the name.
        got: usize,
        /// [`MAX_KEY_BYTES`].
        limit: usize,
    },
    /// The name starts with `/`.
    #[error("it starts with a slash")]
    Absolute,
    /// The name ends with `/`, as the markers do that some tools write for folders.
    #[error("it ends with a slash")]
    TrailingSlash,
    /// Two slashes follow each other.
    #[error("it has an empty part")]
    EmptyPart,
    /// A part is `.` or `..`.
    #[error("it has the part {part:?}")]
    RelativePart {
        /// `.` or `..`.
        part: String,
    },
    /// A part is longer than file systems allow.
    #[error("one part has {got} bytes (at most {limit} expected)")]
    PartTooLong {
        /// Bytes in the part.
        got: usize,
        /// [`MAX_PART_BYTES`].
        limit: usize,
    },
    /// The name of a file in a folder is not UTF-8, which every key is.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// A link in a folder leads to a directory that holds the link.
    #[error("it is a link to a directory above itself")]
    Loop,
    /// A character that would mean something else to a file system or a terminal.
    #[error("it has the character {character:?}")]
    Character {
        /// A control character or a backslash.
        character: char,
    },
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(key: &str) -> Result<Self, InvalidKey> {
        Self::new(key)
    }
}

impl FromStr for RelativePath {
    type Err = InvalidKey;

    fn from_str(path: &str) -> Result<Self, InvalidKey> {
        Self::new(path)
    }
}

/// The local path that equals the key, which is the layout of an exact mirror.
impl From<&Key> for RelativePath {
    fn from(key: &Key) -> Self {
        Self(key.0.clone())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RelativePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

fn validate(key: String) -> Result<String, InvalidKey> {
    match problem(&key) {
        None => Ok(key),
        Some(reason) => Err(InvalidKey { key, reason }),
    }
}

fn problem(key: &str) -> Option<KeyProblem> {
    if key.is_empty() {
        return Some(KeyProblem::Empty);
    }
    if key.len() > MAX_KEY_BYTES {
        return Some(KeyProblem::TooLong { got: key.len(), limit: MAX_KEY_BYTES });
    }
    if key.starts_with('/') {
        return Some(KeyProblem::Absolute);
    }
    if key.ends_with('/') {
        return Some(KeyProblem::TrailingSlash);
    }
    if let Some(character) = key.chars().find(|c| c.is_control() || *c == '\\') {
        return Some(KeyProblem::Character { character });
    }
    key.split('/').find_map(|part| match part {
        "" => Some(KeyProblem::EmptyPart),
        "." | ".." => Some(KeyProblem::RelativePart { part: part.to_owned() }),
        _ if part.len() > MAX_PART_BYTES => {
            Some(KeyProblem::PartTooLong { got: part.len(), limit: MAX_PART_BYTES })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(key: &str, expected: Option<KeyProblem>) {
        let got = Key::new(key).map(|key| key.to_string());
        match expected {
            None => assert_eq!(got, Ok(key.to_owned())),
            Some(reason) => assert_eq!(got, Err(InvalidKey { key: key.to_owned(), reason })),
        }
        assert_eq!(Key::new(key).is_ok(), RelativePath::new(key).is_ok());
    }

    #[test]
    fn rules() {
        for good in ["a", "a/b.c", "...", "a/..b", ".hidden", "a b+#%?*&é.jpg", "x .jpg", "-"] {
            check(good, None);
        }
        check("", Some(KeyProblem::Empty));
        check("/", Some(KeyProblem::Absolute));
        check("/a", Some(KeyProblem::Absolute));
        check("a/", Some(KeyProblem::TrailingSlash));
        check("a//b", Some(KeyProblem::EmptyPart));
        check("../x", Some(KeyProblem::RelativePart { part: "..".to_owned() }));
        check("a/./b", Some(KeyProblem::RelativePart { part: ".".to_owned() }));
        check("a/..", Some(KeyProblem::RelativePart { part: "..".to_owned() }));
        check("a\\b", Some(KeyProblem::Character { character: '\\' }));
        check("a\nb", Some(KeyProblem::Character { character: '\n' }));
        check("a\u{7f}", Some(KeyProblem::Character { character: '\u{7f}' }));
        check("a\u{85}", Some(KeyProblem::Character { character: '\u{85}' }));
    }

    #[test]
    fn lengths() {
        check(&"a".repeat(255), None);
        check(&"a".repeat(256), Some(KeyProblem::PartTooLong { got: 256, limit: 255 }));
        let longest = format!("{}/{}", vec!["a".repeat(200); 5].join("/"), "b".repeat(19));
        assert_eq!(longest.len(), MAX_KEY_BYTES);
        check(&longest, None);
        let longer = format!("{longest}b");
        check(&longer, Some(KeyProblem::TooLong { got: 1025, limit: 1024 }));
    }

    #[test]
    fn parts_of_a_path() {
        let path = RelativePath::new("a/b/c.txt").unwrap();
        assert_eq!(path.ancestors().collect::<Vec<_>>(), ["a", "a/b"]);
        assert_eq!(path.parts().collect::<Vec<_>>(), ["a", "b", "c.txt"]);
        assert_eq!(path.file_name(), "c.txt");
        assert_eq!(
            path.below(Path::new("/root")),
            Path::new("/root").join("a").join("b").join("c.txt")
        );
        assert_eq!(RelativePath::new("alone").unwrap().ancestors().count(), 0);
    }

    #[test]
    fn message_names_key_and_rule() {
        let error = Key::new("a//b").unwrap_err();
        assert_eq!(error.to_string(), "key \"a//b\" is refused: it has an empty part");
    }

    proptest! {
        #[test]
        fn accepted_paths_stay_inside(text in "[a-c./\\\\ %+#\u{1}é]{0,24}") {
            if let Ok(path) = RelativePath::new(text.clone()) {
                let root = Path::new("/top/mirror");
                let file = path.below(root);
                prop_assert!(file.starts_with(root));
                prop_assert!(file.components().all(|part| !matches!(part, std::path::Component::ParentDir)));
                prop_assert_eq!(file.components().count(), 3 + path.parts().count());
                // The store sees exactly the key that was listed.
                let stored = object_store::path::Path::parse(&text).unwrap();
                prop_assert_eq!(stored.as_ref(), text.as_str());
            }
        }
    }
}
