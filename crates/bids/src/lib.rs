//! Parse, build and match BIDS names; no I/O.
//!
//! The Brain Imaging Data Structure (BIDS) says in the name of a file what it holds: entities such
//! as `sub-01` or `task-images`, then a suffix (`statmap`) and an extension (`nii.gz`). This crate
//! reads such names, writes them, and selects object keys (paths with `/`) by them. It never
//! touches a file: it is `no_std` and only needs `alloc`.
//!
//! ```
//! use bids_names::{FileName, Filter, FilterField, SubjectId};
//!
//! let subject: SubjectId = "03".parse()?;
//! let name = FileName::builder("statmap", "nii.gz")
//!     .entity("sub", subject.label())
//!     .entity("ses", "04")
//!     .entity("desc", "SingletrialBetas")
//!     .build()?;
//! assert_eq!(name.to_string(), "sub-03_ses-04_desc-SingletrialBetas_statmap.nii.gz");
//! assert_eq!(name.entity("ses"), Some("04"));
//! assert_eq!("sub-03_ses-04_desc-SingletrialBetas_statmap.nii.gz".parse::<FileName>()?, name);
//!
//! let filter = Filter::default()
//!     .with(FilterField::Ses, ["ses-04"])
//!     .with(FilterField::Suffix, ["statmap", "trials"]);
//! assert_eq!(filter.to_string(), "ses=[04], suffix=[statmap, trials]");
//! assert!(filter.matches(&format!("derivatives/betas/{subject}/ses-04/func/{name}")));
//! assert!(!filter.matches("derivatives/betas/sub-03/ses-05/func/sub-03_ses-05_statmap.nii.gz"));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | [`file_name`] | one BIDS file name as entities, suffix and extension |
//! | [`key`] | suffix, extension and entities of a whole object key |
//! | [`filter`] | choose keys by entity, suffix and extension |
//! | [`subject_id`] | the validated name of a subject |
//! | [`session_id`] | the validated name of a session |
//! | [`roi`] | labels of region-of-interest files, by the rules of LAION-fMRI |
//! | [`suggest`](mod@suggest) | the nearest known name to a mistyped one |
//!
//! With the feature `serde`, ids, file names, entities and filters are read and written by `serde`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]

extern crate alloc;

pub mod file_name;
pub mod filter;
pub mod key;
mod label;
pub mod roi;
mod serialize;
pub mod session_id;
pub mod subject_id;
pub mod suggest;

pub use crate::file_name::{Entity, FileName, FileNameBuilder, FileNameError};
pub use crate::filter::{EntityKey, Filter, FilterField, InvalidEntityKey};
pub use crate::filter::{UnknownFilterField, Verdict};
pub use crate::key::{entity_value, extension_of, suffix_of};
pub use crate::roi::{dehyphenate_labels, dehyphenate_name, roi_label};
pub use crate::session_id::{InvalidSessionId, SessionId};
pub use crate::subject_id::{InvalidSubjectId, SubjectId};
pub use crate::suggest::suggest;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
