"""The embeddings of a model as an array on disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from laion_fmri import _arguments, _native, _notes
from laion_fmri._errors import _invalid, _wrong_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EmbeddingArray"]


class EmbeddingArray(NDArrayOperatorsMixin):
    """The vectors of a model as an array that is read when it is used.

    Indexing takes rows, slices, lists and flags as numpy does, and gives float16 arrays. What else an array
    has (``mean``, ``astype``, ``T``, operators, comparisons, functions of numpy) reads everything first;
    ``numpy.asarray(...)`` keeps it. A row that is marked as not valid is NaN in all of these, and a warning
    says so; asked for by name it is a KeyError.
    """

    ndim = 2

    def __init__(self, handle: _native.Embeddings) -> None:
        self._handle = handle
        self._marks: NDArray[np.bool_] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_images, n_features)``."""
        return self._handle.shape

    @property
    def dtype(self) -> np.dtype[np.float16]:
        """float16."""
        return np.dtype(np.float16)

    @property
    def size(self) -> int:
        """The number of values."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """The bytes of the whole array."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<embeddings {self.shape}, float16>"

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name for name in dir(np.ndarray) if name[0] != "_")})

    def __getattr__(self, name: str) -> Any:
        # Only what an array has, and nothing that Python looks for by itself, such as when it copies.
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(np.asarray(self), name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            message = "the embeddings are on disk: an array of them is always a copy"
            raise _invalid(message, "numpy.asarray(embeddings)")
        values = self._whole()
        return values if dtype is None else values.astype(dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **settings: Any) -> Any:
        if any(isinstance(out, EmbeddingArray) for out in settings.get("out", ())):
            message = "the embeddings are on disk, and no result can be put into them"
            raise _wrong_type(message, "embeddings = numpy.array(embeddings)")
        arrays = [np.asarray(it) if isinstance(it, EmbeddingArray) else it for it in inputs]
        return getattr(ufunc, method)(*arrays, **settings)

    def __bool__(self) -> bool:
        if self.size > 1:
            message = "the truth value of an array of several values is ambiguous"
            raise _invalid(message, "embeddings.any(), or embeddings.all()")
        return bool(np.asarray(self).any())

    def __iter__(self) -> Iterator[NDArray[np.float16]]:
        return iter(self[:])

    def __contains__(self, value: object) -> bool:
        return value in np.asarray(self)

    def _valid(self) -> NDArray[np.bool_]:
        if self._marks is None:
            self._marks = self._handle.valid()
        return self._marks

    def _whole(self) -> NDArray[np.float16]:
        return self._marked(self._handle.matrix(), ~self._valid())

    def _marked(self, values: NDArray[np.float16], invalid: NDArray[np.bool_]) -> NDArray[np.float16]:
        """Rows as they are, but NaN where the file says that they are not valid."""
        if invalid.any():
            values[invalid] = np.nan
            what = "row of the embeddings is" if invalid.sum() == 1 else "rows of the embeddings are"
            _notes.warn(f"{invalid.sum()} {what} marked as not valid, and NaN here")
        return values

    def __getitem__(self, key: Any) -> Any:
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
            values = self._whole() if whole else self._rows(wanted)
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
        """Some rows, in the order asked; those that are not valid are not read."""
        invalid = ~self._valid()[wanted]
        if not invalid.any():
            return self._handle.rows(wanted)
        values = np.empty((len(wanted), self.shape[1]), dtype=np.float16)
        values[~invalid] = self._handle.rows(np.asarray(wanted)[~invalid].tolist())
        return self._marked(values, invalid)
