//! `verify`: whether the files of the mirror are still as they were fetched; `--repair` fetches bad
//! ones again.

use laion_fmri::s3_mirror::Condition;
use laion_fmri::upkeep::{Depth, Verification, VerifiedFile, VerifyRequest};
use laion_fmri::{Dataset, Error, SubjectId};
use serde_json::json;

use super::{download, license};
use crate::args::mirror::Verify;
use crate::context::Context;
use crate::exit::Status;
use crate::output::{self, bytes};
use crate::progress;

pub(super) fn run(context: &Context, args: &Verify) -> anyhow::Result<Status> {
    let dataset = context.dataset()?;
    let subjects: Result<Vec<SubjectId>, _> = args.subject.iter().map(|it| it.parse()).collect();
    let depth = if args.fast { Depth::Sizes } else { Depth::Content };
    let mut request = VerifyRequest::new().depth(depth).jobs(context.jobs());
    for subject in subjects.map_err(Error::from)? {
        request = request.subject(subject);
    }
    let observer = progress::Files::new(context);
    let verification = dataset.verify(&request, &observer, context.interrupt.cancel());
    observer.finish();
    let verification = verification?;
    print(context, &verification)?;
    let bad = verification.bad().count();
    if bad == 0 {
        return Ok(Status::Done);
    }
    if args.repair {
        return repair(context, &dataset, &verification, args.accept_license);
    }
    context.note("hint: laion-fmri verify --repair fetches them again");
    Ok(Status::Integrity)
}

fn repair(
    context: &Context,
    dataset: &Dataset,
    verification: &Verification,
    accept_license: bool,
) -> anyhow::Result<Status> {
    let license = license::obtain(context, dataset, accept_license)?;
    let download = context.interrupt.at_once(|| dataset.plan_repair(verification))?;
    let planned = download.plan().items.len();
    let status = download::transfer(context, &download, &license, context.jobs())?;
    // What the bucket does not have cannot be repaired.
    let left = verification.bad().count().saturating_sub(planned);
    if status == Status::Done && left > 0 {
        context.note(&format!("{left} bad files are not in the bucket"));
        return Ok(Status::Integrity);
    }
    Ok(status)
}

fn print(context: &Context, verification: &Verification) -> anyhow::Result<()> {
    let bad = verification.bad().count();
    if context.global.json {
        output::print_lines(verification.files.iter().map(|file| {
            let fields = [
                ("path", json!(file.path.as_str())),
                ("size", json!(file.size)),
                ("sound", json!(file.condition.is_sound())),
                ("against", json!(file.against)),
                ("reason", json!(reason(file))),
            ];
            output::json_line("verify", fields.map(|(name, value)| (name.to_owned(), value)))
        }))?;
    } else {
        output::print_lines(
            verification
                .bad()
                .map(|file| format!("{}: {}", file.path, reason(file).unwrap_or_default())),
        )?;
    }
    let size: u64 = verification.files.iter().map(|file| file.size).sum();
    let unproved = verification.files.iter().filter(|file| file.against == "itself").count();
    let mut line = format!("verified {} files ({})", verification.files.len(), bytes(size));
    line.push_str(&if bad == 0 { ", all sound".to_owned() } else { format!(", bad {bad}") });
    if unproved > 0 {
        line.push_str(&format!(", {unproved} of them without anything to compare with"));
    }
    if !verification.missing.is_empty() {
        line.push_str(&format!(", not on disk any more {}", verification.missing.len()));
    }
    context.note(&line);
    Ok(())
}

fn reason(file: &VerifiedFile) -> Option<String> {
    Some(match &file.condition {
        Condition::Sound(_) | Condition::Unread => return None,
        other => in_words(other),
    })
}

/// A condition that is not sound, in words.
pub(super) fn in_words(condition: &Condition) -> String {
    match condition {
        Condition::Size { expected, got } => format!("expected {expected} bytes, got {got}"),
        Condition::Sha256 { expected, got } => {
            format!("changed since it came: expected sha256 {expected}, got {got}")
        }
        Condition::ETag { expected, got } => {
            format!("not the object: expected entity tag {expected}, got {got}")
        }
        Condition::Damaged { source } => format!("damaged: {source}"),
        Condition::Missing => "disappeared".to_owned(),
        _ => "bad".to_owned(),
    }
}
