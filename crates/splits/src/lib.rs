//! The train/test splits of LAION-fMRI: every list of every pool, in both revisions.
//!
//! A split divides the images of a pool into a training and a test set, so that models of the same
//! data can be compared. The tables are part of the crate; it opens no files and knows nothing
//! about responses.
//!
//! ```
//! use laion_fmri_splits::{Pool, SplitFamily, load_split, split_masks, train_test_ids};
//!
//! let split = load_split("tau", "sub-03")?;
//! assert_eq!((split.family(), split.pool()), (SplitFamily::Tau, Pool::Sub03));
//! assert_eq!((split.n_train(), split.n_test()), (4666, 1167));
//!
//! let ids = train_test_ids("tau", "sub-03")?;
//! assert_eq!(ids.train[0], "shared_12rep_LAION_cluster_1003_i0.jpg");
//!
//! // One label for each trial, as in the trial tables; repeats of an image are on one side.
//! let labels = [ids.train[0], ids.test[0], ids.train[0], "unique_THINGS_whisk_p01.jpg"];
//! let masks = split_masks(labels, "tau", "sub-03")?;
//! assert_eq!(masks.train, [true, false, true, false]);
//! assert_eq!(masks.test, [false, true, false, false]);
//! assert_eq!((masks.train_rows(), masks.test_rows()), (vec![0, 2], vec![1]));
//! assert_eq!((masks.n_neither, masks.n_unknown), (1, 0)); // the last is an image of sub-01
//! # Ok::<(), laion_fmri_splits::Error>(())
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | [`pool`] | the sets of images that are split |
//! | [`split_name`] | the splits of a pool and their families |
//! | [`revision`] | the two generations of the random splits |
//! | [`ood_type`] | the kinds of out-of-distribution images |
//! | [`split`] | one split of one pool: its sizes, its lists and its masks |
//! | [`ids`], [`masks`], [`params`], [`leaks`] | what a split answers |
//! | [`error`] | a question that no table answers |
#![cfg_attr(docsrs, feature(doc_cfg))]

/// Public only for `cargo xtask splits`, which writes and proves the tables: not a part of the
/// interface that is kept stable.
#[doc(hidden)]
pub mod bundle;
pub mod error;
pub mod ids;
pub mod leaks;
pub mod masks;
pub mod ood_type;
pub mod params;
pub mod pool;
pub mod revision;
mod serialize;
pub mod split;
pub mod split_name;

pub use crate::bundle::TauFit;
#[doc(hidden)]
pub use crate::bundle::{Bundle, BundleError};
pub use crate::error::Error;
pub use crate::ids::{TrainTestIds, train_test_ids};
pub use crate::leaks::{ImageTrials, LeakReport};
pub use crate::masks::{SplitMasks, split_masks};
pub use crate::ood_type::{OodType, list_ood_types};
pub use crate::params::SplitParams;
pub use crate::pool::{Pool, list_pools};
pub use crate::revision::SplitRevision;
pub use crate::split::{Split, load_all_splits, load_split};
pub use crate::split_name::{SplitFamily, SplitName, list_splits};
pub use laion_fmri_base::NameError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
