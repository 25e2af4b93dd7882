#!/usr/bin/env python3
"""Writes stimulus files of realistic sizes, and times h5py and Pillow on them.

    bench_stimuli.py write DIR
    bench_stimuli.py time DIR

The second form reads the name of a case per line from standard input, does its work once and
answers with the seconds that it took.
"""

import io
import shutil
import sys
import time
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

IMAGES = 500
EMBEDDINGS = (25_052, 1024)
MASKS = 1500
SIDE = 1000
JPEGS = 200
LAYOUTS = {
    "contiguous": {},
    "rows_gzip": {"chunks": (1, EMBEDDINGS[1]), "compression": "gzip"},
    "auto_gzip_shuffle": {"chunks": True, "compression": "gzip", "shuffle": True},
}


def scene(generator):
    """A picture whose JPEG file has about 130 kB, as the mean of the release: 3.2 GB, 25,052 images."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    picture = np.empty((SIDE, SIDE, 3))
    for channel in range(3):
        a, b, c = generator.uniform(2, 20, 3)
        picture[..., channel] = 127 + 90 * np.sin(a * x + c) * np.cos(b * y)
    for _ in range(20):
        left, top, width, height = generator.integers(0, SIDE, 4) // [1, 1, 4, 4]
        picture[top : top + height, left : left + width] += generator.normal(0, 40, 3)
    coarse = generator.normal(0, 4, (SIDE // 2, SIDE // 2, 1)).repeat(2, 0).repeat(2, 1)
    return np.clip(picture + coarse, 0, 255).astype(np.uint8)


def outline(generator):
    """A mask with a ragged edge."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    cx, cy, radius = generator.uniform(200, 800, 3)
    angle = np.arctan2(y - cy, x - cx)
    edge = generator.normal(0, 2, x.shape)
    for wave in range(2, 12):
        edge += generator.normal(0, 14) * np.sin(wave * angle + generator.uniform(0, 6))
    return np.hypot(x - cx, y - cy) + edge < radius / 2


def write(folder):
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    generator = np.random.default_rng(20265)
    jpegs = []
    for place in range(JPEGS):
        out = io.BytesIO()
        options = {"progressive": place % 10 == 0, "subsampling": 0 if place % 7 == 0 else 2}
        Image.fromarray(scene(generator)).save(out, "JPEG", quality=80, **options)
        jpegs.append(np.frombuffer(out.getvalue(), np.uint8))
    with h5py.File(folder / "images.h5", "w") as file:
        images = file.create_dataset("images", (IMAGES,), h5py.vlen_dtype(np.dtype("uint8")))
        for row in range(IMAGES):
            images[row] = jpegs[row % JPEGS]
    values = generator.normal(size=EMBEDDINGS)
    values = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float16)
    names = [f"shared_12rep_LAION_cluster_{row}_i{row % 40}.jpg" for row in range(len(values))]
    for layout, options in LAYOUTS.items():
        with h5py.File(folder / f"embeddings_{layout}.h5", "w") as file:
            file.create_dataset("embedding", data=values, **options)
            file.create_dataset("image_ids", data=names, dtype=h5py.string_dtype())
            file.create_dataset("valid", data=np.ones(len(values), bool))
    shapes = [outline(generator) for _ in range(40)]
    with h5py.File(folder / "masks.h5", "w") as file:
        shape = (MASKS, SIDE, SIDE)
        options = {"chunks": (1, SIDE, SIDE), "compression": "gzip", "shuffle": True}
        masks = file.create_dataset("masks", shape, "u1", **options)
        for row in range(MASKS):
            masks[row] = np.roll(shapes[row % len(shapes)], generator.integers(0, SIDE, 2), (0, 1))
    header = "mask_row,image_name,noun,instance_id,score,box_x0,box_y0,box_x1,box_y1,localized,mask_file"
    rows = [f"{row},image_{row // 16},noun_{row % 16},0,0.5,1,2,3,4,1,m.png" for row in range(MASKS)]
    (folder / "masks.csv").write_text("\n".join([header, *rows, ""]))
    generator.choice(EMBEDDINGS[0], 1000, replace=False).astype("<u4").tofile(folder / "rows.u32")
    seen = generator.choice(EMBEDDINGS[0], 6204, replace=False)
    generator.choice(seen, 31_000).astype("<u4").tofile(folder / "trials.u32")
    generator.choice(MASKS, 1000, replace=False).astype("<u4").tofile(folder / "mask_rows.u32")
    (folder / "complete").touch()


class Cases:
    """What is timed; the names are those of the Rust side."""

    def __init__(self, folder):
        self.folder = folder
        self.rows, self.trials, self.mask_rows = (
            np.fromfile(folder / f"{name}.u32", "<u4").astype(int)
            for name in ("rows", "trials", "mask_rows")
        )
        with h5py.File(folder / "images.h5") as file:
            self.jpegs = [row.tobytes() for row in file["images"][:JPEGS]]

    def run(self, name):
        kind, _, layout = name.partition(":")
        started = time.perf_counter()
        getattr(self, kind)(layout)
        return time.perf_counter() - started

    def one_image(self, _):
        with h5py.File(self.folder / "images.h5") as file:
            return file["images"][321]

    def one_embedding(self, layout):
        with h5py.File(self.folder / f"embeddings_{layout}.h5") as file:
            return file["embedding"][12_345]

    def one_mask(self, _):
        with h5py.File(self.folder / "masks.h5") as file:
            return file["masks"][321]

    def embeddings(self, layout):
        with h5py.File(self.folder / f"embeddings_{layout}.h5") as file:
            order = np.sort(self.rows)
            return file["embedding"][order][np.searchsorted(order, self.rows)]

    def trials_of(self, layout):
        with h5py.File(self.folder / f"embeddings_{layout}.h5") as file:
            return file["embedding"][:][self.trials]

    def masks(self, _):
        with h5py.File(self.folder / "masks.h5") as file:
            masks = file["masks"]
            for row in self.mask_rows:
                masks[row]

    def decode(self, _):
        for jpeg in self.jpegs:
            np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def main(command, folder):
    if command == "write":
        write(folder)
        return
    cases = Cases(folder)
    for line in sys.stdin:
        print(cases.run(line.strip()), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
