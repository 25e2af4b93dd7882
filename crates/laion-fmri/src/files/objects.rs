//! Objects of the bucket in place of files: listed once, small ones fetched once, nothing stored.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bids_names::dehyphenate_labels;
use laion_fmri_base::{Sha256, lock, parallel_map};
use s3_mirror::{Cancel, Key, Listed, ObjectOptions};

use super::input::KeptObject;
use super::{Input, InputError, Located};
use crate::remote::Remote;
use crate::remote::object::PendingRemoteObject;
use crate::{Error, Result, layout, policy};

/// No mask, map or table of the dataset is nearly as large.
const LARGEST_KEPT: u64 = 64 << 20;

/// What the bucket lists of an object.
pub(super) type Object = Arc<Listed>;

/// Small objects that are fetched at once: each is little more than a wait.
const AT_ONCE: usize = 8;

/// The objects below some prefixes of a bucket, by the relative paths that a mirror gives them.
///
/// Held-out sessions are left out. Objects are read in the version that was listed.
#[derive(Debug)]
pub(crate) struct Objects {
    remote: Remote,
    /// What names of objects start with, without the slash.
    location: PathBuf,
    prefixes: Vec<String>,
    listed: BTreeMap<String, Arc<Listed>>,
    /// What was asked for outside the prefixes.
    asked: Mutex<HashMap<String, Option<Arc<Listed>>>>,
    /// The directories outside the prefixes that were listed, each with its files.
    directories: Mutex<HashMap<String, BTreeSet<String>>>,
    kept: Mutex<HashMap<String, Slot>>,
    /// Objects that were asked for before they are read.
    pending: Mutex<HashMap<String, Pending>>,
}

/// An object that was asked for before it is read, and what ends that.
#[derive(Debug)]
struct Pending {
    object: PendingRemoteObject,
    cancel: Cancel,
}

/// A small object, once it was fetched. Who fetches it holds the lock, so that nobody else does.
type Slot = Arc<Mutex<Option<Arc<KeptObject>>>>;

impl Objects {
    /// No object is listed.
    pub(crate) fn none(remote: &Remote) -> Self {
        Self::new(remote, Vec::new(), BTreeMap::new())
    }

    /// Lists the prefixes, which end in a slash.
    ///
    /// # Errors
    ///
    /// [`Error::Mirror`] when the bucket cannot be listed.
    pub(crate) fn list(remote: &Remote, prefixes: Vec<String>) -> Result<Self> {
        let mut listed = BTreeMap::new();
        for listing in remote.list_many(&prefixes)? {
            for object in listing.objects {
                if policy::is_held_out(object.key.as_str()) {
                    continue;
                }
                let relative = dehyphenate_labels(object.key.as_str()).into_owned();
                // As in a mirror, the first key in order has the path.
                listed.entry(relative).or_insert_with(|| Arc::new(object));
            }
        }
        Ok(Self::new(remote, prefixes, listed))
    }

    fn new(remote: &Remote, prefixes: Vec<String>, listed: BTreeMap<String, Arc<Listed>>) -> Self {
        let location = remote.location();
        let location = match location.as_directory() {
            Some(directory) => directory.to_owned(),
            None => location.to_string().split('?').next().unwrap_or_default().into(),
        };
        Self {
            remote: remote.clone(),
            location,
            prefixes,
            listed,
            asked: Mutex::default(),
            directories: Mutex::default(),
            kept: Mutex::default(),
            pending: Mutex::default(),
        }
    }

    /// Whether nothing was listed.
    pub(crate) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub(super) fn find(&self, relative: &str) -> Option<Located> {
        Some(self.locate(relative, self.listed.get(relative)?))
    }

    /// As [`Objects::find`]; the bucket is asked for what was not listed.
    pub(super) fn find_unlisted(&self, relative: &str) -> Result<Option<Located>> {
        if self.is_listed(relative) || policy::is_held_out(relative) {
            return Ok(self.find(relative));
        }
        let Ok(key) = Key::new(relative) else { return Ok(None) };
        let mut asked = lock(&self.asked);
        let found = match asked.get(relative) {
            Some(found) => found.clone(),
            None => {
                let found = self.remote.head(&key)?.map(Arc::new);
                asked.insert(relative.to_owned(), found.clone());
                found
            }
        };
        Ok(found.map(|listed| self.locate(relative, &listed)))
    }

    /// Whether the file of that path is read from the bucket even when it is on disk too.
    pub(super) fn reads(&self, relative: &str) -> bool {
        self.is_listed(relative) || relative == layout::stimulus_metadata()
    }

    fn is_listed(&self, relative: &str) -> bool {
        self.prefixes.iter().any(|prefix| relative.starts_with(prefix))
    }

    /// What messages call an object.
    pub(super) fn name(&self, key: &str) -> PathBuf {
        // Joined as text: a path would be written with other separators on some systems.
        format!("{}/{key}", self.location.display()).into()
    }

    pub(super) fn subdirectories(&self, relative: &str) -> BTreeSet<String> {
        let children = self.below(relative).filter_map(|(rest, _)| rest.split_once('/'));
        children.map(|(directory, _)| directory.to_owned()).collect()
    }

    pub(super) fn files(&self, relative: &str) -> BTreeSet<String> {
        let children = self.below(relative).map(|(rest, _)| rest);
        children.filter(|rest| !rest.contains('/')).map(str::to_owned).collect()
    }

    /// As [`Objects::files`]; the bucket is asked for a directory that was not listed. `relative`
    /// ends in a slash.
    pub(super) fn files_unlisted(&self, relative: &str) -> Result<BTreeSet<String>> {
        if self.is_listed(relative) {
            return Ok(self.files(relative));
        }
        let mut directories = lock(&self.directories);
        if let Some(files) = directories.get(relative) {
            return Ok(files.clone());
        }
        let mut files = BTreeSet::new();
        let mut asked = lock(&self.asked);
        for object in self.remote.list_directory(relative)?.objects {
            let local = dehyphenate_labels(object.key.as_str()).into_owned();
            if policy::is_held_out(object.key.as_str()) {
                continue;
            }
            files.extend(local.strip_prefix(relative).map(str::to_owned));
            asked.insert(local, Some(Arc::new(object)));
        }
        directories.insert(relative.to_owned(), files.clone());
        Ok(files)
    }

    /// Asks for an object that will be streamed next, unless that was done.
    pub(super) fn fetch_ahead(&self, located: &Located, cancel: &Cancel, known: Option<Sha256>) {
        let Some(listed) = &located.object else { return };
        let mut pending = lock(&self.pending);
        let asked = pending.get(&located.relative);
        if !asked.is_some_and(|asked| asked.cancel.is_same(cancel)) {
            let object = self.remote.begin(&listed.key, &options(listed, cancel, known));
            let cancel = cancel.clone();
            pending.insert(located.relative.clone(), Pending { object, cancel });
        }
    }

    /// Gives up an object that was asked for, unless it is read already.
    pub(super) fn forget_ahead(&self, located: &Located) {
        lock(&self.pending).remove(&located.relative);
    }

    /// The bytes of an object as they come. `known` is its SHA-256, if it was made before.
    pub(super) fn stream(
        &self,
        located: &Located,
        cancel: &Cancel,
        known: Option<Sha256>,
    ) -> Result<Input> {
        let Some(listed) = &located.object else { return Input::of_file(located) };
        let pending = lock(&self.pending).remove(&located.relative);
        // One of a call that failed may still be there, and nobody would end that.
        let pending = pending.filter(|pending| pending.cancel.is_same(cancel));
        // What went wrong before anybody waited for it may go well now.
        let object = match pending.and_then(|pending| pending.object.wait().ok()) {
            Some(object) => Ok(object),
            None => self.remote.object(&listed.key, &options(listed, cancel, known)),
        };
        let object = object.map_err(|error| located.refused(error))?;
        tracing::debug!(path = %located.path.display(), etag = object.etag(), "reading an object");
        if object.size() != listed.size {
            let (path, expected, got) = (located.path.clone(), listed.size, object.size());
            return Err(InputError::Size { path, expected, got }.into());
        }
        Ok(Input::of_object(located, object))
    }

    /// The bytes of an object that is fetched once.
    pub(super) fn open_small(&self, located: &Located, cancel: &Cancel) -> Result<Input> {
        if located.is_on_disk() {
            return Input::of_file(located);
        }
        Ok(Input::of_kept(located, self.kept(located, cancel)?))
    }

    /// Fetches what was not fetched yet, several at once.
    pub(super) fn fetch(&self, files: &[&Located], cancel: &Cancel) -> Result<()> {
        let objects = files.iter().filter(|located| !located.is_on_disk());
        parallel_map(AT_ONCE, objects, |located| self.kept(located, cancel).map(drop)).map(drop)
    }

    fn kept(&self, located: &Located, cancel: &Cancel) -> Result<Arc<KeptObject>> {
        let slot = {
            let mut kept = lock(&self.kept);
            Arc::clone(kept.entry(located.relative.clone()).or_default())
        };
        let mut slot = lock(&slot);
        if let Some(kept) = &*slot {
            return Ok(Arc::clone(kept));
        }
        let kept = Arc::new(self.fetch_one(located, cancel)?);
        *slot = Some(Arc::clone(&kept));
        Ok(kept)
    }

    fn fetch_one(&self, located: &Located, cancel: &Cancel) -> Result<KeptObject> {
        let size = located.object.as_ref().map_or(0, |listed| listed.size);
        if size > LARGEST_KEPT {
            let path = located.path.clone();
            return Err(InputError::TooLarge { path, limit: LARGEST_KEPT, got: size }.into());
        }
        let mut input = self.stream(located, cancel, None)?;
        // `stream` has compared the size with that of the answer, and the reader gives no more.
        let mut bytes = Vec::with_capacity(size as usize);
        if let Err(error) = input.read_to_end(&mut bytes) {
            return Err(match s3_mirror::ObjectError::find(&error) {
                Some(error) => located.refused(Error::from(error.clone())),
                None => Error::io("read", &located.path)(error),
            });
        }
        let sha256 = input.finish()?.sha256;
        Ok(KeptObject { bytes, sha256 })
    }

    /// What lies below a prefix, by the rest of its relative path.
    fn below(&self, prefix: &str) -> impl Iterator<Item = (&str, &Arc<Listed>)> {
        let from = self.listed.range(prefix.to_owned()..);
        from.map_while(move |(path, listed)| Some((path.strip_prefix(prefix)?, listed)))
    }

    fn locate(&self, relative: &str, listed: &Arc<Listed>) -> Located {
        let (relative, path) = (relative.to_owned(), self.name(listed.key.as_str()));
        Located { relative, path, metadata: None, object: Some(Arc::clone(listed)) }
    }
}

/// How an object is read: in the version that was listed.
fn options(listed: &Listed, cancel: &Cancel, known: Option<Sha256>) -> ObjectOptions {
    let mut options = ObjectOptions::default().with_cancel(cancel.clone()).with_size(listed.size);
    options.etag.clone_from(&listed.etag);
    options.sha256 = known;
    options
}
