//! NIfTI-1 headers: our checks first, then the fields through the `nifti` crate.

use nifti::NiftiHeader;

use super::{RawHeader, RawOffset, Spatial, check_magic};
use crate::datatype::Endianness;
use crate::error::Error;

/// Parses the 348 bytes of a header whose `sizeof_hdr` gave the byte order.
///
/// The byte order, the magic and the number of dimensions are checked here because
/// `NiftiHeader::from_reader` guesses the first from the last.
pub(super) fn parse(bytes: &[u8], endianness: Endianness) -> Result<RawHeader, Error> {
    check_magic(&bytes[344..348], b"n+1\0", (b"ni1\0", "ni1"), 348)?;
    let dim: [i64; 8] = std::array::from_fn(|index| {
        let field = [bytes[40 + 2 * index], bytes[41 + 2 * index]];
        i64::from(match endianness {
            Endianness::Little => i16::from_le_bytes(field),
            Endianness::Big => i16::from_be_bytes(field),
        })
    });
    if !(1..=7).contains(&dim[0]) {
        return Err(Error::HeaderField {
            field: "dim[0]",
            expected: "1 to 7 dimensions",
            got: dim[0].to_string(),
        });
    }
    let header = NiftiHeader::from_reader(bytes)
        .map_err(|_| Error::NotNifti { size: 348, magic: "n+1".to_owned() })?;
    let [qfac, pixdim @ ..] = header.pixdim.map(f64::from);
    Ok(RawHeader {
        dim,
        datatype: header.datatype,
        data_offset: RawOffset::Float(header.vox_offset),
        slope: f64::from(header.scl_slope),
        inter: f64::from(header.scl_inter),
        spatial: Spatial {
            pixdim,
            qfac,
            xyzt_units: i32::from(header.xyzt_units),
            qform_code: i32::from(header.qform_code),
            quatern: [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from),
            qoffset: [header.quatern_x, header.quatern_y, header.quatern_z].map(f64::from),
            sform_code: i32::from(header.sform_code),
            srow: [header.srow_x, header.srow_y, header.srow_z].map(|row| row.map(f64::from)),
        },
        description: header.descrip,
    })
}
