//! Watching a transfer: [`Observer`] and the [`Event`]s that it is told.

use std::path::Path;
use std::time::Duration;

use crate::{Error, Outcome, Plan, PlanItem};

/// What happens in a [`transfer`](crate::transfer).
///
/// * [`Planned`](Self::Planned) comes once, before everything else.
/// * [`Finished`](Self::Finished) comes exactly once for every item of the plan, whatever its
///   action, unless the future of the transfer is dropped. Items that need no transfer are finished
///   too (kept, withheld, refused), and so are those that a stop left out
///   ([`Outcome::NotAttempted`]).
/// * [`Started`](Self::Started) comes at most once per item, only for items to fetch, when the
///   first request for it is about to be sent. `Finished` always follows; an item that is finished
///   without having been started was never asked for.
/// * [`Advanced`](Self::Advanced) comes between the two, once per chunk that was handed to the
///   file, with the bytes of that chunk (never 0, never the sum). The bytes of an item add up to its
///   size (together with those resumed, less those discarded) when it is fetched, and to less when it
///   fails; a display should take those back at `Finished`.
/// * [`Resumed`](Self::Resumed) comes at most once per version of an object, before the first
///   `Advanced`, with the bytes that an earlier transfer left; [`Discarded`](Self::Discarded) takes
///   back bytes that were reported before by either, because the object changed, arrived damaged, or
///   cannot be continued. What was reported minus what was discarded is what is there.
/// * [`Checked`](Self::Checked) comes for files that are fetched in ranges, when bytes that are there
///   were hashed. It begins again when they are discarded.
/// * [`Waiting`](Self::Waiting) comes whenever an item makes a pause: it is over with the next event of
///   the item that is not [`Checked`](Self::Checked). An item may wait for a server in several connections at once.
/// * Items run at once, up to the number of jobs, so events of different items alternate. Items are
///   started in plan order and finished in any order.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The transfer is about to begin.
    Planned {
        /// What will be done.
        plan: &'a Plan,
    },
    /// The first request for an item is about to be sent.
    Started {
        /// The item.
        item: &'a PlanItem,
    },
    /// More bytes of an item have arrived.
    Advanced {
        /// The item.
        item: &'a PlanItem,
        /// How many.
        bytes: u64,
    },
    /// Bytes of an item are there from an earlier transfer.
    Resumed {
        /// The item.
        item: &'a PlanItem,
        /// How many.
        bytes: u64,
    },
    /// Bytes of an item that were reported are thrown away.
    Discarded {
        /// The item.
        item: &'a PlanItem,
        /// How many.
        bytes: u64,
    },
    /// More bytes of an item, which are there, were hashed.
    Checked {
        /// The item.
        item: &'a PlanItem,
        /// How many.
        bytes: u64,
    },
    /// An item waits for something.
    Waiting {
        /// The item.
        item: &'a PlanItem,
        /// What it waits for.
        wait: Wait<'a>,
    },
    /// Nothing more happens to an item.
    Finished {
        /// The item.
        item: &'a PlanItem,
        /// What became of it.
        outcome: &'a Outcome,
    },
}

/// What an item of a transfer waits for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Wait<'a> {
    /// The moment when a failed request is sent again.
    Server {
        /// What the last attempt met, such as [`Error::ObjectStatus`] with status 503.
        error: &'a Error,
        /// How long the pause is.
        pause: Duration,
        /// How long a pause the server asks for, which may be longer than what is waited.
        asked: Option<Duration>,
    },
    /// Another process, on this machine or another, that fetches the same file.
    Process {
        /// The file by which that process claims the work.
        claim: &'a Path,
    },
}

/// Is told the progress of a [`transfer`](crate::transfer). A closure that takes an [`Event`] is an
/// observer; `()` is one that does nothing.
///
/// All calls come from whichever thread polls the future, one after another, never two at once. A call
/// must return quickly (microseconds): no transfer proceeds while it runs. It must not block on the
/// transfer. It cannot fail and cannot stop the transfer; a [`Cancel`](crate::Cancel) that the
/// observer holds can. A panic passes through the future; temporary files are still removed.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use s3_mirror::{Event, Observer};
///
/// let arrived = AtomicU64::new(0);
/// let count = |event: Event<'_>| {
///     if let Event::Advanced { bytes, .. } = event {
///         arrived.fetch_add(bytes, Ordering::Relaxed);
///     }
/// };
/// let _observer: &dyn Observer = &count;
/// ```
pub trait Observer: Sync {
    /// Called for every event.
    fn event(&self, event: Event<'_>);
}

/// Does nothing.
impl Observer for () {
    fn event(&self, _: Event<'_>) {}
}

impl<F: Fn(Event<'_>) + Sync> Observer for F {
    fn event(&self, event: Event<'_>) {
        self(event);
    }
}
