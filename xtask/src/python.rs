//! `cargo xtask python`: the wheel of the Python module, built, installed below `target/` and tested.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use fixtures::{AccessServer, bucket};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop::environment::{self, Environment};
use crate::interop::{is_required, start_empty, without_python};
use crate::project::Project;
use crate::steps::{Outcome, Steps};

/// The heading of the step, and how a skipped one is named.
pub(crate) const STEP: &str = "Python module";

/// The folder of the crate.
const CRATE: &str = "crates/python";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Build the wheel and the environment, and run no test
    #[arg(long)]
    build: bool,
    /// Arguments of pytest, such as `-k betas`
    #[arg(last = true)]
    pytest: Vec<String>,
}

/// Runs the step alone; true if it did not fail.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(false);
    steps.step(STEP, |counts| step(project, options, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// The step with every test, as a part of the whole check.
pub(crate) fn whole_step(project: &Project, counts: &mut Counts) -> Result<Outcome> {
    step(project, &Options { build: false, pytest: Vec::new() }, counts)
}

fn step(project: &Project, options: &Options, counts: &mut Counts) -> Result<Outcome> {
    let Some(python) = environment::python_version(project)? else {
        return without_python(is_required(false));
    };
    let list = "requirements-python.txt";
    let environment = Environment::prepare_from(project, &python, list, "venv-python")?;
    let wheel = wheel(project, &environment)?;
    environment
        .pip("install --no-deps --no-input --quiet --force-reinstall")
        .argument(wheel)
        .run(&mut Counts::default())?;
    if options.build {
        println!("the module is installed for {}", environment.python().display());
        return Ok(Outcome::Done);
    }
    check_types(project, &environment)?;
    tests(project, &environment, &options.pytest, counts)?;
    Ok(Outcome::Done)
}

/// Builds the wheel in the profile of the tests, so that most of what it needs is built already.
fn wheel(project: &Project, environment: &Environment) -> Result<PathBuf> {
    let folder = project.target.join("python").join("wheels");
    start_empty(&folder)?;
    let program = |name: &str| environment.programs().join(name);
    CommandLine::new(program("maturin"), &project.root.join(CRATE))
        .arguments("build --profile dev --features turbojpeg --locked --out".split(' '))
        .argument(&folder)
        .argument("--interpreter")
        .argument(environment.python())
        .variable("CMAKE", program("cmake"))
        .run(&mut Counts::default())?;
    let mut wheels = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
    let wheel: std::io::Result<PathBuf> = wheels.next().context("no wheel was built")?;
    ensure!(wheels.next().is_none(), "several wheels in {}", folder.display());
    Ok(wheel?)
}

/// `mypy --strict` on the package, and its stub against the native module.
fn check_types(project: &Project, environment: &Environment) -> Result<()> {
    let folder = project.root.join(CRATE);
    let cache = project.target.join("python").join("mypy");
    let mypy =
        |arguments: &str| environment.module(arguments, &folder).variable("MYPY_CACHE_DIR", &cache);
    mypy("mypy").run(&mut Counts::default())?;
    mypy("mypy.stubtest laion_fmri._native").run(&mut Counts::default())
}

/// Runs pytest on a bucket of the fixtures, in the layout of the dataset, that is on disk and served.
fn tests(
    project: &Project,
    environment: &Environment,
    arguments: &[String],
    counts: &mut Counts,
) -> Result<()> {
    let data = project.target.join("python").join("data");
    start_empty(&data)?;
    let bucket = bucket::write(&data.join("bucket"))?;
    let server = bucket.serve()?;
    let access = AccessServer::start()?;
    for (key, bytes) in bucket::gated_files()? {
        access.put(key.rsplit('/').next().unwrap_or(key), &bytes);
    }
    access.grant("lfm_demo");
    bucket::write_gated(&data.join("gated"))?;
    let mut found = Counts::default();
    let result = environment
        .module("pytest", &project.root.join(CRATE))
        .arguments(arguments)
        .variable("LAION_FMRI_TEST_ROOT", bucket.root())
        .variable("LAION_FMRI_TEST_GATED", data.join("gated"))
        .variable("LAION_FMRI_TEST_BUCKET", server.url("laion-fmri"))
        .variable("LAION_FMRI_TEST_ACCESS", access.url())
        .run(&mut found);
    *counts += found;
    result?;
    ensure!(found.run() > 0, "pytest ran no test");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_is_where_the_step_looks() {
        let project = Project::locate().unwrap();
        let manifest = fs::read_to_string(project.root.join(CRATE).join("pyproject.toml")).unwrap();
        assert!(manifest.contains("module-name = \"laion_fmri._native\""));
    }
}
