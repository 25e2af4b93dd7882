//! The tools that are measured, and how each is told to mirror a prefix.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::interop;
use crate::project::Project;

/// Connections at once, for every tool that can be told.
const CONNECTIONS: &str = "16";

/// One of the tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    LaionFmri,
    S5cmd,
    Curl,
    Aws,
    Rclone,
}

impl Tool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LaionFmri => "laion-fmri",
            Self::S5cmd => "s5cmd sync",
            Self::Curl => "curl -Z",
            Self::Aws => "aws s3 sync",
            Self::Rclone => "rclone copy",
        }
    }

    /// Whether a run takes many times as long as those of the others.
    pub(super) fn is_slow(self) -> bool {
        matches!(self, Self::Aws | Self::Rclone)
    }

    /// Where the files of a prefix are after it ran.
    pub(super) fn written(self, to: &Path, prefix: &str) -> PathBuf {
        match self {
            Self::LaionFmri => to.join(prefix),
            _ => to.to_owned(),
        }
    }
}

/// Where the programs are.
#[derive(Debug)]
pub(super) struct Tools {
    programs: PathBuf,
    s5cmd: PathBuf,
    ours: PathBuf,
}

impl Tools {
    /// Builds the environment of the public tools; `curl` is that of the machine.
    pub(super) fn prepare(project: &Project) -> Result<Self> {
        let programs = interop::programs_for_benchmarks(project)?;
        let ours = project.target.join("release").join("laion-fmri");
        let s5cmd = s5cmd(&programs)?;
        Ok(Self { programs, s5cmd, ours })
    }

    /// The command that mirrors a prefix into `to`.
    pub(super) fn command(
        &self,
        tool: Tool,
        endpoint: &str,
        bucket: &Path,
        prefix: &str,
        to: &Path,
    ) -> Result<Command> {
        let source = format!("s3://laion-fmri/{prefix}");
        let mut command = match tool {
            Tool::LaionFmri => {
                let mut command = Command::new(&self.ours);
                command
                    .args(["download", "--accept-license", "--quiet", "--jobs", CONNECTIONS])
                    .arg(format!("--bucket={endpoint}/laion-fmri"))
                    .arg("--prefix")
                    .arg(prefix)
                    .arg("--data-dir")
                    .arg(to);
                command
            }
            Tool::S5cmd => {
                let mut command = Command::new(&self.s5cmd);
                command
                    .args(["--no-sign-request", "--endpoint-url", endpoint, "sync"])
                    .arg(format!("{source}*"))
                    .arg(format!("{}/", to.display()));
                command
            }
            Tool::Curl => {
                let list = to.with_extension("curl");
                fs::write(&list, addresses(endpoint, bucket, prefix, to)?)?;
                let mut command = Command::new("curl");
                command
                    .args(["--parallel", "--parallel-max", CONNECTIONS, "--silent", "--config"])
                    .arg(list);
                command
            }
            Tool::Aws => {
                let mut command = self.aws(endpoint);
                command.args(["s3", "sync", "--only-show-errors"]).arg(source).arg(to);
                command
            }
            Tool::Rclone => {
                let mut command = Command::new(self.programs.join("rclone"));
                command
                    .args(["copy", "--config", "/dev/null", "--transfers", CONNECTIONS])
                    .args(["--checkers", CONNECTIONS, "--s3-provider", "Other"])
                    .args(["--s3-list-version", "2"])
                    .args(["--s3-endpoint", endpoint, "--s3-region", "us-west-2"])
                    .arg(format!(":s3:laion-fmri/{prefix}"))
                    .arg(to);
                command
            }
        };
        clean(&mut command);
        Ok(command)
    }

    /// `aws s3 cp` of one object.
    pub(super) fn copy_one(&self, endpoint: &str, key: &str, to: &Path) -> Command {
        let mut command = self.aws(endpoint);
        command
            .args(["s3", "cp", "--only-show-errors"])
            .arg(format!("s3://laion-fmri/{key}"))
            .arg(to);
        clean(&mut command);
        command
    }

    fn aws(&self, endpoint: &str) -> Command {
        let mut command = Command::new(self.programs.join("aws"));
        command.args(["--no-sign-request", "--region", "us-west-2", "--endpoint-url", endpoint]);
        command
    }
}

/// The program itself: what lies among the programs is a script that starts it, whose interpreter would
/// be counted against it.
fn s5cmd(programs: &Path) -> Result<PathBuf> {
    let libraries = programs.with_file_name("lib");
    for library in fs::read_dir(&libraries)? {
        let program = library?.path().join("site-packages/s5cmd/bin/s5cmd");
        if program.is_file() {
            return Ok(program);
        }
    }
    bail!("no s5cmd below {}", libraries.display())
}

/// No settings of the machine: proxies, credentials, certificates.
fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_uppercase();
        if text.starts_with("AWS_")
            || text.starts_with("RCLONE_")
            || text.starts_with("LAION_FMRI_")
            || text.ends_with("_PROXY")
        {
            command.env_remove(name);
        }
    }
}

/// What `curl --config` takes: the list is made before the time is.
fn addresses(endpoint: &str, bucket: &Path, prefix: &str, to: &Path) -> Result<String> {
    let root = bucket.join(prefix);
    let mut list = "create-dirs\nfail\n".to_owned();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(&root)?.display();
            let file = to.join(below.to_string());
            let _ = writeln!(
                list,
                "url = \"{endpoint}/laion-fmri/{prefix}{below}\"\noutput = \"{}\"",
                file.display()
            );
        }
    }
    Ok(list)
}
