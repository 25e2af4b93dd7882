//! Brain masks: which voxels exist, on which grid, and by which rule.

mod file;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use nifti_stream::{Grid, Spatial, VoxelSelection};

pub use self::file::MaskFile;
use crate::{Error, Input, Result};

laion_fmri_base::named_enum! {
    /// Which file decides what is brain.
    ///
    /// The two masks differ by some hundred voxels, so an array made under one cannot be indexed with
    /// a mask made under the other; masks carry their source and refuse to be mixed.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum MaskSource: "mask source" {
        /// The brain mask made from the anatomy (`derivatives/anatomical`, `res-1pt8`), the default. It
        /// is the wider one and includes voxels without any GLMsingle signal.
        #[default]
        Anatomical = "anatomical",
        /// The non-zero voxels of the subject's mean-R² map.
        Rsquare = "rsquare",
    }
}

laion_fmri_base::named_enum! {
    /// The grid of an anatomical mask.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Resolution: "resolution" {
        /// The functional grid (`res-1pt8`, 1.7778 mm), which betas and noise ceilings share.
        #[default]
        Func1pt8 = "1pt8",
        /// The full anatomical resolution. Only for the anatomical source.
        Full = "full",
    }
}

/// A brain mask: the voxel axis that every accessor of one source shares.
///
/// The axis lists the brain voxels by ascending flat C-order index `(x * NY + y) * NZ + z`, as
/// numpy's `array[mask]` does. A voxel is in the mask when its value is neither zero nor NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct BrainMask {
    source: MaskSource,
    resolution: Resolution,
    path: PathBuf,
    grid: Grid,
    spatial: Spatial,
    indices: Vec<usize>,
}

impl BrainMask {
    pub(crate) fn read(
        input: &mut Input,
        source: MaskSource,
        resolution: Resolution,
    ) -> Result<Self, nifti_stream::Error> {
        let path = input.path().to_owned();
        let voxels = nifti_stream::read_set_voxels(input)?;
        Ok(Self {
            source,
            resolution,
            path,
            grid: *voxels.grid(),
            spatial: voxels.header().spatial().clone(),
            indices: voxels.into_indices(),
        })
    }

    /// Which file decided.
    #[must_use]
    pub fn source(&self) -> MaskSource {
        self.source
    }

    /// On which grid.
    #[must_use]
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// The file it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Shape and affine.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    pub(crate) fn spatial(&self) -> &Spatial {
        &self.spatial
    }

    /// Refuses a file whose voxels do not lie on the grid of this mask.
    pub(crate) fn check_grid(&self, path: &Path, grid: &Grid) -> Result<()> {
        self.grid.matches(grid).map_err(|source| Error::GridMismatch {
            path: path.to_owned(),
            reference: self.path.clone(),
            source,
        })
    }

    /// The number of brain voxels.
    #[must_use]
    #[doc(alias = "get_n_voxels")]
    pub fn n_voxels(&self) -> usize {
        self.indices.len()
    }

    /// The flat C-order indices of the brain voxels, ascending, shape `(n_voxels,)`.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Writes the mask as a 3-D uint8 NIfTI file with the spatial header of the file it was read
    /// from, gzipped when the name ends in `.gz`.
    ///
    /// # Errors
    ///
    /// [`Error::Nifti`] when the file cannot be written; nothing is left behind then.
    pub fn write_nifti(&self, path: &Path) -> Result<()> {
        self.write_voxels(path, &self.indices)
    }

    pub(crate) fn write_voxels(&self, path: &Path, indices: &[usize]) -> Result<()> {
        let mut voxels = vec![0_u8; self.grid.n_voxels()];
        for &index in indices {
            voxels[index] = 1;
        }
        Ok(nifti_stream::fs::write_volume(path, &self.spatial, self.grid.shape(), &voxels)?)
    }

    /// The mask over the whole grid in C order, shape `(NX * NY * NZ,)`.
    #[must_use]
    pub fn to_bool(&self) -> Vec<bool> {
        let mut mask = vec![false; self.grid.n_voxels()];
        for &index in &self.indices {
            mask[index] = true;
        }
        mask
    }
}

/// Some of the voxels of a brain mask: an ROI, a noise-ceiling threshold, or a choice of the caller.
///
/// It carries the brain mask whose voxel axis it lies on, and refuses to be used on another one.
#[derive(Clone, Debug)]
pub struct VoxelMask {
    brain: Arc<BrainMask>,
    /// Shared by clones, of which every request for betas makes some.
    voxels: Arc<ChosenVoxels>,
}

/// The chosen voxels of a voxel axis, and other forms of them.
#[derive(Debug)]
struct ChosenVoxels {
    chosen: Chosen,
    /// Made when it is first needed: most masks are ROIs, a thousandth of the brain.
    flags: OnceLock<Vec<bool>>,
    /// Made when it is first needed, unless it is that of the brain mask.
    indices: OnceLock<Vec<usize>>,
}

/// The chosen voxels of a voxel axis. A list that names all of them is `All`, so that equal choices
/// are equal values.
#[derive(Debug, PartialEq)]
enum Chosen {
    All,
    /// Columns of the voxel axis, ascending. They fit because the number of voxels of a grid does.
    Columns(Vec<u32>),
}

impl VoxelMask {
    /// A choice of voxels: one flag for each voxel of the brain mask.
    ///
    /// # Errors
    ///
    /// [`Error::MaskLength`] when the numbers differ, as they do for a mask made under the other
    /// source.
    pub fn new(brain: Arc<BrainMask>, selected: Vec<bool>) -> Result<Self> {
        if selected.len() != brain.n_voxels() {
            return Err(Error::MaskLength {
                source_of_axis: brain.source(),
                expected: brain.n_voxels(),
                got: selected.len(),
            });
        }
        let columns = (0..).zip(&selected).filter(|(_, selected)| **selected);
        let mask = Self::from_columns(brain, columns.map(|(column, _)| column).collect());
        // A new cell takes the value.
        let _ = mask.voxels.flags.set(selected);
        Ok(mask)
    }

    /// Every voxel of a brain mask.
    #[must_use]
    pub fn all(brain: Arc<BrainMask>) -> Self {
        Self::chosen(brain, Chosen::All)
    }

    /// The voxels of these columns of the voxel axis, which are ascending and distinct.
    pub(crate) fn from_columns(brain: Arc<BrainMask>, columns: Vec<u32>) -> Self {
        if columns.len() == brain.n_voxels() {
            return Self::all(brain);
        }
        Self::chosen(brain, Chosen::Columns(columns))
    }

    fn chosen(brain: Arc<BrainMask>, chosen: Chosen) -> Self {
        let voxels = ChosenVoxels { chosen, flags: OnceLock::new(), indices: OnceLock::new() };
        Self { brain, voxels: Arc::new(voxels) }
    }

    /// The same columns of another brain mask with the same voxel axis.
    pub(crate) fn on(&self, brain: Arc<BrainMask>) -> Self {
        Self { brain, voxels: Arc::clone(&self.voxels) }
    }

    /// The brain mask whose voxel axis this mask lies on.
    #[must_use]
    pub fn brain(&self) -> &Arc<BrainMask> {
        &self.brain
    }

    /// The voxels of these flat C-order grid indices; `None` when they are not voxels of the brain mask,
    /// ascending and distinct.
    #[cfg(feature = "extract")]
    pub(crate) fn from_indices(brain: Arc<BrainMask>, indices: &[u32]) -> Option<Self> {
        let column = |index: &u32| brain.indices.binary_search(&(*index as usize)).ok();
        let columns = indices.iter().map(|index| column(index).map(|column| column as u32));
        let columns: Vec<u32> = columns.collect::<Option<_>>()?;
        columns.is_sorted_by(|one, next| one < next).then(|| Self::from_columns(brain, columns))
    }

    /// One flag for each brain voxel, shape `(n_brain_voxels,)`.
    #[must_use]
    pub fn as_slice(&self) -> &[bool] {
        self.voxels.flags.get_or_init(|| match &self.voxels.chosen {
            Chosen::All => vec![true; self.brain.n_voxels()],
            Chosen::Columns(columns) => {
                let mut flags = vec![false; self.brain.n_voxels()];
                for &column in columns {
                    flags[column as usize] = true;
                }
                flags
            }
        })
    }

    /// The number of voxels that are chosen.
    #[must_use]
    pub fn n_voxels(&self) -> usize {
        match &self.voxels.chosen {
            Chosen::All => self.brain.n_voxels(),
            Chosen::Columns(columns) => columns.len(),
        }
    }

    /// The flat C-order grid indices of the chosen voxels, ascending.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        let brain = self.brain.indices();
        match &self.voxels.chosen {
            Chosen::All => brain,
            Chosen::Columns(columns) => self
                .voxels
                .indices
                .get_or_init(|| columns.iter().map(|&column| brain[column as usize]).collect()),
        }
    }

    /// The chosen columns of the voxel axis, ascending.
    pub(crate) fn columns(&self) -> Vec<usize> {
        match &self.voxels.chosen {
            Chosen::All => (0..self.brain.n_voxels()).collect(),
            Chosen::Columns(columns) => columns.iter().map(|&column| column as usize).collect(),
        }
    }

    /// The chosen voxels, for a file on the grid of the brain mask.
    pub(crate) fn selection(&self) -> Result<VoxelSelection> {
        let shape = self.brain.grid().shape();
        let selection = VoxelSelection::new(shape, self.indices().to_vec());
        Ok(selection.map_err(nifti_stream::Error::from)?)
    }

    /// The chosen voxels that `keep` wants, which is asked for each by its position among them.
    pub(crate) fn filtered(&self, mut keep: impl FnMut(usize) -> bool) -> Self {
        let columns = match &self.voxels.chosen {
            Chosen::All => (0..self.n_voxels()).filter(|&i| keep(i)).map(|i| i as u32).collect(),
            Chosen::Columns(columns) => {
                let kept = columns.iter().enumerate().filter(|(i, _)| keep(*i));
                kept.map(|(_, column)| *column).collect()
            }
        };
        Self::from_columns(Arc::clone(&self.brain), columns)
    }

    /// The voxels of both masks.
    ///
    /// # Errors
    ///
    /// [`Error::MaskAxis`] when the masks lie on different axes.
    pub fn and(&self, other: &Self) -> Result<Self> {
        self.combine(other, |a, b| a && b)
    }

    /// The voxels of either mask.
    ///
    /// # Errors
    ///
    /// [`Error::MaskAxis`] when the masks lie on different axes.
    pub fn or(&self, other: &Self) -> Result<Self> {
        self.combine(other, |a, b| a || b)
    }

    /// The voxels of this mask that are not in the other.
    ///
    /// # Errors
    ///
    /// [`Error::MaskAxis`] when the masks lie on different axes.
    pub fn minus(&self, other: &Self) -> Result<Self> {
        self.combine(other, |a, b| a && !b)
    }

    /// Writes the mask as a 3-D uint8 NIfTI file on the grid of the brain mask, gzipped when the
    /// name ends in `.gz`.
    ///
    /// # Errors
    ///
    /// [`Error::Nifti`] when the file cannot be written; nothing is left behind then.
    pub fn write_nifti(&self, path: &Path) -> Result<()> {
        self.brain.write_voxels(path, self.indices())
    }

    /// Refuses a mask that lies on another axis than that of `brain`.
    pub(crate) fn check_axis(&self, brain: &Arc<BrainMask>) -> Result<()> {
        if Arc::ptr_eq(&self.brain, brain)
            || (self.brain.source == brain.source && self.brain.indices == brain.indices)
        {
            return Ok(());
        }
        Err(Error::MaskAxis {
            expected: brain.source(),
            expected_voxels: brain.n_voxels(),
            got: self.brain.source(),
            got_voxels: self.brain.n_voxels(),
        })
    }

    fn combine(&self, other: &Self, decide: impl Fn(bool, bool) -> bool) -> Result<Self> {
        other.check_axis(&self.brain)?;
        let pairs = self.as_slice().iter().zip(other.as_slice());
        let selected = pairs.map(|(a, b)| decide(*a, *b)).collect();
        Self::new(Arc::clone(&self.brain), selected)
    }
}

impl PartialEq for VoxelMask {
    fn eq(&self, other: &Self) -> bool {
        let same_brain = Arc::ptr_eq(&self.brain, &other.brain) || self.brain == other.brain;
        same_brain
            && (Arc::ptr_eq(&self.voxels, &other.voxels)
                || self.voxels.chosen == other.voxels.chosen)
    }
}

#[cfg(test)]
mod tests {
    use laion_fmri_base::NameError;

    use super::*;

    #[test]
    fn clones_share_the_forms_that_were_made() {
        let bucket = fixtures::Bucket::temporary().unwrap();
        let dataset = crate::Dataset::open(bucket.root()).unwrap();
        let mask = dataset.subject("sub-03").unwrap().roi_mask("FFA1", MaskSource::Anatomical);
        let mask = mask.unwrap();
        let (clone, on) = (mask.clone(), mask.on(Arc::clone(mask.brain())));
        assert!(std::ptr::eq(mask.as_slice(), clone.as_slice()));
        assert!(std::ptr::eq(on.indices(), clone.indices()));
        assert_eq!((&mask, &clone), (&clone, &on));
        assert_ne!(mask, VoxelMask::all(Arc::clone(mask.brain())));
    }

    #[test]
    fn names_and_values_undo_each_other() {
        for source in [MaskSource::Anatomical, MaskSource::Rsquare] {
            assert_eq!(source.to_string().parse::<MaskSource>().unwrap(), source);
        }
        for resolution in [Resolution::Func1pt8, Resolution::Full] {
            assert_eq!(resolution.to_string().parse::<Resolution>().unwrap(), resolution);
        }
        assert!(
            matches!("brain".parse::<MaskSource>(), Err(NameError { got, .. }) if got == "brain")
        );
        assert!(matches!("2mm".parse::<Resolution>(), Err(NameError { got, .. }) if got == "2mm"));
    }
}
