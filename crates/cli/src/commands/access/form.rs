//! The access form: from options, or by questions on a terminal.

use std::io::{self, BufRead, Write};

use laion_fmri::Error;
use laion_fmri::access::{AccessError, AccessForm, FormError, FormField, MIN_PURPOSE_CHARS};

use crate::args::access::RequestAccess;
use crate::exit::CommandError;

/// How often a question is repeated.
const ATTEMPTS: usize = 3;

/// What a person has to read, and in which version.
pub(super) struct Pages {
    pub(super) terms: String,
    pub(super) privacy: String,
    pub(super) version: String,
}

/// The form as the options have it; what is missing is named.
pub(super) fn from_options(args: &RequestAccess) -> anyhow::Result<AccessForm> {
    let missing: Vec<&str> = [
        ("--name", &args.name),
        ("--email", &args.email),
        ("--institution", &args.institution),
        ("--purpose", &args.purpose),
    ]
    .into_iter()
    .filter(|(_, answer)| answer.is_none())
    .map(|(flag, _)| flag)
    .collect();
    if !missing.is_empty() {
        let message = format!(
            "the access form needs {} (there is no terminal to ask on)",
            missing.join(", ")
        );
        let hint = "laion-fmri request-access --help";
        return Err(CommandError::usage(message).hint(hint).into());
    }
    let text = |answer: &Option<String>| answer.clone().unwrap_or_default();
    let form = AccessForm::new(
        &text(&args.name),
        &text(&args.email),
        &text(&args.institution),
        &text(&args.purpose),
    );
    let form = form.supervisor(args.supervisor.as_deref().unwrap_or_default());
    let form = match &args.accept_terms {
        Some(version) => form.accept_terms(version),
        None => form,
    };
    Ok(if args.acknowledge_privacy { form.acknowledge_privacy() } else { form })
}

/// The form with questions for what the options leave open.
pub(super) fn ask(
    args: &RequestAccess,
    pages: &Pages,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> anyhow::Result<AccessForm> {
    let purpose =
        format!("What do you need the images for (at least {MIN_PURPOSE_CHARS} characters)");
    let mut answers = Vec::new();
    for (field, given, question) in [
        (FormField::Name, &args.name, "Full name"),
        (FormField::Email, &args.email, "Institutional e-mail address"),
        (FormField::Institution, &args.institution, "Institution"),
        (
            FormField::Supervisor,
            &args.supervisor,
            "Principal investigator or supervisor (empty for none)",
        ),
        (FormField::Purpose, &args.purpose, purpose.as_str()),
    ] {
        answers.push(match given {
            Some(answer) => answer.clone(),
            None => answer(field, question, input, output)?,
        });
    }
    let [name, email, institution, supervisor, purpose] = &answers[..] else {
        return Err(CommandError::usage("the form is incomplete").into());
    };
    let form = AccessForm::new(name, email, institution, purpose).supervisor(supervisor);
    let accepted = args.accept_terms.as_deref();
    if let (Some(version), true) = (accepted, args.acknowledge_privacy) {
        return Ok(form.accept_terms(version).acknowledge_privacy());
    }
    writeln!(output, "\nTerms of use, version {}: {}", pages.version, pages.terms)?;
    writeln!(output, "Privacy notice: {}", pages.privacy)?;
    let question = "Type yes to accept the terms of use and to acknowledge the privacy notice";
    if line(question, input, output)?.eq_ignore_ascii_case("yes") {
        return Ok(form.accept_terms(&pages.version).acknowledge_privacy());
    }
    let refused = FormError::TermsNotAccepted { expected: pages.version.clone(), got: None };
    Err(Error::from(AccessError::from(refused)).into())
}

/// The option that a refused form lacks.
pub(super) fn hint(error: &Error, pages: &Pages) -> Option<String> {
    let Error::Access(AccessError::Form(error)) = error else { return None };
    match error {
        FormError::TermsNotAccepted { expected, .. } => {
            Some(format!("read {}, then add --accept-terms {expected}", pages.terms))
        }
        FormError::PrivacyNotAcknowledged => {
            Some(format!("read {}, then add --acknowledge-privacy", pages.privacy))
        }
        _ => None,
    }
}

fn answer(
    field: FormField,
    question: &str,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> anyhow::Result<String> {
    let mut attempt = 1;
    loop {
        let answer = line(question, input, output)?;
        if field == FormField::Supervisor && answer.is_empty() {
            return Ok(answer);
        }
        match field.check(&answer) {
            Ok(()) => return Ok(answer),
            Err(error) if attempt == ATTEMPTS => {
                return Err(Error::from(AccessError::from(error)).into());
            }
            Err(error) => writeln!(output, "  {error}")?,
        }
        attempt += 1;
    }
}

fn line(
    question: &str,
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> anyhow::Result<String> {
    write!(output, "{question}: ")?;
    output.flush()?;
    let mut answer = String::new();
    if input.read_line(&mut answer)? == 0 {
        writeln!(output)?;
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(answer.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        let page = |name: &str| format!("https://a.example/{name}");
        Pages { terms: page("terms"), privacy: page("privacy"), version: "3".to_owned() }
    }

    fn asked(args: &RequestAccess, typed: &str) -> (anyhow::Result<AccessForm>, String) {
        let mut shown = Vec::new();
        let form = ask(args, &pages(), &mut typed.as_bytes(), &mut shown);
        (form, String::from_utf8(shown).unwrap())
    }

    const PURPOSE: &str = "Encoding models of natural images";

    #[test]
    fn every_question_is_asked_and_a_bad_answer_again() {
        let typed = format!("Ada\nada\nada@uni.edu\nUni\n\nshort\n{PURPOSE}\nYES\n");
        let (form, shown) = asked(&RequestAccess::default(), &typed);
        let expected = AccessForm::new("Ada", "ada@uni.edu", "Uni", PURPOSE);
        assert_eq!(form.unwrap(), expected.accept_terms("3").acknowledge_privacy());
        assert_eq!(shown.matches("Institutional e-mail address: ").count(), 2, "{shown}");
        assert!(shown.contains("the e-mail address has no @"), "{shown}");
        assert!(shown.contains("has 5 characters (expected at least 20)"), "{shown}");
        assert!(shown.contains("Terms of use, version 3: https://a.example/terms\n"), "{shown}");
        assert!(shown.contains("Privacy notice: https://a.example/privacy\n"), "{shown}");
    }

    #[test]
    fn options_answer_their_questions() {
        let some = |text: &str| Some(text.to_owned());
        let mut args = RequestAccess {
            name: some("Ada"),
            institution: some("Uni"),
            supervisor: some("Bob"),
            ..RequestAccess::default()
        };
        let (form, shown) = asked(&args, &format!("ada@uni.edu\n{PURPOSE}\nyes\n"));
        let expected = AccessForm::new("Ada", "ada@uni.edu", "Uni", PURPOSE).supervisor("Bob");
        let expected = expected.accept_terms("3").acknowledge_privacy();
        assert_eq!(form.unwrap(), expected);
        assert!(!shown.contains("Full name") && !shown.contains("supervisor"), "{shown}");
        (args.email, args.purpose) = (some("ada@uni.edu"), some(PURPOSE));
        (args.accept_terms, args.acknowledge_privacy) = (some("3"), true);
        assert_eq!(asked(&args, "").0.unwrap(), expected);
        assert_eq!(from_options(&args).unwrap(), expected);
    }

    #[test]
    fn a_no_is_a_no() {
        let typed = |last: &str| format!("Ada\nada@uni.edu\nUni\n\n{PURPOSE}\n{last}");
        for answer in ["no\n", "y\n", "\n", "I AGREE\n"] {
            let error = asked(&RequestAccess::default(), &typed(answer)).0.unwrap_err();
            let error = error.downcast_ref::<Error>();
            assert!(matches!(
                error,
                Some(Error::Access(AccessError::Form(FormError::TermsNotAccepted { expected, got: None })))
                    if expected == "3"
            ));
            let hint = hint(error.unwrap(), &pages()).unwrap();
            assert_eq!(hint, "read https://a.example/terms, then add --accept-terms 3");
        }
        let error = asked(&RequestAccess::default(), &typed("")).0.unwrap_err();
        assert!(error.is::<io::Error>());
        let error = asked(&RequestAccess::default(), "\n\n\n").0.unwrap_err();
        assert!(matches!(
            error.downcast_ref::<Error>(),
            Some(Error::Access(AccessError::Form(FormError::Missing { field: FormField::Name })))
        ));
    }
}
