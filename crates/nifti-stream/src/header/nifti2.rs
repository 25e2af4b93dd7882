//! NIfTI-2 headers, by the byte offsets of the standard.

use super::{NIFTI2_SIZE, RawHeader, RawOffset, Spatial, check_magic};
use crate::datatype::Endianness;
use crate::error::Error;

/// Parses the 540 bytes of a header whose `sizeof_hdr` gave the byte order.
pub(super) fn parse(bytes: &[u8; NIFTI2_SIZE], endianness: Endianness) -> Result<RawHeader, Error> {
    check_magic(&bytes[4..8], b"n+2\0", (b"ni2\0", "ni2"), 540)?;
    let end_of_line = &bytes[8..12];
    if end_of_line != b"\r\n\x1a\n" && end_of_line != [0; 4] {
        return Err(Error::HeaderField {
            field: "magic",
            expected: "the line-end bytes 0d 0a 1a 0a (or zeros) after \"n+2\"",
            got: format!("{end_of_line:02x?}; the file went through a line-end conversion"),
        });
    }
    let fields = Fields { bytes, endianness };
    Ok(RawHeader {
        datatype: fields.i16(12),
        dim: std::array::from_fn(|index| fields.i64(16 + 8 * index)),
        data_offset: RawOffset::Integer(fields.i64(168)),
        slope: fields.f64(176),
        inter: fields.f64(184),
        spatial: Spatial {
            qfac: fields.f64(104),
            pixdim: fields.f64s(112),
            xyzt_units: fields.i32(500),
            qform_code: fields.i32(344),
            quatern: fields.f64s(352),
            qoffset: fields.f64s(376),
            sform_code: fields.i32(348),
            srow: [fields.f64s(400), fields.f64s(432), fields.f64s(464)],
        },
        description: bytes[240..320].to_vec(),
    })
}

/// Numbers at byte offsets of the header.
struct Fields<'a> {
    bytes: &'a [u8; NIFTI2_SIZE],
    endianness: Endianness,
}

impl Fields<'_> {
    /// The bytes of a field, least significant first.
    fn field<const N: usize>(&self, offset: usize) -> [u8; N] {
        let mut field = std::array::from_fn(|index| self.bytes[offset + index]);
        if self.endianness == Endianness::Big {
            field.reverse();
        }
        field
    }

    fn i16(&self, offset: usize) -> i16 {
        i16::from_le_bytes(self.field(offset))
    }

    fn i32(&self, offset: usize) -> i32 {
        i32::from_le_bytes(self.field(offset))
    }

    fn i64(&self, offset: usize) -> i64 {
        i64::from_le_bytes(self.field(offset))
    }

    fn f64(&self, offset: usize) -> f64 {
        f64::from_le_bytes(self.field(offset))
    }

    fn f64s<const N: usize>(&self, offset: usize) -> [f64; N] {
        std::array::from_fn(|index| self.f64(offset + 8 * index))
    }
}
