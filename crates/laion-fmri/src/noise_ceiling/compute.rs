//! Noise ceilings computed from the betas, in fixed memory.

use std::path::Path;

use bids_names::SessionId;
use indexmap::IndexMap;
use ndarray::{Array1, Array2, ArrayView2};
use serde_json::{Value, json};

use super::options::{NoiseCeilingOptions, RepetitionTerm, Scope};
use crate::mask::VoxelMask;
use crate::zscore::{ColumnStatistics, NanPolicy, groups};
use crate::{
    Cancel, Contradiction, Error, Observer, Result, SessionTrials, Subject, Voxels, memory,
};

/// The limit without a choice.
const DEFAULT_MEMORY: u64 = 2 << 30;

/// Bytes for each voxel of a pass besides the betas and the sums of images: squares, flags.
const PER_SUM: u64 = 16;

/// Fewer voxels in a pass are not worth a pass over the files.
const LEAST_BLOCK: usize = 256;

/// How a noise ceiling will be computed; see [`Subject::plan_noise_ceiling`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NoiseCeilingPlan {
    /// The sessions, in the order in which they are read.
    pub sessions: Vec<SessionId>,
    /// What betas are z-scored within.
    pub scope: Scope,
    /// The images that count.
    pub n_images: usize,
    /// The trials that show them.
    pub n_trials: usize,
    /// What stands for the mean of 1/n.
    pub inverse_repetitions: f64,
    /// The noise ceiling, in percent, that a voxel of pure noise is expected to have. With a
    /// residual ddof of 1 it is 0; with 0 and the mean of 1/n it is 50 or more, however often
    /// images are shown.
    pub noise_alone: f64,
    /// The voxels of the result.
    pub n_voxels: usize,
    /// How often every file is read: once for each block of voxels.
    pub passes: usize,
    /// The most bytes that the process takes, as predicted.
    pub peak_memory: u64,
    /// The bytes that one pass over the files would take.
    pub one_pass_memory: u64,
    voxels: VoxelMask,
    block: usize,
    tables: Vec<CountedTrials>,
    /// How often each image is shown.
    shown: Vec<usize>,
}

/// A noise ceiling computed from the betas, with what it depends on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ComputedNoiseCeiling {
    /// Percent, 0 to 100; shape `(n_voxels,)`, in the order of the voxel axis. NaN where a beta
    /// that counts, or one of its z-score group, is NaN; 0 where nothing varies.
    pub values: Array1<f32>,
    /// The voxels.
    pub voxels: VoxelMask,
    /// How it was computed.
    pub plan: NoiseCeilingPlan,
    subject: String,
    options: NoiseCeilingOptions,
}

/// The trials of one session: their z-score groups, and the images of those that count.
#[derive(Clone, Debug, PartialEq)]
struct CountedTrials {
    groups: Vec<Vec<usize>>,
    images: Vec<Option<usize>>,
}

impl Subject {
    /// What [`Subject::compute_noise_ceiling`] will do: images, passes, memory. Trial tables and
    /// masks are read, betas are not. No session means all
    /// that have betas.
    ///
    /// # Errors
    ///
    /// [`Error::NamedTwice`]; [`Error::Contradiction`] for repetitions that leave no variance, and
    /// when no image was shown that often; [`Error::MemoryLimit`]; [`Error::InvalidSession`];
    /// [`Error::DataNotDownloaded`]; [`Error::TrialTable`]; as [`Voxels::resolve`].
    pub fn plan_noise_ceiling(
        &self,
        sessions: &[impl AsRef<str>],
        options: &NoiseCeilingOptions,
    ) -> Result<NoiseCeilingPlan> {
        let sessions = self.sessions_to_join(sessions)?;
        let scope = options.scope.unwrap_or(match sessions.len() {
            1 => Scope::Run,
            _ => Scope::Session,
        });
        let least = options.repetitions.least();
        if least < 2 || least <= options.residual_ddof {
            let ddof = options.residual_ddof;
            let (repetitions, least) = (least, (ddof + 1).max(2));
            return Err(Contradiction::NoVariance { repetitions, ddof, least }.into());
        }
        let tables = sessions.iter().map(|session| self.trials(session.as_str()));
        let tables: Vec<SessionTrials> = tables.collect::<Result<_>>()?;
        let mut counts: IndexMap<&str, usize> = IndexMap::new();
        for table in &tables {
            for label in table.labels()? {
                *counts.entry(label).or_default() += 1;
            }
        }
        counts.retain(|label, n| options.images.has(label) && options.repetitions.has(*n));
        if counts.is_empty() {
            let (images, repetitions) = (options.images, options.repetitions);
            let (sessions, subject) = (sessions.len(), self.id().clone());
            return Err(Contradiction::NoImage { images, repetitions, sessions, subject }.into());
        }
        let rows = tables.iter().map(|table| CountedTrials::of(table, scope, &counts));
        let rows: Vec<CountedTrials> = rows.collect::<Result<_>>()?;
        let shown: Vec<usize> = counts.values().copied().collect();
        let inverse_repetitions = match options.repetition_term {
            RepetitionTerm::Constant(number) => 1.0 / number as f64,
            RepetitionTerm::MeanInverse => {
                shown.iter().map(|n| 1.0 / *n as f64).sum::<f64>() / shown.len() as f64
            }
        };
        let noise_alone = noise_alone(&shown, options.residual_ddof, inverse_repetitions);
        let voxels = options.voxels.resolve(self)?;
        let longest = rows.iter().map(|rows| rows.images.len()).max().unwrap_or(0);
        let reader = memory::reader(self.reading.jobs.get(), self.files().reads_bucket());
        let memory = PassMemory::new(voxels.n_voxels(), longest, shown.len(), reader);
        let block = memory.block(options.max_memory.unwrap_or(DEFAULT_MEMORY))?;
        Ok(NoiseCeilingPlan {
            sessions,
            scope,
            n_images: shown.len(),
            n_trials: shown.iter().sum(),
            inverse_repetitions,
            noise_alone,
            n_voxels: voxels.n_voxels(),
            passes: voxels.n_voxels().div_ceil(block),
            peak_memory: memory.peak(block),
            one_pass_memory: memory.peak(voxels.n_voxels()),
            voxels,
            block,
            tables: rows,
            shown,
        })
    }

    /// A noise ceiling from the single-trial betas, by the formula of the dataset's own maps.
    ///
    /// Betas are z-scored for each voxel within runs or sessions. The noise variance is the mean
    /// over the images of the variance of their repetitions; the signal variance is what is left of
    /// 1, at least 0. With `ncsnr^2 = signal / noise` the noise ceiling is
    /// `100 * ncsnr^2 / (ncsnr^2 + mean(1/n))` percent: the most of R^2 that a model can reach for
    /// the mean of n repetitions. Sums run in float64, in the order of the trials: the bits depend
    /// neither on threads nor on memory.
    ///
    /// # Errors
    ///
    /// As [`Subject::plan_noise_ceiling`] and [`Betas::load`](crate::Betas::load);
    /// [`Error::Cancelled`].
    ///
    /// ```
    /// use laion_fmri::noise_ceiling::NoiseCeilingOptions;
    /// use laion_fmri::{Cancel, Dataset, NoiseCeiling, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let options = NoiseCeilingOptions::default().voxels(Voxels::roi("FFA1"));
    /// let computed = subject.compute_noise_ceiling(&["ses-01"], &options, &(), &Cancel::new())?;
    /// let shipped = NoiseCeiling::session("ses-01")?;
    /// let shipped = subject.noise_ceiling(&shipped, &options.voxels)?;
    /// for (computed, shipped) in computed.values.iter().zip(&shipped) {
    ///     assert!((computed - shipped).abs() < 1e-4 || computed.is_nan() && shipped.is_nan());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compute_noise_ceiling(
        &self,
        sessions: &[impl AsRef<str>],
        options: &NoiseCeilingOptions,
        observer: &dyn Observer,
        cancel: &Cancel,
    ) -> Result<ComputedNoiseCeiling> {
        let subject = self.clone().with_cancel(cancel);
        let plan = subject.plan_noise_ceiling(sessions, options)?;
        let mut values = Vec::with_capacity(plan.n_voxels);
        for start in (0..plan.n_voxels).step_by(plan.block) {
            let block =
                plan.voxels.filtered(|column| (start..start + plan.block).contains(&column));
            let mut sums = Sums::new(&plan.shown, options.residual_ddof, block.n_voxels())?;
            for (session, rows) in plan.sessions.iter().zip(&plan.tables) {
                let request = subject.betas().session(session).mask(block.clone());
                let betas = request.observer(observer).load()?;
                sums.add(betas.view(), rows, options.zscore_ddof, cancel)?;
            }
            values.extend(sums.finish(plan.inverse_repetitions));
        }
        Ok(ComputedNoiseCeiling {
            values: Array1::from_vec(values),
            voxels: plan.voxels.clone(),
            plan,
            subject: self.id().to_string(),
            options: options.clone(),
        })
    }
}

impl ComputedNoiseCeiling {
    /// Every convention it was computed with, as a JSON object for a file next to the map.
    #[must_use]
    pub fn sidecar(&self) -> Value {
        let Self { plan, options, .. } = self;
        let sessions: Vec<&str> = plan.sessions.iter().map(SessionId::as_str).collect();
        json!({
            "Description": "Noise ceiling computed from single-trial betas",
            "Units": "percent",
            "Formula": "100 * ncsnr^2 / (ncsnr^2 + mean(1/n)); ncsnr^2 = signal / noise; \
                        signal = max(0, 1 - noise); noise = mean over images of the variance of \
                        their repetitions, after z-scoring",
            "Subject": self.subject,
            "Sessions": sessions,
            "ZscoreScope": plan.scope.to_string(),
            "ZscoreDdof": options.zscore_ddof,
            "ResidualDdof": options.residual_ddof,
            "Images": options.images.to_string(),
            "Repetitions": options.repetitions.to_string(),
            "RepetitionTerm": options.repetition_term.to_string(),
            "InverseRepetitions": plan.inverse_repetitions,
            "NumberOfImages": plan.n_images,
            "NumberOfTrials": plan.n_trials,
            "NumberOfVoxels": plan.n_voxels,
            "BrainMask": self.voxels.brain().source().to_string(),
            "NaN": "a NaN among the trials of a z-score group makes its voxel NaN",
            "NoVariance": "a group without variance is 0 after z-scoring; a voxel without any is 0",
            "GeneratedBy": [{"Name": "laion-fmri", "Version": env!("CARGO_PKG_VERSION")}],
        })
    }

    /// Writes the map as `.nii` or `.nii.gz` on the grid of the betas, 0 outside the voxels.
    ///
    /// # Errors
    ///
    /// As [`Subject::to_nifti`].
    pub fn write_nifti(&self, subject: &Subject, path: impl AsRef<Path>) -> Result<()> {
        subject.to_nifti(&self.values, path, &Voxels::mask(self.voxels.clone()))
    }
}

impl CountedTrials {
    fn of(table: &SessionTrials, scope: Scope, counts: &IndexMap<&str, usize>) -> Result<Self> {
        let images = table.labels()?.map(|label| counts.get_index_of(label)).collect();
        let groups = match scope {
            Scope::Session => vec![(0..table.len()).collect()],
            Scope::Run => {
                let runs = table.column("run").ok_or_else(|| table.without_runs())?;
                groups(&runs)
            }
        };
        Ok(Self { groups, images })
    }
}

/// The noise ceiling, in percent, that is expected of z-scores of noise, whose variance is 1.
fn noise_alone(shown: &[usize], ddof: usize, inverse_repetitions: f64) -> f64 {
    let within = shown.iter().map(|&n| (n - 1) as f64 / (n - ddof) as f64);
    ceiling(within.sum::<f64>() / shown.len() as f64, inverse_repetitions)
}

/// The formula: percent from the variance within images, where all of the variance is 1.
fn ceiling(noise: f64, inverse_repetitions: f64) -> f64 {
    let signal = (1.0 - noise).max(0.0);
    100.0 * signal / (signal + noise * inverse_repetitions)
}

/// What a pass over a block of voxels takes.
struct PassMemory {
    n_voxels: usize,
    fixed: u64,
    per_voxel: u64,
}

impl PassMemory {
    fn new(n_voxels: usize, longest_session: usize, n_images: usize, reader: u64) -> Self {
        let fixed = memory::PROGRAM
            .saturating_add(reader)
            .saturating_add((n_voxels as u64).saturating_mul(memory::PER_VOXEL));
        // The betas of a session, a sum for each image, and what is kept for a group.
        let sums = 8 * n_images as u64 + memory::PER_STATISTIC + PER_SUM;
        Self { n_voxels, fixed, per_voxel: 4 * longest_session as u64 + sums }
    }

    fn peak(&self, block: usize) -> u64 {
        self.fixed.saturating_add(self.per_voxel.saturating_mul(block as u64))
    }

    /// The most voxels at once, in blocks of about equal size.
    fn block(&self, limit: u64) -> Result<usize> {
        let n_voxels = self.n_voxels.max(1);
        let least = LEAST_BLOCK.min(n_voxels);
        memory::check(self.peak(least), limit)?;
        let fitting = (limit - self.fixed) / self.per_voxel;
        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX).min(n_voxels);
        Ok(n_voxels.div_ceil(n_voxels.div_ceil(fitting)))
    }
}

/// Sums over the trials that count, for a block of voxels.
struct Sums<'a> {
    shown: &'a [usize],
    ddof: usize,
    /// The sum of the z-scores of each image: images x voxels.
    images: Array2<f64>,
    /// The sum of the squares, each divided by the divisor of its image's variance.
    squares: Vec<f64>,
    /// Whether any z-score was not 0.
    varies: Vec<bool>,
}

impl<'a> Sums<'a> {
    fn new(shown: &'a [usize], ddof: usize, n_voxels: usize) -> Result<Self> {
        let (rows, columns) = (shown.len(), n_voxels);
        let length = rows.checked_mul(columns).ok_or(Error::OutOfMemory { rows, columns })?;
        let images = Array2::from_shape_vec((rows, columns), vec![0.0; length])
            .map_err(|_| Error::OutOfMemory { rows, columns })?;
        Ok(Self { shown, ddof, images, squares: vec![0.0; columns], varies: vec![false; columns] })
    }

    fn add(
        &mut self,
        betas: ArrayView2<'_, f32>,
        rows: &CountedTrials,
        zscore_ddof: usize,
        cancel: &Cancel,
    ) -> Result<()> {
        for group in &rows.groups {
            let nan = NanPolicy::Propagate;
            let statistics = ColumnStatistics::of(betas, group, zscore_ddof, nan);
            for &row in group {
                if cancel.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                let Some(image) = rows.images[row] else { continue };
                let divisor = (self.shown[image] - self.ddof) as f64;
                let mut sums = self.images.row_mut(image);
                let columns = betas.row(row);
                for (column, value) in columns.iter().enumerate() {
                    let mean = statistics.means[column];
                    let deviation = statistics.deviations[column];
                    let distance = f64::from(*value) - mean;
                    let z = if deviation == 0.0 { 0.0 } else { distance / deviation };
                    sums[column] += z;
                    self.squares[column] += z * z / divisor;
                    self.varies[column] |= z != 0.0;
                }
            }
        }
        Ok(())
    }

    fn finish(self, inverse_repetitions: f64) -> impl Iterator<Item = f32> {
        let mut means = vec![0.0; self.squares.len()];
        for (sums, &shown) in self.images.rows().into_iter().zip(self.shown) {
            let divisor = shown as f64 * (shown - self.ddof) as f64;
            for (mean, sum) in means.iter_mut().zip(sums) {
                *mean += sum * sum / divisor;
            }
        }
        let n_images = self.shown.len() as f64;
        let columns = self.squares.into_iter().zip(means).zip(self.varies);
        columns.map(move |((squares, means), varies)| {
            let noise = (squares - means) / n_images;
            if noise.is_nan() {
                return f32::NAN;
            }
            if !varies {
                return 0.0;
            }
            ceiling(noise.max(0.0), inverse_repetitions) as f32
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn computed(
        betas: &Array2<f32>,
        images: &[Option<usize>],
        shown: &[usize],
        ddof: usize,
    ) -> Vec<f32> {
        let rows =
            CountedTrials { groups: vec![(0..betas.nrows()).collect()], images: images.to_vec() };
        let mut sums = Sums::new(shown, ddof, betas.ncols()).unwrap();
        sums.add(betas.view(), &rows, 0, &Cancel::new()).unwrap();
        sums.finish(0.5).collect()
    }

    #[test]
    fn perfect_constant_damaged_and_noisy_voxels() {
        let betas = array![
            [1.0, 7.0, 1.0, 1.0],
            [1.0, 7.0, f32::NAN, -1.0],
            [-1.0, 7.0, -1.0, 1.0],
            [-1.0, 7.0, -1.0, -1.0]
        ];
        let images = [Some(0), Some(0), Some(1), Some(1)];
        let got = computed(&betas, &images, &[2, 2], 0);
        assert_eq!(got[..2], [100.0, 0.0]);
        assert!(got[2].is_nan());
        assert_eq!(got[3], 0.0);
    }

    #[test]
    fn the_divisor_of_the_residual_counts() {
        let betas = array![[2.0], [1.0], [-1.0], [-2.0]];
        let images = [Some(0), Some(0), Some(1), Some(1)];
        // The variance is 2.5, that of two values 0.5 apart from their mean 0.25, or 0.5.
        for (ddof, noise) in [(0, 0.1_f64), (1, 0.2)] {
            let expected = 100.0 * (1.0 - noise) / (1.0 - noise + noise * 0.5);
            let got = computed(&betas, &images, &[2, 2], ddof);
            assert!((f64::from(got[0]) - expected).abs() < 1e-5, "{got:?} {expected}");
        }
    }

    #[test]
    fn pure_noise_has_a_ceiling_with_population_variances_only() {
        for n in [2_usize, 3, 4, 12] {
            let inverse = 1.0 / n as f64;
            let expected = 100.0 * n as f64 / (2 * n - 1) as f64;
            assert!((noise_alone(&[n, n], 0, inverse) - expected).abs() < 1e-9, "{n}");
            assert_eq!(noise_alone(&[n, n], 1, inverse), 0.0);
        }
        // What is computed of noise lies there, over many images.
        let mut state = 7_u64;
        let noise: Vec<f32> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32
        })
        .take(3000)
        .collect();
        let betas = Array2::from_shape_vec((3000, 1), noise).unwrap();
        let images: Vec<Option<usize>> = (0..3000).map(|trial| Some(trial / 2)).collect();
        let shown = vec![2; 1500];
        let got = f64::from(computed(&betas, &images, &shown, 0)[0]);
        assert!((got - noise_alone(&shown, 0, 0.5)).abs() < 3.0, "{got}");
    }

    #[test]
    fn blocks_fit_the_limit_or_the_smallest_that_works_is_told() {
        let memory = PassMemory::new(100_000, 1000, 5000, memory::reader(1, false));
        let (fixed, per_voxel) = (memory.fixed, memory.per_voxel);
        assert_eq!(memory.block(u64::MAX).unwrap(), 100_000);
        let limit = fixed + 30_000 * per_voxel;
        let block = memory.block(limit).unwrap();
        assert_eq!(block, 25_000);
        assert!(memory.peak(block) <= limit);
        let least = fixed + 256 * per_voxel;
        assert!(memory.block(least).is_ok());
        let error = memory.block(least - 1).unwrap_err();
        assert!(
            matches!(error, Error::MemoryLimit { limit, least: told }
                if (limit, told) == (least - 1, least)),
            "{error}"
        );
    }
}
