"""The page about loading, from top to bottom, on the fixture bucket.

Blocks are those of the page with their indentation; names that the page leaves out are given, and sub-03
has two sessions here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import laion_fmri


@pytest.fixture(autouse=True)
def _mirror(configured):
    return configured


def test_load():
    from laion_fmri.subject import load_subject

    sub = load_subject("sub-03")
    assert sub.get_brain_mask().dtype == bool
    assert sub.get_brain_mask(source="rsquare").size == sub.get_brain_mask().size
    assert sub.get_n_voxels(source="rsquare") == sub.get_brain_mask(source="rsquare").sum()
    assert sub.get_brain_mask(res=None).size > sub.get_brain_mask().size


def test_core_accessors():
    sub = laion_fmri.load_subject("sub-03")
    assert sub.get_sessions()[0] == "ses-01"
    n_voxels = sub.get_n_voxels()
    betas = sub.get_betas(session="ses-01")
    assert betas.dtype == np.float32 and betas.shape == (52, n_voxels)
    assert list(sub.get_betas(session=["ses-01", "ses-02"])) == ["ses-01", "ses-02"]
    assert sub.get_noise_ceiling(session="ses-01").shape == (n_voxels,)
    assert sub.get_noise_ceiling(desc="Noiseceiling12rep").shape == (n_voxels,)
    assert isinstance(sub.get_trial_info(session="ses-01"), pd.DataFrame)


def test_roi_queries():
    sub = laion_fmri.load_subject("sub-03")
    assert len(sub.get_available_categories()) == 8
    assert "FFA1" in sub.get_available_rois(category="face")
    assert sub.get_roi_mask("FFA1").ndim == 1
    assert (sub.get_roi_mask("all") | sub.get_roi_mask("face")).any()
    assert list(sub.get_roi_masks(["FFA1", "face"])) == ["FFA1", "face"]
    sub.get_betas(session="ses-01", roi="FFA1")
    sub.get_betas(session="ses-01", roi="face")
    both = sub.get_betas(session="ses-01", roi=["face", "place"])
    union = sub.get_roi_mask("face") | sub.get_roi_mask("place")
    assert both.shape[1] == union.sum()


def test_multi_format_roi_loading():
    sub = laion_fmri.load_subject("sub-03")
    assert set(sub.get_roi_data("FFA1")["FFA1"]) == {"volume", "gii"}
    sub.get_roi_data("FFA1", format="volume")
    sub.get_roi_data("FFA1", format="gii", hemi="L")
    sub.get_roi_data("FFA1", format="func.gii")
    assert len(sub.get_roi_data("face", format="volume")) == len(sub.get_available_rois("face"))


def test_multi_subject_access():
    from laion_fmri.group import load_subjects

    group = load_subjects(["sub-03", "sub-01"])
    assert set(group.get_shared_betas(session="ses-01")) == {"sub-03", "sub-01"}
    for sub_id, sub in group:
        assert sub.subject_id == sub_id


def test_brain_space_mapping_and_anatomy(tmp_path):
    sub = laion_fmri.load_subject("sub-03")
    per_voxel_array = np.zeros(sub.get_n_voxels())
    sub.to_nifti(per_voxel_array, str(tmp_path / "out.nii.gz"))
    assert sub.get_voxel_coordinates().shape == (len(per_voxel_array), 3)
    assert sub.has_anatomical() is True
    for path in (
        sub.get_anatomical_dir(),
        sub.get_t1w(),
        sub.get_t1w(res="1pt8"),
        sub.get_t2w(),
        sub.get_anatomical_brain_mask(res="1pt8"),
    ):
        assert isinstance(path, Path) and path.exists()


def test_per_trial_stimulus_access():
    sub = laion_fmri.load_subject("sub-03")
    n_trials = len(sub.metadata)
    assert sub.images.get(42).mode == "RGB"
    assert isinstance(sub.images[42], bytes)
    assert sub.images.array(session="ses-01").shape[0] == 52
    assert len(sub.images.all()) == n_trials
    assert "CLIP" in sub.embeddings.models
    assert sub.embeddings.get("CLIP", 42).ndim == 1
    assert sub.embeddings.all("CLIP").shape[0] == n_trials
    assert sub.embeddings.all("CLIP", session="ses-01").shape[0] == 52
    shared = sub.metadata["unique_or_shared"] == "shared"
    trial = next(i for i in sub.metadata.index[shared] if sub.segmentations.nouns(i))
    noun = sub.segmentations.nouns(trial)[0]
    assert sub.segmentations.get(trial, noun).dtype == np.uint8
    unique = int(sub.metadata.index[~shared][0])
    assert sub.segmentations.has_image(unique) is False
    assert sub.segmentations.nouns(unique) == []
    assert isinstance(sub.captions.list(42), list)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_fit_clip_features_to_betas():
    sub = laion_fmri.load_subject("sub-03")

    # Per-session z-score, then concatenate, for fair scale:
    beta_chunks = []
    for ses in sub.get_sessions():
        b = sub.get_betas(session=ses, roi="visual")
        beta_chunks.append((b - b.mean(0)) / b.std(0))
    y = np.concatenate(beta_chunks, axis=0)  # (n_trials, n_voxels)

    # Trial-aligned CLIP features (same row order as y):
    X = sub.embeddings.all("CLIP")
    assert len(X) == len(y)

    trials = sub.metadata
    shared_trials = trials.index[trials["unique_or_shared"] == "shared"]
    for trial in shared_trials:
        nouns = sub.segmentations.nouns(trial)
        if "face" in nouns:
            sub.segmentations.get(trial, "face")


def test_stimuli_hub(mirror):
    stim = laion_fmri.load_stimuli()
    stim.metadata.head()
    name = stim.captions.images()[0]
    masked = stim.segmentations.images()[0]
    image = stim.images.names()[0]
    assert stim.images.get(image).mode == "RGB"
    assert stim.images[image][:2] in (b"\xff\xd8", b"\x89P")
    for shown, raw in stim.images:
        assert isinstance(shown, str) and isinstance(raw, bytes)
        break
    assert set(stim.embeddings.models) == {"CLIP", "DINOv2", "PEcore", "SigLIP2"}
    assert stim.embeddings["CLIP"].shape[0] == len(stim.embeddings.image_ids)
    assert stim.embeddings.get("CLIP", stim.embeddings.image_ids[0]).dtype == np.float16
    noun = stim.segmentations.nouns(masked, localized_only=False)[0]
    assert stim.segmentations.get(masked, noun).dtype == np.uint8
    assert all(isinstance(text, str) for text in stim.captions.human(name))
    assert stim.captions.ai(name) is None or isinstance(stim.captions.ai(name), str)
    assert isinstance(stim.captions.get(name), pd.DataFrame)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_common_workflow():
    from laion_fmri.subject import load_subject

    sub = load_subject("sub-03")

    train_chunks, test_chunks = [], []
    for ses in sub.get_sessions():
        betas = sub.get_betas(session=ses)  # (n_trials, n_voxels)
        z = (betas - betas.mean(0)) / betas.std(0)  # within-session z-score
        trials = sub.get_trial_info(session=ses)
        is_shared = trials["label"].str.startswith("shared_").to_numpy()
        train_chunks.append(z[~is_shared])
        test_chunks.append(z[is_shared])

    X_train = np.concatenate(train_chunks, axis=0)
    X_test = np.concatenate(test_chunks, axis=0)
    assert len(X_train) + len(X_test) == 98

    train = sub.get_betas(session=ses, stimuli="unique")
    test = sub.get_betas(session=ses, stimuli="shared")
    assert len(train) + len(test) == 46


def test_bundled_splits():
    from laion_fmri.splits import get_split_masks

    sub = laion_fmri.load_subject("sub-03")
    sessions = sub.get_sessions()
    betas = np.concatenate(list(sub.get_betas(session=sessions, roi="visual").values()), axis=0)
    trials = pd.concat(list(sub.get_trial_info(session=sessions).values()), ignore_index=True)

    train, test = get_split_masks(trials, "tau", pool="shared")
    X_train, X_test = betas[train], betas[test]
    assert len(X_train) == train.sum() and len(X_test) == test.sum()


def test_errors(tmp_path, monkeypatch):
    from laion_fmri import config
    from laion_fmri._errors import (
        DataDirNotSetError,
        DataNotDownloadedError,
        LicenseNotAcceptedError,
        StimuliNotDownloadedError,
        SubjectNotFoundError,
    )

    assert issubclass(DataNotDownloadedError, FileNotFoundError)
    assert issubclass(StimuliNotDownloadedError, FileNotFoundError)
    assert issubclass(SubjectNotFoundError, ValueError)
    assert issubclass(LicenseNotAcceptedError, RuntimeError)
    for wrong in ("", "sub-", 3):
        with pytest.raises(SubjectNotFoundError):
            laion_fmri.resolve_subject_id(wrong)
    (tmp_path / "derivatives/rois/sub-03").mkdir(parents=True)
    config.dataset_initialize(str(tmp_path))
    with pytest.raises(StimuliNotDownloadedError):
        laion_fmri.load_stimuli()
    sub = laion_fmri.load_subject("sub-03")
    for access in (
        lambda: sub.metadata,
        lambda: laion_fmri.Captions(),
        lambda: laion_fmri.Segmentations(),
        lambda: laion_fmri.load_embeddings("CLIP"),
    ):
        with pytest.raises(StimuliNotDownloadedError):
            access()
    with pytest.raises(DataNotDownloadedError):
        sub.get_betas("ses-01")
    monkeypatch.setattr(config, "_chosen", None)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    with pytest.raises(DataDirNotSetError):
        laion_fmri.load_subject("sub-03")
