//! `cargo xtask completions`: the completion scripts in the shells that they are for.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::counts::Counts;
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::{debian, ignored_tests};

/// The heading of the step, and how a skipped one is named.
pub(crate) const STEP: &str = "completions in bash, zsh and fish";

/// The shells; apt adds what they need.
const PACKAGES: [&str; 3] = ["bash", "zsh", "fish"];

/// Runs the step alone; true if it did not fail.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let mut steps = Steps::new(false);
    steps.step(STEP, |counts| step(project, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// Unpacks the shells and completes command lines in each; a shell that cannot be had is skipped.
pub(crate) fn step(project: &Project, counts: &mut Counts) -> Result<Outcome> {
    let folder = project.target.join("shells");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let root = match debian::unpacked(project, &folder, &PACKAGES) {
        Ok(root) => root.unwrap_or_else(|| PathBuf::from("/")),
        Err(error) => {
            println!("no packages: {}", debian::first_line(&format!("{error:#}")));
            PathBuf::from("/")
        }
    };
    let missing = ignored_tests::run_or_skip(
        project,
        "shells",
        ("LAION_FMRI_SHELLS", &root),
        "LAION_FMRI_SHELLS_SKIPPED",
        counts,
    )?;
    Ok(if missing.is_empty() {
        Outcome::Done
    } else {
        Outcome::Skipped(format!("no {}", missing.join(", no ")))
    })
}
