//! The fused read equals inflating the whole file and indexing it.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use ndarray::Array2;
use nifti_stream::{
    Compression, Datatype, Endianness, RowSelection, Version, VolumeReader, VoxelSelection,
    read_volume, write_volume,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::support::{Dribble, Nifti, file_offset, gzip};

#[derive(Clone, Debug)]
struct Case {
    nifti: Nifti,
    indices: Vec<usize>,
    rows: Option<Vec<usize>>,
    chunk_bytes: usize,
    step: usize,
    /// Where the stream is cut into gzip members; `None` for a plain file.
    members: Option<Vec<usize>>,
}

fn cases() -> impl Strategy<Value = Case> {
    let shape = (1usize..7, 1usize..7, 1usize..7, 1usize..5);
    shape
        .prop_flat_map(|(nx, ny, nz, nt)| {
            let n = nx * ny * nz;
            let kind = (
                select(&[Version::One, Version::Two][..]),
                select(&[Endianness::Little, Endianness::Big][..]),
                select(&Datatype::ALL[..]),
                select(&[(0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (-0.1, 3.0), (1.0, 1e-3)][..]),
            );
            let layout = (
                subsequence((0..n).collect::<Vec<_>>(), 0..=n),
                prop::option::of(subsequence((0..nt).collect::<Vec<_>>(), 0..=nt)),
                0usize..200,
                1usize..500,
                prop::option::of(prop::collection::vec(0usize..2000, 0..3)),
            );
            let values = prop::collection::vec(-1e5..1e5f64, n * nt);
            (Just([nx, ny, nz, nt]), kind, layout, values)
        })
        .prop_map(|(shape, kind, layout, values)| {
            let (version, endianness, datatype, (slope, inter)) = kind;
            let (indices, rows, chunk_bytes, step, members) = layout;
            let nifti =
                Nifti { version, endianness, datatype, slope, inter, values, ..Nifti::new(&shape) };
            Case { nifti, indices, rows, chunk_bytes, step, members }
        })
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let plain = self.nifti.bytes();
        let Some(members) = &self.members else { return plain };
        let mut cuts: Vec<usize> = members.iter().map(|&cut| cut.min(plain.len())).collect();
        cuts.sort_unstable();
        let mut bytes = Vec::new();
        let mut start = 0;
        for cut in cuts.into_iter().chain([plain.len()]) {
            bytes.extend(gzip(&plain[start..cut]));
            start = cut;
        }
        bytes
    }

    /// Inflates everything with another decoder, checks it, and indexes the values.
    fn naive(&self, bytes: &[u8], rows: &[usize]) -> Array2<f32> {
        if self.members.is_some() {
            let mut plain = Vec::new();
            MultiGzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
            assert_eq!(plain, self.nifti.bytes());
        }
        let values = self.nifti.real_values();
        let shape = [self.nifti.shape[0], self.nifti.shape[1], self.nifti.shape[2]];
        let n: usize = shape.iter().product();
        Array2::from_shape_fn((rows.len(), self.indices.len()), |(row, column)| {
            values[rows[row] * n + file_offset(shape, self.indices[column])]
        })
    }
}

/// Nothing, a gzip header, and the first bytes of either NIfTI version.
const STARTS: &[&[u8]] =
    &[b"", b"\x1f\x8b\x08\0\0\0\0\0\0\xff", b"\x5c\x01\0\0", b"\x1c\x02\0\0n+2\0\r\n\x1a\n"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fused_reading_equals_naive_reading(case in cases()) {
        let bytes = case.bytes();
        let shape = &case.nifti.shape;
        let rows: Vec<usize> = case.rows.clone().unwrap_or_else(|| (0..shape[3]).collect());
        let selected = case.rows.clone().map_or(RowSelection::All, RowSelection::Rows);
        let selection =
            VoxelSelection::new([shape[0], shape[1], shape[2]], case.indices.clone()).unwrap();
        let mut out = Array2::from_elem((rows.len(), selection.len()), f32::NAN);
        let reader = Dribble { bytes: &bytes, step: case.step };
        VolumeReader::with_chunk_bytes(reader, case.chunk_bytes)
            .unwrap()
            .read_rows(&selection, &selected, out.view_mut())
            .unwrap();
        let naive = case.naive(&bytes, &rows);
        let bits = |value: &f32| value.to_bits();
        prop_assert!(out.iter().map(bits).eq(naive.iter().map(bits)));
    }

    #[test]
    fn written_volumes_come_back(
        (shape, data) in (1usize..9, 1usize..9, 1usize..9).prop_flat_map(|(x, y, z)| {
            (Just([x, y, z]), prop::collection::vec(any::<u32>(), x * y * z))
        }),
        compression in select(&[Compression::None, Compression::Gzip][..]),
    ) {
        let data: Vec<f32> = data.into_iter().map(f32::from_bits).collect();
        let header = nifti_stream::Header::read(&Nifti::new(&[1]).bytes()[..]).unwrap();
        let mut file = Vec::new();
        write_volume(&mut file, header.spatial(), shape, &data, compression).unwrap();
        let volume = read_volume(&file[..]).unwrap();
        prop_assert_eq!(volume.grid().shape(), shape);
        prop_assert_eq!(volume.header().spatial(), header.spatial());
        let bits = |value: &f32| value.to_bits();
        prop_assert!(volume.data().iter().map(bits).eq(data.iter().map(bits)));
    }

    #[test]
    fn no_input_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        start in select(STARTS),
    ) {
        let bytes = [start, &bytes].concat();
        if let Ok(volume) = read_volume(&bytes[..]) {
            prop_assert_eq!(volume.data().len(), volume.grid().n_voxels());
        }
        if let Ok(reader) = VolumeReader::new(&bytes[..]) {
            prop_assert!(reader.n_volumes() > 0);
        }
    }
}
