//! Files exchanged with nibabel: its files are read here, and it reads what the fixtures write.
//!
//! The directory named by `LAION_FMRI_INTEROP` holds `surface/manifest.json`; all paths in it are
//! relative to that directory, and `expected` files hold little-endian float64 in C order.
#![cfg(test)]

use std::fs;
use std::path::PathBuf;

use fixtures::bucket::Bucket;
use gifti_surface::fs::{ReadGiftiError, read_gifti, read_label};
use gifti_surface::{GiftiError, Values};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Manifest {
    gifti: Vec<GiftiCase>,
    external: Vec<String>,
    labels: Vec<LabelCase>,
}

#[derive(Deserialize)]
struct GiftiCase {
    file: String,
    arrays: Vec<ArrayCase>,
}

#[derive(Deserialize)]
struct ArrayCase {
    intent: String,
    shape: Vec<usize>,
    data_type: String,
    expected: String,
}

#[derive(Deserialize, Serialize)]
struct LabelCase {
    file: String,
    vertices: Vec<u32>,
}

#[derive(Serialize)]
struct MaskCase {
    file: String,
    mask: Vec<bool>,
}

#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set"))
}

fn manifest() -> Manifest {
    serde_json::from_slice(&fs::read(root().join("surface/manifest.json")).unwrap()).unwrap()
}

fn as_f64(values: &Values) -> Vec<f64> {
    fn widened<T: Copy + Into<f64>>(values: &[T]) -> Vec<f64> {
        values.iter().map(|value| (*value).into()).collect()
    }
    match values {
        Values::Int8(values) => widened(values),
        Values::UInt8(values) => widened(values),
        Values::Int16(values) => widened(values),
        Values::UInt16(values) => widened(values),
        Values::Int32(values) => widened(values),
        Values::UInt32(values) => widened(values),
        Values::Float32(values) => widened(values),
        Values::Float64(values) => values.clone(),
        other => panic!("{:?}", other.data_type()),
    }
}

#[test]
#[ignore = "reads files written by nibabel: run by cargo xtask interop"]
fn gifti_files_are_read_as_nibabel_reads_them() {
    let cases = manifest().gifti;
    assert!(cases.len() > 50);
    for GiftiCase { file, arrays } in cases {
        let gifti = read_gifti(root().join(&file)).unwrap();
        assert_eq!(gifti.arrays().len(), arrays.len(), "{file}");
        for (array, expected) in gifti.arrays().iter().zip(arrays) {
            assert_eq!(array.intent(), expected.intent, "{file}");
            assert_eq!(array.shape(), expected.shape, "{file}");
            assert_eq!(array.values().data_type().name(), expected.data_type, "{file}");
            let bytes = fs::read(root().join(&expected.expected)).unwrap();
            let values: Vec<f64> =
                bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
            let got = as_f64(array.values());
            assert_eq!(got.len(), values.len(), "{file}");
            for (index, (got, expected)) in got.iter().zip(&values).enumerate() {
                let same = got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
                assert!(same, "{file}: value {index}: {expected}, got {got}");
            }
        }
    }
}

#[test]
#[ignore = "reads files written by nibabel: run by cargo xtask interop"]
fn external_data_are_refused() {
    for file in manifest().external {
        let error = read_gifti(root().join(&file)).unwrap_err();
        assert!(
            matches!(&error, ReadGiftiError::Read { source: GiftiError::ExternalFile { array: 0, file }, .. } if file == "external.dat"),
            "{error:?}"
        );
    }
}

#[test]
#[ignore = "reads files that nibabel read: run by cargo xtask interop"]
fn labels_are_read_as_nibabel_reads_them() {
    let cases = manifest().labels;
    assert!(!cases.is_empty());
    for LabelCase { file, vertices } in cases {
        assert_eq!(read_label(root().join(&file)).unwrap(), vertices, "{file}");
    }
}

#[test]
#[ignore = "leaves files for nibabel to read: run by cargo xtask interop"]
fn files_of_the_fixture_bucket_are_left_for_nibabel() {
    let bucket = Bucket::temporary().unwrap();
    let (mut masks, mut labels) = (Vec::new(), Vec::new());
    for (key, _) in bucket.keys().iter().filter(|(key, _)| key.contains("space-fsnative_label-")) {
        let name = key.rsplit('/').next().unwrap();
        let file = format!("surface/written/{name}");
        let path = root().join(&file);
        fs::copy(bucket.path(key), &path).unwrap();
        if name.ends_with(".label") {
            labels.push(LabelCase { file, vertices: read_label(&path).unwrap() });
        } else {
            let mask = read_gifti(&path).unwrap().first().unwrap().nonzero_mask();
            masks.push(MaskCase { file, mask });
        }
    }
    assert!(masks.len() > 8 && labels.len() == masks.len());
    let manifest = serde_json::json!({ "masks": masks, "labels": labels });
    let path = root().join("surface/written/manifest.json");
    fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
}
