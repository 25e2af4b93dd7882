//! The images by name.

use std::path::Path;
use std::sync::Arc;

use ndarray::Array3;

use crate::decode::OriginalImage;
use crate::error::Error;
use crate::images::Images;
use crate::metadata::Metadata;
use crate::nearest::nearest;

/// The images together with the table that names them, row by row.
///
/// All methods can run in several threads at once.
#[derive(Clone, Debug)]
#[doc(alias = "Stimuli")]
pub struct NamedImages {
    images: Images,
    metadata: Arc<Metadata>,
}

impl NamedImages {
    /// Joins images and table.
    ///
    /// # Errors
    ///
    /// [`Error::WrongLength`] when they do not have as many rows.
    pub fn new(images: Images, metadata: impl Into<Arc<Metadata>>) -> Result<Self, Error> {
        let metadata = metadata.into();
        images.check_len(metadata.len(), "the table of images")?;
        Ok(Self { images, metadata })
    }

    /// Opens both files.
    ///
    /// # Errors
    ///
    /// As [`Images::open`], [`Metadata::open`] and [`new`](Self::new).
    pub fn open(images: impl AsRef<Path>, metadata: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(Images::open(images)?, Metadata::open(metadata)?)
    }

    /// The images by row.
    #[must_use]
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The table.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names, in the order of the rows.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.metadata.names()
    }

    /// Whether an image has this name.
    #[must_use]
    pub fn contains(&self, image_name: &str) -> bool {
        self.metadata.row(image_name).is_some()
    }

    /// The row of an image.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownImage`] with the nearest names.
    #[doc(alias = "index_of")]
    pub fn row(&self, image_name: &str) -> Result<usize, Error> {
        self.metadata.row(image_name).ok_or_else(|| Error::UnknownImage {
            path: self.images.path().to_owned(),
            image_name: image_name.to_owned(),
            nearest: nearest(image_name, self.names()),
        })
    }

    /// The bytes of an image file.
    ///
    /// # Errors
    ///
    /// As [`row`](Self::row) and [`Images::encoded`].
    pub fn encoded(&self, image_name: &str) -> Result<Vec<u8>, Error> {
        self.images.encoded(self.row(image_name)?)
    }

    /// An image as it was displayed: (height, width, 3) RGB.
    ///
    /// # Errors
    ///
    /// As [`row`](Self::row) and [`Images::decode`].
    #[doc(alias = "as_displayed_rgb")]
    #[doc(alias = "get")]
    pub fn decode(&self, image_name: &str) -> Result<Array3<u8>, Error> {
        self.images.decode(self.row(image_name)?)
    }

    /// An image with the channels that its file has.
    ///
    /// # Errors
    ///
    /// As [`row`](Self::row) and [`Images::original`].
    pub fn original(&self, image_name: &str) -> Result<OriginalImage, Error> {
        self.images.original(self.row(image_name)?)
    }

    /// All names with the bytes of their files, one read at each step.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<(&str, Vec<u8>), Error>> {
        self.names().enumerate().map(|(row, name)| Ok((name, self.images.encoded(row)?)))
    }
}

impl<'a> IntoIterator for &'a NamedImages {
    type Item = Result<(&'a str, Vec<u8>), Error>;
    type IntoIter = Box<dyn ExactSizeIterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}
