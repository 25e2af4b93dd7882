//! Which voxels to read: chosen in C order, gathered in file order.

use crate::error::Error;
use crate::grid::{count_voxels, voxel};

/// An ascending list of voxels of a grid, with the plan to gather them in one pass.
///
/// Voxels are named by their flat C-order index `(x*NY + y)*NZ + z`; rank `i` of the selection is
/// column `i` of the rows read with it, so a row equals numpy's `volume[mask]`. The plan holds the
/// same voxels in the order in which a NIfTI file stores them (x fastest) and is built once; a
/// selection is immutable and can be shared between threads and files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoxelSelection {
    shape: [usize; 3],
    indices: Vec<usize>,
    plan: Vec<Gather>,
}

/// One step of the plan: the voxel at `file` (x fastest) goes to column `rank`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gather {
    pub(crate) file: u32,
    pub(crate) rank: u32,
}

impl VoxelSelection {
    /// Selects voxels by ascending, distinct flat C-order indices on a grid of this shape.
    ///
    /// # Errors
    ///
    /// [`SelectionError`] when an index is not on the grid or not larger than the one before, and
    /// when the grid has more voxels than 32 bits can count.
    pub fn new(shape: [usize; 3], indices: Vec<usize>) -> Result<Self, SelectionError> {
        let n_voxels =
            count_voxels(shape).map_err(|_: Error| SelectionError::GridTooLarge { shape })?;
        let mut previous = None;
        for (position, &index) in indices.iter().enumerate() {
            if index >= n_voxels {
                return Err(SelectionError::OutOfRange { position, index, n_voxels });
            }
            if let Some(previous) = previous.filter(|&previous| previous >= index) {
                return Err(SelectionError::NotAscending { position, previous, index });
            }
            previous = Some(index);
        }
        let plan = plan(shape, &indices);
        Ok(Self { shape, indices, plan })
    }

    /// Selects the voxels at which `mask` is true; `mask` is in C order, one value per voxel.
    ///
    /// # Errors
    ///
    /// [`SelectionError::MaskLength`] when the mask does not fit the shape.
    pub fn from_mask(shape: [usize; 3], mask: &[bool]) -> Result<Self, SelectionError> {
        let n_voxels =
            count_voxels(shape).map_err(|_: Error| SelectionError::GridTooLarge { shape })?;
        if mask.len() != n_voxels {
            return Err(SelectionError::MaskLength { expected: n_voxels, got: mask.len() });
        }
        let indices: Vec<usize> = mask
            .iter()
            .enumerate()
            .filter_map(|(index, &inside)| inside.then_some(index))
            .collect();
        Self::new(shape, indices)
    }

    /// Selects every voxel.
    ///
    /// # Errors
    ///
    /// [`SelectionError::GridTooLarge`].
    pub fn all(shape: [usize; 3]) -> Result<Self, SelectionError> {
        let n_voxels =
            count_voxels(shape).map_err(|_: Error| SelectionError::GridTooLarge { shape })?;
        Self::new(shape, (0..n_voxels).collect())
    }

    /// Number of selected voxels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether no voxel is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Shape of the grid.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The selected flat C-order indices, ascending.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// Puts one value per selected voxel back into a volume, with `fill` everywhere else: one value per
    /// voxel of the grid in C order, as [`write_volume`](crate::write_volume) takes them.
    ///
    /// [`VolumeWriter::put_selected`](crate::VolumeWriter::put_selected) writes a file without a volume
    /// in memory.
    ///
    /// ```
    /// use nifti_stream::VoxelSelection;
    ///
    /// let selection = VoxelSelection::new([2, 1, 2], vec![1, 2])?;
    /// let map = selection.scatter(&[0.5, 0.25], f32::INFINITY)?;
    /// assert_eq!(map, [f32::INFINITY, 0.5, 0.25, f32::INFINITY]);
    /// # Ok::<(), nifti_stream::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::RowLength`] when there is not one value for each selected voxel.
    pub fn scatter<T: Copy>(&self, values: &[T], fill: T) -> Result<Vec<T>, Error> {
        let (expected, got) = (self.len(), values.len());
        if expected != got {
            return Err(Error::RowLength { expected, got });
        }
        let mut volume = vec![fill; self.shape.iter().product()];
        for (&index, &value) in self.indices.iter().zip(values) {
            volume[index] = value;
        }
        Ok(volume)
    }

    /// The selected voxels in file order.
    pub(crate) fn plan(&self) -> &[Gather] {
        &self.plan
    }
}

/// Why a list of indices or a mask does not select voxels of a grid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// An index lies beyond the grid.
    #[error("index {index} at position {position} is not on a grid of {n_voxels} voxels")]
    OutOfRange {
        /// Position in the list.
        position: usize,
        /// The index.
        index: usize,
        /// Number of voxels of the grid.
        n_voxels: usize,
    },
    /// An index is not larger than the one before.
    #[error("index {index} follows {previous} at position {position}: expected ascending indices")]
    NotAscending {
        /// Position in the list.
        position: usize,
        /// The index before it.
        previous: usize,
        /// The index at this position.
        index: usize,
    },
    /// The mask does not have one value per voxel.
    #[error("expected a mask of {expected} voxels, got {got}")]
    MaskLength {
        /// Number of voxels of the grid.
        expected: usize,
        /// Length of the mask.
        got: usize,
    },
    /// The grid has more voxels than 32 bits can count.
    #[error("a grid of {shape:?} has too many voxels")]
    GridTooLarge {
        /// Shape of the grid.
        shape: [usize; 3],
    },
}

/// Sorts the selected voxels into file order. Offsets and ranks fit `u32` because the number of
/// voxels of the grid was checked to.
fn plan([nx, ny, nz]: [usize; 3], indices: &[usize]) -> Vec<Gather> {
    let mut plan: Vec<Gather> = indices
        .iter()
        .enumerate()
        .map(|(rank, &index)| {
            let [x, y, z] = voxel([nx, ny, nz], index);
            Gather { file: (x + nx * (y + ny * z)) as u32, rank: rank as u32 }
        })
        .collect();
    let lines = ny * nz;
    if lines > plan.len() {
        plan.sort_unstable_by_key(|gather| gather.file);
        return plan;
    }
    // Within a line along x both orders agree: it is enough to sort by lines, which is done by counting.
    let line = |step: &Gather| step.file as usize / nx;
    let mut next = vec![0_usize; lines + 1];
    plan.iter().for_each(|step| next[line(step) + 1] += 1);
    for line in 1..lines {
        next[line] += next[line - 1];
    }
    let mut sorted = vec![Gather { file: 0, rank: 0 }; plan.len()];
    for step in plan {
        let position = &mut next[line(&step)];
        sorted[*position] = step;
        *position += 1;
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_in_file_order() {
        // Shape (2, 3, 4): flat 1 is (0, 0, 1) at file offset 6, flat 12 is (1, 0, 0) at 1,
        // flat 23 is (1, 2, 3), the last voxel in either order.
        let selection = VoxelSelection::new([2, 3, 4], vec![1, 12, 23]).unwrap();
        let plan: Vec<_> = selection.plan().iter().map(|step| (step.file, step.rank)).collect();
        assert_eq!(plan, [(1, 1), (6, 0), (23, 2)]);
        assert_eq!(selection.len(), 3);
        assert_eq!(selection.indices(), [1, 12, 23]);
        assert_eq!(selection.shape(), [2, 3, 4]);
    }

    #[test]
    fn counting_and_sorting_agree() {
        for (shape, every) in [([7, 5, 3], 1), ([2, 9, 4], 2), ([40, 3, 2], 3), ([3, 9, 9], 17)] {
            let n = shape.iter().product();
            let indices: Vec<usize> = (0..n).filter(|index| index * 7 % every == 0).collect();
            let plan = plan(shape, &indices);
            assert!(plan.is_sorted_by(|a, b| a.file < b.file), "{shape:?}");
            let [nx, ny, nz] = shape;
            for step in &plan {
                let file = step.file as usize;
                let (x, y, z) = (file % nx, file / nx % ny, file / (nx * ny));
                assert_eq!(indices[step.rank as usize], (x * ny + y) * nz + z, "{shape:?}");
            }
            assert_eq!(plan.len(), indices.len());
        }
    }

    #[test]
    fn masks_and_indices_agree() {
        let mut mask = [false; 24];
        mask[1] = true;
        mask[12] = true;
        assert_eq!(
            VoxelSelection::from_mask([2, 3, 4], &mask),
            VoxelSelection::new([2, 3, 4], vec![1, 12])
        );
        assert_eq!(VoxelSelection::all([2, 3, 4]).unwrap().len(), 24);
        assert!(VoxelSelection::new([2, 3, 4], vec![]).unwrap().is_empty());
    }

    #[test]
    fn what_is_scattered_is_gathered_again() {
        use crate::{Affine, Compression, Spatial, read_voxels, write_volume};

        let affine =
            Affine::from_rows([[2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]]);
        let selection = VoxelSelection::new([2, 3, 4], vec![0, 1, 12, 17, 23]).unwrap();
        let values = [0.5, 1.5, f32::INFINITY, -2.5, 4.5];
        let volume = selection.scatter(&values, -1.0).unwrap();
        assert_eq!(volume.iter().filter(|value| **value == -1.0).count(), 24 - 5);
        let (mut file, spatial) = (Vec::new(), Spatial::from_affine(&affine));
        write_volume(&mut file, &spatial, [2, 3, 4], &volume, Compression::None).unwrap();
        assert_eq!(read_voxels(&file[..], &selection).unwrap().1, values);
        assert!(matches!(
            selection.scatter(&values[1..], -1.0),
            Err(Error::RowLength { expected: 5, got: 4 })
        ));
    }

    #[test]
    fn wrong_lists_and_masks_are_refused() {
        let check = |indices: &[usize], expected: SelectionError| {
            assert_eq!(VoxelSelection::new([2, 3, 4], indices.to_vec()), Err(expected));
        };
        check(&[3, 24], SelectionError::OutOfRange { position: 1, index: 24, n_voxels: 24 });
        check(&[3, 3], SelectionError::NotAscending { position: 1, previous: 3, index: 3 });
        check(&[5, 9, 4], SelectionError::NotAscending { position: 2, previous: 9, index: 4 });
        assert_eq!(
            VoxelSelection::from_mask([2, 3, 4], &[true; 23]),
            Err(SelectionError::MaskLength { expected: 24, got: 23 })
        );
        let shape = [usize::MAX, 2, 1];
        assert_eq!(VoxelSelection::all(shape), Err(SelectionError::GridTooLarge { shape }));
        assert_eq!(VoxelSelection::new(shape, vec![]), Err(SelectionError::GridTooLarge { shape }));
        assert_eq!(
            VoxelSelection::from_mask(shape, &[]),
            Err(SelectionError::GridTooLarge { shape })
        );
    }
}
