//! The figures against their limits, and the page that keeps them.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Figures, Measured, Size};
use crate::bench::Row;
use crate::bench::page;
use crate::project::Project;

pub(super) const IGZIP: &str = "igzip -dc >/dev/null";
pub(super) const RAPIDGZIP: &str = "rapidgzip -P 2 -dc >/dev/null";
pub(super) const ONE_BRAIN: &str = "brain, one core, first pass";
pub(super) const ONE_ROI: &str = "222 voxels, one core, first pass";
pub(super) const TWO_FIRST: &str = "brain, two cores, first pass";
pub(super) const ONE_NOWHERE: &str = "brain to standard output, one core, first pass";
pub(super) const TWO_NOWHERE: &str = "brain to standard output, two cores, with index";
pub(super) const TWO_INDEX: &str = "brain, two cores, with index";
pub(super) const TENTH: &str = "every tenth trial, one core, with index";
pub(super) const FOUR_ONE: &str = "four sessions, one core";
pub(super) const FOUR_TWO: &str = "four sessions, two cores";
pub(super) const HALF: &str = "half the volumes, one core, first pass";
pub(super) const HALF_INDEX: &str = "half the volumes, two cores, with index";
pub(super) const FLOOR: &str = "not compressed, one core";
pub(super) const GZIP: &str = "Python, gzip module, by volume";
pub(super) const NIBABEL: &str = "Python, nibabel, whole file, then mask";

/// Every case, in the order in which they are shown.
pub(super) const NAMES: [&str; 16] = [
    IGZIP,
    RAPIDGZIP,
    ONE_BRAIN,
    ONE_ROI,
    TWO_FIRST,
    TWO_INDEX,
    TENTH,
    FOUR_ONE,
    FOUR_TWO,
    HALF,
    HALF_INDEX,
    ONE_NOWHERE,
    TWO_NOWHERE,
    FLOOR,
    GZIP,
    NIBABEL,
];

/// The promises: a case, what it is compared with, and the most that it may take of that.
const PROMISES: &[(&str, &str, f64)] = &[
    (ONE_BRAIN, IGZIP, 1.10),
    (ONE_ROI, IGZIP, 1.10),
    (ONE_BRAIN, GZIP, 0.27),
    (TWO_FIRST, IGZIP, 0.97),
    (TWO_INDEX, IGZIP, 0.60),
    (TENTH, IGZIP, 0.22),
    (FOUR_TWO, FOUR_ONE, 0.55),
];

/// MiB beyond an array, if one is held, that one thread and each further one may take.
const MEMORY: [f64; 2] = [32.0, 40.0];
/// KiB of an index that a volume may take, however many there are.
const INDEX: f64 = 8.0;
/// How many times as long twice as many volumes may take.
const LINEAR: f64 = 2.2;

impl Measured {
    fn of(&self, name: &str) -> Option<Figures> {
        self.figures.iter().find(|(known, _)| *known == name).map(|(_, figures)| *figures)
    }

    fn ratio(&self, name: &str, to: &str) -> Option<f64> {
        Some(self.of(name)?.wall / self.of(to)?.wall)
    }
}

/// Each promise with what was measured.
pub(super) fn rows(measured: &Measured) -> Vec<Row> {
    let mut rows = Vec::new();
    for &(case, to, limit) in PROMISES {
        if let Some(ratio) = measured.ratio(case, to) {
            rows.push(Row::at_most(&format!("{case} / {to}"), ratio, limit, "x"));
        }
    }
    // An array is held for standard output alone: what goes to a file goes row by row.
    for (name, threads, array) in [
        (ONE_BRAIN, 1, 0.0),
        (TWO_FIRST, 2, 0.0),
        (TWO_INDEX, 2, 0.0),
        (ONE_NOWHERE, 1, measured.output),
        (TWO_NOWHERE, 2, measured.output),
    ] {
        if let Some(figures) = measured.of(name) {
            let beyond = if array > 0.0 { "peak beyond the array" } else { "peak" };
            let limit = MEMORY[0] + MEMORY[1] * f64::from(threads - 1);
            let case = format!("{name}: {beyond}");
            rows.push(Row::at_most(&case, figures.peak - array, limit, "MiB"));
        }
    }
    if let Some(ratio) = measured.ratio(ONE_BRAIN, HALF) {
        rows.push(Row::at_most("time of all volumes / time of half of them", ratio, LINEAR, "x"));
    }
    for (share, kib) in ["all volumes", "half of them"].iter().zip(measured.index_kib_a_volume) {
        let case = format!("index, per volume of {share}");
        rows.push(Row::at_most(&case, kib, INDEX, "KiB"));
    }
    rows
}

pub(super) fn print(measured: &Measured) {
    println!("\n{}", table(measured));
}

fn table(measured: &Measured) -> String {
    let mut text = String::from(
        "| case | wall, s | x igzip | x gzip module | processor, s | peak, MiB |\n|---|---|---|---|---|---|\n",
    );
    for name in NAMES {
        // Writing into a String cannot fail.
        let _ = match measured.of(name) {
            Some(Figures { wall, processor, peak }) => {
                let ratio = |to| {
                    measured.ratio(name, to).map_or_else(String::new, |ratio| format!("{ratio:.2}"))
                };
                let (igzip, gzip) = (ratio(IGZIP), ratio(GZIP));
                writeln!(
                    text,
                    "| {name} | {wall:.3} | {igzip} | {gzip} | {processor:.2} | {peak:.0} |"
                )
            }
            None => {
                let missing = measured.missing.iter().find(|(known, _)| *known == name);
                let reason = missing.map_or("not run", |(_, reason)| reason.as_str());
                writeln!(text, "| {name} | {reason} | | | | |")
            }
        };
    }
    text
}

/// Replaces the section of BENCHMARKS.md between its two marks.
pub(super) fn record(
    project: &Project,
    measured: &Measured,
    rows: &[Row],
    size: Size,
) -> Result<()> {
    let text = format!(
        "{}\n\n{} volumes of 143 x 143 x 143; medians of {} rounds (3 for Python), the cases in turn.\n\
         The array of the brain has {:.0} MiB, the index {:.2} KiB per volume.\n\n\
         Command: `cargo xtask bench nifti --volumes {} --rounds {} --record`\n\n{}\n{}",
        page::machine(),
        size.volumes,
        size.rounds,
        measured.output,
        measured.index_kib_a_volume[0],
        size.volumes,
        size.rounds,
        table(measured),
        page::limits(rows),
    );
    page::record(project, "nifti", &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured() -> Measured {
        let figures = |wall| Figures { wall, processor: wall, peak: 33.0 };
        Measured {
            figures: vec![
                (IGZIP, figures(1.0)),
                (ONE_BRAIN, figures(1.05)),
                (TWO_INDEX, figures(0.7)),
                (HALF, figures(0.5)),
                (TWO_NOWHERE, Figures { peak: 120.0, ..figures(0.6) }),
            ],
            missing: vec![(RAPIDGZIP, "not installed".to_owned())],
            index_kib_a_volume: [0.5, 9.0],
            output: 90.0,
        }
    }

    #[test]
    fn promises_are_held_or_missed() {
        let rows = rows(&measured());
        let verdicts: Vec<_> = rows.iter().map(|row| (row.case.as_str(), row.held)).collect();
        assert_eq!(
            verdicts,
            [
                ("brain, one core, first pass / igzip -dc >/dev/null", true),
                ("brain, two cores, with index / igzip -dc >/dev/null", false),
                ("brain, one core, first pass: peak", false),
                ("brain, two cores, with index: peak", true),
                ("brain to standard output, two cores, with index: peak beyond the array", true),
                ("time of all volumes / time of half of them", true),
                ("index, per volume of all volumes", true),
                ("index, per volume of half of them", false),
            ]
        );
    }

    #[test]
    fn a_missing_tool_says_so_in_its_row() {
        let table = table(&measured());
        assert!(table.contains("| rapidgzip -P 2 -dc >/dev/null | not installed |"), "{table}");
        assert!(table.contains("| brain, one core, first pass | 1.050 | 1.05 |"), "{table}");
    }
}
