//! What several crates of this workspace need and the standard library lacks: complete files, digests,
//! parallel maps, named enums.
//!
//! * [`AtomicFile`], [`AtomicDirectory`]: what takes its name only when it is complete
//! * [`leftovers`], [`remove_leftovers`]: what writers that were killed left behind
//! * [`writers_of`]: how many writers work on one output at this moment
//! * [`read_exact_at`], [`write_all_at`]: bytes of a file by their position
//! * [`parallel_map`]: the same work for every item on a few threads, with results in order
//! * [`named_enum!`]: an enum whose variants have names, with [`NameError`] for any other text
//! * [`Sha256`]: a digest as a value; computing it needs the feature `sha256`
//! * [`serde_as_text!`]: types that `serde` writes as their text, with the feature `serde`
//! * [`counted`], [`agreeing`], [`readable_bytes`], [`sufficient_bytes`]: numbers as sentences have them
//! * [`RootCause`], [`with_causes`]: an error that shows its innermost cause alone, or all of them
//! * [`integer_of_table`]: the integer in a field of a table
//! * [`apply_affine`], [`compose_affines`], [`invert_affine`]: maps between voxels and millimetres
//! * `zarr`: the documents of Zarr groups and arrays, with the feature `zarr`
//! * [`zeroed`], [`in_huge_pages`]: zeros whose memory is taken when they are written, if there is memory for them
//! * [`lock`]: locks a mutex, even if a thread panicked while holding it
//! * [`wait`]: blocks until a future is done, on any thread
//!
//! ```
//! use laion_fmri_base::parallel_map;
//!
//! let lengths = parallel_map(4, ["a", "bcd", ""], |text| Ok::<_, String>(text.len()))?;
//! assert_eq!(lengths, [1, 3, 0]);
//! # Ok::<(), String>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod affine;
mod atomic_directory;
mod atomic_file;
mod causes;
mod integer;
mod leftovers;
mod lock;
mod named_enum;
mod parallel;
mod positioned;
mod root_cause;
mod serialize;
mod sha256;
mod wait;
mod words;
#[cfg(feature = "zarr")]
pub mod zarr;
mod zeroed;

pub use crate::affine::{AffineRows, apply_affine, compose_affines, invert_affine};
pub use crate::atomic_directory::AtomicDirectory;
pub use crate::atomic_file::{AtomicFile, is_temporary, sync_directory, temporary_sibling};
pub use crate::causes::with_causes;
pub use crate::integer::integer_of_table;
pub use crate::leftovers::{Leftover, leftovers, remove_leftovers, writers_of};
pub use crate::lock::lock;
pub use crate::named_enum::NameError;
pub use crate::parallel::{parallel_map, parallel_map_with};
pub use crate::positioned::{read_exact_at, write_all_at};
pub use crate::root_cause::RootCause;
#[cfg(feature = "sha256")]
pub use crate::sha256::Sha256Hasher;
pub use crate::sha256::{Hex, InvalidSha256, Sha256};
pub use crate::wait::wait;
pub use crate::words::{agreeing, counted, readable_bytes, sufficient_bytes};
pub use crate::zeroed::{in_huge_pages, zeroed};
#[cfg(feature = "serde")]
#[doc(hidden)]
pub use serde;
