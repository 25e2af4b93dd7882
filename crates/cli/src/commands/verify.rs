//! `verify`: whether the files on disk are still as they were downloaded; `--repair` downloads
//! damaged ones again.

use std::path::{Path, PathBuf};

use laion_fmri::s3_mirror::{Condition, InvalidKey, RelativePath};
use laion_fmri::upkeep::{Depth, Verification, VerifiedFile, VerifyRequest};
use laion_fmri::{Dataset, Error, SubjectId};
use laion_fmri_base::{agreeing, counted, readable_bytes};
use serde_json::json;

use super::download;
use super::license::License;
use crate::args::mirror::Verify;
use crate::context::Context;
use crate::exit::{CommandError, Status};
use crate::output;
use crate::progress;

/// The folder of a data directory that holds stores.
const STORES: &str = "stores";
/// What is said of a file that was there once.
const MISSING: &str = "no longer on disk";

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
    let mut hint = "hint: laion-fmri verify --repair downloads them again".to_owned();
    if !verification.missing.is_empty() {
        hint.push_str(
            "; verify --forget FILE drops the record of a file that you deleted on purpose",
        );
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
                Some(file) => format!("{} is on disk, so its record is kept", file.display()),
                None => format!("no missing file is recorded as {path}"),
            };
            let hint = "laion-fmri verify";
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
    context.note(&format!("forgot {}", counted(forgotten.len(), "file")));
    Ok(Status::Done)
}

/// The path of a file below the data directory, named as `verify` does or as it is on disk.
fn in_mirror(dataset: &Dataset, name: &Path) -> anyhow::Result<RelativePath> {
    let absolute = std::path::absolute(name)?;
    let below = dataset.roots().directories().iter();
    let below = below.filter_map(|root| absolute.strip_prefix(root).ok()).next();
    let relative = below.unwrap_or(name).to_string_lossy();
    let invalid = |error: InvalidKey| {
        CommandError::usage(format!(
            "{} is not a file of the data directory: {error}",
            name.display()
        ))
    };
    Ok(relative.trim_end_matches('/').parse::<RelativePath>().map_err(invalid)?)
}

fn repair(
    context: &Context,
    dataset: &Dataset,
    verification: &Verification,
    accept_license: bool,
) -> anyhow::Result<Status> {
    let license = License::for_data(context, dataset, accept_license)?;
    let download = context.asking(|| dataset.plan_repair(verification))?;
    download::check_destination(&download)?;
    let license = license.obtain(|| Ok(download::to_download(&download)))?;
    let planned = download.plan().items.len();
    let status = download::transfer(context, &download, &license, context.jobs(), None)?;
    // What the bucket does not have cannot be repaired.
    let wanted = verification.bad().count() + verification.missing.len();
    let left = wanted.saturating_sub(planned);
    if status == Status::Done && left > 0 {
        let files = counted(left, "damaged or missing file");
        let are = agreeing(left, "is", "are");
        context.note(&format!("{files} {are} not in the bucket"));
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
                ("check", json!(file.check.map(|check| check.to_string()))),
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
                ("check", json!(null)),
                ("reason", json!(MISSING)),
            ];
            output::json_line("verify", fields.map(|(name, value)| (name.to_owned(), value)))
        }))?;
    } else {
        let bad = verification.bad();
        let bad = bad.map(|file| format!("{}: {}", file.path, reason(file).unwrap_or_default()));
        let missing = verification.missing.iter().map(|path| format!("{path}: {MISSING}"));
        let faulty = verification.faults();
        let faulty = faulty.map(|(file, fault)| format!("{}: {}", file.path, of_bucket(fault)));
        output::print_lines(bad.chain(missing).chain(faulty))?;
    }
    let size: u64 = verification.files.iter().map(|file| file.size).sum();
    let is_unknown = |file: &&VerifiedFile| {
        file.against == "itself" && file.condition.is_sound() && file.condition.fault().is_none()
    };
    let (of_stores, unknown): (Vec<_>, Vec<_>) =
        verification.files.iter().filter(is_unknown).partition(|file| is_of_store(&file.path));
    let (of_stores, unknown) = (of_stores.len(), unknown.len());
    let checked = verification.files.len();
    let faulty = verification.faults().count();
    let mut parts = Vec::new();
    for (count, what) in [
        (checked - bad - unknown - of_stores - faulty, "fine"),
        (bad, "damaged"),
        (faulty, "faulty in the bucket itself"),
        (verification.missing.len(), "missing"),
        (of_stores, "of stores (laion-fmri store verify checks them)"),
        (unknown, "unknown (not from the bucket)"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let is_all_fine = verification.is_sound() && unknown + of_stores + faulty == 0;
    let found =
        if parts.len() == 1 && is_all_fine { "all fine".to_owned() } else { parts.join(", ") };
    let files = counted(checked, "file");
    context.note(&format!("checked {files} ({}): {found}", readable_bytes(size)));
    Ok(())
}

/// Whether a file belongs to a store of betas, which was made here.
fn is_of_store(path: &RelativePath) -> bool {
    path.parts().next() == Some(STORES)
}

/// What is said of a file that is what the bucket has, where that is at fault.
fn of_bucket(fault: &str) -> String {
    format!("as in the bucket, where it is faulty itself: {fault}")
}

fn reason(file: &VerifiedFile) -> Option<String> {
    if let Some(fault) = file.condition.fault() {
        return Some(of_bucket(fault));
    }
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
            format!("changed since download: expected sha256 {expected}, got {got}")
        }
        Condition::ETag { expected, got } => {
            format!("not the file of the bucket: expected entity tag {expected}, got {got}")
        }
        Condition::Checksum { check, expected, got } => {
            format!("not the file of the bucket: expected {check} {expected}, got {got}")
        }
        Condition::Damaged { source } => format!("damaged: {source}"),
        Condition::Missing => "disappeared".to_owned(),
        _ => "bad".to_owned(),
    }
}
