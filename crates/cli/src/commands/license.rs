//! `license`: the notice, and its acceptance with or without a terminal.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use laion_fmri::config::Environment;
use laion_fmri::license::{AGREEMENT, NOTICE};
use laion_fmri::{Dataset, Error, LicenseAccepted};
use laion_fmri_base::counted;
use serde_json::json;

use crate::context::Context;
use crate::exit::CommandError;
use crate::{args, message, output};

pub(super) fn run(context: &Context, args: &args::License) -> anyhow::Result<()> {
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

/// The licence of what a command is about to fetch. It is asked for once it is known what that is.
pub(super) struct License<'a> {
    context: &'a Context,
    owner: Owner<'a>,
}

/// Whose acceptance counts: that of a data directory or, without one, of the user.
enum Owner<'a> {
    Data(Box<Dataset>),
    User(&'a Environment),
}

impl Owner<'_> {
    fn license(&self) -> Result<LicenseAccepted, Error> {
        match self {
            Self::Data(dataset) => dataset.license(),
            Self::User(environment) => environment.license(),
        }
    }

    fn accept(&self) -> Result<LicenseAccepted, Error> {
        match self {
            Self::Data(dataset) => dataset.accept_license(),
            Self::User(environment) => environment.accept_license(),
        }
    }
}

impl<'a> License<'a> {
    /// For what goes into the data directory; `accept` is the option that accepts. Refuses at once
    /// where the licence is not accepted and nobody can be asked.
    pub(super) fn for_data(
        context: &'a Context,
        dataset: &Dataset,
        accept: bool,
    ) -> anyhow::Result<Self> {
        Self::checked(context, Owner::Data(Box::new(dataset.clone())), accept)
    }

    /// The same for what is read from the bucket itself.
    pub(super) fn for_bucket(context: &'a Context, accept: bool) -> anyhow::Result<Self> {
        let owner = match context.dataset() {
            Ok(dataset) => Owner::Data(Box::new(dataset)),
            Err(Error::DataDirNotSet) => Owner::User(&context.environment),
            Err(error) => return Err(error.into()),
        };
        Self::checked(context, owner, accept)
    }

    fn checked(context: &'a Context, owner: Owner<'a>, accept: bool) -> anyhow::Result<Self> {
        if accept || context.global.accept_license {
            owner.accept()?;
        }
        match owner.license() {
            Err(error @ Error::LicenseNotAccepted { .. })
                if context.global.no_input || !io::stdin().is_terminal() =>
            {
                Err(refused(error))
            }
            Err(Error::LicenseNotAccepted { .. }) | Ok(_) => Ok(Self { context, owner }),
            Err(error) => Err(error.into()),
        }
    }

    /// The acceptance; where there is none yet, `about` says what would be fetched, and the user is asked.
    pub(super) fn obtain(
        &self,
        about: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<LicenseAccepted> {
        match self.owner.license() {
            Err(error @ Error::LicenseNotAccepted { .. }) => {
                let _at_once = self.context.interrupt.end_at_once();
                match prompt(&about()?)? {
                    true => Ok(self.owner.accept()?),
                    false => Err(refused(error)),
                }
            }
            license => Ok(license?),
        }
    }
}

/// What would be read from the bucket, for those who are asked whether they want it.
pub(super) fn to_read(context: &Context, sessions: usize) -> String {
    format!("to read from {}: {}", context.location(), counted(sessions, "session"))
}

fn refused(error: Error) -> anyhow::Error {
    let hint = "read it with laion-fmri license, then laion-fmri license --accept, once for all \
                commands, or add --accept-license";
    CommandError::from(error).hint(hint).into()
}

/// How often the question is asked.
const MOST_QUESTIONS: usize = 3;

fn prompt(about: &str) -> io::Result<bool> {
    message::print(about);
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
