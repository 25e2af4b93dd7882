"""Signatures against those of the Python package: the same parameters, then keywords of our own."""

from __future__ import annotations

import importlib
import inspect

import pytest

import laion_fmri

VOXELS = "roi=None, mask=None, mask_source='anatomical'"
NAMES = {
    "config.dataset_initialize": "data_dir",
    "config.get_data_dir": "",
    "subject.resolve_subject_id": "subject",
    "subject.load_subject": "subject",
    "group.load_subjects": "subjects",
    "stimuli.load_stimuli": "data_dir=None",
    "stimuli.as_displayed_rgb": "image",
    "embeddings.load_embeddings": "models='all', data_dir=None",
    "discovery.get_subjects": "",
    "discovery.get_rois": "subject=None, category=None",
    "discovery.describe": "",
    "discovery.inspect_bucket": "",
    "download.download": (
        "subject, ses=None, task=None, space=None, desc=None, stat=None, suffix=None, "
        "extension=None, include_stimuli=False, include_embeddings=False, "
        "include_freesurfer=False, include_anatomical=False, include_raw=False, "
        "include_localizers=False, n_jobs=1"
    ),
    "download.download_raw": (
        "subject, ses=None, task=None, run=None, echo=None, part=None, suffix=None, extension=None, n_jobs=1"
    ),
    "download.download_stimuli": "data_dir=None, server_url='https://laion-fmri.hebartlab.com'",
    "download.download_embeddings": "models='all', data_dir=None, n_jobs=1",
    "download.download_segmentations": "data_dir=None",
    "download.download_captions": "data_dir=None",
    "download.request_stimulus_access": "server_url='https://laion-fmri.hebartlab.com'",
    "download.accept_license": "",
    "download.accept_licenses": "include_stimuli=False",
    "derivatives.localizer_statmap_path": (
        "subject, task, contrast, session, space='fsnative', hemi=None, res='1pt5', data_dir=None"
    ),
    "derivatives.localizer_effect_path": (
        "subject, task, condition, session, run, space='fsnative', hemi=None, res='1pt5', data_dir=None"
    ),
    "io.load_nifti_mask": "path",
    "io.load_nifti_data": "path, mask_path",
    "io.load_nifti_4d": "path, voxel_mask, streaming=True",
    "io.load_nifti_with_affine": "path",
    "io.load_tsv": "path",
    "io.load_gifti_mask": "path",
    "io.load_freesurfer_label": "path",
    "brain.to_nifti": ("values, output_path, brain_mask_path, affine=None, roi_mask=None, custom_mask=None"),
    "brain.get_voxel_coordinates": "brain_mask_path, affine, roi_mask=None, custom_mask=None",
    "splits.list_pools": "",
    "splits.list_splits": "pool=None",
    "splits.list_ood_types": "",
    "splits.load_split": "name, pool",
    "splits.load_all_splits": "pool",
    "splits.get_train_test_ids": "name, pool, variant_id=0, ood_types=None",
    "splits.get_split_masks": "trials, name, pool, variant_id=0, ood_types=None",
    "subject.Subject": "subject_id, data_dir=None",
    "subject.Subject.get_sessions": "self",
    "subject.Subject.get_available_rois": "self, category=None",
    "subject.Subject.get_available_categories": "self",
    "subject.Subject.get_n_stimuli": "self, stimuli=None",
    "subject.Subject.get_brain_mask": "self, source='anatomical', res='1pt8'",
    "subject.Subject.get_n_voxels": "self, source='anatomical', res='1pt8'",
    "subject.Subject.get_betas": (
        "self, session, roi=None, mask=None, nc_threshold=None, stimuli=None, streaming=False, "
        "mask_source='anatomical'"
    ),
    "subject.Subject.get_noise_ceiling": f"self, session=None, desc=None, {VOXELS}",
    "subject.Subject.get_trial_info": "self, session",
    "subject.Subject.get_roi_mask": "self, query, mask_source='anatomical'",
    "subject.Subject.get_roi_masks": "self, queries, mask_source='anatomical'",
    "subject.Subject.get_roi_data": ("self, query, format=None, hemi=None, mask_source='anatomical'"),
    "subject.Subject.has_stimuli": "self",
    "subject.Subject.has_freesurfer": "self",
    "subject.Subject.get_freesurfer_dir": "self",
    "subject.Subject.has_anatomical": "self",
    "subject.Subject.get_anatomical_dir": "self",
    "subject.Subject.has_raw": "self, session=None",
    "subject.Subject.get_events": "self, session, run=None",
    "subject.Subject.get_raw_bold": "self, session, run, echo, part='mag'",
    "subject.Subject.get_sbref": "self, session, run, echo",
    "subject.Subject.to_torch_dataset": (
        "self, session, roi=None, mask=None, nc_threshold=None, image_transform=None, "
        "mask_source='anatomical'"
    ),
    "subject.Subject.to_nifti": f"self, values, output_path, {VOXELS}",
    "subject.Subject.to_template": "self, values, target",
    "subject.Subject.volume_to_surface": "self, values, target='fsaverage'",
    "subject.Subject.volume_to_template": "self, values, target",
    "subject.Subject.surface_to_template": "self, values, target='fsaverage'",
    "templates.to_template": "subject, values, target",
    "templates.volume_to_surface": "subject, values, target='fsaverage'",
    "templates.volume_to_template": "subject, values, target",
    "templates.surface_to_template": "subject, values, target='fsaverage'",
    "subject.Subject.get_voxel_coordinates": f"self, {VOXELS}",
    "subject.Subject.get_stimulus_metadata": "self",
    "group.Group": "subjects_dict",
    "group.Group.get_shared_betas": (
        "self, session, roi=None, mask=None, nc_threshold=None, mask_source='anatomical'"
    ),
    "group.Group.get_shared_images": "self, format='pil'",
    "group.Group.get_shared_stimulus_metadata": "self",
    "stimuli.Stimuli": "data_dir=None",
    "stimuli.Stimuli.close": "self",
    "stimuli.Images.index_of": "self, name",
    "stimuli.Images.names": "self",
    "embeddings.Embeddings": "models, data_dir=None",
    "embeddings.Embeddings.close": "self",
    "embeddings.Embeddings.get": "self, model, names",
    "segmentations.Segmentations": "data_dir=None",
    "segmentations.Segmentations.close": "self",
    "segmentations.Segmentations.get": "self, name, noun, instance=0",
    "segmentations.Segmentations.for_image": "self, name",
    "segmentations.Segmentations.nouns": "self, name, localized_only=True",
    "segmentations.Segmentations.has_image": "self, name",
    "segmentations.Segmentations.images": "self",
    "captions.Captions": "data_dir=None",
    "captions.Captions.images": "self",
    "captions.Captions.get": "self, name",
    "captions.Captions.human": "self, name, limit=None",
    "captions.Captions.list": "self, name, source=None",
    "captions.Captions.ai": "self, name",
    "_trials.TrialImages.all": "self, session=None",
    "_trials.TrialImages.array": "self, session=None",
    "_trials.TrialEmbeddings.get": "self, model, trial",
    "_trials.TrialEmbeddings.all": "self, model, session=None",
    "_trials.TrialSegmentations.has_image": "self, trial",
    "_trials.TrialSegmentations.nouns": "self, trial, localized_only=True",
    "_trials.TrialSegmentations.for_image": "self, trial",
    "_trials.TrialSegmentations.get": "self, trial, noun, instance=0",
    "_trials.TrialCaptions.list": "self, trial, source=None",
    "_trials.TrialCaptions.human": "self, trial, limit=None",
    "_trials.TrialCaptions.ai": "self, trial",
    "_trials.TrialCaptions.for_image": "self, trial",
}

KEYWORDS = {
    "templates.to_template": {
        "hemi": None,
        "route": "auto",
        "surface": "white",
        "fsaverage_density": "fsaverage5",
        "fslr_density": "32k",
        "interpolation": "linear",
        "output_dir": None,
        "desc": None,
        "session": None,
        "mask_source": "anatomical",
    },
    "download.download": {"data_dir": None},
    "download.download_raw": {"data_dir": None},
    "download.accept_license": {"data_dir": None},
    "download.accept_licenses": {"data_dir": None},
    "download.verify": {"repair": False, "accept_license": None},
    "subject.Subject.get_t1w": {"res": None},
    "subject.Subject.get_t2w": {"res": None},
    "subject.Subject.get_anatomical_brain_mask": {"res": None},
    "stimuli.Images.get": {"as_displayed": True},
    "_trials.TrialImages.get": {"as_displayed": True},
}

EXPORTED = [
    "Captions",
    "DataDirNotSetError",
    "DataNotDownloadedError",
    "DataNotFoundError",
    "Embeddings",
    "Group",
    "LicenseNotAcceptedError",
    "NoMatchingDataError",
    "Segmentations",
    "StimuliNotDownloadedError",
    "Stimuli",
    "Subject",
    "SubjectNotFoundError",
    "__version__",
    "as_displayed_rgb",
    "dataset_initialize",
    "describe",
    "download_captions",
    "download_embeddings",
    "download_segmentations",
    "download_stimuli",
    "get_data_dir",
    "get_rois",
    "get_subjects",
    "load_embeddings",
    "load_subjects",
    "load_stimuli",
    "load_subject",
    "request_stimulus_access",
    "resolve_subject_id",
    "set_data_dir",
]


def found(name):
    module, *path = name.split(".")
    value = importlib.import_module(f"laion_fmri.{module}")
    for part in path:
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("name", NAMES)
def test_positional_parameters_are_the_same(name):
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    parameters = inspect.signature(found(name)).parameters.values()
    plain = [parameter.replace(annotation=parameter.empty) for parameter in parameters]
    got = ", ".join(str(parameter) for parameter in plain if parameter.kind in kinds)
    assert got == NAMES[name]


@pytest.mark.parametrize("name", KEYWORDS)
def test_keywords_are_the_same(name):
    parameters = inspect.signature(found(name)).parameters
    for keyword, default in KEYWORDS[name].items():
        assert parameters[keyword].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[keyword].default == default


@pytest.mark.parametrize("name", [*NAMES, *KEYWORDS])
def test_everything_is_documented(name):
    assert inspect.getdoc(found(name))


def test_exported_names():
    assert len(EXPORTED) == 31
    assert set(EXPORTED) <= set(laion_fmri.__all__)
    assert inspect.ismodule(laion_fmri.download) and inspect.ismodule(laion_fmri.stimuli)
    assert laion_fmri.set_data_dir is laion_fmri.dataset_initialize


def test_properties_of_a_subject():
    for name in ("metadata", "images", "embeddings", "segmentations", "captions"):
        assert isinstance(inspect.getattr_static(laion_fmri.Subject, name), property)


@pytest.mark.parametrize(
    ("method", "function"),
    [
        ("to_template", "to_template"),
        ("volume_to_surface", "to_template"),
        ("volume_to_template", "to_template"),
        ("surface_to_template", "surface_to_template"),
    ],
)
def test_methods_have_the_keywords_of_the_templates(method, function):
    def keywords(value):
        parameters = inspect.signature(value).parameters.values()
        return {it.name: it.default for it in parameters if it.kind is it.KEYWORD_ONLY}

    assert "templates" in laion_fmri.__all__
    expected = keywords(getattr(laion_fmri.templates, function))
    assert keywords(getattr(laion_fmri.Subject, method)) == expected != {}
