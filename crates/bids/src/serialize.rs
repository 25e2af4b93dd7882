//! The value types for `serde`: names and ids are texts, a filter is a map.
#![cfg(feature = "serde")]

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Entity, FileName, Filter, FilterField, SessionId, SubjectId, Verdict};

/// A type that is written as its text, and read by a function that checks it.
macro_rules! text {
    ($($Type:ty, $read:expr;)*) => {$(
        impl Serialize for $Type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $Type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(deserializer)?;
                $read(&text).map_err(D::Error::custom)
            }
        }
    )*};
}

text! {
    SubjectId, str::parse::<SubjectId>;
    SessionId, str::parse::<SessionId>;
    FileName, FileName::parse;
    FilterField, field;
}

/// A field by its name; what is no name is the key of an entity.
fn field(text: &str) -> Result<FilterField, crate::InvalidEntityKey> {
    text.parse().or_else(|_| FilterField::of_entity(text))
}

impl Serialize for Entity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.key(), self.value()).serialize(serializer)
    }
}

/// A filter as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    strict: bool,
    #[serde(default)]
    values: BTreeMap<FilterField, Vec<String>>,
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.iter().map(|(field, values)| (field, values.to_vec())).collect();
        Written { strict: self.is_strict(), values }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { strict, values } = Written::deserialize(deserializer)?;
        let filter = if strict { Self::strict() } else { Self::default() };
        Ok(values.into_iter().fold(filter, |filter, (field, values)| filter.with(field, values)))
    }
}

/// The field that rejects, or nothing for a key that passes.
impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Pass => serializer.serialize_none(),
            Self::Rejected(field) => serializer.serialize_some(field),
        }
    }
}
