//! `store`: builds, lists, checks and removes stores of betas.

use std::num::NonZeroUsize;

use laion_fmri::store::{StoreInfo, StorePlan, StoreRequest, StoreState};
use laion_fmri::{Error, SessionId, Subject, layout};
use laion_fmri_base::{counted, readable_bytes};
use serde_json::{Value, json};

use super::{license, sessions, voxels};
use crate::args::extract::Origin;
use crate::args::store::{Build, Chosen, Remove, StoreAction};
use crate::context::Context;
use crate::exit::{CommandError, Status};
use crate::output::{self, Align, columns};
use crate::progress::VolumeProgress;

pub(super) fn run(context: &Context, action: &StoreAction) -> anyhow::Result<Status> {
    match action {
        StoreAction::Build(args) => build(context, args).map(|()| Status::Done),
        StoreAction::List(args) => list(context, args).map(|()| Status::Done),
        StoreAction::Verify(args) => verify(context, args),
        StoreAction::Remove(args) => remove(context, args).map(|()| Status::Done),
    }
}

fn build(context: &Context, args: &Build) -> anyhow::Result<()> {
    let dataset = match args.from {
        Origin::Mirror => context.dataset()?,
        Origin::Bucket => {
            let dataset = context.bucket_dataset()?;
            // Where the store goes if no directory is named; nothing is read from there.
            match (&args.output, context.dataset()) {
                (Some(_), _) => dataset,
                (None, mirror) => dataset.with_roots(mirror?.roots().clone()),
            }
        }
    };
    let subject = dataset.subject(&args.subject)?;
    let chosen = sessions::of_subject(context, &subject, &args.session, layout::betas)?;
    let mut request = StoreRequest::new().sessions(&chosen).voxels(voxels::voxels(
        context,
        &args.voxels,
        &subject,
    )?);
    request.directory = args.output.clone();
    request.max_memory = args.max_memory;
    if args.dry_run {
        return output::print_lines(plan_lines(context, &subject.plan_store(&request)?));
    }
    if args.from == Origin::Bucket {
        license::obtain_for_bucket(context, args.accept_license)?;
    }
    let progress = VolumeProgress::new(context);
    let built = subject.build_store(&request, &progress, context.interrupt.cancel());
    progress.finish();
    let built = built?;
    let text =
        format!("{} built, {} kept", counted(built.built.len(), "session"), built.kept.len());
    let names =
        |sessions: &[SessionId]| json!(sessions.iter().map(SessionId::as_str).collect::<Vec<_>>());
    let fields = [("built", names(&built.built)), ("kept", names(&built.kept))];
    output::wrote(context, &built.path, &text, fields)
}

fn plan_lines(context: &Context, plan: &StorePlan) -> Vec<String> {
    if context.global.json {
        let fields = [
            ("path", json!(plan.path)),
            ("sessions", json!(plan.sessions.iter().map(SessionId::as_str).collect::<Vec<_>>())),
            ("kept", json!(plan.kept.iter().map(SessionId::as_str).collect::<Vec<_>>())),
            ("voxels", json!(plan.n_voxels)),
            ("bytes", json!(plan.bytes)),
            ("peak_memory", json!(plan.peak_memory)),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        return vec![output::json_line("store-plan", fields)];
    }
    let sessions: Vec<&str> = plan.sessions.iter().map(SessionId::as_str).collect();
    vec![
        format!("store:    {}", plan.path.display()),
        format!("build:    {} ({})", counted(sessions.len(), "session"), sessions.join(", ")),
        format!("keep:     {}", counted(plan.kept.len(), "session")),
        format!("voxels:   {}", plan.n_voxels),
        format!("on disk:  {}", readable_bytes(plan.bytes)),
        format!("memory:   {} at most", readable_bytes(plan.peak_memory)),
    ]
}

/// The stores that are meant, of which there has to be one.
fn stores(context: &Context, args: &Chosen) -> anyhow::Result<(Subject, Vec<StoreInfo>)> {
    let subject = context.dataset()?.subject(&args.subject)?;
    let stores = subject.stores(args.mask_source)?;
    if stores.is_empty() {
        let message = format!("{} has no store", subject.id());
        let hint = format!("laion-fmri store build --subject {} builds one", subject.id());
        return Err(CommandError::not_there(message).hint(hint).into());
    }
    Ok((subject, stores))
}

fn list(context: &Context, args: &Chosen) -> anyhow::Result<()> {
    let (_, stores) = stores(context, args)?;
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
    }
    output::print_lines(lines)
}

fn state_text(state: &StoreState) -> String {
    match state {
        StoreState::InStep => "in step".to_owned(),
        StoreState::Alone => "its file is not on disk".to_owned(),
        StoreState::Stale(why) => format!("out of step: {why}"),
        StoreState::Damaged(why) => format!("damaged: {why}"),
        _ => "unknown".to_owned(),
    }
}

fn json_store(store: &StoreInfo) -> String {
    let sessions: Vec<Value> = store
        .sessions
        .iter()
        .map(|session| {
            json!({
                "session": session.session.as_str(),
                "trials": session.n_trials,
                "bytes": session.bytes,
                "state": state_text(&session.state),
            })
        })
        .collect();
    let fields = [
        ("path", json!(store.path)),
        ("subject", json!(store.subject.as_str())),
        ("mask_source", json!(store.mask_source.as_str())),
        ("voxels", json!(store.n_voxels)),
        ("whole_brain", json!(store.is_whole)),
        ("bytes", json!(store.bytes)),
        ("problem", json!(store.problem)),
        ("sessions", json!(sessions)),
    ];
    output::json_line("store", fields.map(|(name, value)| (name.to_owned(), value)))
}

fn verify(context: &Context, args: &Chosen) -> anyhow::Result<Status> {
    let (subject, stores) = stores(context, args)?;
    let threads = NonZeroUsize::new(context.jobs()).unwrap_or(NonZeroUsize::MIN);
    let mut damaged = 0;
    for store in &stores {
        let check = store.verify(threads, context.interrupt.cancel())?;
        damaged += check.damaged.len();
        let bad = check.damaged.iter().map(|(path, reason)| match context.global.json {
            true => output::json_line(
                "store-damage",
                [("path".to_owned(), json!(path)), ("reason".to_owned(), json!(reason))],
            ),
            false => format!("damaged  {}: {reason}", path.display()),
        });
        output::print_lines(bad)?;
        let arrays = counted(check.arrays, "array");
        let sound = format!("{arrays} ({}) are sound", readable_bytes(check.bytes));
        context.note(&format!("{}: {sound}", store.path.display()));
    }
    if damaged == 0 {
        return Ok(Status::Done);
    }
    context.note(&format!(
        "hint: laion-fmri store build --subject {} builds again what is damaged",
        subject.id()
    ));
    Ok(Status::Integrity)
}

fn remove(context: &Context, args: &Remove) -> anyhow::Result<()> {
    let (subject, stores) = stores(context, &args.chosen)?;
    let named = sessions::of_subject(context, &subject, &args.session, layout::betas)?;
    let named: Result<Vec<SessionId>, _> = named.iter().map(|name| name.parse()).collect();
    let named = named.map_err(Error::from)?;
    for store in &stores {
        store.remove(&named)?;
        let what = match named.len() {
            0 => "removed".to_owned(),
            n => format!("removed {} of", counted(n, "session")),
        };
        context.note(&format!("{what} {}", store.path.display()));
    }
    Ok(())
}
