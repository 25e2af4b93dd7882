//! Headers of both versions and byte orders, and every reason to refuse one.

use nifti_stream::{Affine, Datatype, Endianness, Error, Header, Scaling, Version};

use crate::support::{Nifti, gzip};

const KINDS: [(Version, Endianness); 4] = [
    (Version::One, Endianness::Little),
    (Version::One, Endianness::Big),
    (Version::Two, Endianness::Little),
    (Version::Two, Endianness::Big),
];

fn file(version: Version, endianness: Endianness) -> Nifti {
    Nifti { version, endianness, ..Nifti::new(&[3, 4, 5, 2]) }
}

/// Overwrites little-endian bytes of a little-endian header.
fn patched(version: Version, offset: usize, field: &[u8]) -> Vec<u8> {
    let mut bytes = file(version, Endianness::Little).bytes();
    bytes[offset..offset + field.len()].copy_from_slice(field);
    bytes
}

fn refuse(bytes: &[u8]) -> Error {
    Header::read(bytes).unwrap_err()
}

#[test]
fn every_field_in_both_versions_and_byte_orders() {
    for (version, endianness) in KINDS {
        let mut nifti = file(version, endianness);
        nifti.datatype = Datatype::I16;
        nifti.slope = 0.5;
        nifti.inter = -1.0;
        for bytes in [nifti.bytes(), gzip(&nifti.bytes())] {
            let header = Header::read(&bytes[..]).unwrap();
            assert_eq!(header.version(), version);
            assert_eq!(header.endianness(), endianness);
            assert_eq!(header.datatype(), Datatype::I16);
            assert_eq!(header.shape(), [3, 4, 5, 2]);
            assert_eq!(header.data_offset(), version.single_file_offset());
            assert_eq!(header.data_bytes(), 240);
            assert_eq!(header.scaling(), Some(Scaling { slope: 0.5, inter: -1.0 }));
            assert_eq!(header.description(), "made by hand");
            assert_eq!(header.affine(), &Affine::from_rows(Nifti::SROW));
            let spatial = header.spatial();
            assert_eq!(spatial.pixdim, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
            assert_eq!(spatial.qfac, 1.0);
            assert_eq!(spatial.xyzt_units, 10);
            assert_eq!((spatial.sform_code, spatial.qform_code), (1, 0));
            assert_eq!(spatial.srow, Nifti::SROW);
            let grid = header.grid().unwrap();
            assert_eq!(grid.shape(), [3, 4, 5]);
            assert_eq!(grid.affine(), header.affine());
        }
    }
}

#[test]
fn the_quaternion_is_read_where_the_standard_puts_it() {
    // Half a turn about y, offset (1, 2, 3), qform code 1, no sform.
    let mut one = file(Version::One, Endianness::Little).bytes();
    let mut two = file(Version::Two, Endianness::Little).bytes();
    one[252..256].copy_from_slice(&[1, 0, 0, 0]);
    two[344..352].copy_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0]);
    for (index, value) in [0.0, 1.0, 0.0, 1.0, 2.0, 3.0].into_iter().enumerate() {
        one[256 + 4 * index..][..4].copy_from_slice(&(value as f32).to_le_bytes());
        two[352 + 8 * index..][..8].copy_from_slice(&f64::to_le_bytes(value));
    }
    for bytes in [one, two] {
        let header = Header::read(&bytes[..]).unwrap();
        assert_eq!(header.spatial().quatern, [0.0, 1.0, 0.0]);
        assert_eq!(header.spatial().qoffset, [1.0, 2.0, 3.0]);
        assert_eq!(
            header.affine().rows(),
            [[-1.0, 0.0, 0.0, 1.0], [0.0, 2.0, 0.0, 2.0], [0.0, 0.0, -3.0, 3.0]]
        );
    }
}

#[test]
fn slopes_without_meaning_are_no_scaling() {
    for (version, endianness) in KINDS {
        for (slope, inter) in
            [(0.0, f64::NAN), (f64::NAN, f64::NAN), (f64::INFINITY, 0.0), (0.0, 5.0), (1.0, 0.0)]
        {
            let nifti = Nifti { slope, inter, ..file(version, endianness) };
            assert_eq!(Header::read(&nifti.bytes()[..]).unwrap().scaling(), None);
        }
    }
}

#[test]
fn slopes_that_scale_need_an_intercept() {
    for (version, endianness) in KINDS {
        for (slope, inter) in [(2.0, f64::NAN), (1.0, f64::INFINITY), (-0.5, f64::NEG_INFINITY)] {
            let nifti = Nifti { slope, inter, ..file(version, endianness) };
            let error = refuse(&nifti.bytes());
            assert!(matches!(error, Error::HeaderField { field: "scl_inter", .. }), "{error:?}");
        }
    }
}

#[test]
fn offsets_follow_extensions_and_zero_means_none() {
    let mut nifti = file(Version::One, Endianness::Little);
    nifti.extension = vec![1; 36];
    assert_eq!(Header::read(&nifti.bytes()[..]).unwrap().data_offset(), 384);
    let bytes = patched(Version::One, 108, &0f32.to_le_bytes());
    assert_eq!(Header::read(&bytes[..]).unwrap().data_offset(), 352);
    let bytes = patched(Version::Two, 168, &0i64.to_le_bytes());
    assert_eq!(Header::read(&bytes[..]).unwrap().data_offset(), 544);

    for offset in [-1.0f32, 1.0, 351.0, f32::NAN, f32::INFINITY, 1e30] {
        let error = refuse(&patched(Version::One, 108, &offset.to_le_bytes()));
        assert!(
            matches!(
                &error,
                Error::HeaderField { field: "vox_offset", expected: "0 or at least 352", got }
                    if *got == offset.to_string()
            ),
            "{error:?}"
        );
    }
    for offset in [-1i64, 543, i64::MIN] {
        assert!(matches!(
            refuse(&patched(Version::Two, 168, &offset.to_le_bytes())),
            Error::HeaderField { field: "vox_offset", expected: "0 or at least 544", got }
                if got == offset.to_string()
        ));
    }
}

#[test]
fn other_files_are_told_apart() {
    let text = b"This is no image. ".repeat(40);
    assert!(matches!(
        refuse(&text),
        Error::NotNifti { size, magic } if size == i32::from_le_bytes(*b"This") && magic.is_empty()
    ));
    assert!(matches!(
        refuse(&patched(Version::One, 344, b"xxx\0")),
        Error::NotNifti { size: 348, magic } if magic == "xxx\0"
    ));
    assert!(matches!(
        refuse(&patched(Version::Two, 4, b"n+1\0")),
        Error::NotNifti { size: 540, magic } if magic == "n+1\0"
    ));
    assert!(matches!(
        refuse(&patched(Version::One, 344, b"ni1\0")),
        Error::PairFile { magic: "ni1" }
    ));
    assert!(matches!(
        refuse(&patched(Version::Two, 4, b"ni2\0")),
        Error::PairFile { magic: "ni2" }
    ));
    assert!(matches!(
        refuse(&patched(Version::Two, 8, b"\n\n\x1a\n")),
        Error::HeaderField { field: "magic", got, .. } if got.starts_with("[0a, 0a, 1a, 0a]")
    ));
    assert!(Header::read(&patched(Version::Two, 8, &[0; 4])[..]).is_ok());
}

#[test]
fn dimensions_are_checked() {
    let check = |bytes: &[u8], name: &str, value: &str| {
        let error = refuse(bytes);
        assert!(
            matches!(&error, Error::HeaderField { field, got, .. } if *field == name && got == value),
            "{error:?}"
        );
    };
    for n_dims in [0i16, 8, -1, 1024] {
        check(&patched(Version::One, 40, &n_dims.to_le_bytes()), "dim[0]", &n_dims.to_string());
        let wide = i64::from(n_dims);
        check(&patched(Version::Two, 16, &wide.to_le_bytes()), "dim[0]", &n_dims.to_string());
    }
    for dim in [0i16, -1] {
        check(&patched(Version::One, 46, &dim.to_le_bytes()), "dim[3]", &dim.to_string());
        let wide = i64::from(dim);
        check(&patched(Version::Two, 48, &wide.to_le_bytes()), "dim[4]", &dim.to_string());
    }
    // Axes beyond dim[0] do not count.
    assert!(Header::read(&patched(Version::One, 54, &[0xff; 2])[..]).is_ok());
}

#[test]
fn sizes_that_cannot_be_counted_are_refused() {
    let mut bytes = patched(Version::One, 40, &7i16.to_le_bytes());
    for axis in 0..7 {
        bytes[42 + 2 * axis..][..2].copy_from_slice(&i16::MAX.to_le_bytes());
    }
    assert!(matches!(refuse(&bytes), Error::TooLarge { shape } if shape == [32767; 7]));

    // The product fits, the product with the voxel size or the offset does not.
    for dim in [i64::MAX / 2, (i64::MAX - 100) / 120 * 4] {
        let bytes = patched(Version::Two, 24, &dim.to_le_bytes());
        assert!(matches!(
            refuse(&bytes),
            Error::TooLarge { shape } if shape == [dim as u64, 4, 5, 2]
        ));
    }

    // Countable in bytes, but a volume with more voxels than 32 bits.
    let bytes = patched(Version::Two, 24, &(1i64 << 30).to_le_bytes());
    let header = Header::read(&bytes[..]).unwrap();
    assert!(matches!(header.grid(), Err(Error::TooLarge { .. })));
}

#[test]
fn unsupported_datatypes_give_their_code() {
    for code in [0i16, 1, 32, 128, 1281, 1792, 2304, 7] {
        for bytes in [
            patched(Version::One, 70, &code.to_le_bytes()),
            patched(Version::Two, 12, &code.to_le_bytes()),
        ] {
            assert!(matches!(
                refuse(&bytes),
                Error::UnsupportedDatatype { code: got } if got == code
            ));
        }
    }
}

#[test]
fn short_headers_are_truncated_headers() {
    for (version, endianness) in KINDS {
        let header = file(version, endianness).header();
        for length in 0..header.len() {
            let first = if length < 348 { 348 } else { header.len() as u64 };
            assert!(matches!(
                refuse(&header[..length]),
                Error::HeaderTruncated { expected, got }
                    if expected == first && got == length as u64
            ));
        }
        assert!(Header::read(&header[..]).is_ok());
    }
}

#[test]
fn no_flipped_bit_of_a_header_panics() {
    for (version, endianness) in KINDS {
        let bytes = file(version, endianness).header();
        let mut refused = 0;
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match Header::read(&flipped[..]) {
                Ok(header) => assert!((1..=7).contains(&header.shape().len())),
                Err(_) => refused += 1,
            }
        }
        // The size, the magic, most of dim[0] and of the datatype, and signs of dimensions.
        assert!(refused > 60, "{refused}");
    }
}
