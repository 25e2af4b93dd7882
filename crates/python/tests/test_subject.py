"""A subject against nibabel, numpy and pandas."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import laion_fmri
from laion_fmri import Subject

FACE = ("AFP-1", "FFA-1", "FFA-2", "OFA", "pSTS-faces")


def same(got, expected):
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert got.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_sessions_and_rois_are_those_on_disk(sub):
    assert sub.get_sessions() == ["ses-01", "ses-02"]
    assert "FFA1" in sub.get_available_rois()
    assert sub.get_available_rois(category="face") == ["AFP1", "FFA1", "FFA2", "OFA", "pSTSfaces"]
    known = "categories: .*face"
    with pytest.warns(UserWarning, match=f"sub-03 has no ROI of the category 'none'; {known}"):
        assert sub.get_available_rois(category="none") == []
    with pytest.warns(UserWarning, match=f"'faces' .did you mean category=.face...; {known}"):
        assert sub.get_available_rois("faces") == []
    assert {"face", "laion"} <= set(sub.get_available_categories())


@pytest.mark.parametrize("source", ["anatomical", "rsquare"])
def test_brain_masks(sub, reference, source):
    same(sub.get_brain_mask(source), reference.brain(source))
    assert sub.get_n_voxels(source=source) == reference.brain(source).sum()
    assert sub.get_brain_mask(source="rsquare", res=None).size == reference.brain().size


def test_the_full_resolution_mask_has_another_grid(sub):
    full = sub.get_brain_mask(res=None)
    assert full.ndim == 1 and full.size > sub.get_brain_mask().size
    assert sub.get_n_voxels(res=None) == full.sum()


def test_betas_are_those_of_nibabel(sub, reference):
    betas = sub.get_betas(session="ses-01")
    same(betas, reference.betas("ses-01"))
    assert betas.flags.c_contiguous and betas.flags.writeable
    betas -= 1  # a user's own array


def test_rois_choose_columns(sub, reference):
    whole = reference.betas("ses-01")
    for query, labels in [
        ("FFA1", ("FFA-1",)),
        ("FFA-1", ("FFA-1",)),
        (["FFA1", "EBA"], ("FFA-1", "EBA")),
        (("FFA1",), ("FFA-1",)),
    ]:
        mask = reference.roi(*labels)
        same(sub.get_roi_mask(query), mask)
        same(sub.get_betas("ses-01", roi=query), whole[:, mask])
    face = sub.get_roi_mask("face")
    assert face.sum() >= sub.get_roi_mask("FFA1").sum() > 0
    same(sub.get_roi_mask("face - FFA1"), face & ~sub.get_roi_mask("FFA1"))
    masks = sub.get_roi_masks(["FFA1", "face"])
    assert list(masks) == ["FFA1", "face"]
    same(masks["face"], face)


def test_masks_thresholds_and_sources(sub, reference):
    whole, ceiling = reference.betas("ses-01"), reference.noise_ceiling("ses-01")
    mask = np.zeros(whole.shape[1], dtype=bool)
    mask[10:20] = True
    same(sub.get_betas("ses-01", mask=mask), whole[:, mask])
    same(sub.get_betas("ses-01", mask=mask.astype(int)), whole[:, mask])
    same(sub.get_betas("ses-01", mask=mask.tolist()), whole[:, mask])
    with np.errstate(invalid="ignore"):
        kept = ceiling >= 20
    same(sub.get_betas("ses-01", nc_threshold=20.0), whole[:, kept])
    same(sub.get_betas("ses-01", mask_source="rsquare"), reference.betas("ses-01", "rsquare"))
    both = sub.get_betas("ses-01", roi="face", nc_threshold=20)
    same(both, whole[:, kept & sub.get_roi_mask("face")])


def test_a_fraction_for_percent_is_warned_about(sub):
    with pytest.warns(UserWarning, match="fraction|percent"):
        sub.get_betas("ses-01", nc_threshold=0.2)


def test_several_sessions_are_a_dict_by_their_names(sub, reference):
    for named in (["ses-02", "ses-01"], ("ses-02", "ses-01"), ["02", "01"]):
        betas = sub.get_betas(session=named, roi="FFA1", streaming=True)
        assert list(betas) == list(named)
        mask = reference.roi("FFA-1")
        same(betas[named[0]], reference.betas("ses-02")[:, mask])
        same(betas[named[1]], reference.betas("ses-01")[:, mask])
    stacked = np.concatenate(list(betas.values()), axis=0)
    assert stacked.shape == (98, mask.sum())


def test_stimuli_and_trials_choose_rows(sub, reference):
    whole = reference.betas("ses-01")
    shared = np.array([label.startswith("shared_") for label in reference.labels("ses-01")])
    same(sub.get_betas("ses-01", stimuli="shared"), whole[shared])
    same(sub.get_betas("ses-01", stimuli="unique"), whole[~shared])
    same(sub.get_betas("ses-01", trials=[5, 3, 3]), whole[[5, 3, 3]])
    same(sub.get_betas("ses-01", trials=np.arange(len(whole)) < 4), whole[:4])
    wanted = [5, 3, int(np.flatnonzero(shared)[-1])]
    rows = [row for row in wanted if shared[row]]
    same(sub.get_betas("ses-01", trials=wanted, stimuli="shared"), whole[rows])
    # A session without shared images is nothing to be warned about.
    labels = ["unique_1.jpg"] * len(whole)
    alone = laion_fmri.load_subject("sub-03")
    alone.get_trial_info = lambda session: pd.DataFrame({"label": labels})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert alone.get_betas("ses-01", stimuli="shared").shape == (0, whole.shape[1])
    with pytest.raises(IndexError):
        sub.get_betas("ses-01", trials=[10_000])


def test_nothing_chosen_is_an_empty_array(sub):
    n_voxels = sub.get_n_voxels()
    for nothing in ([], np.zeros(52, dtype=bool)):
        with pytest.warns(UserWarning, match="no trial fulfils all conditions, so the array has no rows"):
            assert sub.get_betas("ses-01", trials=nothing).shape == (0, n_voxels)
    with pytest.warns(UserWarning, match="no trial"):
        betas, rows = sub.concat_betas("ses-01", trials=[])
    assert betas.shape == (0, n_voxels) and len(rows) == 0
    with pytest.warns(UserWarning, match="no voxel"):
        assert sub.get_betas("ses-01", mask=np.zeros(n_voxels, dtype=bool)).shape == (52, 0)
    assert sub.get_roi_masks([]) == {}


def test_a_replaced_trial_table_is_used(sub, reference):
    table = pd.DataFrame({"stimulus_id": ["shared_a"] + ["unique_b"] * 51})
    sub.get_trial_info = lambda session: table
    same(sub.get_betas("ses-01", stimuli="shared"), reference.betas("ses-01")[:1])


def test_concatenated_betas_have_their_rows(sub, reference):
    betas, rows = sub.concat_betas(roi="FFA1", stimuli="shared")
    expected = np.concatenate(
        list(sub.get_betas(["ses-01", "ses-02"], roi="FFA1", stimuli="shared").values())
    )
    same(betas, expected)
    assert len(rows) == len(betas)
    assert rows["label"].str.startswith("shared_").all()
    for position in (0, len(rows) - 1):
        row = rows.iloc[position]
        labels = reference.labels(row["session"])
        assert labels[row["session_trial"]] == row["label"]
    with pytest.raises(ValueError, match="twice"):
        sub.concat_betas(["ses-01", "01"])


def test_betas_can_be_written_without_an_array(sub, reference, tmp_path):
    paths = sub.write_betas(["ses-01", "ses-02"], tmp_path, roi="FFA1")
    assert list(paths) == ["ses-01", "ses-02"]
    same(np.load(paths["ses-01"]), reference.betas("ses-01")[:, reference.roi("FFA-1")])


def test_noise_ceilings(sub, reference):
    same(sub.get_noise_ceiling(session="ses-01"), reference.noise_ceiling("ses-01"))
    both = sub.get_noise_ceiling(session=["ses-01", "ses-02"], roi="FFA1")
    same(both["ses-02"], reference.noise_ceiling("ses-02")[reference.roi("FFA-1")])
    over_all = sub.get_noise_ceiling(desc="Noiseceiling12rep")
    assert over_all.shape == (sub.get_n_voxels(),) and over_all.dtype == np.float32
    for arguments in ({}, {"session": "ses-01", "desc": "Noiseceiling12rep"}):
        with pytest.raises(ValueError, match="session.*desc"):
            sub.get_noise_ceiling(**arguments)


def test_trial_tables_have_the_types_of_their_columns(sub, reference):
    table = sub.get_trial_info(session="ses-01")
    assert table["label"].tolist() == reference.labels("ses-01")
    assert table["run"].to_numpy(np.uint8).max() == 4
    assert table["beta_index"].dtype == np.int64
    assert table["beta_index"].tolist() == list(range(len(table)))
    both = sub.get_trial_info(session=["ses-01", "ses-02"])
    assert [len(table) for table in both.values()] == [52, 46]


def test_metadata_joins_the_images(sub, mirror):
    trials = sub.metadata
    images = pd.read_csv(mirror / "stimuli" / "task-images_metadata.csv", keep_default_na=False)
    assert trials.columns.tolist()[-5:] == [
        "session_trial",
        "image_name",
        "stim_idx",
        "unique_or_shared",
        "dataset",
    ]
    assert len(trials) == 98 and trials.index.tolist() == list(range(98))
    assert trials["session"].tolist() == ["ses-01"] * 52 + ["ses-02"] * 46
    assert trials["session_trial"].tolist() == [*range(52), *range(46)]
    known = trials[trials["stim_idx"].notna()]
    found = images.iloc[known["stim_idx"].astype(int)]
    assert found["image_name"].tolist() == known["image_name"].tolist()
    assert found["dataset"].tolist() == known["dataset"].tolist()
    if trials["stim_idx"].notna().all():
        assert trials["stim_idx"].dtype == np.int64


def test_metadata_of_no_session_has_the_columns(own):
    whole, root = own.metadata, Path(own.data_dir)
    for folder in root.glob("derivatives/glmsingle-tedana/sub-03/ses-*"):
        shutil.rmtree(folder)
    none = laion_fmri.Subject("sub-03", root).metadata
    assert len(none) == 0 and none.columns.tolist() == whole.columns.tolist()
    of_trials = ["session", "run", "beta_index", "label", "session_trial", "image_name"]
    assert dict(none.dtypes[of_trials]) == dict(whole.dtypes[of_trials])
    # Rows of images that are not in the table would make floating-point numbers of it.
    assert none["stim_idx"].dtype == np.int64
    assert none["dataset"].dtype == none["unique_or_shared"].dtype == none["image_name"].dtype


def test_surfaces_of_rois(sub, mirror):
    data = sub.get_roi_data("FFA1")["FFA1"]
    same(data["volume"], sub.get_roi_mask("FFA1"))
    left = data["gii"]["hemi-L"]
    (path,) = mirror.glob("derivatives/rois/sub-03/face/*hemi-L*label-FFA-1_mask.func.gii")
    same(left["func.gii"], nib.load(path).darrays[0].data != 0)
    assert left["label"].dtype == np.int64
    assert sub.get_roi_data("FFA1", format="volume")["FFA1"].keys() == {"volume"}
    one = sub.get_roi_data("FFA1", format="gii", hemi="L")["FFA1"]
    assert one["gii"].keys() == {"hemi-L"} and "volume" not in one
    assert sub.get_roi_data("FFA1", format="label", hemi="all")["FFA1"]["gii"]["hemi-R"].keys() == {"label"}
    assert set(sub.get_roi_data("face", format="volume")) == set(sub.get_available_rois("face"))
    with pytest.raises(ValueError, match="gifti"):
        sub.get_roi_data("FFA1", format="gifti")


def test_values_go_back_into_space(sub, reference, tmp_path):
    values = np.arange(sub.get_n_voxels(), dtype=np.float32)
    sub.to_nifti(values, tmp_path / "out.nii.gz")
    image = nib.load(tmp_path / "out.nii.gz")
    got = np.asanyarray(image.dataobj).ravel()
    brain = reference.brain()
    same(got[brain], values)
    assert not got[~brain].any()
    coordinates = sub.get_voxel_coordinates()
    voxels = np.stack(np.unravel_index(np.flatnonzero(brain), image.shape), axis=1)
    np.testing.assert_allclose(coordinates, nib.affines.apply_affine(image.affine, voxels))
    assert coordinates.dtype == np.float64
    in_roi = sub.get_voxel_coordinates(roi=["FFA1"])
    same(in_roi, coordinates[reference.roi("FFA-1")])
    with pytest.raises(ValueError, match="values"):
        sub.to_nifti(values[:-1], tmp_path / "short.nii.gz")
    assert not (tmp_path / "short.nii.gz").exists()


def test_anatomy_freesurfer_and_raw_data(sub, mirror):
    assert sub.has_anatomical() and sub.has_freesurfer() and sub.has_stimuli()
    assert sub.get_t1w(res="1pt8") in set(sub.get_anatomical_dir().iterdir())
    assert sub.get_t2w().is_file() and sub.get_anatomical_brain_mask(res="1pt8").is_file()
    assert sub.get_freesurfer_dir().is_dir()
    other = Subject("sub-01", mirror)
    assert other.has_raw() and not other.has_raw("ses-02")
    events = other.get_events("ses-01")
    assert events["onset"].dtype == np.float64 and events["run"].iloc[0] == "run-01"
    assert len(other.get_events("ses-01", run="01")) < len(events)
    (path,) = mirror.glob("sub-01/ses-01/func/*run-01_echo-1_part-mag_bold.nii.gz")
    expected = np.asanyarray(nib.load(path).dataobj)
    bold = other.get_raw_bold("ses-01", run=1, echo="1")
    same(bold, np.moveaxis(expected, 3, 0).astype(np.float32))
    sbref = other.get_sbref("ses-01", "01", 1)
    assert sbref.shape == bold.shape[1:] and sbref.dtype == np.float32


def test_a_computed_noise_ceiling_says_how(sub, tmp_path):
    unbiased = {"zscore_ddof": 1, "residual_ddof": 1}
    computed = sub.nc_compute("ses-01", roi="FFA1", output=tmp_path / "nc.nii.gz", **unbiased)
    assert computed.values.shape == (computed.voxels.sum(),)
    assert computed.values.dtype == np.float32
    assert (tmp_path / "nc.nii.gz").is_file()
    assert "ses-01" in str(computed.record)
    with pytest.raises(ValueError, match="repetition"):
        sub.nc_compute("ses-01", repetitions=1)


def test_a_noise_ceiling_of_noise_is_warned_about(sub):
    with pytest.warns(UserWarning) as caught:
        biased = sub.nc_compute("ses-01", roi="FFA1", repetitions=2)
    (warning,) = caught
    # Twice shown: variances within images are half of what they should be.
    assert biased.noise_alone == pytest.approx(200 / 3)
    assert "a voxel of pure noise has a noise ceiling of about 67 %" in str(warning.message)
    assert "zscore_ddof=1, residual_ddof=1 is unbiased" in str(warning.message)
    assert warning.filename == __file__
    # Every warning is an error here, so there is none.
    assert sub.nc_compute("ses-01", roi="FFA1", zscore_ddof=1, residual_ddof=1).noise_alone == 0
    # The variance within images alone decides.
    assert sub.nc_compute("ses-01", roi="FFA1", residual_ddof=1).noise_alone == 0
    with pytest.warns(UserWarning, match="pure noise"):
        assert sub.nc_compute("ses-01", roi="FFA1", zscore_ddof=1).noise_alone > 1


def test_wrong_arguments_name_themselves(sub):
    for call, error, match in [
        (lambda: sub.get_betas(None), ValueError, "session is required"),
        (lambda: sub.get_betas([]), ValueError, "session is required"),
        (lambda: sub.get_betas(1.5), TypeError, "session"),
        (lambda: sub.get_betas(["ses-01", 2.5]), TypeError, "session"),
        (lambda: sub.get_betas("not a session"), ValueError, "session"),
        (lambda: sub.get_trial_info(None), ValueError, "session"),
        (
            lambda: sub.get_betas("ses-01", roi="FFA1", mask=[True]),
            ValueError,
            "mutually exclusive",
        ),
        (lambda: sub.get_betas("ses-01", stimuli="both"), ValueError, "shared.*unique"),
        (lambda: sub.get_betas("ses-01", roi="FFA9"), ValueError, "FFA1"),
        (lambda: sub.get_betas("ses-01", roi=3), TypeError, "roi"),
        (lambda: sub.get_betas("ses-01", mask=[True]), ValueError, "mask"),
        (lambda: sub.get_betas("ses-01", mask=np.ones((2, 2))), ValueError, "mask"),
        (lambda: sub.get_betas("ses-01", mask=["a"]), TypeError, "mask"),
        (lambda: sub.get_betas("ses-01", nc_threshold="a"), TypeError, "nc_threshold"),
        (lambda: sub.get_betas("ses-01", nc_threshold=float("nan")), ValueError, "threshold"),
        (lambda: sub.get_betas("ses-01", mask_source="brain"), ValueError, "source"),
        (lambda: sub.get_brain_mask("brain"), ValueError, "source"),
        (lambda: sub.get_brain_mask(res="2mm"), ValueError, "resolution"),
        (lambda: sub.get_n_stimuli("both"), ValueError, "shared.*unique"),
        (lambda: sub.get_betas("ses-01", trials=[-1]), ValueError, "trials"),
        (lambda: sub.get_betas("ses-01", trials=[0.5]), TypeError, "trials"),
        (lambda: sub.get_noise_ceiling(desc="a/b"), ValueError, "desc"),
    ]:
        with pytest.raises(error, match=match) as raised:
            call()
        assert not isinstance(raised.value, laion_fmri._errors.InternalError)


def test_what_is_missing_says_how_to_get_it(sub):
    with pytest.raises(laion_fmri.DataNotDownloadedError) as raised:
        sub.get_betas("ses-09")
    assert isinstance(raised.value, FileNotFoundError)
    assert raised.value.hint == (
        'laion_fmri.download.download("sub-03", ses="ses-09", desc="SingletrialBetas")'
    )
    assert raised.value.hint in str(raised.value)


def test_the_repr_says_what_is_on_disk(sub, mirror, tmp_path):
    assert repr(sub).startswith(f"Subject('sub-03', '{mirror}'): 2 sessions (ses-01 to ses-02), ")
    assert "stimuli" in repr(sub)
    assert "DataNotDownloadedError" in repr(Subject("sub-99", tmp_path))
    assert {"get_betas", "images", "metadata"} <= set(dir(sub))


def test_rows_of_concatenated_betas_lead_to_their_images(sub):
    betas, rows = sub.concat_betas("ses-02", roi="FFA1", trials=[3, 0, 45])
    assert rows["trial"].tolist() == [55, 52, 97] and rows["session_trial"].tolist() == [3, 0, 45]
    assert list(rows.index) == [0, 1, 2] and len(betas) == 3
    images = laion_fmri.load_stimuli().images
    for trial, label in zip(rows["trial"], rows["label"], strict=True):
        assert sub.metadata.loc[trial, "label"] == label
        assert sub.images[trial] == images[label]


@pytest.fixture
def own(mirror, tmp_path):
    """A subject of a mirror that a test may change."""
    folder = tmp_path / "own"
    shutil.copytree(mirror, folder)
    return laion_fmri.Subject("sub-03", folder)


def test_files_that_change_are_read_again(own):
    root = Path(own.data_dir)
    brain, roi = own.get_n_voxels(), own.get_roi_mask("FFA1").sum()
    names = [own.embeddings._name(trial) for trial in range(3)]
    (table,) = root.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*_trials.tsv")
    head, first, *rest = table.read_text().splitlines()
    assert names[0] in first and names[0] != names[1]
    table.write_text("\n".join([head, first.replace(names[0], names[1]), *rest, ""]))
    os.utime(table, (1, 1))
    assert own.metadata["image_name"].tolist()[:3] == [names[1], names[1], names[2]]
    assert [own.embeddings._name(trial) for trial in range(3)] == [names[1], names[1], names[2]]
    rois = root / "derivatives/rois/sub-03"
    (ffa1,) = rois.glob("*/*res-1pt8_label-FFA-1_mask.nii.gz")
    (eba,) = rois.glob("*/*res-1pt8_label-EBA_mask.nii.gz")
    expected = own.get_roi_mask("EBA")
    shutil.copyfile(eba, ffa1)
    assert roi != expected.sum()
    np.testing.assert_array_equal(own.get_roi_mask("FFA1"), expected)
    (path,) = root.glob("derivatives/anatomical/sub-03/*/anat/*res-1pt8_desc-brain_mask.nii.gz")
    image = nib.load(path)
    values = np.asanyarray(image.dataobj).copy()
    values[tuple(np.argwhere(values)[0])] = 0
    nib.save(nib.Nifti1Image(values, image.affine, image.header), path)
    assert own.get_n_voxels() == brain - 1
    assert own.get_betas("ses-01").shape[1] == brain - 1


def test_subjects_without_rois_name_their_download(mirror, empty, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(mirror, other)
    shutil.rmtree(other / "derivatives/rois/sub-03")
    without = Subject("sub-03", other)
    call = f'laion_fmri.download.download("sub-03", suffix="mask", extension="nii.gz", data_dir="{other}")'
    for ask in (
        without.get_available_rois,
        without.get_available_categories,
        lambda: without.get_available_rois("face"),
    ):
        with pytest.warns(UserWarning) as caught:
            assert ask() == []
        (warning,) = caught
        assert str(warning.message) == f"no ROI of sub-03 is on disk; {call} downloads them"
        assert warning.filename == __file__
    eval(call)
    assert "FFA1" in without.get_available_rois()
