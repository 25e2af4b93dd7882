#!/usr/bin/env python3
"""Writes the GIFTI and label files which the Rust readers have to read as nibabel does.

    make_surface.py OUT

Below OUT/surface this leaves one file per case, the values nibabel reads from it and
`manifest.json`:

    {"gifti": [{"file", "arrays": [{"intent", "shape", "data_type", "expected"}, ...]}, ...],
     "external": [file, ...],
     "labels": [{"file", "vertices"}, ...]}

Paths in the manifest are relative to OUT; `expected` files are raw little-endian float64 in
C order, which holds every value of the types used here exactly. Everything is deterministic.
"""

import base64
import json
import shutil
import sys
import warnings
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np

WHEEL_FILES = [
    "ascii.gii",
    "ascii_flat_data.gii",
    "base64bin.gii",
    "gzipbase64.gii",
    "label.gii",
    "rh.aparc.annot.gii",
    "rh.shape.curv.gii",
    "task.func.gii",
]
EXTERNAL_FILE = "external.gii"
ENCODINGS = {
    "ascii": "GIFTI_ENCODING_ASCII",
    "base64": "GIFTI_ENCODING_B64BIN",
    "zlib": "GIFTI_ENCODING_B64GZ",
}
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
ENDIANS = {"little": "<", "big": ">"}


def numbers(dtype, count, seed):
    """Values over the range of a type; floats are rounded to what ASCII encoding keeps."""
    generator = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        data = np.round(generator.normal(size=count) * 100.0, 3).astype(dtype)
        data[:3] = [0.0, -1.0, 0.5]
        return data
    limits = np.iinfo(dtype)
    data = generator.integers(limits.min, limits.max, size=count, dtype=dtype, endpoint=True)
    data[:3] = [0, limits.min, limits.max]
    return data


def array(data, encoding, endian="little", order="C"):
    """A nibabel data array stored in one way."""
    return nib.gifti.GiftiDataArray(
        data,
        intent="NIFTI_INTENT_SHAPE",
        datatype=np.dtype(data.dtype).name,
        encoding=ENCODINGS[encoding],
        endian=endian,
        ordering=order,
    )


def image(*arrays):
    """The bytes of a file with these arrays."""
    return nib.gifti.GiftiImage(darrays=list(arrays)).to_bytes(mode="force")


def element(data, encoding, endian, order):
    """A file written by hand: nibabel itself only writes the byte order of the machine."""
    raw = np.asarray(data).astype(np.dtype(data.dtype).newbyteorder(ENDIANS[endian]))
    raw = raw.tobytes(order={"RowMajorOrder": "C", "ColumnMajorOrder": "F"}[order])
    packed = zlib.compress(raw) if encoding == "GZipBase64Binary" else raw
    text = base64.encodebytes(packed).decode("ascii")
    dims = " ".join(f'Dim{axis}="{length}"' for axis, length in enumerate(data.shape))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<GIFTI Version="1.0" NumberOfDataArrays="1">'
        f'<DataArray Intent="NIFTI_INTENT_NONE" DataType="NIFTI_TYPE_{data.dtype.name.upper()}" '
        f'ArrayIndexingOrder="{order}" Dimensionality="{data.ndim}" {dims} '
        f'Encoding="{encoding}" Endian="{endian.capitalize()}Endian" ExternalFileName="" '
        f'ExternalFileOffset=""><Data>{text}</Data></DataArray></GIFTI>\n'
    ).encode("ascii")


def written_cases():
    """Each encoding and datatype as nibabel writes it, and several arrays in one file."""
    for seed, dtype in enumerate(DTYPES):
        for encoding in ENCODINGS:
            data = numbers(dtype, 5000, seed)
            yield f"{dtype}-{encoding}.gii", image(array(data, encoding))
    mask = (numbers("float32", 999, 50) > 0).astype(np.float32)
    curvature = numbers("float32", 999, 51)
    curvature[7] = np.nan
    yield "mask.func.gii", image(array(mask, "zlib"))
    yield "nan.func.gii", image(array(curvature, "zlib"))
    mesh = numbers("float32", 30, 52).reshape(10, 3)
    faces = numbers("uint8", 12, 53).reshape(4, 3).astype(np.int32)
    for encoding in ENCODINGS:
        arrays = [array(mesh, encoding), array(faces, encoding), array(mask, encoding)]
        yield f"mesh-{encoding}.surf.gii", image(*arrays)
        # As text nibabel writes, and reads, rows whatever the file says.
        if encoding != "ascii":
            columns = array(np.asfortranarray(mesh), encoding, order="F")
            yield f"mesh-columns-{encoding}.surf.gii", image(columns)


def by_hand_cases():
    """Both byte orders and both index orders."""
    for seed, dtype in enumerate(DTYPES, start=60):
        for endian in ENDIANS:
            for encoding in ("Base64Binary", "GZipBase64Binary"):
                for order in ("RowMajorOrder", "ColumnMajorOrder"):
                    name = f"hand-{dtype}-{endian}-{encoding}-{order}"
                    flat = numbers(dtype, 24, seed)
                    yield f"{name}.gii", element(flat, encoding, endian, order)
                    cube = flat.reshape(2, 3, 4)
                    yield f"{name}-3d.gii", element(cube, encoding, endian, order)


def sloppy_cases():
    """What nibabel reads although the format does not have it."""
    data = numbers("float32", 24, 70)
    for encoding in ("Base64Binary", "GZipBase64Binary"):
        whole = element(data, encoding, "little", "RowMajorOrder")
        yield f"no-endian-{encoding}.gii", whole.replace(b' Endian="LittleEndian"', b"")
    for more in (b"\0", b"bytes behind the stream"):
        packed = base64.b64encode(zlib.compress(data.astype("<f4").tobytes()) + more)
        start, end = element(data, "GZipBase64Binary", "little", "RowMajorOrder").split(b"<Data>")
        whole = start + b"<Data>" + packed + end[end.index(b"</Data>") :]
        yield f"bytes-behind-{len(more)}.gii", whole


def wheel_cases():
    """Real files that come with nibabel."""
    folder = Path(nib.gifti.__file__).parent / "tests" / "data"
    for name in WHEEL_FILES:
        yield f"nibabel-{name}", (folder / name).read_bytes()


def label_cases():
    """Labels in the documented form, and with spacing that other programs leave."""
    vertices = [3, 0, 163841, 17]
    head = f"#!ascii label  , from subject sub-01 vox2ras=TkReg\n{len(vertices)}\n"
    lines = [f"{vertex}  -12.345  8.000  41.250 0.0000000000" for vertex in vertices]
    yield "plain.label", head + "\n".join(lines) + "\n"
    yield "no-last-line-end.label", head + "\n".join(lines)
    yield "tabs.label", head + "\n".join(line.replace("  ", "\t") for line in lines) + "\n"
    yield "wide.label", head + "\n".join(f"   {line}   " for line in lines) + "\n\n"
    yield "carriage-returns.label", (head + "\n".join(lines) + "\n").replace("\n", "\r\n")
    yield "exponents.label", head + "\n".join(f"{v} -1e1 +2.5E-3 nan 1" for v in vertices) + "\n"
    yield "six-columns.label", head + "\n".join(f"{line} 0.5" for line in lines) + "\n"
    yield "four-columns.label", head + "\n".join(f"{v} 1 2 3" for v in vertices) + "\n"
    yield "one-column.label", head + "\n".join(str(v) for v in vertices) + "\n"
    yield "comments.label", head + "\n".join(f"{line} # {line}" for line in lines) + "\n# the end\n"
    yield "one.label", f"#\n 1 \n{lines[0]}\n"


def describe_gifti(out, name):
    """What nibabel reads from a file."""
    arrays = []
    for index, data_array in enumerate(nib.load(out / "surface" / name).darrays):
        expected = f"surface/{name}.{index}.f64"
        values = np.asarray(data_array.data)
        (out / expected).write_bytes(values.astype("<f8").tobytes(order="C"))
        arrays.append(
            {
                "intent": nib.nifti1.intent_codes.niistring[data_array.intent],
                "shape": [int(length) for length in values.shape],
                "data_type": values.dtype.name.upper(),
                "expected": expected,
            }
        )
    return {"file": f"surface/{name}", "arrays": arrays}


def main(out):
    folder = out / "surface"
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "written").mkdir(parents=True)
    gifti = []
    for cases in (written_cases, by_hand_cases, sloppy_cases, wheel_cases):
        for name, content in cases():
            if (folder / name).exists():
                raise SystemExit(f"two cases are called {name}")
            (folder / name).write_bytes(content)
            gifti.append(describe_gifti(out, name))
    labels = []
    for name, text in label_cases():
        (folder / name).write_bytes(text.encode("ascii"))
        vertices = np.atleast_1d(nib.freesurfer.read_label(folder / name))
        labels.append({"file": f"surface/{name}", "vertices": [int(v) for v in vertices]})
    data = Path(nib.gifti.__file__).parent / "tests" / "data"
    shutil.copy(data / EXTERNAL_FILE, folder / EXTERNAL_FILE)
    manifest = {"gifti": gifti, "external": [f"surface/{EXTERNAL_FILE}"], "labels": labels}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    print(f"wrote {len(gifti)} GIFTI files and {len(labels)} labels")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    # nibabel warns about datatypes that the standard does not name but programs write.
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
