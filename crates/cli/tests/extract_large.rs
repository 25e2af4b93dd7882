//! Extractions of files that take a while: stopped in the middle, and held to a limit of memory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fixtures::bucket;

use crate::extract::bytes;
use crate::names;

/// The whole brain: what takes longest, and most memory.
const BRAIN: &str = "extract --subject 01";

/// A mirror that holds one large subject, and a folder for outputs.
struct Large {
    mirror: tempfile::TempDir,
    folder: tempfile::TempDir,
}

impl Large {
    fn new(edge: usize, sessions: usize, trials: usize) -> Self {
        let large =
            Self { mirror: tempfile::tempdir().unwrap(), folder: tempfile::tempdir().unwrap() };
        bucket::write_large(large.mirror.path(), edge, sessions, trials).unwrap();
        for name in ["home", "temporary"] {
            std::fs::create_dir(large.path(name)).unwrap();
        }
        large
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that has nothing but the mirror, in the folder of outputs.
    fn command(&self, line: &str) -> Command {
        let mut command = crate::program();
        command
            .args(line.split(' '))
            .args(["--offline", "--progress", "none", "--data-dir"])
            .arg(self.mirror.path())
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("temporary"))
            .stdin(Stdio::null());
        command
    }

    fn start(&self, line: &str) -> Child {
        self.command(line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn ok(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "laion-fmri {line}: {message}");
        message
    }

    /// Waits until the first part is complete; then the second is on its way.
    fn until_a_part(&self, child: &mut Child, output: &str) -> Vec<String> {
        let folder = self.path(&format!(".{output}.parts"));
        loop {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was stopped");
            let parts = complete(&folder);
            if !parts.is_empty() {
                return parts;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The names of the complete parts of a folder.
fn complete(folder: &Path) -> Vec<String> {
    if !folder.is_dir() {
        return Vec::new();
    }
    names(folder).into_iter().filter(|name| name.ends_with(".part")).collect()
}

#[test]
fn a_stopped_extraction_goes_on_where_it_was() {
    let large = Large::new(48, 4, 60);
    let line = |output: &str| format!("{BRAIN} --jobs 1 -o {output}");
    std::fs::create_dir(large.path("whole")).unwrap();
    large.ok(&line("whole/out.npz"));
    let whole = bytes(&large.path("whole"));
    for signal in ["KILL", "INT", "TERM"] {
        let mut child = large.start(&line("out.npz"));
        let parts = large.until_a_part(&mut child, "out.npz");
        let sent =
            Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let status = child.wait().unwrap();
        match signal {
            "KILL" => assert_eq!(status.code(), None),
            "INT" => assert_eq!(status.code(), Some(130)),
            _ => assert_eq!(status.code(), Some(143)),
        }
        let left = complete(&large.path(".out.npz.parts"));
        assert!(left.starts_with(&parts) && left.len() < 4, "{signal}: {left:?}");
        assert!(!large.path("out.npz").exists(), "{signal}");
        let kept = |name: &String| {
            let part = large.path(".out.npz.parts").join(name);
            std::fs::metadata(part).unwrap().modified().unwrap()
        };
        let written: Vec<_> = left.iter().map(kept).collect();
        // The next run is stopped as well, after one more part: what was there is not written again.
        if left.len() < 3 {
            let mut child = large.start(&line("out.npz"));
            while complete(&large.path(".out.npz.parts")).len() <= left.len() {
                assert!(child.try_wait().unwrap().is_none(), "it ended before it was stopped");
                std::thread::sleep(Duration::from_millis(5));
            }
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(left.iter().map(kept).collect::<Vec<_>>(), written, "{signal}");
        }
        large.ok(&line("out.npz"));
        for (name, content) in [("out.npz", ""), ("out.npz.recipe.toml", "")] {
            assert!(bytes(&large.path(name))[content] == whole[name], "{signal}: {name}");
            std::fs::remove_file(large.path(name)).unwrap();
        }
        assert_eq!(names(large.folder.path()), ["home", "temporary", "whole"], "{signal}");
    }
}

/// Where derived files may be large: the output, what it is written through, and its state.
fn is_output_or_state(name: &str) -> bool {
    name.starts_with("out.npz") || name.starts_with(".out.npz")
}

/// Files above 64 KiB in a folder that are neither output nor state.
fn large_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        // What is written meanwhile may be gone again.
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_output_or_state(&name) {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(entry.path()),
                Ok(metadata) if metadata.len() > 64 << 10 => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

/// The most memory that the process has had resident until now, in bytes; nothing when it has ended.
#[cfg(target_os = "linux")]
fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Runs a command line and returns its peak. The kernel's figure only rises, so that it is enough to
/// ask until the process ends.
#[cfg(target_os = "linux")]
fn measured(large: &Large, line: &str) -> u64 {
    let mut child = large.start(line);
    let mut highest = 0;
    loop {
        match peak(&child) {
            Some(now) => highest = now,
            None if child.try_wait().unwrap().is_some() => break,
            None => {}
        }
        assert_eq!(large_files(large.folder.path()), Vec::<PathBuf>::new(), "{line}");
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(large_files(large.mirror.path()).len(), 2, "two links of the betas, and no more");
    highest
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_below_the_limit() {
    let large = Large::new(96, 2, 40);
    let least = |options: &str| -> u64 {
        let line = format!("{BRAIN} {options} --max-memory 1MiB -o out.npz");
        let message = String::from_utf8(large.command(&line).output().unwrap().stderr).unwrap();
        let hint = message.lines().find_map(|line| line.strip_prefix("hint: --max-memory "));
        let megabytes: f64 = hint.unwrap().strip_suffix("MB").unwrap().parse().unwrap();
        (megabytes * 1e6).round() as u64
    };
    let within = |options: &str, limit: Option<u64>| {
        let option = limit.map(|limit| format!(" --max-memory {limit}")).unwrap_or_default();
        let peak = measured(&large, &format!("{BRAIN} {options}{option} -o out.npz"));
        println!("{options}, limit {limit:?}: peak {peak}");
        assert!(limit.is_none_or(|limit| peak <= limit), "peak {peak}, limit {limit:?}");
        let output = std::fs::read(large.path("out.npz")).unwrap();
        for name in ["out.npz", "out.npz.recipe.toml"] {
            std::fs::remove_file(large.path(name)).unwrap();
        }
        (peak, output)
    };
    // 295,000 voxels x 40 trials are 47 MB: the least holds a small part of one session.
    let smallest = least("--jobs 2");
    let (low, first) = within("--jobs 2", Some(smallest));
    for limit in [Some(smallest + (40 << 20)), None] {
        let (high, output) = within("--jobs 2", limit);
        assert!(output == first, "limit {limit:?}");
        // Without a limit two sessions are in memory at once.
        assert!(limit.is_some() || high > low + (60 << 20), "{low} and {high}");
    }
    let options = "--jobs 2 --zscore session --average image";
    within(options, Some(least(options)));
}
