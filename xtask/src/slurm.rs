//! `cargo xtask slurm`: a plan run by Debian's Slurm, unpacked below `target/` and started by the test.

use std::fs;

use anyhow::{Context, Result};

use crate::counts::Counts;
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::{debian, ignored_tests};

/// The heading of the step, and how a skipped one is named.
pub(crate) const STEP: &str = "extraction by Slurm";

/// What the test starts and asks; apt adds what they need.
const PACKAGES: [&str; 4] = ["munge", "slurm-client", "slurmctld", "slurmd"];

/// Runs the step alone; true if it did not fail.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let mut steps = Steps::new(false);
    steps.step(STEP, |counts| step(project, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// Unpacks Slurm and runs the test that starts it; skipped where either cannot be done.
pub(crate) fn step(project: &Project, counts: &mut Counts) -> Result<Outcome> {
    let folder = project.target.join("slurm");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let root = match debian::unpacked(project, &folder, &PACKAGES) {
        Ok(Some(root)) => root,
        Ok(None) => return Ok(Outcome::Skipped("apt-get not found".to_owned())),
        Err(error) => return Ok(Outcome::Skipped(debian::first_line(&format!("{error:#}")))),
    };
    let reasons = ignored_tests::run_or_skip(
        project,
        "slurm",
        ("LAION_FMRI_SLURM", &root),
        "LAION_FMRI_SLURM_SKIPPED",
        counts,
    )?;
    Ok(match reasons.first() {
        Some(reason) => Outcome::Skipped(reason.clone()),
        None => Outcome::Done,
    })
}
