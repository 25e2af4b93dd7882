"""Captions of the images."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from laion_fmri import _tables
from laion_fmri._constants import CAPTIONS_FILE
from laion_fmri._opened import StimulusTable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Captions"]


class Captions(StimulusTable):
    """Captions by image name.

    Parameters
    ----------
    data_dir : path, optional
        The data directory; the configured one by default.

    Raises
    ------
    StimuliNotDownloadedError
        If the table of captions is not on disk.
    """

    def _require(self) -> None:
        self._native.captioned_images()

    def __repr__(self) -> str:
        return f"<Captions: {len(self.images())} images>"

    @property
    def metadata(self) -> pd.DataFrame:
        """The table of captions, one row for each."""
        return _tables.read(self._native.table(CAPTIONS_FILE), ",")

    def __len__(self) -> int:
        return len(self.metadata)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._native.captions(name, None))

    def images(self) -> builtins.list[str]:
        """The images with captions, sorted."""
        return sorted(self._native.captioned_images())

    def get(self, name: str) -> pd.DataFrame:
        """The rows of the table for an image, in their order; none for an unknown image."""
        table = self.metadata
        return table[table["image_name"] == name].reset_index(drop=True)

    def human(self, name: str, limit: int | None = None) -> builtins.list[str]:
        """The human captions of an image in the order of their rank, at most `limit`."""
        return self._native.captions(name, "human")[:limit]

    def ai(self, name: str) -> str | None:
        """The caption by a model, if the image has one."""
        return next(iter(self._native.captions(name, "ai")), None)

    def list(self, name: str, source: str | None = None) -> builtins.list[str]:
        """All captions of an image, or those of ``"human"`` or ``"ai"``."""
        return self._native.captions(name, source)
