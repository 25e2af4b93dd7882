"""The stimulus side of the dataset by image name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native, _paths, _tables
from laion_fmri._constants import STIMULI_METADATA_FILE
from laion_fmri._errors import _invalid, _wrong_type
from laion_fmri._keywords import suggests
from laion_fmri.captions import Captions
from laion_fmri._opened import Closing
from laion_fmri.config import _directories, _open
from laion_fmri.embeddings import Embeddings
from laion_fmri.segmentations import Segmentations

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from PIL import Image

    from laion_fmri.subject import Subject

__all__ = ["Images", "Stimuli", "as_displayed_rgb", "load_stimuli"]

#: The grey of the screen, which shows through transparent pixels.
_BACKGROUND = (128, 128, 128)


def as_displayed_rgb(image: Image.Image) -> Image.Image:
    """An image as the screen showed it.

    Parameters
    ----------
    image : PIL.Image.Image
        Of any mode.

    Returns
    -------
    PIL.Image.Image
        RGB, transparent pixels on grey 128.

    Raises
    ------
    TypeError
        If it is no image of Pillow.
    OSError
        If the data of the image are damaged.
    """
    from PIL import Image

    if not isinstance(image, Image.Image):
        raise _wrong_type(f"image must be an image of Pillow, got {_arguments.typed(image)}")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, (*_BACKGROUND, 255))
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def _image(encoded: bytes, as_displayed: bool) -> Image.Image:
    from PIL import Image

    image = Image.open(BytesIO(encoded))
    return as_displayed_rgb(image) if _arguments.flag(as_displayed, "as_displayed") else image


def load_stimuli(data_dir: str | os.PathLike[str] | None = None) -> Stimuli:
    """The stimulus side of the dataset.

    Parameters
    ----------
    data_dir : path, optional
        The data directory; the configured one by default.

    Returns
    -------
    Stimuli
        By image name; files are opened when they are needed.

    Raises
    ------
    DataDirNotSetError
        If no data directory is configured.
    StimuliNotDownloadedError
        If the table of images or the images are not on disk; it is a FileNotFoundError.
    """
    return Stimuli(data_dir)


class Stimuli(Closing):
    """Images, embeddings, object masks and captions by image name. Files are opened when needed.

    Parameters
    ----------
    data_dir : path, optional
        The data directory; the configured one by default.

    Raises
    ------
    DataDirNotSetError
        If no data directory is configured.
    StimuliNotDownloadedError
        If the table of images or the images are not on disk; it is a FileNotFoundError.
    """

    def __init__(self, data_dir: str | os.PathLike[str] | None = None) -> None:
        from laion_fmri.config import get_data_dir

        self.data_dir = (
            get_data_dir() if data_dir is None else str(_arguments.path(data_dir, "data_dir"))
        )
        self._native.require()

    @cached_property
    def _native(self) -> _native.Stimuli:
        return _open(self.data_dir).stimuli()

    def __getstate__(self) -> dict[str, Any]:
        return {"data_dir": self.data_dir}

    def __repr__(self) -> str:
        head = f"Stimuli({self.data_dir!r})"
        try:
            parts = [f"{len(self.images)} images"]
            parts += self._native.embedding_models()
        except Exception as error:
            return f"{head}: {type(error).__name__}"
        return f"{head}: {', '.join(parts)}"

    def close(self) -> None:
        """Close the files; the next access opens them again."""
        self.__dict__.pop("_native", None)

    @property
    def metadata(self) -> pd.DataFrame:
        """The table of images, one row for each."""
        text = self._native.table(STIMULI_METADATA_FILE)
        return _tables.read(text, ",", _paths.stimuli_metadata_path(""), _directories(self.data_dir, {}))

    @property
    def images(self) -> Images:
        """The images."""
        return Images(self)

    @property
    def embeddings(self) -> Embeddings:
        """The embeddings of all models on disk."""
        return Embeddings(self._native.embedding_models(), self.data_dir)

    @property
    def segmentations(self) -> Segmentations:
        """The object masks."""
        return Segmentations._of(self._native, self.data_dir)

    @property
    def captions(self) -> Captions:
        """The captions."""
        return Captions._of(self._native, self.data_dir)

    @suggests
    def query(
        self,
        *,
        noun: str | list[str] | None = None,
        caption: str | list[str] | None = None,
        dataset: str | list[str] | None = None,
        repetitions: int | str | None = None,
        stimuli: str | None = None,
        seen_by: Subject | str | None = None,
    ) -> list[str]:
        """The images that fulfil all conditions, in the order of the table of images.

        Parameters
        ----------
        noun : str or list of str, optional
            Images with a localized mask of this noun; of several, with all.
        caption : str or list of str, optional
            Images of which a caption holds this text; case does not count.
        dataset : str or list of str, optional
            Images from this collection, such as ``"NSD"``; of several, from any.
        repetitions : int or str, optional
            Images that were planned to be shown this often: ``12`` or ``"12rep"``.
        stimuli : {"shared", "unique"}, optional
            Images of this set.
        seen_by : Subject or str, optional
            Images that this subject saw in the sessions on disk.

        Returns
        -------
        list of str
            The names of the images.

        Raises
        ------
        ValueError
            For a noun or a collection that no image has; it names the nearest.
        """
        many = [
            [] if value is None else _arguments.texts(value, name)
            for name, value in (("noun", noun), ("caption", caption), ("dataset", dataset))
        ]
        subject = None if seen_by is None else self._subject(seen_by)._handle()
        chosen = _arguments.stimulus_set(stimuli)
        often = _repetitions(repetitions)
        return self._native.query(many[0], many[1], many[2], often, chosen, subject)

    def _subject(self, seen_by: object) -> Subject:
        from laion_fmri.subject import Subject, resolve_subject_id

        if isinstance(seen_by, Subject):
            return seen_by
        if not isinstance(seen_by, str):
            number = _arguments.as_integer(seen_by)
            hint = None if number is None or number < 0 else f'seen_by="sub-{number:02d}"'
            got = _arguments.typed(seen_by)
            raise _wrong_type(f"seen_by must be a Subject or its id, got {got}", hint)
        return Subject(resolve_subject_id(seen_by), self.data_dir)


def _repetitions(value: object) -> int | None:
    """``12`` and ``"12rep"`` are 12."""
    if value is None:
        return None
    if isinstance(value, str):
        digits = value.strip().removesuffix("rep")
        if not digits.isdecimal():
            message = f'repetitions must be a number such as 12 or "12rep", got {value!r}'
            raise _invalid(message, "repetitions=12")
        return int(digits)
    return _arguments.count(value, "repetitions")


class Images:
    """The images by name or by row of the table of images.

    Parameters
    ----------
    stimuli : Stimuli
        What they belong to: they are its :attr:`Stimuli.images`.
    """

    def __init__(self, stimuli: Stimuli) -> None:
        self._stimuli = stimuli

    def __repr__(self) -> str:
        return f"<Images: {len(self)} of {self._stimuli.data_dir}>"

    @property
    def metadata(self) -> pd.DataFrame:
        """The table of images."""
        return self._stimuli.metadata

    def __len__(self) -> int:
        return len(self.names())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._stimuli._native.has_image(name)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Each name with the stored bytes."""
        return ((name, self[name]) for name in self.names())

    def __getitem__(self, key: str | int) -> bytes:
        """The stored bytes of an image; KeyError, IndexError or TypeError for another key."""
        return self._stimuli._native.image_bytes(self._name(key))

    def _name(self, key: Any) -> str:
        if isinstance(key, str):
            return key
        if _arguments.as_integer(key) is None:
            got = _arguments.typed(key)
            raise _wrong_type(f"key must be the name or the row of an image, got {got}")
        names = self.names()
        return names[_arguments.index(key, len(names), "image")]

    def names(self) -> list[str]:
        """The names of the images.

        Returns
        -------
        list of str
            In the order of the table of images.

        Raises
        ------
        StimuliNotDownloadedError
            If the images are not on disk.
        """
        return self._stimuli._native.image_names()

    def index_of(self, name: str) -> int:
        """The row of an image in the table of images.

        Parameters
        ----------
        name : str
            The name of the image.

        Returns
        -------
        int
            Counted from 0.

        Raises
        ------
        KeyError
            For an unknown name; it lists the nearest.
        StimuliNotDownloadedError
            If the images are not on disk.
        """
        return self._stimuli._native.image_row(_arguments.text(name, "name"))

    def get(self, key: str | int, *, as_displayed: bool = True) -> Image.Image:
        """One image.

        Parameters
        ----------
        key : str or int
            The name, or the row of the table of images; negative ones count from the end.
        as_displayed : bool
            In RGB on the grey of the screen; ``False`` for the image as it is stored.

        Returns
        -------
        PIL.Image.Image
            Decoded when it is used.

        Raises
        ------
        KeyError, IndexError, TypeError
            For an unknown name, a row that does not exist, or another key.
        StimuliNotDownloadedError
            If the images are not on disk.
        """
        return _image(self[key], as_displayed)

    def array(self, keys: list[str] | list[int]) -> NDArray[np.uint8]:
        """Images as displayed.

        Parameters
        ----------
        keys : list of str or list of int
            Names, or rows of the table of images.

        Returns
        -------
        ndarray of uint8, shape (n_images, height, width, 3)
            In the order of the keys; each image is decoded once, on all cores.

        Raises
        ------
        KeyError, IndexError, TypeError
            For an unknown name, a row that does not exist, or another key.
        DataIntegrityError
            If an image is damaged, or images differ in size.
        StimuliNotDownloadedError
            If the images are not on disk.
        """
        return self._stimuli._native.image_array([self._name(key) for key in keys])


def __dir__() -> list[str]:
    return sorted(__all__)
