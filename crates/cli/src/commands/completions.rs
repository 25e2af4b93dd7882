//! `completions`: the completion script of a shell.

use std::fmt::Write as _;

use clap::Command;
use clap::builder::PossibleValue;
use clap_complete::Shell;

use crate::args::tree::{self, Completions};
use crate::output;

pub(super) fn run(args: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut tree::command(), "laion-fmri", &mut script);
    let script = String::from_utf8(script)?;
    let script = match args.shell {
        Shell::Bash => with_one_name(&script),
        Shell::Fish => script + &values_of_arguments()?,
        _ => script,
    };
    output::write_text("-".as_ref(), &script)
}

/// The generator of bash scripts writes the hyphen of `laion-fmri` in two ways, and what it looks for
/// is then not what it has noted down: after a command, nothing was completed.
fn with_one_name(script: &str) -> String {
    script.replace("laion__subcmd__fmri", "laion__fmri")
}

/// The generator of fish scripts leaves out the values of arguments without an option.
fn values_of_arguments() -> Result<String, std::fmt::Error> {
    let mut lines = String::new();
    let tree = tree::command();
    for command in tree.get_subcommands() {
        let using = format!("__fish_laion_fmri_using_subcommand {}", command.get_name());
        add_values(command, &using, &mut lines)?;
        for child in command.get_subcommands() {
            let seen = format!("{using}; and __fish_seen_subcommand_from {}", child.get_name());
            add_values(child, &seen, &mut lines)?;
        }
    }
    Ok(lines)
}

fn add_values(command: &Command, condition: &str, lines: &mut String) -> std::fmt::Result {
    for argument in command.get_positionals() {
        let values = argument.get_possible_values();
        let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        if !names.is_empty() {
            writeln!(
                lines,
                "complete -c laion-fmri -n \"{condition}\" -f -a \"{}\"",
                names.join(" ")
            )?;
        }
    }
    Ok(())
}
