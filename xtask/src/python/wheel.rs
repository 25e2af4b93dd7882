//! The wheel: built by maturin, and installed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::CRATE;
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::debian;
use crate::interop::environment::Environment;
use crate::interop::start_empty;
use crate::project::Project;

/// How the wheel is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profile<'a> {
    /// As the tests are, so that most of what it needs is built already.
    Dev,
    /// As it is released, with the assembler that the fast paths of the JPEG decoder need, for this
    /// machine.
    Release,
    /// The same for every machine that a platform of Python's packages stands for, with the flags of
    /// the compiler and a list of the dependencies (SBOM) to put in.
    Portable { target: &'a str, platform: &'a str, rustflags: &'a str, dependencies: &'a Path },
}

/// Builds the wheel with the tools of an environment, and installs it there.
pub(crate) fn build_and_install(
    project: &Project,
    environment: &Environment,
    profile: Profile<'_>,
) -> Result<()> {
    let wheel = build(project, environment, profile)?;
    install(environment, &wheel)
}

/// Installs a wheel alone, in place of any earlier one.
pub(crate) fn install(environment: &Environment, wheel: &Path) -> Result<()> {
    environment
        .pip("install --no-deps --no-input --quiet --force-reinstall")
        .argument(wheel)
        .run(&mut Counts::default())
}

/// Builds the wheel with the maturin and the cmake of an environment.
pub(crate) fn build(
    project: &Project,
    tools: &Environment,
    profile: Profile<'_>,
) -> Result<PathBuf> {
    let folder = project.target.join("python").join("wheels");
    start_empty(&folder)?;
    let program = |name: &str| tools.programs().join(name);
    let mut command = CommandLine::new(program("maturin"), &project.root.join(CRATE))
        .argument("build")
        .arguments(match profile {
            Profile::Dev => vec!["--profile", "dev"],
            Profile::Release => vec!["--release"],
            Profile::Portable { target, platform, .. } => {
                vec!["--release", "--zig", "--target", target, "--compatibility", platform]
            }
        })
        .arguments("--features turbojpeg --locked --out".split(' '))
        .argument(&folder)
        .argument("--interpreter")
        .argument(tools.python())
        .variable("CMAKE", program("cmake"));
    if !matches!(profile, Profile::Dev) {
        command = command.variable("PATH", path_with_nasm(project)?);
    }
    if let Profile::Portable { rustflags, dependencies, .. } = profile {
        command = command
            .argument("--sbom-include")
            .argument(dependencies)
            .variable("RUSTFLAGS", rustflags)
            .variable("CARGO_ZIGBUILD_PYTHON_PATH", tools.python());
    }
    command.run(&mut Counts::default())?;
    let mut wheels = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
    let wheel: std::io::Result<PathBuf> = wheels.next().context("no wheel was built")?;
    ensure!(wheels.next().is_none(), "several wheels in {}", folder.display());
    Ok(wheel?)
}

/// The variable PATH, with the nasm of Debian where the system has none.
fn path_with_nasm(project: &Project) -> Result<OsString> {
    let given = std::env::var_os("PATH").unwrap_or_default();
    let folder = project.target.join("python").join("nasm");
    let Some(root) = debian::unpacked(project, &folder, &["nasm"])? else { return Ok(given) };
    let mut folders: Vec<PathBuf> = std::env::split_paths(&given).collect();
    folders.push(root.join("usr").join("bin"));
    Ok(std::env::join_paths(folders)?)
}
