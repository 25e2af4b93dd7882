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
//! * [`NpyFile`]: the rows of a `.npy` file, one after the other
//! * [`write_npy_rows`]: the same row by row, written while the next rows are made
//! * [`write_npz`], [`write_npz_to`], [`read_npz`]: NumPy's `.npz`, named arrays and texts in one file
//! * [`write_arrays`], [`read_arrays`]: labelled arrays that belong together, as `.npz`, Zarr or HDF5
//! * [`ArraysDigest`]: one SHA-256 for named arrays, the same in every format
//! * [`Table`]: named columns as CSV, TSV, JSON lines and Parquet
//! * [`write_png`], [`write_png_to`]: images
//! * [`write_text`]: bytes that are already complete
//! * [`conformance`]: checks for other writers and readers of labelled arrays
//! * [`atomic_file`]: the rename behind all of them, for other formats
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "zarr")]
mod arrays;
mod atomic;
#[cfg(all(feature = "half", feature = "zarr"))]
pub mod conformance;
#[cfg(feature = "digest")]
mod digest;
mod element;
mod encoding;
mod error;
#[cfg(feature = "hdf5")]
mod hdf5;
mod npy;
#[cfg(feature = "npz")]
mod npz;
#[cfg(feature = "png")]
mod png;
mod rows;
#[cfg(feature = "tables")]
mod table;
#[cfg(feature = "zarr")]
mod zarr;

#[cfg(feature = "zarr")]
pub use arrays::{
    ArrayFile, ArrayFormat, ArrayWriter, RowWriter, is_replaceable, read_arrays, write_arrays,
};
pub use atomic::{atomic_file, write_text};
#[cfg(feature = "digest")]
pub use digest::{ArrayDifference, ArrayDigest, ArraysDigest};
pub use element::Element;
pub use error::Error;
#[cfg(feature = "half")]
pub use half::f16;
pub use npy::{NpyFile, read_npy, write_npy, write_npy_to};
#[cfg(feature = "npz")]
pub use npz::{NpzFile, NpzWriter, read_npz, write_npz, write_npz_to};
#[cfg(feature = "png")]
pub use png::{write_png, write_png_to};
pub use rows::{NpyRows, write_npy_rows};
#[cfg(feature = "parquet")]
pub use table::read_parquet_metadata;
#[cfg(feature = "tables")]
pub use table::{Cell, Column, Table};

#[cfg(all(doctest, feature = "npz", feature = "tables"))]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
