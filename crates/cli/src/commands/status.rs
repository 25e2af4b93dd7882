//! `status`: what is on disk against what the bucket has.

use std::collections::BTreeSet;
use std::time::Duration;

use laion_fmri::store::StoreInfo;
use laion_fmri::upkeep::{
    Against, Amount, DiskUsage, RoiStatus, SessionStatus, Status as Found, SubjectStatus,
    TreeStatus,
};
use laion_fmri::{Error, ErrorKind, SessionId, SubjectId};
use laion_fmri_base::{counted, readable_bytes};
use serde_json::{Value, json};

use super::store;
use crate::args::mirror::Status;
use crate::context::Context;
use crate::output::{self, Align, columns};

/// No request to the bucket is repeated later than this.
const PATIENCE: Duration = Duration::from_secs(15);

/// What stands in a table where nothing is known or there.
const NONE: &str = "-";

pub(super) fn run(context: &Context, args: &Status) -> anyhow::Result<()> {
    let dataset = context.dataset()?;
    if args.usage {
        let usage = dataset.disk_usage()?;
        return output::print_lines(match context.global.json {
            true => usage.iter().map(usage_line).collect(),
            false => usage_table(&usage),
        });
    }
    // The disk can be counted without the bucket, so the answer is not waited for as in a download.
    let mut patience = dataset.connect_options().clone();
    (patience.max_retries, patience.retry_timeout) = (2, PATIENCE);
    let dataset = dataset.with_connect_options(patience)?;
    let subjects: Result<Vec<SubjectId>, _> = match args.subject.as_slice() {
        [all] if all.eq_ignore_ascii_case("all") => Ok(Vec::new()),
        named => named.iter().map(|id| id.parse()).collect(),
    };
    let subjects = subjects.map_err(Error::from)?;
    let ask = |against: Against| match against {
        Against::Bucket => context.asking(|| dataset.status(&subjects, against)),
        Against::Disk => context.interrupt.at_once(|| dataset.status(&subjects, against)),
    };
    let found = if args.local {
        ask(Against::Disk)?
    } else {
        match ask(Against::Bucket) {
            Err(error) if is_unreachable(&error) => {
                context.note(&format!("note: only what is on disk is counted: {error}"));
                ask(Against::Disk)?
            }
            found => found?,
        }
    };
    if context.global.json {
        return output::print_lines(
            found.subjects.iter().map(|subject| output::json_line("status", json_fields(subject))),
        );
    }
    let mut lines = overview(&found);
    if !args.subject.is_empty() {
        for subject in &found.subjects {
            lines.extend(details(subject));
        }
    } else if found.subjects.is_empty() {
        context.note("nothing of any subject is on disk");
        lines.clear();
    } else if let Some(first) = found.subjects.first() {
        let id = &first.subject;
        context.note(&format!("--subject {id} lists its sessions, folders and ROIs"));
    }
    output::print_lines(lines)
}

/// Whether the disk can still be counted.
fn is_unreachable(error: &Error) -> bool {
    matches!(error, Error::Offline { .. } | Error::NotTheDataset { .. })
        || matches!(error, Error::Mirror(_)) && error.kind() == ErrorKind::Other
}

/// One line for each subject, and their sum.
fn overview(found: &Found) -> Vec<String> {
    let mut rows = vec![
        [
            "subject",
            "sessions",
            "trials",
            "ROIs",
            "on disk",
            "in stores",
            "in the bucket",
            "not released yet",
        ]
        .map(str::to_owned),
    ];
    rows.extend(found.subjects.iter().map(|subject| {
        let released = subject.sessions.iter().filter(|session| session.is_released).count();
        let here = subject.sessions.iter().filter(|session| session.has_betas).count();
        let sessions = match found.against {
            Against::Bucket => format!("{here} of {released}"),
            Against::Disk => here.to_string(),
        };
        // An ROI in two categories is one, as `rois` lists it.
        let names = |wanted: fn(&RoiStatus) -> bool| {
            let rois = subject.rois.iter().filter(|roi| wanted(roi));
            rois.map(|roi| &roi.roi.name).collect::<BTreeSet<_>>().len()
        };
        let rois = names(|roi| roi.is_on_disk);
        let rois = match found.against {
            Against::Bucket => format!("{rois} of {}", names(|_| true)),
            Against::Disk => rois.to_string(),
        };
        [
            subject.subject.to_string(),
            sessions,
            subject.trials().to_string(),
            rois,
            readable_bytes(subject.disk().bytes),
            in_stores(subject),
            amount(subject.bucket()),
            held_out(subject),
        ]
    }));
    if found.subjects.len() > 1 {
        let trials: usize = found.subjects.iter().map(SubjectStatus::trials).sum();
        let [disk, bucket] = [readable_bytes(found.disk().bytes), amount(found.bucket())];
        let stores = found.subjects.iter().flat_map(|subject| &subject.stores);
        let stores = match stores.map(|store| store.bytes).sum() {
            0 => NONE.to_owned(),
            bytes => readable_bytes(bytes),
        };
        let total = ["total", "", &trials.to_string(), "", &disk, &stores, &bucket, ""];
        rows.push(total.map(str::to_owned));
    }
    let right = Align::Right;
    columns(&rows, [Align::Left, right, right, right, right, right, right, Align::Left])
}

/// How many sessions are read from stores, how many are there and are not, and what all take.
fn in_stores(subject: &SubjectStatus) -> String {
    if subject.stores.is_empty() {
        return NONE.to_owned();
    }
    let sessions = || subject.stores.iter().flat_map(|store| &store.sessions);
    let used: BTreeSet<_> =
        sessions().filter(|it| it.state.is_used()).map(|it| &it.session).collect();
    let stale = sessions().filter(|it| !it.state.is_used()).count();
    let bytes = readable_bytes(subject.stores.iter().map(|store| store.bytes).sum());
    match stale {
        0 => format!("{} ({bytes})", counted(used.len(), "session")),
        stale => format!("{}, {stale} not used ({bytes})", counted(used.len(), "session")),
    }
}

/// What takes how much space.
fn usage_table(usage: &[DiskUsage]) -> Vec<String> {
    let mut rows = vec![["what", "files", "on disk", "where"].map(str::to_owned)];
    rows.extend(usage.iter().map(|DiskUsage { what, path, disk, .. }| {
        let (files, bytes) = (disk.files.to_string(), readable_bytes(disk.bytes));
        [(*what).to_owned(), files, bytes, path.display().to_string()]
    }));
    columns(&rows, [Align::Left, Align::Right, Align::Right, Align::Left])
}

fn usage_line(usage: &DiskUsage) -> String {
    let fields = [
        ("what", json!(usage.what)),
        ("path", json!(usage.path)),
        ("files", json!(usage.disk.files)),
        ("bytes", json!(usage.disk.bytes)),
    ];
    output::json_line("disk-usage", output::named(fields))
}

fn held_out(subject: &SubjectStatus) -> String {
    let held_out = subject.sessions.iter().filter(|session| !session.is_released);
    let names: Vec<&str> = held_out.map(|session| session.session.as_str()).collect();
    if names.is_empty() { NONE.to_owned() } else { names.join(", ") }
}

fn amount(amount: Option<Amount>) -> String {
    match amount {
        Some(amount) if amount.files > 0 => readable_bytes(amount.bytes),
        _ => NONE.to_owned(),
    }
}

/// The sessions, folders and ROIs of a subject.
fn details(subject: &SubjectStatus) -> Vec<String> {
    let mut lines = vec![String::new(), subject.subject.to_string()];
    let right = Align::Right;
    let mut rows =
        vec![["session", "trials", "on disk", "in stores", "in the bucket", ""].map(str::to_owned)];
    rows.extend(subject.sessions.iter().map(|session| {
        let trials = session.trials.map_or_else(|| NONE.to_owned(), |trials| trials.to_string());
        let disk = amount(Some(session.disk));
        let state = match session {
            SessionStatus { is_released: false, .. } => "not released yet",
            SessionStatus { has_betas: true, .. } => "",
            SessionStatus { disk: Amount { files: 0, .. }, .. } => "not downloaded",
            _ => "without betas",
        };
        let stored = stored(subject, &session.session);
        let bucket = amount(session.bucket);
        [session.session.to_string(), trials, disk, stored, bucket, state.to_owned()]
    }));
    lines.extend(indented(columns(&rows, [Align::Left, right, right, right, right, Align::Left])));
    lines.push(String::new());
    let mut rows = vec![["folder", "files", "on disk", "in the bucket"].map(str::to_owned)];
    rows.extend(subject.trees.iter().map(|tree| {
        let files = tree.disk.files;
        let files = match tree.bucket {
            Some(bucket) => format!("{files} of {}", bucket.files),
            None => files.to_string(),
        };
        [tree.prefix.clone(), files, amount(Some(tree.disk)), amount(tree.bucket)]
    }));
    lines.extend(indented(columns(&rows, [Align::Left, right, right, right])));
    lines.push(String::new());
    let mut rows = vec![["category", "ROI", "voxels", ""].map(str::to_owned)];
    rows.extend(subject.rois.iter().map(|RoiStatus { roi, is_on_disk, .. }| {
        let voxels = roi.voxels.map_or_else(|| NONE.to_owned(), |voxels| voxels.to_string());
        let state = if *is_on_disk { "" } else { "not downloaded" };
        [roi.category.clone(), roi.name.clone(), voxels, state.to_owned()]
    }));
    lines.extend(indented(columns(&rows, [Align::Left, Align::Left, right, Align::Left])));
    lines
}

/// What stores take of a session, and whether it is read from one of them.
fn stored(subject: &SubjectStatus, session: &SessionId) -> String {
    let sessions = subject.stores.iter().flat_map(|store| &store.sessions);
    let found: Vec<_> = sessions.filter(|it| it.session == *session).collect();
    let bytes = readable_bytes(found.iter().map(|it| it.bytes).sum());
    match found.as_slice() {
        [] => NONE.to_owned(),
        found if found.iter().any(|it| it.state.is_used()) => bytes,
        _ => format!("{bytes}, not used"),
    }
}

fn indented(lines: Vec<String>) -> impl Iterator<Item = String> {
    lines.into_iter().map(|line| format!("  {line}"))
}

fn json_fields(subject: &SubjectStatus) -> Vec<(String, Value)> {
    let amount = |amount: Amount| json!({ "files": amount.files, "bytes": amount.bytes });
    let sessions: Vec<Value> = subject
        .sessions
        .iter()
        .map(|session| {
            json!({
                "session": session.session.as_str(),
                "released": session.is_released,
                "betas": session.has_betas,
                "trials": session.trials,
                "disk": amount(session.disk),
                "bucket": session.bucket.map(amount),
            })
        })
        .collect();
    let tree = |tree: &TreeStatus| {
        let (disk, bucket) = (amount(tree.disk), tree.bucket.map(amount));
        json!({ "prefix": tree.prefix, "disk": disk, "bucket": bucket })
    };
    let trees: Vec<Value> = subject.trees.iter().map(tree).collect();
    let rois: Vec<Value> = subject
        .rois
        .iter()
        .map(|RoiStatus { roi, is_on_disk, .. }| {
            json!({
                "roi": roi.name,
                "category": roi.category,
                "voxels": roi.voxels,
                "on_disk": is_on_disk,
            })
        })
        .collect();
    [
        ("subject", json!(subject.subject.as_str())),
        ("trials", json!(subject.trials())),
        ("disk", amount(subject.disk())),
        ("bucket", json!(subject.bucket().map(amount))),
        ("sessions", json!(sessions)),
        ("trees", json!(trees)),
        ("rois", json!(rois)),
        ("stores", json!(subject.stores.iter().map(store_fields).collect::<Vec<_>>())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn store_fields(store: &StoreInfo) -> Value {
    Value::Object(store::fields(store).into_iter().collect())
}
