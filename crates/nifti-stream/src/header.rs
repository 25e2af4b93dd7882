//! The NIfTI header: what the bytes mean and where they lie.

mod nifti1;
mod nifti2;
mod spatial;

use std::io::Read;

pub use self::spatial::Spatial;
use crate::affine::Affine;
use crate::datatype::{Datatype, Endianness, Scaling};
use crate::decode::Codec;
use crate::error::Error;
use crate::grid::{Grid, count_voxels};
use crate::source::Source;

/// Bytes of a NIfTI-1 header.
pub(crate) const NIFTI1_SIZE: usize = 348;
/// Bytes of a NIfTI-2 header.
pub(crate) const NIFTI2_SIZE: usize = 540;

/// Version of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Version {
    /// NIfTI-1: 348 bytes, 16-bit dimensions, single precision.
    One,
    /// NIfTI-2: 540 bytes, 64-bit dimensions, double precision.
    Two,
}

impl Version {
    /// The smallest data offset: the header and the four bytes that announce extensions.
    #[must_use]
    pub fn single_file_offset(self) -> u64 {
        match self {
            Self::One => NIFTI1_SIZE as u64 + 4,
            Self::Two => NIFTI2_SIZE as u64 + 4,
        }
    }
}

/// A validated header of a single-file NIfTI image.
///
/// Dimensions are positive and the size of the data fits 64 bits; the datatype is one this crate
/// reads. Sloppy spatial fields are repaired as nibabel repairs them on load: a `qfac` other than
/// ±1 becomes 1, unknown `qform`/`sform` codes become 0, the first three `pixdim` lose their sign
/// and 0 becomes 1. `bitpix` is ignored, the datatype decides.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Header {
    version: Version,
    endianness: Endianness,
    datatype: Datatype,
    shape: Vec<u64>,
    data_offset: u64,
    data_bytes: u64,
    scaling: Option<Scaling>,
    spatial: Spatial,
    affine: Affine,
    description: String,
}

impl Header {
    /// Reads the header of a NIfTI stream, gzipped or not (told by the first bytes).
    ///
    /// # Errors
    ///
    /// Any of the header and gzip variants of [`Error`]; `.hdr`/`.img` pairs are refused with
    /// [`Error::PairFile`].
    pub fn read<R: Read>(reader: R) -> Result<Self, Error> {
        Self::read_from(&mut Source::open(reader)?)
    }

    /// Reads the header at the start of the inflated stream, and nothing after it.
    pub(crate) fn read_from<R: Read>(source: &mut Source<R>) -> Result<Self, Error> {
        let mut bytes = [0u8; NIFTI2_SIZE];
        read_exactly(source, &mut bytes[..NIFTI1_SIZE], 0)?;
        let size = [bytes[0], bytes[1], bytes[2], bytes[3]];
        let (version, endianness) = match (i32::from_le_bytes(size), i32::from_be_bytes(size)) {
            (348, _) => (Version::One, Endianness::Little),
            (_, 348) => (Version::One, Endianness::Big),
            (540, _) => (Version::Two, Endianness::Little),
            (_, 540) => (Version::Two, Endianness::Big),
            (size, _) => return Err(Error::NotNifti { size, magic: String::new() }),
        };
        let raw = match version {
            Version::One => {
                let (header, _) = bytes.split_at(NIFTI1_SIZE);
                nifti1::parse(header, endianness)?
            }
            Version::Two => {
                read_exactly(source, &mut bytes[NIFTI1_SIZE..], NIFTI1_SIZE)?;
                nifti2::parse(&bytes, endianness)?
            }
        };
        raw.validate(version, endianness)
    }

    /// Version of the standard.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Byte order of the header and the data.
    #[must_use]
    pub fn endianness(&self) -> Endianness {
        self.endianness
    }

    /// Type of the stored voxels.
    #[must_use]
    pub fn datatype(&self) -> Datatype {
        self.datatype
    }

    /// Length of each axis: 1 to 7 positive numbers, the axis stored fastest (x) first.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The same without trailing axes of length 1 after the fourth.
    pub(crate) fn used_shape(&self) -> &[u64] {
        let mut used = self.shape.as_slice();
        while let [rest @ .., 1] = used
            && rest.len() >= 4
        {
            used = rest;
        }
        used
    }

    /// Inflated bytes before the image data: header and extensions.
    ///
    /// `vox_offset` as stored; 0 stands for "directly after the header and the extension flag"
    /// (352 or 544), where nibabel would take the header itself for voxels.
    #[must_use]
    pub fn data_offset(&self) -> u64 {
        self.data_offset
    }

    /// Inflated bytes of the image data.
    #[must_use]
    pub fn data_bytes(&self) -> u64 {
        self.data_bytes
    }

    /// The linear map from stored to real values, when there is one.
    #[must_use]
    pub fn scaling(&self) -> Option<Scaling> {
        self.scaling
    }

    /// The fields that place the image in space.
    #[must_use]
    pub fn spatial(&self) -> &Spatial {
        &self.spatial
    }

    /// Voxel indices to mm, chosen as nibabel does: the sform when its code is not 0, else the
    /// qform when its code is not 0, else the base affine (see [`Spatial::affine`]).
    #[must_use]
    pub fn affine(&self) -> &Affine {
        &self.affine
    }

    /// The `descrip` field up to its first NUL byte.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The spatial grid: the first three axes (missing ones count as 1) and the affine.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when the voxels of one volume cannot be counted in 32 bits.
    pub fn grid(&self) -> Result<Grid, Error> {
        let too_large = || Error::TooLarge { shape: self.shape.clone() };
        let mut shape = [1usize; 3];
        for (n, &dim) in shape.iter_mut().zip(&self.shape) {
            *n = usize::try_from(dim).map_err(|_| too_large())?;
        }
        count_voxels(shape).map_err(|_| too_large())?;
        Grid::new(shape, self.affine)
    }

    pub(crate) fn codec(&self) -> Codec {
        Codec { datatype: self.datatype, endianness: self.endianness, scaling: self.scaling }
    }
}

/// The fields of either version, as stored.
struct RawHeader {
    dim: [i64; 8],
    datatype: i16,
    data_offset: RawOffset,
    slope: f64,
    inter: f64,
    spatial: Spatial,
    description: Vec<u8>,
}

/// `vox_offset` is a float in NIfTI-1 and an integer in NIfTI-2.
enum RawOffset {
    Float(f32),
    Integer(i64),
}

impl RawHeader {
    fn validate(self, version: Version, endianness: Endianness) -> Result<Header, Error> {
        let datatype = Datatype::from_code(self.datatype)?;
        let shape = self.shape()?;
        let data_offset = self.data_offset(version)?;
        let data_bytes = shape
            .iter()
            .try_fold(datatype.size() as u64, |product, &n| product.checked_mul(n))
            .filter(|bytes| bytes.checked_add(data_offset).is_some())
            .ok_or_else(|| Error::TooLarge { shape: shape.clone() })?;
        let spatial = self.spatial.repaired();
        let affine = spatial.affine(&shape, version)?;
        let text = self.description.split(|&byte| byte == 0).next().unwrap_or_default();
        Ok(Header {
            version,
            endianness,
            datatype,
            data_offset,
            data_bytes,
            scaling: Scaling::from_fields(self.slope, self.inter)?,
            spatial,
            affine,
            description: String::from_utf8_lossy(text).into_owned(),
            shape,
        })
    }

    fn shape(&self) -> Result<Vec<u64>, Error> {
        const FIELDS: [&str; 8] =
            ["dim[0]", "dim[1]", "dim[2]", "dim[3]", "dim[4]", "dim[5]", "dim[6]", "dim[7]"];
        let [n_dims, dims @ ..] = self.dim;
        let n_dims =
            usize::try_from(n_dims).ok().filter(|n| (1..=7).contains(n)).ok_or_else(|| {
                Error::HeaderField {
                    field: FIELDS[0],
                    expected: "1 to 7 dimensions",
                    got: n_dims.to_string(),
                }
            })?;
        dims.iter()
            .zip(&FIELDS[1..])
            .take(n_dims)
            .map(|(&dim, &field)| {
                u64::try_from(dim).ok().filter(|&n| n > 0).ok_or_else(|| Error::HeaderField {
                    field,
                    expected: "a positive length",
                    got: dim.to_string(),
                })
            })
            .collect()
    }

    fn data_offset(&self, version: Version) -> Result<u64, Error> {
        let minimum = version.single_file_offset();
        let (offset, got) = match self.data_offset {
            // The bounds exclude NaN, infinities and what u64 cannot hold; fractions are cut off.
            RawOffset::Float(value) => {
                let fits = value >= 0.0 && value < u64::MAX as f32;
                (fits.then_some(value as u64), value.to_string())
            }
            RawOffset::Integer(value) => (u64::try_from(value).ok(), value.to_string()),
        };
        match offset {
            Some(0) => Ok(minimum),
            Some(offset) if offset >= minimum => Ok(offset),
            _ => Err(Error::HeaderField {
                field: "vox_offset",
                expected: match version {
                    Version::One => "0 or at least 352",
                    Version::Two => "0 or at least 544",
                },
                got,
            }),
        }
    }
}

/// Tells a single file from a pair and from something else by the magic bytes.
fn check_magic(
    got: &[u8],
    single: &[u8; 4],
    pair: (&[u8; 4], &'static str),
    size: i32,
) -> Result<(), Error> {
    if got == single {
        Ok(())
    } else if got == pair.0 {
        Err(Error::PairFile { magic: pair.1 })
    } else {
        Err(Error::NotNifti { size, magic: String::from_utf8_lossy(got).into_owned() })
    }
}

fn read_exactly<R: Read>(
    source: &mut Source<R>,
    buffer: &mut [u8],
    before: usize,
) -> Result<(), Error> {
    let got = source.read_full(buffer)?;
    if got < buffer.len() {
        return Err(Error::HeaderTruncated {
            expected: (before + buffer.len()) as u64,
            got: (before + got) as u64,
        });
    }
    Ok(())
}
