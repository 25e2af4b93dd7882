//! The table for `serde`.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::SessionTrials;

/// The columns, and the rows as lists of texts.
impl Serialize for SessionTrials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut table = serializer.serialize_struct("SessionTrials", 2)?;
        table.serialize_field("columns", self.columns())?;
        table.serialize_field("rows", &self.rows().collect::<Vec<_>>())?;
        table.end()
    }
}
