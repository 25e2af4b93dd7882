"""Slices of the brain as figures for papers, with matplotlib."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native, templates
from laion_fmri._errors import _invalid, _missing, _wrong_type
from laion_fmri._keywords import suggests

if TYPE_CHECKING:
    import os

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from laion_fmri._arguments import Roi, SessionName
    from laion_fmri.subject import Subject

__all__ = ["plot_slices"]

#: What the names of maps look like.
_NAME_OF_MAP = re.compile(r"(?i:nc|r2)|ses-[0-9]+|Noiseceiling[0-9A-Za-z]+")

_PLANES = ("axial", "coronal", "sagittal")


@suggests
def plot_slices(
    values: ArrayLike | str | os.PathLike[str] | Any,
    subject: Subject,
    *,
    roi: Roi | None = None,
    threshold: float | None = None,
    ax: Axes | None = None,
    plane: str = "axial",
    n_slices: int = 12,
    range: tuple[float, float] | None = None,
    colormap: str | None = None,
    opacity: float = 1.0,
    title: str | None = None,
    label: str | None = None,
    mask_source: str = "anatomical",
) -> Axes:
    """Draws values as slices over the anatomy, with matplotlib and the colours of the command ``figure``.

    The left of the brain is at the left. NaN is transparent and zero is a colour. Behind the values is the
    T1-weighted image if it is on disk, and else the brain as a grey area.

    Parameters
    ----------
    values : array_like, path or image
        One value for each voxel of the brain, or of `roi`; or a NIfTI file or nibabel image on the grid of
        the betas. A map of the dataset is drawn by its name with ``subject.plot_slices(map="nc")``.
    subject : Subject
        Whose values they are.
    roi : str or list of str, optional
        ROIs that are outlined; the slices go through them.
    threshold : float, optional
        Values below it are transparent; of a diverging map, those closer to zero.
    ax : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.
    plane : {"axial", "coronal", "sagittal"}
        The plane of the slices.
    n_slices : int
        At most so many slices.
    range : tuple of float, optional
        The values of the first and the last colour; by default those that leave out one percent of the values
        at either end. That of a diverging map is symmetric around zero.
    colormap : str, optional
        ``"viridis"``, ``"inferno"``, ``"cividis"``, ``"gray"``, or one of the diverging ``"blue-red"`` and
        ``"purple-orange"``. By default ``"blue-red"`` if there are negative values, else ``"viridis"``.
    opacity : float
        How much the colours hide of the anatomy, 0 to 1.
    title : str, optional
        What is written above the slices.
    label : str, optional
        What the values are, at the colour bar.
    mask_source : {"anatomical", "rsquare"}
        The brain mask that defines the voxels.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; ``ax.figure.savefig`` writes them to a file.

    Raises
    ------
    ImportError
        Without matplotlib: ``pip install "laion-fmri-rs[view]"``.
    TypeError
        If an argument is of another type.
    ValueError
        If there is not one value for each voxel, or an argument has no meaning.
    DataNotDownloadedError
        If masks or ROIs are not on disk.

    Examples
    --------
    >>> subject = laion_fmri.load_subject("sub-01")
    >>> ceiling = subject.get_noise_ceiling(desc="Noiseceiling12rep")
    >>> ax = laion_fmri.plot_slices(ceiling, subject, roi="FFA1", threshold=10, label="noise ceiling (%)")
    >>> ax.figure.savefig("ceiling.pdf")
    """
    _refuse_name_of_map(values, "subject.plot_slices(map={})")
    try:
        import matplotlib.pyplot as plt
        from matplotlib.colors import ListedColormap, Normalize
    except ImportError:
        raise _missing("slices are drawn with matplotlib", 'pip install "laion-fmri-rs[view]"') from None
    import numpy as np

    plane = _arguments.choice(plane, "plane", _PLANES)
    n_slices = _arguments.count(n_slices, "n_slices")
    opacity = _opacity(opacity)
    drawn = _Drawn.of(subject, values, roi, mask_source)
    scale = _Scale.of(drawn.values, colormap, range, threshold)
    options: _arguments.SliceOptions = {
        "plane": plane,
        "n_slices": n_slices,
        "threshold": scale.threshold,
        "is_diverging": scale.is_diverging,
    }
    found = _native.slices(subject._current(), drawn.values, drawn.voxels, drawn.region, options)
    background, shown = found["background"], found["values"]
    height, width = background.shape
    if ax is None:
        inches = 10.0
        _, ax = plt.subplots(figsize=(inches, 0.5 + inches * height / (width * 1.12)), layout="constrained")
    ax.set_facecolor("black")
    ax.imshow(background, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    low, high = scale.range
    image = ax.imshow(
        np.ma.masked_where(~scale.is_visible(shown), shown),
        cmap=ListedColormap(scale.table / 255.0),
        norm=Normalize(low, high),
        alpha=opacity,
        interpolation="nearest",
    )
    if found["region"] is not None and found["region"].any():
        for color, line in (("black", 2.0), ("white", 1.0)):
            ax.contour(found["region"], levels=[0.5], colors=color, linewidths=line)
    _write_texts(ax, found)
    ax.set(xticks=[], yticks=[], xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    if title is not None:
        ax.set_title(title)
    visible = drawn.values[scale.is_visible(drawn.values)]
    beyond = (bool((visible < low).any()), bool((visible > high).any()))
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}.get(beyond, "both")
    bar = ax.figure.colorbar(image, ax=ax, extend=extend, fraction=0.04, pad=0.02)
    bar.set_label(label or "")
    return ax


def _opacity(value: Any) -> float:
    opacity = _arguments.number(value, "opacity")
    if not 0 <= opacity <= 1:
        raise _invalid(f"opacity must be from 0 to 1, got {opacity}")
    return opacity


def _values_of(
    subject: Subject,
    values: Any,
    map: str | None,
    trial: tuple[SessionName, int] | None,
    mask_source: str,
) -> tuple[Any, str]:
    """The values that are meant, and what they are."""
    given = [name for name, it in (("values", values), ("map", map), ("trial", trial)) if it is not None]
    if len(given) != 1:
        got = ", ".join(given) or "none of them"
        raise _invalid(f"name one of values, map and trial, got {got}", 'map="nc", or trial=("ses-01", 0)')
    if trial is not None:
        if not isinstance(trial, tuple) or len(trial) != 2:
            message = f'trial must be a session and a row, such as ("ses-01", 17), got {trial!r}'
            raise _wrong_type(message, f"trial=({_arguments.code(trial)}, 0)" if _is_session(trial) else None)
        session, row = trial
        row = _arguments.count(row, "the row of trial")
        betas = subject.get_betas(_arguments.session(session), trials=[row], mask_source=mask_source)
        return betas[0], "beta"
    if map is None:
        _refuse_name_of_map(values, "map={}")
        return values, ""
    if not isinstance(map, str):
        raise _wrong_type(f"map must be a string, got {_arguments.typed(map)}")
    map = _name_of_map(map)
    _check_map(subject, map)
    if map == "r2":
        voxels = _arguments.voxels(None, None, mask_source)
        return _native.mean_r2(subject._current(), voxels), "R² (%)"
    desc = _native.usual_noise_ceiling(subject._current()) if map == "nc" else map
    which = {"session": desc} if desc.startswith("ses-") else {"desc": desc}
    return subject.get_noise_ceiling(mask_source=mask_source, **which), "noise ceiling (%)"


def _name_of_map(name: str) -> str:
    """A map by its name; the case of the short ones does not count."""
    return name.lower() if name.lower() in ("nc", "r2") else name


def _is_session(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("ses-")


def _refuse_name_of_map(values: Any, instead: str) -> None:
    """Refuse the name of a map in the place of values, where a text is the path of a file."""
    if isinstance(values, str) and _NAME_OF_MAP.fullmatch(values) and not Path(values).exists():
        raise _invalid(
            f"values is a file or an array, and {values!r} is the name of a map",
            instead.format(_arguments.code(_name_of_map(values))),
        )


def _check_map(subject: Subject, name: str) -> None:
    """Refuse a text that no map can be called. A map that is only not on disk is an error of its own."""
    if _NAME_OF_MAP.fullmatch(name):
        return
    known = ["nc", *_native.available_maps(subject._current())]
    if name not in known:
        message = f"there is no map {name!r}; maps: {', '.join(known)}"
        raise _invalid(message, _arguments.nearest(name, "map", known))


def _write_texts(ax: Axes, found: dict[str, Any]) -> None:
    """The place of each slice above it, and which side is which."""
    width = found["slice_width"]
    style = {"color": "white", "fontsize": 7, "va": "bottom"}
    left_mark, right_mark = found["marks"]
    for text, left, top in found["texts"]:
        ax.text(left + width / 2, top - 2, text, ha="center", **style)
        ax.text(left, top - 2, left_mark, ha="left", **style)
        ax.text(left + width, top - 2, right_mark, ha="right", **style)


@dataclass
class _Drawn:
    """Values with the voxels that they belong to, and the region that is outlined."""

    values: NDArray[np.float32]
    voxels: _arguments.VoxelArguments
    region: _arguments.VoxelArguments | None

    @staticmethod
    def of(subject: Subject, values: Any, roi: Roi | None, mask_source: str) -> _Drawn:
        _arguments.check_subject(subject)
        brain = _arguments.voxels(None, None, mask_source)
        region = None if roi is None else _arguments.voxels(roi, None, mask_source)
        rows, _ = templates._rows(subject, values, brain)
        if len(rows) != 1:
            raise _invalid(f"values must be one row, got {len(rows)} rows")
        voxels, expected = brain, subject.get_n_voxels(mask_source)
        if region is not None and rows.shape[1] != expected:
            # Values of the region alone.
            voxels = region
        return _Drawn(rows[0], voxels, region)


@dataclass
class _Scale:
    """The colours of values: those of the command ``figure`` and of the page."""

    table: NDArray[np.uint8]
    range: tuple[float, float]
    is_diverging: bool
    threshold: float

    @staticmethod
    def of(
        values: NDArray[np.float32],
        colormap: str | None,
        range: tuple[float, float] | None,
        threshold: float | None,
    ) -> _Scale:
        if range is not None:
            if not isinstance(range, (tuple, list)) or len(range) != 2:
                message = f"range must be two numbers, such as (0, 50), got {range!r}"
                raise _wrong_type(message, "range=(0, 50)")
            low, high = range
            range = (_arguments.number(low, "range"), _arguments.number(high, "range"))
        number = 0.0 if threshold is None else _arguments.number(threshold, "threshold")
        if number < 0:
            raise _invalid(f"threshold must not be negative, got {threshold!r}")
        colormap = _arguments.optional_text(colormap, "colormap")
        table, ends, is_diverging = _native.color_scale(values, colormap, range)
        return _Scale(table, ends, is_diverging, number)

    def is_visible(self, values: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which values are drawn."""
        import numpy as np

        size = np.abs(values) if self.is_diverging else values
        return ~np.isnan(values) & ((self.threshold <= 0) | (size >= self.threshold))

    def colors(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Red, green, blue and opacity of each value: 0 for those that are not drawn."""
        import numpy as np

        low, high = self.range
        share = (np.nan_to_num(values.astype(np.float64)) - low) / (high - low)
        steps = np.clip(np.floor(share * len(self.table)), 0, len(self.table) - 1).astype(np.intp)
        opacity = np.where(self.is_visible(values), 255, 0).astype(np.uint8)
        return np.concatenate([self.table[steps], opacity[..., np.newaxis]], axis=-1)


def __dir__() -> list[str]:
    return sorted(__all__)
