//! `cargo xtask interop`: files exchanged with the Python libraries of the field.

pub(crate) mod environment;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::ignored_tests;
pub(crate) use crate::interop::environment::Environment;
use crate::project::Project;
use crate::steps::{Outcome, Steps};

/// The heading of the step, and how a skipped suite is named.
pub(crate) const STEP: &str = "interoperability suite";

/// Scripts of `interop/` that write files for the Rust tests, called with the data directory.
const WRITERS: &[&str] =
    &["make_nifti.py", "make_surface.py", "make_stimuli.py", "make_buckets.py"];

/// Scripts of `interop/` that read what the Rust tests wrote, called with the data directory.
const CHECKERS: &[&str] = &[
    "check_written.py",
    "check_surface.py",
    "check_stimuli.py",
    "check_export.py",
    "check_arrays.py",
    "check_store.py",
    "check_buckets.py",
    "check_extract.py",
    "check_splits.py",
    "check_noise_ceilings.py",
];

/// How to run the suite.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Fail when there is no python3; the same as a variable CI that is neither empty nor `false`
    #[arg(long)]
    require_interop: bool,
    /// Also read the stimulus files by the C libraries: HDF5 and turbojpeg, built from source with a cmake from PyPI
    /// (several minutes the first time)
    #[arg(long)]
    c_libraries: bool,
}

/// Runs the suite alone; true if it did not fail.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(false);
    steps.step(STEP, |counts| step(project, options, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// Builds the environment, lets Python write, Rust read and write, and Python read.
pub(crate) fn step(project: &Project, options: &Options, counts: &mut Counts) -> Result<Outcome> {
    let Some(python) = environment::python_version(project)? else {
        return without_python(is_required(options.require_interop));
    };
    let environment = Environment::prepare(project, &python)?;
    let scripts = project.root.join("interop");
    let data = project.target.join("interop").join("data");
    start_empty(&data)?;
    for script in WRITERS {
        environment.script(&scripts.join(script)).argument(&data).run(counts)?;
    }
    let spaces =
        Environment::prepare_from(project, &python, "requirements-spaces.txt", "venv-spaces")?;
    spaces.script(&scripts.join("make_spaces.py")).argument(&data).run(counts)?;
    let s3 = Environment::prepare_from(project, &python, "requirements-s3.txt", "venv-s3")?;
    let variables =
        [("LAION_FMRI_INTEROP", data.as_path()), ("LAION_FMRI_INTEROP_S3", s3.python())];
    ignored_tests::run(project, "interop", &variables, counts)?;
    if options.c_libraries {
        let cmake = environment.cmake()?;
        let arguments =
            "test --locked --package laion-fmri-stimuli --features hdf5-c,turbojpeg --test interop";
        CommandLine::cargo(arguments, &project.root)
            .variable("LAION_FMRI_INTEROP", &data)
            .variable("CMAKE", &cmake)
            .arguments(["--", "--include-ignored"])
            .run(counts)?;
    }
    for script in CHECKERS {
        environment.script(&scripts.join(script)).argument(&data).run(counts)?;
    }
    spaces.script(&scripts.join("check_spaces.py")).argument(&data).run(counts)?;
    Ok(Outcome::Done)
}

/// The environment of the suite, for others who need nibabel; nothing without python3.
pub(crate) fn python(project: &Project) -> Result<Option<Environment>> {
    let python = environment::python_version(project)?;
    python.map(|python| Environment::prepare(project, &python)).transpose()
}

/// The public tools that mirroring is measured against.
pub(crate) fn programs_for_benchmarks(project: &Project) -> Result<PathBuf> {
    let python = environment::python_version(project)?.context("python3 not found")?;
    let list = "requirements-bench.txt";
    Ok(Environment::prepare_from(project, &python, list, "venv-bench")?.programs())
}

/// Whether Python has to be there: by choice, or because nothing may be skipped here.
pub(crate) fn is_required(chosen: bool) -> bool {
    chosen || is_ci(std::env::var("CI").ok().as_deref())
}

pub(crate) fn without_python(required: bool) -> Result<Outcome> {
    if required {
        bail!("python3 not found, and the suite is required here");
    }
    Ok(Outcome::Skipped("python3 not found".to_owned()))
}

/// Whether the value of the variable `CI` means that nothing may be skipped.
fn is_ci(value: Option<&str>) -> bool {
    !matches!(value, None | Some("" | "false"))
}

/// Leaves an empty folder, so that no file of an earlier run can stand in for one of this run.
pub(crate) fn start_empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_python_is_visible_and_fails_only_where_required() {
        assert_eq!(
            without_python(false).unwrap(),
            Outcome::Skipped("python3 not found".to_owned())
        );
        let error = without_python(true).unwrap_err().to_string();
        assert_eq!(error, "python3 not found, and the suite is required here");
    }

    #[test]
    fn the_variable_ci_is_read_as_documented() {
        assert!(!is_ci(None));
        assert!(!is_ci(Some("")));
        assert!(!is_ci(Some("false")));
        assert!(is_ci(Some("true")));
        assert!(is_ci(Some("1")));
    }

    #[test]
    fn files_of_an_earlier_run_are_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("data");
        start_empty(&folder).unwrap();
        std::fs::write(folder.join("stale"), "x").unwrap();
        start_empty(&folder).unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
}
