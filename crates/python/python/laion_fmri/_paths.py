"""Where files of the dataset lie in a data directory."""

from __future__ import annotations

import os
from pathlib import Path

from laion_fmri._constants import (
    ANATOMICAL_SESSION,
    CAPTIONS_FILE,
    SEGMENTATIONS_FILE,
    SEGMENTATIONS_METADATA_FILE,
    STIMULI_FILE,
    STIMULI_METADATA_FILE,
)

_Path = str | os.PathLike[str]


def derivatives_dir(data_dir: _Path) -> Path:
    return Path(data_dir) / "derivatives"


def glmsingle_dir(data_dir: _Path) -> Path:
    return derivatives_dir(data_dir) / "glmsingle-tedana"


def glmsingle_subject_dir(data_dir: _Path, subject: str) -> Path:
    return glmsingle_dir(data_dir) / subject


def glmsingle_session_dir(data_dir: _Path, subject: str, session: str) -> Path:
    return glmsingle_subject_dir(data_dir, subject) / session / "func"


def _session_file(data_dir: _Path, subject: str, session: str, rest: str) -> Path:
    folder = glmsingle_session_dir(data_dir, subject, session)
    return folder / f"{subject}_{session}_task-images_{rest}"


def betas_path(data_dir: _Path, subject: str, session: str) -> Path:
    rest = "space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz"
    return _session_file(data_dir, subject, session, rest)


def trials_path(data_dir: _Path, subject: str, session: str) -> Path:
    return _session_file(data_dir, subject, session, "desc-SingletrialBetas_trials.tsv")


def session_noise_ceiling_path(data_dir: _Path, subject: str, session: str) -> Path:
    rest = "space-T1w_desc-Noiseceiling_statmap.nii.gz"
    return _session_file(data_dir, subject, session, rest)


def noise_ceiling_path(data_dir: _Path, subject: str, desc: str) -> Path:
    name = f"{subject}_task-images_space-T1w_desc-{desc}_statmap.nii.gz"
    return glmsingle_subject_dir(data_dir, subject) / name


def r2mean_path(data_dir: _Path, subject: str) -> Path:
    name = f"{subject}_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz"
    return glmsingle_subject_dir(data_dir, subject) / name


def rois_dir(data_dir: _Path) -> Path:
    return derivatives_dir(data_dir) / "rois"


def rois_subject_dir(data_dir: _Path, subject: str) -> Path:
    return rois_dir(data_dir) / subject


def anatomical_dir(data_dir: _Path) -> Path:
    return derivatives_dir(data_dir) / "anatomical"


def anatomical_subject_dir(data_dir: _Path, subject: str) -> Path:
    return anatomical_dir(data_dir) / subject / ANATOMICAL_SESSION / "anat"


def freesurfer_dir(data_dir: _Path) -> Path:
    return derivatives_dir(data_dir) / "freesurfer"


def freesurfer_subject_dir(data_dir: _Path, subject: str) -> Path:
    return freesurfer_dir(data_dir) / subject


def freesurfer_surf_path(data_dir: _Path, subject: str, hemi: str, name: str) -> Path:
    hemi = {"L": "lh", "R": "rh"}.get(hemi, hemi)
    return freesurfer_subject_dir(data_dir, subject) / "surf" / f"{hemi}.{name}"


def localizers_dir(data_dir: _Path) -> Path:
    return derivatives_dir(data_dir) / "localizers"


def raw_subject_dir(data_dir: _Path, subject: str) -> Path:
    return Path(data_dir) / subject


def raw_func_dir(data_dir: _Path, subject: str, session: str) -> Path:
    return raw_subject_dir(data_dir, subject) / session / "func"


def raw_events_path(data_dir: _Path, subject: str, session: str, run: int) -> Path:
    name = f"{subject}_{session}_task-images_run-{run:02d}_events.tsv"
    return raw_func_dir(data_dir, subject, session) / name


def stimuli_dir_path(data_dir: _Path) -> Path:
    return Path(data_dir) / "stimuli"


def stimuli_path(data_dir: _Path) -> Path:
    return stimuli_dir_path(data_dir) / STIMULI_FILE


def stimuli_metadata_path(data_dir: _Path) -> Path:
    return stimuli_dir_path(data_dir) / STIMULI_METADATA_FILE


def embeddings_path(data_dir: _Path, model: str) -> Path:
    return stimuli_dir_path(data_dir) / f"task-images_desc-{model}_embeddings.h5"


def segmentations_path(data_dir: _Path) -> Path:
    return stimuli_dir_path(data_dir) / SEGMENTATIONS_FILE


def segmentations_metadata_path(data_dir: _Path) -> Path:
    return stimuli_dir_path(data_dir) / SEGMENTATIONS_METADATA_FILE


def captions_path(data_dir: _Path) -> Path:
    return stimuli_dir_path(data_dir) / CAPTIONS_FILE
