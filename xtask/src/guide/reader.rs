//! Somebody who does what a page says: a home of their own, the bucket, the command and Python.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use fixtures::{AccessServer, Bucket, Server, bucket};

use super::page::{Block, Language};
use crate::project::Project;

/// The request id by which the access service of the guide knows everybody.
const REQUEST_ID: &str = "lfm_0123456789";

/// The Python that runs the blocks.
const BLOCKS: &str = include_str!("blocks.py");

/// What all pages share: the bucket and the access service on loopback, and the programs.
pub(crate) struct Place {
    _bucket: Bucket,
    server: Server,
    access: AccessServer,
    folder: PathBuf,
    programs: Vec<PathBuf>,
    python: Option<PathBuf>,
}

impl Place {
    /// Writes and serves the bucket below `target/guide`; blocks in Python need an interpreter.
    pub(crate) fn new(project: &Project, python: Option<&Path>) -> Result<Self> {
        let folder = project.target.join("guide");
        // Nothing of an earlier run, whose bucket may have had other files.
        for old in ["homes", "bucket"].map(|name| folder.join(name)) {
            if old.exists() {
                fs::remove_dir_all(&old).with_context(|| old.display().to_string())?;
            }
        }
        let bucket = bucket::write(&folder.join("bucket"))?;
        bucket::write_fsaverage(&folder.join("subjects"))?;
        let server = bucket.serve()?;
        let access = AccessServer::with_stimuli(REQUEST_ID)?;
        let programs = vec![project.target.join("debug")];
        let python = python.map(Path::to_owned);
        Ok(Self { _bucket: bucket, server, access, folder, programs, python })
    }

    /// A reader of this page, in a home without anything.
    pub(crate) fn reader(&self, page: &str) -> Result<Reader<'_>> {
        let name = page.trim_end_matches(".md").replace('/', "-");
        let home = self.folder.join("homes").join(name);
        fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
        // As the shell shows it.
        let home = home.canonicalize()?;
        Ok(Reader { place: self, home, python: None })
    }
}

/// How a block ended.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// Of a Python block, 1 after an exception.
    pub(crate) exit: i32,
    /// What it printed, to standard output and error, without the paths and ports of this run.
    pub(crate) output: String,
    /// Figures as SVG.
    pub(crate) figures: Vec<String>,
}

/// One reader of one page.
pub(crate) struct Reader<'a> {
    place: &'a Place,
    home: PathBuf,
    python: Option<Python>,
}

impl Reader<'_> {
    /// Runs a block; nothing if it is in Python and there is none.
    pub(crate) fn run(&mut self, block: &Block) -> Result<Option<Ran>> {
        let mut ran = match block.language {
            Language::Shell => self.shell(&block.code)?,
            Language::Python => match self.python(&block.code)? {
                Some(ran) => ran,
                None => return Ok(None),
            },
        };
        ran.output = self.neutral(&ran.output);
        Ok(Some(ran))
    }

    fn shell(&self, code: &str) -> Result<Ran> {
        let script = format!("exec 2>&1\nset -e\n{code}");
        let output = self.command(Path::new("bash")).args(["-c", &script]).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let exit = output.status.code().context("stopped by a signal")?;
        Ok(Ran { exit, output: text, figures: Vec::new() })
    }

    fn python(&mut self, code: &str) -> Result<Option<Ran>> {
        let Some(interpreter) = &self.place.python else { return Ok(None) };
        let mut python = match self.python.take() {
            Some(python) => python,
            None => {
                let mut command = self.command(interpreter);
                command.args(["-E", "-s", "-B", "-c", BLOCKS]).env("MPLBACKEND", "Agg");
                Python::start(command)?
            }
        };
        let ran = python.run(code);
        self.python = Some(python);
        ran.map(Some)
    }

    /// A program with nothing of this process's settings.
    fn command(&self, program: &Path) -> Command {
        let mut path: Vec<String> =
            self.place.programs.iter().map(|folder| folder.display().to_string()).collect();
        path.extend(["/usr/bin".to_owned(), "/bin".to_owned()]);
        let mut command = Command::new(program);
        command
            .current_dir(&self.home)
            .env_clear()
            .env("PATH", path.join(":"))
            .env("HOME", &self.home)
            .env("LAION_FMRI_BUCKET", self.place.server.url("laion-fmri"))
            .env("LAION_FMRI_ACCESS_URL", self.place.access.url())
            .env("LAION_FMRI_ACCEPT_LICENSE", "1")
            // Where FreeSurfer is installed.
            .env("SUBJECTS_DIR", self.place.folder.join("subjects"))
            // So that the machine does not decide what an output says about threads.
            .env("LAION_FMRI_JOBS", "2")
            .stdin(Stdio::null());
        command
    }

    /// A text as somebody else would see it.
    fn neutral(&self, text: &str) -> String {
        text.replace(&self.place.server.url("laion-fmri"), "s3://laion-fmri")
            .replace(&self.place.access.url(), "https://laion-fmri.hebartlab.com")
            .replace(&self.home.display().to_string(), "~")
    }
}

/// A Python that keeps what the blocks before have defined.
struct Python {
    child: Child,
    blocks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(blocks), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("no pipes to Python");
        };
        Ok(Self { child, blocks, answers: BufReader::new(answers) })
    }

    fn run(&mut self, code: &str) -> Result<Ran> {
        writeln!(self.blocks, "{}", serde_json::Value::from(code))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let answer: serde_json::Value =
            serde_json::from_str(&answer).context("Python ended without an answer")?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let figures = answer["figures"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(Ran {
            exit: i32::from(answer["succeeded"] != true),
            output: text(&answer["output"]),
            figures: figures.iter().map(text).collect(),
        })
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // Nothing is left to be done by it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
