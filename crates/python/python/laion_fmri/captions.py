"""Captions of the images."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from laion_fmri import _arguments, _paths
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
        return self._table(_paths.captions_path(""))

    def __len__(self) -> int:
        return len(self.metadata)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self._native.captions(name, None))

    def images(self) -> builtins.list[str]:
        """The images with captions.

        Returns
        -------
        list of str
            Their names, sorted.

        Raises
        ------
        DataIntegrityError
            If the table of captions is damaged.
        """
        return sorted(self._native.captioned_images())

    def get(self, name: str) -> pd.DataFrame:
        """The rows of the table for an image.

        Parameters
        ----------
        name : str
            The name of the image.

        Returns
        -------
        DataFrame
            The columns of :attr:`metadata`, in the order of the table; no rows for an unknown image.

        Raises
        ------
        DataIntegrityError
            If the table of captions is damaged.
        """
        table = self.metadata
        return table[table["image_name"] == _arguments.text(name, "name")].reset_index(drop=True)

    def human(self, name: str, limit: int | None = None) -> builtins.list[str]:
        """The captions of an image that people wrote.

        Parameters
        ----------
        name : str
            The name of the image.
        limit : int, optional
            At most this many; all by default.

        Returns
        -------
        list of str
            In the order of their rank; none for an unknown image.

        Raises
        ------
        DataIntegrityError
            If the table of captions is damaged.
        """
        most = None if limit is None else _arguments.count(limit, "limit")
        return self._native.captions(_arguments.text(name, "name"), "human")[:most]

    def ai(self, name: str) -> str | None:
        """The caption of an image that a model wrote.

        Parameters
        ----------
        name : str
            The name of the image.

        Returns
        -------
        str or None
            None for an image without one.

        Raises
        ------
        DataIntegrityError
            If the table of captions is damaged.
        """
        return next(iter(self._native.captions(_arguments.text(name, "name"), "ai")), None)

    def list(self, name: str, source: str | None = None) -> builtins.list[str]:
        """All captions of an image.

        Parameters
        ----------
        name : str
            The name of the image.
        source : {"human", "ai"}, optional
            Only those of people or of a model.

        Returns
        -------
        list of str
            In the order of the table; none for an unknown image.

        Raises
        ------
        ValueError
            For another source.
        DataIntegrityError
            If the table of captions is damaged.
        """
        wanted = None if source is None else _arguments.choice(source, "source", ("human", "ai"))
        return self._native.captions(_arguments.text(name, "name"), wanted)


def __dir__() -> list[str]:
    return sorted(__all__)
