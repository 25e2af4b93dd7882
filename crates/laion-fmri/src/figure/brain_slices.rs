//! What slices of a subject's brain are drawn from: values on the grid, the anatomy behind them, and a
//! region.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::ArrayView1;
use slice_figure::{ColorMap, ColorScale, Extent, Figure, Grid, Volume};

use crate::mask::{BrainMask, VoxelMask};
use crate::{Error, Resolution, Result, Subject, Voxels};

/// Voxels of the grid around the brain that slices show.
const MARGIN: usize = 3;

/// One value for each of some voxels of a subject, with what is drawn behind and around them.
///
/// The values lie on the grid of the betas and are NaN, which is transparent, outside the voxels. Behind
/// them is the T1-weighted image if it is on disk, and else the brain as a grey area.
///
/// ```
/// use laion_fmri::figure::{ColorMap, Plane};
/// use laion_fmri::{Dataset, Voxels, export};
///
/// # let bucket = fixtures::Bucket::example()?;
/// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
/// let brain = Voxels::all();
/// let slices = subject.brain_slices(&subject.mean_r2(&brain)?, &brain)?;
/// let slices = slices.with_region(&Voxels::roi("face").resolve(&subject)?, "face")?;
/// let scale = slices.fitting(ColorMap::Viridis).with_threshold(5.0)?;
/// let figure = slices.figure(scale).plane(Plane::Coronal).title("R² of sub-01").quantity("R² (%)");
/// export::write_png("r2.png", &figure.draw()?.pixels)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct BrainSlices {
    brain: Arc<BrainMask>,
    grid: Grid,
    values: Vec<f32>,
    frame: Extent,
    flags: Vec<bool>,
    anatomy: Option<Anatomy>,
    region: Option<Region>,
}

/// The image behind the values.
#[derive(Clone, Debug)]
struct Anatomy {
    path: PathBuf,
    grid: Grid,
    values: Vec<f32>,
}

/// The region that is outlined, and that slices go through.
#[derive(Clone, Debug)]
struct Region {
    name: String,
    flags: Vec<bool>,
    through: Option<Extent>,
}

impl Subject {
    /// One value for each chosen voxel, ready to be drawn.
    ///
    /// # Errors
    ///
    /// [`Error::ValuesLength`] when there is not one value for each voxel; [`Error::Nifti`] when the
    /// anatomical image is damaged; [`Error::DoesNotFit`] for a brain mask without voxels, or an image
    /// whose affine cannot be inverted; as [`Voxels::resolve`].
    pub fn brain_slices<'v>(
        &self,
        values: impl Into<ArrayView1<'v, f32>>,
        voxels: &Voxels,
    ) -> Result<BrainSlices> {
        let mask = voxels.resolve(self)?;
        let brain = Arc::clone(mask.brain());
        let values = mask.volume(values.into(), f32::NAN)?;
        let grid = grid_of(brain.path(), brain.grid())?;
        let frame = grid.extent(brain.indices().iter().copied());
        let frame = frame.map_err(unfit(brain.path()))?.with_margin(MARGIN, &grid);
        let flags = brain.to_bool();
        let anatomy = self.t1w_on_disk().map(Anatomy::read).transpose()?;
        Ok(BrainSlices { brain, grid, values, frame, flags, anatomy, region: None })
    }

    /// The T1-weighted image: on the grid of the betas, or else at full resolution; none when neither is
    /// on disk.
    fn t1w_on_disk(&self) -> Option<PathBuf> {
        [Resolution::Func1pt8, Resolution::Full].into_iter().find_map(|it| self.t1w(it).ok())
    }
}

impl Anatomy {
    fn read(path: PathBuf) -> Result<Self> {
        let volume = nifti_stream::fs::read_volume(&path)?;
        let grid = grid_of(&path, volume.grid())?;
        Ok(Self { path, grid, values: volume.into_data() })
    }
}

impl BrainSlices {
    /// Outlines a region, and lets the slices go through it.
    ///
    /// # Errors
    ///
    /// [`Error::MaskAxis`] when it lies on another voxel axis than the values.
    pub fn with_region(mut self, region: &VoxelMask, name: impl Into<String>) -> Result<Self> {
        region.check_axis(&self.brain)?;
        let indices = region.indices();
        let mut flags = vec![false; self.grid.n_voxels()];
        indices.iter().for_each(|index| flags[*index] = true);
        // A region without voxels has no box; then the slices go where they went.
        let through = self.grid.extent(indices.iter().copied()).ok();
        self.region = Some(Region { name: name.into(), flags, through });
        Ok(self)
    }

    /// The image behind the values; none when no T1-weighted image is on disk.
    #[must_use]
    pub fn anatomy(&self) -> Option<&Path> {
        self.anatomy.as_ref().map(|anatomy| anatomy.path.as_path())
    }

    /// The values over the whole grid in C order, NaN outside the voxels.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The box around the voxel whose value is the furthest from zero, for slices through it; none
    /// when no value is finite.
    #[must_use]
    pub fn strongest(&self) -> Option<Extent> {
        let finite = self.values.iter().enumerate().filter(|(_, value)| value.is_finite());
        let (index, _) = finite.max_by(|(_, one), (_, other)| one.abs().total_cmp(&other.abs()))?;
        self.grid.extent([index]).ok()
    }

    /// A colour map over a range that fits the values; see [`ColorScale::fitting`].
    #[must_use]
    pub fn fitting(&self, map: ColorMap) -> ColorScale {
        ColorScale::fitting(map, self.values.iter().copied())
    }

    /// The figure of the values: slices that show the brain, through the region or else through what is
    /// visible.
    pub fn figure(&self, scale: ColorScale) -> Figure<'_> {
        let mut figure = Figure::new(volume(self.grid, &self.values), scale).frame(self.frame);
        match &self.anatomy {
            Some(anatomy) => figure = figure.background(volume(anatomy.grid, &anatomy.values)),
            None => figure = figure.silhouette(&self.flags),
        }
        if let Some(region) = &self.region {
            figure = figure.outline(&region.flags, region.name.as_str());
            if let Some(through) = region.through {
                figure = figure.through(through);
            }
        }
        figure
    }
}

fn volume(grid: Grid, values: &[f32]) -> Volume<'_> {
    // INVARIANT: every volume here was made with one value for each voxel of its grid.
    Volume::new(grid, values).expect("one value for each voxel")
}

fn grid_of(path: &Path, grid: &nifti_stream::Grid) -> Result<Grid> {
    Grid::new(grid.shape(), grid.affine().rows()).map_err(unfit(path))
}

/// The error about a file that cannot be drawn.
fn unfit(path: &Path) -> impl Fn(slice_figure::Error) -> Error {
    move |error| Error::DoesNotFit {
        what: format!("the grid of {}", path.display()),
        expected: "voxels to draw, and an affine that can be inverted".to_owned(),
        got: error.to_string(),
    }
}
