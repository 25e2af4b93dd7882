"""Several subjects at once, aligned by the images that they all saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native
from laion_fmri._errors import DataNotDownloadedError, UnknownNameError, _hinted, _invalid, _wrong_type
from laion_fmri._keywords import suggests
from laion_fmri._sessions import is_several
from laion_fmri.config import _open
from laion_fmri.discovery import get_subjects
from laion_fmri.stimuli import _image
from laion_fmri.subject import Subject, load_subject

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from laion_fmri._arguments import Roi, Session

__all__ = ["Group", "SharedBetas", "load_subjects"]


@suggests
def load_subjects(
    subjects: str | Iterable[str],
    *,
    from_bucket: bool = False,
    jobs: int | None = None,
    accept_license: bool | None = None,
) -> Group:
    """Several subjects.

    Parameters
    ----------
    subjects : list of str or "all"
        ``"all"`` are those on disk; those of the bucket when there are none.
    from_bucket, jobs, accept_license
        As for :func:`laion_fmri.load_subject`.

    Returns
    -------
    Group
        In the order given.

    Raises
    ------
    ValueError
        If the list is empty.
    DataDirNotSetError, DataNotDownloadedError, SubjectNotFoundError
        As :func:`laion_fmri.load_subject`.
    """
    if _arguments.is_all(subjects):
        names = [] if from_bucket else _open().subjects()
        names = names or get_subjects()
    else:
        names = _arguments.texts(subjects, "subjects")
    if not names:
        raise _invalid("at least one subject is needed", 'laion_fmri.load_subjects("all")')
    loaded = [
        load_subject(name, from_bucket=from_bucket, jobs=jobs, accept_license=accept_license)
        for name in names
    ]
    return Group({subject.subject_id: subject for subject in loaded})


@dataclass(repr=False)
class SharedBetas:
    """The responses of several subjects to the images that all of them saw.

    Attributes
    ----------
    image_names : list of str
        The image of each row, the same for all subjects.
    betas : dict of ndarray by subject
        The mean over the trials of each image, float32 of shape (n_images, n_voxels).
    repeats : dict of ndarray by subject
        The number of these trials, int64 of shape (n_images,).
    voxels : dict of ndarray by subject
        The voxels of the columns as flags over the voxel axis.
    """

    image_names: list[str]
    betas: dict[str, NDArray[np.float32]]
    repeats: dict[str, NDArray[np.int64]]
    voxels: dict[str, NDArray[np.bool_]]

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {betas.shape}" for name, betas in self.betas.items())
        return f"SharedBetas({len(self.image_names)} images: {shapes})"


class Group:
    """Subjects by id and by position.

    Parameters
    ----------
    subjects_dict : dict of Subject by id
        In the order of their positions.
    """

    def __init__(self, subjects_dict: dict[str, Subject]) -> None:
        if not isinstance(subjects_dict, Mapping):
            kind = type(subjects_dict).__name__
            raise _wrong_type(f"subjects_dict must be a dict of subjects by id, got {kind}")
        self._subjects = dict(subjects_dict)

    def __len__(self) -> int:
        return len(self._subjects)

    def __iter__(self) -> Iterator[tuple[str, Subject]]:
        return iter(self._subjects.items())

    def __contains__(self, subject: object) -> bool:
        return subject in self._subjects

    def __getitem__(self, key: int | str) -> Subject:
        if isinstance(key, str):
            if key not in self._subjects:
                known = list(self._subjects)
                message = f"the group has no subject {key!r}; subjects: {', '.join(known) or 'none'}"
                meant = _arguments.subject_meant(key, known)
                raise _hinted(UnknownNameError, message, None if meant is None else f'group["{meant}"]')
            return self._subjects[key]
        if isinstance(key, slice):
            hint = "laion_fmri.Group(dict(list(group)[:2]))"
            raise _wrong_type("a group takes an integer or an id, got a slice", hint)
        subjects = list(self._subjects.values())
        return subjects[_arguments.index(key, len(subjects), "subject")]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._subjects)

    def __repr__(self) -> str:
        return f"Group({', '.join(self._subjects)})"

    @suggests
    def get_shared_betas(
        self,
        session: Session,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        nc_threshold: float | None = None,
        mask_source: str = "anatomical",
    ) -> dict[str, Any]:
        """The betas of the trials with shared images, in trial order.

        Parameters
        ----------
        session, roi, mask, nc_threshold, mask_source
            As for :meth:`Subject.get_betas`.

        Returns
        -------
        dict of ndarray of float32 by subject, shape (n_shared_trials, n_voxels)
            Rows of different subjects are not aligned; :meth:`shared_betas` aligns them by image. With
            several sessions each value is a dict by session.

        Raises
        ------
        ValueError, DataNotDownloadedError, DataIntegrityError
            As :meth:`Subject.get_betas`.
        """
        # What is read only once, such as a generator, is for every subject.
        if not _arguments.is_one_session(session):
            session = _arguments.sessions(session)
        return {
            name: subject.get_betas(
                session,
                roi=roi,
                mask=mask,
                nc_threshold=nc_threshold,
                stimuli="shared",
                mask_source=mask_source,
            )
            for name, subject in self
        }

    @suggests
    def shared_betas(
        self,
        session: Session,
        roi: Roi | None = None,
        nc_threshold: float | None = None,
        mask_source: str = "anatomical",
        *,
        nc_desc: str | None = None,
    ) -> SharedBetas:
        """The mean response of each subject to each image that all of them saw, rows aligned.

        Parameters
        ----------
        session : str or int, or list of them
            The sessions that trials are taken from, as for :meth:`Subject.concat_betas`; those of ``"all"``
            and of a range are the sessions of the first subject. Every subject needs all of them.
        roi, nc_threshold, mask_source, nc_desc
            As for :meth:`Subject.get_betas`.

        Returns
        -------
        SharedBetas
            Its dicts are in the order of the group. Subjects that saw no image in common have no rows.

        Raises
        ------
        ValueError, DataNotDownloadedError, DataIntegrityError
            As :meth:`Subject.get_betas`; ValueError also if a session is named twice. Where a subject lacks
            a session of ``"all"`` or of a range, the hint has the sessions of every subject.
        """
        first = self[0]
        # Refused when it is None: the images that all of them saw depend on it.
        given = _arguments.sessions(session)
        selection = _arguments.selection(nc_threshold, nc_desc)
        rois = None if roi is None else _arguments.rois(roi, "roi")
        source = _arguments.mask_source(mask_source)
        sessions = first._joined(given) or first._handle().sessions_with_betas()
        dataset = _open(first.data_dir, **first._settings)
        try:
            names, answers = _native.shared_betas(
                dataset, list(self._subjects), sessions, rois, source, selection
            )
        except DataNotDownloadedError as error:
            if any(is_several(name) for name in given):
                error.hint = self._with_common(sessions, error.hint)
            raise
        ordered = {name: answers[name] for name in self._subjects}
        return SharedBetas(
            names,
            {name: betas for name, (betas, _, _) in ordered.items()},
            {name: repeats for name, (_, repeats, _) in ordered.items()},
            {name: voxels for name, (_, _, voxels) in ordered.items()},
        )

    def _with_common(self, sessions: list[str], hint: str | None) -> str | None:
        """A hint about missing betas, after the sessions whose betas every subject has."""
        there = [set(subject._handle().sessions_with_betas()) for _, subject in self]
        common = [name for name in sessions if all(name in some for some in there)]
        if not common or common == sessions:
            return hint
        told = f"session={_arguments.code(common)}, which every subject has"
        return told if hint is None else f"{told}; or {hint}"

    def get_shared_stimulus_metadata(self) -> pd.DataFrame:
        """The rows of the table of images that belong to shared images.

        Returns
        -------
        DataFrame
            The columns of ``load_stimuli().metadata``, in the order of the table.

        Raises
        ------
        StimuliNotDownloadedError
            Without the table of images.
        """
        table = self[0]._stimulus_table()
        return table[table["unique_or_shared"] == "shared"].reset_index(drop=True)

    def get_shared_images(self, format: str = "pil") -> Any:
        """The shared images, in the order of :meth:`get_shared_stimulus_metadata`.

        Parameters
        ----------
        format : {"pil", "numpy"}
            Images of Pillow, or one array.

        Returns
        -------
        list of PIL.Image.Image, or ndarray of uint8, shape (n_images, height, width, 3)
            Images of Pillow are as they are stored, the array is as displayed.

        Raises
        ------
        ValueError
            For another format.
        StimuliNotDownloadedError
            Without the images.
        """
        format = _arguments.choice(format, "format", ("pil", "numpy"))
        names = [str(name) for name in self.get_shared_stimulus_metadata()["image_name"]]
        stimuli = self[0]._stimuli()
        if format == "numpy":
            return stimuli.image_array(names)
        return [_image(stimuli.image_bytes(name), False) for name in names]


def __dir__() -> list[str]:
    return sorted(__all__)
