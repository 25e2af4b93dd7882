"""The page about querying the dataset, from top to bottom, against the served bucket.

Commented-out calls of the page run too. Numbers are those of the bucket of the fixtures; those of the bundled
splits are those that the page prints.
"""

from __future__ import annotations

import os

import pytest

import laion_fmri

SUBJECT = "sub-01"
ROI_CATEGORIES = (
    "body",
    "character",
    "face",
    "laion",
    "motion",
    "object",
    "place",
    "retinotopy",
)


def test_initialize_a_data_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from laion_fmri.config import dataset_initialize, get_data_dir

    data_dir = os.path.join(os.getcwd(), "laion_fmri_quickstart")
    os.makedirs(data_dir, exist_ok=True)
    dataset_initialize(data_dir)
    assert get_data_dir() == data_dir


def test_discovery(empty, capsys):
    from laion_fmri.discovery import describe, get_rois, get_subjects, inspect_bucket

    describe()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "LAION-fMRI Dataset"
    assert lines[1].startswith("  Bucket:    ")
    assert lines[2] == "  Subjects:  3 (sub-01, sub-03, sub-05)"
    assert lines[3].startswith("  ROIs:      ")

    print(f"All subjects: {get_subjects()}")
    print(f"Querying subject: {SUBJECT}")
    print(f"All ROIs ({len(get_rois(SUBJECT))}):")
    print(get_rois(SUBJECT))
    for cat in ROI_CATEGORIES:
        rois = get_rois(SUBJECT, category=cat)
        print(f"{cat}: {rois}")
    out = capsys.readouterr().out
    assert "All subjects: ['sub-01', 'sub-03', 'sub-05']" in out
    assert "face: ['FFA1', " in out and "place: []" not in out

    inspect_bucket()
    out = capsys.readouterr().out
    assert out.startswith("Bucket: ") and "Top-level prefixes (" in out
    assert "derivatives/glmsingle-tedana/: " in out and "sub-* entries" in out

    for sub_id in get_subjects():
        n_face = len(get_rois(sub_id, category="face"))
        n_total = len(get_rois(sub_id))
        print(f"  {sub_id}: {n_total:>3} ROIs total, {n_face} face")


def test_bundled_splits(capsys):
    from laion_fmri.splits import (
        get_train_test_ids,
        list_ood_types,
        list_pools,
        list_splits,
        load_split,
    )

    print(f"Pools:     {list_pools()}")
    print(f"Splits:    {list_splits()}")
    print(f"OOD types: {list_ood_types()}")
    split = load_split("random_0", pool="shared")
    print(f"Split:    {split.name}")
    print(f"Pool:     {split.pool}")
    print(f"Family:   {split.split_family}")
    print(f"n_train:  {split.n_train}")
    print(f"n_test:   {split.n_test}")
    train_ids, test_ids = get_train_test_ids("random_0", pool="shared")
    print(f"Loaded:   {len(train_ids)} train / {len(test_ids)} test ids")
    _, test_shape = get_train_test_ids("ood", pool="shared", ood_types=["shape"])
    print(f"OOD shape only:  test ids = {len(test_shape)}")
    assert capsys.readouterr().out == (
        "Pools:     ['shared', 'sub-01', 'sub-03', 'sub-05', 'sub-06', 'sub-07']\n"
        "Splits:    ['random_0', 'random_1', 'random_2', 'random_3', 'random_4', 'cluster_k5_0', "
        "'cluster_k5_1', 'cluster_k5_2', 'cluster_k5_3', 'cluster_k5_4', 'tau', 'ood']\n"
        "OOD types: ['cropped', 'gabor', 'gaudy', 'illusion-classic', 'illusion-natural', "
        "'relations', 'selfmade', 'shape', 'unusual']\n"
        "Split:    random_0\nPool:     shared\nFamily:   random\nn_train:  897\nn_test:   224\n"
        "Loaded:   897 train / 224 test ids\nOOD shape only:  test ids = 82\n"
    )


def test_per_subject_queries(empty):
    from laion_fmri.download import download

    download(subject="sub-01", ses="ses-01")

    from laion_fmri.subject import load_subject

    sub = load_subject("sub-01")
    assert sub.get_sessions() == ["ses-01"]
    trials = sub.get_trial_info(session="ses-01")
    assert trials.columns.tolist() == ["session", "run", "beta_index", "label"]
    assert trials["run"].unique().tolist() == [1, 2, 3, 4]
    assert len(trials) == 48

    download(subject="sub-01", suffix="mask")
    betas_one = sub.get_betas(session="ses-01", roi="FFA1")
    betas_face = sub.get_betas(session="ses-01", roi="face")
    betas_all = sub.get_betas(session="ses-01", roi="all")
    assert betas_one.shape[1] <= betas_face.shape[1] <= betas_all.shape[1]
    roi = sub.get_roi_data("FFA1", format="all", hemi="all")
    assert set(roi["FFA1"]["gii"]["hemi-L"]) == {"func.gii", "label"}


def test_stimulus_metadata(empty):
    from laion_fmri.download import download
    from laion_fmri.subject import load_subject

    download(subject="sub-01", ses="ses-01", include_stimuli=True)
    sub = load_subject("sub-01")
    assert sub.has_stimuli()
    with pytest.warns(DeprecationWarning, match="load_stimuli"):
        stim = sub.get_stimulus_metadata()
    assert len(stim.head()) == 5
    assert len(stim) == len(laion_fmri.load_stimuli().metadata)
