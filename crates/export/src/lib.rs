//! Arrays and tables out: NumPy, Zarr, HDF5, PNG, CSV, TSV, JSON and Parquet files that appear
//! only when they are complete.
//!
//! ```
//! use ndarray::array;
//!
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("responses.npy");
//! let responses = array![[0.5f32, 1.5, 2.5], [3.5, 4.5, 5.5]];
//! array_export::write_npy(&path, &responses)?;
//! assert_eq!(array_export::read_npy::<f32>(&path)?, responses.into_dyn());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * [`write_npy`], [`write_npy_to`], [`read_npy`]: NumPy's `.npy`, readable without pickle
//! * [`write_npy_rows`]: the same row by row, written while the next rows are made
//! * [`write_npz`], [`write_npz_to`], [`read_npz`]: NumPy's `.npz`, named arrays and texts in one file
//! * [`write_arrays`], [`read_arrays`]: labelled arrays that belong together, as `.npz`, Zarr or HDF5
//! * [`ArraysDigest`]: one SHA-256 for named arrays, the same in every format
//! * [`Table`]: named columns as CSV, TSV, JSON lines and Parquet
//! * [`write_png`], [`write_png_to`]: images
//! * [`write_text`]: bytes that are already complete
//! * [`conformance`]: checks for other writers and readers of labelled arrays
//! * [`atomic_file`]: the rename behind all of them, for other formats

mod arrays;
mod atomic;
pub mod conformance;
mod element;
mod encoding;
mod error;
#[cfg(feature = "hdf5-c")]
mod hdf5;
mod npy;
mod npz;
mod png;
mod rows;
mod table;
mod zarr;

pub use arrays::{ArrayDifference, ArrayDigest, ArrayFile, ArrayFormat, ArrayWriter, ArraysDigest};
pub use arrays::{RowWriter, read_arrays, write_arrays};
pub use atomic::{atomic_file, write_text};
pub use element::Element;
pub use error::Error;
pub use half::f16;
pub use npy::{read_npy, write_npy, write_npy_to};
pub use npz::{NpzFile, NpzWriter, read_npz, write_npz, write_npz_to};
pub use png::{write_png, write_png_to};
pub use rows::{NpyRows, write_npy_rows};
pub use table::{Cell, Column, Table, read_parquet_metadata};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
