//! Whether the files of a mirror are still as they were fetched: [`Dataset::verify`].

use std::collections::{BTreeSet, HashMap};

use bids_names::SubjectId;
use s3_mirror::{
    Action, Cancel, Candidate, Check, Condition, Expected, Inspection, Inventory, Listed, Record,
    RelativePath, Rule, check_file,
};

use super::in_parallel;
use super::listed::check_listed;
use super::tree::{self, Found};
use crate::download::GzipInspection;
use crate::remote::Remote;
use crate::{Dataset, Download, Error, Event, Observer, Result};

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Depth {
    /// Their sizes alone.
    Sizes,
    /// All their bytes: the recorded SHA-256, the entity tag of the object where none is recorded,
    /// and the checksums inside gzipped files.
    #[default]
    Content,
}

/// Which files are verified, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct VerifyRequest {
    /// Only files of these subjects; of all, and those of no subject, when empty.
    pub subjects: Vec<SubjectId>,
    /// How closely they are looked at.
    pub depth: Depth,
    /// Files that are read at once (default 4; 0 counts as 1).
    pub jobs: usize,
}

impl Default for VerifyRequest {
    fn default() -> Self {
        Self { subjects: Vec::new(), depth: Depth::default(), jobs: 4 }
    }
}

impl VerifyRequest {
    /// All bytes of all files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only files of this subject too.
    pub fn subject(mut self, subject: SubjectId) -> Self {
        self.subjects.push(subject);
        self
    }

    /// Another depth.
    pub fn depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// Another number of files at once.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    fn wants(&self, path: &RelativePath) -> bool {
        self.subjects.is_empty()
            || self.subjects.iter().any(|wanted| path.parts().any(|part| part == wanted.as_str()))
    }
}

/// One file and what it was found to be.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VerifiedFile {
    /// Relative to the root it lies in.
    pub path: RelativePath,
    /// Its bytes.
    pub size: u64,
    /// What it was compared with: a record of its download, else the listing of the bucket, else
    /// nothing but itself.
    pub against: &'static str,
    /// What showed that its bytes are those of its object: when it was recorded, or else now. Of a file
    /// that is not sound, or that nothing is known of, there is none.
    pub check: Option<Check>,
    /// What came of it. After [`Depth::Sizes`] a sound file is [`Condition::Unread`].
    pub condition: Condition,
}

/// What became of a verification.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Verification {
    /// Every file that was looked at, by path.
    pub files: Vec<VerifiedFile>,
    /// Recorded files that no root has any more. [`Dataset::forget`] drops their records.
    pub missing: Vec<RelativePath>,
}

impl Verification {
    /// Whether all files are there and what they have to be.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.missing.is_empty() && self.bad().next().is_none()
    }

    /// The files that are what their objects are, where the object itself is at fault, each with what is
    /// wrong. Nothing can be repaired there.
    pub fn faults(&self) -> impl Iterator<Item = (&VerifiedFile, &str)> {
        self.files.iter().filter_map(|file| Some((file, file.condition.fault()?)))
    }

    /// The files that are not what they have to be.
    pub fn bad(&self) -> impl Iterator<Item = &VerifiedFile> {
        self.files.iter().filter(|file| !file.condition.is_sound())
    }
}

/// A file with everything that is known about it.
struct Known {
    found: Found,
    record: Option<Record>,
    listed: Option<Listed>,
    root: usize,
}

impl Dataset {
    /// Looks at every file of the mirror, in all roots. Recorded files are found behind links too.
    ///
    /// Each is compared with the record of its download. A file without one, as other tools leave
    /// them, is compared with the listing of the bucket, unless the dataset is offline; what is then
    /// found sound by its bytes is recorded, if its root is the one written to.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToVerify`] when the mirror neither has nor had a file of one of the subjects, or
    /// any file at all; [`Error::Io`] when a folder or file cannot be read, [`Error::Mirror`] when the
    /// bucket cannot be listed, [`Error::Cancelled`].
    pub fn verify(
        &self,
        request: &VerifyRequest,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Verification> {
        let roots = self.roots().directories();
        let writable = self.roots().writable().ok().map(ToOwned::to_owned);
        let mut inventories: Vec<Inventory> = Vec::new();
        let mut known = Vec::new();
        let mut missing = BTreeSet::new();
        let mut subjects = BTreeSet::new();
        for (index, root) in roots.iter().enumerate() {
            let inventory = if writable.as_ref() == Some(root) {
                crate::roots::inventory::of_writable(root)?
            } else {
                crate::roots::inventory::of_shared(root)?
            };
            let mut recorded: BTreeSet<RelativePath> = inventory.paths().into_iter().collect();
            let mut files = tree::files(root)?;
            files.iter().for_each(|found| {
                recorded.remove(&found.path);
            });
            files.extend(tree::behind_links(root, &mut recorded));
            for path in files.iter().map(|found| &found.path).chain(&recorded) {
                subjects.extend(subject_of(path));
            }
            for found in files {
                if !request.wants(&found.path) {
                    continue;
                }
                let metadata =
                    std::fs::metadata(&found.file).map_err(Error::io("look at", &found.file))?;
                let record = inventory.find(&found.path, &metadata);
                known.push(Known { found, record, listed: None, root: index });
            }
            let is_missing = |path: &RelativePath| self.roots().find(path.as_str()).is_none();
            let recorded = recorded.into_iter().filter(|path| request.wants(path));
            missing.extend(recorded.filter(is_missing));
            inventories.push(inventory);
        }
        let absent: Vec<SubjectId> =
            request.subjects.iter().filter(|wanted| !subjects.contains(*wanted)).cloned().collect();
        if !absent.is_empty() || known.is_empty() && missing.is_empty() {
            return Err(Error::NothingToVerify {
                subjects: absent,
                available: subjects.into_iter().collect(),
                data_dir: self.roots().first().to_owned(),
            });
        }
        let remote = self.ask_about_unrecorded(&mut known, cancel)?;
        let bytes = known.iter().map(|known| known.found.size).sum();
        observer.event(Event::Checking { files: known.len(), bytes });
        let conditions = in_parallel(&known, request.jobs, |known| {
            let condition = condition_of(known, remote.as_ref(), request.depth, cancel);
            let (path, bytes) = (known.found.path.as_str(), known.found.size);
            observer.event(Event::Checked { path, bytes });
            condition
        });
        let mut files = Vec::with_capacity(known.len());
        for (known, condition) in known.into_iter().zip(conditions) {
            let condition = condition.map_err(|source| match source.kind() {
                std::io::ErrorKind::Interrupted => Error::Cancelled,
                _ => Error::io("read", &known.found.file)(source),
            })?;
            let against = match (&known.record, &known.listed) {
                (Some(_), _) => "record",
                (None, Some(_)) => "listing",
                (None, None) => "itself",
            };
            if against != "itself"
                && let Some(inventory) = inventories.get(known.root)
            {
                record(inventory, &known, &condition);
            }
            let recorded = known.record.as_ref().map(|record| record.check);
            let check = match &condition {
                Condition::Sound(content) => recorded.unwrap_or(Some(content.check)),
                Condition::Unread => recorded.flatten(),
                _ => None,
            };
            files.push(VerifiedFile {
                path: known.found.path,
                size: known.found.size,
                against,
                check,
                condition,
            });
        }
        Ok(Verification { files, missing: missing.into_iter().collect() })
    }

    /// Drops the records of files that are not on disk any more, so that verifications do not miss them:
    /// that of a file, or those of all files below a folder. Returns the files.
    ///
    /// Records of a shared root stay: it is not written to.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the records cannot be read or written, or no root is writable.
    pub fn forget(&self, path: &RelativePath) -> Result<Vec<RelativePath>> {
        let root = self.roots().writable()?;
        let inventory = crate::roots::inventory::of_writable(root)?;
        let is_meant = |recorded: &RelativePath| {
            let below = recorded.as_str().strip_prefix(path.as_str());
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut forgotten: Vec<RelativePath> = inventory.paths();
        forgotten.retain(|recorded| {
            is_meant(recorded) && self.roots().find(recorded.as_str()).is_none()
        });
        forgotten.sort();
        let written = || -> std::io::Result<()> {
            forgotten.iter().try_for_each(|path| inventory.forget(path).map(drop))?;
            inventory.sync()
        };
        written().map_err(Error::io("write the records below", root))?;
        Ok(forgotten)
    }

    /// A download that brings again what a verification found bad or missing.
    ///
    /// # Errors
    ///
    /// [`Error::Offline`], [`Error::Mirror`] when the bucket cannot be listed.
    pub fn plan_repair(&self, verification: &Verification) -> Result<Download> {
        self.check_online("repairing from")?;
        let remote = self.open_bucket()?;
        let bad = verification.bad().map(|file| &file.path);
        let wanted: Vec<&RelativePath> = bad.chain(&verification.missing).collect();
        let mut listed = tree::listed(&remote, wanted.iter().copied())?;
        let candidates = wanted.into_iter().filter_map(|path| {
            let listed = listed.remove(path)?;
            Some(Candidate { listed, local: path.clone(), rule: Rule::Replace })
        });
        self.replace(candidates.collect())
    }

    /// The bucket that was asked, if it was.
    fn ask_about_unrecorded(&self, known: &mut [Known], cancel: &Cancel) -> Result<Option<Remote>> {
        let unrecorded = || known.iter().filter(|known| known.record.is_none());
        if unrecorded().next().is_none() || self.check_online("listing").is_err() {
            return Ok(None);
        }
        let remote = self.open_bucket()?.with_cancel(cancel);
        let listed: HashMap<RelativePath, Listed> =
            tree::listed(&remote, unrecorded().map(|known| &known.found.path))?;
        for known in known.iter_mut().filter(|known| known.record.is_none()) {
            known.listed = tree::local_of(known.found.path.as_str())
                .ok()
                .and_then(|local| listed.get(&local).cloned());
        }
        Ok(Some(remote))
    }
}

/// The subject whose folder a path lies in.
fn subject_of(path: &RelativePath) -> Option<SubjectId> {
    path.parts().find(|part| part.starts_with("sub-")).and_then(|part| part.parse().ok())
}

fn condition_of(
    known: &Known,
    remote: Option<&Remote>,
    depth: Depth,
    cancel: &Cancel,
) -> std::io::Result<Condition> {
    let Known { found, record, listed, .. } = known;
    let size = record.as_ref().map(|record| record.size).or(listed.as_ref().map(|it| it.size));
    if depth == Depth::Sizes {
        return Ok(match size {
            Some(expected) if expected != found.size => {
                Condition::Size { expected, got: found.size }
            }
            _ => Condition::Unread,
        });
    }
    if let (None, Some(listed), Some(remote)) = (record, listed, remote) {
        return check_listed(&found.file, &found.path, listed, remote, cancel);
    }
    let mut expected = Expected::new();
    if let Some(record) = record {
        expected = Expected::of_record(record);
    }
    check_file(&found.file, &expected, GzipInspection.inspect(&found.path), cancel)
}

/// Notes what a file without a record was proved to be; the SHA-256 of a file whose record has none,
/// made now at first need; and at which time of modification a file has the bytes of its record:
/// copying a mirror changes the times.
fn record(inventory: &Inventory, known: &Known, condition: &Condition) {
    let Condition::Sound(content) = condition else { return };
    let Ok(metadata) = std::fs::metadata(&known.found.file) else { return };
    let new = match (&known.record, &known.listed) {
        (Some(record), _) if record.sha256.is_none() => {
            if !content.check.is_proof() {
                return;
            }
            let (key, etag) = (record.key.clone(), record.etag.clone());
            Record::new(known.found.path.clone(), key, etag, content.clone(), &metadata)
        }
        (Some(record), _) if record.fits(&metadata) || record.sha256 != content.sha256 => return,
        (Some(record), _) => record.clone().at_time_of(&metadata),
        (None, Some(listed)) if content.check.is_proof() => {
            let (path, etag) = (known.found.path.clone(), listed.etag.clone());
            Record::new(path, listed.key.clone(), etag, content.clone(), &metadata)
        }
        _ => return,
    };
    // A shared root keeps no records of ours.
    if let Err(error) = inventory.add(new) {
        tracing::debug!(%error, "not recorded");
    }
}

/// Which of the items that a download keeps are not what they have to be, in the order of the plan.
pub(crate) fn bad_among(
    download: &Download,
    jobs: usize,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Result<Vec<bool>> {
    let items = &download.plan().items;
    let kept = || items.iter().filter(|item| item.action == Action::Keep);
    let (files, bytes) = (kept().count(), kept().map(|item| item.size).sum());
    observer.event(Event::Checking { files, bytes });
    let looked = in_parallel(items, jobs, |item| -> std::io::Result<bool> {
        let Some(file) = download.find(item).filter(|_| item.action == Action::Keep) else {
            return Ok(false);
        };
        let record = download.inventory().find(&item.local, &std::fs::metadata(&file)?);
        let condition = match record {
            Some(record) => {
                let expected = Expected::of_record(&record).size(item.size);
                check_file(&file, &expected, GzipInspection.inspect(&item.local), cancel)?
            }
            None => {
                let (key, size, etag) = (item.key.clone(), item.size, item.etag.clone());
                let listed = Listed { key, size, etag, last_modified: None };
                check_listed(&file, &item.local, &listed, download.remote(), cancel)?
            }
        };
        observer.event(Event::Checked { path: item.local.as_str(), bytes: item.size });
        Ok(!condition.is_sound())
    });
    let mut bad = Vec::with_capacity(looked.len());
    for (item, looked) in items.iter().zip(looked) {
        bad.push(looked.map_err(|source| match source.kind() {
            std::io::ErrorKind::Interrupted => Error::Cancelled,
            _ => Error::io("read", item.local.as_str())(source),
        })?);
    }
    Ok(bad)
}
