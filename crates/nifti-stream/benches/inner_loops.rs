//! The inner loops alone: inflating with checksums, and scattering voxels of an inflated stream.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use std::hint::black_box;
use std::io::Write;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::Array2;
use nifti_stream::gz::GzDecoder;
use nifti_stream::{Affine, RowSelection, Spatial, VolumeReader, VoxelSelection, write_volume};

const EDGE: usize = 143;
const N_VOLUMES: usize = 2;

/// Two volumes with noise in a ball of 9.3 % of the grid, and the ball.
fn volumes() -> (Vec<u8>, Vec<usize>) {
    let [n, centre] = [EDGE, EDGE / 2];
    let is_inside = |flat: usize| {
        let at = [flat / (n * n), flat / n % n, flat % n];
        at.iter().map(|axis| axis.abs_diff(centre).pow(2)).sum::<usize>() < 40 * 40 + 9
    };
    let inside: Vec<usize> = (0..n.pow(3)).filter(|&flat| is_inside(flat)).collect();
    let mut seed = 1_u64;
    let values: Vec<f32> = (0..N_VOLUMES * n.pow(3))
        .map(|offset| {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(11);
            // A ball is the same in either order of the axes.
            if is_inside(offset % n.pow(3)) { (seed >> 40) as f32 / 8e6 - 1.0 } else { 0.0 }
        })
        .collect();
    let affine = Affine::from_rows([[2., 0., 0., 0.], [0., 2., 0., 0.], [0., 0., 2., 0.]]);
    let mut file = Vec::new();
    let spatial = Spatial::from_affine(&affine);
    let plain = nifti_stream::Compression::None;
    write_volume(&mut file, &spatial, [n, n, n * N_VOLUMES], &values, plain).unwrap();
    let shape = [4, n, n, n, N_VOLUMES].map(|axis| (axis as u16).to_le_bytes());
    file[40..50].copy_from_slice(shape.as_flattened());
    (file, inside)
}

fn loops(criterion: &mut Criterion) {
    let (plain, inside) = volumes();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).unwrap();
    let stored = encoder.finish().unwrap();
    let selection = VoxelSelection::new([EDGE; 3], inside).unwrap();
    let mut out = Array2::zeros((N_VOLUMES, selection.len()));
    let mut chunk = vec![0; 256 * 1024];

    let mut group = criterion.benchmark_group("two volumes");
    group.throughput(Throughput::Bytes(plain.len() as u64)).sample_size(20);
    group.bench_function("inflate and check", |bencher| {
        bencher.iter(|| {
            let mut decoder = GzDecoder::new(&stored[..]);
            while decoder.read_chunk(&mut chunk).unwrap() == chunk.len() {}
            black_box(&chunk);
        });
    });
    for (name, file) in [("inflate, check and scatter", &stored), ("scatter", &plain)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let reader = VolumeReader::new(&file[..]).unwrap();
                reader.read_rows(&selection, &RowSelection::All, out.view_mut()).unwrap();
                black_box(&out);
            });
        });
    }
    group.bench_function("choose the voxels", |bencher| {
        bencher.iter(|| VoxelSelection::new([EDGE; 3], selection.indices().to_vec()).unwrap());
    });
    group.finish();
}

criterion_group!(inner_loops, loops);
criterion_main!(inner_loops);
