#!/usr/bin/env python3
"""Reads with nibabel the surface files that the Rust tests left, and compares.

    check_surface.py OUT

The Rust tests leave OUT/surface/written/manifest.json:

    {"masks": [{"file", "mask"}, ...], "labels": [{"file", "vertices"}, ...]}

with paths relative to OUT, `mask` a list of booleans per vertex and `vertices` in the order of
the file: what the Rust readers found in files that the fixtures wrote. The last line is a
summary in the form of Rust's own test runner; the exit status is 1 if a case failed.
"""

import json
from functools import partial

import nibabel as nib
import numpy as np

import verdict


def mask_of(path):
    """Per vertex whether the first array is neither zero nor NaN."""
    data = np.asarray(nib.load(path).darrays[0].data)
    return [bool(value) for value in (data != 0) & ~np.isnan(data)]


def vertices_of(path):
    """The vertices of a label."""
    return [int(vertex) for vertex in np.atleast_1d(nib.freesurfer.read_label(path))]


def check(read, path, expected):
    """What differs, as a list of sentences."""
    got = read(path)
    return [] if got == expected else [f"expected {expected}, got {got}"]


def cases(out):
    manifest = verdict.there(out / "surface" / "written" / "manifest.json")
    manifest = json.loads(manifest.read_text())
    files = [(mask_of, case["file"], case["mask"]) for case in manifest["masks"]]
    files += [(vertices_of, case["file"], case["vertices"]) for case in manifest["labels"]]
    for read, name, expected in files:
        yield f"read back {name}", partial(check, read, out / name, expected)


if __name__ == "__main__":
    verdict.run(__doc__, cases)
