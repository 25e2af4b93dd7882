//! 3-D images in one pass without holding the image: the voxels that are set, or chosen ones.

use std::io::Read;

use crate::decode::VoxelLoop;
use crate::error::Error;
use crate::grid::Grid;
use crate::header::Header;
use crate::selection::VoxelSelection;
use crate::source::Source;
use crate::volume::is_three_dimensional;
use crate::volumes::{CHUNK_BYTES, Scatter, check_end, skip_to_data, truncated};

/// A mask as the voxels that are set: those whose value is neither 0 nor NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct SetVoxels {
    header: Header,
    grid: Grid,
    indices: Vec<usize>,
}

impl SetVoxels {
    /// The header it was read with.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Shape and affine.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The flat C-order indices `(x*NY + y)*NZ + z` of the set voxels, ascending.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// The indices alone.
    #[must_use]
    pub fn into_indices(self) -> Vec<usize> {
        self.indices
    }
}

/// Reads a 3-D image, or a 4-D image with one volume, as a mask.
///
/// The result is that of [`read_volume`](crate::read_volume) followed by
/// [`nonzero_mask`](crate::Volume::nonzero_mask). The time is that of inflating the file, and
/// memory is one chunk and the set voxels. It decides before values are rounded to single
/// precision, so that 1e-60 is set here.
///
/// # Errors
///
/// As [`read_volume`](crate::read_volume).
#[doc(alias = "load_nifti_mask")]
pub fn read_set_voxels<R: Read>(reader: R) -> Result<SetVoxels, Error> {
    MaskReader::new().read(reader)
}

/// Reads masks one after another through the same buffers, for callers with many of them.
#[derive(Debug, Default)]
pub struct MaskReader {
    chunk: Vec<u8>,
    /// One bit for each voxel of a grid in C order. All are 0 between two masks.
    words: Vec<u64>,
}

impl MaskReader {
    /// A reader without buffers; the first mask makes them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// See [`read_set_voxels`].
    ///
    /// # Errors
    ///
    /// As [`read_set_voxels`].
    pub fn read<R: Read>(&mut self, reader: R) -> Result<SetVoxels, Error> {
        self.chunk.resize(CHUNK_BYTES, 0);
        let mut image = Image::open(reader, &mut self.chunk)?;
        let grid = image.grid;
        let codec = image.header.codec();
        // Zero bytes are the value 0 unless an intercept makes something else of them.
        let zeros_are_unset = codec.scaling.is_none_or(|scaling| scaling.inter == 0.0);
        let mut offsets = Vec::new();
        image.each_chunk(|bytes, first| {
            let found = |offset| offsets.push(first + offset);
            codec.run(Collect { bytes, zeros_are_unset, found });
        })?;
        image.finish()?;
        let header = image.header;
        Ok(SetVoxels { header, grid, indices: self.c_order(offsets, grid.shape()) })
    }

    /// From ascending offsets in the file, where x is fastest, to ascending flat indices, where z
    /// is.
    fn c_order(&mut self, mut offsets: Vec<usize>, [nx, ny, nz]: [usize; 3]) -> Vec<usize> {
        // Voxels of one line along x follow each other, so that one division serves many.
        let (mut line_start, mut line_flat) = (usize::MAX, 0);
        for offset in &mut offsets {
            if !(line_start..line_start.saturating_add(nx)).contains(offset) {
                let line = *offset / nx;
                line_start = line * nx;
                line_flat = line % ny * nz + line / ny;
            }
            *offset = (*offset - line_start) * (ny * nz) + line_flat;
        }
        let n_voxels = nx * ny * nz;
        if offsets.len() < n_voxels / usize::BITS as usize {
            offsets.sort_unstable();
            return offsets;
        }
        // A brain is dense enough that marking bits is faster than sorting, with less memory than
        // the list itself.
        self.words.resize(n_voxels.div_ceil(64), 0);
        for index in offsets.drain(..) {
            self.words[index / 64] |= 1 << (index % 64);
        }
        for (word_index, word) in self.words.iter_mut().enumerate() {
            while *word != 0 {
                offsets.push(word_index * 64 + word.trailing_zeros() as usize);
                *word &= *word - 1;
            }
        }
        offsets
    }
}

/// Reads chosen voxels of a 3-D image, or of a 4-D image with one volume, in the order of the
/// selection.
///
/// Values are converted as by [`VolumeReader`](crate::VolumeReader).
///
/// # Errors
///
/// [`Error::SelectionShape`] when the selection was made for another shape; as
/// [`read_volume`](crate::read_volume) otherwise.
pub fn read_voxels<R: Read>(
    reader: R,
    selection: &VoxelSelection,
) -> Result<(Header, Vec<f32>), Error> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut image = Image::open(reader, &mut chunk)?;
    let (expected, got) = (image.grid.shape(), selection.shape());
    if expected != got {
        return Err(Error::SelectionShape { expected, got });
    }
    let codec = image.header.codec();
    let mut row = vec![0.0; selection.len()];
    let mut plan = selection.plan();
    image.each_chunk(|bytes, first| {
        let end = first + bytes.len() / codec.datatype.size();
        let here;
        (here, plan) = plan.split_at(plan.partition_point(|step| (step.file as usize) < end));
        codec.run(Scatter { bytes, first, plan: here, row: &mut row });
    })?;
    image.finish()?;
    Ok((image.header, row))
}

/// A 3-D image that stands at its first voxel.
struct Image<'a, R> {
    source: Source<R>,
    header: Header,
    grid: Grid,
    chunk: &'a mut [u8],
}

impl<'a, R: Read> Image<'a, R> {
    fn open(reader: R, chunk: &'a mut [u8]) -> Result<Self, Error> {
        let mut source = Source::open(reader)?;
        let header = Header::read_from(&mut source)?;
        if !is_three_dimensional(&header) {
            return Err(Error::NotThreeDimensional { got: header.shape().to_vec() });
        }
        let grid = header.grid()?;
        skip_to_data(&mut source, &header)?;
        Ok(Self { source, header, grid, chunk })
    }

    /// Hands over whole voxels with the offset of the first, in file order.
    fn each_chunk(&mut self, mut take: impl FnMut(&[u8], usize)) -> Result<(), Error> {
        let voxel = self.header.datatype().size();
        let n_voxels = self.grid.n_voxels();
        let mut first = 0;
        while first < n_voxels {
            let arriving = (n_voxels - first).min(self.chunk.len() / voxel);
            let bytes = &mut self.chunk[..arriving * voxel];
            if self.source.read_full(bytes)? < bytes.len() {
                return Err(truncated(&self.source, &self.header));
            }
            take(bytes, first);
            first += arriving;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        check_end(&mut self.source)
    }
}

/// Calls `found` with the offset of each set voxel of a chunk.
struct Collect<'a, F> {
    bytes: &'a [u8],
    zeros_are_unset: bool,
    found: F,
}

impl<F: FnMut(usize)> VoxelLoop for Collect<'_, F> {
    fn run<const N: usize>(
        mut self,
        _decode: impl Fn([u8; N]) -> f32,
        unrounded: impl Fn([u8; N]) -> f64,
    ) {
        // Masks are mostly zeros, so whole blocks of them are passed over at once; without an early
        // end to the comparison it takes a few vector instructions.
        const BLOCK: usize = 256;
        let mut first = 0;
        for block in self.bytes.chunks(BLOCK * N) {
            if !(self.zeros_are_unset && block.iter().fold(0, |any, byte| any | byte) == 0) {
                let (voxels, _) = block.as_chunks::<N>();
                for (offset, voxel) in voxels.iter().enumerate() {
                    let value = unrounded(*voxel);
                    if value != 0.0 && !value.is_nan() {
                        (self.found)(first + offset);
                    }
                }
            }
            first += BLOCK;
        }
    }
}
