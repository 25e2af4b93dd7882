//! The images: encoded files, one in each row of an HDF5 dataset.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{Array3, ArrayViewMut3};

use crate::decode::{self, DecodeError, OriginalImage};
use crate::error::Error;
use crate::h5::{Dataset, Element, H5File};
use crate::source::ReadAt;

const DATASET: &str = "images";

/// The images by row. Names are in [`Metadata`](crate::Metadata); [`NamedImages`](crate::NamedImages)
/// joins the two.
///
/// Opening reads only the structure of the file; asking for an image reads that image. All methods
/// can run in several threads at once.
#[derive(Clone, Debug)]
pub struct Images {
    path: PathBuf,
    images: Dataset,
}

impl Images {
    /// Opens the file of the images, read-only and without locking it.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], [`Error::NotHdf5`], [`Error::MissingDataset`], [`Error::WrongRank`],
    /// [`Error::WrongType`], [`Error::TooLarge`], [`Error::Damaged`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(H5File::open(path.as_ref())?)
    }

    /// As [`open`](Self::open), by the C library of HDF5, for files that the default reader does not
    /// know. That library works for one thread at a time.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    #[cfg(feature = "hdf5-c")]
    pub fn open_with_c_library(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(H5File::open_with_c_library(path.as_ref())?)
    }

    /// As [`open`](Self::open), from anything that is read by position; `path` is what errors call
    /// it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_source(
        source: impl ReadAt + 'static,
        path: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        Self::new(H5File::from_source(Arc::new(source), path.as_ref())?)
    }

    fn new(file: H5File) -> Result<Self, Error> {
        let expected = "sequences of bytes";
        let images = file.dataset(DATASET, 1, expected, |element| *element == Element::Sequence)?;
        Ok(Self { path: file.path, images })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
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

    /// The bytes of the image file in a row: JPEG or PNG.
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`], [`Error::TooLarge`], [`Error::Damaged`].
    pub fn encoded(&self, row: usize) -> Result<Vec<u8>, Error> {
        self.images.read_sequence(row)
    }

    /// Height and width of an image in pixels, from its header.
    ///
    /// # Errors
    ///
    /// As [`encoded`](Self::encoded), and [`Error::Decode`].
    pub fn dimensions(&self, row: usize) -> Result<(usize, usize), Error> {
        self.decoded(row, decode::dimensions)
    }

    /// An image as it was displayed: (height, width, 3) RGB; see [`decode::decode`].
    ///
    /// # Errors
    ///
    /// As [`encoded`](Self::encoded), and [`Error::Decode`].
    pub fn decode(&self, row: usize) -> Result<Array3<u8>, Error> {
        self.decoded(row, decode::decode)
    }

    /// As [`decode`](Self::decode), into an array of the right shape.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_into(&self, row: usize, image: ArrayViewMut3<'_, u8>) -> Result<(), Error> {
        self.decoded(row, |encoded| decode::decode_into(encoded, image))
    }

    /// An image with the channels that its file has.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn original(&self, row: usize) -> Result<OriginalImage, Error> {
        self.decoded(row, decode::decode_original)
    }

    /// Checks the number of images against that of something else.
    pub(crate) fn check_len(&self, expected: usize, like: &str) -> Result<(), Error> {
        self.images.check_len(expected, like)
    }

    fn decoded<T>(
        &self,
        row: usize,
        decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
    ) -> Result<T, Error> {
        let encoded = self.encoded(row)?;
        decode(&encoded).map_err(|source| Error::Decode { path: self.path.clone(), row, source })
    }
}
