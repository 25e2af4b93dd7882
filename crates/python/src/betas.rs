//! Single-trial betas, and what is computed from them.

use std::path::PathBuf;

use laion_fmri::noise_ceiling::NoiseCeilingOptions;
use laion_fmri::{Betas, Error, NoiseCeiling, Result, SessionTrial};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::{ChosenVoxels, VoxelArguments, flags, record};
use crate::call::Job;
use crate::dataset::Dataset;
use crate::subject::Subject;

/// Which betas, but for sessions and voxels.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Selection {
    /// The least noise ceiling in percent, and the `desc` of the map, or nothing for that of each
    /// session.
    threshold: Option<f32>,
    desc: Option<String>,
    /// Trials counted within each session.
    trials: Option<Vec<usize>>,
    /// `shared` or `unique`.
    stimuli: Option<String>,
}

impl Selection {
    fn apply<'a>(&self, mut betas: Betas<'a>) -> Result<Betas<'a>> {
        if let Some(percent) = self.threshold {
            betas = match &self.desc {
                Some(desc) => betas.nc_threshold_on(NoiseCeiling::desc(desc)?, percent),
                None => betas.nc_threshold(percent),
            };
        }
        if let Some(trials) = &self.trials {
            betas = betas.trials(trials.iter().copied());
        }
        if let Some(set) = &self.stimuli {
            betas = betas.stimuli(set.parse()?);
        }
        Ok(betas)
    }
}

/// A request with everything that Python chose.
fn request<'a>(
    subject: &'a laion_fmri::Subject,
    job: &'a Job,
    sessions: &[String],
    voxels: ChosenVoxels,
    selection: &Selection,
) -> Result<Betas<'a>> {
    let betas = subject.betas().sessions(sessions).voxels(voxels.of(subject)?);
    Ok(selection.apply(betas)?.observer(job.observer()))
}

/// The map of a session or of a `desc`.
pub(crate) fn ceiling(session: Option<&str>, desc: Option<&str>) -> Result<NoiseCeiling> {
    match (session, desc) {
        (Some(session), None) => NoiseCeiling::session(session),
        (_, Some(desc)) => NoiseCeiling::desc(desc),
        (None, None) => Err(Error::NothingNamed { what: "session or desc".to_owned() }),
    }
}

fn numbers(trials: &[SessionTrial]) -> Vec<i64> {
    trials.iter().map(|trial| trial.0 as i64).collect()
}

/// The betas of each session, in the order asked.
#[pyfunction]
pub(crate) fn betas<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    sessions: Vec<String>,
    voxels: VoxelArguments<'py>,
    selection: Selection,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyArray2<f32>>>> {
    let voxels = voxels.owned();
    let arrays = subject.run(py, progress, move |subject, job| {
        let betas = request(&subject, job, &sessions, voxels, &selection)?;
        Ok(match sessions.len() {
            1 => vec![betas.load()?],
            _ => betas.load_sessions()?.into_values().collect(),
        })
    })?;
    Ok(arrays.into_iter().map(|array| array.into_pyarray(py)).collect())
}

/// The betas of several sessions below each other, with the session and the trial of each row, and
/// the voxels of the columns as flags over the voxel axis.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple is what Python takes apart")]
pub(crate) fn concat_betas<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    sessions: Vec<String>,
    voxels: VoxelArguments<'py>,
    selection: Selection,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<(
    Bound<'py, PyArray2<f32>>,
    Vec<String>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<bool>>,
)> {
    let voxels = voxels.owned();
    let joined = subject.run(py, progress, move |subject, job| {
        request(&subject, job, &sessions, voxels, &selection)?.concat()
    })?;
    let sessions = joined.sessions.iter().map(ToString::to_string).collect();
    let trials = numbers(&joined.trials).into_pyarray(py);
    let columns = flags(&joined.voxels).into_pyarray(py);
    Ok((joined.betas.into_pyarray(py), sessions, trials, columns))
}

/// The betas of each session in a `.npy` file of its own, without an array in memory. Returns the
/// number of rows and columns of each.
#[pyfunction]
pub(crate) fn write_betas<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    sessions: Vec<String>,
    paths: Vec<PathBuf>,
    voxels: VoxelArguments<'py>,
    selection: Selection,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Vec<(usize, usize)>> {
    let voxels = voxels.owned();
    subject.run(py, progress, move |subject, job| {
        let mut written = Vec::new();
        for (session, path) in sessions.iter().zip(&paths) {
            let named = std::slice::from_ref(session);
            let betas = subject.betas().sessions(named).voxels(voxels.again(&subject)?);
            let betas = selection.apply(betas)?.observer(job.observer());
            betas.write_npy(
                |_| path.clone(),
                |_, file| {
                    written.push((file.trials.len(), file.voxels.n_voxels()));
                    Ok::<(), Error>(())
                },
            )?;
        }
        Ok(written)
    })
}

/// Computes a noise ceiling; returns the values, the flags of their voxels, the record that says
/// how, and the noise ceiling that pure noise is expected to have.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple is what Python takes apart")]
pub(crate) fn compute_noise_ceiling<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    sessions: Vec<String>,
    voxels: VoxelArguments<'py>,
    options: CeilingOptions,
    output: Option<PathBuf>,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyArray1<f32>>, Bound<'py, PyArray1<bool>>, Bound<'py, PyAny>, f64)> {
    let voxels = voxels.owned();
    let computed = subject.run(py, progress, move |subject, job| {
        let options = options.of(voxels.of(&subject)?)?;
        let observer = job.observer();
        let computed = subject.compute_noise_ceiling(&sessions, &options, observer, &job.cancel)?;
        if let Some(path) = output {
            computed.write_nifti(&subject, path)?;
        }
        Ok(computed)
    })?;
    let sidecar = record(py, &computed.sidecar())?;
    let columns = flags(&computed.voxels).into_pyarray(py);
    let noise_alone = computed.plan.noise_alone;
    Ok((computed.values.into_pyarray(py), columns, sidecar, noise_alone))
}

/// The conventions of a noise ceiling, as texts and numbers.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct CeilingOptions {
    scope: Option<String>,
    zscore_ddof: usize,
    residual_ddof: usize,
    images: String,
    repetitions: String,
    repetition_term: String,
    max_memory: Option<u64>,
}

impl CeilingOptions {
    fn of(&self, voxels: laion_fmri::Voxels) -> Result<NoiseCeilingOptions> {
        let mut options = NoiseCeilingOptions::default()
            .zscore_ddof(self.zscore_ddof)
            .residual_ddof(self.residual_ddof)
            .images(self.images.parse()?)
            .repetitions(self.repetitions.parse()?)
            .repetition_term(self.repetition_term.parse()?)
            .voxels(voxels);
        options.scope = self.scope.as_deref().map(str::parse).transpose()?;
        options.max_memory = self.max_memory;
        Ok(options)
    }
}

/// The means of the shared images of several subjects: the image of each row, and for each subject
/// the means, the numbers of trials, and the flags of the voxels.
#[pyfunction]
pub(crate) fn shared_betas<'py>(
    dataset: PyRef<'py, Dataset>,
    py: Python<'py>,
    subjects: Vec<String>,
    sessions: Vec<String>,
    rois: Option<Vec<String>>,
    source: String,
    selection: Selection,
) -> PyResult<(Vec<String>, Bound<'py, PyDict>)> {
    let shared = dataset.run(py, None, move |dataset, _| {
        let source = source.parse()?;
        let threshold = selection.threshold;
        let map = selection.desc.as_deref().map(NoiseCeiling::desc).transpose()?;
        dataset.group(&subjects)?.shared_betas(&sessions, |mut betas| {
            if let Some(rois) = &rois {
                betas = betas.roi(rois.clone());
            }
            match (threshold, &map) {
                (Some(percent), Some(map)) => {
                    betas = betas.nc_threshold_on(map.clone(), percent);
                }
                (Some(percent), None) => betas = betas.nc_threshold(percent),
                (None, _) => {}
            }
            betas.mask_source(source)
        })
    })?;
    let answers = PyDict::new(py);
    for (id, subject) in shared.subjects {
        let repeats: Vec<i64> = subject.repeats.iter().map(|count| i64::from(*count)).collect();
        let columns = flags(&subject.voxels).into_pyarray(py);
        let answer = (subject.betas.into_pyarray(py), repeats.into_pyarray(py), columns);
        answers.set_item(id.to_string(), answer)?;
    }
    Ok((shared.image_names, answers))
}
