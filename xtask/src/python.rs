//! `cargo xtask python`: the wheel of the Python module, built, installed below `target/` and tested.

pub(crate) mod audit;
pub(crate) mod bare;
pub(crate) mod interpreters;
mod matrix;
pub(crate) mod wheel;

use std::path::Path;

use anyhow::{Result, bail, ensure};
use clap::Args;
use fixtures::bucket;

use self::wheel::Profile;
use crate::counts::Counts;
use crate::demo;
use crate::interop::environment::{self, Contents, Environment};
use crate::interop::{is_required, start_empty, without_python};
use crate::project::Project;
use crate::steps::{Outcome, Steps};

/// The headings of the steps, and how a skipped one is named.
pub(crate) const STEP: &str = "Python module";
pub(crate) const NOTEBOOKS: &str = "notebooks";
pub(crate) const TORCH: &str = "Python module with torch";
const MATRIX: &str = "Python module with every Python, numpy and pandas";

/// The folder of the crate.
const CRATE: &str = "crates/python";

/// What builds the wheel and tests it.
const BASE: &str = "requirements-python.txt";

/// The environment with torch, which is several GB and so is built only when asked for.
const TORCH_FOLDER: &str = "venv-python-torch";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Build the wheel and the environment, and run no test
    #[arg(long, group = "what")]
    build: bool,
    /// Test the datasets for PyTorch alone, in an environment with torch: several GB below `target/`
    #[arg(long, group = "what")]
    torch: bool,
    /// Execute the notebooks alone, in an environment with Jupyter, xarray and dask
    #[arg(long, group = "what")]
    notebooks: bool,
    /// Test with the oldest and the newest Python, numpy and pandas that are there, and audit the wheel
    #[arg(long, group = "what")]
    matrix: bool,
    /// Arguments of pytest, such as `-k betas`
    #[arg(last = true)]
    pytest: Vec<String>,
}

/// Runs the step alone; true if it did not fail.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(false);
    let more = &options.pytest;
    if options.torch {
        steps.step(TORCH, |counts| torch(project, more, counts));
    } else if options.notebooks {
        steps.step(NOTEBOOKS, |counts| notebooks(project, more, counts));
    } else if options.matrix {
        steps.step(MATRIX, |counts| matrix::step(project, more, counts));
    } else {
        steps.step(STEP, |counts| step(project, options, counts));
    }
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// The step with every test, as a part of the whole check.
pub(crate) fn whole_step(project: &Project, counts: &mut Counts) -> Result<Outcome> {
    let options =
        Options { build: false, torch: false, notebooks: false, matrix: false, pytest: Vec::new() };
    step(project, &options, counts)
}

/// The notebooks, as a part of the whole check.
pub(crate) fn notebooks_step(project: &Project, counts: &mut Counts) -> Result<Outcome> {
    notebooks(project, &[], counts)
}

/// The tests with torch, as a part of the whole check, where its environment is there.
pub(crate) fn torch_step(project: &Project, counts: &mut Counts) -> Result<Outcome> {
    if !Environment::is_built(project, TORCH_FOLDER) {
        return Ok(Outcome::Skipped(
            "torch is not installed below target/; `cargo xtask python --torch` installs it, several GB"
                .to_owned(),
        ));
    }
    torch(project, &[], counts)
}

/// An environment with torch where one was built, else without, and the released wheel in it.
pub(crate) fn for_benchmarks(project: &Project) -> Result<Environment> {
    let Some(python) = environment::python_version(project)? else { bail!("python3 not found") };
    let environment = if Environment::is_built(project, TORCH_FOLDER) {
        with_torch(project, &python)?
    } else {
        base(project, &python)?
    };
    wheel::build_and_install(project, &environment, Profile::Release)?;
    Ok(environment)
}

fn base(project: &Project, python: &str) -> Result<Environment> {
    Environment::prepare_from(project, python, BASE, "venv-python")
}

fn with_torch(project: &Project, python: &str) -> Result<Environment> {
    let lists = [BASE, "requirements-notebooks.txt", "requirements-torch.txt"];
    let contents = Contents { lists: &lists, packages: &[], with_needs: true };
    Environment::prepare_with(project, (Path::new("python3"), python), &contents, TORCH_FOLDER)
}

fn step(project: &Project, options: &Options, counts: &mut Counts) -> Result<Outcome> {
    let Some(python) = environment::python_version(project)? else {
        return without_python(is_required(false));
    };
    let environment = base(project, &python)?;
    wheel::build_and_install(project, &environment, Profile::Dev)?;
    if options.build {
        println!("the module is installed for {}", environment.python().display());
        return Ok(Outcome::Done);
    }
    check_types(project, &environment)?;
    pytest(project, &environment, &options.pytest, counts)?;
    Ok(Outcome::Done)
}

fn torch(project: &Project, more: &[String], counts: &mut Counts) -> Result<Outcome> {
    let Some(python) = environment::python_version(project)? else {
        return without_python(is_required(false));
    };
    let environment = with_torch(project, &python)?;
    wheel::build_and_install(project, &environment, Profile::Dev)?;
    marked(project, &environment, "torch", more, counts)
}

fn notebooks(project: &Project, more: &[String], counts: &mut Counts) -> Result<Outcome> {
    let Some(environment) = for_notebooks(project)? else {
        return without_python(is_required(false));
    };
    marked(project, &environment, "notebook", more, counts)
}

/// An environment with what the notebooks need and the wheel in it; nothing without `python3`.
pub(crate) fn for_notebooks(project: &Project) -> Result<Option<Environment>> {
    let Some(python) = environment::python_version(project)? else { return Ok(None) };
    let lists = [BASE, "requirements-notebooks.txt"];
    let contents = Contents { lists: &lists, packages: &[], with_needs: true };
    let folder = "venv-python-notebooks";
    let python = (Path::new("python3"), python.as_str());
    let environment = Environment::prepare_with(project, python, &contents, folder)?;
    wheel::build_and_install(project, &environment, Profile::Dev)?;
    Ok(Some(environment))
}

/// Runs the tests with a mark.
fn marked(
    project: &Project,
    environment: &Environment,
    mark: &str,
    more: &[String],
    counts: &mut Counts,
) -> Result<Outcome> {
    let mut arguments = vec!["-m".to_owned(), mark.to_owned()];
    arguments.extend_from_slice(more);
    pytest(project, environment, &arguments, counts)?;
    Ok(Outcome::Done)
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

/// A bucket of the fixtures, in the layout of the dataset, and beside it what is not for everybody.
fn data(project: &Project) -> Result<bucket::Bucket> {
    let data = project.target.join("python").join("data");
    start_empty(&data)?;
    bucket::write_gated(&data.join("gated"))?;
    Ok(bucket::write(&data.join("bucket"))?)
}

/// Runs pytest on the bucket, on disk and served.
fn pytest(
    project: &Project,
    environment: &Environment,
    arguments: &[String],
    counts: &mut Counts,
) -> Result<()> {
    let bucket = data(project)?;
    let server = bucket.serve()?;
    let access = demo::access_service()?;
    let mut found = Counts::default();
    let result = environment
        .module("pytest", &project.root.join(CRATE))
        // Not in the folder that every run of pytest on this machine shares and tidies up.
        .argument("--basetemp")
        .argument(project.target.join("python").join("pytest"))
        .arguments(arguments)
        .variable("LAION_FMRI_TEST_ROOT", bucket.root())
        .variable("LAION_FMRI_TEST_GATED", bucket.root().with_file_name("gated"))
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
    use std::fs;

    use super::*;

    #[test]
    fn the_crate_is_where_the_step_looks() {
        let project = Project::locate().unwrap();
        let manifest = fs::read_to_string(project.root.join(CRATE).join("pyproject.toml")).unwrap();
        assert!(manifest.contains("module-name = \"laion_fmri._native\""));
    }
}
