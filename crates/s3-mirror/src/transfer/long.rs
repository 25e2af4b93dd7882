//! Long files: several ranges at once, and a state file from which later runs resume.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures::future::{try_join, try_join_all};
use laion_fmri_base::lock;
use tokio::sync::watch;

use super::destination::{Destination, Root};
use super::ranges::Ranges;
use super::short::{BUFFER, Done};
use super::state::State;
use super::version::{Version, VersionError};
use super::{Run, TransferError, blocking};
use crate::digest::{Crc, Digests, ETagDigest, Mismatch, Pieces};
use crate::get::{Pause, RANGES, RangeBody, SHORTEST_RANGE, Step};
use crate::{Content, Event, PlanItem};

/// Longest range of one request.
const PIECE: u64 = 16 << 20;

/// The state is saved after this many bytes, or a 64th of the file if that is more.
const SAVE: u64 = 1 << 20;

/// The file is synced after this many bytes, so that a restart of the machine costs no more.
const SYNC: u64 = 128 << 20;

/// Bytes that are hashed in one go.
const HASH: u64 = 4 << 20;

/// What came of a file in ranges.
#[derive(Debug)]
pub(super) enum RangedOutcome {
    Done(Box<Done>),
    /// The server does not answer with ranges.
    Unranged,
}

/// Fetches one version of an object in ranges; the caller holds the claim of `destination`.
pub(super) async fn fetch(
    run: &Run<'_>,
    root: &Arc<Root>,
    item: &PlanItem,
    destination: &Destination,
    version: &mut Version,
) -> Result<RangedOutcome, VersionError> {
    let Some(etag) = version.etag.clone() else { return Ok(RangedOutcome::Unranged) };
    let new = State::new(item.key.as_str(), &etag, version.size);
    let session = {
        let destination = destination.clone();
        blocking(move || Session::open(destination, new).map_err(VersionError::from)).await?
    };
    let shared = &session.shared;
    let there = shared.lock().state.written.clone();
    if there.total() > 0 {
        run.observer.event(Event::Resumed { item, bytes: there.total() });
    }
    let opaque_tag = AtomicBool::new(version.opaque);
    let piece = (version.size / RANGES as u64).clamp(SHORTEST_RANGE, PIECE);
    let queue = Mutex::new(VecDeque::from(there.missing(version.size, piece)));
    let workers = RANGES.min(lock(&queue).len());
    let known = &*version;
    let digests = run.digests(item, known).await;
    let pieces = digests.in_pieces().map(Arc::new);
    let pieces = pieces.as_ref();
    let worker = || async {
        loop {
            let Some(piece) = lock(&queue).pop_front() else { return Ok(()) };
            fetch_piece(run, item, known, shared, piece, pieces, &opaque_tag).await?;
        }
    };
    let checked = |bytes| run.observer.event(Event::Checked { item, bytes });
    let digested = async {
        match pieces {
            // What comes is looked at before it is written; what was there is read.
            Some(pieces) => read_back(shared, &there, pieces, checked).await.map(|()| None),
            None => digest(shared, known.size, digests, &opaque_tag, checked).await.map(Some),
        }
    };
    let done = try_join(try_join_all((0..workers).map(|_| worker())), digested).await;
    version.opaque = opaque_tag.load(Ordering::Relaxed);
    let digested = match done {
        Ok((_, digested)) => digested,
        Err(Ended::Unranged) => {
            run.observer.event(Event::Discarded { item, bytes: session.discard() });
            return Ok(RangedOutcome::Unranged);
        }
        Err(Ended::VersionError(trouble)) => {
            match &trouble {
                VersionError::Failed(_) => {}
                // Bytes of another version cannot be used.
                _ => run.observer.event(Event::Discarded { item, bytes: session.discard() }),
            }
            return Err(trouble);
        }
    };
    let finished = match (digested, pieces) {
        (Some(finished), _) => finished,
        (None, Some(pieces)) => pieces.finish(version.size),
        (None, None) => return Err(TransferError::Interrupted.into()),
    };
    let content = match finished {
        Ok(content) => content,
        Err(mismatch) => {
            run.observer.event(Event::Discarded { item, bytes: session.discard() });
            return Err(mismatch.into());
        }
    };
    let (root, shared) = (Arc::clone(root), Arc::clone(&session.shared));
    let published = blocking(move || {
        shared.file.sync_data().map_err(|source| shared.failed(source))?;
        let metadata = root.publish(&shared.destination.part(), &shared.destination)?;
        shared.forget();
        Ok::<_, VersionError>(metadata)
    })
    .await;
    published.map(|metadata| RangedOutcome::Done(Box::new(Done { content, metadata })))
}

/// Why the ranges ended.
enum Ended {
    Unranged,
    VersionError(VersionError),
}

impl From<VersionError> for Ended {
    fn from(trouble: VersionError) -> Self {
        Self::VersionError(trouble)
    }
}

/// An unfinished file. Dropping it saves its state.
struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    destination: Destination,
    file: File,
    progress: Mutex<Progress>,
    /// How many bytes from the start are there.
    prefix: watch::Sender<u64>,
}

struct Progress {
    state: State,
    unsaved: u64,
    unsynced: u64,
    syncing: bool,
    /// Nobody may save any more.
    closed: bool,
}

impl Session {
    /// Goes on with what is there if it is of the same version of the object.
    fn open(destination: Destination, new: State) -> Result<Self, TransferError> {
        let failed = |source| TransferError::Write { path: destination.part(), source };
        let old = State::read(&destination.state())
            .filter(|old| (&old.key, &old.etag, old.size) == (&new.key, &new.etag, new.size));
        let mut found = None;
        if let Some(old) = old
            && let Some(file) = destination.open_part(false).map_err(failed)?
        {
            // Shorter than its state says: the machine went down, and the file system lost the end.
            let length = file.metadata().map_err(failed)?.len();
            found = (old.written.end() <= length && length <= new.size).then_some((old, file));
        }
        let (state, file) = match found {
            Some(found) => found,
            None => {
                let file = destination.open_part(true).map_err(failed)?;
                let file = file.ok_or_else(|| failed(io::ErrorKind::AlreadyExists.into()))?;
                (new, file)
            }
        };
        let (prefix, _) = watch::channel(state.written.prefix());
        let progress = Progress { state, unsaved: 0, unsynced: 0, syncing: false, closed: false };
        let shared = Shared { destination, file, progress: Mutex::new(progress), prefix };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Throws away what is there, and says how much it was.
    fn discard(&self) -> u64 {
        let written = self.shared.lock().state.written.total();
        self.shared.forget();
        if let Err(error) = std::fs::remove_file(self.shared.destination.part()) {
            tracing::debug!(%error, "unfinished file left behind");
        }
        written
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut progress = self.shared.lock();
        if !progress.closed {
            progress.closed = true;
            if let Err(error) = progress.state.write(&self.shared.destination.state()) {
                tracing::debug!(%error, "the state of an unfinished file is lost");
            }
        }
    }
}

impl Shared {
    /// Writes chunks from `offset` on, and then says so.
    fn write(&self, offset: u64, chunks: &[Bytes]) -> Result<(), TransferError> {
        let mut end = offset;
        for chunk in chunks {
            write_at(self, chunk, end).map_err(|source| self.failed(source))?;
            end += chunk.len() as u64;
        }
        let snapshot = {
            let mut progress = self.lock();
            progress.state.written.add(offset..end);
            self.prefix.send_replace(progress.state.written.prefix());
            progress.unsaved += end - offset;
            progress.unsynced += end - offset;
            self.save_if_due(&mut progress)?;
            let due = progress.unsynced >= SYNC && !progress.syncing && !progress.closed;
            progress.syncing |= due;
            due.then(|| progress.state.written.clone())
        };
        if let Some(snapshot) = snapshot {
            self.file.sync_data().map_err(|source| self.failed(source))?;
            let mut progress = self.lock();
            (progress.syncing, progress.unsynced) = (false, 0);
            progress.state.synced = snapshot;
            progress.unsaved = u64::MAX;
            self.save_if_due(&mut progress)?;
        }
        Ok(())
    }

    /// Hands over what lies in a range, in order.
    fn read(&self, range: Range<u64>, mut take: impl FnMut(&[u8])) -> Result<(), TransferError> {
        let mut buffer = vec![0; BUFFER];
        let mut at = range.start;
        while at < range.end {
            let length = usize::try_from(range.end - at).map_or(BUFFER, |left| left.min(BUFFER));
            let bytes = &mut buffer[..length];
            read_at(self, bytes, at).map_err(|source| self.failed(source))?;
            take(bytes);
            at += length as u64;
        }
        Ok(())
    }

    fn save_if_due(&self, progress: &mut Progress) -> Result<(), TransferError> {
        if progress.unsaved >= SAVE.max(progress.state.size / 64) && !progress.closed {
            progress.unsaved = 0;
            let path = self.destination.state();
            progress.state.write(&path).map_err(|source| TransferError::Write { path, source })?;
        }
        Ok(())
    }

    /// Removes the state; nobody saves it again.
    fn forget(&self) {
        let mut progress = self.lock();
        progress.closed = true;
        if let Err(error) = std::fs::remove_file(self.destination.state())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "state left behind");
        }
    }

    fn failed(&self, source: io::Error) -> TransferError {
        TransferError::Write { path: self.destination.part(), source }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }
}

/// One range, continued where a connection broke.
async fn fetch_piece(
    run: &Run<'_>,
    item: &PlanItem,
    version: &Version,
    shared: &Arc<Shared>,
    piece: Range<u64>,
    pieces: Option<&Arc<Pieces>>,
    opaque_tag: &AtomicBool,
) -> Result<(), Ended> {
    let (start, mut at) = (piece.start, piece.start);
    let mut crc = pieces.map(|pieces| pieces.piece());
    let checked = |bytes| {
        if pieces.is_some() && bytes > 0 {
            run.observer.event(Event::Checked { item, bytes });
        }
    };
    let mut body = RangeBody::new(run.store, &item.key, version.etag.clone(), version.size, piece);
    let mut held = Vec::new();
    let mut permit = None;
    loop {
        if permit.is_none() {
            permit = Some(run.connections.acquire().await);
        }
        let step = body.step().await;
        if body.has_opaque_tag() {
            opaque_tag.store(true, Ordering::Relaxed);
        }
        if let Step::Bytes(chunk) = step {
            run.pace.take(chunk.len()).await;
            run.observer.event(Event::Advanced { item, bytes: chunk.len() as u64 });
            held.push(chunk);
            if body.at() - at >= BUFFER as u64 {
                crc = flush(shared, at, std::mem::take(&mut held), crc).await?;
                checked(body.at() - at);
                at = body.at();
            }
            continue;
        }
        // What came before a cut is as good as the rest.
        crc = flush(shared, at, std::mem::take(&mut held), crc).await?;
        checked(body.at() - at);
        at = body.at();
        match step {
            Step::End => {
                if let (Some(pieces), Some(crc)) = (pieces, crc) {
                    pieces.add(start, crc);
                }
                return Ok(());
            }
            Step::Unranged => return Err(Ended::Unranged),
            Step::Broken(failure) => {
                permit = None;
                let told = |pause: &Pause| run.waits(item, pause);
                body.again(failure, told).await.map_err(VersionError::from)?;
            }
            Step::Bytes(_) => {}
        }
    }
}

/// Writes what was held, and goes on with its checksum.
async fn flush(
    shared: &Arc<Shared>,
    offset: u64,
    held: Vec<Bytes>,
    mut crc: Option<Crc>,
) -> Result<Option<Crc>, VersionError> {
    if held.is_empty() {
        return Ok(crc);
    }
    let shared = Arc::clone(shared);
    blocking(move || {
        if let Some(crc) = &mut crc {
            held.iter().for_each(|chunk| crc.update(chunk));
        }
        shared.write(offset, &held)?;
        Ok::<_, VersionError>(crc)
    })
    .await
}

/// The checksums of what an earlier run has left.
async fn read_back(
    shared: &Arc<Shared>,
    there: &Ranges,
    pieces: &Arc<Pieces>,
    checked: impl Fn(u64),
) -> Result<(), Ended> {
    for range in there.iter().cloned() {
        let (mut at, mut crc) = (range.start, pieces.piece());
        while at < range.end {
            let end = range.end.min(at + HASH);
            let shared = Arc::clone(shared);
            crc = blocking(move || {
                shared.read(at..end, |bytes| crc.update(bytes))?;
                Ok::<_, VersionError>(crc)
            })
            .await?;
            checked(end - at);
            at = end;
        }
        pieces.add(range.start, crc);
    }
    Ok(())
}

/// Compares the file from its start on with what is known about it. `opaque_tag` is set before the
/// bytes are there of an answer that says that the tag is no digest.
async fn digest(
    shared: &Arc<Shared>,
    size: u64,
    mut digests: Digests,
    opaque_tag: &AtomicBool,
    checked: impl Fn(u64),
) -> Result<Result<Content, Mismatch>, Ended> {
    if let Some(by_tag) = digests.by_tag() {
        let by_tag = follow(shared, size, by_tag, ETagDigest::update, checked).await?;
        if !opaque_tag.load(Ordering::Relaxed) {
            return Ok(by_tag.finish());
        }
        // Nothing is known about the bytes after all, so they get their SHA-256 now.
        digests = follow(shared, size, digests, Digests::update, |_| {}).await?;
    } else {
        digests = follow(shared, size, digests, Digests::update, checked).await?;
    }
    if opaque_tag.load(Ordering::Relaxed) {
        digests.distrust_tag();
    }
    // An inspection may take long for its verdict.
    blocking(move || Ok::<_, VersionError>(digests.finish())).await.map_err(Ended::from)
}

/// Hashes the file from its start as far as it is there, until all of it is.
async fn follow<H: Send + 'static>(
    shared: &Arc<Shared>,
    size: u64,
    mut hashes: H,
    update: fn(&mut H, &[u8]),
    checked: impl Fn(u64),
) -> Result<H, Ended> {
    let mut prefix = shared.prefix.subscribe();
    let mut at = 0;
    while at < size {
        let there = *prefix.borrow_and_update();
        if there == at {
            // The sender lives as long as `shared`.
            let _ = prefix.changed().await;
            continue;
        }
        let end = there.min(at + HASH);
        let shared = Arc::clone(shared);
        hashes = blocking(move || {
            shared.read(at..end, |bytes| update(&mut hashes, bytes))?;
            Ok::<_, VersionError>(hashes)
        })
        .await?;
        checked(end - at);
        at = end;
    }
    Ok(hashes)
}

#[cfg(unix)]
fn write_at(shared: &Shared, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(&shared.file, bytes, offset)
}

#[cfg(unix)]
fn read_at(shared: &Shared, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(&shared.file, bytes, offset)
}

#[cfg(not(unix))]
fn write_at(shared: &Shared, bytes: &[u8], offset: u64) -> io::Result<()> {
    use io::{Seek, Write};
    let mut file = File::options().write(true).open(shared.destination.part())?;
    file.seek(io::SeekFrom::Start(offset))?;
    file.write_all(bytes)
}

#[cfg(not(unix))]
fn read_at(shared: &Shared, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    use io::{Read, Seek};
    let mut file = File::open(shared.destination.part())?;
    file.seek(io::SeekFrom::Start(offset))?;
    file.read_exact(bytes)
}
