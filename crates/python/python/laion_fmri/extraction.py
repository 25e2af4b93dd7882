"""From sessions to arrays with a recipe, and back from a recipe."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _license, _native, _notes
from laion_fmri._constants import AVAILABLE_MODELS
from laion_fmri._errors import (
    DataIntegrityError,
    DataNotFoundError,
    InvalidRequestError,
    UnknownNameError,
    WrongTypeError,
    _hinted,
    _invalid,
    _wrong_type,
)
from laion_fmri._keywords import refuse_unknown, suggests
from laion_fmri._progress import Progress, shown
from laion_fmri._sessions import fetching, joined_sessions, note_left_out
from laion_fmri.config import _open
from laion_fmri.subject import Subject, resolve_subject_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from laion_fmri._arguments import Roi, Session, SessionName

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


_OUTPUTS = (".npz", ".zarr", ".h5", ".hdf5")
_RECIPE = ".recipe.toml"
_VISUAL = re.compile(r"(?<![\w-])visual(?![\w-])")


@dataclass(eq=False, repr=False)
class Extraction(Mapping[str, Any]):
    """The arrays of an extraction by name, and how they were made.

    Attributes
    ----------
    recipe : dict
        Conventions, counts, and the SHA-256 of every input.
    path : Path or None
        Where the output is; its recipe is the file of that name and ``.recipe.toml``. ``None`` if no output
        was asked for.
    """

    recipe: dict[str, Any]
    path: Path | None = None
    _read: dict[str, Any] | None = None

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
        if name not in self.arrays:
            raise _no_array(name, list(self.arrays))
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        result = self.recipe["result"]
        parts = [f"betas ({result['rows']}, {result['columns']})"]
        if self._read is not None:
            parts = [f"{name} {array.shape}" for name, array in self._read.items()]
        if self.path is not None:
            parts.append(f"path={str(self.path)!r}")
        return f"Extraction({', '.join(parts)})"


def _no_array(name: object, known: list[str]) -> UnknownNameError:
    """The error about a name that no array has."""
    close = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
    hint = f"did you mean {close[0]!r}?" if close else None
    return _hinted(UnknownNameError, f"there is no array {name!r}; arrays: {', '.join(known)}", hint)


@suggests
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
    max_memory: int | str | None = None,
    from_bucket: bool = False,
    jobs: int | None = None,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> Extraction:
    """Responses of one or several subjects as arrays with a recipe.

    Parameters
    ----------
    subjects : str or list of str
        Several are joined by image, which needs ``average="image"``. ``"all"`` are those on disk.
    session : str or int, or list of them, optional
        All sessions with betas by default, as for ``"all"``. ``"01-10"`` is those of the range that the first
        subject has, ``"01,03"`` is two sessions.
    roi, mask_source
        As for :meth:`laion_fmri.Subject.get_betas`.
    mask : array of bool or path, optional
        Only these voxels of one subject: flags over the voxel axis, or a ``.npy`` or NIfTI file.
    nc_threshold : float, optional
        Only voxels whose noise ceiling is at least this many percent (0 to 100).
    nc_desc : str, optional
        A map over all sessions for `nc_threshold`, such as ``"Noiseceiling12rep"``, which several sessions
        need.
    zscore : {"run", "session"}, optional
        Z-score each voxel within the runs of each session, or within sessions, before anything is
        averaged.
    zscore_ddof : int
        Subtracted in the divisor of the variance. Like `zscore_fit`, it does nothing without `zscore`, and
        a warning says so.
    zscore_fit : {"all", "train"}
        The trials that the mean and the deviation are of: all trials of the run or session, also those
        that `stimuli`, `exclude_ood` or `exact_repetitions` leave out; or those of them in the training set
        of `split`.
    average : {"none", "image"}
        One row for each trial, or for each image.
    nan : {"keep", "drop", "zero"}
        What becomes of NaN.
    stimuli : {"shared", "unique"}, optional
        Only trials with such images.
    exclude_ood, exact_repetitions : bool
        Leave out out-of-distribution images; images without the planned number of trials.
    split, pool, revision : str, optional
        Mark the rows with a split, as :func:`laion_fmri.splits.load_split` takes it. The pool is that of the
        subject by default, and ``"shared"`` for several. Without `split`, the others and `ood_types` do
        nothing, and a warning says so.
    ood_types : list of str
        Only these types in the test set of the split ``ood``; all by default.
    features : str, optional
        Also the embeddings of the images by this model; case does not count.
    output : path, optional
        Keep the file, one for all subjects: ``.npz``, ``.zarr`` or ``.h5``, in a folder that exists. The
        recipe lies beside it.
    max_memory : int or str, optional
        The most bytes that the process may take, roughly, such as ``"2GiB"`` or ``"500MB"``.
    from_bucket, jobs, accept_license
        As for :func:`laion_fmri.load_subject`.
    progress : bool or callable, optional
        As for :meth:`laion_fmri.Subject.get_betas`.

    Returns
    -------
    Extraction
        A mapping of the arrays by name, among them ``betas``, float32 of shape (n_rows, n_voxels).

    Raises
    ------
    ValueError
        For an unknown choice, and for choices that contradict each other.
    DataNotFoundError
        If no trial or no voxel is left, or a file is missing.
    FileNotFoundError
        If the folder of `output` does not exist.
    """
    import numpy as np

    given = dict(locals())
    where = _output(given)
    dataset = _dataset(from_bucket, jobs, accept_license)
    request = _request(given, dataset)
    with tempfile.TemporaryDirectory() as scratch:
        request["mask"] = _mask_file(mask, scratch)
        path = where or Path(scratch) / "extraction.npz"
        request["output"] = path
        with fetching(_names(session)), shown(progress, "extract") as update:
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

    Parameters
    ----------
    subjects : str or list of str
        As for :func:`extract`.
    session : str or int, or list of them, optional
        As for :func:`extract`.
    **choices
        As for :func:`extract`, by name.

    Returns
    -------
    dict
        ``rows``, ``columns``, ``sessions`` (subject and session of each task), ``memory`` (the predicted
        bytes), ``workers``, and ``output`` (the path of the output, or ``None`` without one).

    Raises
    ------
    TypeError
        For an argument that :func:`extract` does not have.
    ValueError, DataNotFoundError, FileNotFoundError
        As :func:`extract`.
    """
    import inspect

    signature = inspect.signature(extract)
    refuse_unknown(plan_extraction, choices, list(signature.parameters))
    bound = signature.bind(subjects, session, **choices)
    bound.apply_defaults()
    where = _output(bound.arguments)
    dataset = _open(from_bucket=bound.arguments["from_bucket"], jobs=bound.arguments["jobs"])
    request = _request(bound.arguments, dataset)
    request["output"] = where or Path("extraction.npz")
    with tempfile.TemporaryDirectory() as scratch:
        request["mask"] = _mask_file(bound.arguments["mask"], scratch)
        with fetching(_names(session)):
            plan = _native.plan_extraction(dataset, request)
    if where is None:
        # The name was only needed to plan with.
        plan["output"] = None
    return plan


@suggests
def reproduce(
    recipe: str | os.PathLike[str] | Mapping[str, Any],
    output: str | os.PathLike[str] | None = None,
    *,
    max_memory: int | str | None = None,
    from_bucket: bool = False,
    jobs: int | None = None,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Make the file of a recipe again and compare it byte by byte.

    Parameters
    ----------
    recipe : path, dict or Extraction
        A recipe, or an output with its recipe; or one in memory.
    output : path, optional
        Where the new file goes. By default it takes the place of the output beside the recipe; that of
        a recipe in memory is compared and not kept.
    max_memory, from_bucket, jobs, accept_license, progress
        As for :func:`extract`.

    Returns
    -------
    dict
        The new recipe.

    Raises
    ------
    DataIntegrityError
        If anything differs; it says what. Also if the output that is there differs from the recorded digest:
        it is left as it is, for it may be worth a look.
    FileNotFoundError
        If there is no such file, or no folder of `output`.
    """
    memory = _arguments.size(max_memory, "max_memory")
    target = None if output is None else _arguments.output(output, "output", _OUTPUTS)
    with tempfile.TemporaryDirectory() as scratch:
        if isinstance(recipe, Mapping):
            fields = recipe.recipe if isinstance(recipe, Extraction) else recipe
            path = Path(scratch) / "recipe.toml"
            path.write_text(_native.recipe_toml(json.dumps(dict(fields))), encoding="utf-8")
            target = target or Path(scratch) / "reproduction.npz"
        else:
            path = _arguments.path(recipe, "recipe")
            if target is None:
                _check_output(path)
        dataset = _dataset(from_bucket, jobs, accept_license)
        with shown(progress, "reproduce") as update:
            return _native.reproduce(dataset, path, target, memory, from_bucket, update)


def _check_output(path: Path) -> None:
    """Refuse to replace an output that is not what its recipe says."""
    beside = path if path.name.endswith(_RECIPE) else path.with_name(path.name + _RECIPE)
    if not beside.is_file():
        return
    recorded = _native.recipe(beside).get("output")
    made = None if recorded is None else beside.with_name(Path(recorded["file"]).name)
    if recorded is None or made is None or not made.is_file():
        return
    digest = _sha256(made)
    if digest != recorded["sha256"]:
        again = made.with_name(f"again_{made.name}")
        raise _hinted(
            DataIntegrityError,
            f"{made} differs from its recipe: expected SHA-256 {recorded['sha256']}, got {digest}",
            f"laion_fmri.reproduce({_arguments.code(str(beside))}, output={_arguments.code(str(again))})",
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def read_recipe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The recipe of an output.

    Parameters
    ----------
    path : path
        The recipe, or the output that it lies beside.

    Returns
    -------
    dict
        Conventions, counts, and the SHA-256 of every input.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataIntegrityError
        If it is no recipe.
    """
    return _native.recipe(_arguments.path(path, "path"))


def methods(path: str | os.PathLike[str]) -> tuple[str, str]:
    """What a paper may say about an output.

    Parameters
    ----------
    path : path
        The recipe, or the output that it lies beside.

    Returns
    -------
    paragraph : str
        The paragraph of a methods section that the recipe makes.
    citation : str
        What to cite.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataIntegrityError
        If it is no recipe.
    """
    return _native.recipe_methods(_arguments.path(path, "path"))


@dataclass
class ZscoreReport:
    """What a z-score came upon.

    Attributes
    ----------
    constant : int
        Columns, counted in each group, that were constant; they are 0 now.
    undefined : int
        Columns, counted in each group, without statistics; they are NaN now.
    nan : int
        Values that were NaN before.
    """

    constant: int
    undefined: int
    nan: int


@suggests
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
        Taken as float32 and not changed.
    within : array of labels, shape (n_rows,), or several, optional
        The group of each row, such as its session; all rows are one group by default. Rows are grouped by
        the combination of the columns of a DataFrame, of a list of columns, or of an array of shape
        (n_rows, n_columns). Runs are numbered anew in each session: with the runs of several sessions alone,
        those with equal numbers are one group, so give ``rows[["session", "run"]]``. A whole trial table has
        another group for every row, and is refused.
    ddof : int
        Subtracted in the divisor of the variance.
    nan : {"omit", "propagate"}
        Leave NaN out of the statistics, or let it make its column NaN within the group.
    fit_rows : array of bool, shape (n_rows,), optional
        The rows that the mean and the deviation of a group are of, such as those of the training set; all
        rows of the group by default.

    Returns
    -------
    zscored : ndarray of float32, shape (n_rows, n_columns)
        Columns without variance are 0. A warning says so where no group has a variance: each has one row,
        or none has more rows than `ddof`, and then all is NaN.
    report : ZscoreReport

    Raises
    ------
    TypeError
        If `betas` is a dict, as :meth:`laion_fmri.Subject.get_betas` returns for several sessions.
    ValueError
        If shapes do not fit, labels are missing or of several kinds, or several columns of a DataFrame have
        another label for every row.
    """
    import numpy as np

    if isinstance(betas, Mapping):
        raise _arrays_by_session(betas)
    array = _arguments.numbers(betas, "betas")
    if array.ndim != 2:
        hint = "laion_fmri.zscore(betas.reshape(-1, 1))" if array.ndim == 1 else None
        raise _invalid(f"betas must have two dimensions, got shape {array.shape}", hint)
    nan = _arguments.choice(nan, "nan", ("omit", "propagate"))
    ddof = _arguments.count(ddof, "ddof")
    groups = np.zeros(len(array), dtype=np.int64) if within is None else _groups(within, len(array))
    fitted = None if fit_rows is None else _arguments.flags(fit_rows, "fit_rows")
    rows = None if fitted is None else fitted.tolist()
    values, counts = _native.zscore(array, groups.tolist(), ddof, nan == "propagate", rows)
    if len(array) > 1:
        _note_small_groups(groups if fitted is None else groups[fitted], within, ddof)
    return values, ZscoreReport(*counts)


def _arrays_by_session(betas: Mapping[Any, Any]) -> WrongTypeError:
    """The error about the answer of a call for several sessions, where one array is meant."""
    # The names are as the caller gave them.
    named = [name for name in betas if isinstance(name, (str, int))]
    return _wrong_type(
        "betas must be one array, got a dict: get_betas of several sessions has an array for each",
        f"betas, rows = subject.concat_betas({_arguments.code(named)}); "
        'laion_fmri.zscore(betas, within=rows["session"]); or, for each session, '
        "{name: laion_fmri.zscore(array)[0] for name, array in betas.items()}",
    )


def _note_small_groups(groups: NDArray[np.int64], within: Any, ddof: int) -> None:
    """Warn where no group of the rows that are fitted has a variance."""
    import numpy as np

    largest = int(np.bincount(groups).max(initial=0))
    if largest == 0 or largest > max(ddof, 1):
        return
    rows = "1 row" if largest == 1 else f"{largest} rows"
    if ddof >= largest:
        _notes.warn(
            f"ddof={ddof}, and no group has more than {rows} to fit, so that every z-score is NaN; "
            "ddof must be less than the number of rows"
        )
        return
    _notes.warn(
        "every group has 1 row to fit, so that there is no variance and z-scores are 0 or NaN"
        + ("" if within is None else '; within is the session or the run of each row: rows["session"]')
    )


def _groups(within: Any, n_rows: int) -> NDArray[np.int64]:
    """The number of the group of each row."""
    import numpy as np

    columns = [_codes(column, n_rows) for column in _columns(within, n_rows)]
    if not columns:
        raise _invalid("within has no column")
    found: NDArray[np.int64] = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)[1]
    groups = found.astype(np.int64).ravel()
    if hasattr(within, "columns") and len(columns) > 1 and 1 < n_rows == len(np.unique(groups)):
        names = ", ".join(map(str, within.columns))
        message = f"within is a table whose columns ({names}) have another label for every row"
        raise _invalid(message, 'within=rows["session"], or within=rows[["session", "run"]]')
    return groups


def _columns(within: Any, n_rows: int) -> list[Any]:
    """What rows are grouped by: one column of labels, or several."""
    import numpy as np

    if hasattr(within, "columns"):
        return [within.iloc[:, number] for number in range(within.shape[1])]
    if isinstance(within, Mapping):
        return list(within.values())
    if isinstance(within, (list, tuple)) and within and all(_is_column(it) for it in within):
        return list(within)
    if isinstance(within, np.ndarray) and within.ndim == 2:
        return list(within.T)
    return [within]


def _is_column(value: Any) -> bool:
    return isinstance(value, list) or getattr(value, "ndim", 0) == 1


def _codes(column: Any, n_rows: int) -> NDArray[np.int64]:
    """The labels of a column as numbers."""
    import numpy as np
    import pandas as pd

    if getattr(column, "ndim", 1) != 1:
        raise _invalid(f"within must have one dimension or two, got shape {column.shape}")
    labels = pd.Series(list(column) if isinstance(column, tuple) else column)
    if len(labels) != n_rows:
        raise _invalid(f"within has {len(labels)} labels for {n_rows} rows of betas")
    if labels.isna().any():
        row = int(np.flatnonzero(labels.isna())[0])
        raise _invalid(f"within has no label for row {row}")
    kind = pd.api.types.infer_dtype(labels, skipna=False)
    if kind in ("mixed", "mixed-integer"):
        kinds = sorted({type(label).__name__ for label in labels})
        if len(kinds) > 1:
            raise _invalid(f"within mixes labels of the kinds {', '.join(kinds)}")
    return pd.factorize(labels)[0].astype(np.int64)


def _dataset(from_bucket: bool, jobs: int | None, accept_license: bool | None) -> _native.Dataset:
    dataset = _open(from_bucket=from_bucket, jobs=jobs)
    if from_bucket:
        _license.obtain(dataset, accept_license)
    return dataset


def _output(choices: Mapping[str, Any]) -> Path | None:
    """Where the output of :func:`extract` goes, which is one file for all subjects."""
    subjects, output = choices["subjects"], choices["output"]
    if output is None:
        return None
    try:
        return _arguments.output(output, "output", _OUTPUTS)
    except InvalidRequestError as error:
        several = _arguments.is_all(subjects) or isinstance(subjects, (list, tuple)) and len(subjects) > 1
        if several and error.hint is not None and _arguments.is_plain(subjects):
            names = f"name in {_arguments.code(subjects)}"
            if _arguments.is_all(subjects):
                names = 'name, _ in laion_fmri.load_subjects("all")'
            folder = str(Path(output)).replace("{", "{{").replace("}", "}}")
            each = _arguments.code(f"{folder}/{{name}}{_OUTPUTS[0]}")
            error.hint += (
                ', average="image" has one row for each image that all saw; or a file for each subject: '
                f"for {names}: laion_fmri.extract(name, output=f{each})"
            )
        raise


def _subject_ids(value: object) -> list[str]:
    """The full ids of the subjects of an argument. Objects are none, for a recipe has ids."""
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    loaded = [item for item in items if isinstance(item, Subject)]
    if loaded:
        ids = [item.subject_id if isinstance(item, Subject) else item for item in items]
        written = _arguments.code(ids if isinstance(value, (list, tuple)) else ids[0])
        hint = f"laion_fmri.extract({written}, ...)" if _arguments.is_plain(ids) else None
        raise _wrong_type("subjects must be a string or a list of strings, got Subject", hint)
    return [resolve_subject_id(name) for name in _arguments.texts(value, "subjects")]


def _mask_file(mask: Any, scratch: str) -> Path | None:
    """A mask as a file: the user's, or flags written for this call."""
    import numpy as np

    if mask is None or isinstance(mask, (str, os.PathLike)):
        return None if mask is None else Path(mask)
    path = Path(scratch) / "mask.npy"
    np.save(path, _arguments.flags(mask, "mask"))
    return path


def _request(choices: dict[str, Any], dataset: _native.Dataset) -> dict[str, Any]:
    """The arguments of :func:`extract` for the native module."""

    def one_of(name: str, *known: str) -> str:
        return _arguments.choice(choices[name], name, known)

    if _arguments.is_all(choices["subjects"]):
        subjects = dataset.remote_subjects() if choices["from_bucket"] else dataset.subjects()
    else:
        subjects = _subject_ids(choices["subjects"])
    if not subjects:
        raise _invalid("at least one subject is needed")
    session = choices["session"]
    meant = [] if session is None else _meant(dataset, subjects[0], _arguments.sessions(session))
    if not meant and not choices["from_bucket"]:
        for name in subjects:
            # A subject that is not there is an error of the extraction.
            with contextlib.suppress(DataNotFoundError):
                note_left_out(dataset.subject(name), name)
    conventions: dict[str, Any] = {
        "rois": [] if choices["roi"] is None else _rois(choices["roi"], dataset, subjects),
        "mask_source": _arguments.mask_source(choices["mask_source"]),
        "average": one_of("average", "none", "image"),
        "nan": one_of("nan", "keep", "drop", "zero"),
        "exclude_ood": _arguments.flag(choices["exclude_ood"], "exclude_ood"),
        "exact_repetitions": _arguments.flag(choices["exact_repetitions"], "exact_repetitions"),
    }
    percent = _arguments.threshold(choices["nc_threshold"])
    desc = _arguments.optional_text(choices["nc_desc"], "nc_desc")
    _arguments.note_unused_map(percent, desc)
    if percent is not None:
        conventions["noise_ceiling"] = {"percent": percent}
        if desc is not None:
            conventions["noise_ceiling"]["desc"] = desc
    # What belongs to an option that is not used is checked too, and named: it may be meant for it.
    zscored = {
        "ddof": _arguments.count(choices["zscore_ddof"], "zscore_ddof"),
        "fit": one_of("zscore_fit", "all", "train"),
    }
    if choices["zscore"] is not None:
        conventions["zscore"] = {"within": one_of("zscore", "run", "session"), **zscored}
    else:
        _note_unused("zscore", {"zscore_ddof": zscored["ddof"], "zscore_fit": zscored["fit"]})
    pool = choices["pool"]
    if pool is None:
        pool = subjects[0] if choices["split"] is not None and len(subjects) == 1 else "shared"
    parts = {
        "pool": _arguments.choice(pool, "pool", _native.list_pools()),
        "revision": one_of("revision", "r1", "r2"),
        "ood_types": _arguments.texts(choices["ood_types"], "ood_types"),
    }
    if choices["split"] is not None:
        conventions["split"] = {"name": one_of("split", *_native.list_splits(None)), **parts}
    else:
        types = tuple(parts["ood_types"])
        given = {"pool": choices["pool"], "revision": parts["revision"], "ood_types": types}
        _note_unused("split", given)
    if choices["stimuli"] is not None:
        conventions["stimuli"] = _arguments.stimulus_set(choices["stimuli"])
    if choices["features"] is not None:
        conventions["features"] = _arguments.choice(
            _model_in_any_case(choices["features"]), "features", AVAILABLE_MODELS
        )
    return {
        "subjects": subjects,
        "sessions": meant,
        "conventions": json.dumps(conventions),
        "max_memory": _arguments.size(choices["max_memory"], "max_memory"),
        "from_bucket": bool(choices["from_bucket"]),
    }


def _note_unused(option: str, given: dict[str, Any]) -> None:
    """Warn about values other than the default that belong to an option that is not given."""
    import inspect

    defaults = inspect.signature(extract).parameters
    for name, value in given.items():
        if value != defaults[name].default:
            what = f"{name}={_arguments.code(value)}"
            _notes.warn(f"{what} is not used: it belongs to {option}, which is not given")


def _model_in_any_case(name: object) -> object:
    known = {model.lower(): model for model in AVAILABLE_MODELS}
    return known.get(name.lower(), name) if isinstance(name, str) else name


def _rois(roi: Any, dataset: _native.Dataset, subjects: list[str]) -> list[str]:
    """The ROIs as a recipe names them: ``visual`` is the category that it stands for."""
    queries = _arguments.rois(roi, "roi")
    if not any(_VISUAL.search(query) for query in queries):
        return queries
    handles = [dataset.subject(name) for name in subjects]
    if any("visual" in handle.rois(None) + handle.roi_categories() for handle in handles):
        return queries
    return [_VISUAL.sub("laion", query) for query in queries]


def _names(session: Any) -> list[SessionName]:
    return [] if session is None else _arguments.sessions(session)


def _meant(dataset: _native.Dataset, subject: str, named: list[SessionName]) -> list[str]:
    """The sessions that are meant, as :meth:`laion_fmri.Subject.concat_betas` takes them."""
    with fetching(named):
        return joined_sessions(named, lambda: dataset.subject(subject).sessions_with_betas())


def __dir__() -> list[str]:
    return sorted(__all__)
