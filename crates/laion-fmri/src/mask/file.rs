//! Masks that users made: flags of voxels in `.npy` and NIfTI files.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use array_export::{Element, read_npy};
use laion_fmri_base::{Sha256, Sha256Hasher};
use ndarray::ArrayD;
use nifti_stream::{Datatype, VoxelSelection};

use super::{BrainMask, MaskSource, Resolution, VoxelMask};
use crate::{Error, Result, Subject};

/// No element of a mask is longer.
const MOST_ELEMENT_BYTES: u64 = 8;
/// The largest header of a `.npy` file that is reckoned with.
const MOST_HEADER_BYTES: u64 = 1 << 16;

/// The voxels of a file that a user made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MaskFile {
    /// The voxels that the file sets, inside the brain mask.
    pub voxels: VoxelMask,
    /// How many voxels the file sets outside the brain mask; they are left out.
    pub outside: usize,
    /// The SHA-256 of the file.
    pub sha256: Sha256,
}

impl Subject {
    /// Reads a mask that a user made.
    ///
    /// A `.npy` file has one flag for each voxel of the brain mask, or one for each voxel of its grid,
    /// flat in C order or in the shape of the grid. Flags are bool, or integers 0 and 1. A `.nii` or
    /// `.nii.gz` file lies on the grid of the brain mask; voxels that are neither zero nor NaN are set.
    /// If its values are floating-point numbers, they are 0 and 1: others are those of a map, which a
    /// threshold makes a mask of.
    ///
    /// # Errors
    ///
    /// [`Error::UnsupportedFormat`] for another name; [`Error::Io`], [`Error::Export`] and
    /// [`Error::Nifti`] for a file that cannot be read; [`Error::MaskLength`] for another number of flags,
    /// [`Error::DoesNotFit`] for another shape or type of them; [`Error::GridMismatch`] for an image on another grid; as
    /// [`Subject::brain_mask`].
    ///
    /// ```
    /// use laion_fmri::{Dataset, MaskSource, Voxels};
    ///
    /// # let bucket = fixtures::Bucket::example()?;
    /// let subject = Dataset::open("laion-fmri")?.subject("sub-01")?;
    /// let face = subject.roi_mask("face", MaskSource::Anatomical)?;
    /// face.write_nifti("face.nii.gz".as_ref())?;
    /// let read = subject.read_mask("face.nii.gz", MaskSource::Anatomical)?;
    /// assert_eq!((read.voxels, read.outside), (face, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_mask(&self, path: impl AsRef<Path>, source: MaskSource) -> Result<MaskFile> {
        let path = path.as_ref();
        let brain = self.brain_mask(source, Resolution::Func1pt8)?;
        let name = path.to_string_lossy();
        let set = if name.ends_with(".npy") {
            set_in_npy(path, &brain)?
        } else if name.ends_with(".nii") || name.ends_with(".nii.gz") {
            let voxels = nifti_stream::fs::read_set_voxels(path)?;
            brain.check_grid(path, voxels.grid())?;
            let indices = voxels.into_indices();
            check_flags(path, &brain, &indices)?;
            Set::Voxels(indices)
        } else {
            return Err(Error::UnsupportedFormat {
                what: "mask",
                path: path.to_owned(),
                supported: &[".npy", ".nii", ".nii.gz"],
            });
        };
        let sha256 = sha256(path).map_err(Error::io("read", path))?;
        let (columns, outside) = match set {
            Set::Columns(columns) => (columns, 0),
            Set::Voxels(voxels) => {
                let n_set = voxels.len();
                // Columns fit because the number of voxels of a grid does.
                let column = |voxel| brain.indices().binary_search(voxel).ok().map(|c| c as u32);
                let columns: Vec<u32> = voxels.iter().filter_map(column).collect();
                let outside = n_set - columns.len();
                (columns, outside)
            }
        };
        Ok(MaskFile { voxels: VoxelMask::from_columns(brain, columns), outside, sha256 })
    }
}

/// Refuses an image whose set voxels have other floating-point values than 1.
fn check_flags(path: &Path, brain: &BrainMask, set: &[usize]) -> Result<()> {
    let header = nifti_stream::fs::read_header(path)?;
    if !matches!(header.datatype(), Datatype::F32 | Datatype::F64) {
        return Ok(());
    }
    // INVARIANT: they are voxels of this grid, ascending.
    let selection =
        VoxelSelection::new(brain.grid().shape(), set.to_vec()).expect("the indices of set voxels");
    let (_, values) = nifti_stream::fs::read_voxels(path, &selection)?;
    match values.iter().find(|value| **value != 1.0) {
        None => Ok(()),
        Some(value) => Err(Error::DoesNotFit {
            what: format!("the values of the mask {}", path.display()),
            expected: "0 and 1; a map becomes a mask by a threshold".to_owned(),
            got: format!("{value}"),
        }),
    }
}

/// What a file sets.
enum Set {
    /// Columns of the voxel axis, ascending.
    Columns(Vec<u32>),
    /// Flat C-order indices of the grid, ascending.
    Voxels(Vec<usize>),
}

fn set_in_npy(path: &Path, brain: &BrainMask) -> Result<Set> {
    let shape = brain.grid().shape();
    let (n_brain, n_grid) = (brain.n_voxels(), brain.grid().n_voxels());
    let does_not_fit = |got: String| Error::DoesNotFit {
        what: format!("the flags of the mask {}", path.display()),
        expected: format!(
            "{n_brain}, one for each voxel of the {} brain mask, or {n_grid} of shape {shape:?} or flat, \
             one for each voxel of its grid",
            brain.source()
        ),
        got,
    };
    let bytes = std::fs::metadata(path).map_err(Error::io("open", path))?.len();
    if bytes > n_grid as u64 * MOST_ELEMENT_BYTES + MOST_HEADER_BYTES {
        return Err(does_not_fit(format!("a file of {bytes} bytes")));
    }
    let flags = flags(path)?;
    let set = flags.iter().enumerate().filter(|(_, set)| **set).map(|(position, _)| position);
    match flags.shape() {
        [n] if *n == n_brain => Ok(Set::Columns(set.map(|column| column as u32).collect())),
        [n] if *n == n_grid => Ok(Set::Voxels(set.collect())),
        got if *got == shape => Ok(Set::Voxels(set.collect())),
        [n] => {
            Err(Error::MaskLength { source_of_axis: brain.source(), expected: n_brain, got: *n })
        }
        got => Err(does_not_fit(format!("shape {got:?}"))),
    }
}

/// The flags of a file, whatever type they have.
fn flags(path: &Path) -> Result<ArrayD<bool>> {
    fn of<T: Element + Copy + PartialEq + From<bool>>(path: &Path) -> Option<Result<ArrayD<bool>>> {
        let values = match read_npy::<T>(path) {
            Ok(values) => values,
            Err(array_export::Error::NotNpy { .. }) => return None,
            Err(error) => return Some(Err(error.into())),
        };
        let (off, on) = (T::from(false), T::from(true));
        if let Some(position) = values.iter().position(|value| *value != off && *value != on) {
            return Some(Err(Error::DoesNotFit {
                what: format!("the values of the mask {}", path.display()),
                expected: "bool, or integers 0 and 1".to_owned(),
                got: format!("another integer at position {position}"),
            }));
        }
        Some(Ok(values.mapv(|value| value == on)))
    }
    let found = of::<bool>(path)
        .or_else(|| of::<u8>(path))
        .or_else(|| of::<i64>(path))
        .or_else(|| of::<i32>(path))
        .or_else(|| of::<i8>(path))
        .or_else(|| of::<i16>(path))
        .or_else(|| of::<u16>(path))
        .or_else(|| of::<u32>(path))
        .or_else(|| of::<u64>(path));
    if let Some(read) = found {
        return read;
    }
    Err(Error::DoesNotFit {
        what: format!("the values of the mask {}", path.display()),
        expected: "a .npy file of bool, or of integers 0 and 1".to_owned(),
        got: "another type".to_owned(),
    })
}

fn sha256(path: &Path) -> io::Result<Sha256> {
    let mut digest = Sha256Hasher::new();
    io::copy(&mut BufReader::with_capacity(1 << 18, File::open(path)?), &mut digest)?;
    Ok(digest.finish())
}
