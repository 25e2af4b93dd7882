"""Values at voxels, back in space."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from laion_fmri import _arguments, _native
from laion_fmri._errors import _invalid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["get_voxel_coordinates", "to_nifti"]

_Path = str | os.PathLike[str]


def to_nifti(
    values: ArrayLike,
    output_path: _Path,
    brain_mask_path: _Path,
    affine: ArrayLike | None = None,
    roi_mask: ArrayLike | None = None,
    custom_mask: ArrayLike | None = None,
) -> None:
    """Write values at the voxels of a brain mask as a 3-D float32 NIfTI file, 0 elsewhere.

    Parameters
    ----------
    values : array, shape (n_voxels,)
        One value for each chosen voxel.
    output_path : path
        Ends in ``.nii`` or ``.nii.gz``.
    brain_mask_path : path
        The mask whose voxels, grid and space are used.
    affine : array, shape (4, 4), optional
        Has to be that of the mask, which is used in any case.
    roi_mask, custom_mask : array of bool, shape (n_brain_voxels,), optional
        Only these voxels of the mask.

    Raises
    ------
    ValueError
        If numbers or affines do not fit: a mismatch. For another suffix.
    FileNotFoundError
        If the folder of the output does not exist.
    """
    import numpy as np

    output = _arguments.output(output_path, "output_path", (".nii", ".nii.gz"))
    brain_mask = _arguments.path(brain_mask_path, "brain_mask_path")
    volume = _native.read_mask(brain_mask).astype(np.float32)
    chosen = _chosen(volume != 0, roi_mask, custom_mask)
    array = _arguments.numbers(values, "values").ravel()
    if len(array) != len(chosen):
        raise _invalid(f"mismatch: {len(array)} values for {len(chosen)} voxels")
    if affine is not None:
        expected = _native.read_volume(brain_mask)[1]
        matrix = _arguments.numbers(affine, "affine", "float64")
        if matrix.shape != (4, 4) or not np.allclose(matrix, expected, atol=1e-3):
            raise _invalid("mismatch: the affine is not that of the brain mask")
    volume[:] = 0
    volume[chosen] = array
    _native.write_nifti(output, volume, brain_mask)


def get_voxel_coordinates(
    brain_mask_path: _Path,
    affine: ArrayLike,
    roi_mask: ArrayLike | None = None,
    custom_mask: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """The positions of the voxels of a brain mask.

    Parameters
    ----------
    brain_mask_path : path
        The mask whose voxels and grid are used.
    affine : array, shape (4, 4)
        Voxels to mm.
    roi_mask, custom_mask : array of bool, shape (n_brain_voxels,), optional
        Only these voxels of the mask.

    Returns
    -------
    ndarray of float64, shape (n_voxels, 3)
        x, y and z in mm, one row for each chosen voxel, in the C order of the grid.

    Raises
    ------
    ValueError
        If a mask or the affine does not fit: a mismatch.
    FileNotFoundError
        If there is no such file.
    DataIntegrityError
        If the file is damaged or no NIfTI file.
    """
    import numpy as np

    volume, _ = _native.read_volume(_arguments.path(brain_mask_path, "brain_mask_path"))
    chosen = _chosen(volume.ravel() != 0, roi_mask, custom_mask)
    voxels = np.stack(np.unravel_index(chosen, volume.shape), axis=1).astype(np.float64)
    matrix = _arguments.numbers(affine, "affine", "float64")
    if matrix.shape != (4, 4):
        raise _invalid(f"mismatch: affine of shape {matrix.shape} (expected (4, 4))")
    coordinates: NDArray[np.float64] = voxels @ matrix[:3, :3].T + matrix[:3, 3]
    return coordinates


def _chosen(
    brain: NDArray[np.bool_], roi_mask: ArrayLike | None, custom_mask: ArrayLike | None
) -> NDArray[np.intp]:
    """The chosen voxels as indices of the grid."""
    import numpy as np

    voxels = np.flatnonzero(brain)
    kept = np.ones(len(voxels), dtype=bool)
    for name, mask in (("roi_mask", roi_mask), ("custom_mask", custom_mask)):
        if mask is not None:
            flags = _arguments.flags(mask, name)
            if len(flags) != len(voxels):
                message = f"mismatch: {name} has {len(flags)} flags for {len(voxels)} voxels"
                raise _invalid(message)
            kept &= flags
    return voxels[kept]


def __dir__() -> list[str]:
    return sorted(__all__)
