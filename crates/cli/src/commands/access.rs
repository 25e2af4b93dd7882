//! `request-access`, `login`, `logout`: who may have the stimulus images.

mod form;

use std::io::{self, IsTerminal, Read};

use laion_fmri::Error;
use laion_fmri::access::{AccessError, AccessService, AuthFile, Grant, Manifest, Page, RequestId};
use serde_json::{Value, json};

use crate::args::access::{Login, RequestAccess};
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;

/// Input longer than this is not a request id.
const MAX_INPUT: u64 = 4096;

pub(super) fn request(context: &Context, args: &RequestAccess) -> anyhow::Result<()> {
    let service = online(context)?;
    let manifest = service.manifest(context.interrupt.cancel())?;
    let grant = fill_and_send(context, &service, &manifest, args)?;
    let fields = [
        ("server", json!(service.url())),
        ("auth_file", json!(auth_file(context)?.path().display().to_string())),
        ("links_expire_at", json!(grant.expires_at())),
    ];
    print(context, "Access granted, and saved", fields)?;
    context.note("next: laion-fmri download-stimuli");
    Ok(())
}

pub(super) fn login(context: &Context, args: &Login) -> anyhow::Result<()> {
    let text = if args.request_id == "-" {
        let mut text = String::new();
        io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text)?;
        text
    } else {
        args.request_id.clone()
    };
    let id = RequestId::new(&text).map_err(Error::from)?;
    let auth = auth_file(context)?;
    auth.check_writable()?;
    let service = context.environment.access_service()?;
    let cancel = context.interrupt.cancel();
    if context.global.offline {
        context.note("note: offline, so the id was not checked");
    } else {
        let manifest = service.manifest(cancel)?;
        service.refresh(&id, &manifest, cancel)?;
    }
    auth.save(&service, &id, "")?;
    let path = auth.path().display().to_string();
    print(
        context,
        "Access saved",
        [
            ("server", json!(service.url())),
            ("auth_file", json!(path)),
            ("checked", json!(!context.global.offline)),
        ],
    )
}

pub(super) fn logout(context: &Context) -> anyhow::Result<()> {
    let auth = auth_file(context)?;
    let removed = auth.remove()?;
    let what = if removed { "Access forgotten" } else { "No access was saved" };
    let path = auth.path().display().to_string();
    print(context, what, [("auth_file", json!(path)), ("removed", json!(removed))])
}

/// Access to the images: what the environment or an earlier run has, or what a person now asks for.
pub(super) fn obtain(
    context: &Context,
    service: &AccessService,
    manifest: &Manifest,
) -> anyhow::Result<Grant> {
    let id = context.environment.request_id(service)?;
    let refreshed = id.map(|id| service.refresh(&id, manifest, context.interrupt.cancel()));
    match refreshed {
        Some(Ok(grant)) => return Ok(grant),
        Some(Err(error @ Error::Access(AccessError::UnknownRequestId { .. })))
            if can_ask(context) =>
        {
            context.note(&format!("note: {error}; you need to request access again"));
        }
        Some(Err(error)) => return Err(error.into()),
        None if can_ask(context) => {
            context.note("The stimulus images need a one-time access request.");
        }
        None => return Err(Error::from(service.access_needed()).into()),
    }
    fill_and_send(context, service, manifest, &RequestAccess::default())
}

/// Fills the form in from the options and, on a terminal, by questions; sends it; saves the answer.
fn fill_and_send(
    context: &Context,
    service: &AccessService,
    manifest: &Manifest,
    args: &RequestAccess,
) -> anyhow::Result<Grant> {
    // Before an id is at stake that could not be kept.
    let auth = auth_file(context)?;
    auth.check_writable()?;
    let pages = form::Pages {
        terms: service.page(Page::Terms),
        privacy: service.page(Page::Privacy),
        version: manifest.terms_version().to_owned(),
    };
    let form = if can_ask(context) {
        let _immediate = context.interrupt.end_at_once();
        form::ask(args, &pages, &mut io::stdin().lock(), &mut io::stderr().lock())?
    } else {
        form::from_options(args)?
    };
    let grant = service.request(&form, manifest, context.interrupt.cancel()).map_err(|error| {
        match form::hint(&error, &pages) {
            Some(hint) => anyhow::Error::new(CommandError::from(error).hint(hint)),
            None => error.into(),
        }
    })?;
    auth.save(service, grant.request_id(), form.email())?;
    Ok(grant)
}

/// Whether there is a person to ask.
fn can_ask(context: &Context) -> bool {
    !context.global.no_input && io::stdin().is_terminal()
}

fn online(context: &Context) -> anyhow::Result<AccessService> {
    let service = context.environment.access_service()?;
    if context.global.offline {
        return Err(Error::Offline { what: format!("asking {}", service.url()) }.into());
    }
    Ok(service)
}

fn auth_file(context: &Context) -> anyhow::Result<AuthFile> {
    context.environment.auth_file().ok_or_else(|| {
        let message = "cannot save the access: HOME is not set";
        let hint = "set LAION_FMRI_REQUEST_ID to use an id without saving it";
        CommandError::usage(message).hint(hint).into()
    })
}

fn print<const N: usize>(
    context: &Context,
    what: &str,
    fields: [(&str, Value); N],
) -> anyhow::Result<()> {
    if context.global.json {
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        return output::print_lines([output::json_line("access", fields)]);
    }
    let path = fields.iter().find(|(name, _)| *name == "auth_file");
    let path = path.and_then(|(_, value)| value.as_str()).unwrap_or_default();
    output::print_lines([format!("{what}: {path}")])
}
