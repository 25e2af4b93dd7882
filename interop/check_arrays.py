#!/usr/bin/env python3
"""Reads with numpy, zarr, xarray and h5py the labelled arrays that the Rust crate `array-export` wrote.

    check_arrays.py OUT

The Rust tests leave OUT/export/labelled.npz, .zarr and .h5. What has to be in
them follows from the formulas of check_export.py; the digest in their recipe is computed again, from
its description. Warnings are errors. zarr and xarray need Python 3.11: below it they are left out,
with a line that says so. The last line is a summary in the form of Rust's own test runner; the exit
status is 1 if a case failed.
"""

import hashlib
import json
import sys
import warnings

import h5py
import numpy as np
from check_export import label, same_array, values
import verdict

PRESENTATIONS, NEUROIDS = 103, 37
ATTRIBUTES = {"title": 'na\u00efve "title"', "n": 3}

# Name -> type, dimensions; all but the texts have the value of their position.
NUMBERS = {
    "betas": ("float32", ("presentation", "neuroid")),
    "session": ("int32", ("presentation",)),
    "beta_index": ("uint64", ("presentation",)),
    "train": ("bool", ("presentation",)),
    "voxel_index": ("int64", ("neuroid",)),
    "nc_4rep": ("float64", ("neuroid",)),
    "voxel_ijk": ("uint8", ("neuroid", "ijk")),
    "features": ("float16", ("presentation", "feature")),
    "nothing": ("float32", ("presentation", "none")),
}
LENGTHS = {"presentation": PRESENTATIONS, "neuroid": NEUROIDS, "ijk": 3, "feature": 5, "none": 0}
COORDINATES = ["image_name", "session", "beta_index", "train", "voxel_index", "nc_4rep", "voxel_ijk"]


def expected_arrays():
    """Name -> array."""
    arrays = {}
    for name, (kind, dimensions) in NUMBERS.items():
        shape = [LENGTHS[dimension] for dimension in dimensions]
        arrays[name] = values(kind, np.arange(np.prod(shape, dtype=int))).reshape(shape)
    arrays["image_name"] = np.array([label(position) for position in range(PRESENTATIONS)])
    return arrays


def dimensions(name):
    """The names of the dimensions of an array."""
    return ("presentation",) if name == "image_name" else NUMBERS[name][1]


def expected_recipe(arrays):
    """The recipe, with the digest as crates/export describes it."""
    lines = ""
    for name, array in sorted(arrays.items()):
        data = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        shape = json.dumps(list(array.shape), separators=(",", ":"))
        lines += f"{data} {array.dtype.str} {shape} {name}\n"
    return f'[arrays]\nsha256 = "{hashlib.sha256(lines.encode()).hexdigest()}" # \u00e9\n'


def compare(arrays, got):
    """What differs between two mappings of names to arrays, the recipe among them."""
    problems = []
    if str(got["recipe"]) != expected_recipe(arrays):
        problems.append(f"recipe: expected {expected_recipe(arrays)!r}, got {str(got['recipe'])!r}")
    for name, array in arrays.items():
        problems += [f"{name}: {text}" for text in same_array(array, np.asarray(got[name]))]
    extra = set(got) - set(arrays) - {"recipe"}
    return problems + [f"there is also {sorted(extra)}"] * bool(extra)


def check_npz(folder):
    with np.load(folder / "labelled.npz", allow_pickle=False) as npz:
        got = {name: npz[name] for name in npz.files}
    problems = []
    if json.loads(str(got.pop("attributes"))) != ATTRIBUTES:
        problems.append("attributes")
    return problems + compare(expected_arrays(), got)


def check_zarr(folder):
    import zarr

    group = zarr.open_group(folder / "labelled.zarr", mode="r")
    problems = [] if group.metadata.consolidated_metadata else ["no consolidated metadata"]
    got = {name: array[...] for name, array in group.arrays()}
    for name, array in group.arrays():
        wanted = () if name == "recipe" else dimensions(name)
        if array.metadata.dimension_names not in (wanted, wanted or None):
            problems.append(f"{name}: dimensions {array.metadata.dimension_names}")
    # The same without the consolidated metadata.
    plain = zarr.open_group(folder / "labelled.zarr", mode="r", use_consolidated=False)
    problems += compare(expected_arrays(), {name: array[...] for name, array in plain.arrays()})
    files = sum(path.is_file() for path in (folder / "labelled.zarr").rglob("*"))
    if files > 2 * len(got) + 1:
        problems.append(f"{files} files")
    return problems + compare(expected_arrays(), got)


def check_xarray(folder):
    import xarray

    arrays = expected_arrays()
    with xarray.open_zarr(folder / "labelled.zarr", chunks=None) as dataset:
        dataset.load()
        problems = []
        if dict(dataset.sizes) != LENGTHS:
            problems.append(f"dimensions {dict(dataset.sizes)}")
        if sorted(dataset.coords) != sorted(COORDINATES):
            problems.append(f"coordinates {sorted(dataset.coords)}")
        if dataset.attrs != ATTRIBUTES:
            problems.append(f"attributes {dataset.attrs}")
        for name in arrays:
            if dataset[name].dims != dimensions(name):
                problems.append(f"{name}: dimensions {dataset[name].dims}")
        got = {name: variable.values for name, variable in dataset.variables.items()}
        problems += compare(arrays, got)
        # What one does with coordinates.
        shown = dataset["betas"].groupby("image_name").mean()
        if shown.sizes != {"image_name": PRESENTATIONS, "neuroid": NEUROIDS}:
            problems.append(f"grouped: {shown.sizes}")
    return problems


def check_h5py(folder):
    arrays, problems = expected_arrays(), []
    with h5py.File(folder / "labelled.h5") as file:
        got = {}
        for name, dataset in file.items():
            text = h5py.check_string_dtype(dataset.dtype)
            got[name] = (dataset.asstr() if text else dataset)[()]
            if text and text.encoding != "utf-8":
                problems.append(f"{name}: encoding {text.encoding}")
            if name != "recipe" and dataset.attrs["dimension_names"] != " ".join(dimensions(name)):
                problems.append(f"{name}: dimensions {dataset.attrs['dimension_names']!r}")
        got["image_name"] = got["image_name"].astype("U")
        if file.attrs["coordinates"] != " ".join(COORDINATES):
            problems.append(f"coordinates {file.attrs['coordinates']!r}")
        if {**file.attrs, "n": json.loads(file.attrs["n"])} != {
            "coordinates": file.attrs["coordinates"],
            **ATTRIBUTES,
        }:
            problems.append(f"attributes {dict(file.attrs)}")
    return problems + compare(arrays, got)


def cases(out):
    warnings.simplefilter("error")
    folder = verdict.there(out / "export")
    checks = {"labelled.npz": check_npz}
    if sys.version_info >= (3, 11):
        checks |= {"labelled.zarr, zarr": check_zarr, "labelled.zarr, xarray": check_xarray}
    else:
        print("labelled.zarr is not read: zarr needs Python 3.11")
    checks["labelled.h5"] = check_h5py
    for name, check in checks.items():
        yield f"read back {name}", check(folder)


if __name__ == "__main__":
    verdict.run(__doc__, cases)
