//! Stores: building one beside inflating the same files, and reading voxels of all sessions from it,
//! beside reading them from the files by index.
//!
//! The sessions have the trials of real ones and a fraction of their voxels, so that thirty of them
//! fit: what is read for a ROI does not depend on how many other voxels there are. A real session has
//! 271,985 voxels.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Result, bail, ensure};
use laion_fmri::store::StoreRequest;
use laion_fmri::{Cancel, Dataset, MaskSource, Resolution, Subject, VoxelMask, layout};

use super::timing::{inflate, once, timed};
use super::{Row, median};
use crate::project::Project;

/// A cube with this edge has about 15,000 voxels in the brain.
const EDGE: usize = 36;
const SESSIONS: usize = 30;
const TRIALS: usize = 1044;
const THREADS: usize = 2;
/// A ROI, and in how many runs of the voxel axis its voxels lie.
const ROI: usize = 300;
const RUNS: usize = 120;
/// ROIs one after the other.
const ROIS: usize = 40;

pub(super) fn run(project: &Project, rounds: usize) -> Result<Vec<Row>> {
    let folder = project.target.join("bench").join("store");
    let mirror = folder.join("mirror");
    if !folder.join("written").is_file() {
        fixtures::bucket::write_large(&mirror, EDGE, SESSIONS, TRIALS)?;
        fs::write(folder.join("written"), "")?;
    }
    let cache = folder.join("cache");
    let files = Dataset::open(&mirror)?.with_jobs(THREADS).with_cache_dir(&cache);
    let by_index = files.clone().without_stores().subject("sub-01")?;
    let betas: Vec<PathBuf> = by_index
        .sessions_with_betas()?
        .iter()
        .map(|session| mirror.join(layout::betas(by_index.id(), session)))
        .collect();

    // A B A B: both see the same machine.
    let (mut inflating, mut building) = (Vec::new(), Vec::new());
    for _ in 0..rounds.min(3) {
        inflating.push(once(|| inflate_by_threads(&betas))?);
        let _ = fs::remove_dir_all(mirror.join("stores"));
        building.push(once(|| {
            let subject = files.subject("sub-01")?;
            subject.build_store(&StoreRequest::new(), &(), &Cancel::new())?;
            Ok(())
        })?);
    }
    let subject = files.subject("sub-01")?;
    let stores = subject.stores(None)?;
    let [store] = stores.as_slice() else { bail!("expected one store, got {}", stores.len()) };
    let values = (SESSIONS * TRIALS * subject.n_voxels(MaskSource::Anatomical)? * 4) as f64;
    let overhead = store.bytes as f64 / values - 1.0;

    let roi = roi(&subject, 0)?;
    let one = VoxelMask::new(Arc::clone(roi.brain()), flags(roi.brain().n_voxels(), &[77]))?;
    let matrices = Matrices::open(&store.path)?;
    matrices.read(&roi)?;
    let of_roi = timed(rounds, || matrices.read(&roi))?;
    let of_one = timed(rounds, || matrices.read(&one))?;
    let forty = timed(rounds.min(3), || {
        (0..ROIS).try_for_each(|number| matrices.read(&self::roi(&subject, number)?))
    })?;
    let concat = timed(rounds, || joined(&subject, &roi))?;
    joined(&by_index, &roi)?;
    let indexed = timed(rounds.min(3), || joined(&by_index, &roi))?;
    let (building, inflating) = (median(building), median(inflating));
    println!(
        "build {building:.2} s, inflating {inflating:.2} s; {:.1} MB on disk",
        store.bytes as f64 / 1e6
    );
    println!("the ROI through `Betas::concat`, with its trial tables: {:.1} ms", concat * 1e3);
    Ok(vec![
        Row::at_most("build against inflating, two threads", building / inflating, 1.6, "x"),
        Row::at_most("300 voxels, 30 sessions, two threads, warm", of_roi * 1e3, 25.0, "ms"),
        Row::at_most("one voxel, 30 sessions", of_one * 1e3, 1.0, "ms"),
        Row::at_most("40 ROIs one after the other, 30 sessions", forty, 1.2, "s"),
        Row::at_most("the ROI against the files with their indexes", of_roi / indexed, 0.01, "x"),
        Row::at_most("on disk beyond the values", overhead * 100.0, 2.0, "%"),
    ])
}

/// The matrices of all sessions, opened.
struct Matrices(Vec<laion_fmri::store::voxel_store::Matrix>);

impl Matrices {
    fn open(store: &Path) -> Result<Self> {
        use laion_fmri::store::voxel_store::Group;

        let names = Group::open(store)?.groups()?;
        let open = |name: &String| Ok(Group::open(store.join(name))?.matrix("betas")?);
        Ok(Self(names.iter().map(open).collect::<Result<_>>()?))
    }

    /// Reads voxels of all sessions by two threads, each with half of the sessions.
    fn read(&self, voxels: &VoxelMask) -> Result<()> {
        let flags = voxels.as_slice().iter().enumerate();
        let columns: Vec<usize> = flags.filter(|(_, flag)| **flag).map(|(at, _)| at).collect();
        let rows: Vec<usize> = (0..TRIALS).collect();
        let half = self.0.len().div_ceil(THREADS).max(1);
        thread::scope(|scope| {
            let threads: Vec<_> = self
                .0
                .chunks(half)
                .map(|part| {
                    let (columns, rows) = (&columns, &rows);
                    scope.spawn(move || -> Result<()> {
                        for matrix in part {
                            let shape = (rows.len(), columns.len());
                            let mut out = laion_fmri::ndarray::Array2::zeros(shape);
                            matrix.read(columns, rows, out.view_mut())?;
                            black_box(out);
                        }
                        Ok(())
                    })
                })
                .collect();
            for thread in threads {
                thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            }
            Ok(())
        })
    }
}

fn joined(subject: &Subject, voxels: &VoxelMask) -> Result<()> {
    let joined = subject.betas().mask(voxels.clone()).concat()?;
    ensure!(joined.betas.nrows() == SESSIONS * TRIALS, "rows");
    black_box(joined);
    Ok(())
}

/// Voxels in short runs of the axis, as those of a ROI lie.
fn roi(subject: &Subject, number: usize) -> Result<VoxelMask> {
    let brain = subject.brain_mask(MaskSource::Anatomical, Resolution::Func1pt8)?;
    let n_voxels = brain.n_voxels();
    let distance = n_voxels / RUNS;
    let start = |run: usize| run * distance + (number * 7) % (distance / 2);
    let voxels: Vec<usize> =
        (0..ROI).map(|voxel| start(voxel * RUNS / ROI) + voxel % ROI.div_ceil(RUNS)).collect();
    Ok(VoxelMask::new(brain, flags(n_voxels, &voxels))?)
}

fn flags(n_voxels: usize, voxels: &[usize]) -> Vec<bool> {
    let mut flags = vec![false; n_voxels];
    voxels.iter().for_each(|&voxel| flags[voxel] = true);
    flags
}

/// Inflates all files by two threads.
fn inflate_by_threads(files: &[PathBuf]) -> Result<()> {
    let half = files.len().div_ceil(THREADS).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> =
            files.chunks(half).map(|part| scope.spawn(move || inflate(part))).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => bail!("a thread panicked"),
        })
    })
}
