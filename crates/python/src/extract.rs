//! Extractions: from sessions to one array file with a recipe, and back from a recipe.

use std::path::PathBuf;

use laion_fmri::extract::{Conventions, ExtractPlan, ExtractRequest, MaskChoice, Recipe};
use laion_fmri::{Error, Result};
use pyo3::prelude::*;

use crate::arguments::record;
use crate::call::Job;
use crate::dataset::Dataset;
use crate::error;

/// What is extracted, and where to.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Extraction {
    subjects: Vec<String>,
    sessions: Vec<String>,
    /// The conventions as JSON, in the form that recipes have.
    conventions: String,
    output: PathBuf,
    /// A file of voxels, of one subject.
    mask: Option<PathBuf>,
    max_memory: Option<u64>,
    from_bucket: bool,
}

impl Extraction {
    fn request(self, dataset: &laion_fmri::Dataset) -> Result<ExtractRequest> {
        let mut conventions: Conventions =
            serde_json::from_str(&self.conventions).map_err(|error| Error::InvalidValue {
                what: "conventions",
                got: self.conventions.clone(),
                expected: error.to_string(),
            })?;
        if let (Some(path), Some(subject)) = (&self.mask, self.subjects.first()) {
            let read = dataset.subject(subject)?.read_mask(path, conventions.mask_source)?;
            conventions.mask = Some(MaskChoice::new(path, &read));
        }
        let mut request = ExtractRequest::new(self.output)
            .subjects(self.subjects)
            .sessions(self.sessions)
            .conventions(conventions);
        request.max_memory = self.max_memory;
        request.from_bucket = self.from_bucket;
        Ok(request)
    }
}

fn carry_out(plan: &ExtractPlan, dataset: &laion_fmri::Dataset, job: &Job) -> Result<Recipe> {
    plan.run(dataset, 0..plan.len(), job.observer(), &job.cancel)?;
    plan.merge(job.observer(), &job.cancel)
}

/// Writes an array file with its recipe, and returns the recipe.
#[pyfunction]
pub(crate) fn extract<'py>(
    dataset: PyRef<'py, Dataset>,
    py: Python<'py>,
    extraction: Extraction,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let recipe = dataset.run(py, progress, move |dataset, job| {
        carry_out(&dataset.extract_plan(&extraction.request(&dataset)?)?, &dataset, job)
    })?;
    record(py, &recipe)
}

/// What [`Dataset::extract`] would do: rows, columns, tasks and the memory it takes.
#[pyfunction]
pub(crate) fn plan_extraction<'py>(
    dataset: PyRef<'py, Dataset>,
    py: Python<'py>,
    extraction: Extraction,
) -> PyResult<Bound<'py, PyAny>> {
    let plan = dataset.run(py, None, move |dataset, _| {
        let plan = dataset.extract_plan(&extraction.request(&dataset)?)?;
        let memory = plan.memory(dataset.jobs())?;
        let (rows, columns) = plan.shape();
        let sessions: Vec<(String, String)> = plan
            .sessions()
            .map(|(subject, session)| (subject.to_string(), session.to_string()))
            .collect();
        Ok(serde_json::json!({
            "rows": rows, "columns": columns, "sessions": sessions, "memory": memory.predicted,
                "workers": memory.workers,
            "output": plan.output(),
        }))
    })?;
    record(py, &plan)
}

/// Makes the file of a recipe again, and compares it.
#[pyfunction]
pub(crate) fn reproduce<'py>(
    dataset: PyRef<'py, Dataset>,
    py: Python<'py>,
    recipe: PathBuf,
    output: Option<PathBuf>,
    max_memory: Option<u64>,
    from_bucket: bool,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let recipe = dataset.run(py, progress, move |dataset, job| {
        let reproduction =
            dataset.reproduction(&recipe, output.as_deref(), max_memory, from_bucket)?;
        reproduction.run(&dataset, job.observer(), &job.cancel)
    })?;
    record(py, &recipe)
}

/// A recipe, from its own file or from an output.
#[pyfunction]
pub(crate) fn recipe(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let read = Recipe::read(&path).map_err(error::raise(py))?;
    record(py, &read)
}

/// The paragraph of a methods section, and the citation.
#[pyfunction]
pub(crate) fn recipe_methods(py: Python<'_>, path: PathBuf) -> PyResult<(String, &'static str)> {
    let read = Recipe::read(&path).map_err(error::raise(py))?;
    Ok((read.methods(), read.citation()))
}

/// A recipe, given as the JSON of its fields, as the TOML of its file.
#[pyfunction]
pub(crate) fn recipe_toml(py: Python<'_>, fields: &str) -> PyResult<String> {
    let read: Recipe = serde_json::from_str(fields).map_err(|reason| {
        let (what, expected) = ("recipe", format!("the fields of a recipe: {reason}"));
        error::raised(py, &Error::InvalidValue { what, got: "other fields".to_owned(), expected })
    })?;
    Ok(read.to_toml())
}
