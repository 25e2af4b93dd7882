//! A line of an inventory that takes a record back: [`Forgotten`].

use serde_json::{Value, json};

use super::record::Record;
use crate::RelativePath;

/// The state of a file whose record does not count any more.
///
/// It names the state and not a time, so that segments may be read in any order: a file that comes
/// again has another time of modification, and its record counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Forgotten {
    path: RelativePath,
    size: u64,
    modified: Option<u128>,
}

impl Forgotten {
    /// What takes a record back.
    pub(super) fn of(record: &Record) -> Self {
        Self { path: record.path.clone(), size: record.size, modified: record.modified }
    }

    pub(super) fn path(&self) -> &RelativePath {
        &self.path
    }

    /// One line, its end included.
    pub(super) fn to_line(&self) -> String {
        let fields = json!({
            "forgotten": self.path.as_str(),
            "size": self.size,
            "modified": self.modified.map(|modified| modified.to_string()),
        });
        format!("{fields}\n")
    }

    pub(super) fn from_line(line: &str) -> Option<Self> {
        let fields: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        Some(Self {
            path: text("forgotten")?.parse().ok()?,
            size: fields.get("size")?.as_u64()?,
            modified: text("modified").and_then(|modified| modified.parse().ok()),
        })
    }
}
