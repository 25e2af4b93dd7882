//! Queries for `serde`, which are checked when they are read.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::RoiQuery;

/// The items as a list.
impl Serialize for RoiQuery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.items().serialize(serializer)
    }
}

/// A text or a list of texts, which are refused when they cannot be read.
impl<'de> Deserialize<'de> for RoiQuery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Item(String),
            Items(Vec<String>),
        }
        let query = match Written::deserialize(deserializer)? {
            Written::Item(item) => Self::from(item),
            Written::Items(items) => Self::from(items),
        };
        query.expressions().map_err(D::Error::custom)?;
        Ok(query)
    }
}
