//! `cargo xtask completions`: the completion scripts in the shells that they are for.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::debian;
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::test::{self, FEATURES};

/// The heading of the step, and how a skipped one is named.
pub(crate) const STEP: &str = "completions in bash, zsh and fish";

/// The shells; apt adds what they need.
const PACKAGES: [&str; 3] = ["bash", "zsh", "fish"];

/// Runs the step alone; true if it did not fail.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let nextest = test::has_nextest(project);
    let mut steps = Steps::new(false);
    steps.step(STEP, |counts| step(project, nextest, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// Unpacks the shells and completes command lines in each; a shell that cannot be had is skipped.
pub(crate) fn step(project: &Project, nextest: bool, counts: &mut Counts) -> Result<Outcome> {
    let folder = project.target.join("shells");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let root = match debian::unpacked(project, &folder, &PACKAGES) {
        Ok(root) => root.unwrap_or_else(|| PathBuf::from("/")),
        Err(error) => {
            println!("no packages: {}", debian::first_line(&format!("{error:#}")));
            PathBuf::from("/")
        }
    };
    let skipped = folder.join("skipped");
    if skipped.exists() {
        fs::remove_file(&skipped).with_context(|| skipped.display().to_string())?;
    }
    let arguments = if nextest {
        format!("nextest run --workspace {FEATURES} --locked --test shells --run-ignored only")
    } else {
        format!("test --workspace {FEATURES} --locked --test shells -- --ignored")
    };
    let command = CommandLine::cargo(&arguments, &project.root)
        .variable("LAION_FMRI_SHELLS", &root)
        .variable("LAION_FMRI_SHELLS_SKIPPED", &skipped);
    let mut found = Counts::default();
    let result = command.run(&mut found);
    counts.add_rerun(found);
    result?;
    anyhow::ensure!(found.run() > 0, "`{command}` ran no test");
    // The test leaves a line for each shell that it did not find.
    Ok(match fs::read_to_string(&skipped) {
        Ok(names) => Outcome::Skipped(format!("no {}", names.trim().replace('\n', ", no "))),
        Err(_) => Outcome::Done,
    })
}
