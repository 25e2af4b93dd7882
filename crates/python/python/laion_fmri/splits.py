"""The bundled train/test splits of the re:vision framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native, _notes
from laion_fmri._errors import _invalid, _wrong_type
from laion_fmri._keywords import suggests

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "LeakReport",
    "Split",
    "SplitVariant",
    "duplicate_groups",
    "find_leaks",
    "get_split_masks",
    "get_train_test_ids",
    "list_ood_types",
    "list_pools",
    "list_splits",
    "load_all_splits",
    "load_split",
]


@dataclass(repr=False)
class SplitVariant:
    """The images of one variant of a split.

    Attributes
    ----------
    variant_id : int
        Counted from 0.
    train_ids, test_ids : list of str
        The names of the images of either set.
    """

    variant_id: int
    train_ids: list[str]
    test_ids: list[str]

    def __repr__(self) -> str:
        sizes = f"{len(self.train_ids)} for training, {len(self.test_ids)} for testing"
        return f"<SplitVariant {self.variant_id}: {sizes}>"

    def all_ids(self) -> list[str]:
        """The images of both sets.

        Returns
        -------
        list of str
            Those of the training set, then those of the test set.
        """
        return self.train_ids + self.test_ids


@dataclass(repr=False)
class Split:
    """A split of a pool.

    Attributes
    ----------
    name, pool : str
    splitter : str
        The method that made it.
    params : dict
        The values that the method was given.
    n_train, n_test : int
        The numbers of images.
    variants : list of SplitVariant
        The images; there is one variant.
    revision : str
        ``"r1"`` or ``"r2"``.
    """

    name: str
    pool: str
    splitter: str
    params: dict[str, Any]
    n_train: int
    n_test: int
    variants: list[SplitVariant]
    revision: str = "r1"

    def __repr__(self) -> str:
        sizes = f"{self.n_train} for training, {self.n_test} for testing"
        return f"<Split {self.name} of {self.pool}, {self.revision}: {sizes}>"

    @property
    def split_family(self) -> str:
        """``random``, ``cluster_k5``, ``tau`` or ``ood``."""
        return _family(self.name)


@dataclass
class LeakReport:
    """What a division of trials leaks from the training set into the test set.

    Attributes
    ----------
    n_train, n_test, n_neither : int
        The numbers of trials.
    repeats : list of dict
        Images with trials in both sets.
    duplicates : list of list of dict
        Known copies of one picture of which one is in each set.
    unknown : list of dict
        Labels that are no image of the dataset.
    """

    n_train: int
    n_test: int
    n_neither: int
    repeats: list[dict[str, Any]]
    duplicates: list[list[dict[str, Any]]]
    unknown: list[dict[str, Any]]

    @property
    def has_leaks(self) -> bool:
        """Whether anything leaks."""
        return bool(self.repeats or self.duplicates)


def list_pools() -> list[str]:
    """The pools of images.

    Returns
    -------
    list of str
        ``"shared"`` and one for each subject.
    """
    return _native.list_pools()


def list_splits(pool: str | None = None) -> list[str]:
    """The splits of a pool, or of any.

    Parameters
    ----------
    pool : str, optional
        One of :func:`list_pools`.

    Returns
    -------
    list of str
        Their names.

    Raises
    ------
    ValueError
        For an unknown pool.
    """
    if pool is not None:
        _check_name("pool", _arguments.text(pool, "pool"), list_pools())
    return _native.list_splits(pool)


def list_ood_types() -> list[str]:
    """The types of out-of-distribution images.

    Returns
    -------
    list of str
        Such as ``"shape"``.
    """
    return _native.list_ood_types()


@suggests
def load_split(name: str, pool: str, *, revision: str = "r1") -> Split:
    """A split of a pool.

    Parameters
    ----------
    name : str
        One of :func:`list_splits`.
    pool : str
        One of :func:`list_pools`.
    revision : {"r1", "r2"}
        The published lists, or those in which known duplicates share a fold.

    Returns
    -------
    Split
        The images of both sets are in ``split.variants[0]``.

    Raises
    ------
    TypeError
        For names that are no strings.
    ValueError
        For unknown names; it lists those that exist.
    """
    return _split(_arguments.text(name, "name"), _arguments.text(pool, "pool"), None, revision)


@suggests
def load_all_splits(pool: str, *, revision: str = "r1") -> dict[str, Split]:
    """All splits of a pool.

    Parameters
    ----------
    pool : str
        One of :func:`list_pools`.
    revision : {"r1", "r2"}
        As for :func:`load_split`.

    Returns
    -------
    dict of Split by name
        In the order of :func:`list_splits`.

    Raises
    ------
    ValueError
        For an unknown pool or revision.
    """
    return {name: load_split(name, pool, revision=revision) for name in list_splits(pool)}


@suggests
def get_train_test_ids(
    name: str,
    pool: str,
    variant_id: int = 0,
    ood_types: Iterable[str] | None = None,
    *,
    revision: str = "r1",
) -> tuple[list[str], list[str]]:
    """The images of the training set and of the test set.

    Parameters
    ----------
    name, pool, revision
        As for :func:`load_split`.
    variant_id : int
        There is only variant 0.
    ood_types : list of str, optional
        Only these types in the test set of the split ``ood``.

    Returns
    -------
    train, test : list of str
        The names of the images.

    Raises
    ------
    TypeError
        For names that are no strings.
    ValueError
        For unknown names; it lists those that exist.
    """
    _check_variant(variant_id)
    split = _split(_arguments.text(name, "name"), _arguments.text(pool, "pool"), _types(ood_types), revision)
    return split.variants[0].train_ids, split.variants[0].test_ids


@suggests
def get_split_masks(
    trials: pd.DataFrame | pd.Series[str] | Iterable[str],
    name: str,
    pool: str,
    variant_id: int = 0,
    ood_types: Iterable[str] | None = None,
    *,
    revision: str = "r1",
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which trials belong to the training set and which to the test set.

    Parameters
    ----------
    trials : DataFrame, or the names of images
        A trial table with a column ``label``, or the labels themselves.
    name, pool, variant_id, ood_types, revision
        As for :func:`get_train_test_ids`.

    Returns
    -------
    train, test : ndarray of bool, shape (n_trials,)
        Trials of images outside the pool belong to neither. A warning says when that is all of them, or all
        that one subject alone saw: then the pool is that of another subject.

    Raises
    ------
    TypeError
        If `trials` is a dict of tables, or holds labels that are no strings.
    ValueError
        For unknown names.
    """
    _check_variant(variant_id)
    wanted = _types(ood_types)
    _check_names(_arguments.text(name, "name"), _arguments.text(pool, "pool"), wanted)
    labels = _labels(trials)
    revision = _arguments.text(revision, "revision")
    train, test = _native.split_masks(labels, name, pool, wanted, revision)
    if labels and not (train.any() or test.any()):
        _notes.warn(f"none of the {len(labels)} labels is an image of the split {name!r} of {pool!r}")
    elif pool != "shared":
        _warn_of_other_pool(labels, pool)
    return train, test


def _warn_of_other_pool(labels: list[str], pool: str) -> None:
    """Warn when there are images that one subject saw, and the pool of another subject has none of them."""
    unique = [label for label in labels if not label.startswith("shared_")]
    if not unique:
        return
    of_pool: set[str] = set()
    for name in ("tau", "ood"):
        for ids in get_train_test_ids(name, pool):
            of_pool.update(ids)
    if of_pool.isdisjoint(unique):
        _notes.warn(
            f"no image that one subject alone saw is in the pool {pool!r}: these look like the trials of "
            'another subject, whose pool has its name; pool="shared" is for all of them'
        )


@suggests
def find_leaks(
    trials: pd.DataFrame | pd.Series[str] | Iterable[str], train: ArrayLike, test: ArrayLike
) -> LeakReport:
    """What a division of trials leaks from the training set into the test set.

    Parameters
    ----------
    trials
        As for :func:`get_split_masks`.
    train, test : array of bool, shape (n_trials,)
        For example those of :func:`get_split_masks`.

    Returns
    -------
    LeakReport
        Repeats of one image, known copies of one picture, and labels that are no image.

    Raises
    ------
    TypeError
        If `trials` is a dict of tables, or holds labels that are no strings.
    ValueError
        If flags are not as many as the trials.
    """
    flags = [_arguments.flags(value, name).tolist() for value, name in ((train, "train"), (test, "test"))]
    report = _native.leaks(_labels(trials), *flags)
    report.pop("n_trials", None)
    return LeakReport(**report)


def duplicate_groups(pool: str) -> list[list[str]]:
    """The images of a pool that are known to be copies of one picture.

    Parameters
    ----------
    pool : str
        One of :func:`list_pools`.

    Returns
    -------
    list of list of str
        The names of the copies of each picture.

    Raises
    ------
    ValueError
        For an unknown pool.
    """
    _check_name("pool", _arguments.text(pool, "pool"), list_pools())
    return _native.duplicate_groups(pool)


def _split(name: str, pool: str, ood_types: list[str] | None, revision: str) -> Split:
    _check_names(name, pool, ood_types)
    revision = _arguments.text(revision, "revision")
    found = _native.load_split(name, pool, ood_types, revision)
    train, test = found["train"], found["test"]
    splitter, params = _method(found)
    return Split(
        name=found["name"],
        pool=found["pool"],
        splitter=splitter,
        params=params,
        n_train=len(train),
        n_test=len(test),
        variants=[SplitVariant(0, train, test)],
        revision=found["revision"],
    )


def _method(found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The splitter and its parameters as the published files of a revision have them."""
    family, is_first = found["family"], found["revision"] == "r1"
    # One method with its values.
    (values,) = found["params"].values()
    params: dict[str, Any] = {"method": found["method"]}
    if family == "ood":
        return "ood_holdout", params | {"ood_types": list_ood_types()}
    if family == "tau":
        criterion = {"criterion": "mmd_matched_log_closest", "tier": "balanced"}
        selection = criterion | {"target_ratio_x_random": 1.0} | values
        params |= {"criterion": "MMD-matched (≤ 1.0× random)", "adaptive_selection": selection}
        return "min_nn_stochastic", params
    if family == "random":
        if is_first:
            return "min_nn_stochastic", params | values
        joined = values.pop("duplicates_joined")
        return "random_kfold", params | values | ({"revision": 2} if joined else {})
    if is_first:
        held_out = {"held_out_cluster": values["held_out_cluster"]}
        return "min_nn_stochastic", params | held_out
    return "kmeans_cluster_holdout", params | {"feature_space": "CLIP"} | values


def _check_names(name: str, pool: str, ood_types: list[str] | None) -> None:
    """Refuse unknown names in the words of the Python package."""
    _check_name("pool", pool, list_pools())
    _check_name("split", name, list_splits())
    if ood_types is None:
        return
    if name != "ood":
        raise _invalid(f"ood_types is only valid for the 'ood' split, got split {name!r}", 'name="ood"')
    known = list_ood_types()
    unknown = [kind for kind in ood_types if kind not in known]
    if unknown:
        hint = _arguments.nearest(unknown[0], "ood_types", known)
        raise _invalid(f"Unknown ood_types {unknown} (expected {', '.join(known)})", hint)


def _check_name(what: str, value: str, known: list[str]) -> None:
    """Refuse a pool or a split that is not known."""
    if value not in known:
        raise _invalid(
            f"Unknown {what} {value!r} (expected one of {', '.join(known)})",
            _arguments.nearest(value, "pool" if what == "pool" else "name", known),
        )


def _family(name: str) -> str:
    stem, _, number = name.rpartition("_")
    return stem if stem and number.isdecimal() else name


def _types(value: Iterable[str] | None) -> list[str] | None:
    return None if value is None else _arguments.texts(value, "ood_types")


def _check_variant(variant_id: object) -> None:
    if _arguments.integer(variant_id, "variant_id") != 0:
        raise _invalid(f"there is no variant_id {variant_id!r} (expected 0)", "variant_id=0")


def _labels(trials: Any) -> list[str]:
    if hasattr(trials, "columns"):
        from laion_fmri.subject import _labels as labels_of

        return labels_of(trials)
    if isinstance(trials, (str, bytes, Mapping)) or not isinstance(trials, Iterable):
        kind = type(trials).__name__
        hint = "trials=pandas.concat(trials.values())" if isinstance(trials, Mapping) else None
        raise _wrong_type(f"trials must be a table or a list of labels, got {kind}", hint)
    return _arguments.texts(trials, "trials")


def __dir__() -> list[str]:
    return sorted(__all__)
