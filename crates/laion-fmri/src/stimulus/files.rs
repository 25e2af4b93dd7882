//! The stimulus files of a mirror: opened when first needed, and shared from then on.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "extract")]
use laion_fmri_base::Sha256;
use laion_fmri_stimuli::{EmbeddingModel, Metadata, files};

use crate::files::{Files, Located};
#[cfg(feature = "stimuli")]
use crate::stimulus::readers::Readers;
use crate::{Dataset, DownloadRequest, Error, InputRecord, Result};

/// The stimulus side of the dataset by image name: images, embeddings, object masks, captions.
///
/// Each file is opened when a method first needs it, without needing any other, and stays open for
/// this handle and its clones. All methods may be called from several threads.
///
/// ```
/// use laion_fmri::Dataset;
/// use laion_fmri::stimuli::EmbeddingModel;
///
/// # let bucket = fixtures::Bucket::example()?;
/// # fixtures::bucket::write_gated(bucket.root())?;
/// let stimuli = Dataset::open("laion-fmri")?.stimuli();
/// let name = "shared_12rep_LAION_cluster_1003_i0.jpg";
/// let image = stimuli.images()?.decode(name)?; // (height, width, 3), uint8, as displayed
/// assert_eq!(image.dim().2, 3);
/// let features = stimuli.embeddings(EmbeddingModel::Clip)?.get(name)?; // (n_features,), float16
/// assert_eq!(features.len(), stimuli.embeddings(EmbeddingModel::Clip)?.n_features());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "load_stimuli")]
pub struct Stimuli {
    files: Files,
    opened: Arc<Opened>,
}

#[derive(Debug, Default)]
struct Opened {
    metadata: Once<(), (Arc<Metadata>, InputRecord)>,
    #[cfg(feature = "stimuli")]
    readers: Readers,
}

/// Values that are made once; failures are not kept, so that a later download mends them.
pub(super) type Once<K, V> = Mutex<HashMap<K, Arc<V>>>;

impl Dataset {
    /// The stimulus side of the dataset. Nothing is opened yet.
    #[must_use]
    pub fn stimuli(&self) -> Stimuli {
        self.stimuli.clone()
    }
}

impl Stimuli {
    pub(crate) fn new(files: Files) -> Self {
        Self { files, opened: Arc::default() }
    }

    /// The same with other files; both share what was opened.
    #[cfg(feature = "stimuli")]
    pub(super) fn with_files(&self, files: Files) -> Self {
        Self { files, opened: Arc::clone(&self.opened) }
    }

    #[cfg(feature = "stimuli")]
    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    #[cfg(feature = "stimuli")]
    pub(super) fn readers(&self) -> &Readers {
        &self.opened.readers
    }

    /// Whether the table of images and the packed images are both on disk.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        [files::METADATA, files::IMAGES].iter().all(|name| self.find(name).is_some())
    }

    /// The table of images.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`], [`Error::StimulusMetadata`].
    pub fn metadata(&self) -> Result<Arc<Metadata>> {
        Ok(Arc::clone(&self.metadata_with_record()?.0))
    }

    /// The table of images, and what its file was.
    pub(crate) fn metadata_with_record(&self) -> Result<Arc<(Arc<Metadata>, InputRecord)>> {
        once(&self.opened.metadata, (), || {
            let file = self.table_file(files::METADATA)?;
            let mut input = self.files.open(&file)?;
            let metadata = Metadata::from_reader(BufReader::new(&mut input)).map_err(|source| {
                Error::StimulusMetadata { path: file.path().to_owned(), source }
            })?;
            Ok((Arc::new(metadata), self.files.finish(&file, input)?))
        })
    }

    pub(super) fn table_file(&self, name: &'static str) -> Result<Located> {
        let relative = format!("{}/{name}", files::DIRECTORY);
        self.files.search(&relative)?.ok_or_else(|| match self.files.reads_bucket() {
            true => {
                let (what, fetch) = described(name);
                self.files.missing(what, &relative, || fetch)
            }
            false => self.missing(name),
        })
    }

    /// A file on disk: those that are opened by path.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        self.files.roots().find(&format!("{}/{name}", files::DIRECTORY))
    }

    /// Notes when the bytes of a file on disk are not those that were downloaded.
    #[cfg(feature = "extract")]
    pub(crate) fn note_change(&self, name: &str, sha256: Sha256) {
        if let Some(found) = self.files.find_on_disk(&format!("{}/{name}", files::DIRECTORY)) {
            self.files.note_change(&found, Some(sha256));
        }
    }

    #[cfg(feature = "stimuli")]
    pub(super) fn require(&self, name: &'static str) -> Result<PathBuf> {
        let relative = format!("{}/{name}", files::DIRECTORY);
        let found = self.files.find_on_disk(&relative).ok_or_else(|| self.missing(name))?;
        self.files.note_change(&found, None);
        Ok(found.path().to_owned())
    }

    fn missing(&self, name: &'static str) -> Error {
        let (what, fetch) = described(name);
        let relative = format!("{}/{name}", files::DIRECTORY);
        if self.files.reads_bucket() {
            return self.files.missing_on_disk(what, &relative, || fetch);
        }
        let (path, fetch) = (self.files.expected(&relative), Box::new(fetch));
        Error::StimuliNotDownloaded { what, path, fetch }
    }
}

/// What a stimulus file holds, and the download that brings it.
fn described(name: &'static str) -> (&'static str, DownloadRequest) {
    match name {
        files::METADATA => (
            "the table of images",
            DownloadRequest::of_prefix(format!("{}/{name}", files::DIRECTORY)),
        ),
        files::IMAGES => ("the stimulus images", DownloadRequest::stimuli()),
        files::CAPTIONS => ("the captions", DownloadRequest::captions()),
        files::SEGMENTATIONS => ("the object masks", DownloadRequest::segmentations()),
        files::SEGMENTATIONS_METADATA => {
            ("the table of object masks", DownloadRequest::segmentations())
        }
        _ => {
            let models = EmbeddingModel::ALL.iter().copied();
            let wanted = models.filter(|model| model.file_name() == name);
            ("the embeddings", DownloadRequest::embeddings(wanted))
        }
    }
}

pub(super) fn once<K: Eq + Hash, V>(
    values: &Once<K, V>,
    key: K,
    make: impl FnOnce() -> Result<V>,
) -> Result<Arc<V>> {
    let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = values.get(&key) {
        return Ok(Arc::clone(value));
    }
    let value = Arc::new(make()?);
    values.insert(key, Arc::clone(&value));
    Ok(value)
}
