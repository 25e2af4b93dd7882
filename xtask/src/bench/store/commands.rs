//! What is measured by running the command, and igzip.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::THREADS;
use crate::command_line::CommandLine;
use crate::counts::Counts;
use crate::interop::Environment;
use crate::project::Project;

/// The released command, and where its outputs go.
pub(super) struct Commands<'a> {
    project: &'a Project,
    python: &'a Environment,
    folder: PathBuf,
    program: PathBuf,
    /// A folder of a memory file system.
    pub(super) in_memory: PathBuf,
}

impl<'a> Commands<'a> {
    pub(super) fn new(
        project: &'a Project,
        python: &'a Environment,
        folder: &Path,
    ) -> Result<Self> {
        CommandLine::cargo("build --release --locked --package laion-fmri-cli", &project.root)
            .run(&mut Counts::default())?;
        let program = project.target.join("release").join("laion-fmri");
        let name = format!("laion-fmri-bench-{}", std::process::id());
        let mut in_memory = Path::new("/dev/shm").join(name);
        if fs::create_dir_all(&in_memory).is_err() {
            in_memory = folder.join("in-memory");
            println!("no memory file system: outputs go to {}", in_memory.display());
            fs::create_dir_all(&in_memory)?;
        }
        Ok(Self { project, python, folder: folder.to_owned(), program, in_memory })
    }

    fn command(&self, mirror: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["--quiet", "--offline"])
            .arg(format!("--jobs={THREADS}"))
            .arg("--data-dir")
            .arg(mirror);
        command
    }

    /// Seconds of `betas` of the voxels of a mask, of all sessions.
    pub(super) fn betas(&self, mirror: &Path, mask: &Path) -> Result<f64> {
        let mut command = self.command(mirror);
        command.args(["betas", "--subject=sub-01", "--session=all", "--mask"]).arg(mask);
        let out = self.in_memory.join("out/");
        timed(command.arg("--output").arg(&out))
    }

    /// Seconds of `extract` of the same.
    pub(super) fn extract(&self, mirror: &Path, mask: &Path) -> Result<f64> {
        let mut command = self.command(mirror);
        command.args(["extract", "--subject=sub-01", "--mask"]).arg(mask);
        timed(command.arg("--output").arg(self.in_memory.join("out.npz")))
    }

    /// Seconds in which igzip inflates files, two at once; nothing where it is not installed.
    pub(super) fn igzip(&self, files: &[PathBuf]) -> Result<Option<f64>> {
        let version = Command::new("igzip").arg("--version").stdout(Stdio::null()).status();
        if version.is_err() {
            return Ok(None);
        }
        let started = Instant::now();
        let children: Vec<_> = files
            .iter()
            .map(|file| Command::new("igzip").arg("-dc").arg(file).stdout(Stdio::null()).spawn())
            .collect::<std::io::Result<_>>()?;
        for mut child in children {
            ensure!(child.wait()?.success(), "igzip failed");
        }
        Ok(Some(started.elapsed().as_secs_f64()))
    }

    /// The most memory of `store build`, in MiB.
    pub(super) fn peak_of_build(&self, mirror: &Path) -> Result<f64> {
        let stores = self.in_memory.join("peak");
        let mut command = self.command(mirror);
        command.args(["store", "build", "--subject=sub-01", "--output"]).arg(&stores);
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let case = json!([{ "name": "build", "command": words, "fresh": [stores] }]);
        let list = self.folder.join("cases.json");
        fs::write(&list, serde_json::to_vec(&case)?)?;
        let script = self.project.root.join("interop").join("bench_nifti.py");
        let run = self.python.script(&script).argument("run").argument(&list).argument("1");
        let printed = run.capture()?.context("python")?;
        let printed: Value = serde_json::from_str(printed.lines().last().unwrap_or_default())?;
        fs::remove_dir_all(&stores)?;
        printed["build"]["peak"].as_f64().with_context(|| format!("no peak in {printed}"))
    }
}

impl Drop for Commands<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.in_memory);
    }
}

fn timed(command: &mut Command) -> Result<f64> {
    let started = Instant::now();
    let status = command.stdout(Stdio::null()).status()?;
    let took = started.elapsed().as_secs_f64();
    ensure!(status.success(), "{command:?}: {status}");
    Ok(took)
}
