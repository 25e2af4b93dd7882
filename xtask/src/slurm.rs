//! `cargo xtask slurm`: a plan run by Debian's Slurm, unpacked below `target/` and started by the test.

use std::fs;

use anyhow::{Context, Result};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::debian;
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::test::{self, FEATURES};

/// The heading of the step, and how a skipped one is named.
pub(crate) const STEP: &str = "extraction by Slurm";

/// What the test starts and asks; apt adds what they need.
const PACKAGES: [&str; 4] = ["munge", "slurm-client", "slurmctld", "slurmd"];

/// Runs the step alone; true if it did not fail.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let nextest = test::has_nextest(project);
    let mut steps = Steps::new(false);
    steps.step(STEP, |counts| step(project, nextest, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// Unpacks Slurm and runs the test that starts it; skipped where either cannot be done.
pub(crate) fn step(project: &Project, nextest: bool, counts: &mut Counts) -> Result<Outcome> {
    let folder = project.target.join("slurm");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let root = match debian::unpacked(project, &folder, &PACKAGES) {
        Ok(Some(root)) => root,
        Ok(None) => return Ok(Outcome::Skipped("apt-get not found".to_owned())),
        Err(error) => return Ok(Outcome::Skipped(debian::first_line(&format!("{error:#}")))),
    };
    let skipped = folder.join("skipped");
    if skipped.exists() {
        fs::remove_file(&skipped).with_context(|| skipped.display().to_string())?;
    }
    let arguments = if nextest {
        format!("nextest run --workspace {FEATURES} --locked --test slurm --run-ignored only")
    } else {
        format!("test --workspace {FEATURES} --locked --test slurm -- --ignored")
    };
    let command = CommandLine::cargo(&arguments, &project.root)
        .variable("LAION_FMRI_SLURM", &root)
        .variable("LAION_FMRI_SLURM_SKIPPED", &skipped);
    let mut found = Counts::default();
    let result = command.run(&mut found);
    if let Ok(reason) = fs::read_to_string(&skipped) {
        return Ok(Outcome::Skipped(reason));
    }
    counts.add_rerun(found);
    result?;
    anyhow::ensure!(found.run() > 0, "`{command}` ran no test");
    Ok(Outcome::Done)
}
