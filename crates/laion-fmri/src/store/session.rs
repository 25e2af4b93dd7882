//! The betas of one session in a store, read like those of a file.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bids_names::{SessionId, SubjectId};
use ndarray::ArrayViewMut2;
use nifti_stream::{Progress, RowSelection};
use voxel_store::Matrix;

use super::described::SessionLabel;
use super::find::Store;
use crate::betas::SessionRead;
use crate::mask::{BrainMask, VoxelMask};
use crate::trial_table::SessionTrial;
use crate::{Error, InputRecord, Result};

/// The most bytes of rows that wait to be handed over one after the other.
const WAITING_BYTES: usize = 24 << 20;

/// The betas of one session in a store that is in step.
#[derive(Debug)]
pub(crate) struct StoredSession {
    pub(super) store: Arc<Store>,
    pub(super) label: Arc<SessionLabel>,
    pub(super) matrix: Arc<Matrix>,
}

impl StoredSession {
    pub(crate) fn n_trials(&self) -> usize {
        self.label.n_trials
    }

    /// The directory of the store.
    pub(crate) fn store_path(&self) -> &Path {
        &self.store.path
    }

    /// The file with the values.
    pub(crate) fn path(&self) -> &Path {
        self.matrix.path()
    }

    /// The file that the betas came from, as it was.
    pub(crate) fn record(&self) -> InputRecord {
        self.label.betas.record()
    }

    /// Whether rows can be handed over one after the other without reading chunks again and again.
    pub(crate) fn gives_rows(&self, voxels: &VoxelMask) -> bool {
        self.rows_at_once(voxels) >= self.matrix.layout().chunk_shape()[0]
    }

    /// Reads rows into an array of their shape.
    pub(crate) fn read_rows(
        &self,
        subject: &SubjectId,
        session: &SessionId,
        read: SessionRead<'_>,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<()> {
        let (rows, columns) = (self.rows(read.rows), self.columns(read.voxels)?);
        let told = AtomicUsize::new(0);
        let observe = |done: usize| {
            if done > told.fetch_max(done, Ordering::Relaxed) {
                return read.watch.volume(subject, session, progress(done, rows.len()));
            }
            if read.watch.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        Ok(self.read(&columns, &rows, out, read.threads, observe)?)
    }

    /// Reads rows and hands them over one after the other, with the trial that each is.
    pub(crate) fn for_each_row(
        &self,
        subject: &SubjectId,
        session: &SessionId,
        read: SessionRead<'_>,
        mut take: impl FnMut(SessionTrial, &[f32]) -> ControlFlow<()>,
    ) -> Result<()> {
        let (rows, columns) = (self.rows(read.rows), self.columns(read.voxels)?);
        let [chunk_rows, _] = self.matrix.layout().chunk_shape();
        let at_once = self.rows_at_once(read.voxels);
        // Whole chunks, and as many as may wait: those of a column are read in one piece.
        let band_rows = (at_once / chunk_rows).max(1) * chunk_rows;
        let bands = rows.chunk_by(|a, b| a / band_rows == b / band_rows);
        let mut values: Vec<f32> = Vec::new();
        let mut done = 0;
        for band in bands.flat_map(|band| band.chunks(at_once)) {
            values.resize(band.len() * columns.len(), 0.0);
            let shape = (band.len(), columns.len());
            // INVARIANT: there are as many values as the shape says, for they were just made.
            let block =
                ArrayViewMut2::from_shape(shape, &mut values).expect("a block of its shape");
            let observe = |_| match read.watch.is_stopped() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            self.read(&columns, band, block, read.threads, observe)?;
            for (place, &row) in band.iter().enumerate() {
                let start = place * columns.len();
                let goes_on = take(SessionTrial(row), &values[start..start + columns.len()]);
                done += 1;
                let watched = read.watch.volume(subject, session, progress(done, rows.len()));
                if goes_on.is_break() || watched.is_break() {
                    return Err(Error::Cancelled);
                }
            }
        }
        Ok(())
    }

    /// Reads columns of rows.
    pub(super) fn read(
        &self,
        columns: &[usize],
        rows: &[usize],
        out: ArrayViewMut2<'_, f32>,
        threads: NonZeroUsize,
        observe: impl Fn(usize) -> ControlFlow<()> + Sync,
    ) -> Result<(), voxel_store::Error> {
        self.matrix.read_using(&self.store.buffers, columns, rows, out, threads, observe)
    }

    /// The first voxel of a damaged chunk, by its flat index.
    pub(crate) fn first_voxel(
        &self,
        brain: &BrainMask,
        error: &voxel_store::Error,
    ) -> Option<usize> {
        let voxel_store::Error::Chunk { columns, .. } = error else { return None };
        self.store.voxels(brain).get(columns.start).copied()
    }

    /// How many rows may wait.
    fn rows_at_once(&self, voxels: &VoxelMask) -> usize {
        (WAITING_BYTES / 4 / voxels.n_voxels().max(1)).max(1)
    }

    fn rows(&self, rows: &RowSelection) -> Vec<usize> {
        match rows {
            RowSelection::All => (0..self.n_trials()).collect(),
            RowSelection::Rows(rows) => rows.clone(),
        }
    }

    fn columns(&self, voxels: &VoxelMask) -> Result<Vec<usize>> {
        let missing = || voxel_store::Error::Missing {
            path: self.store.path.clone(),
            kind: "voxel",
            name: "of the request".to_owned(),
        };
        Ok(self.store.columns(voxels).ok_or_else(missing)?)
    }
}

fn progress(volumes: usize, n_volumes: usize) -> Progress {
    Progress { volumes, n_volumes, compressed_bytes: 0 }
}
