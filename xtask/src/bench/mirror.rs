//! Mirroring: the command against public tools on one loopback server, and under faults.

mod run;
mod tools;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fixtures::server::Options;
use fixtures::{Fault, Proxy, Server};

use self::run::{Ran, once};
use self::tools::{Tool, Tools};
use super::{Row, median, page};
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;

const SMALL: &str = "derivatives/small/";
const BIG: &str = "derivatives/big/";
const MANY: &str = "derivatives/many/";
const WIDE: &str = "derivatives/wide/";
const ONE: &str = "derivatives/one/";

/// Files that `aws s3 cp` is measured with, one process each, as the Python package does.
const COPIED_ALONE: usize = 5;

/// Nothing that is measured takes longer than this unless it hangs.
const HUNG: Duration = Duration::from_secs(60);

/// Measures the cases; with `record` the table goes into `BENCHMARKS.md`.
pub(super) fn run(project: &Project, rounds: usize, record: bool) -> Result<Vec<Row>> {
    CommandLine::cargo("build --release --locked --package laion-fmri-cli", &project.root)
        .run(&mut Counts::default())?;
    let bench = Bench::new(project)?;
    let mut table = String::new();
    let mut rows = Vec::new();
    bench.small(rounds, &mut rows, &mut table)?;
    bench.big(rounds, &mut rows, &mut table)?;
    bench.again(rounds, &mut rows, &mut table)?;
    bench.faults(&mut rows, &mut table)?;
    bench.memory(&mut rows)?;
    fs::remove_dir_all(&bench.folder)?;
    let limits = page::limits(&rows);
    println!("\n{limits}\n{table}");
    if record {
        page::record(project, "mirror", &format!("{limits}\n{table}"))?;
    }
    Ok(rows)
}

struct Bench {
    folder: PathBuf,
    server: Server,
    tools: Tools,
}

impl Bench {
    fn new(project: &Project) -> Result<Self> {
        let folder = project.target.join("bench").join("mirror");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let bucket = folder.join("bucket");
        for (prefix, count, size) in [
            (SMALL, 2000, 20_000),
            (BIG, 4, 256_000_000),
            (MANY, 10_000, 500),
            (WIDE, 16, 64_000_000),
            (ONE, 1, 256_000_000),
        ] {
            write_objects(&bucket.join(prefix), count, size)?;
        }
        let server = Server::start(Options::new(&bucket))?;
        // The server computes each ETag once; nobody pays for that.
        let tools = Tools::prepare(project)?;
        let bench = Self { folder, server, tools };
        for prefix in [SMALL, BIG, MANY, WIDE, ONE] {
            bench.fetch(Tool::LaionFmri, prefix, "warm")?;
        }
        fs::remove_dir_all(bench.folder.join("warm"))?;
        Ok(bench)
    }

    /// Empties the destination, lets the tool fetch a prefix into it, and compares what it wrote.
    fn fetch(&self, tool: Tool, prefix: &str, to: &str) -> Result<Ran> {
        let to = self.folder.join(to);
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        fs::create_dir_all(&to)?;
        self.fetch_into(tool, prefix, &to)
    }

    fn fetch_into(&self, tool: Tool, prefix: &str, to: &Path) -> Result<Ran> {
        let command =
            self.tools.command(tool, &self.server.endpoint(), &self.bucket(), prefix, to)?;
        let ran = once(command, HUNG)?;
        ensure!(ran.succeeded, "{} failed on {prefix}: {}", tool.name(), ran.errors);
        Ok(ran)
    }

    fn bucket(&self) -> PathBuf {
        self.folder.join("bucket")
    }

    /// Each tool in turn, `rounds` times; the medians of wall time, processor time and memory.
    fn in_turn(&self, tools: &[Tool], rounds: usize, prefix: &str) -> Result<Vec<Figures>> {
        let mut figures: Vec<Figures> = tools.iter().map(|tool| Figures::new(*tool)).collect();
        for round in 0..rounds {
            for figures in &mut figures {
                let ran = self.fetch(figures.tool, prefix, "to")?;
                if round == 0 {
                    self.compare(prefix, &figures.tool.written(&self.folder.join("to"), prefix))?;
                }
                figures.add(&ran);
            }
        }
        Ok(figures)
    }

    fn small(&self, rounds: usize, rows: &mut Vec<Row>, table: &mut String) -> Result<()> {
        let tools = [Tool::LaionFmri, Tool::S5cmd, Tool::Curl, Tool::Aws, Tool::Rclone];
        let figures = self.in_turn(&tools, rounds, SMALL)?;
        let mut alone = Vec::new();
        for number in 0..COPIED_ALONE {
            let to = self.folder.join("alone");
            let key = format!("{SMALL}{}", object_name(number));
            let command = self.tools.copy_one(&self.server.endpoint(), &key, &to);
            alone.push(once(command, HUNG)?.wall);
        }
        let alone = median(alone) * 2000.0;
        describe(table, "2,000 files of 20 KB", &figures, rounds);
        let _ = writeln!(
            table,
            "| `aws s3 cp` for each file (extrapolated from {COPIED_ALONE}) | {alone:.0} | | |"
        );
        let ours = ratio(&figures, Tool::LaionFmri);
        rows.push(Row::at_most("2,000 x 20 KB, against s5cmd", ours(Tool::S5cmd), 0.6, "x"));
        rows.push(Row::at_most("2,000 x 20 KB, against curl -Z", ours(Tool::Curl), 1.1, "x"));
        let alone = figures[0].wall() / alone;
        rows.push(Row::at_most("2,000 x 20 KB, against aws s3 cp each", alone, 0.02, "x"));
        Ok(())
    }

    fn big(&self, rounds: usize, rows: &mut Vec<Row>, table: &mut String) -> Result<()> {
        let tools = [Tool::LaionFmri, Tool::S5cmd, Tool::Curl, Tool::Aws, Tool::Rclone];
        let figures = self.in_turn(&tools, rounds, BIG)?;
        describe(table, "4 files of 256 MB", &figures, rounds);
        let ours = ratio(&figures, Tool::LaionFmri);
        rows.push(Row::at_most(
            "4 x 256 MB with hashes, against s5cmd",
            ours(Tool::S5cmd),
            1.1,
            "x",
        ));
        Ok(())
    }

    fn again(&self, rounds: usize, rows: &mut Vec<Row>, table: &mut String) -> Result<()> {
        let tools = [Tool::LaionFmri, Tool::S5cmd, Tool::Aws, Tool::Rclone];
        let to = |tool: Tool| self.folder.join(format!("kept-{}", tool.name()));
        for tool in tools {
            fs::create_dir_all(to(tool))?;
            self.fetch_into(tool, MANY, &to(tool))?;
        }
        let mut figures: Vec<Figures> = tools.iter().map(|tool| Figures::new(*tool)).collect();
        for _ in 0..rounds {
            for figures in &mut figures {
                let ran = self.fetch_into(figures.tool, MANY, &to(figures.tool))?;
                figures.add(&ran);
            }
        }
        // Every file is looked at: one that was deleted comes again.
        let ours = Tool::LaionFmri.written(&to(Tool::LaionFmri), MANY);
        let deleted = ours.join(object_name(4321));
        fs::remove_file(&deleted)?;
        self.fetch_into(Tool::LaionFmri, MANY, &to(Tool::LaionFmri))?;
        ensure!(deleted.is_file(), "a deleted file was not fetched again");
        describe(table, "second run over 10,000 files", &figures, rounds);
        let ours = ratio(&figures, Tool::LaionFmri);
        rows.push(Row::at_most(
            "second run, 10,000 files, against s5cmd",
            ours(Tool::S5cmd),
            0.6,
            "x",
        ));
        Ok(())
    }

    fn faults(&self, rows: &mut Vec<Row>, table: &mut String) -> Result<()> {
        let tools = [Tool::LaionFmri, Tool::S5cmd, Tool::Aws, Tool::Rclone];
        let _ = writeln!(table, "\n| one file of 256 MB | {} |", tools.map(Tool::name).join(" | "));
        let _ = writeln!(table, "|---|{}", "---|".repeat(tools.len()));
        let free = self.fetch(Tool::LaionFmri, ONE, "to")?.wall;
        for (name, every) in
            [("every connection cut at 5 MB", 1), ("every third connection stalls", 3)]
        {
            let mut cells = Vec::new();
            for tool in tools {
                let seen = Arc::new(AtomicUsize::new(0));
                let proxy = Proxy::start(self.server.address(), move |request| {
                    if !request.is_object() {
                        return Fault::Pass;
                    }
                    match seen.fetch_add(1, Ordering::SeqCst) % every {
                        0 if every == 1 => Fault::Cut(5_000_000),
                        0 => Fault::Stall(100_000),
                        _ => Fault::Pass,
                    }
                })?;
                let to = self.folder.join("to");
                fs::remove_dir_all(&to)?;
                fs::create_dir_all(&to)?;
                let endpoint = proxy.url("");
                let endpoint = endpoint.trim_end_matches('/');
                let command = self.tools.command(tool, endpoint, &self.bucket(), ONE, &to)?;
                let ran = once(command, HUNG)?;
                let right = ran.succeeded && self.compare(ONE, &tool.written(&to, ONE)).is_ok();
                cells.push(match (right, ran.hung) {
                    (true, _) => format!("{:.1} s", ran.wall),
                    (_, true) => format!("hangs (> {} s)", HUNG.as_secs()),
                    _ => format!("fails after {:.1} s", ran.wall),
                });
                if tool == Tool::LaionFmri {
                    ensure!(right, "{name}: not completed: {}", ran.errors);
                    if every == 3 {
                        // The stalled ranges wait beside each other.
                        let cost = ran.wall - free;
                        rows.push(Row::at_most("a stall costs", cost, 12.0, "s"));
                    }
                }
            }
            let _ = writeln!(table, "| {name} | {} |", cells.join(" | "));
        }
        Ok(())
    }

    fn memory(&self, rows: &mut Vec<Row>) -> Result<()> {
        let mut most = 0.0_f64;
        for prefix in [WIDE, SMALL, BIG] {
            most = most.max(self.fetch(Tool::LaionFmri, prefix, "to")?.memory);
        }
        rows.push(Row::at_most("peak memory at 16 transfers", most, 64.0, "MiB"));
        Ok(())
    }

    /// Whether a folder holds the objects below a prefix, byte for byte.
    fn compare(&self, prefix: &str, written: &Path) -> Result<()> {
        let mut folders = vec![self.bucket().join(prefix)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let below = path.strip_prefix(self.bucket().join(prefix))?;
                let got = written.join(below);
                let same =
                    fs::read(&got).with_context(|| got.display().to_string())? == fs::read(&path)?;
                ensure!(same, "{} has wrong bytes", got.display());
            }
        }
        Ok(())
    }
}

/// What was measured of one tool.
struct Figures {
    tool: Tool,
    wall: Vec<f64>,
    processor: Vec<f64>,
    memory: Vec<f64>,
}

impl Figures {
    fn new(tool: Tool) -> Self {
        Self { tool, wall: Vec::new(), processor: Vec::new(), memory: Vec::new() }
    }

    fn add(&mut self, ran: &Ran) {
        self.wall.push(ran.wall);
        self.processor.push(ran.processor);
        self.memory.push(ran.memory);
    }

    fn wall(&self) -> f64 {
        median(self.wall.clone())
    }
}

/// The median of the ratios of the rounds: what disturbs the machine disturbs both.
fn ratio(figures: &[Figures], ours: Tool) -> impl Fn(Tool) -> f64 + '_ {
    move |other| {
        let of = |tool| figures.iter().find(|figures| figures.tool == tool);
        let (Some(ours), Some(other)) = (of(ours), of(other)) else { return f64::NAN };
        median(ours.wall.iter().zip(&other.wall).map(|(ours, other)| ours / other).collect())
    }
}

fn describe(table: &mut String, case: &str, figures: &[Figures], rounds: usize) {
    let _ =
        writeln!(table, "\n| {case} ({rounds} rounds) | wall, s | processor, s | memory, MiB |");
    let _ = writeln!(table, "|---|---|---|---|");
    for figures in figures {
        let _ = writeln!(
            table,
            "| {} | {:.2} | {:.2} | {:.0} |",
            figures.tool.name(),
            figures.wall(),
            median(figures.processor.clone()),
            figures.memory.iter().copied().fold(0.0, f64::max),
        );
    }
}

fn object_name(number: usize) -> String {
    format!("{:03}/file-{number:05}.bin", number / 100)
}

/// Objects that no two tools can share and nothing can compress.
fn write_objects(folder: &Path, count: usize, size: usize) -> Result<()> {
    let mut random = size as u64;
    let mut piece = vec![0_u8; size.min(1 << 20)];
    for number in 0..count {
        let path = folder.join(object_name(number));
        fs::create_dir_all(path.parent().context("no folder")?)?;
        let mut file = fs::File::create(&path)?;
        let mut left = size;
        while left > 0 {
            for eight in piece.chunks_mut(8) {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let bytes = (random ^ (random >> 29)).to_le_bytes();
                eight.copy_from_slice(&bytes[..eight.len()]);
            }
            let take = left.min(piece.len());
            std::io::Write::write_all(&mut file, &piece[..take])?;
            left -= take;
        }
    }
    Ok(())
}
