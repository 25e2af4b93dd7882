//! The object masks of the shared images.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{Array2, Array3};

use crate::error::Error;
use crate::h5::{Dataset, Element, H5File};
use crate::segmentation_table::{MaskRow, NounFilter, SegmentationTable};
use crate::source::ReadAt;

const DATASET: &str = "masks";

/// Binary masks of objects, by image, noun and instance or by row.
///
/// Opening reads the table and the structure of the HDF5 file; a mask is read when it is asked for.
/// All methods can run in several threads at once; [`masks`](Self::masks) uses all cores itself.
#[derive(Clone, Debug)]
pub struct Segmentations {
    path: PathBuf,
    masks: Dataset,
    table: Arc<SegmentationTable>,
}

impl Segmentations {
    /// Opens the masks and their table, read-only and without locking them.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], [`Error::Table`], [`Error::NotHdf5`], [`Error::MissingDataset`],
    /// [`Error::WrongRank`], [`Error::WrongType`], [`Error::TooLarge`], [`Error::Damaged`], and
    /// [`Error::WrongLength`] when there are not as many masks as rows of the table.
    pub fn open(masks: impl AsRef<Path>, table: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(masks, SegmentationTable::open(table)?)
    }

    /// As [`open`](Self::open), with a table that was read before, and may be shared.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(
        masks: impl AsRef<Path>,
        table: impl Into<Arc<SegmentationTable>>,
    ) -> Result<Self, Error> {
        Self::new(H5File::open(masks.as_ref())?, table.into())
    }

    /// As [`open_with`](Self::open_with), by the C library of HDF5, for files that the default reader does not
    /// know. That library works for one thread at a time.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    #[cfg(feature = "hdf5-c")]
    pub fn open_with_c_library(
        masks: impl AsRef<Path>,
        table: impl Into<Arc<SegmentationTable>>,
    ) -> Result<Self, Error> {
        Self::new(H5File::open_with_c_library(masks.as_ref())?, table.into())
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
        table: impl Into<Arc<SegmentationTable>>,
    ) -> Result<Self, Error> {
        Self::new(H5File::from_source(Arc::new(source), path.as_ref())?, table.into())
    }

    fn new(file: H5File, table: Arc<SegmentationTable>) -> Result<Self, Error> {
        let masks = file.dataset(DATASET, 3, "uint8", |element| *element == Element::Byte)?;
        masks.check_len(table.len(), "the table of masks")?;
        Ok(Self { path: file.path, masks, table })
    }

    /// The file of the masks.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The table.
    #[must_use]
    #[doc(alias = "metadata")]
    pub fn table(&self) -> &SegmentationTable {
        &self.table
    }

    /// The number of masks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.masks.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Height and width of every mask in pixels.
    #[must_use]
    pub fn mask_dimensions(&self) -> (usize, usize) {
        (self.masks.axis(1), self.masks.axis(2))
    }

    /// The images that have masks, in the order of their first appearance.
    #[must_use]
    pub fn images(&self) -> &[String] {
        self.table.images()
    }

    /// Whether an image has any mask.
    #[must_use]
    pub fn has_image(&self, image_name: &str) -> bool {
        self.table.has_image(image_name)
    }

    /// The nouns of an image, in the order of their first appearance; none for an image without
    /// masks.
    #[must_use]
    pub fn nouns(&self, image_name: &str, filter: NounFilter) -> Vec<&str> {
        self.table.nouns(image_name, filter)
    }

    /// What is known of the masks of an image; nothing for an image without masks.
    pub fn for_image(&self, image_name: &str) -> impl Iterator<Item = &MaskRow> {
        self.table.for_image(image_name)
    }

    /// The images that contain a noun, in the order of their first appearance.
    pub fn images_with(&self, noun: &str, filter: NounFilter) -> impl Iterator<Item = &str> {
        self.table.images_with(noun, filter)
    }

    /// A mask by image, noun and instance (0 has the highest score), localized or not:
    /// (height, width), 1 where the object is.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownMask`] with the nouns of the image and the instances of this one,
    /// [`Error::Damaged`].
    pub fn get(&self, image_name: &str, noun: &str, instance: u32) -> Result<Array2<u8>, Error> {
        let found = self.table.find(image_name, noun, instance);
        let row = found.ok_or_else(|| self.unknown(image_name, noun, instance))?;
        self.mask(row.mask_row)
    }

    /// The error about a mask that is not there.
    fn unknown(&self, image_name: &str, noun: &str, instance: u32) -> Error {
        let of_noun = self.for_image(image_name).filter(|row| row.noun == noun);
        let mut instances: Vec<u32> = of_noun.map(|row| row.instance_id).collect();
        instances.sort_unstable();
        let nouns = self.nouns(image_name, NounFilter::All);
        Error::UnknownMask {
            path: self.path.clone(),
            image_name: image_name.to_owned(),
            noun: noun.to_owned(),
            instance,
            instances: instances.into(),
            nouns: nouns.into_iter().map(str::to_owned).collect(),
        }
    }

    /// A mask by its row: (height, width), 1 where the object is.
    ///
    /// # Errors
    ///
    /// [`Error::RowOutOfRange`], [`Error::Damaged`].
    pub fn mask(&self, row: usize) -> Result<Array2<u8>, Error> {
        self.masks.check_row(row)?;
        let mut pixels = self.masks.zeros::<u8>(1)?;
        self.masks.read(&[row], &mut pixels)?;
        // INVARIANT: one row has height times width bytes.
        Ok(Array2::from_shape_vec(self.mask_dimensions(), pixels).expect("a mask"))
    }

    /// Masks by their rows, in any order and with repeats: (masks, height, width). Each distinct
    /// one is read once.
    ///
    /// # Errors
    ///
    /// As [`mask`](Self::mask).
    pub fn masks(&self, rows: &[usize]) -> Result<Array3<u8>, Error> {
        let mut distinct = rows.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if let Some(last) = distinct.last() {
            self.masks.check_row(*last)?;
        }
        let mut pixels = self.masks.zeros::<u8>(distinct.len())?;
        self.masks.read(&distinct, &mut pixels)?;
        let (height, width) = self.mask_dimensions();
        if distinct != rows {
            let mut ordered = self.masks.zeros::<u8>(rows.len())?;
            let size = (height * width).max(1);
            for (out, row) in ordered.chunks_exact_mut(size).zip(rows) {
                let start = distinct.partition_point(|other| other < row) * size;
                out.copy_from_slice(&pixels[start..start + size]);
            }
            pixels = ordered;
        }
        // INVARIANT: every row has height times width bytes.
        Ok(Array3::from_shape_vec((rows.len(), height, width), pixels).expect("masks"))
    }

    /// All masks of an image, in the order of the table, each read when its turn comes; none for an
    /// image without masks.
    pub fn masks_of(
        &self,
        image_name: &str,
    ) -> impl Iterator<Item = Result<(&MaskRow, Array2<u8>), Error>> {
        self.for_image(image_name).map(|row| Ok((row, self.mask(row.mask_row)?)))
    }
}
