"""Stores: built, used by the accessors, opened as a dataset of xarray, against nibabel and numpy."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

import laion_fmri
from laion_fmri import DataIntegrityError, DataNotFoundError

SESSIONS = ["ses-01", "ses-02"]


@pytest.fixture
def built(own: Path) -> laion_fmri.StoreBuilt:
    return laion_fmri.build_store("sub-03")


def expected(reference) -> np.ndarray:
    return np.concatenate([reference.betas(session) for session in SESSIONS])


def test_a_store_is_built_with_progress_and_then_kept(own):
    told = []
    first = laion_fmri.build_store("sub-03", progress=lambda done, total, unit: told.append((done, total)))
    assert first.built == SESSIONS and first.kept == []
    assert first.path == own / "stores" / "sub-03_desc-anatomical.zarr"
    assert told and told[-1][0] == told[-1][1]
    again = laion_fmri.build_store("sub-03", session=["ses-02", "1"], verify=True)
    assert again.built == [] and sorted(again.kept) == SESSIONS


def test_a_dry_run_says_what_would_be_built_and_builds_nothing(own, reference):
    told = []
    plan = laion_fmri.build_store("sub-03", dry_run=True, progress=lambda *counts: told.append(counts))
    assert isinstance(plan, laion_fmri.StorePlan) and not told
    assert plan.path == own / "stores" / "sub-03_desc-anatomical.zarr" and not plan.path.parent.exists()
    assert plan.sessions == SESSIONS and plan.kept == []
    assert plan.columns == reference.brain().sum() and plan.memory > 0
    laion_fmri.build_store("sub-03", session="ses-02")
    rest = laion_fmri.build_store("sub-03", dry_run=True)
    assert rest.sessions == ["ses-01"] and rest.kept == ["ses-02"] and rest.path == plan.path
    few = laion_fmri.build_store("sub-03", roi="FFA1", dry_run=True)
    assert few.columns == reference.roi("FFA-1").sum() and few.size < rest.size
    laion_fmri.build_store("sub-03")
    sizes = [(plan.path / session / "betas" / "c.0.0").stat().st_size for session in SESSIONS]
    assert plan.size == sum(sizes) and rest.size == sizes[0]
    with pytest.raises(ValueError, match="memory limit"):
        laion_fmri.build_store("sub-03", max_memory=1, dry_run=True)
    # The names are those of a planned extraction and of the table of a planned download.
    assert {"sessions", "columns", "memory"} <= set(laion_fmri.plan_extraction("sub-03", roi="FFA1"))


def test_a_dry_run_from_the_bucket_needs_no_licence(empty, monkeypatch):
    monkeypatch.delenv("LAION_FMRI_ACCEPT_LICENSE")
    monkeypatch.setattr("sys.stdin", None)
    plan = laion_fmri.build_store("sub-03", session="1", from_bucket=True, dry_run=True)
    assert plan.sessions == ["ses-01"] and plan.path.parent == empty / "stores"
    with pytest.raises(laion_fmri.LicenseNotAcceptedError):
        laion_fmri.build_store("sub-03", session="1", from_bucket=True)


def test_betas_come_from_a_store_without_their_file(built, reference):
    reference_betas = {session: reference.betas(session) for session in SESSIONS}
    own = built.path.parent.parent
    for path in own.glob("derivatives/glmsingle-tedana/sub-03/*/func/*SingletrialBetas_statmap.nii.gz"):
        path.unlink()
    sub = laion_fmri.load_subject("sub-03")
    ffa1 = reference.roi("FFA-1")
    for session, betas in reference_betas.items():
        np.testing.assert_array_equal(sub.get_betas(session, roi="FFA1"), betas[:, ffa1])
    np.testing.assert_array_equal(sub.get_betas("ses-01"), reference_betas["ses-01"])


def test_a_shared_directory_of_stores(configured, reference, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    built = laion_fmri.build_store("sub-03", session="ses-01", roi="face", output=shared)
    assert built.path.parent == shared and "_voxels-" in built.path.name
    matrix = built.path / "ses-01" / "betas" / "c.0.0"
    content = bytearray(matrix.read_bytes())
    content[len(content) // 2] ^= 1
    matrix.write_bytes(content)
    monkeypatch.setenv("LAION_FMRI_STORES", str(shared))
    # That it is read shows in its damage, which leads back to the file.
    with pytest.warns(UserWarning, match="is damaged: its betas are read from their file"):
        betas = laion_fmri.load_subject("sub-03").get_betas("ses-01", roi="face")
    assert betas.shape[0] == len(reference.betas("ses-01"))
    mended = laion_fmri.build_store("sub-03", session="ses-01", roi="face", output=shared, verify=True)
    assert mended.built == ["ses-01"]


def test_a_store_from_the_bucket(empty, reference):
    built = laion_fmri.build_store("sub-03", session="ses-01", from_bucket=True)
    assert built.built == ["ses-01"] and built.path.parent == empty / "stores"
    assert not list(empty.rglob("*.nii.gz"))


def test_arguments(own):
    with pytest.raises(ValueError, match="mutually exclusive"):
        laion_fmri.build_store("sub-03", roi="face", mask=[True])
    with pytest.raises(ValueError, match="mask source"):
        laion_fmri.build_store("sub-03", mask_source="brain")
    sub = laion_fmri.load_subject("sub-03")
    pytest.importorskip("xarray", reason="opens a store")
    with pytest.raises(DataNotFoundError, match="no store") as error:
        sub.store()
    assert error.value.hint == 'laion_fmri.build_store("sub-03")'
    with pytest.raises(OSError):
        laion_fmri.open_store(own / "none.zarr")


class TestWithXarray:
    """What needs xarray."""

    @pytest.fixture(autouse=True)
    def xarray(self):
        return pytest.importorskip("xarray", reason="stores are opened as its datasets")

    def test_all_sessions_below_each_other(self, built, reference):
        betas = expected(reference)
        for dataset in (laion_fmri.open_store(built.path), laion_fmri.load_subject("sub-03").store()):
            assert dataset.betas.dims == ("presentation", "neuroid")
            assert dataset.betas.shape == betas.shape and dataset.betas.dtype == np.float32
            np.testing.assert_array_equal(dataset.betas.values, betas)
            assert dataset.attrs["subject"] == "sub-03"
            names = [name for session in SESSIONS for name in reference.labels(session)]
            assert dataset.image_name.values.tolist() == names
            starts = dataset.beta_index.values == 0
            assert dataset.session.values[starts].tolist() == SESSIONS

    def test_what_is_chosen_is_read(self, built, reference):
        dataset, betas = laion_fmri.open_store(built.path), expected(reference)
        ffa1 = reference.roi("FFA-1")
        np.testing.assert_array_equal(dataset.in_roi.sel(roi="FFA1").values, ffa1)
        face = dataset.isel(neuroid=dataset.in_roi.sel(roi="FFA1").values)
        np.testing.assert_array_equal(face.betas.compute(), betas[:, ffa1])
        n_rows, n_columns = betas.shape
        rows, columns = [n_rows - 1, 3, 3, 0], [7, n_columns - 1, 2]
        chosen = dataset.betas.isel(presentation=rows, neuroid=columns)
        np.testing.assert_array_equal(chosen, betas[np.ix_(rows, columns)])
        np.testing.assert_array_equal(dataset.betas[5], betas[5])
        np.testing.assert_array_equal(dataset.betas[:, -1], betas[:, -1])
        np.testing.assert_array_equal(dataset.betas[::-7, 10:2:-3], betas[::-7, 10:2:-3])
        assert dataset.betas[4, 9].values == betas[4, 9]
        assert dataset.betas[:0].shape == (0, n_columns)
        second = dataset.sel(presentation=dataset.session == "ses-02")
        np.testing.assert_array_equal(second.betas[:, 3], reference.betas("ses-02")[:, 3])

    def test_dask(self, built, reference):
        pytest.importorskip("dask", reason="makes arrays of dask")
        dataset = laion_fmri.open_store(built.path, chunks={})
        lengths = tuple(len(reference.betas(session)) for session in SESSIONS)
        assert dataset.betas.chunks[0] == lengths
        means = dataset.betas.mean("presentation", skipna=False).compute()
        np.testing.assert_allclose(means, expected(reference).mean(axis=0), rtol=1e-4, atol=1e-5)
        chunked = laion_fmri.load_subject("sub-03").store(chunks={"neuroid": 100})
        np.testing.assert_array_equal(chunked.betas[:, 90:120].compute(), expected(reference)[:, 90:120])

    def test_pickles_by_its_path(self, built, reference):
        dataset = laion_fmri.open_store(built.path)
        again = pickle.loads(pickle.dumps(dataset.betas[:, 5:9]))
        np.testing.assert_array_equal(again, expected(reference)[:, 5:9])

    def test_damage_and_what_is_out_of_step(self, built, reference):
        matrix = built.path / "ses-02" / "betas" / "c.0.0"
        content = bytearray(matrix.read_bytes())
        content[60] ^= 1
        matrix.write_bytes(content)
        dataset = laion_fmri.open_store(built.path)
        np.testing.assert_array_equal(dataset.betas[:5], expected(reference)[:5])
        with pytest.raises(DataIntegrityError, match="ses-02"):
            dataset.betas[:, 0].values
        own = built.path.parent.parent
        (betas,) = own.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*Betas_statmap.nii.gz")
        betas.write_bytes(betas.read_bytes() + b"\0")
        with pytest.warns(UserWarning, match="left out"):
            dataset = laion_fmri.load_subject("sub-03").store()
        assert set(dataset.session.values) == {"ses-02"}
