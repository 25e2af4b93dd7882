"""Values on surfaces and in template space."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import apply_affine

import laion_fmri
from laion_fmri import templates


@pytest.fixture
def subject(configured: Path) -> laion_fmri.Subject:
    return laion_fmri.load_subject("sub-01")


@pytest.fixture
def average(tmp_path: Path) -> Path:
    """Spheres with as many vertices as fsaverage5; only their places count."""
    points = np.random.default_rng(0).normal(size=(10_242, 3))
    points *= 100 / np.linalg.norm(points, axis=1, keepdims=True)
    folder = tmp_path / "subjects" / "fsaverage5" / "surf"
    folder.mkdir(parents=True)
    for side in ("lh", "rh"):
        nib.freesurfer.write_geometry(folder / f"{side}.sphere.reg", points, np.array([[0, 1, 2]]))
    return tmp_path / "subjects"


def values_of(subject: laion_fmri.Subject) -> np.ndarray:
    return np.arange(subject.get_n_voxels(), dtype=np.float32)


def surface(subject: laion_fmri.Subject, name: str) -> np.ndarray:
    points, _, info = nib.freesurfer.read_geometry(
        subject.get_freesurfer_dir() / "surf" / name, read_metadata=True
    )
    return points + info["cras"]


def grid_of(subject: laion_fmri.Subject, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    image = nib.load(subject.get_anatomical_brain_mask(res="1pt8"))
    volume = np.zeros(image.shape, np.float32)
    volume[subject.get_brain_mask().reshape(image.shape)] = values
    return volume, image.affine


def test_voxels_reach_the_subjects_own_surface(subject: laion_fmri.Subject) -> None:
    values = values_of(subject)
    volume, affine = grid_of(subject, values)
    found = subject.to_template(values, "fsnative", interpolation="nearest")
    assert set(found) == {"L", "R"}
    for side, name in (("L", "lh"), ("R", "rh")):
        at = np.round(apply_affine(np.linalg.inv(affine), surface(subject, f"{name}.white"))).astype(int)
        np.testing.assert_array_equal(found[side], volume[tuple(at.T)])
        assert found[side].dtype == np.float32
    left = subject.volume_to_surface(values, "fsnative", hemi="L", interpolation="nearest")
    np.testing.assert_array_equal(left, found["L"])
    rows = subject.to_template(np.stack([values, 2 * values]), "fsnative", hemi="L", depths=[0, 0.5, 1])
    assert rows.shape == (2, len(left))
    np.testing.assert_allclose(rows[1], 2 * rows[0], rtol=1e-5)


def test_images_and_files_are_values_too(subject: laion_fmri.Subject, tmp_path: Path) -> None:
    values = values_of(subject)
    volume, affine = grid_of(subject, values)
    expected = subject.to_template(values, "fsnative", hemi="R")
    image = nib.Nifti1Image(volume, affine)
    np.testing.assert_array_equal(subject.to_template(image, "fsnative", hemi="R"), expected)
    path = tmp_path / "map.nii.gz"
    nib.save(image, path)
    np.testing.assert_array_equal(subject.to_template(path, "fsnative", hemi="R"), expected)
    face = subject.get_roi_mask("face")
    expected = subject.to_template(values[face], "fsnative", hemi="R", roi="face")
    np.testing.assert_array_equal(subject.to_template(image, "fsnative", hemi="R", roi="face"), expected)
    with pytest.raises(ValueError, match="on the grid of the betas"):
        subject.to_template(nib.Nifti1Image(volume[1:], affine), "fsnative")
    with pytest.raises(ValueError, match="its affine is another one"):
        subject.to_template(nib.Nifti1Image(volume, np.eye(4)), "fsnative")


def test_vertices_reach_fsaverage(subject: laion_fmri.Subject, average: Path) -> None:
    values = values_of(subject)
    sphere, _ = nib.freesurfer.read_geometry(subject.get_freesurfer_dir() / "surf/lh.sphere.reg")
    target, _ = nib.freesurfer.read_geometry(average / "fsaverage5/surf/lh.sphere.reg")
    apart = np.linalg.norm(target[:, None] - sphere[None], axis=-1)
    native = subject.to_template(values, "fsnative", hemi="L", interpolation="nearest")
    found = subject.surface_to_template(native, hemi="L", interpolation="nearest", fsaverage_dir=average)
    np.testing.assert_array_equal(found, native[apart.argmin(axis=1)])
    both = subject.surface_to_template({"L": native}, interpolation="nearest", fsaverage_dir=average)
    np.testing.assert_array_equal(both["L"], found)
    direct = subject.to_template(
        values, "fsaverage", hemi="L", interpolation="nearest", fsaverage_dir=average
    )
    np.testing.assert_array_equal(direct, found)
    with pytest.raises(ValueError, match="hemi is required"):
        subject.surface_to_template(native, fsaverage_dir=average)
    with pytest.raises(ValueError, match="60 vertices"):
        subject.surface_to_template(native[1:], hemi="L", fsaverage_dir=average)


def test_fsaverage_is_found_by_the_environment_or_missed(
    subject: laion_fmri.Subject, average: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SUBJECTS_DIR", "FREESURFER_HOME", "TEMPLATEFLOW_HOME"):
        monkeypatch.delenv(name, raising=False)
    values = values_of(subject)
    with pytest.raises(laion_fmri.DataNotFoundError, match="fsaverage_dir") as raised:
        subject.to_template(values, "fsaverage")
    line = 'templateflow.api.get("fsaverage", density="10k", suffix="sphere")'
    assert raised.value.hint is not None and raised.value.hint.endswith(line)
    monkeypatch.setenv("SUBJECTS_DIR", str(average))
    assert subject.to_template(values, "fsaverage")["R"].shape == (10_242,)


def test_mni305_is_an_image(subject: laion_fmri.Subject, tmp_path: Path) -> None:
    values = values_of(subject)
    volume, affine = grid_of(subject, values)
    image = subject.to_template(values, "MNI305", output_dir=tmp_path / "out", session="01", desc="Map")
    assert isinstance(image, nib.Nifti1Image)
    xfm = subject.get_freesurfer_dir() / "mri/transforms/talairach.xfm"
    lines = xfm.read_text().replace(";", "").split("=")[-1].split()
    matrix = np.vstack([np.array(lines, float).reshape(3, 4), [0, 0, 0, 1]])
    voxels = np.stack(np.meshgrid(*map(np.arange, image.shape), indexing="ij"), axis=-1)
    at = apply_affine(np.linalg.inv(affine) @ np.linalg.inv(matrix) @ image.affine, voxels)
    inside = ((np.round(at) >= 0) & (np.round(at) < volume.shape)).all(axis=-1)
    expected = np.zeros(image.shape, np.float32)
    expected[inside] = volume[tuple(np.round(at[inside]).astype(int).T)]
    # Where a position is half way between two voxels, the digits of the file decide.
    clear = (np.abs(at - np.floor(at) - 0.5) > 1e-4).all(axis=-1)
    np.testing.assert_array_equal(np.asarray(image.dataobj)[clear], expected[clear])
    written = nib.load(tmp_path / "out" / "sub-01_ses-01_space-MNI305_desc-Map_statmap.nii.gz")
    np.testing.assert_array_equal(np.asarray(written.dataobj), np.asarray(image.dataobj))
    several = subject.volume_to_template(np.stack([values, values]), "MNI305")
    assert several.shape == (*image.shape, 2)


def test_files_have_the_names_of_the_dataset(subject: laion_fmri.Subject, tmp_path: Path) -> None:
    values = values_of(subject)
    found = subject.to_template(values, "fsnative", output_dir=tmp_path / "maps", desc="MeanBeta")
    for side in "LR":
        path = tmp_path / "maps" / f"sub-01_space-fsnative_hemi-{side}_desc-MeanBeta_statmap.func.gii"
        image = nib.load(path)
        np.testing.assert_array_equal(image.darrays[0].data, found[side])
        assert image.meta["Space"] == "fsnative"
        assert image.meta["AnatomicalStructurePrimary"] == {"L": "CortexLeft", "R": "CortexRight"}[side]


def test_wrong_arguments_are_refused(subject: laion_fmri.Subject) -> None:
    values = values_of(subject)
    for kw, match in (
        ({"target": "MNI152"}, "target must be one of"),
        ({"target": "fsnative", "route": "volume"}, "does not lead to"),
        ({"target": "MNI305", "route": "surface"}, "does not lead to"),
        ({"target": "fsnative", "hemi": "left"}, "hemi must be one of"),
        ({"target": "fsnative", "surface": "inflated"}, "surface must be one of"),
        ({"target": "fsnative", "interpolation": "cubic"}, "interpolation must be one of"),
        ({"target": "fsnative", "fsaverage_density": "3k"}, "fsaverage_density must be one of"),
        ({"target": "fsnative", "depths": [0, 9]}, "depth 9"),
        ({"target": "fsnative", "desc": "a_b"}, "desc"),
    ):
        with pytest.raises(ValueError, match=match):
            templates.to_template(subject, values, **kw)  # type: ignore[arg-type]
    for target, function in (
        ("MNI305", templates.volume_to_surface),
        ("fsaverage", templates.volume_to_template),
    ):
        with pytest.raises(ValueError, match="target must be one of"):
            function(subject, values, target)
    with pytest.raises(ValueError, match="voxels are selected"):
        subject.to_template(values[1:], "fsnative")
    with pytest.raises(ValueError, match="one or two dimensions"):
        subject.to_template(np.zeros((1, 2, 3)), "fsnative")
