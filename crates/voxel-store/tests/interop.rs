//! A store for zarr-python, xarray and dask to read.
//!
//! The directory named by `LAION_FMRI_INTEROP` gets `store/root.zarr`. What is in it follows from the
//! position alone, by the formulas below; `interop/check_store.py` computes them again.
#![cfg(test)]

use std::path::PathBuf;

use laion_fmri_base::Sha256;
use serde_json::{Map, json};
use voxel_store::{Error, MatrixOptions, Values, consolidate, write_group, write_new_group};

/// More columns than are written at once, and a last chunk that is not full.
const COLUMNS: usize = 1003;
/// Chunks of 30 and of 27 rows, the last ones not full.
const SESSIONS: [(&str, usize); 2] = [("ses-01", 59), ("ses-02", 107)];

fn value(session: usize, row: usize, column: usize) -> f32 {
    if column == 7 && row % 5 == 1 {
        return f32::NAN;
    }
    (session * 1_000_000 + row * 1009 + column) as f32 / 3.0
}

#[expect(clippy::disallowed_methods, reason = "the runner tells the place by a variable")]
fn root() -> PathBuf {
    PathBuf::from(std::env::var_os("LAION_FMRI_INTEROP").expect("LAION_FMRI_INTEROP is set"))
}

#[test]
#[ignore = "writes for Python; run by `cargo xtask interop`"]
fn a_store_for_zarr_python() {
    let data = root();
    let path = data.join("store").join("root.zarr");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let written = write_new_group(&path, |group| -> Result<(), Error> {
        group.attributes(Map::from_iter([("subject".to_owned(), json!("sub-03"))]));
        let index = (0..COLUMNS as u32).map(|column| column * 3).collect();
        group.array("voxel_index", &[("neuroid", COLUMNS)], &Values::Uint32(index))?;
        let ijk = (0..3 * COLUMNS as u32).collect();
        let dimensions = [("neuroid", COLUMNS), ("ijk", 3)];
        group.array("voxel_ijk", &dimensions, &Values::Uint32(ijk))?;
        let bits = (0..COLUMNS as u64).map(|column| column << 40).collect();
        let meanings = Map::from_iter([("flag_meanings".to_owned(), json!("a b"))]);
        let bits = Values::Uint64(bits);
        group.described_array("roi", &[("neuroid", COLUMNS)], &bits, meanings)?;
        let ceiling = (0..COLUMNS).map(|column| column as f32 / 7.0).collect();
        group.array("nc_12rep", &[("neuroid", COLUMNS)], &Values::Float32(ceiling))
    });
    assert!(written.unwrap());
    for (number, (name, n_rows)) in SESSIONS.into_iter().enumerate() {
        write_group(path.join(name), |group| -> Result<(), Error> {
            let names = (0..n_rows).map(|row| format!("shared_{row:04} ü.jpg"));
            let rows = [("presentation", n_rows)];
            group.array("image_name", &rows, &Values::texts(names))?;
            let runs = (0..n_rows).map(|row| row as i64 / 10 - 1).collect();
            group.array("run", &rows, &Values::Int64(runs))?;
            let flags = (0..n_rows).map(|row| row % 3 == 0).collect();
            group.array("train", &rows, &Values::Bool(flags))?;
            let mut options = MatrixOptions::default();
            options.chunk_rows = 30;
            let shape = [n_rows, COLUMNS];
            group.matrix("betas", ["presentation", "neuroid"], shape, &options, |rows| {
                for row in 0..n_rows {
                    let values: Vec<f32> =
                        (0..COLUMNS).map(|column| value(number, row, column)).collect();
                    rows.put(&values)?;
                }
                Ok::<_, Error>(Sha256([1; 32]))
            })?;
            Ok(())
        })
        .unwrap();
        consolidate(&path).unwrap();
    }
}
