//! Sparse weights: each target value is a weighted sum of a few source values.

use ndarray::{Array2, ArrayView2};

use crate::{Cancel, Error, Result};

/// Rows that go through the weights together, so that each weight is loaded once for all of them and
/// the values of a source lie side by side.
const LANES: usize = 8;

/// Weights by target. A target without any is outside of what the sources cover.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    n_sources: usize,
    /// Where the entries of each target begin, and where the last ones end.
    starts: Vec<u32>,
    sources: Vec<u32>,
    weights: Vec<f32>,
}

impl Weights {
    /// Weights over so many sources, without a target yet.
    pub(super) fn new(n_sources: usize) -> Self {
        Self { n_sources, starts: vec![0], sources: Vec::new(), weights: Vec::new() }
    }

    /// Of their parts; none when these do not fit each other.
    pub(super) fn from_parts(
        n_sources: usize,
        starts: Vec<u32>,
        sources: Vec<u32>,
        weights: Vec<f32>,
    ) -> Option<Self> {
        let is_whole = starts.first() == Some(&0)
            && starts.is_sorted()
            && starts.last().map(|end| *end as usize) == Some(sources.len())
            && sources.len() == weights.len()
            && sources.iter().all(|source| (*source as usize) < n_sources)
            && weights.iter().all(|weight| weight.is_finite());
        is_whole.then_some(Self { n_sources, starts, sources, weights })
    }

    /// Starts, sources and weights.
    pub(super) fn parts(&self) -> (&[u32], &[u32], &[f32]) {
        (&self.starts, &self.sources, &self.weights)
    }

    pub(super) fn n_sources(&self) -> usize {
        self.n_sources
    }

    pub(super) fn n_targets(&self) -> usize {
        self.starts.len() - 1
    }

    /// The next target. Weights of 0 are left out, and those of one source are added up; an entry that
    /// is left out this way does not put the target outside.
    pub(super) fn push(&mut self, entries: &mut Vec<(u32, f64)>) -> Result<()> {
        entries.sort_unstable_by_key(|(source, _)| *source);
        let before = self.sources.len();
        for group in entries.chunk_by(|one, next| one.0 == next.0) {
            let weight = group.iter().map(|(_, weight)| weight).sum::<f64>();
            if weight != 0.0 {
                self.sources.push(group[0].0);
                self.weights.push(weight as f32);
            }
        }
        if let (true, Some((source, _))) = (self.sources.len() == before, entries.first()) {
            self.sources.push(*source);
            self.weights.push(0.0);
        }
        entries.clear();
        let end = u32::try_from(self.sources.len());
        self.starts.push(end.map_err(|_| too_many(self.n_targets(), self.n_sources))?);
        Ok(())
    }

    /// The entries of a target.
    pub(super) fn of(&self, target: usize) -> impl Iterator<Item = (u32, f32)> + use<'_> {
        let range = self.starts[target] as usize..self.starts[target + 1] as usize;
        let weights = self.weights[range.clone()].iter().copied();
        self.sources[range].iter().copied().zip(weights)
    }

    /// The targets without any source.
    pub(super) fn outside(&self) -> Vec<u32> {
        let ends = self.starts.windows(2).zip(0..);
        ends.filter(|(ends, _)| ends[0] == ends[1]).map(|(_, target)| target).collect()
    }

    /// These weights after others, whose targets are the sources of these: straight from the sources of
    /// `first` to the targets of these. A target that draws on one outside is outside.
    pub(super) fn after(&self, first: &Self) -> Result<Self> {
        let mut composed = Self::new(first.n_sources);
        let mut entries = Vec::new();
        for target in 0..self.n_targets() {
            for (between, weight) in self.of(target) {
                let before = entries.len();
                let weight = f64::from(weight);
                let through = first.of(between as usize);
                entries.extend(through.map(|(source, first)| (source, weight * f64::from(first))));
                if entries.len() == before {
                    entries.clear();
                    break;
                }
            }
            composed.push(&mut entries)?;
        }
        Ok(composed)
    }

    /// The same weights over chosen sources alone: `place` says where a source is among them. What was
    /// not chosen counts as 0, so a target may have no entry left without being outside.
    pub(super) fn chosen(&self, place: impl Fn(u32) -> Option<u32>, n_chosen: usize) -> Self {
        let mut chosen = Self::new(n_chosen);
        for target in 0..self.n_targets() {
            for (source, weight) in self.of(target) {
                if let Some(source) = place(source) {
                    chosen.sources.push(source);
                    chosen.weights.push(weight);
                }
            }
            // Not more than there were.
            chosen.starts.push(chosen.sources.len() as u32);
        }
        chosen
    }

    /// The weighted sums of one row; NaN counts as 0.
    pub(super) fn apply(&self, row: &[f32]) -> Vec<f32> {
        let known: Vec<f32> = row.iter().map(|value| known(*value)).collect();
        let sum = |target| {
            self.of(target).fold(0.0, |sum, (source, weight)| sum + weight * known[source as usize])
        };
        (0..self.n_targets()).map(sum).collect()
    }

    /// The weighted sums of several rows, of shape `(n_rows, n_sources)`, by so many threads.
    pub(super) fn apply_rows(
        &self,
        rows: ArrayView2<'_, f32>,
        jobs: usize,
        cancel: &Cancel,
    ) -> Result<Array2<f32>> {
        let (n_rows, n_targets) = (rows.nrows(), self.n_targets());
        let mut sums = zeros(n_rows, n_targets)?;
        if n_targets == 0 {
            return Ok(sums);
        }
        // INVARIANT: a new array is contiguous.
        let out = sums.as_slice_mut().expect("contiguous");
        let blocks = out.chunks_mut(LANES * n_targets).enumerate();
        let tile = || vec![[0.0_f32; LANES]; self.n_sources];
        laion_fmri_base::parallel_map_with(jobs, blocks, tile, |tile, (block, out)| {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let lanes = out.len() / n_targets;
            for lane in 0..lanes {
                let row = rows.row(block * LANES + lane);
                tile.iter_mut().zip(row).for_each(|(tile, value)| tile[lane] = known(*value));
            }
            for target in 0..n_targets {
                let mut sum = [0.0_f32; LANES];
                for (source, weight) in self.of(target) {
                    let values = &tile[source as usize];
                    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
                }
                for (lane, sum) in sum.iter().enumerate().take(lanes) {
                    out[lane * n_targets + target] = *sum;
                }
            }
            Ok(())
        })?;
        Ok(sums)
    }
}

/// A value as it enters a sum.
fn known(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value }
}

fn zeros(rows: usize, columns: usize) -> Result<Array2<f32>> {
    let mut values: Vec<f32> = Vec::new();
    let length = rows.checked_mul(columns);
    let reserved = length.map(|length| values.try_reserve_exact(length));
    let (Some(length), Some(Ok(()))) = (length, reserved) else {
        return Err(too_many(rows, columns));
    };
    values.resize(length, 0.0);
    // INVARIANT: the length is the product of the two.
    Ok(Array2::from_shape_vec((rows, columns), values).expect("rows times columns"))
}

fn too_many(rows: usize, columns: usize) -> Error {
    Error::OutOfMemory { rows, columns }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn weights(n_sources: usize, targets: &[&[(u32, f64)]]) -> Weights {
        let mut weights = Weights::new(n_sources);
        targets.iter().for_each(|entries| weights.push(&mut entries.to_vec()).unwrap());
        weights
    }

    fn sample() -> Weights {
        weights(4, &[&[(2, 0.5), (0, 0.5)], &[], &[(3, 0.75), (3, 0.25)], &[(1, 0.0)]])
    }

    #[test]
    fn sums_are_weighted_and_nan_counts_as_zero() {
        let weights = sample();
        assert_eq!((weights.n_sources(), weights.n_targets()), (4, 4));
        assert_eq!(weights.outside(), [1]);
        assert_eq!(weights.apply(&[1.0, 9.0, 3.0, 7.0]), [2.0, 0.0, 7.0, 0.0]);
        assert_eq!(weights.apply(&[f32::NAN, f32::INFINITY, 3.0, 7.0])[..3], [1.5, 0.0, 7.0]);
    }

    #[test]
    fn many_rows_are_as_one_by_one() {
        let weights = sample();
        for n_rows in [0, 1, 7, 8, 9, 40] {
            let rows = Array2::from_shape_fn((n_rows, 4), |(row, source)| {
                if (row + source) % 5 == 4 { f32::NAN } else { (row * 4 + source) as f32 }
            });
            for jobs in [1, 3] {
                let sums = weights.apply_rows(rows.view(), jobs, &Cancel::new()).unwrap();
                assert_eq!(sums.dim(), (n_rows, 4));
                for (sum, row) in sums.rows().into_iter().zip(rows.rows()) {
                    assert_eq!(sum.to_vec(), weights.apply(&row.to_vec()));
                }
            }
        }
        let cancel = Cancel::new();
        cancel.cancel();
        let error = weights.apply_rows(array![[0.0, 0.0, 0.0, 0.0]].view(), 1, &cancel);
        assert!(matches!(error, Err(Error::Cancelled)));
    }

    #[test]
    fn composed_weights_are_one_after_the_other() {
        let first = sample();
        let then = weights(4, &[&[(0, 0.25), (2, 0.75)], &[(2, 1.0)], &[(0, 0.5), (1, 0.5)], &[]]);
        let composed = then.after(&first).unwrap();
        let row = [1.0, 9.0, 3.0, 7.0];
        let both = then.apply(&first.apply(&row));
        assert_eq!(composed.apply(&row)[..2], both[..2]);
        // What draws on a target outside is outside, and so is what draws on nothing.
        assert_eq!(composed.outside(), [2, 3]);
    }

    #[test]
    fn chosen_sources_are_counted_anew() {
        let chosen = sample().chosen(|source| [None, None, Some(0), Some(1)][source as usize], 2);
        assert_eq!(chosen.apply(&[3.0, 7.0]), [1.5, 0.0, 7.0, 0.0]);
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let weights = sample();
        let (starts, sources, values) = weights.parts();
        let of = |n, starts: &[u32], sources: &[u32], values: &[f32]| {
            Weights::from_parts(n, starts.to_vec(), sources.to_vec(), values.to_vec())
        };
        assert_eq!(of(4, starts, sources, values), Some(weights.clone()));
        assert_eq!(of(3, starts, sources, values), None);
        assert_eq!(of(4, &starts[1..], sources, values), None);
        assert_eq!(of(4, starts, &sources[1..], &values[1..]), None);
        assert_eq!(of(4, starts, sources, &values[1..]), None);
        assert_eq!(of(4, &[0, 3, 2, 3, 4], sources, values), None);
        assert_eq!(of(4, &[], &[], &[]), None);
        let mut broken = values.to_vec();
        broken[0] = f32::NAN;
        assert_eq!(of(4, starts, sources, &broken), None);
    }
}
