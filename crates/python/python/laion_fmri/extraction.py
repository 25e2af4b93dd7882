"""From sessions to arrays with a recipe, and back from a recipe."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _license, _native
from laion_fmri._errors import _invalid
from laion_fmri._progress import Progress, shown
from laion_fmri.config import _open
from laion_fmri.subject import resolve_subject_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from laion_fmri._arguments import Roi, Session

__all__ = [
    "Extraction",
    "ZscoreReport",
    "extract",
    "methods",
    "plan_extraction",
    "read_recipe",
    "reproduce",
    "zscore",
]


@dataclass
class Extraction:
    """The arrays of an extraction, and how they were made.

    Attributes
    ----------
    recipe : dict
        Conventions, counts, and the SHA-256 of every input.
    path : Path or None
        The file, if one was asked for.
    """

    recipe: dict[str, Any] = field(repr=False)
    path: Path | None = None
    _read: dict[str, Any] | None = field(default=None, repr=False)

    @cached_property
    def arrays(self) -> Mapping[str, Any]:
        """``betas`` (rows, voxels) and what its rows and columns are.

        Of a ``.zarr`` or ``.h5`` output they are opened by zarr or h5py, which have to be installed, and
        read when they are indexed.
        """
        if self._read is not None:
            return self._read
        if self.path is not None and self.path.suffix == ".zarr":
            import zarr

            return dict(zarr.open_group(self.path, mode="r").arrays())
        import h5py

        return dict(h5py.File(self.path, "r"))

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def __contains__(self, name: object) -> bool:
        return name in self.arrays

    def keys(self) -> Iterable[str]:
        """The names of the arrays."""
        return self.arrays.keys()


def extract(
    subjects: str | Iterable[str],
    session: Session | None = None,
    *,
    roi: Roi | None = None,
    mask: ArrayLike | str | os.PathLike[str] | None = None,
    mask_source: str = "anatomical",
    nc_threshold: float | None = None,
    nc_desc: str | None = None,
    zscore: str | None = None,
    zscore_ddof: int = 0,
    zscore_fit: str = "all",
    average: str = "none",
    nan: str = "keep",
    stimuli: str | None = None,
    exclude_ood: bool = False,
    exact_repetitions: bool = False,
    split: str | None = None,
    pool: str | None = None,
    revision: str = "r1",
    ood_types: Iterable[str] = (),
    features: str | None = None,
    output: str | os.PathLike[str] | None = None,
    max_memory: int | None = None,
    from_bucket: bool = False,
    jobs: int | None = None,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> Extraction:
    """Responses of one or several subjects as arrays with a recipe.

    Parameters
    ----------
    subjects : str or list of str
        Several are joined by image, which needs ``average="image"``.
    session : str or list of str, optional
        All sessions with betas by default.
    roi, mask_source
        As for :meth:`laion_fmri.Subject.get_betas`.
    mask : array of bool or path, optional
        Only these voxels of one subject: flags over the voxel axis, or a ``.npy`` or NIfTI file.
    nc_threshold, nc_desc
        Only voxels whose noise ceiling is at least this many percent; over several sessions in the map
        of `nc_desc`.
    zscore : {"run", "session"}, optional
        Z-score each voxel within runs or sessions, before anything is averaged.
    zscore_ddof : int
        Subtracted in the divisor of the variance.
    zscore_fit : {"all", "train"}
        The trials that the statistics are of: all, or the training set of `split`.
    average : {"none", "image"}
        One row for each trial, or for each image.
    nan : {"keep", "drop", "zero"}
        What becomes of NaN.
    stimuli : {"shared", "unique"}, optional
        Only trials with such images.
    exclude_ood, exact_repetitions : bool
        Leave out out-of-distribution images; images without the planned number of trials.
    split, pool, revision, ood_types
        Mark the rows with a split; see :func:`laion_fmri.splits.load_split`.
    features : str, optional
        Also the embeddings of the images by this model.
    output : path, optional
        Keep the file: ``.npz``, ``.zarr`` or ``.h5``. The recipe lies beside it.
    max_memory : int, optional
        The most bytes that the process may take, roughly.
    from_bucket, jobs, accept_license
        As for :func:`laion_fmri.load_subject`.
    progress : bool or callable, optional
        As for :meth:`laion_fmri.Subject.get_betas`.

    Raises
    ------
    ValueError
        For choices that contradict each other.
    DataNotFoundError
        If no trial or no voxel is left, or a file is missing.
    """
    import numpy as np

    given = dict(locals())
    request = _request(given)
    dataset = _dataset(from_bucket, jobs, accept_license)
    with tempfile.TemporaryDirectory() as scratch:
        request["mask"] = _mask_file(mask, scratch)
        path = Path(scratch) / "extraction.npz" if output is None else Path(output)
        request["output"] = path
        with shown(progress, "extract") as update:
            recipe = _native.extract(dataset, request, update)
        if output is not None and path.suffix != ".npz":
            return Extraction(recipe, path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    return Extraction(recipe, None if output is None else path, arrays)


def plan_extraction(
    subjects: str | Iterable[str], session: Session | None = None, **choices: Any
) -> dict[str, Any]:
    """What :func:`extract` would do with the same arguments, which it checks.

    Returns
    -------
    dict
        ``rows``, ``columns``, ``sessions`` (subject and session of each task), ``memory`` (the predicted
        bytes) and ``workers``.
    """
    import inspect

    bound = inspect.signature(extract).bind(subjects, session, **choices)
    bound.apply_defaults()
    request = _request(bound.arguments)
    request["output"] = Path(bound.arguments["output"] or "extraction.npz")
    dataset = _open(from_bucket=bound.arguments["from_bucket"], jobs=bound.arguments["jobs"])
    with tempfile.TemporaryDirectory() as scratch:
        request["mask"] = _mask_file(bound.arguments["mask"], scratch)
        return _native.plan_extraction(dataset, request)


def reproduce(
    recipe: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    max_memory: int | None = None,
    from_bucket: bool = False,
    jobs: int | None = None,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Make the file of a recipe again and compare it byte by byte.

    Parameters
    ----------
    recipe : path
        A recipe, or an output with its recipe.
    output : path, optional
        Where the new file goes; beside the recipe by default.
    max_memory, from_bucket, jobs, accept_license, progress
        As for :func:`extract`.

    Returns
    -------
    dict
        The new recipe.

    Raises
    ------
    DataIntegrityError
        If anything differs; it says what.
    """
    dataset = _dataset(from_bucket, jobs, accept_license)
    target = None if output is None else Path(output)
    with shown(progress, "reproduce") as update:
        return _native.reproduce(dataset, Path(recipe), target, max_memory, from_bucket, update)


def read_recipe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The recipe of an output, from its own file or from the output; DataIntegrityError for another file."""
    return _native.recipe(Path(path))


def methods(path: str | os.PathLike[str]) -> tuple[str, str]:
    """The paragraph of a methods section that a recipe makes, and what to cite."""
    return _native.recipe_methods(Path(path))


@dataclass
class ZscoreReport:
    """Columns, counted in each group, that were constant (now 0) or had no statistics (now NaN), and the
    number of values that were NaN before."""

    constant: int
    undefined: int
    nan: int


def zscore(
    betas: ArrayLike,
    within: ArrayLike | None = None,
    *,
    ddof: int = 0,
    nan: str = "omit",
    fit_rows: ArrayLike | None = None,
) -> tuple[NDArray[np.float32], ZscoreReport]:
    """Each value as its distance from the mean of its column, in standard deviations.

    Parameters
    ----------
    betas : array, shape (n_rows, n_columns)
    within : array of any labels, shape (n_rows,), optional
        The group of each row, such as its session; all rows are one group by default.
    ddof : int
        Subtracted in the divisor of the variance.
    nan : {"omit", "propagate"}
        Leave NaN out of the statistics, or let it make its column NaN within the group.
    fit_rows : array of bool, shape (n_rows,), optional
        The rows that the statistics are of, such as those of the training set.

    Returns
    -------
    zscored : ndarray of float32, shape (n_rows, n_columns)
        Columns without variance are 0.
    report : ZscoreReport
    """
    import numpy as np

    array = np.asarray(betas, dtype=np.float32)
    if array.ndim != 2:
        raise _invalid(f"betas must have two dimensions, got shape {array.shape}")
    if nan not in ("omit", "propagate"):
        raise _invalid(f"nan must be 'omit' or 'propagate', got {nan!r}")
    if within is None:
        groups = np.zeros(len(array), dtype=np.int64)
    else:
        groups = np.unique(np.asarray(within), return_inverse=True)[1].astype(np.int64).ravel()
    rows = None if fit_rows is None else _arguments.flags(fit_rows, "fit_rows").tolist()
    values, counts = _native.zscore(array, groups.tolist(), ddof, nan == "propagate", rows)
    return values, ZscoreReport(*counts)


def _dataset(from_bucket: bool, jobs: int | None, accept_license: bool | None) -> _native.Dataset:
    dataset = _open(from_bucket=from_bucket, jobs=jobs)
    if from_bucket:
        _license.obtain(dataset, accept_license)
    return dataset


def _mask_file(mask: Any, scratch: str) -> Path | None:
    """A mask as a file: the user's, or flags written for this call."""
    import numpy as np

    if mask is None or isinstance(mask, (str, os.PathLike)):
        return None if mask is None else Path(mask)
    path = Path(scratch) / "mask.npy"
    np.save(path, _arguments.flags(mask, "mask"))
    return path


def _request(choices: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`extract` for the native module."""
    subjects = [resolve_subject_id(name) for name in _arguments.texts(choices["subjects"], "subjects")]
    session = choices["session"]
    conventions: dict[str, Any] = {
        "rois": [] if choices["roi"] is None else _arguments.texts(choices["roi"], "roi"),
        "mask_source": _arguments.mask_source(choices["mask_source"]),
        "average": choices["average"],
        "nan": choices["nan"],
        "exclude_ood": bool(choices["exclude_ood"]),
        "exact_repetitions": bool(choices["exact_repetitions"]),
    }
    percent = _arguments.threshold(choices["nc_threshold"])
    if percent is not None:
        conventions["noise_ceiling"] = {"percent": percent}
        if choices["nc_desc"] is not None:
            conventions["noise_ceiling"]["desc"] = choices["nc_desc"]
    if choices["zscore"] is not None:
        conventions["zscore"] = {
            "within": choices["zscore"],
            "ddof": choices["zscore_ddof"],
            "fit": choices["zscore_fit"],
        }
    if choices["split"] is not None:
        pool = choices["pool"] or (subjects[0] if len(subjects) == 1 else "shared")
        conventions["split"] = {
            "name": choices["split"],
            "pool": pool,
            "revision": choices["revision"],
            "ood_types": _arguments.texts(choices["ood_types"], "ood_types"),
        }
    for name in ("stimuli", "features"):
        if choices[name] is not None:
            conventions[name] = choices[name]
    return {
        "subjects": subjects,
        "sessions": [] if session is None else _arguments.sessions(session),
        "conventions": json.dumps(conventions),
        "max_memory": choices["max_memory"],
        "from_bucket": bool(choices["from_bucket"]),
    }
