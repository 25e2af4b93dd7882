//! The `laion-fmri` command: from the public LAION-fMRI bucket to arrays.

mod args;
mod commands;
mod context;
mod exit;
mod hint;
mod log;
mod output;
mod progress;
mod signal;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use laion_fmri::config::{Environment, Settings};

use crate::args::{Cli, Command};
use crate::context::Context;
use crate::exit::Status;
use crate::signal::Interrupt;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let colored = context::colored(cli.global.color);
    log::to_stderr(&cli.global, colored);
    let interrupt = match Interrupt::listen() {
        Ok(interrupt) => interrupt,
        Err(error) => {
            exit::report(&anyhow::Error::new(error).context("cannot listen for signals"), colored);
            return Status::Failed.into();
        }
    };
    run(cli, &interrupt)
        .unwrap_or_else(|error| {
            exit::report(&error, colored);
            exit::status_of(&error, interrupt.signal())
        })
        .into()
}

fn run(cli: Cli, interrupt: &Interrupt) -> anyhow::Result<Status> {
    let Some(command) = &cli.command else {
        Cli::command().print_help()?;
        return Ok(Status::Done);
    };
    let environment = Environment::of_process();
    let settings = match (Settings::read(&environment), command) {
        (Ok(settings), _) => settings,
        // These work without settings, and `doctor` says what is wrong with them.
        (Err(_), Command::Completions(_) | Command::Man(_) | Command::Doctor) => {
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
