"""What the classes over stimulus files have in common: closing, and a table behind a handle."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from laion_fmri import _native, _tables
from laion_fmri._native import Stimuli as NativeStimuli
from laion_fmri.config import _directories, _open

if TYPE_CHECKING:
    import pandas as pd

_C = TypeVar("_C", bound="Closing")
_T = TypeVar("_T", bound="StimulusTable")


class Closing:
    """Closes itself at the end of a ``with`` statement."""

    def __enter__(self: _C) -> _C:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; the next access opens them again."""


class StimulusTable(Closing):
    """A table of the stimulus side, which has to be on disk; it pickles by its directory."""

    _native: NativeStimuli
    _data_dir: str | os.PathLike[str] | None

    def __init__(self, data_dir: str | os.PathLike[str] | None = None) -> None:
        self._native = _open(data_dir).stimuli()
        self._data_dir = data_dir
        self._require()

    @classmethod
    def _of(cls: type[_T], native: NativeStimuli, data_dir: str | None = None) -> _T:
        new = cls.__new__(cls)
        new._native, new._data_dir = native, data_dir
        return new

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._data_dir,))

    def _table(self, file: Path) -> pd.DataFrame:
        """The whole table, by its place in the dataset."""
        roots = _directories(self._data_dir, _native.configured() if self._data_dir is None else {})
        return _tables.read(self._native.table(file.name), ",", file, roots)

    def _require(self) -> None:
        """Raise if the table is not on disk."""
        raise NotImplementedError
