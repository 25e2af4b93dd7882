//! The sections of `BENCHMARKS.md` that `bench --record` writes: figures, machine, date.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::Row;
use crate::command_line::CommandLine;
use crate::project::Project;

/// Replaces the section between the marks of this name.
pub(super) fn record(project: &Project, name: &str, text: &str) -> Result<()> {
    let path = project.root.join("BENCHMARKS.md");
    let page = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let page = replaced(&page, name, text).with_context(|| path.display().to_string())?;
    Ok(fs::write(&path, page)?)
}

/// The rows with their limits.
pub(super) fn limits(rows: &[Row]) -> String {
    let mut text = "| promise | measured | limit | |\n|---|---|---|---|\n".to_owned();
    for Row { case, measured, limit, held } in rows {
        let verdict = if *held { "held" } else { "**missed**" };
        let _ = writeln!(text, "| {case} | {measured} | {limit} | {verdict} |");
    }
    text
}

/// Processor, cores, memory, load and date.
pub(super) fn machine() -> String {
    let line = |path: &str, key: &str| {
        let text = fs::read_to_string(Path::new(path)).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let unknown = || "unknown".to_owned();
    let processor = line("/proc/cpuinfo", "model name").unwrap_or_else(unknown);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = line("/proc/meminfo", "MemTotal").and_then(|total| gib(&total));
    let memory = memory.unwrap_or_else(unknown);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let date =
        CommandLine::new("date", Path::new(".")).argument("-u").argument("+%Y-%m-%d %H:%M UTC");
    let date = date.capture().ok().flatten().unwrap_or_else(unknown);
    format!("{date}; {processor}, {cores} cores, {memory};\nload average {load} at the end.")
}

/// A size of `/proc/meminfo`, such as `24684092 kB`, in GiB.
fn gib(size: &str) -> Option<String> {
    let kib: f64 = size.strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{:.1} GiB of memory", kib / f64::powi(2.0, 20)))
}

/// The page with the text between `<!-- NAME -->` and `<!-- end NAME -->` exchanged.
fn replaced(page: &str, name: &str, text: &str) -> Result<String> {
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end {name} -->"));
    let (before, rest) = page.split_once(&start).with_context(|| format!("no mark {start}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("no mark {end}"))?;
    Ok(format!("{before}{start}{}\n{end}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shown_in_gib() {
        assert_eq!(gib("24684092 kB").unwrap(), "23.5 GiB of memory");
        assert_eq!(gib("unknown"), None);
    }

    #[test]
    fn a_section_is_replaced_between_its_marks() {
        let page = "a\n<!-- x -->\nold\n<!-- end x -->\nb\n";
        assert_eq!(
            replaced(page, "x", "new\n").unwrap(),
            "a\n<!-- x -->\nnew\n<!-- end x -->\nb\n"
        );
        assert!(replaced(page, "y", "new").is_err());
        assert!(replaced("<!-- x -->\n", "x", "new").is_err());
    }
}
