#!/usr/bin/env python3
"""The Python side of `cargo xtask bench store`, run where zarr and h5py are installed.

    bench_store.py STORE VOXELS.npy FILE.h5

STORE is a store, VOXELS the columns of a ROI. The first time, the columns of the ROI and some beside
each are copied to FILE: a dataset for each session, of voxels x trials, in chunks of one voxel x 750
trials, as other datasets of single trials are published. Then standard input names a case per line, which
is run once and answered with the seconds that it took: `zarr` or `h5py`, each of which reads the ROI of all
sessions into arrays of trials x voxels.
"""

import gc
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import zarr

#: Columns beside each column of the ROI that are copied too.
BESIDE = 8
CHUNK = (1, 750)


def sessions(store):
    return sorted(path.name for path in store.glob("ses-*"))


def copied(n_voxels, voxels):
    """The columns that the HDF5 file holds."""
    near = voxels[:, None] + np.arange(-BESIDE, BESIDE + 1)
    return np.unique(near.clip(0, n_voxels - 1))


def write(store, voxels, path):
    if path.is_file():
        return
    unfinished = path.with_suffix(".part")
    with h5py.File(unfinished, "w") as file:
        for name in sessions(store):
            betas = zarr.open_array(store / name / "betas", mode="r")
            columns = copied(betas.shape[1], voxels)
            values = betas[:].T[columns]
            chunks = (1, min(CHUNK[1], values.shape[1]))
            file.create_dataset(name, data=values, chunks=chunks)
    unfinished.rename(path)


class Cases:
    def __init__(self, store, voxels, path):
        self.voxels = voxels
        root = zarr.open_group(store, mode="r", use_consolidated=True)
        self.arrays = [root[name]["betas"] for name in sessions(store)]
        self.file = h5py.File(path)
        self.datasets = [self.file[name] for name in sessions(store)]
        self.rows = np.searchsorted(copied(self.arrays[0].shape[1], voxels), voxels)

    def zarr(self):
        return [array.oindex[:, self.voxels] for array in self.arrays]

    def h5py(self):
        return [dataset[self.rows].T for dataset in self.datasets]

    def run(self, name):
        gc.collect()
        started = time.perf_counter()
        result = getattr(self, name)()
        took = time.perf_counter() - started
        assert all(part.shape[1] == len(self.voxels) for part in result)
        return took

    def same(self):
        """Both give the same numbers."""
        pairs = zip(self.zarr(), self.h5py(), strict=True)
        assert all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)


def main(store, voxels, path):
    store, path, voxels = Path(store), Path(path), np.load(voxels).astype(np.int64)
    write(store, voxels, path)
    cases = Cases(store, voxels, path)
    cases.same()
    for line in sys.stdin:
        print(cases.run(line.strip()), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [store, voxels, path]:
            main(store, voxels, path)
        case _:
            sys.exit(__doc__)
