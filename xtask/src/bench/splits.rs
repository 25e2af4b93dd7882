//! Figures of the crate `splits`.

use anyhow::{Context, Result};
use cargo_metadata::Message;

use crate::bench::Figure;
use crate::command_line::CommandLine;
use crate::project::Project;

/// Names of what `benches/lookups.rs` prints, with the most milliseconds that each may take.
const TIMES: &[(&str, f64)] = &[
    ("train_test_ids cold", 10.0),
    ("train_test_ids warm", 1.0),
    ("split_masks first", 5.0),
    ("split_masks warm", 5.0),
];

/// The most that the crate may add to a program, and that its bundle may take, in kB.
const ADDED: f64 = 600.0;
const BUNDLE: f64 = 400.0;

/// Builds the programs, runs them, and reads sizes.
pub(crate) fn measure(project: &Project) -> Result<Vec<Figure>> {
    let build = "build --release --locked --package splits --benches --message-format json";
    println!("$ cargo {build}");
    let messages = CommandLine::cargo(build, &project.root).capture()?.context("no cargo")?;
    let program = |name: &str| program(&messages, name);
    let printed = CommandLine::new(program("lookups")?, &project.root).capture()?;
    let mut figures = times(&printed.context("the look-ups could not be run")?)?;
    let kilobytes = |path: &str| -> Result<f64> {
        let size = std::fs::metadata(path).with_context(|| path.to_owned())?.len();
        Ok(size as f64 / 1e3)
    };
    let with = kilobytes(&program("with_splits")?)?;
    let added = with - kilobytes(&program("without_splits")?)?;
    figures.push(figure("added to a program", added, ADDED, "kB"));
    let bundle = project.root.join("crates/splits/data/splits.bundle");
    let bundle = kilobytes(&bundle.display().to_string())?;
    figures.push(figure("the bundle", bundle, BUNDLE, "kB"));
    Ok(figures)
}

fn figure(name: &str, measured: f64, target: f64, unit: &'static str) -> Figure {
    Figure { name: name.to_owned(), measured, target, unit }
}

/// The executable that cargo reports for a target.
fn program(messages: &str, name: &str) -> Result<String> {
    let messages = Message::parse_stream(messages.as_bytes());
    for message in messages {
        if let Message::CompilerArtifact(artifact) = message?
            && artifact.target.name == name
            && let Some(executable) = artifact.executable
        {
            return Ok(executable.into_string());
        }
    }
    anyhow::bail!("cargo built no program {name}")
}

fn times(printed: &str) -> Result<Vec<Figure>> {
    let find = |name: &str| -> Result<f64> {
        let line = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
        Ok(line.with_context(|| format!("no figure {name:?} in {printed:?}"))?.parse()?)
    };
    TIMES.iter().map(|(name, most)| Ok(figure(name, find(name)?, *most, "ms"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_times_become_figures() {
        let printed = "train_test_ids cold\t3.5\ntrain_test_ids warm\t0.1\nsplit_masks first\t4\nsplit_masks warm\t6";
        let figures = times(printed).unwrap();
        let measured: Vec<f64> = figures.iter().map(|figure| figure.measured).collect();
        assert_eq!(measured, [3.5, 0.1, 4.0, 6.0]);
        let error = times("split_masks warm\t6").unwrap_err().to_string();
        assert!(error.starts_with("no figure \"train_test_ids cold\""), "{error}");
    }

    #[test]
    fn a_program_that_was_not_built_is_named() {
        let error = program("", "lookups").unwrap_err().to_string();
        assert_eq!(error, "cargo built no program lookups");
    }
}
