//! Values as JSON.

use gifti_surface::{Hemisphere, read_gifti};
use serde_json::{from_value, json, to_value};

#[test]
fn arrays_and_hemispheres_have_plain_names() {
    let file = r#"<?xml version="1.0"?><GIFTI Version="1.0" NumberOfDataArrays="1">
        <DataArray Intent="NIFTI_INTENT_SHAPE" DataType="NIFTI_TYPE_INT32" Dimensionality="1" Dim0="3"
            ArrayIndexingOrder="RowMajorOrder" Encoding="ASCII" Endian="LittleEndian">
        <Data>1 0 -1</Data></DataArray></GIFTI>"#;
    let gifti = read_gifti(file.as_bytes()).unwrap();
    assert!(gifti.iter().eq(gifti.arrays()));
    assert_eq!(gifti.first().unwrap().to_f64(), [1.0, 0.0, -1.0]);
    assert_eq!(
        to_value(&gifti).unwrap(),
        json!({"arrays": [{
            "intent": "NIFTI_INTENT_SHAPE",
            "shape": [3],
            "values": {"int32": [1, 0, -1]},
        }]})
    );
    assert_eq!(to_value(Hemisphere::Left).unwrap(), json!(Hemisphere::Left.as_str()));
    assert_eq!(from_value::<Hemisphere>(json!("R")).unwrap(), Hemisphere::Right);
    assert!(from_value::<Hemisphere>(json!("both")).is_err());
}
