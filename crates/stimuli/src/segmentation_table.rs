//! The table of object masks: which image, which noun, which instance.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::Path;

use laion_fmri_base::integer_of_table;

use crate::error::Error;
use crate::table::{self, Record, Table, TableError};

const COLUMNS: &[&str] = &[
    "mask_row",
    "image_name",
    "noun",
    "instance_id",
    "score",
    "box_x0",
    "box_y0",
    "box_x1",
    "box_y1",
    "localized",
    "mask_file",
];

/// One mask. Text is kept as written: `NA` and `None` are words.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct MaskRow {
    /// The row of the mask in the HDF5 file.
    pub mask_row: usize,
    /// The image.
    pub image_name: String,
    /// What the mask shows.
    pub noun: String,
    /// Which of several, from 0, the one with the highest score.
    pub instance_id: u32,
    /// The score of the detection, if there is one.
    pub score: Option<f64>,
    /// The box as x0, y0, x1, y1 in pixels, if there is one.
    pub bounds: Option<[f64; 4]>,
    /// Whether the object was found at a place: a box was returned, and the mask covers less than
    /// 99 % of the image.
    pub localized: bool,
    /// The file that the mask was made from.
    pub mask_file: String,
}

/// Which masks count when nouns are listed. A mask that is asked for by its noun is found either
/// way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum NounFilter {
    /// Masks of objects that were found at a place.
    #[default]
    #[doc(alias = "localized_only")]
    Localized,
    /// All masks.
    All,
}

/// A noun and how often it occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NounCount<'a> {
    /// The noun.
    pub noun: &'a str,
    /// Images that contain it.
    pub images: usize,
    /// Masks of it.
    pub masks: usize,
}

/// The table of masks, which needs no HDF5 file. Images and nouns come in the order in which the
/// file first names them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentationTable {
    rows: Vec<MaskRow>,
    by_mask: HashMap<usize, usize>,
    images: Vec<String>,
    by_image: HashMap<String, Vec<usize>>,
}

impl NounFilter {
    fn admits(self, row: &MaskRow) -> bool {
        self == Self::All || row.localized
    }
}

impl SegmentationTable {
    /// Reads the CSV table of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Open`], and [`Error::Table`] with the line.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        table::open(path.as_ref(), Self::from_reader)
    }

    /// Reads the CSV table.
    ///
    /// # Errors
    ///
    /// [`TableError`] with the line.
    pub fn from_reader(reader: impl Read) -> Result<Self, TableError> {
        let mut table = Self::default();
        Table::open(reader, COLUMNS)?.each(COLUMNS, |record| {
            let row = read_row(&record)?;
            let index = table.rows.len();
            if table.by_mask.insert(row.mask_row, index).is_some() {
                let key = format!("mask_row {}", row.mask_row);
                return Err(TableError::Duplicate { line: record.line, key });
            }
            if let Some(indices) = table.by_image.get_mut(&row.image_name) {
                indices.push(index);
            } else {
                table.images.push(row.image_name.clone());
                table.by_image.insert(row.image_name.clone(), vec![index]);
            }
            table.rows.push(row);
            Ok(())
        })?;
        Ok(table)
    }

    /// The number of masks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All masks, in the order of the file.
    #[must_use]
    pub fn rows(&self) -> &[MaskRow] {
        &self.rows
    }

    /// What is known of the mask in a row of the HDF5 file.
    #[must_use]
    pub fn row(&self, mask_row: usize) -> Option<&MaskRow> {
        self.by_mask.get(&mask_row).map(|index| &self.rows[*index])
    }

    /// The images that have masks, in the order of their first appearance.
    #[must_use]
    pub fn images(&self) -> &[String] {
        &self.images
    }

    /// Whether an image has any mask.
    #[must_use]
    pub fn has_image(&self, image_name: &str) -> bool {
        self.by_image.contains_key(image_name)
    }

    /// The masks of an image, in the order of the file; none for an image without masks.
    pub fn for_image(&self, image_name: &str) -> impl Iterator<Item = &MaskRow> {
        let indices = self.by_image.get(image_name).map(Vec::as_slice).unwrap_or_default();
        indices.iter().map(|index| &self.rows[*index])
    }

    /// The nouns of an image, in the order of their first appearance; none for an image without
    /// masks.
    #[must_use]
    pub fn nouns(&self, image_name: &str, filter: NounFilter) -> Vec<&str> {
        let mut seen = HashSet::new();
        let nouns = self.for_image(image_name).filter(|row| filter.admits(row));
        nouns.map(|row| row.noun.as_str()).filter(|noun| seen.insert(*noun)).collect()
    }

    /// The images that contain a noun, by its exact spelling, in the order of their first
    /// appearance.
    pub fn images_with(&self, noun: &str, filter: NounFilter) -> impl Iterator<Item = &str> {
        let has = move |image: &&String| {
            self.for_image(image).any(|row| row.noun == noun && filter.admits(row))
        };
        self.images.iter().filter(has).map(String::as_str)
    }

    /// All nouns with their counts, in the order of their first appearance.
    #[must_use]
    pub fn all_nouns(&self, filter: NounFilter) -> Vec<NounCount<'_>> {
        let mut counts: Vec<NounCount<'_>> = Vec::new();
        let mut indices = HashMap::new();
        let mut pairs = HashSet::new();
        for row in self.rows.iter().filter(|row| filter.admits(row)) {
            let index = *indices.entry(row.noun.as_str()).or_insert_with(|| {
                counts.push(NounCount { noun: &row.noun, images: 0, masks: 0 });
                counts.len() - 1
            });
            counts[index].masks += 1;
            counts[index].images += usize::from(pairs.insert((&row.noun, &row.image_name)));
        }
        counts
    }

    /// The mask of a noun and instance in an image, localized or not.
    #[must_use]
    pub fn find(&self, image_name: &str, noun: &str, instance: u32) -> Option<&MaskRow> {
        self.for_image(image_name).find(|row| row.noun == noun && row.instance_id == instance)
    }
}

fn read_row(record: &Record<'_>) -> Result<MaskRow, TableError> {
    let number = |column| -> Result<Option<f64>, TableError> {
        record.value(column, "a number, or nothing", |text| {
            if text.is_empty() { Some(None) } else { text.trim().parse().ok().map(Some) }
        })
    };
    let [x0, y0, x1, y1] = [number(5)?, number(6)?, number(7)?, number(8)?];
    let bounds = (|| Some([x0?, y0?, x1?, y1?]))();
    Ok(MaskRow {
        mask_row: record.value(0, "a row", integer_of_table)?,
        image_name: record.text(1).to_owned(),
        noun: record.text(2).to_owned(),
        instance_id: record.value(3, "an instance", integer_of_table)?,
        score: number(4)?,
        bounds,
        localized: record.value(9, "0 or 1", truth)?,
        mask_file: record.text(10).to_owned(),
    })
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "1.0" | "True" | "true" => Some(true),
        "0" | "0.0" | "False" | "false" => Some(false),
        _ => None,
    }
}
