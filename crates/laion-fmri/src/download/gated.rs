//! The gated images and their table: what is right already, what the bucket has, what needs access.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use laion_fmri_stimuli::files;
use s3_mirror::{
    Action, Cancel, FetchReason, Key, Listed, Observer, Outcome, Plan, PlanItem, RelativePath,
    TransferOptions,
};

use crate::access::{
    AccessService, FileTransfer, GatedFile, Grant, HashRecord, Manifest, RequestId, part_path,
};
use crate::config::STATE_DIR;
use crate::remote::Remote;
use crate::{Dataset, Error, InputError, Result, Roots};

/// How often a lock that another process holds is tried again.
const LOCK_PAUSE: Duration = Duration::from_millis(200);

/// The images and their table, compared with what is on disk but not fetched yet.
///
/// The images come through the access service. The table of images is taken from the bucket when it
/// is public there, and through the service otherwise.
#[must_use]
pub struct StimulusDownload {
    service: AccessService,
    manifest: Manifest,
    roots: Roots,
    root: PathBuf,
    parts: Vec<Planned>,
    bucket: Option<Remote>,
    plan: Plan,
}

/// What became of the images and their table.
#[derive(Debug)]
#[non_exhaustive]
pub struct StimulusReport {
    /// The files, the table first.
    pub files: Vec<StimulusFile>,
}

/// One file of a [`StimulusReport`].
#[derive(Debug)]
#[non_exhaustive]
pub struct StimulusFile {
    /// Its key in the mirror.
    pub key: Key,
    /// Where it is.
    pub path: PathBuf,
    /// [`Outcome::Fetched`] or [`Outcome::Kept`].
    pub outcome: Outcome,
}

struct Planned {
    file: GatedFile,
    item: PlanItem,
    from: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// The file is there.
    Disk(PathBuf),
    Bucket,
    Service,
}

impl StimulusDownload {
    /// What the service has.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What will be done to each file, and the totals.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether all files are there and right: then [`run`](Self::run) sends nothing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| matches!(part.from, Source::Disk(_)))
    }

    /// Whether a file has to come through the service, so that [`run`](Self::run) needs a grant.
    #[must_use]
    pub fn needs_access(&self) -> bool {
        self.parts.iter().any(|part| part.from == Source::Service)
    }

    /// The directory that files go into.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Bytes that [`run`](Self::run) adds to the disk: what is missing, without what an earlier run
    /// left unfinished.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        let directory = self.root.join(files::DIRECTORY);
        let missing = |part: &Planned| match part.from {
            Source::Disk(_) => 0,
            Source::Bucket => part.item.size,
            Source::Service => {
                let unfinished = part_path(&directory.join(&part.file.name));
                let there = std::fs::metadata(unfinished).map_or(0, |found| found.len());
                part.item.size.saturating_sub(there)
            }
        };
        self.parts.iter().map(missing).fold(0, u64::saturating_add)
    }

    /// Bytes that are free where files go; `None` where the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        crate::roots::free_bytes(&self.root)
    }

    /// Fetches what is missing and reports every file.
    ///
    /// A file appears under its name when its size and SHA-256 are those of the manifest; one that
    /// was there stays until then. What a stopped transfer leaves behind (`NAME.part`) is used by the
    /// next one. Another process that does the same in the same directory is waited for.
    ///
    /// # Errors
    ///
    /// The first failure ends it. [`Error::Access`]: access is needed and there is no grant; the link
    /// is refused although it was renewed; another file than announced; interrupted again and again.
    /// [`Error::Transfer`] when the table cannot be fetched from the bucket,
    /// [`InputError::Withheld`] when the bucket refuses it and [`InputError::Disappeared`] when it is
    /// not there any more; [`Error::Io`] when a file cannot be written, [`Error::Cancelled`].
    pub fn run(
        &self,
        grant: Option<&Grant>,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<StimulusReport> {
        if self.needs_access() && grant.is_none() {
            return Err(self.service.access_needed().into());
        }
        observer.planned(&self.plan);
        let directory = self.root.join(files::DIRECTORY);
        // Held until the end; a directory that is already right is not touched.
        let mut lock = None;
        if !self.is_complete() {
            std::fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
            lock = self.lock(cancel)?;
        }
        let mut files = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            match self.one(part, grant, &directory, observer, cancel) {
                Ok((path, outcome)) => {
                    // A transfer of its own has said so already.
                    if part.from != Source::Bucket {
                        observer.finished(&part.item, &outcome);
                    }
                    files.push(StimulusFile { key: part.item.key.clone(), path, outcome });
                }
                Err(error) => {
                    let done = usize::from(part.from == Source::Bucket);
                    for left in &self.parts[index + done..] {
                        observer.finished(&left.item, &Outcome::NotAttempted);
                    }
                    return Err(error);
                }
            }
        }
        drop(lock);
        Ok(StimulusReport { files })
    }

    fn one(
        &self,
        part: &Planned,
        grant: Option<&Grant>,
        directory: &Path,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<(PathBuf, Outcome)> {
        let target = directory.join(&part.file.name);
        match (&part.from, &self.bucket, grant) {
            (Source::Disk(path), ..) => Ok((path.clone(), Outcome::Kept)),
            (Source::Bucket, Some(bucket), _) => {
                Ok((target, self.public(part, bucket, observer, cancel)?))
            }
            (_, _, Some(grant)) => {
                let mut record = HashRecord::load(&self.root.join(STATE_DIR));
                // Whoever held the lock may have fetched it.
                if let Some(path) = on_disk(&self.roots, &part.file, &mut record, cancel)? {
                    return Ok((path, Outcome::Kept));
                }
                observer.started(&part.item);
                let transfer = FileTransfer {
                    service: &self.service,
                    manifest: &self.manifest,
                    grant,
                    file: &part.file,
                    item: &part.item,
                    observer,
                };
                let bytes = transfer.run(&target, cancel)?;
                Ok((target, Outcome::Fetched { bytes }))
            }
            (_, _, None) => Err(self.service.access_needed().into()),
        }
    }

    fn public(
        &self,
        part: &Planned,
        bucket: &Remote,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Outcome> {
        let mut plan = Plan::default();
        plan.items.push(part.item.clone());
        let observer = WithinPlan(observer);
        let options = TransferOptions::default();
        let transfer =
            s3_mirror::transfer(bucket.store(), &plan, &self.root, &options, &observer, cancel);
        let outcome = bucket.block_on(transfer).outcomes.pop().map(|(_, outcome)| outcome);
        match outcome {
            Some(outcome @ (Outcome::Fetched { .. } | Outcome::Kept)) => Ok(outcome),
            Some(Outcome::Failed { error }) => {
                Err(Error::Transfer { key: part.item.key.as_str().to_owned(), source: error })
            }
            Some(Outcome::NotAttempted) if cancel.is_cancelled() => Err(Error::Cancelled),
            Some(Outcome::Withheld { .. }) => {
                let path = PathBuf::from(format!("{}/{}", bucket.store().name(), part.item.key));
                Err(InputError::Withheld { path, reason: "the bucket refuses it" }.into())
            }
            _ => Err(InputError::Disappeared {
                key: part.item.key.as_str().to_owned(),
                location: bucket.store().name().to_owned(),
            }
            .into()),
        }
    }

    /// The lock of the state directory, waited for; `None` where the file system has no locks.
    fn lock(&self, cancel: &Cancel) -> Result<Option<File>> {
        let state = self.root.join(STATE_DIR);
        std::fs::create_dir_all(&state).map_err(Error::io("create", &state))?;
        let path = state.join("stimuli.lock");
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(Error::io("create", &path))?;
        let mut noted = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(std::fs::TryLockError::WouldBlock) if cancel.is_cancelled() => {
                    return Err(Error::Cancelled);
                }
                Err(std::fs::TryLockError::WouldBlock) => {
                    if !noted {
                        tracing::warn!(
                            root = %self.root.display(),
                            "waiting for another process that fetches the stimuli"
                        );
                        noted = true;
                    }
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(std::fs::TryLockError::Error(error)) => {
                    tracing::debug!(path = %path.display(), %error, "no lock");
                    return Ok(None);
                }
            }
        }
    }
}

impl Dataset {
    /// Compares the images and their table with what the access service announces.
    ///
    /// Nothing is written but a record of hashes, and the service is asked for its public manifest
    /// alone. A file counts as there when its size and SHA-256 are right; gigabytes are hashed once
    /// and then recognised by size, times and inode. The licence of the public data does not cover
    /// the images and is not needed here.
    ///
    /// # Errors
    ///
    /// [`Error::Access`] when the manifest cannot be had or used, [`Error::Offline`],
    /// [`Error::Io`] when no root is writable or a file cannot be read, [`Error::Cancelled`].
    #[doc(alias = "download_stimuli")]
    pub fn plan_stimuli(
        &self,
        service: &AccessService,
        cancel: &Cancel,
    ) -> Result<StimulusDownload> {
        if self.is_offline() {
            return Err(Error::Offline { what: format!("asking {}", service.url()) });
        }
        let manifest = service.manifest(cancel)?;
        let root = self.roots().writable()?.to_owned();
        let mut record = HashRecord::load(&root.join(STATE_DIR));
        let mut parts = Vec::new();
        let mut bucket = None;
        for file in manifest.files() {
            let found = on_disk(self.roots(), file, &mut record, cancel)?;
            let part = match found {
                Some(path) => Planned::new(file, Source::Disk(path), file.size, self.roots()),
                None if file.name == files::METADATA => {
                    let (part, remote) = self.table(file);
                    bucket = remote;
                    part
                }
                None => Planned::new(file, Source::Service, file.size, self.roots()),
            };
            parts.extend(part);
        }
        let items = parts.iter().map(|part| part.item.clone());
        let mut plan = Plan::default();
        plan.items.extend(items);
        plan.items.sort_by(|a, b| a.key.cmp(&b.key));
        let (service, roots) = (service.clone(), self.roots().clone());
        Ok(StimulusDownload { service, manifest, roots, root, parts, bucket, plan })
    }

    /// Fetches the images and their table with access that was granted earlier.
    ///
    /// Nothing but the public manifest is asked for when they are there and right.
    ///
    /// # Errors
    ///
    /// As [`Dataset::plan_stimuli`], [`AccessService::refresh`] and [`StimulusDownload::run`].
    pub fn download_stimuli(
        &self,
        service: &AccessService,
        request_id: &RequestId,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<StimulusReport> {
        let download = self.plan_stimuli(service, cancel)?;
        let grant = if download.needs_access() {
            Some(service.refresh(request_id, download.manifest(), cancel)?)
        } else {
            None
        };
        download.run(grant.as_ref(), observer, cancel)
    }

    /// Where the table comes from: the disk or the bucket if it is public there, else the service.
    fn table(&self, file: &GatedFile) -> (Option<Planned>, Option<Remote>) {
        match self.public_table(file) {
            Ok(Some((listed, remote))) => {
                let there = self.roots().find(&key_of(file));
                let there = there.filter(|path| {
                    std::fs::metadata(path).is_ok_and(|found| found.len() == listed.size)
                });
                let from = there.map_or(Source::Bucket, Source::Disk);
                return (Planned::new(file, from, listed.size, self.roots()), Some(remote));
            }
            Ok(None) => tracing::debug!("the bucket does not have the table of images"),
            Err(error) => tracing::debug!(%error, "the table of images is not public"),
        }
        (Planned::new(file, Source::Service, file.size, self.roots()), None)
    }

    fn public_table(&self, file: &GatedFile) -> Result<Option<(Listed, Remote)>> {
        let Ok(key) = key_of(file).parse::<Key>() else { return Ok(None) };
        let remote = Remote::open(self.location())?;
        let listed = remote.block_on(s3_mirror::head(remote.store(), &key))?;
        Ok(listed.map(|listed| (listed, remote)))
    }
}

impl Planned {
    /// `None` for a name that cannot be a key, which no expected name is.
    fn new(file: &GatedFile, from: Source, size: u64, roots: &Roots) -> Option<Self> {
        let key = key_of(file);
        let found = roots.find(&key).and_then(|path| std::fs::metadata(path).ok());
        let action = match (&from, found) {
            (Source::Disk(_), _) => Action::Keep,
            (_, Some(found)) if found.len() != size => {
                Action::Fetch(FetchReason::SizeDiffers { expected: size, got: found.len() })
            }
            (_, Some(_)) => Action::Fetch(FetchReason::Damaged),
            (_, None) => Action::Fetch(FetchReason::Missing),
        };
        let local = RelativePath::new(key.clone()).ok()?;
        let item = PlanItem { key: Key::new(key).ok()?, local, size, etag: None, action };
        Some(Self { file: file.clone(), item, from })
    }
}

impl fmt::Debug for StimulusDownload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StimulusDownload")
            .field("service", &self.service)
            .field("root", &self.root)
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

/// Passes everything on but the plan of one file, since the whole plan was announced.
struct WithinPlan<'a>(&'a dyn Observer);

impl Observer for WithinPlan<'_> {
    fn started(&self, item: &PlanItem) {
        self.0.started(item);
    }

    fn advanced(&self, item: &PlanItem, bytes: u64) {
        self.0.advanced(item, bytes);
    }

    fn resumed(&self, item: &PlanItem, bytes: u64) {
        self.0.resumed(item, bytes);
    }

    fn discarded(&self, item: &PlanItem, bytes: u64) {
        self.0.discarded(item, bytes);
    }

    fn finished(&self, item: &PlanItem, outcome: &Outcome) {
        self.0.finished(item, outcome);
    }
}

fn key_of(file: &GatedFile) -> String {
    format!("{}/{}", files::DIRECTORY, file.name)
}

/// The file in any root, when its size and digest are right.
fn on_disk(
    roots: &Roots,
    file: &GatedFile,
    record: &mut HashRecord,
    cancel: &Cancel,
) -> Result<Option<PathBuf>> {
    for root in roots.directories() {
        let path = root.join(key_of(file));
        let right_size =
            std::fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == file.size);
        if right_size && record.sha256(&path, cancel)? == file.sha256 {
            return Ok(Some(path));
        }
    }
    Ok(None)
}
