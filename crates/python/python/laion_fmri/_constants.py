"""Names that the layout of the dataset fixes."""

from __future__ import annotations

BUCKET = "s3://laion-fmri"
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
MASK_SOURCES = ("anatomical", "rsquare")
FUNCTIONAL_RES = "1pt8"
ANATOMICAL_SESSION = "ses-PrismaAnat"
AVAILABLE_MODELS = ("CLIP", "DINOv2", "PEcore", "SigLIP2")
LOCALIZER_TASKS = ("floc", "oloc", "MotionLoc", "MotionLeft", "MotionRight")
VOLUME_RESOLUTIONS = ("1pt5", "1pt8")

STIMULI_FILE = "task-images_stimuli.h5"
STIMULI_METADATA_FILE = "task-images_metadata.csv"
SEGMENTATIONS_FILE = "task-images_desc-segmentations.h5"
SEGMENTATIONS_METADATA_FILE = "task-images_desc-segmentations_metadata.csv"
CAPTIONS_FILE = "task-images_desc-captions.csv"
