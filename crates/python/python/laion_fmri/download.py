"""Downloads: subjects, stimulus files, the licence and access to the images."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _license, _native, _notes
from laion_fmri._constants import AVAILABLE_MODELS
from laion_fmri._errors import (
    NoMatchingDataError,
    TransferError,
    _invalid,
    _NoStimulusFileError,
    _wrong_type,
)
from laion_fmri._keywords import suggests
from laion_fmri._paths import (
    captions_path,
    embeddings_path,
    segmentations_metadata_path,
    segmentations_path,
)
from laion_fmri._progress import Progress, can_ask, shown
from laion_fmri._sessions import joined_sessions
from laion_fmri._stimulus_access import (
    SERVER_URL,
    AccessNotFoundError,
    AccessRevokedError,
    AccessServiceError,
    TermsOutdatedError,
    request_stimulus_access,
    url_of,
)
from laion_fmri.config import _named, _open, get_data_dir
from laion_fmri.embeddings import _models
from laion_fmri.subject import resolve_subject_id

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AccessNotFoundError",
    "AccessRevokedError",
    "AccessServiceError",
    "TermsOutdatedError",
    "accept_license",
    "accept_licenses",
    "download",
    "download_captions",
    "download_embeddings",
    "download_raw",
    "download_segmentations",
    "download_stimuli",
    "request_stimulus_access",
    "verify",
]

_Values = str | int | Iterable[str | int] | None


@suggests
def download(
    subject: str | Iterable[str],
    ses: _Values = None,
    task: _Values = None,
    space: _Values = None,
    desc: _Values = None,
    stat: _Values = None,
    suffix: _Values = None,
    extension: _Values = None,
    include_stimuli: bool = False,
    include_embeddings: bool | str | Iterable[str] = False,
    include_freesurfer: bool = False,
    include_anatomical: bool = False,
    include_raw: bool = False,
    include_localizers: bool = False,
    n_jobs: int = 1,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    brain_mask_only: bool = False,
    prefix: str | Iterable[str] | None = None,
    allow_missing: bool = True,
    dry_run: bool = False,
    verify: bool = False,
    index: bool = False,
    limit_rate: int | str | None = None,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> Any:
    """Mirror a part of the bucket in the data directory. What is there already is kept.

    Parameters
    ----------
    subject : str or list of str
        Such as ``"sub-01"``; ``"all"`` for every subject of the bucket.
    ses : str or int, or list of them, optional
        Only files of these sessions, as for :meth:`laion_fmri.Subject.concat_betas`: ``1``, ``"01"``,
        ``"01,03"``, ``"01-10"``, or ``"all"``. ``"averages"`` stands for the files of no session.
    task, space, desc, stat, suffix, extension : str or list of str, optional
        Only files with these values in their names; files without the entity pass.
    include_stimuli : bool
        Also the images and their table, which need access. They come first: without access, nothing is
        fetched.
    include_embeddings : bool, str or list of str
        Also the embeddings of all models, or of these.
    include_freesurfer, include_anatomical, include_raw, include_localizers : bool
        Also these trees.
    n_jobs : int
        How many files are transferred at once.
    data_dir : path, optional
        The data directory; the configured one by default.
    brain_mask_only : bool
        Only the brain mask on the functional grid and the mean R² map.
    prefix : str or list of str, optional
        Also what lies below these prefixes of the bucket.
    allow_missing : bool
        If the bucket does not have a value or a tree that is named, warn and fetch the rest; ``False``
        makes it an error, and nothing is fetched.
    dry_run : bool
        Return a table of what would be done, and do nothing. Actions are ``"fetch"``, ``"keep"``,
        ``"withheld"`` for files that are not released, and ``"refused"`` for names that no file can have. A
        file that the bucket denies is ``"fetch"``: only a download finds that out.
    verify : bool
        Read files that are there and fetch damaged ones again.
    index : bool
        Make the index of betas while they arrive, with which single trials are read sooner.
    limit_rate : int or str, optional
        The most bytes per second, such as ``"10MB"``.
    accept_license : bool, optional
        ``True`` accepts the licence; otherwise the variable ``LAION_FMRI_ACCEPT_LICENSE`` or a question in
        an interactive session does.
    progress : bool or callable, optional
        As for :meth:`laion_fmri.Subject.get_betas`.

    Returns
    -------
    None or DataFrame
        With `dry_run` the columns ``key``, ``path``, ``size``, ``action`` and ``reason``.

    Raises
    ------
    TypeError, SubjectNotFoundError
        For subjects that are no strings, or malformed.
    LicenseNotAcceptedError
        If the licence was not accepted.
    NoMatchingDataError
        If nothing in the bucket fits.
    TransferError
        After all transfers, if any failed; it lists them.
    """
    brain_mask_only = _arguments.flag(brain_mask_only, "brain_mask_only")
    include_stimuli = _arguments.flag(include_stimuli, "include_stimuli")
    dry_run = _arguments.flag(dry_run, "dry_run")
    include = ["brain_mask"] if brain_mask_only else ["derivatives"]
    trees = {
        "anatomical": include_anatomical,
        "freesurfer": include_freesurfer,
        "localizers": include_localizers,
        "raw": include_raw,
    }
    include += [name for name, wanted in trees.items() if _arguments.flag(wanted, f"include_{name}")]
    filters = {
        "task": task,
        "space": space,
        "desc": desc,
        "stat": stat,
        "suffix": suffix,
        "extension": extension,
    }
    request = _request(
        _subjects(subject),
        include,
        filters,
        n_jobs,
        ses=ses,
        embeddings=_wanted_models(include_embeddings),
        prefixes=[] if prefix is None else _arguments.texts(prefix, "prefix"),
        allow_missing=allow_missing,
        limit_rate=_arguments.size(limit_rate, "limit_rate"),
        index=index,
        verify=verify,
    )
    if subject == [] and not (request["embeddings"] or request["prefixes"] or include_stimuli):
        raise _invalid('subject is an empty list, which names nothing: "all" is every subject')
    dataset = _dataset(data_dir)
    images: list[tuple[Any, ...]] = []
    if include_stimuli:
        if not dry_run:
            _license.obtain(dataset, accept_license)
            _name_sessions(request, dataset)
            # A request that nothing fits is refused before the images are fetched.
            _native.download(dataset, request, True, None)
        # The images come first: without access, nothing is fetched.
        images = _fetch_stimuli(dataset, SERVER_URL, dry_run, progress)
    planned = _carry_out(request, dataset, dry_run, accept_license, progress)
    return _table(planned + images) if dry_run else None


@suggests
def download_raw(
    subject: str | Iterable[str],
    ses: _Values = None,
    task: _Values = None,
    run: _Values = None,
    echo: _Values = None,
    part: _Values = None,
    suffix: _Values = None,
    extension: _Values = None,
    n_jobs: int = 1,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    allow_missing: bool = True,
    dry_run: bool = False,
    limit_rate: int | str | None = None,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> Any:
    """Mirror raw BIDS data.

    Parameters
    ----------
    subject : str or list of str
        Such as ``"sub-01"``; ``"all"`` for every subject of the bucket.
    ses : str or int, or list of them, optional
        Only files of these sessions, as for :func:`download`.
    task, run, echo, part, suffix, extension : str or int, or list of them, optional
        Only files with these values in their names.
    n_jobs : int
        How many files are transferred at once.
    data_dir, allow_missing, dry_run, limit_rate, accept_license, progress
        As for :func:`download`.

    Returns
    -------
    None or DataFrame
        As :func:`download`.

    Raises
    ------
    TypeError, SubjectNotFoundError
        For subjects that are no strings, or malformed.
    LicenseNotAcceptedError
        If the licence was not accepted.
    NoMatchingDataError
        If nothing in the bucket fits.
    TransferError
        After all transfers, if any failed; it lists them.
    """
    filters = {
        "task": task,
        "run": run,
        "echo": echo,
        "part": part,
        "suffix": suffix,
        "extension": extension,
    }
    request = _request(
        _subjects(subject),
        ["raw"],
        filters,
        n_jobs,
        ses=ses,
        allow_missing=allow_missing,
        limit_rate=_arguments.size(limit_rate, "limit_rate"),
    )
    planned = _carry_out(request, _dataset(data_dir), dry_run, accept_license, progress)
    return _table(planned) if dry_run else None


@suggests
def download_stimuli(
    data_dir: str | os.PathLike[str] | None = None,
    server_url: str = SERVER_URL,
    *,
    dry_run: bool = False,
    progress: Progress = None,
) -> Any:
    """Fetch the images and their table, which need access; it is asked for when there is none.

    Parameters
    ----------
    data_dir : path, optional
        The data directory; the configured one by default.
    server_url : str
        The access service.
    dry_run, progress
        As for :func:`download`.

    Returns
    -------
    dict of Path by file name
        With `dry_run` a DataFrame.

    Raises
    ------
    AccessServiceError
        If there is no access and nobody can be asked, or the service refuses.
    TermsOutdatedError
        If the terms of use have changed.
    """
    dry_run = _arguments.flag(dry_run, "dry_run")
    rows = _fetch_stimuli(_dataset(data_dir), server_url, dry_run, progress)
    if dry_run:
        return _table(rows)
    return {Path(path).name: Path(path) for _, path, *_ in rows}


@suggests
def download_embeddings(
    models: str | Iterable[str] = "all",
    data_dir: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    *,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> dict[str, Path]:
    """Fetch the embeddings by one model, several or all.

    Parameters
    ----------
    models : str or list of str
        ``"CLIP"``, ``"DINOv2"``, ``"PEcore"``, ``"SigLIP2"``, or ``"all"``.
    data_dir : path, optional
        The data directory; the configured one by default.
    n_jobs : int
        How many files are transferred at once.
    accept_license : bool, optional
        As for :func:`download`.
    progress : bool or callable, optional
        As for :meth:`laion_fmri.Subject.get_betas`.

    Returns
    -------
    dict of Path by model
        The files.

    Raises
    ------
    ValueError
        For an unknown model.
    DataDirNotSetError
        If no data directory is configured.
    LicenseNotAcceptedError
        If the licence was not accepted.
    RuntimeError
        If the bucket does not have a file; it is a NoMatchingDataError too.
    TransferError
        If the bucket cannot be reached, or a file did not arrive.
    """
    wanted = _models(models)
    request = _request([], [], {}, n_jobs, embeddings=wanted)
    root = _derived(request, data_dir, accept_license, progress)
    return {model: embeddings_path(root, model) for model in wanted}


def download_segmentations(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> dict[str, Path]:
    """Fetch the object masks and their table.

    Parameters
    ----------
    data_dir : path, optional
        The data directory; the configured one by default.
    accept_license : bool, optional
        As for :func:`download`.
    progress : bool or callable, optional
        As for :meth:`laion_fmri.Subject.get_betas`.

    Returns
    -------
    dict of Path
        ``"h5"``, the masks, and ``"metadata"``, their table.

    Raises
    ------
    DataDirNotSetError
        If no data directory is configured.
    LicenseNotAcceptedError
        If the licence was not accepted.
    RuntimeError
        If the bucket does not have a file; it is a NoMatchingDataError too.
    TransferError
        If the bucket cannot be reached, or a file did not arrive.
    """
    root = _derived(_request([], ["segmentations"], {}, 1), data_dir, accept_license, progress)
    return {"h5": segmentations_path(root), "metadata": segmentations_metadata_path(root)}


def download_captions(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> Path:
    """Fetch the captions.

    Parameters
    ----------
    data_dir : path, optional
        The data directory; the configured one by default.
    accept_license : bool, optional
        As for :func:`download`.
    progress : bool or callable, optional
        As for :meth:`laion_fmri.Subject.get_betas`.

    Returns
    -------
    Path
        The table.

    Raises
    ------
    DataDirNotSetError
        If no data directory is configured.
    LicenseNotAcceptedError
        If the licence was not accepted.
    RuntimeError
        If the bucket does not have a file; it is a NoMatchingDataError too.
    TransferError
        If the bucket cannot be reached, or a file did not arrive.
    """
    return captions_path(_derived(_request([], ["captions"], {}, 1), data_dir, accept_license, progress))


def accept_license(*, data_dir: str | os.PathLike[str] | None = None) -> None:
    """Accept the licence of the dataset for the data directory; asks in an interactive session.

    Parameters
    ----------
    data_dir : path, optional
        The data directory; the configured one by default.

    Raises
    ------
    LicenseNotAcceptedError
        If it is declined, or nobody can be asked.
    """
    _license.obtain(_dataset(data_dir), None)


def accept_licenses(
    include_stimuli: bool = False, *, data_dir: str | os.PathLike[str] | None = None
) -> None:
    """As :func:`accept_license`, and ask for access to the images.

    Parameters
    ----------
    include_stimuli : bool
        Whether access to the images is asked for too; see :func:`request_stimulus_access`.
    data_dir : path, optional
        The data directory; the configured one by default.

    Raises
    ------
    LicenseNotAcceptedError
        If the licence is declined, or nobody can be asked.
    AccessServiceError
        If access is refused, or nobody can be asked.
    """
    include_stimuli = _arguments.flag(include_stimuli, "include_stimuli")
    accept_license(data_dir=data_dir)
    if include_stimuli:
        request_stimulus_access()


@suggests
def verify(
    subjects: str | Iterable[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    sizes_only: bool = False,
    repair: bool = False,
    accept_license: bool | None = None,
    progress: Progress = None,
) -> pd.DataFrame:
    """Compare the files on disk with what they were when they arrived.

    A warning says how many are damaged or missing, and with `repair` how many the bucket does not have.

    Parameters
    ----------
    subjects : str or list of str, optional
        Only files of these subjects.
    data_dir : path, optional
        The data directory; the configured one by default.
    sizes_only : bool
        Look at sizes, and read nothing.
    repair : bool
        Download damaged and missing files again.
    accept_license : bool, optional
        With `repair`, as for :func:`download`. It is asked for when there is something to download.
    progress : bool or callable, optional
        As for :func:`download`.

    Returns
    -------
    DataFrame
        ``path``, ``size``, ``against`` (what it was compared with), ``condition``, ``detail`` and ``sound``.
        Conditions are ``sound``, ``not read`` (with `sizes_only`), ``size differs``, ``digest differs``,
        ``entity tag differs``, ``checksum differs``, ``damaged`` and ``missing``; the detail says what was
        expected and got. With `repair`, files that arrived again are ``repaired`` and sound; the detail
        says what they were.

    Raises
    ------
    DataDirNotSetError
        If no data directory is configured.
    SubjectNotFoundError
        If the id of a subject is malformed.
    OSError
        If a file or a folder cannot be read.
    LicenseNotAcceptedError
        With `repair`, if there is something to download and the licence was not accepted.
    TransferError
        With `repair`, if the bucket cannot be reached, or a file did not arrive.
    """
    import pandas as pd

    names = [] if subjects is None else _arguments.texts(subjects, "subjects")
    subject_ids = [resolve_subject_id(name) for name in names]
    sizes_only = _arguments.flag(sizes_only, "sizes_only")
    repair = _arguments.flag(repair, "repair")
    accept_license = _license.given(accept_license)
    dataset = _open(data_dir)
    with shown(progress, "verify") as update:
        files, missing, planned = dataset.verify(subject_ids, sizes_only, repair, update)
    fetched: list[tuple[Any, ...]] = []
    if planned is not None:
        _license.obtain(dataset, accept_license)
        with shown(progress, "download") as update:
            fetched = list(dataset.repair(planned, update))
    rows = [*files, *((path, 0, "record", "missing", "", False) for path in missing)]
    arrived = {path: size for _, path, size, outcome, _ in fetched if outcome == "fetched"}
    # What arrived again was not sound.
    rows = [
        (path, arrived[path], "record", "repaired", f"{what}: {detail}" if detail else what, True)
        if path in arrived
        else (path, size, against, what, detail, is_sound)
        for path, size, against, what, detail, is_sound in rows
    ]
    table = pd.DataFrame(rows, columns=["path", "size", "against", "condition", "detail", "sound"])
    _check(fetched)
    _note_unsound(table, repair, subject_ids, data_dir)
    return table


def _note_unsound(
    table: pd.DataFrame, repair: bool, subjects: list[str], data_dir: str | os.PathLike[str] | None
) -> None:
    """Warn about what is not sound, with the call that helps."""
    n = int((~table["sound"]).sum())
    if n == 0:
        return
    files = "1 file is" if n == 1 else f"{n} files are"
    if repair:
        _notes.warn(f"{files} damaged or missing, and not in the bucket")
        return
    given = [json.dumps(subjects[0] if len(subjects) == 1 else subjects)] if subjects else []
    arguments = ", ".join([*given, "repair=True"])
    place = "" if data_dir is None else _named(os.fspath(data_dir))
    again = f"laion_fmri.verify({arguments}{place}) downloads {'it' if n == 1 else 'them'} again"
    _notes.warn(f"{files} damaged or missing; {again}")


def _request(
    subjects: list[str] | None,
    include: list[str],
    filters: dict[str, _Values],
    n_jobs: int,
    *,
    ses: _Values = None,
    **more: Any,
) -> dict[str, Any]:
    """A request for the native module, in which sessions are named as by the caller."""
    n_jobs = _arguments.integer(n_jobs, "n_jobs")
    if n_jobs < 1:
        _notes.warn(f"n_jobs must be at least 1, got {n_jobs}; 1 is used")
    request: dict[str, Any] = {
        "subjects": subjects,
        "include": include,
        "embeddings": [],
        "prefixes": [],
        "sessions": None if ses is None else _values(ses, "ses"),
        "filters": [(name, _values(value, name)) for name, value in filters.items() if value is not None],
        "allow_missing": False,
        "jobs": max(n_jobs, 1),
        "limit_rate": None,
        "index": False,
        "verify": False,
    }
    request |= more
    for name in ("allow_missing", "index", "verify"):
        request[name] = _arguments.flag(request[name], name)
    return request


def _name_sessions(request: dict[str, Any], dataset: _native.Dataset) -> None:
    """Make the sessions of a request a filter. The bucket is asked where their names alone do not tell."""
    named = request.pop("sessions", None)
    if named is None:
        return
    sessions = joined_sessions(named, lambda: dataset.remote_sessions(request["subjects"]))
    if sessions:
        request["filters"].append(("ses", sessions))


def _values(value: Any, name: str) -> list[str]:
    """The values of a filter; numbers of runs have two digits in names."""
    if not isinstance(value, (str, bytes, Mapping)) and isinstance(value, Iterable):
        value = list(value)
    items = value if isinstance(value, list) else [value]
    found = [_value(item, name) for item in items]
    if not found:
        raise _invalid(f"{name} is an empty list, which lets nothing in; None lets everything in")
    if name == "run":
        return [re.sub(r"^(run-)?([0-9])$", r"\g<1>0\2", value) for value in found]
    return found


def _value(item: Any, name: str) -> str:
    """One value of a filter: a text, or an integer in its place."""
    number = _arguments.as_integer(item)
    if number is None and not isinstance(item, str):
        is_whole = isinstance(item, float) and item.is_integer()
        message = f"{name} must be a string, an integer, or a list of them, got {_arguments.typed(item)}"
        raise _wrong_type(message, f"{name}={int(item)}" if is_whole else None)
    return str(item if number is None else number)


def _subjects(subject: str | Iterable[str]) -> list[str] | None:
    if not isinstance(subject, (str, Iterable)):
        # The same class as for one malformed id.
        resolve_subject_id(subject)
    if _arguments.is_all(subject):
        return None
    return [resolve_subject_id(name) for name in _arguments.texts(subject, "subject")]


def _wanted_models(models: bool | str | Iterable[str]) -> list[str]:
    if isinstance(models, bool):
        return list(AVAILABLE_MODELS) if models else []
    return _models(models, "include_embeddings")


def _dataset(data_dir: str | os.PathLike[str] | None) -> _native.Dataset:
    """The dataset in a data directory, or in the configured one."""
    return _open(get_data_dir() if data_dir is None else data_dir)


def _carry_out(
    request: dict[str, Any],
    dataset: _native.Dataset,
    dry_run: bool,
    accepted: bool | None,
    progress: Progress,
) -> list[tuple[Any, ...]]:
    """Download, and say what did not arrive."""
    dry_run = _arguments.flag(dry_run, "dry_run")
    if not dry_run:
        _license.obtain(dataset, accepted)
    _name_sessions(request, dataset)
    # A plan is quick; it has a bar only when one is asked for.
    with shown(False if dry_run and progress is None else progress, "download") as update:
        rows, _, notes = _native.download(dataset, request, dry_run, update)
    for note in notes:
        _notes.warn(note)
    if not dry_run:
        _check(rows)
    return list(rows)


def _check(rows: list[tuple[Any, ...]]) -> None:
    """Warn about what is withheld; raise for what failed."""
    withheld = [key for key, _, _, outcome, _ in rows if outcome == "withheld"]
    if withheld:
        some = ", ".join(withheld[:3]) + (", ..." if len(withheld) > 3 else "")
        n = len(withheld)
        files, were = ("1 file is", "was") if n == 1 else (f"{n} files are", "were")
        _notes.warn(f"{files} not released or refused and {were} skipped: {some}")
    bad = ("failed", "refused", "gone", "not attempted")
    failures = {key: reason or outcome for key, _, _, outcome, reason in rows if outcome in bad}
    if failures:
        lines = [f"{key}: {reason}" for key, reason in list(failures.items())[:20]]
        more = len(failures) - len(lines)
        lines += [f"and {more} more"] if more else []
        files = "1 file" if len(failures) == 1 else f"{len(failures)} files"
        error = TransferError("\n  ".join([f"{files} did not arrive:", *lines]))
        error.failures = failures
        refused = {key for key, _, _, outcome, _ in rows if outcome == "refused"}
        # What has a name that no file can have will never arrive.
        if failures.keys() - refused:
            error.hint = "make the same call again; it goes on where this one stopped"
        raise error


def _derived(
    request: dict[str, Any],
    data_dir: str | os.PathLike[str] | None,
    accepted: bool | None,
    progress: Progress,
) -> str:
    """Fetch derived stimulus files; returns the directory that they are in."""
    root = get_data_dir() if data_dir is None else str(_arguments.path(data_dir, "data_dir"))
    try:
        _carry_out(request, _open(root), False, accepted, progress)
    except NoMatchingDataError as error:
        both = _NoStimulusFileError(error.args[0])
        both.hint = error.hint
        raise both from error
    return root


def _fetch_stimuli(
    dataset: _native.Dataset, server_url: str, dry_run: bool, progress: Progress
) -> list[tuple[Any, ...]]:
    url = url_of(server_url)
    for attempt in range(2):
        try:
            with shown(False if dry_run and progress is None else progress, "stimuli") as update:
                return list(_native.download_stimuli(dataset, url, dry_run, update))
        except (TermsOutdatedError, AccessRevokedError):
            raise
        except AccessServiceError as error:
            # Only the lack of access is put right by a request.
            needed = isinstance(error, AccessNotFoundError) or "need an access request" in str(error)
            if attempt or not needed or not can_ask():
                raise
            request_stimulus_access(server_url)
    raise AssertionError("the second attempt returns or raises")


def __dir__() -> list[str]:
    return sorted(__all__)


def _table(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=["key", "path", "size", "action", "reason"])
