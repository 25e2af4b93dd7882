//! `man`: the manual pages, made from the same definitions as the help texts.

use std::fs;
use std::io::Write;

use anyhow::Context as _;
use clap::CommandFactory;

use crate::args::{Cli, Man};

pub(super) fn run(args: &Man) -> anyhow::Result<()> {
    let command = Cli::command();
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        std::io::stdout().lock().write_all(&page)?;
        return Ok(());
    };
    fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(command, directory))
        .with_context(|| format!("cannot write manual pages into {}", directory.display()))
}
