//! What is measured in this process.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use laion_fmri::ndarray::Array2;
use laion_fmri::store::voxel_store::{Group, Matrix};
use laion_fmri::{Subject, VoxelMask};

use super::{SESSIONS, THREADS, TRIALS, columns};

/// The matrices of all sessions, opened.
pub(super) struct Matrices(Vec<Matrix>);

impl Matrices {
    pub(super) fn open(store: &Path) -> Result<Self> {
        let names = Group::open(store)?.groups()?;
        let open = |name: &String| Ok(Group::open(store.join(name))?.matrix("betas")?);
        Ok(Self(names.iter().map(open).collect::<Result<_>>()?))
    }

    /// Reads voxels of all sessions by two threads, each with half of the sessions.
    pub(super) fn read(&self, voxels: &VoxelMask) -> Result<()> {
        let columns = columns(voxels);
        let rows: Vec<usize> = (0..TRIALS).collect();
        let half = self.0.len().div_ceil(THREADS).max(1);
        let read = |part: &[Matrix]| -> Result<()> {
            for matrix in part {
                let mut out = Array2::zeros((rows.len(), columns.len()));
                matrix.read(&columns, &rows, out.view_mut())?;
                black_box(out);
            }
            Ok(())
        };
        thread::scope(|scope| {
            let parts = self.0.chunks(half);
            let threads: Vec<_> = parts.map(|part| scope.spawn(|| read(part))).collect();
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(_) => bail!("a thread panicked"),
            })
        })
    }

    /// Takes the files out of the memory of the system.
    pub(super) fn forget(&self) -> Result<()> {
        for matrix in &self.0 {
            let file = format!("if={}", matrix.path().display());
            let status = Command::new("dd")
                .args([file.as_str(), "of=/dev/null", "iflag=nocache", "count=0"])
                .stderr(Stdio::null())
                .status()?;
            ensure!(status.success(), "dd {file}");
        }
        Ok(())
    }
}

/// Takes memory for voxels of all sessions and fills it by two threads, and nothing else: what the
/// system takes to hand it over depends on what other programs did before.
pub(super) fn new_memory(voxels: &VoxelMask) -> Result<()> {
    let length = SESSIONS * TRIALS * voxels.n_voxels();
    let mut memory: Vec<f32> = laion_fmri_base::zeroed(length).context("no memory")?;
    thread::scope(|scope| {
        for part in memory.chunks_mut(length.div_ceil(THREADS).max(1)) {
            scope.spawn(move || part.fill(1.0));
        }
    });
    black_box(memory);
    Ok(())
}

/// Reads voxels of all sessions as a user does.
pub(super) fn joined(subject: &Subject, voxels: &VoxelMask) -> Result<()> {
    let joined = subject.betas().mask(voxels.clone()).concat()?;
    ensure!(joined.betas.nrows() == SESSIONS * TRIALS, "rows");
    black_box(joined);
    Ok(())
}

/// The same, an array for each session.
pub(super) fn by_session(subject: &Subject, voxels: &VoxelMask) -> Result<()> {
    let loaded = subject.betas().mask(voxels.clone()).load_sessions()?;
    ensure!(loaded.len() == SESSIONS, "sessions");
    black_box(loaded);
    Ok(())
}
