//! Which bytes of an unfinished file have arrived, saved next to it: [`State`].
//!
//! A crash cannot break this rule: bytes are written before the state names them, and after a
//! restart of the machine only synced bytes count. The state itself is replaced by rename. If it
//! cannot be read, the file starts again.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use laion_fmri_base::AtomicFile;
use serde_json::{Value, json};

use super::ranges::Ranges;
use crate::machine;

/// Which bytes of which version of an object are in the unfinished file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) key: String,
    pub(super) etag: String,
    pub(super) size: u64,
    /// Handed to the operating system.
    pub(super) written: Ranges,
    /// On disk whatever happens.
    pub(super) synced: Ranges,
}

impl State {
    pub(super) fn new(key: &str, etag: &str, size: u64) -> Self {
        let (written, synced) = (Ranges::default(), Ranges::default());
        Self { key: key.to_owned(), etag: etag.to_owned(), size, written, synced }
    }

    /// The state at `path` as far as it can be believed now; `None` if there is none.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?;
        let fields: Value = serde_json::from_str(&text).ok()?;
        Self::parse(&fields, machine::boot())
    }

    /// Replaces the state at `path`. It is not synced: an older state is as true.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let ranges = |ranges: &Ranges| -> Vec<[u64; 2]> {
            ranges.iter().map(|range| [range.start, range.end]).collect()
        };
        let fields = json!({
            "state": VERSION,
            "key": self.key,
            "etag": self.etag,
            "size": self.size,
            "boot": machine::boot(),
            "written": ranges(&self.written),
            "synced": ranges(&self.synced),
        });
        let mut new = AtomicFile::create(path)?;
        new.write_all(fields.to_string().as_bytes())?;
        new.commit_unsynced()
    }

    fn parse(fields: &Value, boot: Option<&str>) -> Option<Self> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        if fields.get("state")?.as_u64()? != VERSION {
            return None;
        }
        let size = fields.get("size")?.as_u64()?;
        let mut state = Self::new(text("key")?, text("etag")?, size);
        state.synced = ranges(fields.get("synced")?, size)?;
        // What was only written is still in the memory of the same kernel, dead process or not.
        let same_kernel = boot.is_some() && text("boot") == boot;
        state.written =
            if same_kernel { ranges(fields.get("written")?, size)? } else { state.synced.clone() };
        Some(state)
    }
}

/// A state is believed or not; one that is has no byte outside of its object.
///
/// # Panics
///
/// When that does not hold.
#[cfg(any(test, fuzzing))]
pub fn check_state(bytes: &[u8]) {
    let Ok(fields) = serde_json::from_slice::<Value>(bytes) else { return };
    for boot in [None, Some("boot")] {
        let Some(state) = State::parse(&fields, boot) else { continue };
        let is_inside = |range: &Range<u64>| range.start < range.end && range.end <= state.size;
        assert!(state.written.iter().chain(state.synced.iter()).all(is_inside));
    }
}

const VERSION: u64 = 1;

fn ranges(value: &Value, size: u64) -> Option<Ranges> {
    let mut ranges = Ranges::default();
    for pair in value.as_array()? {
        let [start, end] = pair.as_array()?.as_slice() else { return None };
        let range: Range<u64> = start.as_u64()?..end.as_u64()?;
        if range.start > range.end || range.end > size {
            return None;
        }
        ranges.add(range);
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::new("a/b", "\"e\"", 100);
        state.written.add(0..50);
        state.written.add(60..70);
        state.synced.add(0..40);
        state
    }

    #[test]
    fn read_back_by_the_same_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".b.state");
        assert_eq!(State::read(&path), None);
        state().write(&path).unwrap();
        let mut expected = state();
        if machine::boot().is_none() {
            expected.written = expected.synced.clone();
        }
        assert_eq!(State::read(&path), Some(expected));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let text = std::fs::read_to_string(&path).unwrap();
        for torn in [&text[..text.len() - 1], "", "\0\0\0\0", "{}", "[]"] {
            std::fs::write(&path, torn).unwrap();
            assert_eq!(State::read(&path), None, "{torn:?}");
        }
    }

    #[test]
    fn after_a_restart_only_synced_bytes_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".b.state");
        state().write(&path).unwrap();
        let fields: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for boot in [Some("another"), None] {
            let read = State::parse(&fields, boot).unwrap();
            assert_eq!((read.written.total(), read.synced.total()), (40, 40));
        }
    }

    #[test]
    fn ranges_outside_the_object_are_no_state() {
        for ranges in [json!([[0, 101]]), json!([[9, 3]]), json!([[1]]), json!([["0", 1]])] {
            let mut fields = json!({
                "state": 1, "key": "a", "etag": "e", "size": 100, "boot": null,
                "written": [], "synced": [],
            });
            assert!(State::parse(&fields, None).is_some());
            fields["synced"] = ranges;
            assert_eq!(State::parse(&fields, None), None);
        }
    }
}
