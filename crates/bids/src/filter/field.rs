//! The fields that a filter can restrict.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::error::Error;
use core::fmt;
use core::str::FromStr;

use crate::filter::entity_key::{EntityKey, InvalidEntityKey};
use crate::key::{entity_value, extension_of, has_token, suffix_of};

/// One field of a [`Filter`](crate::Filter): an entity, the suffix or the extension.
///
/// Fields are ordered as a filter applies and shows them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FilterField {
    /// The session.
    Ses,
    /// The task.
    Task,
    /// The space the data are in.
    Space,
    /// The description.
    Desc,
    /// The statistic.
    Stat,
    /// The run.
    Run,
    /// The echo of a multi-echo series.
    Echo,
    /// The part of a complex image (magnitude or phase).
    Part,
    /// Any other entity; [`FilterField::of_entity`] makes it.
    Entity(EntityKey),
    /// The text after the last `_` of the stem.
    Suffix,
    /// Everything after the first dot.
    Extension,
}

impl FilterField {
    /// The fields with a variant of their own, in the order in which a filter applies and shows them.
    pub const ALL: [Self; 10] = [
        Self::Ses,
        Self::Task,
        Self::Space,
        Self::Desc,
        Self::Stat,
        Self::Run,
        Self::Echo,
        Self::Part,
        Self::Suffix,
        Self::Extension,
    ];

    /// The field of an entity, known to BIDS or not: `sub`, `acq`, `hemi`, `label`.
    ///
    /// ```
    /// use bids_names::FilterField;
    ///
    /// assert_eq!(FilterField::of_entity("ses")?, FilterField::Ses);
    /// assert_eq!(FilterField::of_entity("hemi")?.to_string(), "hemi");
    /// # Ok::<(), bids_names::InvalidEntityKey>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidEntityKey`].
    pub fn of_entity(key: &str) -> Result<Self, InvalidEntityKey> {
        let known = Self::ALL.into_iter().find(|field| field.entity() == Some(key));
        known.map_or_else(|| EntityKey::new(key).map(Self::Entity), Ok)
    }

    /// The name of the field: the key of the entity, `suffix` or `extension`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ses => "ses",
            Self::Task => "task",
            Self::Space => "space",
            Self::Desc => "desc",
            Self::Stat => "stat",
            Self::Run => "run",
            Self::Echo => "echo",
            Self::Part => "part",
            Self::Entity(key) => key.as_str(),
            Self::Suffix => "suffix",
            Self::Extension => "extension",
        }
    }

    /// The key of the entity, or `None` for suffix and extension.
    pub fn entity(&self) -> Option<&str> {
        match self {
            Self::Suffix | Self::Extension => None,
            entity => Some(entity.as_str()),
        }
    }

    /// The value that a key has for this field; of several values of an entity the first.
    ///
    /// Suffix and extension always have one, which may be empty.
    pub fn value_in(self, key: &str) -> Option<&str> {
        match self {
            Self::Suffix => Some(suffix_of(key)),
            Self::Extension => Some(extension_of(key)),
            entity => entity_value(key, entity.as_str()),
        }
    }

    /// Whether a key has this value for this field, anywhere in it.
    ///
    /// This is the comparison of [`Filter`](crate::Filter), for a value without a leading
    /// `ENTITY-`; it tells whether a filter value names anything in a listing.
    pub fn carries(self, key: &str, value: &str) -> bool {
        match self {
            Self::Suffix => suffix_of(key) == value,
            Self::Extension => extension_of(key) == value,
            entity => has_token(key, entity.as_str(), value),
        }
    }

    /// A value as given by a user, without one leading `ENTITY-`.
    pub(super) fn normalized(self, value: String) -> String {
        self.entity()
            .and_then(|entity| value.strip_prefix(entity)?.strip_prefix('-'))
            .map(ToOwned::to_owned)
            .unwrap_or(value)
    }
}

/// A text that names no field of a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownFilterField {
    /// The text as given.
    pub got: String,
}

impl fmt::Display for UnknownFilterField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown filter {:?} (expected one of ", self.got)?;
        for (i, field) in FilterField::ALL.into_iter().enumerate() {
            write!(f, "{}{field}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

impl Error for UnknownFilterField {}

/// Reads the names of [`FilterField::ALL`], so that a mistyped name is found; for other entities
/// there is [`FilterField::of_entity`].
impl FromStr for FilterField {
    type Err = UnknownFilterField;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|field| field.as_str() == text)
            .ok_or_else(|| UnknownFilterField { got: text.to_owned() })
    }
}

impl fmt::Display for FilterField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn names_and_fields_undo_each_other() {
        for field in FilterField::ALL {
            assert_eq!(field.to_string().parse(), Ok(field));
        }
        assert!(FilterField::ALL.is_sorted());
    }

    #[test]
    fn any_entity_is_a_field() {
        for (key, expected) in
            [("task", Some(FilterField::Task)), ("part", Some(FilterField::Part))]
        {
            assert_eq!(FilterField::of_entity(key).ok(), expected);
        }
        let label = FilterField::of_entity("label").unwrap();
        assert_eq!(label.entity(), Some("label"));
        assert_eq!(label.to_string(), "label");
        assert!(FilterField::Part < label && label < FilterField::Suffix);
        assert!(label.carries("sub-01/sub-01_label-FFA-1_mask.nii.gz", "FFA-1"));
        assert_eq!(FilterField::of_entity("a b"), Err(InvalidEntityKey { got: "a b".to_owned() }));
    }

    #[test]
    fn an_unknown_field_lists_the_known_ones() {
        let error = "Ses".parse::<FilterField>().unwrap_err();
        assert_eq!(error, UnknownFilterField { got: "Ses".to_owned() });
        assert_eq!(
            error.to_string(),
            "unknown filter \"Ses\" (expected one of ses, task, space, desc, stat, run, echo, part, suffix, extension)"
        );
    }

    #[test]
    fn a_field_reads_its_value_from_a_key() {
        let key = "sub-01/ses-01/func/sub-01_ses-01_run-02_bold.nii.gz";
        assert_eq!(FilterField::Run.value_in(key), Some("02"));
        assert_eq!(FilterField::Echo.value_in(key), None);
        assert_eq!(FilterField::Suffix.value_in(key), Some("bold"));
        assert_eq!(FilterField::Extension.value_in(key), Some("nii.gz"));
        assert!(FilterField::Run.carries(key, "02"));
        assert!(!FilterField::Run.carries(key, "2"));
        assert!(FilterField::Suffix.carries(key, "bold"));
        assert!(!FilterField::Extension.carries(key, "nii"));
        assert_eq!(FilterField::Run.entity(), Some("run"));
        assert_eq!(FilterField::Suffix.entity(), None);
    }
}
