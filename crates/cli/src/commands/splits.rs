//! `splits`: the train/test splits, their lists, their masks over trials, and what leaks.

mod check;
mod tables;

use laion_fmri::export::{self, NpzWriter, write_npz, write_npz_to};
use laion_fmri::ndarray::aview1;
use laion_fmri::splits::{LeakReport, OodType, Pool, Split, SplitMasks, load_split};
use laion_fmri::{Error, SessionTrials, Subject};
use laion_fmri_base::{agreeing, counted};
use serde_json::json;

use super::sessions;
use super::voxels::{ArrayFormat, array_format};
use crate::args::splits::{Check, Format, Ids, Masks, Set, Splits, Trials, Which};
use crate::context::Context;
use crate::exit::Status;
use crate::output;

pub(super) fn run(context: &Context, action: &Splits) -> anyhow::Result<Status> {
    match action {
        Splits::List(args) => {
            let table = tables::list(args.pool, args.revision)?;
            tables::print(format(context, args.format), &table)?;
        }
        Splits::Show(args) => {
            let table = tables::show(&split(&args.which, &[])?);
            tables::print(format(context, args.format), &table)?;
        }
        Splits::Ids(args) => ids(context, args)?,
        Splits::Masks(args) => masks(context, args)?,
        Splits::Check(args) => return check(context, args),
    }
    Ok(Status::Done)
}

fn format(context: &Context, chosen: Option<Format>) -> Format {
    chosen.unwrap_or(if context.global.json { Format::Json } else { Format::Text })
}

fn split(which: &Which, ood_types: &[OodType]) -> Result<Split, Error> {
    let split = load_split(which.name, which.pool)?.with_revision(which.revision);
    if ood_types.is_empty() {
        return Ok(split);
    }
    Ok(split.with_ood_types(ood_types.iter().copied())?)
}

fn ids(context: &Context, args: &Ids) -> anyhow::Result<()> {
    let lists = split(&args.which, &args.ood_type)?.train_test_ids();
    let names = match args.set {
        Set::Train => lists.train,
        Set::Test => lists.test,
    };
    let names = names.into_iter().map(str::to_owned);
    output::print_names(context.global.json, "split-image", "image_name", names)
}

fn masks(context: &Context, args: &Masks) -> anyhow::Result<()> {
    if !output::is_stdout(&args.output) {
        array_format(&args.output, &[ArrayFormat::Npz])?;
    }
    output::check_binary_destination(&args.output)?;
    let split = split(&args.which, &args.ood_type)?;
    let tables = trials(context, &split, &args.trials)?;
    let masks = split.masks(labels(&tables)?);
    output::note_replaced(context, [args.output.as_path()]);
    let fill = |npz: &mut NpzWriter<'_>| members(npz, &split, &args.ood_type, &masks);
    if output::is_stdout(&args.output) {
        write_npz_to(std::io::stdout().lock(), fill).map_err(Error::from)?;
    } else {
        write_npz(&args.output, fill).map_err(Error::from)?;
    }
    let text = format!(
        "{} of {} ({}): {}, {} train, {} test, {} in neither list",
        split.name(),
        split.pool(),
        split.revision(),
        counted(masks.len(), "trial"),
        masks.n_train(),
        masks.n_test(),
        masks.n_neither
    );
    let fields = [
        ("trials", json!(masks.len())),
        ("n_train", json!(masks.n_train())),
        ("n_test", json!(masks.n_test())),
        ("n_neither", json!(masks.n_neither)),
    ];
    output::wrote(context, &args.output, &text, fields)?;
    if masks.n_unknown > 0 {
        context.note(&format!(
            "note: {} {} a label that is not an image of the dataset; laion-fmri splits check lists them",
            counted(masks.n_unknown, "trial"),
            agreeing(masks.n_unknown, "has", "have")
        ));
    }
    Ok(())
}

/// Says that a split is of the images of another subject than the trials.
fn warn_of_other_pool(context: &Context, split: &Split, subject: &Subject) {
    let (pool, id) = (split.pool(), subject.id());
    if pool != Pool::Shared && pool.as_str() != id.as_str() {
        context.note(&format!(
            "warning: --pool {pool} has the images of {pool}, and the trials are of {id}: only \
             images that both saw are in a list"
        ));
    }
}

/// The masks, and what they are the masks of.
fn members(
    npz: &mut NpzWriter<'_>,
    split: &Split,
    ood_types: &[OodType],
    masks: &SplitMasks,
) -> Result<(), export::Error> {
    npz.array("train", aview1(&masks.train))?;
    npz.array("test", aview1(&masks.test))?;
    npz.text("split", &[split.name().as_str()])?;
    npz.text("pool", &[split.pool().as_str()])?;
    npz.text("revision", &[split.revision().as_str()])?;
    let types: Vec<&str> = ood_types.iter().map(|kind| kind.as_str()).collect();
    if types.is_empty() { Ok(()) } else { npz.text("ood_types", &types) }
}

fn check(context: &Context, args: &Check) -> anyhow::Result<Status> {
    let split = split(&args.which, &[])?;
    let tables = trials(context, &split, &args.trials)?;
    let masks = split.masks(labels(&tables)?);
    let report = LeakReport::of_masks(labels(&tables)?, &masks).map_err(Error::from)?;
    match format(context, args.format) {
        Format::Json => output::print_lines([check::json(&split, &report)])?,
        Format::Csv => tables::print(Format::Csv, &check::findings(&report))?,
        Format::Text => {
            output::print_lines(check::summary(&split, &report))?;
            let findings = check::findings(&report);
            if !findings.rows.is_empty() {
                tables::print(Format::Text, &findings)?;
            }
        }
    }
    Ok(if report.is_clean() { Status::Done } else { Status::Failed })
}

fn trials(context: &Context, split: &Split, args: &Trials) -> anyhow::Result<Vec<SessionTrials>> {
    let subject = context.dataset()?.subject(&args.subject)?;
    warn_of_other_pool(context, split, &subject);
    let sessions =
        sessions::of_subject(context, &subject, &args.session, laion_fmri::layout::trials)?;
    let tables = subject.trials_of(&sessions)?;
    Ok(tables.into_iter().map(|(_, table)| table).collect())
}

fn labels(tables: &[SessionTrials]) -> Result<Vec<&str>, Error> {
    let mut labels = Vec::new();
    for table in tables {
        labels.extend(table.labels()?);
    }
    Ok(labels)
}
