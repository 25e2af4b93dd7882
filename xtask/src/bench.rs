//! `bench`: measures what the crates promise, in the release profile, and prints each figure next
//! to its limit.

mod extract;
mod mirror;
mod nifti;
mod page;
mod process;
mod python;
mod reading;
mod splits;
mod stimuli;
mod store;
mod surface;
mod timing;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Area {
    /// Betas at full size, beside the public tools: minutes, and about 1 GB below `target/`
    Nifti,
    /// Mirroring against public tools, and under faults: minutes, and about 4 GB below `target/`
    Mirror,
    /// A subject at full size: listing, masks, coordinates, trial tables
    Reading,
    /// Train/test splits: look-ups, and what the tables add to a program
    Splits,
    /// Images, embeddings and masks, against h5py and Pillow
    Stimuli,
    /// An ROI of all sessions of a subject in one command, beside inflating the same files: minutes, and
    /// about 1 GB below `target/`
    Extract,
    /// Stores: building one, and voxels of all sessions from it: minutes, and about 2 GB below `target/`
    Store,
    /// One map and a session of rows to the vertices of both hemispheres, against nilearn
    Surface,
    /// The Python module against gzip, nibabel, h5py and Pillow, and with torch where `cargo xtask python
    /// --torch` installed it: minutes, and about 1 GB below `target/`
    Python,
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// What is measured; by default everything
    #[arg(value_enum)]
    areas: Vec<Area>,
    /// Volumes of the betas that are read
    #[arg(long, default_value_t = 80, value_name = "N")]
    volumes: usize,
    /// How often each command is run, in turn with the others
    #[arg(long, default_value_t = 7, value_name = "N")]
    rounds: usize,
    /// Keeps the figures in BENCHMARKS.md
    #[arg(long)]
    record: bool,
    /// Does the work of one row in a process of its own, whose memory is then known
    #[arg(long, hide = true, value_name = "DIR")]
    child: Option<std::path::PathBuf>,
}

/// One line of the result.
#[derive(Debug)]
pub(crate) struct Row {
    case: String,
    measured: String,
    limit: String,
    held: bool,
}

impl Row {
    /// A figure that must not exceed its limit.
    pub(crate) fn at_most(case: &str, measured: f64, limit: f64, unit: &str) -> Self {
        let digits = if limit < 0.1 { 4 } else { 2 };
        Self {
            case: case.to_owned(),
            measured: format!("{measured:.digits$} {unit}"),
            limit: format!("{limit} {unit}"),
            held: measured <= limit,
        }
    }
}

/// Measures the areas; `true` when every limit held.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    let all = Area::value_variants();
    let areas = if options.areas.is_empty() { all } else { &options.areas };
    // Some measure programs of their own, released whatever this one is. The mirror is served by this one,
    // and what a call from Python adds is measured against one of this one.
    let in_this_program = [Area::Reading, Area::Mirror, Area::Store, Area::Surface, Area::Python]
        .iter()
        .any(|area| areas.contains(area));
    if cfg!(debug_assertions) && in_this_program {
        let mut command = CommandLine::cargo(
            "run --quiet --release --locked --package xtask -- bench",
            &project.root,
        );
        for area in &options.areas {
            let name = area.to_possible_value().map(|value| value.get_name().to_owned());
            command = command.arguments(name);
        }
        command = command
            .argument(format!("--volumes={}", options.volumes))
            .argument(format!("--rounds={}", options.rounds))
            .arguments(options.record.then_some("--record"));
        return Ok(command.run(&mut Counts::default()).is_ok());
    }
    if let Some(folder) = &options.child {
        match areas {
            [Area::Stimuli] => stimuli::child(folder)?,
            _ => reading::child(folder)?,
        }
        return Ok(true);
    }
    let mut held = true;
    for area in areas {
        let rows = match area {
            Area::Nifti => {
                let &Options { volumes, rounds, record, .. } = options;
                nifti::run(project, nifti::Size { volumes: volumes.max(20), rounds, record })?
            }
            Area::Python => {
                let &Options { volumes, rounds, record, .. } = options;
                python::run(project, volumes.max(20), rounds, record)?
            }
            Area::Extract => extract::run(project, options.rounds, options.record)?,
            Area::Mirror => mirror::run(project, options.rounds, options.record)?,
            Area::Reading => recorded(project, options, "reading", reading::run(project)?)?,
            Area::Splits => recorded(project, options, "splits", splits::run(project)?)?,
            Area::Stimuli => recorded(project, options, "stimuli", stimuli::run(project)?)?,
            Area::Surface => recorded(project, options, "surface", surface::run(project)?)?,
            Area::Store => {
                recorded(project, options, "store", store::run(project, options.rounds)?)?
            }
        };
        held &= print(&rows);
    }
    Ok(held)
}

/// The rows, which `--record` keeps in `BENCHMARKS.md`.
fn recorded(project: &Project, options: &Options, name: &str, rows: Vec<Row>) -> Result<Vec<Row>> {
    if options.record {
        let command = format!("Command: `cargo xtask bench {name} --record`");
        let text = format!("{}\n\n{command}\n\n{}", page::machine(), page::limits(&rows));
        page::record(project, name, &text)?;
    }
    Ok(rows)
}

fn print(rows: &[Row]) -> bool {
    let width = rows.iter().map(|row| row.case.len()).max().unwrap_or(0);
    println!("\n{:<width$}  {:>12}  {:>12}", "case", "measured", "limit");
    for Row { case, measured, limit, held } in rows {
        let verdict = if *held { "" } else { "  EXCEEDED" };
        println!("{case:<width$}  {measured:>12}  {limit:>12}{verdict}");
    }
    rows.iter().all(|row| row.held)
}

/// The median of some runs, in the unit of the figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
