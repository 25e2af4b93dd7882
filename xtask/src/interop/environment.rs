//! The Python environment of the suite: built below `target/`, rebuilt only when it has to be.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;

/// A virtual environment that holds exactly what `interop/requirements.txt` lists.
#[derive(Debug)]
pub(crate) struct Environment {
    python: PathBuf,
    root: PathBuf,
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
        let requirements = project.root.join("interop").join(list);
        let folder = project.target.join("interop").join(folder);
        let listed = fs::read_to_string(&requirements)
            .with_context(|| requirements.display().to_string())?;
        let environment = Self { python: interpreter(&folder), root: project.root.clone() };
        let stamp = folder.join("built-from");
        let wanted = key(&listed, python);
        if environment.python.exists() && is_current(&stamp, &wanted) {
            println!("environment {} is current", folder.display());
            return Ok(environment);
        }
        environment.build(&folder, &requirements)?;
        fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())?;
        Ok(environment)
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

    fn build(&self, folder: &Path, requirements: &Path) -> Result<()> {
        let mut counts = Counts::default();
        CommandLine::new("python3", &self.root)
            .arguments(["-m", "venv", "--clear"])
            .argument(folder)
            .run(&mut counts)?;
        self.pip("install --no-deps --no-input --progress-bar off --requirement")
            .argument(requirements)
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
