#!/usr/bin/env python3
"""Reads with nibabel, numpy, pandas and the csv module what Rust wrote about the buckets, and compares.

    check_buckets.py OUT

The cases are those of `make_buckets.py` that have an `output`: volumes (`to_nifti`, `write_mask`)
and the outputs of commands. Values must be equal bit for bit (any NaN equals any NaN); affine,
transforms, their codes, voxel sizes and units must equal those of the file named by `like`. The
last line is a summary in the form of Rust's own test runner; the exit status is 1 if a case failed.
"""

import csv
import json
from functools import partial

import numpy as np
import pandas

import reading
import verdict


def array_problems(got, expected):
    """How two arrays differ, as a list of sentences."""
    if (got.dtype, got.shape) != (expected.dtype, expected.shape):
        return [f"expected {expected.dtype} {expected.shape}, got {got.dtype} {got.shape}"]
    if not got.flags.c_contiguous:
        return ["the array is not in C order"]
    equal = got == expected
    if got.dtype.kind == "f":
        bits = f"u{got.dtype.itemsize}"
        equal = (got.view(bits) == expected.view(bits)) | (np.isnan(got) & np.isnan(expected))
    if equal.all():
        return []
    first = tuple(int(place) for place in np.argwhere(~equal)[0])
    return [
        f"{int((~equal).sum())} of {got.size} values differ, first at {first}: "
        f"expected {expected[first]!r}, got {got[first]!r}"
    ]


def volume_problems(path, expected, like):
    """What differs between a written volume and the expected data on the grid of `like`."""
    got, like = reading.load(path), reading.load(like)
    stored = np.ascontiguousarray(np.asarray(got.dataobj))
    problems = array_problems(stored, expected)
    for what, of in {
        "affine": lambda image: image.affine,
        "sform": lambda image: image.header.get_sform(),
        "sform code": lambda image: int(image.header["sform_code"]),
        "qform": lambda image: image.header.get_qform(coded=False),
        "qform code": lambda image: int(image.header["qform_code"]),
        "voxel sizes": lambda image: image.header.get_zooms(),
        "units": lambda image: image.header.get_xyzt_units(),
    }.items():
        if not np.array_equal(of(got), of(like)):
            problems.append(f"{what}: expected {of(like)}, got {of(got)}")
    return problems


def table(path):
    """Columns and rows of a written table as text."""
    text = path.read_bytes().decode()
    if path.suffix == ".tsv":
        header, *lines = text.removesuffix("\n").split("\n")
        return header.split("\t"), [line.split("\t") for line in lines]
    if path.suffix == ".json":
        rows = [json.loads(line) for line in text.split("\n")[:-1]]
        columns = [key for key in rows[0] if key != "schema"]
        cells = [[row[column] for column in columns] for row in rows]
        return columns, [[None if c is None else str(c) for c in row] for row in cells]
    with open(path, encoding="utf-8", newline="") as file:
        columns, *rows = csv.reader(file)
    frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
    if [list(frame.columns), *frame.values.tolist()] != [columns, *rows]:
        raise ValueError(f"the csv module reads {columns} {rows}, pandas {frame.to_dict('split')}")
    return columns, rows


def table_problems(path, columns, rows):
    """How a written table differs; each format has its own sign for a missing cell."""
    missing = {".tsv": "n/a", ".csv": "", ".json": None}[path.suffix]
    rows = [[missing if cell is None else cell for cell in row] for row in rows]
    got_columns, got_rows = table(path)
    if got_columns != columns:
        return [f"columns: expected {columns}, got {got_columns}"]
    if len(got_rows) != len(rows):
        return [f"expected {len(rows)} rows, got {len(got_rows)}"]
    pairs = enumerate(zip(rows, got_rows))
    return [f"row {n}: expected {a}, got {b}" for n, (a, b) in pairs if a != b]


def named_problems(got, expected, load):
    """How named arrays differ."""
    if sorted(got) != sorted(expected):
        return [f"expected {sorted(expected)}, got {sorted(got)}"]
    return [
        f"{name}: {problem}"
        for name in expected
        for problem in array_problems(got[name], load(expected[name]))
    ]


def check(root, case):
    """All problems of one case."""
    output = root / case["output"]

    def load(name):
        return np.load(root / name)

    if "rows" in case:
        return table_problems(output, case["columns"], case["rows"])
    if "files" in case:
        got = {path.name: np.load(path) for path in output.iterdir()}
        return named_problems(got, case["files"], load)
    if "arrays" in case:
        with np.load(output) as got:
            return named_problems(dict(got), case["arrays"], load)
    if "like" in case:
        return volume_problems(output, load(case["expected"]), root / case["like"])
    expected = load(case["expected"])
    if output.suffix == ".csv":
        frame = pandas.read_csv(output)
        if list(frame.columns) != case["columns"]:
            return [f"columns: expected {case['columns']}, got {list(frame.columns)}"]
        got = np.ascontiguousarray(frame.to_numpy(dtype=expected.dtype))
    else:
        got = np.load(output)
    if case.get("tolerance") == "1e-9 mm":
        near = got.shape == expected.shape and np.allclose(got, expected, rtol=0, atol=1e-9)
        return [] if near else [f"expected {expected}, got {got}"]
    return array_problems(got, expected)


def cases(out):
    for manifest in sorted((out / "buckets").glob("*/cases.json")):
        root = manifest.parent
        for case in json.loads(manifest.read_text(encoding="utf-8"))["cases"]:
            if "output" in case:
                yield f"{root.name}/{case['output']} ({case['call']})", partial(check, root, case)


if __name__ == "__main__":
    verdict.run(__doc__, cases)
