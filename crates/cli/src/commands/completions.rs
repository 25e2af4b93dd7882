//! `completions`: the completion script of a shell.

use clap::CommandFactory;

use crate::args::{Cli, Completions};
use crate::output;

pub(super) fn run(args: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "laion-fmri", &mut script);
    output::write_text("-".as_ref(), &String::from_utf8(script)?)
}
