//! What the stores of a subject have of some voxels, over all sessions; no file of betas is read.

use std::num::NonZeroUsize;

use bids_names::SessionId;
use indexmap::IndexMap;
use laion_fmri_base::parallel_map;
use ndarray::Array2;
use nifti_stream::RowSelection;

use super::StoredSession;
use crate::betas::{SessionRead, zeroed};
use crate::error::StoreError;
use crate::mask::VoxelMask;
use crate::observer::Watch;
use crate::{Error, Result, Subject};

impl Subject {
    /// The betas of these voxels in every session that a [store](crate::store) has and that is in
    /// step: float32 of shape `(n_trials, n_voxels)` by session, in session order. Sessions without
    /// are left out, so that the answer comes in milliseconds; there may be none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] for a chunk that is not what was written; [`Error::Io`];
    /// [`Error::OutOfMemory`]; [`Error::Cancelled`].
    ///
    /// ```
    /// use laion_fmri::store::StoreRequest;
    /// use laion_fmri::{Cancel, Dataset, MaskSource};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-03")?;
    /// let voxels = subject.roi_mask("FFA1", MaskSource::Anatomical)?;
    /// assert!(subject.stored_betas(&voxels)?.is_empty());
    /// subject.build_store(&StoreRequest::new(), &(), &Cancel::new())?;
    /// for (session, betas) in subject.stored_betas(&voxels)? {
    ///     assert_eq!(betas.nrows(), subject.trials(&session)?.len());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stored_betas(&self, voxels: &VoxelMask) -> Result<IndexMap<SessionId, Array2<f32>>> {
        let read = |(session, stored): (SessionId, StoredSession)| -> Result<_> {
            let betas = self.read_stored(&session, &stored, voxels)?;
            Ok((session, betas))
        };
        let stored = self.stored_of(voxels)?;
        let parts = parallel_map(self.reading.jobs.get(), stored, read)?;
        Ok(parts.into_iter().collect())
    }

    /// The sessions that [`Subject::stored_betas`] answers for. Nothing but documents is read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when a directory cannot be read.
    pub fn stored_sessions(&self, voxels: &VoxelMask) -> Result<Vec<SessionId>> {
        Ok(self.stored_of(voxels)?.into_iter().map(|(session, _)| session).collect())
    }

    fn stored_of(&self, voxels: &VoxelMask) -> Result<Vec<(SessionId, StoredSession)>> {
        let mut found = Vec::new();
        let stores = self.stores_of(voxels);
        for (session, place) in self.betas_there()? {
            if let Some(stored) = self.stored(&session, &stores, place.as_ref()) {
                found.push((session, stored));
            }
        }
        Ok(found)
    }

    fn read_stored(
        &self,
        session: &SessionId,
        stored: &StoredSession,
        voxels: &VoxelMask,
    ) -> Result<Array2<f32>> {
        let mut betas = zeroed(stored.n_trials(), voxels.n_voxels())?;
        let (rows, watch) = (&RowSelection::All, Watch::new(&(), &self.reading.cancel));
        let read = SessionRead { voxels, rows, threads: NonZeroUsize::MIN, watch };
        let done = stored.read_rows(self.id(), session, read, betas.view_mut());
        match done {
            Ok(()) => Ok(betas),
            Err(Error::Store(error)) => Err(match *error {
                StoreError::Format(source) if source.is_damage() => StoreError::Damaged {
                    subject: self.id().clone(),
                    session: session.clone(),
                    voxel: stored.first_voxel(voxels.brain(), &source),
                    source,
                },
                other => other,
            }
            .into()),
            Err(error) => Err(error),
        }
    }
}
