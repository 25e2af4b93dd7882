#!/usr/bin/env python3
"""Writes the NIfTI files which the Rust reader has to read as nibabel does.

    make_nifti.py OUT

Below OUT/nifti this leaves one file per case, the values nibabel reads from it
(`<name>.f32`: raw little-endian float32 in C order) and `manifest.json`:

    {"cases": [{"name", "file", "shape", "affine", "qform_code", "sform_code",
                "expected"}, ...]}

Paths in the manifest are relative to OUT. Everything is deterministic.
"""

import gzip
import json
import shutil
import struct
import sys
from pathlib import Path

import nibabel as nib
import numpy as np

import reading

AFFINE = np.array(
    [
        [-1.7, 0.11, -0.05, 91.25],
        [0.12, 1.75, 0.21, -124.5],
        [0.03, -0.2, 1.8, -70.0],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
# A rotation about z by 30 degrees with voxel sizes 1.5 x 2 x 2.5: what a qform can hold.
RIGID = np.array(
    [
        [1.5 * np.cos(np.pi / 6), -2.0 * np.sin(np.pi / 6), 0.0, -12.5],
        [1.5 * np.sin(np.pi / 6), 2.0 * np.cos(np.pi / 6), 0.0, 33.0],
        [0.0, 0.0, 2.5, 7.75],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
ODD = (5, 7, 3)
ODD_4D = (5, 7, 3, 4)
WHEEL_FILES = [
    "anatomical.nii",
    "example4d.nii.gz",
    "example_nifti2.nii.gz",
    "functional.nii",
    "standard.nii.gz",
]


def numbers(shape, seed):
    """Normally distributed float64 values that are the same on every machine."""
    return np.random.default_rng(seed).normal(size=shape) * 100.0


def integers(dtype, shape, seed):
    """Values over the whole range of an integer type, its extremes included."""
    limits = np.iinfo(dtype)
    drawn = np.random.default_rng(seed).integers(
        limits.min, limits.max, size=shape, dtype=dtype, endpoint=True
    )
    drawn.flat[0] = limits.min
    drawn.flat[1] = limits.max
    drawn.flat[2] = 0
    return drawn


def special_floats(dtype):
    """Floats with NaN, infinities, signed zeros and subnormal values among them."""
    data = numbers(ODD_4D, seed=3).astype(dtype)
    tiny = np.finfo(dtype).smallest_subnormal
    data.flat[:8] = [np.nan, np.inf, -np.inf, 0.0, -0.0, tiny, -tiny, np.finfo(dtype).max]
    data[2, :, 1, :] = np.nan
    return data


def large_i64():
    """i64 values of which some come out differently if they are rounded to float64 first."""
    data = integers(np.int64, ODD, seed=14)
    data.flat[3] = 2**60 + 2**36 + 1
    data.flat[4] = -(2**60 + 2**36 + 1)
    data.flat[5] = 2**53 + 1
    return data


def make(data, affine=AFFINE, version=1, endian="<"):
    """A nibabel image which stores `data` in its own type."""
    header_class, image_class = {
        1: (nib.Nifti1Header, nib.Nifti1Image),
        2: (nib.Nifti2Header, nib.Nifti2Image),
    }[version]
    header = header_class(endianness=endian)
    header.set_data_dtype(data.dtype)
    header.set_xyzt_units("mm", "sec")
    return image_class(data, affine, header=header, dtype=data.dtype)


def scaled(image, slope, intercept):
    """The bytes of an image with `scl_slope` and `scl_inter` put into its header."""
    raw = bytearray(image.to_bytes())
    order = image.header.endianness
    if isinstance(image.header, nib.Nifti2Header):
        struct.pack_into(f"{order}dd", raw, 176, slope, intercept)
    else:
        struct.pack_into(f"{order}ff", raw, 112, slope, intercept)
    return bytes(raw)


def with_forms(qform_code, sform_code):
    """An image whose two transforms differ, so that the choice between them shows."""
    image = make(numbers(ODD, seed=5).astype(np.float32), affine=None)
    image.header.set_zooms((1.5, 2.0, 2.5))
    if qform_code:
        image.header.set_qform(RIGID, code=qform_code)
    if sform_code:
        image.header.set_sform(AFFINE, code=sform_code)
    return image.to_bytes()


def with_extension(version):
    """An image with two header extensions between header and data."""
    image = make(numbers(ODD, seed=6).astype(np.float32), version=version)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"a comment " * 9))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("afni", b"<AFNI_attributes/>"))
    return image.to_bytes()


def with_gap():
    """An image whose data starts later than header and extensions ask for."""
    image = make(numbers(ODD, seed=7).astype(np.float32))
    image.header["vox_offset"] = 512
    return image.to_bytes()


def automatically_scaled():
    """Floats which nibabel itself packs into int16 with a slope of its choice."""
    image = make(numbers(ODD_4D, seed=8))
    image.set_data_dtype(np.int16)
    return image.to_bytes()


def pack(*members, padding=0):
    """The gzip members one after another, then zero bytes."""
    packed = b"".join(gzip.compress(member, mtime=0) for member in members)
    return packed + bytes(padding)


def datatype_cases():
    """One small file per datatype, plain."""
    kinds = {
        "u8": np.uint8,
        "i8": np.int8,
        "u16": np.uint16,
        "i16": np.int16,
        "u32": np.uint32,
        "i32": np.int32,
        "u64": np.uint64,
    }
    for seed, (name, dtype) in enumerate(kinds.items(), start=20):
        yield f"{name}.nii", make(integers(dtype, ODD, seed)).to_bytes()
        yield f"{name}-4d.nii.gz", pack(make(integers(dtype, ODD_4D, seed + 10)).to_bytes())
    yield "i64.nii", make(large_i64()).to_bytes()
    yield "f32.nii", make(numbers(ODD, seed=1).astype(np.float32)).to_bytes()
    yield "f64.nii", make(numbers(ODD, seed=2)).to_bytes()
    yield "f32-special.nii", make(special_floats(np.float32)).to_bytes()
    yield "f32-special.nii.gz", pack(make(special_floats(np.float32)).to_bytes())
    # The largest float64 becomes an infinity, the smallest a zero.
    yield "f64-special.nii.gz", pack(make(special_floats(np.float64)).to_bytes())


def scaling_cases():
    """Slope and intercept: applied, absent, and the values that mean absent."""
    i16 = integers(np.int16, ODD_4D, seed=40)
    u8 = integers(np.uint8, ODD, seed=41)
    f32 = numbers(ODD_4D, seed=42).astype(np.float32)
    yield "i16-scaled.nii", scaled(make(i16), 0.0125, -3.5)
    yield "i16-scaled.nii.gz", pack(scaled(make(i16), 0.0125, -3.5))
    yield "i16-scaled-big-endian.nii", scaled(make(i16, endian=">"), 0.1, 10.0)
    yield "i16-scaled-nifti2.nii.gz", pack(scaled(make(i16, version=2), 0.1, 10.0))
    yield "i16-negative-slope.nii", scaled(make(i16), -2.0, 0.0)
    yield "i16-intercept-only.nii", scaled(make(i16), 1.0, 1000.0)
    yield "i16-slope-zero.nii", scaled(make(i16), 0.0, 10.0)
    yield "i16-slope-nan.nii", scaled(make(i16), float("nan"), 0.0)
    yield "i16-slope-nan-inter-nan.nii.gz", pack(scaled(make(i16), float("nan"), float("nan")))
    yield "i16-autoscaled.nii.gz", pack(automatically_scaled())
    yield "u8-scaled.nii", scaled(make(u8), 1.0 / 3.0, -1.0)
    yield "i64-scaled.nii", scaled(make(large_i64()), 0.5, 1.0)
    yield "f32-scaled.nii", scaled(make(f32), 0.1, 7.0)
    yield "f64-scaled.nii.gz", pack(scaled(make(numbers(ODD, seed=43)), 3.0, 0.25))


def refused_cases():
    """A slope that scales without an intercept, which nibabel refuses."""
    i16 = integers(np.int16, ODD_4D, seed=45)
    mask = (numbers(ODD, seed=46) > 0).astype(np.uint8)
    for name, intercept in {"nan": np.nan, "inf": np.inf, "minus-inf": -np.inf}.items():
        for version in (1, 2):
            label = f"inter-{name}-nifti{version}"
            yield f"i16-{label}.nii", scaled(make(i16, version=version), 0.01, intercept)
            yield f"mask-{label}.nii.gz", pack(scaled(make(mask, version=version), 1.0, intercept))


def refuse(path):
    """Makes sure that nibabel refuses a file."""
    try:
        reading.values(reading.load(path))
    except nib.spatialimages.HeaderDataError:
        return
    raise SystemExit(f"nibabel reads {path}")


def format_cases():
    """Both versions, both byte orders, extensions and data offsets."""
    f32 = numbers(ODD_4D, seed=50).astype(np.float32)
    i16 = integers(np.int16, ODD_4D, seed=51)
    for version in (1, 2):
        for endian, name in (("<", "little"), (">", "big")):
            label = f"nifti{version}-{name}-endian"
            yield f"{label}-f32.nii", make(f32, version=version, endian=endian).to_bytes()
            packed = pack(make(i16, version=version, endian=endian).to_bytes())
            yield f"{label}-i16.nii.gz", packed
        yield f"nifti{version}-extension.nii", with_extension(version)
        yield f"nifti{version}-extension.nii.gz", pack(with_extension(version))
    yield "big-endian-f64.nii", make(numbers(ODD, seed=52), endian=">").to_bytes()
    yield "big-endian-i64.nii.gz", pack(make(large_i64(), endian=">").to_bytes())
    yield "data-offset-gap.nii.gz", pack(with_gap())


def grid_cases():
    """Shapes on which a wrong stride or a wrong count shows."""
    shapes = {
        "one-voxel": (1, 1, 1),
        "one-volume": (3, 4, 5, 1),
        "flat": (7, 1, 9, 2),
        "long": (1, 1, 257, 3),
        "primes": (11, 13, 17, 5),
        "even": (8, 8, 8, 2),
        "five-axes": (3, 4, 5, 2, 1),
        "seven-axes": (3, 4, 5, 2, 1, 1, 1),
    }
    for seed, (name, shape) in enumerate(shapes.items(), start=60):
        data = numbers(shape, seed).astype(np.float32)
        yield f"grid-{name}.nii.gz", pack(make(data).to_bytes())


def gzip_cases():
    """Ways to cut and pad a gzip stream; all of them inflate to the same image."""
    raw = make(numbers((11, 13, 17, 5), seed=70).astype(np.float32)).to_bytes()
    middle = len(raw) * 3 // 5 + 1
    yield "gzip-two-members.nii.gz", pack(raw[:middle], raw[middle:])
    yield "gzip-cut-in-header.nii.gz", pack(raw[:100], raw[100:])
    yield "gzip-cut-at-data.nii.gz", pack(raw[:352], raw[352:])
    blocks = [raw[start : start + 4093] for start in range(0, len(raw), 4093)]
    yield "gzip-many-members.nii.gz", pack(*blocks)
    yield "gzip-empty-members.nii.gz", pack(b"", raw[:middle], b"", raw[middle:], b"")
    yield "gzip-zero-padding.nii.gz", pack(raw, padding=512)
    yield "gzip-two-members-zero-padding.nii.gz", pack(raw[:middle], raw[middle:], padding=1)
    yield "gzip-stored.nii.gz", gzip.compress(raw, compresslevel=0, mtime=0)


def transform_cases():
    """Which of the transforms of a header counts."""
    yield "qform-only.nii", with_forms(qform_code=1, sform_code=0)
    yield "sform-only.nii", with_forms(qform_code=0, sform_code=2)
    yield "qform-and-sform.nii", with_forms(qform_code=1, sform_code=4)
    yield "no-transform.nii", with_forms(qform_code=0, sform_code=0)
    flipped = make(numbers(ODD, seed=80).astype(np.float32), affine=None)
    mirrored = RIGID.copy()
    mirrored[:, 2] *= -1.0
    flipped.header.set_qform(mirrored, code=1)
    yield "qform-negative-qfac.nii.gz", pack(flipped.to_bytes())
    sheared = make(numbers(ODD, seed=81).astype(np.float32), affine=None, version=2)
    sheared.header.set_sform(AFFINE, code=3)
    yield "sform-only-nifti2.nii.gz", pack(sheared.to_bytes())


def wheel_cases():
    """Real files that come with nibabel."""
    folder = Path(nib.__file__).parent / "tests" / "data"
    for name in WHEEL_FILES:
        yield f"nibabel-{name}", (folder / name).read_bytes()


def describe(out, file_name):
    """Reads a case with nibabel and writes the values it is expected to have."""
    image = reading.load(out / "nifti" / file_name)
    expected = f"nifti/{file_name}.f32"
    (out / expected).write_bytes(reading.values(image).astype("<f4").tobytes(order="C"))
    return {
        "name": file_name,
        "file": f"nifti/{file_name}",
        "shape": [int(length) for length in image.shape],
        "affine": image.affine.tolist(),
        "qform_code": int(image.header["qform_code"]),
        "sform_code": int(image.header["sform_code"]),
        "expected": expected,
    }


def main(out):
    folder = out / "nifti"
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / "written").mkdir()
    cases = []
    groups = [
        datatype_cases,
        scaling_cases,
        format_cases,
        grid_cases,
        gzip_cases,
        transform_cases,
        wheel_cases,
    ]
    for group in groups:
        for file_name, content in group():
            (folder / file_name).write_bytes(content)
            cases.append(describe(out, file_name))
    names = [case["name"] for case in cases]
    if len(set(names)) != len(names):
        raise SystemExit("two cases have the same name")
    refused = []
    for file_name, content in refused_cases():
        (folder / file_name).write_bytes(content)
        refuse(folder / file_name)
        refused.append(f"nifti/{file_name}")
    manifest = {"cases": cases, "refused": refused}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"{len(cases)} NIfTI cases in {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
