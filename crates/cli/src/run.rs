//! From the arguments of the process to an exit status.

use std::ffi::OsString;
use std::path::PathBuf;

use laion_fmri::config::{Environment, Settings};

use crate::args::{Cli, Command, tree};
use crate::context::{self, Context};
use crate::exit::{self, Form, Status};
use crate::signal::Interrupt;
use crate::{commands, log};

/// Runs the command with these arguments, of which the first is the name of the program, and returns
/// its exit status.
///
/// It prints to the standard streams and reads the environment of the process. While it runs, SIGINT and
/// SIGTERM stop it, and a second one ends the process.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let program = program(arguments.first());
    // A wrong use is said in this form too.
    let mut options = arguments.iter().take_while(|argument| argument.to_str() != Some("--"));
    let json = options.any(|argument| argument.to_str() == Some("--json"));
    let cli = match tree::parse(arguments) {
        Ok(cli) => cli,
        Err(answer) => return exit::report_usage(&answer, Form::of(json, false)),
    };
    let given = cli.global.clone();
    let colored = context::colored(cli.global.color);
    let form = Form::of(cli.global.json, colored);
    log::to_stderr(&cli.global, colored);
    let listener = match Interrupt::listen() {
        Ok(listener) => listener,
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot listen for signals");
            exit::report(&error, Status::Failed, form, &given);
            return Status::Failed.code();
        }
    };
    let interrupt = listener.interrupt();
    run(cli, interrupt, program)
        .unwrap_or_else(|error| {
            let status = exit::status_of(&error, interrupt.signal());
            exit::report(&error, status, form, &given);
            status
        })
        .code()
}

/// The path of the command by the name that it was called by; that of a wheel is a script. A name
/// without a folder was found by the shell.
fn program(name: Option<&OsString>) -> PathBuf {
    let name = name.map_or_else(|| PathBuf::from("laion-fmri"), PathBuf::from);
    if name.components().count() > 1 {
        return std::path::absolute(&name).unwrap_or(name);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join(&name));
    let found = found.find(|path| path.is_file());
    found.and_then(|path| std::path::absolute(path).ok()).unwrap_or(name)
}

fn run(cli: Cli, interrupt: &Interrupt, program: PathBuf) -> anyhow::Result<Status> {
    let Some(command) = &cli.command else {
        tree::command().print_help()?;
        return Ok(Status::Done);
    };
    let environment = Environment::of_process();
    let settings = match (Settings::read(&environment), command) {
        (Ok(settings), _) => settings,
        // These work without settings, and `doctor` says what is wrong with them.
        (Err(_), Command::Completions(_) | Command::Man(_) | Command::Doctor | Command::Global) => {
            Settings::default()
        }
        (Err(error), _) => return Err(error.into()),
    };
    let context = Context {
        given: cli.global.clone(),
        global: cli.global.with_environment(|name| std::env::var_os(name))?,
        settings,
        environment,
        interrupt: interrupt.clone(),
        program,
    };
    commands::run(&context, command)
}
