"""One subject: what is on disk, and the accessors that read it."""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from laion_fmri import _arguments, _license, _native, _notes, _paths, _tables
from laion_fmri._errors import DataNotDownloadedError, _SubjectTypeError, _invalid, _wrong_type
from laion_fmri._keywords import suggests
from laion_fmri._progress import Progress, shown
from laion_fmri._sessions import (
    fetching,
    is_several,
    joined_sessions,
    meant_sessions,
    note_left_out,
    one_session,
)
from laion_fmri.config import _check_jobs, _directories, _named, _open, get_data_dir

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from laion_fmri._arguments import Roi, Session, SessionName
    from laion_fmri._trials import TrialCaptions, TrialEmbeddings, TrialImages, TrialSegmentations
    from laion_fmri.noise_ceiling import NoiseCeiling
    from laion_fmri.torch_data import LaionFMRIDataset

__all__ = ["Subject", "load_subject", "resolve_subject_id"]

#: Path, size and time of modification of files.
_Stamps = tuple[tuple[str, int, int], ...]

_NIFTI = (".nii", ".nii.gz")

_P = ParamSpec("_P")

#: Handles of a parent process. Their network threads are not in this one, so they are never dropped.
_of_parents: list[_native.Subject] = []


def resolve_subject_id(subject: str) -> str:
    """The full id of a subject: ``"3"``, ``"03"`` and ``"sub-03"`` are ``"sub-03"``.

    Parameters
    ----------
    subject : str
        The id, full or short.

    Returns
    -------
    str
        The full id.

    Raises
    ------
    TypeError, SubjectNotFoundError
        If it is not a string; the exception is of both classes.
    SubjectNotFoundError
        If it is malformed.
    """
    if not isinstance(subject, str):
        kind, number = type(subject).__name__, _arguments.as_integer(subject)
        error = _SubjectTypeError(f'subject must be a string such as "sub-01", got {kind}')
        if number is not None and number >= 0:
            error.hint = f'subject="sub-{number:02d}"'
        elif isinstance(subject, (list, tuple)):
            error.hint = f"laion_fmri.load_subjects({_arguments.code(subject)})"
        elif isinstance(subject, Subject):
            error.hint = f"subject={_arguments.code(subject.subject_id)}"
        raise error
    short = re.fullmatch(r"(?:sub-)?([0-9])", subject)
    return _native.parse_subject(subject if short is None else f"sub-0{short[1]}")


def _refuses_data_dir(function: Callable[_P, Subject]) -> Callable[_P, Subject]:
    """Let a call that was given a data directory name the class that takes one."""

    @functools.wraps(function)
    def call(*arguments: _P.args, **keywords: _P.kwargs) -> Subject:
        second = arguments[1] if len(arguments) == 2 else None
        data_dir = keywords.get("data_dir", second)
        if "data_dir" in keywords or isinstance(second, (str, os.PathLike)):
            subject: Any = arguments[0] if arguments else keywords.get("subject")
            name = _arguments.code(resolve_subject_id(subject))
            place = os.fspath(data_dir) if isinstance(data_dir, os.PathLike) else data_dir
            written = _arguments.code(place) if _arguments.is_plain(place) else "data_dir"
            raise _wrong_type(
                "load_subject() has no argument 'data_dir': it takes the configured data directory",
                f"laion_fmri.Subject({name}, {written})",
            )
        return function(*arguments, **keywords)

    return call


@_refuses_data_dir
@suggests
def load_subject(
    subject: str,
    *,
    from_bucket: bool = False,
    bucket: str | None = None,
    jobs: int | None = None,
    accept_license: bool | None = None,
) -> Subject:
    """A subject of the configured data directory, or straight from the bucket.

    :class:`Subject` takes another data directory.

    Parameters
    ----------
    subject : str
        Such as ``"sub-01"``.
    from_bucket : bool, optional
        Read from the bucket and store nothing. Masks and tables are held in memory as long as the
        subject is; betas stream.
    bucket : str, optional
        Another bucket than the public one.
    jobs : int, optional
        How many threads read; all cores by default.
    accept_license : bool, optional
        With `from_bucket`: ``True`` accepts the licence of the dataset, as for
        :func:`laion_fmri.download.download`.

    Returns
    -------
    Subject
        Nothing of it is read yet.

    Raises
    ------
    DataDirNotSetError
        If no data directory is configured.
    DataNotDownloadedError
        If nothing of the subject is on disk.
    SubjectNotFoundError
        If the id is malformed, or the bucket has no such subject.
    LicenseNotAcceptedError
        If the bucket is read and the licence was not accepted.

    Examples
    --------
    >>> subject = laion_fmri.load_subject("sub-03")
    >>> betas = subject.get_betas("ses-01", roi="FFA1")  # (n_trials, n_voxels), float32
    >>> trials = subject.get_trial_info("ses-01")  # row i is trial i of the betas
    """
    name = resolve_subject_id(subject)
    from_bucket = _arguments.flag(from_bucket, "from_bucket")
    data_dir = None if from_bucket else get_data_dir()
    if from_bucket:
        _license.obtain(_open(from_bucket=True, bucket=bucket), accept_license)
    loaded = Subject(name, data_dir, from_bucket=from_bucket, bucket=bucket, jobs=jobs)
    loaded._handle()
    return loaded


@dataclass
class _Shown:
    """The image of every trial, by session and by global trial index."""

    by_session: dict[str, list[str]]
    names: list[str]
    stamps: _Stamps


class Subject:
    """A subject. Creating one checks and reads nothing; every accessor returns fresh arrays.

    Parameters
    ----------
    subject_id : str
        Such as ``"sub-01"``.
    data_dir : str or path, optional
        The data directory, or several separated as in ``PATH``; the configured one by default.
    from_bucket, bucket, jobs
        As for :func:`load_subject`.
    """

    def __init__(
        self,
        subject_id: str,
        data_dir: str | os.PathLike[str] | None = None,
        *,
        from_bucket: bool = False,
        bucket: str | None = None,
        jobs: int | None = None,
    ) -> None:
        self.subject_id = _arguments.text(subject_id, "subject_id")
        self.data_dir = None if data_dir is None else str(_arguments.path(data_dir, "data_dir"))
        self._settings: dict[str, Any] = {
            "from_bucket": _arguments.flag(from_bucket, "from_bucket"),
            "bucket": _arguments.optional_text(bucket, "bucket"),
            "jobs": _check_jobs(jobs),
        }
        self._native: _native.Subject | None = None
        self._pid = os.getpid()
        self._stamps: _Stamps | None = None
        self._shown_cache: _Shown | None = None

    def _handle(self) -> _native.Subject:
        """The native handle, opened when it is first needed, and again in a forked process."""
        if self._native is not None and self._pid != os.getpid():
            if self._settings["from_bucket"]:
                _of_parents.append(self._native)
                self._native = None
            self._pid = os.getpid()
        if self._native is None:
            self._native = _open(self.data_dir, **self._settings).subject(self.subject_id)
        return self._native

    def _current(self) -> _native.Subject:
        """The native handle for what reads masks and ROIs, which it keeps: a new one when they changed."""
        stamps = self._mask_stamps()
        if self._stamps not in (None, stamps):
            self._native = None
        self._stamps = stamps
        return self._handle()

    def _mask_stamps(self) -> _Stamps:
        """Size and time of modification of the masks and ROIs on the functional grid."""
        patterns = (
            f"anatomical/{self.subject_id}/*/anat/*_mask.nii*",
            f"glmsingle-tedana/{self.subject_id}/*_desc-R2mean_statmap.nii*",
            f"rois/{self.subject_id}/*/*_mask.nii*",
        )
        return self._file_stamps([f"derivatives/{pattern}" for pattern in patterns])

    def _file_stamps(self, patterns: list[str]) -> _Stamps:
        """Path, size and time of modification of files on disk; nothing for a bucket, which is fixed."""
        found = []
        for root in self._roots():
            for pattern in patterns:
                for path in glob.iglob(os.path.join(glob.escape(root), pattern)):
                    with contextlib.suppress(OSError):
                        about = os.stat(path)
                        found.append((path, about.st_size, about.st_mtime_ns))
        return tuple(sorted(found))

    def _roots(self) -> list[str]:
        """The directories that files are searched in; none for the bucket."""
        if self._settings["from_bucket"]:
            return []
        return _directories(self.data_dir, _native.configured() if self.data_dir is None else {})

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        # An object for another process knows where the data lie, and opens them there.
        state.update(_native=None, _shown_cache=None)
        return state

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Subject):
            return NotImplemented
        mine = (self.subject_id, self.data_dir, self._settings)
        return mine == (other.subject_id, other.data_dir, other._settings)

    def __hash__(self) -> int:
        return hash((self.subject_id, self.data_dir))

    def __repr__(self) -> str:
        where = "bucket" if self._settings["from_bucket"] else self.data_dir
        head = f"Subject({self.subject_id!r}, {where!r})"
        try:
            handle = self._handle()
            sessions, rois = handle.sessions(), handle.rois(None)
        except Exception as error:
            return f"{head}: {type(error).__name__}"
        parts = [_counted(len(sessions), "session"), _counted(len(rois), "ROI")]
        if sessions:
            parts[0] += f" ({sessions[0]}" + (f" to {sessions[-1]})" if len(sessions) > 1 else ")")
        parts += [
            name
            for name, there in (
                ("anatomy", handle.has_anatomical()),
                ("FreeSurfer", handle.has_freesurfer()),
                ("stimuli", handle.has_stimuli()),
            )
            if there
        ]
        return f"{head}: {', '.join(parts)}"

    # -- sessions, masks and ROIs ----------------------------------------------------------------

    def get_sessions(self) -> list[str]:
        """The sessions with betas or a trial table.

        Returns
        -------
        list of str
            Such as ``"ses-01"``, sorted.

        Raises
        ------
        DataNotDownloadedError
            If nothing of the subject is on disk.
        """
        return self._handle().sessions()

    @suggests
    def get_available_rois(self, category: str | None = None) -> list[str]:
        """The ROIs with a volume on the functional grid.

        Parameters
        ----------
        category : str, optional
            Only those of this category, such as ``"face"``; case does not count.

        Returns
        -------
        list of str
            Their names, sorted. With a warning and empty for a category that the subject does not have, and
            where no ROI is there.

        Raises
        ------
        TypeError
            If `category` is not a string.
        DataNotDownloadedError
            If nothing of the subject is on disk.
        """
        wanted = _category(category)
        rois = self._handle().rois(wanted)
        if not rois:
            categories = self.get_available_categories()
            # Where there are none, a warning was given.
            if wanted is not None and categories:
                _warn_of_category(self.subject_id, wanted, categories)
        return rois

    def get_available_categories(self) -> list[str]:
        """The categories with at least one ROI.

        Returns
        -------
        list of str
            Their names, sorted. With a warning and empty where no ROI is there.

        Raises
        ------
        DataNotDownloadedError
            If nothing of the subject is on disk.
        """
        categories = self._handle().roi_categories()
        if not categories:
            self._warn_of_no_rois()
        return categories

    def _warn_of_no_rois(self) -> None:
        """Warn that there is no ROI of any category, with the call that downloads them."""
        if self._settings["from_bucket"]:
            _notes.warn(f"the bucket has no ROIs of {self.subject_id}")
            return
        files = f'{_arguments.code(self.subject_id)}, suffix="mask", extension="nii.gz"'
        call = f"laion_fmri.download.download({files}{_named(self.data_dir)})"
        _notes.warn(f"no ROI of {self.subject_id} is on disk; {call} downloads them")

    @suggests
    def get_n_stimuli(self, stimuli: str | None = None) -> int:
        """The number of images of the dataset.

        Parameters
        ----------
        stimuli : {"shared", "unique"}, optional
            Only images of this set.

        Returns
        -------
        int
            Rows of the table of images.

        Raises
        ------
        ValueError
            If `stimuli` is another text.
        StimuliNotDownloadedError
            Without the table of images.
        """
        wanted = _arguments.stimulus_set(stimuli)
        table = self._stimulus_table()
        return len(table) if wanted is None else int((table["unique_or_shared"] == wanted).sum())

    @suggests
    def get_brain_mask(self, source: str = "anatomical", res: str | None = "1pt8") -> NDArray[np.bool_]:
        """The brain mask, one flag for each voxel of the grid in C order.

        Parameters
        ----------
        source : {"anatomical", "rsquare"}
            The mask made from the anatomy, or the voxels with a GLMsingle fit: those where the mean R² is
            neither 0 nor NaN. A negative R² is a fit, too: one that explains less than the mean does.
        res : {"1pt8", None}
            The functional grid, or the full resolution of the anatomy. Ignored for ``"rsquare"``.

        Returns
        -------
        ndarray of bool, shape (X * Y * Z,)

        Raises
        ------
        ValueError
            For another source or resolution.
        DataNotDownloadedError
            If the file is not on disk.
        """
        source = _arguments.mask_source(source, "source")
        return self._current().brain_mask(source, _resolution(res) if source != "rsquare" else "1pt8")

    @suggests
    def get_n_voxels(self, source: str = "anatomical", res: str | None = "1pt8") -> int:
        """The number of voxels of the brain mask.

        Parameters
        ----------
        source, res
            As for :meth:`get_brain_mask`.

        Returns
        -------
        int
            The length of the voxel axis.

        Raises
        ------
        ValueError
            For another source or resolution.
        DataNotDownloadedError
            If the file is not on disk.
        """
        source = _arguments.mask_source(source, "source")
        return self._current().n_voxels(source, _resolution(res) if source != "rsquare" else "1pt8")

    @suggests
    def get_roi_mask(self, query: Roi, mask_source: str = "anatomical") -> NDArray[np.bool_]:
        """The voxels that a query selects, over the voxel axis of a brain mask.

        Parameters
        ----------
        query : str or list of str
            ROIs (``"FFA1"``), categories (``"face"``), ``"all"``, or expressions of them with ``|``
            (union), ``&`` (intersection), ``-`` (difference, with spaces around it) and parentheses.
            The union of a list. ``"visual"`` is the category ``laion``, unless the subject has an ROI or a
            category of that name.
        mask_source : {"anatomical", "rsquare"}
            The brain mask of the voxel axis.

        Returns
        -------
        ndarray of bool, shape (n_voxels,)
            Whether the volume of the ROI is neither 0 nor NaN at the voxel, so that -1 is inside.

        Raises
        ------
        ValueError
            For a name that the subject does not have; it lists those that exist.
        """
        source = _arguments.mask_source(mask_source)
        return self._current().roi_mask(_arguments.rois(query, "query"), source)

    @suggests
    def get_roi_masks(self, queries: Roi, mask_source: str = "anatomical") -> dict[str, NDArray[np.bool_]]:
        """One mask for each query.

        Parameters
        ----------
        queries : str or list of str
            As `query` of :meth:`get_roi_mask`.
        mask_source : {"anatomical", "rsquare"}
            The brain mask of the voxel axis.

        Returns
        -------
        dict of ndarray of bool, shape (n_voxels,)
            Each under the query as it was given.

        Raises
        ------
        ValueError
            For a name that the subject does not have; it lists those that exist.
        DataNotDownloadedError
            If the brain mask is not on disk.
        """
        source = _arguments.mask_source(mask_source)
        names = list(dict.fromkeys(_arguments.texts(queries, "queries")))
        return dict(zip(names, self._current().roi_masks(names, source), strict=True))

    @suggests
    def get_roi_data(
        self,
        query: Roi,
        format: str | None = None,
        hemi: str | None = None,
        mask_source: str = "anatomical",
    ) -> dict[str, dict[str, Any]]:
        """The files of ROIs: volumes, surface masks and vertex lists.

        Parameters
        ----------
        query : str or list of str
            ROIs, categories or ``"all"``.
        format : {"all", "volume", "nii.gz", "gii", "func.gii", "label"}, optional
            Which files; all by default.
        hemi : {"all", "L", "R"}, optional
            Which hemispheres; both by default.
        mask_source : {"anatomical", "rsquare"}
            The brain mask of the volumes.

        Returns
        -------
        dict
            ``{roi: {"volume": bool (n_voxels,), "gii": {"hemi-L": {"func.gii": bool (n_vertices,),
            "label": int64 vertices}, "hemi-R": ...}}}``, without what was not asked for.

        Raises
        ------
        ValueError
            For a name that the subject does not have, another format, or another hemisphere.
        DataNotDownloadedError
            If a file that was asked for is not on disk.
        DataIntegrityError
            If a file is damaged, or two files of a hemisphere do not fit.
        """
        source = _arguments.mask_source(mask_source)
        names = _arguments.rois(query, "query")
        wanted = "all" if format is None else _arguments.text(format, "format")
        side = "all" if hemi is None else _arguments.text(hemi, "hemi")
        return self._current().roi_data(names, wanted, side, source)

    # -- betas and maps --------------------------------------------------------------------------

    @suggests
    def get_betas(
        self,
        session: Session,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        nc_threshold: float | None = None,
        stimuli: str | None = None,
        streaming: bool = False,
        mask_source: str = "anatomical",
        *,
        trials: ArrayLike | None = None,
        nc_desc: str | None = None,
        progress: Progress = None,
    ) -> Any:
        """Single-trial betas.

        Parameters
        ----------
        session : str or int, or list or tuple of them
            One session, or a list. ``1``, ``"1"``, ``"01"`` and ``"ses-1"`` are ``ses-01``, unless there
            is a ``ses-1``. For all sessions, give ``subject.get_sessions()``, or use :meth:`concat_betas`.
        roi : str or list of str, optional
            Only voxels of these ROIs; see :meth:`get_roi_mask`. Excludes `mask`.
        mask : array of bool, shape (n_voxels,), optional
            Only these voxels of the voxel axis.
        nc_threshold : float, optional
            Only voxels whose noise ceiling is at least this many percent (0 to 100; a value that is equal
            passes, NaN does not), in the map of each session or in that of `nc_desc`.
        stimuli : {"shared", "unique"}, optional
            Only trials with such images.
        streaming : bool, optional
            Taken for compatibility: volumes are always streamed, in fixed memory.
        mask_source : {"anatomical", "rsquare"}
            The brain mask of the voxel axis.
        trials : array of int or bool, optional
            Only these trials, counted within each session from 0; rows come in their order. Flags have
            to be as many as each session has trials.
        nc_desc : str, optional
            A map over all sessions for `nc_threshold`, such as ``"Noiseceiling12rep"``. Without
            `nc_threshold` it leaves out nothing, and a warning says so.
        progress : bool or callable, optional
            ``True`` for a tqdm bar; or a callable, which is called with ``(done, total, unit)``. By default
            a bar at a prompt on a terminal.

        Returns
        -------
        ndarray of float32, shape (n_trials, n_voxels)
            C-contiguous. With several sessions a dict of arrays by the session as it was given; two names
            of one session have the same array. Where `trials` leaves no row, or no voxel is chosen, the array
            is empty, and a warning says so.

        Raises
        ------
        ValueError
            Without a session, for a name of several sessions such as ``"all"``, for an unknown ROI or an
            empty list of them, for `roi` with `mask`, and for flags of another number than the session's
            trials.
        DataNotDownloadedError
            If a file is not on disk.
        DataIntegrityError
            If files do not fit together, or one is damaged.
        """
        named = _arguments.sessions(session)
        voxels = _arguments.voxels(roi, mask, mask_source)
        selection = _arguments.selection(nc_threshold, nc_desc, trials, stimuli)
        wanted, selection["stimuli"] = selection["stimuli"], None
        with fetching(named):
            handle = self._current()
        meant = self._meant(named)
        # Two names may mean one session, which is read once.
        sessions = list(dict.fromkeys(meant.values()))
        self._check_flags(trials, sessions)
        with shown(progress, self.subject_id) as update:
            if wanted is None:
                arrays = _native.betas(handle, sessions, voxels, selection, update)
                read = dict(zip(sessions, arrays, strict=True))
            else:
                read = {}
                for session_id in sessions:
                    rows = self._trials_of_set(session_id, wanted, selection["trials"])
                    one: _arguments.Selection = {**selection, "trials": rows}
                    (read[session_id],) = _native.betas(handle, [session_id], voxels, one, update)
        self._note_empty(read, trials is not None)
        if _arguments.is_one_session(session):
            return read[meant[named[0]]]
        return {name: read[session_id] for name, session_id in meant.items()}

    def store(self, mask_source: str = "anatomical", *, chunks: Any = None) -> xr.Dataset:
        """The store of this subject as a dataset of xarray; see :func:`laion_fmri.open_store`.

        Parameters
        ----------
        mask_source : {"anatomical", "rsquare"}
            The brain mask whose voxels the store has.
        chunks : int, dict or "auto", optional
            As for :func:`laion_fmri.open_store`.

        Returns
        -------
        xarray.Dataset
            All sessions that are in step with their files; the others are left out with a warning.

        Raises
        ------
        DataNotFoundError
            If there is no store; :func:`laion_fmri.build_store` builds one.
        DataIntegrityError
            If the store is damaged.
        """
        from laion_fmri.store import _dataset

        source = _arguments.mask_source(mask_source)
        return _dataset(_native.Store.of(self._current(), source), chunks)

    def _meant(self, named: list[SessionName]) -> dict[SessionName, str]:
        """The sessions that are meant, by the names as they were given, each once."""
        return meant_sessions(named, self.get_sessions)

    def _joined(self, session: Session | None) -> list[str]:
        """The sessions of a call that joins them; none for all."""
        handle = self._handle()
        named = [] if session is None else _arguments.sessions(session)
        joined = joined_sessions(named, handle.sessions_with_betas)
        if not joined and not self._settings["from_bucket"]:
            note_left_out(handle, self.subject_id)
        return joined

    def _check_flags(self, trials: ArrayLike | None, sessions: Iterable[str]) -> None:
        """Refuse flags of another number than a session has trials."""
        import numpy as np

        flags = None if trials is None else np.asarray(trials)
        if flags is None or flags.dtype != np.bool_ or flags.ndim != 1:
            return
        for session in sessions:
            n_trials = self._n_trials(session)
            if len(flags) != n_trials:
                message = f"trials has {len(flags)} flags, and {session} has {n_trials} trials"
                table = f"subject.get_trial_info({_arguments.code(session)})"
                raise _invalid(message, f"one flag for each row of {table}")

    def _n_trials(self, session: str) -> int:
        import numpy as np

        try:
            return len(self.get_trial_info(session))
        except DataNotDownloadedError:
            # Betas without a table: what is read of no voxel has a row for each trial.
            handle, nothing = self._current(), np.zeros(self.get_n_voxels(), dtype=bool)
            chosen: _arguments.Selection = _arguments.selection(None, None)
            (betas,) = _native.betas(handle, [session], (None, nothing, "anatomical"), chosen, None)
            return len(betas)

    def _note_empty(self, found: Mapping[str, NDArray[np.float32]], by_trials: bool) -> None:
        """Warn when the trials or the voxels that were asked for are none.

        A session may have no shared or no unique images, and programs go through all of them. So rows
        are only missed where trials were named.
        """
        for axis, what, lacks in ((0, "trial", "rows"), (1, "voxel", "columns")):
            empty = [name for name, betas in found.items() if betas.shape[axis] == 0]
            if empty and (axis == 1 or by_trials):
                where = f"{self.subject_id} {', '.join(empty)}"
                _notes.warn(f"{where}: no {what} fulfils all conditions, so the array has no {lacks}")

    def _trials_of_set(self, session: str, wanted: str, rows: list[int] | None) -> list[int]:
        """The trials of a session whose images are shared, or not."""
        labels = _labels(self.get_trial_info(session))
        chosen = range(len(labels)) if rows is None else rows
        for row in chosen:
            _arguments.index(row, len(labels), "trial")
        shared = wanted == "shared"
        return [row for row in chosen if labels[row].startswith("shared_") == shared]

    @suggests
    def concat_betas(
        self,
        session: Session | None = None,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        nc_threshold: float | None = None,
        stimuli: str | None = None,
        mask_source: str = "anatomical",
        *,
        trials: ArrayLike | None = None,
        nc_desc: str | None = None,
        progress: Progress = None,
    ) -> tuple[NDArray[np.float32], pd.DataFrame]:
        """The betas of several sessions in one array, and what its rows are.

        Parameters
        ----------
        session : str or int, or list of them, optional
            In the order of the rows; all sessions with betas by default, as for ``"all"``. ``"01-10"`` is
            those of the range that are there, ``"01,03"`` is two sessions.
        roi, mask, nc_threshold, stimuli, mask_source, trials, nc_desc, progress
            As for :meth:`get_betas`. All sessions need the same voxels. `nc_threshold` without `nc_desc`
            takes the map of each session, so that it is an error where these maps leave different voxels.

        Returns
        -------
        betas : ndarray of float32, shape (n_trials of all sessions, n_voxels)
        rows : DataFrame
            The trial table of each row, with ``session``, ``session_trial`` (its number within the
            session) and ``trial``: the global trial index, which is the index of :attr:`metadata` and what
            :attr:`images`, :attr:`embeddings`, :attr:`segmentations` and :attr:`captions` take; missing
            when a session has betas and no table. Row ``i`` of the table is row ``i`` of the betas.

        Raises
        ------
        ValueError
            As :meth:`get_betas`; if a session is named twice; if sessions have different voxels.
        """
        import pandas as pd

        selection = _arguments.selection(nc_threshold, nc_desc, trials, stimuli)
        voxels = _arguments.voxels(roi, mask, mask_source)
        named = self._joined(session)
        if trials is not None:
            self._check_flags(trials, named or self._handle().sessions_with_betas())
        with shown(progress, self.subject_id) as update:
            betas, of, numbers, _ = _native.concat_betas(self._current(), named, voxels, selection, update)
        self._note_empty({"concatenated": betas}, trials is not None)
        rows = pd.DataFrame({"session": of, "session_trial": numbers})
        first = self._first_trials() if len(rows) else {}
        tables = []
        for name, group in rows.groupby("session", sort=False):
            table = self.get_trial_info(str(name)).iloc[group["session_trial"]].copy()
            table["session"], table["session_trial"] = str(name), group["session_trial"].to_numpy()
            known = str(name) in first
            table["trial"] = table["session_trial"] + first[str(name)] if known else pd.NA
            tables.append(table)
        if not tables:
            rows["trial"] = rows["session_trial"]
        return betas, pd.concat(tables, ignore_index=True) if tables else rows

    def _first_trials(self) -> dict[str, int]:
        """The global trial index of the first trial of each session; none if a session has no table."""
        try:
            by_session = self._shown().by_session
        except DataNotDownloadedError:
            return {}
        first, total = {}, 0
        for session, names in by_session.items():
            first[session] = total
            total += len(names)
        return first

    @suggests
    def write_betas(
        self,
        session: Session,
        output: str | os.PathLike[str],
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        nc_threshold: float | None = None,
        stimuli: str | None = None,
        mask_source: str = "anatomical",
        *,
        nc_desc: str | None = None,
        progress: Progress = None,
    ) -> dict[SessionName, Path]:
        """Write the betas of each session to a ``.npy`` file without holding an array.

        Parameters
        ----------
        session : str or int, or list of them
            As for :meth:`concat_betas`.
        output : path
            The directory, which has to exist. Files are called ``{subject}_{session}_betas.npy`` and
            appear when they are complete.
        roi, mask, nc_threshold, stimuli, mask_source, nc_desc, progress
            As for :meth:`get_betas`.

        Returns
        -------
        dict of Path by session
            Files of float32, shape (n_trials, n_voxels). ``numpy.load(path, mmap_mode="r")`` opens one
            without reading it.

        Raises
        ------
        FileNotFoundError
            If the directory does not exist.
        NotADirectoryError
            If it is a file.
        ValueError, DataNotDownloadedError, DataIntegrityError
            As :meth:`get_betas`.
        """
        given = _arguments.sessions(session)
        meant: dict[SessionName, str]
        if any(is_several(name) for name in given):
            joined = self._joined(given) or self._handle().sessions_with_betas()
            meant = {name: name for name in joined}
        else:
            meant = self._meant(given)
        named = list(meant.values())
        folder = _arguments.path(output, "output")
        paths = [folder / f"{self.subject_id}_{name}_betas.npy" for name in named]
        selection = _arguments.selection(nc_threshold, nc_desc, None, stimuli)
        voxels = _arguments.voxels(roi, mask, mask_source)
        _arguments.folder(folder, "output", is_argument=True)
        with shown(progress, self.subject_id) as update:
            _native.write_betas(self._current(), named, paths, voxels, selection, update)
        return dict(zip(meant, paths, strict=True))

    @suggests
    def get_noise_ceiling(
        self,
        session: Session | None = None,
        desc: str | None = None,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        mask_source: str = "anatomical",
    ) -> Any:
        """A noise-ceiling map at the chosen voxels, in percent.

        Parameters
        ----------
        session : str or int, or list of them, optional
            The map within a session, or of each of several.
        desc : str, optional
            The map over all sessions of this name: ``"Noiseceiling4rep"``, ``"Noiseceiling12rep"`` or
            ``"NoiseceilingAllrep"``.
        roi, mask, mask_source
            As for :meth:`get_betas`.

        Returns
        -------
        ndarray of float32, shape (n_voxels,)
            In percent, as the file has it: nothing is clipped. NaN is a voxel without a value, such as one
            at the edge of the brain; it passes no `nc_threshold`. With several sessions a dict by session.

        Raises
        ------
        ValueError
            Unless one of `session` and `desc` is given.
        """
        if (session is None) == (desc is None):
            raise _invalid(
                "one of session and desc is needed, and not both",
                'session="ses-01", or desc="Noiseceiling12rep" for a map over all sessions',
            )
        voxels = _arguments.voxels(roi, mask, mask_source)
        handle = self._current()
        if desc is not None:
            if not isinstance(desc, str):
                raise _wrong_type(f"desc must be a string, got {type(desc).__name__}")
            return handle.noise_ceiling(None, desc, voxels)
        named = _arguments.sessions(session)
        meant = self._meant(named)
        maps = {name: handle.noise_ceiling(full, None, voxels) for name, full in meant.items()}
        return maps[named[0]] if _arguments.is_one_session(session) else maps

    @suggests
    def nc_compute(
        self,
        session: Session | None = None,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        mask_source: str = "anatomical",
        *,
        scope: str | None = None,
        zscore_ddof: int = 0,
        residual_ddof: int = 0,
        images: str = "all",
        repetitions: str | int = "2+",
        repetition_term: str | int = "mean",
        max_memory: int | str | None = None,
        output: str | os.PathLike[str] | None = None,
        progress: Progress = None,
    ) -> NoiseCeiling:
        """Compute a noise ceiling from the betas, with every convention a choice.

        Parameters
        ----------
        session : str or int, or list of them, optional
            As for :meth:`concat_betas`; all sessions with betas by default.
        roi, mask, mask_source
            As for :meth:`get_betas`.
        scope : {"run", "session"}, optional
            What betas are z-scored within: runs for one session and sessions for several, by default.
        zscore_ddof, residual_ddof : int
            Subtracted in the divisor of the variance of the z-score, and of that within an image: 0 as
            in numpy, 1 for unbiased variances. With 0 within images, voxels of pure noise have a noise
            ceiling of 50 to 67 %, which is warned about; with 1, of about 0 %.
        images : {"all", "4rep", "12rep"}
            Images by the number of repetitions that their name promises.
        repetitions : str or int
            How often an image has to be shown: ``"2+"`` or more, or exactly ``4``.
        repetition_term : "mean" or int
            The mean of 1/n over the images, or 1 / this number.
        max_memory : int or str, optional
            The most bytes that the process may take, roughly, such as ``"500MB"``; ``"2GiB"`` by default.
        output : path, optional
            Also write the map as a NIfTI file, which ends in ``.nii`` or ``.nii.gz``. For a ``.npy`` file,
            save ``values`` with :func:`numpy.save`.
        progress : bool or callable, optional
            As for :meth:`get_betas`.

        Returns
        -------
        NoiseCeiling
            ``values`` (n_voxels,) in percent, ``voxels`` (flags over the voxel axis), ``record`` (every
            convention and count) and ``noise_alone`` (what pure noise gets, in percent).

        Raises
        ------
        ValueError
            For an unknown choice or ROI, for `roi` with `mask`, for an `output` that is no NIfTI file, if no
            image was shown as often as `repetitions` wants, and if `max_memory` is not enough; it says how
            much is.
        DataNotDownloadedError
            If betas or a trial table are not on disk.
        FileNotFoundError
            If the folder of `output` does not exist.
        """
        from laion_fmri.noise_ceiling import NoiseCeiling

        named = self._joined(session)
        options = {
            "scope": None if scope is None else _arguments.choice(scope, "scope", ("run", "session")),
            "zscore_ddof": _arguments.count(zscore_ddof, "zscore_ddof"),
            "residual_ddof": _arguments.count(residual_ddof, "residual_ddof"),
            "images": _arguments.choice(images, "images", ("all", "4rep", "12rep")),
            "repetitions": _number_or_text(repetitions, "repetitions"),
            "repetition_term": _number_or_text(repetition_term, "repetition_term"),
            "max_memory": _arguments.size(max_memory, "max_memory"),
        }
        voxels = _arguments.voxels(roi, mask, mask_source)
        path = None if output is None else _map_file(output)
        with shown(progress, self.subject_id) as update:
            values, columns, record, noise_alone = _native.compute_noise_ceiling(
                self._current(), named, voxels, options, path, update
            )
        if noise_alone >= 1:
            _notes.warn(
                f"with residual_ddof={options['residual_ddof']}, a voxel of pure noise has a noise ceiling "
                f"of about {noise_alone:.0f} %; zscore_ddof=1, residual_ddof=1 is unbiased (about 0 %)"
            )
        return NoiseCeiling(values, columns, record, noise_alone)

    # -- trials ----------------------------------------------------------------------------------

    @suggests
    def get_trial_info(self, session: Session) -> Any:
        """The trial table of a session: row i belongs to row i of the betas.

        Parameters
        ----------
        session : str or int, or list of them
            One session, or several.

        Returns
        -------
        DataFrame
            The columns of the file, among them ``label`` (the name of the image). With several sessions
            a dict by session.

        Raises
        ------
        ValueError
            Without a session.
        DataNotDownloadedError
            If there is no table.
        """
        named = _arguments.sessions(session)
        handle = self._handle()
        meant = self._meant(named)
        tables = {}
        for name, full in meant.items():
            file = _paths.trials_path("", self.subject_id, full)
            tables[name] = _tables.read(handle.trials(full), "\t", file, self._roots())
        return tables[named[0]] if _arguments.is_one_session(session) else tables

    @property
    def metadata(self) -> pd.DataFrame:
        """The trials of all sessions, joined with the table of images.

        The index is the global trial index that :attr:`images`, :attr:`embeddings`,
        :attr:`segmentations` and :attr:`captions` take. The columns are those of the trial tables, then
        ``session_trial``, ``image_name``, ``stim_idx``, ``unique_or_shared`` and ``dataset``. A subject
        without sessions has the same columns and no rows.

        Raises
        ------
        StimuliNotDownloadedError
            Without the table of images.
        DataIntegrityError
            If a table is damaged, such as one that ends in the middle of a line.
        """
        import pandas as pd

        images = self._stimulus_table()
        tables = []
        for session in self.get_sessions():
            table = self.get_trial_info(session).copy()
            labels = _labels(table)
            if "session" in table:
                table["session"] = session
            else:
                table.insert(0, "session", session)
            table["session_trial"] = range(len(table))
            table["image_name"] = labels
            tables.append(table)
        if not tables:
            return _no_trials()
        trials: pd.DataFrame = pd.concat(tables, ignore_index=True)
        positions = pd.Series(range(len(images)), index=images["image_name"])
        found = trials["image_name"].map(positions[~positions.index.duplicated()])
        trials["stim_idx"] = found if found.isna().any() else found.astype("int64")
        for column in ("unique_or_shared", "dataset"):
            values = images[column].reindex(found).to_numpy()
            trials[column] = values
        return trials

    def get_stimulus_metadata(self) -> pd.DataFrame:
        """The table of images. Deprecated: use ``load_stimuli().metadata``.

        Returns
        -------
        DataFrame
            One row for each image.

        Raises
        ------
        StimuliNotDownloadedError
            Without the table of images.
        """
        _notes.warn(
            "get_stimulus_metadata is deprecated, use laion_fmri.load_stimuli().metadata",
            DeprecationWarning,
        )
        return self._stimulus_table()

    def _stimulus_table(self) -> pd.DataFrame:
        from laion_fmri._constants import STIMULI_METADATA_FILE

        text = self._stimuli().table(STIMULI_METADATA_FILE)
        return _tables.read(text, ",", _paths.stimuli_metadata_path(""), self._roots())

    def _stimuli(self) -> _native.Stimuli:
        return self._handle().stimuli()

    def _shown(self) -> _Shown:
        """The image of every trial by session, in session order, read again when a table changed."""
        sessions = tuple(self.get_sessions())
        folder = f"derivatives/glmsingle-tedana/{self.subject_id}"
        stamps = self._file_stamps([f"{folder}/ses-*/func/*_trials.tsv"])
        cached = self._shown_cache
        if cached is None or (tuple(cached.by_session), cached.stamps) != (sessions, stamps):
            names = {session: _labels(self.get_trial_info(session)) for session in sessions}
            cached = _Shown(names, [name for some in names.values() for name in some], stamps)
            self._shown_cache = cached
        return cached

    @property
    def images(self) -> TrialImages:
        """The images that trials showed, by global trial index."""
        from laion_fmri._trials import TrialImages

        return TrialImages(self)

    @property
    def embeddings(self) -> TrialEmbeddings:
        """The embeddings of the images that trials showed."""
        from laion_fmri._trials import TrialEmbeddings

        return TrialEmbeddings(self)

    @property
    def segmentations(self) -> TrialSegmentations:
        """The object masks of the images that trials showed."""
        from laion_fmri._trials import TrialSegmentations

        return TrialSegmentations(self)

    @property
    def captions(self) -> TrialCaptions:
        """The captions of the images that trials showed."""
        from laion_fmri._trials import TrialCaptions

        return TrialCaptions(self)

    @suggests
    def to_torch_dataset(
        self,
        session: Session,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        nc_threshold: float | None = None,
        image_transform: Callable[[Any], Any] | None = None,
        mask_source: str = "anatomical",
        *,
        stimuli: str | None = None,
        nc_desc: str | None = None,
        scratch_dir: str | os.PathLike[str] | None = None,
        progress: Progress = None,
    ) -> LaionFMRIDataset:
        """The trials of sessions as a dataset of PyTorch, whose items are read when they are asked for.

        Parameters
        ----------
        session, roi, mask, nc_threshold, image_transform, mask_source, stimuli, nc_desc, scratch_dir
            As for :class:`laion_fmri.torch_data.LaionFMRIDataset`, which also says what an item is.
        progress : bool or callable, optional
            As for :meth:`get_betas`.

        Returns
        -------
        laion_fmri.torch_data.LaionFMRIDataset
            A map-style dataset with an item for each trial.

        Raises
        ------
        ImportError
            Without torch.
        ValueError, DataNotDownloadedError
            As :meth:`get_betas`.
        StimuliNotDownloadedError
            Without the images.
        """
        from laion_fmri.torch_data import LaionFMRIDataset

        return LaionFMRIDataset(
            self,
            session,
            roi,
            mask,
            nc_threshold,
            image_transform,
            mask_source,
            stimuli=stimuli,
            nc_desc=nc_desc,
            scratch_dir=scratch_dir,
            progress=progress,
        )

    # -- space -----------------------------------------------------------------------------------

    @suggests
    def to_nifti(
        self,
        values: ArrayLike,
        output_path: str | os.PathLike[str],
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        mask_source: str = "anatomical",
    ) -> None:
        """Write values at the chosen voxels as a 3-D float32 NIfTI file, 0 elsewhere.

        Parameters
        ----------
        values : array, shape (n_voxels,)
            One value for each chosen voxel.
        output_path : path
            Ends in ``.nii`` or ``.nii.gz``. It appears when it is complete.
        roi, mask, mask_source
            As for :meth:`get_betas`.

        Raises
        ------
        ValueError
            If the numbers of values and voxels differ, or for another suffix.
        """
        import numpy as np

        array = _arguments.numbers(values, "values")
        if array.ndim != 1:
            raise _invalid(f"values must have one dimension, got shape {array.shape}")
        voxels = _arguments.voxels(roi, mask, mask_source)
        path = _arguments.output(output_path, "output_path", _NIFTI)
        self._current().to_nifti(array, path, voxels)

    def plot_slices(
        self,
        values: Any = None,
        *,
        map: str | None = None,
        trial: tuple[SessionName, int] | None = None,
        mask_source: str = "anatomical",
        **kw: Any,
    ) -> Axes:
        """Draw a map, a trial or values as slices over the anatomy, with matplotlib.

        Parameters
        ----------
        values : array_like, path or image, optional
            One value for each voxel of the brain, or of the ROIs of `roi`; or a NIfTI file or nibabel image
            on the grid of the betas.
        map : str, optional
            In the place of `values`: ``"nc"`` (noise ceiling), ``"r2"`` (mean R² of the single-trial model,
            negative where it explains less than the mean does, and NaN without a fit), a map over all
            sessions such as ``"Noiseceiling4rep"``, or the noise ceiling of a session such as ``"ses-01"``.
        trial : tuple of str or int, and int, optional
            In the place of `values`: a session, by its name or its number, and a row of its trial table,
            counted from 0.
        mask_source : {"anatomical", "rsquare"}
            The brain mask that defines the voxels.
        **kw
            As for :func:`laion_fmri.plot_slices`, by name: `roi`, `threshold`, `ax`, `plane`, `n_slices`,
            `range`, `colormap`, `opacity`, `title` and `label`.

        Returns
        -------
        matplotlib.axes.Axes
            The axes; ``ax.figure.savefig`` writes them to a file.

        Raises
        ------
        ImportError
            Without matplotlib: ``pip install "laion-fmri-rs[view]"``.
        TypeError
            If an argument is of another type.
        ValueError
            If not exactly one of `values`, `map` and `trial` is given, there is not one value for each
            voxel, or an argument has no meaning.
        IndexError
            If the session has no such trial.
        DataNotDownloadedError
            If something that is drawn is not on disk.
        """
        from laion_fmri import slices

        found, label = slices._values_of(self, values, map, trial, mask_source)
        kw.setdefault("label", label)
        if trial is not None:
            # Betas are on both sides of zero, even where no voxel is.
            kw.setdefault("colormap", "blue-red")
        return slices.plot_slices(found, self, mask_source=mask_source, **kw)

    @suggests
    def view(
        self,
        values: Any = None,
        *,
        map: str | None = None,
        trial: tuple[SessionName, int] | None = None,
        roi: Roi | None = None,
        threshold: float | None = None,
        range: tuple[float, float] | None = None,
        colormap: str | None = None,
        opacity: float = 1.0,
        mask_source: str = "anatomical",
    ) -> Any:
        """Show a map, a trial or values over the anatomy in a notebook, with the viewer NiiVue.

        Colours are those of :func:`laion_fmri.plot_slices`: NaN is transparent, and zero is a colour. ROIs
        are outlined in white.

        Parameters
        ----------
        values : array_like, path or image, optional
            One value for each voxel of the brain, or of the ROIs of `roi`; or a NIfTI file or nibabel image
            on the grid of the betas.
        map : str, optional
            In the place of `values`: ``"nc"`` (noise ceiling), ``"r2"`` (mean R² of the single-trial model,
            negative where it explains less than the mean does, and NaN without a fit), a map over all
            sessions such as ``"Noiseceiling4rep"``, or the noise ceiling of a session such as ``"ses-01"``.
        trial : tuple of str or int, and int, optional
            In the place of `values`: a session, by its name or its number, and a row of its trial table,
            counted from 0.
        roi : str or list of str, optional
            ROIs that are outlined.
        threshold : float, optional
            Values below it are transparent; of a diverging map, those closer to zero.
        range : tuple of float, optional
            The values of the first and the last colour.
        colormap : str, optional
            The name of a colour map, as for :func:`laion_fmri.plot_slices`.
        opacity : float
            How much the colours hide of the anatomy, 0 to 1.
        mask_source : {"anatomical", "rsquare"}
            The brain mask that defines the voxels.

        Returns
        -------
        ipyniivue.NiiVue
            The widget, which a notebook shows.

        Raises
        ------
        ImportError
            Without ipyniivue: ``pip install "laion-fmri-rs[view]"``.
        TypeError
            If an argument is of another type.
        ValueError
            If not exactly one of `values`, `map` and `trial` is given, there is not one value for each
            voxel, or an argument has no meaning.
        IndexError
            If the session has no such trial.
        DataNotDownloadedError
            If something that is shown is not on disk.
        """
        from laion_fmri import _view, slices

        found, label = slices._values_of(self, values, map, trial, mask_source)
        if trial is not None and colormap is None:
            colormap = "blue-red"
        colors = _view.Colors(range=range, colormap=colormap, threshold=threshold, opacity=opacity)
        return _view.widget(self, found, roi, colors, mask_source, label)

    @suggests
    def to_template(
        self,
        values: Any,
        target: str,
        *,
        hemi: str | None = None,
        route: str = "auto",
        surface: str = "white",
        fsaverage_density: str = "fsaverage5",
        fslr_density: str = "32k",
        interpolation: str = "linear",
        output_dir: str | os.PathLike[str] | None = None,
        desc: str | None = None,
        session: SessionName | None = None,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        mask_source: str = "anatomical",
        depths: Sequence[float] | None = None,
        volume_interpolation: str = "nearest",
        fsaverage_dir: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Take values at voxels to fsaverage, to the subject's own surface or to MNI305.

        Parameters
        ----------
        values : array, shape (n_voxels,) or (n_rows, n_voxels), path or image
            One value for each chosen voxel, or rows of them; or an image on the grid of the betas.
        target : {"fsaverage", "fsnative", "MNI305"}
            Where the values go.
        hemi, route, surface, fsaverage_density, fslr_density, interpolation, output_dir, desc
            As for :func:`laion_fmri.templates.to_template`.
        session, roi, mask, mask_source, depths, volume_interpolation, fsaverage_dir
            As for :func:`laion_fmri.templates.to_template`.

        Returns
        -------
        ndarray of float32, shape (n_vertices,) or (n_rows, n_vertices)
            With `hemi`; without it a dictionary of ``"L"`` and ``"R"``.
        nibabel.Nifti1Image
            For MNI305: the volume, or one for each row along the last axis. Without nibabel, the array
            and its affine.

        Raises
        ------
        ValueError
            For an unknown target or keyword value, and for another number of values.
        DataNotDownloadedError
            If the FreeSurfer files of the subject are not on disk.
        DataNotFoundError
            If the sphere of fsaverage is in none of the folders.
        """
        from laion_fmri import templates

        return templates.to_template(
            self,
            values,
            target,
            hemi=hemi,
            route=route,
            surface=surface,
            fsaverage_density=fsaverage_density,
            fslr_density=fslr_density,
            interpolation=interpolation,
            output_dir=output_dir,
            desc=desc,
            session=session,
            roi=roi,
            mask=mask,
            mask_source=mask_source,
            depths=depths,
            volume_interpolation=volume_interpolation,
            fsaverage_dir=fsaverage_dir,
        )

    @suggests
    def volume_to_surface(
        self,
        values: Any,
        target: str = "fsaverage",
        *,
        hemi: str | None = None,
        route: str = "auto",
        surface: str = "white",
        fsaverage_density: str = "fsaverage5",
        fslr_density: str = "32k",
        interpolation: str = "linear",
        output_dir: str | os.PathLike[str] | None = None,
        desc: str | None = None,
        session: SessionName | None = None,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        mask_source: str = "anatomical",
        depths: Sequence[float] | None = None,
        volume_interpolation: str = "nearest",
        fsaverage_dir: str | os.PathLike[str] | None = None,
    ) -> Any:
        """As :meth:`to_template`, for the targets that are surfaces.

        Parameters
        ----------
        values : array, shape (n_voxels,) or (n_rows, n_voxels), path or image
            One value for each chosen voxel, or rows of them; or an image on the grid of the betas.
        target : {"fsaverage", "fsnative"}
            The template's surface, or the subject's own.
        hemi, route, surface, fsaverage_density, fslr_density, interpolation, output_dir, desc
            As for :func:`laion_fmri.templates.to_template`.
        session, roi, mask, mask_source, depths, volume_interpolation, fsaverage_dir
            As for :func:`laion_fmri.templates.to_template`.

        Returns
        -------
        ndarray of float32, shape (n_vertices,) or (n_rows, n_vertices)
            With `hemi`; without it a dictionary of ``"L"`` and ``"R"``.

        Raises
        ------
        ValueError
            For an unknown target or keyword value, and for another number of values.
        DataNotDownloadedError
            If the FreeSurfer files of the subject are not on disk.
        DataNotFoundError
            If the sphere of fsaverage is in none of the folders.
        """
        from laion_fmri import templates

        return templates.volume_to_surface(
            self,
            values,
            target,
            hemi=hemi,
            route=route,
            surface=surface,
            fsaverage_density=fsaverage_density,
            fslr_density=fslr_density,
            interpolation=interpolation,
            output_dir=output_dir,
            desc=desc,
            session=session,
            roi=roi,
            mask=mask,
            mask_source=mask_source,
            depths=depths,
            volume_interpolation=volume_interpolation,
            fsaverage_dir=fsaverage_dir,
        )

    @suggests
    def volume_to_template(
        self,
        values: Any,
        target: str,
        *,
        hemi: str | None = None,
        route: str = "auto",
        surface: str = "white",
        fsaverage_density: str = "fsaverage5",
        fslr_density: str = "32k",
        interpolation: str = "linear",
        output_dir: str | os.PathLike[str] | None = None,
        desc: str | None = None,
        session: SessionName | None = None,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        mask_source: str = "anatomical",
        depths: Sequence[float] | None = None,
        volume_interpolation: str = "nearest",
        fsaverage_dir: str | os.PathLike[str] | None = None,
    ) -> Any:
        """As :meth:`to_template`, for the targets that are volumes.

        Parameters
        ----------
        values : array, shape (n_voxels,) or (n_rows, n_voxels), path or image
            One value for each chosen voxel, or rows of them; or an image on the grid of the betas.
        target : {"MNI305"}
            The space of the volume.
        hemi, route, surface, fsaverage_density, fslr_density, interpolation, output_dir, desc
            As for :func:`laion_fmri.templates.to_template`.
        session, roi, mask, mask_source, depths, volume_interpolation, fsaverage_dir
            As for :func:`laion_fmri.templates.to_template`.

        Returns
        -------
        nibabel.Nifti1Image
            The volume, or one for each row along the last axis. Without nibabel, the array and its affine.

        Raises
        ------
        ValueError
            For an unknown target or keyword value, and for another number of values.
        DataNotDownloadedError
            If the FreeSurfer files of the subject are not on disk.
        DataNotFoundError
            If the sphere of fsaverage is in none of the folders.
        """
        from laion_fmri import templates

        return templates.volume_to_template(
            self,
            values,
            target,
            hemi=hemi,
            route=route,
            surface=surface,
            fsaverage_density=fsaverage_density,
            fslr_density=fslr_density,
            interpolation=interpolation,
            output_dir=output_dir,
            desc=desc,
            session=session,
            roi=roi,
            mask=mask,
            mask_source=mask_source,
            depths=depths,
            volume_interpolation=volume_interpolation,
            fsaverage_dir=fsaverage_dir,
        )

    @suggests
    def surface_to_template(
        self,
        values: Any,
        target: str = "fsaverage",
        *,
        hemi: str | None = None,
        fsaverage_density: str = "fsaverage5",
        output_dir: str | os.PathLike[str] | None = None,
        desc: str | None = None,
        session: SessionName | None = None,
        interpolation: str = "linear",
        fsaverage_dir: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Take values at the vertices of the subject's own surface to fsaverage.

        Parameters
        ----------
        values : array, shape (n_vertices,) or (n_rows, n_vertices), or dict of them by "L" and "R"
            NaN counts as 0.
        target : {"fsaverage"}
            Where the values go.
        hemi, fsaverage_density, output_dir, desc, session, interpolation, fsaverage_dir
            As for :func:`laion_fmri.templates.surface_to_template`.

        Returns
        -------
        ndarray of float32, shape (n_vertices,) or (n_rows, n_vertices), or a dict of them
            As :func:`laion_fmri.templates.surface_to_template`.

        Raises
        ------
        ValueError
            If there is not one value for each vertex, or if `hemi` is missing.
        DataNotDownloadedError
            If the FreeSurfer files of the subject are not on disk.
        DataNotFoundError
            If the sphere of fsaverage is in none of the folders.
        """
        from laion_fmri import templates

        return templates.surface_to_template(
            self,
            values,
            target,
            hemi=hemi,
            fsaverage_density=fsaverage_density,
            output_dir=output_dir,
            desc=desc,
            session=session,
            interpolation=interpolation,
            fsaverage_dir=fsaverage_dir,
        )

    @suggests
    def get_voxel_coordinates(
        self,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        mask_source: str = "anatomical",
    ) -> NDArray[np.float64]:
        """The positions of the chosen voxels in the subject's T1w space.

        Parameters
        ----------
        roi, mask, mask_source
            As for :meth:`get_betas`.

        Returns
        -------
        ndarray of float64, shape (n_voxels, 3)
            x, y and z in mm, one row for each voxel.

        Raises
        ------
        ValueError
            For an unknown ROI or an empty list of them, and for `roi` with `mask`.
        DataNotDownloadedError
            If a file is not on disk.
        """
        return self._current().voxel_coordinates(_arguments.voxels(roi, mask, mask_source))

    # -- anatomy and raw data --------------------------------------------------------------------

    def has_stimuli(self) -> bool:
        """Whether the images can be used.

        Returns
        -------
        bool
            Whether the table of images and the images are both on disk.

        Raises
        ------
        DataNotDownloadedError
            If nothing of the subject is on disk.
        """
        return self._handle().has_stimuli()

    def has_freesurfer(self) -> bool:
        """Whether the FreeSurfer reconstruction is on disk.

        Returns
        -------
        bool
            Whether :meth:`get_freesurfer_dir` finds it.

        Raises
        ------
        DataNotDownloadedError
            If nothing of the subject is on disk.
        """
        return self._handle().has_freesurfer()

    def get_freesurfer_dir(self) -> Path:
        """The directory of the FreeSurfer reconstruction.

        Returns
        -------
        Path
            The directory.

        Raises
        ------
        DataNotDownloadedError
            If it is not on disk.
        """
        return Path(self._handle().freesurfer_dir())

    def has_anatomical(self) -> bool:
        """Whether the anatomical files are on disk.

        Returns
        -------
        bool
            Whether all of them are.

        Raises
        ------
        DataNotDownloadedError
            If nothing of the subject is on disk.
        """
        return self._handle().has_anatomical()

    def get_anatomical_dir(self) -> Path:
        """The directory of the anatomical files.

        Returns
        -------
        Path
            The directory.

        Raises
        ------
        DataNotDownloadedError
            If it is not on disk.
        """
        return Path(self._handle().anatomical_dir())

    def get_t1w(self, *, res: str | None = None) -> Path:
        """The T1-weighted image.

        Parameters
        ----------
        res : {None, "1pt8"}
            Full resolution, or the functional grid of 1.8 mm.

        Returns
        -------
        Path
            The NIfTI file.

        Raises
        ------
        ValueError
            For another resolution.
        DataNotDownloadedError
            If it is not on disk.
        """
        return Path(self._handle().anatomical("T1w", _resolution(res)))

    def get_t2w(self, *, res: str | None = None) -> Path:
        """The T2-weighted image.

        Parameters
        ----------
        res : {None, "1pt8"}
            Full resolution, or the functional grid of 1.8 mm.

        Returns
        -------
        Path
            The NIfTI file.

        Raises
        ------
        ValueError
            For another resolution.
        DataNotDownloadedError
            If it is not on disk.
        """
        return Path(self._handle().anatomical("T2w", _resolution(res)))

    def get_anatomical_brain_mask(self, *, res: str | None = None) -> Path:
        """The brain mask made from the anatomy.

        Parameters
        ----------
        res : {None, "1pt8"}
            Full resolution, or the functional grid of 1.8 mm.

        Returns
        -------
        Path
            The NIfTI file.

        Raises
        ------
        ValueError
            For another resolution.
        DataNotDownloadedError
            If it is not on disk.
        """
        return Path(self._handle().anatomical("mask", _resolution(res)))

    def _raw_session(self, session: SessionName) -> str:
        """The session that a call for raw data means."""
        return one_session(session, self._handle().has_raw)

    @suggests
    def has_raw(self, session: SessionName | None = None) -> bool:
        """Whether raw functional data are on disk.

        Parameters
        ----------
        session : str or int, optional
            Of this session; of any by default.

        Returns
        -------
        bool
            Whether there is a BOLD file.

        Raises
        ------
        TypeError
            If `session` is neither a string nor a number.
        ValueError
            If it is malformed.
        DataNotDownloadedError
            If nothing of the subject is on disk.
        """
        return self._handle().has_raw(None if session is None else self._raw_session(session))

    @suggests
    def get_events(self, session: SessionName, run: str | int | None = None) -> pd.DataFrame:
        """The events of a session.

        Parameters
        ----------
        session : str or int
            Such as ``"ses-01"``.
        run : int or str, optional
            ``1``, ``"1"``, ``"01"`` or ``"run-01"``; all runs by default.

        Returns
        -------
        DataFrame
            The columns of the files, such as ``onset`` and ``duration`` in seconds. Of all runs with a last
            column ``run``.

        Raises
        ------
        TypeError
            If `session` is neither a string nor a number.
        ValueError
            If the session is malformed, or `run` is no number.
        DataNotDownloadedError
            If there is no table of events.
        """
        number = _number(run, "run")
        full = self._raw_session(session)
        file = _paths.raw_events_path("", self.subject_id, full, number or 1)
        return _tables.read(self._handle().events(full, number), "\t", file, self._roots())

    @suggests
    def get_raw_bold(
        self, session: SessionName, run: str | int, echo: str | int, part: str = "mag"
    ) -> NDArray[np.float32]:
        """One echo of a run, unmasked: the grid of raw data is not that of the betas.

        Parameters
        ----------
        session : str or int
            Such as ``"ses-01"``.
        run, echo : int or str
            ``1``, ``"1"``, ``"01"`` or ``"run-01"``.
        part : {"mag", "phase"}
            The magnitude or the phase.

        Returns
        -------
        ndarray of float32, shape (T, X, Y, Z)
            In the units of the file, T volumes.

        Raises
        ------
        TypeError
            If `session` is neither a string nor a number.
        ValueError
            If the session is malformed, a number is none, or `part` is unknown.
        DataNotDownloadedError
            If the file is not on disk.
        MemoryError
            If the array does not fit.
        """
        numbers = (_number(run, "run"), _number(echo, "echo"))
        part = _arguments.text(part, "part")
        return self._handle().raw_bold(self._raw_session(session), *numbers, part)  # type: ignore[arg-type]

    @suggests
    def get_sbref(self, session: SessionName, run: str | int, echo: str | int) -> NDArray[np.float32]:
        """The single-band reference of an echo, unmasked.

        Parameters
        ----------
        session, run, echo
            As for :meth:`get_raw_bold`.

        Returns
        -------
        ndarray of float32, shape (X, Y, Z)
            In the units of the file.

        Raises
        ------
        TypeError
            If `session` is neither a string nor a number.
        ValueError
            If the session is malformed, or a number is none.
        DataNotDownloadedError
            If the file is not on disk.
        """
        numbers = (_number(run, "run"), _number(echo, "echo"))
        return self._handle().sbref(self._raw_session(session), *numbers)  # type: ignore[arg-type]


def _counted(number: int, what: str) -> str:
    """A number and its noun: ``1 session``, ``2 sessions``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _category(value: object) -> str | None:
    """A category of ROIs; case does not count."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _wrong_type(f"category must be a string, got {_arguments.typed(value)}")
    return value.lower()


def _warn_of_category(subject: str, category: str, known: list[str]) -> None:
    """Warn that a subject has no ROI of a category, and say which categories it has."""
    meant = _arguments.nearest(category, "category", known)
    did = "" if meant is None else f" (did you mean {meant}?)"
    listed = ", ".join(known) or "none"
    _notes.warn(f"{subject} has no ROI of the category {category!r}{did}; categories: {listed}")


def _map_file(output: str | os.PathLike[str]) -> Path:
    """Where a map goes: a NIfTI file."""
    path = _arguments.path(output, "output")
    if path.suffix == ".npy":
        written = _arguments.code(str(path))
        raise _invalid(
            f"output is a NIfTI file and must end in {' or '.join(_NIFTI)}, got {str(path)!r}",
            f"numpy.save({written}, subject.nc_compute().values)",
        )
    return _arguments.output(path, "output", _NIFTI)


def _no_trials() -> pd.DataFrame:
    """The trials of no session, with the columns of one."""
    import pandas as pd

    # pandas chooses the type of a column by what is in it.
    one = {
        "session": [""],
        "run": [0],
        "beta_index": [0],
        "label": [""],
        "session_trial": [0],
        "image_name": [""],
        "stim_idx": [0],
        "unique_or_shared": [""],
        "dataset": [""],
    }
    return pd.DataFrame(one).iloc[:0]


def _resolution(res: object) -> str | None:
    return _arguments.optional_text(res, "res")


def _number_or_text(value: object, name: str) -> str:
    """A number, or a word in its place."""
    return value if isinstance(value, str) else str(_arguments.integer(value, name))


def _number(value: str | int | None, name: str) -> int | None:
    """A run or an echo: ``1``, ``"1"``, ``"01"`` or ``"run-01"``."""
    if value is None:
        return None
    if not isinstance(value, str):
        return _arguments.count(value, name)
    text = value.removeprefix(f"{name}-")
    if not text.isdecimal():
        raise _invalid(f'{name} must be a number such as 1 or "01", got {value!r}', f"{name}=1")
    return int(text)


def _labels(table: pd.DataFrame) -> list[str]:
    """The image of each trial; tables of May 2026 call the column ``stimulus_id``."""
    for column in ("label", "stimulus_id"):
        if column in table:
            return [str(name) for name in table[column]]
    raise _invalid(f"the trial table has no column label, only {list(table.columns)}")


def __dir__() -> list[str]:
    return sorted(__all__)
