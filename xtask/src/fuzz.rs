//! `fuzz`: the targets of `fuzz/`, built for libFuzzer with the stable toolchain.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::project::Project;

/// Every target; `fuzz/corpus/NAME` holds what it starts from, and what it found.
const TARGETS: [&str; 21] = [
    "header",
    "gz",
    "index",
    "reader",
    "hdf5",
    "stimulus_tables",
    "gifti",
    "label",
    "mesh",
    "curvature",
    "transform",
    "mgh",
    "arrays",
    "inventory",
    "state",
    "listing",
    "rois",
    "recipe",
    "plans",
    "trials",
    "store",
];

/// Coverage for libFuzzer. A sanitizer would look for what code without `unsafe` cannot do.
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The targets, such as header or hdf5; by default all, one after the other
    #[arg(value_parser = TARGETS)]
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 600, value_name = "S")]
    seconds: u32,
}

/// Builds and runs the targets; `true` when none crashed. New inputs are kept below `target/`,
/// crashes in `fuzz/corpus/NAME`, where the tests of the crates find them.
pub(crate) fn run(project: &Project, options: &Options) -> Result<bool> {
    let folder = project.root.join("fuzz");
    let built = project.target.join("fuzz");
    let host = host(project)?;
    let mut counts = Counts::default();
    // With a target named, the flags are not used for build scripts.
    CommandLine::cargo("build --release --locked --target", &folder)
        .argument(&host)
        .argument("--target-dir")
        .argument(&built)
        .variable("RUSTFLAGS", FLAGS)
        .run(&mut counts)?;
    let mut held = true;
    let memory = Path::new("/dev/shm");
    let all = TARGETS.map(str::to_owned).to_vec();
    for target in if options.targets.is_empty() { &all } else { &options.targets } {
        let found = built.join("corpus").join(target);
        let kept = folder.join("corpus").join(target);
        fs::create_dir_all(&found).with_context(|| found.display().to_string())?;
        let program = built.join(&host).join("release").join(target);
        let run = CommandLine::new(&program, &folder)
            .argument(&found)
            .argument(&kept)
            .argument(format!("-max_total_time={}", options.seconds))
            .argument(format!("-artifact_prefix={}/", kept.display()))
            .arguments([
                "-timeout=20",
                "-rss_limit_mb=1024",
                if target == "index" { "-max_len=4096" } else { "-max_len=65536" },
                "-print_final_stats=1",
            ])
            // Files of a target that needs some are best kept in memory.
            .variable("TMPDIR", if memory.is_dir() { memory } else { &built })
            .run(&mut counts);
        if let Err(error) = run {
            println!("FAILED {target}: {error:#}");
            held = false;
        }
    }
    Ok(held)
}

/// The triple of this machine.
fn host(project: &Project) -> Result<String> {
    let told = CommandLine::new("rustc", &project.root).argument("-vV").capture()?;
    let told = told.context("no rustc")?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc tells no host")?.to_owned())
}
