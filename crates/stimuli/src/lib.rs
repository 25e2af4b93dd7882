//! The stimulus side of LAION-fMRI: images, embeddings, object masks, captions.
//!
//! This version holds the vocabulary: which embedding models there are, who wrote a caption, how
//! the files are called, which images everybody saw; and it reads the table of images.
//!
//! ```
//! use stimuli::{CaptionSource, EmbeddingModel, StimulusSet, files};
//!
//! let model: EmbeddingModel = "DINOv2".parse()?;
//! assert_eq!(model.file_name(), "task-images_desc-DINOv2_embeddings.h5");
//! assert_eq!("ai".parse(), Ok(CaptionSource::Ai));
//! assert_eq!(files::METADATA, "task-images_metadata.csv");
//!
//! let label = "shared_12rep_LAION_cluster_2677_i5.jpg";
//! assert_eq!(StimulusSet::of_label(label), StimulusSet::Shared);
//! # Ok::<(), stimuli::NameError>(())
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | [`images`] | the images by row |
//! | [`named_images`] | the images by name |
//! | [`metadata`] | the table of images |
//! | [`decode`] | encoded images to pixels |
//! | [`embeddings`] | the embeddings by one model |
//! | [`embedding_set`] | the embeddings by several models |
//! | [`segmentations`] | the object masks |
//! | [`segmentation_table`] | which mask shows what |
//! | [`captions`] | the captions of all images |
//! | [`embedding_model`] | the models whose embeddings are shipped |
//! | [`caption_source`] | who wrote a caption |
//! | [`stimulus_set`] | images shown to everybody and images shown to one subject |
//! | [`files`] | the names of the stimulus files |
//! | [`source`] | bytes at a position |
//! | [`error`], [`table`], [`name_error`] | what can be wrong |

pub mod caption_source;
pub mod captions;
pub mod decode;
pub mod embedding_model;
pub mod embedding_set;
pub mod embeddings;
pub mod error;
pub mod files;
mod h5;
pub mod images;
mod lazy;
pub mod metadata;
pub mod name_error;
pub mod named_images;
mod nearest;
pub mod segmentation_table;
pub mod segmentations;
pub mod source;
pub mod stimulus_set;
pub mod table;

pub use half::f16;

pub use crate::caption_source::CaptionSource;
pub use crate::captions::{Caption, Captions};
pub use crate::decode::{ColorMode, DecodeError, OriginalImage};
pub use crate::embedding_model::EmbeddingModel;
pub use crate::embedding_set::EmbeddingSet;
pub use crate::embeddings::Embeddings;
pub use crate::error::Error;
pub use crate::images::Images;
pub use crate::metadata::{Metadata, Stimulus};
pub use crate::name_error::NameError;
pub use crate::named_images::NamedImages;
pub use crate::segmentation_table::{MaskRow, NounCount, NounFilter, SegmentationTable};
pub use crate::segmentations::Segmentations;
pub use crate::source::ReadAt;
pub use crate::stimulus_set::StimulusSet;
pub use crate::table::TableError;
