"""Embeddings of the images by vision models."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native
from laion_fmri._constants import AVAILABLE_MODELS
from laion_fmri._errors import UnknownNameError, _invalid
from laion_fmri._paths import embeddings_path
from laion_fmri.config import get_data_dir

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["AVAILABLE_MODELS", "Embeddings", "load_embeddings"]


def _model(name: object) -> str:
    """A model by its name; case does not count."""
    if not isinstance(name, str):
        raise TypeError(f"model must be a string, got {type(name).__name__}")
    for known in AVAILABLE_MODELS:
        if known.lower() == name.lower():
            return known
    raise _invalid(f"unknown embedding model {name!r} (expected {', '.join(AVAILABLE_MODELS)})")


def _models(models: object) -> list[str]:
    if isinstance(models, str) and models == "all":
        return list(AVAILABLE_MODELS)
    return list(dict.fromkeys(map(_model, _arguments.texts(models, "models"))))


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

    Raises
    ------
    ValueError
        For an unknown model.
    StimuliNotDownloadedError
        If a file is not on disk.
    """
    return Embeddings(_models(models), data_dir)


class Embeddings:
    """Embeddings by model. Files are opened when a vector is looked up.

    Parameters
    ----------
    models : str or list of str
        As for :func:`load_embeddings`.
    data_dir : path, optional
        The data directory; the configured one by default.
    """

    def __init__(self, models: str | Iterable[str], data_dir: str | os.PathLike[str] | None = None) -> None:
        from laion_fmri._errors import StimuliNotDownloadedError

        self._data_dir = get_data_dir() if data_dir is None else os.fspath(data_dir)
        self._names = _models(models)
        self._arrays: dict[str, EmbeddingArray] = {}
        for model in self._names:
            path = embeddings_path(self._data_dir, model)
            if not path.is_file():
                error = StimuliNotDownloadedError(
                    f"the embeddings by {model}: not on disk, expected at {path}"
                )
                error.hint = f"laion_fmri.download_embeddings({model!r})"
                raise error

    def __enter__(self) -> Embeddings:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"_data_dir": self._data_dir, "_names": self._names, "_arrays": {}}

    def __repr__(self) -> str:
        return f"Embeddings({self._names!r}, {self._data_dir!r})"

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
        if model not in self._names:
            raise _unknown(model, self._names)
        if model not in self._arrays:
            path = embeddings_path(self._data_dir, model)
            self._arrays[model] = EmbeddingArray(_native.Embeddings.open(path, model))
        return self._arrays[model]

    def get(self, model: str, names: str | Iterable[str]) -> NDArray[np.float16]:
        """One vector by image name, shape (n_features,), or several, shape (n, n_features)."""
        handle = self[model]._handle
        if isinstance(names, str):
            return handle.get(names)
        return handle.get_many(_arguments.texts(names, "names"))


def _unknown(model: object, known: list[str]) -> UnknownNameError:
    return UnknownNameError(f"no embeddings by {model!r} are open (open: {', '.join(known)})")


class EmbeddingArray:
    """The vectors of a model as an array that is read when it is indexed.

    Indexing takes rows, slices, lists and flags as numpy does, and gives float16 arrays;
    ``numpy.asarray(...)`` reads everything.
    """

    ndim = 2

    def __init__(self, handle: _native.Embeddings) -> None:
        self._handle = handle

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_images, n_features)``."""
        return self._handle.shape

    @property
    def dtype(self) -> np.dtype[np.float16]:
        """float16."""
        import numpy as np

        return np.dtype(np.float16)

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<embeddings {self.shape}, float16>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the embeddings are on disk: an array of them is always a copy")
        values = self._handle.matrix()
        return values if dtype is None else values.astype(dtype)

    def __iter__(self) -> Iterator[NDArray[np.float16]]:
        return iter(self[:])

    def __getitem__(self, key: Any) -> Any:
        import numpy as np

        rows, rest = (key[0], key[1:]) if isinstance(key, tuple) and key else (key, ())
        if (isinstance(key, tuple) and not key) or rows is Ellipsis:
            return np.asarray(self)[key]
        if not all(isinstance(part, (slice, int)) for part in rest):
            # Lists for both axes choose single values.
            return np.asarray(self)[key]
        length = len(self)
        if isinstance(rows, slice):
            start, stop, step = rows.indices(length)
            whole = (start, stop, step) == (0, length, 1)
            wanted = list(range(start, stop, step))
            values = self._handle.matrix() if whole else self._rows(wanted)
            return values[(slice(None), *rest)] if rest else values
        array = np.asarray(rows)
        if array.ndim == 0 and array.dtype.kind in "iu":
            row = _arguments.index(rows, length, "row")
            values = self._rows([row])[0]
            return values[rest] if rest else values
        if array.dtype == np.bool_ and array.shape == (length,):
            array = np.flatnonzero(array)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            return np.asarray(self)[key]
        wanted = [_arguments.index(row, length, "row") for row in array.tolist()]
        values = self._rows(wanted)
        return values[(slice(None), *rest)] if rest else values

    def _rows(self, wanted: list[int]) -> NDArray[np.float16]:
        """Rows as they are in the file, as all of them are in the whole array."""
        try:
            return self._handle.rows(wanted)
        except UnknownNameError:
            # A row that is marked as not valid is refused when it is asked for alone.
            values: NDArray[np.float16] = self._handle.matrix()[wanted]
            return values
