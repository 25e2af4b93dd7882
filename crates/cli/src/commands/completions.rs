//! `completions`: the completion script of a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::{Cli, Completions};
use crate::output;

pub(super) fn run(args: &Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "laion-fmri", &mut script);
    let script = String::from_utf8(script)?;
    let script = if args.shell == Shell::Bash { with_one_name(&script) } else { script };
    output::write_text("-".as_ref(), &script)
}

/// The generator of bash scripts writes the hyphen of `laion-fmri` in two ways, and what it looks for
/// is then not what it has noted down: after a command, nothing was completed.
fn with_one_name(script: &str) -> String {
    script.replace("laion__subcmd__fmri", "laion__fmri")
}
