//! Data arrays of GIFTI files, in and out: values per vertex, or meshes.

mod attributes;
mod data;
mod document;
mod error;
mod values;
mod write;

use std::io::BufRead;

pub use self::error::GiftiError;
pub use self::values::{DataType, Values};
pub use self::write::{GiftiMetadata, GiftiWriter};
use crate::SurfaceMesh;

/// Reads a GIFTI file (`.gii`, such as `.func.gii`): all its data arrays, in the order of the file.
///
/// | | what is read |
/// |---|---|
/// | encodings | `ASCII`, `Base64Binary`, `GZipBase64Binary` (a zlib stream in base64) |
/// | byte orders | both |
/// | index orders | both; values come in row-major (C) order |
/// | datatypes | `NIFTI_TYPE_` `UINT8`, `INT32`, `FLOAT32`, and the other integers and `FLOAT64` |
///
/// The names that the gifticlib writes (`GIFTI_ENCODING_B64BIN`, `GIFTI_ENDIAN_LITTLE`) are
/// understood as well. Metadata, label tables and coordinate systems are skipped, as are document
/// types: nothing that they declare is expanded or fetched. Reading ends with the element `GIFTI`.
/// `NumberOfDataArrays` is not compared with the number of arrays.
///
/// The memory needed grows with the data that are there, never with the dimensions that the file
/// claims, and text is decoded in small pieces while it is read. A stream that inflates to more
/// than its dimensions is an error at once.
///
/// # Errors
///
/// If reading fails, the text is not XML or not GIFTI, an array is described by missing, unknown
/// or oversized attributes, its data lie in another file, or they do not fit its dimensions.
///
/// ```
/// let file = br#"<?xml version="1.0"?>
/// <GIFTI Version="1.0" NumberOfDataArrays="1">
///   <DataArray Intent="NIFTI_INTENT_SHAPE" DataType="NIFTI_TYPE_FLOAT32"
///              ArrayIndexingOrder="RowMajorOrder" Dimensionality="1" Dim0="3"
///              Encoding="ASCII" Endian="LittleEndian">
///     <Data>0.5 0 -1</Data>
///   </DataArray>
/// </GIFTI>"#;
/// let gifti = gifti_surface::read_gifti(&file[..])?;
/// assert_eq!(gifti.first()?.to_f32(), [0.5, 0.0, -1.0]);
/// assert_eq!(gifti.first()?.nonzero_mask(), [true, false, true]);
/// # Ok::<(), gifti_surface::GiftiError>(())
/// ```
pub fn read_gifti<R: BufRead>(reader: R) -> Result<Gifti, GiftiError> {
    Ok(Gifti { arrays: document::read(reader)? })
}

/// The data arrays of a GIFTI file.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Gifti {
    arrays: Vec<DataArray>,
}

impl Gifti {
    /// All arrays, in the order of the file.
    #[must_use]
    pub fn arrays(&self) -> &[DataArray] {
        &self.arrays
    }

    /// The arrays one by one, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, DataArray> {
        self.arrays.iter()
    }

    /// The first array, which holds the values of a file with one value per vertex.
    ///
    /// # Errors
    ///
    /// [`GiftiError::NoDataArray`] when the file has none.
    pub fn first(&self) -> Result<&DataArray, GiftiError> {
        self.arrays.first().ok_or(GiftiError::NoDataArray)
    }

    /// The first array, if it has one value for each vertex: all of its axes but one have length 1.
    ///
    /// # Errors
    ///
    /// [`GiftiError::NoDataArray`]; [`GiftiError::NotPerVertex`], such as for coordinates.
    pub fn per_vertex(&self) -> Result<&DataArray, GiftiError> {
        let first = self.first()?;
        match first.shape.iter().filter(|length| **length != 1).count() {
            0 | 1 => Ok(first),
            _ => Err(GiftiError::NotPerVertex { array: 0, got: first.shape.clone() }),
        }
    }
}

impl Gifti {
    /// The mesh of a surface (`.surf.gii`): the first array of coordinates and the first of triangles.
    ///
    /// The matrix of a coordinate system is not applied.
    ///
    /// # Errors
    ///
    /// [`GiftiError::NotAMesh`] when one of them is missing or has another shape;
    /// [`GiftiError::Mesh`] when they do not fit each other.
    pub fn to_mesh(&self) -> Result<SurfaceMesh, GiftiError> {
        let find = |intent: &'static str| {
            let found = self.arrays.iter().find(|array| array.intent == intent);
            found
                .filter(|array| matches!(array.shape[..], [_, 3]))
                .ok_or(GiftiError::NotAMesh { expected: intent, got: self.intents() })
        };
        let coordinates = find("NIFTI_INTENT_POINTSET")?.to_f32();
        let triangles = find("NIFTI_INTENT_TRIANGLE")?;
        // What is no index becomes one that no vertex has.
        let corner = |value: f64| if value >= 0.0 { value as u32 } else { u32::MAX };
        let corners: Vec<u32> = triangles.to_f64().into_iter().map(corner).collect();
        let vertices = coordinates.as_chunks::<3>().0.to_vec();
        SurfaceMesh::new(vertices, corners.as_chunks::<3>().0.to_vec(), None)
            .map_err(|source| GiftiError::Mesh { source })
    }

    fn intents(&self) -> Vec<(String, Vec<usize>)> {
        self.arrays.iter().map(|array| (array.intent.clone(), array.shape.clone())).collect()
    }
}

impl<'a> IntoIterator for &'a Gifti {
    type Item = &'a DataArray;
    type IntoIter = std::slice::Iter<'a, DataArray>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One array of a GIFTI file.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DataArray {
    intent: String,
    shape: Vec<usize>,
    values: Values,
}

impl DataArray {
    /// What the values mean, such as `NIFTI_INTENT_SHAPE`; empty when the file does not say.
    #[must_use]
    pub fn intent(&self) -> &str {
        &self.intent
    }

    /// The dimensions: `[n_vertices]` or `[n_vertices, 1]` for one value per vertex.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values as they are stored, in row-major (C) order.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The values as float32, in row-major (C) order; rounded where the datatype is wider.
    #[must_use]
    pub fn to_f32(&self) -> Vec<f32> {
        self.values.to_f32()
    }

    /// The values as float64, in row-major (C) order; rounded where 64-bit integers are wider.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        self.values.to_f64()
    }

    /// For each value whether it is neither zero nor NaN, in row-major (C) order.
    #[must_use]
    pub fn nonzero_mask(&self) -> Vec<bool> {
        self.values.nonzero_mask()
    }
}
