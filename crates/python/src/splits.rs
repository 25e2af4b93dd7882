//! The train/test splits.

use laion_fmri::Error;
use laion_fmri::splits::{self, Bundle, LeakReport, Pool, Split, SplitMasks, SplitRevision};
use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::record;
use crate::error;

#[pyfunction]
pub(crate) fn list_pools() -> Vec<String> {
    splits::list_pools().iter().map(ToString::to_string).collect()
}

#[pyfunction]
pub(crate) fn list_splits(py: Python<'_>, pool: Option<&str>) -> PyResult<Vec<String>> {
    let pool = pool.map(str::parse::<Pool>).transpose().map_err(error::raise(py))?;
    Ok(splits::list_splits(pool).iter().map(ToString::to_string).collect())
}

#[pyfunction]
pub(crate) fn list_ood_types() -> Vec<String> {
    splits::list_ood_types().iter().map(ToString::to_string).collect()
}

/// A split by the texts that Python has.
fn split(
    name: &str,
    pool: &str,
    ood_types: Option<Vec<String>>,
    revision: &str,
) -> Result<Split, Error> {
    let split = splits::load_split(name, pool)?.with_revision(revision.parse::<SplitRevision>()?);
    Ok(match ood_types {
        Some(types) => split.with_ood_types(types)?,
        None => split,
    })
}

/// Everything about a split: names, parameters, and the images of both sets.
#[pyfunction]
pub(crate) fn load_split<'py>(
    py: Python<'py>,
    name: &str,
    pool: &str,
    ood_types: Option<Vec<String>>,
    revision: &str,
) -> PyResult<Bound<'py, PyDict>> {
    let split = split(name, pool, ood_types, revision).map_err(error::raise(py))?;
    let found = PyDict::new(py);
    found.set_item("name", split.name().to_string())?;
    found.set_item("pool", split.pool().to_string())?;
    found.set_item("family", split.family().to_string())?;
    found.set_item("revision", split.revision().to_string())?;
    found.set_item("method", split.params().method())?;
    found.set_item("params", record(py, &split.params())?)?;
    let ids = split.train_test_ids();
    found.set_item("train", ids.train)?;
    found.set_item("test", ids.test)?;
    Ok(found)
}

/// One flag for each label: whether it is of the training set, and of the test set.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple is what Python takes apart")]
pub(crate) fn split_masks<'py>(
    py: Python<'py>,
    labels: Vec<String>,
    name: &str,
    pool: &str,
    ood_types: Option<Vec<String>>,
    revision: &str,
) -> PyResult<(Bound<'py, PyArray1<bool>>, Bound<'py, PyArray1<bool>>)> {
    let split = split(name, pool, ood_types, revision).map_err(error::raise(py))?;
    let masks = split.masks(labels);
    Ok((masks.train.into_pyarray(py), masks.test.into_pyarray(py)))
}

/// What leaks from the training set into the test set: the same image, or a known duplicate.
#[pyfunction]
pub(crate) fn leaks<'py>(
    py: Python<'py>,
    labels: Vec<String>,
    train: Vec<bool>,
    test: Vec<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut masks = SplitMasks::default();
    (masks.train, masks.test) = (train, test);
    let report = LeakReport::of_masks(labels, &masks).map_err(error::raise(py))?;
    record(py, &report)
}

/// The images of a pool that are known to be the same picture.
#[pyfunction]
pub(crate) fn duplicate_groups(py: Python<'_>, pool: &str) -> PyResult<Vec<Vec<&'static str>>> {
    let pool: Pool = pool.parse().map_err(error::raise(py))?;
    Ok(Bundle::embedded().duplicate_groups(pool).collect())
}
