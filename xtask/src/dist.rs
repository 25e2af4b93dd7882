//! `cargo xtask dist`: what is installed without Rust, and what a release uploads, below `target/dist`.

mod archive;
mod check;
mod dependencies;
mod program;
mod sums;
mod symbols;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use laion_fmri_base::readable_bytes;

use crate::interop::environment::{self, Environment};
use crate::interop::start_empty;
use crate::package;
use crate::project::Project;
use crate::python::wheel::{self, Profile};
use crate::steps::{Outcome, Steps};
use crate::web;

/// What the program and the wheel are compiled for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The oldest glibc that they start with, and the platform of the wheel that says the same.
const GLIBC: &str = "2.28";
const PLATFORM: &str = "manylinux_2_28";

/// Zig and what compiles with it.
const TOOLS: &str = "requirements-dist.txt";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Install what was made on a Debian 11 and in a bare Python, run the README there, and ask the tools of the
    /// package indexes; what was not made yet is made first
    #[arg(long)]
    check: bool,
}

/// A release, and where its files are.
struct Release<'a> {
    project: &'a Project,
    version: &'static str,
    folder: PathBuf,
}

impl<'a> Release<'a> {
    fn new(project: &'a Project) -> Self {
        // All crates share one version, this one too.
        let version = env!("CARGO_PKG_VERSION");
        Self { project, version, folder: project.target.join("dist") }
    }

    /// The name of the archive of the program, and of the folder in it.
    fn name(&self) -> String {
        format!("laion-fmri-{}-x86_64-linux", self.version)
    }

    /// The folder with the program, as the archive has it.
    fn unpacked(&self) -> PathBuf {
        self.folder.join(self.name())
    }

    fn program(&self) -> PathBuf {
        self.unpacked().join("laion-fmri")
    }

    fn archive(&self) -> PathBuf {
        self.folder.join(format!("{}.tar.gz", self.name()))
    }

    /// The packages for crates.io.
    fn packages(&self) -> PathBuf {
        self.folder.join("crates")
    }

    /// Where files are made that are no part of the release.
    fn workshop(&self) -> PathBuf {
        self.project.target.join("dist-tools")
    }

    /// The wheel, which is the only one.
    fn wheel(&self) -> Result<PathBuf> {
        let start = format!("laion_fmri_rs-{}-", self.version);
        let files = files(&self.folder)?;
        let mut wheels = files.into_iter().filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&start) && name.ends_with(".whl")
        });
        wheels.next().with_context(|| format!("no {start}*.whl in {}", self.folder.display()))
    }

    /// Flags that keep the paths of this machine out of the messages of panics.
    fn rustflags(&self) -> String {
        let shortened =
            [(cargo_home(), "/cargo"), (Some(self.project.root.clone()), "/laion-fmri")];
        let flags = shortened.into_iter().filter_map(|(path, short)| {
            Some(format!("--remap-path-prefix={}={short}", path?.display()))
        });
        flags.collect::<Vec<_>>().join(" ")
    }
}

/// Makes everything, or checks it; true if nothing failed.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the files of a release are made on Linux on x86_64"
    );
    let release = Release::new(project);
    let mut steps = Steps::new(false);
    if !options.check || !sums::path(&release).exists() {
        make(&release, &mut steps)?;
    }
    if options.check && !steps.failed() {
        check::steps(&release, &mut steps);
    }
    if !steps.failed() {
        print_sizes(&release)?;
    }
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

fn make(release: &Release<'_>, steps: &mut Steps) -> Result<()> {
    start_empty(&release.folder)?;
    let project = release.project;
    let environment = || -> Result<Environment> {
        let python = environment::python_version(project)?.context("python3 not found")?;
        Environment::prepare_from(project, &python, TOOLS, "venv-dist")
    };
    // The program, the wheel and the package of the server have it in them.
    steps.step(web::STEP, |counts| match web::step(project, counts)? {
        Outcome::Done => Ok(Outcome::Done),
        Outcome::Skipped(reason) => bail!("a release needs the page: {reason}"),
    });
    steps.step("program", |_| {
        let built = program::build(release, &environment()?)?;
        program::check(release, &built)?;
        archive::start(release, &built)?;
        Ok(Outcome::Done)
    });
    steps.step("licences of the dependencies", |_| {
        dependencies::write_licences(release)?;
        Ok(Outcome::Done)
    });
    steps.step("lists of the dependencies (SBOM)", |_| {
        dependencies::write_lists(release)?;
        Ok(Outcome::Done)
    });
    steps.step("archive of the program", |_| {
        archive::finish(release)?;
        Ok(Outcome::Done)
    });
    steps.step("wheel", |_| {
        make_wheel(release, &environment()?)?;
        Ok(Outcome::Done)
    });
    steps.step("packages for crates.io", |_| {
        for package in package::packed(project)? {
            copy_into(&package, &release.packages())?;
        }
        Ok(Outcome::Done)
    });
    steps.step("SHA-256", |_| {
        sums::write(release)?;
        Ok(Outcome::Done)
    });
    Ok(())
}

/// The wheel, with the licences and the list of what is compiled in. maturin takes licences from beside its
/// settings.
fn make_wheel(release: &Release<'_>, tools: &Environment) -> Result<()> {
    let crate_folder = release.project.root.join("crates").join("python");
    let licences = dependencies::licences_path(release);
    copy_into(&licences, &crate_folder)?;
    let profile = Profile::Portable {
        target: TARGET,
        platform: PLATFORM,
        rustflags: &release.rustflags(),
        dependencies: &dependencies::list_of_wheel(release),
    };
    let built = wheel::build(release.project, tools, profile);
    let copy = crate_folder.join(licences.file_name().unwrap_or_default());
    fs::remove_file(&copy).with_context(|| copy.display().to_string())?;
    copy_into(&built?, &release.folder)
}

/// The sizes of what is uploaded, and of the program.
fn print_sizes(release: &Release<'_>) -> Result<()> {
    println!();
    for path in sums::files_of(release)?.into_iter().chain([release.program()]) {
        let bytes = fs::metadata(&path).with_context(|| path.display().to_string())?.len();
        let shown = path.strip_prefix(&release.folder).unwrap_or(&path);
        println!("{:>10}  {}", readable_bytes(bytes), shown.display());
    }
    Ok(())
}

/// Where cargo keeps the sources of packages.
fn cargo_home() -> Option<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    given.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

/// Copies a file under its own name.
fn copy_into(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().with_context(|| file.display().to_string())?;
    copy_as(file, &folder.join(name))
}

/// Copies a file, and makes the folder that it goes to.
fn copy_as(file: &Path, copy: &Path) -> Result<()> {
    let folder = copy.parent().unwrap_or(copy);
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    fs::copy(file, copy).with_context(|| format!("{} to {}", file.display(), copy.display()))?;
    Ok(())
}

/// The files of a folder by name, without those of the folders in it.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
