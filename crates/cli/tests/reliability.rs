//! The command killed, several times at once, on a disk that is full, and at limits of the machine.
//! As in the crate of the mirror, `cargo xtask reliability` tries each more often and publishes the
//! counts.

#[cfg(unix)]
mod limits;
mod stores;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::User;

const PREFIX: &str = "derivatives/retinotopy/sub-01/";

fn published() -> Option<PathBuf> {
    std::env::var_os("LAION_FMRI_RELIABILITY").map(PathBuf::from)
}

fn times(quick: u64, full: u64) -> u64 {
    if published().is_some() { full } else { quick }
}

fn tally(name: &str, runs: u64, faults: u64, bytes: u64) {
    if let Some(directory) = published() {
        let file = name.replace(|character: char| !character.is_ascii_alphanumeric(), "-");
        let line = format!("{name}\t{runs}\t{faults}\t{bytes}\t0\n");
        std::fs::write(directory.join(format!("command-{file}.tsv")), line).unwrap();
    }
}

/// A user whose bucket has files of every length below one prefix.
fn user() -> User {
    let user = User::new();
    let folder = user.bucket.path(PREFIX);
    for (count, size) in [(60, 3_000), (4, 600_000), (3, 6_000_000)] {
        for number in 0..count {
            let content: Vec<u8> = (0..size)
                .map(|position: u32| (position.wrapping_mul(2_654_435_761 + number) >> 13) as u8)
                .collect();
            std::fs::write(folder.join(format!("extra-{size}-{number}.bin")), content).unwrap();
        }
    }
    user
}

fn start(user: &User, options: &[&str]) -> Child {
    let arguments = ["download", "--prefix", PREFIX, "--accept-license", "-q"];
    let mut command = user.command(&[&arguments, options].concat());
    command.env("LAION_FMRI_DATA", user.mirror());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The bytes that were compared; unfinished and temporary files may be there unless `all`.
fn compare(user: &User, all: bool) -> u64 {
    let expected = files(&user.bucket.path(PREFIX));
    let got = files(&user.mirror().join(PREFIX));
    for (name, content) in &got {
        if !name.starts_with('.') {
            assert!(expected.get(name) == Some(content), "{name} has wrong bytes");
        }
    }
    if all {
        let missing = expected.keys().find(|name| !got.contains_key(*name));
        assert_eq!(missing, None);
    }
    got.values().map(|content| content.len() as u64).sum()
}

#[test]
fn killed_at_random_moments() {
    let (rounds, mut bytes) = (times(3, 50), 0);
    let mut random = 88_172_645_463_325_252_u64;
    let user = user();
    for round in 0..rounds {
        let mut child = start(&user, &["--limit-rate", "25M"]);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_millis(50 + random % 900));
        child.kill().unwrap();
        child.wait().unwrap();
        bytes += compare(&user, false);
        // Every third time the mirror starts empty, otherwise it goes on where it was killed.
        if round % 3 == 2 {
            assert!(start(&user, &[]).wait().unwrap().success());
            bytes += compare(&user, true);
            std::fs::remove_dir_all(user.mirror().join("derivatives")).unwrap();
        }
    }
    assert!(start(&user, &[]).wait().unwrap().success());
    bytes += compare(&user, true);
    user.ok("verify --offline");
    tally("kill -9 at a random moment", rounds, rounds, bytes);
}

#[test]
fn killed_at_nine_tenths_of_a_long_file() {
    const SIZE: u64 = 64 << 20;
    let (rounds, mut bytes) = (times(1, 10), 0);
    for _ in 0..rounds {
        let user = User::new();
        let content: Vec<u8> =
            (0..SIZE).map(|position| ((position * 2_654_435_761) >> 17) as u8).collect();
        std::fs::write(user.bucket.path(PREFIX).join("long.bin"), content).unwrap();
        let mut child = start(&user, &["--limit-rate", "60M"]);
        let state = user.mirror().join(PREFIX).join(".long.bin.part.state");
        let written = || -> u64 {
            let text = std::fs::read_to_string(&state).unwrap_or_default();
            let state: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let ranges = state["written"].as_array().cloned().unwrap_or_default();
            let end = |range: &serde_json::Value, index: usize| range[index].as_u64().unwrap();
            ranges.iter().map(|range| end(range, 1) - end(range, 0)).sum()
        };
        while written() < SIZE / 10 * 9 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // The server sees that the connections are closed a moment later.
        while user.server.is_sending() {
            std::thread::sleep(Duration::from_millis(2));
        }
        let before = user.server.counters().bytes_sent;
        assert!(start(&user, &[]).wait().unwrap().success());
        let again = user.server.counters().bytes_sent - before;
        // The other files of the prefix are a few kilobytes.
        assert!(again <= SIZE * 15 / 100, "{again} bytes were sent again");
        bytes += compare(&user, true);
    }
    tally("kill -9 at 90 % of 64 MiB: at most 15 % fetched again", rounds, rounds, bytes);
}

#[test]
fn several_processes_at_once() {
    let (rounds, mut bytes, mut processes) = (times(1, 20), 0, 0);
    for round in 0..rounds {
        let user = user();
        let mut children: Vec<Child> =
            (0..if round % 2 == 0 { 4 } else { 2 }).map(|_| start(&user, &[])).collect();
        processes += children.len() as u64;
        // One of them dies; another takes its work over.
        if round % 2 == 0 {
            std::thread::sleep(Duration::from_millis(150));
            let mut first = children.remove(0);
            first.kill().unwrap();
            first.wait().unwrap();
        }
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        bytes += compare(&user, true);
        user.ok("verify --offline");
    }
    tally("two and four processes at once, one of the four killed", rounds, processes, bytes);
}

/// Mounts or unmounts a file system. False where that is not allowed.
#[cfg(target_os = "linux")]
fn mount(arguments: &[&str]) -> bool {
    let mut command = std::process::Command::new(arguments[0]);
    command.args(&arguments[1..]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full() {
    let user = user();
    let mirror = user.mirror();
    let folder = mirror.to_str().unwrap();
    // Only an administrator may mount; without, the disk is full nowhere.
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=64m", "none", folder]) {
        return;
    }
    // Filled by others after the space was looked at: at most 9 MB are left for 20 MB.
    let (rounds, mut bytes) = (times(1, 10), 0);
    for _ in 0..rounds {
        let mut child = start(&user, &["--limit-rate", "12M"]);
        std::thread::sleep(Duration::from_millis(400));
        let filler = mirror.join("filler");
        let _ = std::fs::write(&filler, vec![1; 55_000_000]);
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(1), "a full disk is a failure");
        bytes += compare(&user, false);
        std::fs::remove_file(&filler).unwrap();
        assert!(start(&user, &[]).wait().unwrap().success());
        bytes += compare(&user, true);
        std::fs::remove_dir_all(mirror.join("derivatives")).unwrap();
    }
    assert!(mount(&["umount", folder]));
    tally("disk full in the middle (tmpfs)", rounds, rounds, bytes);
}
