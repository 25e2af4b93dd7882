"""LAION-fMRI from its public bucket to arrays: download, masks, single-trial betas, trials.

The package has the names, signatures and results of the Python package ``laion_fmri``, on a Rust core that
streams voxels in fixed memory.
"""

from laion_fmri._errors import (
    AccessServiceError,
    DataDirNotSetError,
    DataIntegrityError,
    DataNotDownloadedError,
    DataNotFoundError,
    LicenseNotAcceptedError,
    NoMatchingDataError,
    StimuliNotDownloadedError,
    SubjectNotFoundError,
    TransferError,
)
from laion_fmri._installed import check as _check
from laion_fmri._native import VERSION as __version__
from laion_fmri.captions import Captions
from laion_fmri.config import dataset_initialize, get_data_dir, set_data_dir
from laion_fmri.discovery import describe, get_rois, get_subjects
from laion_fmri.download import (
    download_captions,
    download_embeddings,
    download_segmentations,
    download_stimuli,
    request_stimulus_access,
    verify,
)
from laion_fmri.embeddings import Embeddings, load_embeddings
from laion_fmri.extraction import Extraction, extract, plan_extraction, reproduce, zscore
from laion_fmri.group import Group, load_subjects
from laion_fmri.segmentations import Segmentations
from laion_fmri.stimuli import Stimuli, as_displayed_rgb, load_stimuli
from laion_fmri.slices import plot_slices
from laion_fmri.store import StoreBuilt, StorePlan, build_store, open_store
from laion_fmri.subject import Subject, load_subject, resolve_subject_id

from laion_fmri import brain, derivatives, io, splits, templates  # isort: skip

# With the package, and not in a first call: Ctrl-C there would leave a half of it behind.
import numpy as _numpy  # noqa: F401  # isort: skip

__implementation__ = "rust"

__all__ = [
    "AccessServiceError",
    "Captions",
    "DataDirNotSetError",
    "DataIntegrityError",
    "DataNotDownloadedError",
    "DataNotFoundError",
    "Embeddings",
    "Extraction",
    "Group",
    "LicenseNotAcceptedError",
    "NoMatchingDataError",
    "Segmentations",
    "Stimuli",
    "StimuliNotDownloadedError",
    "StoreBuilt",
    "StorePlan",
    "Subject",
    "SubjectNotFoundError",
    "TransferError",
    "__version__",
    "as_displayed_rgb",
    "brain",
    "build_store",
    "dataset_initialize",
    "derivatives",
    "describe",
    "download_captions",
    "download_embeddings",
    "download_segmentations",
    "download_stimuli",
    "extract",
    "get_data_dir",
    "get_rois",
    "get_subjects",
    "io",
    "load_embeddings",
    "load_stimuli",
    "load_subject",
    "load_subjects",
    "open_store",
    "plan_extraction",
    "plot_slices",
    "reproduce",
    "request_stimulus_access",
    "resolve_subject_id",
    "set_data_dir",
    "splits",
    "templates",
    "verify",
    "zscore",
]

_check()
