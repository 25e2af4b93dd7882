//! Betas row by row, without an array.

use std::sync::Arc;

use bids::SessionId;
use nifti_stream::VoxelSelection;

use super::file::BetasFile;
use super::plan::Planned;
use crate::mask::VoxelMask;
use crate::trial_index::SessionTrial;
use crate::{Error, Result};

/// The betas of a session, one trial after the other. Only the caller's row is in memory.
///
/// Rows are final once `next_row` has answered `None`: only the end of a gzip file proves it
/// undamaged.
///
/// ```
/// use laion_fmri::Dataset;
///
/// let bucket = fixtures::Bucket::temporary()?;
/// let subject = Dataset::open(bucket.root())?.subject("sub-03")?;
/// let mut rows = subject.betas("ses-01").roi("FFA1").volumes()?;
/// let mut row = vec![0.0; rows.n_voxels()];
/// let mut sum = 0.0;
/// while let Some(_trial) = rows.next_row(&mut row)? {
///     sum += row.iter().filter(|beta| beta.is_finite()).sum::<f32>();
/// }
/// assert!(sum.is_finite());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BetaRows {
    planned: Planned,
    file: Option<BetasFile>,
    selection: VoxelSelection,
    next: usize,
}

impl BetaRows {
    pub(super) fn open(planned: Planned) -> Result<Self> {
        let (file, selection) = planned.open()?;
        Ok(Self { planned, file: Some(file), selection, next: 0 })
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.planned.session
    }

    /// The voxels of a row.
    #[must_use]
    pub fn voxels(&self) -> &Arc<VoxelMask> {
        &self.planned.voxels
    }

    /// The length of a row.
    #[must_use]
    pub fn n_voxels(&self) -> usize {
        self.selection.len()
    }

    /// The number of rows in all.
    #[must_use]
    pub fn n_trials(&self) -> usize {
        self.planned.n_rows()
    }

    /// Puts the next row into the caller's buffer and says which trial it is; `None` after the
    /// last, when the end of the file has been checked.
    ///
    /// # Errors
    ///
    /// [`Error::ValuesLength`] when the buffer does not have [`BetaRows::n_voxels`] elements;
    /// [`Error::Nifti`] when the file is damaged, after which there are no further rows.
    pub fn next_row(&mut self, row: &mut [f32]) -> Result<Option<SessionTrial>> {
        if row.len() != self.n_voxels() {
            return Err(Error::ValuesLength { expected: self.n_voxels(), got: row.len() });
        }
        let Some(file) = &mut self.file else { return Ok(None) };
        while self.next < file.n_volumes() {
            let volume = self.next;
            self.next += 1;
            if self.planned.wants(volume) {
                file.read_row(&self.selection, row)?;
                return Ok(Some(SessionTrial(volume)));
            }
            file.skip_volume()?;
        }
        match self.file.take() {
            Some(file) => file.finish().map(|()| None),
            None => Ok(None),
        }
    }
}

/// Rows as values of their own; [`BetaRows::next_row`] spares the allocation.
impl Iterator for BetaRows {
    type Item = Result<(SessionTrial, Vec<f32>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = vec![0.0; self.n_voxels()];
        match self.next_row(&mut row) {
            Ok(trial) => trial.map(|trial| Ok((trial, row))),
            Err(error) => {
                self.file = None;
                Some(Err(error))
            }
        }
    }
}
