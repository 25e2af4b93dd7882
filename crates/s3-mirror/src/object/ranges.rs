//! The rest of an object by several connections at once, in its order: [`ParallelRanges`].

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use tokio::task::JoinHandle;

use crate::get::{Failure, RANGES, RangeBody, SHORTEST_RANGE, Step};
use crate::{Key, Store};

/// What is worth more connections: less would be over before they have answered.
pub(super) const LEAST: u64 = RANGES as u64 * SHORTEST_RANGE;

/// Ranges of one version of an object, of which a few are fetched at once. They are short, and only
/// so many are held: 16 MiB.
pub(super) struct ParallelRanges {
    version: Version,
    next: u64,
    running: VecDeque<Fetching>,
}

#[derive(Clone)]
struct Version {
    store: Store,
    key: Key,
    etag: String,
    size: u64,
}

/// Why a range did not come.
#[derive(Debug)]
pub(super) enum Ended {
    /// The server does not answer with ranges.
    Unranged,
    Failed(Failure),
    /// The runtime is shutting down.
    Interrupted,
}

impl ParallelRanges {
    /// What is left of a version from `at` on. Nothing is asked for yet.
    pub(super) fn new(store: &Store, key: &Key, etag: &str, size: u64, at: u64) -> Self {
        let (store, key, etag) = (store.clone(), key.clone(), etag.to_owned());
        Self { version: Version { store, key, etag, size }, next: at, running: VecDeque::new() }
    }

    /// The next range as a whole; `None` after the last one.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, Ended>> {
        while self.running.len() < RANGES && self.next < self.version.size {
            let end = self.version.size.min(self.next + SHORTEST_RANGE);
            self.running.push_back(Fetching::start(&self.version, self.next..end));
            self.next = end;
        }
        let mut first = self.running.pop_front()?;
        Some((&mut first.0).await.unwrap_or(Err(Ended::Interrupted)))
    }
}

/// A task that ends when nobody waits for it any more. A task of its own goes on while the reader
/// does not take what came before.
struct Fetching(JoinHandle<Result<Bytes, Ended>>);

impl Fetching {
    fn start(version: &Version, range: Range<u64>) -> Self {
        Self(tokio::spawn(fetch(version.clone(), range)))
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One range, continued where a connection broke.
async fn fetch(version: Version, range: Range<u64>) -> Result<Bytes, Ended> {
    let Version { store, key, etag, size } = version;
    let length = usize::try_from(range.end - range.start).unwrap_or_default();
    let mut piece = BytesMut::with_capacity(length);
    let mut body = RangeBody::new(&store, &key, Some(etag), size, range);
    loop {
        match body.step().await {
            Step::Bytes(chunk) => piece.extend_from_slice(&chunk),
            Step::End => return Ok(piece.freeze()),
            Step::Unranged => return Err(Ended::Unranged),
            Step::Broken(failure) => body.again(failure, |_| {}).await.map_err(Ended::Failed)?,
        }
    }
}
