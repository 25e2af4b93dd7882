//! The gated images and their table: what is right already, what the bucket has, what needs access.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use laion_fmri_stimuli::files;
use s3_mirror::{
    Action, Cancel, Candidate, Event as TransferEvent, FetchReason, InvalidKey, Key, Listed,
    Outcome, Plan, PlanItem, RelativePath, Rule, TransferOptions,
};

use crate::access::{AccessService, GatedFile, GatedStore, Grant, HashRecord, Manifest, RequestId};
use crate::config::STATE_DIR;
use crate::remote::Remote;
use crate::{Dataset, Error, Event, InputError, Observer, Result, Roots, policy};

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
    options: TransferOptions,
}

/// What became of the images and their table.
///
/// All files must arrive: the first that does not is the error of [`StimulusDownload::run`], so
/// there is no incomplete report.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct StimulusReport {
    /// The files, the table first.
    pub files: Vec<StimulusFile>,
}

/// One file of a [`StimulusReport`].
#[derive(Clone, Debug)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
        let missing = |part: &Planned| match part.from {
            Source::Disk(_) => 0,
            _ => {
                let there = s3_mirror::unfinished_bytes(&self.root, &part.item.local);
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
    /// was there stays until then. What a stopped transfer leaves behind (`.NAME.part`) is used by the
    /// next one. Another process that fetches the same file is waited for.
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
        if !self.is_complete() {
            self.roots.writable()?;
        }
        observer.event(Event::Transfer(TransferEvent::Planned { plan: &self.plan }));
        let grant = grant.filter(|_| self.needs_access());
        let gated = grant.map(|grant| GatedStore::open(&self.service, &self.manifest, grant));
        let gated = gated.transpose()?;
        let mut files = Vec::new();
        let mut failed = None;
        for part in &self.parts {
            let told = WithinPlan::new(observer);
            if failed.is_some() {
                told.finished(&part.item, &Outcome::NotAttempted);
                continue;
            }
            match self.one(part, gated.as_ref(), &told, cancel) {
                Ok((path, outcome)) => {
                    told.finished(&part.item, &outcome);
                    files.push(StimulusFile { key: part.item.key.clone(), path, outcome });
                }
                Err(error) => {
                    told.finished(&part.item, &Outcome::NotAttempted);
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(StimulusReport { files }), Err)
    }

    fn one(
        &self,
        part: &Planned,
        gated: Option<&GatedStore>,
        told: &WithinPlan<'_>,
        cancel: &Cancel,
    ) -> Result<(PathBuf, Outcome)> {
        let target = self.root.join(files::DIRECTORY).join(&part.file.name);
        let mut plan = Plan::default();
        plan.items.push(part.item.clone());
        match (&part.from, &self.bucket, gated) {
            (Source::Disk(path), ..) => Ok((path.clone(), Outcome::Kept)),
            (Source::Bucket, Some(bucket), _) => {
                let (store, options) = (bucket.store(), &self.options);
                let transfer = s3_mirror::transfer(store, &plan, &self.root, options, told, cancel);
                let outcome = bucket.block_on(transfer).outcomes.pop();
                let outcome = outcome.map(|(_, outcome)| outcome);
                Ok((target, public_outcome(part, bucket, outcome, cancel)?))
            }
            (_, _, Some(gated)) => {
                let mut record = HashRecord::load(&self.root.join(STATE_DIR));
                // Another process may have fetched it since the plan was made.
                if let Some(path) = on_disk(&self.roots, &part.file, &mut record, cancel)? {
                    return Ok((path, Outcome::Kept));
                }
                forget_former_part(&target);
                match gated.transfer(&plan, &self.root, &self.options, told, cancel) {
                    Some(outcome @ (Outcome::Fetched { .. } | Outcome::Kept)) => {
                        Ok((target, outcome))
                    }
                    Some(Outcome::Withheld { reason }) => {
                        Err(GatedStore::denied(&part.file, &reason).into())
                    }
                    Some(Outcome::Failed { error }) => {
                        // Nobody else holds the report of this one file.
                        Err(match Arc::try_unwrap(error) {
                            Ok(error) => gated.failure(&part.file, error, told.there()),
                            Err(source) => {
                                Error::Transfer { key: part.item.key.to_string(), source }
                            }
                        })
                    }
                    _ if cancel.is_cancelled() => Err(Error::Cancelled),
                    _ => {
                        let location = self.service.url().to_owned();
                        let key = part.item.key.to_string();
                        Err(InputError::Disappeared { key, location }.into())
                    }
                }
            }
            (_, _, None) => Err(self.service.access_needed().into()),
        }
    }
}

/// What became of a file of the bucket.
fn public_outcome(
    part: &Planned,
    bucket: &Remote,
    outcome: Option<Outcome>,
    cancel: &Cancel,
) -> Result<Outcome> {
    let (key, location) = (part.item.key.to_string(), bucket.store().name().to_owned());
    match outcome {
        Some(outcome @ (Outcome::Fetched { .. } | Outcome::Kept)) => Ok(outcome),
        Some(Outcome::Failed { error }) => Err(Error::Transfer { key, source: error }),
        Some(Outcome::NotAttempted | Outcome::Unfinished { .. }) if cancel.is_cancelled() => {
            Err(Error::Cancelled)
        }
        Some(Outcome::Withheld { .. }) => {
            let path = PathBuf::from(format!("{location}/{key}"));
            Err(InputError::Withheld { path, reason: "the bucket refuses it" }.into())
        }
        _ => Err(InputError::Disappeared { key, location }.into()),
    }
}

/// Removes what a stopped transfer of an earlier version left: it was kept in another form.
fn forget_former_part(target: &Path) {
    for ending in [".part", ".part.json"] {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        // Most often there is none.
        if std::fs::remove_file(target.with_file_name(&name)).is_ok() {
            tracing::info!(name = %name.display(), "an unfinished file in a former form is removed");
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
    /// [`Error::Io`] when a file cannot be read, [`Error::Cancelled`].
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
        let root = self.roots().writable_or_last()?.to_owned();
        let mut record = HashRecord::load(&root.join(STATE_DIR));
        let mut parts = Vec::new();
        let mut bucket = None;
        for file in manifest.files() {
            let found = on_disk(self.roots(), file, &mut record, cancel)?;
            let part = match found {
                Some(path) => Planned::new(file, Source::Disk(path), file.size, self.roots()),
                None if file.name == files::METADATA => {
                    let (part, remote) = self.table(file, cancel);
                    bucket = remote;
                    part
                }
                None => Planned::new(file, Source::Service, file.size, self.roots()),
            };
            parts.extend(part);
        }
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let items = parts.iter().map(|part| part.item.clone());
        let mut plan = Plan::default();
        plan.items.extend(items);
        plan.items.sort_by(|a, b| a.key.cmp(&b.key));
        let (service, roots) = (service.clone(), self.roots().clone());
        let linked = self.linked_directories(plan.iter().map(|item| &item.local));
        let options = TransferOptions::default().with_linked_directories(linked);
        Ok(StimulusDownload { service, manifest, roots, root, parts, bucket, plan, options })
    }

    /// Fetches the images and their table with access that was granted earlier.
    ///
    /// If the files are there and right, only the public manifest is requested.
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
    fn table(&self, file: &GatedFile, cancel: &Cancel) -> (Option<Planned>, Option<Remote>) {
        match self.public_table(file, cancel) {
            Ok(Some((listed, remote))) => {
                let there = self.roots().find(&key_of(file));
                let there = there.filter(|path| {
                    std::fs::metadata(path).is_ok_and(|found| found.len() == listed.size)
                });
                let from = there.map_or(Source::Bucket, Source::Disk);
                let mut part = Planned::new(file, from, listed.size, self.roots());
                if let Some(part) = &mut part {
                    // Without its tag it could not be continued.
                    part.item.etag = listed.etag;
                }
                return (part, Some(remote));
            }
            Ok(None) => tracing::debug!("the bucket does not have the table of images"),
            Err(error) => tracing::debug!(%error, "the table of images is not public"),
        }
        (Planned::new(file, Source::Service, file.size, self.roots()), None)
    }

    fn public_table(&self, file: &GatedFile, cancel: &Cancel) -> Result<Option<(Listed, Remote)>> {
        let Ok(key) = key_of(file).parse::<Key>() else { return Ok(None) };
        let remote = self.open_bucket()?.with_cancel(cancel);
        let listed = remote.head(&key)?;
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
        // What the bucket has need not be what the service has.
        let sha256 = (from == Source::Service).then_some(file.sha256);
        let item = PlanItem { key: Key::new(key).ok()?, local, size, etag: None, sha256, action };
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

/// Passes on what is told about one file of a plan: not the plan of the one file, and the end once.
struct WithinPlan<'a> {
    observer: &'a dyn Observer,
    there: AtomicU64,
    finished: AtomicBool,
}

impl<'a> WithinPlan<'a> {
    fn new(observer: &'a dyn Observer) -> Self {
        Self { observer, there: AtomicU64::new(0), finished: AtomicBool::new(false) }
    }

    /// How many bytes of the file are there.
    fn there(&self) -> u64 {
        self.there.load(Ordering::Relaxed)
    }

    fn finished(&self, item: &PlanItem, outcome: &Outcome) {
        s3_mirror::Observer::event(self, TransferEvent::Finished { item, outcome });
    }
}

impl s3_mirror::Observer for WithinPlan<'_> {
    fn event(&self, event: TransferEvent<'_>) {
        match event {
            TransferEvent::Planned { .. } => return,
            TransferEvent::Advanced { bytes, .. } | TransferEvent::Resumed { bytes, .. } => {
                self.there.fetch_add(bytes, Ordering::Relaxed);
            }
            TransferEvent::Discarded { bytes, .. } => {
                self.there.fetch_sub(bytes, Ordering::Relaxed);
            }
            TransferEvent::Finished { .. } if self.finished.swap(true, Ordering::Relaxed) => return,
            _ => {}
        }
        self.observer.event(Event::Transfer(event));
    }
}

fn key_of(file: &GatedFile) -> String {
    format!("{}/{}", files::DIRECTORY, file.name)
}

/// The images in a download from the bucket, which cannot fetch them: kept when they are on disk, and
/// withheld otherwise.
pub(super) fn images(roots: &Roots) -> Result<Candidate, InvalidKey> {
    let key = Key::new(format!("{}/{}", files::DIRECTORY, files::IMAGES))?;
    let found = roots.find(key.as_str()).and_then(|path| std::fs::metadata(path).ok());
    let rule = match found {
        Some(_) => Rule::Mirror,
        None => Rule::Withhold(policy::NEEDS_ACCESS.to_owned()),
    };
    let size = found.map_or(0, |found| found.len());
    let listed = Listed { key, size, etag: None, last_modified: None };
    Ok(Candidate { rule, ..Candidate::exact(listed) })
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
