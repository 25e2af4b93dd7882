//! The promise about memory: the peak of a process that reads, against its output.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use ndarray::Array2;
use nifti_stream::fs::VolumeFile;
use nifti_stream::{RowSelection, VoxelSelection, read_volume};

use crate::support::{Nifti, file_offset};

const EDGE: usize = 143;
const SHAPE: [usize; 3] = [EDGE; 3];
const N_VOLUMES: usize = 20;
const ALLOWED: u64 = 32 << 20;
/// Tells the re-executed test binary what to read.
const TASK: &str = "NIFTI_STREAM_MEMORY_TASK";

/// A ball of about 9 % of the grid, in C order (which is also file order, by symmetry).
fn brain() -> Vec<bool> {
    let centre = (EDGE / 2) as f64;
    let radius_squared = (0.278 * EDGE as f64).powi(2);
    (0..EDGE.pow(3))
        .map(|flat| {
            let at = [flat / (EDGE * EDGE), flat / EDGE % EDGE, flat % EDGE];
            at.iter().map(|&i| (i as f64 - centre).powi(2)).sum::<f64>() < radius_squared
        })
        .collect()
}

/// Deterministic noise for a voxel of a volume.
fn noise(volume: usize, offset: usize) -> f32 {
    let mut x = (volume * EDGE.pow(3) + offset) as u64;
    x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((x >> 40) as f32 / (1 << 23) as f32) - 1.0
}

/// Writes the file volume by volume: 235 MB inflated.
fn write_file(path: &Path, brain: &[bool]) {
    let file = BufWriter::new(File::create(path).unwrap());
    let mut encoder = GzEncoder::new(file, Compression::fast());
    let header = Nifti { values: vec![], ..Nifti::new(&[1]) };
    let header = Nifti { shape: vec![EDGE, EDGE, EDGE, N_VOLUMES], ..header };
    encoder.write_all(&header.bytes()).unwrap();
    let mut volume_bytes = vec![0; 4 * EDGE.pow(3)];
    for volume in 0..N_VOLUMES {
        for (offset, _) in brain.iter().enumerate().filter(|(_, inside)| **inside) {
            volume_bytes[4 * offset..][..4].copy_from_slice(&noise(volume, offset).to_le_bytes());
        }
        encoder.write_all(&volume_bytes).unwrap();
    }
    encoder.finish().unwrap().flush().unwrap();
}

/// What the child does; returns the bytes of its output.
fn read_selected(path: &Path, every: usize) -> u64 {
    let mut mask = brain();
    for (rank, inside) in mask.iter_mut().filter(|inside| **inside).enumerate() {
        *inside = rank % every == 0;
    }
    let selection = VoxelSelection::from_mask(SHAPE, &mask).unwrap();
    drop(mask);
    let mut out = Array2::zeros((N_VOLUMES, selection.len()));
    let file = VolumeFile::open(path).unwrap();
    file.read_rows(&selection, &RowSelection::All, out.view_mut()).unwrap();
    for volume in [0, N_VOLUMES - 1] {
        for rank in [0, selection.len() / 2, selection.len() - 1] {
            let offset = file_offset(SHAPE, selection.indices()[rank]);
            assert_eq!(out[[volume, rank]], noise(volume, offset));
        }
    }
    4 * out.len() as u64
}

/// A first pass by two threads that leaves an index, which four threads then use.
fn read_by_threads(path: &Path) -> u64 {
    let selection = VoxelSelection::from_mask(SHAPE, &brain()).unwrap();
    let mut out = Array2::zeros((N_VOLUMES, selection.len()));
    let index = path.with_extension("index");
    for threads in [2, 4] {
        out.fill(f32::NAN);
        let file = VolumeFile::open(path).unwrap().with_threads(threads).with_index(&index);
        file.read_rows(&selection, &RowSelection::All, out.view_mut()).unwrap();
        assert!(index.is_file());
    }
    let rank = selection.len() / 2;
    let offset = file_offset(SHAPE, selection.indices()[rank]);
    assert_eq!(out[[N_VOLUMES - 1, rank]], noise(N_VOLUMES - 1, offset));
    4 * out.len() as u64
}

/// A header that claims 16 GB, with nothing behind it.
fn read_lying_header() -> u64 {
    let mut bytes = Nifti::new(&[1, 1, 6]).bytes();
    for axis in 0..3 {
        bytes[42 + 2 * axis..][..2].copy_from_slice(&1600i16.to_le_bytes());
    }
    assert!(read_volume(&bytes[..]).unwrap_err().is_damaged());
    0
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap();
    kib * 1024
}

#[expect(clippy::disallowed_methods, reason = "the variable is how the parent addresses its child")]
fn task() -> Option<String> {
    std::env::var(TASK).ok()
}

/// Runs this test alone in a new process and returns (output bytes, peak bytes).
fn measure(task: &str) -> (u64, u64) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::reading_needs_the_output_and_little_more", "--nocapture"])
        .env(TASK, task)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let numbers = text.lines().find_map(|line| line.split_once("measured ")).unwrap().1;
    let (out, peak) = numbers.split_once(' ').unwrap();
    (out.parse().unwrap(), peak.trim().parse().unwrap())
}

#[test]
fn reading_needs_the_output_and_little_more() {
    if !cfg!(target_os = "linux") {
        println!("skipped: the peak is read from /proc/self/status");
        return;
    }
    if let Some(task) = task() {
        let out = match task.split_once(' ') {
            Some(("roi", path)) => read_selected(&PathBuf::from(path), 10),
            Some(("brain", path)) => read_selected(&PathBuf::from(path), 1),
            Some(("threads", path)) => read_by_threads(&PathBuf::from(path)),
            _ => read_lying_header(),
        };
        println!("\nmeasured {out} {}", peak_bytes());
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("betas.nii.gz");
    let brain = brain();
    let n_brain = brain.iter().filter(|inside| **inside).count();
    assert!((250_000..280_000).contains(&n_brain), "{n_brain}");
    write_file(&path, &brain);
    let path = path.to_str().unwrap();

    let (out, peak) = measure(&format!("brain {path}"));
    println!("brain: output {out}, peak {peak}");
    assert_eq!(out, (4 * n_brain * N_VOLUMES) as u64);
    assert!(peak <= out + ALLOWED);
    let (out, peak) = measure(&format!("roi {path}"));
    println!("region: output {out}, peak {peak}");
    assert_eq!(out, (4 * n_brain.div_ceil(10) * N_VOLUMES) as u64);
    assert!(peak <= out + ALLOWED);
    let (out, peak) = measure(&format!("threads {path}"));
    println!("four threads: output {out}, peak {peak}");
    assert_eq!(out, (4 * n_brain * N_VOLUMES) as u64);
    // The first pass was that of two threads, of which the second may take 40 MiB.
    assert!(peak <= out + ALLOWED + (40 << 20));
    let (out, peak) = measure("lie");
    println!("lying header: peak {peak}");
    assert!(peak <= out + ALLOWED);
}
