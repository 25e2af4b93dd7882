//! `subjects`, `sessions`, `rois`: names, one a line, from the mirror or the bucket.

use laion_fmri::{Error, SubjectId};

use crate::args::{Rois, Sessions, Subjects};
use crate::context::Context;
use crate::output;

pub(super) fn subjects(context: &Context, args: &Subjects) -> anyhow::Result<()> {
    let subjects = match context.mirror(args.remote)? {
        Some(dataset) => dataset.subjects()?,
        None => context.discovery()?.subjects()?,
    };
    let names = subjects.iter().map(ToString::to_string);
    output::print_names(context.global.json, "subject", "subject", names)
}

pub(super) fn sessions(context: &Context, args: &Sessions) -> anyhow::Result<()> {
    let sessions = match context.mirror(args.remote)? {
        Some(dataset) => dataset.subject(&args.subject)?.sessions()?,
        None => {
            let subject = args.subject.parse().map_err(Error::from)?;
            let discovery = context.discovery()?;
            let sessions = discovery.sessions(&subject)?;
            if sessions.is_empty() {
                // Says which subjects exist when this one does not.
                discovery.describe_subject(&subject)?;
            }
            sessions
        }
    };
    let names = sessions.iter().map(ToString::to_string);
    output::print_names(context.global.json, "session", "session", names)
}

pub(super) fn rois(context: &Context, args: &Rois) -> anyhow::Result<()> {
    let category = args.category.as_deref();
    let rois = match context.mirror(args.remote)? {
        Some(dataset) => {
            let id = match &args.subject {
                Some(id) => id.clone(),
                None => first(dataset.subjects()?)?.to_string(),
            };
            let subject = dataset.subject(&id)?;
            let rois = subject.rois(category)?;
            if let (true, Some(category)) = (rois.is_empty(), category) {
                let categories = subject.roi_categories()?;
                context.note(&format!(
                    "note: {id} has no ROI in category {category:?}; categories: {}",
                    categories.join(", ")
                ));
            }
            rois
        }
        None => {
            let discovery = context.discovery()?;
            let subject: SubjectId = match &args.subject {
                Some(id) => id.parse().map_err(Error::from)?,
                None => first(discovery.subjects()?)?,
            };
            let rois = discovery.rois(&subject, category)?;
            if rois.is_empty() {
                discovery.describe_subject(&subject)?;
            }
            rois
        }
    };
    output::print_names(context.global.json, "roi", "roi", rois)
}

fn first(subjects: Vec<SubjectId>) -> Result<SubjectId, Error> {
    subjects.into_iter().next().ok_or_else(|| Error::InvalidQuery {
        reason: "there is no subject; name one with --subject".to_owned(),
    })
}
