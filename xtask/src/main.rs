//! Upkeep of the workspace, one command per module: `cargo xtask COMMAND`.
#![expect(clippy::print_stdout, reason = "a task runner talks to the person who started it")]

mod bench;
mod browser;
mod command_line;
mod completions;
mod counts;
mod debian;
mod demo;
mod dist;
mod fuzz;
mod guide;
mod ignored_tests;
mod interop;
mod package;
mod project;
mod python;
mod reliability;
mod slurm;
mod splits;
mod steps;
mod test;
mod tidy;
mod web;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::project::Project;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Upkeep of the laion-fmri workspace")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the page of `laion-fmri browse` in a headless Chromium, unpacked below `target/`, and compare what it shows
    Browser,
    /// Measure what the crates promise, and print each figure beside its limit
    Bench(bench::Options),
    /// Mirror one subject of a small bucket on loopback, read its betas and join them with the images
    Demo,
    /// Serve that bucket and an access service until stopped, for trying the command by hand
    Serve,
    /// Run every check: formatting, tidy, clippy, tests, doc tests, documentation, interoperability
    Test(test::Options),
    /// Fuzz nifti-stream with libFuzzer; needs a C++ compiler, and no nightly toolchain
    Fuzz(fuzz::Options),
    /// Build the guide as a book, or run every block of its pages
    Guide(guide::Options),
    /// Check the rules of the tree: dependency edges, charters, file layout, forbidden words
    Tidy,
    /// Make what is installed without Rust: the program, the wheel, the packages, and what comes with them
    Dist(dist::Options),
    /// Try every fault of the mirror as often as RELIABILITY.md says, and record the counts there
    Reliability,
    /// Exchange files with nibabel, in a Python environment built below `target/`
    Interop(interop::Options),
    /// Complete command lines in bash, zsh and fish, whose Debian packages are unpacked below `target/`
    Completions,
    /// Build the packages, and run a program of each README against the unpacked packages alone
    Package(package::Options),
    /// Build the wheel of the Python module, install it below `target/`, and test it there
    Python(python::Options),
    /// Run a plan by a Slurm of its own, whose Debian packages are unpacked below `target/`
    Slurm,
    /// Check, test and bundle the page of `laion-fmri browse`, with node from the machine or from PyPI
    Web,
    /// Build, derive and prove the bundle of train/test splits
    #[command(subcommand)]
    Splits(splits::Action),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = Project::locate().and_then(|project| match arguments.command {
        Command::Bench(options) => bench::run(&project, &options),
        Command::Browser => browser::run(&project),
        Command::Web => web::run(&project),
        Command::Demo => demo::run(&project),
        Command::Serve => demo::serve(&project),
        Command::Dist(options) => dist::run(&project, &options),
        Command::Fuzz(options) => fuzz::run(&project, &options),
        Command::Guide(options) => guide::run(&project, &options),
        Command::Test(options) => test::run(&project, &options),
        Command::Tidy => tidy::run(&project),
        Command::Package(options) => package::run(&project, &options),
        Command::Reliability => reliability::run(&project),
        Command::Interop(options) => interop::run(&project, &options),
        Command::Completions => completions::run(&project),
        Command::Python(options) => python::run(&project, &options),
        Command::Slurm => slurm::run(&project),
        Command::Splits(action) => splits::run(&project, &action),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
        let arguments =
            Arguments::parse_from(["xtask", "test", "--keep-going", "--require-interop"]);
        assert!(matches!(arguments.command, Command::Test(_)));
    }
}
