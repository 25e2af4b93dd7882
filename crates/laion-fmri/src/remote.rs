//! An open bucket with the runtime that its connections live on.

mod background;
pub(crate) mod object;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bids_names::SubjectId;
use s3_mirror::{Cancel, ConnectOptions, Integrity, Key, Listed, Listing, Location, Store};

pub(crate) use self::background::Background;
use crate::dataset::{subjects_among, subjects_below};
use crate::{Dataset, Error, Result, layout};

/// A bucket whose calls block, also inside the task of another runtime. Connections are reused
/// between calls, which is why the runtime is kept as long as the store.
#[derive(Clone)]
pub(crate) struct Remote {
    runtime: Arc<Background>,
    store: Store,
    location: Location,
    /// What ends the questions.
    cancel: Cancel,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Remote {
    pub(crate) fn open(location: &Location, options: &ConnectOptions) -> Result<Self> {
        let runtime = Background::start(2)?;
        Ok(Self {
            runtime: Arc::new(runtime),
            store: location.open_with(options)?,
            location: location.clone(),
            cancel: Cancel::new(),
        })
    }

    /// The same bucket over the same connections, whose questions are ended by this.
    pub(crate) fn with_cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Waits for the answer to a question, or until it is cancelled.
    pub(crate) fn ask<T: Send>(
        &self,
        question: impl Future<Output = Result<T, s3_mirror::Error>> + Send,
    ) -> Result<T> {
        self.block_on(async {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(Error::Cancelled),
                answer = question => Ok(answer?),
            }
        })
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    pub(crate) fn block_on<F>(&self, future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        self.runtime.block_on(future)
    }

    /// Every object below a prefix.
    pub(crate) fn list(&self, prefix: &str) -> Result<Listing> {
        self.ask(s3_mirror::list(&self.store, prefix))
    }

    /// As [`Remote::list`] for several prefixes at once, in their order.
    pub(crate) fn list_many(&self, prefixes: &[String]) -> Result<Vec<Listing>> {
        self.ask(s3_mirror::list_many(&self.store, prefixes))
    }

    /// What the bucket says about one object, if it has it.
    pub(crate) fn head(&self, key: &Key) -> Result<Option<Listed>> {
        self.ask(s3_mirror::head(&self.store, key))
    }

    /// What the bucket says about the content of one object.
    pub(crate) fn integrity(&self, key: &Key) -> Result<Integrity> {
        self.ask(s3_mirror::integrity(&self.store, key))
    }

    /// Every object below a prefix that ends in `/`, listed directory by directory at once, so that a
    /// large tree takes no longer than its largest directory. A directory that is not `wanted` is
    /// only named, in `prefixes`.
    pub(crate) fn list_tree(&self, prefix: &str, wanted: impl Fn(&str) -> bool) -> Result<Listing> {
        if !prefix.ends_with('/') {
            return self.list(prefix);
        }
        let mut all = self.list_directory(prefix)?;
        let (inside, outside): (Vec<String>, Vec<String>) =
            std::mem::take(&mut all.prefixes).into_iter().partition(|child| wanted(child));
        all.prefixes = outside;
        for listing in self.list_many(&inside)? {
            all.objects.extend(listing.objects);
            all.refused.extend(listing.refused);
        }
        all.objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(all)
    }

    /// The names of the directories directly below a prefix, sorted.
    pub(crate) fn directories(&self, prefix: &str) -> Result<BTreeSet<String>> {
        let listing = self.list_directory(prefix)?;
        let parts = listing.prefixes.iter().map(|prefix| prefix.trim_end_matches('/'));
        Ok(parts.map(|prefix| prefix.rsplit('/').next().unwrap_or(prefix).to_owned()).collect())
    }

    /// The subjects of the bucket, sorted: those below any of the trees.
    pub(crate) fn subjects(&self) -> Result<Vec<SubjectId>> {
        let subjects = subjects_below(|tree| self.directories(tree))?;
        if subjects.is_empty() {
            self.check_dataset()?;
        }
        Ok(subjects)
    }

    /// Refuses a bucket that has nothing at its top that this dataset has there.
    pub(crate) fn check_dataset(&self) -> Result<()> {
        let top = self.directories("")?;
        let is_known =
            |name: &String| name.starts_with("sub-") || layout::TOP_LEVEL.contains(&name.as_str());
        if top.iter().any(is_known) {
            return Ok(());
        }
        Err(Error::NotTheDataset { location: self.location.to_string() })
    }

    /// The probed trees, each with the subjects below it.
    pub(crate) fn subjects_by_tree(&self) -> Result<Vec<(&'static str, BTreeSet<SubjectId>)>> {
        let subjects = |tree| Ok((tree, subjects_among(&self.directories(tree)?).collect()));
        layout::PROBED.into_iter().map(subjects).collect()
    }

    /// The directories and objects directly below a prefix.
    pub(crate) fn list_directory(&self, prefix: &str) -> Result<Listing> {
        self.ask(s3_mirror::list_directory(&self.store, prefix))
    }
}

impl Dataset {
    /// The bucket of the dataset, for calls and readers that share connections.
    ///
    /// # Errors
    ///
    /// [`Error::Offline`] in offline mode (`what` says what was to be done with the bucket),
    /// [`Error::Mirror`] when the location cannot be used.
    pub(crate) fn remote(&self, what: &str) -> Result<Remote> {
        self.check_online(what)?;
        self.open_bucket()
    }

    /// As [`Dataset::remote`], in offline mode too.
    pub(crate) fn open_bucket(&self) -> Result<Remote> {
        let remote = Remote::open(self.location(), self.connect_options())?;
        Ok(remote.with_cancel(&self.reading.cancel))
    }
}
