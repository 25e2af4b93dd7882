//! Train/test splits: how long look-ups take, and what the bundled tables add to a program.

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;

use super::Row;
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;

/// What `benches/lookups.rs` prints, what that is, and the most milliseconds that it may take.
const TIMES: &[(&str, &str, f64)] = &[
    ("train_test_ids cold", "first list of a process, tables decoded", 10.0),
    ("train_test_ids warm", "lists of tau, sub-03", 1.0),
    ("split_masks first", "masks over 31,856 labels, first time", 5.0),
    ("split_masks warm", "masks over 31,856 labels", 5.0),
];

pub(super) fn run(project: &Project) -> Result<Vec<Row>> {
    let build = "build --release --locked --package laion-fmri-splits --benches";
    CommandLine::cargo(build, &project.root).run(&mut Counts::default())?;
    // The second time nothing is left to do but to say where the programs are.
    let messages = CommandLine::cargo(build, &project.root).argument("--message-format=json");
    let messages = messages.capture()?.context("no cargo")?;
    let program = |name: &str| program(&messages, name);
    let printed = CommandLine::new(program("lookups")?, &project.root).capture()?;
    let mut rows = times(&printed.context("the look-ups could not be run")?)?;
    let kilobytes = |path: &str| -> Result<f64> {
        let size = std::fs::metadata(path).with_context(|| path.to_owned())?.len();
        Ok(size as f64 / 1e3)
    };
    let added = kilobytes(&program("with_splits")?)? - kilobytes(&program("without_splits")?)?;
    rows.push(Row::at_most("size added to a program", added, 600.0, "kB"));
    let bundle = project.root.join("crates/splits/data/splits.bundle");
    let bundle = kilobytes(&bundle.display().to_string())?;
    rows.push(Row::at_most("the bundle within that", bundle, 400.0, "kB"));
    Ok(rows)
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
    bail!("cargo built no program {name}")
}

fn times(printed: &str) -> Result<Vec<Row>> {
    let row = |&(name, case, limit): &(&str, &str, f64)| {
        let line = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
        let figure = line.with_context(|| format!("no figure {name:?} in {printed:?}"))?;
        Ok(Row::at_most(case, figure.parse()?, limit, "ms"))
    };
    TIMES.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_times_become_rows() {
        let printed = "train_test_ids cold\t3.5\ntrain_test_ids warm\t0.1\n\
                       split_masks first\t4\nsplit_masks warm\t6";
        let rows = times(printed).unwrap();
        let held: Vec<bool> = rows.iter().map(|row| row.held).collect();
        assert_eq!(held, [true, true, true, false]);
        let error = times("split_masks warm\t6").unwrap_err().to_string();
        assert!(error.starts_with("no figure \"train_test_ids cold\""), "{error}");
    }

    #[test]
    fn a_program_that_was_not_built_is_named() {
        let error = program("", "lookups").unwrap_err().to_string();
        assert_eq!(error, "cargo built no program lookups");
    }
}
