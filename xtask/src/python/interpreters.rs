//! The Pythons of the machine.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command_line::CommandLine;
use crate::project::Project;

/// The minor version of the oldest Python that the wheel is for.
pub(crate) const OLDEST: u32 = 10;

/// The newest that is looked for.
const NEWEST: u32 = 16;

/// Prints the minor version and whether it is a build with a GIL, which abi3 wheels are for; then what
/// decides whether an environment can be used again.
const QUESTION: &str = "import sys, sysconfig; \
    print(sys.version_info[1], int(not sysconfig.get_config_var('Py_GIL_DISABLED'))); \
    print(sys.version, sys.base_prefix)";

/// A Python 3.
#[derive(Clone, Debug)]
pub(crate) struct Interpreter {
    pub(crate) program: PathBuf,
    /// The number after `3.`.
    pub(crate) minor: u32,
    /// What it tells about itself.
    pub(crate) version: String,
}

/// One interpreter of each version, ascending: those called `python3.N` on the PATH, and those that
/// pyenv installed.
pub(crate) fn found(project: &Project) -> Vec<Interpreter> {
    let mut found: Vec<Interpreter> = Vec::new();
    let named = (OLDEST..=NEWEST).map(|minor| PathBuf::from(format!("python3.{minor}")));
    for program in named.chain(of_pyenv(project)) {
        let Some(interpreter) = asked(project, &program) else { continue };
        let known = found.iter().any(|known| known.minor == interpreter.minor);
        if !known && interpreter.minor >= OLDEST {
            found.push(interpreter);
        }
    }
    found.sort_by_key(|interpreter| interpreter.minor);
    found
}

/// The programs of the versions below the root of pyenv.
fn of_pyenv(project: &Project) -> Vec<PathBuf> {
    let root = CommandLine::new("pyenv", &project.root).argument("root").capture();
    let Ok(Some(root)) = root else { return Vec::new() };
    let Ok(versions) = fs::read_dir(Path::new(&root).join("versions")) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = versions.filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort();
    folders.into_iter().map(|folder| folder.join("bin").join("python3")).collect()
}

/// What a program says about itself. Nothing if it cannot be run, such as the shim of a version that
/// is not chosen, or if the wheel is not for it.
fn asked(project: &Project, program: &Path) -> Option<Interpreter> {
    let command = CommandLine::new(program, &project.root).argument("-c").argument(QUESTION);
    let answer = command.capture().ok()??;
    let (minor, version) = parsed(&answer)?;
    Some(Interpreter { program: program.to_owned(), minor, version })
}

fn parsed(answer: &str) -> Option<(u32, String)> {
    let (first, version) = answer.split_once('\n')?;
    let (minor, has_gil) = first.split_once(' ')?;
    (has_gil == "1").then_some((minor.parse().ok()?, version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_without_a_gil_are_passed_over() {
        assert_eq!(parsed("13 1\n3.13.0 /usr"), Some((13, "3.13.0 /usr".to_owned())));
        assert_eq!(parsed("13 0\n3.13.0t /usr"), None);
        assert_eq!(parsed("pyenv: python3.13: command not found"), None);
    }
}
