//! From the arguments of the process to an exit status.

use std::ffi::OsString;

use laion_fmri::config::{Environment, Settings};

use crate::args::{Cli, Command, tree};
use crate::context::{self, Context};
use crate::exit::{self, Status};
use crate::signal::Interrupt;
use crate::{commands, log};

/// Runs the command with these arguments, of which the first is the name of the program, and returns
/// its exit status.
///
/// It prints to the standard streams and reads the environment of the process. While it runs, SIGINT and
/// SIGTERM stop it, and a second one ends the process.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match tree::parse(arguments) {
        Ok(cli) => cli,
        Err(answer) => {
            // Help and wrong uses alike; nothing is left to tell a user who cannot be printed to.
            let _ = answer.print();
            return u8::try_from(answer.exit_code()).unwrap_or(Status::Usage.code());
        }
    };
    let colored = context::colored(cli.global.color);
    log::to_stderr(&cli.global, colored);
    let listener = match Interrupt::listen() {
        Ok(listener) => listener,
        Err(error) => {
            exit::report(&anyhow::Error::new(error).context("cannot listen for signals"), colored);
            return Status::Failed.code();
        }
    };
    let interrupt = listener.interrupt();
    run(cli, interrupt)
        .unwrap_or_else(|error| {
            exit::report(&error, colored);
            exit::status_of(&error, interrupt.signal())
        })
        .code()
}

fn run(cli: Cli, interrupt: &Interrupt) -> anyhow::Result<Status> {
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
    };
    commands::run(&context, command)
}
