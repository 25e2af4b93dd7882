//! Files built from the standard's byte offsets, and a naive reader to compare with.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use nifti_stream::{Datatype, Endianness, Version};

/// A NIfTI file to be, with the fields the tests vary.
#[derive(Clone, Debug)]
pub(crate) struct Nifti {
    pub(crate) version: Version,
    pub(crate) endianness: Endianness,
    pub(crate) datatype: Datatype,
    pub(crate) shape: Vec<usize>,
    pub(crate) slope: f64,
    pub(crate) inter: f64,
    /// Bytes between the header and the data, the four flag bytes included.
    pub(crate) extension: Vec<u8>,
    /// One stored value per voxel, in file order.
    pub(crate) values: Vec<f64>,
}

impl Nifti {
    /// Little-endian float32 NIfTI-1 with values that differ from voxel to voxel.
    pub(crate) fn new(shape: &[usize]) -> Self {
        let n: usize = shape.iter().product();
        Self {
            version: Version::One,
            endianness: Endianness::Little,
            datatype: Datatype::F32,
            shape: shape.to_vec(),
            slope: 0.0,
            inter: 0.0,
            extension: vec![0; 4],
            values: (0..n).map(|offset| (offset * 7 % 101) as f64).collect(),
        }
    }

    fn put(&self, bytes: &mut [u8], offset: usize, little: &[u8]) {
        let field = &mut bytes[offset..offset + little.len()];
        field.copy_from_slice(little);
        if self.endianness == Endianness::Big {
            field.reverse();
        }
    }

    /// The affine of every file: anisotropic, x pointing left, with a translation.
    pub(crate) const SROW: [[f64; 4]; 3] =
        [[-2.0, 0.0, 0.0, 90.0], [0.0, 1.5, 0.25, -126.0], [0.0, 0.0, 3.0, -72.0]];

    pub(crate) fn header(&self) -> Vec<u8> {
        match self.version {
            Version::One => self.header_1(),
            Version::Two => self.header_2(),
        }
    }

    fn header_1(&self) -> Vec<u8> {
        let mut bytes = vec![0; 348];
        self.put(&mut bytes, 0, &348i32.to_le_bytes());
        self.put(&mut bytes, 40, &(self.shape.len() as i16).to_le_bytes());
        for axis in 0..7 {
            let n = self.shape.get(axis).copied().unwrap_or(1);
            self.put(&mut bytes, 42 + 2 * axis, &(n as i16).to_le_bytes());
            self.put(&mut bytes, 80 + 4 * axis, &(1.0f32 + axis as f32).to_le_bytes());
        }
        self.put(&mut bytes, 70, &self.datatype.code().to_le_bytes());
        self.put(&mut bytes, 72, &(8 * self.datatype.size() as i16).to_le_bytes());
        self.put(&mut bytes, 76, &1f32.to_le_bytes());
        self.put(&mut bytes, 108, &((348 + self.extension.len()) as f32).to_le_bytes());
        self.put(&mut bytes, 112, &(self.slope as f32).to_le_bytes());
        self.put(&mut bytes, 116, &(self.inter as f32).to_le_bytes());
        bytes[123] = 2 | 8;
        bytes[148..160].copy_from_slice(b"made by hand");
        self.put(&mut bytes, 254, &1i16.to_le_bytes());
        for (index, value) in Self::SROW.iter().flatten().enumerate() {
            self.put(&mut bytes, 280 + 4 * index, &(*value as f32).to_le_bytes());
        }
        bytes[344..348].copy_from_slice(b"n+1\0");
        bytes
    }

    fn header_2(&self) -> Vec<u8> {
        let mut bytes = vec![0; 540];
        self.put(&mut bytes, 0, &540i32.to_le_bytes());
        bytes[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n");
        self.put(&mut bytes, 12, &self.datatype.code().to_le_bytes());
        self.put(&mut bytes, 14, &(8 * self.datatype.size() as i16).to_le_bytes());
        self.put(&mut bytes, 16, &(self.shape.len() as i64).to_le_bytes());
        for axis in 0..7 {
            let n = self.shape.get(axis).copied().unwrap_or(1);
            self.put(&mut bytes, 24 + 8 * axis, &(n as i64).to_le_bytes());
            self.put(&mut bytes, 112 + 8 * axis, &(1.0 + axis as f64).to_le_bytes());
        }
        self.put(&mut bytes, 104, &1f64.to_le_bytes());
        self.put(&mut bytes, 168, &((540 + self.extension.len()) as i64).to_le_bytes());
        self.put(&mut bytes, 176, &self.slope.to_le_bytes());
        self.put(&mut bytes, 184, &self.inter.to_le_bytes());
        bytes[240..252].copy_from_slice(b"made by hand");
        self.put(&mut bytes, 348, &1i32.to_le_bytes());
        for (index, value) in Self::SROW.iter().flatten().enumerate() {
            self.put(&mut bytes, 400 + 8 * index, &value.to_le_bytes());
        }
        self.put(&mut bytes, 500, &(2i32 | 8).to_le_bytes());
        bytes
    }

    /// The whole file, not compressed.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header();
        bytes.extend(&self.extension);
        for &value in &self.values {
            bytes.extend(store(value, self.datatype, self.endianness));
        }
        bytes
    }

    /// What numpy would show through nibabel, in file order.
    pub(crate) fn real_values(&self) -> Vec<f32> {
        // NIfTI-1 stores both fields in single precision.
        let (slope, inter) = match self.version {
            Version::One => (f64::from(self.slope as f32), f64::from(self.inter as f32)),
            Version::Two => (self.slope, self.inter),
        };
        let stored = |value| stored_value(value, self.datatype);
        if slope == 0.0 || !slope.is_finite() || (slope == 1.0 && inter == 0.0) {
            self.values.iter().map(|&value| stored(value) as f32).collect()
        } else {
            self.values.iter().map(|&value| (stored(value) * slope + inter) as f32).collect()
        }
    }
}

/// The value after rounding to the stored type.
fn stored_value(value: f64, datatype: Datatype) -> f64 {
    match datatype {
        Datatype::F64 => value,
        Datatype::F32 => f64::from(value as f32),
        Datatype::U8 => f64::from(value as u8),
        Datatype::I8 => f64::from(value as i8),
        Datatype::U16 => f64::from(value as u16),
        Datatype::I16 => f64::from(value as i16),
        Datatype::U32 => f64::from(value as u32),
        Datatype::I32 => f64::from(value as i32),
        Datatype::U64 => (value as u64) as f64,
        Datatype::I64 => (value as i64) as f64,
    }
}

fn store(value: f64, datatype: Datatype, endianness: Endianness) -> Vec<u8> {
    let mut bytes = match datatype {
        Datatype::F64 => value.to_le_bytes().to_vec(),
        Datatype::F32 => (value as f32).to_le_bytes().to_vec(),
        Datatype::U8 => (value as u8).to_le_bytes().to_vec(),
        Datatype::I8 => (value as i8).to_le_bytes().to_vec(),
        Datatype::U16 => (value as u16).to_le_bytes().to_vec(),
        Datatype::I16 => (value as i16).to_le_bytes().to_vec(),
        Datatype::U32 => (value as u32).to_le_bytes().to_vec(),
        Datatype::I32 => (value as i32).to_le_bytes().to_vec(),
        Datatype::U64 => (value as u64).to_le_bytes().to_vec(),
        Datatype::I64 => (value as i64).to_le_bytes().to_vec(),
    };
    if endianness == Endianness::Big {
        bytes.reverse();
    }
    bytes
}

/// One gzip member.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The place in file order (x fastest) of a flat C-order index (z fastest).
pub(crate) fn file_offset([nx, ny, nz]: [usize; 3], flat: usize) -> usize {
    let (x, y, z) = (flat / (ny * nz), flat / nz % ny, flat % nz);
    x + nx * (y + ny * z)
}

/// A reader that gives at most `step` bytes at a time.
pub(crate) struct Dribble<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) step: usize,
}

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.step.min(buffer.len());
        self.bytes.read(&mut buffer[..n])
    }
}
