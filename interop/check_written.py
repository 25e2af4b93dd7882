#!/usr/bin/env python3
"""Reads with nibabel what the Rust writer wrote, and compares.

    check_written.py OUT

The Rust tests leave OUT/nifti/written/manifest.json:

    {"cases": [{"file", "expected", "shape", "affine",
                "qform_code"?, "sform_code"?, "units"?}, ...]}

with paths relative to OUT, `expected` raw little-endian float32 in C order, and `units`
as nibabel names them (["mm", "sec"]). Values must be equal bit for bit (any NaN equals
any NaN), affines within 1e-6. The last line is a summary in the form of Rust's own
test runner; the exit status is 1 if a case failed.
"""

import json
from functools import partial

import numpy as np

import reading
import verdict

AFFINE_TOLERANCE = 1e-6


def value_problems(image, expected_path):
    """Where the values differ, as a list of sentences."""
    got = reading.values(image).ravel(order="C")
    expected = np.frombuffer(expected_path.read_bytes(), dtype="<f4").astype(np.float32)
    if got.size != expected.size:
        return [f"number of values: expected {expected.size}, got {got.size}"]
    equal = got.view(np.uint32) == expected.view(np.uint32)
    equal |= np.isnan(got) & np.isnan(expected)
    wrong = np.flatnonzero(~equal)
    if wrong.size == 0:
        return []
    first = wrong[0]
    return [
        f"{wrong.size} of {got.size} values differ, first at flat index {first}: "
        f"expected {expected[first]!r}, got {got[first]!r}"
    ]


def header_problems(image, case):
    """What differs in the header, as a list of sentences."""
    problems = []

    def same(field, expected, got):
        if expected != got:
            problems.append(f"{field}: expected {expected}, got {got}")

    same("shape", list(case["shape"]), [int(length) for length in image.shape])
    distance = np.abs(image.affine - np.asarray(case["affine"], dtype=np.float64)).max()
    if not distance <= AFFINE_TOLERANCE:
        problems.append(f"affine: expected {case['affine']}, got {image.affine.tolist()}")
    for field in ("qform_code", "sform_code"):
        if case.get(field) is not None:
            same(field, int(case[field]), int(image.header[field]))
    if case.get("units") is not None:
        same("units", list(case["units"]), list(image.header.get_xyzt_units()))
    return problems


def check(out, case):
    """All problems of one written file."""
    image = reading.load(out / case["file"])
    return header_problems(image, case) + value_problems(image, out / case["expected"])


def cases(out):
    manifest = verdict.there(out / "nifti" / "written" / "manifest.json")
    for case in json.loads(manifest.read_text())["cases"]:
        yield f"read back {case['file']}", partial(check, out, case)


if __name__ == "__main__":
    verdict.run(__doc__, cases)
