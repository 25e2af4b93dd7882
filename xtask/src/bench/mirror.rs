//! Mirroring: the command against public tools on one loopback server, and under faults.

mod run;
mod tools;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fixtures::server::{ChecksumKind, Options};
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
const SLOW: &str = "derivatives/slow/";

/// A file system in memory, for what shall not wait for a disk.
const IN_MEMORY: &str = "/dev/shm";

/// How long a server waits with every 16 KiB of a connection that it slows down.
const PAUSE: Duration = Duration::from_millis(1);

/// Files that `aws s3 cp` is measured with, one process each, as the Python package does.
const COPIED_ALONE: usize = 3;

/// Nothing that is measured takes longer than this unless it hangs.
const HUNG: Duration = Duration::from_secs(300);

/// Under faults nobody is waited for longer.
const PATIENCE: Duration = Duration::from_secs(25);

/// A case begins no further round after so long, once it has had [`FEWEST`].
const BUDGET: Duration = Duration::from_secs(45);
const FEWEST: usize = 3;

/// Rounds that the tools take part in which are slow and no limit is about.
const OF_THE_SLOW: usize = 1;

/// Measures the cases; with `record` the tables go into `BENCHMARKS.md`.
pub(super) fn run(project: &Project, rounds: usize, record: bool) -> Result<Vec<Row>> {
    CommandLine::cargo("build --release --locked --package laion-fmri-cli", &project.root)
        .run(&mut Counts::default())?;
    let start = Instant::now();
    let mut bench = Bench::new(project, rounds)?;
    bench.small()?;
    bench.again()?;
    bench.big()?;
    bench.slow()?;
    bench.faults()?;
    bench.memory()?;
    fs::remove_dir_all(&bench.folder)?;
    let Bench { rows, tables, .. } = bench;
    let limits = page::limits(&rows);
    println!("\n{limits}\n{:.0} s in all", start.elapsed().as_secs_f64());
    if record {
        let command = format!("Command: `cargo xtask bench mirror --rounds {rounds} --record`");
        let text = format!("{}\n\n{command}\n\n{limits}\n{tables}", page::machine());
        page::record(project, "mirror", &text)?;
    }
    Ok(rows)
}

struct Bench {
    folder: PathBuf,
    server: Server,
    tools: Tools,
    rounds: usize,
    rows: Vec<Row>,
    tables: String,
    /// The most memory of any run of ours, in MiB.
    memory: f64,
}

impl Bench {
    fn new(project: &Project, rounds: usize) -> Result<Self> {
        let tools = Tools::prepare(project)?;
        let folder = project.target.join("bench").join("mirror");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let bucket = folder.join("bucket");
        fs::create_dir_all(&bucket)?;
        let server = Server::start(Options::new(&bucket))?;
        let (rows, tables) = (Vec::new(), String::new());
        Ok(Self { folder, server, tools, rounds, rows, tables, memory: 0.0 })
    }

    /// Writes the objects of a case. Only now: a disk that has just taken gigabytes is slow with small
    /// files for minutes.
    fn provide(&mut self, prefix: &str, count: usize, size: usize) -> Result<()> {
        println!("writing {count} objects of {size} bytes");
        write_objects(&self.bucket().join(prefix), count, size)?;
        self.serve(Some(ChecksumKind::Crc64Nvme))
    }

    /// Serves the objects with their entity tags, and the checksums that S3 keeps or none.
    fn serve(&mut self, checksum: Option<ChecksumKind>) -> Result<()> {
        // It computes each digest now, and walks the folder once: the clients are measured.
        let mut options = Options::new(self.bucket()).frozen(true);
        options.checksum = checksum;
        self.server = Server::start(options)?;
        Ok(())
    }

    /// Empties the destination and lets the tool fetch a prefix into it.
    fn fetch(&self, tool: Tool, prefix: &str) -> Result<Ran> {
        self.fetch_into(tool, prefix, &self.emptied(prefix)?)
    }

    fn fetch_into(&self, tool: Tool, prefix: &str, to: &Path) -> Result<Ran> {
        let command =
            self.tools.command(tool, &self.server.endpoint(), &self.bucket(), prefix, to)?;
        let ran = once(command, HUNG)?;
        ensure!(!ran.hung, "{} did not end within {HUNG:?} on {prefix}", tool.name());
        ensure!(ran.succeeded, "{} failed on {prefix}: {}", tool.name(), ran.errors);
        println!("  {:12} {:6.2} s", tool.name(), ran.wall);
        Ok(ran)
    }

    /// An empty destination. Small files are put aside: a file system that was just told to forget
    /// thousands of files (ext4) looks at each of them again for every new one.
    fn emptied(&self, prefix: &str) -> Result<PathBuf> {
        let to = self.folder.join("to");
        if to.exists() && prefix == SMALL {
            let aside = self.folder.join("aside");
            fs::create_dir_all(&aside)?;
            let number = fs::read_dir(&aside)?.count();
            fs::rename(&to, aside.join(number.to_string()))?;
        } else if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        fs::create_dir_all(&to)?;
        Ok(to)
    }

    fn bucket(&self) -> PathBuf {
        self.folder.join("bucket")
    }

    /// Each tool in turn, within the budget; `measure` is told the round.
    fn in_turn(
        &mut self,
        case: &str,
        tools: &[Tool],
        measure: impl Fn(&Self, Tool, usize) -> Result<Ran>,
    ) -> Result<Vec<Figures>> {
        let start = Instant::now();
        let mut figures: Vec<Figures> = tools.iter().map(|tool| Figures::new(*tool)).collect();
        for round in 0..self.rounds {
            if round >= FEWEST && start.elapsed() > BUDGET {
                break;
            }
            println!("{case}, round {}", round + 1);
            for figures in &mut figures {
                if round < OF_THE_SLOW || !figures.tool.is_slow() {
                    figures.add(&measure(self, figures.tool, round)?);
                }
            }
        }
        let ours = figures.iter().filter(|figures| figures.tool == Tool::LaionFmri);
        self.memory = ours.flat_map(|ours| &ours.memory).copied().fold(self.memory, f64::max);
        Ok(figures)
    }

    /// Each tool fetches a prefix into an empty folder; the first round is compared.
    fn fetched_in_turn(&mut self, case: &str, prefix: &str) -> Result<Vec<Figures>> {
        let tools = [Tool::LaionFmri, Tool::S5cmd, Tool::Curl, Tool::Aws, Tool::Rclone];
        self.in_turn(case, &tools, |bench, tool, round| {
            let ran = bench.fetch(tool, prefix)?;
            if round == 0 {
                bench.compare(prefix, &tool.written(&bench.folder.join("to"), prefix))?;
            }
            Ok(ran)
        })
    }

    fn small(&mut self) -> Result<()> {
        self.provide(SMALL, 2000, 20_000)?;
        let figures = self.fetched_in_turn("2,000 files of 20 KB", SMALL)?;
        let mut alone = Vec::new();
        for number in 0..COPIED_ALONE {
            let to = self.folder.join("alone");
            let key = format!("{SMALL}{}", object_name(number));
            let command = self.tools.copy_one(&self.server.endpoint(), &key, &to);
            alone.push(once(command, HUNG)?.wall);
        }
        let alone = median(alone) * 2000.0;
        let mut table = describe("2,000 files of 20 KB", &figures);
        let _ = writeln!(
            table,
            "| `aws s3 cp` for each file, from {COPIED_ALONE} of them | 0 | {alone:.0} | | |"
        );
        self.made(&table);
        let ours = ratio(&figures, Tool::LaionFmri);
        let rows = [
            Row::at_most("2,000 x 20 KB, against s5cmd", ours(Tool::S5cmd), 0.2, "x"),
            Row::at_most("2,000 x 20 KB, against rclone", ours(Tool::Rclone), 0.6, "x"),
            Row::at_most("2,000 x 20 KB, against curl -Z", ours(Tool::Curl), 2.2, "x"),
            Row::at_most(
                "2,000 x 20 KB, against aws s3 cp each",
                figures[0].wall() / alone,
                0.02,
                "x",
            ),
        ];
        self.rows.extend(rows);
        Ok(())
    }

    /// Into memory, where only the work of the tools counts, and onto the disk, whose speed is told.
    fn big(&mut self) -> Result<()> {
        self.provide(BIG, 4, 256_000_000)?;
        let memory = tempfile::Builder::new().prefix("laion-fmri-").tempdir_in(IN_MEMORY)?;
        let to = memory.path().join("to");
        let into_memory = |bench: &Self, tool: Tool, round: usize| {
            if to.exists() {
                fs::remove_dir_all(&to)?;
            }
            fs::create_dir_all(&to)?;
            let ran = bench.fetch_into(tool, BIG, &to)?;
            if round == 0 {
                bench.compare(BIG, &tool.written(&to, BIG))?;
            }
            Ok(ran)
        };
        let case = "4 files of 256 MB, into memory";
        let figures =
            self.in_turn(case, &[Tool::LaionFmri, Tool::S5cmd, Tool::Curl], into_memory)?;
        self.made(&describe(case, &figures));
        let ours = ratio(&figures, Tool::LaionFmri)(Tool::S5cmd);
        self.rows.push(Row::at_most("4 x 256 MB, checked, against s5cmd", ours, 1.5, "x"));
        // 1.024 GB.
        let for_a_gigabyte = |figures: &[Figures]| figures[0].processor() / 1.024;
        let checked = for_a_gigabyte(&figures);
        let onto_disk = self.fetched_in_turn("4 files of 256 MB, onto the disk", BIG)?;
        self.made(&describe("4 files of 256 MB, onto the disk", &onto_disk));
        self.serve(None)?;
        let case = "4 files of 256 MB, entity tags alone, into memory";
        let figures = self.in_turn(case, &[Tool::LaionFmri], into_memory)?;
        self.made(&describe(case, &figures));
        let tagged = for_a_gigabyte(&figures);
        self.rows.extend([
            Row::at_most("processor time for 1 GB, checksum of S3", checked, 1.6, "s"),
            Row::at_most("processor time for 1 GB, MD5 alone", tagged, 3.4, "s"),
        ]);
        Ok(())
    }

    /// One file of a server that is slow on each connection, against a tool that uses one.
    fn slow(&mut self) -> Result<()> {
        self.provide(SLOW, 1, 64_000_000)?;
        let proxy = Proxy::start(self.server.address(), |request| match request.is_object() {
            true => Fault::Slow(PAUSE),
            false => Fault::Pass,
        })?;
        let endpoint = proxy.url("");
        let case = "one file of 64 MB, each connection slow";
        let figures =
            self.in_turn(case, &[Tool::LaionFmri, Tool::Curl], |bench, tool, round| {
                let to = bench.emptied(SLOW)?;
                let endpoint = endpoint.trim_end_matches('/');
                let command = bench.tools.command(tool, endpoint, &bench.bucket(), SLOW, &to)?;
                let ran = once(command, HUNG)?;
                ensure!(ran.succeeded, "{} failed: {}", tool.name(), ran.errors);
                println!("  {:12} {:6.2} s", tool.name(), ran.wall);
                if round == 0 {
                    bench.compare(SLOW, &tool.written(&to, SLOW))?;
                }
                Ok(ran)
            })?;
        self.made(&describe(case, &figures));
        let ours = ratio(&figures, Tool::LaionFmri)(Tool::Curl);
        let row =
            Row::at_most("one file, connections slow, against one connection", ours, 0.2, "x");
        self.rows.push(row);
        Ok(())
    }

    fn again(&mut self) -> Result<()> {
        self.provide(MANY, 10_000, 500)?;
        let tools = [Tool::LaionFmri, Tool::S5cmd, Tool::Aws, Tool::Rclone];
        let kept = self.folder.clone();
        let kept = |tool: Tool| kept.join(format!("kept-{}", tool.name()));
        println!("second run over 10,000 files, the first runs");
        for tool in tools {
            let to = kept(tool);
            fs::create_dir_all(&to)?;
            if tool == Tool::Aws {
                // It takes a minute, and only looks at sizes and at whether a file is younger.
                copy_tree(&self.bucket().join(MANY), &to)?;
            } else {
                self.fetch_into(tool, MANY, &to)?;
            }
        }
        let figures = self.in_turn("second run over 10,000 files", &tools, |bench, tool, _| {
            bench.fetch_into(tool, MANY, &kept(tool))
        })?;
        // Every file is looked at: one that was deleted comes again.
        let ours = Tool::LaionFmri.written(&kept(Tool::LaionFmri), MANY);
        let deleted = ours.join(object_name(4321));
        fs::remove_file(&deleted)?;
        self.fetch_into(Tool::LaionFmri, MANY, &kept(Tool::LaionFmri))?;
        ensure!(deleted.is_file(), "a deleted file was not fetched again");
        self.made(&describe("second run over 10,000 files", &figures));
        let ours = ratio(&figures, Tool::LaionFmri)(Tool::S5cmd);
        self.rows.push(Row::at_most("second run, 10,000 files, against s5cmd", ours, 0.6, "x"));
        Ok(())
    }

    fn faults(&mut self) -> Result<()> {
        let tools = [Tool::LaionFmri, Tool::S5cmd, Tool::Aws, Tool::Rclone];
        let mut table = format!("| one file of 256 MB | {} |\n", tools.map(Tool::name).join(" | "));
        let _ = writeln!(table, "|---|{}", "---|".repeat(tools.len()));
        self.provide(ONE, 1, 256_000_000)?;
        println!("one file of 256 MB");
        let free = self.fetch(Tool::LaionFmri, ONE)?.wall;
        for (name, every) in
            [("every connection cut at 5 MB", 1), ("every third connection stalls", 3)]
        {
            println!("{name}");
            let mut cells = Vec::new();
            for tool in tools {
                let (right, ran) = self.under_fault(tool, every)?;
                cells.push(match (right, ran.hung) {
                    (true, _) => format!("{:.1} s", ran.wall),
                    (_, true) => format!("nothing after {} s", PATIENCE.as_secs()),
                    _ => format!("fails after {:.1} s", ran.wall),
                });
                if tool == Tool::LaionFmri {
                    ensure!(right, "{name}: not completed: {}", ran.errors);
                    if every == 3 {
                        // The stalled ranges wait beside each other.
                        let cost = ran.wall - free;
                        self.rows.push(Row::at_most("a stall costs", cost, 12.0, "s"));
                    }
                }
            }
            let _ = writeln!(table, "| {name} | {} |", cells.join(" | "));
        }
        self.made(&table);
        Ok(())
    }

    /// Whether the file arrived although every `every`th connection meets a fault.
    fn under_fault(&self, tool: Tool, every: usize) -> Result<(bool, Ran)> {
        let seen = AtomicUsize::new(0);
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
        let (to, endpoint) = (self.emptied(ONE)?, proxy.url(""));
        let endpoint = endpoint.trim_end_matches('/');
        let command = self.tools.command(tool, endpoint, &self.bucket(), ONE, &to)?;
        let ran = once(command, PATIENCE)?;
        println!("  {:12} {:6.2} s", tool.name(), ran.wall);
        let right = ran.succeeded && self.compare(ONE, &tool.written(&to, ONE)).is_ok();
        Ok((right, ran))
    }

    fn memory(&mut self) -> Result<()> {
        self.provide(WIDE, 16, 64_000_000)?;
        let wide = self.fetch(Tool::LaionFmri, WIDE)?.memory;
        let most = self.memory.max(wide);
        self.rows.push(Row::at_most("peak memory at 16 transfers", most, 64.0, "MiB"));
        Ok(())
    }

    /// Shows a table as soon as there is one.
    fn made(&mut self, table: &str) {
        println!("\n{table}");
        self.tables.push('\n');
        self.tables.push_str(table);
    }

    /// Whether a folder holds the objects below a prefix, byte for byte.
    fn compare(&self, prefix: &str, written: &Path) -> Result<()> {
        let objects = self.bucket().join(prefix);
        for path in files(&objects)? {
            let got = written.join(path.strip_prefix(&objects)?);
            let same =
                fs::read(&got).with_context(|| got.display().to_string())? == fs::read(&path)?;
            ensure!(same, "{} has wrong bytes", got.display());
        }
        Ok(())
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for path in files(from)? {
        let copy = to.join(path.strip_prefix(from)?);
        fs::create_dir_all(copy.parent().context("no folder")?)?;
        fs::copy(path, copy)?;
    }
    Ok(())
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

    fn processor(&self) -> f64 {
        median(self.processor.clone())
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

fn describe(case: &str, figures: &[Figures]) -> String {
    let mut table = format!("| {case} | rounds | wall, s | processor, s | memory, MiB |\n");
    table.push_str("|---|---|---|---|---|\n");
    for figures in figures {
        let _ = writeln!(
            table,
            "| {} | {} | {:.2} | {:.2} | {:.0} |",
            figures.tool.name(),
            figures.wall.len(),
            figures.wall(),
            figures.processor(),
            figures.memory.iter().copied().fold(0.0, f64::max),
        );
    }
    table
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
