"""Sessions as people name them, in calls that join several and in calls that answer for each."""

from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest

import laion_fmri
from laion_fmri import download as dl
from laion_fmri._sessions import joined_sessions, meant_sessions, one_session

EXISTING = ["ses-01", "ses-02", "ses-04", "ses-10"]


def existing():
    return EXISTING


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        (["all"], []),
        (["ALL"], []),
        (["01,04"], ["ses-01", "ses-04"]),
        ([1, "2", "04"], ["ses-01", "ses-02", "ses-04"]),
        (["ses1", 10, 7], ["ses-01", "ses-10", "ses-07"]),
        (["PrismaAnat", "averages"], ["ses-PrismaAnat", "ses-averages"]),
        (["4, 1"], ["ses-04", "ses-01"]),
        (["1-2"], ["ses-01", "ses-02"]),
        (["ses-01-ses-02"], ["ses-01", "ses-02"]),
        (["ses-04", "01-02"], ["ses-04", "ses-01", "ses-02"]),
        (["ses-09"], ["ses-09"]),
    ],
)
def test_names_of_several(named, meant):
    assert joined_sessions(named, existing) == meant


def test_one_digit_is_the_session_that_is_there():
    assert meant_sessions([1, "1", "ses-1"], existing) == {1: "ses-01", "1": "ses-01", "ses-1": "ses-01"}
    assert meant_sessions([1, "01"], lambda: ["ses-1", "ses-01"]) == {1: "ses-1", "01": "ses-01"}
    assert one_session("1") == "ses-01" and one_session(1, lambda name: name == "ses-1") == "ses-1"
    for several in ("all", "01,02", "1-2"):
        with pytest.raises(ValueError, match="this call takes one"):
            one_session(several)


@pytest.mark.parametrize("name", [1, np.int64(1), np.array(1), "1", "01", "ses-01", "ses-1", "ses1"])
def test_every_call_takes_the_same_names(configured, tmp_path, name):
    sub, raw = laion_fmri.load_subject("sub-03"), laion_fmri.load_subject("sub-01")
    betas = sub.get_betas("ses-01", roi="FFA1")
    np.testing.assert_array_equal(sub.get_betas(name, roi="FFA1"), betas)
    (key,) = sub.get_betas([name], roi="FFA1")
    assert key == name
    np.testing.assert_array_equal(sub.concat_betas(name, roi="FFA1")[0], betas)
    np.testing.assert_array_equal(laion_fmri.extract("sub-03", name, roi="FFA1")["betas"], betas)
    plan = laion_fmri.build_store("sub-03", session=name, roi="FFA1", output=tmp_path, dry_run=True)
    assert plan.sessions == ["ses-01"]
    (path,) = sub.write_betas(name, tmp_path, roi="FFA1").values()
    assert path.name == "sub-03_ses-01_betas.npy"
    assert sub.get_trial_info(name).equals(sub.get_trial_info("ses-01"))
    assert sub.embeddings.all("CLIP", session=name).shape == sub.embeddings.all("CLIP", "ses-01").shape
    np.testing.assert_array_equal(sub.get_noise_ceiling(name), sub.get_noise_ceiling("ses-01"))
    computed = sub.nc_compute(name, roi="FFA1", residual_ddof=1).values
    np.testing.assert_array_equal(computed, sub.nc_compute("ses-01", roi="FFA1", residual_ddof=1).values)
    assert raw.has_raw(name) and raw.get_events(name).equals(raw.get_events("ses-01"))


def test_two_names_of_a_session_are_read_once(sub, reference):
    expected = reference.betas("ses-01")[:, reference.roi("FFA-1")]
    for names in ([1, "01"], ["ses-01", "01"], ["ses-01", "ses-02", 1]):
        for choices in ({}, {"stimuli": "shared"}, {"trials": [0, 3]}):
            found = sub.get_betas(names, roi="FFA1", **choices)
            assert list(found) == names == list(sub.get_trial_info(names))
            assert found[names[0]] is found[names[-1]]
        np.testing.assert_array_equal(sub.get_betas(names, roi="FFA1")[names[-1]], expected)


def test_warnings_have_the_full_name_of_a_session(sub):
    n_voxels = sub.get_n_voxels()
    for names in (1, "1", ["01", "ses-1"]):
        with pytest.warns(UserWarning, match="^sub-03 ses-01: no voxel fulfils") as caught:
            sub.get_betas(names, mask=np.zeros(n_voxels, dtype=bool))
        assert len(caught) == 1


@pytest.mark.parametrize("name", ["", " ", "1,", ",1", "1,,4", "all,"])
def test_an_empty_name_is_none(name):
    with pytest.raises(ValueError, match="contains an empty name"):
        joined_sessions(["04", name], existing)


def test_sessions_that_are_asked_for_twice_stay_twice():
    assert joined_sessions(["1", "ses-01", 1], existing) == ["ses-01"] * 3
    assert joined_sessions(["1-2", 100, "10"], existing) == ["ses-01", "ses-02", "ses-100", "ses-10"]


def test_a_range_says_what_it_leaves_out():
    with pytest.warns(UserWarning, match="range 02-05, ses-03, ses-05 are not there"):
        assert joined_sessions(["02-05"], existing) == ["ses-02", "ses-04"]
    with pytest.warns(UserWarning, match=r"ses-20, \.\.\. are not there"):
        assert joined_sessions(["1-999999999999"], existing) == EXISTING


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (["all", "01"], "cannot be combined"),
        (["all,01"], "cannot be combined"),
        (["10-01"], "contains no session"),
        (["05-09"], "no session is in the range '05-09'; sessions: ses-01"),
    ],
)
def test_names_that_mean_nothing(named, says):
    with pytest.raises(ValueError, match=says):
        joined_sessions(named, existing)


@pytest.mark.parametrize("name", ["all", "01-10", "01,03"])
def test_calls_that_answer_for_each_session_take_a_list(sub, name):
    for call in (sub.get_betas, sub.get_trial_info, sub.get_noise_ceiling):
        for session in (name, [name]):
            with pytest.raises(ValueError, match="several sessions") as raised:
                call(session)
            assert "get_sessions()" in raised.value.hint
    with pytest.raises(ValueError):
        meant_sessions([name], existing)


def test_calls_that_join_sessions_take_the_names_of_the_command(sub, configured, tmp_path):
    expected, rows = sub.concat_betas(roi="FFA1")
    for session in ("all", "01-02", "01,02", ["1", "ses-02"], ["01-02"]):
        betas, its_rows = sub.concat_betas(session, roi="FFA1")
        np.testing.assert_array_equal(betas, expected)
        assert its_rows.equals(rows)
        made = laion_fmri.extract("sub-03", session, roi="FFA1")
        np.testing.assert_array_equal(made["betas"], expected)
    written = sub.write_betas("all", tmp_path, roi="FFA1")
    assert list(written) == ["ses-01", "ses-02"] and all(path.is_file() for path in written.values())
    assert list(sub.write_betas("1", tmp_path, roi="FFA1")) == ["1"]
    group = laion_fmri.load_subjects(["sub-03", "sub-01"])
    every = group.shared_betas("all", roi="FFA1")
    assert every.image_names == group.shared_betas(["ses-01", "ses-02"], roi="FFA1").image_names
    values = [
        sub.nc_compute(session, roi="FFA1", residual_ddof=1).values for session in (None, "all", "01-02")
    ]
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[0], values[2])


def test_a_store_of_a_range(configured, tmp_path):
    with pytest.warns(UserWarning, match="ses-03"):
        built = laion_fmri.build_store("sub-03", session="02-03", roi="FFA1", output=tmp_path)
    assert built.built == ["ses-02"]


def test_sessions_without_betas_are_named_once(own, tmp_path):
    sub = laion_fmri.load_subject("sub-03")
    (betas,) = own.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*SingletrialBetas_statmap.nii.gz")
    betas.unlink()
    assert sub.get_sessions() == ["ses-01", "ses-02"]
    whole, parts = ["all", None], []
    for session in whole:
        parts += [
            lambda session=session: sub.concat_betas(session, roi="FFA1"),
            lambda session=session: sub.nc_compute(session, roi="FFA1", residual_ddof=1),
            lambda session=session: laion_fmri.extract("sub-03", session, roi="FFA1"),
            lambda session=session: laion_fmri.plan_extraction("3", session, roi="FFA1"),
        ]
    parts += [
        lambda: sub.write_betas("all", tmp_path, roi="FFA1"),
        lambda: laion_fmri.build_store("03", roi="FFA1", output=tmp_path / "stores", dry_run=True),
        lambda: laion_fmri.build_store("03", roi="FFA1", output=tmp_path / "stores"),
    ]
    said = "sub-03: betas of 1 of 2 sessions are on disk; left out: ses-01"
    for call in parts:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        assert [str(it.message) for it in caught if "left out" in str(it.message)] == [said]
        assert all(it.filename == __file__ for it in caught)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sub.concat_betas("ses-02", roi="FFA1")
        laion_fmri.extract("sub-03", "ses-02", roi="FFA1")
    with pytest.warns(UserWarning, match="left out"):
        _, rows = sub.concat_betas(roi="FFA1")
    # The views of all trials still list the session: rows are matched by their trial.
    trials = sub.metadata.loc[rows["trial"]]
    assert trials["session"].tolist() == ["ses-02"] * 46
    assert trials["label"].tolist() == rows["label"].tolist()


def test_shared_betas_name_sessions_without_betas(own):
    (betas,) = own.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*SingletrialBetas_statmap.nii.gz")
    betas.unlink()
    group = laion_fmri.load_subjects(["sub-03", "sub-01"])
    found = []
    for session, said in (
        ("all", ["sub-03: betas of 1 of 2 sessions are on disk; left out: ses-01"]),
        ("ses-02", []),
        (2, []),
    ):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found.append(group.shared_betas(session, roi="FFA1"))
        assert [str(it.message) for it in caught if "left out" in str(it.message)] == said
        assert all(it.filename == __file__ for it in caught)
    for shared in found[1:]:
        assert shared.image_names == found[0].image_names
        for name, values in shared.betas.items():
            np.testing.assert_array_equal(values, found[0].betas[name])


@pytest.mark.parametrize("session", ["all", "1-2"])
def test_shared_betas_name_the_sessions_of_every_subject(own, session):
    shutil.rmtree(own / "derivatives/glmsingle-tedana/sub-01/ses-02")
    group = laion_fmri.load_subjects(["sub-03", "sub-01"])
    with pytest.raises(laion_fmri.DataNotDownloadedError, match="sub-01 ses-02") as raised:
        group.shared_betas(session, roi="FFA1")
    told, _, download = raised.value.hint.partition("; or ")
    assert told == 'session=["ses-01"], which every subject has'
    assert download.startswith('laion_fmri.download.download("sub-01", ses="ses-02"')
    assert list(group.shared_betas(["ses-01"], roi="FFA1").betas) == ["sub-03", "sub-01"]
    with pytest.raises(laion_fmri.DataNotDownloadedError) as raised:
        group.shared_betas(["ses-01", "ses-02"], roi="FFA1")
    assert raised.value.hint == download


def test_all_sessions_on_disk_are_no_warning(sub):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sub.concat_betas(roi="FFA1")
        laion_fmri.plan_extraction(["sub-03", "sub-01"], average="image", roi="FFA1")


def test_downloads_take_the_names_of_the_command(empty):
    expected = dl.download("sub-03", ses="ses-01", dry_run=True)
    assert expected["key"].str.contains("ses-01.*SingletrialBetas").any()
    for name in (1, "1", "01", "ses-1", ["1"], np.array([1]), "1-1"):
        assert dl.download("sub-03", ses=name, dry_run=True).equals(expected), name
    both = dl.download("sub-03", ses=["ses-01", "ses-02"], dry_run=True)
    for name in ("01,02", "1-2", [1, 2]):
        assert dl.download("sub-03", ses=name, dry_run=True).equals(both), name
    averages = dl.download("sub-03", ses=["ses-01", "averages"], dry_run=True)
    assert dl.download("sub-03", ses="1,averages", dry_run=True).equals(averages)
    every = dl.download("sub-03", dry_run=True)
    assert dl.download("sub-03", ses="all", dry_run=True).equals(every) and len(every) > len(both)
    with pytest.warns(UserWarning, match="range 2-5, ses-03, ses-04, ses-05 are not there"):
        dl.download("sub-03", ses="2-5", dry_run=True)
    with pytest.raises(ValueError, match="no session is in the range '8-9'"):
        dl.download("sub-03", ses="8-9", dry_run=True)
    with pytest.raises(ValueError, match="cannot be combined"):
        dl.download("sub-03", ses=["all", "01"], dry_run=True)
    raw = dl.download_raw("sub-01", ses="ses-01", suffix="events", dry_run=True)
    assert len(raw) and dl.download_raw("sub-01", ses="1", suffix="events", dry_run=True).equals(raw)


def test_a_session_by_its_number_arrives_with_its_betas(empty):
    dl.download("sub-03", ses="1")
    assert laion_fmri.load_subject("sub-03").get_betas(1, roi="FFA1").shape[0] == 52


def test_sessions_of_the_bucket_that_were_not_downloaded_are_named(empty):
    dl.download("sub-03", ses=["ses-01", "averages"])
    sub = laion_fmri.load_subject("sub-03")
    assert sub.get_sessions() == ["ses-01"]
    said = "sub-03: betas of 1 of 2 sessions are on disk; left out: ses-02"
    for call in (
        lambda: sub.concat_betas(roi="FFA1"),
        lambda: laion_fmri.plan_extraction("sub-03", roi="FFA1"),
    ):
        with pytest.warns(UserWarning, match=said):
            call()
