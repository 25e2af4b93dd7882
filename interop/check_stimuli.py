#!/usr/bin/env python3
"""Reads the stimulus files of the fixture bucket with h5py and Pillow.

    check_stimuli.py OUT

OUT/stimuli_written holds the files, and `expected.json` what the formulas say is in them.
"""

import io
import json

import h5py
import numpy as np
from PIL import Image

import verdict

# Levels that a JPEG may be off.
TOLERANCE = 4


def check_images(path, cases):
    with h5py.File(path) as file:
        images = file["images"]
        assert images.shape == (len(cases),), images.shape
        assert h5py.check_vlen_dtype(images.dtype) == np.uint8, images.dtype
        for row, case in zip(images, cases):
            image = Image.open(io.BytesIO(row.tobytes()))
            assert (image.format == "JPEG") == case["is_jpeg"], image.format
            assert image.mode == ("RGB" if case["is_jpeg"] else "RGBA"), image.mode
            rgba = image.convert("RGBA")
            grey = Image.new("RGBA", rgba.size, (128, 128, 128, 255))
            shown = np.asarray(Image.alpha_composite(grey, rgba).convert("RGB"), int)
            expected = np.asarray(case["displayed"], int)
            limit = TOLERANCE if case["is_jpeg"] else 1
            assert np.abs(shown - expected).max() <= limit, np.abs(shown - expected).max()


def check_embeddings(folder, case):
    with h5py.File(folder / f"task-images_desc-{case['model']}_embeddings.h5") as file:
        assert file["embedding"].dtype == np.float16
        assert file["valid"].dtype == bool
        expected = np.asarray(case["values"], np.float32)
        np.testing.assert_array_equal(file["embedding"][:].astype(np.float32), expected)
        np.testing.assert_array_equal(file["valid"][:], case["valid"])
        assert list(file["image_ids"].asstr()) == case["ids"]


def check_masks(path, expected):
    with h5py.File(path) as file:
        masks = file["masks"]
        assert masks.dtype == np.uint8 and masks.compression == "gzip" and masks.shuffle
        np.testing.assert_array_equal(masks[:], expected)


def cases(out):
    written = verdict.there(out / "stimuli_written")
    expected = json.loads((written / "expected.json").read_text())
    folder = written / "stimuli"

    def case(check, *arguments):
        return lambda: check(*arguments) or []

    yield "images", case(check_images, folder / "task-images_stimuli.h5", expected["images"])
    for embeddings in expected["embeddings"]:
        yield f"embeddings of {embeddings['model']}", case(check_embeddings, folder, embeddings)
    path = folder / "task-images_desc-segmentations.h5"
    yield "object masks", case(check_masks, path, expected["masks"])


if __name__ == "__main__":
    verdict.run(__doc__, cases)
