//! Values as JSON.

use array_export::{ArrayFormat, ArraysDigest, Table};
use serde_json::{from_value, json, to_value};

#[test]
fn tables_are_maps_of_columns() {
    let mut table = Table::new();
    table.add("label", [Some("a"), None]).unwrap();
    table.add("n", [1, 2]).unwrap();
    table.add("nc", [0.5, f64::NAN]).unwrap();
    table.add("train", [true, false]).unwrap();
    let written =
        json!({"label": ["a", null], "n": [1, 2], "nc": [0.5, null], "train": [true, false]});
    assert_eq!(to_value(&table).unwrap(), written);
    let text = serde_json::to_string(&table).unwrap();
    assert!(text.starts_with(r#"{"label":"#), "{text}");
}

#[test]
fn digests_are_maps_of_arrays() {
    let mut digest = ArraysDigest::default();
    digest.array("n", &ndarray::array![1u8, 2, 3]);
    let sha256 = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81";
    let written = json!({"n": {"dtype": "|u1", "shape": [3], "sha256": sha256}});
    assert_eq!(to_value(&digest).unwrap(), written);
    let difference = &digest.differences(&ArraysDigest::default())[0];
    assert_eq!(to_value(difference).unwrap()["expected"], json!(null));
    assert_eq!(from_value::<ArrayFormat>(json!("zarr")).unwrap(), ArrayFormat::Zarr);
}
