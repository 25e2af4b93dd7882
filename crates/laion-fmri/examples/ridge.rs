//! Ridge regression from CLIP embeddings to one ROI: fitted on the training rows of a split, judged by
//! the correlation on its test rows. Run it with the output of
//!
//! ```text
//! laion-fmri extract --subject 01 --roi FFA1 --zscore session --average image --nan drop \
//!     --features CLIP --split tau --pool sub-01 -o ffa1.npz
//! ```
//!
//! It reads nothing else. `ridge.py` beside it does the same with numpy alone; both print the same line.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use laion_fmri::export::{f16, read_arrays};
use laion_fmri::ndarray::ArrayD;
use nalgebra::{DMatrix, DVectorView};

/// What large weights cost.
const PENALTY: f64 = 100.0;

fn main() -> Result<(), Box<dyn Error>> {
    let output = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: ridge OUTPUT")?;
    run(&output, &mut io::stdout())
}

pub(crate) fn run(output: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut file = read_arrays(output)?;
    let betas: ArrayD<f32> = file.array("betas")?;
    let features: ArrayD<f16> = file.array("features")?;
    let train = rows(&file.array("train")?);
    let test = rows(&file.array("test")?);

    let x = |rows: &[usize]| {
        DMatrix::from_fn(rows.len(), features.shape()[1], |row, column| {
            features[[rows[row], column]].to_f64()
        })
    };
    let y = |rows: &[usize]| {
        DMatrix::from_fn(rows.len(), betas.shape()[1], |row, column| {
            f64::from(betas[[rows[row], column]])
        })
    };
    // Both are centred on the training rows, so that no intercept is penalised.
    let centred = |values: DMatrix<f64>, on: &DMatrix<f64>| {
        let mean = on.row_mean();
        DMatrix::from_fn(values.nrows(), values.ncols(), |row, column| {
            values[(row, column)] - mean[column]
        })
    };
    let (x_train, y_train) = (centred(x(&train), &x(&train)), centred(y(&train), &y(&train)));
    let x_test = centred(x(&test), &x(&train));

    let penalty = DMatrix::identity(x_train.ncols(), x_train.ncols()) * PENALTY;
    let gram = x_train.tr_mul(&x_train) + penalty;
    let solver = gram.cholesky().ok_or("the features are not finite")?;
    let weights = solver.solve(&x_train.tr_mul(&y_train));

    let (predicted, measured) = (x_test * weights, y(&test));
    let mut correlations: Vec<f64> = (0..measured.ncols())
        .map(|voxel| {
            correlation(predicted.column(voxel).as_view(), measured.column(voxel).as_view())
        })
        .filter(|correlation| !correlation.is_nan())
        .collect();
    writeln!(
        out,
        "{} training and {} test rows, {} voxels: median correlation {:.6}",
        train.len(),
        test.len(),
        measured.ncols(),
        median(&mut correlations).ok_or("no voxel varies")?
    )?;
    Ok(())
}

/// The positions that a mask keeps.
fn rows(mask: &ArrayD<bool>) -> Vec<usize> {
    mask.iter().enumerate().filter(|(_, keep)| **keep).map(|(row, _)| row).collect()
}

/// Pearson's r; NaN when one of them does not vary.
fn correlation(one: DVectorView<'_, f64>, other: DVectorView<'_, f64>) -> f64 {
    let (one, other) = (one.add_scalar(-one.mean()), other.add_scalar(-other.mean()));
    one.dot(&other) / (one.norm() * other.norm())
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    Some(if values.len() % 2 == 1 { *upper } else { upper.midpoint(values[middle - 1]) })
}
