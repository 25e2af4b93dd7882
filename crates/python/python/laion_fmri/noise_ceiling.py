"""Noise ceilings that were computed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["NoiseCeiling"]


@dataclass(repr=False)
class NoiseCeiling:
    """A noise ceiling of :meth:`laion_fmri.Subject.nc_compute`.

    Attributes
    ----------
    values : ndarray of float32, shape (n_voxels,)
        In percent, 0 to 100.
    voxels : ndarray of bool, shape (n_brain_voxels,)
        Which voxels of the voxel axis the values are of.
    record : dict
        Every convention and count.
    noise_alone : float
        The noise ceiling, in percent, that a voxel of pure noise is expected to have: 0 with a
        `residual_ddof` of 1, and 50 or more with the default of 0 and the mean of 1/n.
    """

    values: NDArray[np.float32]
    voxels: NDArray[np.bool_]
    record: dict[str, Any]
    noise_alone: float

    def __repr__(self) -> str:
        return f"NoiseCeiling({self.values.shape[0]} voxels of {self.voxels.shape[0]})"


def __dir__() -> list[str]:
    return sorted(__all__)
