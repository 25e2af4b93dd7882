//! Where the files of the dataset are read from: a mirror on disk, or the bucket itself.

mod changed;
mod error;
mod fingerprint;
mod input;
#[cfg(not(feature = "download"))]
mod no_objects;
#[cfg(feature = "download")]
mod objects;
mod recorded;
pub(crate) mod row_file;

use std::collections::{BTreeSet, HashMap};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bids_names::dehyphenate_labels;
use laion_fmri_base::lock;
#[cfg(feature = "download")]
use s3_mirror::ObjectError;
use s3_mirror::{Cancel, Inventory};

use self::changed::Told;
pub use self::error::InputError;
pub(crate) use self::fingerprint::{Fingerprint, LargeFile, Step, keep_of_object};
pub use self::input::{Input, InputRecord};
#[cfg(not(feature = "download"))]
use self::no_objects::{Object, Objects};
#[cfg(feature = "download")]
use self::objects::Object;
#[cfg(feature = "download")]
pub(crate) use self::objects::Objects;
use self::recorded::Recorded;
pub(crate) use self::recorded::Records;
use crate::{DownloadRequest, Error, Result, Roots, policy};

/// How the name of an image ends that is not packed.
const NIFTI: &str = ".nii";

/// The files that a handle reads.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    roots: Roots,
    /// The records of each root, read when first needed.
    inventories: Arc<Mutex<HashMap<PathBuf, Arc<Inventory>>>>,
    /// When the bucket is read in place of a mirror.
    objects: Option<Arc<Objects>>,
    /// What ends the reading of objects.
    cancel: Cancel,
    told: Told,
}

/// A file that is there: on disk, or an object of the bucket.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    /// Where it lies in a mirror; labels have no hyphens.
    relative: String,
    path: PathBuf,
    /// What the system said when the file was found; nothing for an object.
    metadata: Option<Metadata>,
    object: Option<Object>,
}

impl Located {
    /// The file, as messages name it: a path, or such as `s3://laion-fmri/README`.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it lies in a mirror; labels have no hyphens.
    pub(crate) fn relative(&self) -> &str {
        &self.relative
    }

    pub(crate) fn is_on_disk(&self) -> bool {
        self.object.is_none()
    }

    /// What the system said about the file on disk when it was found. Nobody asks again for what is
    /// decided right after that; a file that was read meanwhile is looked at anew.
    pub(crate) fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// The bytes of the file when it was found, or of the object as it is listed.
    pub(crate) fn size(&self) -> Option<u64> {
        let on_disk = || self.metadata.as_ref().map(Metadata::len);
        self.listed().map(|(size, _)| size).or_else(on_disk)
    }

    /// The size and the entity tag of an object.
    fn listed(&self) -> Option<(u64, Option<String>)> {
        #[cfg(feature = "download")]
        return self.object.as_ref().map(|listed| (listed.size, listed.etag.clone()));
        #[cfg(not(feature = "download"))]
        None
    }

    /// An error about a NIfTI file whose bytes came from here: about the file, or about the
    /// connection.
    pub(crate) fn named(&self, error: nifti_stream::Error) -> Error {
        #[cfg(feature = "download")]
        if let Some(error) = ObjectError::find(&error) {
            return self.refused(Error::from(error.clone()));
        }
        let path = self.path.clone();
        Error::Nifti(nifti_stream::Error::File { path, source: Box::new(error) })
    }

    /// The word for an object that the bucket does not hand out.
    #[cfg(feature = "download")]
    fn refused(&self, error: Error) -> Error {
        match error {
            Error::Object(error) if error.is_denied() => {
                InputError::Withheld { path: self.path.clone(), reason: "the bucket refuses it" }
                    .into()
            }
            other => other,
        }
    }
}

impl Files {
    /// The files of a mirror.
    pub(crate) fn of_mirror(roots: Roots) -> Self {
        Self {
            roots,
            inventories: Arc::default(),
            objects: None,
            cancel: Cancel::new(),
            told: Told::default(),
        }
    }

    /// The same handle, reading objects of the bucket in place of files.
    #[cfg(feature = "download")]
    pub(crate) fn with_objects(mut self, objects: Objects) -> Self {
        self.objects = Some(Arc::new(objects));
        self
    }

    /// The same handle, whose reading of objects is ended by this.
    pub(crate) fn with_cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Whether the reading was ended.
    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// The directories of the mirror; there may be none when the bucket is read.
    pub(crate) fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Whether the bucket is read in place of a mirror.
    pub(crate) fn reads_bucket(&self) -> bool {
        self.objects.is_some()
    }

    /// The file of that relative path.
    pub(crate) fn find(&self, relative: &str) -> Option<Located> {
        let Some(objects) = &self.objects else { return self.find_on_disk(relative) };
        objects.find(&dehyphenate_labels(relative))
    }

    /// As [`Files::find`], but never an object. In the place of a `.nii.gz` that is not there, its
    /// `.nii`.
    pub(crate) fn find_on_disk(&self, relative: &str) -> Option<Located> {
        let find = |relative| Some((relative, self.roots.find_with_metadata(relative)?));
        let (relative, (path, metadata)) = find(relative).or_else(|| {
            // A file that was unpacked where it lies.
            find(relative.strip_suffix(".gz").filter(|name| name.ends_with(NIFTI))?)
        })?;
        let relative = dehyphenate_labels(relative).into_owned();
        Some(Located { relative, path, metadata: Some(metadata), object: None })
    }

    /// As [`Files::find`], also for a file on disk whose name kept the hyphens of the bucket
    /// although `relative` has none. When the bucket is read: what lies outside the folders of the
    /// subject on disk, and otherwise objects that were not listed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] for a folder, [`Error::Mirror`] for a bucket that cannot be asked.
    pub(crate) fn search(&self, relative: &str) -> Result<Option<Located>> {
        if let Some(objects) = &self.objects {
            // What is opened by path is on disk, or nowhere else.
            let on_disk = self.find_on_disk(relative).filter(|_| !objects.reads(relative));
            let asked = || objects.find_unlisted(&dehyphenate_labels(relative));
            return on_disk.map_or_else(asked, |located| Ok(Some(located)));
        }
        if let Some(located) = self.find_on_disk(relative) {
            return Ok(Some(located));
        }
        let parts = relative.rsplit_once('/').filter(|(_, file)| file.contains("label-"));
        let Some((directory, _)) = parts else { return Ok(None) };
        let names = self.files(&format!("{directory}/"))?;
        let mut full = names.iter().map(|name| format!("{directory}/{name}"));
        let found = full.find(|full| dehyphenate_labels(full) == relative);
        Ok(found.and_then(|full| self.find_on_disk(&full)))
    }

    /// Where the file would be, for messages about missing files.
    pub(crate) fn expected(&self, relative: &str) -> PathBuf {
        match &self.objects {
            Some(objects) => objects.name(relative),
            None => self.roots.expected(relative),
        }
    }

    /// The error about a file that is not there; `fetch` gives the download that
    /// would bring it into a mirror.
    pub(crate) fn missing(
        &self,
        what: impl Into<String>,
        relative: &str,
        fetch: impl FnOnce() -> DownloadRequest,
    ) -> Error {
        let (what, path) = (what.into(), self.expected(relative));
        if self.objects.is_none() {
            Error::DataNotDownloaded { what, path, fetch: Box::new(fetch()) }
        } else if policy::is_held_out(relative) {
            InputError::Withheld { path, reason: policy::HELD_OUT }.into()
        } else {
            InputError::NotInBucket { what, path }.into()
        }
    }

    /// As [`Files::missing`], where a file on disk is needed even when the bucket is read.
    pub(crate) fn missing_on_disk(
        &self,
        what: impl Into<String>,
        relative: &str,
        fetch: impl FnOnce() -> DownloadRequest,
    ) -> Error {
        let (what, path, fetch) = (what.into(), self.expected(relative), Box::new(fetch()));
        match self.reads_bucket() {
            true => Error::LocalCopyNeeded { what, path, fetch },
            false => Error::DataNotDownloaded { what, path, fetch },
        }
    }

    /// The names of all directories directly below a relative directory, sorted.
    pub(crate) fn subdirectories(&self, relative: &str) -> Result<BTreeSet<String>> {
        match &self.objects {
            Some(objects) => Ok(objects.subdirectories(relative)),
            None => self.roots.subdirectories(relative),
        }
    }

    /// The names of all files directly below a relative directory, sorted.
    pub(crate) fn files(&self, relative: &str) -> Result<BTreeSet<String>> {
        match &self.objects {
            Some(objects) => Ok(objects.files(relative)),
            None => self.files_on_disk(relative),
        }
    }

    /// The names on disk; a `.nii` also has the name that it would have if it were packed.
    fn files_on_disk(&self, relative: &str) -> Result<BTreeSet<String>> {
        let mut names = self.roots.files(relative)?;
        let unpacked = names.iter().filter(|name| name.ends_with(NIFTI));
        let packed: Vec<String> = unpacked.map(|name| format!("{name}.gz")).collect();
        names.extend(packed);
        Ok(names)
    }

    /// As [`Files::files`], over the roots too when the bucket is read, which is asked for a
    /// directory that was not listed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] for a folder, [`Error::Mirror`] for a bucket that cannot be asked.
    pub(crate) fn files_anywhere(&self, relative: &str) -> Result<BTreeSet<String>> {
        let mut names = self.files_on_disk(relative)?;
        if let Some(objects) = &self.objects {
            names.extend(objects.files_unlisted(relative)?);
        }
        Ok(names)
    }

    /// The bytes of a small file. An object is fetched whole when it is first opened and kept as
    /// long as the handle.
    pub(crate) fn open(&self, located: &Located) -> Result<Input> {
        match &self.objects {
            Some(objects) => objects.open_small(located, &self.cancel),
            None => Input::of_file(located),
        }
    }

    /// The bytes of a file of any size, which are not kept.
    pub(crate) fn stream(&self, located: &Located) -> Result<Input> {
        self.stream_known(located, None)
    }

    /// As [`Files::stream`]; an object whose SHA-256 is kept in this file is not hashed again, if
    /// the bucket proves its bytes otherwise.
    pub(crate) fn stream_known(&self, located: &Located, kept: Option<&Path>) -> Result<Input> {
        let known = || fingerprint::kept_of_object(located, kept?);
        match &self.objects {
            Some(objects) => objects.stream(located, &self.cancel, known()),
            None => Input::of_file(located),
        }
    }

    /// Asks for an object that will be streamed next, so that its start is there when it is. Of a
    /// file on disk there is nothing to ask for.
    pub(crate) fn fetch_ahead(&self, located: &Located, kept: Option<&Path>) {
        let known = || fingerprint::kept_of_object(located, kept?);
        if let Some(objects) = &self.objects {
            objects.fetch_ahead(located, &self.cancel, known());
        }
    }

    /// Gives up what [`Files::fetch_ahead`] asked for, unless it is streamed already.
    pub(crate) fn forget_ahead(&self, located: &Located) {
        if let Some(objects) = &self.objects {
            objects.forget_ahead(located);
        }
    }

    /// As [`Files::stream`]; a file on disk is held to its record if there is one. An object is
    /// always held to its entity tag.
    pub(crate) fn stream_recorded(&self, located: &Located) -> Result<Input> {
        let input = self.stream(located)?;
        Ok(match self.inventory_of(located)? {
            Some(inventory) => input.held_to(Recorded::new(inventory, located)),
            None => input,
        })
    }

    /// Makes these files quick to open: objects that were not read yet are fetched at once.
    pub(crate) fn fetch<'a>(&self, files: impl IntoIterator<Item = &'a Located>) -> Result<()> {
        match &self.objects {
            Some(objects) => objects.fetch(&files.into_iter().collect::<Vec<_>>(), &self.cancel),
            None => Ok(()),
        }
    }

    /// The paths of all files that were downloaded, by the records of the mirror; a file may be
    /// gone.
    pub(crate) fn recorded_paths(&self) -> Result<BTreeSet<String>> {
        let mut paths = BTreeSet::new();
        for root in self.roots.directories() {
            let recorded = self.inventory(root)?.paths();
            paths
                .extend(recorded.iter().map(|path| dehyphenate_labels(path.as_str()).into_owned()));
        }
        Ok(paths)
    }

    fn inventory_of(&self, located: &Located) -> Result<Option<Arc<Inventory>>> {
        let mut roots = self.roots.directories().iter().filter(|_| located.is_on_disk());
        let root = roots.find(|root| located.path.starts_with(root));
        root.map(|root| self.inventory(root)).transpose()
    }

    /// The records of a root.
    fn inventory(&self, root: &Path) -> Result<Arc<Inventory>> {
        let mut inventories = lock(&self.inventories);
        if let Some(inventory) = inventories.get(root) {
            return Ok(Arc::clone(inventory));
        }
        let inventory = Arc::new(crate::roots::inventory::of_shared(root)?);
        inventories.insert(root.to_owned(), Arc::clone(&inventory));
        Ok(inventory)
    }
}
