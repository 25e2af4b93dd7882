"""Single files by path."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from laion_fmri import _arguments, _native, _tables

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "load_freesurfer_label",
    "load_gifti_mask",
    "load_nifti_4d",
    "load_nifti_data",
    "load_nifti_mask",
    "load_nifti_with_affine",
    "load_tsv",
]

_Path = str | os.PathLike[str]


def load_nifti_mask(path: _Path) -> NDArray[np.bool_]:
    """The voxels of a 3-D NIfTI file that are not 0.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    ndarray of bool, shape (X * Y * Z,)
        One flag for each voxel of the grid in C order; NaN counts as 0.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not 3-D, or damaged.
    """
    return _native.read_mask(_arguments.path(path, "path"))


def load_nifti_data(path: _Path, mask_path: _Path) -> NDArray[np.float32]:
    """The values of a 3-D NIfTI file at the voxels of a mask.

    Parameters
    ----------
    path : path
        The file with the values.
    mask_path : path
        The mask, on the same grid.

    Returns
    -------
    ndarray of float32, shape (n_voxels,)
        In the C order of the grid.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the grids differ, a file is not 3-D, or one is damaged.
    """
    return _native.read_voxels(_arguments.path(path, "path"), _arguments.path(mask_path, "mask_path"))


def load_nifti_4d(path: _Path, voxel_mask: ArrayLike, streaming: bool = True) -> NDArray[np.float32]:
    """The values of every volume of a 4-D NIfTI file at the voxels of a mask.

    Parameters
    ----------
    path : path
        The file with the volumes.
    voxel_mask : array of bool, shape (X * Y * Z,) or (X, Y, Z)
        One flag for each voxel of the grid in C order.
    streaming : bool
        Taken for compatibility: volumes are always streamed.

    Returns
    -------
    ndarray of float32, shape (n_volumes, n_voxels)
        Columns are in the C order of the grid.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not 4-D, the mask does not fit, or the file is damaged.
    """
    import numpy as np

    # A volume of flags, and not a single value.
    mask = np.ravel(voxel_mask) if np.ndim(voxel_mask) > 1 else voxel_mask
    return _native.read_rows(_arguments.path(path, "path"), _arguments.flags(mask, "voxel_mask"))


def load_nifti_with_affine(path: _Path) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A 3-D NIfTI file, and where its voxels are.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    values : ndarray of float32, shape (X, Y, Z)
        The values.
    affine : ndarray of float64, shape (4, 4)
        Voxels to mm.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not 3-D, or damaged.
    """
    return _native.read_volume(_arguments.path(path, "path"))


def load_tsv(path: _Path) -> pd.DataFrame:
    """A table separated by TAB.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    DataFrame
        Columns of numbers are numeric, and ``n/a`` is missing there; the others hold texts.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no table.
    """
    file = _arguments.path(path, "path")
    return _tables.read(file.read_bytes(), "\t", file)


def load_gifti_mask(path: _Path) -> NDArray[np.bool_]:
    """The vertices of the first array of a GIFTI file that are not 0.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    ndarray of bool, shape (n_vertices,)
        One flag for each vertex; NaN counts as 0.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file has no array, or is damaged.
    """
    return _native.read_gifti(_arguments.path(path, "path"))


def load_freesurfer_label(path: _Path) -> NDArray[np.int64]:
    """The vertices of a FreeSurfer label.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    ndarray of int64, shape (n_vertices,)
        The numbers of the vertices, counted from 0, in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged.
    """
    return _native.read_label(_arguments.path(path, "path"))


def __dir__() -> list[str]:
    return sorted(__all__)
