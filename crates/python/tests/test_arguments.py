"""Arguments that cannot be meant are refused with their name, before anything is read."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import laion_fmri
from laion_fmri import Subject, _arguments, derivatives, discovery, splits
from laion_fmri import download as dl


def test_flags_are_as_many_as_the_trials(sub, reference):
    flags = np.arange(52) % 3 == 0
    expected = reference.betas("ses-01")[flags]
    np.testing.assert_array_equal(sub.get_betas("ses-01", trials=flags), expected)
    for wrong in (flags[:50], [*flags, False], [True]):
        for session in ("ses-01", ["ses-02", "ses-01"]):
            with pytest.raises(ValueError, match=f"{len(wrong)} flags, and ses-0. has (52|46) trials"):
                sub.get_betas(session, trials=wrong)
        with pytest.raises(ValueError, match=f"{len(wrong)} flags"):
            sub.concat_betas("ses-01", trials=wrong)
    with pytest.raises(ValueError, match="40 flags"):
        sub.concat_betas(trials=flags[:40])


def test_flags_of_one_session_do_not_fit_another(sub):
    n_trials = {name: len(sub.get_trial_info(name)) for name in sub.get_sessions()}
    assert n_trials == {"ses-01": 52, "ses-02": 46}
    last = np.zeros(52, dtype=bool)
    last[51] = True
    for session in (None, ["ses-01", "ses-02"], ["ses-02", "ses-01"]):
        with pytest.raises(ValueError, match="52 flags, and ses-02 has 46 trials"):
            sub.concat_betas(session, roi="FFA1", trials=last)
    with pytest.raises(ValueError, match="52 flags, and ses-02 has 46 trials"):
        sub.get_betas(["ses-01", "ses-02"], roi="FFA1", trials=last)
    betas, rows = sub.concat_betas("ses-01", roi="FFA1", trials=last)
    assert len(betas) == 1 and rows["session_trial"].tolist() == [51]


def test_sessions_are_texts_or_numbers(sub):
    calls = [
        sub.get_betas,
        sub.concat_betas,
        sub.get_trial_info,
        sub.get_noise_ceiling,
        sub.nc_compute,
        sub.has_raw,
        sub.get_events,
        lambda session: sub.get_raw_bold(session, 1, 1),
        lambda session: sub.get_sbref(session, 1, 1),
        lambda session: sub.write_betas(session, "."),
        lambda session: sub.images.array(session=session),
        lambda session: sub.embeddings.all("CLIP", session=session),
        lambda session: laion_fmri.extract("sub-03", session),
        lambda session: laion_fmri.build_store("sub-03", session=session),
        lambda session: laion_fmri.load_subjects(["sub-03"]).shared_betas(session),
        lambda session: derivatives.localizer_statmap_path("sub-03", "floc", "faces", session, hemi="L"),
    ]
    for call in calls:
        for wrong in (1.0, True, b"ses-01", -1):
            with pytest.raises(TypeError, match='session must be a string such as "ses-01", or its number'):
                call(wrong)
    with pytest.raises(TypeError, match="got 1.5 of type float"):
        sub.get_betas(["ses-01", 1.5])


def test_an_empty_list_of_rois_is_refused(sub):
    calls = [
        lambda: sub.get_betas("ses-01", roi=[]),
        lambda: sub.concat_betas("ses-01", roi=[]),
        lambda: sub.nc_compute("ses-01", roi=()),
        lambda: sub.get_noise_ceiling("ses-01", roi=[]),
        lambda: sub.get_roi_mask([]),
        lambda: sub.get_roi_data([]),
        lambda: sub.get_voxel_coordinates(roi=[]),
        lambda: laion_fmri.extract("sub-03", "ses-01", roi=[]),
        lambda: laion_fmri.load_subjects(["sub-03"]).shared_betas("ses-01", roi=[]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="empty list"):
            call()


def test_split_masks_take_a_table_or_labels(sub):
    tables = sub.get_trial_info(["ses-01", "ses-02"])
    with pytest.raises(TypeError, match="dict"):
        splits.get_split_masks(tables, "tau", "sub-03")
    for wrong in ([1, 2], [None], 3, "shared_a", [float("nan")]):
        with pytest.raises(TypeError, match="trials"):
            splits.get_split_masks(wrong, "tau", "sub-03")
    with pytest.warns(UserWarning, match="none of the 2 labels"):
        train, test = splits.get_split_masks(["a", "b"], "tau", "sub-03")
    assert not train.any() and not test.any()


def test_short_sessions(sub):
    for name in ("ses-1", "1"):
        table = sub.get_trial_info(name)
        assert table.equals(sub.get_trial_info("ses-01"))
        betas = sub.get_betas([name], roi="FFA1")
        np.testing.assert_array_equal(betas[name], sub.get_betas("ses-01", roi="FFA1"))
    made = laion_fmri.extract("sub-03", "1", roi="FFA1")
    np.testing.assert_array_equal(made["betas"], betas["1"])
    # One that is not there is named as the bucket would have it, so that its download can find it.
    with pytest.raises(laion_fmri.DataNotDownloadedError, match="ses-09") as raised:
        sub.get_betas("ses-9")
    assert 'ses="ses-09"' in raised.value.hint


def test_a_map_without_a_threshold_is_not_used(sub):
    everything = sub.get_betas("ses-01", roi="FFA1")
    with pytest.warns(UserWarning, match='nc_desc="Noiseceiling12rep" is not used'):
        betas = sub.get_betas("ses-01", roi="FFA1", nc_desc="Noiseceiling12rep")
    np.testing.assert_array_equal(betas, everything)
    with pytest.warns(UserWarning, match="nc_desc=.* is not used"):
        laion_fmri.extract("sub-03", "ses-01", roi="FFA1", nc_desc="Noiseceiling12rep")


@pytest.mark.parametrize(
    ("option", "choice", "said"),
    [
        ("split", {"pool": "sub-03"}, 'pool="sub-03"'),
        ("split", {"revision": "r2"}, 'revision="r2"'),
        ("split", {"ood_types": ["shape"]}, r'ood_types=\["shape"\]'),
        ("zscore", {"zscore_fit": "train"}, 'zscore_fit="train"'),
        ("zscore", {"zscore_ddof": 1}, "zscore_ddof=1"),
    ],
)
def test_choices_of_an_option_that_is_not_given_are_not_used(sub, option, choice, said):
    for call in (laion_fmri.extract, laion_fmri.plan_extraction):
        with pytest.warns(UserWarning, match=f"{said} is not used: it belongs to {option}") as caught:
            call("sub-03", "ses-01", roi="FFA1", **choice)
        assert len(caught) == 1 and caught[0].filename == __file__
    defaults = {"pool": None, "revision": "r1", "ood_types": [], "zscore_fit": "all", "zscore_ddof": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        laion_fmri.plan_extraction("sub-03", "ses-01", roi="FFA1", **defaults)
        laion_fmri.plan_extraction("sub-03", "ses-01", roi="FFA1", split="tau", zscore="run", revision="r2")


def test_values_of_a_wrong_type_are_named(sub):
    for wrong in ("0.2", True, [1.0]):
        with pytest.raises(TypeError, match="nc_threshold"):
            sub.get_betas("ses-01", nc_threshold=wrong)
    with pytest.raises(TypeError, match="progress"):
        sub.get_betas("ses-01", progress=5)
    with pytest.raises(ValueError, match="scope"):
        sub.nc_compute("ses-01", scope="day")
    with pytest.raises(ValueError, match="zscore_ddof"):
        sub.nc_compute("ses-01", zscore_ddof=-1)


def test_integers_of_numpy_are_integers(sub, configured, monkeypatch):
    betas = Subject("sub-03", configured, jobs=np.int64(2)).get_betas("ses-01", roi="FFA1")
    np.testing.assert_array_equal(betas, sub.get_betas("ses-01", roi="FFA1"))
    with pytest.raises(ValueError, match="jobs"):
        Subject("sub-03", configured, jobs=0)
    for wrong in (True, np.True_, np.array([True]), 1.5, "2"):
        with pytest.raises(TypeError, match="jobs"):
            Subject("sub-03", configured, jobs=wrong)
    for text in ("two", "0", "-1"):
        monkeypatch.setenv("LAION_FMRI_JOBS", text)
        with pytest.raises(ValueError, match="jobs|JOBS"):
            laion_fmri.load_subject("sub-03")
    monkeypatch.setenv("LAION_FMRI_JOBS", "2")
    assert laion_fmri.load_subject("sub-03").get_sessions() == ["ses-01", "ses-02"]


def test_filters_of_downloads_take_integers_of_numpy(empty):
    tables = [
        dl.download("sub-03", ses=ses, n_jobs=n_jobs, dry_run=True)
        for ses, n_jobs in ((1, 1), (np.int64(1), np.int64(1)), (np.array([1]), 1), ("01", 1))
    ]
    assert len(tables[0]) and all(table.equals(tables[0]) for table in tables)
    with pytest.raises(TypeError, match="n_jobs"):
        dl.download("sub-03", n_jobs="2", dry_run=True)


def test_sizes_are_read_as_by_the_command():
    for text, expected in (("2GiB", 2 << 30), ("500MB", 500_000_000), ("1.5 KiB", 1536), ("2g", 2 * 10**9)):
        assert _arguments.size(text, "max_memory") == expected
    assert _arguments.size(None, "max_memory") is None and _arguments.size(7, "max_memory") == 7
    for wrong in ("", "GiB", "1x", "-1", -1):
        with pytest.raises(ValueError, match="max_memory"):
            _arguments.size(wrong, "max_memory")
    with pytest.raises(TypeError, match="max_memory"):
        _arguments.size(1.5, "max_memory")


def test_categories_in_any_case(sub):
    assert sub.get_available_rois("Face") == sub.get_available_rois("face") != []
    with pytest.raises(TypeError, match="category"):
        sub.get_available_rois(3)


def test_outputs_go_to_folders_that_exist(sub, tmp_path):
    nowhere = tmp_path / "nowhere"
    calls = [
        lambda: sub.to_nifti(np.zeros(sub.get_n_voxels()), nowhere / "a.nii"),
        lambda: sub.write_betas("ses-01", nowhere, roi="FFA1"),
        lambda: laion_fmri.extract("sub-03", "ses-01", roi="FFA1", output=nowhere / "a.npz"),
        lambda: laion_fmri.plan_extraction("sub-03", "ses-01", roi="FFA1", output=nowhere / "a.npz"),
    ]
    for call in calls:
        with pytest.raises(FileNotFoundError) as raised:
            call()
        assert raised.value.filename == str(nowhere)
    assert not nowhere.exists()
    for name in ("a.txt", "a.nii.zip", "nii"):
        with pytest.raises(ValueError, match="output_path"):
            sub.to_nifti(np.zeros(sub.get_n_voxels()), tmp_path / name)
        with pytest.raises(ValueError, match="output_path"):
            mask = sub.get_anatomical_brain_mask(res="1pt8")
            laion_fmri.brain.to_nifti(np.zeros(sub.get_n_voxels()), tmp_path / name, mask)


def test_downloads_of_nothing_are_refused(empty):
    for name in ("ses", "desc", "suffix"):
        with pytest.raises(ValueError, match=f"{name} is an empty list"):
            dl.download("sub-03", **{name: []})
    with pytest.raises(ValueError, match="subject"):
        dl.download([])


def test_only_public_names_are_offered():
    assert dir(dl) == sorted(dl.__all__)


def test_rois_of_the_bucket_by_a_short_id(empty):
    assert discovery.get_rois("3", "Face") == discovery.get_rois("sub-03", category="face") != []


def test_a_keyword_of_another_call_is_named(sub, configured):
    for call, unknown, meant in (
        (lambda **kw: dl.download("sub-03", **kw), "session", "ses"),
        (lambda **kw: sub.get_betas("ses-01", **kw), "rois", "roi"),
        (lambda **kw: sub.concat_betas(**kw), "ses", "session"),
        (lambda **kw: sub.get_betas("ses-01", **kw), "nc_treshold", "nc_threshold"),
        (lambda **kw: laion_fmri.extract("sub-03", **kw), "n_jobs", "jobs"),
        (lambda **kw: laion_fmri.plan_extraction("sub-03", **kw), "rois", "roi"),
        (lambda **kw: laion_fmri.build_store("sub-03", **kw), "sessions", "session"),
    ):
        with pytest.raises(TypeError, match=f"no argument {unknown!r} .did you mean {meant!r}"):
            call(**{unknown: "x"})
    with pytest.raises(TypeError, match="no argument 'zzz'; it has session, roi"):
        sub.get_betas("ses-01", zzz=1)
    with pytest.raises(TypeError, match="session"):
        sub.get_betas()


def test_betas_are_written_to_a_directory(sub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="output is a directory, and it does not exist: 'one.csv'"):
        sub.write_betas("ses-01", "one.csv", roi="FFA1")
    (tmp_path / "one.csv").write_text("")
    with pytest.raises(NotADirectoryError, match="output is a directory, not a file: 'one.csv'"):
        sub.write_betas("ses-01", "one.csv", roi="FFA1")
    with pytest.raises(NotADirectoryError, match="the folder of output is a file: 'one.csv'"):
        laion_fmri.extract("sub-03", "ses-01", roi="FFA1", output="one.csv/a.npz")
