//! A process of Python that works when it is asked to, so that both sides see the same machine.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};

use crate::interop::environment::Environment;

/// A script that reads the name of a case per line, and answers with a number.
pub(super) struct Python {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Python {
    pub(super) fn start(
        environment: &Environment,
        script: &Path,
        arguments: &[impl AsRef<OsStr>],
    ) -> Result<Self> {
        Self::start_with(environment, script, arguments, &[])
    }

    /// The same with variables of its own.
    pub(super) fn start_with(
        environment: &Environment,
        script: &Path,
        arguments: &[impl AsRef<OsStr>],
        variables: &[(&str, &Path)],
    ) -> Result<Self> {
        let mut child = Command::new(environment.python())
            .args(["-E", "-s", "-B"])
            .arg(script)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take().context("a pipe to python")?;
        let answers = BufReader::new(child.stdout.take().context("a pipe from python")?);
        Ok(Self { child, questions, answers })
    }

    /// The seconds that a case took, or what it counted.
    pub(super) fn run(&mut self, name: &str) -> Result<f64> {
        writeln!(self.questions, "{name}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().with_context(|| format!("python answered {answer:?} to {name}"))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It waits for a question that will not come; nothing is lost when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
