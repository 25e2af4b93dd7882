//! `cargo xtask web`: the page of `laion-fmri browse`, checked, tested and bundled by node.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop::environment::{self, Environment};
use crate::interop::is_required;
use crate::project::Project;
use crate::steps::{Outcome, Steps};

/// The heading of the step, and how a skipped one is named.
pub(crate) const STEP: &str = "page of browse";

/// Where the page is written; the bundle is `dist` in it.
const FOLDER: &str = "crates/browse/web";

/// The oldest node that bundles the page.
const OLDEST_NODE: u32 = 20;

/// Runs the step alone; true if it did not fail.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let mut steps = Steps::new(false);
    steps.step(STEP, |counts| step(project, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// Installs what the page is made of, checks its types, runs its tests, and bundles it.
pub(crate) fn step(project: &Project, counts: &mut Counts) -> Result<Outcome> {
    let Some(node) = Node::find(project)? else {
        let reason =
            format!("neither node {OLDEST_NODE} nor python3, which could install it, found");
        if is_required(false) {
            bail!("{reason}, and the page is required here");
        }
        return Ok(Outcome::Skipped(reason));
    };
    node.install(project)?;
    node.npm("run check").run(&mut Counts::default())?;
    node.npm("test").run(counts)?;
    node.npm("run build").run(&mut Counts::default())?;
    Ok(Outcome::Done)
}

/// The script of axe-core, which looks for what keeps people out; it is not part of the page.
pub(crate) fn axe(project: &Project) -> PathBuf {
    folder(project).join("node_modules/axe-core/axe.min.js")
}

fn folder(project: &Project) -> PathBuf {
    project.root.join(FOLDER)
}

/// A node, with the npm that belongs to it.
struct Node {
    version: String,
    folder: PathBuf,
    /// What programs are looked for in, if node is not among the programs of the machine.
    path: Option<OsString>,
}

impl Node {
    /// The machine's own, if it is new enough; else the one of PyPI, below `target/`; nothing without
    /// Python.
    fn find(project: &Project) -> Result<Option<Self>> {
        let folder = folder(project);
        // A node that does not run is as good as none.
        let version = CommandLine::new("node", &folder).argument("--version").capture();
        if let Some(version) = version.unwrap_or_default().filter(|version| is_new_enough(version))
        {
            return Ok(Some(Self { version, folder, path: None }));
        }
        let Some(python) = environment::python_version(project)? else { return Ok(None) };
        let list = "requirements-node.txt";
        let environment = Environment::prepare_from(project, &python, list, "venv-node")?;
        let programs = environment.programs();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let places = std::iter::once(programs.clone()).chain(std::env::split_paths(&others));
        let path = std::env::join_paths(places).context("the programs of node")?;
        let node = CommandLine::new(programs.join("node"), &folder).argument("--version");
        let version = node.capture()?.context("the node of PyPI does not say its version")?;
        Ok(Some(Self { version, folder, path: Some(path) }))
    }

    /// Installs the packages of the lock file, unless they are there.
    fn install(&self, project: &Project) -> Result<()> {
        let lock = self.folder.join("package-lock.json");
        let listed = fs::read_to_string(&lock).with_context(|| lock.display().to_string())?;
        let wanted = format!("{}\n{listed}", self.version);
        let stamp = project.target.join("web-packages");
        let is_there =
            axe(project).exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted);
        if is_there {
            println!("the packages of {FOLDER} are current");
            return Ok(());
        }
        self.npm("ci").run(&mut Counts::default())?;
        fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())
    }

    fn npm(&self, arguments: &str) -> CommandLine {
        let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let program = match &self.path {
            Some(path) => std::env::split_paths(path)
                .next()
                .map_or_else(|| PathBuf::from(program), |programs| programs.join(program)),
            None => PathBuf::from(program),
        };
        let npm = CommandLine::new(program, Path::new(&self.folder))
            .arguments(arguments.split_whitespace());
        match &self.path {
            Some(path) => npm.variable("PATH", path),
            None => npm,
        }
    }
}

/// Whether a version such as `v20.20.2` is new enough.
fn is_new_enough(version: &str) -> bool {
    let major = version.trim().strip_prefix('v').and_then(|numbers| numbers.split('.').next());
    major.and_then(|major| major.parse().ok()).is_some_and(|major: u32| major >= OLDEST_NODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_compared_as_numbers() {
        for new in ["v20.0.0", "v20.20.2\n", "v100.1.0"] {
            assert!(is_new_enough(new), "{new:?}");
        }
        for old in ["v18.19.1", "v9.0.0", "20.1.0", "", "v"] {
            assert!(!is_new_enough(old), "{old:?}");
        }
    }

    #[test]
    fn the_page_is_where_the_step_looks() {
        let project = Project::locate().unwrap();
        let manifest = fs::read_to_string(folder(&project).join("package.json")).unwrap();
        for script in ["\"check\"", "\"test\"", "\"build\""] {
            assert!(manifest.contains(script), "{script}");
        }
        // Which registry is used is the machine's business.
        let lock = fs::read_to_string(folder(&project).join("package-lock.json")).unwrap();
        assert!(!lock.contains("\"resolved\""));
    }
}
