//! Stores: building one beside inflating the same files, and reading voxels of all sessions from
//! it, beside the same by index, by Python, by zarr-python and by h5py.
//!
//! Two subjects stand for a real one of 30 sessions with 1,044 trials of 143 x 143 x 143 voxels.
//! One has two sessions on the real grid, with a third of the trials: what depends on the size of
//! volumes is measured with it. The other has 30 sessions with all trials, and a fraction of the
//! voxels: what is read for a ROI does not depend on how many other voxels there are.

mod commands;
mod python;
mod reads;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use laion_fmri::store::StoreRequest;
use laion_fmri::store::voxel_store::Layout;
use laion_fmri::{Cancel, Dataset, MaskSource, Resolution, Subject, VoxelMask};

use self::commands::Commands;
use self::python::{Others, Theirs};
use self::reads::{Matrices, by_session, joined, new_memory};
use super::timing::{inflate, once};
use super::{Row, median};
use crate::interop::{self, Environment};
use crate::project::Project;

const THREADS: usize = 2;

/// A real subject, for arithmetic.
const REAL: (usize, usize, usize) = (30, 1044, 271_985);

/// Sessions on the real grid, and their trials: two blocks of those that are in memory together.
const LARGE_SESSIONS: usize = 2;
const LARGE_TRIALS: usize = 348;

/// A cube with this edge has about 15,000 voxels in the brain.
const EDGE: usize = 36;
const SESSIONS: usize = 30;
const TRIALS: usize = 1044;

/// A ROI, and in how many runs of the voxel axis its voxels lie.
const ROI: usize = 300;
const RUNS: usize = 120;
/// ROIs one after the other.
const ROIS: usize = 40;

pub(super) fn run(project: &Project, rounds: usize) -> Result<Vec<Row>> {
    let Some(python) = interop::python(project)? else { bail!("python3 writes the files") };
    let folder = project.target.join("bench").join("store");
    fs::create_dir_all(&folder)?;
    let commands = Commands::new(project, &python, &folder)?;
    let mut rows = overhead()?;
    rows.extend(reading(project, &python, &folder, &commands, rounds)?);
    rows.extend(building(project, &python, &folder, &commands, rounds.min(3))?);
    Ok(rows)
}

/// The subject on the real grid.
fn building(
    project: &Project,
    python: &Environment,
    folder: &Path,
    commands: &Commands<'_>,
    rounds: usize,
) -> Result<Vec<Row>> {
    let mirror = folder.join("large");
    let betas =
        super::extract::write_sessions(python, project, &mirror, LARGE_SESSIONS, LARGE_TRIALS)?;
    let betas: Vec<PathBuf> = betas.iter().map(|path| mirror.join(path)).collect();
    let dataset = Dataset::open(&mirror)?.with_jobs(THREADS).with_cache_dir(folder.join("cache"));
    let build = |stores: &Path| {
        let _ = fs::remove_dir_all(stores);
        once(|| {
            let request = StoreRequest::new().directory(stores);
            dataset.subject("sub-01")?.build_store(&request, &(), &Cancel::new())?;
            Ok(())
        })
    };
    let in_memory = commands.in_memory.join("stores");
    let on_disk = folder.join("large-stores");
    let (mut inflating, mut igzip) = (Vec::new(), Vec::new());
    let (mut memory, mut disk) = (Vec::new(), Vec::new());
    inflate_by_threads(&betas)?;
    for _ in 0..rounds {
        // A B A B: all see the same machine.
        inflating.push(once(|| inflate_by_threads(&betas))?);
        memory.push(build(&in_memory)?);
        igzip.extend(commands.igzip(&betas)?);
        disk.push(build(&on_disk)?);
    }
    let peak = commands.peak_of_build(&mirror)?;
    let (inflating, memory, disk) = (median(inflating), median(memory), median(disk));
    let igzip = match igzip.is_empty() {
        true => "igzip is not installed".to_owned(),
        false => format!("igzip {:.2} s", median(igzip)),
    };
    println!(
        "\n{LARGE_SESSIONS} sessions of {LARGE_TRIALS} volumes of 143 x 143 x 143: inflating \
         {inflating:.2} s, {igzip}; building {memory:.2} s in memory, {disk:.2} s on disk"
    );
    let mut rows = vec![
        Row::at_most("building / inflating, two cores, into memory", memory / inflating, 1.6, "x"),
        Row::at_most(
            "building: peak for each session at work",
            peak / LARGE_SESSIONS as f64,
            300.0,
            "MiB",
        ),
    ];

    // A session of these, by its index and by the store.
    let by_index = dataset.clone().without_stores().subject("sub-01")?;
    let stored = dataset.with_stores([&in_memory]).subject("sub-01")?;
    let roi = roi(&stored, 0)?;
    let question = |subject: &Subject| -> Result<()> {
        let betas = subject.betas().session("ses-01").mask(roi.clone()).load()?;
        ensure!(betas.nrows() == LARGE_TRIALS, "rows");
        Ok(())
    };
    question(&by_index)?;
    question(&stored)?;
    let (mut indexed, mut from_store) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        indexed.push(once(|| question(&by_index))?);
        from_store.push(once(|| question(&stored))?);
    }
    let (indexed, from_store) = (median(indexed), median(from_store));
    println!(
        "{ROI} voxels of one session: {:.1} ms by index, {:.2} ms from the store",
        indexed * 1e3,
        from_store * 1e3
    );
    rows.push(Row::at_most(
        "the same ROI from the store / by index",
        from_store / indexed,
        0.01,
        "x",
    ));
    let theirs = Theirs::start(project, &mirror, &in_memory, &folder.join("cache"))?;
    rows.push(theirs.compare(rounds)?);
    let _ = fs::remove_dir_all(&in_memory);
    let _ = fs::remove_dir_all(on_disk);
    Ok(rows)
}

/// The subject with all sessions and trials.
fn reading(
    project: &Project,
    python: &Environment,
    folder: &Path,
    commands: &Commands<'_>,
    rounds: usize,
) -> Result<Vec<Row>> {
    let mirror = folder.join("mirror");
    if !folder.join("written").is_file() {
        fixtures::bucket::write_large(&mirror, EDGE, SESSIONS, TRIALS)?;
        fs::write(folder.join("written"), "")?;
    }
    let dataset = Dataset::open(&mirror)?.with_jobs(THREADS);
    let subject = dataset.subject("sub-01")?;
    subject.build_store(&StoreRequest::new(), &(), &Cancel::new())?;
    let stores = subject.stores(None)?;
    let [store] = stores.as_slice() else { bail!("expected one store, got {}", stores.len()) };
    let roi = roi(&subject, 0)?;
    let one = VoxelMask::new(Arc::clone(roi.brain()), flags(roi.brain().n_voxels(), &[77]))?;
    let others: Vec<VoxelMask> =
        (0..ROIS).map(|number| self::roi(&subject, number)).collect::<Result<_>>()?;
    let mask = folder.join("roi.nii.gz");
    roi.write_nifti(&mask)?;
    let columns = folder.join("columns.npy");
    write_columns(&columns, &roi)?;
    let mut asked = Others::start(python, project, &store.path, &columns, folder)?;

    let matrices = Matrices::open(&store.path)?;
    let first = once(|| joined(&dataset.subject("sub-01")?, &roi))?;
    joined(&subject, &roi)?;
    let mut times: [Vec<f64>; 11] = Default::default();
    for _ in 0..=rounds {
        let figures = [
            // Python and the commands ran before this one, which finds nothing of its own in the processor's
            // caches, and its memory has to come from the host.
            once(|| joined(&subject, &roi))?,
            once(|| joined(&subject, &roi))?,
            once(|| matrices.read(&roi))?,
            once(|| by_session(&subject, &one))?,
            once(|| matrices.read(&one))?,
            once(|| others.iter().try_for_each(|roi| joined(&subject, roi)))?,
            commands.betas(&mirror, &mask)?,
            commands.extract(&mirror, &mask)?,
            once(|| new_memory(&roi))?,
            asked.zarr()?,
            asked.h5py()?,
        ];
        times.iter_mut().zip(figures).for_each(|(times, figure)| times.push(figure));
    }
    // The first turn fills caches.
    let times = times.map(|times| median(times[1..].to_vec()));
    let [
        after_others,
        of_roi,
        plain_roi,
        of_one,
        plain_one,
        forty,
        command,
        extract,
        memory,
        zarr,
        h5py,
    ] = times;
    let mut cold = Vec::new();
    for _ in 0..rounds.min(3) {
        matrices.forget()?;
        cold.push(once(|| joined(&subject, &roi))?);
    }
    let cold = median(cold);
    println!(
        "{SESSIONS} sessions of {TRIALS} trials, {} voxels in the store, {:.0} MB",
        roi.brain().n_voxels(),
        store.bytes as f64 / 1e6
    );
    for (case, seconds) in [
        ("the ROI by `Betas::concat`", of_roi),
        ("the same, right after other programs", after_others),
        ("the same, by a subject that has read nothing yet", first),
        ("the same, the chunks alone", plain_roi),
        ("the same from a cold disk", cold),
        ("new memory for the ROI, filled by two threads", memory),
        ("one voxel by `Betas::load_sessions`", of_one),
        ("the same, the chunks alone", plain_one),
        ("`laion-fmri betas` into memory", command),
        ("`laion-fmri extract` into memory", extract),
        ("zarr-python", zarr),
        ("h5py, chunks of one voxel x 750 trials", h5py),
    ] {
        println!("  {case}: {:.2} ms", seconds * 1e3);
    }
    Ok(vec![
        Row::at_most("300 voxels, 30 sessions, two threads, warm", of_roi * 1e3, 25.0, "ms"),
        Row::at_most("the same by the command, into memory", command * 1e3, 100.0, "ms"),
        Row::at_most("one voxel, 30 sessions", of_one * 1e3, 1.0, "ms"),
        Row::at_most("40 ROIs one after the other, 30 sessions", forty, 1.2, "s"),
        Row::at_most("the ROI / by zarr-python", of_roi / zarr, 0.3, "x"),
        Row::at_most("the ROI / by h5py", of_roi / h5py, 0.5, "x"),
    ])
}

/// What a real subject takes on disk beyond its values, by arithmetic.
fn overhead() -> Result<Vec<Row>> {
    let (sessions, trials, voxels) = REAL;
    let rows = laion_fmri::store::voxel_store::MatrixOptions::default().chunk_rows;
    let matrix = Layout::new([trials, voxels], rows)?.bytes();
    // Coordinates and ROIs of each voxel: 16 bytes, five noise ceilings, a flag for each of 60
    // ROIs.
    let known = voxels * (16 + 5 * 4 + 60);
    // Texts and numbers of each trial.
    let of_trials = sessions * trials * 64;
    let values = (sessions * trials * voxels * 4) as f64;
    let all = sessions as f64 * matrix as f64 + (known + of_trials) as f64;
    let case = "a real subject on disk beyond its values, by arithmetic";
    Ok(vec![Row::at_most(case, (all / values - 1.0) * 100.0, 2.0, "%")])
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

/// The columns of the voxels in a store of the whole brain.
fn columns(voxels: &VoxelMask) -> Vec<usize> {
    let flags = voxels.as_slice().iter().enumerate();
    flags.filter(|(_, flag)| **flag).map(|(column, _)| column).collect()
}

fn write_columns(path: &Path, voxels: &VoxelMask) -> Result<()> {
    let columns: Vec<i64> = columns(voxels).iter().map(|column| *column as i64).collect();
    let array = laion_fmri::ndarray::Array1::from(columns);
    laion_fmri::export::write_npy(path, array.view()).with_context(|| path.display().to_string())
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
