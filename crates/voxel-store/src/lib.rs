//! Matrices kept by column: sharded Zarr written row by row in one pass, any columns read in
//! milliseconds, every byte checked.
//!
//! ```
//! use ndarray::{Array2, array};
//! use voxel_store::{Group, MatrixOptions, Sha256, Values, write_group};
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("responses.zarr");
//! write_group(&path, |group| -> Result<Sha256, voxel_store::Error> {
//!     group.array("label", &[("row", 3)], &Values::texts(["a", "b", "a"]))?;
//!     group.matrix("responses", ["row", "column"], [3, 4], &MatrixOptions::default(), |rows| {
//!         rows.put(&[0.0, 1.0, 2.0, 3.0])?;
//!         rows.put(&[4.0, 5.0, 6.0, 7.0])?;
//!         rows.put(&[8.0, 9.0, f32::NAN, 11.0])?;
//!         Ok(Sha256([7; 32])) // whatever identifies what was written
//!     })
//! })?;
//!
//! let matrix = Group::open(&path)?.matrix("responses")?;
//! let mut columns = Array2::zeros((3, 2));
//! matrix.read(&[3, 0], &[0, 1, 2], columns.view_mut())?; // columns, then rows
//! assert_eq!(columns, array![[3.0, 0.0], [7.0, 4.0], [11.0, 8.0]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * [`write_group`], [`write_new_group`], [`GroupWriter`]: a group that appears when it is
//!   complete
//! * [`MatrixRows`], [`MatrixOptions`]: a matrix that is written row by row
//! * [`Group`], [`Matrix`]: reading, and checking all of it ([`Group::verify`])
//! * [`Buffers`]: memory that one read after the other uses
//! * [`consolidate`]: a group whose members come one after the other
//! * [`mend_group`]: a group that is damaged, but not its members
//! * [`remove_abandoned`]: what writers that were killed left behind
//! * [`Values`]: arrays of texts, numbers and flags that say what rows and columns are
//! * [`Layout`]: where every chunk of a matrix lies
#![cfg_attr(docsrs, feature(doc_cfg))]

mod buffers;
mod checksum;
mod columns;
mod document;
mod error;
mod group;
mod layout;
mod matrix;
mod put;
mod read_ahead;
mod shard;
mod stacks;
mod values;
mod writer;

pub use crate::buffers::Buffers;
pub use crate::error::Error;
pub use crate::group::{
    Group, GroupWriter, Verified, consolidate, mend_group, remove_abandoned, write_group,
    write_new_group,
};
pub use crate::layout::Layout;
pub use crate::matrix::Matrix;
pub use crate::values::Values;
pub use crate::writer::{MatrixOptions, MatrixRows};
pub use {laion_fmri_base::Sha256, serde_json};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
