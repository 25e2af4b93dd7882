//! A plan file, of an extraction or of a store: what `run`, `merge` and `slurm` read.

use std::io::{self, Read};
use std::path::Path;

use laion_fmri::extract::{ExtractPlan, read_plans};
use laion_fmri::store::StoreTasks;
use laion_fmri::{DownloadRequest, Error};
use serde_json::Value;

use crate::exit::CommandError;
use crate::output;

/// The failure of a file of another kind.
fn not_a_plan(path: &Path) -> CommandError {
    let name = match output::is_stdout(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let hint = "laion-fmri plan makes one, and laion-fmri store plan one of a store";
    CommandError::usage(format!("{name} is not a plan")).hint(hint)
}

/// What a plan file holds.
pub(super) enum PlanFile {
    Extract(Vec<ExtractPlan>),
    Store(StoreTasks),
}

impl PlanFile {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::InvalidData => anyhow::Error::new(not_a_plan(path)),
            _ => Error::Io { action: "read", path: path.to_owned(), source }.into(),
        };
        let (text, name) = if output::is_stdout(path) {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(failed)?;
            (text, "standard input".to_owned())
        } else {
            (std::fs::read_to_string(path).map_err(failed)?, path.display().to_string())
        };
        // What is none at all is told from a plan that is damaged or of another version.
        let first = text.lines().find(|line| !line.trim().is_empty());
        let first = first.and_then(|line| serde_json::from_str::<Value>(line).ok());
        let schema = first.as_ref().and_then(|line| line.get("schema")?.as_str());
        if !schema.is_some_and(|schema| schema.starts_with("laion-fmri.")) {
            return Err(not_a_plan(path).into());
        }
        Ok(match StoreTasks::is_plan(&text) {
            true => Self::Store(StoreTasks::read(&text, &name)?),
            false => Self::Extract(read_plans(&text, &name)?),
        })
    }

    /// What the tasks do.
    pub(super) fn verb(&self) -> &'static str {
        match self {
            Self::Extract(_) => "extract",
            Self::Store(_) => "build",
        }
    }

    pub(super) fn n_tasks(&self) -> usize {
        match self {
            Self::Extract(plans) => plans.iter().map(ExtractPlan::len).sum(),
            Self::Store(tasks) => tasks.len(),
        }
    }

    /// What the tasks read that do not read the bucket.
    pub(super) fn downloads(&self) -> anyhow::Result<Vec<DownloadRequest>> {
        let mut requests = Vec::new();
        match self {
            Self::Extract(plans) => {
                for plan in plans.iter().filter(|plan| !plan.is_from_bucket()) {
                    requests.extend(plan.downloads()?);
                }
            }
            Self::Store(tasks) if tasks.is_from_bucket() => {}
            Self::Store(tasks) => requests.push(tasks.download()),
        }
        Ok(requests)
    }

    /// Whether no task reads the bucket.
    pub(super) fn is_from_mirror(&self) -> bool {
        match self {
            Self::Extract(plans) => plans.iter().all(|plan| !plan.is_from_bucket()),
            Self::Store(tasks) => !tasks.is_from_bucket(),
        }
    }

    /// The most memory that a task, or what follows them, takes with one thread.
    pub(super) fn peak_memory(&self) -> anyhow::Result<u64> {
        match self {
            Self::Extract(plans) => {
                plans.iter().try_fold(0, |most: u64, plan| Ok(most.max(plan.memory(1)?.predicted)))
            }
            Self::Store(tasks) => Ok(tasks.peak_memory()),
        }
    }
}
