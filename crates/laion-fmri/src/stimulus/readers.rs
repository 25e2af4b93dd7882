//! Images, embeddings, object masks and captions: opened when first needed, and shared from then on.

use std::io::BufReader;
use std::sync::Arc;

use laion_fmri_stimuli::{
    Captions, EmbeddingModel, EmbeddingSet, Embeddings, Images, NamedImages, SegmentationTable,
    Segmentations, TableError, files,
};

use ndarray::Array4;

use super::files::{Once, once};
use super::{Needed, decoded, tensors};
use crate::{Cancel, Dataset, Error, Input, Result, Stimuli};

/// What was opened so far.
#[derive(Debug, Default)]
pub(super) struct Readers {
    images: Once<(), NamedImages>,
    embeddings: Once<EmbeddingModel, Embeddings>,
    segmentations: Once<(), Segmentations>,
    segmentation_table: Once<(), SegmentationTable>,
    captions: Once<(), Captions>,
}

impl Dataset {
    /// The stimulus side of the dataset, when the table of images and the packed images are both on
    /// disk.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] for the first that is not.
    pub fn load_stimuli(&self) -> Result<Stimuli> {
        self.stimuli.require_images()?;
        Ok(self.stimuli())
    }
}

impl Stimuli {
    /// The same files with a [`Cancel`]; both share what was opened.
    #[must_use]
    pub fn with_cancel(&self, cancel: &Cancel) -> Self {
        self.with_files(self.files().clone().with_cancel(cancel))
    }

    /// Refuses when the table of images or the packed images are not on disk.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] or [`Error::LocalCopyNeeded`] for the first that is not.
    pub fn require_images(&self) -> Result<()> {
        self.require(files::METADATA)?;
        self.require(files::IMAGES)?;
        Ok(())
    }

    /// The bytes of a table of the stimulus side as they are stored: that of the images
    /// ([`files::METADATA`]), of the object masks ([`files::SEGMENTATIONS_METADATA`]), or of the captions
    /// ([`files::CAPTIONS`]).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidValue`] for another name; [`Error::StimuliNotDownloaded`]; as
    /// [`Subject::open_input`](crate::Subject::open_input).
    pub fn open_table(&self, name: &str) -> Result<Input> {
        const TABLES: [&str; 3] = [files::METADATA, files::SEGMENTATIONS_METADATA, files::CAPTIONS];
        let known = TABLES.into_iter().find(|table| *table == name);
        let name = known.ok_or_else(|| Error::InvalidValue {
            what: "table",
            got: format!("{name:?}"),
            expected: TABLES.join(", "),
        })?;
        let file = self.table_file(name)?;
        self.files().note_change(&file, None);
        self.files().open(&file)
    }

    /// Images by name as they were displayed: uint8 of shape `(n, height, width, 3)`, in the order of
    /// the names. Each image is decoded once, on all cores.
    ///
    /// # Errors
    ///
    /// As [`Stimuli::images`]; [`Error::Stimuli`] for an unknown name, a damaged image or one of another
    /// size; [`Error::OutOfMemory`]; [`Error::Cancelled`].
    pub fn image_array(
        &self,
        image_names: &[impl AsRef<str>],
        cancel: &Cancel,
    ) -> Result<Array4<u8>> {
        let needed = Needed::of(image_names.iter().map(AsRef::as_ref));
        decoded(&*self.images()?, &needed, cancel)
    }

    /// Images by name as networks take them: float32 in [0, 1] of shape `(n, 3, height, width)`, in
    /// the order of the names, as they were displayed. Each image is decoded once, on all cores.
    ///
    /// # Errors
    ///
    /// As [`Stimuli::image_array`].
    pub fn image_tensors(
        &self,
        image_names: &[impl AsRef<str>],
        cancel: &Cancel,
    ) -> Result<Array4<f32>> {
        let needed = Needed::of(image_names.iter().map(AsRef::as_ref));
        tensors(&*self.images()?, &needed, cancel)
    }

    /// The images, which the dataset gives to those who accept its data use agreement.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] or [`Error::LocalCopyNeeded`], [`Error::StimulusMetadata`],
    /// [`Error::Stimuli`].
    pub fn images(&self) -> Result<Arc<NamedImages>> {
        once(&self.readers().images, (), || {
            let path = self.require(files::IMAGES)?;
            let metadata = self.metadata()?;
            Ok(NamedImages::new(Images::open(path)?, metadata)?)
        })
    }

    /// The models whose embeddings are on disk, in the order of [`EmbeddingModel::ALL`].
    #[must_use]
    pub fn embedding_models(&self) -> Vec<EmbeddingModel> {
        let models = EmbeddingModel::ALL.iter().copied();
        models.filter(|model| self.find(model.file_name()).is_some()).collect()
    }

    /// The embeddings by one model.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] or [`Error::LocalCopyNeeded`], [`Error::Stimuli`].
    #[doc(alias = "load_embeddings")]
    pub fn embeddings(&self, model: EmbeddingModel) -> Result<Arc<Embeddings>> {
        once(&self.readers().embeddings, model, || {
            Ok(Embeddings::open(self.require(model.file_name())?, model)?)
        })
    }

    /// The embeddings by several models, checked to be about the same images in the same order.
    ///
    /// # Errors
    ///
    /// As [`Stimuli::embeddings`].
    #[doc(alias = "load_embeddings")]
    pub fn embedding_set(&self, models: &[EmbeddingModel]) -> Result<EmbeddingSet> {
        let open = |model: &EmbeddingModel| Ok((*self.embeddings(*model)?).clone());
        Ok(EmbeddingSet::new(models.iter().map(open).collect::<Result<_>>()?)?)
    }

    /// The object masks.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] or [`Error::LocalCopyNeeded`], [`Error::Stimuli`].
    pub fn segmentations(&self) -> Result<Arc<Segmentations>> {
        once(&self.readers().segmentations, (), || {
            let masks = self.require(files::SEGMENTATIONS)?;
            Ok(Segmentations::open_with(masks, self.segmentation_table()?)?)
        })
    }

    /// The table of object masks, which does without the masks themselves.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] or [`Error::LocalCopyNeeded`], [`Error::Stimuli`].
    pub fn segmentation_table(&self) -> Result<Arc<SegmentationTable>> {
        once(&self.readers().segmentation_table, (), || {
            self.table(files::SEGMENTATIONS_METADATA, |input| SegmentationTable::from_reader(input))
        })
    }

    /// The captions.
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`] or [`Error::LocalCopyNeeded`], [`Error::Stimuli`].
    pub fn captions(&self) -> Result<Arc<Captions>> {
        once(&self.readers().captions, (), || {
            self.table(files::CAPTIONS, |input| Captions::from_reader(input))
        })
    }

    /// A table, on disk or in the bucket that is read.
    fn table<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(BufReader<&mut Input>) -> Result<T, TableError>,
    ) -> Result<T> {
        let file = self.table_file(name)?;
        let mut input = self.files().open(&file)?;
        let table = read(BufReader::new(&mut input)).map_err(|source| {
            let path = file.path().to_owned();
            laion_fmri_stimuli::Error::Table { path, source }
        })?;
        self.files().finish(&file, input)?;
        Ok(table)
    }
}
