"""Object masks of the shared images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _paths
from laion_fmri._opened import StimulusTable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Segmentations"]


class Segmentations(StimulusTable):
    """Object masks by image name, noun and instance.

    Parameters
    ----------
    data_dir : path, optional
        The data directory; the configured one by default.

    Raises
    ------
    StimuliNotDownloadedError
        If the table of masks is not on disk.
    """

    def _require(self) -> None:
        self._native.n_masks()

    def __repr__(self) -> str:
        return f"<Segmentations: {len(self)} masks>"

    @property
    def metadata(self) -> pd.DataFrame:
        """The table of masks, one row for each."""
        return self._table(_paths.segmentations_metadata_path(""))

    def __len__(self) -> int:
        return self._native.n_masks()

    def __getitem__(self, mask_row: Any) -> NDArray[np.uint8]:
        """A mask by its row, uint8 of shape (1000, 1000)."""
        row = _arguments.index(mask_row, len(self), "mask")
        mask: NDArray[np.uint8] = self._native.masks([row])[0]
        return mask

    def get(self, name: str, noun: str, instance: int = 0) -> NDArray[np.uint8]:
        """One mask of an image.

        Parameters
        ----------
        name, noun : str
            The image, and what the mask is of.
        instance : int
            Which of several masks of the noun, counted from 0.

        Returns
        -------
        ndarray of uint8, shape (1000, 1000)
            1 where the object is, 0 elsewhere.

        Raises
        ------
        ValueError
            For a negative instance.
        KeyError
            If the image has no such mask; it lists the instances of the noun, or the nouns of the image.
        StimuliNotDownloadedError
            If the masks are not on disk.
        """
        number = _arguments.count(instance, "instance")
        return self._native.mask(_arguments.text(name, "name"), _arguments.text(noun, "noun"), number)

    def for_image(self, name: str) -> pd.DataFrame:
        """The rows of the table of masks for an image.

        Parameters
        ----------
        name : str
            The name of the image.

        Returns
        -------
        DataFrame
            The columns of :attr:`metadata`; no rows for an image without masks.

        Raises
        ------
        DataIntegrityError
            If the table of masks is damaged.
        """
        table = self.metadata
        return table[table["image_name"] == _arguments.text(name, "name")].reset_index(drop=True)

    def nouns(self, name: str, localized_only: bool = True) -> list[str]:
        """What masks of an image are of.

        Parameters
        ----------
        name : str
            The name of the image.
        localized_only : bool
            Only nouns with a place in the image; ``False`` adds those that were detected without one.

        Returns
        -------
        list of str
            Nouns in the order of the table, each once; none for an image without masks.

        Raises
        ------
        DataIntegrityError
            If the table of masks is damaged.
        """
        localized_only = _arguments.flag(localized_only, "localized_only")
        return self._native.nouns(_arguments.text(name, "name"), localized_only)

    def has_image(self, name: str) -> bool:
        """Whether an image has masks.

        Parameters
        ----------
        name : str
            The name of the image.

        Returns
        -------
        bool
            ``False`` for an unknown image too.

        Raises
        ------
        DataIntegrityError
            If the table of masks is damaged.
        """
        return self._native.is_segmented(_arguments.text(name, "name"))

    def images(self) -> list[str]:
        """The images with masks.

        Returns
        -------
        list of str
            Their names, sorted.

        Raises
        ------
        DataIntegrityError
            If the table of masks is damaged.
        """
        return sorted(self._native.segmented_images())


def __dir__() -> list[str]:
    return sorted(__all__)
