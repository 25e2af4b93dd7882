//! `download-stimuli`, and the images of `download --include-stimuli`.

use laion_fmri::access::{AccessService, Grant, StimulusDownload, StimulusReport};
use laion_fmri::s3_mirror::Outcome;
use laion_fmri::{Dataset, Error};
use serde_json::json;

use super::{access, download};
use crate::args::access::DownloadStimuli;
use crate::context::Context;
use crate::exit::Status;
use crate::output;
use crate::progress::{self, outcome_name};

pub(super) fn run(context: &Context, args: &DownloadStimuli) -> anyhow::Result<Status> {
    let dataset = context.dataset()?;
    if args.dry_run {
        let stimuli = Stimuli::plan(context, &dataset)?;
        download::print_plan(context, stimuli.download.plan(), None)?;
        return Ok(Status::Done);
    }
    Stimuli::obtain(context, &dataset)?.fetch(context)
}

/// The images and their table, with the access that fetching them needs.
pub(super) struct Stimuli {
    pub(super) download: StimulusDownload,
    service: AccessService,
    grant: Option<Grant>,
}

impl Stimuli {
    /// What has to be fetched. Nobody is asked for anything.
    pub(super) fn plan(context: &Context, dataset: &Dataset) -> anyhow::Result<Self> {
        let service = context.environment.access_service()?;
        let download = dataset.plan_stimuli(&service, context.interrupt.cancel())?;
        Ok(Self { download, service, grant: None })
    }

    /// The same with access, which is asked for when it is needed and there is none.
    pub(super) fn obtain(context: &Context, dataset: &Dataset) -> anyhow::Result<Self> {
        let mut stimuli = Self::plan(context, dataset)?;
        let missing = &stimuli.download;
        download::check_space(missing.root(), missing.missing_bytes(), missing.free_bytes())?;
        if stimuli.download.needs_access() {
            let manifest = stimuli.download.manifest();
            stimuli.grant = Some(access::obtain(context, &stimuli.service, manifest)?);
        }
        Ok(stimuli)
    }

    /// Fetches what is missing.
    pub(super) fn fetch(&self, context: &Context) -> anyhow::Result<Status> {
        let observer = progress::transfer(context);
        let report = self.download.run(self.grant.as_ref(), &*observer, context.interrupt.cancel());
        drop(observer);
        match (report, context.interrupt.signal()) {
            (Ok(report), _) => print_report(context, &report),
            (Err(Error::Cancelled), Some(signal)) => {
                context.note("stopped; run the same command again to continue");
                Ok(Status::Signal(signal))
            }
            (Err(error), _) => Err(error.into()),
        }
    }
}

fn print_report(context: &Context, report: &StimulusReport) -> anyhow::Result<Status> {
    if context.global.json {
        output::print_lines(report.files.iter().map(|file| {
            let fields = [
                ("key", json!(file.key.as_str())),
                ("outcome", json!(outcome_name(&file.outcome))),
                ("reason", json!(null)),
            ];
            output::json_line("download", fields.map(|(name, value)| (name.to_owned(), value)))
        }))?;
    }
    let fetched: Vec<u64> = report
        .files
        .iter()
        .filter_map(|file| match file.outcome {
            Outcome::Fetched { bytes } => Some(bytes),
            _ => None,
        })
        .collect();
    let kept = report.files.len() - fetched.len();
    let size = fetched.iter().sum();
    context.note(&download::downloaded(fetched.len() as u64, size, kept as u64));
    Ok(Status::Done)
}
