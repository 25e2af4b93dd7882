//! Sessions of stores built while their files are downloaded, from the bytes that pass:
//! [`ArrivingSessions`].
//!
//! The download begins the betas when all other files are there: masks, ROIs and trial tables. A
//! thread for each file inflates its bytes once, for their checksums and for the store. Where it is
//! slower, the bytes wait on disk. The session gets its name after its file, and what goes wrong
//! with it is nothing to the download: whoever builds the store later builds what is missing.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use bids_names::{SessionId, SubjectId, entity_value};
use laion_fmri_base::{Sha256, lock, wait, with_causes, writers_of};
use nifti_stream::fs::ArrivingVolumes;
use s3_mirror::{Cancel, Inventory, Outcome, PlanItem, RelativePath};
use tokio::sync::Semaphore;
use voxel_store::MatrixRows;

use super::StoreRequest;
use super::build::StorePlace;
use super::contents::voxels_bytes;
use crate::files::{Fingerprint, LargeFile};
use crate::roots::{check_space, share_a_disk};
use crate::{Dataset, Download, Error, Result, Subject, layout};

/// What reads the volumes of a file in its thread.
pub(crate) type ReadVolumes = Box<dyn FnOnce(&mut ArrivingVolumes) + Send>;

/// The sessions of a download that go to stores.
#[derive(Debug)]
pub(crate) struct ArrivingSessions {
    /// The mirror that the files go to.
    dataset: Dataset,
    root: PathBuf,
    inventory: Arc<Inventory>,
    request: StoreRequest,
    cancel: Cancel,
    sessions: BTreeMap<RelativePath, ArrivingSession>,
    /// A session takes memory until it is complete, which is after its file.
    in_memory: Semaphore,
    /// The stores that were opened, and those that cannot be.
    stores: Mutex<BTreeMap<SubjectId, Option<(Subject, StorePlace)>>>,
    state: Mutex<State>,
}

/// A session whose betas are fetched.
#[derive(Debug)]
struct ArrivingSession {
    subject: SubjectId,
    session: SessionId,
    size: u64,
    etag: Option<String>,
    /// Held by the attempt at the file that is at work.
    turn: Mutex<()>,
}

#[derive(Debug)]
struct State {
    /// Those who wait until a file has its name.
    waiting: HashMap<RelativePath, Sender<Sha256>>,
    /// Where sessions are told that were stored; nowhere after the download.
    stored: Option<Sender<StoredArriving>>,
    /// Bytes that are still to be written to the mirror.
    of_files: u64,
    /// Bytes that are being written to stores.
    of_stores: u64,
    /// Whether a file is missing that a store may need.
    is_incomplete: bool,
}

/// A session that was stored.
#[derive(Debug)]
pub(crate) struct StoredArriving {
    pub(crate) subject: SubjectId,
    pub(crate) session: SessionId,
    pub(crate) store: PathBuf,
}

impl ArrivingSessions {
    /// The sessions of the request among the files that a download fetches, and where it is told
    /// that they were stored.
    pub(crate) fn new(
        download: &Download,
        request: &StoreRequest,
        cancel: &Cancel,
    ) -> (Arc<Self>, Receiver<StoredArriving>) {
        let named = request.sessions.iter().filter_map(|name| name.parse().ok());
        let named: Vec<SessionId> = named.collect();
        let is_wanted =
            |it: &ArrivingSession| request.sessions.is_empty() || named.contains(&it.session);
        let sessions = download.plan().fetches().filter_map(ArrivingSession::of);
        let sessions = sessions.filter(|(_, session)| is_wanted(session)).collect();
        let (stored, told) = channel();
        let state = State {
            waiting: HashMap::new(),
            stored: Some(stored),
            of_files: download.plan().totals().fetch.bytes,
            of_stores: 0,
            is_incomplete: false,
        };
        let dataset = download.mirror();
        let at_once = at_once(&dataset, request);
        let arriving = Self {
            dataset,
            root: download.root().to_owned(),
            inventory: Arc::clone(download.inventory()),
            request: request.clone(),
            cancel: cancel.clone(),
            sessions,
            in_memory: Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)),
            stores: Mutex::default(),
            state: Mutex::new(state),
        };
        (Arc::new(arriving), told)
    }

    /// The files that have to be begun when all others are there.
    pub(crate) fn files(&self) -> impl Iterator<Item = RelativePath> {
        self.sessions.keys().cloned()
    }

    /// How many of them may be fetched at once: as many as are written at the same time.
    pub(crate) fn at_once(&self) -> usize {
        at_once(&self.dataset, &self.request)
    }

    /// An attempt at a file begins: what is to read its volumes, if it goes to a store.
    pub(crate) fn begin(self: &Arc<Self>, file: &RelativePath) -> Option<ReadVolumes> {
        if !self.sessions.contains_key(file) {
            return None;
        }
        let mut state = lock(&self.state);
        let stored = state.stored.clone().filter(|_| !state.is_incomplete)?;
        let (sender, named) = channel();
        // Whoever waits since an attempt before waits in vain.
        state.waiting.insert(file.clone(), sender);
        let (arriving, file) = (Arc::clone(self), file.clone());
        Some(Box::new(move |volumes| {
            if let Some(told) = arriving.read(&file, volumes, &named) {
                // Nobody listens any more if the download has panicked.
                let _ = stored.send(told);
            }
        }))
    }

    /// The index that comes with a session, as it would with the first read of its file.
    pub(crate) fn index(&self, file: &RelativePath) -> Option<PathBuf> {
        let session = self.sessions.get(file)?;
        self.dataset.reading.first_index(Path::new(file.as_str()), session.size)
    }

    /// What became of a file is known.
    pub(crate) fn finished(&self, item: &PlanItem, outcome: &Outcome) {
        let fetched = matches!(outcome, Outcome::Fetched { .. });
        let is_left_out = matches!(outcome, Outcome::Withheld { .. } | Outcome::Refused(_));
        let sha256 = self.sha256(&item.local).filter(|_| fetched);
        let mut state = lock(&self.state);
        if fetched {
            state.of_files = state.of_files.saturating_sub(item.size);
        }
        if !self.sessions.contains_key(&item.local) {
            state.is_incomplete |= !(outcome.is_there() || is_left_out);
        }
        if let (Some(waiting), Some(sha256)) = (state.waiting.remove(&item.local), sha256) {
            // Who has given up already waits for nothing.
            let _ = waiting.send(sha256);
        }
    }

    /// The download is over: no file gets its name any more.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.waiting.clear();
        state.stored = None;
    }

    /// The SHA-256 of a file that this download has just put into the mirror.
    fn sha256(&self, file: &RelativePath) -> Option<Sha256> {
        self.sessions.get(file)?;
        let metadata = std::fs::metadata(self.root.join(file.as_str())).ok()?;
        let record = self.inventory.find(file, &metadata)?;
        record.sha256.filter(|_| record.fits(&metadata))
    }

    /// Reads the volumes of a file into a store.
    fn read(
        &self,
        file: &RelativePath,
        volumes: &mut ArrivingVolumes,
        named: &Receiver<Sha256>,
    ) -> Option<StoredArriving> {
        let arriving = self.sessions.get(file)?;
        // An attempt before, whose bytes come no more, ends at once.
        let _turn = lock(&arriving.turn);
        let ArrivingSession { subject, session, .. } = arriving;
        match self.store(arriving, volumes, named) {
            Ok(store) => {
                let store = store?;
                let path = store.display();
                tracing::info!(%subject, %session, store = %path, "stored during the download");
                Some(StoredArriving { subject: subject.clone(), session: session.clone(), store })
            }
            Err(Error::Cancelled) => None,
            Err(error) => {
                let causes = with_causes(&error);
                tracing::warn!("{subject} {session} was not stored during the download: {causes}");
                None
            }
        }
    }

    /// The store that has the session now. There is nothing to do for one that is there already,
    /// and a session that another process builds is left to it.
    fn store(
        &self,
        arriving: &ArrivingSession,
        volumes: &mut ArrivingVolumes,
        named: &Receiver<Sha256>,
    ) -> Result<Option<PathBuf>> {
        let ArrivingSession { subject: id, session, .. } = arriving;
        let Some((subject, place)) = self.opened(id) else { return Ok(None) };
        let there = Arc::new(place.expected());
        let is_there = there.session(session).is_ok_and(|it| arriving.is_version(&it.label.betas));
        if is_there || writers_of(&there.session_path(session)) > 0 {
            return Ok(None);
        }
        let betas = self.root.join(layout::betas(id, session));
        place.voxels.brain().check_grid(&betas, volumes.grid())?;
        let selection = place.voxels.selection()?;
        let plan = subject.plan_sessions(&self.request, place, vec![session.clone()])?;
        let [table] = &*plan.tables else { return Ok(None) };
        table.check_volumes(&betas, volumes.n_volumes())?;
        let fill = |rows: &mut MatrixRows| -> Result<Fingerprint> {
            let mut put = Ok(());
            let is_whole = volumes.for_each_row(&selection, |_, row| {
                put = rows.put(row);
                let goes_on = put.is_ok() && !self.cancel.is_cancelled();
                if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            put?;
            let sha256 = if is_whole { named.recv().ok() } else { None };
            self.fingerprint(arriving, sha256.ok_or(Error::Cancelled)?)
        };
        // No more files are fetched at once than there are permits. So somebody has one whose file
        // is done, and gives it back without waiting for another file.
        let _permit = wait(self.in_memory.acquire());
        let written = self.in_space(&plan.path, plan.bytes, || plan.write(session, table, fill))?;
        Ok(written.then_some(plan.path))
    }

    /// Writes so many bytes to a store, never at the expense of the download. What is on disk of a
    /// file or a session counts as still to be written until it is complete.
    fn in_space<T>(
        &self,
        store: &Path,
        bytes: u64,
        write: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let is_shared = share_a_disk(&self.root, store);
        let needed = {
            let mut state = lock(&self.state);
            state.of_stores = state.of_stores.saturating_add(bytes);
            let of_files = if is_shared { state.of_files } else { 0 };
            of_files.saturating_add(state.of_stores)
        };
        let written = check_space(store, needed).and_then(|()| write());
        let mut state = lock(&self.state);
        state.of_stores = state.of_stores.saturating_sub(bytes);
        written
    }

    /// A subject and its store, which is made if it is not there. Nothing if that fails, which is
    /// said once for all sessions.
    fn opened(&self, id: &SubjectId) -> Option<(Subject, StorePlace)> {
        let mut stores = lock(&self.stores);
        if let Some(opened) = stores.get(id) {
            return opened.clone();
        }
        let opened = self.open(id);
        if let Err(error) = &opened
            && !matches!(error, Error::Cancelled)
        {
            let causes = with_causes(error);
            tracing::warn!("{id} is not stored during the download: {causes}");
        }
        let opened = opened.ok();
        stores.insert(id.clone(), opened.clone());
        opened
    }

    fn open(&self, id: &SubjectId) -> Result<(Subject, StorePlace)> {
        let subject = self.dataset.mirrored(id).with_cancel(&self.cancel);
        let place = subject.store_place(&self.request)?;
        let plan = subject.plan_sessions(&self.request, place.clone(), Vec::new())?;
        let bytes = voxels_bytes(&subject, &place.voxels)?;
        self.in_space(&plan.path, bytes, || plan.prepare(&subject))?;
        Ok((subject, place))
    }

    /// What the file is that has its name now, if it is the one whose bytes have passed.
    fn fingerprint(&self, arriving: &ArrivingSession, sha256: Sha256) -> Result<Fingerprint> {
        // The mirror has other records than when the store was opened.
        let subject = self.dataset.mirrored(&arriving.subject);
        let place = subject.betas_place(&arriving.session)?;
        let known = LargeFile::new(subject.files(), &place, None)?.known()?;
        let Some(record) = known.filter(|record| record.sha256 == sha256) else {
            tracing::debug!(path = %place.path().display(), "another file is read in its place");
            return Err(Error::Cancelled);
        };
        subject.files().fingerprint(&place, &record)
    }
}

/// How many sessions are written at the same time: as many as [`Subject::build_store`] would build,
/// which takes as much memory. With a limit, one.
fn at_once(dataset: &Dataset, request: &StoreRequest) -> usize {
    match request.max_memory {
        Some(_) => 1,
        None => dataset.jobs(),
    }
}

impl ArrivingSession {
    /// The session of a file of betas.
    fn of(item: &PlanItem) -> Option<(RelativePath, Self)> {
        let file = item.local.as_str();
        let subject: SubjectId = entity_value(file, "sub")?.parse().ok()?;
        let session: SessionId = entity_value(file, "ses")?.parse().ok()?;
        let is_betas = layout::betas(&subject, &session) == file;
        let (size, etag, turn) = (item.size, item.etag.clone(), Mutex::default());
        is_betas.then(|| (item.local.clone(), Self { subject, session, size, etag, turn }))
    }

    /// Whether a session was built from this version of the object.
    fn is_version(&self, betas: &Fingerprint) -> bool {
        self.etag.is_some() && (self.size, &self.etag) == (betas.size, &betas.etag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DownloadRequest;

    #[test]
    fn a_store_is_not_begun_in_the_space_of_the_download() {
        let bucket = fixtures::Bucket::temporary().unwrap();
        let server = bucket.serve().unwrap();
        let dataset = Dataset::open(bucket.root()).unwrap();
        let dataset = dataset.with_location(server.url("laion-fmri").parse().unwrap());
        let request = DownloadRequest::subject("sub-03").unwrap();
        let download = dataset.plan_download(&request).unwrap();
        let subject: SubjectId = "sub-03".parse().unwrap();
        let (request, cancel) = (StoreRequest::new(), Cancel::new());
        let (arriving, _told) = ArrivingSessions::new(&download, &request, &cancel);
        lock(&arriving.state).of_files = u64::MAX;
        assert!(matches!(arriving.open(&subject), Err(Error::Space(_))));
        assert!(!bucket.root().join("stores").exists());
        lock(&arriving.state).of_files = 0;
        let (_, place) = arriving.open(&subject).unwrap();
        assert!(place.path.is_dir());
        // What was written is no longer to be written.
        assert_eq!(lock(&arriving.state).of_stores, 0);
    }
}
