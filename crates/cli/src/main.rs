//! The `laion-fmri` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    laion_fmri_cli::main(std::env::args_os()).into()
}
