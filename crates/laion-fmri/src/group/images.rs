//! The images that were shown to everybody.

use std::sync::Arc;

use laion_fmri_stimuli::{NamedImages, OriginalImage};
use ndarray::{Array3, Array4};

use crate::stimulus::{Needed, decoded};
use crate::{Cancel, Error, Group, Result};

/// The images that were shown to everybody, in the order of the table of images.
#[derive(Clone, Debug)]
pub struct SharedImages {
    names: Vec<String>,
    images: Arc<NamedImages>,
}

impl Group {
    /// The images of the shared set; entry i belongs to row i of
    /// [`Group::shared_stimulus_metadata`].
    ///
    /// # Errors
    ///
    /// [`Error::StimuliNotDownloaded`], [`Error::Stimuli`].
    ///
    /// ```
    /// use laion_fmri::Dataset;
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// # fixtures::bucket::write_gated(bucket.root())?;
    /// let group = Dataset::open("laion-fmri")?.group_all()?;
    /// let shared = group.shared_images()?;
    /// let image = shared.get(0)?; // (height, width, 3), uint8, as displayed
    /// assert_eq!(shared.array()?.index_axis(ndarray::Axis(0), 0), image);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "get_shared_images")]
    pub fn shared_images(&self) -> Result<SharedImages> {
        let images = self.subjects[0].stimuli().images()?;
        let shared = self.shared_stimulus_metadata()?;
        let names = shared.into_iter().map(|stimulus| stimulus.image_name).collect();
        Ok(SharedImages { names, images })
    }
}

impl SharedImages {
    /// The names, in order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the table of images has no shared image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// One image as it was displayed: uint8 RGB, shape `(height, width, 3)`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfRange`] past the end; [`Error::Stimuli`].
    pub fn get(&self, row: usize) -> Result<Array3<u8>> {
        Ok(self.images.decode(self.name(row)?)?)
    }

    /// One image with the channels that its file has.
    ///
    /// # Errors
    ///
    /// As [`SharedImages::get`].
    pub fn original(&self, row: usize) -> Result<OriginalImage> {
        Ok(self.images.original(self.name(row)?)?)
    }

    /// All images as displayed in one array: uint8, shape `(n_images, height, width, 3)`, decoded on
    /// all cores.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfMemory`]; [`Error::Stimuli`] when the images differ in size.
    pub fn array(&self) -> Result<Array4<u8>> {
        let needed = Needed::of(self.names.iter().map(String::as_str));
        decoded(&self.images, &needed, &Cancel::new())
    }

    fn name(&self, row: usize) -> Result<&str> {
        self.names.get(row).map(String::as_str).ok_or_else(|| Error::OutOfRange {
            what: "shared image",
            len: self.len(),
            got: row,
        })
    }
}
