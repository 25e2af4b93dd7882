//! Converts stored voxels to single precision, with one loop per type, byte order and scaling.

use crate::datatype::{Datatype, Endianness, Scaling};

/// How the voxels of one file are stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Codec {
    pub(crate) datatype: Datatype,
    pub(crate) endianness: Endianness,
    pub(crate) scaling: Option<Scaling>,
}

/// A loop over stored voxels, compiled once for every kind of [`Codec`].
pub(crate) trait VoxelLoop {
    /// Runs the loop with the conversions of one voxel of `N` bytes: rounded to single precision,
    /// and before that.
    fn run<const N: usize>(
        self,
        decode: impl Fn([u8; N]) -> f32,
        unrounded: impl Fn([u8; N]) -> f64,
    );
}

impl Codec {
    /// Picks the conversion once and runs the loop with it.
    ///
    /// Without scaling, single precision is copied bit for bit and every other type is rounded
    /// once, as numpy's `astype(float32)` does.
    pub(crate) fn run(self, voxels: impl VoxelLoop) {
        match self.datatype {
            Datatype::U8 => {
                self.pick(voxels, u8::from_le_bytes, u8::from_be_bytes, f64::from, f32::from);
            }
            Datatype::I8 => {
                self.pick(voxels, i8::from_le_bytes, i8::from_be_bytes, f64::from, f32::from);
            }
            Datatype::U16 => {
                self.pick(voxels, u16::from_le_bytes, u16::from_be_bytes, f64::from, f32::from);
            }
            Datatype::I16 => {
                self.pick(voxels, i16::from_le_bytes, i16::from_be_bytes, f64::from, f32::from);
            }
            Datatype::U32 => {
                self.pick(voxels, u32::from_le_bytes, u32::from_be_bytes, f64::from, |v| v as f32);
            }
            Datatype::I32 => {
                self.pick(voxels, i32::from_le_bytes, i32::from_be_bytes, f64::from, |v| v as f32);
            }
            Datatype::U64 => self.pick(
                voxels,
                u64::from_le_bytes,
                u64::from_be_bytes,
                |v| v as f64,
                |v| v as f32,
            ),
            Datatype::I64 => self.pick(
                voxels,
                i64::from_le_bytes,
                i64::from_be_bytes,
                |v| v as f64,
                |v| v as f32,
            ),
            Datatype::F32 => {
                self.pick(voxels, f32::from_le_bytes, f32::from_be_bytes, f64::from, |v| v);
            }
            Datatype::F64 => {
                self.pick(voxels, f64::from_le_bytes, f64::from_be_bytes, |v| v, |v| v as f32);
            }
        }
    }

    fn pick<const N: usize, T>(
        self,
        voxels: impl VoxelLoop,
        little: impl Fn([u8; N]) -> T,
        big: impl Fn([u8; N]) -> T,
        to_f64: impl Fn(T) -> f64,
        to_f32: impl Fn(T) -> f32,
    ) {
        match (self.endianness, self.scaling) {
            (Endianness::Little, None) => {
                voxels.run(|bytes| to_f32(little(bytes)), |bytes| to_f64(little(bytes)));
            }
            (Endianness::Big, None) => {
                voxels.run(|bytes| to_f32(big(bytes)), |bytes| to_f64(big(bytes)));
            }
            (Endianness::Little, Some(scaling)) => voxels.run(
                |bytes| scaling.apply(to_f64(little(bytes))),
                |bytes| scaling.unrounded(to_f64(little(bytes))),
            ),
            (Endianness::Big, Some(scaling)) => voxels.run(
                |bytes| scaling.apply(to_f64(big(bytes))),
                |bytes| scaling.unrounded(to_f64(big(bytes))),
            ),
        }
    }
}

/// Appends every voxel, in file order.
pub(crate) struct Append<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) values: &'a mut Vec<f32>,
}

impl VoxelLoop for Append<'_> {
    fn run<const N: usize>(
        self,
        decode: impl Fn([u8; N]) -> f32,
        _unrounded: impl Fn([u8; N]) -> f64,
    ) {
        let (voxels, _) = self.bytes.as_chunks::<N>();
        self.values.extend(voxels.iter().map(|&voxel| decode(voxel)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(datatype: Datatype, scaling: Option<Scaling>, little: &[u8]) -> [f32; 2] {
        let mut big = little.to_vec();
        big.reverse();
        let mut values = Vec::new();
        Codec { datatype, endianness: Endianness::Little, scaling }
            .run(Append { bytes: little, values: &mut values });
        Codec { datatype, endianness: Endianness::Big, scaling }
            .run(Append { bytes: &big, values: &mut values });
        values.try_into().unwrap()
    }

    #[test]
    fn every_type_in_both_byte_orders() {
        let cases: [(Datatype, Vec<u8>, f32); 10] = [
            (Datatype::U8, 200u8.to_le_bytes().into(), 200.0),
            (Datatype::I8, (-100i8).to_le_bytes().into(), -100.0),
            (Datatype::U16, 60_000u16.to_le_bytes().into(), 60_000.0),
            (Datatype::I16, (-30_000i16).to_le_bytes().into(), -30_000.0),
            (Datatype::U32, 4_000_000_000u32.to_le_bytes().into(), 4e9),
            (Datatype::I32, (-2_000_000_000i32).to_le_bytes().into(), -2e9),
            (Datatype::U64, (1u64 << 63).to_le_bytes().into(), (1u64 << 63) as f32),
            (Datatype::I64, (1i64 << 40).to_le_bytes().into(), (1u64 << 40) as f32),
            (Datatype::F32, 1.5f32.to_le_bytes().into(), 1.5),
            (Datatype::F64, (-0.1f64).to_le_bytes().into(), -0.1),
        ];
        for (datatype, bytes, expected) in cases {
            assert_eq!(decode(datatype, None, &bytes), [expected; 2], "{datatype:?}");
            let scaling = Scaling { slope: 2.0, inter: 1.0 };
            let doubled = decode(datatype, Some(scaling), &bytes);
            if datatype == Datatype::F64 {
                assert_eq!(doubled, [(-0.1f64 * 2.0 + 1.0) as f32; 2]);
            } else {
                assert_eq!(doubled, [(f64::from(expected) * 2.0 + 1.0) as f32; 2]);
            }
        }
    }

    #[test]
    fn payloads_of_nan_survive() {
        let bits = 0x7fc1_2345u32;
        let values = decode(Datatype::F32, None, &bits.to_le_bytes());
        assert_eq!(values.map(f32::to_bits), [bits; 2]);
    }

    #[test]
    fn wide_integers_are_rounded_once() {
        // Through double precision this number would be rounded twice and end one step lower.
        let wide = (1i64 << 60) + (1i64 << 36) + 1;
        for datatype in [Datatype::I64, Datatype::U64] {
            let values = decode(datatype, None, &wide.to_le_bytes());
            assert_eq!(values, [wide as f32; 2]);
            assert_ne!(values[0], (wide as f64) as f32);
        }
    }
}
