//! Stores of betas: building one, and reading trials and voxels of one that is open.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use laion_fmri::store::voxel_store::{Group, Values};
use laion_fmri::store::{OpenStore, SessionRows, StoreRequest};
use laion_fmri::{Result, SessionId, Voxels};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::arguments::{VoxelArguments, record};
use crate::call;
use crate::error;
use crate::subject::Subject;

/// An array with its name and its dimensions; its values lie flat, in C order.
type Described<'py> = (String, Vec<String>, Vec<usize>, Bound<'py, PyAny>);

/// A store that is open.
#[pyclass(frozen, module = "laion_fmri._native")]
pub(crate) struct Store {
    inner: Arc<OpenStore>,
}

#[pymethods]
impl Store {
    /// The store at a path, with these sessions or with all.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, sessions: Option<Vec<String>>) -> PyResult<Self> {
        let opened = call::run(py, None, move |_| match sessions {
            None => OpenStore::open(path),
            Some(named) => {
                let sessions: Result<Vec<_>> = named.iter().map(|name| Ok(name.parse()?)).collect();
                OpenStore::with_sessions(path, &sessions?)
            }
        })?;
        Ok(Self { inner: Arc::new(opened) })
    }

    /// The store of a subject for a brain mask.
    #[staticmethod]
    fn of(py: Python<'_>, subject: PyRef<'_, Subject>, source: String) -> PyResult<Self> {
        let opened =
            subject.run(py, None, move |subject, _| subject.open_store(source.parse()?))?;
        Ok(Self { inner: Arc::new(opened) })
    }

    /// The directory.
    fn path(&self) -> PathBuf {
        self.inner.voxels().path().to_owned()
    }

    /// What the store says about itself.
    fn attributes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        record(py, self.inner.voxels().attributes())
    }

    /// The sessions, and how many trials each has.
    fn sessions(&self) -> Vec<(String, usize)> {
        self.inner.sessions().map(|(name, n_trials)| (name.to_string(), n_trials)).collect()
    }

    fn n_voxels(&self) -> usize {
        self.inner.n_voxels()
    }

    /// What is known of the voxels.
    fn voxels<'py>(&self, py: Python<'py>) -> PyResult<Vec<Described<'py>>> {
        arrays(py, self.inner.voxels())
    }

    /// What is known of the trials of a session, by its position.
    fn trials<'py>(&self, py: Python<'py>, session: usize) -> PyResult<Vec<Described<'py>>> {
        self.inner.trials(session).map_or(Ok(Vec::new()), |group| arrays(py, group))
    }

    /// The betas of ascending trials of sessions, and of voxels in any order.
    fn read<'py>(
        &self,
        py: Python<'py>,
        rows: Vec<(usize, PyReadonlyArray1<'py, i64>)>,
        columns: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let rows = rows
            .iter()
            .map(|(session, trials)| SessionRows { session: *session, trials: positions(trials) });
        let (rows, columns) = (rows.collect::<Vec<_>>(), positions(&columns));
        let store = Arc::clone(&self.inner);
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let read =
            call::run(py, None, move |job| store.read(&rows, &columns, threads, &job.cancel))?;
        Ok(read.into_pyarray(py))
    }
}

/// How a store is built, but for sessions and voxels.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct StoreOptions {
    /// The directory of stores.
    output: Option<PathBuf>,
    max_memory: Option<u64>,
    verify: bool,
}

impl StoreOptions {
    fn request(self, sessions: Vec<String>, voxels: Voxels) -> StoreRequest {
        let mut request = StoreRequest::new().sessions(sessions).voxels(voxels.non_empty());
        request.directory = self.output;
        request.max_memory = self.max_memory;
        request.verify = self.verify;
        request
    }
}

/// Builds a store; returns its directory, the sessions that were built, and those that were kept.
#[pyfunction]
pub(crate) fn build_store<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    sessions: Vec<String>,
    voxels: VoxelArguments<'py>,
    options: StoreOptions,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<(PathBuf, Vec<String>, Vec<String>)> {
    let voxels = voxels.owned();
    let built = subject.run(py, progress, move |subject, job| {
        let request = options.request(sessions, voxels.of(&subject)?);
        subject.build_store(&request, job.observer(), &job.cancel)
    })?;
    Ok((built.path, names(&built.built), names(&built.kept)))
}

/// Directory, sessions to be built and sessions that stay, voxels, bytes on disk and bytes of
/// memory.
type Planned = (PathBuf, Vec<String>, Vec<String>, usize, u64, u64);

/// What [`build_store`] would do.
#[pyfunction]
pub(crate) fn plan_store<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    sessions: Vec<String>,
    voxels: VoxelArguments<'py>,
    options: StoreOptions,
) -> PyResult<Planned> {
    let voxels = voxels.owned();
    let plan = subject.run(py, None, move |subject, _| {
        subject.plan_store(&options.request(sessions, voxels.of(&subject)?))
    })?;
    let (built, kept) = (names(&plan.sessions), names(&plan.kept));
    Ok((plan.path, built, kept, plan.n_voxels, plan.bytes, plan.peak_memory))
}

fn names(sessions: &[SessionId]) -> Vec<String> {
    sessions.iter().map(ToString::to_string).collect()
}

/// Positions that Python has checked; one that is negative all the same is beyond every end.
fn positions(array: &PyReadonlyArray1<'_, i64>) -> Vec<usize> {
    array.as_array().iter().map(|value| usize::try_from(*value).unwrap_or(usize::MAX)).collect()
}

fn arrays<'py>(py: Python<'py>, group: &Group) -> PyResult<Vec<Described<'py>>> {
    let mut arrays = Vec::new();
    for (name, dimensions) in group.arrays() {
        let shape = group.shape(name).unwrap_or_default();
        let values = group.array(name).map_err(error::raise(py))?;
        arrays.push((name.to_owned(), dimensions, shape, flat(py, values)?));
    }
    Ok(arrays)
}

/// The values as an array of their type, texts as a list.
fn flat(py: Python<'_>, values: Values) -> PyResult<Bound<'_, PyAny>> {
    Ok(match values {
        Values::Text(texts) => texts.into_pyobject(py)?,
        Values::Bool(values) => PyArray1::from_vec(py, values).into_any(),
        Values::Uint8(values) => PyArray1::from_vec(py, values).into_any(),
        Values::Uint32(values) => PyArray1::from_vec(py, values).into_any(),
        Values::Uint64(values) => PyArray1::from_vec(py, values).into_any(),
        Values::Int64(values) => PyArray1::from_vec(py, values).into_any(),
        Values::Float32(values) => PyArray1::from_vec(py, values).into_any(),
        _ => return Err(error::internal(py, "a type of values that is not known")),
    })
}
