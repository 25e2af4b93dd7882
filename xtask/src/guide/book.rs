//! mdBook: from the wheel of a Python environment below `target/`, and what it makes of the pages.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop::environment::{self, Environment};
use crate::project::Project;

/// Builds the book, and returns its first page.
pub(super) fn build(project: &Project) -> Result<PathBuf> {
    let Some(python) = environment::python_version(project)? else {
        bail!("mdBook is installed by pip, and python3 was not found");
    };
    let environment =
        Environment::prepare_from(project, &python, "requirements-guide.txt", "venv-guide")?;
    let book = project.target.join("guide").join("book");
    CommandLine::new(environment.programs().join("mdbook"), &project.root)
        .arguments(["build", "--dest-dir"])
        .argument(&book)
        .argument(Path::new("docs"))
        .run(&mut Counts::default())?;
    Ok(book.join("index.html"))
}
