//! `man`: the manual pages, made from the same definitions as the help texts.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Command;
use laion_fmri::Error;
use laion_fmri::export;

use crate::args::examples;
use crate::args::tree::{self, EXIT_STATUS, Man};
use crate::context::Context;
use crate::output;

/// A page and the file that it goes to.
type Page = (PathBuf, Vec<u8>);

pub(super) fn run(context: &Context, args: &Man) -> anyhow::Result<()> {
    let mut command = tree::command().disable_help_subcommand(true);
    command.build();
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        render(&command, "", &mut page)?;
        io::stdout().lock().write_all(&page)?;
        return Ok(());
    };
    let mut pages = Vec::new();
    add_pages(&command, "", directory, &mut pages)?;
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot write manual pages into {}", directory.display()))?;
    output::note_replaced(context, pages.iter().map(|(file, _)| file.as_path()));
    for (file, page) in pages {
        export::write_text(file, page).map_err(Error::from)?;
    }
    Ok(())
}

/// Adds the page of a command and those of its sub-commands.
fn add_pages(
    command: &Command,
    path: &str,
    directory: &Path,
    pages: &mut Vec<Page>,
) -> io::Result<()> {
    let mut page = Vec::new();
    render(command, path, &mut page)?;
    let name = clap_mangen::Man::new(command.clone()).get_filename();
    pages.push((directory.join(name), page));
    for child in command.get_subcommands().filter(|child| !child.is_hide_set()) {
        add_pages(child, format!("{path} {}", child.get_name()).trim_start(), directory, pages)?;
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
