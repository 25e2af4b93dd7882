//! What became of a download, in words and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use laion_fmri::Download;
use laion_fmri::bids::entity_value;
use laion_fmri::s3_mirror::{Check, Outcome, Report, Stop, TransferError, Withheld};
use laion_fmri_base::{counted, readable_bytes as bytes};
use serde_json::json;

use crate::context::Context;
use crate::exit::chain;
use crate::hint;
use crate::output;
use crate::progress::outcome_name;

/// Prints the outcome of every file that did not come, or with `--json` of every file, and the
/// sums.
pub(super) fn print(context: &Context, download: &Download, report: &Report) -> anyhow::Result<()> {
    note_failures(context, download, report);
    for (key, outcome) in &report.outcomes {
        if let Outcome::Refused(refusal) = outcome {
            context.failure(&refused(key.as_str(), refusal));
        }
    }
    for it in &report.refused {
        context.failure(&refused(&it.key, &it.reason));
    }
    for (key, fault) in report.faults() {
        context.note(&format!("warning: {key} is faulty in the bucket itself: {fault}"));
    }
    if context.global.json {
        print_json(report)?;
    } else if context.global.verbose > 0 {
        for (key, outcome) in &report.outcomes {
            let reason = reason(outcome).map(|it| format!(" ({it})")).unwrap_or_default();
            context.note(&format!("{} {key}{reason}", outcome_name(outcome)));
        }
    }
    let totals = report.totals();
    let mut line = downloaded(totals.fetched, totals.fetched_bytes, totals.kept);
    for (name, total) in [
        ("refused", totals.refused),
        ("no longer in the bucket", totals.gone),
        ("failed", totals.failed),
        ("not finished", totals.not_attempted),
    ] {
        if total > 0 {
            line.push_str(&format!(", {total} {name}"));
        }
    }
    if totals.unfinished > 0 {
        let sizes = download.plan().iter().zip(&report.outcomes);
        let sizes = sizes.filter(|(_, (_, it))| matches!(it, Outcome::Unfinished { .. }));
        let size = sizes.map(|(item, _)| item.size).fold(0, u64::saturating_add);
        let (there, size) = (bytes(totals.unfinished_bytes), bytes(size));
        line.push_str(&format!("; {} partly ({there} of {size})", totals.unfinished));
        line.push_str(", will be resumed");
    }
    context.note(&line);
    note_withheld(context, report);
    note_checks(context, report);
    if report.stop == Some(Stop::Unreachable) {
        let location = context.location().to_string();
        context.note(&format!("hint: {}", hint::of_network(&location)));
    }
    let is_outage = matches!(report.stop, Some(Stop::Unreachable | Stop::Unavailable));
    if (is_outage || totals.unfinished > 0) && context.interrupt.signal().is_none() {
        context.note("hint: run the same command again to continue");
    }
    Ok(())
}

fn print_json(report: &Report) -> anyhow::Result<()> {
    let outcomes = report.outcomes.iter().map(|(key, outcome)| {
        let content = report.contents.get(key);
        let fields = [
            ("key", json!(key.as_str())),
            ("outcome", json!(outcome_name(outcome))),
            ("reason", json!(reason(outcome))),
            ("check", json!(content.map(|content| content.check.to_string()))),
            ("fault", json!(content.and_then(|content| content.fault.as_deref()))),
        ];
        output::json_line("download", fields.map(|(name, value)| (name.to_owned(), value)))
    });
    let refused = report.refused.iter().map(|refused| {
        let fields = [
            ("key", json!(refused.key)),
            ("outcome", json!("refused")),
            ("reason", json!(refused.reason.to_string())),
            ("check", json!(null)),
            ("fault", json!(null)),
        ];
        output::json_line("download", fields.map(|(name, value)| (name.to_owned(), value)))
    });
    output::print_lines(outcomes.chain(refused))
}

fn reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Withheld { reason } => Some(reason.to_string()),
        Outcome::Refused(refusal) => Some(refusal.to_string()),
        Outcome::Failed { error } => Some(chain(anyhow::Chain::new(&**error))),
        Outcome::Unfinished { bytes } => Some(format!("{bytes} bytes are there")),
        _ => None,
    }
}

/// `downloaded 2 files (6.01 MB), 3 already on disk`
pub(crate) fn downloaded(files: u64, size: u64, kept: u64) -> String {
    let mut line = format!("downloaded {} ({})", counted(files, "file"), bytes(size));
    if kept > 0 {
        line.push_str(&format!(", {kept} already on disk"));
    }
    line
}

/// A key that cannot become a file.
pub(super) fn refused(key: &str, reason: &impl Display) -> String {
    format!("refused: {key:?}: {reason}")
}

/// Files that failed, once for each reason, and what would help.
fn note_failures(context: &Context, download: &Download, report: &Report) {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let (mut outside, mut limits) = (false, BTreeSet::new());
    for (item, (key, outcome)) in download.plan().iter().zip(&report.outcomes) {
        let Outcome::Failed { error } = outcome else { continue };
        outside |= matches!(**error, TransferError::OutsideRoot { .. });
        limits.extend(hint::of_limit(&**error));
        let there = download.unfinished_bytes(item);
        let kept = match there {
            0 => String::new(),
            there => format!(" ({} of it are kept)", bytes(there)),
        };
        let reason = chain(anyhow::Chain::new(&**error));
        let named = format!("{key}{kept}");
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, keys)) if context.global.verbose == 0 => keys.push(named),
            _ => reasons.push((reason, vec![named])),
        }
    }
    for (reason, keys) in reasons {
        match keys.as_slice() {
            [key] => context.failure(&format!("failed: {key}: {reason}")),
            keys => {
                let files = counted(keys.len(), "file");
                context.failure(&format!("failed: {files}: {reason} ({}, ...)", keys[0]));
            }
        }
    }
    limits.iter().for_each(|limit| context.failure(&format!("hint: {limit}")));
    if outside {
        context.failure(
            "hint: --follow-links writes through links at derivatives, a tree or a subject; \
             laion-fmri config --follow-links stores that",
        );
    }
}

/// Withheld files, once for each reason: by their sessions when those are held back, else by the
/// first.
fn note_withheld(context: &Context, report: &Report) {
    let mut reasons: BTreeMap<String, (u64, Vec<String>)> = BTreeMap::new();
    for (key, outcome) in &report.outcomes {
        let Outcome::Withheld { reason } = outcome else { continue };
        let session = entity_value(key.as_str(), "ses").map(|session| format!("ses-{session}"));
        let shown = session.filter(|_| matches!(reason, Withheld::Rule(_)));
        let shown = shown.unwrap_or_else(|| key.to_string());
        let (count, examples) = reasons.entry(reason.to_string()).or_default();
        *count += 1;
        if !examples.contains(&shown) {
            examples.push(shown);
        }
    }
    for (reason, (count, examples)) in reasons {
        let more = if examples.len() > 1 { ", ..." } else { "" };
        let files = counted(count, "file");
        let text = format!("{files} withheld: {reason} ({}{more})", examples[0]);
        match context.global.strict {
            true => context.failure(&text),
            false => context.note(&text),
        }
    }
}

/// How files were checked whose entity tags are no digests. A folder has no other tags, so there it
/// is said only when more is asked for.
fn note_checks(context: &Context, report: &Report) {
    if !context.location().is_remote() && context.global.verbose == 0 {
        return;
    }
    let mut checks: BTreeMap<Check, u64> = BTreeMap::new();
    for content in report.contents.values() {
        if !content.check.is_proof() {
            *checks.entry(content.check).or_default() += 1;
        }
    }
    if checks.is_empty() {
        return;
    }
    let checks = checks.into_iter().map(|(check, count)| match check {
        Check::Size => format!("{} by size only", counted(count, "file")),
        check => format!("{} by {check}", counted(count, "file")),
    });
    let checks: Vec<String> = checks.collect();
    context.note(&format!("the bucket gives no digests; checked {}", checks.join(", ")));
}
