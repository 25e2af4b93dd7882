//! Writes 3-D and 4-D images, volume by volume, with the spatial header of another image.

use std::io::{self, Write};
use std::marker::PhantomData;

use crate::datatype::Datatype;
use crate::error::Error;
use crate::grid::count_voxels;
use crate::gz::GzEncoder;
use crate::header::{NIFTI1_SIZE, NIFTI2_SIZE, Spatial};
use crate::selection::VoxelSelection;

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

/// A type of voxel that can be written: `f32`, `f64` and `u8`.
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

impl Sample for f64 {
    const DATATYPE: Datatype = Datatype::F64;

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
    impl Sealed for f64 {}
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
    // Nothing is written of what does not fit.
    check_length(shape, count_voxels(shape)?, data.len())?;
    let mut volumes = VolumeWriter::new(writer, spatial, shape, None, compression)?;
    volumes.put(data)?;
    volumes.finish().map(drop)
}

/// Writes the volumes of a 4-D image one after the other, so that no more than one is in memory.
///
/// ```
/// use nifti_stream::{Affine, Compression, Header, Spatial, VolumeWriter};
///
/// # let affine = Affine::from_rows([[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]]);
/// let spatial = Spatial::from_affine(&affine);
/// let mut volumes = VolumeWriter::new(Vec::new(), &spatial, [2, 1, 1], Some(3), Compression::None)?;
/// for volume in 0..3 {
///     volumes.put(&[volume as f32, 0.5])?;
/// }
/// let bytes = volumes.finish()?;
/// assert_eq!(Header::read(bytes.as_slice())?.shape(), [2, 1, 1, 3]);
/// # Ok::<(), nifti_stream::Error>(())
/// ```
#[derive(Debug)]
pub struct VolumeWriter<W: Write, T> {
    sink: Sink<W>,
    shape: [usize; 3],
    /// Values of a volume.
    n_voxels: usize,
    expected: usize,
    got: usize,
    /// The bytes of one slice.
    slice: Vec<u8>,
    sample: PhantomData<T>,
}

#[derive(Debug)]
enum Sink<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
}

impl<W: Write, T: Sample> VolumeWriter<W, T> {
    /// Writes the header of an image with so many volumes; without a number it is a 3-D image of one.
    /// See [`write_volume`].
    ///
    /// # Errors
    ///
    /// As [`write_volume`], for the shape; the number of volumes has to be positive too.
    pub fn new(
        writer: W,
        spatial: &Spatial,
        shape: [usize; 3],
        n_volumes: Option<usize>,
        compression: Compression,
    ) -> Result<Self, Error> {
        let n_voxels = count_voxels(shape)?;
        let dims: Vec<usize> = shape.into_iter().chain(n_volumes).collect();
        if dims.contains(&0) {
            return Err(Error::HeaderField {
                field: "dim",
                expected: "positive lengths",
                got: format!("{dims:?}"),
            });
        }
        let spatial = &spatial.clone().repaired();
        let header = if dims.iter().any(|&n| n > NIFTI1_MAX_DIM) || !spatial.is_single_precision() {
            nifti2_header(spatial, &dims, T::DATATYPE)
        } else {
            nifti1_header(spatial, &dims, T::DATATYPE)
        };
        let mut sink = match compression {
            Compression::None => Sink::Plain(writer),
            Compression::Gzip => Sink::Gzip(GzEncoder::new(writer).map_err(failed)?),
        };
        sink.write_all(&header).map_err(failed)?;
        let slice = Vec::with_capacity(shape[0] * shape[1] * T::DATATYPE.size());
        let (expected, sample) = (n_volumes.unwrap_or(1), PhantomData);
        Ok(Self { sink, shape, n_voxels, expected, got: 0, slice, sample })
    }

    /// Writes the next volume: one value per voxel in C order.
    ///
    /// # Errors
    ///
    /// [`Error::DataLength`] for another number of values, [`Error::VolumeCount`] for a volume too
    /// many, [`Error::Write`] from the writer.
    pub fn put(&mut self, data: &[T]) -> Result<(), Error> {
        let shape = self.shape;
        check_length(shape, self.n_voxels, data.len())?;
        self.count()?;
        let [nx, ny, nz] = shape;
        for z in 0..nz {
            self.slice.clear();
            for y in 0..ny {
                for x in 0..nx {
                    data[(x * ny + y) * nz + z].append_to(&mut self.slice);
                }
            }
            self.sink.write_all(&self.slice).map_err(failed)?;
        }
        Ok(())
    }

    /// Writes the next volume from chosen voxels alone: a value for each of them, and `outside` for all
    /// others. No array of the whole grid is needed.
    ///
    /// # Errors
    ///
    /// [`Error::SelectionShape`] for a selection of another grid; as [`put`](Self::put).
    ///
    /// ```
    /// use nifti_stream::{Affine, Compression, Spatial, VolumeWriter, VoxelSelection, read_volume};
    ///
    /// # let affine = Affine::from_rows([[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]]);
    /// let (spatial, shape) = (Spatial::from_affine(&affine), [2, 1, 2]);
    /// let mut volumes = VolumeWriter::new(Vec::new(), &spatial, shape, None, Compression::None)?;
    /// let chosen = VoxelSelection::new(shape, vec![1, 2])?;
    /// volumes.put_selected(&chosen, &[0.5, 0.25], -1.0_f32)?;
    /// let volume = read_volume(volumes.finish()?.as_slice())?;
    /// assert_eq!(volume.data(), [-1.0, 0.5, 0.25, -1.0]);
    /// # Ok::<(), nifti_stream::Error>(())
    /// ```
    pub fn put_selected(
        &mut self,
        selection: &VoxelSelection,
        values: &[T],
        outside: T,
    ) -> Result<(), Error> {
        let (expected, got) = (self.shape, selection.shape());
        if expected != got {
            return Err(Error::SelectionShape { expected, got });
        }
        check_length(self.shape, selection.len(), values.len())?;
        self.count()?;
        let [nx, ny, nz] = self.shape;
        let area = nx * ny;
        let mut plan = selection.plan();
        for z in 0..nz {
            let end = (z + 1) * area;
            let here;
            (here, plan) = plan.split_at(plan.partition_point(|step| (step.file as usize) < end));
            self.slice.clear();
            let mut next = z * area;
            for step in here {
                let file = step.file as usize;
                (next..file).for_each(|_| outside.append_to(&mut self.slice));
                values[step.rank as usize].append_to(&mut self.slice);
                next = file + 1;
            }
            (next..end).for_each(|_| outside.append_to(&mut self.slice));
            self.sink.write_all(&self.slice).map_err(failed)?;
        }
        Ok(())
    }

    /// Counts the volume that comes next.
    fn count(&mut self) -> Result<(), Error> {
        if self.got == self.expected {
            return Err(Error::VolumeCount { expected: self.expected, got: self.got + 1 });
        }
        self.got += 1;
        Ok(())
    }

    /// Ends the image and gives the writer back.
    ///
    /// # Errors
    ///
    /// [`Error::VolumeCount`] when there are fewer volumes than the header says; [`Error::Write`].
    pub fn finish(self) -> Result<W, Error> {
        if self.got < self.expected {
            return Err(Error::VolumeCount { expected: self.expected, got: self.got });
        }
        let mut writer = match self.sink {
            Sink::Plain(writer) => writer,
            Sink::Gzip(encoder) => encoder.finish().map_err(failed)?,
        };
        writer.flush().map_err(failed)?;
        Ok(writer)
    }
}

fn check_length(shape: [usize; 3], expected: usize, got: usize) -> Result<(), Error> {
    if got == expected { Ok(()) } else { Err(Error::DataLength { shape, expected, got }) }
}

impl<W: Write> Sink<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(writer) => writer.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
        }
    }
}

fn failed(source: io::Error) -> Error {
    Error::Write { source }
}

/// The field `dim`: the number of dimensions, then their lengths, then ones.
fn dim_field(dims: &[usize]) -> [usize; 8] {
    std::array::from_fn(|index| match index {
        0 => dims.len(),
        index => dims.get(index - 1).copied().unwrap_or(1),
    })
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
fn nifti1_header(spatial: &Spatial, dims: &[usize], datatype: Datatype) -> Vec<u8> {
    const OFFSET: usize = NIFTI1_SIZE + 4;
    let mut fields = Fields { bytes: vec![0; OFFSET] };
    fields.put(0, (NIFTI1_SIZE as i32).to_le_bytes());
    fields.put(38, *b"r");
    for (index, dim) in dim_field(dims).into_iter().enumerate() {
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
fn nifti2_header(spatial: &Spatial, dims: &[usize], datatype: Datatype) -> Vec<u8> {
    const OFFSET: usize = NIFTI2_SIZE + 4;
    let mut fields = Fields { bytes: vec![0; OFFSET] };
    fields.put(0, (NIFTI2_SIZE as i32).to_le_bytes());
    fields.put(4, *b"n+2\0\r\n\x1a\n");
    fields.put(12, datatype.code().to_le_bytes());
    fields.put(14, (8 * datatype.size() as i16).to_le_bytes());
    for (index, dim) in dim_field(dims).into_iter().enumerate() {
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
