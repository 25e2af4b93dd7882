//! `license`: the notice, and its acceptance with or without a terminal.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use laion_fmri::license::{AGREEMENT, NOTICE};
use laion_fmri::{Dataset, Error, LicenseAccepted};
use serde_json::json;

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
        if context.global.json {
            return print_json(Some(accepted.marker()));
        }
        return output::print_lines([format!("Licence accepted: {}", accepted.marker().display())]);
    }
    let found = match context.dataset() {
        Err(Error::DataDirNotSet) => context.environment.license(),
        dataset => dataset.and_then(|dataset| dataset.license()),
    };
    if context.global.json {
        return match found {
            Ok(accepted) => print_json(Some(accepted.marker())),
            Err(Error::LicenseNotAccepted { .. } | Error::DataDirNotSet) => print_json(None),
            Err(error) => Err(error.into()),
        };
    }
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

fn print_json(marker: Option<&Path>) -> anyhow::Result<()> {
    let fields = [
        ("accepted", json!(marker.is_some())),
        ("marker", json!(marker)),
        ("notice", json!(NOTICE)),
    ];
    output::print_lines([output::json_line("license", output::named(fields))])
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

/// How often the question is asked.
const MOST_QUESTIONS: usize = 3;

fn prompt() -> io::Result<bool> {
    ask_for_agreement(&mut io::stdin().lock(), &mut io::stderr().lock())
}

/// Asks until the words are typed, in any case and with or without quotes; an empty line or the end of the
/// input is a refusal.
fn ask_for_agreement(input: &mut impl BufRead, output: &mut impl Write) -> io::Result<bool> {
    writeln!(output, "{NOTICE}")?;
    for _ in 0..MOST_QUESTIONS {
        write!(output, "Type \"{AGREEMENT}\" to accept: ")?;
        output.flush()?;
        let mut answer = String::new();
        if input.read_line(&mut answer)? == 0 {
            writeln!(output)?;
            return Ok(false);
        }
        let answer = answer.trim().trim_matches(['"', '\'', '\u{201c}', '\u{201d}']).trim();
        if answer.is_empty() {
            return Ok(false);
        }
        let words: Vec<&str> = answer.split_whitespace().collect();
        if words.join(" ").eq_ignore_ascii_case(AGREEMENT) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(input: &str) -> (bool, usize) {
        let mut shown = Vec::new();
        let agreed = ask_for_agreement(&mut input.as_bytes(), &mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        assert!(shown.starts_with(NOTICE), "{shown}");
        (agreed, shown.matches("Type \"I AGREE\" to accept: ").count())
    }

    #[test]
    fn the_words_count_however_they_are_typed_and_the_question_comes_again() {
        for input in ["I AGREE\n", "i agree\n", "\"I Agree\"\n", " 'I  AGREE' \n", "I AGREE"] {
            assert_eq!(answered(input), (true, 1), "{input:?}");
        }
        assert_eq!(answered("yes\ny\nI agree\n"), (true, 3));
        assert_eq!(answered("yes\ny\nok\nI agree\n"), (false, 3));
        assert_eq!(answered("\n"), (false, 1));
        assert_eq!(answered(""), (false, 1));
        assert_eq!(answered("no\n"), (false, 2));
    }
}
