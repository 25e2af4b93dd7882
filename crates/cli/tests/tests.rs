//! The command as a user meets it: what it prints, what it writes, and how it ends.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod browse;
mod chain;
mod download_stimuli;
mod examples;
mod extract;
mod extract_large;
mod failures;
mod figures;
mod indexes;
mod limits;
mod looking;
mod nc;
mod own_masks;
mod regions;
mod reliability;
mod replaced;
mod rows;
mod sessions;
mod settings;
mod splits;
mod status;
mod stimuli;
mod stores;
mod templates;
#[cfg(unix)]
mod terminal;
mod transfers;
mod trees;
mod upkeep;
mod volumes;

use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use fixtures::{Bucket, Server};

/// A home directory, an empty mirror and a served bucket.
struct User {
    bucket: Bucket,
    server: Server,
    folder: tempfile::TempDir,
}

/// What a command printed, with the paths and ports of this run replaced, and how it ended.
struct Ran {
    code: i32,
    stdout: Vec<u8>,
    out: String,
    err: String,
}

impl Ran {
    /// It has to have succeeded.
    fn ok(self, line: &str) -> Self {
        self.failed(line, 0)
    }

    /// It has to have ended with this code.
    fn failed(self, line: &str, code: i32) -> Self {
        assert_eq!(self.code, code, "laion-fmri {line}\n{}{}", self.out, self.err);
        self
    }
}

impl User {
    fn new() -> Self {
        let bucket = Bucket::temporary().unwrap();
        let server = bucket.serve().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "mirror"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { bucket, server, folder }
    }

    /// A user whose mirror holds ses-01 of sub-03 already.
    fn with_session() -> Self {
        let user = Self::new();
        user.ok("download --subject sub-03 --ses ses-01 --accept-license");
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mirror(&self) -> PathBuf {
        self.path("mirror")
    }

    /// A command without a terminal, in the user's folder, with nothing of this process's settings.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("LAION_FMRI_BUCKET", self.server.url("laion-fmri"))
            .stdin(std::process::Stdio::null());
        command
    }

    fn run_with(&self, mut command: Command) -> Ran {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| self.neutral(&String::from_utf8_lossy(bytes));
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
            stdout: output.stdout,
        }
    }

    /// Runs a command line on the mirror.
    fn run(&self, line: &str) -> Ran {
        let mut command = self.command(&line.split(' ').collect::<Vec<_>>());
        command.env("LAION_FMRI_DATA", self.mirror());
        self.run_with(command)
    }

    fn ok(&self, line: &str) -> Ran {
        self.run(line).ok(line)
    }

    /// Runs a command line that has to fail, and returns its messages.
    fn fails(&self, line: &str, code: i32) -> String {
        let ran = self.run(line).failed(line, code);
        assert_eq!(ran.out, "", "a failure prints nothing to standard output");
        ran.err
    }

    fn neutral(&self, text: &str) -> String {
        text.replace(&self.server.url("laion-fmri"), "BUCKET")
            .replace(self.folder.path().to_str().unwrap(), "DIR")
    }
}

/// The command itself.
fn program() -> Command {
    Command::cargo_bin("laion-fmri").unwrap()
}

/// The names in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
