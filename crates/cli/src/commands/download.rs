//! `download`, `download-raw` and the public files of the stimuli; with `--dry-run`, a table of
//! what would be downloaded.

mod kinds;
mod report;
mod stores;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use laion_fmri::LicenseAccepted;
use laion_fmri::bids::{entity_value, suffix_of};
use laion_fmri::s3_mirror::{Action, FetchReason, Plan, PlanItem};
use laion_fmri::stimuli::EmbeddingModel;
use laion_fmri::store::StoreRequest;
use laion_fmri::{
    Dataset, Download as Planned, DownloadRequest, Error, Event, FilterField, Missing, Subjects,
};
use laion_fmri_base::{counted, lock, readable_bytes as bytes};
use serde_json::json;

pub(super) use self::report::downloaded;
use super::download_stimuli::Stimuli;
use super::license::License;
use super::{index, sessions};
#[cfg(test)]
use crate::args::Command;
use crate::args::access::DownloadEmbeddings;
use crate::args::filters::Filter;
#[cfg(test)]
use crate::args::sessions::SessionName;
use crate::args::{Download, DownloadRaw, Transfer};
use crate::context::Context;
use crate::exit::{CommandError, Status};
use crate::output;
use crate::progress;

pub(super) fn run(context: &Context, args: &Download) -> anyhow::Result<Status> {
    if args.index {
        index::check_cache_dir(context)?;
    }
    let request = request(context, args)?;
    let stored = Stored::default();
    let on_the_way = OnTheWay { indexes: args.index, stored: args.store.then_some(&stored) };
    let status = carry_out(context, &request, &args.transfer, on_the_way);
    if args.store && !args.transfer.dry_run {
        let stored = lock(&stored);
        match status {
            Ok(Status::Done | Status::Withheld) => {
                stores::complete(context, &request, args, &stored)?;
            }
            _ => stores::report(context, stored.iter())?,
        }
    }
    status
}

/// The sessions that were stored while their files were downloaded.
pub(super) type Stored = Mutex<stores::StoredSessions>;

/// What is made of betas while they are downloaded.
#[derive(Clone, Copy, Default)]
struct OnTheWay<'a> {
    indexes: bool,
    /// Where sessions are noted that were stored, if they are to be.
    stored: Option<&'a Stored>,
}

pub(super) fn run_raw(context: &Context, args: &DownloadRaw) -> anyhow::Result<Status> {
    let sessions =
        sessions::of_bucket(context, &subjects_of(context, &args.subject)?, &args.filters.ses)?;
    carry_out(context, &raw_request(args, sessions)?, &args.transfer, OnTheWay::default())
}

pub(super) fn run_embeddings(
    context: &Context,
    args: &DownloadEmbeddings,
) -> anyhow::Result<Status> {
    carry_out(context, &embeddings_request(args), &args.transfer, OnTheWay::default())
}

pub(super) fn run_segmentations(context: &Context, transfer: &Transfer) -> anyhow::Result<Status> {
    carry_out(context, &DownloadRequest::segmentations(), transfer, OnTheWay::default())
}

pub(super) fn run_captions(context: &Context, transfer: &Transfer) -> anyhow::Result<Status> {
    carry_out(context, &DownloadRequest::captions(), transfer, OnTheWay::default())
}

/// The request of any command that downloads.
#[cfg(test)]
pub(crate) fn requested(command: &Command) -> anyhow::Result<Option<DownloadRequest>> {
    Ok(Some(match command {
        Command::Download(args) => request_of(args, plain(&args.filters.ses))?,
        Command::DownloadRaw(args) => raw_request(args, plain(&args.filters.ses))?,
        Command::DownloadStimuli(_) => DownloadRequest::stimuli(),
        Command::DownloadEmbeddings(args) => embeddings_request(args),
        Command::DownloadSegmentations(_) => DownloadRequest::segmentations(),
        Command::DownloadCaptions(_) => DownloadRequest::captions(),
        _ => return Ok(None),
    }))
}

/// The sessions that need no listing.
#[cfg(test)]
fn plain(named: &[SessionName]) -> Option<Vec<String>> {
    crate::args::sessions::plain(named).filter(|names| !names.is_empty())
}

fn raw_request(
    args: &DownloadRaw,
    sessions: Option<Vec<String>>,
) -> anyhow::Result<DownloadRequest> {
    let mut request = DownloadRequest::raw(subjects(&args.subject)?);
    request.allow_missing = args.allow_missing;
    Ok(filtered(
        request,
        &[&[(FilterField::Ses, &sessions)], args.filters.each().as_slice()].concat(),
    ))
}

fn embeddings_request(args: &DownloadEmbeddings) -> DownloadRequest {
    DownloadRequest::embeddings(models(&args.model))
}

/// All models when none is named.
fn models(named: &[EmbeddingModel]) -> Vec<EmbeddingModel> {
    if named.is_empty() { EmbeddingModel::ALL.to_vec() } else { named.to_vec() }
}

/// The plan of a download. Where the bucket has none of the sessions that were named, the rest
/// would only be masks: then the hint names the sessions.
pub(super) fn plan(
    context: &Context,
    dataset: &Dataset,
    request: &DownloadRequest,
) -> anyhow::Result<Planned> {
    context.asking(|| dataset.plan_download(request)).map_err(|error| {
        match no_session_left(&error, request) {
            Some(hint) => CommandError::from(error).hint(hint).into(),
            None => error.into(),
        }
    })
}

fn no_session_left(error: &Error, request: &DownloadRequest) -> Option<String> {
    let Error::NoMatchingData { missing, .. } = error else { return None };
    let Subjects::These(subjects) = &request.subjects else { return None };
    let [subject] = subjects.as_slice() else { return None };
    let other_trees = request.include_anatomical
        || request.include_freesurfer
        || request.include_localizers
        || !request.prefixes.is_empty();
    let is_missing = |session: &String| {
        missing.iter().any(|it| {
            matches!(it, Missing::Value { field: FilterField::Ses, value, .. } if value == session)
        })
    };
    let named = request.filter.values(FilterField::Ses)?;
    (!other_trees && named.iter().all(is_missing))
        .then(|| format!("laion-fmri sessions --subject {subject} --remote"))
}

fn carry_out(
    context: &Context,
    request: &DownloadRequest,
    transfer: &Transfer,
    on_the_way: OnTheWay<'_>,
) -> anyhow::Result<Status> {
    let jobs = transfer.n_jobs.unwrap_or(context.jobs());
    let dataset = context.dataset()?;
    let license = match transfer.dry_run {
        true => None,
        false => Some(License::for_data(context, &dataset, transfer.accept_license)?),
    };
    // The images have a plan of their own.
    let mut public = request.clone();
    public.include_stimuli = false;
    let download = plan(context, &dataset, &public)?;
    let mut download = download.with_limit_rate(transfer.limit_rate);
    if on_the_way.indexes {
        download = download.with_indexes();
    }
    if on_the_way.stored.is_some() {
        download = download.with_store(StoreRequest::new());
    }
    // Questions come when it is known how much would come, and before anything that takes long.
    let mut stimuli = None;
    let license = match license {
        Some(license) => {
            check_destination(&download)?;
            let license = license.obtain(|| Ok(to_download(&download)))?;
            if request.include_stimuli {
                stimuli = Some(Stimuli::obtain(context, &dataset)?);
            }
            Some(license)
        }
        None => None,
    };
    if transfer.verify {
        let observer = progress::Files::new(context);
        let verified = download.verify_kept(jobs, &observer, context.interrupt.cancel());
        observer.finish();
        verified?;
    }
    for subject in download.skipped_subjects() {
        context.note(&format!("note: no matching files of {subject}"));
    }
    for missing in download.missing() {
        context.note(&format!("note: {missing}"));
    }
    let Some(license) = license else {
        let mut plan = download.plan().clone();
        if request.include_stimuli {
            let stimuli = Stimuli::plan(context, &dataset)?;
            plan.items.extend(stimuli.download.plan().items.clone());
        }
        print_plan(context, &plan, Some(&download))?;
        return Ok(strict(context, withheld_in(&plan)));
    };
    let status = self::transfer(context, &download, &license, jobs, on_the_way.stored)?;
    match (stimuli, status) {
        (None, _) | (_, Status::Signal(_)) => Ok(status),
        (Some(stimuli), _) => match stimuli.fetch(context)? {
            Status::Done => Ok(status),
            stopped => Ok(stopped),
        },
    }
}

/// What a download would bring, for those who are asked whether they want it.
pub(super) fn to_download(download: &Planned) -> String {
    let files = counted(download.plan().totals().fetch.count, "file");
    let size = bytes(download.missing_bytes());
    let free = download.free_bytes().map(|free| format!(" ({} free)", bytes(free)));
    let root = download.root().display();
    format!("to download: {files}, {size}, into {root}{}", free.unwrap_or_default())
}

/// Refuses a download for which there is no place.
pub(super) fn check_destination(download: &Planned) -> anyhow::Result<()> {
    download.check_writable()?;
    check_space(download.root(), download.missing_bytes(), download.free_bytes())
}

/// Carries a planned download out and says what became of it. Sessions that are stored meanwhile
/// are noted.
pub(super) fn transfer(
    context: &Context,
    download: &Planned,
    license: &LicenseAccepted,
    jobs: usize,
    stored: Option<&Stored>,
) -> anyhow::Result<Status> {
    check_destination(download)?;
    let observer = progress::transfer(context);
    let told = |event: Event<'_>| {
        if let (Event::Stored { subject, session, store }, Some(stored)) = (event, stored) {
            lock(stored).insert((subject.clone(), session.clone()), store.to_owned());
        }
        observer.event(event);
    };
    let report = download.run(license, jobs, &told, context.interrupt.cancel());
    drop(observer);
    report::print(context, download, &report)?;
    if let Some(signal) = context.interrupt.signal() {
        context.note("stopped; run the same command again to continue");
        return Ok(Status::Signal(signal));
    }
    match report.into_result() {
        Ok(totals) => Ok(strict(context, totals.withheld)),
        Err(incomplete) if incomplete.is_withheld() => {
            context.failure("none of the requested files is available");
            Ok(if context.global.strict { Status::Withheld } else { Status::NotThere })
        }
        Err(_) => Ok(Status::Failed),
    }
}

/// Refuses to begin what the disk cannot hold.
pub(super) fn check_space(root: &Path, needed: u64, free: Option<u64>) -> anyhow::Result<()> {
    match free {
        Some(free) if free < needed => {
            let message = format!(
                "not enough space in {}: {} needed, {} free",
                root.display(),
                bytes(needed),
                bytes(free)
            );
            let hint = "download fewer sessions at a time, or use another --data-dir";
            Err(CommandError::refused(message).hint(hint).into())
        }
        _ => Ok(()),
    }
}

fn strict(context: &Context, withheld: u64) -> Status {
    if context.global.strict && withheld > 0 { Status::Withheld } else { Status::Done }
}

/// The subjects that are named; an error about what no subject can be called lists those of the
/// bucket.
fn subjects_of(context: &Context, names: &[String]) -> anyhow::Result<Subjects> {
    subjects(names).map_err(|error| match error.downcast::<Error>() {
        Ok(Error::SubjectNotFound { got, available }) if available.is_empty() => {
            let subjects = context.asking(|| context.discovery()?.subjects());
            // A bucket that cannot be asked makes this no better error.
            let available = subjects.unwrap_or_default().iter().map(ToString::to_string).collect();
            Error::SubjectNotFound { got, available }.into()
        }
        Ok(error) => error.into(),
        Err(error) => error,
    })
}

fn subjects(names: &[String]) -> anyhow::Result<Subjects> {
    if names.iter().any(|name| name.eq_ignore_ascii_case("all")) {
        if names.len() > 1 {
            let message = "--subject all cannot be combined with other subjects";
            return Err(CommandError::usage(message).into());
        }
        return Ok(Subjects::All);
    }
    let parsed: Result<Vec<_>, _> = names.iter().map(|name| name.parse()).collect();
    Ok(Subjects::These(parsed.map_err(Error::from)?))
}

fn filtered(request: DownloadRequest, filters: &[Filter<'_>]) -> DownloadRequest {
    filters.iter().fold(request, |request, (field, values)| match values {
        Some(values) => request.filter(*field, values.iter().cloned()),
        None => request,
    })
}

/// The request, with sessions as the bucket has them.
pub(super) fn request(context: &Context, args: &Download) -> anyhow::Result<DownloadRequest> {
    let sessions =
        sessions::of_bucket(context, &subjects_of(context, &args.subject)?, &args.filters.ses)?;
    request_of(args, sessions)
}

fn request_of(args: &Download, sessions: Option<Vec<String>>) -> anyhow::Result<DownloadRequest> {
    let more = [
        (FilterField::Ses, &sessions),
        (FilterField::Space, &args.space),
        (FilterField::Desc, &args.desc),
        (FilterField::Stat, &args.stat),
    ];
    let subjects = subjects(&args.subject)?;
    let request = match args.brain_mask {
        true => DownloadRequest::brain_mask(subjects),
        false => DownloadRequest::new(subjects),
    };
    let mut request = filtered(filtered(request, &args.filters.each()), &more);
    request.allow_missing = args.allow_missing;
    request.include_anatomical = args.include_anatomical;
    request.include_freesurfer = args.include_freesurfer;
    request.include_localizers = args.include_localizers;
    request.include_raw = args.include_raw;
    request.include_stimuli = args.include_stimuli;
    if let Some(named) = &args.include_embeddings {
        request.include_embeddings = models(named);
    }
    for prefix in &args.prefix {
        request = request.prefix(prefix);
    }
    Ok(request)
}

fn withheld_in(plan: &Plan) -> u64 {
    plan.totals().withheld.count
}

/// Prints what is planned; `download` knows why, and where to.
pub(super) fn print_plan(
    context: &Context,
    plan: &Plan,
    download: Option<&Planned>,
) -> anyhow::Result<()> {
    let why = |item: &PlanItem| download.map(|download| download.why(item));
    let unfinished = |item: &PlanItem| download.map_or(0, |it| it.unfinished_bytes(item));
    if context.global.json {
        let items = plan.items.iter().map(|item| {
            let fields = [
                ("key", json!(item.key.as_str())),
                ("local", json!(item.local.to_string())),
                ("size", json!(item.size)),
                ("kind", json!(kinds::of(item.key.as_str()))),
                ("action", json!(action_name(&item.action))),
                ("reason", json!(action_reason(&item.action))),
                ("why", json!(why(item))),
                ("unfinished_bytes", json!(unfinished(item))),
            ];
            output::json_line("plan", fields.map(|(name, value)| (name.to_owned(), value)))
        });
        // Names that no file can have.
        let refused = plan.refused.iter().map(|refused| {
            let fields = [
                ("key", json!(refused.key)),
                ("action", json!("refused")),
                ("reason", json!(refused.reason.to_string())),
            ];
            output::json_line("plan", fields.map(|(name, value)| (name.to_owned(), value)))
        });
        return output::print_lines(items.chain(refused));
    }
    let mut lines = Vec::new();
    if context.global.verbose > 0 {
        lines.extend(plan.items.iter().map(|item| {
            let (action, size) = (action_name(&item.action), bytes(item.size));
            let why = why(item).map(|why| format!("  ({why})")).unwrap_or_default();
            format!("{action:<8} {size:>10}  {}{why}", item.key)
        }));
        lines.push(String::new());
    }
    lines.extend(table(plan));
    let kinds = kinds::table(plan);
    if !kinds.is_empty() {
        lines.push(String::new());
        lines.extend(kinds);
    }
    output::print_lines(lines)?;
    for item in &plan.items {
        if let Action::Refused(refusal) = &item.action {
            context.note(&report::refused(item.key.as_str(), refusal));
        }
    }
    for refused in &plan.refused {
        context.note(&report::refused(&refused.key, &refused.reason));
    }
    let there = plan.items.iter().map(unfinished).fold(0, u64::saturating_add);
    if there > 0 {
        let there = bytes(there);
        context.note(&format!("{there} of that are on disk already: an earlier run began them"));
    }
    let needed = plan.totals().fetch.bytes.saturating_sub(there);
    if let Some((free, download)) = download.and_then(|plan| Some((plan.free_bytes()?, plan))) {
        let verdict = if free < needed { "not enough" } else { "enough" };
        let root = download.root().display();
        context.note(&format!("free space in {root}: {} ({verdict})", bytes(free)));
    }
    if context.global.verbose == 0 {
        context.note("add -v to list every file and why it was chosen");
    }
    Ok(())
}

/// Files and bytes by subject, session, kind and action, and the totals.
fn table(plan: &Plan) -> Vec<String> {
    let mut rows: BTreeMap<[String; 4], (usize, u64)> = BTreeMap::new();
    for item in &plan.items {
        let row = rows.entry(row_of(item)).or_default();
        row.0 += 1;
        row.1 += item.size;
    }
    let header = ["subject", "session", "kind", "action"].map(str::to_owned);
    let mut widths = header.clone().map(|title| title.len());
    for row in rows.keys() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    let line = |cells: &[String; 4], files: &str, size: &str| {
        let cells: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}  {files:>6}  {size:>10}", cells.join("  "))
    };
    let mut lines = vec![line(&header, "files", "size")];
    lines.extend(
        rows.iter().map(|(cells, (files, size))| line(cells, &files.to_string(), &bytes(*size))),
    );
    let totals = plan.totals();
    for (action, total) in [
        ("fetch", totals.fetch),
        ("keep", totals.keep),
        ("withheld", totals.withheld),
        ("refused", totals.refused),
    ] {
        if total.count > 0 || action == "fetch" {
            let cells = ["total".to_owned(), String::new(), String::new(), action.to_owned()];
            lines.push(line(&cells, &total.count.to_string(), &bytes(total.bytes)));
        }
    }
    lines
}

fn row_of(item: &PlanItem) -> [String; 4] {
    let key = item.key.as_str();
    let entity = |name: &str| {
        entity_value(key, name).map_or_else(|| "-".to_owned(), |value| format!("{name}-{value}"))
    };
    let suffix = suffix_of(key);
    let kind = match entity_value(key, "desc") {
        // The description ends the names of some files of the stimuli.
        Some(desc) if suffix.starts_with("desc-") => desc.to_owned(),
        Some(desc) => format!("{suffix} {desc}"),
        None => suffix.to_owned(),
    };
    [entity("sub"), entity("ses"), kind, action_name(&item.action).to_owned()]
}

fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Fetch(_) => "fetch",
        Action::Keep => "keep",
        Action::Withheld(_) => "withheld",
        Action::Refused(_) => "refused",
        _ => "other",
    }
}

fn action_reason(action: &Action) -> Option<String> {
    match action {
        Action::Fetch(FetchReason::Missing) => Some("not on disk".to_owned()),
        Action::Fetch(FetchReason::SizeDiffers { expected, got }) => {
            Some(format!("expected {expected} bytes, got {got} on disk"))
        }
        Action::Fetch(FetchReason::Changed { .. }) => {
            Some("changed in the bucket since the download".to_owned())
        }
        Action::Fetch(FetchReason::Damaged) => Some("damaged on disk".to_owned()),
        Action::Withheld(reason) => Some(reason.clone()),
        Action::Refused(refusal) => Some(refusal.to_string()),
        _ => None,
    }
}
