//! The `fs` module: names in errors, and outputs that appear only when complete.

use std::fs;
use std::io;

use ndarray::Array2;
use nifti_stream::fs::{VolumeFile, read_header, read_volume, write_volume, write_volumes};
use nifti_stream::{Affine, Datatype, Error, RowSelection, Spatial, VoxelSelection, gz};

use crate::support::{Nifti, gzip};

fn spatial() -> Spatial {
    Spatial::from_affine(&Affine::from_rows(Nifti::SROW))
}

#[test]
fn files_are_sniffed_whatever_their_name() {
    let directory = tempfile::tempdir().unwrap();
    let nifti = Nifti::new(&[3, 4, 5, 2]);
    let selection = VoxelSelection::all([3, 4, 5]).unwrap();
    for (name, bytes) in [("a.nii", gzip(&nifti.bytes())), ("a.nii.gz", nifti.bytes())] {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        assert_eq!(read_header(&path).unwrap().shape(), [3, 4, 5, 2]);
        let mut file = VolumeFile::open(&path).unwrap();
        assert_eq!(file.path(), path);
        assert_eq!(file.n_volumes(), 2);
        assert_eq!(file.grid().shape(), [3, 4, 5]);
        assert_eq!(file.header().description(), "made by hand");
        let mut row = [0.0; 60];
        assert_eq!(file.read_row(&selection, &mut row).unwrap(), Some(0));
        assert_eq!(file.skip_volume().unwrap(), Some(1));
        assert_eq!(file.position(), 2);
        file.finish().unwrap();

        let mut out = Array2::zeros((2, 60));
        let file = VolumeFile::open(&path).unwrap();
        file.read_rows(&selection, &RowSelection::All, out.view_mut()).unwrap();
        assert_eq!(out.row(0).to_vec(), row);
    }
}

#[test]
fn errors_name_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing.nii.gz");
    for error in [
        VolumeFile::open(&path).unwrap_err(),
        read_volume(&path).unwrap_err(),
        read_header(&path).unwrap_err(),
    ] {
        assert_eq!(error.path(), Some(path.as_path()));
        assert_eq!(error.to_string(), format!("cannot read {}", path.display()));
        assert!(error.is_not_found());
    }

    let path = directory.path().join("cut.nii.gz");
    let bytes = gzip(&Nifti::new(&[3, 4, 5, 2]).bytes());
    fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    let selection = VoxelSelection::all([3, 4, 5]).unwrap();
    let mut out = Array2::zeros((2, 60));
    let file = VolumeFile::open(&path).unwrap();
    let error = file.read_rows(&selection, &RowSelection::All, out.view_mut()).unwrap_err();
    assert_eq!(error.path(), Some(path.as_path()));
    assert!(error.is_damaged());
    assert!(matches!(error.innermost(), Error::GzipTruncated { .. }));
}

#[test]
fn the_name_decides_about_compression_of_outputs() {
    let directory = tempfile::tempdir().unwrap();
    for (name, gzipped) in [("a.nii", false), ("a.nii.gz", true), ("A.NII.GZ", true)] {
        let path = directory.path().join(name);
        write_volume(&path, &spatial(), [2, 2, 2], &[1.5f32; 8]).unwrap();
        assert_eq!(fs::read(&path).unwrap()[..2] == gz::MAGIC, gzipped);
        assert_eq!(read_volume(&path).unwrap().data(), [1.5; 8]);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}

#[test]
fn volumes_are_written_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let shape = [3, 4, 5];
    let value = |volume: usize, voxel: usize| (volume * 100 + voxel) as f64 * 1e-50;
    for name in ["a.nii", "a.nii.gz"] {
        let path = directory.path().join(name);
        write_volumes(&path, &spatial(), shape, Some(3), |put| {
            (0..3).try_for_each(|volume| {
                put(&(0..60).map(|voxel| value(volume, voxel)).collect::<Vec<f64>>())
            })
        })
        .unwrap();
        let header = read_header(&path).unwrap();
        assert_eq!(header.shape(), [3, 4, 5, 3]);
        assert_eq!(header.datatype(), Datatype::F64);
    }
    let path = directory.path().join("b.nii");
    write_volumes(&path, &spatial(), shape, Some(2), |put| {
        put(&[1.5_f32; 60])?;
        put(&[2.5; 60])
    })
    .unwrap();
    let mut out = Array2::zeros((2, 60));
    let selection = VoxelSelection::all(shape).unwrap();
    let file = VolumeFile::open(&path).unwrap();
    file.read_rows(&selection, &RowSelection::All, out.view_mut()).unwrap();
    assert!(out.row(0).iter().all(|it| *it == 1.5) && out.row(1).iter().all(|it| *it == 2.5));
    // Neither more nor fewer than the header says.
    for given in [1, 3] {
        let error = write_volumes(&path, &spatial(), shape, Some(2), |put| {
            (0..given).try_for_each(|_| put(&[0.0_f32; 60]))
        });
        let error: Error = error.unwrap_err();
        assert_eq!(error.path(), Some(path.as_path()));
        let innermost = error.innermost();
        assert!(matches!(innermost, Error::VolumeCount { expected: 2, got } if *got == given));
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}

#[test]
fn failed_outputs_leave_nothing_and_spare_what_was_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.nii");
    fs::write(&path, "old").unwrap();
    let error = write_volume(&path, &spatial(), [2, 2, 2], &[1u8; 7]).unwrap_err();
    assert_eq!(error.path(), Some(path.as_path()));
    assert!(matches!(error.innermost(), Error::DataLength { expected: 8, got: 7, .. }));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);

    let taken = directory.path().join("taken.nii");
    fs::create_dir(&taken).unwrap();
    let error = write_volume(&taken, &spatial(), [2, 2, 2], &[1u8; 8]).unwrap_err();
    assert!(matches!(error.innermost(), Error::Write { .. }));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);

    let nowhere = directory.path().join("missing").join("a.nii");
    let error = write_volume(&nowhere, &spatial(), [2, 2, 2], &[1u8; 8]).unwrap_err();
    assert!(matches!(
        error.innermost(),
        Error::Write { source } if source.kind() == io::ErrorKind::NotFound
    ));
    assert_eq!(error.path(), Some(nowhere.as_path()));
}

#[cfg(unix)]
#[test]
fn outputs_have_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let usual = directory.path().join("usual");
    fs::write(&usual, "").unwrap();
    let path = directory.path().join("a.nii");
    write_volume(&path, &spatial(), [1, 1, 1], &[1u8]).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&usual));
}
