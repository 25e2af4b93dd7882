//! One BIDS file name as entities, suffix and extension.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::key::split_extension;
use crate::label::is_alphanumeric;

/// A file name without directories: entities, a suffix and an extension.
///
/// `KEY-VALUE_KEY-VALUE_SUFFIX.EXTENSION`. The extension is what follows the first dot. The parts
/// between underscores that hold a hyphen are entities, split at their first hyphen; what follows
/// the last entity is the suffix. Entities are kept in order and as written, whether BIDS knows
/// their keys or not. Parsing and showing undo each other.
///
/// | name | entities | suffix | extension |
/// |---|---|---|---|
/// | `sub-01_label-FFA-1_mask.nii.gz` | `sub` = `01`, `label` = `FFA-1` | `mask` | `nii.gz` |
/// | `task-images_desc-captions.csv` | `task` = `images`, `desc` = `captions` | | `csv` |
/// | `dataset_description.json` | | `dataset_description` | `json` |
/// | `lh.white` | | `lh` | `white` |
/// | `README` | | `README` | |
///
/// So [`suffix_of`](crate::suffix_of), which knows no entities and always takes the last part,
/// differs from [`FileName::suffix`] where that is empty or has several parts.
///
/// A text is a file name under these rules; everything else is a [`FileNameError`]:
///
/// * it has entities, a suffix or both: `.bidsignore` and the empty text have none;
/// * a key is one or more ASCII letters and digits, and occurs once;
/// * a value is not empty, and a suffix has no empty part: no `sub-_bold`, no `sub-01__bold`;
/// * no entity follows the suffix: no `sub-01_bold_run-02`;
/// * the first dot is followed by an extension that does not start with a dot: no `README.`, no
///   `a..b`;
/// * there is no `/`, no `\` and no control character anywhere: a path is no file name.
///
/// Names are ordered by their entities, then by suffix and extension.
///
/// ```
/// use bids_names::FileName;
///
/// let name: FileName = "sub-01_task-images_run-02_echo-1_bold.nii.gz".parse()?;
/// assert_eq!(name.entity("run"), Some("02"));
/// assert_eq!(name.suffix(), "bold");
/// assert_eq!(name.with_extension("json")?.to_string(), "sub-01_task-images_run-02_echo-1_bold.json");
/// # Ok::<(), bids_names::FileNameError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FileName {
    entities: Vec<Entity>,
    suffix: String,
    extension: String,
}

/// One `KEY-VALUE` of a file name, as written.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Entity {
    key: String,
    value: String,
}

/// Collects the parts of a [`FileName`] in the order they are to be written.
#[derive(Clone, Debug)]
pub struct FileNameBuilder {
    name: FileName,
}

impl FileName {
    /// Reads a file name.
    ///
    /// # Errors
    ///
    /// If the text breaks one of the rules of [`FileName`].
    pub fn parse(text: &str) -> Result<Self, FileNameError> {
        if text.contains(is_separator) {
            return Err(FileNameError::Path { name: text.to_owned() });
        }
        let (stem, extension) = split_extension(text);
        let mut entities = Vec::new();
        let mut rest = Some(stem);
        while let Some(unread) = rest {
            let (part, after) =
                unread.split_once('_').map_or((unread, None), |(part, after)| (part, Some(after)));
            let Some((key, value)) = part.split_once('-') else {
                break;
            };
            entities.push(Entity { key: key.to_owned(), value: value.to_owned() });
            rest = after;
        }
        let name = Self {
            entities,
            suffix: rest.unwrap_or("").to_owned(),
            extension: extension.unwrap_or("").to_owned(),
        };
        if extension == Some("") {
            return Err(FileNameError::InvalidExtension {
                name: text.to_owned(),
                got: String::new(),
            });
        }
        if rest == Some("") && !name.entities.is_empty() {
            return Err(FileNameError::InvalidSuffix { name: text.to_owned(), got: String::new() });
        }
        name.checked()
    }

    /// Starts a file name from its end; the extension is without its leading dot, and either text
    /// may be empty.
    pub fn builder(suffix: impl Into<String>, extension: impl Into<String>) -> FileNameBuilder {
        FileNameBuilder {
            name: Self { entities: Vec::new(), suffix: suffix.into(), extension: extension.into() },
        }
    }

    /// The entities, in the order they are written.
    pub fn entities(&self) -> &[Entity] {
        &self.entities
    }

    /// The value of an entity.
    pub fn entity(&self, key: &str) -> Option<&str> {
        self.entities.iter().find(|entity| entity.key == key).map(Entity::value)
    }

    /// What follows the entities in the stem; empty if nothing does.
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// What follows the first dot; empty if there is none.
    pub fn extension(&self) -> &str {
        &self.extension
    }

    /// This name with an entity set. An entity with this key is replaced where it is; otherwise the
    /// new one comes after the others.
    ///
    /// # Errors
    ///
    /// [`FileNameError::InvalidKey`] or [`FileNameError::InvalidValue`].
    pub fn with_entity(&self, key: &str, value: &str) -> Result<Self, FileNameError> {
        let mut name = self.clone();
        match name.entities.iter_mut().find(|entity| entity.key == key) {
            Some(entity) => value.clone_into(&mut entity.value),
            None => name.entities.push(Entity { key: key.to_owned(), value: value.to_owned() }),
        }
        name.checked()
    }

    /// This name with another extension, without leading dot; empty for none.
    ///
    /// # Errors
    ///
    /// [`FileNameError::InvalidExtension`].
    pub fn with_extension(&self, extension: &str) -> Result<Self, FileNameError> {
        Self { extension: extension.to_owned(), ..self.clone() }.checked()
    }

    fn checked(self) -> Result<Self, FileNameError> {
        let name = || self.to_string();
        if self.entities.is_empty() && self.suffix.is_empty() {
            return Err(FileNameError::NoStem { name: name() });
        }
        for (position, Entity { key, value }) in self.entities.iter().enumerate() {
            if !is_alphanumeric(key) {
                return Err(FileNameError::InvalidKey { name: name(), got: key.clone() });
            }
            if value.is_empty() || value.contains(['_', '.']) || value.contains(is_forbidden) {
                return Err(FileNameError::InvalidValue {
                    name: name(),
                    key: key.clone(),
                    got: value.clone(),
                });
            }
            if self.entities[..position].iter().any(|earlier| earlier.key == *key) {
                return Err(FileNameError::DuplicateEntity { name: name(), key: key.clone() });
            }
        }
        let has_empty_part = !self.suffix.is_empty() && self.suffix.split('_').any(str::is_empty);
        if has_empty_part || self.suffix.contains(['-', '.']) || self.suffix.contains(is_forbidden)
        {
            return Err(FileNameError::InvalidSuffix { name: name(), got: self.suffix.clone() });
        }
        if self.extension.starts_with('.') || self.extension.contains(is_forbidden) {
            return Err(FileNameError::InvalidExtension {
                name: name(),
                got: self.extension.clone(),
            });
        }
        Ok(self)
    }
}

impl Entity {
    /// What stands before the first hyphen, `sub`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What stands after the first hyphen, `01`.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl FileNameBuilder {
    /// Adds an entity after those added before.
    #[must_use]
    pub fn entity(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.name.entities.push(Entity { key: key.into(), value: value.into() });
        self
    }

    /// The file name.
    ///
    /// # Errors
    ///
    /// If a part breaks one of the rules of [`FileName`], or would be read back as another kind of
    /// part.
    pub fn build(self) -> Result<FileName, FileNameError> {
        self.name.checked()
    }
}

/// Why a text or a set of parts is not a [`FileName`]. `name` is the text, or the parts joined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FileNameError {
    /// The text holds `/` or `\`, so it is a path and not the name of a file.
    Path {
        /// The text as given.
        name: String,
    },
    /// There is neither an entity nor a suffix.
    NoStem {
        /// The whole name.
        name: String,
    },
    /// A key is not made of ASCII letters and digits.
    InvalidKey {
        /// The whole name.
        name: String,
        /// The key.
        got: String,
    },
    /// A value is empty, or holds `_`, `.`, a path separator or a control character.
    InvalidValue {
        /// The whole name.
        name: String,
        /// The key of the entity.
        key: String,
        /// The value.
        got: String,
    },
    /// A key occurs twice.
    DuplicateEntity {
        /// The whole name.
        name: String,
        /// The key.
        key: String,
    },
    /// A suffix has an empty part, or holds `-`, `.`, a path separator or a control character.
    InvalidSuffix {
        /// The whole name.
        name: String,
        /// All that follows the entities in the stem.
        got: String,
    },
    /// An extension is missing after its dot, starts with another, or holds a path separator or a
    /// control character.
    InvalidExtension {
        /// The whole name.
        name: String,
        /// The extension.
        got: String,
    },
}

impl fmt::Display for FileNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { name } => {
                write!(f, "{name:?} is a path (expected a file name without `/` or `\\`)")
            }
            Self::NoStem { name } => write!(f, "file name {name:?} has no entity and no suffix"),
            Self::InvalidKey { name, got } => {
                write!(
                    f,
                    "file name {name:?} has the entity key {got:?} (expected letters or digits)"
                )
            }
            Self::InvalidValue { name, key, got } => {
                write!(
                    f,
                    "file name {name:?} has the value {got:?} for {key:?} (expected text without `_`, `.` or `/`)"
                )
            }
            Self::DuplicateEntity { name, key } => {
                write!(f, "file name {name:?} has the entity {key:?} twice")
            }
            Self::InvalidSuffix { name, got } => {
                write!(
                    f,
                    "file name {name:?} has the suffix {got:?} (expected text without `-`, `.` or `/`)"
                )
            }
            Self::InvalidExtension { name, got } => {
                write!(
                    f,
                    "file name {name:?} has the extension {got:?} (expected text without leading dot or `/`)"
                )
            }
        }
    }
}

impl Error for FileNameError {}

impl FromStr for FileName {
    type Err = FileNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = self.entities.iter().map(Entity::to_string).collect::<Vec<_>>().join("_");
        if !self.suffix.is_empty() {
            let separator = if name.is_empty() { "" } else { "_" };
            name += &format!("{separator}{}", self.suffix);
        }
        if !self.extension.is_empty() {
            name += &format!(".{}", self.extension);
        }
        f.pad(&name)
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.key, self.value)
    }
}

/// Characters that no part of a file name may hold.
fn is_forbidden(character: char) -> bool {
    is_separator(character) || character.is_control()
}

/// Characters that stand between the directories of a path.
fn is_separator(character: char) -> bool {
    matches!(character, '/' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what a name is read as, and that it is shown as it was written.
    fn check(text: &str, entities: &[(&str, &str)], suffix: &str, extension: &str) {
        let name = FileName::parse(text).unwrap();
        let read: Vec<_> =
            name.entities().iter().map(|entity| (entity.key(), entity.value())).collect();
        assert_eq!(
            (read.as_slice(), name.suffix(), name.extension()),
            (entities, suffix, extension),
            "{text}"
        );
        assert_eq!(name.to_string(), text);
    }

    #[test]
    fn bids_names_are_read_in_order() {
        check(
            "sub-01_ses-01_task-images_desc-SingletrialBetas_trials.tsv",
            &[("sub", "01"), ("ses", "01"), ("task", "images"), ("desc", "SingletrialBetas")],
            "trials",
            "tsv",
        );
        check(
            "sub-01_label-FFA-1_mask.nii.gz",
            &[("sub", "01"), ("label", "FFA-1")],
            "mask",
            "nii.gz",
        );
        check("zzz-9_unheard-of_bold.x", &[("zzz", "9"), ("unheard", "of")], "bold", "x");
        check(
            "task-images_desc-captions.csv",
            &[("task", "images"), ("desc", "captions")],
            "",
            "csv",
        );
        check("task-images_metadata.csv", &[("task", "images")], "metadata", "csv");
        check("ses-01", &[("ses", "01")], "", "");
    }

    #[test]
    fn other_names_are_a_suffix_and_an_extension() {
        check("README", &[], "README", "");
        check("participants.tsv", &[], "participants", "tsv");
        check("dataset_description.json", &[], "dataset_description", "json");
        check("lh.white", &[], "lh", "white");
        check("rh.sphere.reg", &[], "rh", "sphere.reg");
        check("aparc+aseg.mgz", &[], "aparc+aseg", "mgz");
        check(
            "shared_12rep_LAION_cluster_1003_i0.jpg",
            &[],
            "shared_12rep_LAION_cluster_1003_i0",
            "jpg",
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_the_part() {
        let name = |text: &str| text.to_owned();
        for text in
            ["../sub-01", "/sub-01", "sub-01/a_bold", "func/bold", "func\\bold", "bold.nii/x"]
        {
            assert_eq!(FileName::parse(text), Err(FileNameError::Path { name: name(text) }));
        }
        for text in ["", "..", ".bidsignore"] {
            assert_eq!(FileName::parse(text), Err(FileNameError::NoStem { name: name(text) }));
        }
        for (text, got) in [("-x_bold.nii", ""), ("s b-01_bold", "s b")] {
            let expected = FileNameError::InvalidKey { name: name(text), got: name(got) };
            assert_eq!(FileName::parse(text), Err(expected));
        }
        for (text, key, got) in [("sub-_bold.nii", "sub", ""), ("ses-\n", "ses", "\n")] {
            let expected =
                FileNameError::InvalidValue { name: name(text), key: name(key), got: name(got) };
            assert_eq!(FileName::parse(text), Err(expected));
        }
        for (text, got) in [
            ("sub-01__bold", "_bold"),
            ("sub-01_bold_", "bold_"),
            ("sub-01_", ""),
            ("_bold", "_bold"),
            ("_", "_"),
            ("sub-01_bold_run-02.nii", "bold_run-02"),
        ] {
            let expected = FileNameError::InvalidSuffix { name: name(text), got: name(got) };
            assert_eq!(FileName::parse(text), Err(expected));
        }
        for (text, got) in [(".", ""), ("README.", ""), ("a..b", ".b"), ("a.\0", "\0")] {
            let expected = FileNameError::InvalidExtension { name: name(text), got: name(got) };
            assert_eq!(FileName::parse(text), Err(expected));
        }
        let expected =
            FileNameError::DuplicateEntity { name: name("a-1_a-2_bold"), key: name("a") };
        assert_eq!(FileName::parse("a-1_a-2_bold"), Err(expected));
    }

    #[test]
    fn messages_quote_the_name_and_the_part() {
        let cases = [
            ("a/b", r#""a/b" is a path (expected a file name without `/` or `\`)"#),
            (".x", r#"file name ".x" has no entity and no suffix"#),
            ("-x", r#"file name "-x" has the entity key "" (expected letters or digits)"#),
            (
                "a-",
                r#"file name "a-" has the value "" for "a" (expected text without `_`, `.` or `/`)"#,
            ),
            ("a-1_a-2", r#"file name "a-1_a-2" has the entity "a" twice"#),
            (
                "a_b-c",
                r#"file name "a_b-c" has the suffix "a_b-c" (expected text without `-`, `.` or `/`)"#,
            ),
            (
                "a.",
                r#"file name "a." has the extension "" (expected text without leading dot or `/`)"#,
            ),
        ];
        for (text, message) in cases {
            assert_eq!(FileName::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_builder_writes_what_it_is_given_or_refuses() -> Result<(), FileNameError> {
        let name = FileName::builder("mask", "nii.gz")
            .entity("sub", "01")
            .entity("label", "FFA-1")
            .build()?;
        assert_eq!(name.to_string(), "sub-01_label-FFA-1_mask.nii.gz");
        assert_eq!(FileName::builder("", "").entity("ses", "01").build()?.to_string(), "ses-01");
        assert_eq!(
            FileName::builder("mask", "nii").entity("sub", "0_1").build(),
            Err(FileNameError::InvalidValue {
                name: "sub-0_1_mask.nii".to_owned(),
                key: "sub".to_owned(),
                got: "0_1".to_owned()
            })
        );
        assert_eq!(
            FileName::builder("desc-x", "").build(),
            Err(FileNameError::InvalidSuffix {
                name: "desc-x".to_owned(),
                got: "desc-x".to_owned()
            })
        );
        assert_eq!(
            FileName::builder("a.b", "c").build(),
            Err(FileNameError::InvalidSuffix { name: "a.b.c".to_owned(), got: "a.b".to_owned() })
        );
        assert_eq!(
            FileName::builder("", "nii").build(),
            Err(FileNameError::NoStem { name: ".nii".to_owned() })
        );
        Ok(())
    }

    #[test]
    fn entities_are_set_in_place_or_at_the_end() -> Result<(), FileNameError> {
        let name = FileName::parse("sub-01_ses-01_bold.nii.gz")?
            .with_entity("sub", "03")?
            .with_entity("run", "02")?;
        assert_eq!(name.to_string(), "sub-03_ses-01_run-02_bold.nii.gz");
        assert_eq!(name.entity("sub"), Some("03"));
        assert_eq!(name.entity("echo"), None);
        assert_eq!(name.with_extension("")?.to_string(), "sub-03_ses-01_run-02_bold");
        assert!(
            matches!(name.with_entity("a b", "c"), Err(FileNameError::InvalidKey { got, .. }) if got == "a b")
        );
        assert!(
            matches!(name.with_extension("a/b"), Err(FileNameError::InvalidExtension { got, .. }) if got == "a/b")
        );
        Ok(())
    }
}
