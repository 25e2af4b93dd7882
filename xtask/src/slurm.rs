//! `cargo xtask slurm`: a plan run by Debian's Slurm, unpacked below `target/` and started by the test.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::test;

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
    let root = match unpacked(project, &folder) {
        Ok(Some(root)) => root,
        Ok(None) => return Ok(Outcome::Skipped("apt-get not found".to_owned())),
        Err(error) => return Ok(Outcome::Skipped(first_line(&format!("{error:#}")))),
    };
    let skipped = folder.join("skipped");
    if skipped.exists() {
        fs::remove_file(&skipped).with_context(|| skipped.display().to_string())?;
    }
    let arguments = if nextest {
        "nextest run --locked --package laion-fmri-cli --test slurm --run-ignored only"
    } else {
        "test --locked --package laion-fmri-cli --test slurm -- --ignored"
    };
    let command = CommandLine::cargo(arguments, &project.root)
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

/// Where Slurm is: `/` if it is installed, otherwise a folder that its packages are unpacked to, without
/// a trace in the system; nothing where there is no apt.
fn unpacked(project: &Project, folder: &Path) -> Result<Option<PathBuf>> {
    let root = folder.join("root");
    let stamp = folder.join("unpacked");
    if stamp.exists() {
        println!("{} is current", root.display());
        return Ok(Some(root));
    }
    let mut options = Vec::new();
    let missing = match missing(project, &options) {
        Ok(None) => return Ok(None),
        Ok(Some(missing)) => missing,
        // A system without lists of packages: they are fetched into a place of our own.
        Err(_) => {
            options = private(folder)?;
            apt_get(project, &options).argument("update").capture()?;
            missing(project, &options)?.unwrap_or_default()
        }
    };
    if missing.is_empty() {
        return Ok(Some(PathBuf::from("/")));
    }
    let packages = folder.join("packages");
    for folder in [&packages, &root] {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let download = CommandLine::new("apt-get", &packages).arguments(&options);
    download.argument("download").arguments(&missing).run(&mut Counts::default())?;
    for entry in fs::read_dir(&packages).with_context(|| packages.display().to_string())? {
        let unpack = CommandLine::new("dpkg-deb", &packages).argument("--extract");
        unpack.argument(entry?.path()).argument(&root).capture()?;
    }
    fs::write(&stamp, missing.join("\n")).with_context(|| stamp.display().to_string())?;
    Ok(Some(root))
}

/// The packages that installing Slurm would add; nothing without apt.
fn missing(project: &Project, options: &[String]) -> Result<Option<Vec<String>>> {
    let simulation = apt_get(project, options)
        .arguments(["--simulate", "--no-install-recommends", "install"])
        .arguments(PACKAGES)
        .capture()?;
    Ok(simulation.map(|text| installed(&text)))
}

/// The packages in what `apt-get --simulate install` prints.
fn installed(simulation: &str) -> Vec<String> {
    let lines = simulation.lines().filter_map(|line| line.strip_prefix("Inst "));
    lines.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect()
}

/// Options by which apt keeps its lists in a folder of ours.
fn private(folder: &Path) -> Result<Vec<String>> {
    let folder_option = |option: &str, name: &str| -> Result<[String; 2]> {
        let path = folder.join(name);
        fs::create_dir_all(path.join("partial")).with_context(|| path.display().to_string())?;
        Ok(["--option".to_owned(), format!("{option}={}", path.display())])
    };
    Ok([folder_option("Dir::State::Lists", "lists")?, folder_option("Dir::Cache", "cache")?]
        .concat())
}

fn apt_get(project: &Project, options: &[String]) -> CommandLine {
    CommandLine::new("apt-get", &project.root).arguments(options)
}

/// The first line that says what was wrong, for a reason on one line.
fn first_line(message: &str) -> String {
    let error = message.lines().find(|line| line.starts_with("E: "));
    error.or(message.lines().next()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_in_a_simulation() {
        let text = "NOTE: This is only a simulation!\nInst libmunge2 (0.5.15 Debian:12 [amd64])\n\
                    Inst slurmd [21.08] (22.05.8 Debian:12 [amd64])\nConf slurmd (22.05.8)\n";
        assert_eq!(installed(text), ["libmunge2", "slurmd"]);
        assert_eq!(installed(""), Vec::<String>::new());
    }

    #[test]
    fn a_reason_is_one_line() {
        let message = "`apt-get` failed: 100\nReading lists\nE: Unable to locate package munge\n";
        assert_eq!(first_line(message), "E: Unable to locate package munge");
        assert_eq!(first_line("no space"), "no space");
    }
}
