//! Z-scores within sessions or runs, safe against NaN and constant voxels.

use std::hash::Hash;

use indexmap::IndexMap;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::{Error, Result};

/// How z-scores are computed. By default as in the dataset's own recipes: population standard
/// deviation, NaN left out of the statistics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZscoreOptions {
    /// Subtracted from the number of rows in the divisor of the variance: 0 as numpy does, 1 for
    /// the unbiased estimate.
    pub ddof: usize,
    /// What a NaN does to its column.
    pub nan: NanPolicy,
    /// The rows that mean and standard deviation are computed from, one flag per row: the training
    /// rows, so that nothing of the test rows leaks into the statistics. Without it all rows.
    pub fit_rows: Option<Vec<bool>>,
}

impl ZscoreOptions {
    /// With another `ddof`.
    #[must_use]
    pub fn ddof(mut self, ddof: usize) -> Self {
        self.ddof = ddof;
        self
    }

    /// With another policy for NaN.
    #[must_use]
    pub fn nan(mut self, nan: NanPolicy) -> Self {
        self.nan = nan;
        self
    }

    /// With statistics from these rows only.
    #[must_use]
    pub fn fit_rows(mut self, rows: Vec<bool>) -> Self {
        self.fit_rows = Some(rows);
        self
    }
}

/// What a NaN does to the column it stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum NanPolicy {
    /// It stays NaN, and the statistics are those of the other rows (numpy's `nanmean`, `nanstd`).
    #[default]
    Omit,
    /// It makes its column NaN within the group (numpy's `mean`, `std`).
    Propagate,
}

/// What a z-score met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ZscoreReport {
    /// Columns, counted in each group, that had no variance and became 0.
    pub constant: usize,
    /// Columns, counted in each group, for which no statistics exist and which became NaN.
    pub undefined: usize,
    /// Values that were NaN before.
    pub nan: usize,
}

/// Replaces each value by its distance from the mean of its column, in standard deviations,
/// separately within each group of rows.
///
/// `within` names the group of each row, such as its session; one group for all rows is
/// `&vec![(); n_rows]`. Sums run in float64 in row order, so results do not depend on threads. A
/// column without variance becomes 0; the published recipe would divide by zero there.
///
/// # Errors
///
/// [`Error::DoesNotFit`] when `within` or `fit_rows` has not one entry for each row.
///
/// ```
/// use laion_fmri::{Dataset, ZscoreOptions, zscore};
///
/// # let bucket = fixtures::Bucket::example()?;
/// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
/// let mut all = subject.betas().roi("face").sessions(["ses-01", "ses-02"]).concat()?;
/// let report = zscore(&mut all.betas, &all.sessions, &ZscoreOptions::default())?;
/// let mean: f32 = all.betas.column(3).iter().filter(|z| z.is_finite()).sum();
/// assert!(mean.abs() < 1e-3 && report.undefined <= 2 * all.betas.ncols());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn zscore<G: Eq + Hash>(
    betas: &mut Array2<f32>,
    within: &[G],
    options: &ZscoreOptions,
) -> Result<ZscoreReport> {
    zscore_view(betas.view_mut(), within, options)
}

/// As [`zscore`], for a part of an array.
pub(crate) fn zscore_view<G: Eq + Hash>(
    mut betas: ArrayViewMut2<'_, f32>,
    within: &[G],
    options: &ZscoreOptions,
) -> Result<ZscoreReport> {
    let rows = betas.nrows();
    for (what, length) in [
        ("the groups of a z-score", Some(within.len())),
        ("the rows that a z-score is fitted on", options.fit_rows.as_ref().map(Vec::len)),
    ] {
        if let Some(got) = length.filter(|length| *length != rows) {
            return Err(Error::DoesNotFit {
                what: what.to_owned(),
                expected: format!("an entry for each of {rows} rows"),
                got: format!("{got} entries"),
            });
        }
    }
    let mut report = ZscoreReport::default();
    for group in groups(within) {
        let fits = |row: &usize| options.fit_rows.as_ref().is_none_or(|fit| fit[*row]);
        let fit: Vec<usize> = group.iter().copied().filter(fits).collect();
        let statistics = ColumnStatistics::of(betas.view(), &fit, options.ddof, options.nan);
        statistics.apply(betas.view_mut(), &group, &mut report);
    }
    Ok(report)
}

/// The rows of each group, in the order in which the groups first appear.
pub(crate) fn groups<G: Eq + Hash>(within: &[G]) -> Vec<Vec<usize>> {
    let mut groups: IndexMap<&G, Vec<usize>> = IndexMap::new();
    for (row, name) in within.iter().enumerate() {
        groups.entry(name).or_default().push(row);
    }
    groups.into_values().collect()
}

/// Mean and standard deviation of each column over some rows, in float64.
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "Moments")]
pub struct ColumnStatistics {
    pub(crate) means: Vec<f64>,
    /// NaN where the divisor of the variance is not above 0.
    pub(crate) deviations: Vec<f64>,
}

impl ColumnStatistics {
    /// The mean of each column, shape `(n_columns,)`; NaN for a column without a value.
    #[must_use]
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// The standard deviation of each column, shape `(n_columns,)`; NaN where the divisor of the
    /// variance is not above 0.
    #[must_use]
    pub fn deviations(&self) -> &[f64] {
        &self.deviations
    }

    /// Replaces each value of a row by its distance from the mean of its column, in standard
    /// deviations, as [`zscore`] does: 0 in a column without variance, NaN stays NaN.
    ///
    /// # Errors
    ///
    /// [`Error::ValuesLength`] when there is not one value for each column.
    pub fn zscore_row(&self, row: &mut [f32]) -> Result<()> {
        if row.len() != self.means.len() {
            return Err(Error::ValuesLength { expected: self.means.len(), got: row.len() });
        }
        let statistics = self.means.iter().zip(&self.deviations);
        for (value, (mean, deviation)) in row.iter_mut().zip(statistics) {
            *value = standardized(*value, *mean, *deviation);
        }
        Ok(())
    }

    /// Two passes over the rows in float64, in their order, each column on its own. The divisor of the
    /// variance is the number of values less `ddof`.
    pub(crate) fn of(
        betas: ArrayView2<'_, f32>,
        rows: &[usize],
        ddof: usize,
        nan: NanPolicy,
    ) -> Self {
        let counted = |value: f64| !(nan == NanPolicy::Omit && value.is_nan());
        let width = betas.ncols();
        let (mut sum, mut count) = (vec![0.0_f64; width], vec![0_usize; width]);
        for &row in rows {
            for ((sum, count), value) in sum.iter_mut().zip(&mut count).zip(betas.row(row)) {
                let value = f64::from(*value);
                if counted(value) {
                    *sum += value;
                    *count += 1;
                }
            }
        }
        let means: Vec<f64> = sum.iter().zip(&count).map(|(sum, n)| sum / *n as f64).collect();
        let mut squares = vec![0.0_f64; width];
        for &row in rows {
            for ((square, mean), value) in squares.iter_mut().zip(&means).zip(betas.row(row)) {
                let value = f64::from(*value);
                if counted(value) {
                    *square += (value - mean) * (value - mean);
                }
            }
        }
        let deviations = squares
            .iter()
            .zip(&count)
            .map(|(square, n)| match n.checked_sub(ddof) {
                Some(divisor) if divisor > 0 => (square / divisor as f64).sqrt(),
                _ => f64::NAN,
            })
            .collect();
        Self { means, deviations }
    }

    fn apply(&self, mut betas: ArrayViewMut2<'_, f32>, group: &[usize], report: &mut ZscoreReport) {
        report.constant += self.deviations.iter().filter(|deviation| **deviation == 0.0).count();
        report.undefined += self.deviations.iter().filter(|deviation| deviation.is_nan()).count();
        for &row in group {
            let statistics = self.means.iter().zip(&self.deviations);
            for (value, (mean, deviation)) in betas.row_mut(row).iter_mut().zip(statistics) {
                report.nan += usize::from(value.is_nan());
                *value = standardized(*value, *mean, *deviation);
            }
        }
    }
}

/// The distance from the mean in standard deviations; 0 without variance, unless the value is NaN.
fn standardized(value: f32, mean: f64, deviation: f64) -> f32 {
    if deviation == 0.0 && !value.is_nan() {
        return 0.0;
    }
    ((f64::from(value) - mean) / deviation) as f32
}

/// Statistics of rows that come one after the other, NaN left out, with the number of values as the
/// divisor of the variance. The sums are kept around the mean so far, so that they lose no digits.
pub(crate) struct RunningStatistics {
    counts: Vec<u32>,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl RunningStatistics {
    pub(crate) fn new(columns: usize) -> Self {
        let (means, squares) = (vec![0.0; columns], vec![0.0; columns]);
        Self { counts: vec![0; columns], means, squares }
    }

    /// Takes the next row.
    pub(crate) fn push(&mut self, row: &[f32]) {
        let sums = self.counts.iter_mut().zip(&mut self.means).zip(&mut self.squares);
        for (((count, mean), square), value) in sums.zip(row) {
            let value = f64::from(*value);
            if value.is_nan() {
                continue;
            }
            *count += 1;
            let distance = value - *mean;
            *mean += distance / f64::from(*count);
            *square += distance * (value - *mean);
        }
    }

    pub(crate) fn finish(self) -> ColumnStatistics {
        let or_nan = |count: &u32, value: f64| if *count == 0 { f64::NAN } else { value };
        let counted = |values: Vec<f64>| self.counts.iter().zip(values);
        let means = counted(self.means).map(|(count, mean)| or_nan(count, mean)).collect();
        let deviations = counted(self.squares)
            .map(|(count, square)| or_nan(count, (square / f64::from(*count)).sqrt()))
            .collect();
        ColumnStatistics { means, deviations }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    const NAN: f32 = f32::NAN;

    fn check(
        betas: Array2<f32>,
        within: &[&str],
        options: &ZscoreOptions,
        expected: Array2<f32>,
    ) -> ZscoreReport {
        let mut got = betas;
        let report = zscore(&mut got, within, options).unwrap();
        for ((position, got), expected) in got.indexed_iter().zip(&expected) {
            let same = (got - expected).abs() < 1e-6 || (got.is_nan() && expected.is_nan());
            assert!(same, "{position:?}: {got}, expected {expected}");
        }
        report
    }

    #[test]
    fn each_group_has_its_own_statistics() {
        let report = check(
            array![[1.0, 5.0], [10.0, 0.0], [3.0, 5.0], [30.0, 4.0]],
            &["a", "b", "a", "b"],
            &ZscoreOptions::default(),
            array![[-1.0, 0.0], [-1.0, -1.0], [1.0, 0.0], [1.0, 1.0]],
        );
        assert_eq!(report, ZscoreReport { constant: 1, undefined: 0, nan: 0 });
    }

    #[test]
    fn nan_is_left_out_or_spreads() {
        let betas = array![[1.0, NAN], [NAN, NAN], [3.0, NAN]];
        let group = ["a"; 3];
        let omitted = array![[-1.0, NAN], [NAN, NAN], [1.0, NAN]];
        let report = check(betas.clone(), &group, &ZscoreOptions::default(), omitted);
        assert_eq!(report, ZscoreReport { constant: 0, undefined: 1, nan: 4 });
        let options = ZscoreOptions::default().nan(NanPolicy::Propagate);
        let report = check(betas, &group, &options, Array2::from_elem((3, 2), NAN));
        assert_eq!(report.undefined, 2);
    }

    #[test]
    fn ddof_changes_the_divisor_and_may_leave_nothing() {
        let betas = array![[0.0], [2.0]];
        let options = ZscoreOptions::default().ddof(1);
        let half = 0.5_f32.sqrt();
        check(betas.clone(), &["a"; 2], &options, array![[-half], [half]]);
        let report = check(betas, &["a", "b"], &options, array![[NAN], [NAN]]);
        assert_eq!(report.undefined, 2);
    }

    #[test]
    fn statistics_may_come_from_some_rows_only() {
        let options = ZscoreOptions::default().fit_rows(vec![true, true, false]);
        check(array![[0.0], [2.0], [5.0]], &["a"; 3], &options, array![[-1.0], [1.0], [4.0]]);
    }

    #[test]
    fn lengths_have_to_fit() {
        let mut betas = array![[0.0_f32], [1.0]];
        let error = zscore(&mut betas, &["a"], &ZscoreOptions::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the groups of a z-score do not fit (expected an entry for each of 2 rows, got 1 entries)"
        );
        let options = ZscoreOptions::default().fit_rows(vec![true; 3]);
        let error = zscore(&mut betas, &["a"; 2], &options).unwrap_err();
        assert!(
            matches!(&error, Error::DoesNotFit { what, expected, got }
                if what.contains("fitted") && expected.contains("2 rows") && got == "3 entries"),
            "{error}"
        );
    }

    #[test]
    fn rows_that_come_one_by_one_give_the_same_statistics() {
        let rows =
            array![[1.0e6, NAN, 3.0, NAN], [1.0e6 + 1.0, 2.0, 3.0, NAN], [1.0e6, 7.5, 3.0, NAN]];
        let mut running = RunningStatistics::new(4);
        rows.rows().into_iter().for_each(|row| running.push(&row.to_vec()));
        let got = running.finish();
        let expected = ColumnStatistics::of(rows.view(), &[0, 1, 2], 0, NanPolicy::Omit);
        let pairs = got.means().iter().zip(expected.means());
        for (got, expected) in pairs.chain(got.deviations().iter().zip(expected.deviations())) {
            // Around a mean of a million, float64 has ten digits behind the point.
            let same = (got - expected).abs() <= 1e-10 * expected.abs().max(1.0);
            assert!(same || (got.is_nan() && expected.is_nan()), "{got}, expected {expected}");
        }
        let mut row = [1.0e6, NAN, 3.0, 1.0];
        got.zscore_row(&mut row).unwrap();
        let below = -(0.5_f32.sqrt());
        assert!((row[0] - below).abs() < 1e-6 && row[1].is_nan() && row[3].is_nan());
        assert_eq!(row[2], 0.0, "a column without variance");
        assert!(matches!(
            got.zscore_row(&mut [0.0]),
            Err(Error::ValuesLength { expected: 4, got: 1 })
        ));
    }
}
