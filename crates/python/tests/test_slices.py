"""Pictures of the brain: slices with matplotlib, and the widget of a notebook."""

from __future__ import annotations

import builtins
import io
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import laion_fmri
from laion_fmri import _native
from laion_fmri.slices import _Drawn, _Scale

REASON = "it is not installed; `cargo xtask python --notebooks` runs this"


@pytest.fixture
def plt():
    matplotlib = pytest.importorskip("matplotlib", reason=REASON)
    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


@pytest.fixture
def brain(sub: laion_fmri.Subject) -> np.ndarray:
    """One value for each voxel of the brain: its number, but for a zero and a NaN."""
    values = np.arange(sub.get_n_voxels(), dtype=np.float32) + 1
    values[3], values[4] = 0, np.nan
    return values


def layers(ax):
    """What lies behind, the values as drawn, and their colours."""
    behind, shown = ax.images
    return behind.get_array(), shown.get_array(), shown.to_rgba(shown.get_array(), bytes=True)


# -- colours -------------------------------------------------------------------------------------


def test_colours_are_those_of_the_command() -> None:
    values = np.array([-2, -1, 0, 1, 2, np.nan, 9], np.float32)
    scale = _Scale.of(values, "blue-red", (-2, 2), 0.5)
    colors = scale.colors(values)
    np.testing.assert_array_equal(colors[:, 3], [255, 255, 0, 255, 255, 0, 255])
    np.testing.assert_array_equal(colors[[0, 1, 3, 4, 6], :3], scale.table[[0, 64, 192, 255, 255]])
    blue, red = scale.table[0], scale.table[255]
    assert blue[2] > blue[0] and red[0] > red[2]


def test_zero_has_a_colour_and_nan_has_none() -> None:
    values = np.array([0, np.nan, 5], np.float32)
    scale = _Scale.of(values, None, None, None)
    assert not scale.is_diverging and scale.range == (0, 5)
    np.testing.assert_array_equal(scale.colors(values)[:, 3], [255, 0, 255])
    np.testing.assert_array_equal(scale.colors(values)[0, :3], [68, 1, 84])


def test_negative_values_choose_a_range_around_zero() -> None:
    table, ends, is_diverging = _native.color_scale(np.array([-1, 3], np.float32), None, None)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    assert is_diverging and ends == (-3, 3)


@pytest.mark.parametrize(
    ("colormap", "range", "threshold", "error", "message"),
    [
        ("jet", None, None, ValueError, "viridis"),
        ("blue-red", (-1, 3), None, ValueError, "symmetric"),
        ("viridis", (3, 1), None, ValueError, "lower to a higher"),
        ("viridis", ("a", 1), None, TypeError, "range"),
        ("viridis", 5, None, TypeError, "range"),
        ("viridis", (1, 2, 3), None, TypeError, "range"),
        (3, None, None, TypeError, "colormap"),
        ("viridis", None, -1, ValueError, "threshold"),
        ("viridis", None, float("nan"), ValueError, "threshold"),
    ],
)
def test_what_has_no_meaning_is_refused(colormap, range, threshold, error, message) -> None:
    with pytest.raises(error, match=message):
        _Scale.of(np.ones(3, np.float32), colormap, range, threshold)


# -- slices --------------------------------------------------------------------------------------


@pytest.mark.notebook
def test_slices_show_the_values(sub, brain, plt) -> None:
    ax = laion_fmri.plot_slices(brain, sub, n_slices=10_000, title="numbers", label="number")
    behind, shown, colors = layers(ax)
    assert behind.shape == shown.shape and behind.any()
    # Every voxel but the one that is NaN, and nothing else.
    expected = set(brain[~np.isnan(brain)].tolist())
    assert set(shown.compressed().tolist()) == expected
    zero = np.argwhere((shown == 0).filled(False))[0]
    assert tuple(colors[tuple(zero)]) == (68, 1, 84, 255)
    assert ax.get_title() == "numbers"
    assert ax.figure.axes[1].get_ylabel() == "number"
    ax.figure.savefig(io.BytesIO(), format="png")


@pytest.mark.notebook
def test_the_left_is_at_the_left(sub, plt) -> None:
    shape, affine = _native.brain_grid(sub._current(), "anatomical")
    flat = np.flatnonzero(sub.get_brain_mask())
    places = np.stack(np.unravel_index(flat, shape), axis=1)
    x, y, z = nib.affines.apply_affine(affine, places).T
    # All voxels of one slice, by how far they are to the right, to the front and up.
    for values, plane, along in ((x, "axial", 1), (-y, "axial", 0), (x, "coronal", 1), (-z, "sagittal", 0)):
        ax = laion_fmri.plot_slices(values, sub, plane=plane, n_slices=1)
        _, shown, _ = layers(ax)
        lines = shown.T if along == 0 else shown
        for line in lines:
            steps = np.diff(line.compressed())
            assert (steps >= 0).all()
        assert any(np.diff(line.compressed()).any() for line in lines)


@pytest.mark.notebook
def test_a_threshold_hides_values(sub, brain, plt) -> None:
    _, shown, _ = layers(laion_fmri.plot_slices(brain, sub, threshold=10, n_slices=10_000))
    assert shown.compressed().min() == 10
    _, shown, _ = layers(laion_fmri.plot_slices(-brain, sub, threshold=10, n_slices=10_000))
    assert shown.compressed().max() == -10


@pytest.mark.notebook
def test_values_of_an_roi_are_drawn_in_it(sub, plt) -> None:
    ceiling = sub.get_noise_ceiling(session="ses-01", roi="FFA1")
    ax = laion_fmri.plot_slices(ceiling, sub, roi="FFA1", n_slices=10_000)
    _, shown, _ = layers(ax)
    assert set(shown.compressed().tolist()) == set(ceiling[~np.isnan(ceiling)].tolist())
    assert len(ax.collections) == 2, "the outline, white on black"
    with pytest.raises(ValueError, match=str(sub.get_n_voxels())):
        laion_fmri.plot_slices(ceiling, sub)


@pytest.mark.notebook
def test_maps_trials_and_images(sub, configured, plt) -> None:
    whole = 10_000
    _, shown, _ = layers(sub.plot_slices(map="r2", n_slices=whole))
    (path,) = configured.glob("derivatives/glmsingle-tedana/sub-03/*R2mean_statmap.nii.gz")
    expected = nib.load(path).get_fdata(dtype=np.float32).ravel()[sub.get_brain_mask()]
    assert set(shown.compressed().tolist()) == set(expected[~np.isnan(expected)].tolist())
    _, image, _ = layers(laion_fmri.plot_slices(nib.load(path), sub, n_slices=whole))
    np.testing.assert_array_equal(shown.filled(-1), image.filled(-1))
    ax = sub.plot_slices(trial=("ses-01", 2), n_slices=whole)
    betas = sub.get_betas("ses-01", trials=[2])[0]
    assert set(layers(ax)[1].compressed().tolist()) == set(betas[~np.isnan(betas)].tolist())
    assert ax.figure.axes[1].get_ylabel() == "beta"
    low, high = ax.images[1].norm.vmin, ax.images[1].norm.vmax
    assert low == -high
    by_number = layers(sub.plot_slices(trial=(1, 2), n_slices=whole))[1]
    np.testing.assert_array_equal(by_number.filled(-1), layers(ax)[1].filled(-1))
    sub.plot_slices(map="nc")
    sub.plot_slices(map="ses-01")


@pytest.mark.notebook
def test_axes_of_the_caller_are_used(sub, brain, plt) -> None:
    _, (first, second) = plt.subplots(1, 2)
    assert laion_fmri.plot_slices(brain, sub, ax=second) is second
    assert not first.images


@pytest.mark.notebook
@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"plane": "oblique"}, ValueError, "plane"),
        ({"n_slices": 0}, ValueError, "slice"),
        ({"n_slices": 1.5}, TypeError, "n_slices"),
        ({"opacity": 2}, ValueError, "opacity"),
        ({"roi": "nowhere"}, ValueError, "nowhere"),
        ({"mask_source": "brain"}, ValueError, "mask source"),
    ],
)
def test_arguments_are_checked(sub, brain, plt, keywords, error, message) -> None:
    with pytest.raises(error, match=message):
        laion_fmri.plot_slices(brain, sub, **keywords)


@pytest.mark.parametrize("given", [{}, {"values": [1.0], "map": "r2"}, {"map": "r2", "trial": ("ses-01", 0)}])
def test_one_thing_is_drawn(sub, given) -> None:
    for draw in (sub.plot_slices, sub.view):
        with pytest.raises(ValueError, match="one of values, map and trial"):
            draw(**given)


@pytest.mark.parametrize("name", ["nc", "r2", "ses-01", "Noiseceiling12rep"])
def test_a_map_is_named_as_one(sub, name) -> None:
    for draw in (sub.plot_slices, sub.view):
        with pytest.raises(ValueError, match=f"'{name}' is the name of a map") as raised:
            draw(name)
        assert raised.value.hint == f'map="{name}"'
    with pytest.raises(ValueError, match=f"'{name}' is the name of a map") as raised:
        laion_fmri.plot_slices(name, sub)
    assert raised.value.hint == f'subject.plot_slices(map="{name}")'


def test_an_unknown_map_says_which_there_are(sub) -> None:
    maps = "maps: nc, r2, Noiseceiling4rep, .*Noiseceiling12rep, .*ses-01, ses-02"
    for draw in (sub.plot_slices, sub.view):
        with pytest.raises(ValueError, match=f"there is no map 'foo'; {maps}") as raised:
            draw(map="foo")
        assert raised.value.hint is None
        with pytest.raises(ValueError, match="there is no map") as raised:
            draw(map="Noisceiling4rep")
        assert raised.value.hint == 'map="Noiseceiling4rep"'


def test_a_subject_is_no_id() -> None:
    with pytest.raises(TypeError, match="subject must be a Subject"):
        _Drawn.of("sub-03", np.ones(3), None, "anatomical")


def test_trials_are_checked(sub) -> None:
    with pytest.raises(TypeError, match="a session and a row"):
        sub.view(trial="ses-01")
    with pytest.raises(ValueError, match="row of trial"):
        sub.view(trial=("ses-01", -1))
    with pytest.raises(IndexError):
        sub.view(trial=("ses-01", 10**6))


@pytest.mark.parametrize(("module", "call"), [("matplotlib", "plot_slices"), ("ipyniivue", "view")])
def test_what_is_not_installed_is_named(sub, monkeypatch, module, call) -> None:
    original = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.split(".")[0] == module:
            raise ImportError(name)
        return original(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"laion-fmri-rs\[view\]"):
        getattr(sub, call)(map="r2")


# -- the widget ----------------------------------------------------------------------------------


def colors_of(volume) -> np.ndarray:
    """Red, green, blue and opacity of each voxel of a volume, without the transparent border."""
    image = nib.Nifti1Image.from_bytes(volume.data)
    cells = np.asanyarray(image.dataobj)
    cells = np.stack([cells[channel] for channel in "RGBA"], axis=-1)
    border = np.ones(cells.shape[:3], bool)
    border[1:-1, 1:-1, 1:-1] = False
    assert not cells[border].any()
    return cells[1:-1, 1:-1, 1:-1]


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")
def test_the_widget_has_the_colours_of_the_values(sub, brain) -> None:
    pytest.importorskip("ipyniivue", reason=REASON)
    viewer = sub.view(brain, threshold=2, roi="FFA1", opacity=0.5)
    anatomy, values, outline = viewer.volumes
    assert Path(anatomy.path).name.endswith("_T1w.nii.gz") and anatomy.colormap == "gray"
    assert values.opacity == 0.5
    scale = _Scale.of(brain, None, None, 2)
    cells = colors_of(values)
    mask = sub.get_brain_mask().reshape(cells.shape[:3])
    np.testing.assert_array_equal(cells[mask], scale.colors(brain))
    assert not cells[~mask].any()
    image = nib.Nifti1Image.from_bytes(values.data)
    _, affine = _native.brain_grid(sub._current(), "anatomical")
    # The voxel behind the border is the first of the grid.
    np.testing.assert_allclose(nib.affines.apply_affine(image.affine, [1, 1, 1]), affine[:3, 3], atol=1e-4)
    white = colors_of(outline)[..., 3] > 0
    region = np.zeros(mask.shape, bool)
    region[mask] = sub.get_roi_mask("FFA1")
    assert white.any() and not (white & ~region).any()


@pytest.mark.notebook
@pytest.mark.filterwarnings("ignore")
def test_without_anatomy_the_brain_is_grey(configured, tmp_path) -> None:
    pytest.importorskip("ipyniivue", reason=REASON)
    pytest.importorskip("matplotlib", reason=REASON).use("agg")
    folder = tmp_path / "data"
    shutil.copytree(configured, folder)
    for path in folder.glob("derivatives/anatomical/sub-03/**/*_T1w.nii.gz"):
        path.unlink()
    sub = laion_fmri.Subject("sub-03", folder)
    anatomy, _ = sub.view(trial=("ses-01", 0)).volumes
    cells = colors_of(anatomy)
    mask = sub.get_brain_mask().reshape(cells.shape[:3])
    np.testing.assert_array_equal(cells[..., 3] > 0, mask)
    behind, _, _ = layers(sub.plot_slices(map="r2"))
    assert set(np.unique(behind)) == {0, 88}
