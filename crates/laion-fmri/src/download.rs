//! Downloads: a request, the plan it becomes, and the transfer that carries it out.

mod gated;
mod inspection;
mod missing;
mod select;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bids_names::{Filter, SubjectId, dehyphenate_labels};
use laion_fmri_stimuli::EmbeddingModel;
use s3_mirror::{
    Action, Cancel, Candidate, FetchReason, Folder, Inspection, InvalidKey, Inventory, Key,
    LocalEntry, LocalView, Plan, PlanItem, RelativePath, Report, Rule, TransferOptions,
};

pub use self::gated::{StimulusDownload, StimulusFile, StimulusReport};
use self::inspection::BetasInspection;
pub(crate) use self::inspection::GzipInspection;
pub use self::missing::Missing;
use self::select::{Selected, Selection, Why};
#[cfg(doc)]
use crate::Error;
use crate::dataset::Reading;
use crate::discovery::Discovery;
use crate::license::LicenseAccepted;
use crate::remote::Remote;
use crate::roots::listed::{self, Listed};
use crate::store::{ArrivingSessions, StoreRequest, StoredArriving};
use crate::{Dataset, DownloadRequest, Event, Observer, Result, Roots};

/// A download that has been planned but not started: every key with what will be done to it.
#[derive(Debug)]
pub struct Download {
    remote: Remote,
    plan: Plan,
    root: PathBuf,
    skipped_subjects: Vec<SubjectId>,
    missing: Vec<Missing>,
    inventory: Arc<Inventory>,
    limit_rate: Option<NonZeroU64>,
    filter: Filter,
    reasons: BTreeMap<Key, Why>,
    roots: Roots,
    reading: Reading,
    makes_indexes: bool,
    /// The stores that are built on the way.
    store: Option<StoreRequest>,
    /// Directories behind which files are written although they are links to other disks.
    linked: BTreeSet<String>,
    /// What the bucket lists, for messages about what is not on disk.
    of_bucket: Listed,
}

impl Download {
    /// What will be done to each key, and the totals.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The directory that files go to.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// With `Subjects::All` or [`DownloadRequest::allow_missing`]: the subjects for which nothing
    /// matched.
    #[must_use]
    pub fn skipped_subjects(&self) -> &[SubjectId] {
        &self.skipped_subjects
    }

    /// With [`DownloadRequest::allow_missing`]: what the request names and no key has.
    #[must_use]
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// Why a key is among those of the plan: the values that pass the filters, or what else let it
    /// in, in words.
    #[must_use]
    pub fn why(&self, item: &PlanItem) -> String {
        let why = self.reasons.get(&item.key).copied().unwrap_or(Why::Filters);
        why.explain(&self.filter, item.key.as_str())
    }

    /// How many bytes of an item an earlier download has left, with which this one goes on.
    #[must_use]
    pub fn unfinished_bytes(&self, item: &PlanItem) -> u64 {
        match item.action {
            Action::Fetch(_) => item.unfinished_bytes(&self.root),
            _ => 0,
        }
    }

    /// Bytes that [`run`](Self::run) adds to the disk: those of the items to fetch, without what an
    /// earlier download has left of them.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        let missing = |item: &PlanItem| item.size.saturating_sub(self.unfinished_bytes(item));
        self.plan.fetches().map(missing).fold(0, u64::saturating_add)
    }

    /// Whether what is to be fetched can be written. A mirror that nobody may write into is enough for a
    /// plan, and for a download with nothing to fetch.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is something to fetch and no root is writable.
    pub fn check_writable(&self) -> Result<()> {
        match self.plan.fetches().next() {
            Some(_) => self.roots.writable().map(drop),
            None => Ok(()),
        }
    }

    /// Bytes that are free where files go; `None` where the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        crate::roots::free_bytes(&self.root)
    }

    /// The same download, taking at most this many bytes per second.
    #[must_use]
    pub fn with_limit_rate(mut self, bytes_per_second: Option<NonZeroU64>) -> Self {
        self.limit_rate = bytes_per_second;
        self
    }

    /// The same download, leaving an index of every betas file that it fetches in the
    /// [cache directory](Dataset::with_cache_dir), if there is one. The bytes are inflated anyway,
    /// to verify them, so this saves the extra pass of
    /// [`Subject::index_betas`](crate::Subject::index_betas). An index that cannot be written is
    /// only a debug event.
    #[must_use]
    pub fn with_indexes(mut self) -> Self {
        self.makes_indexes = true;
        self
    }

    /// The same download, building [stores](crate::store) of the betas that it fetches from the
    /// bytes that pass: they are inflated anyway, to verify them, so nothing is read twice.
    /// [`Event::Stored`] tells of each session that was stored.
    ///
    /// The betas are fetched when all other files are there. A session appears in its store when its
    /// file is verified and has its name. What goes wrong with a store leaves the download alone,
    /// and is a warning event. [`Subject::build_store`](crate::Subject::build_store) with the same
    /// request then builds what is missing: the sessions of files that were on disk before, too. It
    /// finds the same bytes that it would have written itself.
    ///
    /// As many sessions as the dataset has [jobs](Dataset::with_jobs) are fetched and stored at the
    /// same time, one if the request has a limit of memory. Each takes what building it takes
    /// ([`StorePlan::peak_memory`](crate::store::StorePlan::peak_memory)), and leaves the index that
    /// it leaves.
    #[must_use]
    pub fn with_store(mut self, request: StoreRequest) -> Self {
        self.store = Some(request);
        self
    }

    /// The address of the object of an item, as any HTTP client takes it.
    #[must_use]
    pub fn url_of(&self, item: &PlanItem) -> String {
        self.remote.location().url_of(&item.key)
    }

    /// Reads every file that the plan keeps, and plans to fetch again those that are not what was
    /// recorded, or without a record not the object as listed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a file cannot be read, [`Error::Cancelled`].
    pub fn verify_kept(
        &mut self,
        jobs: usize,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<()> {
        let bad = crate::upkeep::bad_among(self, jobs, observer, cancel)?;
        for (item, bad) in self.plan.items.iter_mut().zip(bad) {
            if bad {
                item.action = Action::Fetch(FetchReason::Damaged);
            }
        }
        Ok(())
    }

    /// The file of an item in any root.
    pub(crate) fn find(&self, item: &PlanItem) -> Option<PathBuf> {
        self.roots.find(item.local.as_str())
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    pub(crate) fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// The mirror that this download completes.
    pub(crate) fn mirror(&self) -> Dataset {
        let mut mirror = Dataset::new(self.roots.clone());
        mirror.reading = self.reading.clone();
        mirror
    }

    /// Carries the plan out and reports the outcome of every key.
    ///
    /// Sizes, entity tags and the checksums inside gzipped files are verified before a file appears
    /// under its name, and what appears is recorded below `.laion_fmri/inventory`. An object that is at
    /// fault itself is mirrored as it is; [`Report::faults`] names it. A failed key does
    /// not stop the others: the report tells, and [`Report::into_result`] makes an error of it. Stopping through `cancel` leaves complete files, and
    /// unfinished ones that the next run goes on with.
    pub fn run(
        &self,
        _license: &LicenseAccepted,
        jobs: usize,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Report {
        let arriving = self.store.as_ref().map(|it| ArrivingSessions::new(self, it, cancel));
        let (arriving, stored) = arriving.unzip();
        let indexes = self.makes_indexes.then(|| self.reading.clone());
        let only_verifies = indexes.is_none() && arriving.is_none();
        let inspection: Arc<dyn Inspection> = match only_verifies {
            true => Arc::new(GzipInspection),
            false => Arc::new(BetasInspection { indexes, arriving: arriving.clone() }),
        };
        if self.of_bucket != Listed::default() {
            let bucket = self.remote.location().to_string();
            if let Err(error) = listed::keep(&self.root, &bucket, &self.of_bucket) {
                tracing::debug!(%error, "what the bucket lists is not kept");
            }
        }
        let mut options = TransferOptions::default()
            .with_jobs(jobs)
            .with_limit_rate(self.limit_rate)
            .with_inventory(Arc::clone(&self.inventory))
            .with_linked_directories(self.linked.iter().cloned())
            .with_inspection(inspection);
        if let Some(arriving) = &arriving {
            options = options.with_last(arriving.files(), arriving.at_once());
        }
        let store = self.remote.store();
        let told = |event: s3_mirror::Event<'_>| {
            if let (Some(arriving), s3_mirror::Event::Finished { item, outcome }) =
                (&arriving, event)
            {
                arriving.finished(item, outcome);
            }
            observer.event(Event::Transfer(event));
        };
        let transfer = s3_mirror::transfer(store, &self.plan, &self.root, &options, &told, cancel);
        let report = self.remote.block_on(transfer);
        if let Some(arriving) = arriving {
            arriving.close();
        }
        // Until the last thread that stores a session has ended.
        for StoredArriving { subject, session, store } in stored.into_iter().flatten() {
            let (subject, session, store) = (&subject, &session, &*store);
            observer.event(Event::Stored { subject, session, store });
        }
        report
    }
}

impl Dataset {
    /// What the bucket holds.
    ///
    /// # Errors
    ///
    /// [`Error::Offline`] in offline mode, [`Error::Mirror`] when the location cannot be used.
    pub fn discovery(&self) -> Result<Discovery> {
        self.check_online("asking")?;
        let discovery = Discovery::open_with(self.location(), self.connect_options())?;
        Ok(discovery.with_cancel(&self.reading.cancel))
    }

    /// Lists the bucket and decides for every key whether it is fetched, kept or withheld. What stops it
    /// is the [`Cancel`] of the [dataset](Dataset::with_cancel).
    ///
    /// Nothing is written. For each subject the betas tree and the ROIs are searched with the
    /// filters of the request (`ses` does not apply to ROIs). When single-trial betas are among what
    /// was found, or `ses` names a session, the mean R² map and the functional-grid brain mask of the
    /// subject come along whatever the filters say, so that the default loader works. Of the trees that are included on top, the raw data are searched with
    /// all filters, and the others are taken whole. Sessions that are not released yet are
    /// withheld, except the maps of the object localizer. The four files that describe the dataset
    /// come along, but not with files below `stimuli/` alone, which are taken by their very names.
    /// The images are withheld, since another service hands them out; see
    /// [`DownloadRequest::include_stimuli`].
    ///
    /// # Errors
    ///
    /// [`Error::SubjectNotFound`] when the bucket has no such subject; [`Error::NoMatchingData`]
    /// when nothing matches in any tree of a subject, when no listed key of a subject has a `ses` value, and,
    /// unless the request [allows](DownloadRequest::allow_missing) that, when no listed key of any
    /// subject has a value of another filter, or a tree that is included on top gives nothing;
    /// [`Error::Offline`]; [`Error::Mirror`] when the bucket cannot be listed;
    /// [`Error::Io`] when the records of a root cannot be read.
    #[doc(alias = "download")]
    pub fn plan_download(&self, request: &DownloadRequest) -> Result<Download> {
        self.check_online("listing")?;
        let remote = self.open_bucket()?;
        let root = self.roots().writable_or_last()?.to_owned();
        let Selected { keys, mut refused, skipped: skipped_subjects, missing, of_bucket } =
            Selection::collect(&remote, self.location(), request)?;
        let mut candidates = Vec::with_capacity(keys.len());
        let mut reasons = BTreeMap::new();
        let mut accompanying = Vec::new();
        for key in keys {
            if matches!(key.why, Why::Dataset | Why::Pinned | Why::ImageTable) {
                accompanying.push(key.listed.key.clone());
            }
            reasons.insert(key.listed.key.clone(), key.why);
            match candidate(key) {
                Ok(candidate) => candidates.push(candidate),
                Err(invalid) => refused.push(invalid),
            }
        }
        // A prefix may have been listed more than once.
        refused.sort_by(|a, b| a.key.cmp(&b.key));
        refused.dedup();
        if request.include_stimuli {
            match gated::images(self.roots()) {
                Ok(images) => {
                    candidates.retain(|other| other.listed.key != images.listed.key);
                    reasons.insert(images.listed.key.clone(), Why::Named);
                    candidates.push(images);
                }
                Err(invalid) => refused.push(invalid),
            }
        }
        let mirror = Mirror::open(self.roots(), &root)?;
        let plan = s3_mirror::plan(candidates, &mirror)?
            .with_refused(refused)
            .with_accompanying(accompanying);
        let inventory = mirror.inventory;
        let linked = self.linked_directories(plan.iter().map(|item| &item.local));
        let (limit_rate, filter) = (request.limit_rate, request.filter.clone());
        let roots = self.roots().clone();
        Ok(Download {
            remote,
            plan,
            root,
            skipped_subjects,
            missing,
            inventory,
            limit_rate,
            filter,
            reasons,
            roots,
            reading: self.reading.clone(),
            makes_indexes: false,
            store: None,
            linked,
            of_bucket,
        })
    }

    /// A download of exactly these objects, whatever is there of them.
    pub(crate) fn replace(&self, candidates: Vec<Candidate>) -> Result<Download> {
        let remote = self.open_bucket()?;
        let root = self.roots().writable_or_last()?.to_owned();
        let mirror = Mirror::open(self.roots(), &root)?;
        let plan = s3_mirror::plan(candidates, &mirror)?;
        let linked = self.linked_directories(plan.iter().map(|item| &item.local));
        Ok(Download {
            remote,
            plan,
            root,
            skipped_subjects: Vec::new(),
            missing: Vec::new(),
            inventory: mirror.inventory,
            limit_rate: None,
            filter: Filter::default(),
            reasons: BTreeMap::new(),
            roots: self.roots().clone(),
            reading: self.reading.clone(),
            makes_indexes: false,
            store: None,
            linked,
            of_bucket: Listed::default(),
        })
    }

    /// Plans and carries out a download in one call; `cancel` stops both.
    ///
    /// # Errors
    ///
    /// As [`Dataset::plan_download`] and [`Download::check_writable`].
    ///
    /// ```
    /// use laion_fmri::{Cancel, Dataset, DownloadRequest};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// # std::fs::create_dir("mirror")?;
    /// let dataset = Dataset::open("mirror")?;
    /// # let dataset = dataset.with_location(laion_fmri::Location::directory(bucket.root())?);
    /// let license = dataset.accept_license()?;
    /// let request = DownloadRequest::subject("sub-03")?.ses(["ses-01"]);
    /// let report = dataset.download(&request, &license, &(), &Cancel::new())?;
    /// let totals = report.into_result()?; // an error with the first failure, if anything is missing
    /// assert!(totals.fetched > 0);
    /// assert_eq!(dataset.subject("sub-03")?.sessions()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn download(
        &self,
        request: &DownloadRequest,
        license: &LicenseAccepted,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        let download = self.clone().with_cancel(cancel).plan_download(request)?;
        download.check_writable()?;
        Ok(download.run(license, request.jobs, observer, cancel))
    }

    /// Mirrors the embeddings of these models; `EmbeddingModel::ALL` has all of them.
    ///
    /// # Errors
    ///
    /// As [`Dataset::download`]; [`Error::NoMatchingData`] when the bucket lacks a file.
    pub fn download_embeddings(
        &self,
        models: &[EmbeddingModel],
        license: &LicenseAccepted,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        let request = DownloadRequest::embeddings(models.iter().copied());
        self.download(&request, license, observer, cancel)
    }

    /// Mirrors the object masks and their table.
    ///
    /// # Errors
    ///
    /// As [`Dataset::download_embeddings`].
    pub fn download_segmentations(
        &self,
        license: &LicenseAccepted,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        self.download(&DownloadRequest::segmentations(), license, observer, cancel)
    }

    /// Mirrors the captions.
    ///
    /// # Errors
    ///
    /// As [`Dataset::download_embeddings`].
    pub fn download_captions(
        &self,
        license: &LicenseAccepted,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<Report> {
        self.download(&DownloadRequest::captions(), license, observer, cancel)
    }
}

/// What is on disk: a file of the root written to counts first, then one of any other root, else
/// what stands in the way in the root written to.
struct Mirror<'a> {
    roots: &'a Roots,
    folder: Folder,
    inventory: Arc<Inventory>,
    shared: Vec<(PathBuf, Inventory)>,
}

impl<'a> Mirror<'a> {
    fn open(roots: &'a Roots, root: &Path) -> Result<Self> {
        let inventory = Arc::new(crate::roots::inventory::of_writable(root)?);
        let folder = Folder::new(root)?.with_inventory(Arc::clone(&inventory));
        let mut shared = Vec::new();
        for other in roots.directories().iter().filter(|other| *other != root) {
            shared.push((other.clone(), crate::roots::inventory::of_shared(other)?));
        }
        Ok(Self { roots, folder, inventory, shared })
    }
}

impl LocalView for Mirror<'_> {
    fn entry(&self, path: &RelativePath) -> io::Result<LocalEntry> {
        let own = self.folder.entry(path)?;
        if self.shared.is_empty() || matches!(own, LocalEntry::File { .. }) {
            return Ok(own);
        }
        match self.roots.find(path.as_str()) {
            Some(file) => Ok(LocalEntry::File { size: std::fs::metadata(file)?.len() }),
            None => Ok(own),
        }
    }

    fn etag(&self, path: &RelativePath) -> Option<String> {
        self.folder.etag(path).or_else(|| {
            let found = self.roots.find(path.as_str())?;
            let (_, inventory) = self.shared.iter().find(|(root, _)| found.starts_with(root))?;
            let metadata = std::fs::metadata(&found).ok()?;
            inventory.find(path, &metadata).filter(|record| record.size == metadata.len())?.etag
        })
    }
}

fn candidate(key: select::SelectedKey) -> Result<Candidate, InvalidKey> {
    let local = RelativePath::new(dehyphenate_labels(key.listed.key.as_str()))?;
    let rule = match key.withheld {
        Some(reason) => Rule::Withhold(reason.to_owned()),
        None => Rule::Mirror,
    };
    Ok(Candidate { listed: key.listed, local, rule })
}
