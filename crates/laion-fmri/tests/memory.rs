//! The promise about the memory of shared betas: the peak of a process, against its result.

use std::path::Path;
use std::process::Command;

use fixtures::bucket;
use laion_fmri::Dataset;

/// 480 trials of 124,000 voxels are 238 MB; the result, of 24 images, is 12 MB.
const EDGE: usize = 72;
const SESSIONS: usize = 30;
const TRIALS: usize = 16;
const ALLOWED: u64 = 64 << 20;

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = line.trim().strip_suffix(" kB").unwrap().trim().parse().unwrap();
    kib * 1024
}

/// Runs in a process of its own, so that its peak is that of the call.
#[test]
#[ignore = "started by `shared_betas_take_their_result_and_little_more`"]
fn reads_shared_betas() {
    let dataset = Dataset::open("mirror").unwrap().with_jobs(2);
    let sessions: Vec<String> = (1..=SESSIONS).map(|number| format!("ses-{number:02}")).collect();
    let group = dataset.group(&["sub-01"]).unwrap();
    let shared = group.shared_betas(&sessions, |betas| betas).unwrap();
    let answers = &shared.subjects[0];
    assert_eq!(answers.repeats.iter().sum::<u32>() as usize, SESSIONS * TRIALS);
    println!("measured {} {}", 4 * answers.betas.len(), peak_bytes());
}

fn measured(folder: &Path) -> (u64, u64) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "memory::reads_shared_betas", "--ignored", "--nocapture"])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers = text.lines().find_map(|line| line.split_once("measured ")).map(|(_, rest)| rest);
    let numbers = numbers.unwrap_or_else(|| panic!("no figures in {text}"));
    let (result, peak) = numbers.split_once(' ').unwrap();
    (result.parse().unwrap(), peak.trim().parse().unwrap())
}

#[test]
fn shared_betas_take_their_result_and_little_more() {
    if !cfg!(target_os = "linux") {
        println!("skipped: the peak is read from /proc/self/status");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let voxels =
        bucket::write_large(&folder.path().join("mirror"), EDGE, SESSIONS, TRIALS).unwrap();
    let (result, peak) = measured(folder.path());
    println!(
        "{SESSIONS} sessions of {TRIALS} trials, {voxels} voxels: result {result}, peak {peak}"
    );
    assert_eq!(result % (4 * voxels as u64), 0);
    assert!(peak <= result + ALLOWED, "result {result}, peak {peak}");
}
