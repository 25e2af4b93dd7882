//! One subject: masks, ROIs, trials, anatomy, localizers and raw data.

use std::path::PathBuf;

use laion_fmri::localizer::{Localizer, LocalizerSpace};
use laion_fmri::{Error, Hemisphere, RoiSurface, SubjectId, ndarray};
use ndarray::{Array, Array1};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::arguments::{VoxelArguments, flags, resolution};
use crate::call::{self, Job};
use crate::error;
use crate::hint::Known;
use crate::stimuli::Stimuli;

/// The id of a subject in its full form: `3`, `03` and `sub-03` by the rules of the dataset. `all`
/// is a word for several subjects.
#[pyfunction]
pub(crate) fn parse_subject(py: Python<'_>, text: &str) -> PyResult<String> {
    let parsed = text.parse::<SubjectId>().ok().filter(|_| !text.eq_ignore_ascii_case("all"));
    parsed.map(|id| id.to_string()).ok_or_else(|| {
        let (got, available) = (text.to_owned(), Vec::new());
        error::raised(py, &Error::SubjectNotFound { got, available })
    })
}

/// A subject of a dataset.
#[pyclass(frozen, module = "laion_fmri._native")]
pub(crate) struct Subject {
    pub(crate) inner: laion_fmri::Subject,
}

impl Subject {
    /// A call that is told what to do with the subject.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        progress: Option<Bound<'_, PyAny>>,
        work: impl FnOnce(laion_fmri::Subject, &Job) -> laion_fmri::Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let subject = self.inner.clone();
        let own = || Known::OnDisk(Box::new(self.inner.clone()));
        let known = |id: &SubjectId| (id == self.inner.id()).then(own);
        call::run_in(py, progress, known, move |job| work(subject.with_cancel(&job.cancel), job))
    }
}

#[pymethods]
impl Subject {
    fn sessions(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let sessions = self.inner.sessions().map_err(error::raise(py))?;
        Ok(sessions.iter().map(ToString::to_string).collect())
    }

    fn sessions_with_betas(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let sessions = self.inner.sessions_with_betas().map_err(error::raise(py))?;
        Ok(sessions.iter().map(ToString::to_string).collect())
    }

    /// The sessions of the bucket as it was last listed, if it was.
    fn sessions_listed(&self) -> Option<Vec<String>> {
        Some(self.inner.sessions_listed()?.iter().map(ToString::to_string).collect())
    }

    fn rois(&self, py: Python<'_>, category: Option<&str>) -> PyResult<Vec<String>> {
        self.inner.rois(category).map_err(error::raise(py))
    }

    fn roi_categories(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.inner.roi_categories().map_err(error::raise(py))
    }

    /// One flag for each voxel of the grid.
    fn brain_mask<'py>(
        &self,
        py: Python<'py>,
        source: String,
        res: Option<String>,
    ) -> PyResult<Bound<'py, PyArray1<bool>>> {
        let flags = self.run(py, None, move |subject, _| {
            Ok(subject.brain_mask(source.parse()?, resolution(res.as_deref())?)?.to_bool())
        })?;
        Ok(flags.into_pyarray(py))
    }

    fn n_voxels(&self, py: Python<'_>, source: String, res: Option<String>) -> PyResult<usize> {
        self.run(py, None, move |subject, _| {
            Ok(subject.brain_mask(source.parse()?, resolution(res.as_deref())?)?.n_voxels())
        })
    }

    /// One mask over the voxel axis for each query.
    fn roi_masks<'py>(
        &self,
        py: Python<'py>,
        queries: Vec<String>,
        source: String,
    ) -> PyResult<Vec<Bound<'py, PyArray1<bool>>>> {
        let masks = self.run(py, None, move |subject, _| {
            let masks = subject.roi_masks(queries, source.parse()?)?;
            Ok(masks.values().map(flags).collect::<Vec<_>>())
        })?;
        Ok(masks.into_iter().map(|flags| flags.into_pyarray(py)).collect())
    }

    /// The union of several queries as one mask over the voxel axis.
    fn roi_mask<'py>(
        &self,
        py: Python<'py>,
        queries: Vec<String>,
        source: String,
    ) -> PyResult<Bound<'py, PyArray1<bool>>> {
        let mask = self.run(py, None, move |subject, _| {
            Ok(flags(&subject.roi_mask(queries, source.parse()?)?))
        })?;
        Ok(mask.into_pyarray(py))
    }

    /// Files of ROIs as nested dictionaries.
    fn roi_data<'py>(
        &self,
        py: Python<'py>,
        queries: Vec<String>,
        format: String,
        hemi: String,
        source: String,
    ) -> PyResult<Bound<'py, PyDict>> {
        let found = self.run(py, None, move |subject, _| {
            subject.roi_data_on(queries, format.parse()?, hemi.parse()?, source.parse()?)
        })?;
        let rois = PyDict::new(py);
        for (roi, data) in found {
            let forms = PyDict::new(py);
            if let Some(volume) = &data.volume {
                forms.set_item("volume", flags(volume).into_pyarray(py))?;
            }
            let hemispheres = PyDict::new(py);
            for (name, surface) in [("hemi-L", data.left), ("hemi-R", data.right)] {
                if let Some(surface) = surface {
                    hemispheres.set_item(name, surface_forms(py, surface)?)?;
                }
            }
            if !hemispheres.is_empty() {
                forms.set_item("gii", hemispheres)?;
            }
            rois.set_item(roi, forms)?;
        }
        Ok(rois)
    }

    /// The trial table of a session, in the order of the betas, as the bytes of a TSV file.
    fn trials<'py>(&self, py: Python<'py>, session: String) -> PyResult<Bound<'py, PyBytes>> {
        let text = self.run(py, None, move |subject, _| {
            let table = subject.trials(session)?;
            Ok(tsv(table.columns(), table.rows()))
        })?;
        Ok(PyBytes::new(py, text.as_bytes()))
    }

    /// The events of a session, of one run or of all, as the bytes of a TSV file.
    fn events<'py>(
        &self,
        py: Python<'py>,
        session: String,
        run: Option<u32>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let text = self.run(py, None, move |subject, _| {
            let table = subject.events(session, run)?;
            Ok(tsv(table.columns(), table.rows()))
        })?;
        Ok(PyBytes::new(py, text.as_bytes()))
    }

    /// A map of a noise ceiling at the chosen voxels, of a session or of a `desc`.
    fn noise_ceiling<'py>(
        &self,
        py: Python<'py>,
        session: Option<String>,
        desc: Option<String>,
        voxels: VoxelArguments<'py>,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let voxels = voxels.owned();
        let values = self.run(py, None, move |subject, _| {
            let which = crate::betas::ceiling(session.as_deref(), desc.as_deref())?;
            subject.noise_ceiling(&which, &voxels.of(&subject)?)
        })?;
        Ok(values.into_pyarray(py))
    }

    /// Values at the chosen voxels as a NIfTI file.
    fn to_nifti<'py>(
        &self,
        py: Python<'py>,
        values: PyReadonlyArray1<'py, f32>,
        path: PathBuf,
        voxels: VoxelArguments<'py>,
    ) -> PyResult<()> {
        let (values, voxels) = (Array1::from(values.as_array().to_vec()), voxels.owned());
        self.run(py, None, move |subject, _| {
            subject.to_nifti(values.view(), path, &voxels.of(&subject)?)
        })
    }

    /// The positions of the chosen voxels, in mm.
    fn voxel_coordinates<'py>(
        &self,
        py: Python<'py>,
        voxels: VoxelArguments<'py>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let voxels = voxels.owned();
        let found =
            self.run(py, None, move |subject, _| subject.voxel_coordinates(&voxels.of(&subject)?))?;
        Ok(found.into_pyarray(py))
    }

    /// The stimulus side of the subject's dataset.
    fn stimuli(&self) -> Stimuli {
        Stimuli { inner: self.inner.stimuli().clone() }
    }

    fn has_stimuli(&self) -> bool {
        self.inner.has_stimuli()
    }

    fn has_freesurfer(&self) -> bool {
        self.inner.has_freesurfer()
    }

    fn freesurfer_dir(&self, py: Python<'_>) -> PyResult<PathBuf> {
        self.inner.freesurfer_dir().map_err(error::raise(py))
    }

    fn has_anatomical(&self) -> bool {
        self.inner.has_anatomical()
    }

    fn anatomical_dir(&self, py: Python<'_>) -> PyResult<PathBuf> {
        self.inner.anatomical_dir().map_err(error::raise(py))
    }

    /// The path of an anatomical file: `T1w`, `T2w` or `mask`.
    fn anatomical(&self, py: Python<'_>, what: &str, res: Option<&str>) -> PyResult<PathBuf> {
        let path = resolution(res).and_then(|resolution| match what {
            "T1w" => self.inner.t1w(resolution),
            "T2w" => self.inner.t2w(resolution),
            _ => self.inner.anatomical_brain_mask(resolution),
        });
        path.map_err(error::raise(py))
    }

    fn has_raw(&self, py: Python<'_>, session: Option<&str>) -> PyResult<bool> {
        let found = match session {
            Some(session) => self.inner.has_raw(session),
            None => self.inner.has_raw(laion_fmri::SessionOrAll::from(None)),
        };
        found.map_err(error::raise(py))
    }

    /// One echo of a run, float32 of shape `(T, X, Y, Z)`.
    fn raw_bold<'py>(
        &self,
        py: Python<'py>,
        session: String,
        run: u32,
        echo: u32,
        part: String,
    ) -> PyResult<Bound<'py, numpy::PyArray4<f32>>> {
        let volumes = self.run(py, None, move |subject, job| {
            let file = subject.raw_bold(session, run, echo, part.parse()?)?;
            crate::files::volumes(file, &job.cancel)
        })?;
        Ok(volumes.into_pyarray(py))
    }

    /// The single-band reference of an echo, float32 of shape `(X, Y, Z)`.
    fn sbref<'py>(
        &self,
        py: Python<'py>,
        session: String,
        run: u32,
        echo: u32,
    ) -> PyResult<Bound<'py, numpy::PyArray3<f32>>> {
        let volume = self.run(py, None, move |subject, _| {
            crate::files::shaped(subject.sbref(session, run, echo)?)
        })?;
        Ok(volume.into_pyarray(py))
    }

    /// The path of a localizer map; with a run of the effect of a condition.
    #[expect(clippy::too_many_arguments, reason = "those of the Python function")]
    fn localizer_path(
        &self,
        py: Python<'_>,
        task: &str,
        contrast: &str,
        session: &str,
        run: Option<u32>,
        hemi: Option<&str>,
        res: &str,
    ) -> PyResult<PathBuf> {
        let find = || -> laion_fmri::Result<PathBuf> {
            let localizer = Localizer::new(task.parse()?).with_session(session)?;
            let space = match hemi {
                Some(hemi) => LocalizerSpace::Fsnative(hemi.parse::<Hemisphere>()?),
                None => LocalizerSpace::T1w(res.parse()?),
            };
            match run {
                Some(run) => self.inner.localizer_effect_path(localizer, contrast, run, space),
                None => self.inner.localizer_statmap_path(localizer, contrast, space),
            }
        };
        find().map_err(error::raise(py))
    }
}

fn surface_forms(py: Python<'_>, surface: RoiSurface) -> PyResult<Bound<'_, PyDict>> {
    let forms = PyDict::new(py);
    if let Some(mask) = surface.mask {
        forms.set_item("func.gii", mask.into_pyarray(py))?;
    }
    if let Some(vertices) = surface.vertices {
        let vertices: Array<i64, _> = vertices.iter().map(|vertex| i64::from(*vertex)).collect();
        forms.set_item("label", vertices.into_pyarray(py))?;
    }
    Ok(forms)
}

/// A table as it stands in a file: fields hold no TAB and no line break.
fn tsv<'a>(columns: &[String], rows: impl Iterator<Item = &'a [String]>) -> String {
    let mut text = columns.join("\t");
    for row in rows {
        text.push('\n');
        text.push_str(&row.join("\t"));
    }
    text.push('\n');
    text
}
