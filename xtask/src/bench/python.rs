//! The Python module against what a program does without it: gzip, nibabel, h5py, Pillow, and a
//! dataset of PyTorch written with them.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use laion_fmri::Dataset;

use super::process::Python;
use super::{Row, median, page, stimuli};
use crate::counts::Counts;
use crate::interop::environment::Environment;
use crate::project::Project;
use crate::python;

/// What is timed, and what it is called in the table. The `_theirs` are what others do.
const CASES: [(&str, &str); 11] = [
    ("roi_first", "get_betas of FFA1, first time"),
    ("roi_index", "get_betas of FFA1, with index"),
    ("roi_theirs", "gzip module by volume, then FFA1"),
    ("brain_first", "get_betas of the brain, first time"),
    ("brain", "get_betas of the brain, with index"),
    ("brain_theirs", "nibabel, whole file, then the brain"),
    ("embeddings", "embeddings.all of a session"),
    ("embeddings_theirs", "h5py and numpy, the same rows"),
    ("pixels", "images.array of a session"),
    ("pixels_theirs", "h5py and Pillow, the same images"),
    ("roi_call", "get_betas of FFA1, everything open"),
];
const WITH_TORCH: [(&str, &str); 2] = [
    ("loader", "DataLoader, two workers, an epoch"),
    ("loader_theirs", "the same with nibabel in memory, h5py and Pillow"),
];
/// The call that `roi_call` makes, from Rust.
const RUST: (&str, &str) = ("rust_call", "the same call from Rust");

/// Shares of the time of what others do.
const RATIOS: [(&str, &str, f64); 7] = [
    ("roi_first", "roi_theirs", 0.22),
    ("roi_index", "roi_theirs", 0.15),
    ("brain_first", "brain_theirs", 0.10),
    ("brain", "brain_theirs", 0.10),
    ("embeddings", "embeddings_theirs", 0.8),
    ("pixels", "pixels_theirs", 0.5),
    ("loader", "loader_theirs", 0.5),
];

/// MiB beyond the array for the whole brain, and for six epochs after the fifth.
const BRAIN_MEMORY: f64 = 100.0;
const LOADER_MEMORY: f64 = 16.0;
/// Milliseconds that a call from Python takes more than the same from Rust.
const OVERHEAD: f64 = 5.0;

pub(super) fn run(
    project: &Project,
    volumes: usize,
    rounds: usize,
    record: bool,
) -> Result<Vec<Row>> {
    let environment = python::for_benchmarks(project)?;
    let script = project.root.join("interop").join("bench_python.py");
    let images = stimuli::write_files(project)?;
    let folder = project.target.join("bench").join("python");
    let (mirror, cache) = (folder.join("mirror"), folder.join("cache"));
    environment
        .script(&script)
        .argument("write")
        .arguments([&mirror, &images])
        .argument(volumes.to_string())
        .run(&mut Counts::default())?;

    let arguments = [Path::new("time"), mirror.as_path(), cache.as_path()];
    let mut asked = Python::start(&environment, &script, &arguments)?;
    let has_torch = asked.run("has_torch")? > 0.0;
    if !has_torch {
        println!("SKIPPED the loader: `cargo xtask python --torch` installs torch, several GB");
    }
    let cases: Vec<(&str, &str)> =
        CASES.iter().chain(WITH_TORCH.iter().filter(|_| has_torch)).copied().collect();
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    // As the module reads: with all cores, and with the same indexes.
    let threads = thread::available_parallelism()?.get();
    let dataset = Dataset::open(&mirror)?.with_jobs(threads).with_cache_dir(&cache);
    let subject = dataset.subject("sub-01")?;
    for round in 0..=rounds {
        for (case, _) in &cases {
            let took = asked.run(case)?;
            // The first turn fills the caches of the system.
            if round > 0 {
                times.entry(*case).or_default().push(took);
            }
            if *case == "roi_call" {
                let started = Instant::now();
                black_box(subject.betas().session("ses-01").roi("FFA1").load()?);
                if round > 0 {
                    times.entry(RUST.0).or_default().push(started.elapsed().as_secs_f64());
                }
            }
        }
    }
    let differing = asked.run("differing_pixels")?;
    drop(asked);

    let medians: BTreeMap<&str, f64> =
        times.into_iter().map(|(case, figures)| (case, median(figures))).collect();
    let mut rows = rows(&medians)?;
    rows.push(Row::at_most("values of images that are not those of Pillow", differing, 0.0, ""));
    let grown = |case: &str| memory(&environment, &script, &mirror, &cache, case);
    for case in ["brain_first", "brain"] {
        let name = format!("{}: peak beyond the array", name(case));
        rows.push(Row::at_most(&name, grown(case)?, BRAIN_MEMORY, "MiB"));
    }
    if has_torch {
        let case = "DataLoader: memory that six more epochs take";
        rows.push(Row::at_most(case, grown("loader")?, LOADER_MEMORY, "MiB"));
    }
    let table = table(&cases, &medians);
    println!("\n{table}");
    if record {
        let command = format!(
            "{volumes} volumes of 143 x 143 x 143 and their images; medians of {rounds} rounds, the cases in \
             turn.\n\nCommand: `cargo xtask bench python --volumes {volumes} --rounds {rounds} --record`"
        );
        let limits = page::limits(&rows);
        let text = format!("{}\n\n{command}\n\n{table}\n{limits}", page::machine());
        page::record(project, "python", &text)?;
    }
    Ok(rows)
}

/// The name of a case in the table.
fn name(case: &str) -> &str {
    let mut all = CASES.iter().chain(&WITH_TORCH).chain([&RUST]);
    all.find(|(known, _)| *known == case).map_or(case, |(_, name)| *name)
}

fn rows(medians: &BTreeMap<&str, f64>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (case, to, limit) in RATIOS {
        let (Some(ours), Some(theirs)) = (medians.get(case), medians.get(to)) else { continue };
        let case = format!("{} / {}", name(case), name(to));
        rows.push(Row::at_most(&case, ours / theirs, limit, "x"));
    }
    let taken = |case: &str| medians.get(case).with_context(|| format!("no figure of {case}"));
    let overhead = (taken("roi_call")? - taken(RUST.0)?) * 1e3;
    let case = format!("{}, beyond {}", name("roi_call"), RUST.1);
    rows.push(Row::at_most(&case, overhead, OVERHEAD, "ms"));
    Ok(rows)
}

fn table(cases: &[(&str, &str)], medians: &BTreeMap<&str, f64>) -> String {
    let mut table = "| case | wall, ms |\n|---|---|\n".to_owned();
    for (case, name) in cases.iter().chain([&RUST]) {
        if let Some(seconds) = medians.get(*case) {
            table.push_str(&format!("| {name} | {:.1} |\n", seconds * 1e3));
        }
    }
    table
}

/// MiB that a case takes beyond its result, in a process of its own.
fn memory(
    environment: &Environment,
    script: &Path,
    mirror: &Path,
    cache: &Path,
    case: &str,
) -> Result<f64> {
    let command = environment.script(script).argument("memory").argument(mirror).argument(cache);
    let printed = command.argument(case).capture()?.context("python")?;
    printed.trim().parse().with_context(|| format!("python answered {printed:?} to {case}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_for_cases_that_are_timed() {
        let medians: BTreeMap<&str, f64> =
            CASES.iter().chain(&WITH_TORCH).chain([&RUST]).map(|(case, _)| (*case, 1.0)).collect();
        let rows = rows(&medians).unwrap();
        assert_eq!(rows.len(), RATIOS.len() + 1);
        assert!(rows[0].case.starts_with("get_betas of FFA1, first time / gzip module"));
        assert!(rows.iter().all(|row| !row.case.contains('_') || row.case.contains("get_betas")));
    }
}
