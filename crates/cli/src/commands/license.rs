//! `license`: the notice, and its acceptance with or without a terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use laion_fmri::license::{AGREEMENT, NOTICE};
use laion_fmri::{Dataset, Error, LicenseAccepted};

use crate::args::License;
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;

pub(super) fn run(context: &Context, args: &License) -> anyhow::Result<()> {
    if args.accept {
        let accepted = context.dataset()?.accept_license()?;
        return output::print_lines([format!("Licence accepted: {}", accepted.marker().display())]);
    }
    let state = match context.dataset().and_then(|dataset| dataset.license()) {
        Ok(accepted) => format!("Accepted: {}", accepted.marker().display()),
        Err(Error::LicenseNotAccepted { data_dir }) => {
            format!("Not accepted yet for {}", data_dir.display())
        }
        Err(Error::DataDirNotSet) => "Not accepted yet: no data directory is set".to_owned(),
        Err(error) => return Err(error.into()),
    };
    output::print_lines([NOTICE.to_owned(), state])
}

/// The proof of acceptance: an earlier one, the flag's, or the answer to a prompt.
pub(super) fn obtain(
    context: &Context,
    dataset: &Dataset,
    accept: bool,
) -> anyhow::Result<LicenseAccepted> {
    if accept {
        return Ok(dataset.accept_license()?);
    }
    match dataset.license() {
        Ok(accepted) => Ok(accepted),
        Err(error @ Error::LicenseNotAccepted { .. }) => {
            let _at_once = context.interrupt.end_at_once();
            if !context.global.no_input && io::stdin().is_terminal() && prompt()? {
                return Ok(dataset.accept_license()?);
            }
            let hint = "read it with laion-fmri license, then add --accept-license";
            Err(CommandError::from(error).hint(hint).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn prompt() -> io::Result<bool> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{NOTICE}\nType {AGREEMENT} to accept: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == AGREEMENT)
}
