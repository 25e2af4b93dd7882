//! GIFTI and FreeSurfer surface files: per-vertex values, masks and labels, meshes and transforms.
//!
//! A cortical surface is a mesh for each hemisphere; data on it are values per vertex. This crate
//! reads and writes GIFTI files (`.func.gii`, `.surf.gii`), which hold such values and meshes, and
//! reads the files of FreeSurfer: meshes, values, labels, linear transforms, headers of volumes.
//!
//! ```
//! use gifti_surface::{Hemisphere, read_label};
//!
//! let file = b"#!ascii label, from subject sub-01\n\
//!     2\n\
//!     1048  -12.345  8.000  41.250 0.0000000000\n\
//!     17    -11.900  7.125  40.000 0.0000000000\n";
//! assert_eq!(read_label(&file[..])?, [1048, 17]);
//!
//! let hemisphere: Hemisphere = "L".parse().unwrap();
//! assert_eq!(hemisphere.freesurfer(), "lh");
//! # Ok::<(), gifti_surface::LabelError>(())
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | [`hemisphere`] | left and right, as BIDS and FreeSurfer write them |
//! | [`gifti`] | data arrays of GIFTI files, in and out: values per vertex, or meshes |
//! | [`label`] | the vertices of a FreeSurfer ASCII label |
//! | [`mesh`] | where vertices lie, and which of them form triangles |
//! | [`freesurfer`] | FreeSurfer's meshes, values, linear transforms, and headers of volumes |
//! | [`fs`] | the same from a path |
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod freesurfer;
pub mod fs;
pub mod gifti;
pub mod hemisphere;
pub mod label;
pub mod mesh;

pub use crate::freesurfer::{
    FreeSurferError, LinearTransform, MghHeader, VolumeGeometry, read_curvature, read_lta,
    read_mesh, read_mgh_header, read_xfm, write_curvature, write_mesh,
};
pub use crate::gifti::{
    DataArray, DataType, Gifti, GiftiError, GiftiMetadata, GiftiWriter, Values, read_gifti,
};
pub use crate::hemisphere::Hemisphere;
pub use crate::label::{LabelError, read_label};
pub use crate::mesh::{MeshError, SurfaceMesh};
pub use laion_fmri_base::NameError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
