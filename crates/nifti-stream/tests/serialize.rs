//! Values as JSON, checked when they are read.

use nifti_stream::{Affine, Grid, Header, RowSelection, Spatial, VoxelSelection};
use serde_json::{from_value, json, to_value};

use crate::support::Nifti;

const ROWS: [[f64; 4]; 3] = [[2., 0., 0., -9.], [0., 2., 0., 0.], [0., 0., 2., 0.5]];

#[test]
fn grids_and_selections_are_checked() {
    let grid = Grid::new([2, 3, 4], Affine::from_rows(ROWS)).unwrap();
    let written = json!({"shape": [2, 3, 4], "affine": ROWS});
    assert_eq!(to_value(grid).unwrap(), written);
    assert_eq!(from_value::<Grid>(written).unwrap(), grid);
    let huge = json!({"shape": [1 << 20, 1 << 20, 2], "affine": ROWS});
    assert!(from_value::<Grid>(huge).is_err());
    let selection = VoxelSelection::new([2, 3, 4], vec![1, 23]).unwrap();
    let written = json!({"shape": [2, 3, 4], "indices": [1, 23]});
    assert_eq!(to_value(&selection).unwrap(), written);
    assert_eq!(from_value::<VoxelSelection>(written).unwrap(), selection);
    let error = from_value::<VoxelSelection>(json!({"shape": [2, 3, 4], "indices": [24]}));
    assert!(error.unwrap_err().to_string().contains("24 at position 0"));
}

#[test]
fn rows_and_headers_have_plain_names() {
    for (rows, written) in
        [(RowSelection::All, json!("all")), (RowSelection::from(1..3), json!({"rows": [1, 2]}))]
    {
        assert_eq!(to_value(&rows).unwrap(), written);
        assert_eq!(from_value::<RowSelection>(written).unwrap(), rows);
    }
    let header = Header::read(&Nifti::new(&[3, 4, 5]).bytes()[..]).unwrap();
    let written = to_value(&header).unwrap();
    assert_eq!(written["shape"], json!([3, 4, 5]));
    assert_eq!(written["version"], json!("one"));
    assert_eq!(from_value::<Spatial>(written["spatial"].clone()).unwrap(), *header.spatial());
}
