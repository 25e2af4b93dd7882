"""A value of another type is a TypeError with the name of its argument, in every public call."""

from __future__ import annotations

import inspect

import numpy as np
import pandas as pd
import pytest

import laion_fmri
from laion_fmri import (
    Captions,
    Segmentations,
    _arguments,
    brain,
    derivatives,
    discovery,
    io,
    splits,
    templates,
)
from laion_fmri import download as dl
from laion_fmri.extraction import methods, read_recipe


class Other:
    """Of no type that any argument has."""


#: Of any type, or looked at only together with something else.
ANY = {"accept_license", "chunks", "streaming", "within"}


def calls(sub, root, tmp_path):
    """Every public call with arguments that are good, but for what is named."""
    group = laion_fmri.load_subjects(["sub-03"])
    stimuli, masks, captions = laion_fmri.load_stimuli(), Segmentations(), Captions()
    vectors = laion_fmri.load_embeddings("CLIP")
    name = stimuli.images.names()[0]
    mask = sub.get_anatomical_brain_mask(res="1pt8")
    values = np.zeros(sub.get_n_voxels())
    map_of = {"subject": "sub-03", "task": "floc", "session": "ses-01", "hemi": "L"}
    fetch = {"subject": "sub-03", "dry_run": True}
    return [
        (laion_fmri.dataset_initialize, {"data_dir": str(root)}),
        (laion_fmri.resolve_subject_id, {"subject": "sub-03"}),
        (laion_fmri.load_subject, {"subject": "sub-03"}),
        (laion_fmri.Subject, {"subject_id": "sub-03"}),
        (laion_fmri.load_subjects, {"subjects": ["sub-03"]}),
        (laion_fmri.load_stimuli, {}),
        (laion_fmri.as_displayed_rgb, {"image": stimuli.images.get(name)}),
        (laion_fmri.load_embeddings, {}),
        (discovery.get_subjects, {}),
        (discovery.get_rois, {}),
        (dl.download, fetch),
        (dl.download_raw, fetch),
        (dl.download_stimuli, {"dry_run": True}),
        (dl.download_embeddings, {"accept_license": True}),
        (dl.request_stimulus_access, {}),
        (dl.verify, {"subjects": "sub-03"}),
        (derivatives.localizer_statmap_path, {"contrast": "faces", **map_of}),
        (derivatives.localizer_effect_path, {"condition": "faces", "run": 1, **map_of}),
        (templates.to_template, {"subject": sub, "values": values, "target": "fsnative"}),
        (templates.surface_to_template, {"subject": sub, "values": values, "hemi": "L"}),
        (io.load_nifti_mask, {"path": mask}),
        (io.load_nifti_data, {"path": mask, "mask_path": mask}),
        (io.load_nifti_4d, {"path": mask, "voxel_mask": sub.get_brain_mask()}),
        (io.load_nifti_with_affine, {"path": mask}),
        (io.load_tsv, {"path": root / "participants.tsv"}),
        (io.load_gifti_mask, {"path": mask}),
        (io.load_freesurfer_label, {"path": mask}),
        (brain.to_nifti, {"values": values, "output_path": tmp_path / "a.nii", "brain_mask_path": mask}),
        (brain.get_voxel_coordinates, {"brain_mask_path": mask, "affine": np.eye(4)}),
        (splits.list_splits, {}),
        (splits.load_split, {"name": "tau", "pool": "shared"}),
        (splits.load_all_splits, {"pool": "shared"}),
        (splits.get_train_test_ids, {"name": "tau", "pool": "shared"}),
        (splits.get_split_masks, {"trials": sub.get_trial_info("ses-01"), "name": "tau", "pool": "sub-03"}),
        (splits.find_leaks, {"trials": ["a"], "train": [True], "test": [False]}),
        (splits.duplicate_groups, {"pool": "shared"}),
        (laion_fmri.extract, {"subjects": "sub-03", "zscore": "run"}),
        (laion_fmri.reproduce, {"recipe": "x"}),
        (read_recipe, {"path": "x"}),
        (methods, {"path": "x"}),
        (laion_fmri.zscore, {"betas": np.ones((4, 3))}),
        (laion_fmri.build_store, {"subject": "sub-03", "output": tmp_path}),
        (laion_fmri.open_store, {"path": tmp_path}),
        (sub.get_available_rois, {}),
        (sub.get_n_stimuli, {}),
        (sub.get_brain_mask, {}),
        (sub.get_n_voxels, {}),
        (sub.get_betas, {"session": "ses-01"}),
        (sub.concat_betas, {}),
        (sub.write_betas, {"session": "ses-01", "output": tmp_path}),
        (sub.get_trial_info, {"session": "ses-01"}),
        (sub.get_roi_mask, {"query": "FFA1"}),
        (sub.get_roi_masks, {"queries": "FFA1"}),
        (sub.get_roi_data, {"query": "FFA1"}),
        (sub.nc_compute, {}),
        (sub.has_raw, {}),
        (sub.get_events, {"session": "ses-01"}),
        (sub.get_raw_bold, {"session": "ses-01", "run": 1, "echo": 1}),
        (sub.get_sbref, {"session": "ses-01", "run": 1, "echo": 1}),
        (sub.get_t1w, {}),
        (sub.get_t2w, {}),
        (sub.get_anatomical_brain_mask, {}),
        (sub.to_nifti, {"values": values, "output_path": tmp_path / "b.nii"}),
        (sub.get_voxel_coordinates, {}),
        (sub.images.get, {"trial": 0}),
        (sub.images.all, {}),
        (sub.images.array, {}),
        (sub.embeddings.get, {"model": "CLIP", "trial": 0}),
        (sub.embeddings.all, {"model": "CLIP"}),
        (sub.segmentations.get, {"trial": 0, "noun": "cat"}),
        (sub.segmentations.nouns, {"trial": 0}),
        (sub.captions.list, {"trial": 0}),
        (sub.captions.human, {"trial": 0}),
        (group.get_shared_betas, {"session": "ses-01"}),
        (group.shared_betas, {"session": "ses-01"}),
        (group.get_shared_images, {}),
        (laion_fmri.Group, {"subjects_dict": {}}),
        (stimuli.images.get, {"key": name}),
        (stimuli.images.index_of, {"name": name}),
        (stimuli.query, {}),
        (vectors.get, {"model": "CLIP", "names": name}),
        (masks.get, {"name": name, "noun": "cat"}),
        (masks.for_image, {"name": name}),
        (masks.nouns, {"name": name}),
        (masks.has_image, {"name": name}),
        (captions.get, {"name": name}),
        (captions.human, {"name": name}),
        (captions.list, {"name": name}),
        (captions.ai, {"name": name}),
    ]


@pytest.fixture
def served(own, monkeypatch):
    """A mirror that may be changed, and the bucket that it is of."""
    from conftest import ACCESS, BUCKET

    monkeypatch.setenv("LAION_FMRI_BUCKET", BUCKET)
    monkeypatch.setenv("LAION_FMRI_ACCESS_URL", ACCESS)
    return own


def test_every_argument_is_named(sub, served, tmp_path):
    unnamed, looked_at = [], 0
    for call, good in calls(sub, served, tmp_path):
        for name, parameter in inspect.signature(call).parameters.items():
            if name in ANY or parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                continue
            looked_at += 1
            try:
                call(**{**good, name: Other()})
                unnamed.append(f"{call.__qualname__}({name}=...) takes it")
            except laion_fmri._errors.WrongTypeError as error:
                assert isinstance(error, TypeError) and hasattr(error, "hint")
                if name not in str(error).split():
                    unnamed.append(f"{call.__qualname__}({name}=...): {error}")
            except Exception as error:
                unnamed.append(f"{call.__qualname__}({name}=...): {type(error).__name__}: {error}")
    assert not unnamed, "\n".join(unnamed)
    assert looked_at > 250


def test_texts_are_not_dicts_or_bytes(sub, served):
    for wrong in ({"FFA1": 1}, b"FFA1", ["FFA1", 1.5]):
        with pytest.raises(TypeError, match="query"):
            sub.get_roi_mask(wrong)
        with pytest.raises(TypeError, match="session"):
            sub.get_betas(wrong)
        with pytest.raises(TypeError, match="suffix"):
            dl.download("sub-03", suffix={"trials": 1}, dry_run=True)
    for wrong in (b"x", 1.5, ["x"]):
        with pytest.raises(TypeError, match="data_dir must be a path"):
            laion_fmri.Subject("sub-03", wrong)


def test_what_is_true_or_false(empty, monkeypatch):
    monkeypatch.delenv("LAION_FMRI_ACCEPT_LICENSE")
    for wrong in ("no", "False", None, 2, [True]):
        with pytest.raises(TypeError, match="dry_run must be True or False"):
            dl.download("sub-03", ses="ses-01", dry_run=wrong)
    with pytest.raises(TypeError, match="accept_license must be True or False"):
        dl.download("sub-03", ses="ses-01", accept_license="no")
    assert not (empty / "derivatives").exists()
    for plain in (True, np.True_, 1):
        assert len(dl.download("sub-03", ses="ses-01", dry_run=plain))


def test_numbers():
    assert _arguments.numbers([[1, 2]], "values").dtype == np.float32
    table = pd.DataFrame({"a": [1, 2.5]}, dtype=object)
    np.testing.assert_array_equal(_arguments.numbers(table, "values", "float64"), [[1], [2.5]])
    for wrong in (["a"], [None, "a"], 1.5, "1", [1j], np.array(["2020"], "datetime64[Y]")):
        with pytest.raises(TypeError, match="values must be an array of numbers"):
            _arguments.numbers(wrong, "values")
    with pytest.raises(ValueError, match="values must be an array of numbers"):
        _arguments.numbers([[1], [1, 2]], "values")


def test_flags():
    nullable = pd.array([True, False], dtype="boolean")
    for flags in ([True, False], [1, 0], [1.0, 0.0], nullable, pd.Series(nullable)):
        found = _arguments.flags(flags, "mask")
        assert found.dtype == np.bool_ and found.tolist() == [True, False]
    for wrong in (True, 1.5, "a", ["a"], pd.array([True, None], dtype="boolean"), {"a": True}):
        with pytest.raises(TypeError, match="mask must"):
            _arguments.flags(wrong, "mask")
    for wrong in ([1, 2], [[True]], [[True], [True, False]]):
        with pytest.raises(ValueError, match="mask must"):
            _arguments.flags(wrong, "mask")


def test_every_exception_of_the_package_has_a_hint():
    from laion_fmri import _errors

    classes = [value for value in vars(_errors).values() if inspect.isclass(value)]
    own = [it for it in classes if issubclass(it, BaseException) and it.__module__ == _errors.__name__]
    assert len(own) > 20
    for kind in own:
        assert kind("message").hint is None and str(kind("message")) == "message"
    for number, kind in ((2, FileNotFoundError), (13, PermissionError), (28, OSError), (None, OSError)):
        error = _errors._build("OSError", "cannot write", None, {} if number is None else {"errno": number})
        assert isinstance(error, kind) and hasattr(error, "hint")
