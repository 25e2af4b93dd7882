//! Writes 3-D images: one volume with the spatial header of another image.

use std::io::{self, Write};

use crate::datatype::Datatype;
use crate::error::Error;
use crate::grid::count_voxels;
use crate::gz::GzEncoder;
use crate::header::{NIFTI1_SIZE, NIFTI2_SIZE, Spatial};

/// The largest dimension that NIfTI-1 can express.
const NIFTI1_MAX_DIM: usize = i16::MAX as usize;

/// Whether an output is gzipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Compression {
    /// Plain `.nii`.
    None,
    /// `.nii.gz`, level 6, without name and time: equal input gives equal bytes.
    Gzip,
}

/// A type of voxel that can be written: `f32` and `u8`.
pub trait Sample: Copy + private::Sealed {
    /// The type in the file.
    const DATATYPE: Datatype;

    /// Appends the value in little-endian order.
    #[doc(hidden)]
    fn append_to(self, bytes: &mut Vec<u8>);
}

impl Sample for f32 {
    const DATATYPE: Datatype = Datatype::F32;

    fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl Sample for u8 {
    const DATATYPE: Datatype = Datatype::U8;

    fn append_to(self, bytes: &mut Vec<u8>) {
        bytes.push(self);
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for u8 {}
}

/// Writes a 3-D image: little-endian, single file, unscaled.
///
/// `data` holds one value per voxel in C order (`(x*NY + y)*NZ + z`); the file stores x fastest.
/// Everything in `spatial` is copied: both transforms with their codes, voxel sizes and units
/// (repaired as on reading, see [`Header`](crate::Header)). The file is NIfTI-1 unless that could
/// not hold it: with an axis longer than 32,767, or with a spatial number that single precision
/// changes, as in the header of a NIfTI-2 file, it is NIfTI-2. Memory is one slice.
///
/// # Errors
///
/// [`Error::DataLength`] when `data` does not fit `shape`, [`Error::TooLarge`] for empty or
/// uncountable shapes, [`Error::Write`] from the writer.
#[doc(alias = "to_nifti")]
pub fn write_volume<W: Write, T: Sample>(
    writer: W,
    spatial: &Spatial,
    shape: [usize; 3],
    data: &[T],
    compression: Compression,
) -> Result<(), Error> {
    let expected = count_voxels(shape)?;
    if expected == 0 {
        return Err(Error::HeaderField {
            field: "dim",
            expected: "positive lengths",
            got: format!("{shape:?}"),
        });
    }
    if data.len() != expected {
        return Err(Error::DataLength { shape, expected, got: data.len() });
    }
    let spatial = &spatial.clone().repaired();
    let header = if shape.iter().any(|&n| n > NIFTI1_MAX_DIM) || !spatial.is_single_precision() {
        nifti2_header(spatial, shape, T::DATATYPE)
    } else {
        nifti1_header(spatial, shape, T::DATATYPE)
    };
    let written = match compression {
        Compression::None => write_all(writer, &header, shape, data).and_then(flush),
        Compression::Gzip => GzEncoder::new(writer)
            .and_then(|encoder| write_all(encoder, &header, shape, data))
            .and_then(GzEncoder::finish)
            .and_then(flush),
    };
    written.map_err(|source| Error::Write { source })
}

fn flush(mut writer: impl Write) -> io::Result<()> {
    writer.flush()
}

fn write_all<W: Write, T: Sample>(
    mut writer: W,
    header: &[u8],
    [nx, ny, nz]: [usize; 3],
    data: &[T],
) -> io::Result<W> {
    writer.write_all(header)?;
    let mut slice = Vec::with_capacity(nx * ny * T::DATATYPE.size());
    for z in 0..nz {
        slice.clear();
        for y in 0..ny {
            for x in 0..nx {
                data[(x * ny + y) * nz + z].append_to(&mut slice);
            }
        }
        writer.write_all(&slice)?;
    }
    Ok(writer)
}

/// Little-endian fields at the byte offsets of the standard.
struct Fields {
    bytes: Vec<u8>,
}

impl Fields {
    fn put<const N: usize>(&mut self, offset: usize, field: [u8; N]) {
        self.bytes[offset..offset + N].copy_from_slice(&field);
    }

    fn put_f32s<'a>(&mut self, offset: usize, values: impl IntoIterator<Item = &'a f64>) {
        for (index, &value) in values.into_iter().enumerate() {
            self.put(offset + 4 * index, (value as f32).to_le_bytes());
        }
    }

    fn put_f64s<'a>(&mut self, offset: usize, values: impl IntoIterator<Item = &'a f64>) {
        for (index, &value) in values.into_iter().enumerate() {
            self.put(offset + 8 * index, value.to_le_bytes());
        }
    }
}

/// The 352 bytes before the data of a NIfTI-1 file.
fn nifti1_header(spatial: &Spatial, shape: [usize; 3], datatype: Datatype) -> Vec<u8> {
    const OFFSET: usize = NIFTI1_SIZE + 4;
    let mut fields = Fields { bytes: vec![0; OFFSET] };
    fields.put(0, (NIFTI1_SIZE as i32).to_le_bytes());
    fields.put(38, *b"r");
    let dims = [3, shape[0], shape[1], shape[2], 1, 1, 1, 1];
    for (index, dim) in dims.into_iter().enumerate() {
        // At most NIFTI1_MAX_DIM.
        fields.put(40 + 2 * index, (dim as i16).to_le_bytes());
    }
    fields.put(70, datatype.code().to_le_bytes());
    fields.put(72, (8 * datatype.size() as i16).to_le_bytes());
    fields.put_f32s(76, &[spatial.qfac]);
    fields.put_f32s(80, &spatial.pixdim);
    fields.put_f32s(108, &[OFFSET as f64, 1.0, 0.0]);
    // The field is one byte in NIfTI-1; all units of the standard fit.
    fields.put(123, [spatial.xyzt_units as u8]);
    fields.put(252, (spatial.qform_code as i16).to_le_bytes());
    fields.put(254, (spatial.sform_code as i16).to_le_bytes());
    fields.put_f32s(256, &spatial.quatern);
    fields.put_f32s(268, &spatial.qoffset);
    fields.put_f32s(280, spatial.srow.iter().flatten());
    fields.put(344, *b"n+1\0");
    fields.bytes
}

/// The 544 bytes before the data of a NIfTI-2 file.
fn nifti2_header(spatial: &Spatial, shape: [usize; 3], datatype: Datatype) -> Vec<u8> {
    const OFFSET: usize = NIFTI2_SIZE + 4;
    let mut fields = Fields { bytes: vec![0; OFFSET] };
    fields.put(0, (NIFTI2_SIZE as i32).to_le_bytes());
    fields.put(4, *b"n+2\0\r\n\x1a\n");
    fields.put(12, datatype.code().to_le_bytes());
    fields.put(14, (8 * datatype.size() as i16).to_le_bytes());
    let dims = [3, shape[0], shape[1], shape[2], 1, 1, 1, 1];
    for (index, dim) in dims.into_iter().enumerate() {
        fields.put(16 + 8 * index, (dim as i64).to_le_bytes());
    }
    fields.put_f64s(104, &[spatial.qfac]);
    fields.put_f64s(112, &spatial.pixdim);
    fields.put(168, (OFFSET as i64).to_le_bytes());
    fields.put_f64s(176, &[1.0, 0.0]);
    fields.put(344, spatial.qform_code.to_le_bytes());
    fields.put(348, spatial.sform_code.to_le_bytes());
    fields.put_f64s(352, &spatial.quatern);
    fields.put_f64s(376, &spatial.qoffset);
    fields.put_f64s(400, spatial.srow.iter().flatten());
    fields.put(500, spatial.xyzt_units.to_le_bytes());
    fields.bytes
}
