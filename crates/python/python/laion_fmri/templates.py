"""Values of a subject on surfaces and in template space."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from laion_fmri import _arguments, _native
from laion_fmri._errors import _invalid, _wrong_type
from laion_fmri._sessions import one_session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from laion_fmri._arguments import Roi, SessionName
    from laion_fmri.subject import Subject

__all__ = ["surface_to_template", "to_template", "volume_to_surface", "volume_to_template"]

_SURFACES = ("fsaverage", "fsnative")
_VOLUMES = ("MNI305",)
_ROUTES = ("auto", "surface", "volume")
_HEMISPHERES = ("L", "R")
_INTERPOLATIONS = ("linear", "nearest")
_DENSITIES = ("fsaverage5", "fsaverage6", "fsaverage7", "fsaverage", "10k", "41k", "164k")

_Path = str | os.PathLike[str]


def to_template(
    subject: Subject,
    values: Any,
    target: str,
    *,
    hemi: str | None = None,
    route: str = "auto",
    surface: str = "white",
    fsaverage_density: str = "fsaverage5",
    fslr_density: str = "32k",
    interpolation: str = "linear",
    output_dir: _Path | None = None,
    desc: str | None = None,
    session: SessionName | None = None,
    roi: Roi | None = None,
    mask: ArrayLike | None = None,
    mask_source: str = "anatomical",
    depths: Sequence[float] | None = None,
    volume_interpolation: str = "nearest",
    fsaverage_dir: _Path | None = None,
) -> Any:
    """Take values at voxels to fsaverage, to the subject's own surface or to MNI305.

    Parameters
    ----------
    subject : Subject
        Whose values they are.
    values : array, shape (n_voxels,) or (n_rows, n_voxels), path or image
        One value for each chosen voxel, or rows of them; or an image on the grid of the betas. NaN
        counts as 0, and so do voxels outside of the chosen ones.
    target : {"fsaverage", "fsnative", "MNI305"}
        Where the values go.
    hemi : {"L", "R"}, optional
        Only this hemisphere; by default both.
    route : {"auto", "surface", "volume"}
        Has to be that of the target.
    surface : {"white", "pial", "mid"}
        Where voxels are sampled; ``mid`` is half way.
    fsaverage_density : {"fsaverage5", "fsaverage6", "fsaverage7"}
        10,242, 40,962 or 163,842 vertices for each hemisphere; also ``10k``, ``41k``, ``164k``.
    fslr_density : str
        Not used: no target is on fsLR.
    interpolation : {"linear", "nearest"}
        On the way to a surface.
    output_dir : path, optional
        Files are written there too, with the names of the dataset. It is created.
    desc : str, optional
        A part of these names.
    session : str or int, optional
        The session in these names.
    roi, mask, mask_source
        As for :meth:`Subject.get_betas`.
    depths : sequence of float, optional
        In the place of `surface`: the mean over these shares of the way from the white surface (0) to
        the pial one (1).
    volume_interpolation : {"nearest", "linear"}
        On the way to MNI305.
    fsaverage_dir : path, optional
        Where the sphere of fsaverage lies: a FreeSurfer subject, a folder of subjects, or TemplateFlow.
        By default it is looked for in ``derivatives/freesurfer`` of the dataset, and in the folders of
        SUBJECTS_DIR, FREESURFER_HOME and TEMPLATEFLOW_HOME. Nothing is downloaded.

    Returns
    -------
    ndarray of float32, shape (n_vertices,) or (n_rows, n_vertices)
        With `hemi`; a vertex outside of the volume is NaN. Without it a dictionary of ``"L"`` and
        ``"R"``.
    nibabel.Nifti1Image
        For MNI305: the volume, or one for each row along the last axis. Without nibabel, the array
        and its affine.

    Raises
    ------
    ValueError
        For an unknown target or a route that does not lead there, and for another number of values.
    DataNotDownloadedError
        If the FreeSurfer files of the subject are not on disk.
    DataNotFoundError
        If the sphere of fsaverage is in none of the folders.
    """
    _arguments.check_subject(subject)
    target = _arguments.choice(target, "target", _SURFACES + _VOLUMES)
    route = _arguments.choice(route, "route", _ROUTES)
    if route not in ("auto", "surface" if target in _SURFACES else "volume"):
        raise _invalid(f"the route {route!r} does not lead to {target}", 'route="auto"')
    if not isinstance(fslr_density, str):
        raise _wrong_type(f"fslr_density must be a string, got {type(fslr_density).__name__}")
    if hemi is not None:
        hemi = _arguments.choice(hemi, "hemi", _HEMISPHERES)
    voxels = _arguments.voxels(roi, mask, mask_source)
    rows, is_single = _rows(subject, values, voxels)
    names = _Names(subject.subject_id, target, fsaverage_density, session, desc, output_dir)
    ways = {
        "interpolation": _arguments.choice(interpolation, "interpolation", _INTERPOLATIONS),
        "volume_interpolation": _arguments.choice(
            volume_interpolation, "volume_interpolation", _INTERPOLATIONS
        ),
    }
    options = _options(
        hemi or "all",
        surface,
        depths,
        ways["interpolation" if target in _SURFACES else "volume_interpolation"],
        fsaverage_density,
        fsaverage_dir,
    )
    if target in _VOLUMES:
        return _volume(subject, rows, is_single, voxels, options, names)
    maps = _native.volume_to_surface(subject._current(), rows, voxels, target, options)
    for side, found in maps.items():
        names.write_surface(found, side)
    shaped = {side: found[0] if is_single else found for side, found in maps.items()}
    return shaped if hemi is None else shaped[hemi]


def volume_to_surface(subject: Subject, values: Any, target: str = "fsaverage", **kw: Any) -> Any:
    """As :func:`to_template`, for the targets that are surfaces.

    Parameters
    ----------
    subject : Subject
        Whose values they are.
    values : array, shape (n_voxels,) or (n_rows, n_voxels), path or image
        One value for each chosen voxel, or rows of them; or an image on the grid of the betas.
    target : {"fsaverage", "fsnative"}
        The template's surface, or the subject's own.
    **kw
        As for :func:`to_template`, by name.

    Returns
    -------
    ndarray of float32, shape (n_vertices,) or (n_rows, n_vertices)
        With `hemi`; without it a dictionary of ``"L"`` and ``"R"``.

    Raises
    ------
    ValueError
        For an unknown target or keyword value, and for another number of values.
    DataNotDownloadedError
        If the FreeSurfer files of the subject are not on disk.
    DataNotFoundError
        If the sphere of fsaverage is in none of the folders.
    """
    return to_template(
        subject, values, _arguments.choice(target, "target", _SURFACES), **_routed(kw, "surface")
    )


def volume_to_template(subject: Subject, values: Any, target: str, **kw: Any) -> Any:
    """As :func:`to_template`, for the targets that are volumes.

    Parameters
    ----------
    subject : Subject
        Whose values they are.
    values : array, shape (n_voxels,) or (n_rows, n_voxels), path or image
        One value for each chosen voxel, or rows of them; or an image on the grid of the betas.
    target : {"MNI305"}
        The space of the volume.
    **kw
        As for :func:`to_template`, by name.

    Returns
    -------
    nibabel.Nifti1Image
        The volume, or one for each row along the last axis. Without nibabel, the array and its affine.

    Raises
    ------
    ValueError
        For an unknown target or keyword value, and for another number of values.
    DataNotDownloadedError
        If the FreeSurfer files of the subject are not on disk.
    DataNotFoundError
        If the sphere of fsaverage is in none of the folders.
    """
    return to_template(
        subject, values, _arguments.choice(target, "target", _VOLUMES), **_routed(kw, "volume")
    )


def surface_to_template(
    subject: Subject,
    values: Any,
    target: str = "fsaverage",
    *,
    hemi: str | None = None,
    fsaverage_density: str = "fsaverage5",
    output_dir: _Path | None = None,
    desc: str | None = None,
    session: SessionName | None = None,
    interpolation: str = "linear",
    fsaverage_dir: _Path | None = None,
) -> Any:
    """Take values at the vertices of the subject's own surface to fsaverage, by the registered spheres.

    Parameters
    ----------
    subject : Subject
        Whose values they are.
    values : array, shape (n_vertices,) or (n_rows, n_vertices), or dict of them by "L" and "R"
        NaN counts as 0.
    target : {"fsaverage"}
        Where the values go.
    hemi : {"L", "R"}
        The hemisphere of a single array.
    fsaverage_density, output_dir, desc, session, fsaverage_dir
        As for :func:`to_template`.
    interpolation : {"linear", "nearest"}
        Within the triangle of the subject's sphere around each vertex of fsaverage, or from the
        nearest vertex.

    Returns
    -------
    ndarray of float32, shape (n_vertices,) or (n_rows, n_vertices), or a dict of them

    Raises
    ------
    ValueError
        If there is not one value for each vertex, or if `hemi` is missing.
    """
    _arguments.check_subject(subject)
    target = _arguments.choice(target, "target", ("fsaverage",))
    interpolation = _arguments.choice(interpolation, "interpolation", _INTERPOLATIONS)
    names = _Names(subject.subject_id, target, fsaverage_density, session, desc, output_dir)
    options = _options("all", "white", None, interpolation, fsaverage_density, fsaverage_dir)

    def one(values: Any, side: str) -> Any:
        rows, is_single = _float_rows(values)
        found = _native.surface_to_template(subject._current(), rows, side, options)
        names.write_surface(found, side)
        return found[0] if is_single else found

    if isinstance(values, Mapping):
        sides = [_arguments.choice(side, "the key of values", _HEMISPHERES) for side in values]
        wanted = [side for side in sides if hemi in (None, side)]
        return {side: one(values[side], side) for side in wanted}
    if hemi is None:
        message = 'hemi is required for a single array: "L" or "R"'
        raise _invalid(message, 'hemi="L"; or values={"L": left, "R": right} for both')
    return one(values, _arguments.choice(hemi, "hemi", _HEMISPHERES))


class _Names:
    """The files that a call writes, if it writes any."""

    def __init__(
        self,
        subject: str,
        space: str,
        density: str,
        session: SessionName | None,
        desc: str | None,
        output_dir: _Path | None,
    ) -> None:
        _arguments.choice(density, "fsaverage_density", _DENSITIES)
        session = None if session is None else one_session(session)
        self._name = (subject, session, space, density)
        self._space = space
        self._desc = _arguments.optional_text(desc, "desc")
        self._folder = None if output_dir is None else _arguments.path(output_dir, "output_dir")
        # A part that cannot be in a name is said before anything is computed.
        self._file(None)

    def _file(self, hemi: str | None) -> Path | None:
        name = _native.template_name(*self._name, hemi, self._desc)
        return None if self._folder is None else self._folder / name

    def path(self, hemi: str | None = None) -> Path | None:
        """The file of a hemisphere or of a volume, in a folder that is there then."""
        path = self._file(hemi)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write_surface(self, rows: NDArray[np.float32], hemi: str) -> None:
        path = self.path(hemi)
        if path is not None:
            _native.write_gifti(path, rows, hemi, self._space)


def _options(
    hemi: str,
    surface: object,
    depths: Sequence[float] | None,
    interpolation: str,
    density: str,
    fsaverage_dir: _Path | None,
) -> _arguments.SpaceOptions:
    return {
        "hemi": hemi,
        "surface": _arguments.choice(surface, "surface", ("white", "pial", "mid")),
        "depths": None if depths is None else _depths(depths),
        "interpolation": interpolation,
        "density": density,
        "fsaverage": _folders(fsaverage_dir),
    }


def _depths(depths: object) -> list[float]:
    if not isinstance(depths, Iterable) or isinstance(depths, (str, bytes, Mapping)):
        hint = f"depths=[{depths!r}]" if isinstance(depths, (int, float)) else None
        raise _wrong_type(f"depths must be a list of numbers, got {_arguments.typed(depths)}", hint)
    return [_arguments.number(depth, "depths") for depth in depths]


def _folders(given: _Path | None) -> list[str]:
    """Where fsaverage may lie: the folder given, or those of the environment."""
    if given is not None:
        return [str(_arguments.path(given, "fsaverage_dir"))]
    subjects, freesurfer, templates = (
        os.environ.get(name) for name in ("SUBJECTS_DIR", "FREESURFER_HOME", "TEMPLATEFLOW_HOME")
    )
    folders = [
        subjects,
        None if not freesurfer else os.path.join(freesurfer, "subjects"),
        templates or os.path.expanduser("~/.cache/templateflow"),
    ]
    return [folder for folder in folders if folder]


def _routed(kw: dict[str, Any], route: str) -> dict[str, Any]:
    """Keywords whose route leads to one kind of target alone."""
    given = kw.setdefault("route", route)
    if given not in ("auto", route):
        raise _invalid(f"route must be {route!r} here, got {given!r}", f"route={_arguments.code(route)}")
    return kw


def _rows(
    subject: Subject, values: Any, voxels: _arguments.VoxelArguments
) -> tuple[NDArray[np.float32], bool]:
    """Values as rows over the chosen voxels, and whether there is one row without an axis of its own."""
    import numpy as np

    if isinstance(values, (str, os.PathLike)):
        volume, affine = _native.read_volume(Path(os.fspath(values)))
    elif hasattr(values, "dataobj") and hasattr(values, "affine"):
        volume, affine = np.asarray(values.dataobj), np.asarray(values.affine)
    else:
        return _float_rows(values)
    chosen, flags, source = voxels
    reference, expected = _native.read_volume(subject.get_anatomical_brain_mask(res="1pt8"))
    shape, grid = volume.shape[:3], reference.shape
    if shape != grid or volume.ndim > 4:
        raise _invalid(f"an image must be on the grid of the betas, {grid}, got {volume.shape}")
    if not np.allclose(affine, expected, rtol=0, atol=1e-3):
        raise _invalid("an image must be on the grid of the betas: its affine is another one")
    brain = subject.get_brain_mask(source).reshape(grid)
    if chosen is not None:
        flags = subject.get_roi_mask(chosen, mask_source=source)
    found = volume[brain].T
    rows = np.atleast_2d(found if flags is None else found[..., flags])
    return np.ascontiguousarray(rows, dtype=np.float32), volume.ndim == 3


def _float_rows(values: Any) -> tuple[NDArray[np.float32], bool]:
    import numpy as np

    array = _arguments.numbers(values, "values")
    if array.ndim not in (1, 2):
        raise _invalid(f"values must be numbers with one or two dimensions, got shape {array.shape}")
    return np.atleast_2d(array), array.ndim == 1


def _volume(
    subject: Subject,
    rows: NDArray[np.float32],
    is_single: bool,
    voxels: _arguments.VoxelArguments,
    options: _arguments.SpaceOptions,
    names: _Names,
) -> Any:
    import numpy as np

    found, shape, affine = _native.volume_to_template(
        subject._current(), rows, voxels, options, names.path(), is_single
    )
    volumes = np.moveaxis(found.reshape(len(found), *shape), 0, -1)
    volume = volumes[..., 0] if is_single else volumes
    try:
        import nibabel
    except ImportError:
        return volume, affine
    return nibabel.Nifti1Image(volume, affine)


def __dir__() -> list[str]:
    return sorted(__all__)
