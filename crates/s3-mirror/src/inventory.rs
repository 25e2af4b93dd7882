//! What was written into a mirror, and how it looked then: [`Inventory`].

use std::collections::{HashMap, HashSet};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use laion_fmri_base::{lock, sync_directory};

use crate::RelativePath;
use crate::machine;

mod forgotten;
mod record;

use self::forgotten::Forgotten;
pub use self::record::Record;

/// Closed segments are merged when there are more than this.
const MANY_SEGMENTS: usize = 16;

/// How often the segments are read again when one disappears meanwhile.
const READ_ATTEMPTS: usize = 5;

/// Records about the files of a mirror, in a directory of their own.
///
/// The directory holds segments: text files with one JSON object per line ([`Record`], or one
/// that is taken back), each written by one process alone and only ever appended to. So any number of processes, on any
/// number of machines, may add records at once without a lock; a line that a crash left
/// half-written is skipped. A process that finds many closed segments merges them.
///
/// A record says what a file was when it was published. A record alone decides nothing: a file is
/// out of date if it has another size, or if its object now has another entity tag, whatever is
/// recorded.
///
/// A value opened with [`read`](Self::read) never writes; one opened with [`open`](Self::open)
/// writes when the first record is added.
#[derive(Debug)]
pub struct Inventory {
    directory: PathBuf,
    writable: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: Records,
    segment: Option<Segment>,
}

/// What the lines of all segments say, in whatever order they are read.
#[derive(Debug, Default)]
struct Records {
    by_path: HashMap<RelativePath, Vec<Record>>,
    forgotten: HashSet<Forgotten>,
}

/// The segment that this process appends to.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: File,
}

impl Inventory {
    /// The inventory in `directory`, for reading and adding. A directory that does not exist is an
    /// empty inventory; it is created with the first record.
    ///
    /// # Errors
    ///
    /// Any failure to read the directory or a segment.
    pub fn open(directory: impl Into<PathBuf>) -> io::Result<Self> {
        Self::at(directory.into(), true)
    }

    /// The inventory in `directory`, for reading alone.
    ///
    /// # Errors
    ///
    /// Any failure to read the directory or a segment.
    pub fn read(directory: impl Into<PathBuf>) -> io::Result<Self> {
        Self::at(directory.into(), false)
    }

    /// The record of the file at `path` that fits it best: one of its size and time if there is
    /// one, otherwise the latest. With `network`, `Expected::from(&record)` is what `check_file`
    /// compares the file with.
    #[must_use]
    pub fn find(&self, path: &RelativePath, file: &Metadata) -> Option<Record> {
        let state = self.lock();
        let records = state.records.by_path.get(path)?;
        let fitting = records.iter().rev().find(|record| record.fits(file));
        fitting.or_else(|| records.last()).cloned()
    }

    /// The paths that have a record, in no order. [`find`](Self::find) gives the record.
    #[must_use]
    pub fn paths(&self) -> Vec<RelativePath> {
        self.lock().records.by_path.keys().cloned().collect()
    }

    /// Records a file as it is on disk now.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::PermissionDenied`] for an inventory that was opened for reading, and any
    /// failure to append.
    pub fn add(&self, record: Record) -> io::Result<()> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut state = self.lock();
        self.append(&mut state, &record.to_line())?;
        state.records.insert(record);
        Ok(())
    }

    /// Takes back every record of a file, and says whether there was one.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn forget(&self, path: &RelativePath) -> io::Result<bool> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut state = self.lock();
        let Some(records) = state.records.by_path.get(path) else { return Ok(false) };
        let forgotten: Vec<Forgotten> = records.iter().map(Forgotten::of).collect();
        let lines: String = forgotten.iter().map(Forgotten::to_line).collect();
        self.append(&mut state, &lines)?;
        forgotten.into_iter().for_each(|forgotten| state.records.forget(forgotten));
        Ok(true)
    }

    /// Reads what other processes have added meanwhile.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn refresh(&self) -> io::Result<()> {
        let records = read_all(&self.directory)?;
        self.lock().records = records;
        Ok(())
    }

    /// Makes everything that was added durable.
    ///
    /// # Errors
    ///
    /// Any failure to sync.
    pub fn sync(&self) -> io::Result<()> {
        match &self.lock().segment {
            Some(segment) => segment.file.sync_data(),
            None => Ok(()),
        }
    }

    /// Appends to the segment of this process.
    fn append(&self, state: &mut State, lines: &str) -> io::Result<()> {
        let segment = match &mut state.segment {
            Some(segment) => segment,
            none => {
                let segment = none.insert(Segment::create(&self.directory)?);
                // Another process may be quicker, and the old segments are as good.
                if let Err(error) = self.compact_if_many() {
                    tracing::debug!(%error, "segments of the inventory stay apart");
                }
                segment
            }
        };
        // One call, so that a line is torn only by a crash.
        segment.file.write_all(lines.as_bytes())
    }

    fn at(directory: PathBuf, writable: bool) -> io::Result<Self> {
        let records = read_all(&directory)?;
        let state = Mutex::new(State { records, segment: None });
        Ok(Self { directory, writable, state })
    }

    /// Merges all closed segments into one. Records that are added meanwhile are in open segments.
    fn compact_if_many(&self) -> io::Result<()> {
        let old: Vec<PathBuf> =
            segments(&self.directory)?.into_iter().filter(|path| is_closed(path)).collect();
        if old.len() <= MANY_SEGMENTS {
            return Ok(());
        }
        let lock = File::create(self.directory.join("compacting"))?;
        // Two at once would keep every record too, only twice.
        if lock.try_lock().is_err() {
            return Ok(());
        }
        let mut records = Records::default();
        for path in &old {
            read_segment(path, &mut records)?;
        }
        let mut text = String::new();
        // Open segments may hold more records of the same states.
        records.forgotten.iter().for_each(|forgotten| text.push_str(&forgotten.to_line()));
        records.by_path.values().flatten().for_each(|record| text.push_str(&record.to_line()));
        let segment = Segment::create(&self.directory)?;
        (&segment.file).write_all(text.as_bytes())?;
        segment.file.sync_all()?;
        drop(segment);
        sync_directory(&self.directory)?;
        for path in old {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Segment {
    fn create(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        // Names count up, so that later records are read later whatever the clocks say.
        let number = segments(directory)?.last().map_or(0, |path| number(path) + 1);
        let path = directory.join(format!("{number:08}-{}.{OPEN}", machine::random_name()));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        Ok(Self { path, file })
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // An open segment is read like a closed one; it only cannot be put together with others.
        if let Err(error) = std::fs::rename(&self.path, self.path.with_extension(CLOSED)) {
            tracing::debug!(%error, path = %self.path.display(), "segment left open");
        }
    }
}

const OPEN: &str = "open";
const CLOSED: &str = "jsonl";

fn is_closed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == CLOSED)
}

fn number(path: &Path) -> u64 {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// All segments, in the order of their names.
fn segments(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == OPEN || extension == CLOSED) {
            segments.push(path);
        }
    }
    segments.sort_by(|a, b| (number(a), a).cmp(&(number(b), b)));
    Ok(segments)
}

fn read_all(directory: &Path) -> io::Result<Records> {
    for _ in 0..READ_ATTEMPTS {
        let mut records = Records::default();
        let read =
            segments(directory)?.iter().try_for_each(|path| read_segment(path, &mut records));
        match read {
            // Closed or put together with others between the listing and the reading.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(()) => return Ok(records),
        }
    }
    Err(io::Error::other("the inventory changes faster than it can be read"))
}

fn read_segment(path: &Path, records: &mut Records) -> io::Result<()> {
    let text = std::fs::read(path)?;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line = std::str::from_utf8(line).unwrap_or_default();
        if let Some(record) = Record::from_line(line) {
            records.insert(record);
        } else if let Some(forgotten) = Forgotten::from_line(line) {
            records.forget(forgotten);
        } else {
            tracing::debug!(path = %path.display(), "a line is not a record");
        }
    }
    Ok(())
}

impl Records {
    /// Keeps the latest record of each state of a file, latest last.
    fn insert(&mut self, record: Record) {
        if !self.forgotten.is_empty() && self.forgotten.contains(&Forgotten::of(&record)) {
            return;
        }
        let known = self.by_path.entry(record.path.clone()).or_default();
        known.retain(|other| other.modified != record.modified || other.size != record.size);
        known.push(record);
        // Two processes may have published the same file; more than a few states are history.
        if known.len() > 4 {
            known.remove(0);
        }
    }

    fn forget(&mut self, forgotten: Forgotten) {
        if let Some(known) = self.by_path.get_mut(forgotten.path()) {
            known.retain(|record| Forgotten::of(record) != forgotten);
            if known.is_empty() {
                self.by_path.remove(forgotten.path());
            }
        }
        self.forgotten.insert(forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(path: &str, modified: u128, etag: &str) -> Record {
        Record {
            path: path.parse().unwrap(),
            key: path.parse().unwrap(),
            size: 3,
            etag: Some(etag.to_owned()),
            sha256: Some(laion_fmri_base::Sha256::of("00")),
            etag_verified: true,
            check: Some(crate::Check::ETag),
            checksum: None,
            modified: Some(modified),
            recorded: 7,
        }
    }

    #[test]
    fn records_are_read_back_by_every_process() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("inventory");
        let (a, b) = (Inventory::open(&directory).unwrap(), Inventory::open(&directory).unwrap());
        assert!(!directory.exists(), "nothing is written before the first record");
        a.add(record("x", 1, "a")).unwrap();
        b.add(record("y", 1, "b")).unwrap();
        a.refresh().unwrap();
        a.sync().unwrap();
        let mut paths: Vec<_> = a.paths().iter().map(ToString::to_string).collect();
        paths.sort();
        assert_eq!(paths, ["x", "y"]);
        drop((a, b));
        assert_eq!(Inventory::read(&directory).unwrap().paths().len(), 2);
        let closed = segments(&directory).unwrap();
        assert!(closed.len() == 2 && closed.iter().all(|path| is_closed(path)));
    }

    #[test]
    fn the_record_of_the_file_that_is_there_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        std::fs::write(&file, b"abc").unwrap();
        let metadata = std::fs::metadata(&file).unwrap();
        let modified = record::nanoseconds(metadata.modified().ok()).unwrap();
        let inventory = Inventory::open(folder.path().join("inventory")).unwrap();
        inventory.add(record("x", modified, "fits")).unwrap();
        inventory.add(record("x", modified + 1, "later")).unwrap();
        let path = "x".parse().unwrap();
        assert_eq!(inventory.find(&path, &metadata).unwrap().etag.as_deref(), Some("fits"));
        std::fs::write(&file, b"abcd").unwrap();
        let metadata = std::fs::metadata(&file).unwrap();
        assert_eq!(inventory.find(&path, &metadata).unwrap().etag.as_deref(), Some("later"));
    }

    #[test]
    fn torn_lines_are_skipped_and_many_segments_become_one() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..MANY_SEGMENTS + 1 {
            let inventory = Inventory::open(folder.path()).unwrap();
            inventory.add(record(&format!("f{number}"), 1, "e")).unwrap();
        }
        let torn = &record("torn", 1, "e").to_line()[..20];
        std::fs::write(folder.path().join("00000099-torn.open"), torn).unwrap();
        std::fs::write(folder.path().join("00000098-zero.jsonl"), [0; 64]).unwrap();
        let inventory = Inventory::open(folder.path()).unwrap();
        assert_eq!(inventory.paths().len(), MANY_SEGMENTS + 1);
        inventory.add(record("last", 1, "e")).unwrap();
        // The torn one, which is open, the one of all before, and the new one.
        assert_eq!(segments(folder.path()).unwrap().len(), 3);
        assert_eq!(Inventory::read(folder.path()).unwrap().paths().len(), MANY_SEGMENTS + 2);
    }

    #[test]
    fn what_was_taken_back_is_no_record_until_the_file_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let paths = |inventory: &Inventory| {
            let mut paths: Vec<_> = inventory.paths().iter().map(ToString::to_string).collect();
            paths.sort();
            paths
        };
        let inventory = Inventory::open(folder.path()).unwrap();
        for modified in [1, 2] {
            inventory.add(record("x", modified, "a")).unwrap();
        }
        inventory.add(record("y", 1, "a")).unwrap();
        assert!(inventory.forget(&"x".parse().unwrap()).unwrap());
        assert!(!inventory.forget(&"x".parse().unwrap()).unwrap());
        assert_eq!(paths(&inventory), ["y"]);
        drop(inventory);
        // It stays so when segments are put together.
        for number in 0..MANY_SEGMENTS + 1 {
            let inventory = Inventory::open(folder.path()).unwrap();
            inventory.add(record("y", number as u128, "e")).unwrap();
        }
        assert!(segments(folder.path()).unwrap().len() < 5);
        let inventory = Inventory::open(folder.path()).unwrap();
        assert_eq!(paths(&inventory), ["y"]);
        inventory.add(record("x", 3, "b")).unwrap();
        assert_eq!(paths(&Inventory::read(folder.path()).unwrap()), ["x", "y"]);
        let error = Inventory::read(folder.path()).unwrap().forget(&"x".parse().unwrap());
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn reading_alone_never_writes() {
        let folder = tempfile::tempdir().unwrap();
        let inventory = Inventory::read(folder.path().join("inventory")).unwrap();
        let error = inventory.add(record("x", 1, "a")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        inventory.sync().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
