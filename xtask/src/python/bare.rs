//! The wheel where nothing is installed beside it and what it asks for.

use std::path::Path;

use anyhow::Result;

use super::interpreters::Interpreter;
use super::{CRATE, data, wheel};
use crate::counts::Counts;
use crate::interop::environment::{Contents, Environment};
use crate::project::Project;

/// An environment of an interpreter with the wheel, what it asks for and nothing else.
pub(crate) fn installed(
    project: &Project,
    python: &Interpreter,
    wheel: &Path,
) -> Result<Environment> {
    let contents = Contents { lists: &[], packages: &["pip"], with_needs: true };
    let program = (python.program.as_path(), python.version.as_str());
    let folder = format!("venv-python-3{}-bare", python.minor);
    let environment = Environment::prepare_with(project, program, &contents, &folder)?;
    // The first brings numpy, pandas and Pillow; the second this wheel, if another was there.
    let install = environment.pip("install --no-input --quiet --progress-bar off");
    install.argument(wheel).run(&mut Counts::default())?;
    wheel::install(&environment, wheel)?;
    Ok(environment)
}

/// Uses the module on a bucket of the fixtures that is on disk.
pub(crate) fn used(project: &Project, environment: &Environment) -> Result<()> {
    let bucket = data(project)?;
    environment
        .script(&project.root.join(CRATE).join("tests").join("bare.py"))
        .argument(bucket.root())
        .variable("XDG_CONFIG_HOME", project.target.join("python").join("config"))
        .run(&mut Counts::default())
}
