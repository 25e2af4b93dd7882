//! The Python environment of the suite: built below `target/`, rebuilt only when it has to be.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;

/// A virtual environment that holds what a list of `interop/` says.
#[derive(Debug)]
pub(crate) struct Environment {
    python: PathBuf,
    root: PathBuf,
}

/// What an environment holds.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    /// Lists of `interop/`.
    pub(crate) lists: &'a [&'a str],
    /// Packages, as pip takes them.
    pub(crate) packages: &'a [&'a str],
    /// Whether what they need is installed too, in the newest versions that fit.
    pub(crate) with_needs: bool,
}

/// The version and home of the machine's `python3`, or nothing if there is none.
pub(crate) fn python_version(project: &Project) -> Result<Option<String>> {
    CommandLine::new("python3", &project.root)
        .argument("-c")
        .argument("import sys; print(sys.version, sys.base_prefix, sep='\\n')")
        .capture()
}

impl Environment {
    /// Returns the environment, building it if the requirements or `python` have changed.
    ///
    /// The stamp file is written last, so an interrupted build is never taken for a finished one.
    pub(crate) fn prepare(project: &Project, python: &str) -> Result<Self> {
        Self::prepare_from(project, python, "requirements.txt", "venv")
    }

    /// The same from another list of `interop/`, in another folder below `target/interop`.
    pub(crate) fn prepare_from(
        project: &Project,
        python: &str,
        list: &str,
        folder: &str,
    ) -> Result<Self> {
        let listed = Contents { lists: &[list], packages: &[], with_needs: false };
        Self::prepare_with(project, (Path::new("python3"), python), &listed, folder)
    }

    /// The same with other contents, by an interpreter with the version that it tells.
    pub(crate) fn prepare_with(
        project: &Project,
        (program, version): (&Path, &str),
        contents: &Contents<'_>,
        folder: &str,
    ) -> Result<Self> {
        let folder = Self::folder(project, folder);
        let mut listed = contents.packages.join("\n");
        let mut install = Vec::new();
        for list in contents.lists {
            let path = project.root.join("interop").join(list);
            listed += &fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            install.extend(["--requirement".into(), path.into_os_string()]);
        }
        install.extend(contents.packages.iter().map(OsString::from));
        let environment = Self { python: interpreter(&folder), root: project.root.clone() };
        let stamp = folder.join("built-from");
        let wanted = key(&listed, version);
        if environment.python.exists() && is_current(&stamp, &wanted) {
            println!("environment {} is current", folder.display());
            return Ok(environment);
        }
        environment.build(program, &folder, &install, contents.with_needs)?;
        fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
        Ok(environment)
    }

    /// Whether an environment was built in this folder below `target/interop`, from whatever.
    pub(crate) fn is_built(project: &Project, folder: &str) -> bool {
        Self::folder(project, folder).join("built-from").exists()
    }

    fn folder(project: &Project, folder: &str) -> PathBuf {
        project.target.join("interop").join(folder)
    }

    /// The interpreter.
    pub(crate) fn python(&self) -> &Path {
        &self.python
    }

    /// Where the programs of the environment are.
    pub(crate) fn programs(&self) -> PathBuf {
        self.python.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// A script of the repository, run by the interpreter of the environment.
    pub(crate) fn script(&self, path: &Path) -> CommandLine {
        self.interpreter().argument(path)
    }

    /// A cmake, installed beside the rest when it is not there yet.
    pub(crate) fn cmake(&self) -> Result<PathBuf> {
        self.pip("install --no-deps --no-input --progress-bar off --requirement")
            .argument(self.root.join("interop").join("requirements-c.txt"))
            .run(&mut Counts::default())?;
        Ok(self.python.with_file_name(if cfg!(windows) { "cmake.exe" } else { "cmake" }))
    }

    fn build(
        &self,
        program: &Path,
        folder: &Path,
        install: &[OsString],
        with_needs: bool,
    ) -> Result<()> {
        let mut counts = Counts::default();
        CommandLine::new(program, &self.root)
            .arguments(["-m", "venv", "--clear"])
            .argument(folder)
            .run(&mut counts)?;
        self.pip("install --no-input --progress-bar off")
            .arguments((!with_needs).then_some("--no-deps"))
            .arguments(install)
            .run(&mut counts)?;
        // `--no-deps` installs the listed versions and nothing else; this proves the list complete.
        self.pip("check").run(&mut counts)
    }

    /// The package installer of the environment.
    pub(crate) fn pip(&self, arguments: &str) -> CommandLine {
        self.interpreter()
            .arguments(["-m", "pip", "--disable-pip-version-check"])
            .arguments(arguments.split_whitespace())
    }

    /// A program of the environment, as a module of Python with arguments, that runs in `folder`.
    pub(crate) fn module(&self, arguments: &str, folder: &Path) -> CommandLine {
        CommandLine::new(&self.python, folder)
            .arguments(["-E", "-s", "-B", "-m"])
            .arguments(arguments.split_whitespace())
    }

    fn interpreter(&self) -> CommandLine {
        // No PYTHON* variables, no packages of the user, no compiled files in the repository.
        CommandLine::new(&self.python, &self.root).arguments(["-E", "-s", "-B"])
    }
}

/// Where the interpreter of a virtual environment is.
fn interpreter(folder: &Path) -> PathBuf {
    if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    }
}

/// Everything that decides whether an environment can be used again.
fn key(requirements: &str, python: &str) -> String {
    format!("{python}\n\n{requirements}")
}

fn is_current(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_changes_with_requirements_and_python() {
        let scratch = tempfile::tempdir().unwrap();
        let stamp = scratch.path().join("built-from");
        let wanted = key("numpy==2.4.6\n", "3.11.7");
        assert!(!is_current(&stamp, &wanted));
        fs::write(&stamp, &wanted).unwrap();
        assert!(is_current(&stamp, &wanted));
        assert!(!is_current(&stamp, &key("numpy==2.4.7\n", "3.11.7")));
        assert!(!is_current(&stamp, &key("numpy==2.4.6\n", "3.12.0")));
    }
}
