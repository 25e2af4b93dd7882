//! What the tools of the Python package index say about the wheel.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::counts::Counts;
use crate::interop::environment::{Contents, Environment};
use crate::project::Project;

/// `abi3audit`: only symbols of the stable ABI of Python 3.10. `auditwheel`: only libraries that
/// every Linux has. `twine`: what the index would show.
pub(crate) fn wheel(project: &Project, python: &str, wheel: &Path) -> Result<()> {
    let packages = ["abi3audit", "auditwheel", "twine"];
    let contents = Contents { lists: &[], packages: &packages, with_needs: true };
    let program = (Path::new("python3"), python);
    let environment = Environment::prepare_with(project, program, &contents, "venv-python-audit")?;
    environment
        .module("abi3audit --strict", &project.root)
        .argument(wheel)
        .run(&mut Counts::default())?;
    let shown = environment.module("auditwheel show", &project.root).argument(wheel).capture()?;
    let shown = shown.context("no auditwheel")?;
    println!("{shown}");
    ensure!(shown.contains("manylinux_2_"), "auditwheel finds no manylinux platform for the wheel");
    environment
        .module("twine check --strict", &project.root)
        .argument(wheel)
        .run(&mut Counts::default())
}
