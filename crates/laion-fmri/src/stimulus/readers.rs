//! Images, embeddings, object masks and captions: opened when first needed, and shared from then on.

use std::io::BufReader;
use std::sync::Arc;

use laion_fmri_stimuli::{
    Captions, EmbeddingModel, EmbeddingSet, Embeddings, Images, NamedImages, SegmentationTable,
    Segmentations, TableError, files,
};

use super::files::{Once, once};
#[cfg(doc)]
use crate::Error;
use crate::{Dataset, Input, Result, Stimuli};

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
        self.stimuli.require(files::METADATA)?;
        self.stimuli.require(files::IMAGES)?;
        Ok(self.stimuli())
    }
}

impl Stimuli {
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
        input.finish()?;
        Ok(table)
    }
}
