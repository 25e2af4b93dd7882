//! One set of weights from voxels or vertices to the vertices of a hemisphere.

use std::io;
use std::path::{Path, PathBuf};

use gifti_surface::GiftiMetadata;
use ndarray::{Array2, ArrayView2};

use super::weights::Weights;
use super::{SurfaceSpace, TemplateOptions};
use crate::error::TemplateError;
use crate::{Cancel, Error, Hemisphere, Result, Subject, VoxelMask, Voxels};

/// The way of values to the vertices of a hemisphere: weights that are made once and applied to any
/// number of rows.
#[derive(Clone, Debug)]
pub struct Projection {
    hemisphere: Hemisphere,
    space: SurfaceSpace,
    sources: Sources,
    weights: Weights,
    outside: Vec<u32>,
    jobs: usize,
    cancel: Cancel,
}

/// What a row has one value for.
#[derive(Clone, Debug)]
pub(super) enum Sources {
    /// The chosen voxels.
    Voxels,
    /// The vertices of a surface.
    Vertices(PathBuf),
}

impl Projection {
    pub(super) fn new(
        subject: &Subject,
        hemisphere: Hemisphere,
        space: SurfaceSpace,
        sources: Sources,
        weights: Weights,
        outside: Vec<u32>,
    ) -> Self {
        let (jobs, cancel) = (subject.reading.jobs.get(), subject.reading.cancel.clone());
        Self { hemisphere, space, sources, weights, outside, jobs, cancel }
    }

    /// The hemisphere of the vertices.
    #[must_use]
    pub fn hemisphere(&self) -> Hemisphere {
        self.hemisphere
    }

    /// The space of the vertices.
    #[must_use]
    pub fn space(&self) -> SurfaceSpace {
        self.space
    }

    /// The number of values of a row that goes in: chosen voxels, or vertices of the subject's surface.
    #[must_use]
    pub fn n_sources(&self) -> usize {
        self.weights.n_sources()
    }

    /// The number of values of a row that comes out.
    #[must_use]
    pub fn n_vertices(&self) -> usize {
        self.weights.n_targets()
    }

    /// The vertices outside of the grid of the betas, ascending; their values are NaN.
    #[must_use]
    pub fn outside(&self) -> &[u32] {
        &self.outside
    }

    /// A row of values at the vertices, shape `(n_vertices,)`. NaN that goes in counts as 0.
    ///
    /// # Errors
    ///
    /// [`Error::ValuesLength`] when there is not one value for each chosen voxel,
    /// [`TemplateError::VertexValues`] when there is not one for each vertex.
    pub fn project_row(&self, row: &[f32]) -> Result<Vec<f32>> {
        self.check(row.len())?;
        let mut values = self.weights.apply(row);
        self.mark(&mut values);
        Ok(values)
    }

    /// Rows of values at the vertices: from shape `(n_rows, n_sources)` to `(n_rows, n_vertices)`. It
    /// runs on as many threads as the dataset reads with; the values do not depend on that.
    ///
    /// # Errors
    ///
    /// As [`project_row`](Self::project_row); [`Error::OutOfMemory`], [`Error::Cancelled`].
    pub fn project(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.check(rows.ncols())?;
        let mut values = self.weights.apply_rows(rows, self.jobs, &self.cancel)?;
        if !self.outside.is_empty() {
            for mut row in values.rows_mut() {
                self.outside.iter().for_each(|vertex| row[*vertex as usize] = f32::NAN);
            }
        }
        Ok(values)
    }

    /// Writes rows as a `.func.gii` of float32, one array for each of the `n_rows` rows, with the
    /// hemisphere and the space in its metadata. `fill` is given a function that takes the next row of
    /// values that go in. The file appears when it is complete.
    ///
    /// # Errors
    ///
    /// As [`project_row`](Self::project_row); [`Error::Io`] when the file cannot be written, also when
    /// there are not as many rows; what `fill` answers.
    pub fn write_gifti<E: From<Error>>(
        &self,
        path: impl AsRef<Path>,
        n_rows: usize,
        fill: impl FnOnce(&mut dyn FnMut(&[f32]) -> Result<()>) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = path.as_ref();
        let failed = |source| Error::io("write", path)(source);
        let about = GiftiMetadata::new(self.hemisphere, self.space.as_str());
        let written = gifti_surface::fs::write_gifti(path, &about, n_rows, |gifti| {
            fill(&mut |row| {
                let values = self.project_row(row)?;
                gifti.per_vertex("", &values).map_err(failed)
            })
            .map_err(Unwritten::Caller)
        });
        written.map_err(|unwritten| match unwritten {
            Unwritten::Caller(error) => error,
            Unwritten::System(source) => failed(source).into(),
        })
    }

    fn mark(&self, values: &mut [f32]) {
        self.outside.iter().for_each(|vertex| values[*vertex as usize] = f32::NAN);
    }

    fn check(&self, got: usize) -> Result<()> {
        let expected = self.n_sources();
        match &self.sources {
            _ if got == expected => Ok(()),
            Sources::Voxels => Err(Error::ValuesLength { expected, got }),
            Sources::Vertices(path) => {
                Err(TemplateError::VertexValues { path: path.clone(), expected, got }.into())
            }
        }
    }
}

/// Why a file was not written.
enum Unwritten<E> {
    Caller(E),
    System(io::Error),
}

impl<E> From<io::Error> for Unwritten<E> {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Subject {
    /// The way of chosen voxels to the vertices of a hemisphere.
    ///
    /// The voxels are sampled on the subject's own surface: white, pial, half way, or the mean over
    /// depths between the two; linearly unless asked otherwise. From there values reach fsaverage by
    /// the registered spheres: linearly within the triangle of the subject's sphere around each vertex
    /// of fsaverage, or from the nearest vertex.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when a surface of the subject is not in the mirror, and
    /// [`Error::VertexMismatch`] when two have different numbers of vertices. [`TemplateError`] when one
    /// is damaged or belongs to another volume, and when there is no sphere of fsaverage. As
    /// [`Voxels::resolve`].
    pub fn projection(
        &self,
        voxels: &Voxels,
        space: SurfaceSpace,
        hemisphere: Hemisphere,
        options: &TemplateOptions,
    ) -> Result<Projection> {
        let mask = voxels.resolve(self)?;
        let weights = self.weights_to_vertices(mask.brain(), space, hemisphere, options)?;
        let outside = weights.outside();
        let places = places(&mask);
        let place = |source: u32| places[source as usize].checked_sub(1);
        let weights = weights.chosen(place, mask.n_voxels());
        let sources = Sources::Voxels;
        Ok(Projection::new(self, hemisphere, space, sources, weights, outside))
    }
}

/// For each voxel of the grid its place among the chosen ones, counted from 1; 0 if it is not chosen.
pub(super) fn places(mask: &VoxelMask) -> Vec<u32> {
    let mut places = vec![0; mask.brain().grid().n_voxels()];
    (1..).zip(mask.indices()).for_each(|(place, index)| places[*index] = place);
    places
}
