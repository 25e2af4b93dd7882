//! Carrying a plan out: [`transfer`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use laion_fmri_base::lock;
use tokio::sync::Semaphore;

use crate::digest::{Claims, Digests};
use crate::get::{Outage, Pause, repeat};
use crate::{
    Action, Cancel, Content, Error, Event, Expected, Key, Observer, Plan, PlanItem, Record, Store,
    Wait, check_file,
};

mod claim;
mod destination;
mod incomplete;
mod long;
mod options;
mod pace;
mod ranges;
mod report;
mod short;
mod state;
mod unfinished;
mod version;

pub use incomplete::Incomplete;
pub use options::TransferOptions;
pub use report::{Outcome, Report, ReportTotals, Stop, TransferError, Withheld};
#[cfg(any(test, fuzzing))]
pub use state::check_state;
pub use unfinished::unfinished_bytes;

use claim::{BEAT, Claim, Taken, Watch};
pub(crate) use destination::{Destination, Root};
use long::RangedOutcome;
use pace::Pace;
use short::Done;
use version::{Version, VersionError};

/// As many transfers in a row may find the location unreachable before the rest is given up.
const UNREACHABLE_IN_A_ROW: usize = 4;

/// Longer files are fetched in ranges, and what is there of them outlives the process.
const LONG: u64 = 4 << 20;

/// How often a file is begun again when it changes on the server or arrives damaged.
const ROUNDS: usize = 4;

/// How often a process that waits for another one looks again.
const WAIT: Duration = Duration::from_millis(250);

/// Carries out `plan` below `root`, which is created if it is missing.
///
/// Every file is written under a temporary name next to its final one. Its length and what the
/// [`Inspection`](crate::Inspection) finds are checked, and the best proof that the store offers: a checksum that it keeps
/// of the whole object, an entity tag that is its MD5, or a checksum or entity tag of its parts. A file
/// that does not pass is fetched again, up to three times. Then another proof decides, if there is one.
/// Bytes that are those of the object are published even if the inspection finds a fault in them: it is
/// the object's own, and the report names it ([`Report::contents`]). Then the file is synced to disk and
/// renamed. A reader therefore never sees a half-written file under the final name, and an existing file
/// stays until its successor is complete.
///
/// Files of more than 4 MiB are fetched in several ranges at once, all of them bound to the entity
/// tag of the listing (`If-Match`). What has arrived stays in `.NAME.part` with a state next to it,
/// and the next transfer goes on there, if the object is still the same; otherwise it begins again.
/// Only one process works on such a file (`.NAME.part.lock`): another one turns to the other files
/// first, then waits, and takes the work over when the first is gone. Shorter files begin again and
/// may be fetched by two processes at once; both write complete files.
///
/// An attempt that brought a byte is progress. Only attempts without progress are bounded, in
/// number and time, by the [`ConnectOptions`](crate::ConnectOptions) of the store; the time is that of
/// the whole transfer, however many objects there are.
///
/// Directories are created as needed. No symbolic link that leads out of `root` is followed for
/// writing, but the [linked directories](TransferOptions::linked_directories) are; a link at the place of the file itself is replaced by the file.
///
/// The [last](TransferOptions::with_last) files are begun when all others are done.
///
/// One object does not affect the others: whatever happens to it is its [`Outcome`]. Four things
/// stop the transfer: `cancel`, a disk that takes no more data, a location that several objects
/// in a row could not reach, and one that is too busy for everything. What was not completed by then is [`Outcome::NotAttempted`], and
/// [`Report::stop`] says why. A cancelled transfer returns at once, without waiting for the server.
///
/// Memory is bounded by about 2 MiB per job, whatever the sizes of the objects. The future needs a
/// tokio runtime with time and I/O enabled.
pub async fn transfer(
    store: &Store,
    plan: &Plan,
    root: &Path,
    options: &TransferOptions,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Report {
    observer.event(Event::Planned { plan });
    let outage = Arc::new(Outage::default());
    let run = Run {
        store: &store.within(&outage),
        outage: &outage,
        root: OpenRoot::open(root, plan, &options.linked_directories).await,
        options,
        connections: Semaphore::new(options.jobs.clamp(1, Semaphore::MAX_PERMITS)),
        pace: Pace::new(options.limit_rate),
        observer,
        cancel,
        stop: Mutex::new(None),
        contents: Mutex::default(),
        unreachable: AtomicUsize::new(0),
        unreachable_limit: options.jobs.max(UNREACHABLE_IN_A_ROW),
    };
    let mut outcomes: Vec<Option<Outcome>> = plan.items.iter().map(|_| None).collect();
    let shared = &run;
    let (last, first): (Vec<usize>, Vec<usize>) =
        (0..plan.items.len()).partition(|&index| options.last.contains(&plan.items[index].local));
    let at_once = options.jobs.max(1);
    let last_at_once = at_once.min(options.last_at_once.max(1));
    for (mut indices, at_once) in [(first, at_once), (last, last_at_once)] {
        // First what is free, then what another process was working on.
        let mut wait = false;
        while !indices.is_empty() {
            let mut busy = Vec::new();
            // Over indices, because a closure over references would make the future not `Send`.
            let mut running = stream::iter(std::mem::take(&mut indices))
                .map(|index| async move { (index, shared.item(&plan.items[index], wait).await) })
                .buffer_unordered(at_once);
            while let Some((index, outcome)) = running.next().await {
                match outcome {
                    Some(outcome) => {
                        let item = &plan.items[index];
                        observer.event(Event::Finished { item, outcome: &outcome });
                        outcomes[index] = Some(outcome);
                    }
                    None => busy.push(index),
                }
            }
            drop(running);
            indices = busy;
            wait = true;
        }
    }
    run.settle().await;
    Report {
        outcomes: plan
            .items
            .iter()
            .zip(outcomes)
            .map(|(item, outcome)| (item.key.clone(), outcome.unwrap_or(Outcome::NotAttempted)))
            .collect(),
        refused: plan.refused.clone(),
        accompanying: plan.accompanying.clone(),
        contents: run.contents.into_inner().unwrap_or_else(PoisonError::into_inner),
        stop: run.stop.into_inner().unwrap_or_else(PoisonError::into_inner),
    }
}

/// What the transfers of one run share.
struct Run<'a> {
    store: &'a Store,
    outage: &'a Outage,
    root: OpenRoot,
    options: &'a TransferOptions,
    connections: Semaphore,
    pace: Pace,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    stop: Mutex<Option<Stop>>,
    /// What is known about the objects that arrived.
    contents: Mutex<BTreeMap<Key, Content>>,
    /// Objects in a row that did not arrive because of the location.
    unreachable: AtomicUsize,
    unreachable_limit: usize,
}

/// The canonical root, or why there is none.
enum OpenRoot {
    Ready(Arc<Root>),
    Failed(PathBuf, Mutex<Option<std::io::Error>>),
}

impl OpenRoot {
    async fn open(root: &Path, plan: &Plan, linked: &BTreeSet<String>) -> Self {
        if plan.fetches().next().is_none() {
            return Self::Ready(Arc::new(Root::new(root.to_path_buf())));
        }
        let opened = match tokio::fs::create_dir_all(root).await {
            Ok(()) => tokio::fs::canonicalize(root).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(root) => {
                let root = Root::new(root).with_linked_directories(linked.clone());
                Self::Ready(Arc::new(root))
            }
            Err(error) => Self::Failed(root.to_path_buf(), Mutex::new(Some(error))),
        }
    }
}

/// A file that is on disk now, or another process's business.
enum Copied {
    Fetched(u64),
    /// Another process has just fetched it.
    Kept,
    Busy,
}

impl Run<'_> {
    /// `None` if another process works on it; with `wait` that is waited for.
    async fn item(&self, item: &PlanItem, wait: bool) -> Option<Outcome> {
        Some(match &item.action {
            Action::Keep => Outcome::Kept,
            Action::Withheld(reason) => {
                Outcome::Withheld { reason: Withheld::Rule(reason.clone()) }
            }
            Action::Refused(refusal) => Outcome::Refused(refusal.clone()),
            Action::Fetch(_) => return self.fetch(item, wait).await,
        })
    }

    async fn fetch(&self, item: &PlanItem, wait: bool) -> Option<Outcome> {
        if self.cancel.is_cancelled() {
            self.stop_for(Stop::Cancelled);
        }
        if self.stopped() {
            return Some(self.left_out(item).await);
        }
        let root = match &self.root {
            OpenRoot::Ready(root) => root,
            OpenRoot::Failed(root, error) => {
                self.stop_for(Stop::LocalStorage);
                let error = lock(error).take();
                return Some(error.map_or(Outcome::NotAttempted, |source| {
                    Outcome::failed(TransferError::Write { path: root.clone(), source })
                }));
            }
        };
        if !wait {
            self.observer.event(Event::Started { item });
        }
        let done = tokio::select! {
            biased;
            () = self.cancel.cancelled() => {
                self.stop_for(Stop::Cancelled);
                return Some(self.left_out(item).await);
            }
            done = self.copy(item, root, wait) => done,
        };
        self.note_reachability(&done);
        Some(match done {
            Ok(Copied::Fetched(bytes)) => Outcome::Fetched { bytes },
            Ok(Copied::Kept) => Outcome::Kept,
            Ok(Copied::Busy) => return None,
            // What stopped in its own step, before the stop was seen here.
            Err(TransferError::Interrupted) if self.cancel.is_cancelled() => {
                self.stop_for(Stop::Cancelled);
                self.left_out(item).await
            }
            Err(TransferError::Store(Error::Denied { .. })) => {
                Outcome::Withheld { reason: Withheld::Server }
            }
            Err(TransferError::Store(Error::LinkRefused { status, renewed, .. })) => {
                Outcome::Withheld { reason: Withheld::Link { status, renewed } }
            }
            Err(TransferError::Store(Error::NotFound { .. })) => Outcome::Gone,
            Err(error) => {
                if error.hits_every_file() {
                    self.stop_for(Stop::LocalStorage);
                }
                Outcome::failed(error)
            }
        })
    }

    /// The outcome of an item that a stop leaves out: what is there of it, from this run or an earlier
    /// one, stays for the next.
    async fn left_out(&self, item: &PlanItem) -> Outcome {
        let OpenRoot::Ready(root) = &self.root else { return Outcome::NotAttempted };
        let (root, item) = (Arc::clone(root), item.clone());
        let there = tokio::task::spawn_blocking(move || item.left_below(root.path()));
        match there.await {
            Ok(bytes) if bytes > 0 => Outcome::Unfinished { bytes },
            _ => Outcome::NotAttempted,
        }
    }

    /// Tells that an item waits before it is asked for again.
    fn waits(&self, item: &PlanItem, pause: &Pause) {
        let Pause { error, length, asked } = pause;
        let wait = Wait::Server { error, pause: *length, asked: *asked };
        self.observer.event(Event::Waiting { item, wait });
    }

    async fn copy(
        &self,
        item: &PlanItem,
        root: &Arc<Root>,
        wait: bool,
    ) -> Result<Copied, TransferError> {
        let mut version = Version::listed(item);
        // Behind links every file can be continued: they are few, and access to them may end.
        let linked = self.store.is_linked() && item.size > 0;
        if !linked && (item.size <= LONG || version.etag.is_none()) {
            return self.rounds(root, item, &mut version, None).await.map(Copied::Fetched);
        }
        let destination = {
            let (root, local) = (Arc::clone(root), item.local.clone());
            blocking(move || root.destination(&local)).await?
        };
        let Some(claim) = self.claim(item, &destination, wait).await? else {
            return Ok(Copied::Busy);
        };
        if wait && self.is_there(&destination, item, &version).await? {
            return Ok(Copied::Kept);
        }
        let claim = Arc::new(Mutex::new(claim));
        let fetched = async {
            if version.etag.is_none() {
                version.learn(self.store, item).await?;
            }
            self.rounds(root, item, &mut version, Some(&destination)).await
        };
        tokio::select! {
            fetched = fetched => fetched.map(Copied::Fetched),
            () = beats(&claim) => Ok(Copied::Busy),
        }
    }

    /// Fetches an object until its bytes are right, or it is clear that they will not be.
    async fn rounds(
        &self,
        root: &Arc<Root>,
        item: &PlanItem,
        version: &mut Version,
        mut destination: Option<&Destination>,
    ) -> Result<u64, TransferError> {
        let mut last = None;
        for _ in 0..ROUNDS {
            let attempt = match destination {
                Some(destination) => {
                    // An answer to a range tells the checksums of nothing.
                    self.ask_for_checksums(item, version).await;
                    long::fetch(self, root, item, destination, version).await
                }
                None => short::fetch(self, root, item, version)
                    .await
                    .map(|done| RangedOutcome::Done(Box::new(done))),
            };
            match attempt {
                Ok(RangedOutcome::Done(done)) => {
                    let bytes = done.metadata.len();
                    self.record(item, version, *done);
                    return Ok(bytes);
                }
                Ok(RangedOutcome::Unranged) => destination = None,
                Err(VersionError::Failed(error)) => return Err(error),
                Err(VersionError::Corrupt(error, sha256)) => {
                    version.was_corrupt(&error, sha256.map(|sha256| *sha256));
                    last = Some(error);
                }
                Err(VersionError::Changed) => match version.again(self.store, item).await {
                    Ok(new) => *version = new,
                    Err(VersionError::Failed(error) | VersionError::Corrupt(error, _)) => {
                        return Err(error);
                    }
                    Err(VersionError::Changed) => {}
                },
            }
            tracing::debug!(key = item.key.as_str(), "beginning again");
        }
        Err(last.unwrap_or(TransferError::KeepsChanging))
    }

    /// Asks what the store knows about the bytes of a version, once. Without an answer the bytes are
    /// compared with its entity tag.
    async fn ask_for_checksums(&self, item: &PlanItem, version: &mut Version) {
        let Some(bucket) = self.store.bucket().filter(|_| item.sha256.is_none()) else { return };
        if std::mem::replace(&mut version.asked, true) {
            return;
        }
        let (options, etag) = (self.store.options().interactive(), version.etag.as_deref());
        match repeat(&options, || bucket.integrity(&item.key, etag)).await {
            Ok(found) => {
                version.opaque |= found.opaque_tag;
                version.checksums = found.checksums;
            }
            // What is wrong with the object will be seen when it is fetched.
            Err(failure) => tracing::debug!(?failure, key = item.key.as_str(), "no checksums"),
        }
    }

    /// Asks only if the answer is useful: for an upload in parts, whose parts are to be compared.
    async fn part_size(&self, item: &PlanItem, version: &Version) -> Option<u64> {
        let etag = version.etag.as_deref().filter(|_| item.sha256.is_none())?;
        let bucket = self.store.bucket().filter(|_| version.claims(None).need_part_size())?;
        bucket.first_part(&item.key, etag).await
    }

    async fn digests(&self, item: &PlanItem, version: &Version) -> Digests {
        let inspection = self.options.inspection.as_ref();
        let inspector = inspection.and_then(|inspection| inspection.inspect(&item.local));
        // A digest that is known beforehand proves more than what the store says.
        let claims = match item.sha256 {
            Some(_) => Claims::default(),
            None => version.claims(self.part_size(item, version).await),
        };
        Digests::new(&claims, inspector).expecting(item.sha256).after(version.before)
    }

    /// The claim of a long file; `None` if another process has it and is not waited for.
    async fn claim(
        &self,
        item: &PlanItem,
        destination: &Destination,
        wait: bool,
    ) -> Result<Option<Claim>, TransferError> {
        let mut watch = Watch::default();
        let mut told = false;
        loop {
            let (path, silence) = (destination.claim(), self.options.silence);
            let (taken, seen) = blocking(move || {
                let taken = Claim::take(&path, &mut watch, silence)
                    .map_err(|source| TransferError::Write { path, source })?;
                Ok::<_, TransferError>((taken, watch))
            })
            .await?;
            watch = seen;
            match taken {
                Taken::Mine(claim) => return Ok(Some(claim)),
                Taken::Busy if wait => {
                    if !std::mem::replace(&mut told, true) {
                        let claim = &destination.claim();
                        let wait = Wait::Process { claim };
                        self.observer.event(Event::Waiting { item, wait });
                    }
                    tokio::time::sleep(WAIT).await;
                }
                Taken::Busy => return Ok(None),
            }
        }
    }

    /// Whether the process that was waited for has published this very version.
    async fn is_there(
        &self,
        destination: &Destination,
        item: &PlanItem,
        version: &Version,
    ) -> Result<bool, TransferError> {
        if let Some(sha256) = item.sha256 {
            let (target, size, cancel) = (destination.target(), item.size, self.cancel.clone());
            return blocking(move || {
                let expected = Expected::new().size(size).sha256(sha256);
                let found = check_file(&target, &expected, None, &cancel);
                Ok(found.is_ok_and(|found| found.is_sound()))
            })
            .await;
        }
        let Some(inventory) = &self.options.inventory else { return Ok(false) };
        let Ok(found) = std::fs::metadata(destination.target()) else { return Ok(false) };
        let record = inventory.refresh().ok().and_then(|()| inventory.find(&item.local, &found));
        Ok(record.is_some_and(|record| record.fits(&found) && record.etag == version.etag))
    }

    fn record(&self, item: &PlanItem, version: &Version, done: Done) {
        let Done { content, metadata } = done;
        if let Some(inventory) = &self.options.inventory {
            let (path, key) = (item.local.clone(), item.key.clone());
            let (etag, content) = (version.etag.clone(), content.clone());
            let record = Record::new(path, key, etag, content, &metadata);
            if let Err(error) = inventory.add(record) {
                let key = item.key.as_str();
                tracing::warn!(%error, key, "cannot write the inventory record");
            }
        }
        lock(&self.contents).insert(item.key.clone(), content);
    }

    /// Makes names and records durable.
    async fn settle(&self) {
        let root = match &self.root {
            OpenRoot::Ready(root) => Some(Arc::clone(root)),
            OpenRoot::Failed(..) => None,
        };
        let inventory = self.options.inventory.clone();
        let settled = tokio::task::spawn_blocking(move || {
            if let Some(root) = root {
                root.sync();
            }
            inventory.map_or(Ok(()), |inventory| inventory.sync())
        });
        if let Ok(Err(error)) = settled.await {
            tracing::warn!(%error, "the inventory could not be flushed to disk");
        }
    }

    fn note_reachability(&self, done: &Result<Copied, TransferError>) {
        let reason = match done {
            Err(TransferError::Store(error)) if error.is_unreachable() => Stop::Unreachable,
            // One object alone may be the one that fails, so the next ones get an attempt each.
            Err(TransferError::Store(_))
                if self.outage.lasts() > self.store.options().retry_timeout =>
            {
                Stop::Unavailable
            }
            Err(_) => return self.unreachable.store(0, Ordering::Relaxed),
            Ok(_) => {
                self.outage.over();
                return self.unreachable.store(0, Ordering::Relaxed);
            }
        };
        let in_a_row = self.unreachable.fetch_add(1, Ordering::Relaxed) + 1;
        if in_a_row >= self.unreachable_limit {
            self.stop_for(reason);
        }
    }

    fn stopped(&self) -> bool {
        lock(&self.stop).is_some()
    }

    /// The first reason stays.
    fn stop_for(&self, reason: Stop) {
        lock(&self.stop).get_or_insert(reason);
    }
}

/// Shows that this process lives, until the claim is lost.
async fn beats(claim: &Arc<Mutex<Claim>>) {
    loop {
        tokio::time::sleep(BEAT).await;
        let claim = Arc::clone(claim);
        let held = tokio::task::spawn_blocking(move || lock(&claim).beat());
        // A file system that fails for a moment is no reason to give the work up.
        if let Ok(Ok(false)) = held.await {
            return;
        }
    }
}

async fn blocking<T: Send + 'static, E: From<TransferError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(TransferError::Interrupted.into()),
    }
}
