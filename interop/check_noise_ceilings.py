#!/usr/bin/env python3
"""Computes noise ceilings with numpy, and compares those of the Rust crates with them.

    check_noise_ceilings.py OUT

The Rust tests leave in OUT/noise_ceilings the bucket of the test suite and maps that were computed from
its betas, N.nii.gz, each with its conventions in N.json. Betas and maps are read by nibabel, trial
tables by hand. Both the computed maps and those that the bucket itself holds must be what numpy gives,
to 1e-6 of a percent and nearly all of them bit for bit. The last line is a summary in the form of
Rust's own test runner; the exit status is 1 if a case failed.
"""

import json
from pathlib import Path

import nibabel
import numpy as np

import verdict

GLM = "derivatives/glmsingle-tedana"
SETS = {
    "all": lambda label: True,
    "4rep": lambda label: not label.startswith("shared_12rep_"),
    "12rep": lambda label: label.startswith("shared_12rep_"),
}


class Session:
    """The betas of a session, trials x voxels of the grid, with the run and the image of each."""

    def __init__(self, root, subject, session):
        stem = f"{root}/{GLM}/{subject}/{session}/func/{subject}_{session}_task-images"
        image = nibabel.load(f"{stem}_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz")
        data = image.get_fdata(dtype=np.float64)
        self.betas = data.reshape(-1, data.shape[-1]).T
        text = Path(f"{stem}_desc-SingletrialBetas_trials.tsv").read_text(encoding="utf-8")
        header, *rows = [line.split("\t") for line in text.split("\n") if line]
        self.runs = np.array([row[header.index("run")] for row in rows])
        self.labels = [row[header.index("label")] for row in rows]


def zscored(values, ddof):
    """By column; what does not vary is 0."""
    deviation = values.std(axis=0, ddof=ddof)
    return (values - values.mean(axis=0)) / np.where(deviation == 0, 1, deviation)


def noise_ceiling(sessions, scope, is_wanted, is_often, term="mean", zscore_ddof=0, residual_ddof=0):
    """Percent at every voxel of the grid."""
    parts = []
    for session in sessions:
        z = np.empty_like(session.betas)
        groups = [session.runs == run for run in np.unique(session.runs)]
        for group in groups if scope == "run" else [slice(None)]:
            z[group] = zscored(session.betas[group], zscore_ddof)
        parts.append(z)
    z = np.concatenate(parts)
    labels = np.array([label for session in sessions for label in session.labels])
    variances, inverse = [], []
    for label in np.unique(labels):
        trials = np.flatnonzero(labels == label)
        if is_wanted(label) and is_often(len(trials)):
            variances.append(z[trials].var(axis=0, ddof=residual_ddof))
            inverse.append(1 / len(trials))
    noise = np.mean(variances, axis=0)
    inverse = np.mean(inverse) if term == "mean" else 1 / int(term)
    ncsnr = np.sqrt(np.maximum(0, 1 - noise)) / np.sqrt(noise)
    ceiling = 100 * ncsnr**2 / (ncsnr**2 + inverse)
    # Outside the brain, and where a voxel never varies, there is no signal.
    betas = np.concatenate([session.betas for session in sessions])
    ceiling[(betas == betas[0]).all(axis=0)] = 0
    return ceiling


def same(expected, path, where=None):
    """What differs, as a list of sentences."""
    got = np.asarray(nibabel.load(path).dataobj, dtype=np.float64).reshape(-1)
    if where is not None:
        expected = np.where(where, expected, 0)
    if (np.isnan(got) != np.isnan(expected)).any():
        return [f"{path.name}: NaN at other voxels"]
    known = ~np.isnan(expected)
    difference = np.abs(got - expected)[known].max()
    # Half a unit in the last place of a float32 of this size, beside the tolerance.
    limit = 1e-6 + np.spacing(np.float32(100)) / 2
    problems = []
    if difference > limit:
        problems.append(f"{path.name}: differs by {difference}")
    rounded = got.astype(np.float32) == expected.astype(np.float32)
    if rounded[known].mean() < 0.999:
        problems.append(f"{path.name}: {rounded[known].mean():.4f} have equal bits")
    if (expected[known] > 0).sum() < 100:
        problems.append(f"{path.name}: too little to compare")
    return problems


def computed(root, sessions):
    """One case per map that was computed."""
    for path in sorted(root.glob("*.json"), key=lambda path: int(path.stem)):
        said = json.loads(path.read_text(encoding="utf-8"))
        number = int(said["Repetitions"].rstrip("+"))
        is_least = said["Repetitions"].endswith("+")
        expected = noise_ceiling(
            [sessions(said["Subject"], session) for session in said["Sessions"]],
            said["ZscoreScope"],
            SETS[said["Images"]],
            lambda n: n >= number if is_least else n == number,
            said["RepetitionTerm"],
            said["ZscoreDdof"],
            said["ResidualDdof"],
        )
        folder = root / "bucket/derivatives"
        masks = sorted(folder.rglob(f"{said['Subject']}*res-1pt8*desc-brain_mask.nii.gz"))
        brain = np.asarray(nibabel.load(masks[0]).dataobj).reshape(-1)
        yield path.name, same(expected, path.with_suffix(".nii.gz"), (brain != 0) & (brain == brain))


def shipped(root, sessions):
    """One case per map of the bucket."""
    folder = root / "bucket" / GLM
    for path in sorted(folder.rglob("*desc-Noiseceiling*_statmap.nii.gz")):
        subject, *rest = path.name.split("_")
        desc = next(part for part in rest if part.startswith("desc-")).removeprefix("desc-Noiseceiling")
        if rest[0].startswith("ses-"):
            chosen, scope, wanted = [rest[0]], "run", "all"
        else:
            trials = folder.glob(f"{subject}/ses-*/func/*_desc-Noiseceiling_statmap.nii.gz")
            chosen = sorted(path.name.split("_")[1] for path in trials)
            scope, wanted = "session", desc.lower().replace("allrep", "all")
        data = [sessions(subject, session) for session in chosen]
        expected = noise_ceiling(data, scope, SETS[wanted], lambda n: n >= 2)
        yield path.name, same(expected, path)


def cases(out):
    root = verdict.there(out / "noise_ceilings")
    loaded = {}

    def sessions(subject, session):
        if (subject, session) not in loaded:
            loaded[subject, session] = Session(root / "bucket", subject, session)
        return loaded[subject, session]

    with np.errstate(all="ignore"):
        for check, least in ((computed, 48), (shipped, 11)):
            maps = list(check(root, sessions))
            yield from maps
            if len(maps) < least:
                yield check.__name__, [f"expected {least} maps, got {len(maps)}"]


if __name__ == "__main__":
    verdict.run(__doc__, cases)
