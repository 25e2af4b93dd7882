//! Betas that go to a file row by row, without an array.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;

use array_export::{NpyRows, write_npy_rows};

use super::WrittenBetas;
use super::plan::Planned;
use crate::observer::Watch;
use crate::{Error, Result};

impl Planned {
    /// Reads the rows of this session into a `.npy` file.
    pub(super) fn write_npy(
        self,
        path: PathBuf,
        watch: Watch<'_>,
        threads: NonZeroUsize,
    ) -> Result<WrittenBetas> {
        let shape = [self.n_rows(), self.voxels.n_voxels()];
        let mut has_nan = vec![false; self.voxels.n_voxels()];
        write_npy_rows(&path, shape, |rows: &mut NpyRows<f32>| {
            let mut put = Ok(());
            let read = self.for_each_row(watch, threads, Some(&path), |_, row| {
                put = rows.put(row);
                for (has_nan, value) in has_nan.iter_mut().zip(row) {
                    *has_nan |= value.is_nan();
                }
                if put.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            // A row that could not be put stopped the read.
            put.map_err(Error::from).and(read)
        })?;
        let nan_voxels = has_nan.iter().filter(|has_nan| **has_nan).count();
        Ok(WrittenBetas { path, trials: self.trials(), voxels: self.voxels, nan_voxels })
    }
}
