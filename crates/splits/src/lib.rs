//! The train/test splits of LAION-fMRI: names, pools, revisions.
//!
//! A split divides the images of a pool into a training and a test set, so that models of the same
//! data can be compared. This crate names what there is; it opens no files and knows no responses.
//!
//! ```
//! use splits::{OodType, Pool, SplitFamily, SplitName, SplitRevision};
//!
//! let pool: Pool = "sub-03".parse()?;
//! assert_eq!(pool.subject(), Some("sub-03"));
//!
//! let split: SplitName = "cluster_k5_2".parse()?;
//! assert_eq!((split.family(), split.fold()), (SplitFamily::ClusterK5, Some(2)));
//! assert!(splits::list_splits(Some(pool)).contains(&split));
//! assert_eq!(SplitRevision::default().to_string(), "r1");
//!
//! let image = "shared_4rep_OOD_illusion-classic_classic-illusion-01-asahi.png";
//! assert_eq!(OodType::of_image_name(image), Some(OodType::IllusionClassic));
//! # Ok::<(), splits::NameError>(())
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | [`pool`] | the sets of images that are split |
//! | [`split_name`] | the splits of a pool and their families |
//! | [`revision`] | the two generations of the random splits |
//! | [`ood_type`] | the kinds of out-of-distribution images |
//! | [`name_error`] | a text that names none of these |

pub mod name_error;
pub mod ood_type;
pub mod pool;
pub mod revision;
pub mod split_name;

pub use crate::name_error::NameError;
pub use crate::ood_type::{OodType, list_ood_types};
pub use crate::pool::{Pool, list_pools};
pub use crate::revision::SplitRevision;
pub use crate::split_name::{SplitFamily, SplitName, list_splits};
