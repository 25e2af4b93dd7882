#!/usr/bin/env python3
"""The Python side of `cargo xtask bench nifti`.

    bench_nifti.py make MIRROR VOLUMES PATHS.json-text   writes a subject at full size, once
    bench_nifti.py run CASES.json ROUNDS   runs the cases in turn and prints their figures as JSON
    bench_nifti.py nibabel BETAS MASK OUT  the whole file with nibabel, then its mask
    bench_nifti.py gzip BETAS MASK OUT     volume by volume through the gzip module

The files are what nibabel writes: float32 noise within 9.3 % of a grid of 143^3, zeros outside,
gzip level 1. Figures are wall-clock and processor seconds and the peak resident memory in MiB, of
the whole process of each case.
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

EDGE = 143
INSIDE = 0.093


def brain():
    """An ellipsoid that holds the share of voxels that a brain does."""
    import numpy as np

    axis = np.arange(EDGE) - EDGE // 2
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij", sparse=True)
    distance = x**2 + (y / 1.25) ** 2 + (z / 0.9) ** 2
    return distance < np.quantile(distance, INSIDE)


def header(shape, dtype):
    import nibabel as nib
    import numpy as np

    affine = np.diag([1.8, 1.8, 1.8, 1.0])
    affine[:3, 3] = -128.0
    made = nib.Nifti1Header()
    made.set_data_dtype(dtype)
    made.set_data_shape(shape)
    made.set_sform(affine, 1)
    made["vox_offset"] = 352
    return made.binaryblock + bytes(4)


def write_betas(path, volumes, inside, seed, opener):
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.random.default_rng(seed)
    volume = np.zeros((EDGE,) * 3, np.float32, order="F")
    with opener(path) as file:
        file.write(header((EDGE, EDGE, EDGE, volumes), np.float32))
        for _ in range(volumes):
            volume[inside] = drawn.normal(0.3, 2.0, np.count_nonzero(inside)).astype(np.float32)
            file.write(volume.tobytes(order="F"))


def level_1(path):
    return gzip.GzipFile(path, "wb", compresslevel=1)


def make(mirror, volumes, paths):
    import numpy as np

    done = mirror / "made"
    wanted = json.dumps([volumes, paths])
    if done.is_file() and done.read_text() == wanted:
        return
    shutil.rmtree(mirror, ignore_errors=True)
    inside = brain()
    mask = mirror / paths["mask"]
    mask.parent.mkdir(parents=True)
    with level_1(mask) as file:
        file.write(header(inside.shape, np.uint8))
        file.write(inside.astype(np.uint8).tobytes(order="F"))
    np.save(mirror / "brain.npy", inside)
    roi = np.zeros(np.count_nonzero(inside), bool)
    roi[100_000:100_222] = True
    np.save(mirror / "roi.npy", roi)
    sessions = [mirror / path for path in paths["betas"]]
    write_betas(sessions[0], volumes, inside, 1, level_1)
    for copy in sessions[1:4]:
        copy.parent.mkdir(parents=True)
        shutil.copyfile(sessions[0], copy)
    write_betas(sessions[4], volumes // 2, inside, 1, level_1)
    # Told by its content, not by its name.
    write_betas(sessions[5], volumes, inside, 1, lambda path: open(path, "wb"))
    done.write_text(wanted)


def run_once(case):
    for folder in case.get("fresh", []):
        shutil.rmtree(folder, ignore_errors=True)
    # Outputs are new files: taking away those of the run before is not what is measured.
    for folder in case.get("outputs", []):
        for old in Path(folder).rglob("*.npy"):
            old.unlink()
    started = time.perf_counter()
    child = subprocess.Popen(case["command"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    if status != 0:
        sys.exit(f"{case['command']} failed: {errors.decode(errors='replace')}")
    return {
        "wall": wall,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / 1024,
    }


def median(figures):
    return sorted(figures)[len(figures) // 2]


def run(cases, rounds):
    figures = {case["name"]: [] for case in cases}
    for case in cases:
        run_once(case)  # the page cache and the indexes
    # A B A B: what disturbs the machine disturbs every case.
    for round_ in range(rounds):
        for case in cases:
            if round_ < case.get("rounds", rounds):
                figures[case["name"]].append(run_once(case))
    summary = {
        name: {key: median([run[key] for run in runs]) for key in ("wall", "processor", "peak")}
        for name, runs in figures.items()
    }
    print(json.dumps(summary))


def whole(betas, mask, out):
    import nibabel as nib
    import numpy as np

    inside = np.load(mask)
    data = np.asarray(nib.load(betas).dataobj)
    np.save(out, np.stack([data[..., t][inside] for t in range(data.shape[3])]).astype(np.float32))


def by_volume(betas, mask, out):
    import numpy as np

    inside = np.load(mask).ravel()
    with gzip.open(betas) as file:
        start = file.read(352)
        volumes = int.from_bytes(start[48:50], "little")
        rows = np.empty((volumes, np.count_nonzero(inside)), np.float32)
        for row in rows:
            volume = np.frombuffer(file.read(4 * EDGE**3), "<f4")
            row[:] = volume.reshape((EDGE,) * 3, order="F").ravel()[inside]
    np.save(out, rows)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", mirror, volumes, paths]:
            make(Path(mirror), int(volumes), json.loads(paths))
        case ["run", cases, rounds]:
            run(json.loads(Path(cases).read_text()), int(rounds))
        case ["nibabel", betas, mask, out]:
            whole(betas, mask, out)
        case ["gzip", betas, mask, out]:
            by_volume(betas, mask, out)
        case _:
            sys.exit(__doc__)
