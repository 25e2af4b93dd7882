//! Trials that the trial tables of several sessions name, read one after the other without an
//! array.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use bids_names::SessionId;

use super::Betas;
use super::order::WantedRows;
use super::plan::{Planned, same_voxels};
use crate::Result;
use crate::mask::VoxelMask;
use crate::observer::Watch;
use crate::trials::SessionTrials;

/// Chosen trials of sessions with the same voxels. All files are opened and checked, and nothing is
/// read yet.
pub(crate) struct ChosenTrials<'a> {
    planned: Vec<Planned>,
    voxels: Arc<VoxelMask>,
    watch: Watch<'a>,
}

impl Betas<'_> {
    /// Whether the request names sessions or chooses trials.
    pub(crate) fn chooses_trials(&self) -> bool {
        !self.sessions.is_empty() || self.stimuli.is_some() || self.trials.is_some()
    }

    /// The trials that `choose` takes, ascending, of the table of each of these sessions.
    pub(crate) fn chosen_trials(
        &self,
        sessions: &[SessionId],
        mut choose: impl FnMut(&SessionTrials) -> Result<Vec<usize>>,
    ) -> Result<ChosenTrials<'_>> {
        let places = self.subject.betas_of(sessions.iter().cloned())?;
        let planned = self.plan_by(places, |session, _, table| {
            Ok(WantedRows::of(choose(&self.needed_table(session, table)?)?))
        })?;
        let voxels = same_voxels(&planned)?;
        Ok(ChosenTrials { planned, voxels, watch: self.watch() })
    }
}

impl ChosenTrials<'_> {
    /// The voxels of a row.
    pub(crate) fn voxels(&self) -> &Arc<VoxelMask> {
        &self.voxels
    }

    /// Hands over the rows in the order of sessions and trials. What was handed over is final when
    /// the answer is `Ok`: only the end of a file proves it undamaged.
    pub(crate) fn for_each_row(
        &self,
        threads: NonZeroUsize,
        mut take: impl FnMut(&[f32]) -> ControlFlow<()>,
    ) -> Result<()> {
        let mut sessions = self.planned.iter();
        sessions.try_for_each(|session| {
            session.for_each_row(self.watch, threads, None, |_, row| take(row))
        })
    }
}
