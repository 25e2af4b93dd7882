//! `--check`: the files of a release, installed and used as strangers do, and judged by other tools.

mod old_system;
mod place;
mod readme;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::{PLATFORM, Release, copy_into, program, sums, tools};
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop::environment::{self, Contents, Environment};
use crate::interop::start_empty;
use crate::python::{audit, bare, interpreters};
use crate::steps::{Outcome, Steps};
use place::Place;
use readme::Readme;

/// Everything that is checked, quick things first.
pub(super) fn steps(release: &Release<'_>, steps: &mut Steps) {
    let mut step = |name, body: &dyn Fn() -> Result<()>| {
        steps.step(name, |_| body().map(|()| Outcome::Done));
    };
    step("SHA-256 of the files", &|| sums::check(release));
    step("needs of the program", &|| program::check(release, &release.program()));
    step("Debian 11", &|| in_debian(release));
    step("bare Python", &|| in_bare_python(release));
    step("audits of the wheel", &|| audit_wheel(release));
    step("packages for crates.io", &|| publish_nothing(release));
    step("licences and sources", &|| deny(release));
    step("citation", &|| citation(release));
}

/// The program on an older system, by the README.
fn in_debian(release: &Release<'_>) -> Result<()> {
    let readme = Readme::read(release.project)?;
    let place = Place::new(&release.project.target.join("dist-check").join("debian"))?;
    let system = old_system::prepared(release.project)?;
    copy_into(&release.archive(), &system.home())?;
    let script = format!("{}{}", readme.install_command(), readme.commands());
    system.run(&script, &place.variables())
}

/// The wheel in an environment with nothing else, by the README.
fn in_bare_python(release: &Release<'_>) -> Result<()> {
    let project = release.project;
    let found = interpreters::found(project);
    let python = found.first().context("no Python that the wheel is for")?;
    ensure!(
        python.minor == interpreters::OLDEST,
        "no Python 3.{}, the oldest that the wheel is for",
        interpreters::OLDEST
    );
    let environment = bare::installed(project, python, &release.wheel()?)?;
    bare::used(project, &environment)?;
    let readme = Readme::read(project)?;
    let folder = project.target.join("dist-check").join("python");
    let place = Place::new(&folder)?;
    let home = folder.join("home");
    start_empty(&home)?;
    copy_into(&release.wheel()?, &home)?;
    let script = format!("{}{}", readme.install_module(), readme.commands());
    for (name, text) in [("commands.sh", script), ("lines.py", readme.python())] {
        fs::write(home.join(name), text).with_context(|| name.to_owned())?;
    }
    let path = format!("{}:/usr/bin:/bin", environment.programs().display());
    let alone = || {
        CommandLine::new("env", &home)
            .arguments(["-i", &format!("PATH={path}"), &format!("HOME={}", home.display())])
            .arguments(place.variables())
    };
    alone().arguments(["bash", "-eux", "commands.sh"]).run(&mut Counts::default())?;
    alone().arguments(["python", "-W", "error", "lines.py"]).run(&mut Counts::default())
}

fn audit_wheel(release: &Release<'_>) -> Result<()> {
    let wheel = release.wheel()?;
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    ensure!(name.contains(PLATFORM), "expected a wheel for {PLATFORM}, got {name}");
    check_contents(release, &wheel)?;
    let python = environment::python_version(release.project)?.context("python3 not found")?;
    audit::wheel(release.project, &python, &wheel)
}

/// An error unless the wheel holds the licences, its own and those of what is compiled in, and the list of
/// dependencies, and its module needs no more than the program.
fn check_contents(release: &Release<'_>, wheel: &Path) -> Result<()> {
    let folder = release.project.target.join("dist-check").join("wheel");
    start_empty(&folder)?;
    let unpack = CommandLine::new("python3", &folder).arguments(["-m", "zipfile", "--extract"]);
    unpack.argument(wheel).argument(&folder).capture()?.context("python3 not found")?;
    let about = folder.join(format!("laion_fmri_rs-{}.dist-info", release.version));
    for file in [
        "licenses/LICENSE-MIT",
        "licenses/LICENSE-APACHE",
        "licenses/THIRD-PARTY-LICENSES.txt",
        "sboms/laion-fmri-python.cdx.json",
    ] {
        ensure!(about.join(file).is_file(), "{file} is not in {}", wheel.display());
    }
    program::check(release, &folder.join("laion_fmri").join("_native.abi3.so"))
}

/// Everything up to the upload; `cargo xtask package` is what compiles the packages.
fn publish_nothing(release: &Release<'_>) -> Result<()> {
    CommandLine::cargo(
        "publish --workspace --dry-run --no-verify --allow-dirty --locked",
        &release.project.root,
    )
    .run(&mut Counts::default())
}

fn deny(release: &Release<'_>) -> Result<()> {
    tools::DENY
        .command(release.project)?
        .arguments([
            "--workspace",
            "--exclude-dev",
            "--locked",
            "check",
            "licenses",
            "bans",
            "sources",
        ])
        .run(&mut Counts::default())
}

/// `CITATION.cff` is what readers of such files expect.
fn citation(release: &Release<'_>) -> Result<()> {
    let project = release.project;
    let python = environment::python_version(project)?.context("python3 not found")?;
    let contents = Contents { lists: &[], packages: &["cffconvert==2.0.0"], with_needs: true };
    let program = (Path::new("python3"), python.as_str());
    let environment = Environment::prepare_with(project, program, &contents, "venv-citation")?;
    CommandLine::new(environment.programs().join("cffconvert"), &project.root)
        .arguments(["--validate", "--infile", "CITATION.cff"])
        .run(&mut Counts::default())
}
