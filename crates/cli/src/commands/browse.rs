//! `browse`: serves the page on this machine until Ctrl-C.

use std::sync::Arc;

use laion_fmri::{Error, SessionId, SubjectId};
use laion_fmri_browse::{Commands, Options, Selection, Server, has_page};
use serde_json::json;

use crate::args::Global;
use crate::args::browse::Browse;
use crate::context::Context;
use crate::exit::CommandError;
use crate::hint::{self, with_typed, word};
use crate::output;

/// Threads that read one file of betas: each beyond the first takes 40 MiB.
const THREADS: usize = 2;

pub(super) fn run(context: &Context, args: &Browse) -> anyhow::Result<()> {
    let dataset = context.dataset()?.with_jobs(context.decoders().min(THREADS));
    let subject = match &args.subject {
        Some(name) => Some(dataset.subject(name)?.id().clone()),
        None => None,
    };
    if dataset.subjects()?.is_empty() {
        let folder = dataset.roots().first().display().to_string();
        let message = format!("nothing of any subject is on disk in {folder}");
        let hint = "laion-fmri download --subject sub-01 --ses ses-01 --include-anatomical";
        return Err(CommandError::not_there(message).hint(hint).into());
    }
    let mut options = Options::default();
    options.port = args.port;
    options.subject = subject;
    options.commands = Arc::new(Words { given: context.given.clone() });
    let server = Server::bind(dataset, options).map_err(refused)?;
    let address = server.address();
    output::print_lines([match context.global.json {
        true => output::json_line("browse", output::named([("address", json!(address))])),
        false => address.clone(),
    }])?;
    let port = server.port();
    context.note(&format!("from another machine: ssh -L {port}:127.0.0.1:{port} {}", host()));
    if !has_page() {
        context.note(
            "note: built without the page: run cargo xtask web, then build again; \
             the archive and the wheel have the page",
        );
    }
    if !args.no_open && has_display() {
        // The address of the browser's command line can be seen by others: it opens the page once.
        if let Err(error) = open::that_detached(server.address_for_once()?) {
            context.note(&format!("note: no browser was opened: {error}"));
        }
    }
    context.note("Ctrl-C ends it");
    Ok(server.serve(context.interrupt.cancel())?)
}

fn refused(error: laion_fmri_browse::Error) -> anyhow::Error {
    use laion_fmri_browse::Error as Browse;

    let hint = match &error {
        Browse::PortInUse { .. } => "leave out --port, which takes a free one",
        Browse::Listen { port: 1..=1023, .. } => "ports below 1024 are for the system: --port 8890",
        _ => return error.into(),
    };
    CommandError::refused(crate::exit::chain(anyhow::Chain::new(&error))).hint(hint).into()
}

/// Whether a browser that is started here would be seen: there is a screen, and who types is at it.
fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
        return false;
    }
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// The name of this machine, as far as it is known.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "HOST".to_owned() } else { name.to_owned() }
}

/// The words of this program for the page.
#[derive(Debug)]
struct Words {
    /// The options that were typed: what the page shows acts on the same data.
    given: Global,
}

impl Words {
    fn typed(&self, text: &str) -> String {
        with_typed(text, &self.given)
    }
}

impl Commands for Words {
    fn of_error(&self, error: &Error) -> Option<String> {
        hint::of(error).map(|text| self.typed(&text))
    }

    fn build_store(&self, subject: &SubjectId) -> Option<String> {
        Some(self.typed(&format!("laion-fmri store build --subject {subject}")))
    }

    fn index(&self, subject: &SubjectId, sessions: &[SessionId]) -> Option<String> {
        let sessions = labels(sessions);
        Some(self.typed(&format!("laion-fmri index --subject {subject} --session {sessions}")))
    }

    fn extract(&self, selection: &Selection) -> Option<String> {
        Some(self.typed(&extract(selection)))
    }
}

/// Sessions as they are typed: `01,03`.
fn labels(sessions: &[SessionId]) -> String {
    let labels: Vec<&str> = sessions.iter().map(SessionId::label).collect();
    labels.join(",")
}

/// The command that makes the array of a selection.
fn extract(selection: &Selection) -> String {
    let subject = &selection.subject;
    let mut line = format!("laion-fmri extract --subject {subject}");
    if !selection.sessions.is_empty() {
        line.push_str(&format!(" --session {}", labels(&selection.sessions)));
    }
    if let Some(roi) = &selection.roi {
        line.push_str(&format!(" --roi {}", word(roi)));
    }
    if selection.zscore {
        line.push_str(" --zscore session");
    }
    if selection.average {
        line.push_str(" --average image");
    }
    match selection.shared {
        Some(true) => line.push_str(" --stimuli shared"),
        Some(false) => line.push_str(" --stimuli unique"),
        None => {}
    }
    if let Some((split, pool)) = &selection.split {
        line.push_str(&format!(" --split {split} --pool {pool}"));
    }
    line + &format!(" -o {subject}.npz")
}
