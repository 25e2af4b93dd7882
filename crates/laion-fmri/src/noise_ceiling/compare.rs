//! Two noise-ceiling maps, voxel by voxel.

use std::path::Path;

use ndarray::Array1;

use crate::{Error, Result, Subject, Voxels};

/// Differences in percentage points up to which voxels are counted.
pub const TOLERANCES: [f64; 5] = [1e-6, 1e-3, 1e-1, 1.0, 5.0];

/// How two maps differ; see [`compare`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NoiseCeilingComparison {
    /// Voxels of each map.
    pub n_voxels: usize,
    /// Voxels with a number in both; what follows is about these.
    pub n_both: usize,
    /// Voxels with a number in the first alone.
    pub n_first_only: usize,
    /// Voxels with a number in the second alone.
    pub n_second_only: usize,
    /// Voxels whose bits are the same.
    pub n_equal: usize,
    /// Pearson's correlation; NaN when one of the maps does not vary.
    pub correlation: f64,
    /// The largest difference, in percentage points; NaN without voxels.
    pub max_difference: f64,
    /// The mean of second less first, in percentage points; NaN without voxels.
    pub mean_difference: f64,
    /// The median of second / first, where both are above 0; NaN without such voxels.
    pub median_ratio: f64,
    /// The share of voxels that differ by at most each of [`TOLERANCES`]; NaN without voxels.
    pub within: [f64; TOLERANCES.len()],
}

/// Compares two maps at the same voxels.
///
/// # Errors
///
/// [`Error::ValuesLength`] when one is longer.
pub fn compare(first: &[f32], second: &[f32]) -> Result<NoiseCeilingComparison> {
    if first.len() != second.len() {
        return Err(Error::ValuesLength { expected: first.len(), got: second.len() });
    }
    let pairs = first.iter().zip(second);
    let only = |(a, b): &(&f32, &f32)| !a.is_nan() && b.is_nan();
    let n_first_only = pairs.clone().filter(only).count();
    let n_second_only = pairs.clone().filter(|(a, b)| only(&(*b, *a))).count();
    let n_equal = pairs.clone().filter(|(a, b)| !a.is_nan() && a.to_bits() == b.to_bits()).count();
    let both: Vec<(f64, f64)> = pairs
        .filter(|(a, b)| !a.is_nan() && !b.is_nan())
        .map(|(a, b)| (f64::from(*a), f64::from(*b)))
        .collect();
    let n = both.len() as f64;
    let difference = |(a, b): &(f64, f64)| (b - a).abs();
    let share = |tolerance: f64| {
        both.iter().filter(|pair| difference(pair) <= tolerance).count() as f64 / n
    };
    let mut ratios: Vec<f64> =
        both.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| b / a).collect();
    Ok(NoiseCeilingComparison {
        n_voxels: first.len(),
        n_both: both.len(),
        n_first_only,
        n_second_only,
        n_equal,
        correlation: correlation(&both),
        max_difference: both.iter().map(difference).fold(f64::NAN, f64::max),
        mean_difference: both.iter().map(|(a, b)| b - a).sum::<f64>() / n,
        median_ratio: median(&mut ratios),
        within: TOLERANCES.map(share),
    })
}

impl Subject {
    /// The values of a map file at the chosen voxels, in the order of the voxel axis: a volume on the
    /// grid of the brain mask (`.nii`, `.nii.gz`), or a `.npy` file of float32 or float64 on the
    /// voxel axis.
    ///
    /// # Errors
    ///
    /// [`Error::GridMismatch`]; [`Error::ValuesLength`]; [`Error::UnsupportedFormat`] for another
    /// extension; [`Error::Export`] and [`Error::Nifti`] when it cannot be read; as
    /// [`Voxels::resolve`].
    pub fn read_map(&self, path: impl AsRef<Path>, voxels: &Voxels) -> Result<Array1<f32>> {
        let path = path.as_ref();
        let name = path.to_string_lossy();
        let mask = voxels.resolve(self)?;
        if name.ends_with(".npy") {
            let values = read_numbers(path)?;
            if values.len() != mask.n_voxels() {
                return Err(Error::ValuesLength { expected: mask.n_voxels(), got: values.len() });
            }
            return Ok(Array1::from_vec(values));
        }
        if !(name.ends_with(".nii") || name.ends_with(".nii.gz")) {
            return Err(Error::UnsupportedFormat {
                what: "map",
                path: path.to_owned(),
                supported: &[".npy", ".nii", ".nii.gz"],
            });
        }
        let header = nifti_stream::fs::read_header(path)?;
        mask.brain().check_grid(path, &header.grid()?)?;
        let (_, values) = nifti_stream::fs::read_voxels(path, &mask.selection()?)?;
        Ok(Array1::from_vec(values))
    }
}

fn read_numbers(path: &Path) -> Result<Vec<f32>> {
    let array = match array_export::read_npy::<f32>(path) {
        Err(array_export::Error::NotNpy { .. }) => {
            array_export::read_npy::<f64>(path)?.mapv(|value| value as f32)
        }
        other => other?,
    };
    Ok(array.iter().copied().collect())
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let first = pairs.iter().map(|(a, _)| a).sum::<f64>() / n;
    let second = pairs.iter().map(|(_, b)| b).sum::<f64>() / n;
    let sum = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        pairs.iter().map(|(a, b)| of(a - first, b - second)).sum()
    };
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_and_what_is_measured() {
        let first = [10.0, 20.0, f32::NAN, 0.0, 40.0, f32::NAN];
        let second = [10.0, 20.05, 3.0, 0.0, f32::NAN, f32::NAN];
        let got = compare(&first, &second).unwrap();
        assert_eq!((got.n_voxels, got.n_both), (6, 3));
        assert_eq!((got.n_first_only, got.n_second_only, got.n_equal), (1, 1, 2));
        assert!((got.max_difference - 0.05).abs() < 1e-5);
        assert!((got.mean_difference - 0.05 / 3.0).abs() < 1e-5);
        assert!((got.median_ratio - (1.0 + 20.05 / 20.0) / 2.0).abs() < 1e-6);
        assert!(got.correlation > 0.999 && got.correlation < 1.0);
        assert_eq!(got.within, [2.0 / 3.0, 2.0 / 3.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn nothing_to_compare_is_told_by_nan() {
        let got = compare(&[f32::NAN], &[1.0]).unwrap();
        assert_eq!(got.n_both, 0);
        for value in [got.correlation, got.max_difference, got.mean_difference, got.median_ratio] {
            assert!(value.is_nan());
        }
        assert!(compare(&[1.0, 1.0], &[2.0, 3.0]).unwrap().correlation.is_nan());
        let error = compare(&[1.0], &[]).unwrap_err();
        assert!(matches!(error, Error::ValuesLength { expected: 1, got: 0 }));
    }
}
