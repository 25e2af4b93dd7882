"""The data directory and subjects by name."""

from __future__ import annotations

import json
import os
import re
import warnings

import numpy as np
import pytest

import laion_fmri
from laion_fmri import config


def test_a_directory_is_stored_and_found(tmp_path, user):
    with pytest.raises(laion_fmri.DataDirNotSetError, match="data directory") as raised:
        config.get_data_dir()
    assert "dataset_initialize" in raised.value.hint
    assert config.dataset_initialize(str(tmp_path)) is None
    assert config.get_data_dir() == str(tmp_path)
    stored = json.loads((user / ".config/laion_fmri/config.json").read_text())
    assert stored["data_dir"] == str(tmp_path)
    assert config.set_data_dir is config.dataset_initialize


def test_a_later_process_reads_the_file(tmp_path, monkeypatch):
    config.dataset_initialize(str(tmp_path))
    monkeypatch.setattr(config, "_chosen", None)
    assert config.get_data_dir() == str(tmp_path)


def test_only_existing_directories_by_text(tmp_path):
    with pytest.raises(TypeError, match="string"):
        config.dataset_initialize(tmp_path)
    with pytest.raises(FileNotFoundError):
        config.dataset_initialize(str(tmp_path / "missing"))
    (tmp_path / "file").write_text("")
    with pytest.raises(FileNotFoundError):
        config.dataset_initialize(str(tmp_path / "file"))


def test_a_directory_inside_of_a_data_directory_is_warned_about(tmp_path):
    data = tmp_path / "data"
    (data / "derivatives/rois/sub-03").mkdir(parents=True)
    call = re.escape(f'laion_fmri.dataset_initialize("{data}")') + "$"
    # By its name alone, since nothing was downloaded.
    with pytest.warns(UserWarning, match=call):
        config.dataset_initialize(str(data / "derivatives"))
    config.dataset_initialize(str(data))
    # The folder that was taken by mistake is not named.
    for inside in ("derivatives", "derivatives/rois", "derivatives/rois/sub-03"):
        with pytest.warns(UserWarning, match=call):
            config.dataset_initialize(str(data / inside))
        assert config.get_data_dir() == str(data / inside)
    beside = tmp_path / "other"
    beside.mkdir()
    config.dataset_initialize(str(beside))


def test_this_process_wins_over_the_environment_and_says_so_once(tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv("LAION_FMRI_DATA", "/elsewhere")
    assert config.get_data_dir() == "/elsewhere"
    with pytest.warns(UserWarning, match="/elsewhere"):
        config.dataset_initialize(str(tmp_path))
    config.dataset_initialize(str(tmp_path))
    assert config.get_data_dir() == str(tmp_path)


def test_several_roots_are_searched(mirror, tmp_path):
    subject = laion_fmri.Subject("sub-03", os.pathsep.join([str(tmp_path), str(mirror)]))
    assert subject.get_sessions() == ["ses-01", "ses-02"]


@pytest.mark.parametrize("text", ["sub-03", "03"])
def test_ids_are_completed(text):
    assert laion_fmri.resolve_subject_id(text) == "sub-03"


def test_other_ids_are_refused():
    for wrong in ("", "sub-", "sub-../x"):
        with pytest.raises(laion_fmri.SubjectNotFoundError):
            laion_fmri.resolve_subject_id(wrong)
    for wrong in (3, None, b"sub-03"):
        with pytest.raises(TypeError, match="string") as raised:
            laion_fmri.resolve_subject_id(wrong)
        assert isinstance(raised.value, laion_fmri.SubjectNotFoundError)
        assert isinstance(raised.value, ValueError)


def test_load_subject_checks_and_a_subject_does_not(configured, tmp_path):
    assert laion_fmri.load_subject(subject="sub-03").subject_id == "sub-03"
    with pytest.raises(laion_fmri.DataNotDownloadedError, match="sub-99"):
        laion_fmri.load_subject("sub-99")
    late = laion_fmri.Subject(subject_id="sub-99", data_dir=str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError):
        late.get_sessions()


def test_groups_by_id_and_position(configured):
    group = laion_fmri.load_subjects(["sub-03", "sub-01"])
    assert len(group) == 2 and group[0] is group["sub-03"] and group[-1] is group["sub-01"]
    assert [name for name, _ in group] == ["sub-03", "sub-01"]
    with pytest.raises(KeyError):
        group["sub-05"]
    with pytest.raises(IndexError):
        group[2]
    with pytest.raises(TypeError):
        group[1.0]
    assert len(laion_fmri.load_subjects("all")) == 3
    with pytest.raises(ValueError, match="at least one subject"):
        laion_fmri.load_subjects([])
    with pytest.raises(TypeError, match="subjects"):
        laion_fmri.load_subjects([1])


def test_shared_betas_of_a_group(configured):
    group = laion_fmri.load_subjects(["sub-01", "sub-03"])
    plain = group.get_shared_betas(session="ses-01", roi="FFA1")
    expected = group["sub-03"].get_betas("ses-01", roi="FFA1", stimuli="shared")
    np.testing.assert_array_equal(plain["sub-03"], expected)
    assert list(plain) == ["sub-01", "sub-03"]
    shared = group.shared_betas("ses-01", roi="FFA1")
    # Sessions that can be gone through only once.
    once = group.get_shared_betas(iter(["ses-01"]), roi="FFA1")
    np.testing.assert_array_equal(once["sub-03"]["ses-01"], expected)
    again = group.shared_betas(iter(["ses-01"]), roi="FFA1")
    assert again.image_names == shared.image_names
    labels = group["sub-03"].get_trial_info("ses-01")["label"]
    row = len(shared.image_names) // 2
    trials = labels.index[labels == shared.image_names[row]]
    betas = group["sub-03"].get_betas("ses-01", roi="FFA1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mean = np.nanmean(betas[trials], axis=0)
    assert shared.betas["sub-03"][row] == pytest.approx(mean, rel=1e-5, nan_ok=True)
    assert shared.repeats["sub-03"][row] == len(trials)
    assert shared.betas["sub-01"].shape[0] == shared.betas["sub-03"].shape[0]
    assert len(group.get_shared_images()) == len(group.get_shared_stimulus_metadata())
    assert group.get_shared_images(format="numpy").shape[-1] == 3
    with pytest.raises(ValueError, match="format"):
        group.get_shared_images(format="jpeg")


def test_shared_betas_keep_the_order_of_the_group(configured):
    group = laion_fmri.load_subjects(["sub-03", "sub-01"])
    found = group.shared_betas("ses-01", roi="EBA")
    for by_subject in (found.betas, found.repeats, found.voxels):
        assert list(by_subject) == ["sub-03", "sub-01"]
    assert repr(found).startswith(f"SharedBetas({len(found.image_names)} images: sub-03 (")
