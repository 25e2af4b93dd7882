"""What each call has to answer, computed with numpy and nibabel alone from the files of a bucket.

The rules are those of the documentation: arrays as nibabel has them, flattened in C order; a voxel
is in a mask when its value is neither 0 nor NaN; a threshold is reached by `>=`, never by NaN;
several ROIs are united; rows stay in the order of the volumes.
"""

import csv
import re
from pathlib import Path

import numpy as np

import reading

GLMSINGLE = "derivatives/glmsingle-tedana"
OPERATORS = {"|": "+", "-": "-", "&": "*", "(": "(", ")": ")"}


class Region:
    """A set of voxels with Python's arithmetic, whose precedence is that of the ROI grammar."""

    def __init__(self, voxels):
        self.voxels = voxels

    def __add__(self, other):
        return Region(self.voxels | other.voxels)

    def __sub__(self, other):
        return Region(self.voxels & ~other.voxels)

    def __mul__(self, other):
        return Region(self.voxels & other.voxels)


class Choice:
    """Which voxels and rows a call is about; the fields are those of `cases.json`."""

    def __init__(self, **given):
        self.roi = given.get("roi")
        self.mask = given.get("mask")
        self.mask_source = given.get("mask_source") or "anatomical"
        self.nc_threshold = given.get("nc_threshold")
        self.nc_desc = given.get("nc_desc")
        self.stimuli = given.get("stimuli")
        self.trials = given.get("trials")


class Reference:
    """One subject of a bucket."""

    def __init__(self, root, subject):
        self.root = Path(root)
        self.subject = subject
        self.cache = {}
        self.roi_files = self.find_rois()

    def cached(self, path, read):
        key = (str(path), read.__name__)
        if key not in self.cache:
            self.cache[key] = read(path)
        return self.cache[key]

    # Files

    def brain_path(self, source, resolution="1pt8"):
        if source == "rsquare":
            name = f"{self.subject}_task-images_space-T1w_stat-rsquare_desc-R2mean_statmap.nii.gz"
            return self.root / GLMSINGLE / self.subject / name
        res = "_res-1pt8" if resolution == "1pt8" else ""
        name = f"{self.subject}_ses-PrismaAnat_space-T1w{res}_desc-brain_mask.nii.gz"
        return self.root / "derivatives/anatomical" / self.subject / "ses-PrismaAnat/anat" / name

    def session_file(self, session, rest):
        name = f"{self.subject}_{session}_task-images_{rest}"
        return self.root / GLMSINGLE / self.subject / session / "func" / name

    def betas_path(self, session):
        return self.session_file(
            session, "space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz"
        )

    def trials_path(self, session):
        return self.session_file(session, "desc-SingletrialBetas_trials.tsv")

    def sessions(self):
        folders = sorted(path.name for path in (self.root / GLMSINGLE / self.subject).glob("ses-*"))
        return [
            session
            for session in folders
            if self.betas_path(session).is_file() or self.trials_path(session).is_file()
        ]

    def values(self, path):
        return self.cached(path, float32_values)

    # Masks and regions of interest

    def brain(self, source, resolution="1pt8"):
        """The brain mask as a 3-D bool array."""
        return self.cached(self.brain_path(source, resolution), set_voxels)

    def find_rois(self):
        """(category, local name, path) of each volume on the functional grid."""
        found = []
        for path in sorted((self.root / "derivatives/rois" / self.subject).glob("*/*")):
            pattern = rf"{self.subject}_space-T1w_res-1pt8_label-(.+)_mask\.nii\.gz"
            match = re.fullmatch(pattern, path.name)
            if match:
                found.append((path.parent.name, match.group(1).replace("-", ""), path))
        return found

    def roi_names(self, category=None):
        return sorted({name for cat, name, _ in self.roi_files if category in (None, cat)})

    def roi_categories(self):
        return sorted({category for category, _, _ in self.roi_files})

    def named(self, name):
        """The voxels of the grid that one name stands for."""
        files = self.roi_files
        chosen = files if name == "all" else [file for file in files if file[0] == name]
        chosen = chosen or [file for file in files if file[1] == name.replace("-", "")]
        if not chosen and name == "visual":
            chosen = [file for file in files if file[0] == "laion"]
        if not chosen:
            raise ValueError(f"no ROI {name}")
        return np.logical_or.reduce([self.cached(path, set_voxels) for _, _, path in chosen])

    def roi_grid(self, items):
        """The union of the items over the whole grid."""
        union = np.zeros(self.brain("anatomical").shape, dtype=bool)
        for item in items:
            names, code = {}, []
            for token in re.findall(r"[()]|[^\s()]+", item):
                if token in OPERATORS:
                    code.append(OPERATORS[token])
                else:
                    names[f"r{len(names)}"] = Region(self.named(token))
                    code.append(f"r{len(names) - 1}")
            union |= eval(" ".join(code), {"__builtins__": {}}, names).voxels
        return union

    def roi_mask(self, items, source):
        """The union of the items over the voxel axis of a source."""
        return self.roi_grid(items)[self.brain(source)]

    def chosen(self, choice, session=None):
        """The voxels of a choice over the voxel axis of its source."""
        brain = self.brain(choice.mask_source)
        selected = np.ones(int(brain.sum()), dtype=bool)
        if choice.roi is not None:
            selected = self.roi_mask(choice.roi, choice.mask_source)
        elif choice.mask is not None:
            selected = choice.mask
        if choice.nc_threshold is not None:
            path = self.ceiling_path(None if choice.nc_desc else session, choice.nc_desc)
            ceiling = self.values(path)[brain]
            with np.errstate(invalid="ignore"):
                selected = selected & (ceiling >= np.float32(choice.nc_threshold))
        return selected

    def indices(self, choice, session=None):
        """The flat C-order grid indices of a choice."""
        axis = np.flatnonzero(self.brain(choice.mask_source).ravel(order="C"))
        return axis[self.chosen(choice, session)]

    # Arrays

    def ceiling_path(self, session, desc):
        if session is not None:
            return self.session_file(session, "space-T1w_desc-Noiseceiling_statmap.nii.gz")
        name = f"{self.subject}_task-images_space-T1w_desc-{desc}_statmap.nii.gz"
        return self.root / GLMSINGLE / self.subject / name

    def noise_ceiling(self, choice, session=None, desc=None):
        values = self.values(self.ceiling_path(session, desc))
        return values[self.brain(choice.mask_source)][self.chosen(choice)]

    def rows(self, choice, session):
        """The volumes of a choice, in the order asked."""
        n_volumes = self.values(self.betas_path(session)).shape[3]
        rows = list(range(n_volumes) if choice.trials is None else choice.trials)
        if choice.stimuli is not None:
            labels = self.labels(session)
            wanted = choice.stimuli == "shared"
            rows = [row for row in rows if labels[row].startswith("shared_") == wanted]
        return rows

    def betas(self, choice, session):
        """float32, (n_trials, n_voxels)."""
        by_voxel = self.values(self.betas_path(session))[self.brain(choice.mask_source)]
        by_voxel = by_voxel[self.chosen(choice, session)]
        return np.ascontiguousarray(by_voxel.T[self.rows(choice, session)])

    def coordinates(self, choice):
        """float64, (n_voxels, 3): affine @ (i, j, k, 1)."""
        path = self.brain_path(choice.mask_source)
        image = reading.load(path)
        i, j, k = np.unravel_index(self.indices(choice), image.shape, order="C")
        return (image.affine @ np.stack([i, j, k, np.ones(i.size)]).astype(np.float64))[:3].T

    # Tables

    def trials(self, session):
        """Columns and rows as text: split at TAB alone, never trimmed."""
        text = self.trials_path(session).read_bytes().decode()
        header, *lines = text.removesuffix("\n").split("\n")
        return header.split("\t"), [line.split("\t") for line in lines]

    def labels(self, session):
        columns, rows = self.trials(session)
        return [row[columns.index("label")] for row in rows]

    def trial_table(self):
        """The rows of all sessions on disk, joined with the table of images."""
        images = stimulus_metadata(self.root)
        place = {row["image_name"]: index for index, row in enumerate(images)}
        columns, table = [], []
        for session in self.sessions():
            columns, rows = self.trials(session)
            for index, (label, fields) in enumerate(zip(self.labels(session), rows)):
                image = images[place[label]] if label in place else None
                table.append(
                    {
                        "session": session,
                        "session_trial": index,
                        "image_name": label,
                        "stim_idx": place.get(label),
                        "unique_or_shared": image and image["unique_or_shared"],
                        "dataset": image and image["dataset"],
                        "planned_repetitions": image and repetitions(image["n_reps"]),
                        "repetition": sum(row["image_name"] == label for row in table),
                        "fields": fields,
                    }
                )
        names = [row["image_name"] for row in table]
        for row in table:
            row["actual_repetitions"] = names.count(row["image_name"])
        return columns, table


def float32_values(path):
    return reading.values(reading.load(path))


def set_voxels(path):
    values = np.asarray(reading.load(path).dataobj)
    return (values != 0) & ~np.isnan(values)


def stimulus_metadata(root):
    """The table of images as text: nothing is a missing value."""
    path = Path(root) / "stimuli/task-images_metadata.csv"
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def repetitions(text):
    match = re.fullmatch(r"([0-9]+)(rep)?", text)
    return int(match.group(1)) if match else None


def zscore(betas, groups, ddof, omit, fit):
    """Standardised within groups in float64, and how many columns or values were special."""
    values = betas.astype(np.float64)
    scores = np.full_like(values, np.nan)
    report = {"constant": 0, "undefined": 0, "nan": int(np.isnan(values).sum())}
    mean_of, deviation_of = (np.nanmean, np.nanstd) if omit else (np.mean, np.std)
    groups = np.asarray(groups)
    for group in dict.fromkeys(groups.tolist()):
        rows = groups == group
        mean = mean_of(values[rows & fit], axis=0)
        deviation = deviation_of(values[rows & fit], axis=0, ddof=ddof)
        with np.errstate(divide="ignore", invalid="ignore"):
            group_scores = (values[rows] - mean) / deviation
        # No variance: 0, as documented, but NaN stays NaN.
        constant = (deviation == 0) & ~np.isnan(values[rows])
        scores[rows] = np.where(constant, 0.0, group_scores)
        report["constant"] += int((deviation == 0).sum())
        report["undefined"] += int(np.isnan(deviation).sum())
    return scores, report


def mean_without_nan(rows):
    """The mean of float32 rows, which are added in float32 one after the other; NaN is left out."""
    total = np.zeros(rows.shape[1], dtype=np.float32)
    for row in rows:
        total += np.where(np.isnan(row), np.float32(0.0), row)
    means = (total / (~np.isnan(rows)).sum(axis=0)).astype(np.float32)
    exact = np.nanmean(rows.astype(np.float64), axis=0)
    bound = len(rows) * 2.0**-24 * np.nanmean(np.abs(rows.astype(np.float64)), axis=0) + 1e-44
    with np.errstate(invalid="ignore"):
        if (np.abs(means - exact) > bound).any() or (np.isnan(means) != np.isnan(exact)).any():
            raise SystemExit("float32 sums are further from the mean than the documentation says")
    return means


def shared_betas(references, choice, sessions):
    """The images all saw, and for each subject means over repeats and their numbers."""
    labels = {
        reference.subject: [label for session in sessions for label in reference.labels(session)]
        for reference in references
    }
    names = set.intersection(*(set(found) for found in labels.values()))
    names = sorted(name for name in names if name.startswith("shared_"))
    answers = {}
    for reference in references:
        betas = np.concatenate([reference.betas(choice, session) for session in sessions])
        mine = np.array(labels[reference.subject])
        means = [mean_without_nan(betas[mine == name]) for name in names]
        repeats = [int((mine == name).sum()) for name in names]
        answers[reference.subject] = (np.array(means), repeats)
    return names, answers
