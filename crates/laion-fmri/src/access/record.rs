//! Hashes of files, and a record so that gigabytes are not hashed again: [`HashRecord`].

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use laion_fmri_base::{Sha256, Sha256Hasher};
use s3_mirror::Cancel;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const NAME: &str = "stimuli.json";

/// Read and hashed at once.
const CHUNK: usize = 1 << 20;

/// A file that changed less than this before it was hashed may have changed again without another
/// time stamp.
const SETTLED_NANOS: u64 = 2_000_000_000;

/// The hashes of files in `.laion_fmri/`, each valid as long as the file looks untouched: size, time
/// of the last change of content and of the entry, and inode are those of when it was hashed.
#[derive(Debug)]
pub(crate) struct HashRecord {
    path: PathBuf,
    known: BTreeMap<String, Known>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Known {
    #[serde(flatten)]
    stamp: Stamp,
    sha256: String,
    hashed_at: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
struct Stamp {
    size: u64,
    modified: u64,
    changed: u64,
    inode: u64,
}

impl Stamp {
    fn latest(&self) -> u64 {
        self.modified.max(self.changed)
    }
}

impl HashRecord {
    /// The record in a state directory; one that is missing or damaged is empty.
    pub(crate) fn load(state: &Path) -> Self {
        let path = state.join(NAME);
        let known = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        Self { path, known: known.unwrap_or_default() }
    }

    /// The digest of a file, from the record when nothing speaks against it.
    pub(crate) fn sha256(&mut self, path: &Path, cancel: &Cancel) -> Result<Sha256> {
        let name = path.display().to_string();
        let before = stamp(path)?;
        if let Some(known) = self.known.get(&name)
            && known.stamp == before
            && known.hashed_at > before.latest().saturating_add(SETTLED_NANOS)
            && let Ok(sha256) = known.sha256.parse()
        {
            return Ok(sha256);
        }
        let now = nanos(SystemTime::now());
        let sha256 = of_file(path, cancel)?;
        if stamp(path)? == before {
            let known = Known { stamp: before, sha256: sha256.to_string(), hashed_at: now };
            self.known.insert(name, known);
            self.save();
        }
        Ok(sha256)
    }

    /// A record that cannot be written only costs time.
    fn save(&self) {
        let Some(state) = self.path.parent() else { return };
        let written =
            std::fs::create_dir_all(state).map_err(|error| error.to_string()).and_then(|()| {
                let text =
                    serde_json::to_vec_pretty(&self.known).map_err(|error| error.to_string())?;
                array_export::write_text(&self.path, text).map_err(|error| error.to_string())
            });
        if let Err(reason) = written {
            tracing::debug!(path = %self.path.display(), reason, "hashes are not recorded");
        }
    }
}

/// The digest of a file, read from its start to its end.
fn of_file(path: &Path, cancel: &Cancel) -> Result<Sha256> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", path)(error)),
        }
    }
}

fn stamp(path: &Path) -> Result<Stamp> {
    let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
    let modified = metadata.modified().map_err(Error::io("look at", path))?;
    let (changed, inode) = entry(&metadata);
    Ok(Stamp { size: metadata.len(), modified: nanos(modified), changed, inode })
}

/// What a program that sets the time of the last modification cannot set.
#[cfg(unix)]
fn entry(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    let seconds = part(metadata.ctime()).saturating_mul(1_000_000_000);
    (seconds.saturating_add(part(metadata.ctime_nsec())), metadata.ino())
}

#[cfg(not(unix))]
fn entry(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Since 1970; until the year 2554 they fit.
fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_record_is_used_only_for_an_untouched_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let cancel = Cancel::new();
        let old = SystemTime::now() - Duration::from_secs(60);
        let write = |text: &str| {
            std::fs::write(&file, text).unwrap();
            File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        };
        write("abc");
        let hash = || HashRecord::load(folder.path()).sha256(&file, &cancel).unwrap();
        let abc = hash();
        assert_eq!(
            abc.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        let record = folder.path().join(NAME);
        let mut recorded: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
        let known = &mut recorded[file.display().to_string()];
        assert_eq!(known["sha256"], abc.to_string());
        // As if it had been hashed a minute later.
        known["hashed_at"] =
            serde_json::json!(known["hashed_at"].as_u64().unwrap() + 60_000_000_000);
        // What the record says is believed as long as the file looks the same.
        let empty = Sha256::of("");
        known["sha256"] = serde_json::json!(empty.to_string());
        std::fs::write(&record, recorded.to_string()).unwrap();
        assert_eq!(hash(), empty);
        // The same size and time with other content shows in the entry.
        if cfg!(unix) {
            std::thread::sleep(Duration::from_millis(20));
            write("xyz");
            assert_ne!(hash(), empty);
        }
        std::fs::write(&record, "{").unwrap();
        assert_ne!(hash(), empty);
    }

    #[test]
    fn a_fresh_file_is_hashed_again_and_a_stop_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "abc").unwrap();
        let mut record = HashRecord::load(folder.path());
        let cancel = Cancel::new();
        let abc = record.sha256(&file, &cancel).unwrap();
        for known in record.known.values_mut() {
            known.sha256 = Sha256::of("").to_string();
        }
        assert_eq!(record.sha256(&file, &cancel).unwrap(), abc);
        cancel.cancel();
        assert!(matches!(record.sha256(&file, &cancel), Err(Error::Cancelled)));
        let missing = folder.path().join("missing");
        assert!(
            matches!(record.sha256(&missing, &cancel), Err(Error::Io { path, .. }) if path == missing)
        );
    }
}
