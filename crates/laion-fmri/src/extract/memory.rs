//! How much memory an extraction takes, decided before it starts.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::memory::{PER_STATISTIC, PER_VOXEL, PROGRAM};
use crate::{Result, memory};

/// For each column of the output: a row, its sums and counts, and what is known of the voxel.
const PER_OUTPUT_COLUMN: u64 = 160;

/// For each row of the output: names, sources.
const PER_OUTPUT_ROW: u64 = 400;

/// Fewer columns at once only make a task slower.
const LEAST_COLUMNS: usize = 1024;

/// How large a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskSize {
    /// Trials that are read.
    pub(super) trials: usize,
    /// Voxels.
    pub(super) columns: usize,
    /// Trials that become rows.
    pub(super) rows: usize,
    /// Features of each row.
    pub(super) features: usize,
}

/// What the memory of a plan is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The most memory that running the tasks and merging them takes, in bytes.
    pub predicted: u64,
    /// How many tasks run in parallel.
    pub workers: usize,
    /// How many threads read each of them.
    pub threads: NonZeroUsize,
    /// How many columns each of them has in memory at once, at most.
    pub(super) columns_at_once: usize,
}

impl TaskSize {
    /// The memory of a task that has this many columns in memory at once and is read by this many
    /// threads.
    fn bytes(&self, columns_at_once: usize, threads: usize, from_bucket: bool) -> u64 {
        let (trials, columns) = (self.trials as u64, self.columns as u64);
        let at_once = columns_at_once.min(self.columns) as u64;
        // Rows of a block, its statistics, and features twice: as they are read and as they are
        // kept.
        let matrix = trials.saturating_mul(at_once).saturating_mul(4);
        let features = (self.rows as u64).saturating_mul(self.features as u64).saturating_mul(4);
        let row = if at_once < columns { columns * 8 } else { 0 };
        matrix
            .saturating_add(at_once * (PER_STATISTIC + 4))
            .saturating_add(columns * PER_VOXEL)
            .saturating_add(row)
            .saturating_add(features)
            .saturating_add(memory::reader(threads, from_bucket))
    }
}

/// The memory of merging: rows come and go, what is known of rows and columns stays.
fn merge_bytes(tasks: &[TaskSize], output_columns: usize) -> u64 {
    let rows: u64 = tasks.iter().map(|task| task.rows as u64).sum();
    // The columns of a part are read to be compared with those of its subject.
    let parts = tasks.iter().map(|task| task.columns as u64 * 64).max().unwrap_or(0);
    (rows * PER_OUTPUT_ROW)
        .saturating_add(output_columns as u64 * PER_OUTPUT_COLUMN)
        .saturating_add(parts)
}

impl MemoryPlan {
    /// As many workers as the limit and the number of threads allow, each with whole sessions and
    /// its share of the threads if it can; with one worker and one thread a session is taken in
    /// blocks of columns.
    pub(super) fn new(
        tasks: &[TaskSize],
        output_columns: usize,
        jobs: usize,
        limit: Option<u64>,
        from_bucket: bool,
    ) -> Result<Self> {
        let merge = PROGRAM.saturating_add(merge_bytes(tasks, output_columns));
        let plan = |workers: usize, threads: NonZeroUsize, columns_at_once: usize| {
            let bytes = |task: &TaskSize| task.bytes(columns_at_once, threads.get(), from_bucket);
            let all = tasks.iter().map(bytes).max().unwrap_or(0).saturating_mul(workers as u64);
            let predicted = PROGRAM.saturating_add(all).max(merge);
            Self { predicted, workers, threads, columns_at_once }
        };
        let widest = tasks.iter().map(|task| task.columns).max().unwrap_or(0);
        let most_workers = jobs.clamp(1, tasks.len().max(1));
        let limit = limit.unwrap_or(u64::MAX);
        for workers in (1..=most_workers).rev() {
            for threads in (1..=(jobs / workers).max(1)).rev().filter_map(NonZeroUsize::new) {
                let plan = plan(workers, threads, widest);
                if plan.predicted <= limit {
                    return Ok(plan);
                }
            }
        }
        let blocks = |columns| plan(1, NonZeroUsize::MIN, columns);
        let least = LEAST_COLUMNS.min(widest);
        memory::check(blocks(least).predicted, limit)?;
        // The largest number of columns that fits, by halving the interval.
        let (mut fits, mut too_many) = (least, widest);
        while fits + 1 < too_many {
            let middle = fits.midpoint(too_many);
            if blocks(middle).predicted <= limit { fits = middle } else { too_many = middle }
        }
        Ok(blocks(fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    const BRAIN: TaskSize = TaskSize { trials: 1055, columns: 272_080, rows: 1055, features: 0 };
    const ROI: TaskSize = TaskSize { trials: 1055, columns: 222, rows: 1055, features: 1024 };

    #[test]
    fn without_a_limit_every_thread_works() {
        let plan = MemoryPlan::new(&[ROI; 30], 222, 4, None, false).unwrap();
        assert_eq!((plan.workers, plan.threads.get(), plan.columns_at_once), (4, 1, 222));
        let plan = MemoryPlan::new(&[ROI; 2], 222, 4, None, false).unwrap();
        assert_eq!((plan.workers, plan.threads.get()), (2, 2));
        let plan = MemoryPlan::new(&[ROI], 222, 4, None, false).unwrap();
        assert_eq!((plan.workers, plan.threads.get()), (1, 4));
        // Threads are let go before tasks are.
        let less = MemoryPlan::new(&[ROI; 2], 222, 4, Some(120 << 20), false).unwrap();
        assert_eq!((less.workers, less.threads.get()), (2, 1));
    }

    #[test]
    fn a_limit_takes_workers_first_and_columns_then() {
        let plan =
            |limit: u64| MemoryPlan::new(&[BRAIN; 30], 272_080, 4, Some(limit), false).unwrap();
        let roomy = plan(8 << 30);
        assert_eq!((roomy.workers, roomy.columns_at_once), (4, 272_080));
        let two = plan(3 << 30);
        assert_eq!((two.workers, two.columns_at_once), (2, 272_080));
        let blocks = plan(1 << 30);
        assert!(blocks.workers == 1 && (100_000..272_080).contains(&blocks.columns_at_once));
        for (plan, limit) in [(roomy, 8 << 30), (two, 3 << 30), (blocks, 1 << 30)] {
            assert!(plan.predicted <= limit);
        }
    }

    #[test]
    fn a_reader_of_objects_takes_more() {
        let plan = |from_bucket| MemoryPlan::new(&[ROI; 30], 222, 4, None, from_bucket).unwrap();
        assert_eq!(plan(true).predicted - plan(false).predicted, 4 * (24 << 20));
        let limit = Some(plan(false).predicted);
        assert_eq!(MemoryPlan::new(&[ROI; 30], 222, 4, limit, false).unwrap().workers, 4);
        assert!(MemoryPlan::new(&[ROI; 30], 222, 4, limit, true).unwrap().workers < 4);
    }

    #[test]
    fn the_smallest_number_that_works_works() {
        let error = MemoryPlan::new(&[BRAIN; 30], 272_080, 4, Some(1 << 20), false).unwrap_err();
        let Error::MemoryLimit { limit: 1_048_576, least } = error else { panic!("{error}") };
        let plan = MemoryPlan::new(&[BRAIN; 30], 272_080, 4, Some(least), false).unwrap();
        assert_eq!((plan.workers, plan.predicted), (1, least));
        assert!(MemoryPlan::new(&[BRAIN; 30], 272_080, 4, Some(least - 1), false).is_err());
    }
}
