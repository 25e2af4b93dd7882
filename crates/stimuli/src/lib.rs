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
//! | [`embedding_model`] | the models whose embeddings are shipped |
//! | [`caption_source`] | who wrote a caption |
//! | [`stimulus_set`] | images shown to everybody and images shown to one subject |
//! | [`metadata`] | the table of images |
//! | [`files`] | the names of the stimulus files |
//! | [`name_error`] | a text that names none of these |

pub mod caption_source;
pub mod embedding_model;
pub mod files;
pub mod metadata;
pub mod name_error;
pub mod stimulus_set;

pub use crate::caption_source::CaptionSource;
pub use crate::embedding_model::EmbeddingModel;
pub use crate::metadata::{Metadata, MetadataError, Stimulus};
pub use crate::name_error::NameError;
pub use crate::stimulus_set::StimulusSet;
