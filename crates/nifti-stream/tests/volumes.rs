//! 4-D files: rows against a naive reading, and every way a read can end.

use std::ops::ControlFlow;

use ndarray::Array2;
use nifti_stream::{
    Datatype, Endianness, Error, Progress, RowSelection, Version, VolumeReader, VoxelSelection,
};

use crate::support::{Nifti, file_offset, gzip};

const SHAPE: [usize; 3] = [3, 4, 5];
const INDICES: [usize; 7] = [0, 1, 5, 19, 20, 42, 59];

fn selection() -> VoxelSelection {
    VoxelSelection::new(SHAPE, INDICES.to_vec()).unwrap()
}

/// Rows x the voxels of [`selection`], read naively.
fn expected(nifti: &Nifti, rows: &[usize]) -> Array2<f32> {
    let values = nifti.real_values();
    let n_voxels: usize = SHAPE.iter().product();
    Array2::from_shape_fn((rows.len(), INDICES.len()), |(row, column)| {
        values[rows[row] * n_voxels + file_offset(SHAPE, INDICES[column])]
    })
}

fn read(bytes: &[u8], rows: &RowSelection, n_rows: usize) -> Result<Array2<f32>, Error> {
    let mut out = Array2::from_elem((n_rows, INDICES.len()), f32::NAN);
    VolumeReader::new(bytes)?.read_rows(&selection(), rows, out.view_mut())?;
    Ok(out)
}

#[test]
fn every_type_byte_order_version_compression_and_scaling() {
    for datatype in Datatype::ALL {
        for endianness in [Endianness::Little, Endianness::Big] {
            for version in [Version::One, Version::Two] {
                for (slope, inter) in [(0.0, 0.0), (1.0, 0.0), (0.3, 7.0), (1.0, -2.0)] {
                    let shape = [3, 4, 5, 3];
                    let mut nifti =
                        Nifti { version, endianness, datatype, slope, inter, ..Nifti::new(&shape) };
                    for value in &mut nifti.values {
                        *value = *value * 1.25 - 20.0;
                    }
                    for bytes in [nifti.bytes(), gzip(&nifti.bytes())] {
                        let all = read(&bytes, &RowSelection::All, 3).unwrap();
                        assert_eq!(all, expected(&nifti, &[0, 1, 2]), "{nifti:?}");
                        let some = read(&bytes, &RowSelection::Rows(vec![2]), 1).unwrap();
                        assert_eq!(some, expected(&nifti, &[2]));
                    }
                }
            }
        }
    }
}

#[test]
fn bits_of_unscaled_float32_are_copied() {
    let nifti = Nifti::new(&[3, 4, 5, 1]);
    let mut bytes = nifti.bytes();
    let patterns = [0x7fc1_2345u32, 0xffc0_0001, 0x8000_0000, 0x0000_0001, 0xff80_0000];
    for (flat, pattern) in INDICES.into_iter().zip(patterns) {
        let offset = 352 + 4 * file_offset(SHAPE, flat);
        bytes[offset..offset + 4].copy_from_slice(&pattern.to_le_bytes());
    }
    let out = read(&bytes, &RowSelection::All, 1).unwrap();
    let bits: Vec<u32> = out.iter().take(5).map(|value| value.to_bits()).collect();
    assert_eq!(bits, patterns);
}

#[test]
fn rows_one_at_a_time() {
    let nifti = Nifti::new(&[3, 4, 5, 4]);
    let bytes = gzip(&nifti.bytes());
    let mut reader = VolumeReader::new(&bytes[..]).unwrap();
    assert_eq!(reader.n_volumes(), 4);
    assert_eq!(reader.grid().shape(), SHAPE);
    assert_eq!(reader.header().shape(), [3, 4, 5, 4]);
    let mut row = [0.0; INDICES.len()];
    assert_eq!(reader.read_row(&selection(), &mut row).unwrap(), Some(0));
    assert_eq!(row[..], expected(&nifti, &[0]).into_raw_vec_and_offset().0);
    assert_eq!(reader.skip_volume().unwrap(), Some(1));
    assert_eq!(reader.position(), 2);
    assert_eq!(reader.read_row(&selection(), &mut row).unwrap(), Some(2));
    assert_eq!(row[..], expected(&nifti, &[2]).into_raw_vec_and_offset().0);
    assert!(matches!(
        reader.read_row(&selection(), &mut row[1..]),
        Err(Error::RowLength { expected: 7, got: 6 })
    ));
    // A wrong buffer does not end the reader.
    assert_eq!(reader.skip_volume().unwrap(), Some(3));
    assert_eq!(reader.skip_volume().unwrap(), None);
    assert_eq!(reader.read_row(&selection(), &mut row).unwrap(), None);
    reader.finish().unwrap();
}

#[test]
fn a_started_reader_reads_the_remaining_rows() {
    let nifti = Nifti::new(&[3, 4, 5, 4]);
    let bytes = nifti.bytes();
    let mut reader = VolumeReader::new(&bytes[..]).unwrap();
    reader.skip_volume().unwrap();
    let mut out = Array2::zeros((2, INDICES.len()));
    let rows = RowSelection::Rows(vec![1, 3]);
    reader.read_rows(&selection(), &rows, out.view_mut()).unwrap();
    assert_eq!(out, expected(&nifti, &[1, 3]));

    let mut reader = VolumeReader::new(&bytes[..]).unwrap();
    reader.skip_volume().unwrap();
    let mut out = Array2::zeros((4, INDICES.len()));
    assert!(matches!(
        reader.read_rows(&selection(), &RowSelection::All, out.view_mut()),
        Err(Error::RowsNotAscending { position: 0, previous: 0, row: 0 })
    ));
}

#[test]
fn outputs_of_any_memory_order() {
    let nifti = Nifti::new(&[3, 4, 5, 3]);
    let bytes = nifti.bytes();
    let mut out = Array2::zeros((INDICES.len(), 3));
    VolumeReader::new(&bytes[..])
        .unwrap()
        .read_rows(&selection(), &RowSelection::All, out.view_mut().reversed_axes())
        .unwrap();
    assert_eq!(out.reversed_axes(), expected(&nifti, &[0, 1, 2]));
}

#[test]
fn empty_selections_still_check_the_stream() {
    let nifti = Nifti::new(&[3, 4, 5, 2]);
    let bytes = gzip(&nifti.bytes());
    let none = VoxelSelection::new(SHAPE, vec![]).unwrap();
    let run = |bytes: &[u8], rows: RowSelection| {
        let mut out = Array2::zeros((rows.count(2), 0));
        VolumeReader::new(bytes)?.read_rows(&none, &rows, out.view_mut())
    };
    run(&bytes, RowSelection::All).unwrap();
    run(&bytes, RowSelection::Rows(vec![])).unwrap();
    assert!(run(&bytes[..bytes.len() - 1], RowSelection::Rows(vec![])).is_err());
}

#[test]
fn only_four_dimensions_are_a_series() {
    for shape in [&[60][..], &[3, 20], &[3, 4, 5], &[3, 4, 5, 2, 2], &[3, 4, 5, 2, 1, 2]] {
        let bytes = Nifti::new(shape).bytes();
        let error = VolumeReader::new(&bytes[..]).unwrap_err();
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        assert!(matches!(&error, Error::NotFourDimensional { got } if *got == shape), "{error:?}");
    }
}

#[test]
fn further_axes_of_length_one_do_not_count() {
    let plain = Nifti::new(&[3, 4, 5, 2]);
    let all = VoxelSelection::all([3, 4, 5]).unwrap();
    let read = |nifti: &Nifti| {
        let bytes = nifti.bytes();
        let reader = VolumeReader::new(&bytes[..]).unwrap();
        let mut out = Array2::zeros((reader.n_volumes(), 60));
        reader.read_rows(&all, &RowSelection::All, out.view_mut()).unwrap();
        out
    };
    for shape in [&[3, 4, 5, 2, 1][..], &[3, 4, 5, 2, 1, 1, 1]] {
        let longer = Nifti { values: plain.values.clone(), ..Nifti::new(shape) };
        assert_eq!(read(&longer), read(&plain), "{shape:?}");
        let header = VolumeReader::new(&longer.bytes()[..]).unwrap().header().clone();
        assert_eq!(header.shape().len(), shape.len(), "the header says what is stored");
    }
    assert_eq!(read(&Nifti::new(&[3, 4, 5, 1, 1])).nrows(), 1);
}

#[test]
fn what_does_not_fit_is_refused_before_reading() {
    let bytes = Nifti::new(&[3, 4, 5, 3]).bytes();
    let run = |selection: &VoxelSelection, rows: RowSelection, shape: (usize, usize)| {
        let mut out = Array2::zeros(shape);
        VolumeReader::new(&bytes[..])?.read_rows(selection, &rows, out.view_mut())
    };
    let other = VoxelSelection::new([5, 4, 3], vec![1]).unwrap();
    assert!(matches!(
        run(&other, RowSelection::All, (3, 1)),
        Err(Error::SelectionShape { expected: SHAPE, got: [5, 4, 3] })
    ));
    assert!(matches!(
        VolumeReader::new(&bytes[..]).unwrap().read_row(&other, &mut [0.0]),
        Err(Error::SelectionShape { expected: SHAPE, got: [5, 4, 3] })
    ));
    assert!(matches!(
        run(&selection(), RowSelection::All, (2, 7)),
        Err(Error::OutputShape { expected: [3, 7], got: [2, 7] })
    ));
    assert!(matches!(
        run(&selection(), RowSelection::Rows(vec![1]), (1, 6)),
        Err(Error::OutputShape { expected: [1, 7], got: [1, 6] })
    ));
    assert!(matches!(
        run(&selection(), RowSelection::Rows(vec![0, 3]), (2, 7)),
        Err(Error::RowOutOfRange { row: 3, n_volumes: 3 })
    ));
    assert!(matches!(
        run(&selection(), RowSelection::Rows(vec![1, 1]), (2, 7)),
        Err(Error::RowsNotAscending { position: 1, previous: 1, row: 1 })
    ));
}

#[test]
fn truncation_of_a_plain_file_names_volume_and_offset() {
    let nifti = Nifti { datatype: Datatype::I16, ..Nifti::new(&[3, 4, 5, 3]) };
    let bytes = nifti.bytes();
    for length in 0..bytes.len() {
        let error = read(&bytes[..length], &RowSelection::All, 3).unwrap_err();
        assert!(error.is_damaged(), "{error:?}");
        if length < 352 {
            assert!(matches!(
                error,
                Error::HeaderTruncated { got, .. } if got == length as u64
            ));
        } else {
            assert_eq!(error.volume(), Some((length - 352) / 120));
            let length = length as u64;
            assert!(matches!(
                error.innermost(),
                Error::Truncated { inflated_offset, compressed_offset, expected: 360, got }
                    if (*inflated_offset, *compressed_offset, *got) == (length, length, length - 352)
            ));
        }
    }
}

#[test]
fn truncation_of_a_gzipped_file_is_always_an_error() {
    let nifti = Nifti { datatype: Datatype::U8, ..Nifti::new(&[3, 4, 5, 2]) };
    let bytes = gzip(&nifti.bytes());
    for length in 0..bytes.len() {
        for rows in [RowSelection::All, RowSelection::Rows(vec![0])] {
            let error = read(&bytes[..length], &rows, rows.count(2)).unwrap_err();
            assert!(error.is_damaged(), "{length}: {error:?}");
        }
    }
    assert_eq!(read(&bytes, &RowSelection::All, 2).unwrap(), expected(&nifti, &[0, 1]));
}

#[test]
fn a_whole_gzip_stream_with_too_few_voxels_is_truncated() {
    let nifti = Nifti::new(&[3, 4, 5, 3]);
    let plain = nifti.bytes();
    let bytes = gzip(&plain[..plain.len() - 250]);
    let error = read(&bytes, &RowSelection::All, 3).unwrap_err();
    assert_eq!(error.volume(), Some(1));
    let (inflated, compressed) = (plain.len() as u64 - 250, bytes.len() as u64);
    assert!(matches!(
        error.innermost(),
        Error::Truncated { inflated_offset, compressed_offset, expected: 720, got: 470 }
            if (*inflated_offset, *compressed_offset) == (inflated, compressed)
    ));
}

#[test]
fn no_flipped_bit_of_a_gzipped_file_changes_the_rows() {
    let nifti = Nifti { datatype: Datatype::I16, ..Nifti::new(&[3, 4, 5, 2]) };
    let bytes = gzip(&nifti.bytes());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(out) = read(&flipped, &RowSelection::All, 2) {
            assert_eq!(out, expected(&nifti, &[0, 1]), "bit {bit}");
        }
    }
}

#[test]
fn a_reader_that_failed_stays_failed() {
    let bytes = Nifti::new(&[3, 4, 5, 3]).bytes();
    let mut reader = VolumeReader::new(&bytes[..500]).unwrap();
    assert!(matches!(reader.skip_volume(), Err(Error::Volume { volume: 0, n_volumes: 3, .. })));
    assert!(matches!(reader.skip_volume(), Err(Error::AlreadyFailed)));
    assert!(format!("{reader:?}").contains("failed: true"));
    assert!(matches!(reader.finish(), Err(Error::AlreadyFailed)));
}

#[test]
fn finish_sees_the_checksum() {
    let mut bytes = gzip(&Nifti::new(&[3, 4, 5, 3]).bytes());
    let offset = bytes.len() - 8;
    bytes[offset] ^= 1;
    let mut reader = VolumeReader::new(&bytes[..]).unwrap();
    for volume in 0..3 {
        // All bytes of the data are there before the checksum is.
        assert_eq!(reader.skip_volume().unwrap(), Some(volume));
    }
    assert!(matches!(reader.finish(), Err(Error::GzipChecksum { member: 0, .. })));
}

#[test]
fn bytes_after_the_data_are_ignored_but_checked() {
    let nifti = Nifti::new(&[3, 4, 5, 2]);
    let plain = [nifti.bytes(), vec![7; 1000]].concat();
    assert_eq!(read(&plain, &RowSelection::All, 2).unwrap(), expected(&nifti, &[0, 1]));
    let mut bytes = gzip(&plain);
    assert_eq!(read(&bytes, &RowSelection::All, 2).unwrap(), expected(&nifti, &[0, 1]));
    bytes.pop();
    assert!(matches!(
        read(&bytes, &RowSelection::All, 2),
        Err(Error::GzipTruncated { inflated_offset: 1832, .. })
    ));
}

#[test]
fn extensions_are_skipped() {
    let mut nifti = Nifti::new(&[3, 4, 5, 2]);
    nifti.extension = [&[1, 0, 0, 0][..], &[32, 0, 0, 0, 4, 0, 0, 0], &[b'x'; 24]].concat();
    for bytes in [nifti.bytes(), gzip(&nifti.bytes())] {
        assert_eq!(read(&bytes, &RowSelection::All, 2).unwrap(), expected(&nifti, &[0, 1]));
    }
    let bytes = nifti.bytes();
    assert!(matches!(
        VolumeReader::new(&bytes[..370]),
        Err(Error::HeaderTruncated { expected: 384, got: 370 })
    ));
}

#[test]
fn observers_see_every_volume_and_can_stop() {
    let bytes = gzip(&Nifti::new(&[3, 4, 5, 3]).bytes());
    let rows = RowSelection::Rows(vec![1]);
    let mut out = Array2::zeros((1, INDICES.len()));
    let mut seen: Vec<Progress> = Vec::new();
    VolumeReader::new(&bytes[..])
        .unwrap()
        .read_rows_with(&selection(), &rows, out.view_mut(), |progress| {
            seen.push(progress);
            ControlFlow::Continue(())
        })
        .unwrap();
    let volumes: Vec<usize> = seen.iter().map(|progress| progress.volumes).collect();
    assert_eq!(volumes, [0, 1, 2, 3]);
    assert!(seen.iter().all(|progress| progress.n_volumes == 3));
    assert!(seen.is_sorted_by_key(|progress| progress.compressed_bytes));
    assert_eq!(seen[3].compressed_bytes, bytes.len() as u64);

    let stopped = VolumeReader::new(&bytes[..]).unwrap().read_rows_with(
        &selection(),
        &rows,
        out.view_mut(),
        |progress| {
            if progress.volumes == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    assert!(matches!(stopped, Err(Error::Cancelled { volume: 2 })));
}

#[test]
fn rows_are_handed_over_from_any_reader() {
    let nifti = Nifti::new(&[3, 4, 5, 4]);
    let rows = RowSelection::Rows(vec![0, 3]);
    for bytes in [nifti.bytes(), gzip(&nifti.bytes())] {
        let reader = || VolumeReader::new(&bytes[..]).unwrap();
        let mut taken = Vec::new();
        let take = |volume: usize, row: &[f32]| {
            taken.push((volume, row.to_vec()));
            ControlFlow::Continue(())
        };
        reader().for_each_row(&selection(), &rows, take).unwrap();
        let expected = expected(&nifti, &[0, 3]);
        let expected = [0, 3].map(|volume| (volume, expected.row(volume / 3).to_vec()));
        assert_eq!(taken, expected);

        // Progress is reported for volumes that are skipped, too.
        let mut seen = Vec::new();
        let go_on = |_: usize, _: &[f32]| ControlFlow::Continue(());
        let observe = |progress: Progress| {
            seen.push(progress.volumes);
            ControlFlow::Continue(())
        };
        reader().for_each_row_with(&selection(), &rows, go_on, observe).unwrap();
        assert_eq!(seen, [0, 1, 2, 3, 4]);

        let stop = |volume: usize, _: &[f32]| match volume {
            3 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let stopped = reader().for_each_row(&selection(), &rows, stop);
        assert!(matches!(stopped, Err(Error::Cancelled { volume: 3 })));
    }
}

#[test]
fn chunks_smaller_than_a_voxel_hold_one() {
    let nifti = Nifti { datatype: Datatype::F64, ..Nifti::new(&[3, 4, 5, 2]) };
    let bytes = nifti.bytes();
    for chunk_bytes in [0, 1, 7, 8, 9, 17] {
        let mut out = Array2::zeros((2, INDICES.len()));
        VolumeReader::with_chunk_bytes(&bytes[..], chunk_bytes)
            .unwrap()
            .read_rows(&selection(), &RowSelection::All, out.view_mut())
            .unwrap();
        assert_eq!(out, expected(&nifti, &[0, 1]));
    }
}

#[test]
fn readers_can_move_to_another_thread_and_selections_can_be_shared() {
    let nifti = Nifti::new(&[3, 4, 5, 2]);
    let bytes = gzip(&nifti.bytes());
    let selection = selection();
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| VolumeReader::new(&bytes[..]).unwrap());
        let rows = readers.map(|mut reader| {
            let selection = &selection;
            scope.spawn(move || {
                let mut row = vec![0.0; selection.len()];
                reader.read_row(selection, &mut row).unwrap();
                row
            })
        });
        for row in rows {
            assert_eq!(row.join().unwrap(), expected(&nifti, &[0]).row(0).to_vec());
        }
    });
}
