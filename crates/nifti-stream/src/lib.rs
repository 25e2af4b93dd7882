//! Bytes to numbers: stream chosen voxels out of NIfTI-1/2 files, gzipped or not, in fixed memory.
//!
//! A 4-D file of single-trial responses holds thousands of volumes of millions of voxels, of which
//! an analysis wants a few columns. This crate inflates such a file once and puts the wanted
//! voxels of the wanted volumes straight into the caller's array:
//!
//! ```
//! use ndarray::{Array2, array};
//! use nifti_stream::{RowSelection, VolumeReader, VoxelSelection};
//! # use nifti_stream::{Affine, Compression, Spatial, write_volume};
//! # let affine = Affine::from_rows([[2., 0., 0., 0.], [0., 2., 0., 0.], [0., 0., 2., 0.]]);
//! # let mut file = Vec::new();
//! # let values = [1u8, 3, 5, 7, 2, 4, 6, 8];
//! # write_volume(&mut file, &Spatial::from_affine(&affine), [2, 2, 2], &values, Compression::None)?;
//! # // Make it two volumes of 2 x 2 x 1.
//! # (file[40], file[46], file[48]) = (4, 1, 2);
//!
//! // `file` holds two volumes of 2 x 2 x 1 voxels; any `std::io::Read` will do.
//! let reader = VolumeReader::new(&file[..])?;
//! assert_eq!((reader.grid().shape(), reader.n_volumes()), ([2, 2, 1], 2));
//!
//! // Columns: the voxels (0, 1, 0) and (1, 0, 0), by their place in a C-order array.
//! let selection = VoxelSelection::new([2, 2, 1], vec![1, 2])?;
//! let mut responses = Array2::zeros((2, selection.len()));
//! reader.read_rows(&selection, &RowSelection::All, responses.view_mut())?;
//! assert_eq!(responses, array![[5., 2.], [7., 4.]]);
//! # Ok::<(), nifti_stream::Error>(())
//! ```
//!
//! # Modules
//!
//! * [`fs`]: reading and writing by path, with errors that name the file
//! * [`gz`]: gzip, with all members and all checksums
//!
//! # Types
//!
//! * [`VolumeReader`]: 4-D files, volume by volume or in one pass
//! * [`VoxelSelection`], [`RowSelection`]: which voxels and which volumes
//! * [`SetVoxels`], [`MaskReader`], [`read_voxels`]: 3-D masks and maps without the image
//! * [`Volume`], [`read_volume`], [`write_volume`]: 3-D masks and maps
//! * [`VolumeWriter`]: 4-D images, volume by volume
//! * [`Header`], [`Spatial`], [`Affine`], [`Grid`]: what the voxels are and where they lie
//! * [`Error`]: what was wrong and where
#![cfg_attr(docsrs, feature(doc_cfg))]

mod affine;
mod datatype;
mod decode;
mod error;
pub mod fs;
mod grid;
pub mod gz;
mod header;
mod inflate;
mod queue;
mod rows;
mod selection;
mod serialize;
mod source;
mod sparse;
mod target;
mod volume;
mod volumes;
mod write;

pub use affine::Affine;
pub use datatype::{Datatype, Endianness, Scaling};
pub use error::{Error, GzipPart};
pub use grid::{Grid, GridMismatch};
pub use header::{Header, Spatial, Version};
pub use rows::RowSelection;
pub use selection::{SelectionError, VoxelSelection};
pub use source::Source;
pub use sparse::{MaskReader, SetVoxels, read_set_voxels, read_voxels};
pub use volume::{Volume, read_volume};
pub use volumes::{Progress, VolumeReader};
pub use write::{Compression, Sample, VolumeWriter, write_volume};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
