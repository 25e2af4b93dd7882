//! `verify`: whether the files of the mirror are still as they were fetched; `--repair` fetches bad
//! ones again.

use std::path::{Path, PathBuf};

use laion_fmri::s3_mirror::{Condition, InvalidKey, RelativePath};
use laion_fmri::upkeep::{Depth, Verification, VerifiedFile, VerifyRequest};
use laion_fmri::{Dataset, Error, SubjectId};
use serde_json::json;

use super::{download, license};
use crate::args::mirror::Verify;
use crate::context::Context;
use crate::exit::{CommandError, Status};
use crate::output::{self, bytes};
use crate::progress;

/// What is said of a file that was there once.
const MISSING: &str = "not on disk any more";

pub(super) fn run(context: &Context, args: &Verify) -> anyhow::Result<Status> {
    let dataset = context.dataset()?;
    if !args.forget.is_empty() {
        return forget(context, &dataset, &args.forget);
    }
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
    if verification.is_sound() {
        return Ok(Status::Done);
    }
    if args.repair {
        return repair(context, &dataset, &verification, args.accept_license);
    }
    let mut hint = "hint: laion-fmri verify --repair fetches them again".to_owned();
    if !verification.missing.is_empty() {
        hint.push_str("; verify --forget FILE drops the record of what you removed on purpose");
    }
    context.note(&hint);
    Ok(Status::Integrity)
}

/// Drops records, and names the files that they were of.
fn forget(context: &Context, dataset: &Dataset, named: &[PathBuf]) -> anyhow::Result<Status> {
    let mut forgotten = Vec::new();
    for name in named {
        let path = in_mirror(dataset, name)?;
        let files = dataset.forget(&path)?;
        if files.is_empty() {
            let message = match dataset.roots().find(path.as_str()) {
                Some(file) => format!("{} is on disk: its record stays", file.display()),
                None => format!("there is no record of a missing file {path}"),
            };
            let hint = "laion-fmri verify names the files that are missing";
            return Err(CommandError::not_there(message).hint(hint).into());
        }
        forgotten.extend(files);
    }
    output::print_lines(forgotten.iter().map(|path| {
        if context.global.json {
            output::json_line("forgotten", [("path".to_owned(), json!(path.as_str()))])
        } else {
            path.to_string()
        }
    }))?;
    context.note(&format!("dropped the records of {} files", forgotten.len()));
    Ok(Status::Done)
}

/// The path of a file below the data directory, named as `verify` does or as it is on disk.
fn in_mirror(dataset: &Dataset, name: &Path) -> anyhow::Result<RelativePath> {
    let absolute = std::path::absolute(name)?;
    let below = dataset.roots().directories().iter();
    let below = below.filter_map(|root| absolute.strip_prefix(root).ok()).next();
    let relative = below.unwrap_or(name).to_string_lossy();
    let invalid = |error: InvalidKey| {
        CommandError::usage(format!("{}: no file of the data directory: {error}", name.display()))
    };
    Ok(relative.trim_end_matches('/').parse::<RelativePath>().map_err(invalid)?)
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
    let wanted = verification.bad().count() + verification.missing.len();
    let left = wanted.saturating_sub(planned);
    if status == Status::Done && left > 0 {
        context.note(&format!("{left} damaged or missing files are not in the bucket"));
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
        output::print_lines(verification.missing.iter().map(|path| {
            let fields = [
                ("path", json!(path.as_str())),
                ("size", json!(null)),
                ("sound", json!(false)),
                ("against", json!("record")),
                ("reason", json!(MISSING)),
            ];
            output::json_line("verify", fields.map(|(name, value)| (name.to_owned(), value)))
        }))?;
    } else {
        let bad = verification.bad();
        let bad = bad.map(|file| format!("{}: {}", file.path, reason(file).unwrap_or_default()));
        let missing = verification.missing.iter().map(|path| format!("{path}: {MISSING}"));
        output::print_lines(bad.chain(missing))?;
    }
    let size: u64 = verification.files.iter().map(|file| file.size).sum();
    let unproved = verification.files.iter().filter(|file| file.against == "itself").count();
    let mut line = format!("verified {} files ({})", verification.files.len(), bytes(size));
    if bad > 0 {
        line.push_str(&format!(", bad {bad}"));
    }
    if unproved > 0 {
        line.push_str(&format!(", {unproved} of them without anything to compare with"));
    }
    if !verification.missing.is_empty() {
        line.push_str(&format!(", missing {}", verification.missing.len()));
    }
    if verification.is_sound() {
        line.push_str(", all sound");
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
