#!/usr/bin/env python3
"""Writes the subject of `cargo xtask bench extract`.

    bench_extract.py MIRROR VOLUMES SESSIONS NAMES PATHS.json-text

Sessions at full grid with fewer volumes: one session is written as in bench_nifti.py, the others are
copies of it under their own names. NAMES is a file of image names; each image is shown twice or more.
"""

import json
import shutil
import sys
from pathlib import Path

from bench_nifti import brain, header, level_1, write_betas


def make(mirror, volumes, sessions, names, paths):
    import numpy as np

    done = mirror / "made"
    wanted = json.dumps([volumes, sessions, paths])
    if done.is_file() and done.read_text() == wanted:
        return
    shutil.rmtree(mirror, ignore_errors=True)
    inside = brain()
    ffa = np.zeros_like(inside)
    places = np.argwhere(inside)[100_000:100_222]
    ffa[tuple(places.T)] = True
    for path, voxels in [(paths["mask"], inside), (paths["roi"], ffa)]:
        (mirror / path).parent.mkdir(parents=True)
        with level_1(mirror / path) as file:
            file.write(header(voxels.shape, np.uint8))
            file.write(voxels.astype(np.uint8).tobytes(order="F"))
    first = mirror / paths["betas"][0]
    write_betas(first, volumes, inside, 1, level_1)
    drawn = np.random.default_rng(2)
    images = names.read_text().splitlines()[: volumes * sessions // 4]
    for number, (betas, trials) in enumerate(zip(paths["betas"], paths["trials"], strict=True)):
        if number:
            (mirror / betas).parent.mkdir(parents=True)
            shutil.copyfile(first, mirror / betas)
        lines = ["session\trun\tbeta_index\tlabel"]
        for index in range(volumes):
            label = images[drawn.integers(len(images))]
            lines.append(f"ses-{number + 1:02}\t{index * 12 // volumes + 1}\t{index}\t{label}")
        (mirror / trials).write_text("\n".join(lines) + "\n")
    done.write_text(wanted)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [mirror, volumes, sessions, names, paths]:
            make(Path(mirror), int(volumes), int(sessions), Path(names), json.loads(paths))
        case _:
            sys.exit(__doc__)
