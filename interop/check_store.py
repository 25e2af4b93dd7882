#!/usr/bin/env python3
"""Reads with zarr-python, xarray and dask the store that the Rust crate `voxel-store` wrote.

    check_store.py OUT

The Rust tests leave OUT/store/root.zarr. What has to be in it follows from the formulas of
crates/voxel-store/tests/interop.rs. They also leave OUT/xarray: the fixture bucket, with a store of one
subject. The lines that the documentation of `laion_fmri::store` has for xarray are executed on it, and
give what nibabel and numpy make of the NIfTI files. Warnings are errors. zarr, xarray and dask need
Python 3.11: below it they are left out, with a line that says so. The last line is a summary in the form
of Rust's own test runner; the exit status is 1 if a case failed.
"""

import contextlib
import json
import sys
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import verdict

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "crates/laion-fmri/src/store.rs"

COLUMNS = 1003
SESSIONS = {"ses-01": 59, "ses-02": 107}


def expected_betas(number, rows):
    """The matrix of a session."""
    row, column = np.meshgrid(np.arange(rows), np.arange(COLUMNS), indexing="ij")
    betas = (number * 1_000_000 + row * 1009 + column).astype(np.float32) / np.float32(3)
    betas[(column == 7) & (row % 5 == 1)] = np.nan
    return betas


def expected_session(number, rows):
    """Name -> array."""
    row = np.arange(rows)
    return {
        "image_name": np.array([f"shared_{n:04} \u00fc.jpg" for n in range(rows)]),
        "run": row // 10 - 1,
        "train": row % 3 == 0,
        "betas": expected_betas(number, rows),
    }


def expected_root():
    """Name -> array."""
    column = np.arange(COLUMNS)
    return {
        "voxel_index": (column * 3).astype(np.uint32),
        "voxel_ijk": np.arange(3 * COLUMNS, dtype=np.uint32).reshape(COLUMNS, 3),
        "roi": column.astype(np.uint64) << np.uint64(40),
        "nc_12rep": column.astype(np.float32) / np.float32(7),
    }


def differences(got, expected):
    """What is wrong in arrays by name."""
    problems = []
    for name, array in expected.items():
        found = np.asarray(got(name))
        if array.dtype.kind in "US":
            found = np.array(found.tolist())
        elif found.dtype != array.dtype:
            problems.append(f"{name}: type {found.dtype}, expected {array.dtype}")
        same = found.shape == array.shape and (
            np.array_equal(found, array) if array.dtype.kind in "US"
            else found.tobytes() == array.tobytes() or np.array_equal(found, array, equal_nan=True)
        )
        if not same:
            problems.append(f"{name}: {found!r}, expected {array!r}")
    return problems


def by_zarr(path):
    """All arrays, through the one document of the root."""
    import zarr

    root = zarr.open_group(path, mode="r", use_consolidated=True)
    problems = differences(lambda name: root[name][...], expected_root())
    if root.attrs["subject"] != "sub-03" or root["roi"].attrs["flag_meanings"] != "a b":
        problems.append("attributes differ")
    for number, (name, rows) in enumerate(SESSIONS.items()):
        session = root[name]
        problems += differences(lambda array: session[array][...], expected_session(number, rows))
        betas = expected_betas(number, rows)
        for columns in (slice(3, 11), slice(1000, 1003), slice(500, 501)):
            got = session["betas"][:, columns]
            if not np.array_equal(got, betas[:, columns], equal_nan=True):
                problems.append(f"{name}: columns {columns} differ")
        got = session["betas"].oindex[[1, 31], [2, 7, 900]]
        if not np.array_equal(got, betas[np.ix_([1, 31], [2, 7, 900])], equal_nan=True):
            problems.append(f"{name}: chosen rows and columns differ")
    return problems


def by_session(path):
    """A session by itself, with its own document."""
    import zarr

    problems = []
    for number, (name, rows) in enumerate(SESSIONS.items()):
        session = zarr.open_group(path / name, mode="r", use_consolidated=True)
        problems += differences(lambda array: session[array][...], expected_session(number, rows))
    return problems


def by_xarray(path):
    """Root and sessions as datasets."""
    import xarray

    root = xarray.open_zarr(path, chunks=None)
    problems = differences(lambda name: root[name].values, expected_root())
    for number, (name, rows) in enumerate(SESSIONS.items()):
        session = xarray.open_zarr(path, group=name, chunks=None)
        problems += differences(lambda array: session[array].values, expected_session(number, rows))
        if session["betas"].dims != ("presentation", "neuroid"):
            problems.append(f"{name}: dimensions {session['betas'].dims}")
    tree = xarray.open_datatree(path, engine="zarr", chunks=None)
    got = tree["ses-02"]["betas"][:, 5].values
    if not np.array_equal(got, expected_betas(1, SESSIONS["ses-02"])[:, 5]):
        problems.append("the tree gives another column")
    return problems


def by_dask(path):
    """Sessions below each other, of which a few columns are computed."""
    import xarray

    sessions = [xarray.open_zarr(path, group=name, chunks={})["betas"] for name in SESSIONS]
    joined = xarray.concat(sessions, dim="presentation")
    got = joined[:, 40:44].compute().values
    matrices = [expected_betas(number, rows) for number, rows in enumerate(SESSIONS.values())]
    return [] if np.array_equal(got, np.concatenate(matrices)[:, 40:44]) else ["columns differ"]


def by_checksum(path):
    """The checksum of every document, as the README of the crate says it is made."""
    import google_crc32c

    problems = []
    for document in sorted(path.rglob("zarr.json")):
        text = document.read_bytes()
        checksum = json.loads(text)["attributes"]["crc32c"]
        blank = text.replace(checksum.encode(), b"0" * 8, 1)
        got = f"{google_crc32c.value(blank):08x}"
        if got != checksum:
            problems.append(f"{document}: {got}, expected {checksum}")
    return problems


def documented_lines():
    """The lines of Python in the documentation of the module."""
    page = [line[4:] for line in PAGE.read_text().splitlines() if line.startswith("//!")]
    start = page.index("import xarray as xr")
    return "\n".join(page[start : page.index("```", start)])


def by_the_documented_lines(data):
    """What they read, against the NIfTI files of the bucket."""
    names = {}
    with contextlib.chdir(data):
        exec(compile(documented_lines(), str(PAGE), "exec"), names)
    derivatives = data / "derivatives"

    def volume(pattern):
        (path,) = derivatives.glob(pattern)
        return np.asanyarray(nib.load(path).dataobj)

    brain = volume("anatomical/sub-03/**/*res-1pt8_desc-brain_mask.nii.gz") != 0
    ffa1 = (volume("rois/sub-03/*/*res-1pt8_label-FFA-1_mask.nii.gz") != 0)[brain]
    betas = "glmsingle-tedana/sub-03/{}/func/*_stat-effect_desc-SingletrialBetas_statmap.nii.gz"
    sessions = sorted(path.name for path in (data / names["path"]).glob("ses-*"))
    rows = [volume(betas.format(session))[brain].T.astype(np.float32) for session in sessions]
    problems = []
    if not np.array_equal(names["responses"], rows[0][:, ffa1], equal_nan=True):
        problems.append("responses differ")
    everything = np.concatenate(rows)
    if not np.array_equal(names["everything"].values, everything, equal_nan=True):
        problems.append("everything differs")
    means = names["means"].values
    if not np.allclose(means, np.nanmean(everything, axis=0), rtol=1e-4, atol=1e-5, equal_nan=True):
        problems.append("means differ")
    return problems


def cases(out):
    """Title -> check."""
    path = verdict.there(out / "store" / "root.zarr")
    if sys.version_info < (3, 11):
        print("zarr and xarray: left out, they need Python 3.11")
        yield "documents are JSON", lambda: [] if json.loads((path / "zarr.json").read_text()) else ["no"]
        return
    warnings.simplefilter("error")
    yield "zarr-python by the document of the root", lambda: by_zarr(path)
    yield "zarr-python session by session", lambda: by_session(path)
    yield "xarray", lambda: by_xarray(path)
    yield "checksums of the documents", lambda: by_checksum(path)
    yield "dask", lambda: by_dask(path)
    data = verdict.there(out / "xarray")
    yield "the lines of the documentation", lambda: by_the_documented_lines(data)


if __name__ == "__main__":
    verdict.run(__doc__, cases)
