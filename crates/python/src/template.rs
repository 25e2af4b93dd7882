//! Values on surfaces and in template space.

use std::path::PathBuf;

use laion_fmri::template::{
    CorticalSurface, Density, SurfaceSpace, TemplateName, TemplateOptions, TemplateSpace,
};
use laion_fmri::{Error, Hemisphere, Result, SessionId, SubjectId, surface};
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arguments::VoxelArguments;
use crate::call;
use crate::error;
use crate::files::affine;
use crate::subject::Subject;

/// How values get to a surface or a template, as texts and numbers.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct SpaceOptions {
    /// `L`, `R` or `all`.
    hemi: String,
    surface: String,
    /// In the place of the surface.
    depths: Option<Vec<f64>>,
    interpolation: String,
    density: String,
    /// Folders that may hold fsaverage.
    fsaverage: Vec<PathBuf>,
}

impl SpaceOptions {
    fn of(self) -> Result<TemplateOptions> {
        let options = TemplateOptions::default()
            .hemi(self.hemi.parse()?)
            .interpolation(self.interpolation.parse()?)
            .density(self.density.parse::<Density>()?)
            .fsaverage_in(self.fsaverage);
        Ok(match self.depths {
            Some(depths) => options.depths(depths),
            None => options.surface(self.surface.parse::<CorticalSurface>()?),
        })
    }
}

/// Rows of one value for each chosen voxel at the vertices of each hemisphere, by its name.
#[pyfunction]
pub(crate) fn volume_to_surface<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    rows: PyReadonlyArray2<'py, f32>,
    voxels: VoxelArguments<'py>,
    space: String,
    options: SpaceOptions,
) -> PyResult<Bound<'py, PyDict>> {
    let (rows, voxels) = (rows.as_array().to_owned(), voxels.owned());
    let maps = subject.run(py, None, move |subject, _| {
        let (voxels, space) = (voxels.of(&subject)?, space.parse::<SurfaceSpace>()?);
        subject.volume_to_surface(rows.view(), &voxels, space, &options.of()?)
    })?;
    let hemispheres = PyDict::new(py);
    for (hemisphere, rows) in maps {
        hemispheres.set_item(hemisphere.as_str(), rows.into_pyarray(py))?;
    }
    Ok(hemispheres)
}

/// Rows of one value for each vertex of a hemisphere of the subject on fsaverage.
#[pyfunction]
pub(crate) fn surface_to_template<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    rows: PyReadonlyArray2<'py, f32>,
    hemi: String,
    options: SpaceOptions,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let rows = rows.as_array().to_owned();
    let maps = subject.run(py, None, move |subject, _| {
        subject.surface_to_template(rows.view(), hemi.parse::<Hemisphere>()?, &options.of()?)
    })?;
    Ok(maps.into_pyarray(py))
}

/// Rows of one value for each chosen voxel as volumes of MNI305: `(n_rows, n_voxels)` in C order, the
/// shape of the volume, and its affine. With a path they are written to a file too; `is_single` makes it
/// a 3-D file.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple is what Python takes apart")]
pub(crate) fn volume_to_template<'py>(
    subject: PyRef<'py, Subject>,
    py: Python<'py>,
    rows: PyReadonlyArray2<'py, f32>,
    voxels: VoxelArguments<'py>,
    options: SpaceOptions,
    path: Option<PathBuf>,
    is_single: bool,
) -> PyResult<(Bound<'py, PyArray2<f32>>, [usize; 3], Bound<'py, PyArray2<f64>>)> {
    let (rows, voxels) = (rows.as_array().to_owned(), voxels.owned());
    let (volumes, grid) = subject.run(py, None, move |subject, job| {
        let projection = subject.volume_projection(&voxels.of(&subject)?, &options.of()?)?;
        let grid = *projection.grid();
        let (n_rows, n_voxels) = (rows.nrows(), grid.n_voxels());
        let out_of_memory = || Error::OutOfMemory { rows: n_rows, columns: n_voxels };
        let mut values = Vec::new();
        let length = n_rows.checked_mul(n_voxels).ok_or_else(out_of_memory)?;
        values.try_reserve_exact(length).map_err(|_| out_of_memory())?;
        for row in rows.rows() {
            if job.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            values.extend(projection.project_row(&row.to_vec())?);
        }
        if let Some(path) = path {
            projection.write_nifti(path, (!is_single).then_some(n_rows), |put| {
                rows.rows().into_iter().try_for_each(|row| put(&row.to_vec()))
            })?;
        }
        let shape = (n_rows, n_voxels);
        let volumes = laion_fmri::ndarray::Array2::from_shape_vec(shape, values);
        Ok((volumes.map_err(|_| out_of_memory())?, grid))
    })?;
    Ok((volumes.into_pyarray(py), grid.shape(), affine(&grid).into_pyarray(py)))
}

/// Writes rows of values per vertex as a `.func.gii`.
#[pyfunction]
pub(crate) fn write_gifti(
    py: Python<'_>,
    path: PathBuf,
    rows: PyReadonlyArray2<'_, f32>,
    hemi: String,
    space: String,
) -> PyResult<()> {
    let rows = rows.as_array().to_owned();
    call::run(py, None, move |_| {
        let about = surface::GiftiMetadata::new(hemi.parse::<Hemisphere>()?, space);
        let written = surface::fs::write_gifti(&path, &about, rows.nrows(), |gifti| {
            rows.rows().into_iter().try_for_each(|row| gifti.per_vertex("", &row.to_vec()))
        });
        written.map_err(|source| Error::Io { action: "write", path, source })
    })
}

/// The name of a file of the dataset in another space, of a hemisphere or of a volume.
#[pyfunction]
pub(crate) fn template_name(
    py: Python<'_>,
    subject: &str,
    session: Option<&str>,
    space: &str,
    density: &str,
    hemi: Option<&str>,
    desc: Option<&str>,
) -> PyResult<String> {
    let name = || -> Result<String> {
        let space = space.parse::<TemplateSpace>()?;
        let mut name = TemplateName::new(subject.parse::<SubjectId>()?, space);
        if let Some(session) = session {
            name = name.session(session.parse::<SessionId>()?);
        }
        if let Some(desc) = desc {
            name = name.desc(desc);
        }
        match hemi {
            Some(hemi) => name.surface(hemi.parse()?, density.parse()?),
            None => name.volume(),
        }
    };
    name().map_err(error::raise(py))
}
