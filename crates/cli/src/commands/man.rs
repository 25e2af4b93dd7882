//! `man`: the manual pages, made from the same definitions as the help texts.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use clap::Command;

use crate::args::examples;
use crate::args::tree::{self, EXIT_STATUS, Man};

pub(super) fn run(args: &Man) -> anyhow::Result<()> {
    let mut command = tree::command().disable_help_subcommand(true);
    command.build();
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        render(&command, "", &mut page)?;
        io::stdout().lock().write_all(&page)?;
        return Ok(());
    };
    fs::create_dir_all(directory)
        .and_then(|()| write_pages(&command, "", directory))
        .with_context(|| format!("cannot write manual pages into {}", directory.display()))
}

/// The page of a command and those of its sub-commands.
fn write_pages(command: &Command, path: &str, directory: &Path) -> io::Result<()> {
    let mut page = Vec::new();
    render(command, path, &mut page)?;
    let name = clap_mangen::Man::new(command.clone()).get_filename();
    fs::write(directory.join(name), page)?;
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        write_pages(child, format!("{path} {}", child.get_name()).trim_start(), directory)?;
    }
    Ok(())
}

/// The sections of `clap_mangen`, and those that it does not have.
fn render(command: &Command, path: &str, page: &mut dyn Write) -> io::Result<()> {
    let man = clap_mangen::Man::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    if path.is_empty() {
        let statuses: Vec<&str> = EXIT_STATUS.lines().skip(1).map(str::trim_start).collect();
        verbatim("\"EXIT STATUS\"", &statuses.join("\n"), page)?;
    }
    let examples: Vec<String> = examples::of(path)
        .iter()
        .map(|example| format!("# {}\n{}\n", example.purpose, example.line))
        .collect();
    verbatim("EXAMPLES", examples.join("\n").trim_end(), page)?;
    if path.is_empty() {
        man.render_version_section(page)?;
    }
    Ok(())
}

/// A section of lines that are shown as they are.
fn verbatim(title: &str, text: &str, page: &mut dyn Write) -> io::Result<()> {
    writeln!(page, ".SH {title}\n.nf")?;
    for line in text.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
        writeln!(page, "{guard}{line}")?;
    }
    writeln!(page, ".fi")
}
