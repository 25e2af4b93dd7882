//! From the grid of the betas to that of MNI305, by FreeSurfer's linear transform.

use std::io::BufReader;
use std::path::Path;

use gifti_surface::{LinearTransform, VolumeGeometry};
use laion_fmri_base::{AffineRows, apply_affine, compose_affines, invert_affine};
use nifti_stream::{Affine, Grid, Spatial};

use super::cortex::{check_volume, distance, freesurfer};
use super::projection::places;
use super::sampling::around;
use super::weights::Weights;
use super::{Interpolation, TemplateOptions};
use crate::error::TemplateError;
use crate::files::Located;
use crate::space::Carried;
use crate::{Error, Result, Subject, VoxelMask, Voxels};

/// How far FreeSurfer's two transforms may lie apart before that is said, in mm.
const SAME_TRANSFORM: f64 = 2.0;

/// The edge of a voxel of the template, in mm.
const EDGE: f64 = 1.0;

/// The way of chosen voxels to the volume of MNI305, which is made once for any number of rows. Voxels
/// of the template outside of the chosen ones are 0.
#[derive(Clone, Debug)]
pub struct VolumeProjection {
    weights: Weights,
    /// The voxels of the template that get a value, ascending.
    targets: Vec<u32>,
    grid: Grid,
    apart: Option<f64>,
}

impl VolumeProjection {
    /// The number of values of a row that goes in: the chosen voxels.
    #[must_use]
    pub fn n_sources(&self) -> usize {
        self.weights.n_sources()
    }

    /// The grid of the template: that of the transform's destination, with voxels of 1 mm.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// How far `talairach.lta` and `talairach.xfm` take the brain apart at most, in mm, if both are
    /// there. The first is used.
    #[must_use]
    pub fn transforms_apart(&self) -> Option<f64> {
        self.apart
    }

    /// A row as a volume: one value for each voxel of the template in C order. NaN that goes in counts
    /// as 0.
    ///
    /// # Errors
    ///
    /// [`Error::ValuesLength`] when there is not one value for each chosen voxel;
    /// [`Error::OutOfMemory`].
    pub fn project_row(&self, row: &[f32]) -> Result<Vec<f32>> {
        let mut volume = self.empty()?;
        self.fill(row, &mut volume)?;
        Ok(volume)
    }

    /// Writes rows as a float32 NIfTI file, gzipped when the name ends in `.gz`: `n_rows` volumes, or,
    /// without a number, a 3-D image of one row. `fill` is given a function that takes the next row.
    /// One volume is in memory at a time. The file appears when it is complete.
    ///
    /// # Errors
    ///
    /// As [`project_row`](Self::project_row); [`Error::Nifti`] when the file cannot be written; what
    /// `fill` answers.
    pub fn write_nifti<E: From<Error>>(
        &self,
        path: impl AsRef<Path>,
        n_rows: Option<usize>,
        fill: impl FnOnce(&mut dyn FnMut(&[f32]) -> Result<()>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut volume = self.empty()?;
        let spatial = Spatial::from_affine(self.grid.affine());
        let written = nifti_stream::fs::write_volumes(
            path,
            &spatial,
            self.grid.shape(),
            n_rows,
            |put: &mut dyn FnMut(&[f32]) -> Result<(), nifti_stream::Error>| {
                fill(&mut |row| {
                    self.fill(row, &mut volume)?;
                    Ok(put(&volume)?)
                })
                .map_err(Carried)
            },
        );
        written.map_err(|Carried(error)| error)
    }

    fn empty(&self) -> Result<Vec<f32>> {
        let (rows, columns) = (1, self.grid.n_voxels());
        let mut volume = Vec::new();
        let reserved = volume.try_reserve_exact(columns);
        reserved.map_err(|_| Error::OutOfMemory { rows, columns })?;
        volume.resize(columns, 0.0);
        Ok(volume)
    }

    /// Every row fills the same voxels.
    fn fill(&self, row: &[f32], volume: &mut [f32]) -> Result<()> {
        let (expected, got) = (self.n_sources(), row.len());
        if got != expected {
            return Err(Error::ValuesLength { expected, got });
        }
        let values = self.weights.apply(row);
        self.targets.iter().zip(values).for_each(|(target, value)| {
            volume[*target as usize] = value;
        });
        Ok(())
    }
}

impl Subject {
    /// The way of chosen voxels to MNI305, by `talairach.lta` of the subject: the nearest voxel, unless
    /// asked otherwise, at each voxel of the volume that the transform leads to, at 1 mm.
    ///
    /// `talairach.xfm` is compared with it, if it is there: when the two take the brain more than 2 mm
    /// apart, that is a note, and the first is used.
    ///
    /// # Errors
    ///
    /// [`Error::DataNotDownloaded`] when the transform is not in the mirror. [`TemplateError`] when it
    /// is damaged or of another kind, belongs to another volume, or does not say where it leads. As
    /// [`Voxels::resolve`].
    ///
    /// ```
    /// use laion_fmri::template::TemplateOptions;
    /// use laion_fmri::{Dataset, NoiseCeiling, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let ceiling = subject.noise_ceiling(&NoiseCeiling::session("ses-01")?, &Voxels::all())?;
    /// let mni = subject.volume_projection(&Voxels::all(), &TemplateOptions::default())?;
    /// let volume = mni.project_row(&ceiling.to_vec())?;
    /// assert_eq!(volume.len(), mni.grid().n_voxels());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn volume_projection(
        &self,
        voxels: &Voxels,
        options: &TemplateOptions,
    ) -> Result<VolumeProjection> {
        let mask = voxels.resolve(self)?;
        let place = self.freesurfer_place("mri/transforms/", "talairach.lta")?;
        let transform = self.transform(&place, |input| gifti_surface::read_lta(input))?;
        if let (Some(source), Some(volume)) = (transform.source(), self.placed_volume()?) {
            check_volume(&place, source, &volume)?;
        }
        let destination = transform
            .destination()
            .ok_or_else(|| TemplateError::NoDestination { path: place.path().to_owned() })?;
        let grid = at_one_mm(destination)?;
        let apart = self.transforms_apart(&transform, &mask, &place)?;
        let (weights, targets) = weights(&mask, &transform, &grid, options.in_volume())?;
        Ok(VolumeProjection { weights, targets, grid, apart })
    }

    fn transform(
        &self,
        place: &Located,
        read: fn(
            BufReader<&mut crate::Input>,
        ) -> Result<LinearTransform, gifti_surface::FreeSurferError>,
    ) -> Result<LinearTransform> {
        self.read(place, |input| freesurfer(input, |input| read(BufReader::new(input))))
    }

    /// How far the two transforms take the corners of the brain apart, if there is another one.
    fn transforms_apart(
        &self,
        transform: &LinearTransform,
        mask: &VoxelMask,
        place: &Located,
    ) -> Result<Option<f64>> {
        let relative =
            format!("{}mri/transforms/talairach.xfm", crate::layout::freesurfer(self.id()));
        let Some(other_place) = self.files().search(&relative)? else { return Ok(None) };
        let other = self.transform(&other_place, |input| gifti_surface::read_xfm(input))?;
        let Some(extent) = Extent::of(mask.brain().grid(), mask.brain().indices()) else {
            return Ok(None);
        };
        let affine = mask.brain().grid().affine().rows();
        let corners = extent.corners(0.0).map(|corner| apply_affine(&affine, corner));
        let apart = corners.map(|corner| {
            distance(apply_affine(transform.matrix(), corner), apply_affine(other.matrix(), corner))
        });
        let apart = apart.into_iter().fold(0.0, f64::max);
        if apart > SAME_TRANSFORM {
            let (used, other) = (place.path().display(), other_place.path().display());
            tracing::warn!(%used, %other, "the transforms take the brain up to {apart:.1} mm apart: the first is used");
        }
        Ok(Some(apart))
    }
}

/// The grid of a volume, with voxels of 1 mm around the same centre.
fn at_one_mm(volume: &VolumeGeometry) -> Result<Grid> {
    let length = |axis: usize| {
        let length = (volume.shape[axis] as f64 * volume.voxel_size[axis] / EDGE).round();
        if length >= 1.0 { length as usize } else { 1 }
    };
    let geometry = VolumeGeometry {
        shape: std::array::from_fn(length),
        voxel_size: [EDGE; 3],
        ..volume.clone()
    };
    // NIfTI-1 stores single precision, and files and weights must agree.
    let rows = geometry.affine().map(|row| row.map(|number| f64::from(number as f32)));
    Ok(Grid::new(geometry.shape, Affine::from_rows(rows))?)
}

/// The weights from the chosen voxels to those voxels of the template that they reach.
fn weights(
    mask: &VoxelMask,
    transform: &LinearTransform,
    template: &Grid,
    interpolation: Interpolation,
) -> Result<(Weights, Vec<u32>)> {
    let grid = mask.brain().grid();
    let (mut weights, mut targets) = (Weights::new(mask.n_voxels()), Vec::new());
    let to_template = compose_affines(transform.matrix(), &grid.affine().rows());
    let inverses = (invert_affine(&to_template), invert_affine(&template.affine().rows()));
    let (Some(back), Some(to_voxel)) = inverses else { return Ok((weights, targets)) };
    let Some(extent) = Extent::of(grid, mask.indices()) else { return Ok((weights, targets)) };
    let to_grid = compose_affines(&back, &template.affine().rows());
    let ranges = reached(&extent, &compose_affines(&to_voxel, &to_template), template.shape());
    let places = places(mask);
    let mut entries = Vec::new();
    for x in ranges[0].clone() {
        for y in ranges[1].clone() {
            for z in ranges[2].clone() {
                let position = apply_affine(&to_grid, [x, y, z].map(|n| n as f64));
                around(grid, position, interpolation, &mut entries);
                entries.retain_mut(|(voxel, _)| match places[*voxel as usize] {
                    0 => false,
                    place => {
                        *voxel = place - 1;
                        true
                    }
                });
                if !entries.is_empty() {
                    weights.push(&mut entries)?;
                    let [_, ny, nz] = template.shape();
                    // A grid has no more voxels than 32 bits count.
                    targets.push(((x * ny + y) * nz + z) as u32);
                }
            }
        }
    }
    Ok((weights, targets))
}

/// The voxels of the template that lie around the chosen ones.
fn reached(
    extent: &Extent,
    to_template: &AffineRows,
    shape: [usize; 3],
) -> [std::ops::Range<usize>; 3] {
    // Linear weights reach one voxel further, and rounding half of one.
    let corners = extent.corners(1.0).map(|corner| apply_affine(to_template, corner));
    std::array::from_fn(|axis| {
        let along = corners.iter().map(|corner| corner[axis]);
        let (least, most) =
            (along.clone().fold(f64::INFINITY, f64::min), along.fold(0.0, f64::max));
        let end = ((most + 1.0) as usize).saturating_add(1).min(shape[axis]);
        (least.floor().max(0.0) as usize).min(end)..end
    })
}

/// The first and the last voxel along each axis.
struct Extent([[f64; 2]; 3]);

impl Extent {
    fn of(grid: &Grid, indices: &[usize]) -> Option<Self> {
        let mut extent: Option<[[usize; 2]; 3]> = None;
        for voxel in indices.iter().filter_map(|index| grid.voxel(*index)) {
            let extent = extent.get_or_insert(voxel.map(|n| [n, n]));
            for ([least, most], n) in extent.iter_mut().zip(voxel) {
                (*least, *most) = ((*least).min(n), (*most).max(n));
            }
        }
        Some(Self(extent?.map(|ends| ends.map(|n| n as f64))))
    }

    /// The corners, with so many voxels around.
    fn corners(&self, margin: f64) -> [[f64; 3]; 8] {
        std::array::from_fn(|corner| {
            std::array::from_fn(|axis| {
                let [least, most] = self.0[axis];
                if corner >> axis & 1 == 1 { most + margin } else { least - margin }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_voxels_of_one_mm_around_the_same_centre() {
        let volume = VolumeGeometry {
            shape: [128, 100, 90],
            voxel_size: [2.0, 1.0, 0.5],
            directions: [[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
            center: [1.0, -2.0, 3.0],
            file: String::new(),
        };
        let grid = at_one_mm(&volume).unwrap();
        assert_eq!(grid.shape(), [256, 100, 45]);
        let middle = grid.affine().apply([128.0, 50.0, 22.5]);
        assert_eq!(middle, [1.0, -2.0, 3.0]);
        assert_eq!(grid.affine().voxel_sizes(), [1.0; 3]);
    }

    #[test]
    fn an_extent_without_voxels_is_none() {
        let grid = Grid::new([3, 4, 5], Affine::from_rows([[1.0; 4]; 3])).unwrap();
        assert!(Extent::of(&grid, &[]).is_none());
        let extent = Extent::of(&grid, &[7, 33, 59]).unwrap();
        assert_eq!(extent.0, [[0.0, 2.0], [1.0, 3.0], [2.0, 4.0]]);
        assert_eq!(extent.corners(1.0)[7], [3.0, 4.0, 5.0]);
    }
}
