//! The stimulus side of LAION-fMRI: images, embeddings, object masks, captions.
//!
//! ```no_run
//! use laion_fmri_stimuli::{EmbeddingModel, Embeddings, NamedImages};
//!
//! let images = NamedImages::open("task-images_stimuli.h5", "task-images_metadata.csv")?;
//! let image = "shared_12rep_LAION_cluster_2677_i5.jpg";
//! let pixels = images.decode(image)?; // (height, width, 3) RGB, as displayed
//!
//! let clip = Embeddings::open("task-images_desc-CLIP_embeddings.h5", EmbeddingModel::Clip)?;
//! let rows = clip.get_many_f32(&[image, image])?; // (2, features), repeats included
//! # Ok::<(), laion_fmri_stimuli::Error>(())
//! ```
//!
//! Every reader needs only its own files, opens them read-only and without locks, and can be used
//! from several threads at once. Getting one row reads that row, or the chunk that holds it.
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
//! | [`error`], [`table`] | what can be wrong |
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod caption_source;
pub mod captions;
#[cfg(feature = "hdf5")]
pub mod decode;
pub mod embedding_model;
#[cfg(feature = "hdf5")]
pub mod embedding_set;
#[cfg(feature = "hdf5")]
pub mod embeddings;
pub mod error;
pub mod files;
#[cfg(feature = "hdf5")]
mod h5;
#[cfg(feature = "hdf5")]
pub mod images;
#[cfg(feature = "hdf5")]
mod lazy;
pub mod metadata;
#[cfg(feature = "hdf5")]
pub mod named_images;
#[cfg(feature = "hdf5")]
mod nearest;
pub mod segmentation_table;
#[cfg(feature = "hdf5")]
pub mod segmentations;
mod serialize;
pub mod source;
pub mod stimulus_set;
pub mod table;

#[cfg(feature = "hdf5")]
pub use half::f16;

pub use crate::caption_source::CaptionSource;
pub use crate::captions::{Caption, Captions};
#[cfg(feature = "hdf5")]
pub use crate::decode::{ColorMode, DecodeError, OriginalImage};
pub use crate::embedding_model::EmbeddingModel;
#[cfg(feature = "hdf5")]
pub use crate::embedding_set::EmbeddingSet;
#[cfg(feature = "hdf5")]
pub use crate::embeddings::Embeddings;
pub use crate::error::Error;
#[cfg(feature = "hdf5")]
pub use crate::images::Images;
pub use crate::metadata::{Metadata, Stimulus};
#[cfg(feature = "hdf5")]
pub use crate::named_images::NamedImages;
pub use crate::segmentation_table::{MaskRow, NounCount, NounFilter, SegmentationTable};
#[cfg(feature = "hdf5")]
pub use crate::segmentations::Segmentations;
pub use crate::source::ReadAt;
pub use crate::stimulus_set::StimulusSet;
pub use crate::table::TableError;
pub use laion_fmri_base::NameError;
