"""Extractions and their recipes, and z-scores, against numpy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import laion_fmri


def test_arrays_and_recipe(sub, reference):
    made = laion_fmri.extract("sub-03", "ses-01", roi="FFA1")
    expected = reference.betas("ses-01")[:, reference.roi("FFA-1")]
    np.testing.assert_array_equal(made["betas"], expected)
    assert made.recipe["result"]["rows"] == 52 and made.path is None
    assert made.recipe["conventions"]["rois"] == ["FFA1"]
    assert list(made) == list(made.arrays) and "betas" in made and len(made) == len(made.arrays)
    assert dict(made)["betas"] is made["betas"]


def test_conventions(sub):
    made = laion_fmri.extract(
        "sub-03",
        roi="face",
        zscore="session",
        average="image",
        nan="drop",
        stimuli="shared",
        split="tau",
        features="CLIP",
        nc_threshold=10,
        nc_desc="Noiseceiling12rep",
    )
    responses = made["betas"]
    assert not np.isnan(responses).any()
    assert made.recipe["conventions"]["split"]["pool"] == "sub-03"
    assert len(made["features"]) == len(responses)


def test_files_and_their_reproduction(sub, tmp_path):
    output = tmp_path / "ffa1.npz"
    made = laion_fmri.extract("sub-03", "ses-01", roi="FFA1", output=output)
    assert made.path == output
    with np.load(output) as file:
        np.testing.assert_array_equal(file["betas"], made["betas"])
    from laion_fmri import extraction

    assert extraction.read_recipe(output)["conventions"] == made.recipe["conventions"]
    paragraph, citation = extraction.methods(output)
    assert "FFA1" in paragraph and "LAION-fMRI" in citation
    again = laion_fmri.reproduce(output, tmp_path / "again.npz")
    assert again["result"] == made.recipe["result"]
    assert (tmp_path / "again.npz").read_bytes() == output.read_bytes()


def test_hdf5_is_opened_by_h5py(sub, reference, tmp_path):
    made = laion_fmri.extract("sub-03", "ses-01", roi="FFA1", output=tmp_path / "ffa1.h5")
    expected = reference.betas("ses-01")[:, reference.roi("FFA-1")]
    np.testing.assert_array_equal(made["betas"][:], expected)
    assert set(made.arrays) >= {"betas", "image_name", "voxel_index"}


def test_voxels_of_a_user(sub, reference, tmp_path):
    mask = reference.roi("FFA-1")
    made = laion_fmri.extract("sub-03", "ses-01", mask=mask)
    np.testing.assert_array_equal(made["betas"], reference.betas("ses-01")[:, mask])
    np.save(tmp_path / "mine.npy", mask)
    again = laion_fmri.extract("sub-03", "ses-01", mask=tmp_path / "mine.npy")
    assert again["betas"].tobytes() == made["betas"].tobytes()
    assert again.recipe["conventions"]["mask"]["file"] == "mine.npy"
    assert laion_fmri.plan_extraction("sub-03", mask=mask)["columns"] == mask.sum()
    with pytest.raises(ValueError):
        laion_fmri.extract("sub-03", "ses-01", mask=mask, roi="FFA1")


def test_a_plan_says_what_it_takes(sub, tmp_path):
    plan = laion_fmri.plan_extraction("sub-03", roi="FFA1")
    assert plan["rows"] == 98 and plan["memory"] > 0
    assert plan["sessions"] == [["sub-03", "ses-01"], ["sub-03", "ses-02"]]
    assert plan["output"] is None
    planned = laion_fmri.plan_extraction("sub-03", roi="FFA1", output=tmp_path / "a.npz")
    assert planned["output"] == str(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ({"average": "run"}, ValueError),
        ({"zscore": "subject"}, ValueError),
        ({"nc_threshold": 20}, ValueError),
        ({"stimuli": "both"}, ValueError),
        ({"roi": "FFA9"}, ValueError),
        ({"output": "x.txt"}, ValueError),
        ({"max_memory": 1}, ValueError),
        ({"roi": 3}, TypeError),
        ({"nc_threshold": 1000, "nc_desc": "Noiseceiling12rep"}, FileNotFoundError),
    ],
)
def test_choices_that_cannot_be_met(sub, choices, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error):
        laion_fmri.extract("sub-03", **choices)


def test_zscores(sub):
    betas, rows = sub.concat_betas(roi="FFA1")
    z, report = laion_fmri.zscore(betas, within=rows["session"])
    for session in ("ses-01", "ses-02"):
        mine = (rows["session"] == session).to_numpy()
        values = betas[mine].astype(np.float64)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = (values - np.nanmean(values, 0)) / np.nanstd(values, 0)
            constant = np.nanstd(values, 0) == 0
        expected[:, constant] = np.where(np.isnan(values[:, constant]), np.nan, 0)
        np.testing.assert_allclose(z[mine], expected, atol=2e-5)
    assert report.nan == np.isnan(betas).sum()
    fitted, _ = laion_fmri.zscore([[1.0], [3.0], [8.0]], fit_rows=[True, True, False])
    np.testing.assert_allclose(fitted.ravel(), [-1, 1, 6])
    for arguments, match in [
        (([1.0],), "dimension"),
        (([[1.0]], [1, 2]), "within|fit"),
        (([[1.0]], None), None),
    ]:
        if match is None:
            laion_fmri.zscore(*arguments)
        else:
            with pytest.raises(ValueError, match=match):
                laion_fmri.zscore(*arguments)
    with pytest.raises(ValueError, match="nan"):
        laion_fmri.zscore([[1.0]], nan="drop")
    with pytest.raises(TypeError, match="betas must be one array, got a dict") as raised:
        laion_fmri.zscore({"ses-01": np.ones((2, 1)), "ses-02": np.ones((2, 1))})
    assert 'subject.concat_betas(["ses-01", "ses-02"])' in raised.value.hint
    assert "{name: laion_fmri.zscore(array)[0] for name, array in betas.items()}" in raised.value.hint
    with pytest.raises(TypeError, match="got a dict") as raised:
        laion_fmri.zscore(sub.get_betas([1, "02"], roi="FFA1"))
    assert 'subject.concat_betas([1, "02"])' in raised.value.hint


def test_an_extraction_is_a_mapping(sub):
    made = laion_fmri.extract("sub-03", "ses-01", roi="FFA1")
    assert set(made) == set(made.keys()) == set(made.arrays) and len(made) == len(made.arrays)
    assert "betas" in made and "nothing" not in made and made.get("nothing") is None
    assert "betas (52, 21)" in repr(made)


@pytest.mark.parametrize(
    "choice",
    [
        {"zscore": "day"},
        {"average": "trial"},
        {"nan": "skip"},
        {"features": "VGG"},
        {"stimuli": "some"},
        {"zscore": "run", "zscore_fit": "test"},
        {"split": "tua"},
        {"split": "tau", "pool": "sub-99"},
        {"split": "tau", "revision": "r9"},
        {"max_memory": "much"},
    ],
)
def test_unknown_choices_are_named(sub, choice):
    name, value = list(choice.items())[-1]
    with pytest.raises(ValueError, match=name) as raised:
        laion_fmri.extract("sub-03", "ses-01", roi="FFA1", **choice)
    assert repr(value) in str(raised.value) and "{" not in str(raised.value)


def test_choices_in_every_form(sub):
    made = laion_fmri.extract("sub-03", "ses-01", roi="FFA1", features="dinov2", max_memory="2GiB")
    assert made.recipe["conventions"]["features"] == "DINOv2"
    # The mirror has no betas of sub-05, which is one of all.
    with pytest.raises(laion_fmri.DataNotDownloadedError, match="sub-05"):
        laion_fmri.extract("all", roi="FFA1", average="image", stimuli="shared")


def test_a_damaged_output_is_not_replaced(sub, tmp_path):
    output = tmp_path / "ffa1.npz"
    laion_fmri.extract("sub-03", "ses-01", roi="FFA1", output=output)
    good = output.read_bytes()
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 255
    output.write_bytes(bad)
    for recipe in (output, tmp_path / "ffa1.npz.recipe.toml"):
        with pytest.raises(laion_fmri.DataIntegrityError, match="differs from its recipe"):
            laion_fmri.reproduce(recipe)
        assert output.read_bytes() == bytes(bad)
    output.unlink()
    laion_fmri.reproduce(tmp_path / "ffa1.npz.recipe.toml")
    assert output.read_bytes() == good


def test_recipes_in_memory_are_reproduced(sub):
    made = laion_fmri.extract("sub-03", "ses-01", roi="FFA1", zscore="run")
    for recipe in (made, made.recipe):
        assert laion_fmri.reproduce(recipe)["result"] == made.recipe["result"]
    with pytest.raises(ValueError, match="recipe"):
        laion_fmri.reproduce({"recipe": 1})


def test_a_recipe_that_is_not_there(sub, tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        laion_fmri.reproduce(tmp_path / "none.recipe.toml")
    assert raised.value.filename == str(tmp_path / "none.recipe.toml")


def test_rows_are_grouped_by_the_combination_of_columns(sub):
    betas, rows = sub.concat_betas(roi="FFA1")
    labels = rows["session"] + "/" + rows["run"].astype(str)
    expected, _ = laion_fmri.zscore(betas, within=labels)
    pair = [rows["session"], rows["run"].tolist()]
    for within in (rows[["session", "run"]], pair, rows[["session", "run"]].to_numpy()):
        got, _ = laion_fmri.zscore(betas, within=within)
        np.testing.assert_array_equal(got, expected)
    alone, _ = laion_fmri.zscore(betas, within=rows["run"])
    assert not np.array_equal(alone, expected, equal_nan=True)


def test_labels_of_groups_that_cannot_be_meant():
    betas = np.arange(6, dtype=np.float32).reshape(3, 2)
    for within, message in [
        (["a", None, "b"], "row 1"),
        ([1.0, float("nan"), 2.0], "row 1"),
        (["a", 1, 2], "int, str"),
        ([1, 2], "2 labels for 3 rows"),
        (np.zeros((3, 0)), "no column"),
        (np.zeros((3, 1, 1)), "dimension"),
    ]:
        with pytest.raises(ValueError, match=message):
            laion_fmri.zscore(betas, within=within)


def test_groups_without_a_variance_are_named(sub):
    betas, rows = sub.concat_betas(roi="FFA1")
    with pytest.raises(ValueError, match="another label for every row") as raised:
        laion_fmri.zscore(betas, within=rows)
    assert raised.value.hint.startswith('within=rows["session"]')
    with pytest.warns(UserWarning, match="every group has 1 row to fit.*within is the session"):
        z, _ = laion_fmri.zscore(betas, within=rows["trial"])
    assert not np.nan_to_num(z).any()
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    for choices, said in [
        ({"ddof": 6}, "ddof=6, and no group has more than 6 rows"),
        ({"ddof": 3, "within": [1, 1, 1, 2, 2, 2]}, "ddof=3, and no group has more than 3 rows"),
        ({"ddof": 1, "within": range(6)}, "ddof=1, and no group has more than 1 row"),
        ({"ddof": 2, "fit_rows": [1, 1, 0, 0, 0, 0]}, "ddof=2, and no group has more than 2 rows"),
    ]:
        with pytest.warns(UserWarning, match=said) as caught:
            assert np.isnan(laion_fmri.zscore(values, **choices)[0]).all()
        assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not np.isnan(laion_fmri.zscore(values, [1, 1, 1, 2, 2, 2], ddof=2)[0]).any()
