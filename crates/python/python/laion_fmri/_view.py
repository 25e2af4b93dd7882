"""The brain of a subject in a notebook: a widget of ipyniivue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native
from laion_fmri._errors import DataNotDownloadedError, _missing
from laion_fmri.slices import _Drawn, _opacity, _Scale

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from laion_fmri._arguments import Roi
    from laion_fmri.subject import Subject

#: Red, green, blue and opacity of a voxel, as NIfTI stores them.
_COLOR = [("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")]
_WHITE = (255, 255, 255, 255)


@dataclass
class Colors:
    """How values are coloured, as the caller has it."""

    range: tuple[float, float] | None
    colormap: str | None
    threshold: float | None
    opacity: float


def widget(
    subject: Subject,
    values: Any,
    roi: Roi | None,
    colors: Colors,
    mask_source: str,
    label: str,
) -> Any:
    """The widget: the anatomy in grey, the values in colour, and the outline of the ROIs."""
    try:
        import nibabel as nib
        from ipyniivue import NiiVue, Volume
    except ImportError:
        raise _missing("the brain is shown with ipyniivue", 'pip install "laion-fmri-rs[view]"') from None
    import numpy as np

    drawn = _Drawn.of(subject, values, roi, mask_source)
    scale = _Scale.of(drawn.values, colors.colormap, colors.range, colors.threshold)
    opacity = _opacity(colors.opacity)
    shape, affine = _native.brain_grid(subject._current(), mask_source)
    brain = subject.get_brain_mask(mask_source)

    def on_grid(chosen: NDArray[np.bool_] | None, colors: NDArray[np.uint8]) -> bytes:
        """Colours of some voxels of the brain as a file; all others are transparent."""
        cells = np.zeros((*shape, 4), np.uint8)
        places = np.flatnonzero(brain)
        cells.reshape(-1, 4)[places if chosen is None else places[chosen]] = colors
        # A transparent voxel on every side: a viewer draws the edge on and on.
        cells = np.pad(cells, ((1, 1), (1, 1), (1, 1), (0, 0)))
        shifted = affine.copy()
        shifted[:3, 3] -= affine[:3, :3].sum(axis=1)
        image = nib.Nifti1Image(cells.view(np.dtype(_COLOR))[..., 0], shifted)
        return bytes(image.to_bytes())

    def chosen_by(voxels: _arguments.VoxelArguments) -> NDArray[np.bool_] | None:
        return None if voxels[0] is None else subject.get_roi_mask(voxels[0], mask_source=mask_source)

    grey = np.full((int(np.count_nonzero(brain)), 4), 88, "u1")
    volumes = [_anatomy(subject, Volume, lambda: on_grid(None, grey))]
    painted = on_grid(chosen_by(drawn.voxels), scale.colors(drawn.values))
    name = f"{label or 'values'}.nii"
    volumes.append(Volume(data=painted, name=name, opacity=opacity, colorbar_visible=False))
    if drawn.region is not None:
        flags = np.zeros(int(np.prod(shape)), bool)
        flags[np.flatnonzero(brain)[chosen_by(drawn.region)]] = True
        edge = _edge(flags.reshape(shape)).ravel()[brain]
        outline = on_grid(edge, np.broadcast_to(np.array(_WHITE, "u1"), (int(edge.sum()), 4)))
        volumes.append(Volume(data=outline, name="outline.nii", colorbar_visible=False))
    viewer = NiiVue(height=480)
    viewer.load_volumes(volumes)
    return viewer


def _anatomy(subject: Subject, volume: Any, silhouette: Any) -> Any:
    """The T1-weighted image, or the brain as a grey area where it is not on disk."""
    for res in ("1pt8", None):
        try:
            path = subject.get_t1w(res=res)
        except DataNotDownloadedError:
            continue
        return volume(path=path, name=path.name, colormap="gray", colorbar_visible=False)
    return volume(data=silhouette(), name="brain.nii", colorbar_visible=False)


def _edge(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The voxels of a region that have a neighbour outside of it."""
    import numpy as np

    padded = np.pad(flags, 1)
    inner = np.ones_like(flags)
    for axis in (0, 1, 2):
        for shift in (-1, 1):
            inner &= np.roll(padded, shift, axis)[1:-1, 1:-1, 1:-1]
    return flags & ~inner
