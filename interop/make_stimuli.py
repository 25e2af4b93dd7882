#!/usr/bin/env python3
"""Writes stimulus files with h5py and Pillow in every layout that h5py can plausibly have used.

    make_stimuli.py OUT

Below OUT/stimuli this leaves HDF5 files, the values that h5py and Pillow read from them as raw
little-endian bytes in C order, and `manifest.json`:

    {"images": [{"file", "count"}, ...], "encoded": [file, ...],
     "decoded": [{"file", "kind", "shape", "expected", "mode", "original", "channels"}, ...],
     "embeddings": [{"file", "shape", "expected", "ids", "valid"}, ...],
     "masks": [{"file", "shape", "expected"}, ...],
     "refused": [{"file", "what"}, ...]}

Files that the C library of HDF5 alone does not read, because the filter comes with h5py, have "lzf" in their names.

Paths in the manifest are relative to OUT. Everything is deterministic.
"""

import io
import itertools
import json
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

LIBVERS = {"earliest": ("earliest", "v110"), "default": None, "latest": "latest"}
# What create_dataset is told; every one is written with every version of the format.
EMBEDDINGS = {
    "contiguous": {},
    "rows": {"chunks": (1, 24)},
    "rows_gzip": {"chunks": (1, 24), "compression": "gzip"},
    "auto": {"chunks": True},
    "auto_gzip": {"compression": "gzip"},
    "auto_gzip_shuffle": {"compression": "gzip", "shuffle": True},
    "odd_gzip_shuffle": {"chunks": (7, 5), "compression": "gzip", "shuffle": True},
    "odd_checked": {"chunks": (7, 5), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "checked": {"chunks": (16, 24), "fletcher32": True},
    "one_chunk": {"chunks": (150, 24), "compression": "gzip"},
    "resizable": {"chunks": (4, 24), "maxshape": (None, 24), "compression": "gzip"},
    "resizable_both": {"chunks": (4, 10), "maxshape": (None, None)},
    "lzf": {"chunks": (1, 24), "compression": "lzf"},
    "auto_lzf_shuffle": {"compression": "lzf", "shuffle": True},
    "odd_lzf_checked": {"chunks": (7, 5), "compression": "lzf", "shuffle": True, "fletcher32": True},
}
# What create_dataset is told for datasets that are written in part.
UNWRITTEN = {
    "contiguous": {},
    "rows": {"chunks": (1, 24)},
    "odd": {"chunks": (7, 5)},
    "gzip": {"chunks": (16, 24), "compression": "gzip", "shuffle": True},
    "lzf": {"chunks": (7, 24), "compression": "lzf"},
    "one_chunk": {"chunks": (150, 24), "compression": "gzip"},
    "resizable": {"chunks": (4, 24), "maxshape": (None, 24)},
    "resizable_both": {"chunks": (4, 10), "maxshape": (None, None), "compression": "gzip"},
}
MASKS = {
    "contiguous": {},
    "rows_gzip_shuffle": {"chunks": (1, 30, 41), "compression": "gzip", "shuffle": True},
    "auto_gzip_shuffle": {"compression": "gzip", "shuffle": True},
    "odd_gzip": {"chunks": (4, 7, 16), "compression": "gzip"},
    "lzf": {"chunks": (1, 30, 41), "compression": "lzf"},
    "odd_lzf_shuffle": {"chunks": (4, 7, 16), "compression": "lzf", "shuffle": True},
    "resizable": {"chunks": (1, 30, 41), "maxshape": (None, 30, 41), "compression": "gzip"},
}
IMAGES = {
    "contiguous": {},
    "chunked": {"chunks": (8,)},
    "gzip": {"chunks": (16,), "compression": "gzip"},
    "lzf": {"chunks": (16,), "compression": "lzf"},
    "resizable": {"chunks": (8,), "maxshape": (None,)},
}


def encoded(image, kind, **options):
    """The bytes of an image file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scene(generator, size, channels):
    """A smooth picture with a few sharp edges and some noise, as photographs have them."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width] / max(size)
    picture = np.empty((height, width, channels))
    for channel in range(channels):
        a, b, c = generator.uniform(1, 9, 3)
        picture[..., channel] = 127 + 100 * np.sin(a * x + c) * np.cos(b * y)
    for _ in range(4):
        left, top = generator.integers(0, width), generator.integers(0, height)
        box = (slice(top, top + height // 4), slice(left, left + width // 4))
        picture[box] = generator.integers(0, 256, channels)
    picture += generator.normal(0, 3, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def pictures():
    """Image files of every kind, with the name of the kind."""
    generator = np.random.default_rng(20261)
    rgb = Image.fromarray(scene(generator, (160, 120), 3))
    for quality in (60, 90, 98):
        for subsampling in (0, 1, 2):
            options = {"quality": quality, "subsampling": subsampling}
            yield f"jpeg_{quality}_{subsampling}", encoded(rgb, "JPEG", **options)
    yield "jpeg_progressive", encoded(rgb, "JPEG", quality=90, progressive=True)
    yield "jpeg_odd", encoded(rgb.crop((0, 0, 77, 53)), "JPEG", quality=90)
    yield "jpeg_grey", encoded(rgb.convert("L"), "JPEG", quality=90)
    rgba = Image.fromarray(scene(generator, (90, 70), 4))
    yield "png_rgba", encoded(rgba, "PNG")
    yield "png_rgb", encoded(rgba.convert("RGB"), "PNG")
    yield "png_grey", encoded(rgba.convert("L"), "PNG")
    yield "png_grey_alpha", encoded(rgba.convert("LA"), "PNG")
    yield "png_palette", encoded(rgba.convert("RGB").quantize(40), "PNG")
    palette = rgba.convert("RGB").quantize(40)
    yield "png_palette_clear", encoded(palette, "PNG", transparency=bytes(range(0, 240, 6)))
    yield "png_bilevel", encoded(rgba.convert("L").point(lambda level: 255 * (level > 127), "1"), "PNG")


def displayed(image):
    """An image as the experiment showed it: composited on grey 128."""
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, (128, 128, 128, 255)), rgba).convert("RGB")
    return image.convert("RGB")


def write_decoded(out):
    cases = []
    for kind, data in pictures():
        name = f"stimuli/decoded/{kind}"
        path = out / f"{name}.img"
        path.write_bytes(data)
        image = Image.open(io.BytesIO(data))
        shown = np.asarray(displayed(image))
        shown.tofile(out / f"{name}.rgb")
        # Palettes are resolved, and a bit is a byte.
        resolved = "RGBA" if image.has_transparency_data else "RGB"
        original = image.convert(resolved) if image.mode == "P" else image
        original = original.convert("L") if image.mode == "1" else original
        (out / f"{name}.raw").write_bytes(np.asarray(original).tobytes())
        cases.append({
            "file": f"{name}.img",
            "kind": kind,
            "shape": list(shown.shape),
            "expected": f"{name}.rgb",
            "original": f"{name}.raw",
            "mode": original.mode,
        })
    return cases


def files(out, kind, layouts):
    """An open file for every layout and version of the format."""
    for version, libver in LIBVERS.items():
        for layout, options in layouts.items():
            name = f"stimuli/{kind}_{layout}_{version}.h5"
            with h5py.File(out / name, "w", libver=libver) as file:
                yield name, file, options


def write_images(out):
    generator = np.random.default_rng(20262)
    rows = [data for _, data in pictures()]
    # Small ones share a heap collection, large ones have their own; one row is empty.
    rows += [generator.bytes(int(length)) for length in generator.integers(0, 9000, 30)]
    rows += [b"", generator.bytes(300_000)]
    names = []
    for place, row in enumerate(rows):
        names.append(f"stimuli/encoded/{place}.bin")
        (out / names[-1]).write_bytes(row)
    cases = []
    for name, file, options in files(out, "images", IMAGES):
        kind = h5py.vlen_dtype(np.dtype("uint8"))
        dataset = file.create_dataset("images", (len(rows),), dtype=kind, **options)
        for place, row in enumerate(rows):
            dataset[place] = np.frombuffer(row, np.uint8)
        cases.append({"file": name, "count": len(rows)})
    return cases, names


def write_embeddings(out):
    generator = np.random.default_rng(20263)
    values = generator.normal(size=(150, 24)).astype(np.float16)
    values[3, :4] = [np.nan, np.inf, -0.0, 6e-8]
    ids = [f"image {place} – {'x' * (place % 50)}.jpg" for place in range(len(values))]
    valid = np.ones(len(values), bool)
    valid[[5, 149]] = False
    values.astype("<f2").tofile(out / "stimuli/embedding.f16")
    cases = []

    def add(name, file, dtype, options, id_dtype=None):
        file.create_dataset("embedding", data=values.astype(dtype), **options)
        stored = [name.encode() for name in ids] if id_dtype else ids
        file.create_dataset("image_ids", data=stored, dtype=id_dtype or h5py.string_dtype())
        file.create_dataset("valid", data=valid)
        cases.append({
            "file": name,
            "shape": list(values.shape),
            "expected": "stimuli/embedding.f16",
            "ids": ids,
            "valid": valid.tolist(),
        })

    for name, file, options in files(out, "embeddings", EMBEDDINGS):
        add(name, file, "<f2", options)
    for kind, dtype in {"big_endian": ">f2", "fixed_text": "<f2"}.items():
        name = f"stimuli/embeddings_{kind}.h5"
        fixed = h5py.string_dtype("utf-8", 100) if kind == "fixed_text" else None
        with h5py.File(out / name, "w") as file:
            add(name, file, dtype, {}, fixed)
    name = "stimuli/embeddings_user_block.h5"
    with h5py.File(out / name, "w", userblock_size=512) as file:
        add(name, file, "<f2", EMBEDDINGS["rows_gzip"])
    return cases


def write_unwritten(out):
    """Embeddings of which few rows, or none, were written: the rest is what h5py fills it with."""
    generator = np.random.default_rng(20265)
    values = generator.normal(size=(40, 24)).astype(np.float16)
    ids = [f"image {place}" for place in range(150)]
    cases = []
    fills = {"nan": np.nan, "seven": 7, "default": None}
    for version, libver in LIBVERS.items():
        for layout, options in UNWRITTEN.items():
            for fill, value in fills.items():
                for time, rows in itertools.product(("ifset", "alloc", "never"), (0, 40)):
                    # Writing a part allocates all of a contiguous dataset, whose rest is then anything.
                    if (layout, time) == ("contiguous", "never"):
                        rows = 0
                    place = f"stimuli/unwritten_{layout}_{version}_{fill}_{time}_{rows}"
                    with h5py.File(out / f"{place}.h5", "w", libver=libver) as file:
                        created = {"fillvalue": value, "fill_time": time, **options}
                        file.create_dataset("embedding", (150, 24), "<f2", **created)
                        if rows:
                            file["embedding"][20 : 20 + rows] = values
                        file.create_dataset("image_ids", data=ids, dtype=h5py.string_dtype())
                        chunks = (7,) if "chunks" in options else None
                        file.create_dataset("valid", (150,), bool, fillvalue=True, chunks=chunks)
                        if chunks:
                            file["valid"][3] = False
                    cases.append(as_read(out, place, ids))
    # Small datasets whose values are in the header.
    for fill, value in fills.items():
        place = f"stimuli/unwritten_compact_{fill}"
        with h5py.File(out / f"{place}.h5", "w") as file:
            for name, shape, dtype, filler in (
                ("embedding", (5, 6), "<f2", value),
                ("valid", (5,), bool, True),
                ("image_ids", (5,), h5py.string_dtype("utf-8", 12), None),
            ):
                properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                properties.set_layout(h5py.h5d.COMPACT)
                if filler is not None:
                    properties.set_fill_value(np.asarray(filler, dtype))
                kind = h5py.h5t.py_create(np.dtype(dtype), logical=True)
                space = h5py.h5s.create_simple(shape)
                h5py.h5d.create(file.id, name.encode(), kind, space, properties)
            file["image_ids"][:] = ids[:5]
        cases.append(as_read(out, place, ids[:5]))
    # A text that stands for the rest, in a fixed length and in any.
    for kind in ("fixed", "any"):
        place = f"stimuli/unwritten_text_{kind}"
        with h5py.File(out / f"{place}.h5", "w") as file:
            file.create_dataset("embedding", (1, 24), "<f2", fillvalue=2.5)
            dtype = h5py.string_dtype("utf-8", 9) if kind == "fixed" else h5py.string_dtype()
            file.create_dataset("image_ids", (1,), dtype, fillvalue=b"an image")
            file.create_dataset("valid", (1,), bool, fillvalue=True)
        with h5py.File(out / f"{place}.h5") as file:
            cases.append(as_read(out, place, [file["image_ids"].asstr()[0]]))
    return cases


def as_read(out, place, ids):
    """The case of an embedding file, with the values that h5py reads from it."""
    with h5py.File(out / f"{place}.h5") as file:
        values = file["embedding"][:]
        values.astype("<f2").tofile(out / f"{place}.f16")
        valid = file["valid"][:].tolist()
    expected = f"{place}.f16"
    return {"file": f"{place}.h5", "shape": list(values.shape), "expected": expected, "ids": ids, "valid": valid}


def write_unwritten_masks(out):
    """Masks that were never written, filled with ones."""
    cases = []
    expected = "stimuli/masks_unwritten.u8"
    np.ones((6, 5, 4), np.uint8).tofile(out / expected)
    for layout, options in {"contiguous": {}, "chunked": {"chunks": (1, 5, 4)}, "odd": {"chunks": (4, 3, 3)}}.items():
        for dtype in ("u1", "i1", "bool"):
            name = f"stimuli/masks_unwritten_{layout}_{dtype}.h5"
            with h5py.File(out / name, "w") as file:
                file.create_dataset("masks", (6, 5, 4), dtype, fillvalue=1, **options)
                if options:
                    file["masks"][2] = 1
            with h5py.File(out / name) as file:
                assert (file["masks"][:] == 1).all()
            cases.append({"file": name, "shape": [6, 5, 4], "expected": expected})
    return cases


def write_refused(out):
    """Embeddings that are sound, but in a way that is only named."""
    cases = []
    source = out / "stimuli/embeddings_contiguous_default.h5"
    for kind, what in {"virtual": "virtual dataset", "external": "external storage"}.items():
        name = f"stimuli/refused_{kind}.h5"
        with h5py.File(out / name, "w") as file:
            if kind == "virtual":
                layout = h5py.VirtualLayout((150, 24), "<f2")
                layout[:] = h5py.VirtualSource(source.name, "embedding", (150, 24))
                file.create_virtual_dataset("embedding", layout)
            else:
                raw = [("refused_external.raw", 0, 150 * 24 * 2)]
                file.create_dataset("embedding", (150, 24), "<f2", external=raw)
            file.create_dataset("image_ids", data=["x"] * 150, dtype=h5py.string_dtype())
            file.create_dataset("valid", data=np.ones(150, bool))
        cases.append({"file": name, "what": what})
    return cases


def write_masks(out):
    generator = np.random.default_rng(20264)
    masks = np.zeros((60, 30, 41), np.uint8)
    for mask in masks[1:]:
        top, left = generator.integers(0, 20, 2)
        mask[top : top + 12, left : left + 15] = 1
    masks.tofile(out / "stimuli/masks.u8")
    cases = []
    for name, file, options in files(out, "masks", MASKS):
        file.create_dataset("masks", data=masks, **options)
        cases.append({"file": name, "shape": list(masks.shape), "expected": "stimuli/masks.u8"})
    for kind, options in {"bool": {}, "sparse": {"chunks": (1, 30, 41), "compression": "gzip"}}.items():
        name = f"stimuli/masks_{kind}.h5"
        with h5py.File(out / name, "w") as file:
            dataset = file.create_dataset("masks", masks.shape, bool if kind == "bool" else "u1", **options)
            # The first mask is all zeros, which is what was never written reads as.
            dataset[1:] = masks[1:]
        cases.append({"file": name, "shape": list(masks.shape), "expected": "stimuli/masks.u8"})
    return cases


def main(out):
    folder = out / "stimuli"
    if folder.exists():
        shutil.rmtree(folder)
    for name in ("decoded", "encoded"):
        (folder / name).mkdir(parents=True)
    images, encoded_files = write_images(out)
    manifest = {
        "images": images,
        "encoded": encoded_files,
        "decoded": write_decoded(out),
        "embeddings": write_embeddings(out) + write_unwritten(out),
        "masks": write_masks(out) + write_unwritten_masks(out),
        "refused": write_refused(out),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
