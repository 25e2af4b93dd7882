"""Trials as a dataset of PyTorch: betas and image, read item by item."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native
from laion_fmri._errors import DataIntegrityError, _invalid, _missing, _wrong_type
from laion_fmri._progress import Progress, shown
from laion_fmri.subject import _labels

try:
    import torch
    from torch.utils.data import Dataset
except ImportError as error:
    raise _missing(
        "datasets for PyTorch need torch, which is not installed", 'pip install "laion-fmri-rs[torch]"'
    ) from error

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from laion_fmri._arguments import Roi, Session
    from laion_fmri.subject import Subject

__all__ = ["LaionFMRIDataset"]

#: How many images of a batch are decoded together, into one block: what they take before they are
#: transformed is bounded, and a large block goes back to the system as soon as its images are gone.
_DECODED_TOGETHER = 4


class LaionFMRIDataset(Dataset[dict[str, Any]]):
    """The trials of one or more sessions, as a map-style dataset.

    Creating one reads the chosen betas once, into ``.npy`` files of a temporary directory, in fixed
    memory; they need 4 bytes for each trial and voxel, and go with the dataset. Items are read when they are
    asked for. Workers of a ``DataLoader``, forked or spawned, open the same files.

    Parameters
    ----------
    subject : Subject
        From :func:`laion_fmri.load_subject`.
    session : str or int, or list of them
        As for :meth:`laion_fmri.Subject.concat_betas`; the trials of several follow each other.
    roi, mask, nc_threshold, mask_source
        As for :meth:`laion_fmri.Subject.get_betas`. `nc_threshold` over several sessions needs `nc_desc`, so
        that all have the same voxels.
    image_transform : callable, optional
        Takes the image, a float32 tensor in [0, 1] of shape (3, height, width), and returns what the item
        holds. A spawned worker needs one that can be pickled.
    stimuli : {"shared", "unique"}, optional
        Only trials with such images.
    nc_desc : str, optional
        A map over all sessions for `nc_threshold`, such as ``"Noiseceiling12rep"``.
    scratch_dir : path, optional
        Where the temporary directory is made; that of the system by default.
    progress : bool or callable, optional
        As for :meth:`laion_fmri.Subject.get_betas`.

    Raises
    ------
    ValueError
        As :meth:`laion_fmri.Subject.get_betas`.
    DataNotDownloadedError, StimuliNotDownloadedError
        If betas, a trial table, or the images are not on disk.

    Notes
    -----
    An item is a dict:

    ``betas``
        float32 tensor of shape (n_voxels,).
    ``image``
        As displayed: float32 tensor in [0, 1] of shape (3, height, width), then transformed.
    ``image_name``, ``session``
        Texts.
    ``rep_index``
        How many earlier trials of the session showed the image; a column ``rep_index`` of the trial
        table wins.
    """

    def __init__(
        self,
        subject: Subject,
        session: Session,
        roi: Roi | None = None,
        mask: ArrayLike | None = None,
        nc_threshold: float | None = None,
        image_transform: Callable[[torch.Tensor], Any] | None = None,
        mask_source: str = "anatomical",
        *,
        stimuli: str | None = None,
        nc_desc: str | None = None,
        scratch_dir: str | os.PathLike[str] | None = None,
        progress: Progress = None,
    ) -> None:
        if image_transform is not None and not callable(image_transform):
            kind = type(image_transform).__name__
            raise _wrong_type(f"image_transform must be callable, got {kind}")
        _arguments.check_subject(subject)
        given = _arguments.sessions(session)
        named = list(dict.fromkeys(subject._joined(given) or subject._handle().sessions_with_betas()))
        self._voxels = _arguments.voxels(roi, mask, mask_source)
        self._selection = _arguments.selection(nc_threshold, nc_desc, None, stimuli)
        if len(named) > 1 and nc_threshold is not None and nc_desc is None:
            raise _invalid(
                "nc_threshold over several sessions would choose other voxels in each",
                'nc_desc="Noiseceiling12rep", a map over all sessions',
            )
        subject._stimuli().require()
        self.subject = subject
        self.sessions = named
        self.image_transform = image_transform
        self._scratch_dir = None
        if scratch_dir is not None:
            self._scratch_dir = str(_arguments.path(scratch_dir, "scratch_dir"))
        self._rows: dict[str, list[int] | None] = {}
        self._names: list[str] = []
        self._repetitions: list[int] = []
        self._places: list[tuple[int, int]] = []
        for place, name in enumerate(named):
            self._add_trials(place, name, self._selection["stimuli"])
        self._paths: list[Path] = []
        self._arrays: list[NDArray[np.float32]] = []
        self._write(progress)

    def _add_trials(self, place: int, session: str, stimuli: str | None) -> None:
        table = self.subject.get_trial_info(session)
        labels = _labels(table)
        repetitions = _repetitions(table, labels)
        rows = None if stimuli is None else self.subject._trials_of_set(session, stimuli, None)
        self._rows[session] = rows
        chosen = range(len(labels)) if rows is None else rows
        self._names += [labels[row] for row in chosen]
        self._repetitions += [repetitions[row] for row in chosen]
        self._places += [(place, row) for row in range(len(chosen))]

    def _write(self, progress: Progress = False) -> None:
        """Write the betas into a directory of this object, which goes with it."""
        folder = Path(tempfile.mkdtemp(prefix="laion-fmri-", dir=self._scratch_dir))
        # In a forked process, what is collected there must not take the files away from the others.
        self._finalizer = weakref.finalize(self, _remove, folder, os.getpid())
        paths = [folder / f"{self.subject.subject_id}_{name}_betas.npy" for name in self.sessions]
        handle = self.subject._handle()
        with shown(progress, self.subject.subject_id) as update:
            for name, path in zip(self.sessions, paths, strict=True):
                selection: _arguments.Selection = {
                    **self._selection,
                    "trials": self._rows[name],
                    "stimuli": None,
                }
                _native.write_betas(handle, [name], [path], self._voxels, selection, update)
        self._paths, self._arrays = paths, []

    def _betas(self, place: int) -> NDArray[np.float32]:
        """The betas of a session, mapped when they are first needed in this process."""
        if not self._arrays:
            import numpy as np

            try:
                self._arrays = [np.load(path, mmap_mode="r") for path in self._paths]
            except FileNotFoundError:
                # A copy of a dataset that is gone.
                self._write()
                self._arrays = [np.load(path, mmap_mode="r") for path in self._paths]
        return self._arrays[place]

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        # Another process opens the files by their path; they belong to the object that wrote them.
        state["_arrays"] = []
        state.pop("_finalizer", None)
        return state

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        what = f"{len(self)} trials of {', '.join(self.sessions)}, {self.n_voxels} voxels"
        return f"<LaionFMRIDataset of {self.subject.subject_id}: {what}>"

    @property
    def n_voxels(self) -> int:
        """The number of voxels of every item."""
        return int(self._betas(0).shape[1])

    def __getitem__(self, index: int) -> dict[str, Any]:
        """An item; negative indices count from the end."""
        return self._items([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        """The items of a batch. Their images are decoded on all cores, each once."""
        if type(self).__getitem__ is not LaionFMRIDataset.__getitem__:
            # A subclass with items of its own.
            return [self[index] for index in indices]
        return self._items(indices)

    def _items(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        wanted = [_arguments.index(index, len(self), "trial") for index in indices]
        items = []
        for start in range(0, len(wanted), _DECODED_TOGETHER):
            some = wanted[start : start + _DECODED_TOGETHER]
            images = self._images([self._names[index] for index in some])
            items += [self._item(index, image) for index, image in zip(some, images, strict=True)]
        return items

    def _images(self, names: list[str]) -> list[NDArray[np.float32]]:
        stimuli = self.subject._stimuli()
        try:
            return list(stimuli.image_tensors(names))
        except DataIntegrityError:
            if len(names) == 1:
                raise
            # Images of several sizes have no common array.
            return [stimuli.image_tensors([name])[0] for name in names]

    def _item(self, index: int, image: NDArray[np.float32]) -> dict[str, Any]:
        place, row = self._places[index]
        shown_image: Any = torch.from_numpy(image)
        if self.image_transform is not None:
            shown_image = self.image_transform(shown_image)
        return {
            "betas": torch.from_numpy(self._betas(place)[row].copy()),
            "image": shown_image,
            "image_name": self._names[index],
            "session": self.sessions[place],
            "rep_index": self._repetitions[index],
        }


def _repetitions(table: pd.DataFrame, labels: list[str]) -> list[int]:
    """How many earlier trials of the table showed the image of each."""
    if "rep_index" in table:
        return [int(number) for number in table["rep_index"]]
    seen: dict[str, int] = {}
    numbers = []
    for label in labels:
        numbers.append(seen.get(label, 0))
        seen[label] = numbers[-1] + 1
    return numbers


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def __dir__() -> list[str]:
    return sorted(__all__)
