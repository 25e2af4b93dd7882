//! 3-D images as a whole: masks and maps.

use std::io::Read;

use ndarray::ArrayView3;

use crate::decode::Append;
use crate::error::Error;
use crate::grid::Grid;
use crate::header::Header;
use crate::source::Source;
use crate::volumes::{CHUNK_BYTES, check_end, skip_to_data, truncated};

/// A 3-D image in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    header: Header,
    grid: Grid,
    data: Vec<f32>,
}

impl Volume {
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

    /// One value per voxel in C order: `(x*NY + y)*NZ + z`.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The values as an array of shape (NX, NY, NZ).
    ///
    /// ```
    /// # fn mean_of_slice(volume: &nifti_stream::Volume) -> Option<f32> {
    /// volume.view().index_axis(ndarray::Axis(2), 0).mean()
    /// # }
    /// ```
    #[must_use]
    #[doc(alias = "get_fdata")]
    pub fn view(&self) -> ArrayView3<'_, f32> {
        // INVARIANT: there is one value for each voxel of the grid.
        ArrayView3::from_shape(self.grid.shape(), &self.data).expect("one value per voxel")
    }

    /// The values alone.
    #[must_use]
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// The image as a mask, in C order: true where the value is neither 0 nor NaN.
    ///
    /// Negative values are inside. Values that became 0 only by rounding to single precision are
    /// outside; with [`read_set_voxels`](crate::read_set_voxels) they are inside. (numpy's
    /// conversion to bool also counts NaN as inside.)
    #[must_use]
    #[doc(alias = "load_nifti_mask")]
    pub fn nonzero_mask(&self) -> Vec<bool> {
        self.data.iter().map(|&value| value != 0.0 && !value.is_nan()).collect()
    }
}

/// Reads a 3-D image, or one whose further axes have length 1, gzipped or not.
///
/// Values are converted as by [`VolumeReader`](crate::VolumeReader). Memory grows with the bytes
/// that arrive, not with what the header claims; at the end it is twice the size of the returned
/// data for a moment, to bring them into C order.
///
/// # Errors
///
/// [`Error::NotThreeDimensional`], [`Error::Truncated`], and the header and gzip variants of
/// [`Error`]. Bytes after the image data are ignored but must inflate without error.
pub fn read_volume<R: Read>(reader: R) -> Result<Volume, Error> {
    let mut source = Source::open(reader)?;
    let header = Header::read_from(&mut source)?;
    if !is_three_dimensional(&header) {
        return Err(Error::NotThreeDimensional { got: header.shape().to_vec() });
    }
    let grid = header.grid()?;
    let mut chunk = vec![0; CHUNK_BYTES];
    skip_to_data(&mut source, &header)?;
    let values = read_file_order(&mut source, &header, &grid, &mut chunk)?;
    check_end(&mut source)?;
    let data = c_order(&values, grid.shape());
    Ok(Volume { header, grid, data })
}

pub(crate) fn is_three_dimensional(header: &Header) -> bool {
    matches!(header.used_shape(), [_, _, _] | [_, _, _, 1])
}

fn read_file_order<R: Read>(
    source: &mut Source<R>,
    header: &Header,
    grid: &Grid,
    chunk: &mut [u8],
) -> Result<Vec<f32>, Error> {
    let codec = header.codec();
    let voxel = codec.datatype.size();
    let n_voxels = grid.n_voxels();
    let mut values: Vec<f32> = Vec::new();
    while values.len() < n_voxels {
        let arriving = (n_voxels - values.len()).min(chunk.len() / voxel);
        let bytes = &mut chunk[..arriving * voxel];
        if source.read_full(bytes)? < bytes.len() {
            return Err(truncated(source, header));
        }
        if values.capacity() < values.len() + arriving {
            let growth = values.len().max(arriving).min(n_voxels - values.len());
            values
                .try_reserve_exact(growth)
                .map_err(|_| Error::TooLarge { shape: header.shape().to_vec() })?;
        }
        codec.run(Append { bytes, values: &mut values });
    }
    Ok(values)
}

/// From x fastest to z fastest.
fn c_order(values: &[f32], [nx, ny, nz]: [usize; 3]) -> Vec<f32> {
    // One cache line of x at a time: each line of the source is used up when it is touched.
    const LINE: usize = 16;
    let mut data = vec![0.0; values.len()];
    for y in 0..ny {
        for x_start in (0..nx).step_by(LINE) {
            let xs = x_start..nx.min(x_start + LINE);
            for z in 0..nz {
                let start = nx * (y + ny * z);
                let line = &values[start + xs.start..start + xs.end];
                for (x, &value) in xs.clone().zip(line) {
                    data[(x * ny + y) * nz + z] = value;
                }
            }
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_exchanged() {
        // Wider than a cache line, so that the blocks are exercised.
        let [nx, ny, nz] = [19, 3, 4];
        let values: Vec<f32> = (0..nx * ny * nz).map(|offset| offset as f32).collect();
        let data = c_order(&values, [nx, ny, nz]);
        for x in 0..nx {
            for y in 0..ny {
                for z in 0..nz {
                    assert_eq!(data[(x * ny + y) * nz + z], (x + nx * (y + ny * z)) as f32);
                }
            }
        }
    }
}
