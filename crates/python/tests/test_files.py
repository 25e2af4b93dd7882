"""Single files by path, and values back in space, against nibabel."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

import laion_fmri
from laion_fmri import _paths, brain, derivatives, io


@pytest.fixture
def mask_path(mirror):
    (path,) = mirror.glob("derivatives/anatomical/sub-03/**/*res-1pt8_desc-brain_mask.nii.gz")
    return path


def test_images(reference, mask_path):
    image = nib.load(mask_path)
    flags = io.load_nifti_mask(str(mask_path))
    assert flags.dtype == bool and (flags == reference.brain()).all()
    values, affine = io.load_nifti_with_affine(mask_path)
    assert values.dtype == np.float32 and (values == np.asanyarray(image.dataobj)).all()
    np.testing.assert_array_equal(affine, image.affine)
    (ceiling,) = reference.glm.glob("ses-01/func/*desc-Noiseceiling_statmap.nii.gz")
    got = io.load_nifti_data(ceiling, mask_path)
    np.testing.assert_array_equal(got, reference.noise_ceiling("ses-01"))
    for streaming in (True, False):
        rows = io.load_nifti_4d(reference.betas_path("ses-01"), flags, streaming=streaming)
        np.testing.assert_array_equal(rows, reference.betas("ses-01"))
    whole = flags.reshape(image.shape)
    np.testing.assert_array_equal(io.load_nifti_4d(reference.betas_path("ses-01"), whole), rows)
    with pytest.raises(ValueError, match="4-D"):
        io.load_nifti_4d(mask_path, flags)
    with pytest.raises(ValueError, match="mask"):
        io.load_nifti_4d(reference.betas_path("ses-01"), flags[1:])


def test_surfaces_and_tables(mirror):
    (surface,) = mirror.glob("derivatives/rois/sub-03/face/*hemi-L*label-FFA-1_mask.func.gii")
    expected = nib.load(surface).darrays[0].data != 0
    np.testing.assert_array_equal(io.load_gifti_mask(surface), expected)
    label = surface.with_name(surface.name.replace(".func.gii", ".label"))
    vertices = io.load_freesurfer_label(label)
    assert vertices.dtype == np.int64
    np.testing.assert_array_equal(vertices, nib.freesurfer.read_label(label))
    (table,) = mirror.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*_trials.tsv")
    assert len(io.load_tsv(table)) == 52


def test_texts_of_tables_stay_as_they_are(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text('label\tonset\trun\n"NA\t1.5\t01\nNA\tn/a\t02\n n/a \t2\t03\n')
    table = io.load_tsv(path)
    assert table["label"].tolist() == ['"NA', "NA", " n/a "]
    assert table["onset"].isna().tolist() == [False, True, False]
    assert table["run"].tolist() == [1, 2, 3]


def test_damaged_and_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        io.load_nifti_mask(tmp_path / "missing.nii.gz")
    (tmp_path / "bad.nii.gz").write_bytes(b"no image")
    with pytest.raises(laion_fmri.DataIntegrityError):
        io.load_nifti_mask(tmp_path / "bad.nii.gz")
    (tmp_path / "bad.label").write_text("no label")
    with pytest.raises(ValueError):
        io.load_freesurfer_label(tmp_path / "bad.label")


def test_values_and_coordinates(mask_path, tmp_path, reference):
    image = nib.load(mask_path)
    flags = reference.brain()
    roi = np.zeros(flags.sum(), dtype=bool)
    roi[3:9] = True
    values = np.arange(6.0)
    output = tmp_path / "out.nii.gz"
    brain.to_nifti(values, output, mask_path, image.affine, roi_mask=roi)
    written = np.asanyarray(nib.load(output).dataobj).ravel()
    np.testing.assert_array_equal(written[np.flatnonzero(flags)[roi]], values)
    coordinates = brain.get_voxel_coordinates(mask_path, image.affine, custom_mask=roi)
    voxels = np.stack(np.unravel_index(np.flatnonzero(flags)[roi], image.shape), axis=1)
    expected = nib.affines.apply_affine(image.affine, voxels)
    np.testing.assert_allclose(coordinates, expected)
    for arguments in (
        (values[:-1], output, mask_path, image.affine, roi),
        (values, output, mask_path, np.eye(4), roi),
        (values, output, mask_path, image.affine, roi[1:]),
    ):
        with pytest.raises(ValueError, match="mismatch"):
            brain.to_nifti(*arguments)


def test_localizers(configured):
    path = derivatives.localizer_statmap_path("sub-03", "oloc", "objectVsScrambled", "ses-31", hemi="L")
    assert path.is_file() and "hemi-L_space-fsnative" in path.name
    volume = derivatives.localizer_statmap_path(
        "sub-03", "floc", "faceVsObject", "ses-4BarScreenfLoc", space="T1w", res="1pt8"
    )
    assert volume.is_file()
    effect = derivatives.localizer_effect_path("sub-03", "oloc", "scrambled", "ses-31", "run-02", hemi="R")
    assert effect.is_file() and "run-02_hemi-R" in effect.name
    for arguments, match in [
        (("sub-03", "other", "faces", "ses-01"), "task"),
        (("sub-03", "floc", "faces", "ses-01", "MNI"), "space"),
        (("sub-03", "floc", "faces", "ses-01"), "hemi"),
        (("sub-03", "floc", "faces", "ses-01", "T1w", None, "2"), "res must be"),
    ]:
        with pytest.raises(ValueError, match=match):
            derivatives.localizer_statmap_path(*arguments)
    with pytest.raises(FileNotFoundError):
        derivatives.localizer_effect_path("sub-03", "floc", "none", "ses-01", 1, hemi="R")


def test_paths_are_those_of_the_layout(mirror):
    for path in (
        _paths.betas_path(mirror, "sub-03", "ses-01"),
        _paths.trials_path(mirror, "sub-03", "ses-01"),
        _paths.session_noise_ceiling_path(mirror, "sub-03", "ses-01"),
        _paths.noise_ceiling_path(mirror, "sub-03", "Noiseceiling12rep"),
        _paths.r2mean_path(mirror, "sub-03"),
        _paths.stimuli_path(mirror),
        _paths.stimuli_metadata_path(mirror),
        _paths.embeddings_path(mirror, "CLIP"),
        _paths.segmentations_path(mirror),
        _paths.segmentations_metadata_path(mirror),
        _paths.captions_path(mirror),
    ):
        assert path.is_file(), path
    for folder in (
        _paths.glmsingle_subject_dir(mirror, "sub-03"),
        _paths.rois_subject_dir(mirror, "sub-03"),
        _paths.anatomical_subject_dir(mirror, "sub-03"),
        _paths.freesurfer_surf_path(mirror, "sub-03", "L", "white").parent.parent,
        _paths.localizers_dir(mirror),
        _paths.raw_func_dir(mirror, "sub-01", "ses-01"),
        _paths.stimuli_dir_path(mirror),
    ):
        assert folder.is_dir(), folder
