//! `subjects`, `sessions`, `rois`: names, one per line, from the mirror or the bucket.

use std::collections::BTreeSet;

use laion_fmri::bids::suggest;
use laion_fmri::{Error, RoiInfo, SubjectId};
use serde_json::json;

use crate::args::{Rois, Sessions, Subjects};
use crate::context::Context;
use crate::exit::CommandError;
use crate::output;

pub(super) fn subjects(context: &Context, args: &Subjects) -> anyhow::Result<()> {
    let subjects = match context.mirror(args.remote)? {
        Some(dataset) => dataset.subjects()?,
        None => context.asking(|| context.discovery()?.subjects())?,
    };
    let names = subjects.iter().map(ToString::to_string);
    output::print_names(context.global.json, "subject", "subject", names)
}

pub(super) fn sessions(context: &Context, args: &Sessions) -> anyhow::Result<()> {
    let sessions = match context.mirror(args.remote)? {
        Some(dataset) => dataset.subject(&args.subject)?.sessions()?,
        None => context.asking(|| {
            let discovery = context.discovery()?;
            let sessions = discovery.sessions(&args.subject)?;
            if sessions.is_empty() {
                // Says which subjects exist when this one does not.
                discovery.describe_subject(&args.subject)?;
            }
            Ok::<_, Error>(sessions)
        })?,
    };
    let names = sessions.iter().map(ToString::to_string);
    output::print_names(context.global.json, "session", "session", names)
}

pub(super) fn rois(context: &Context, args: &Rois) -> anyhow::Result<()> {
    if args.subject.len() > 1 && !args.common {
        let message = "the ROIs of several subjects differ";
        let hint = "--common lists the ROIs that all of them have";
        return Err(CommandError::usage(message).hint(hint).into());
    }
    let category = args.category.as_deref();
    if context.global.json && !args.common {
        return rois_as_json(context, args);
    }
    let rois = match context.mirror(args.remote)? {
        Some(dataset) => {
            let ids = chosen(args, || dataset.subjects())?;
            common(&ids, |id| {
                let subject = dataset.subject(id.as_str())?;
                let rois = subject.rois(category)?;
                let categories = subject.roi_categories()?;
                if categories.is_empty() {
                    context.note(&format!(
                        "note: no ROI of {id} is on disk\n\
                         hint: laion-fmri download --subject {id} --suffix mask --extension nii.gz"
                    ));
                } else if let (true, Some(category)) = (rois.is_empty(), category) {
                    let error = no_category(id, category, &categories);
                    // Of several subjects, another one may have it.
                    if let [_] = ids.as_slice() {
                        return Err(error.into());
                    }
                    context.note(&format!("note: {error}"));
                }
                anyhow::Ok(rois)
            })?
        }
        None => context.asking(|| {
            let discovery = context.discovery()?;
            let ids = chosen(args, || discovery.subjects())?;
            common(&ids, |id| {
                let rois = discovery.rois(id, category)?;
                if rois.is_empty() {
                    // Says which subjects exist when this one does not.
                    discovery.describe_subject(id)?;
                    check_category(args, &ids, &[discovery.roi_table(id)?])?;
                }
                anyhow::Ok(rois)
            })
        })?,
    };
    output::print_names(context.global.json, "roi", "roi", rois)
}

/// The ROIs of one subject, each with its category and, from the mirror, its size.
fn rois_as_json(context: &Context, args: &Rois) -> anyhow::Result<()> {
    let (ids, rois) = match context.mirror(args.remote)? {
        Some(dataset) => {
            let ids = chosen(args, || dataset.subjects())?;
            let table = |id: &SubjectId| dataset.subject(id.as_str())?.roi_table();
            let rois = ids.iter().map(table).collect::<Result<Vec<_>, Error>>()?;
            (ids, rois)
        }
        None => context.asking(|| {
            let discovery = context.discovery()?;
            let ids = chosen(args, || discovery.subjects())?;
            let rois = ids.iter().map(|id| discovery.roi_table(id));
            let rois = rois.collect::<Result<Vec<_>, Error>>()?;
            if let Some((id, _)) = ids.iter().zip(&rois).find(|(_, rois)| rois.is_empty()) {
                // Says which subjects exist when this one does not.
                discovery.describe_subject(id)?;
            }
            Ok::<_, Error>((ids, rois))
        })?,
    };
    check_category(args, &ids, &rois)?;
    let wanted = |roi: &RoiInfo| args.category.as_ref().is_none_or(|it| *it == roi.category);
    let of_each = ids.iter().zip(rois).flat_map(|(id, rois)| {
        rois.into_iter().filter(wanted).map(move |roi| {
            let fields = [
                ("roi", json!(roi.name)),
                ("subject", json!(id.as_str())),
                ("category", json!(roi.category)),
                ("voxels", json!(roi.voxels)),
            ];
            output::json_line("roi", output::named(fields))
        })
    });
    output::print_lines(of_each)
}

/// Refuses a category that the only subject does not have, unless it has none at all.
fn check_category(
    args: &Rois,
    ids: &[SubjectId],
    tables: &[Vec<RoiInfo>],
) -> Result<(), CommandError> {
    let (Some(category), [id], [table]) = (&args.category, ids, tables) else { return Ok(()) };
    let categories: BTreeSet<&str> = table.iter().map(|roi| roi.category.as_str()).collect();
    if categories.is_empty() || categories.contains(category.as_str()) {
        return Ok(());
    }
    let categories: Vec<String> = categories.into_iter().map(str::to_owned).collect();
    Err(no_category(id, category, &categories))
}

fn no_category(id: &SubjectId, category: &str, categories: &[String]) -> CommandError {
    let nearest = suggest(category, categories);
    let nearest = nearest.map_or_else(String::new, |name| format!(" (did you mean {name}?)"));
    CommandError::usage(format!(
        "{id} has no ROI in the category {category:?}{nearest}; categories: {}",
        categories.join(", ")
    ))
}

/// The subjects that are asked for: those named, or all with `--common`, or the first.
fn chosen(
    args: &Rois,
    all: impl FnOnce() -> Result<Vec<SubjectId>, Error>,
) -> Result<Vec<SubjectId>, Error> {
    if !args.subject.is_empty() {
        return args.subject.iter().map(|id| id.parse().map_err(Error::from)).collect();
    }
    let all = all()?;
    if args.common && !all.is_empty() { Ok(all) } else { Ok(vec![first(all)?]) }
}

/// What all subjects have, in the order of the first.
fn common(
    ids: &[SubjectId],
    rois: impl Fn(&SubjectId) -> anyhow::Result<Vec<String>>,
) -> anyhow::Result<Vec<String>> {
    let mut common: Option<Vec<String>> = None;
    for id in ids {
        let here = rois(id)?;
        match &mut common {
            None => common = Some(here),
            Some(common) => common.retain(|roi| here.contains(roi)),
        }
    }
    Ok(common.unwrap_or_default())
}

fn first(subjects: Vec<SubjectId>) -> Result<SubjectId, Error> {
    subjects.into_iter().next().ok_or_else(|| Error::NothingNamed { what: "subject".to_owned() })
}
