//! `store`: builds, lists, checks and removes stores of betas.

pub(super) mod tasks;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;

use laion_fmri::store::{
    StoreBuilt, StoreInfo, StorePlan, StoreRequest, StoreState, StoredSessionInfo,
};
use laion_fmri::{Dataset, Error, MaskSource, Resolution, SessionId, Subject, SubjectId, layout};
use laion_fmri_base::{agreeing, counted, readable_bytes};
use serde_json::{Value, json};

use super::license::{self, License};
use super::{sessions, voxels};
use crate::args::extract::Origin;
use crate::args::sessions::{SessionName, are_all, resolve};
use crate::args::store::{Build, BuildArgs, Chosen, Remove, StoreAction};
use crate::context::Context;
use crate::exit::{CommandError, Status};
use crate::output::{self, Align, columns};
use crate::progress::VolumeProgress;

pub(super) fn run(context: &Context, action: &StoreAction) -> anyhow::Result<Status> {
    match action {
        StoreAction::Build(args) => build(context, args).map(|()| Status::Done),
        StoreAction::Plan(args) => plan(context, args).map(|()| Status::Done),
        StoreAction::List(args) => list(context, args).map(|()| Status::Done),
        StoreAction::Verify(args) => verify(context, args),
        StoreAction::Remove(args) => remove(context, args).map(|()| Status::Done),
    }
}

fn build(context: &Context, args: &Build) -> anyhow::Result<()> {
    let (subject, request) = requested(context, &args.what)?;
    if args.dry_run {
        return output::print_lines(plan_lines(context, &subject.plan_store(&request)?));
    }
    if args.what.from == Origin::Bucket {
        let license = License::for_bucket(context, args.accept_license)?;
        license.obtain(|| {
            Ok(license::to_read(context, subject.plan_store(&request)?.sessions.len()))
        })?;
    }
    let built = self::built(context, &subject, &request)?;
    report(context, &built)?;
    name_kept(context, subject.id(), &request, &built);
    if args.what.from == Origin::Bucket
        && let Some(hint) = small_files(context, subject.id())
    {
        context.note("note: the store is read with the masks and trial tables, not on disk yet");
        context.note(&format!("hint: {hint}"));
    }
    Ok(())
}

/// The downloads of the small files that a store is read with, unless they are on disk.
fn small_files(context: &Context, subject: &SubjectId) -> Option<String> {
    let dataset = context.dataset().ok()?;
    let has_all = |found: Subject| {
        let has_mask = found.brain_mask(MaskSource::default(), Resolution::Func1pt8).is_ok();
        let has_tables = found.sessions().is_ok_and(|sessions| !sessions.is_empty());
        has_mask && has_tables && found.rois(None).is_ok_and(|rois| !rois.is_empty())
    };
    (!dataset.subject(subject).is_ok_and(has_all)).then(|| {
        format!(
            "laion-fmri download --subject {subject} --brain-mask && \
             laion-fmri download --subject {subject} --suffix mask trials"
        )
    })
}

fn plan(context: &Context, args: &BuildArgs) -> anyhow::Result<()> {
    let (subject, request) = requested(context, args)?;
    let tasks = subject.store_tasks(&request)?;
    if tasks.is_empty() {
        let message = format!("{} has every session: there is no task", tasks.path().display());
        let hint = "--verify checks every byte of the sessions that are there";
        return Err(CommandError::not_there(message).hint(hint).into());
    }
    context.note(&format!(
        "to build: {} of {}, at most {} of memory each -> {}",
        counted(tasks.len(), "session"),
        tasks.subject(),
        readable_bytes(tasks.peak_memory()),
        tasks.path().display()
    ));
    output::print_lines(tasks.lines())
}

/// The dataset that a store is built from.
pub(super) fn origin(context: &Context, from: Origin) -> Result<Dataset, Error> {
    match from {
        Origin::Mirror => context.dataset(),
        Origin::Bucket => context.bucket_dataset(),
    }
}

/// The subject, and what its store is to hold.
fn requested(context: &Context, args: &BuildArgs) -> anyhow::Result<(Subject, StoreRequest)> {
    let mut dataset = origin(context, args.from)?;
    if args.from == Origin::Bucket && args.output.is_none() {
        // Where the store goes if no directory is named; nothing is read from there.
        dataset = dataset.with_roots(context.dataset()?.roots().clone());
    }
    let subject = dataset.subject(&args.subject)?;
    let chosen = sessions::of_subject(context, &subject, &args.session, layout::betas)?;
    sessions::check_all(context, &subject, &args.session)?;
    let voxels = voxels::voxels(context, &args.voxels, &subject)?;
    let mut request = StoreRequest::new().sessions(&chosen).voxels(voxels);
    request.directory.clone_from(&args.output);
    request.max_memory = args.max_memory;
    request.verify = args.verify;
    Ok((subject, request))
}

/// Builds a store, or what is missing of it.
pub(super) fn built(
    context: &Context,
    subject: &Subject,
    request: &StoreRequest,
) -> anyhow::Result<StoreBuilt> {
    let progress = VolumeProgress::new(context);
    let built = subject.build_store(request, &progress, context.interrupt.cancel());
    progress.finish();
    Ok(built?)
}

/// Says which sessions were built.
pub(super) fn report(context: &Context, built: &StoreBuilt) -> anyhow::Result<()> {
    report_sessions(context, &built.path, &built.built, &built.kept)
}

/// The same of a store of which only this is known.
pub(super) fn report_sessions(
    context: &Context,
    path: &Path,
    built: &[SessionId],
    kept: &[SessionId],
) -> anyhow::Result<()> {
    let text = format!("{} built, {} kept", counted(built.len(), "session"), kept.len());
    output::wrote(context, path, &text, [("built", names(built)), ("kept", names(kept))])
}

/// Says that what was kept was not checked, and what checks it.
fn name_kept(context: &Context, subject: &SubjectId, request: &StoreRequest, built: &StoreBuilt) {
    if built.kept.is_empty() || request.verify {
        return;
    }
    let kept: Vec<String> = built.kept.iter().map(ToString::to_string).collect();
    context.note(&format!(
        "note: kept as they are: {}; to check every byte: \
         laion-fmri store build --subject {subject} --verify",
        sessions::some(&kept, kept.len())
    ));
}

fn names(sessions: &[SessionId]) -> Value {
    json!(sessions.iter().map(SessionId::as_str).collect::<Vec<_>>())
}

fn plan_lines(context: &Context, plan: &StorePlan) -> Vec<String> {
    if context.global.json {
        let fields = [
            ("path", json!(plan.path)),
            ("sessions", names(&plan.sessions)),
            ("kept", names(&plan.kept)),
            ("voxels", json!(plan.n_voxels)),
            ("bytes", json!(plan.bytes)),
            ("peak_memory", json!(plan.peak_memory)),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        return vec![output::json_line("store-plan", fields)];
    }
    let sessions: Vec<&str> = plan.sessions.iter().map(SessionId::as_str).collect();
    let build = match sessions.as_slice() {
        [] => "nothing: every session is there".to_owned(),
        some => format!("{} ({})", counted(some.len(), "session"), some.join(", ")),
    };
    vec![
        format!("store:    {}", plan.path.display()),
        format!("build:    {build}"),
        format!("keep:     {}", counted(plan.kept.len(), "session")),
        format!("voxels:   {}", plan.n_voxels),
        format!("on disk:  {}", readable_bytes(plan.bytes)),
        format!("memory:   {} at most", readable_bytes(plan.peak_memory)),
    ]
}

/// The stores that are meant, of which there has to be one.
fn stores(context: &Context, args: &Chosen) -> anyhow::Result<Vec<StoreInfo>> {
    let dataset = context.dataset()?;
    let mut stores = match args.subject.as_slice() {
        [] => dataset.stores()?,
        [all] if all.eq_ignore_ascii_case("all") => dataset.stores()?,
        named => return stores_of(&dataset, named, args.mask_source),
    };
    stores.retain(|store| args.mask_source.is_none_or(|source| store.mask_source == source));
    if stores.is_empty() {
        let hint = match dataset.subjects()?.first() {
            Some(subject) => format!("laion-fmri store build --subject {subject}"),
            None => "laion-fmri store build --subject S --from bucket builds one from the bucket"
                .to_owned(),
        };
        return Err(CommandError::not_there("there is no store").hint(hint).into());
    }
    Ok(stores)
}

/// The stores of each of these subjects.
fn stores_of(
    dataset: &Dataset,
    named: &[String],
    source: Option<MaskSource>,
) -> anyhow::Result<Vec<StoreInfo>> {
    let mut stores = Vec::new();
    for name in named {
        let id: SubjectId = name.parse().map_err(Error::from)?;
        let mut of_subject = dataset.stores()?;
        of_subject.retain(|store| {
            store.subject == id && source.is_none_or(|source| store.mask_source == source)
        });
        if of_subject.is_empty() {
            // One that nobody knows is an error of its own.
            let origin = match dataset.subject(name) {
                Ok(_) => "",
                Err(Error::DataNotDownloaded { .. }) => " --from bucket",
                Err(error) => return Err(error.into()),
            };
            let hint = format!("laion-fmri store build --subject {id}{origin}");
            return Err(CommandError::not_there(format!("{id} has no store")).hint(hint).into());
        }
        stores.extend(of_subject);
    }
    Ok(stores)
}

fn list(context: &Context, args: &Chosen) -> anyhow::Result<()> {
    let stores = stores(context, args)?;
    if context.global.json {
        return output::print_lines(stores.iter().map(json_store));
    }
    let mut lines = Vec::new();
    for store in &stores {
        let what = match (&store.problem, store.n_voxels) {
            (Some(problem), _) => format!("not usable: {problem}"),
            (None, Some(n)) if store.is_whole => format!("whole brain, {}", counted(n, "voxel")),
            (None, n) => counted(n.unwrap_or_default(), "voxel"),
        };
        lines.push(format!("{}  {}  ({what})", store.path.display(), readable_bytes(store.bytes)));
        let rows: Vec<[String; 4]> = store
            .sessions
            .iter()
            .map(|session| {
                let trials = session.n_trials.map_or_else(|| "-".to_owned(), |n| n.to_string());
                let state = state_text(&session.state);
                [session.session.to_string(), trials, readable_bytes(session.bytes), state]
            })
            .collect();
        let right = Align::Right;
        let table = columns(&rows, [Align::Left, right, right, Align::Left]);
        lines.extend(table.into_iter().map(|line| format!("  {line}")));
        if store.sessions.iter().any(|it| matches!(it.state, StoreState::Stale(_))) {
            let subject = &store.subject;
            lines.push(format!(
                "  out of date: laion-fmri verify --subject {subject} compares files that were copied; \
                 laion-fmri store build --subject {subject} builds what has changed"
            ));
        }
        lines.extend(left_behind(store));
        if let Some(hint) = small_files(context, &store.subject) {
            lines.push(format!("  its masks or trial tables are not on disk: {hint}"));
        }
    }
    if let [_, _, ..] = stores.as_slice() {
        let bytes = stores.iter().map(|store| store.bytes).sum();
        lines.push(format!("{}: {}", counted(stores.len(), "store"), readable_bytes(bytes)));
    }
    output::print_lines(lines)
}

/// What killed builds left in a store, and what removes it.
fn left_behind(store: &StoreInfo) -> Option<String> {
    if store.left_behind == 0 {
        return None;
    }
    let builds = counted(store.left_behind, "build");
    let were = agreeing(store.left_behind, "was", "were");
    let size = readable_bytes(store.left_behind_bytes);
    Some(format!(
        "  {builds} that {were} killed left {size} behind: \
         the next laion-fmri store build --subject {} removes it",
        store.subject
    ))
}

pub(super) fn state_text(state: &StoreState) -> String {
    match state {
        StoreState::InStep => "up to date".to_owned(),
        StoreState::Alone => "its file is not on disk, and not needed".to_owned(),
        StoreState::Stale(why) => format!("out of date: {why}"),
        StoreState::Damaged(why) => format!("damaged: {why}"),
        _ => "unknown".to_owned(),
    }
}

fn json_store(store: &StoreInfo) -> String {
    output::json_line("store", fields(store))
}

/// A store for other programs.
pub(super) fn fields(store: &StoreInfo) -> [(String, Value); 9] {
    let session = |session: &StoredSessionInfo| {
        json!({
            "session": session.session.as_str(),
            "trials": session.n_trials,
            "bytes": session.bytes,
            "state": state_text(&session.state),
        })
    };
    output::named([
        ("path", json!(store.path)),
        ("subject", json!(store.subject.as_str())),
        ("mask_source", json!(store.mask_source.as_str())),
        ("voxels", json!(store.n_voxels)),
        ("whole_brain", json!(store.is_whole)),
        ("bytes", json!(store.bytes)),
        ("left_behind_bytes", json!(store.left_behind_bytes)),
        ("problem", json!(store.problem)),
        ("sessions", json!(store.sessions.iter().map(session).collect::<Vec<_>>())),
    ])
}

fn verify(context: &Context, args: &Chosen) -> anyhow::Result<Status> {
    let stores = stores(context, args)?;
    let threads = NonZeroUsize::new(context.jobs()).unwrap_or(NonZeroUsize::MIN);
    let mut damaged = BTreeSet::new();
    for store in &stores {
        let check = store.verify(threads, context.interrupt.cancel())?;
        if !check.damaged.is_empty() {
            damaged.insert(&store.subject);
        }
        let bad = check.damaged.iter().map(|(path, reason)| match context.global.json {
            true => output::json_line(
                "store-damage",
                [("path".to_owned(), json!(path)), ("reason".to_owned(), json!(reason))],
            ),
            false => format!("damaged  {}: {reason}", path.display()),
        });
        output::print_lines(bad)?;
        if context.global.json {
            let fields = output::named([
                ("path", json!(store.path)),
                ("sound_arrays", json!(check.arrays)),
                ("sound_bytes", json!(check.bytes)),
                ("damaged", json!(check.damaged.len())),
            ]);
            output::print_lines([output::json_line("store-verify", fields)])?;
        }
        context.note(&format!(
            "{}: {} ({}) {} sound",
            store.path.display(),
            counted(check.arrays, "array"),
            readable_bytes(check.bytes),
            agreeing(check.arrays, "is", "are")
        ));
    }
    for subject in &damaged {
        context.note(&format!("hint: laion-fmri store build --subject {subject} --verify"));
    }
    Ok(if damaged.is_empty() { Status::Done } else { Status::Integrity })
}

fn remove(context: &Context, args: &Remove) -> anyhow::Result<()> {
    let dataset = context.dataset()?;
    let stores = stores_of(&dataset, std::slice::from_ref(&args.subject), args.mask_source)?;
    if are_all(&args.session)? {
        for store in &stores {
            store.remove(&[])?;
            context.note(&format!("removed {}", store.path.display()));
        }
        return Ok(());
    }
    let named = stored_sessions(&stores, &args.session)?;
    for store in &stores {
        let of_store = store.sessions.iter().map(|stored| &stored.session);
        let there: Vec<SessionId> = of_store.filter(|id| named.contains(*id)).cloned().collect();
        // No session at all would mean the whole store.
        if there.is_empty() {
            continue;
        }
        store.remove(&there)?;
        let what = counted(there.len(), "session");
        context.note(&format!("removed {what} of {}", store.path.display()));
    }
    Ok(())
}

/// The sessions that are meant, each of which one of these stores has to have.
fn stored_sessions(
    stores: &[StoreInfo],
    named: &[SessionName],
) -> anyhow::Result<BTreeSet<SessionId>> {
    let existing: BTreeSet<SessionId> =
        stores.iter().flat_map(|store| &store.sessions).map(|it| it.session.clone()).collect();
    let subject = stores.first().map(|store| store.subject.to_string()).unwrap_or_default();
    let listed: Vec<SessionId> = existing.iter().cloned().collect();
    let meant = resolve(named, &listed, &format!("the stores of {subject}"))?;
    let meant: Result<BTreeSet<SessionId>, _> =
        meant.names.iter().map(|name| name.parse()).collect();
    let meant = meant.map_err(Error::from)?;
    let missing: Vec<String> = meant.difference(&existing).map(ToString::to_string).collect();
    if missing.is_empty() {
        return Ok(meant);
    }
    let message = format!("no store of {subject} has {}", sessions::some(&missing, missing.len()));
    let hint = format!("laion-fmri store list --subject {subject}");
    Err(CommandError::not_there(message).hint(hint).into())
}
