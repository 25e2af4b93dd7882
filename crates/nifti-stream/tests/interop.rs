//! Files exchanged with nibabel: its files are read here, ours are written for it to read back.
//!
//! The directory named by `LAION_FMRI_INTEROP` holds `nifti/manifest.json`; all paths in it are
//! relative to that directory, and `expected` files hold little-endian float32 in C order of
//! `np.asarray(image.dataobj).astype(np.float32)`.
#![cfg(test)]

use std::fs;
use std::path::PathBuf;

use ndarray::Array2;
use nifti_stream::fs::{VolumeFile, read_volume, write_volume};
use nifti_stream::{Affine, Error, RowSelection, Spatial, Version, VoxelSelection};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Case>,
    refused: Vec<String>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    file: String,
    shape: Vec<usize>,
    affine: [[f64; 4]; 4],
    expected: String,
}

#[derive(Serialize)]
struct Written {
    file: String,
    expected: String,
    shape: [usize; 3],
    affine: [[f64; 4]; 4],
    qform_code: i32,
    sform_code: i32,
}

#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set"))
}

fn manifest() -> Manifest {
    let manifest = fs::read(root().join("nifti/manifest.json")).unwrap();
    serde_json::from_slice(&manifest).unwrap()
}

fn cases() -> Vec<Case> {
    manifest().cases
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Equal bits, with every NaN equal to every other.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

fn check_affine(case: &Case, got: &Affine) {
    let [x, y, z, _] = case.affine;
    let expected = Affine::from_rows([x, y, z]);
    assert!(got.approx_eq(&expected, 1e-6), "{}: {expected:?}, got {got:?}", case.name);
}

/// Reads the selected voxels of the selected volumes and compares every value.
fn check_rows(case: &Case, expected: &[f32], selection: &VoxelSelection, rows: &RowSelection) {
    let path = root().join(&case.file);
    let index = root().join(format!("{}.index", case.file));
    // Full passes by one and two threads, then with the index that the second of them has left.
    for (threads, has_index) in [(1, false), (2, false), (2, true), (1, true), (3, true)] {
        let mut file = VolumeFile::open(&path).unwrap().with_threads(threads);
        if has_index {
            file = file.with_index(&index);
        }
        check_path(case, file, expected, selection, rows);
    }
}

fn check_path(
    case: &Case,
    file: VolumeFile,
    expected: &[f32],
    selection: &VoxelSelection,
    rows: &RowSelection,
) {
    let n_volumes = file.n_volumes();
    let volumes: Vec<usize> = match rows {
        RowSelection::All => (0..n_volumes).collect(),
        RowSelection::Rows(rows) => rows.clone(),
    };
    let mut out = Array2::zeros((volumes.len(), selection.len()));
    file.read_rows(selection, rows, out.view_mut()).unwrap();
    for ((row, column), &got) in out.indexed_iter() {
        let (volume, flat) = (volumes[row], selection.indices()[column]);
        // numpy's C order of (X, Y, Z, T): the volume is the fastest axis.
        let expected = expected[flat * n_volumes + volume];
        assert!(
            same(expected, got),
            "{}: volume {volume}, voxel {flat}: {expected}, got {got}",
            case.name
        );
    }
}

#[test]
#[ignore = "reads files written by nibabel: run by cargo xtask interop"]
fn what_nibabel_refuses_is_refused() {
    let refused = manifest().refused;
    assert!(!refused.is_empty());
    for file in refused {
        let path = root().join(&file);
        let opened = VolumeFile::open(&path).map(drop);
        for error in [opened.unwrap_err(), read_volume(&path).map(drop).unwrap_err()] {
            let innermost = error.innermost();
            assert!(
                matches!(innermost, Error::HeaderField { field: "scl_inter", .. }),
                "{file}: {error:?}"
            );
        }
    }
}

#[test]
#[ignore = "reads files written by nibabel: run by cargo xtask interop"]
fn files_of_nibabel_are_read_as_nibabel_reads_them() {
    let cases = cases();
    assert!(!cases.is_empty());
    for case in &cases {
        let expected = floats(&fs::read(root().join(&case.expected)).unwrap());
        assert_eq!(expected.len(), case.shape.iter().product::<usize>(), "{}", case.name);
        match case.shape[..] {
            // Further axes of these files have length 1.
            [nx, ny, nz, n_volumes, ..] => {
                let file = VolumeFile::open(root().join(&case.file)).unwrap();
                assert_eq!(file.grid().shape(), [nx, ny, nz], "{}", case.name);
                assert_eq!(file.n_volumes(), n_volumes, "{}", case.name);
                check_affine(case, file.grid().affine());
                let all = VoxelSelection::all([nx, ny, nz]).unwrap();
                check_rows(case, &expected, &all, &RowSelection::All);
                let scattered = (0..nx * ny * nz).filter(|flat| flat * flat % 7 == 2).collect();
                let scattered = VoxelSelection::new([nx, ny, nz], scattered).unwrap();
                let rows = RowSelection::Rows((0..n_volumes).skip(1).step_by(2).collect());
                check_rows(case, &expected, &scattered, &rows);
            }
            [nx, ny, nz] => {
                let volume = read_volume(root().join(&case.file)).unwrap();
                assert_eq!(volume.grid().shape(), [nx, ny, nz], "{}", case.name);
                check_affine(case, volume.grid().affine());
                for (flat, (&expected, &got)) in expected.iter().zip(volume.data()).enumerate() {
                    assert!(
                        same(expected, got),
                        "{}: voxel {flat}: {expected}, got {got}",
                        case.name
                    );
                }
            }
            _ => panic!("{}: shape {:?}", case.name, case.shape),
        }
    }
}

#[test]
#[ignore = "writes files for nibabel to read: run by cargo xtask interop"]
fn files_are_written_for_nibabel() {
    let directory = root().join("nifti/written");
    fs::create_dir_all(&directory).unwrap();
    let affine = Affine::from_rows([
        [-1.75, 0.0, 0.125, 120.5],
        [0.0, 1.75, 0.0, -130.25],
        [0.0, 0.25, 1.75, -60.0],
    ]);
    let turned = Spatial {
        qform_code: 1,
        sform_code: 0,
        qfac: -1.0,
        quatern: [0.5, -0.25, 0.125],
        qoffset: [10.0, -20.5, 30.25],
        pixdim: [1.5, 2.0, 2.5, 1.0, 1.0, 1.0, 1.0],
        ..Spatial::from_affine(&affine)
    };
    let mut spatials = vec![
        ("sform", [7, 5, 4], Spatial::from_affine(&affine)),
        ("qform", [7, 5, 4], turned.clone()),
        ("base", [7, 5, 4], Spatial { qform_code: 0, ..turned }),
        ("long", [1, 40_000, 2], Spatial::from_affine(&affine)),
    ];
    let copied = cases().into_iter().find(|case| case.shape.len() == 3).map(|case| {
        let volume = read_volume(root().join(&case.file)).unwrap();
        ("copied", volume.grid().shape(), volume.header().spatial().clone())
    });
    spatials.extend(copied);

    let mut written = Vec::new();
    for (name, shape, spatial) in &spatials {
        let n: usize = shape.iter().product();
        let mut values: Vec<f32> = (0..n).map(|flat| (flat as f32).sin() * 100.0).collect();
        values[n / 2] = f32::NAN;
        let mask: Vec<u8> = (0..n).map(|flat| (flat % 3 == 1) as u8).collect();
        let mask_values: Vec<f32> = mask.iter().map(|&value| f32::from(value)).collect();
        for suffix in ["nii", "nii.gz"] {
            for (kind, expected_values) in [("map", &values), ("mask", &mask_values)] {
                let file = format!("nifti/written/{name}_{kind}.{suffix}");
                let path = root().join(&file);
                if kind == "map" {
                    write_volume(&path, spatial, *shape, &values).unwrap();
                } else {
                    write_volume(&path, spatial, *shape, &mask).unwrap();
                }
                let expected = format!("nifti/written/{name}_{kind}.f32");
                let bytes: Vec<u8> =
                    expected_values.iter().flat_map(|value| value.to_le_bytes()).collect();
                fs::write(root().join(&expected), bytes).unwrap();
                let affine = spatial.affine(&shape.map(|n| n as u64), Version::One).unwrap();
                written.push(Written {
                    file,
                    expected,
                    shape: *shape,
                    affine: affine.matrix(),
                    qform_code: spatial.qform_code,
                    sform_code: spatial.sform_code,
                });
            }
        }
    }
    let manifest = serde_json::json!({ "cases": written });
    let manifest = serde_json::to_vec_pretty(&manifest).unwrap();
    fs::write(directory.join("manifest.json"), manifest).unwrap();
}
