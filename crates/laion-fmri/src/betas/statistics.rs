//! Mean and standard deviation of every voxel over the trials of a session.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::Betas;
use super::plan::{Planned, zeroed};
use super::reader::SessionRead;
use crate::Result;
use crate::mask::VoxelMask;
use crate::observer::Watch;
use crate::zscore::{ColumnStatistics, NanPolicy, RunningStatistics};

/// How many voxels of all trials are in memory when a store is read: 17 MB of 1,055 trials.
const BLOCK: usize = 4096;

impl Betas<'_> {
    /// The statistics of each voxel over the trials of the one session that is named: those that
    /// [`zscore`](crate::zscore()) subtracts and divides by with its default options. No array of all
    /// trials is in memory. From a store this takes seconds, from the file as long as one pass over it.
    ///
    /// # Errors
    ///
    /// As [`Betas::load`].
    ///
    /// ```
    /// use laion_fmri::{Dataset, ZscoreOptions, zscore};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let betas = subject.betas().session("ses-01").roi("FFA1");
    /// let mut row = betas.clone().trials([5]).load()?.row(0).to_vec();
    /// betas.statistics()?.zscore_row(&mut row)?;
    ///
    /// let mut all = betas.load()?;
    /// let within = vec![(); all.nrows()];
    /// zscore(&mut all, &within, &ZscoreOptions::default())?;
    /// assert!(row.iter().zip(all.row(5)).all(|(a, b)| (a - b).abs() < 1e-4 || b.is_nan()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn statistics(&self) -> Result<ColumnStatistics> {
        let planned = self.plan_one()?;
        let (watch, threads) = (self.watch(), self.subject.reading.jobs);
        if let Some(statistics) = planned.statistics_by_block(watch, threads)? {
            return Ok(statistics);
        }
        let mut running = RunningStatistics::new(planned.voxels.n_voxels());
        planned.for_each_row(watch, threads, None, |_, row| {
            running.push(row);
            ControlFlow::Continue(())
        })?;
        Ok(running.finish())
    }
}

impl Planned {
    /// From a store, which gives all trials of a few voxels at a time; `None` without one, or when it
    /// turns out to be damaged.
    fn statistics_by_block(
        &self,
        watch: Watch<'_>,
        threads: NonZeroUsize,
    ) -> Result<Option<ColumnStatistics>> {
        let brain = self.voxels.brain();
        let n_rows = self.n_rows();
        let rows: Vec<usize> = (0..n_rows).collect();
        let mut all = ColumnStatistics { means: Vec::new(), deviations: Vec::new() };
        for block in self.voxels.columns().chunks(BLOCK) {
            if self.has_order() || !self.reader().is_stored() {
                return Ok(None);
            }
            // Columns fit because the number of voxels of a grid does.
            let columns = block.iter().map(|column| *column as u32).collect();
            let voxels = VoxelMask::from_columns(Arc::clone(brain), columns);
            let mut betas = zeroed(n_rows, voxels.n_voxels())?;
            let read = SessionRead { voxels: &voxels, rows: self.volumes(), threads, watch };
            self.reader().read_rows(read, betas.view_mut())?;
            let part = ColumnStatistics::of(betas.view(), &rows, 0, NanPolicy::Omit);
            all.means.extend(part.means);
            all.deviations.extend(part.deviations);
        }
        Ok(Some(all))
    }
}
