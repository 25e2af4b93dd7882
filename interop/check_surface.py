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
import sys
from pathlib import Path

import nibabel as nib
import numpy as np


def mask_of(path):
    """Per vertex whether the first array is neither zero nor NaN."""
    data = np.asarray(nib.load(path).darrays[0].data)
    return [bool(value) for value in (data != 0) & ~np.isnan(data)]


def vertices_of(path):
    """The vertices of a label."""
    return [int(vertex) for vertex in np.atleast_1d(nib.freesurfer.read_label(path))]


def check(read, path, expected):
    """What differs, as a sentence, or nothing."""
    try:
        got = read(path)
    except Exception as error:  # any failure to read the file is a finding about the file
        return f"{type(error).__name__}: {error}"
    return None if got == expected else f"expected {expected}, got {got}"


def main(out):
    manifest = out / "surface" / "written" / "manifest.json"
    if not manifest.is_file():
        raise SystemExit(f"{manifest}: the Rust tests did not write it")
    manifest = json.loads(manifest.read_text())
    cases = [(mask_of, case["file"], case["mask"]) for case in manifest["masks"]]
    cases += [(vertices_of, case["file"], case["vertices"]) for case in manifest["labels"]]
    if not cases:
        raise SystemExit("no cases")
    failed = 0
    for read, name, expected in cases:
        problem = check(read, out / name, expected)
        failed += problem is not None
        print(f"read back {name} ... {'FAILED' if problem else 'ok'}")
        if problem:
            print(f"    {problem}")
    verdict = "FAILED" if failed else "ok"
    print(f"test result: {verdict}. {len(cases) - failed} passed; {failed} failed; 0 ignored")
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
