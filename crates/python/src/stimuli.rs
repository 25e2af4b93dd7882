//! The stimulus side by image name: images, embeddings, object masks and captions.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use laion_fmri::stimuli::f16;
use laion_fmri::stimuli::{self as leaf, CaptionSource, EmbeddingModel, NounFilter, files};
use laion_fmri::{Error, Result, Stimuli as Inner, StimulusSet};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, PyArray4};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::call::{self, Job};
use crate::error;
use crate::subject::Subject;

/// The stimulus files of a dataset. Nothing is opened before it is needed.
#[pyclass(frozen, module = "laion_fmri._native")]
pub(crate) struct Stimuli {
    pub(crate) inner: Inner,
}

impl Stimuli {
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Inner, &Job) -> Result<T> + Send + 'static,
    ) -> PyResult<T> {
        let stimuli = self.inner.clone();
        call::run(py, None, move |job| work(&stimuli.with_cancel(&job.cancel), job))
    }
}

fn filter(localized_only: bool) -> NounFilter {
    if localized_only { NounFilter::Localized } else { NounFilter::All }
}

/// Refuses a table that the core cannot read: pandas makes missing values of what is cut off.
fn check(name: &str, path: PathBuf, bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        // This is said by the function that reads it with pandas, for each kind of table.
        return Ok(());
    }
    let read = match name {
        files::METADATA => {
            let read = leaf::Metadata::from_reader(bytes).map(drop);
            return read.map_err(|source| Error::StimulusMetadata { path, source });
        }
        files::SEGMENTATIONS_METADATA => leaf::SegmentationTable::from_reader(bytes).map(drop),
        _ => leaf::Captions::from_reader(bytes).map(drop),
    };
    Ok(read.map_err(|source| leaf::Error::Table { path, source })?)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[pymethods]
impl Stimuli {
    /// Raises when the table of images or the images are not on disk.
    fn require(&self, py: Python<'_>) -> PyResult<()> {
        self.run(py, |stimuli, _| stimuli.require_images())
    }

    /// The bytes of a table of the stimulus side, by its file name; raises if it is damaged.
    fn table<'py>(&self, py: Python<'py>, name: String) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.run(py, move |stimuli, _| {
            let mut input = stimuli.open_table(&name)?;
            let path = input.path().to_owned();
            let mut bytes = Vec::new();
            input.read_to_end(&mut bytes).map_err(|source| {
                let path = path.clone();
                Error::Io { action: "read", path, source }
            })?;
            input.finish()?;
            check(&name, path, &bytes)?;
            Ok(bytes)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    fn image_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.run(py, |stimuli, _| Ok(stimuli.images()?.names().map(str::to_owned).collect()))
    }

    fn has_image(&self, py: Python<'_>, name: String) -> PyResult<bool> {
        self.run(py, move |stimuli, _| Ok(stimuli.images()?.contains(&name)))
    }

    fn image_row(&self, py: Python<'_>, name: String) -> PyResult<usize> {
        self.run(py, move |stimuli, _| Ok(stimuli.images()?.row(&name)?))
    }

    /// The bytes of an image as they are stored.
    fn image_bytes<'py>(&self, py: Python<'py>, name: String) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.run(py, move |stimuli, _| Ok(stimuli.images()?.encoded(&name)?))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The images as they were displayed, uint8 of shape `(n, H, W, 3)`; each is decoded once.
    fn image_array<'py>(
        &self,
        py: Python<'py>,
        names: Vec<String>,
    ) -> PyResult<Bound<'py, PyArray4<u8>>> {
        let array = self.run(py, move |stimuli, job| stimuli.image_array(&names, &job.cancel))?;
        Ok(array.into_pyarray(py))
    }

    /// The images as networks take them, float32 of shape `(n, 3, H, W)`; each is decoded once.
    fn image_tensors<'py>(
        &self,
        py: Python<'py>,
        names: Vec<String>,
    ) -> PyResult<Bound<'py, PyArray4<f32>>> {
        let array = self.run(py, move |stimuli, job| stimuli.image_tensors(&names, &job.cancel))?;
        Ok(array.into_pyarray(py))
    }

    /// The models whose file is there, as far as it is on disk.
    fn embedding_models(&self) -> Vec<String> {
        self.inner.embedding_models().iter().map(ToString::to_string).collect()
    }

    fn embeddings(&self, py: Python<'_>, model: String) -> PyResult<Embeddings> {
        let inner =
            self.run(py, move |stimuli, _| stimuli.embeddings(model.parse::<EmbeddingModel>()?))?;
        Ok(Embeddings { inner })
    }

    /// The images that have object masks.
    fn segmented_images(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.run(py, |stimuli, _| Ok(stimuli.segmentation_table()?.images().to_vec()))
    }

    fn n_masks(&self, py: Python<'_>) -> PyResult<usize> {
        self.run(py, |stimuli, _| Ok(stimuli.segmentation_table()?.len()))
    }

    fn is_segmented(&self, py: Python<'_>, name: String) -> PyResult<bool> {
        self.run(py, move |stimuli, _| Ok(stimuli.segmentation_table()?.has_image(&name)))
    }

    fn nouns(&self, py: Python<'_>, name: String, localized_only: bool) -> PyResult<Vec<String>> {
        self.run(py, move |stimuli, _| {
            Ok(texts(&stimuli.segmentation_table()?.nouns(&name, filter(localized_only))))
        })
    }

    /// One object mask, uint8.
    fn mask<'py>(
        &self,
        py: Python<'py>,
        name: String,
        noun: String,
        instance: u32,
    ) -> PyResult<Bound<'py, PyArray2<u8>>> {
        let mask = self.run(py, move |stimuli, _| {
            Ok(stimuli.segmentations()?.get(&name, &noun, instance)?)
        })?;
        Ok(mask.into_pyarray(py))
    }

    /// Object masks by row, uint8 of shape `(n, H, W)`.
    fn masks<'py>(&self, py: Python<'py>, rows: Vec<usize>) -> PyResult<Bound<'py, PyArray3<u8>>> {
        let masks = self.run(py, move |stimuli, _| Ok(stimuli.segmentations()?.masks(&rows)?))?;
        Ok(masks.into_pyarray(py))
    }

    fn captioned_images(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.run(py, |stimuli, _| Ok(stimuli.captions()?.images().map(str::to_owned).collect()))
    }

    /// The captions of an image, of one source (`human`, `ai`) or of all.
    fn captions(
        &self,
        py: Python<'_>,
        name: String,
        source: Option<String>,
    ) -> PyResult<Vec<String>> {
        self.run(py, move |stimuli, _| {
            let source = source.as_deref().map(str::parse::<CaptionSource>).transpose()?;
            Ok(texts(&stimuli.captions()?.list(&name, source)))
        })
    }

    /// The names of the images that fulfil all conditions, in the order of the table of images.
    #[expect(clippy::too_many_arguments, reason = "the conditions of the Python function")]
    fn query(
        &self,
        py: Python<'_>,
        nouns: Vec<String>,
        captions: Vec<String>,
        datasets: Vec<String>,
        repetitions: Option<u32>,
        set: Option<String>,
        seen_by: Option<PyRef<'_, Subject>>,
    ) -> PyResult<Vec<String>> {
        let subject = seen_by.map(|subject| subject.inner.clone());
        self.run(py, move |stimuli, _| {
            let mut query = stimuli.query();
            for noun in nouns {
                query = query.noun(noun);
            }
            for text in captions {
                query = query.caption(text);
            }
            for dataset in datasets {
                query = query.dataset(dataset);
            }
            if let Some(repetitions) = repetitions {
                query = query.repetitions(repetitions);
            }
            if let Some(set) = set {
                query = query.set(set.parse::<StimulusSet>()?);
            }
            if let Some(subject) = &subject {
                query = query.seen_by(subject);
            }
            query.image_names()
        })
    }
}

/// The embeddings of one model.
#[pyclass(frozen, module = "laion_fmri._native")]
pub(crate) struct Embeddings {
    inner: Arc<leaf::Embeddings>,
}

impl Embeddings {
    fn run<T: Send + 'static>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&leaf::Embeddings) -> std::result::Result<T, leaf::Error> + Send + 'static,
    ) -> PyResult<T> {
        let embeddings = Arc::clone(&self.inner);
        call::run(py, None, move |_| Ok(work(&embeddings)?))
    }
}

#[pymethods]
impl Embeddings {
    /// An embeddings file by path.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, model: &str) -> PyResult<Self> {
        let model: EmbeddingModel = model.parse().map_err(error::raise(py))?;
        let inner = call::run(py, None, move |_| Ok(leaf::Embeddings::open(path, model)?))?;
        Ok(Self { inner: Arc::new(inner) })
    }

    #[getter]
    fn shape(&self) -> (usize, usize) {
        (self.inner.len(), self.inner.n_features())
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.inner.path().to_owned()
    }

    fn image_ids(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.run(py, |embeddings| Ok(embeddings.image_ids()?.to_vec()))
    }

    fn contains(&self, py: Python<'_>, name: String) -> PyResult<bool> {
        self.run(py, move |embeddings| embeddings.contains(&name))
    }

    /// One vector by image name.
    fn get<'py>(&self, py: Python<'py>, name: String) -> PyResult<Bound<'py, PyArray1<f16>>> {
        Ok(self.run(py, move |embeddings| embeddings.get(&name))?.into_pyarray(py))
    }

    /// Vectors by image name, in the order of the names.
    fn get_many<'py>(
        &self,
        py: Python<'py>,
        names: Vec<String>,
    ) -> PyResult<Bound<'py, PyArray2<f16>>> {
        Ok(self.run(py, move |embeddings| embeddings.get_many(&names))?.into_pyarray(py))
    }

    /// Vectors by row.
    fn rows<'py>(&self, py: Python<'py>, rows: Vec<usize>) -> PyResult<Bound<'py, PyArray2<f16>>> {
        Ok(self.run(py, move |embeddings| embeddings.rows(&rows))?.into_pyarray(py))
    }

    /// For every row, whether it is marked as valid.
    fn valid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<bool>>> {
        let marks = self.run(py, |embeddings| Ok(embeddings.valid()?.to_vec()))?;
        Ok(marks.into_pyarray(py))
    }

    /// All vectors, those of rows that are not valid included.
    fn matrix<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray2<f16>>> {
        Ok(self.run(py, leaf::Embeddings::matrix)?.into_pyarray(py))
    }
}
