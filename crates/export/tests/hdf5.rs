//! HDF5 files: what another library reads from them, and that no clock is in them.

use std::fs;

use array_export::{ArrayFormat, ArrayWriter, Error, read_arrays, write_arrays};
use hdf5_reader::{Datatype, Hdf5File, StringEncoding, StringPadding, StringSize};
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
    let file = Hdf5File::open(&path)?;
    let betas = file.dataset("betas")?;
    let bits: Vec<u32> = betas.read_array::<f32>()?.iter().map(|value| value.to_bits()).collect();
    let values = expected.array::<f32>("betas")?;
    assert_eq!(bits, values.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
    assert_eq!(betas.shape(), [3, 2]);
    assert_eq!(betas.attribute("dimension_names")?.read_string()?, "presentation neuroid");
    let images = file.dataset("image_name")?;
    assert_eq!(images.read_strings()?, expected.text("image_name")?);
    assert!(matches!(
        images.dtype(),
        Datatype::String {
            size: StringSize::Fixed(_),
            encoding: StringEncoding::Utf8,
            padding: StringPadding::NullPad,
        }
    ));
    let train = file.dataset("train")?;
    assert_eq!(train.read_raw_bytes()?, [1, 0, 1]);
    assert!(matches!(train.dtype(), Datatype::Enum { .. }), "booleans as h5py has them");
    let index = file.dataset("beta_index")?.read_array::<u64>()?;
    assert_eq!(index, array![1, 2, u64::MAX].into_dyn());
    let voxels = file.dataset("voxel_index")?.read_array::<i64>()?;
    assert_eq!(voxels, array![i64::MIN, 5].into_dyn());
    let ijk = file.dataset("voxel_ijk")?.read_array::<u8>()?;
    assert_eq!(ijk, array![[1_u8, 3, 5], [2, 4, 6]].into_dyn());
    assert_eq!(file.dataset("features")?.shape(), [3, 0]);
    assert!(matches!(file.dataset("features")?.dtype(), Datatype::FloatingPoint { size: 2, .. }));
    assert_eq!(Some(file.dataset("recipe")?.read_string()?), expected.recipe()?);
    let root = file.root_group()?;
    let text = |name: &str| root.attribute(name).and_then(|attribute| attribute.read_string());
    assert_eq!(text("coordinates")?, "image_name session voxel_index");
    assert_eq!(text("title")?, "few");
    Ok(())
}

#[test]
fn texts_are_as_long_as_the_longest() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("texts.h5");
    let long = "\u{fc}".repeat(40_000);
    write_arrays(&path, ArrayFormat::Hdf5, |file| -> Result<(), Error> {
        file.text("long", "x", &[&long, "", "a"])?;
        file.text("empty", "y", &["", ""])?;
        file.text("none", "z", &[] as &[&str])?;
        file.recipe(&long)
    })?;
    let file = Hdf5File::open(&path)?;
    assert_eq!(file.dataset("long")?.read_strings()?, [long.as_str(), "", "a"]);
    assert_eq!(file.dataset("empty")?.read_strings()?, ["", ""]);
    assert_eq!(file.dataset("none")?.shape(), [0]);
    assert_eq!(file.dataset("recipe")?.read_string()?, long);
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
    let file = Hdf5File::open(&path)?;
    for name in ["long", "wide"] {
        let values = file.dataset(name)?.read_array::<f32>()?;
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
    let written = write_arrays(&path, ArrayFormat::Hdf5, |file| {
        few(file)?;
        file.text("t", "presentation", &["one too few"])
    });
    assert!(matches!(written, Err(Error::DimensionLength { .. })), "{written:?}");
    assert!(names(directory.path()).is_empty());
    Ok(())
}
