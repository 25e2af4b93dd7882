//! `cargo xtask reliability`: the faults of the test suite, as often as `RELIABILITY.md` says, and the
//! counts written there.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;
use crate::test::{self, FEATURES};

const BEGIN: &str = "<!-- counts -->\n";
const END: &str = "<!-- end counts -->";

/// One line of the result.
struct Row {
    name: String,
    runs: u64,
    faults: u64,
    bytes: u64,
    losses: u64,
}

/// Runs all faults and records what was counted; true when nothing was lost.
pub(crate) fn run(project: &Project) -> Result<bool> {
    let folder = project.target.join("reliability");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let arguments = if test::has_nextest(project) {
        format!("nextest run --workspace {FEATURES} --locked --no-fail-fast -E test(reliability)")
    } else {
        format!("test --workspace {FEATURES} --locked --no-fail-fast --test tests reliability")
    };
    CommandLine::cargo(&arguments, &project.root)
        .variable("LAION_FMRI_RELIABILITY", &folder)
        .run(&mut Counts::default())?;
    let rows = rows(&folder)?;
    ensure!(!rows.is_empty(), "nothing was counted");
    let table = table(&rows);
    println!("\n{table}");
    let path = project.root.join("RELIABILITY.md");
    let page = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    fs::write(&path, replaced(&page, &table)?)?;
    Ok(rows.iter().all(|row| row.losses == 0))
}

fn rows(folder: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder)? {
        let text = fs::read_to_string(entry?.path())?;
        let mut cells = text.trim_end().split('\t');
        let name = cells.next().context("no name")?.to_owned();
        let mut number = || -> Result<u64> { Ok(cells.next().context("no number")?.parse()?) };
        let (runs, faults, bytes, losses) = (number()?, number()?, number()?, number()?);
        rows.push(Row { name, runs, faults, bytes, losses });
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rows)
}

fn table(rows: &[Row]) -> String {
    let mut text =
        "| fault | runs | faults | bytes compared | losses |\n|---|---|---|---|---|\n".to_owned();
    let mut total = Row { name: "**all**".to_owned(), runs: 0, faults: 0, bytes: 0, losses: 0 };
    for row in rows {
        line(&mut text, row);
        total.runs += row.runs;
        total.faults += row.faults;
        total.bytes += row.bytes;
        total.losses += row.losses;
    }
    line(&mut text, &total);
    text
}

fn line(text: &mut String, row: &Row) {
    let losses = if row.losses == 0 { "none".to_owned() } else { row.losses.to_string() };
    let (runs, faults) = (grouped(row.runs), grouped(row.faults));
    let _ =
        writeln!(text, "| {} | {runs} | {faults} | {} | {losses} |", row.name, grouped(row.bytes));
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut groups = Vec::new();
    if first > 0 {
        groups.push(&digits[..first]);
    }
    groups.extend((first..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    groups.join(",")
}

fn replaced(page: &str, table: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).context("RELIABILITY.md has no mark")?;
    let (_, after) = rest.split_once(END).context("RELIABILITY.md has no end mark")?;
    Ok(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_between_the_marks() {
        let row = Row { name: "x".to_owned(), runs: 2, faults: 1234, bytes: 1_000_000, losses: 0 };
        let text = table(&[row]);
        assert!(text.contains("| x | 2 | 1,234 | 1,000,000 | none |\n"), "{text}");
        let page = format!("before\n{BEGIN}old\n{END}\nafter\n");
        let new = replaced(&page, &text).unwrap();
        assert!(new.starts_with("before\n") && new.ends_with("\nafter\n") && !new.contains("old"));
        assert!(replaced("nothing", "x").is_err());
        assert_eq!((grouped(7), grouped(12_345)), ("7".to_owned(), "12,345".to_owned()));
    }
}
