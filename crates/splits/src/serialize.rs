//! A split for `serde`, which is checked when it is read.
#![cfg(feature = "serde")]

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{OodType, Pool, Split, SplitName, SplitRevision, load_split};

#[derive(Deserialize, Serialize)]
#[serde(rename = "Split", deny_unknown_fields)]
struct Written {
    name: SplitName,
    pool: Pool,
    revision: SplitRevision,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ood_types: Option<Vec<OodType>>,
}

impl Serialize for Split {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, pool, revision) = (self.name(), self.pool(), self.revision());
        Written { name, pool, revision, ood_types: self.ood_types() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { name, pool, revision, ood_types } = Written::deserialize(deserializer)?;
        let split = load_split(name, pool).map_err(D::Error::custom)?.with_revision(revision);
        match ood_types {
            Some(types) => split.with_ood_types(types).map_err(D::Error::custom),
            None => Ok(split),
        }
    }
}
