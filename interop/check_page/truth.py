"""What the files of a subject hold, and numbers as the page writes them."""

import re
from pathlib import Path

import nibabel
import numpy as np

SUBJECT, SESSION = "sub-01", "ses-01"
GLM = "derivatives/glmsingle-tedana"


class Truth:
    """What the files of a subject hold, read by nibabel and by hand."""

    def __init__(self, root, subject=SUBJECT):
        self.root, self.subject = Path(root), subject
        glob = self.root.glob(f"{GLM}/{subject}/ses-*/func/*_desc-SingletrialBetas_trials.tsv")
        self.sessions = {path.parts[-3]: self.table(path) for path in sorted(glob)}

    @staticmethod
    def table(path):
        header, *rows = [line.split("\t") for line in path.read_text("utf-8").split("\n") if line]
        return [dict(zip(header, row)) for row in rows]

    def betas(self, session):
        prefix = f"{self.subject}_{session}_task-images_space-T1w_stat-effect"
        name = f"{prefix}_desc-SingletrialBetas_statmap.nii.gz"
        return nibabel.load(self.root / GLM / self.subject / session / "func" / name)

    def brain(self):
        found = self.root.glob(
            f"derivatives/anatomical/{self.subject}/**/*_res-1pt8_desc-brain_mask.nii.gz"
        )
        return nibabel.load(next(iter(found)))

    def rois(self):
        """The masks of all ROIs by the labels of their files."""
        paths = self.root.glob(
            f"derivatives/rois/{self.subject}/*/*_space-T1w_res-1pt8_label-*_mask.nii.gz"
        )
        label = re.compile(r"_label-(.+)_mask")
        return {
            label.search(path.name)[1]: np.asarray(nibabel.load(path).dataobj) > 0 for path in paths
        }

    def trial(self, session, trial):
        """The volume of a trial, NaN outside the brain."""
        values = np.asarray(self.betas(session).dataobj[..., trial], dtype=np.float32)
        return np.where(np.asarray(self.brain().dataobj) > 0, values, np.nan).astype(np.float32)

    def responses(self, voxel):
        """The beta of a voxel in every trial of the sessions with betas, and the image of each."""
        values, images = [], []
        for session, rows in self.sessions.items():
            values.append(np.asarray(self.betas(session).dataobj)[tuple(voxel)].astype(np.float32))
            images.extend(row["label"] for row in rows)
        return np.concatenate(values), images


def as_number(text):
    """The number that the page has written; NaN for no value."""
    if text.startswith("no value"):
        return np.nan
    return float(re.match(r"[−-]?[\d.]+(e[+−-]?\d+)?", text)[0].replace("−", "-"))


def same(shown, expected, what):
    """A problem if the number that is shown is not this value, to the digits that are shown."""
    number = as_number(shown)
    if np.isnan(number) and np.isnan(expected):
        return []
    if not np.isclose(number, expected, rtol=2e-3, atol=1e-4):
        return [f"{what}: the page shows {shown!r}, numpy has {expected}"]
    return []
