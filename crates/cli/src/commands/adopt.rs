//! `adopt`: uses files that another tool downloaded, without downloading them again.

use laion_fmri::s3_mirror::TakeOver;
use laion_fmri::upkeep::AdoptionOutcome;
use laion_fmri_base::{counted, readable_bytes};
use serde_json::json;

use super::verify::in_words;
use crate::args::mirror::{Adopt, How};
use crate::context::Context;
use crate::exit::Status;
use crate::output;
use crate::progress;

pub(super) fn run(context: &Context, args: &Adopt) -> anyhow::Result<Status> {
    let dataset = context.dataset()?;
    let how = match args.how {
        How::Link => TakeOver::Link,
        How::Copy => TakeOver::Copy,
        How::Move => TakeOver::Move,
    };
    let observer = progress::Files::new(context);
    let cancel = context.interrupt.cancel();
    let adoption = dataset.adopt(&args.directory, how, context.jobs(), &observer, cancel);
    observer.finish();
    let adoption = adoption?;
    let (mut kept, mut unknown, mut differing, mut unproved, mut held_out) = (0, 0, 0, 0, 0);
    let mut lines = Vec::new();
    for (path, outcome) in &adoption.files {
        let (name, local, reason) = match outcome {
            AdoptionOutcome::Adopted { local, verified, .. } => {
                unproved += usize::from(!verified);
                ("adopted", Some(local.to_string()), None)
            }
            AdoptionOutcome::Kept => {
                kept += 1;
                ("kept", None, None)
            }
            AdoptionOutcome::Unknown => {
                unknown += 1;
                ("unknown", None, Some("the bucket has no such file".to_owned()))
            }
            AdoptionOutcome::NotReleased => {
                held_out += 1;
                ("not released", None, Some("the session is not released yet".to_owned()))
            }
            AdoptionOutcome::Differs(condition) => {
                differing += 1;
                ("differs", None, Some(in_words(condition)))
            }
            _ => ("other", None, None),
        };
        if context.global.json {
            let fields = [
                ("path", json!(path.as_str())),
                ("outcome", json!(name)),
                ("local", json!(local)),
                ("reason", json!(reason)),
            ];
            let fields = fields.map(|(name, value)| (name.to_owned(), value));
            lines.push(output::json_line("adopt", fields));
        } else if name == "differs" || context.global.verbose > 0 {
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            lines.push(format!("{name} {path}{reason}"));
        }
    }
    output::print_lines(lines)?;
    let (files, size) = adoption.adopted();
    let mut parts = vec![format!("adopted {} ({})", counted(files, "file"), readable_bytes(size))];
    for (name, count) in [
        ("already there", kept),
        ("different from the bucket", differing),
        ("unknown to the bucket", unknown),
        ("not released yet", held_out),
        ("compared by size only", unproved),
    ] {
        if count > 0 {
            parts.push(format!("{count} {name}"));
        }
    }
    context.note(&parts.join(", "));
    Ok(if differing > 0 { Status::Integrity } else { Status::Done })
}
