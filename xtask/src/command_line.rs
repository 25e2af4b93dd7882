//! A command that is shown, run with its output passed through, and timed by its caller.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::counts::Counts;

/// A program with its arguments and the variables it needs; displayed as a shell would take it.
#[derive(Clone, Debug)]
pub(crate) struct CommandLine {
    program: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
    folder: std::path::PathBuf,
}

impl CommandLine {
    /// A command that will run in `folder`.
    pub(crate) fn new(program: impl AsRef<OsStr>, folder: &Path) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            folder: folder.to_owned(),
        }
    }

    /// Cargo itself, with arguments given as one text separated by spaces.
    pub(crate) fn cargo(arguments: &str, folder: &Path) -> Self {
        Self::new("cargo", folder).arguments(arguments.split_whitespace())
    }

    /// Adds one argument.
    pub(crate) fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    pub(crate) fn arguments<A: AsRef<OsStr>>(
        mut self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    pub(crate) fn variable(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name, value.as_ref().to_owned()));
        self
    }

    /// The program and its arguments.
    pub(crate) fn words(&self) -> Vec<String> {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        words.map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// Shows the command, runs it, and returns the test results its output reports.
    ///
    /// `counts` receives the results even when the command fails; the error names the command.
    pub(crate) fn run(&self, counts: &mut Counts) -> Result<()> {
        println!("$ {self}");
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{self}` could not be started"))?;
        let output = child.stdout.take();
        let errors = child.stderr.take();
        let passed_through = std::thread::scope(|scope| {
            let errors = scope.spawn(|| pass_through(errors, &mut io::stderr()));
            let from_output = pass_through(output, &mut io::stdout());
            let from_errors = errors.join().unwrap_or_else(|_| Ok(Counts::default()));
            from_output.and_then(|mut sum| {
                sum += from_errors?;
                Ok(sum)
            })
        });
        let status = child.wait().with_context(|| format!("`{self}` could not be waited for"))?;
        *counts += passed_through.with_context(|| format!("output of `{self}`"))?;
        if !status.success() {
            bail!("`{self}` failed: {status}");
        }
        Ok(())
    }

    /// Runs the command silently and returns what it printed, or nothing if there is no such program.
    pub(crate) fn capture(&self) -> Result<Option<String>> {
        let output = match self.command().output() {
            Ok(output) => output,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("`{self}` could not be started"));
            }
        };
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("`{self}` failed: {}\n{}", output.status, errors.trim_end());
        }
        Ok(Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()))
    }

    fn command(&self) -> Command {
        // `cargo xtask` was itself started by a cargo, and that one is the toolchain to use.
        let inherited = std::env::var_os("CARGO").filter(|_| self.program == "cargo");
        let mut command = Command::new(inherited.as_ref().unwrap_or(&self.program));
        command.args(&self.arguments).current_dir(&self.folder).stdin(Stdio::null());
        // `cargo run` describes this crate to us; build scripts of other crates would take the
        // description for a change and run again.
        for (name, _) in std::env::vars_os() {
            if is_package_variable(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        if io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            write!(f, "{name}={} ", quoted(&value.to_string_lossy()))?;
        }
        f.write_str(&quoted(&self.program.to_string_lossy()))?;
        for argument in &self.arguments {
            write!(f, " {}", quoted(&argument.to_string_lossy()))?;
        }
        Ok(())
    }
}

fn is_package_variable(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_MANIFEST_LINKS"].contains(&name)
}

/// Quotes a word for a POSIX shell if it needs that.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Copies line by line as the lines come, and sums up the test results among them.
fn pass_through(from: Option<impl Read>, to: &mut impl Write) -> io::Result<Counts> {
    let mut counts = Counts::default();
    let Some(from) = from else { return Ok(counts) };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        if let Some(found) = Counts::from_line(&String::from_utf8_lossy(&line)) {
            counts += found;
        }
        line.clear();
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        let command = CommandLine::cargo("nextest run -E", Path::new("."))
            .argument("binary(interop)")
            .argument("it's")
            .variable("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            command.to_string(),
            r"RUSTDOCFLAGS='-D warnings' cargo nextest run -E 'binary(interop)' 'it'\''s'"
        );
    }

    #[test]
    fn output_is_copied_and_counted() {
        let output = b"running\n     Summary [ 1s] 2 tests run: 2 passed, 1 skipped\nlast \xff";
        let mut copy = Vec::new();
        let counts = pass_through(Some(&output[..]), &mut copy).unwrap();
        assert_eq!(copy, output);
        assert_eq!(counts, Counts { passed: 2, failed: 0, skipped: 1 });
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = CommandLine::cargo("no-such-subcommand --at all", Path::new("."))
            .run(&mut Counts::default())
            .unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("`cargo no-such-subcommand --at all` failed"), "{message}");
    }

    #[test]
    fn a_missing_program_is_no_error_when_asked_for() {
        let command = CommandLine::new("no-such-program-on-this-machine", Path::new("."));
        assert_eq!(command.capture().unwrap(), None);
    }

    #[test]
    fn variables_of_the_running_package_are_recognised() {
        assert!(is_package_variable("CARGO_PKG_NAME"));
        assert!(is_package_variable("CARGO_MANIFEST_DIR"));
        assert!(!is_package_variable("CARGO_HOME"));
        assert!(!is_package_variable("CARGO_TARGET_DIR"));
    }
}
