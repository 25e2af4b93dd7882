//! One line of an inventory: [`Record`].

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

use laion_fmri_base::Sha256;
use serde_json::{Value, json};

use crate::{Check, Checksum, Content, Key, RelativePath};

/// What a file of the mirror was when it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Record {
    /// Where it lies, relative to the root of the mirror.
    pub path: RelativePath,
    /// The object it came from.
    pub key: Key,
    /// Its bytes.
    pub size: u64,
    /// The entity tag of the object, as sent.
    pub etag: Option<String>,
    /// The SHA-256 of the bytes, if it was computed.
    pub sha256: Option<Sha256>,
    /// Whether the entity tag was recomputed from the bytes.
    pub etag_verified: bool,
    /// What showed that the bytes are those of the object, if that is known.
    pub check: Option<Check>,
    /// The checksum that the store keeps of the object, if the bytes were compared with it.
    pub checksum: Option<Checksum>,
    /// The time of modification that the file system gave it, in nanoseconds since 1970. It is
    /// compared for equality alone, so that wrong clocks do no harm.
    pub modified: Option<u128>,
    /// When the record was made, in seconds since 1970, for people; nothing is decided by it.
    pub recorded: u64,
}

impl Record {
    /// What is to be recorded about a file that was just published, or checked.
    #[must_use]
    pub fn new(
        path: RelativePath,
        key: Key,
        etag: Option<String>,
        content: Content,
        file: &Metadata,
    ) -> Self {
        Self {
            path,
            key,
            size: file.len(),
            etag,
            sha256: content.sha256,
            etag_verified: content.etag_verified,
            check: Some(content.check),
            checksum: content.checksum,
            modified: nanoseconds(file.modified().ok()),
            recorded: seconds(SystemTime::now()),
        }
    }

    /// The same about a file that has the same bytes and another time of modification, as a copy has.
    #[must_use]
    pub fn at_time_of(mut self, file: &Metadata) -> Self {
        self.modified = nanoseconds(file.modified().ok());
        self.recorded = seconds(SystemTime::now());
        self
    }

    /// Whether the file is in the state that was recorded, as far as size and time of modification
    /// tell.
    #[must_use]
    pub fn fits(&self, file: &Metadata) -> bool {
        self.size == file.len()
            && self.modified.is_some()
            && self.modified == nanoseconds(file.modified().ok())
    }

    /// One line, its end included.
    pub(super) fn to_line(&self) -> String {
        let fields = json!({
            "path": self.path.as_str(),
            "key": self.key.as_str(),
            "size": self.size,
            "etag": self.etag,
            "sha256": self.sha256.map(|sha256| sha256.to_string()),
            "etag_verified": self.etag_verified,
            "check": self.check.map(Check::name),
            "checksum": self.checksum.as_ref().map(ToString::to_string),
            "modified": self.modified.map(|modified| modified.to_string()),
            "recorded": self.recorded,
        });
        format!("{fields}\n")
    }

    pub(super) fn from_line(line: &str) -> Option<Self> {
        let fields: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let sha256 = match fields.get("sha256")? {
            Value::Null => None,
            _ => Some(text("sha256")?.parse().ok()?),
        };
        let etag_verified = fields.get("etag_verified")?.as_bool()?;
        let check = match fields.get("check") {
            Some(_) => text("check").and_then(Check::named),
            // A record of a version that compared nothing but entity tags.
            None => etag_verified.then_some(Check::ETag),
        };
        Some(Self {
            path: text("path")?.parse().ok()?,
            key: text("key")?.parse().ok()?,
            size: fields.get("size")?.as_u64()?,
            etag: text("etag").map(str::to_owned),
            sha256,
            etag_verified,
            check,
            checksum: text("checksum").and_then(|checksum| checksum.parse().ok()),
            modified: text("modified").and_then(|modified| modified.parse().ok()),
            recorded: fields.get("recorded")?.as_u64()?,
        })
    }
}

/// Nanoseconds since 1970; `None` for a time before that.
pub(super) fn nanoseconds(time: Option<SystemTime>) -> Option<u128> {
    Some(time?.duration_since(UNIX_EPOCH).ok()?.as_nanos())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_and_back() {
        let record = Record {
            path: "a/b \"c\"".parse().unwrap(),
            key: "a/b-é".parse().unwrap(),
            size: u64::MAX,
            etag: None,
            sha256: Some(Sha256::of("ab")),
            etag_verified: false,
            check: Some(Check::Checksum(crate::ChecksumAlgorithm::Crc64Nvme)),
            checksum: Some("crc64nvme:rosUhgp5mIg=".parse().unwrap()),
            modified: Some(u128::from(u64::MAX) + 1),
            recorded: 3,
        };
        let line = record.to_line();
        assert!(line.ends_with('\n') && line.lines().count() == 1);
        assert_eq!(Record::from_line(&line), Some(record.clone()));
        let without = Record { sha256: None, ..record };
        assert_eq!(Record::from_line(&without.to_line()), Some(without));
        for odd in ["", "{}", "[1]", &line[..line.len() / 2], &line.replace("a/b-é", "../b")] {
            assert_eq!(Record::from_line(odd), None, "{odd}");
        }
    }

    #[test]
    fn records_of_earlier_and_later_versions_are_read() {
        let line = |verified: bool, more: &str| {
            let sha256 = Sha256::of("ab");
            let text = format!(
                "{{\"path\":\"a\",\"key\":\"a\",\"size\":2,\"etag\":\"\\\"x\\\"\",\
                 \"sha256\":\"{sha256}\",\"etag_verified\":{verified},\"modified\":\"7\",\
                 \"recorded\":3{more}}}"
            );
            Record::from_line(&text).unwrap()
        };
        assert_eq!(line(true, "").check, Some(Check::ETag));
        assert_eq!((line(false, "").check, line(true, "").checksum), (None, None));
        // What is not known is left out, and the rest holds.
        let later = line(false, ",\"check\":\"checksum:xxh3\",\"checksum\":\"xxh3:AAAA\"");
        assert_eq!((later.check, later.checksum, later.size), (None, None, 2));
    }
}
