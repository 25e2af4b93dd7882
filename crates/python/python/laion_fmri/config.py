"""The data directory, and the settings that every call starts from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from laion_fmri import _arguments, _native, _notes
from laion_fmri._errors import DataDirNotSetError, _hinted, _invalid, _wrong_type

__all__ = ["dataset_initialize", "get_data_dir", "set_data_dir"]

#: What this process chose, which wins over the environment.
_chosen: str | None = None
_told = False

#: What a data directory has in it.
_STATE_DIR = ".laion_fmri"

#: How far below its data directory a folder is known to be inside of it: ``derivatives/rois/sub-03``.
_MOST_BELOW = 3


def dataset_initialize(data_dir: str) -> None:
    """Make an existing directory the data directory of this user.

    The path is stored in the configuration file of the user, which the command reads too. For this
    process it wins over the variable ``LAION_FMRI_DATA``. A directory that seems to lie inside of a data
    directory, such as its ``derivatives``, is warned about.

    Parameters
    ----------
    data_dir : str
        The directory; a relative path is made absolute.

    Raises
    ------
    TypeError
        If it is not a string.
    FileNotFoundError
        If it does not exist or is not a directory.
    """
    global _chosen, _told
    if not isinstance(data_dir, str):
        is_path = isinstance(data_dir, os.PathLike)
        hint = f"laion_fmri.dataset_initialize({_arguments.code(os.fspath(data_dir))})" if is_path else None
        raise _wrong_type(f"data_dir must be a string, got {type(data_dir).__name__}", hint)
    path = os.path.abspath(os.path.expanduser(data_dir))
    meant = _above(Path(path))
    try:
        path = str(_native.initialize(path))
    except PermissionError as error:
        # A shared directory that is only read can still be used.
        _notes.warn(f"{data_dir} is not stored as the data directory: {error}")
    if meant is not None:
        call = f"laion_fmri.dataset_initialize({_arguments.code(str(meant))})"
        _notes.warn(
            f"{path} seems to lie inside of a data directory, and nothing that is there is found from it; "
            f"name the folder that holds derivatives/: {call}"
        )
    elsewhere = os.environ.get("LAION_FMRI_DATA") or os.environ.get("LAION_FMRI_ROOT")
    if elsewhere and not _told and os.path.abspath(elsewhere) != path:
        _told = True
        _notes.warn(f"{path} is used from now on, and not {elsewhere} of the environment")
    _chosen = path


def _above(directory: Path) -> Path | None:
    """The data directory that a directory lies in, such as the one above ``derivatives``."""
    # The outermost: one that was taken by mistake has the same mark.
    marked = [it for it in directory.parents[:_MOST_BELOW] if (it / _STATE_DIR).is_dir()]
    if marked:
        return marked[-1]
    return directory.parent if directory.name == "derivatives" else None


set_data_dir = dataset_initialize


def get_data_dir() -> str:
    """The data directory that is in force.

    Returns
    -------
    str
        That of :func:`dataset_initialize` in this process; else the first of ``LAION_FMRI_DATA``; else
        that of the configuration file.

    Raises
    ------
    DataDirNotSetError
        If there is none.
    """
    if _chosen is not None:
        return _chosen
    found = _native.configured()
    directories = found["data_dirs"]
    if not directories:
        raise _not_set()
    # In the configuration file, shared directories come before the one that downloads go to.
    return str(directories[0 if found["is_from_environment"] else -1])


def _not_set() -> DataDirNotSetError:
    hint = 'laion_fmri.dataset_initialize("DIRECTORY"), or the variable LAION_FMRI_DATA'
    return _hinted(DataDirNotSetError, "no data directory is set", hint)


def _directories(data_dir: str | os.PathLike[str] | None, found: dict[str, Any]) -> list[str]:
    """The roots to search, in order."""
    given = data_dir if data_dir is not None else _chosen
    if given is None:
        return [str(path) for path in found["data_dirs"]]
    text = str(_arguments.path(given, "data_dir"))
    # A directory may have a colon in its name.
    if os.path.isdir(text):
        return [text]
    return [part for part in text.split(os.pathsep) if part]


def _elsewhere(root: str | os.PathLike[str]) -> str | None:
    """A data directory as an argument, where calls without one use another."""
    configured = [os.path.realpath(path) for path in _directories(None, _native.configured())]
    return None if os.path.realpath(root) in configured else os.fspath(root)


def _named(root: str | None) -> str:
    """The last argument of a call in a hint, if the call has to name the data directory."""
    elsewhere = None if root is None else _elsewhere(root)
    return "" if elsewhere is None else f", data_dir={json.dumps(elsewhere, ensure_ascii=False)}"


def _is_on(name: str) -> bool:
    value = os.environ.get(name, "").lower()
    return value not in ("", "0", "false", "no", "off")


def _check_jobs(jobs: object) -> int | None:
    if jobs is None:
        return None
    number = _arguments.integer(jobs, "jobs")
    if number < 1:
        raise _invalid(f"jobs must be at least 1, got {number}", "jobs=None is all cores")
    return number


def _open(
    data_dir: str | os.PathLike[str] | None = None,
    *,
    from_bucket: bool = False,
    bucket: str | None = None,
    jobs: int | None = None,
    must_exist: bool = True,
) -> _native.Dataset:
    """The dataset with the settings that are in force."""
    bucket = _arguments.optional_text(bucket, "bucket")
    from_bucket = _arguments.flag(from_bucket, "from_bucket")
    found = _native.configured()
    directories = _directories(data_dir, found)
    if not must_exist or from_bucket:
        directories = [path for path in directories if Path(path).is_dir()]
    if not directories and must_exist and not from_bucket:
        raise _not_set()
    from_environment = os.environ.get("LAION_FMRI_JOBS")
    if jobs is None and from_environment:
        if not from_environment.isdecimal():
            message = f"LAION_FMRI_JOBS must be a number of threads, got {from_environment!r}"
            raise _invalid(message, 'import os; os.environ["LAION_FMRI_JOBS"] = "4"')
        jobs = int(from_environment)
    return _native.Dataset(
        directories,
        bucket=bucket or os.environ.get("LAION_FMRI_BUCKET") or found["bucket"],
        from_bucket=from_bucket,
        jobs=_check_jobs(jobs if jobs is not None else found["jobs"]),
        cache_dir=os.environ.get("LAION_FMRI_CACHE") or found["cache_dir"],
        offline=_is_on("LAION_FMRI_OFFLINE"),
    )


def _open_remote(bucket: str | None = None) -> _native.Dataset:
    """The dataset for asking the bucket, whether there is a data directory or not."""
    return _open(from_bucket=True, bucket=bucket)


def __dir__() -> list[str]:
    return sorted(__all__)
