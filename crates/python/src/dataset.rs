//! The dataset on disk or in its bucket, and what is asked of the bucket.

use std::collections::BTreeSet;
use std::path::PathBuf;

use laion_fmri::config::{self, Environment, Origin, Settings};
use laion_fmri::s3_mirror::Condition;
use laion_fmri::upkeep::{Depth, VerifyRequest};
use laion_fmri::{Location, Roots, SubjectId};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::call::{self, Job};
use crate::download::{self, Repair, Row};
use crate::error;
use crate::hint::Known;
use crate::stimuli::Stimuli;
use crate::subject::Subject;

/// A dataset with its settings.
#[pyclass(frozen, module = "laion_fmri._native")]
pub(crate) struct Dataset {
    inner: laion_fmri::Dataset,
}

impl Dataset {
    /// A call that is told what to do with the dataset.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        progress: Option<Bound<'_, PyAny>>,
        work: impl FnOnce(laion_fmri::Dataset, &Job) -> laion_fmri::Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let dataset = self.inner.clone();
        // A bucket is not asked for a hint.
        let known = |id: &SubjectId| match self.inner.reads_bucket() {
            true => None,
            false => match self.inner.subject(id) {
                Ok(subject) => Some(Known::OnDisk(Box::new(subject))),
                Err(_) => self.inner.subjects_listed().map(Known::Listed),
            },
        };
        call::run_in(py, progress, known, move |job| work(dataset.with_cancel(&job.cancel), job))
    }
}

#[pymethods]
impl Dataset {
    /// Directories on disk, the bucket to ask or to read, and how to read.
    #[new]
    #[pyo3(signature = (directories, *, bucket, from_bucket, jobs, cache_dir, offline))]
    fn new(
        py: Python<'_>,
        directories: Vec<PathBuf>,
        bucket: Option<&str>,
        from_bucket: bool,
        jobs: Option<usize>,
        cache_dir: Option<PathBuf>,
        offline: bool,
    ) -> PyResult<Self> {
        let open = || -> laion_fmri::Result<laion_fmri::Dataset> {
            let location = match bucket {
                Some(text) => text.parse::<Location>()?,
                None => laion_fmri::discovery::public_bucket(),
            };
            let roots = match directories.is_empty() {
                true => None,
                false => Some(Roots::new(directories)?),
            };
            let dataset = match (from_bucket, roots) {
                (true, None) => laion_fmri::Dataset::from_bucket(&location)?,
                (true, Some(roots)) => {
                    laion_fmri::Dataset::from_bucket(&location)?.with_roots(roots)
                }
                (false, Some(roots)) => laion_fmri::Dataset::new(roots).with_location(location),
                (false, None) => return Err(laion_fmri::Error::DataDirNotSet),
            };
            // Each thread beyond the first may hold its part of a session.
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let dataset = dataset.with_offline(offline).with_jobs(jobs.unwrap_or(threads));
            let environment = Environment::of_process();
            let settings = Settings::read(&environment)?;
            let dataset = dataset.with_stores(config::store_dirs(&environment, &settings));
            Ok(match cache_dir {
                Some(directory) => dataset.with_cache_dir(directory),
                None => dataset,
            })
        };
        Ok(Self { inner: open().map_err(error::raise(py))? })
    }

    /// The ids of the subjects.
    fn subjects(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.run(py, None, |dataset, _| Ok(names(dataset.subjects()?)))
    }

    fn subject(&self, py: Python<'_>, id: String) -> PyResult<Subject> {
        // The subject keeps the settings of the dataset, so it gets its own way to be stopped
        // later.
        Ok(Subject { inner: self.run(py, None, move |dataset, _| dataset.subject(id))? })
    }

    fn stimuli(&self) -> Stimuli {
        Stimuli { inner: self.inner.stimuli() }
    }

    /// The subjects of the bucket.
    fn remote_subjects(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.run(py, None, |dataset, _| Ok(names(dataset.discovery()?.subjects()?)))
    }

    /// The sessions of subjects of the bucket together; of all of them without ids.
    fn remote_sessions(
        &self,
        py: Python<'_>,
        subjects: Option<Vec<String>>,
    ) -> PyResult<Vec<String>> {
        self.run(py, None, move |dataset, _| {
            let subjects = download::subjects(subjects.as_deref())?;
            let sessions = dataset.discovery()?.sessions_of(&subjects)?;
            Ok(sessions.iter().map(ToString::to_string).collect())
        })
    }

    /// The ROIs of a subject of the bucket.
    fn remote_rois(
        &self,
        py: Python<'_>,
        subject: String,
        category: Option<String>,
    ) -> PyResult<Vec<String>> {
        self.run(py, None, move |dataset, _| {
            dataset.discovery()?.rois(subject, category.as_deref())
        })
    }

    /// The categories with an ROI of a subject of the bucket, sorted.
    fn remote_roi_categories(&self, py: Python<'_>, subject: String) -> PyResult<Vec<String>> {
        self.run(py, None, move |dataset, _| {
            let rois = dataset.discovery()?.roi_table(subject)?.into_iter();
            let categories: BTreeSet<String> = rois.map(|roi| roi.category).collect();
            Ok(categories.into_iter().collect())
        })
    }

    /// The one-screen overview of the bucket, as text.
    fn description(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, None, |dataset, _| Ok(dataset.discovery()?.describe()?.to_string()))
    }

    /// The top of the bucket, as text.
    fn inspection(&self, py: Python<'_>) -> PyResult<String> {
        self.run(py, None, |dataset, _| Ok(dataset.discovery()?.inspect()?.to_string()))
    }

    /// Compares the files on disk with what they were when they arrived, and plans to fetch bad and
    /// missing ones again where that is wanted. Files, missing ones, and what there is to repair.
    fn verify<'py>(
        &self,
        py: Python<'py>,
        subjects: Vec<String>,
        sizes_only: bool,
        repair: bool,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (found, repair) = self.run(py, progress, move |dataset, job| {
            let mut request = VerifyRequest::new().jobs(dataset.jobs());
            if sizes_only {
                request = request.depth(Depth::Sizes);
            }
            for subject in subjects {
                request = request.subject(subject.parse::<SubjectId>()?);
            }
            let found = dataset.verify(&request, job.observer(), &job.cancel)?;
            let repair = match repair && !found.is_sound() {
                true => Repair::plan(&dataset, &found)?,
                false => None,
            };
            Ok((found, repair))
        })?;
        let files = found.files.iter().map(|file| {
            let (word, detail) = in_words(&file.condition);
            let sound = file.condition.is_sound();
            (file.path.to_string(), file.size, file.against, word, detail, sound)
        });
        let missing: Vec<String> = found.missing.iter().map(ToString::to_string).collect();
        (files.collect::<Vec<_>>(), missing, repair).into_pyobject(py).map(Bound::into_any)
    }

    /// Fetches what a verification found bad or missing: a row for each key.
    fn repair<'py>(
        &self,
        py: Python<'py>,
        planned: PyRef<'py, Repair>,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Row>> {
        let planned = planned.inner();
        self.run(py, progress, move |dataset, job| Repair::carry_out(&dataset, &planned, job))
    }
}

/// A condition in a few words that are the same for every file, and what is particular to this one.
fn in_words(condition: &Condition) -> (&'static str, String) {
    match condition {
        Condition::Sound(_) => ("sound", condition.fault().unwrap_or_default().to_owned()),
        Condition::Unread => ("not read", String::new()),
        Condition::Missing => ("missing", String::new()),
        Condition::Size { expected, got } => {
            ("size differs", format!("expected {expected} bytes, got {got}"))
        }
        Condition::Sha256 { expected, got } => {
            ("digest differs", format!("expected SHA-256 {expected}, got {got}"))
        }
        Condition::ETag { expected, got } => {
            ("entity tag differs", format!("expected {expected}, got {got}"))
        }
        Condition::Checksum { check, expected, got } => {
            ("checksum differs", format!("expected {check} {expected}, got {got}"))
        }
        Condition::Damaged { source } => ("damaged", source.to_string()),
        _ => ("bad", String::new()),
    }
}

fn names(subjects: Vec<SubjectId>) -> Vec<String> {
    subjects.iter().map(ToString::to_string).collect()
}

/// What the environment and the configuration file say: `data_dirs`, `is_from_environment`,
/// `bucket`, `jobs`, `cache_dir`.
#[pyfunction]
pub(crate) fn configured(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let environment = Environment::of_process();
    let settings = Settings::read(&environment).map_err(error::raise(py))?;
    let found = PyDict::new(py);
    match config::data_dirs(None, &environment) {
        Ok(dirs) => {
            found.set_item("data_dirs", dirs.directories)?;
            found.set_item("is_from_environment", dirs.origin == Origin::Environment)?;
        }
        Err(laion_fmri::Error::DataDirNotSet) => {
            found.set_item("data_dirs", Vec::<PathBuf>::new())?;
            found.set_item("is_from_environment", false)?;
        }
        Err(failed) => return Err(error::raised(py, &failed)),
    }
    found.set_item("bucket", settings.bucket.as_ref().map(ToString::to_string))?;
    found.set_item("jobs", settings.jobs.map(std::num::NonZeroUsize::get))?;
    found.set_item("cache_dir", settings.cache_dir.or_else(|| environment.cache_dir()))?;
    Ok(found)
}

/// Stores the data directory of this user, and returns it as an absolute path.
#[pyfunction]
pub(crate) fn initialize(py: Python<'_>, directory: PathBuf) -> PyResult<PathBuf> {
    config::initialize(directory).map_err(error::raise(py))
}
