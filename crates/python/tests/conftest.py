"""A mirror of the fixture bucket, a served bucket, and a user without settings of their own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest


def _given(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.exit(f"{name} is not set: `cargo xtask python` runs these tests", returncode=2)
    return value


ROOT = Path(_given("LAION_FMRI_TEST_ROOT"))
GATED = Path(_given("LAION_FMRI_TEST_GATED"))
BUCKET = _given("LAION_FMRI_TEST_BUCKET")
ACCESS = _given("LAION_FMRI_TEST_ACCESS")


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that is released, with the images; not to be changed."""
    folder = tmp_path_factory.mktemp("mirror") / "laion-fmri"
    shutil.copytree(ROOT, folder)
    shutil.copytree(GATED, folder, dirs_exist_ok=True)
    for session in folder.glob("derivatives/glmsingle-tedana/*/ses-3[12]"):
        shutil.rmtree(session)
    return folder


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test, and no variables."""
    from laion_fmri import config

    home = tmp_path / "home"
    home.mkdir()
    for name in list(os.environ):
        if name.startswith("LAION_FMRI_") and not name.startswith("LAION_FMRI_TEST_"):
            monkeypatch.delenv(name)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(config, "_chosen", None)
    monkeypatch.setattr(config, "_told", False)
    return home


@pytest.fixture
def configured(mirror: Path) -> Path:
    """The mirror as the data directory."""
    import laion_fmri

    laion_fmri.dataset_initialize(str(mirror))
    return mirror


@pytest.fixture
def own(mirror: Path, tmp_path: Path) -> Path:
    """A mirror that may be changed, as the data directory."""
    import laion_fmri

    folder = tmp_path / "own"
    shutil.copytree(mirror, folder)
    laion_fmri.dataset_initialize(str(folder))
    return folder


@pytest.fixture
def sub(configured: Path):
    import laion_fmri

    return laion_fmri.load_subject("sub-03")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data directory, the served bucket, and a licence that was accepted."""
    import laion_fmri

    folder = tmp_path / "data"
    folder.mkdir()
    laion_fmri.dataset_initialize(str(folder))
    monkeypatch.setenv("LAION_FMRI_BUCKET", BUCKET)
    monkeypatch.setenv("LAION_FMRI_ACCEPT_LICENSE", "1")
    monkeypatch.setenv("LAION_FMRI_ACCESS_URL", ACCESS)
    monkeypatch.setenv("LAION_FMRI_REQUEST_ID", "lfm_demo")
    return folder


class Reference:
    """The same numbers by nibabel and numpy."""

    def __init__(self, root: Path, subject: str) -> None:
        self.root, self.subject = root, subject
        self.glm = root / "derivatives" / "glmsingle-tedana" / subject

    def volume(self, path: Path) -> np.ndarray:
        return np.asanyarray(nib.load(path).dataobj)

    def brain(self, source: str = "anatomical") -> np.ndarray:
        if source == "anatomical":
            anat = self.root / "derivatives" / "anatomical" / self.subject
            (path,) = anat.glob("**/*res-1pt8_desc-brain_mask.nii.gz")
        else:
            (path,) = self.glm.glob("*desc-R2mean_statmap.nii.gz")
        values = self.volume(path).ravel()
        return (values != 0) & ~np.isnan(values)

    def betas_path(self, session: str) -> Path:
        (path,) = self.glm.glob(f"{session}/func/*desc-SingletrialBetas_statmap.nii.gz")
        return path

    def betas(self, session: str, source: str = "anatomical") -> np.ndarray:
        data = self.volume(self.betas_path(session))
        return data.reshape(-1, data.shape[3]).T[:, self.brain(source)].astype(np.float32)

    def roi(self, *labels: str, source: str = "anatomical") -> np.ndarray:
        """ROIs by the labels of the bucket's file names, over the voxel axis."""
        rois = self.root / "derivatives" / "rois" / self.subject
        union = np.zeros(0, dtype=bool)
        for label in labels:
            for path in rois.glob(f"*/*res-1pt8_label-{label}_mask.nii.gz"):
                values = self.volume(path).ravel()
                flags = (values != 0) & ~np.isnan(values)
                union = flags if union.size == 0 else union | flags
        assert union.size, f"no file of {labels}"
        return union[self.brain(source)]

    def noise_ceiling(self, session: str) -> np.ndarray:
        (path,) = self.glm.glob(f"{session}/func/*desc-Noiseceiling_statmap.nii.gz")
        return self.volume(path).ravel()[self.brain()].astype(np.float32)

    def labels(self, session: str) -> list[str]:
        (path,) = self.glm.glob(f"{session}/func/*_trials.tsv")
        header, *rows = path.read_text().splitlines()
        column = header.split("\t").index("label")
        return [row.split("\t")[column] for row in rows]


@pytest.fixture(scope="session")
def reference(mirror: Path) -> Reference:
    return Reference(mirror, "sub-03")
