//! HDF5 files: what the library reads from them, and that no clock is in them.

use std::fs;

use array_export::{ArrayFormat, ArrayWriter, Error, f16, read_arrays, write_arrays};
use hdf5::types::{FixedUnicode, VarLenUnicode};
use ndarray::{Array2, array};

use crate::arrays::few;
use crate::outputs::{TestResult, names};

#[test]
fn datasets_hold_what_was_written() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("few.h5");
    let digest = write_arrays(&path, ArrayFormat::Hdf5, few)?;
    let zarr = directory.path().join("few.zarr");
    assert_eq!(write_arrays(&zarr, ArrayFormat::Zarr, few)?, digest);
    let mut expected = read_arrays(&zarr)?;
    let file = hdf5::File::open(&path)?;
    let betas: Vec<u32> =
        file.dataset("betas")?.read_raw::<f32>()?.into_iter().map(f32::to_bits).collect();
    let values = expected.array::<f32>("betas")?;
    assert_eq!(betas, values.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
    assert_eq!(file.dataset("betas")?.shape(), [3, 2]);
    let names: VarLenUnicode = file.dataset("betas")?.attr("dimension_names")?.read_scalar()?;
    assert_eq!(names.as_str(), "presentation neuroid");
    let images = file.dataset("image_name")?.read_raw::<FixedUnicode<16>>()?;
    let images: Vec<&str> = images.iter().map(FixedUnicode::as_str).collect();
    assert_eq!(images, expected.text("image_name")?);
    assert_eq!(file.dataset("train")?.read_raw::<bool>()?, [true, false, true]);
    assert_eq!(file.dataset("beta_index")?.read_raw::<u64>()?, [1, 2, u64::MAX]);
    assert_eq!(file.dataset("voxel_index")?.read_raw::<i64>()?, [i64::MIN, 5]);
    assert_eq!(file.dataset("voxel_ijk")?.read_2d::<u8>()?, array![[1, 3, 5], [2, 4, 6]]);
    assert_eq!(file.dataset("features")?.shape(), [3, 0]);
    assert!(file.dataset("features")?.dtype()?.is::<f16>());
    let recipe: VarLenUnicode = file.dataset("recipe")?.read_scalar()?;
    assert_eq!(Some(recipe.as_str()), expected.recipe()?.as_deref());
    let coordinates: VarLenUnicode = file.attr("coordinates")?.read_scalar()?;
    assert_eq!(coordinates.as_str(), "image_name session voxel_index");
    let title: VarLenUnicode = file.attr("title")?.read_scalar()?;
    assert_eq!(title.as_str(), "few");
    Ok(())
}

/// Pieces that the library gets apart: several rows each, and rows longer than a piece.
fn large(file: &mut ArrayWriter<'_>) -> Result<(), Error> {
    for (name, rows, columns) in [("long", 1 << 12, 700), ("wide", 3, 400_001)] {
        let at = |(row, column)| (row * columns + column) as f32;
        let values = Array2::from_shape_fn((rows, columns), at);
        let (x, y) = (format!("{name}_x"), format!("{name}_y"));
        file.array(name, &[&x, &y], values.view())?;
    }
    Ok(())
}

#[test]
fn large_arrays_are_written_in_pieces() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("large.h5");
    write_arrays(&path, ArrayFormat::Hdf5, large)?;
    let file = hdf5::File::open(&path)?;
    for name in ["long", "wide"] {
        let values = file.dataset(name)?.read_raw::<f32>()?;
        assert!(values.iter().enumerate().all(|(index, &value)| value == index as f32), "{name}");
    }
    Ok(())
}

#[test]
fn the_same_arrays_are_the_same_bytes_whenever_they_are_written() -> TestResult {
    let directory = tempfile::tempdir()?;
    let [one, other] = ["one.h5", "other.h5"].map(|name| directory.path().join(name));
    write_arrays(&one, ArrayFormat::Hdf5, few)?;
    // The clock of the format counts seconds.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    write_arrays(&other, ArrayFormat::Hdf5, few)?;
    assert_eq!(fs::read(&one)?, fs::read(&other)?);
    assert_eq!(names(directory.path()), ["one.h5", "other.h5"]);
    Ok(())
}

#[test]
fn nothing_is_left_of_what_failed() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("few.h5");
    let text = "t".repeat(1025);
    let error = write_arrays(&path, ArrayFormat::Hdf5, |file| file.text("t", "x", &[&text]));
    assert!(matches!(error, Err(Error::Write { path: got, .. }) if got == path));
    assert!(names(directory.path()).is_empty());
    Ok(())
}
