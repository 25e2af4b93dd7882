//! Downloads: what the bucket has for a request, the licence, and the images that need access.

use std::io;
use std::sync::Arc;

use laion_fmri::access::{AccessForm, AccessService, FormField, Page, RequestId};
use laion_fmri::config::Environment;
use laion_fmri::s3_mirror::{Action, FetchReason, InvalidKey, Outcome, Plan, Report};
use laion_fmri::upkeep::Verification;
use laion_fmri::{Download as Planned, DownloadRequest, Error, FilterField, Result, Subjects};
use laion_fmri_base::with_causes;
use pyo3::prelude::*;

use crate::call::Job;
use crate::dataset::Dataset;

/// A request as Python has it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Wanted {
    /// Ids, or nothing for every subject of the bucket.
    subjects: Option<Vec<String>>,
    /// The trees and files: `derivatives`, `brain_mask`, `anatomical`, `freesurfer`, `localizers`,
    /// `raw`, `segmentations`, `captions`.
    include: Vec<String>,
    embeddings: Vec<String>,
    prefixes: Vec<String>,
    /// Fields of the filter with their values.
    filters: Vec<(String, Vec<String>)>,
    allow_missing: bool,
    jobs: usize,
    /// Bytes per second.
    limit_rate: Option<u64>,
    /// Whether betas get an index while they arrive.
    index: bool,
    /// Whether files that are there are read and compared first.
    verify: bool,
}

impl Wanted {
    fn request(&self) -> Result<DownloadRequest> {
        let mut request = DownloadRequest::new(subjects(self.subjects.as_deref())?);
        let has = |name: &str| self.include.iter().any(|wanted| wanted == name);
        request.include_derivatives = has("derivatives");
        request.include_brain_mask = has("brain_mask");
        request.include_anatomical = has("anatomical");
        request.include_freesurfer = has("freesurfer");
        request.include_localizers = has("localizers");
        request.include_raw = has("raw");
        request.include_segmentations = has("segmentations");
        request.include_captions = has("captions");
        let models = self.embeddings.iter().map(|model| model.parse());
        request.include_embeddings = models.collect::<Result<_, _>>()?;
        request.prefixes.clone_from(&self.prefixes);
        request.allow_missing = self.allow_missing;
        for (field, values) in &self.filters {
            request = request.filter(field.parse::<FilterField>()?, values);
        }
        Ok(request)
    }
}

/// The subjects of these ids; all of the bucket without any.
pub(crate) fn subjects(ids: Option<&[String]>) -> Result<Subjects> {
    let Some(ids) = ids else { return Ok(Subjects::All) };
    let ids = ids.iter().map(|id| id.parse().map_err(Error::from));
    Ok(Subjects::These(ids.collect::<Result<_>>()?))
}

/// Key, path below the data directory, bytes, what is or was done, and why.
pub(crate) type Row = (String, String, u64, &'static str, Option<String>);

/// Carries a request out, or only says what it would do: a row for each key, the directory, and
/// notes about what the request names and the bucket does not have.
#[pyfunction]
pub(crate) fn download<'py>(
    dataset: PyRef<'py, Dataset>,
    py: Python<'py>,
    wanted: Wanted,
    dry_run: bool,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<(Vec<Row>, std::path::PathBuf, Vec<String>)> {
    dataset.run(py, progress, move |dataset, job| {
        let license = if dry_run { None } else { Some(dataset.license()?) };
        let mut planned = dataset.plan_download(&wanted.request()?)?;
        planned = planned.with_limit_rate(wanted.limit_rate.and_then(std::num::NonZeroU64::new));
        if wanted.index {
            planned = planned.with_indexes();
        }
        if wanted.verify {
            planned.verify_kept(wanted.jobs, job.observer(), &job.cancel)?;
        }
        let skipped = planned.skipped_subjects().iter();
        let mut notes: Vec<String> =
            skipped.map(|subject| format!("nothing matches for {subject}")).collect();
        notes.extend(planned.missing().iter().map(ToString::to_string));
        let root = planned.root().to_owned();
        let Some(license) = license else { return Ok((planned_rows(planned.plan()), root, notes)) };
        check_space(&root, planned.plan().totals().fetch.bytes, planned.free_bytes())?;
        let report = planned.run(&license, wanted.jobs, job.observer(), &job.cancel);
        Ok((report_rows(planned.plan(), &report), root, notes))
    })
}

/// What a verification found bad or missing and the bucket has. The licence is asked for once it is
/// known that there is something.
#[pyclass(frozen, module = "laion_fmri._native")]
pub(crate) struct Repair {
    inner: Arc<Planned>,
}

impl Repair {
    /// `None` if the bucket has nothing of it.
    pub(crate) fn plan(
        dataset: &laion_fmri::Dataset,
        found: &Verification,
    ) -> Result<Option<Self>> {
        let planned = dataset.plan_repair(found)?;
        if planned.plan().items.is_empty() {
            return Ok(None);
        }
        check_space(planned.root(), planned.plan().totals().fetch.bytes, planned.free_bytes())?;
        Ok(Some(Self { inner: Arc::new(planned) }))
    }

    pub(crate) fn inner(&self) -> Arc<Planned> {
        Arc::clone(&self.inner)
    }

    /// A row for each key.
    pub(crate) fn carry_out(
        dataset: &laion_fmri::Dataset,
        planned: &Planned,
        job: &Job,
    ) -> Result<Vec<Row>> {
        let license = dataset.license()?;
        let report = planned.run(&license, dataset.jobs(), job.observer(), &job.cancel);
        Ok(report_rows(planned.plan(), &report))
    }
}

/// Refuses to begin what the disk cannot hold.
fn check_space(root: &std::path::Path, needed: u64, free: Option<u64>) -> Result<()> {
    if free.is_none_or(|free| free >= needed) {
        return Ok(());
    }
    let source = io::Error::from(io::ErrorKind::StorageFull);
    Err(Error::Io { action: "hold what is to be fetched", path: root.to_owned(), source })
}

fn planned_rows(plan: &Plan) -> Vec<Row> {
    let row = |item: &laion_fmri::s3_mirror::PlanItem| {
        let (action, reason) = match &item.action {
            Action::Fetch(FetchReason::Missing) => ("fetch", Some("not on disk".to_owned())),
            Action::Fetch(FetchReason::SizeDiffers { expected, got }) => {
                ("fetch", Some(format!("expected {expected} bytes, got {got} on disk")))
            }
            Action::Fetch(FetchReason::Damaged) => ("fetch", Some("damaged on disk".to_owned())),
            Action::Fetch(_) => ("fetch", Some("another version on disk".to_owned())),
            Action::Keep => ("keep", None),
            Action::Withheld(reason) => ("withheld", Some(reason.clone())),
            Action::Refused(refusal) => ("refused", Some(refusal.to_string())),
            _ => ("other", None),
        };
        (item.key.to_string(), item.local.to_string(), item.size, action, reason)
    };
    plan.items.iter().map(row).chain(plan.refused.iter().map(refused_row)).collect()
}

fn report_rows(plan: &Plan, report: &Report) -> Vec<Row> {
    let items = plan.items.iter().zip(&report.outcomes);
    let rows = items.map(|(item, (key, outcome))| {
        let (outcome, reason) = named(outcome);
        (key.to_string(), item.local.to_string(), item.size, outcome, reason)
    });
    rows.chain(report.refused.iter().map(refused_row)).collect()
}

/// A name of the bucket that no file can have, which has no path and no size.
fn refused_row(refused: &InvalidKey) -> Row {
    (refused.key.clone(), String::new(), 0, "refused", Some(refused.reason.to_string()))
}

fn named(outcome: &Outcome) -> (&'static str, Option<String>) {
    match outcome {
        Outcome::Fetched { .. } => ("fetched", None),
        Outcome::Kept => ("kept", None),
        Outcome::Withheld { reason } => ("withheld", Some(reason.to_string())),
        Outcome::Refused(refusal) => ("refused", Some(refusal.to_string())),
        Outcome::Gone => ("gone", None),
        Outcome::Failed { error } => ("failed", Some(with_causes(&**error))),
        Outcome::Unfinished { bytes } => ("unfinished", Some(format!("{bytes} bytes are there"))),
        Outcome::NotAttempted => ("not attempted", None),
        _ => ("other", None),
    }
}

/// Whether the licence was accepted for the directory of the dataset, or without one by this user.
#[pyfunction]
pub(crate) fn is_license_accepted(dataset: PyRef<'_, Dataset>, py: Python<'_>) -> PyResult<bool> {
    dataset.run(py, None, |dataset, _| {
        let found = match dataset.roots().directories().is_empty() {
            true => Environment::of_process().license(),
            false => dataset.license(),
        };
        match found {
            Ok(_) => Ok(true),
            Err(Error::LicenseNotAccepted { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    })
}

/// Records that the licence was accepted.
#[pyfunction]
pub(crate) fn accept_license(dataset: PyRef<'_, Dataset>, py: Python<'_>) -> PyResult<()> {
    dataset.run(py, None, |dataset, _| {
        match dataset.roots().directories().is_empty() {
            true => Environment::of_process().accept_license()?,
            false => dataset.accept_license()?,
        };
        Ok(())
    })
}

/// The service at an address, or the one of the environment.
fn service(url: Option<&str>) -> Result<AccessService> {
    match url {
        Some(url) => AccessService::new(url),
        None => Environment::of_process().access_service(),
    }
}

/// The version of the terms of use, and where they and the privacy notice are.
#[pyfunction]
pub(crate) fn access_terms(
    py: Python<'_>,
    server_url: Option<String>,
) -> PyResult<(String, String, String)> {
    crate::call::run(py, None, move |job| {
        let service = service(server_url.as_deref())?;
        let manifest = service.manifest(&job.cancel)?;
        let terms = manifest.terms_version().to_owned();
        Ok((terms, service.page(Page::Terms), service.page(Page::Privacy)))
    })
}

/// The answers to the access form.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Answers {
    name: String,
    email: String,
    institution: String,
    supervisor: String,
    purpose: String,
    terms_version: String,
}

/// Sends the access form and saves the answer; returns the request id and when links expire.
#[pyfunction]
pub(crate) fn request_access(
    py: Python<'_>,
    server_url: Option<String>,
    answers: Answers,
) -> PyResult<(String, Option<String>)> {
    crate::call::run(py, None, move |job| {
        let service = service(server_url.as_deref())?;
        let auth = Environment::of_process().auth_file().ok_or_else(|| Error::Config {
            path: "auth.json".into(),
            reason: "HOME is not set, so there is no place for it".to_owned(),
        })?;
        // Before an id is at stake that could not be kept.
        auth.check_writable()?;
        let Answers { name, email, institution, supervisor, purpose, terms_version } = &answers;
        let form = AccessForm::new(name, email, institution, purpose)
            .supervisor(supervisor)
            .accept_terms(terms_version)
            .acknowledge_privacy();
        let manifest = service.manifest(&job.cancel)?;
        let grant = service.request(&form, &manifest, &job.cancel)?;
        auth.save(&service, grant.request_id(), form.email())?;
        Ok((grant.request_id().reveal().to_owned(), grant.expires_at().map(str::to_owned)))
    })
}

/// What is wrong with an answer of the access form, so that it can be asked for again at once.
#[pyfunction]
pub(crate) fn answer_fault(field: &str, answer: &str) -> PyResult<Option<String>> {
    let field = match field {
        "name" => FormField::Name,
        "email" => FormField::Email,
        "institution" => FormField::Institution,
        "supervisor" => FormField::Supervisor,
        "purpose" => FormField::Purpose,
        other => return Err(crate::error::impossible(format!("no field {other}"))),
    };
    Ok(field.check(answer).err().map(|fault| fault.to_string()))
}

/// Fetches the images and their table, with the access that the environment or an earlier request
/// has; or only says what it would do. A row for each file.
#[pyfunction]
pub(crate) fn download_stimuli<'py>(
    dataset: PyRef<'py, Dataset>,
    py: Python<'py>,
    server_url: Option<String>,
    dry_run: bool,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Vec<Row>> {
    dataset.run(py, progress, move |dataset, job: &Job| {
        let service = service(server_url.as_deref())?;
        let planned = dataset.plan_stimuli(&service, &job.cancel)?;
        if dry_run {
            return Ok(planned_rows(planned.plan()));
        }
        check_space(planned.root(), planned.missing_bytes(), planned.free_bytes())?;
        let grant = match planned.needs_access() {
            false => None,
            true => {
                let id: Option<RequestId> = Environment::of_process().request_id(&service)?;
                let id = id.ok_or_else(|| service.access_needed())?;
                Some(service.refresh(&id, planned.manifest(), &job.cancel)?)
            }
        };
        let report = planned.run(grant.as_ref(), job.observer(), &job.cancel)?;
        let rows = report.files.iter().map(|file| {
            let (outcome, reason) = named(&file.outcome);
            let size = std::fs::metadata(&file.path).map_or(0, |found| found.len());
            let path = file.path.display().to_string();
            (file.key.to_string(), path, size, outcome, reason)
        });
        Ok(rows.collect())
    })
}
