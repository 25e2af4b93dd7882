//! What the crates cost: how many packages they bring, and that every feature compiles alone.

use anyhow::{Result, ensure};

use super::Published;
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;

/// A crate with some of its features, and the most packages that it may need, itself included.
const LIMITS: [(&str, &str, usize); 4] = [
    ("bids-names", "", 1),
    ("array-export", "", 24),
    ("laion-fmri", "", 120),
    ("laion-fmri", "extract,stimuli", 120),
];

/// Features that build C libraries, for which a machine may have no cmake.
const BUILDS_C: [&str; 2] = ["hdf5-c", "turbojpeg"];

/// Counts the packages of every line of the table; an error for the first that has too many.
pub(super) fn check_counts(project: &Project) -> Result<()> {
    println!("\n{:20}  {:16}  {:>8}  {:>5}", "crate", "features", "packages", "limit");
    for (name, features, limit) in LIMITS {
        let got = count(project, name, &["--no-default-features", "--features", features])?;
        println!("{name:20}  {features:16}  {got:8}  {limit:5}");
        ensure!(got <= limit, "{name}: expected at most {limit} packages, got {got}");
    }
    Ok(())
}

/// How many packages a crate is built from on this machine, itself included.
pub(super) fn count(project: &Project, name: &str, features: &[&str]) -> Result<usize> {
    let tree =
        CommandLine::cargo("tree --locked -e normal --prefix none --no-dedupe", &project.root)
            .arguments(["--package", name])
            .arguments(features)
            .capture()?
            .unwrap_or_default();
    let mut packages: Vec<&str> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    packages.sort_unstable();
    packages.dedup();
    Ok(packages.len())
}

/// Compiles every library without features and with each of them alone; a warning is an error.
pub(super) fn check_features(
    project: &Project,
    published: &[Published],
    c_libraries: bool,
) -> Result<()> {
    for package in published.iter().filter(|package| package.is_library) {
        let single = package.features.iter().map(String::as_str);
        for feature in std::iter::once("").chain(single.filter(|name| *name != "default")) {
            if BUILDS_C.contains(&feature) && !c_libraries {
                println!("SKIPPED {} with {feature}: it builds a C library", package.name);
                continue;
            }
            CommandLine::cargo(
                "clippy --quiet --lib --locked --no-default-features",
                &project.root,
            )
            .arguments(["--package", &package.name, "--features", feature])
            .arguments(["--", "-D", "warnings"])
            .run(&mut Counts::default())?;
        }
    }
    Ok(())
}
