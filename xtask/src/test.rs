//! `cargo xtask test`: every check, cheap ones first.

use anyhow::Result;
use clap::Args;

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;
use crate::steps::{Outcome, Steps};
use crate::{browser, completions, guide, interop, python, slurm, splits, tidy, web};

/// Features that need nothing but Rust are always tested; the others have steps of their own. Steps
/// that run single tests name them too, with the whole workspace, so that nothing is built twice.
pub(crate) const FEATURES: &str = "--features laion-fmri/burn,laion-fmri/serde";

/// How to run the checks.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Run the remaining steps after a failure
    #[arg(long)]
    keep_going: bool,
    #[command(flatten)]
    interop: interop::Options,
}

/// Runs everything; true if nothing failed. The last line printed is the sum of all test results.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    let nextest = has_nextest(project);
    let mut steps = Steps::new(options.keep_going);
    steps.step("formatting", |counts| cargo(project, "fmt --all --check", counts));
    steps.step("tidy", |_| tidy::step(project));
    steps.step(splits::STEP, |_| splits::step(project));
    // Before anything is compiled: the program holds the page.
    steps.step(web::STEP, |counts| web::step(project, counts));
    steps.step("clippy", |counts| {
        cargo(
            project,
            &format!("clippy --workspace --all-targets {FEATURES} --locked -- -D warnings"),
            counts,
        )
    });
    steps.step("tests", |counts| {
        let runner = if nextest { "nextest run" } else { "test --lib --bins --tests" };
        cargo(project, &format!("{runner} --workspace {FEATURES} --locked --no-fail-fast"), counts)
    });
    steps.step("doc tests", |counts| {
        cargo(
            project,
            &format!("test --workspace --doc {FEATURES} --locked --no-fail-fast"),
            counts,
        )
    });
    steps.step(guide::STEP, |_| guide::step(project));
    steps.step("documentation", |counts| {
        CommandLine::cargo(
            &format!("doc --workspace --no-deps {FEATURES} --locked"),
            &project.root,
        )
        .variable("RUSTDOCFLAGS", "-Dwarnings")
        .run(counts)?;
        Ok(Outcome::Done)
    });
    steps.step(interop::STEP, |counts| interop::step(project, &options.interop, counts));
    steps.step(python::STEP, |counts| python::whole_step(project, counts));
    steps.step(python::NOTEBOOKS, |counts| python::notebooks_step(project, counts));
    steps.step(python::TORCH, |counts| python::torch_step(project, counts));
    steps.step(completions::STEP, |counts| completions::step(project, counts));
    steps.step(slurm::STEP, |counts| slurm::step(project, counts));
    steps.step(browser::STEP, |counts| browser::step(project, counts));
    println!("\n{}", steps.summary());
    Ok(!steps.failed())
}

/// Whether `cargo nextest` can be used.
pub(crate) fn has_nextest(project: &Project) -> bool {
    // A cargo without the subcommand fails, which is an answer and not an error.
    let version = CommandLine::cargo("nextest --version", &project.root).capture();
    version.is_ok_and(|found| found.is_some())
}

fn cargo(project: &Project, arguments: &str, counts: &mut Counts) -> Result<Outcome> {
    CommandLine::cargo(arguments, &project.root).run(counts)?;
    Ok(Outcome::Done)
}
