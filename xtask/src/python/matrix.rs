//! The tests with the oldest and the newest of what the wheel works with, and its audits.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use super::interpreters::{self, Interpreter, OLDEST};
use super::wheel::{self, Profile};
use super::{audit, bare, base, pytest};
use crate::counts::Counts;
use crate::interop::environment::{self, Contents, Environment};
use crate::interop::{is_required, without_python};
use crate::project::Project;
use crate::steps::Outcome;

/// What the tests need beside numpy and pandas.
const TOOLS: [&str; 7] =
    ["docstring-parser", "h5py", "nibabel", "pillow", "pytest", "pytest-timeout", "tqdm"];

/// The newest Python that numpy 1.26 has wheels for, and the oldest that pandas 3 is for.
const NEWEST_OF_NUMPY_1: u32 = 12;
const OLDEST_OF_PANDAS_3: u32 = 11;

/// A row of the matrix: versions as pip takes them.
#[derive(Debug)]
struct Row<'a> {
    python: &'a Interpreter,
    numpy: &'static str,
    pandas: &'static str,
}

impl Row<'_> {
    fn name(&self) -> String {
        format!("Python 3.{}, {}, {}", self.python.minor, self.numpy, self.pandas)
    }

    fn folder(&self) -> String {
        let plain = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let (numpy, pandas) = (plain(self.numpy), plain(self.pandas));
        format!("venv-python-3{}-{numpy}-{pandas}", self.python.minor)
    }
}

/// Every row, whatever became of the others; then bare environments, then the audits.
pub(super) fn step(project: &Project, more: &[String], counts: &mut Counts) -> Result<Outcome> {
    let Some(python) = environment::python_version(project)? else {
        return without_python(is_required(false));
    };
    let found = interpreters::found(project);
    let versions: Vec<String> = found.iter().map(|one| format!("3.{}", one.minor)).collect();
    println!("Pythons that were found: {}", versions.join(", "));
    if !found.iter().any(|one| one.minor == OLDEST) {
        println!("MISSING: no Python 3.{OLDEST}, the oldest that the wheel is for");
    }
    let rows = rows(&found);
    ensure!(!rows.is_empty(), "no Python that the wheel is for");
    let tools = base(project, &python)?;
    let wheel = wheel::build(project, &tools, Profile::Dev)?;
    let mut failed = Vec::new();
    let mut note = |name: String, result: Result<()>| {
        if let Err(error) = result {
            println!("FAILED {name}: {error:#}");
            failed.push(name);
        }
    };
    for row in &rows {
        println!("\n-- {}", row.name());
        note(row.name(), tested(project, row, &wheel, more, counts));
    }
    let last = found.last().filter(|_| found.len() > 1);
    for python in found.first().into_iter().chain(last) {
        let name = format!("Python 3.{}, a bare environment", python.minor);
        println!("\n-- {name}");
        note(
            name,
            bare::installed(project, python, &wheel).and_then(|it| bare::used(project, &it)),
        );
    }
    println!("\n-- audits");
    note("audits".to_owned(), audit::wheel(project, &python, &wheel));
    if !failed.is_empty() {
        bail!("{}", failed.join("; "));
    }
    Ok(Outcome::Done)
}

/// The oldest with the oldest, the newest with the newest, and mixtures as far as they can be had.
fn rows(found: &[Interpreter]) -> Vec<Row<'_>> {
    let (Some(oldest), Some(newest)) = (found.first(), found.last()) else { return Vec::new() };
    let mut rows = Vec::new();
    if oldest.minor <= NEWEST_OF_NUMPY_1 {
        rows.push(Row { python: oldest, numpy: "numpy==1.26.*", pandas: "pandas==2.*" });
    }
    let both = OLDEST_OF_PANDAS_3..=NEWEST_OF_NUMPY_1;
    if let Some(python) = found.iter().rfind(|one| both.contains(&one.minor)) {
        rows.push(Row { python, numpy: "numpy==1.26.*", pandas: "pandas>=3" });
    }
    rows.push(Row { python: newest, numpy: "numpy>=2", pandas: "pandas==2.*" });
    if newest.minor >= OLDEST_OF_PANDAS_3 {
        rows.push(Row { python: newest, numpy: "numpy>=2", pandas: "pandas>=3" });
    }
    rows
}

/// The tests in the environment of a row.
fn tested(
    project: &Project,
    row: &Row<'_>,
    wheel: &Path,
    more: &[String],
    counts: &mut Counts,
) -> Result<()> {
    let mut packages = vec![row.numpy, row.pandas];
    packages.extend(TOOLS);
    let contents = Contents { lists: &[], packages: &packages, with_needs: true };
    let python = (row.python.program.as_path(), row.python.version.as_str());
    let environment = Environment::prepare_with(project, python, &contents, &row.folder())?;
    wheel::install(&environment, wheel)?;
    // What the wheel says that it needs is there.
    environment.pip("check").run(&mut Counts::default())?;
    pytest(project, &environment, more, counts)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn pythons(minors: &[u32]) -> Vec<Interpreter> {
        let one = |minor: &u32| Interpreter {
            program: PathBuf::from("python3"),
            minor: *minor,
            version: String::new(),
        };
        minors.iter().map(one).collect()
    }

    #[test]
    fn the_oldest_and_the_newest_are_tested() {
        let found = pythons(&[10, 11, 12, 13]);
        let names: Vec<String> = rows(&found).iter().map(Row::name).collect();
        assert_eq!(
            names,
            [
                "Python 3.10, numpy==1.26.*, pandas==2.*",
                "Python 3.12, numpy==1.26.*, pandas>=3",
                "Python 3.13, numpy>=2, pandas==2.*",
                "Python 3.13, numpy>=2, pandas>=3",
            ]
        );
        assert_eq!(rows(&found)[0].folder(), "venv-python-310-numpy126-pandas2");
        assert_eq!(rows(&pythons(&[13])).len(), 2);
        assert_eq!(rows(&pythons(&[10])).len(), 2);
        assert!(rows(&[]).is_empty());
    }
}
