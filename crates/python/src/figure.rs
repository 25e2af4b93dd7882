//! Slices of the brain, pixel by pixel, and the colours of values.

use laion_fmri::figure::{ColorMap, ColorScale, Error, Layers, Plane};
use laion_fmri::{Resolution, ndarray};
use ndarray::{Array1, Array2};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::VoxelArguments;
use crate::error;
use crate::subject::Subject;

/// Which slices are drawn, and of which values.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct SliceOptions {
    plane: String,
    n_slices: usize,
    /// Values below it are not visible.
    threshold: f32,
    is_diverging: bool,
}

fn invalid(py: Python<'_>) -> impl Fn(Error) -> PyErr {
    move |refused| error::invalid(py, &refused.to_string())
}

/// The colours of a scale, its range, and whether it diverges.
type Drawn<'py> = (Bound<'py, PyArray2<u8>>, (f32, f32), bool);

/// The 256 colours of a map, its range, and whether it is diverging. Without a name the map fits the
/// values, and without a range the range does.
#[pyfunction]
pub(crate) fn color_scale<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, f32>,
    name: Option<&str>,
    range: Option<(f32, f32)>,
) -> PyResult<Drawn<'py>> {
    let values = values.as_array();
    let map = match name {
        Some(name) => name.parse::<ColorMap>().map_err(error::raise(py))?,
        None if values.iter().any(|value| *value < 0.0) => ColorMap::BlueRed,
        None => ColorMap::Viridis,
    };
    let scale = match range {
        Some((low, high)) => ColorScale::new(map, low, high).map_err(invalid(py))?,
        None => ColorScale::fitting(map, values.iter().copied()),
    };
    let colors = map.table();
    let table = Array2::from_shape_fn((256, 3), |(step, channel)| colors[step][channel]);
    Ok((table.into_pyarray(py), scale.range(), map.is_diverging()))
}

/// The slices of one value for each chosen voxel: what lies behind them, the values, the region, and
/// what is written where.
#[pyfunction]
pub(crate) fn slices<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    values: PyReadonlyArray1<'py, f32>,
    voxels: VoxelArguments<'py>,
    region: Option<VoxelArguments<'py>>,
    options: SliceOptions,
) -> PyResult<Bound<'py, PyDict>> {
    let (values, voxels) = (values.as_array().to_owned(), voxels.owned());
    let region = region.map(VoxelArguments::owned);
    let drawn = subject.run(py, None, move |subject, _| {
        let mut slices = subject.brain_slices(&values, &voxels.of(&subject)?)?;
        if let Some(region) = region {
            slices = slices.with_region(&region.of(&subject)?.resolve(&subject)?, "")?;
        }
        let plane: Plane = options.plane.parse()?;
        let map = if options.is_diverging { ColorMap::BlueRed } else { ColorMap::Viridis };
        let scale = slices.fitting(map).with_threshold(options.threshold);
        let layers = scale
            .and_then(|scale| slices.figure(scale).plane(plane).slices(options.n_slices).layers());
        Ok(layers.map(|layers| (layers, slices.anatomy().is_some())))
    })?;
    let (layers, has_anatomy) = drawn.map_err(invalid(py))?;
    picture(py, layers, has_anatomy)
}

fn picture(py: Python<'_>, layers: Layers, has_anatomy: bool) -> PyResult<Bound<'_, PyDict>> {
    let mosaic = &layers.mosaic;
    let [width, _] = mosaic.slice_size();
    let texts: Vec<(String, usize, usize)> = mosaic
        .slices()
        .iter()
        .enumerate()
        .map(|(nth, slice)| {
            let [left, top] = mosaic.slice_place(nth);
            (mosaic.label(slice), left, top)
        })
        .collect();
    let [at_left, at_right] = mosaic.plane().marks();
    let found = PyDict::new(py);
    found.set_item("texts", texts)?;
    found.set_item("marks", (at_left, at_right))?;
    found.set_item("slice_width", width)?;
    found.set_item("background", layers.background.into_pyarray(py))?;
    found.set_item("values", layers.values.into_pyarray(py))?;
    found.set_item("region", layers.region.map(|region| region.into_pyarray(py)))?;
    found.set_item("has_anatomy", has_anatomy)?;
    Ok(found)
}

/// The grid of a brain mask: its shape, and the affine as a 4 x 4 matrix.
#[pyfunction]
pub(crate) fn brain_grid<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    source: String,
) -> PyResult<([usize; 3], Bound<'py, PyArray2<f64>>)> {
    let grid = subject.run(py, None, move |subject, _| {
        Ok(*subject.brain_mask(source.parse()?, Resolution::Func1pt8)?.grid())
    })?;
    let matrix = grid.affine().matrix();
    let matrix = Array2::from_shape_fn((4, 4), |(row, column)| matrix[row][column]);
    Ok((grid.shape(), matrix.into_pyarray(py)))
}

/// The mean R² of the single-trial model at the chosen voxels, in percent.
#[pyfunction]
pub(crate) fn mean_r2<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    voxels: VoxelArguments<'py>,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let voxels = voxels.owned();
    let values: Array1<f32> =
        subject.run(py, None, move |subject, _| subject.mean_r2(&voxels.of(&subject)?))?;
    Ok(values.into_pyarray(py))
}

/// The names of the maps that are there: `r2`, the noise ceilings over all sessions, and the sessions
/// with a noise ceiling of their own.
#[pyfunction]
pub(crate) fn available_maps(py: Python<'_>, subject: PyRef<'_, Subject>) -> PyResult<Vec<String>> {
    let ceilings = subject.inner.available_noise_ceilings().map_err(error::raise(py))?;
    let r2 = subject.inner.has_mean_r2().then(|| "r2".to_owned());
    Ok(r2.into_iter().chain(ceilings.iter().map(ToString::to_string)).collect())
}

/// The name of the noise ceiling that is drawn when none is named.
#[pyfunction]
pub(crate) fn usual_noise_ceiling(subject: PyRef<'_, Subject>) -> String {
    subject.inner.usual_noise_ceiling().to_string()
}
