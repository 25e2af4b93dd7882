//! Reads the voxels of a mask from a 4-D file and writes them as `.npy`; for measuring.
use std::io::{BufWriter, Write};
use std::num::NonZeroUsize;
use ndarray::Array2;
use nifti_stream::{RowSelection, VoxelSelection, fs::VolumeFile};
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mask = std::fs::read(&a[2]).unwrap();
    let mask: Vec<bool> = mask[128..].iter().map(|&b| b != 0).collect();
    let mut f = VolumeFile::open(&a[1]).unwrap().with_threads(NonZeroUsize::new(a[4].parse().unwrap()).unwrap());
    if a.len() > 5 && a[5] != "-" { f = f.with_index(&a[5]); }
    let sel = VoxelSelection::from_mask(f.grid().shape(), &mask).unwrap();
    let n = f.n_volumes();
    let rows = if a.len() > 6 { RowSelection::Rows((0..n).step_by(a[6].parse().unwrap()).collect()) } else { RowSelection::All };
    let mut out = Array2::<f32>::zeros((rows.count(n), sel.len()));
    f.read_rows(&sel, &rows, out.view_mut()).unwrap();
    let mut w = BufWriter::with_capacity(1<<16, std::fs::File::create(&a[3]).unwrap());
    for v in out.as_slice().unwrap() { w.write_all(&v.to_le_bytes()).unwrap(); }
    w.flush().unwrap();
}
