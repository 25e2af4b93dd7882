//! The embeddings of several models, for the same images in the same order.

use std::path::Path;

use crate::embedding_model::EmbeddingModel;
use crate::embeddings::Embeddings;
use crate::error::Error;

/// Embedding files that list the same images in the same order, so that a row is the same image in
/// each.
///
/// All methods can run in several threads at once.
#[doc(alias = "Embeddings")]
#[derive(Clone, Debug, Default)]
pub struct EmbeddingSet {
    models: Vec<Embeddings>,
}

impl EmbeddingSet {
    /// Opens the files of some models in a directory, and compares their images.
    ///
    /// # Errors
    ///
    /// As [`Embeddings::open`] and [`new`](Self::new).
    pub fn open(
        directory: impl AsRef<Path>,
        models: impl IntoIterator<Item = EmbeddingModel>,
    ) -> Result<Self, Error> {
        let directory = directory.as_ref();
        let open =
            |model: EmbeddingModel| Embeddings::open(directory.join(model.file_name()), model);
        Self::new(models.into_iter().map(open).collect::<Result<_, _>>()?)
    }

    /// Puts open files together.
    ///
    /// # Errors
    ///
    /// [`Error::DifferentImageIds`] with the first row that differs, and as
    /// [`Embeddings::image_ids`].
    pub fn new(models: Vec<Embeddings>) -> Result<Self, Error> {
        if let Some((first, others)) = models.split_first().filter(|(_, others)| !others.is_empty())
        {
            let expected = first.image_ids()?;
            for other in others {
                let got = other.image_ids()?;
                let longer = expected.len().max(got.len());
                if let Some(row) = (0..longer).find(|row| expected.get(*row) != got.get(*row)) {
                    return Err(Error::DifferentImageIds {
                        path: other.path().to_owned(),
                        other: first.path().to_owned(),
                        row,
                        expected: expected.get(row).cloned(),
                        got: got.get(row).cloned(),
                    });
                }
            }
        }
        Ok(Self { models })
    }

    /// The models, in the order in which they were given.
    pub fn models(&self) -> impl ExactSizeIterator<Item = EmbeddingModel> {
        self.models.iter().map(Embeddings::model)
    }

    /// The embeddings of a model.
    ///
    /// # Errors
    ///
    /// [`Error::ModelNotOpen`].
    pub fn get(&self, model: EmbeddingModel) -> Result<&Embeddings, Error> {
        let found = self.models.iter().find(|embeddings| embeddings.model() == model);
        found.ok_or_else(|| Error::ModelNotOpen { model, got: self.models().collect() })
    }

    /// All embeddings, in the order in which they were given.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Embeddings> {
        self.models.iter()
    }

    /// The names of the images, in the order of the rows; nothing without a model.
    ///
    /// # Errors
    ///
    /// As [`Embeddings::image_ids`].
    pub fn image_ids(&self) -> Result<&[String], Error> {
        self.models.first().map_or(Ok(&[]), Embeddings::image_ids)
    }
}
