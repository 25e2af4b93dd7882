//! Ignored tests, run by the steps that have what they need.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;
use crate::test::{FEATURES, has_nextest};

/// A variable of the environment that tells a test where something is.
pub(crate) type Variable<'a> = (&'static str, &'a Path);

/// Runs the ignored tests of every integration binary called `name`; at least one has to run.
pub(crate) fn run(
    project: &Project,
    name: &str,
    variables: &[Variable<'_>],
    counts: &mut Counts,
) -> Result<()> {
    let mut found = Counts::default();
    let result = run_counted(project, name, variables, &mut found);
    counts.add_rerun(found);
    result
}

/// The same for tests that may find that a program is missing. Such a test writes a line to the
/// file that the variable `skipped` names, and is not counted; these lines are returned.
pub(crate) fn run_or_skip(
    project: &Project,
    name: &str,
    variable: Variable<'_>,
    skipped: &'static str,
    counts: &mut Counts,
) -> Result<Vec<String>> {
    let folder = project.target.join(name);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let file = folder.join("skipped");
    fs::write(&file, "").with_context(|| file.display().to_string())?;
    let mut found = Counts::default();
    let result = run_counted(project, name, &[variable, (skipped, &file)], &mut found);
    let lines = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
    found.passed = found.passed.saturating_sub(lines.len() as u64);
    counts.add_rerun(found);
    result?;
    Ok(lines)
}

fn run_counted(
    project: &Project,
    name: &str,
    variables: &[Variable<'_>],
    found: &mut Counts,
) -> Result<()> {
    let arguments = if has_nextest(project) {
        format!(
            "nextest run --workspace {FEATURES} --locked --no-fail-fast --test {name} --run-ignored only"
        )
    } else {
        format!("test --workspace {FEATURES} --locked --no-fail-fast --test {name} -- --ignored")
    };
    let command = variables
        .iter()
        .fold(CommandLine::cargo(&arguments, &project.root), |command, (variable, path)| {
            command.variable(variable, path)
        });
    command.run(found)?;
    ensure!(found.run() > 0, "`{command}` ran no test");
    Ok(())
}
