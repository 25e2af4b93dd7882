//! Carrying a plan out: [`transfer`].

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::stream::{self, StreamExt};

use crate::{Action, Cancel, Error, Observer, Plan, PlanItem, Store};

mod body;
mod part;
mod report;

pub use report::{Outcome, Report, ReportTotals, Stop, TransferError, Withheld};

use body::Body;
use part::PartFile;

/// How a plan is carried out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransferOptions {
    /// Transfers at once (default 8; 0 counts as 1). Each needs a connection and up to 4 MiB. Small
    /// files gain from more when the server is far away; big files are limited by the line.
    pub jobs: usize,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self { jobs: 8 }
    }
}

impl TransferOptions {
    /// The defaults with another number of transfers at once.
    #[must_use]
    pub fn with_jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }
}

/// As many transfers in a row may find the location unreachable before the rest is given up.
const UNREACHABLE_IN_A_ROW: usize = 4;

/// Carries out `plan` below `root`, which is created if it is missing.
///
/// Every file is streamed into an exclusively created temporary sibling (`.NAME.*.part`), its length
/// is compared with the listed size, it is synced to disk and then renamed, and the directory is
/// synced. A reader therefore never sees a half-written file under the final name, and an existing
/// file stays until its successor is complete. The temporary file is removed when the transfer
/// fails or the future is dropped; one that a killed process left behind is never reused and can be
/// deleted. Two processes may mirror into the same root at once: both write complete files.
///
/// Directories are created as needed. No symbolic link that leads out of `root` is followed for
/// writing; a link in the place of the file itself is replaced by the file.
///
/// One object does not affect the others: whatever happens to it is its [`Outcome`]. Three things
/// stop the transfer: `cancel`, a disk that takes no more data, and a location that several objects
/// in a row could not reach. What was not completed by then is [`Outcome::NotAttempted`], and
/// [`Report::stop`] says why. A cancelled transfer returns at once, without waiting for the server.
///
/// Memory is bounded by a few MiB per job, whatever the sizes of the objects. The future needs a
/// tokio runtime with time and I/O enabled.
pub async fn transfer(
    store: &Store,
    plan: &Plan,
    root: &Path,
    options: &TransferOptions,
    observer: &dyn Observer,
    cancel: &Cancel,
) -> Report {
    observer.planned(plan);
    let run = Run {
        store,
        root: OpenRoot::open(root, plan).await,
        observer,
        cancel,
        stop: Mutex::new(None),
        unreachable: AtomicUsize::new(0),
        unreachable_limit: options.jobs.max(UNREACHABLE_IN_A_ROW),
    };
    let mut outcomes: Vec<Option<Outcome>> = plan.items.iter().map(|_| None).collect();
    let shared = &run;
    // Over indices, because a closure over references would make the future not `Send`.
    let mut running = stream::iter(0..plan.items.len())
        .map(|index| async move { (index, shared.item(&plan.items[index]).await) })
        .buffer_unordered(options.jobs.max(1));
    while let Some((index, outcome)) = running.next().await {
        observer.finished(&plan.items[index], &outcome);
        outcomes[index] = Some(outcome);
    }
    drop(running);
    Report {
        outcomes: plan
            .items
            .iter()
            .zip(outcomes)
            .map(|(item, outcome)| (item.key.clone(), outcome.unwrap_or(Outcome::NotAttempted)))
            .collect(),
        refused: plan.refused.clone(),
        stop: run.stop.into_inner().unwrap_or_else(PoisonError::into_inner),
    }
}

/// What the transfers of one run share.
struct Run<'a> {
    store: &'a Store,
    root: OpenRoot,
    observer: &'a dyn Observer,
    cancel: &'a Cancel,
    stop: Mutex<Option<Stop>>,
    unreachable: AtomicUsize,
    unreachable_limit: usize,
}

/// The canonical root, or why there is none.
enum OpenRoot {
    Ready(PathBuf),
    Failed(PathBuf, Mutex<Option<std::io::Error>>),
}

impl OpenRoot {
    async fn open(root: &Path, plan: &Plan) -> Self {
        if plan.fetches().next().is_none() {
            return Self::Ready(root.to_path_buf());
        }
        let opened = match tokio::fs::create_dir_all(root).await {
            Ok(()) => tokio::fs::canonicalize(root).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(root) => Self::Ready(root),
            Err(error) => Self::Failed(root.to_path_buf(), Mutex::new(Some(error))),
        }
    }
}

impl Run<'_> {
    async fn item(&self, item: &PlanItem) -> Outcome {
        match &item.action {
            Action::Keep => Outcome::Kept,
            Action::Withheld(reason) => {
                Outcome::Withheld { reason: Withheld::Rule(reason.clone()) }
            }
            Action::Refused(refusal) => Outcome::Refused(refusal.clone()),
            Action::Fetch(_) => self.fetch(item).await,
        }
    }

    async fn fetch(&self, item: &PlanItem) -> Outcome {
        if self.cancel.is_cancelled() {
            self.stop_for(Stop::Cancelled);
        }
        if self.stopped() {
            return Outcome::NotAttempted;
        }
        let root = match &self.root {
            OpenRoot::Ready(root) => root,
            OpenRoot::Failed(root, error) => {
                self.stop_for(Stop::LocalStorage);
                let error = error.lock().unwrap_or_else(PoisonError::into_inner).take();
                return error.map_or(Outcome::NotAttempted, |source| Outcome::Failed {
                    error: TransferError::Write { path: root.clone(), source },
                });
            }
        };
        self.observer.started(item);
        let done = tokio::select! {
            biased;
            () = self.cancel.cancelled() => {
                self.stop_for(Stop::Cancelled);
                return Outcome::NotAttempted;
            }
            done = self.copy(item, root) => done,
        };
        self.note_reachability(&done);
        match done {
            Ok(bytes) => Outcome::Fetched { bytes },
            Err(TransferError::Store(Error::Denied { .. })) => {
                Outcome::Withheld { reason: Withheld::Server }
            }
            Err(TransferError::Store(Error::NotFound { .. })) => Outcome::Gone,
            Err(error) => {
                if error.hits_every_file() {
                    self.stop_for(Stop::LocalStorage);
                }
                Outcome::Failed { error }
            }
        }
    }

    async fn copy(&self, item: &PlanItem, root: &Path) -> Result<u64, TransferError> {
        let mut body = Body::open(self.store, item).await?;
        let mut part = PartFile::create(root, &item.local).await?;
        let mut written: u64 = 0;
        while let Some(chunk) = body.next().await? {
            let bytes = chunk.len() as u64;
            // Checked before writing, so that a server cannot fill the disk.
            if bytes > item.size - written {
                let got = written.saturating_add(bytes);
                return Err(TransferError::SizeMismatch { expected: item.size, got });
            }
            part.write(&chunk).await?;
            written += bytes;
            if bytes > 0 {
                self.observer.advanced(item, bytes);
            }
        }
        if written != item.size {
            return Err(TransferError::SizeMismatch { expected: item.size, got: written });
        }
        part.publish().await?;
        Ok(written)
    }

    fn note_reachability(&self, done: &Result<u64, TransferError>) {
        match done {
            Err(TransferError::Store(error)) if error.is_unreachable() => {
                let in_a_row = self.unreachable.fetch_add(1, Ordering::Relaxed) + 1;
                if in_a_row >= self.unreachable_limit {
                    self.stop_for(Stop::Unreachable);
                }
            }
            _ => self.unreachable.store(0, Ordering::Relaxed),
        }
    }

    fn stopped(&self) -> bool {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The first reason stays.
    fn stop_for(&self, reason: Stop) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }
}
