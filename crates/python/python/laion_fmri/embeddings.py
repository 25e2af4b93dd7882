"""Embeddings of the images by vision models."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native
from laion_fmri._constants import AVAILABLE_MODELS
from laion_fmri._errors import (
    StimuliNotDownloadedError,
    UnknownNameError,
    _hinted,
    _invalid,
    _wrong_type,
)
from laion_fmri._paths import embeddings_path
from laion_fmri._opened import Closing
from laion_fmri.config import _named, get_data_dir

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from laion_fmri._embedding_array import EmbeddingArray

__all__ = ["AVAILABLE_MODELS", "Embeddings", "load_embeddings"]


def _model(name: object) -> str:
    """A model by its name; case does not count."""
    if not isinstance(name, str):
        raise _wrong_type(f"model must be a string, got {_arguments.typed(name)}")
    for known in AVAILABLE_MODELS:
        if known.lower() == name.lower():
            return known
    message = f"unknown embedding model {name!r} (expected {', '.join(AVAILABLE_MODELS)})"
    raise _invalid(message, _arguments.nearest(name, "model", AVAILABLE_MODELS))


def _models(models: object, name: str = "models") -> list[str]:
    if _arguments.is_all(models):
        return list(AVAILABLE_MODELS)
    return list(dict.fromkeys(map(_model, _arguments.texts(models, name))))


def load_embeddings(
    models: str | Iterable[str] = "all", data_dir: str | os.PathLike[str] | None = None
) -> Embeddings:
    """The embeddings by one model, several, or all.

    Parameters
    ----------
    models : str or list of str
        ``"CLIP"``, ``"DINOv2"``, ``"PEcore"``, ``"SigLIP2"``, or ``"all"``.
    data_dir : path, optional
        The data directory; the configured one by default.

    Returns
    -------
    Embeddings
        By model; nothing is read before a vector is looked up.

    Raises
    ------
    ValueError
        For an unknown model.
    StimuliNotDownloadedError
        If a file is not on disk.
    """
    return Embeddings(_models(models), data_dir)


class Embeddings(Closing):
    """Embeddings by model. Files are opened when a vector is looked up.

    Parameters
    ----------
    models : str or list of str
        As for :func:`load_embeddings`.
    data_dir : path, optional
        The data directory; the configured one by default.

    Raises
    ------
    ValueError
        For an unknown model.
    StimuliNotDownloadedError
        If a file is not on disk.
    """

    def __init__(self, models: str | Iterable[str], data_dir: str | os.PathLike[str] | None = None) -> None:
        self._data_dir = (
            get_data_dir() if data_dir is None else str(_arguments.path(data_dir, "data_dir"))
        )
        self._names = _models(models)
        self._arrays: dict[str, EmbeddingArray] = {}
        for model in self._names:
            path = embeddings_path(self._data_dir, model)
            if not path.is_file():
                message = f"the embeddings by {model}: not on disk, expected at {path}"
                name = f"{_arguments.code(model)}{_named(self._data_dir)}"
                fetch = f"laion_fmri.download_embeddings({name})"
                raise _hinted(StimuliNotDownloadedError, message, fetch)

    def __getstate__(self) -> dict[str, Any]:
        return {"_data_dir": self._data_dir, "_names": self._names, "_arrays": {}}

    def __repr__(self) -> str:
        return f"Embeddings({self._names!r}, {self._data_dir!r})"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._names)

    def close(self) -> None:
        """Close the files; the next access opens them again."""
        self._arrays.clear()

    @property
    def models(self) -> list[str]:
        """The models."""
        return list(self._names)

    @property
    def image_ids(self) -> list[str]:
        """The image of each row, the same for all models."""
        if not self._names:
            return []
        return self[self._names[0]]._handle.image_ids()

    def __len__(self) -> int:
        return len(self[self._names[0]]) if self._names else 0

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, key: object) -> bool:
        """Whether a model is there, or ``(model, image)``."""
        if isinstance(key, tuple) and len(key) == 2:
            model, name = key
            return model in self._names and self[model]._handle.contains(str(name))
        return key in self._names

    def __getitem__(self, model: str) -> EmbeddingArray:
        """All vectors of a model, read as far as they are indexed."""
        from laion_fmri._embedding_array import EmbeddingArray

        if model not in self._names:
            raise _unknown(model, self._names)
        if model not in self._arrays:
            path = embeddings_path(self._data_dir, model)
            self._arrays[model] = EmbeddingArray(_native.Embeddings.open(path, model))
        return self._arrays[model]

    def get(self, model: str, names: str | Iterable[str]) -> NDArray[np.float16]:
        """The vectors of images by their names.

        Parameters
        ----------
        model : str
            One of :attr:`models`.
        names : str or list of str
            The name of one image, or of several.

        Returns
        -------
        ndarray of float16, shape (n_features,)
            Of several images, shape (n_images, n_features), in the order of the names.

        Raises
        ------
        KeyError
            For a model that is not open, an unknown image, or a vector that is marked as not valid.
        DataIntegrityError
            If the file is damaged.
        """
        handle = self[_arguments.text(model, "model")]._handle
        if isinstance(names, str):
            return handle.get(names)
        return handle.get_many(_arguments.texts(names, "names"))


def _unknown(model: object, known: list[str]) -> UnknownNameError:
    message = f"no embeddings by {model!r} are open (open: {', '.join(known)})"
    if model in AVAILABLE_MODELS:
        name = _arguments.code(model)
        hint = f"laion_fmri.download_embeddings({name}); laion_fmri.load_embeddings({name})"
    else:
        hint = f"the models are {', '.join(AVAILABLE_MODELS)}"
    return _hinted(UnknownNameError, message, hint)


def __dir__() -> list[str]:
    return sorted(__all__)
