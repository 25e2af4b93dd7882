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
        let accepted = match context.dataset() {
            Err(Error::DataDirNotSet) => context.environment.accept_license()?,
            dataset => dataset?.accept_license()?,
        };
        return output::print_lines([format!("Licence accepted: {}", accepted.marker().display())]);
    }
    let found = match context.dataset() {
        Err(Error::DataDirNotSet) => context.environment.license(),
        dataset => dataset.and_then(|dataset| dataset.license()),
    };
    let state = match found {
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
    ask(context, accept, || dataset.license(), || dataset.accept_license())
}

/// As [`obtain`], for reading the bucket itself: once for the data directory or, without one, for the user.
pub(super) fn obtain_for_bucket(context: &Context, accept: bool) -> anyhow::Result<()> {
    match context.dataset() {
        Ok(dataset) => obtain(context, &dataset, accept)?,
        Err(Error::DataDirNotSet) => {
            let user = &context.environment;
            ask(context, accept, || user.license(), || user.accept_license())?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(())
}

fn ask(
    context: &Context,
    accept: bool,
    accepted: impl Fn() -> Result<LicenseAccepted, Error>,
    accept_now: impl Fn() -> Result<LicenseAccepted, Error>,
) -> anyhow::Result<LicenseAccepted> {
    if accept || context.global.accept_license {
        return Ok(accept_now()?);
    }
    match accepted() {
        Ok(accepted) => Ok(accepted),
        Err(error @ Error::LicenseNotAccepted { .. }) => {
            let _at_once = context.interrupt.end_at_once();
            if !context.global.no_input && io::stdin().is_terminal() && prompt()? {
                return Ok(accept_now()?);
            }
            let hint = "read it with laion-fmri license, then add --accept-license";
            Err(CommandError::from(error).hint(hint).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn prompt() -> io::Result<bool> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{NOTICE}\nType \"{AGREEMENT}\" to accept: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == AGREEMENT)
}
