//! Tasks of a plan that build a store: `run` and `merge` of it.

use std::path::Path;

use laion_fmri::store::StoreTasks;
use laion_fmri::{Dataset, Error, StoreError};
use laion_fmri_base::counted;
use serde_json::json;

use super::{License, license, names, origin, report};
use crate::args::extract::Origin;
use crate::context::Context;
use crate::exit::CommandError;
use crate::hint;
use crate::output;
use crate::progress::VolumeProgress;

/// Runs some of the tasks.
pub(in crate::commands) fn run(
    context: &Context,
    tasks: &StoreTasks,
    mine: &[usize],
    accept_license: bool,
) -> anyhow::Result<()> {
    if mine.is_empty() {
        return Ok(());
    }
    if tasks.is_from_bucket() {
        let license = License::for_bucket(context, accept_license)?;
        license.obtain(|| Ok(license::to_read(context, mine.len())))?;
    }
    let progress = VolumeProgress::new(context);
    let cancel = context.interrupt.cancel();
    let built = tasks.run(&dataset(context, tasks)?, mine.iter().copied(), &progress, cancel);
    progress.finish();
    report(context, &built?)
}

/// Checks that all tasks were run, and writes the document of the store again.
pub(in crate::commands) fn merge(
    context: &Context,
    tasks: &StoreTasks,
    plan: &Path,
) -> anyhow::Result<()> {
    let finished = tasks.finish(&dataset(context, tasks)?).map_err(|error| match error {
        Error::Store(unbuilt) if matches!(*unbuilt, StoreError::NotBuilt { .. }) => {
            let error = CommandError::from(Error::Store(unbuilt));
            match output::is_stdout(plan) {
                true => error,
                false => {
                    error.hint(format!("laion-fmri run {}", hint::word(&plan.to_string_lossy())))
                }
            }
        }
        other => other.into(),
    });
    finished?;
    let fields = [("built", names(tasks.sessions())), ("kept", json!([]))];
    let text = format!("all of {} are there", counted(tasks.len(), "session"));
    output::wrote(context, tasks.path(), &text, fields)
}

fn dataset(context: &Context, tasks: &StoreTasks) -> Result<Dataset, Error> {
    origin(context, if tasks.is_from_bucket() { Origin::Bucket } else { Origin::Mirror })
}
