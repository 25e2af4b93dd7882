//! The tree of commands as users meet it, with short help, full help and examples.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory, FromArgMatches};

use super::examples;
use super::figure::with_joined_range;
use super::{Cli, global::GLOBAL};

/// What the exit status means, as help and manual page list it.
pub(crate) const EXIT_STATUS: &str = "\
Exit status:
  0 done                              4 damaged or mismatched files
  1 failed, or some transfers failed  5 licence or stimulus access needed
  2 wrong usage, unknown names        6 withheld files, with --strict
  3 nothing found, not downloaded     130, 143 stopped by a signal";

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// Shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Directory for the pages of all commands; those that exist are replaced
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

/// What `-h` says in the place of the global options and the examples.
const MORE: &str = "Add --help for examples and global options, or see: laion-fmri help global";

/// Reads the arguments, of which the first is the name of the program.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let arguments = with_joined_range(arguments.into_iter().collect());
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The command with all its sub-commands.
pub(crate) fn command() -> Command {
    let command = Cli::command().mut_args(|argument| match argument.get_help_heading() {
        Some(GLOBAL) => argument.hide_short_help(true),
        _ => argument,
    });
    with_help(command, "")
}

/// The sub-command that lists the global options, for `laion-fmri help global`.
pub(crate) fn global_options() -> Command {
    let mut command = command();
    // Global options are handed down when the tree is built.
    command.build();
    command.find_subcommand("global").cloned().unwrap_or(command)
}

fn with_help(command: Command, path: &str) -> Command {
    let examples = section(path);
    let (short, long) = match path {
        "" => (format!("{EXIT_STATUS}\n\n{MORE}"), format!("{EXIT_STATUS}\n\n{examples}")),
        _ => (MORE.to_owned(), examples),
    };
    command.after_help(short).after_long_help(long).mut_subcommands(|child| {
        let path = format!("{path} {}", child.get_name());
        with_help(child, path.trim_start())
    })
}

/// The examples of a command as a section of its help.
fn section(path: &str) -> String {
    let lines = examples::of(path).iter().map(|example| {
        let purpose = example.purpose;
        format!("\n  # {purpose}\n  {}", example.line.replace('\n', "\n  "))
    });
    std::iter::once("Examples:".to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(command: &Command, path: &str, checked: &mut usize) {
        let examples = examples::of(path);
        assert!((2..=3).contains(&examples.len()), "{path:?}: {} examples", examples.len());
        for example in examples {
            assert!(example.line.starts_with("laion-fmri "), "{path:?}: {}", example.line);
            // As wide as help texts are.
            let longest = example.line.lines().map(|line| line.len() + 2).max();
            assert!(longest <= Some(100), "{path:?}: {}", example.line);
            let its_own = path.is_empty() || path == "global" || example.line.contains(path);
            assert!(its_own, "{path:?}: {}", example.line);
        }
        *checked += 1;
        for child in command.get_subcommands() {
            check(child, format!("{path} {}", child.get_name()).trim_start(), checked);
        }
    }

    #[test]
    fn every_command_has_examples_of_its_own() {
        let mut checked = 0;
        check(&command(), "", &mut checked);
        assert!(checked > 50, "{checked}");
    }

    #[test]
    fn short_help_has_no_global_options_and_full_help_ends_with_examples() {
        let mut tree = command();
        tree.build();
        for name in ["betas", "config", "global"] {
            let command = tree.find_subcommand_mut(name).unwrap();
            let short = command.render_help().to_string();
            assert!(
                !short.contains("--data-dir") && short.ends_with(&format!("{MORE}\n")),
                "{short}"
            );
            let long = command.render_long_help().to_string();
            let place = |text: &str| long.find(text).unwrap_or_else(|| panic!("{text}: {long}"));
            assert!(place("\nGlobal options:\n") < place("\nExamples:\n  # "), "{long}");
            assert!(place("\nOptions:\n") < place("\nGlobal options:\n"), "{long}");
        }
        assert!(global_options().render_long_help().to_string().contains("--cache-dir"));
    }
}
