"""Where the maps of the functional localizers lie."""

from __future__ import annotations

import os
from pathlib import Path

from laion_fmri import _arguments
from laion_fmri._arguments import SessionName
from laion_fmri._constants import LOCALIZER_TASKS, VOLUME_RESOLUTIONS
from laion_fmri._errors import _invalid
from laion_fmri._sessions import one_session
from laion_fmri.config import _open
from laion_fmri.subject import resolve_subject_id

__all__ = [
    "LOCALIZER_TASKS",
    "VOLUME_RESOLUTIONS",
    "localizer_effect_path",
    "localizer_statmap_path",
]

_Path = str | os.PathLike[str]


def localizer_statmap_path(
    subject: str,
    task: str,
    contrast: str,
    session: SessionName,
    space: str = "fsnative",
    hemi: str | None = None,
    res: str = "1pt5",
    data_dir: _Path | None = None,
) -> Path:
    """The z-map of a contrast.

    Parameters
    ----------
    subject : str
        Such as ``"sub-01"``.
    task : str
        One of :data:`LOCALIZER_TASKS`.
    contrast : str
        Such as ``"faces"``.
    session : str or int
        Such as ``"ses-4BarScreenfLoc"``.
    space : {"fsnative", "T1w"}
        A map on the surface, which needs `hemi`, or a volume.
    hemi : {"L", "R"}, optional
        The hemisphere of a map on the surface.
    res : {"1pt5", "1pt8"}
        The grid of a volume: 1.5 or 1.8 mm.
    data_dir : path, optional
        The data directory; the configured one by default.

    Returns
    -------
    Path
        The file: GIFTI on the surface, NIfTI in the volume.

    Raises
    ------
    TypeError
        If a name is not a string.
    ValueError
        For unknown names, or a surface without hemisphere.
    DataNotDownloadedError
        If it is not on disk; it is a FileNotFoundError.
    """
    return _path(subject, task, contrast, session, None, space, hemi, res, data_dir)


def localizer_effect_path(
    subject: str,
    task: str,
    condition: str,
    session: SessionName,
    run: int | str,
    space: str = "fsnative",
    hemi: str | None = None,
    res: str = "1pt5",
    data_dir: _Path | None = None,
) -> Path:
    """The effect of a condition in one run.

    Parameters
    ----------
    subject : str
        Such as ``"sub-01"``.
    task : str
        One of :data:`LOCALIZER_TASKS`.
    condition : str
        Such as ``"faces"``.
    session : str or int
        Such as ``"ses-4BarScreenfLoc"``.
    run : int or str
        ``1``, ``"1"``, ``"01"`` or ``"run-01"``.
    space, hemi, res, data_dir
        As for :func:`localizer_statmap_path`.

    Returns
    -------
    Path
        The file: GIFTI on the surface, NIfTI in the volume.

    Raises
    ------
    TypeError
        If a name is not a string.
    ValueError
        For unknown names, a surface without hemisphere, or no number of a run.
    DataNotDownloadedError
        If it is not on disk; it is a FileNotFoundError.
    """
    from laion_fmri.subject import _number

    number = _number(run, "run")
    if number is None:
        raise _invalid("run is required", "run=1")
    return _path(subject, task, condition, session, number, space, hemi, res, data_dir)


def _path(
    subject: str,
    task: str,
    name: str,
    session: SessionName,
    run: int | None,
    space: str,
    hemi: str | None,
    res: str,
    data_dir: _Path | None,
) -> Path:
    task = _arguments.choice(task, "task", LOCALIZER_TASKS)
    name = _arguments.text(name, "contrast" if run is None else "condition")
    space = _arguments.choice(space, "space", ("fsnative", "T1w"))
    if hemi is not None:
        _arguments.text(hemi, "hemi")
    if space == "fsnative" and hemi not in ("L", "R"):
        message = f'hemi must be "L" or "R" on the surface, got {hemi!r}'
        raise _invalid(message, 'hemi="L"; or space="T1w" for the volume')
    res = _arguments.choice(res, "res", VOLUME_RESOLUTIONS)
    handle = _open(data_dir).subject(resolve_subject_id(subject))
    side = hemi if space == "fsnative" else None
    return Path(handle.localizer_path(task, name, one_session(session), run, side, res))


def __dir__() -> list[str]:
    return sorted(__all__)
