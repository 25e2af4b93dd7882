//! How a plan is carried out: [`TransferOptions`].

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::{Inspection, Inventory, RelativePath};

/// How a plan is carried out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransferOptions {
    /// Connections, and files, at once (default [`DEFAULT_JOBS`](Self::DEFAULT_JOBS); 0 counts as 1).
    /// Each needs about 2 MiB. Small files gain from more when the server is far away; big files are
    /// limited by the connection.
    pub jobs: usize,
    /// Bytes per second that all transfers together take (default: as fast as they come).
    pub limit_rate: Option<NonZeroU64>,
    /// Where published files are recorded (default: nowhere). Give the same to
    /// [`Folder::with_inventory`](crate::Folder::with_inventory), so that the next plan sees objects
    /// that changed and kept their size.
    pub inventory: Option<Arc<Inventory>>,
    /// What looks at the content while it passes (default: nothing).
    pub inspection: Option<Arc<dyn Inspection>>,
    /// Directories below the root, such as `derivatives` or `derivatives/tree`, that may be links to
    /// places outside of it (default: none). They are followed for writing; every other link that leads
    /// out of the root is [`TransferError::OutsideRoot`](crate::TransferError::OutsideRoot).
    pub linked_directories: BTreeSet<String>,
    /// Files that are begun when all others are done (default: none), by their paths below the root.
    pub last: BTreeSet<RelativePath>,
    /// How many of these are transferred at once, if that is less than `jobs` (default: no limit; 0
    /// counts as 1).
    pub last_at_once: usize,
    /// How long a process on another machine that is working on the same file is believed to live
    /// after its last sign of life (default 90 s, longer than network file systems cache).
    pub silence: Duration,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self {
            jobs: Self::DEFAULT_JOBS,
            limit_rate: None,
            inventory: None,
            inspection: None,
            linked_directories: BTreeSet::new(),
            last: BTreeSet::new(),
            last_at_once: usize::MAX,
            silence: Duration::from_secs(90),
        }
    }
}

impl TransferOptions {
    /// How many connections are open, and files are transferred, at once when nothing else is said.
    pub const DEFAULT_JOBS: usize = 16;

    /// The defaults with another number of transfers at once.
    #[must_use]
    pub fn with_jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// The same with an upper bound on bytes per second.
    #[must_use]
    pub fn with_limit_rate(mut self, bytes_per_second: Option<NonZeroU64>) -> Self {
        self.limit_rate = bytes_per_second;
        self
    }

    /// The same with records of what was published.
    #[must_use]
    pub fn with_inventory(mut self, inventory: Arc<Inventory>) -> Self {
        self.inventory = Some(inventory);
        self
    }

    /// The same with a look at the content.
    #[must_use]
    pub fn with_inspection(mut self, inspection: Arc<dyn Inspection>) -> Self {
        self.inspection = Some(inspection);
        self
    }

    /// The same with directories that may be links to places outside of the root.
    #[must_use]
    pub fn with_linked_directories(mut self, linked: impl IntoIterator<Item = String>) -> Self {
        self.linked_directories = linked.into_iter().collect();
        self
    }

    /// The same with files that are begun when all others are done, so many of them at once. For
    /// files that an [`Inspection`] looks at together with others, or in much memory.
    #[must_use]
    pub fn with_last(
        mut self,
        files: impl IntoIterator<Item = RelativePath>,
        at_once: usize,
    ) -> Self {
        self.last = files.into_iter().collect();
        self.last_at_once = at_once;
        self
    }
}
