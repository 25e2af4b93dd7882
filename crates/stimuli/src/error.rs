//! What can be wrong with a stimulus file, or with what is asked of it.

use std::io;
use std::path::PathBuf;

#[cfg(feature = "hdf5")]
use crate::decode::DecodeError;
use crate::embedding_model::EmbeddingModel;
use crate::table::TableError;

/// Why a stimulus file could not be opened or read. Every variant names the file where there is
/// one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be opened.
    #[error("{} could not be opened", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The file is no HDF5 file, or its structure is damaged.
    #[error("{} is not a readable HDF5 file", path.display())]
    NotHdf5 {
        /// The file.
        path: PathBuf,
        /// What the reader found.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file lacks a dataset.
    #[error("{}: expected a dataset {dataset:?}, got {got:?}", path.display())]
    MissingDataset {
        /// The file.
        path: PathBuf,
        /// The dataset.
        dataset: &'static str,
        /// The datasets at the top of the file.
        got: Vec<String>,
    },
    /// A dataset has another number of axes.
    #[error("{}: dataset {dataset:?}: expected {expected} axes, got shape {got:?}", path.display())]
    WrongRank {
        /// The file.
        path: PathBuf,
        /// The dataset.
        dataset: &'static str,
        /// The number of axes.
        expected: usize,
        /// The shape that is there.
        got: Vec<u64>,
    },
    /// A dataset holds elements of another type.
    #[error("{}: dataset {dataset:?}: expected {expected}, got {got}", path.display())]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The dataset.
        dataset: &'static str,
        /// The type, in words.
        expected: &'static str,
        /// The type that is there.
        got: String,
    },
    /// A dataset and what belongs to it have different lengths.
    #[error(
        "{}: dataset {dataset:?}: expected {expected} rows, as in {like}, got {got}",
        path.display()
    )]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// The dataset.
        dataset: &'static str,
        /// What else has rows: a table, or another dataset.
        like: String,
        /// How many rows that has.
        expected: usize,
        /// How many rows the dataset has.
        got: usize,
    },
    /// A dataset, or a part of it, is larger than the file can hold or than this reader allocates.
    #[error("{}: dataset {dataset:?}: expected at most {expected} bytes, got {got}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The dataset.
        dataset: &'static str,
        /// The limit in bytes.
        expected: u64,
        /// The size in bytes that the file claims; `u64::MAX` when it does not fit.
        got: u64,
    },
    /// A dataset uses something of HDF5 that this reader does not know. The file may be sound.
    #[error("{}: dataset {dataset:?}: the reader does not know {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The dataset.
        dataset: &'static str,
        /// What it uses, in words: a filter, or where the data is.
        what: String,
    },
    /// Stored data could not be read: the file is damaged or truncated, or cannot be read.
    #[error("{}: dataset {dataset:?}: {} could not be read", path.display(), which(*row))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The dataset.
        dataset: &'static str,
        /// The first row that was wanted, when rows were read.
        row: Option<usize>,
        /// What the reader found.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row that the file does not have.
    #[error("{}: row {row} of {len}", path.display())]
    RowOutOfRange {
        /// The file.
        path: PathBuf,
        /// The row asked for, from 0.
        row: usize,
        /// How many rows there are.
        len: usize,
    },
    /// A name that no image of the file has.
    #[error("{} has no image {image_name:?}", path.display())]
    UnknownImage {
        /// The file.
        path: PathBuf,
        /// The name asked for.
        image_name: String,
        /// The names nearest to it, best first; may be empty.
        nearest: Vec<String>,
    },
    /// Two rows of an embedding file have the same image name.
    #[error("{}: a second row {row} for image {image_name:?}", path.display())]
    DuplicateImage {
        /// The file.
        path: PathBuf,
        /// The second row.
        row: usize,
        /// The name.
        image_name: String,
    },
    /// The embedding of an image is marked as not valid.
    #[error("{}: the {model} embedding in row {row} is marked as not valid", path.display())]
    InvalidEmbedding {
        /// The file.
        path: PathBuf,
        /// The model.
        model: EmbeddingModel,
        /// The row.
        row: usize,
    },
    /// A set of embeddings does not hold this model.
    #[error("no {model} embeddings are open (open: {})", list(got))]
    ModelNotOpen {
        /// The model asked for.
        model: EmbeddingModel,
        /// The models that are there.
        got: Vec<EmbeddingModel>,
    },
    /// Two embedding files list their images differently.
    #[error(
        "{}: row {row} is image {}, but {} in {}",
        path.display(), named(got.as_ref()), named(expected.as_ref()), other.display()
    )]
    DifferentImageIds {
        /// The file.
        path: PathBuf,
        /// The file that it was compared with.
        other: PathBuf,
        /// The first row that differs.
        row: usize,
        /// The name in `other`, or nothing when that has fewer rows.
        expected: Option<String>,
        /// The name in `path`, or nothing when that has fewer rows.
        got: Option<String>,
    },
    /// An image has no mask of this noun and instance.
    #[error("image {image_name} has no {noun:?}{}", nth(*instance, instances))]
    UnknownMask {
        /// The table of masks.
        path: PathBuf,
        /// The image.
        image_name: String,
        /// The noun asked for.
        noun: String,
        /// The instance asked for, from 0.
        instance: u32,
        /// The instances of this noun in the image, ascending; empty when no mask is of the noun.
        instances: Box<[u32]>,
        /// The nouns that the image has, localized or not; empty when no mask is of the image.
        nouns: Vec<String>,
    },
    /// A table could not be read.
    #[error("{} is not a readable table", path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// What is wrong.
        source: TableError,
    },
    /// The encoded bytes of an image could not be decoded.
    #[cfg(feature = "hdf5")]
    #[error("{}: the image in row {row} could not be decoded", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// The row.
        row: usize,
        /// What is wrong.
        source: DecodeError,
    },
}

fn which(row: Option<usize>) -> String {
    row.map_or_else(|| "it".to_owned(), |row| format!("row {row}"))
}

/// ` (mask 2, counted from 0; there are 0, 1)`; nothing for the first mask of an unknown noun.
fn nth(instance: u32, instances: &[u32]) -> String {
    let there = match instances {
        [] if instance == 0 => return String::new(),
        [] => String::new(),
        [one] => format!("; there is {one}"),
        several => {
            let several: Vec<String> = several.iter().map(u32::to_string).collect();
            format!("; there are {}", several.join(", "))
        }
    };
    format!(" (mask {instance}, counted from 0{there})")
}

fn list(models: &[EmbeddingModel]) -> String {
    models.iter().map(|model| model.as_str()).collect::<Vec<_>>().join(", ")
}

fn named(image: Option<&String>) -> String {
    image.map_or_else(|| "missing".to_owned(), |name| format!("{name:?}"))
}
