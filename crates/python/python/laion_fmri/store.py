"""Stores: the betas of a subject kept by voxel, so that any voxels of all sessions come in milliseconds."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _license, _native
from laion_fmri._errors import DataNotFoundError, _missing
from laion_fmri._keywords import suggests
from laion_fmri._progress import Progress, shown
from laion_fmri._sessions import fetching, joined_sessions, note_left_out
from laion_fmri.config import _open
from laion_fmri.subject import resolve_subject_id

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import ArrayLike, NDArray

    from laion_fmri._arguments import Roi, Session

__all__ = ["StoreBuilt", "StorePlan", "build_store", "open_store"]

#: The dimensions of the betas; those of the arrays of extractions.
_TRIALS, _VOXELS = "presentation", "neuroid"


@dataclass(frozen=True)
class StoreBuilt:
    """What :func:`build_store` did.

    Attributes
    ----------
    path : Path
        The directory of the store.
    built : list of str
        The sessions that were built.
    kept : list of str
        The sessions that were there and in step with their files.
    """

    path: Path
    built: list[str]
    kept: list[str]


@dataclass(frozen=True)
class StorePlan:
    """What :func:`build_store` would do.

    Attributes
    ----------
    path : Path
        The directory of the store.
    sessions : list of str
        The sessions that would be built.
    kept : list of str
        The sessions that are there and in step with their files.
    columns : int
        The number of voxels.
    size : int
        The bytes that the sessions to be built take on disk.
    memory : int
        The most memory that building takes, as predicted, in bytes.
    """

    path: Path
    sessions: list[str]
    kept: list[str]
    columns: int
    size: int
    memory: int


@suggests
def build_store(
    subject: str,
    *,
    session: Session = "all",
    roi: Roi | None = None,
    mask: ArrayLike | None = None,
    mask_source: str = "anatomical",
    from_bucket: bool = False,
    output: str | os.PathLike[str] | None = None,
    verify: bool = False,
    max_memory: int | str | None = None,
    bucket: str | None = None,
    jobs: int | None = None,
    dry_run: bool = False,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> Any:
    """Build the store of a subject, or the sessions that it lacks.

    Every session is read once. From then on, everything that reads betas uses the store by itself:
    :meth:`laion_fmri.Subject.get_betas`, :func:`laion_fmri.extract`, noise ceilings, datasets for PyTorch.
    The numbers are the same.

    Parameters
    ----------
    subject : str
        Such as ``"sub-01"``.
    session : str or int, or list of them, optional
        As for :meth:`laion_fmri.Subject.concat_betas`; all sessions with betas by default.
    roi : str or list of str, optional
        Only voxels of these ROIs. By default the whole brain mask, so that every later ROI is in the
        store. Excludes `mask`.
    mask : array of bool, shape (n_voxels,), optional
        Only these voxels of the voxel axis.
    mask_source : {"anatomical", "rsquare"}
        The brain mask of the voxel axis.
    from_bucket : bool, optional
        Read from the bucket, without storing a NIfTI file.
    output : path, optional
        The directory of stores; by default ``stores`` in the data directory.
    verify : bool, optional
        Check every byte of the sessions that are there, and build damaged ones again.
    max_memory : int or str, optional
        A limit such as ``"2GiB"``. A low limit makes a store that is slower to read.
    bucket : str, optional
        Another bucket than the public one.
    jobs : int, optional
        How many threads work; all cores by default.
    dry_run : bool, optional
        Return what would be built, and build nothing. Masks and trial tables are read, betas are not.
    accept_license : bool, optional
        With `from_bucket`: ``True`` accepts the licence of the dataset.
    progress : bool or callable, optional
        ``True`` for a tqdm bar; or a callable, which is called with ``(done, total, unit)``. By default a bar
        at a prompt on a terminal.

    Returns
    -------
    StoreBuilt or StorePlan
        The directory, and the sessions that were built and kept. With `dry_run` a :class:`StorePlan` of the
        directory, the sessions and the sizes.

    Raises
    ------
    ValueError
        For `roi` with `mask`, an unknown ROI, or voxels that are none.
    DataNotDownloadedError
        If betas, a trial table or a mask are not on disk.
    DataIntegrityError
        If a file is damaged.
    """
    dry_run = _arguments.flag(dry_run, "dry_run")
    named = _arguments.sessions(session)
    voxels = _arguments.voxels(roi, mask, mask_source)
    dataset = _open(from_bucket=from_bucket, bucket=bucket, jobs=jobs)
    if from_bucket and not dry_run:
        _license.obtain(dataset, accept_license)
    with fetching(named):
        handle = dataset.subject(resolve_subject_id(subject))
    sessions = list(dict.fromkeys(joined_sessions(named, handle.sessions_with_betas)))
    if not sessions and not from_bucket:
        note_left_out(handle, resolve_subject_id(subject))
    options = {
        "output": None if output is None else str(_arguments.path(output, "output")),
        "max_memory": _arguments.size(max_memory, "max_memory"),
        "verify": _arguments.flag(verify, "verify"),
    }
    if dry_run:
        path, wanted, kept, columns, size, memory = _native.plan_store(handle, sessions, voxels, options)
        return StorePlan(Path(path), wanted, kept, columns, size, memory)
    with shown(progress, "store") as update:
        path, built, kept = _native.build_store(handle, sessions, voxels, options, update)
    return StoreBuilt(Path(path), built, kept)


def open_store(path: str | os.PathLike[str], *, chunks: Any = None) -> xr.Dataset:
    """A store as a dataset of xarray, whose betas are read when they are needed.

    All sessions lie below each other. Selecting reads nothing; ``compute()``, ``values`` and the like read
    the chunks of the chosen voxels, by all cores, and compare each with its checksum.

    Parameters
    ----------
    path : path
        The directory of a store, such as ``stores/sub-03_desc-anatomical.zarr``.
    chunks : int, dict or "auto", optional
        Makes arrays of dask of these chunks, as for :meth:`xarray.Dataset.chunk`, for work on more than
        fits into memory; ``{}`` makes one chunk of each session and 4,096 voxels. A few voxels are read
        faster without it, since a chunk is read as a whole.

    Returns
    -------
    xarray.Dataset
        ``betas`` (presentation, neuroid) and ``in_roi`` (roi, neuroid), with coordinates: ``session``,
        ``beta_index``, ``run``, ``image_name`` and ``session_repetition`` of each trial, ``voxel_index``
        (flat, C order), ``voxel_ijk`` and noise ceilings in percent (``nc_...``) of each voxel.

    Raises
    ------
    ImportError
        Without xarray: ``pip install "laion-fmri-rs[xarray]"``.
    DataIntegrityError
        If the store is damaged; reading damaged voxels raises it as well.
    DataNotFoundError
        If there is no such directory.

    Examples
    --------
    >>> betas = open_store("stores/sub-03_desc-anatomical.zarr")  # doctest: +SKIP
    >>> face = betas.isel(neuroid=betas.in_roi.sel(roi="FFA1").values)  # doctest: +SKIP
    >>> responses = face.betas.compute()  # doctest: +SKIP
    """
    place = _arguments.path(path, "path")
    if not place.is_dir():
        error = DataNotFoundError(f"there is no store at {str(place)!r}")
        error.hint = 'laion_fmri.build_store("sub-01").path is the directory of a store; or subject.store()'
        raise error
    return _dataset(_native.Store(str(place), None), chunks)


class _Rows:
    """The betas of all sessions of a store below each other."""

    def __init__(self, store: _native.Store) -> None:
        import numpy as np

        self._store = store
        sessions = store.sessions()
        self.names = [name for name, _ in sessions]
        self.lengths = [n_trials for _, n_trials in sessions]
        self.starts = np.cumsum([0, *self.lengths])
        self.shape = (int(self.starts[-1]), store.n_voxels())
        self.dtype = np.dtype(np.float32)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopened, (os.fspath(self._store.path()), self.names)

    def read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        """Rows and columns, each by an integer, a slice or an array of integers."""
        import numpy as np

        rows, columns = (
            np.arange(length)[item] for item, length in zip(key, self.shape, strict=True)
        )
        wanted, back = np.unique(np.atleast_1d(rows), return_inverse=True)
        parts = []
        for session, (start, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            own = wanted[(wanted >= start) & (wanted < end)]
            if own.size:
                parts.append((session, np.ascontiguousarray(own - start, dtype=np.int64)))
        values = self._store.read(parts, np.ascontiguousarray(np.atleast_1d(columns), dtype=np.int64))
        if not np.array_equal(back, np.arange(len(wanted))):
            values = values[back]
        # An integer takes its dimension away.
        return values[tuple(0 if np.ndim(item) == 0 else slice(None) for item in (rows, columns))]


def _reopened(path: str, sessions: list[str]) -> _Rows:
    return _Rows(_native.Store(path, sessions))


def _lazy(rows: _Rows) -> Any:
    """The betas as an array of xarray that reads what is chosen of it."""
    from xarray.backends import BackendArray
    from xarray.core import indexing

    class Betas(BackendArray):
        shape, dtype = rows.shape, rows.dtype

        def __getitem__(self, key: Any) -> Any:
            return indexing.explicit_indexing_adapter(
                key, self.shape, indexing.IndexingSupport.OUTER, rows.read
            )

        def __reduce__(self) -> tuple[Any, ...]:
            return _lazy_again, (rows,)

    return Betas()


def _lazy_again(rows: _Rows) -> Any:
    return _lazy(rows)


def _dataset(store: _native.Store, chunks: Any) -> xr.Dataset:
    try:
        import xarray as xr
        from xarray.core import indexing
    except ImportError:
        raise _missing("a store is opened with xarray", 'pip install "laion-fmri-rs[xarray]"') from None
    import numpy as np

    rows = _Rows(store)
    variables: dict[str, Any] = {
        "betas": ((_TRIALS, _VOXELS), indexing.LazilyIndexedArray(_lazy(rows))),
    }
    coordinates: dict[str, Any] = {"session": (_TRIALS, np.repeat(rows.names, rows.lengths))}
    columns: dict[str, list[Any]] = {}
    for session, _ in enumerate(rows.names):
        for name, _, _, values in store.trials(session):
            columns.setdefault(name, []).append(np.asarray(values))
    for name, parts in columns.items():
        # What a session lacks is no coordinate of all.
        if len(parts) == len(rows.names):
            coordinates[name] = (_TRIALS, np.concatenate(parts))
    for name, dimensions, shape, values in store.voxels():
        found = (tuple(dimensions), np.asarray(values).reshape(shape))
        if name == "in_roi":
            variables[name] = found
        else:
            coordinates["roi" if name == "roi_name" else name] = found
    attributes = {name: value for name, value in store.attributes().items() if name != "coordinates"}
    dataset = xr.Dataset(variables, coordinates, attributes)
    if chunks is None:
        return dataset
    if chunks == {}:
        chunks = {_TRIALS: tuple(rows.lengths), _VOXELS: 4096}
    return dataset.chunk(chunks)


def __dir__() -> list[str]:
    return sorted(__all__)
