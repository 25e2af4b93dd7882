//! Labelled arrays: what comes back, in which files, what is refused, and what is left when writing
//! fails.

use std::fs;
use std::path::Path;

use array_export::{
    ArrayDifference, ArrayFormat, ArrayWriter, ArraysDigest, Element, Error, RowWriter, f16,
    read_arrays, read_npz, write_arrays,
};
use ndarray::{Array2, ArrayView2, Axis, Slice, array};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::outputs::{TestResult, names};

const FORMATS: [(ArrayFormat, &str); 2] =
    [(ArrayFormat::Npz, "few.npz"), (ArrayFormat::Zarr, "few.zarr")];

const IMAGES: [&str; 3] = ["shared 01.jpg ", "\u{1d11e}\u{e9}.jpg", ""];

fn betas() -> Array2<f32> {
    array![[0.5, f32::NAN], [-0.0, 3.5], [4.5, f32::INFINITY]]
}

/// One array of every type, and a recipe that states the digest.
pub(crate) fn few(file: &mut ArrayWriter<'_>) -> Result<String, Error> {
    let betas = betas();
    file.attribute("title", "few");
    file.matrix("betas", ["presentation", "neuroid"], [3, 2], |rows| -> Result<(), Error> {
        rows.push(betas.slice_axis(Axis(0), Slice::from(..1)))?;
        rows.push(betas.slice_axis(Axis(0), Slice::from(1..1)))?;
        rows.push(betas.slice_axis(Axis(0), Slice::from(1..)))
    })?;
    file.text("image_name", "presentation", &IMAGES)?;
    file.array("session", &["presentation"], array![1i32, 2, 3].view())?;
    file.array("beta_index", &["presentation"], array![1u64, 2, u64::MAX].view())?;
    file.array("train", &["presentation"], array![true, false, true].view())?;
    file.array("voxel_index", &["neuroid"], array![i64::MIN, 5].view())?;
    file.array("voxel_ijk", &["neuroid", "axis"], array![[1u8, 2], [3, 4], [5, 6]].t())?;
    file.array("nc_4rep", &["neuroid"], array![30.5f64, f64::NAN].view())?;
    let features = Array2::from_shape_fn((3, 0), |_| f16::ONE);
    file.array("features", &["presentation", "feature"], features.view())?;
    file.coordinates(["image_name", "session", "nothing", "voxel_index"]);
    let digest = file.digest().sha256();
    file.recipe(&format!("sha256 = \"{digest}\"\n# \u{e9}\n"))?;
    Ok(digest.to_string())
}

#[test]
fn every_array_comes_back_from_every_format() -> TestResult {
    let directory = tempfile::tempdir()?;
    let mut digests = Vec::new();
    for (format, name) in FORMATS {
        let path = directory.path().join(name);
        let digest = write_arrays(&path, format, few)?;
        let mut file = read_arrays(&path)?;
        assert_eq!(
            file.names()?,
            [
                "beta_index",
                "betas",
                "features",
                "image_name",
                "nc_4rep",
                "session",
                "train",
                "voxel_ijk",
                "voxel_index"
            ]
        );
        let bits = |values: ndarray::ArrayD<f32>| values.mapv(f32::to_bits);
        assert_eq!(bits(file.array("betas")?), bits(betas().into_dyn()));
        assert_eq!(file.text("image_name")?, IMAGES);
        assert_eq!(file.array::<i32>("session")?, array![1, 2, 3].into_dyn());
        assert_eq!(file.array::<u64>("beta_index")?, array![1, 2, u64::MAX].into_dyn());
        assert_eq!(file.array::<bool>("train")?, array![true, false, true].into_dyn());
        assert_eq!(file.array::<i64>("voxel_index")?, array![i64::MIN, 5].into_dyn());
        assert_eq!(file.array::<u8>("voxel_ijk")?, array![[1, 3, 5], [2, 4, 6]].into_dyn());
        assert_eq!(file.shape("features")?, [3, 0]);
        assert!(file.array::<f16>("features")?.is_empty());
        assert_eq!(file.array::<f64>("nc_4rep")?[[0]], 30.5);
        let recipe = format!("sha256 = \"{digest}\"\n# \u{e9}\n");
        assert_eq!(file.recipe()?.as_deref(), Some(recipe.as_str()));
        assert_eq!(file.digest()?.sha256().to_string(), digest);
        digests.push(digest);
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(names(directory.path()), ["few.npz", "few.zarr"]);
    Ok(())
}

/// Writes and reads one array of a type, in every format.
fn check_type<T: Element + PartialEq + std::fmt::Debug>(values: [T; 2]) -> TestResult {
    let directory = tempfile::tempdir()?;
    let array = ndarray::Array1::from_vec(values.to_vec());
    let npy = directory.path().join("a.npy");
    array_export::write_npy(&npy, &array)?;
    assert_eq!(array_export::read_npy::<T>(&npy)?, array.clone().into_dyn());
    for (format, name) in FORMATS {
        let path = directory.path().join(name);
        write_arrays::<_, Error>(&path, format, |file| file.array("a", &["x"], &array))?;
        assert_eq!(read_arrays(&path)?.array::<T>("a")?, array.clone().into_dyn());
    }
    Ok(())
}

#[test]
fn integers_of_every_size_come_back() -> TestResult {
    check_type([i8::MIN, i8::MAX])?;
    check_type([i16::MIN, i16::MAX])?;
    check_type([i32::MIN, i32::MAX])?;
    check_type([i64::MIN, i64::MAX])?;
    check_type([u8::MIN, u8::MAX])?;
    check_type([u16::MIN, u16::MAX])?;
    check_type([u32::MIN, u32::MAX])?;
    check_type([u64::MIN, u64::MAX])
}

#[test]
fn arrays_are_taken_by_reference_as_views_and_as_lists() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("a.npy");
    let array = array![1i32, 2, 3];
    array_export::write_npy(&path, &array)?;
    let expected = fs::read(&path)?;
    array_export::write_npy(&path, array.view())?;
    assert_eq!(fs::read(&path)?, expected);
    array_export::write_npy(&path, &[1, 2, 3])?;
    assert_eq!(fs::read(&path)?, expected);
    array_export::write_npy(&path, &vec![1, 2, 3])?;
    assert_eq!(fs::read(&path)?, expected);
    Ok(())
}

#[test]
fn the_digest_is_the_documented_text() -> TestResult {
    let mut digest = ArraysDigest::default();
    digest.text("b", &["x", "yz"])?;
    digest.array("a", array![[1.0f32, 2.0]].view());
    // Computed by hashlib from the bytes written out.
    let expected = "\
        b9c80b5adeca450753a16950c3cc655d271f7bef7a485bc83f112b72fef21d37 <f4 [1,2] a\n\
        c6a7e87d8c1f83407c8a027ea5711d29764ba89c1fb9a848d2625ae2deac27fb <U2 [2] b\n";
    assert_eq!(digest.to_string(), expected);
    let sha256 = "843f3cc2f38c82ee31b1632143f308c0da6e07f46bfe3fbe6d05fd2235833eb4";
    assert_eq!(digest.sha256().to_string(), sha256);
    Ok(())
}

#[test]
fn digests_do_not_depend_on_order_or_memory_order() {
    let matrix = array![[1i32, 2, 3], [4, 5, 6]];
    let mut one = ArraysDigest::default();
    one.array("a", matrix.view());
    one.array("b", array![true].view());
    let mut other = ArraysDigest::default();
    other.array("b", array![true].view());
    other.array("a", matrix.t().as_standard_layout().t());
    assert_eq!(one, other);
    assert_eq!(one.sha256(), other.sha256());
    other.array("a", matrix.t());
    other.array("c", array![0u8].view());
    let differences = one.differences(&other);
    let names: Vec<&str> = differences.iter().map(|difference| difference.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    let ArrayDifference { expected, got, .. } = &differences[0];
    assert_eq!(expected.as_ref().map(|digest| &digest.shape[..]), Some(&[3, 2][..]));
    assert_eq!(got.as_ref().map(|digest| &digest.shape[..]), Some(&[2, 3][..]));
    assert!(differences[1].expected.is_some() && differences[1].got.is_none());
    assert!(one.differences(&one.clone()).is_empty());
}

fn tree(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            let below = tree(&entry.path());
            files.extend(below.into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else {
            files.push((name, fs::read(entry.path()).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn the_same_arrays_are_the_same_bytes() -> TestResult {
    let directory = tempfile::tempdir()?;
    let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
    for path in [&one, &other] {
        fs::create_dir(path)?;
        for (format, name) in FORMATS {
            write_arrays(path.join(name), format, few)?;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let files = tree(&one);
    assert_eq!(files, tree(&other));
    // Two files for an array, one for the group, and the archive; the array without elements and
    // the recipe among them.
    assert_eq!(files.len(), 2 * 10 - 1 + 1 + 1);
    Ok(())
}

#[test]
fn zarr_documents_say_what_xarray_asks_for() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("few.zarr");
    write_arrays(&path, ArrayFormat::Zarr, few)?;
    let group: Value = serde_json::from_slice(&fs::read(path.join("zarr.json"))?)?;
    assert_eq!(
        group["attributes"],
        json!({"title": "few", "coordinates": "image_name session voxel_index"})
    );
    let arrays = &group["consolidated_metadata"]["metadata"];
    let array: Value = serde_json::from_slice(&fs::read(path.join("betas/zarr.json"))?)?;
    assert_eq!(arrays["betas"], array);
    assert_eq!(array["dimension_names"], json!(["presentation", "neuroid"]));
    assert_eq!(array["data_type"], json!("float32"));
    assert_eq!(
        arrays["image_name"]["data_type"],
        json!({"name": "fixed_length_utf32", "configuration": {"length_bytes": 56}})
    );
    assert_eq!(arrays["recipe"]["shape"], json!([]));
    assert_eq!(fs::read(path.join("session/c.0"))?, [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    Ok(())
}

#[test]
fn npz_keeps_attributes_and_the_recipe_as_texts() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("few.npz");
    write_arrays(&path, ArrayFormat::Npz, few)?;
    let mut npz = read_npz(&path)?;
    assert_eq!(npz.text("attributes")?, [r#"{"title":"few"}"#]);
    assert!(npz.text("recipe")?[0].starts_with("sha256 = "));
    Ok(())
}

#[test]
fn rows_are_read_in_blocks() -> TestResult {
    let directory = tempfile::tempdir()?;
    let matrix = Array2::from_shape_fn((7, 3), |(row, column)| (row * 3 + column) as f64);
    for (format, name) in FORMATS {
        let path = directory.path().join(name);
        write_arrays(&path, format, |file| {
            file.array("m", &["row", "column"], matrix.view())?;
            file.array("empty", &["row", "nothing"], Array2::<f64>::zeros((7, 0)).view())
        })
        .map_err(|error: Error| error)?;
        let mut file = read_arrays(&path)?;
        for (rows_per_block, expected) in [
            (0, vec![0, 1, 2, 3, 4, 5, 6]),
            (3, vec![0, 3, 6]),
            (7, vec![0]),
            (usize::MAX, vec![0]),
        ] {
            let mut starts = Vec::new();
            file.rows(
                "m",
                rows_per_block,
                |row, block: ArrayView2<'_, f64>| -> Result<(), Error> {
                    let end = row + block.nrows();
                    assert_eq!(block, matrix.slice_axis(Axis(0), Slice::from(row..end)));
                    starts.push(row);
                    Ok(())
                },
            )?;
            assert_eq!(starts, expected);
        }
        file.rows("empty", 2, |_, _: ArrayView2<'_, f64>| -> Result<(), Error> {
            panic!("there is nothing in it")
        })?;
        let stop = |_, _: ArrayView2<'_, f64>| Err(Error::SameMember { name: "x".into() });
        assert!(matches!(file.rows("m", 1, stop), Err(Error::SameMember { name }) if name == "x"));
        let other = file.rows("m", 1, |_, _: ArrayView2<'_, f32>| Ok::<_, Error>(()));
        assert!(matches!(other, Err(Error::NotMember { expected: "float32", .. })));
    }
    Ok(())
}

/// Writes one file by a closure that must fail, and checks that nothing is left.
fn refused(write: impl Fn(&mut ArrayWriter<'_>) -> Result<(), Error>) -> Error {
    let mut last = None;
    for (format, name) in FORMATS {
        let directory = tempfile::tempdir().unwrap();
        let error = write_arrays(directory.path().join(name), format, &write).unwrap_err();
        assert!(names(directory.path()).is_empty());
        last = Some(error);
    }
    last.unwrap()
}

#[test]
fn names_and_dimensions_are_checked() {
    let ok = array![1u8, 2];
    for name in
        ["", "a b", "a/b", "a\\b", ".a", "..", "__a", "a.npy", "a\n", "recipe", "attributes"]
    {
        let error = refused(|file| file.array(name, &["x"], ok.view()));
        assert!(matches!(&error, Error::MemberName { name: got, .. } if got == name), "{error}");
    }
    let long = "n".repeat(201);
    assert!(matches!(
        refused(|file| file.array(&long, &["x"], ok.view())),
        Error::MemberName { .. }
    ));
    let error = refused(|file| file.array("a", &["x y"], ok.view()));
    assert!(matches!(error, Error::MemberName { name, .. } if name == "x y"));
    let error = refused(|file| {
        file.array("a", &["x"], ok.view())?;
        file.array("a", &["x"], ok.view())
    });
    assert!(matches!(error, Error::SameMember { name } if name == "a"));
    let error = refused(|file| file.array("a", &["x", "y"], ok.view()));
    assert!(matches!(error, Error::Dimensions { name, expected: 1, got: 2 } if name == "a"),);
    let error = refused(|file| {
        file.array("a", &["x"], ok.view())?;
        file.text("b", "x", &["one"])
    });
    assert!(matches!(
        error,
        Error::DimensionLength { name, dimension, expected: 2, got: 1 }
            if name == "b" && dimension == "x"
    ));
    let error = refused(|file| file.array("a", &["x", "x"], array![[1u8, 2]].view()));
    assert!(matches!(error, Error::DimensionLength { expected: 1, got: 2, .. }));
    let error = refused(|file| file.text("b", "x", &["a", "b\0"]));
    assert!(matches!(error, Error::TrailingNul { name, index: 1 } if name == "b"));
    let error = refused(|file| {
        file.recipe("one")?;
        file.recipe("two")
    });
    assert!(matches!(error, Error::SameMember { name } if name == "recipe"));
}

#[test]
fn rows_are_counted() {
    let block = Array2::<f32>::zeros((2, 3));
    let error =
        refused(|file| file.matrix("m", ["x", "y"], [3, 3], |rows| rows.push(block.view())));
    assert!(matches!(error, Error::Rows { name, expected: 3, got: 2 } if name == "m"));
    let error =
        refused(|file| file.matrix("m", ["x", "y"], [1, 3], |rows| rows.push(block.view())));
    assert!(matches!(error, Error::Rows { expected: 1, got: 2, .. }));
    let error =
        refused(|file| file.matrix("m", ["x", "y"], [2, 2], |rows| rows.push(block.view())));
    assert!(matches!(error, Error::Columns { name, expected: 2, got: 3 } if name == "m"));
    // An array that was not finished cannot be in a file that is.
    let error = refused(|file| {
        let result: Result<(), Error> =
            file.matrix("m", ["x", "y"], [3, 3], |_: &mut RowWriter<'_, f32>| Ok(()));
        assert!(matches!(result, Err(Error::Rows { expected: 3, got: 0, .. })));
        Ok(())
    });
    assert!(matches!(error, Error::Write { .. }));
}

#[test]
fn a_group_replaces_a_group_and_nothing_else() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("out.zarr");
    let write = |n: u8| {
        write_arrays(&path, ArrayFormat::Zarr, |file| file.array("n", &["x"], array![n].view()))
    };
    write(1)?;
    write(2)?;
    assert_eq!(read_arrays(&path)?.array::<u8>("n")?, array![2].into_dyn());
    assert_eq!(names(directory.path()), ["out.zarr"]);
    let failed = write_arrays(&path, ArrayFormat::Zarr, |file| {
        file.array("other", &["x"], array![1u8].view())?;
        Err::<(), _>(Error::SameMember { name: "stop".into() })
    });
    assert!(matches!(failed, Err(Error::SameMember { .. })));
    assert_eq!(read_arrays(&path)?.names()?, ["n"]);
    assert_eq!(names(directory.path()), ["out.zarr"]);
    fs::remove_dir_all(&path)?;
    fs::create_dir(&path)?;
    write(3)?;
    assert_eq!(read_arrays(&path)?.array::<u8>("n")?, array![3].into_dyn());
    fs::remove_file(path.join("zarr.json"))?;
    let kept = tree(&path);
    assert!(matches!(write(4), Err(Error::NotReplaceable { path: got }) if got == path));
    assert_eq!(tree(&path), kept);
    fs::remove_dir_all(&path)?;
    fs::write(&path, "mine")?;
    assert!(matches!(write(5), Err(Error::NotReplaceable { .. })));
    assert_eq!(fs::read(&path)?, b"mine");
    let missing = directory.path().join("missing").join("out.zarr");
    let result = write_arrays(&missing, ArrayFormat::Zarr, few);
    assert!(matches!(result, Err(Error::ParentMissing { path, .. }) if path == missing));
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_to_a_group_is_replaced_itself() -> TestResult {
    let directory = tempfile::tempdir()?;
    let [there, link] = ["there.zarr", "link.zarr"].map(|name| directory.path().join(name));
    write_arrays(&there, ArrayFormat::Zarr, few)?;
    std::os::unix::fs::symlink(&there, &link)?;
    write_arrays(&link, ArrayFormat::Zarr, |file| file.array("n", &["x"], array![1u8].view()))
        .map_err(|error: Error| error)?;
    assert_eq!(read_arrays(&link)?.names()?, ["n"]);
    assert!(!link.symlink_metadata()?.is_symlink());
    assert_eq!(read_arrays(&there)?.names()?.len(), 9);
    assert_eq!(names(directory.path()), ["link.zarr", "there.zarr"]);
    Ok(())
}

#[test]
fn damaged_groups_are_told() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("few.zarr");
    write_arrays(&path, ArrayFormat::Zarr, few)?;
    let missing = read_arrays(&path)?.array::<f32>("none");
    assert!(matches!(missing, Err(Error::NoMember { name, .. }) if name == "none"));
    let wrong = read_arrays(&path)?.array::<f64>("betas");
    assert!(matches!(wrong, Err(Error::NotMember { expected: "float64", .. })));
    let chunk = path.join("betas").join("c.0.0");
    let bytes = fs::read(&chunk)?;
    fs::write(&chunk, &bytes[..20])?;
    let short = read_arrays(&path)?.digest();
    assert!(
        matches!(short, Err(Error::MemberLength { name, expected: 24, got: 0, .. }) if name == "betas")
    );
    fs::remove_file(&chunk)?;
    assert!(matches!(read_arrays(&path)?.array::<f32>("betas"), Err(Error::MemberLength { .. })));
    let document = fs::read_to_string(path.join("zarr.json"))?;
    fs::write(path.join("zarr.json"), document.replace("\"bytes\"", "\"gzip\""))?;
    assert!(matches!(read_arrays(&path)?.text("image_name"), Err(Error::NotMember { .. })));
    fs::write(path.join("zarr.json"), "{}")?;
    assert!(matches!(read_arrays(&path), Err(Error::NotZarr { path: got, .. }) if got == path));
    fs::write(path.join("zarr.json"), "{")?;
    assert!(matches!(read_arrays(&path), Err(Error::NotZarr { .. })));
    fs::remove_file(path.join("zarr.json"))?;
    assert!(matches!(read_arrays(&path), Err(Error::Read { .. })));
    Ok(())
}

#[test]
fn formats_are_told_by_the_name() {
    let format = ArrayFormat::from_path;
    assert_eq!(format("a/b.npz"), Some(ArrayFormat::Npz));
    assert_eq!(format("b.zarr"), Some(ArrayFormat::Zarr));
    assert_eq!(format("b.h5"), Some(ArrayFormat::Hdf5));
    assert_eq!(format("b.hdf5"), Some(ArrayFormat::Hdf5));
    assert_eq!(format("b.npy"), None);
    assert_eq!(format("npz"), None);
    assert!(ArrayFormat::Zarr.is_supported());
}

#[cfg(not(feature = "hdf5"))]
#[test]
fn hdf5_needs_its_feature() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("few.h5");
    let result = write_arrays(&path, ArrayFormat::Hdf5, few);
    assert!(matches!(
        result,
        Err(Error::Unsupported { path: got, feature: "hdf5" }) if got == path
    ));
    assert!(!ArrayFormat::Hdf5.is_supported());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_blocks_of_rows_give_the_same_file(
        rows in 0usize..20,
        columns in 0usize..5,
        block in 1usize..7,
        zarr: bool,
    ) {
        let matrix = Array2::from_shape_fn((rows, columns), |(row, column)| {
            (row * 7 + column) as f32
        });
        let directory = tempfile::tempdir()?;
        let format = if zarr { ArrayFormat::Zarr } else { ArrayFormat::Npz };
        let path = directory.path().join("m");
        let digest = write_arrays(&path, format, |file| -> Result<_, Error> {
            file.matrix("m", ["x", "y"], [rows, columns], |into| -> Result<(), Error> {
                for start in (0..rows).step_by(block) {
                    let end = rows.min(start + block);
                    into.push(matrix.slice_axis(Axis(0), Slice::from(start..end)))?;
                }
                Ok(())
            })?;
            Ok(file.digest().clone())
        })?;
        let mut expected = ArraysDigest::default();
        expected.array("m", matrix.view());
        prop_assert_eq!(&digest, &expected);
        let mut file = read_arrays(&path)?;
        prop_assert_eq!(file.digest()?, expected);
        prop_assert_eq!(file.array::<f32>("m")?, matrix.into_dyn());
    }
}
