//! Single files by path, and arrays without a dataset.

use std::path::PathBuf;

use laion_fmri::ndarray::{Array2, Array3, Array4};
use laion_fmri::nifti_stream::fs::{self, VolumeFile};
use laion_fmri::nifti_stream::{Grid, RowSelection, Volume, VoxelSelection};
use laion_fmri::{Cancel, Error, NanPolicy, Result, ZscoreOptions, surface};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArray3, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::call;

/// A value that a caller chose and that does not fit.
fn does_not_fit(what: &str, expected: impl ToString, got: impl ToString) -> Error {
    let (expected, got) = (expected.to_string(), got.to_string());
    Error::DoesNotFit { what: what.to_owned(), expected, got }
}

/// A volume as an array of its shape.
pub(crate) fn shaped(volume: Volume) -> Result<Array3<f32>> {
    let shape = volume.grid().shape();
    Array3::from_shape_vec(shape, volume.into_data())
        .map_err(|error| does_not_fit("the values of a volume", format!("{shape:?}"), error))
}

/// Every volume of a file, `(T, X, Y, Z)`.
pub(crate) fn volumes(file: VolumeFile, cancel: &Cancel) -> Result<Array4<f32>> {
    let [x, y, z] = file.grid().shape();
    let selection = VoxelSelection::all([x, y, z])?;
    let rows = rows_of(file, &selection, cancel)?;
    let n_volumes = rows.nrows();
    rows.into_shape_with_order((n_volumes, x, y, z))
        .map_err(|error| does_not_fit("the values of a file", format!("{x} x {y} x {z}"), error))
}

fn rows_of(file: VolumeFile, selection: &VoxelSelection, cancel: &Cancel) -> Result<Array2<f32>> {
    let (rows, columns) = (file.n_volumes(), selection.len());
    let too_large = || Error::OutOfMemory { rows, columns };
    let total = rows.checked_mul(columns).ok_or_else(too_large)?;
    let zeros = laion_fmri_base::zeroed(total).ok_or_else(too_large)?;
    let mut array = Array2::from_shape_vec((rows, columns), zeros).map_err(|_| too_large())?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    file.with_threads(threads).read_rows_with(
        selection,
        &RowSelection::All,
        array.view_mut(),
        |_| match cancel.is_cancelled() {
            true => std::ops::ControlFlow::Break(()),
            false => std::ops::ControlFlow::Continue(()),
        },
    )?;
    Ok(array)
}

/// The voxels of a 3-D mask that are set, one flag for each voxel of the grid in C order.
#[pyfunction]
pub(crate) fn read_mask(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyArray1<bool>>> {
    let flags = call::run(py, None, move |_| Ok(fs::read_volume(path)?.nonzero_mask()))?;
    Ok(flags.into_pyarray(py))
}

/// The values of a 3-D file at the voxels that a mask of the same grid sets.
#[pyfunction]
pub(crate) fn read_voxels(
    py: Python<'_>,
    path: PathBuf,
    mask: PathBuf,
) -> PyResult<Bound<'_, PyArray1<f32>>> {
    let values = call::run(py, None, move |_| {
        let set = fs::read_set_voxels(mask)?;
        let selection = VoxelSelection::new(set.grid().shape(), set.into_indices())?;
        Ok(fs::read_voxels(path, &selection)?.1)
    })?;
    Ok(values.into_pyarray(py))
}

/// The values of every volume of a 4-D file at the voxels whose flags are set: `(n_volumes, n_voxels)`.
#[pyfunction]
pub(crate) fn read_rows<'py>(
    py: Python<'py>,
    path: PathBuf,
    flags: PyReadonlyArray1<'py, bool>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let flags = flags.as_array().to_vec();
    let rows = call::run(py, None, move |job| {
        let file = VolumeFile::open(path)?;
        let shape = file.grid().shape();
        if shape.iter().product::<usize>() != flags.len() {
            return Err(does_not_fit("the flags of a mask", format!("{shape:?}"), flags.len()));
        }
        let selection = VoxelSelection::from_mask(shape, &flags)?;
        rows_of(file, &selection, &job.cancel)
    })?;
    Ok(rows.into_pyarray(py))
}

/// A 3-D file as an array `(X, Y, Z)`, and its affine.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple is what Python takes apart")]
pub(crate) fn read_volume(
    py: Python<'_>,
    path: PathBuf,
) -> PyResult<(Bound<'_, PyArray3<f32>>, Bound<'_, PyArray2<f64>>)> {
    let (values, affine) = call::run(py, None, move |_| {
        let volume = fs::read_volume(path)?;
        let affine = affine(volume.grid());
        Ok((shaped(volume)?, affine))
    })?;
    Ok((values.into_pyarray(py), affine.into_pyarray(py)))
}

pub(crate) fn affine(grid: &Grid) -> Array2<f64> {
    laion_fmri::ndarray::arr2(&grid.affine().matrix())
}

/// Writes a 3-D file with the space of another: values in C order.
#[pyfunction]
pub(crate) fn write_nifti(
    py: Python<'_>,
    path: PathBuf,
    values: PyReadonlyArray1<'_, f32>,
    like: PathBuf,
) -> PyResult<()> {
    let values = values.as_array().to_vec();
    call::run(py, None, move |_| {
        let header = fs::read_header(like)?;
        let grid = header.grid()?;
        Ok(fs::write_volume(path, header.spatial(), grid.shape(), &values)?)
    })
}

/// The flags of the first array of a GIFTI file.
#[pyfunction]
pub(crate) fn read_gifti(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyArray1<bool>>> {
    let flags = call::run(py, None, move |_| {
        let file = surface::fs::read_gifti(&path)?;
        let first =
            file.first().map_err(|source| surface::fs::ReadGiftiError::Read { path, source })?;
        Ok(first.nonzero_mask())
    })?;
    Ok(flags.into_pyarray(py))
}

/// The vertices of a FreeSurfer label.
#[pyfunction]
pub(crate) fn read_label(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyArray1<i64>>> {
    let vertices = call::run(py, None, move |_| Ok(surface::fs::read_label(path)?))?;
    Ok(vertices.into_iter().map(i64::from).collect::<Vec<_>>().into_pyarray(py))
}

/// Betas as distances from the mean in standard deviations, within each group of rows, and how many columns
/// were constant and undefined, and how many values were NaN.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple is what Python takes apart")]
pub(crate) fn zscore<'py>(
    py: Python<'py>,
    betas: PyReadonlyArray2<'py, f32>,
    within: Vec<i64>,
    ddof: usize,
    propagate_nan: bool,
    fit_rows: Option<Vec<bool>>,
) -> PyResult<(Bound<'py, PyArray2<f32>>, (usize, usize, usize))> {
    let mut betas = betas.as_array().as_standard_layout().into_owned();
    let (betas, report) = call::run(py, None, move |_| {
        let mut options = ZscoreOptions::default().ddof(ddof);
        if propagate_nan {
            options = options.nan(NanPolicy::Propagate);
        }
        options.fit_rows = fit_rows;
        let report = laion_fmri::zscore(&mut betas, &within, &options)?;
        Ok((betas, report))
    })?;
    Ok((betas.into_pyarray(py), (report.constant, report.undefined, report.nan)))
}
