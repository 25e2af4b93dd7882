//! 3-D images in and out.

use std::io::{self, Write};

use nifti_stream::{
    Affine, Compression, Datatype, Endianness, Error, Header, Spatial, Version, VolumeWriter,
    VoxelSelection, read_set_voxels, read_volume, read_voxels, write_volume,
};

use crate::support::{Nifti, file_offset, gzip};

const SHAPE: [usize; 3] = [3, 4, 5];

fn spatial() -> Spatial {
    Spatial {
        pixdim: [1.75, 1.5, 2.5, 0.5, 1.0, 1.0, 1.0],
        qfac: -1.0,
        xyzt_units: 10,
        qform_code: 1,
        quatern: [0.0, 0.5, 0.25],
        qoffset: [80.0, -100.0, -50.5],
        sform_code: 4,
        srow: [[-1.75, 0.0, 0.0, 80.0], [0.0, 1.5, 0.0, -100.0], [0.0, 0.0, 2.5, -50.5]],
    }
}

#[test]
fn values_come_in_c_order() {
    for version in [Version::One, Version::Two] {
        for endianness in [Endianness::Little, Endianness::Big] {
            for datatype in Datatype::ALL {
                let nifti = Nifti {
                    version,
                    endianness,
                    datatype,
                    slope: 0.5,
                    inter: 3.0,
                    ..Nifti::new(&SHAPE)
                };
                let values = nifti.real_values();
                let expected: Vec<f32> =
                    (0..60).map(|flat| values[file_offset(SHAPE, flat)]).collect();
                for bytes in [nifti.bytes(), gzip(&nifti.bytes())] {
                    let volume = read_volume(&bytes[..]).unwrap();
                    assert_eq!(volume.data(), expected);
                    assert_eq!(volume.view().dim(), (SHAPE[0], SHAPE[1], SHAPE[2]));
                    assert_eq!(
                        volume.view()[[2, 1, 3]],
                        expected[(2 * SHAPE[1] + 1) * SHAPE[2] + 3]
                    );
                    assert_eq!(volume.grid().shape(), SHAPE);
                    assert_eq!(volume.grid().affine(), &Affine::from_rows(Nifti::SROW));
                    assert_eq!(volume.header().datatype(), datatype);
                    assert_eq!(volume.into_data(), expected);
                }
            }
        }
    }
}

#[test]
fn images_larger_than_a_chunk() {
    let shape = [70, 50, 60];
    let nifti = Nifti::new(&shape);
    let values = nifti.real_values();
    let volume = read_volume(&gzip(&nifti.bytes())[..]).unwrap();
    assert_eq!(volume.data().len(), 210_000);
    assert!((0..210_000).all(|flat| volume.data()[flat] == values[file_offset(shape, flat)]));
}

#[test]
fn one_volume_counts_as_three_dimensions() {
    for shape in [&[3, 4, 5, 1][..], &[3, 4, 5, 1, 1], &[3, 4, 5, 1, 1, 1, 1]] {
        let bytes = Nifti::new(shape).bytes();
        assert_eq!(read_volume(&bytes[..]).unwrap().data().len(), 60);
    }
    for shape in [&[3, 4][..], &[3, 4, 5, 2], &[3, 4, 5, 2, 1], &[3, 4, 5, 1, 2]] {
        let bytes = Nifti::new(shape).bytes();
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        assert!(matches!(
            read_volume(&bytes[..]),
            Err(Error::NotThreeDimensional { got }) if got == shape
        ));
    }
}

#[test]
fn masks_leave_out_zero_and_nan() {
    let mut nifti = Nifti::new(&[6, 1, 1]);
    nifti.values = vec![0.0, -0.0, f64::NAN, 1.0, -3.0, f64::INFINITY];
    let volume = read_volume(&nifti.bytes()[..]).unwrap();
    assert_eq!(volume.nonzero_mask(), [false, false, false, true, true, true]);
    assert_eq!(read_set_voxels(&nifti.bytes()[..]).unwrap().into_indices(), [3, 4, 5]);
}

/// Images with runs of zeros, on both sides of chunks and blocks, in every type and scaling.
#[test]
fn set_and_chosen_voxels_are_those_of_the_whole_image() {
    let shape = [70, 50, 60];
    let n = shape.iter().product();
    for datatype in Datatype::ALL {
        for (slope, inter) in [(0.0, 0.0), (2.0, 0.0), (1.0, 3.0)] {
            let mut nifti = Nifti { datatype, slope, inter, ..Nifti::new(&shape) };
            let value = |offset: usize| match offset * offset % 1009 {
                0..7 => (offset % 5) as f64,
                _ => 0.0,
            };
            nifti.values = (0..n).map(value).collect();
            let bytes = gzip(&nifti.bytes());
            let whole = read_volume(&bytes[..]).unwrap();
            let mask = whole.nonzero_mask();
            let expected: Vec<usize> = (0..n).filter(|&flat| mask[flat]).collect();
            let set = read_set_voxels(&bytes[..]).unwrap();
            assert_eq!(set.indices(), expected, "{datatype:?} {slope} {inter}");
            assert_eq!((set.header(), set.grid()), (whole.header(), whole.grid()));

            let chosen: Vec<usize> = (0..n).filter(|flat| flat % 977 < 3).collect();
            let expected: Vec<f32> = chosen.iter().map(|&flat| whole.data()[flat]).collect();
            let selection = VoxelSelection::new(shape, chosen).unwrap();
            let (header, values) = read_voxels(&bytes[..], &selection).unwrap();
            assert_eq!((&header, values), (whole.header(), expected));
        }
    }
}

#[test]
fn what_is_set_is_decided_before_rounding() {
    let values = vec![1e-60, 0.0, -0.0, f64::NAN, -1e-300, 1.0];
    let nifti = Nifti { datatype: Datatype::F64, values, ..Nifti::new(&[1, 2, 3]) };
    let set = read_set_voxels(&gzip(&nifti.bytes())[..]).unwrap();
    // File order has x fastest, then y; the last axis is the slowest there and the fastest here.
    assert_eq!(set.indices(), [0, 2, 5]);
    // 1e-30 * 1e-30, computed in double precision.
    let nifti = Nifti { slope: 1e-30, values: vec![1e-30; 6], ..nifti };
    let set = read_set_voxels(&gzip(&nifti.bytes())[..]).unwrap();
    assert_eq!(set.indices().len(), 6);
}

#[test]
fn damage_is_seen_without_the_whole_image() {
    let bytes = gzip(&Nifti { datatype: Datatype::I16, ..Nifti::new(&SHAPE) }.bytes());
    let selection = VoxelSelection::new(SHAPE, vec![0]).unwrap();
    for length in 0..bytes.len() {
        assert!(read_set_voxels(&bytes[..length]).unwrap_err().is_damaged());
        assert!(read_voxels(&bytes[..length], &selection).unwrap_err().is_damaged());
    }
    let other = VoxelSelection::new([4, 4, 5], vec![0]).unwrap();
    assert!(matches!(
        read_voxels(&bytes[..], &other),
        Err(Error::SelectionShape { expected: SHAPE, got: [4, 4, 5] })
    ));
    let four = Nifti::new(&[3, 4, 5, 2]).bytes();
    assert!(matches!(
        read_set_voxels(&four[..]),
        Err(Error::NotThreeDimensional { got }) if got == [3, 4, 5, 2]
    ));
}

#[test]
fn truncation_and_damage_are_errors() {
    let nifti = Nifti { datatype: Datatype::I16, ..Nifti::new(&SHAPE) };
    let plain = nifti.bytes();
    for length in 352..plain.len() {
        assert!(matches!(
            read_volume(&plain[..length]),
            Err(Error::Truncated { expected: 120, got, .. }) if got == (length - 352) as u64
        ));
    }
    let bytes = gzip(&plain);
    for length in 0..bytes.len() {
        assert!(read_volume(&bytes[..length]).unwrap_err().is_damaged());
    }
    let whole = read_volume(&bytes[..]).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(volume) = read_volume(&flipped[..]) {
            assert_eq!(volume, whole, "bit {bit}");
        }
    }
}

#[test]
fn claims_of_the_header_are_not_believed() {
    // 16 GB of voxels in a file of 400 bytes.
    let mut bytes = Nifti { datatype: Datatype::F64, ..Nifti::new(&[1, 1, 6]) }.bytes();
    for (axis, n) in [1290i16, 1290, 1290].into_iter().enumerate() {
        bytes[42 + 2 * axis..][..2].copy_from_slice(&n.to_le_bytes());
    }
    for bytes in [bytes.clone(), gzip(&bytes)] {
        assert!(matches!(
            read_volume(&bytes[..]),
            Err(Error::Truncated { expected: 17_173_512_000, got: 48, .. })
        ));
    }
}

#[test]
fn written_images_come_back() {
    let floats: Vec<f32> = (0..60).map(|flat| flat as f32 * 0.1 - 2.0).collect();
    let bytes: Vec<u8> = (0..60).map(|flat| flat * 4).collect();
    for compression in [Compression::None, Compression::Gzip] {
        let mut file = Vec::new();
        write_volume(&mut file, &spatial(), SHAPE, &floats, compression).unwrap();
        let volume = read_volume(&file[..]).unwrap();
        assert_eq!(volume.data(), floats);
        assert_eq!(volume.header().datatype(), Datatype::F32);
        assert_eq!(volume.header().spatial(), &spatial());
        assert_eq!(volume.header().scaling(), None);
        assert_eq!(volume.header().version(), Version::One);

        let mut file = Vec::new();
        write_volume(&mut file, &spatial(), SHAPE, &bytes, compression).unwrap();
        let volume = read_volume(&file[..]).unwrap();
        assert_eq!(volume.header().datatype(), Datatype::U8);
        assert!(volume.data().iter().zip(&bytes).all(|(&read, &byte)| read == f32::from(byte)));
    }
}

#[test]
fn chosen_voxels_give_the_bytes_of_the_whole_image() {
    let chosen: [&[usize]; 4] = [&[], &[0, 59], &[3, 4, 5, 17, 23, 58], &[59]];
    let all: Vec<usize> = (0..60).collect();
    for indices in chosen.into_iter().chain([all.as_slice()]) {
        let mut whole = [-1.5_f32; 60];
        let values: Vec<f32> = indices.iter().map(|index| *index as f32 / 4.0).collect();
        indices.iter().zip(&values).for_each(|(index, value)| whole[*index] = *value);
        let selection = VoxelSelection::new(SHAPE, indices.to_vec()).unwrap();
        let mut expected = Vec::new();
        write_volume(&mut expected, &spatial(), SHAPE, &whole, Compression::None).unwrap();
        let mut writer =
            VolumeWriter::new(Vec::new(), &spatial(), SHAPE, None, Compression::None).unwrap();
        writer.put_selected(&selection, &values, -1.5).unwrap();
        assert!(matches!(
            writer.put_selected(&selection, &values, -1.5),
            Err(Error::VolumeCount { expected: 1, got: 2 })
        ));
        assert_eq!(writer.finish().unwrap(), expected, "{indices:?}");
    }
    let mut writer =
        VolumeWriter::new(Vec::new(), &spatial(), SHAPE, None, Compression::None).unwrap();
    let other = VoxelSelection::new([60, 1, 1], vec![1]).unwrap();
    assert!(matches!(
        writer.put_selected(&other, &[1_u8], 0),
        Err(Error::SelectionShape { expected: SHAPE, got: [60, 1, 1] })
    ));
    let own = VoxelSelection::new(SHAPE, vec![1]).unwrap();
    assert!(matches!(
        writer.put_selected(&own, &[1_u8, 2], 0),
        Err(Error::DataLength { expected: 1, got: 2, .. })
    ));
}

#[test]
fn the_same_image_gives_the_same_bytes() {
    let write = || {
        let mut file = Vec::new();
        write_volume(&mut file, &spatial(), SHAPE, &[1u8; 60], Compression::Gzip).unwrap();
        file
    };
    assert_eq!(write(), write());
    assert_eq!(write()[3..10], [0, 0, 0, 0, 0, 0, 255]);
}

#[test]
fn the_written_header_has_the_standard_s_layout() {
    let mut file = Vec::new();
    write_volume(&mut file, &spatial(), SHAPE, &[0u8; 60], Compression::None).unwrap();
    assert_eq!(file.len(), 352 + 60);
    assert_eq!(file[..4], 348i32.to_le_bytes());
    assert_eq!(file[40..56], [3, 0, 3, 0, 4, 0, 5, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    assert_eq!(file[70..74], [2, 0, 8, 0]);
    assert_eq!(file[76..80], (-1f32).to_le_bytes());
    assert_eq!(file[80..84], 1.75f32.to_le_bytes());
    assert_eq!(file[108..112], 352f32.to_le_bytes());
    assert_eq!(file[112..116], 1f32.to_le_bytes());
    assert_eq!(file[123], 10);
    assert_eq!(file[252..256], [1, 0, 4, 0]);
    assert_eq!(file[344..352], *b"n+1\0\0\0\0\0");
}

#[test]
fn long_axes_need_the_second_version() {
    for (n, version) in [(32_767, Version::One), (32_768, Version::Two)] {
        let data = vec![1u8; n];
        let mut file = Vec::new();
        write_volume(&mut file, &spatial(), [1, n, 1], &data, Compression::None).unwrap();
        let header = Header::read(&file[..]).unwrap();
        assert_eq!(header.version(), version);
        assert_eq!(header.spatial(), &spatial());
        assert_eq!(header.shape(), [1, n as u64, 1]);
        assert_eq!(read_volume(&file[..]).unwrap().data(), vec![1.0; n]);
    }
}

#[test]
fn double_precision_needs_the_second_version() {
    let mut fine = [spatial(), spatial(), spatial(), spatial()];
    fine[0].srow[1][3] = 0.1;
    fine[1].quatern[2] = 0.1;
    fine[2].qoffset[0] = 1e-60;
    fine[3].pixdim[1] = 16.0 / 9.0;
    for fine in fine {
        let mut file = Vec::new();
        write_volume(&mut file, &fine, [1, 1, 1], &[1u8], Compression::None).unwrap();
        let header = Header::read(&file[..]).unwrap();
        assert_eq!((header.version(), header.spatial()), (Version::Two, &fine));
    }
}

#[test]
fn sloppy_spatial_fields_are_written_repaired() {
    let sloppy = Spatial { sform_code: 70_000, qfac: 0.0, ..spatial() };
    let mut file = Vec::new();
    write_volume(&mut file, &sloppy, [1, 1, 1], &[1u8], Compression::None).unwrap();
    let header = Header::read(&file[..]).unwrap();
    assert_eq!(header.spatial(), &Spatial { sform_code: 0, qfac: 1.0, ..spatial() });
}

#[test]
fn data_must_fit_the_shape() {
    let write = |shape, data: &[u8]| {
        let mut file = Vec::new();
        let result = write_volume(&mut file, &spatial(), shape, data, Compression::None);
        assert!(file.is_empty());
        result
    };
    assert!(matches!(
        write(SHAPE, &[0; 59]),
        Err(Error::DataLength { shape: SHAPE, expected: 60, got: 59 })
    ));
    assert!(matches!(
        write([3, 0, 5], &[]),
        Err(Error::HeaderField { field: "dim", got, .. }) if got == "[3, 0, 5]"
    ));
    assert!(matches!(write([1 << 20, 1 << 20, 2], &[]), Err(Error::TooLarge { .. })));
}

#[test]
fn failing_writers_are_reported() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for compression in [Compression::None, Compression::Gzip] {
        assert!(matches!(
            write_volume(Full, &spatial(), SHAPE, &[0u8; 60], compression),
            Err(Error::Write { source }) if source.kind() == io::ErrorKind::StorageFull
        ));
    }
}

#[test]
fn errors_by_path_say_what_could_not_be_done() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("absent/map.nii");
    let error = nifti_stream::fs::read_volume(&path).unwrap_err();
    assert!(matches!(&error, Error::File { path: got, .. } if *got == path));
    assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
    let there = directory.path().join("map.nii");
    for (path, data, is_io) in [(&path, &[0u8; 60][..], true), (&there, &[0; 59], false)] {
        let error = nifti_stream::fs::write_volume(path, &spatial(), SHAPE, data).unwrap_err();
        assert!(matches!(&error, Error::Output { path: got, .. } if got == path));
        assert_eq!(error.to_string(), format!("cannot write {}", path.display()));
        assert_eq!(matches!(error.innermost(), Error::Write { .. }), is_io);
    }
}
