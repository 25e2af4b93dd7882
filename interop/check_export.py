#!/usr/bin/env python3
"""Reads with numpy, pandas and pyarrow what the Rust crate `array-export` wrote, and compares.

    check_export.py OUT

The Rust tests leave arrays and tables in OUT/export. Nothing describes them: what has to be in
each follows from the formulas below, which are those at the head of crates/export/tests/interop.rs.
Every array is read without pickle. Values must be equal bit for bit (any NaN equals any NaN),
types and memory order included. The last line is a summary in the form of Rust's own test runner;
the exit status is 1 if a case failed.
"""

import csv
import itertools
import json
import math
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import verdict

ROWS = 140_000
GOLDEN = 0x9E3779B97F4A7C15


def floats(positions):
    """The float64 of each position: NaN, infinity, minus zero, then ordinary ones."""
    values = ((positions * positions % 1009).astype(np.float64) - 500.0) / 3.0
    values[positions == 0] = np.nan
    values[positions == 1] = np.inf
    values[positions == 2] = -0.0
    return values


def values(kind, positions):
    """The values of one type at the positions."""
    positions = np.asarray(positions, dtype=np.uint64)
    if kind.startswith("float"):
        return floats(positions).astype(kind)
    if kind == "uint64":
        return positions * np.uint64(GOLDEN)
    if kind == "int64":
        return (positions * np.uint64(GOLDEN)).view(np.int64)
    if kind == "int32":
        return (positions.astype(np.uint32) * np.uint32(GOLDEN >> 32)).view(np.int32)
    if kind == "uint32":
        return positions.astype(np.uint32) * np.uint32(GOLDEN >> 32)
    if kind in ("uint16", "int16", "int8"):
        # The lowest bits.
        return (positions * np.uint64(GOLDEN)).astype(kind)
    if kind == "uint8":
        return (positions * np.uint64(37) % np.uint64(256)).astype(np.uint8)
    return positions * positions % np.uint64(3) == 1


def label(position):
    """The text of a position."""
    ending = [".jpg", " .jpg", "\u00e9", "\U0001d11e", '"q", NA'][position % 5]
    return f"shared_{position:04}{ending}"


def expected_arrays():
    """Name -> array, for every type and memory order."""
    arrays = {}
    unsigned = ("uint8", "uint16", "uint32", "uint64")
    signed = ("int8", "int16", "int32", "int64")
    for kind in ("float16", "float32", "float64", *unsigned, *signed, "bool"):
        matrix = values(kind, np.arange(19 * 23)).reshape(19, 23)
        arrays[f"{kind}-c"] = matrix
        arrays[f"{kind}-fortran"] = matrix.T
        arrays[f"{kind}-strided"] = matrix[:, ::2]
        arrays[f"{kind}-reversed"] = matrix[::-1]
        arrays[f"{kind}-scalar"] = values(kind, [5]).reshape(())
        arrays[f"{kind}-empty"] = np.empty((2, 0, 3), dtype=kind)
        arrays[f"{kind}-long"] = values(kind, np.arange(100_003))
    return arrays


def expected_texts():
    """Name -> texts, in the type numpy itself would choose."""
    return {
        "labels": np.array([label(position) for position in range(1000)]),
        "empty texts": np.array(["", ""]),
        "no texts": np.array([], dtype="<U1"),
    }


def same_array(expected, got):
    """What differs, as a list of sentences."""
    problems = []
    for field in ("dtype", "shape"):
        if getattr(expected, field) != getattr(got, field):
            problems.append(
                f"{field}: expected {getattr(expected, field)}, got {getattr(got, field)}"
            )
    if expected.ndim == 2:
        fortran = expected.flags.f_contiguous
        if got.flags.f_contiguous != fortran:
            problems.append(f"Fortran order: expected {fortran}, got {not fortran}")
    if problems:
        return problems
    expected, got = (np.ascontiguousarray(array).reshape(-1) for array in (expected, got))
    equal = expected == got
    if expected.dtype.kind == "f":
        equal = (equal & (np.signbit(expected) == np.signbit(got))) | (
            np.isnan(expected) & np.isnan(got)
        )
    wrong = np.flatnonzero(~equal)
    if wrong.size:
        first = wrong[0]
        problems.append(f"[{first}]: expected {expected[first]!r}, got {got[first]!r}")
    return problems


def check_npy(folder):
    """One case per .npy file."""
    arrays = expected_arrays()
    names = {path.stem for path in (folder / "npy").glob("*.npy")}
    if names != set(arrays):
        yield "npy", [f"expected files {sorted(arrays)}, got {sorted(names)}"]
    for name, expected in arrays.items():
        got = np.load(folder / "npy" / f"{name}.npy", allow_pickle=False)
        yield f"npy/{name}.npy", same_array(expected, got)


def check_npz(folder):
    """One case per archive: the one whose writer could seek, and the one written as a stream."""
    expected = {f"all/{name}": array for name, array in expected_arrays().items()}
    expected |= expected_texts()
    expected |= {"hemi-L/func.gii": np.array(True), "na\u00efve name": np.array(1)}
    for file in ("file.npz", "stream.npz"):
        problems = []
        with np.load(folder / file, allow_pickle=False) as npz:
            if npz.files != list(expected):
                problems.append(f"expected members {list(expected)}, got {npz.files}")
            for name, array in expected.items():
                problems += [f"{name}: {text}" for text in same_array(array, npz[name])]
        with zipfile.ZipFile(folder / file) as archive:
            if archive.testzip() is not None:
                problems.append(f"checksum of {archive.testzip()}")
            for info in archive.infolist():
                if info.compress_type != zipfile.ZIP_STORED:
                    problems.append(f"{info.filename} is compressed")
                if info.date_time != (1980, 1, 1, 0, 0, 0):
                    problems.append(f"{info.filename} knows the time {info.date_time}")
        yield file, problems
    with np.load(folder / "none.npz", allow_pickle=False) as npz:
        yield "none.npz", [f"expected no members, got {npz.files}"] if npz.files else []


def noise_ceiling(row):
    """A float, or nothing."""
    if row % 11 == 4:
        return None
    if row % 1000 == 17:
        return -math.inf
    return 1.0 / 2.0**row if row % 11 == 5 and row < 1024 else 0.0 if row % 11 == 5 else row * 0.1


def expected_columns(rows, plain):
    """Name -> cells, `None` where there is none."""
    trials = values("int64", np.arange(rows)).tolist()
    shared = values("bool", np.arange(rows)).tolist()
    captions = ['a, "b"', "two\nlines", "", "  spaces ", "n/a", "r\rn\r\n"]
    columns = {
        "label": [label(row) for row in range(rows)],
        "trial": trials,
        "run": [row % 12 if row % 5 else None for row in range(rows)],
        "noise ceiling": [noise_ceiling(row) for row in range(rows)],
        "shared": shared,
    }
    if not plain:
        columns["caption"] = [captions[row % 6] if row % 7 != 3 else None for row in range(rows)]
        columns['"odd", name'] = [math.nan if row % 3 else None for row in range(rows)]
        columns["answer"] = [shared[row] if row % 4 != 1 else None for row in range(rows)]
    return columns


def same_column(name, expected, got):
    """What differs, as a list of sentences; 1, 1.0 and True are three things."""
    if len(expected) != len(got):
        return [f"{name}: expected {len(expected)} rows, got {len(got)}"]
    for row, (a, b) in enumerate(zip(expected, got)):
        both_nan = a != a and b != b
        if type(a) is not type(b) or not (a == b or both_nan):
            return [f"{name}, row {row}: expected {a!r}, got {b!r}"]
    return []


def same_columns(expected, got):
    """What differs between two tables, as a list of sentences."""
    if list(expected) != list(got):
        return [f"expected columns {list(expected)}, got {list(got)}"]
    return [text for name in expected for text in same_column(name, expected[name], got[name])]


def cell_reader(cells, missing):
    """How a field of a column becomes the cell it was; without cells it does not matter."""
    first = next((cell for cell in cells if cell is not None), "")
    if isinstance(first, bool):
        convert = {"true": True, "false": False}.__getitem__
    else:
        convert = type(first)
    return lambda field: None if field == missing else convert(field)


def from_fields(header, lines, expected, missing):
    """Columns of text fields, converted to what is expected of each column."""
    columns = dict(zip(header, map(list, zip(*lines)))) if lines else {name: [] for name in header}
    for name, cells in expected.items():
        if name in columns:
            read = cell_reader(cells, missing)
            columns[name] = [read(field) for field in columns[name]]
    return columns


def without_empty(columns):
    """CSV has one notation for an empty text and for none."""
    return {
        name: [None if cell == "" else cell for cell in cells] for name, cells in columns.items()
    }


def same_cell(a, b):
    """Equal, but for the last bit of a float, in which pandas 2 may differ from Python."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=1e-15, abs_tol=1e-322)
    return a == b


def same_frame(expected, frame, missing_texts):
    """Compares with what pandas makes of the file by default, columns of text aside if it takes
    some texts for missing cells."""
    problems = []
    if list(frame.columns) != list(expected):
        return [f"pandas: expected columns {list(expected)}, got {list(frame.columns)}"]
    for name, cells in expected.items():
        if any(isinstance(cell, str) for cell in cells) and missing_texts:
            continue
        got = [None if pd.isna(cell) else cell for cell in frame[name].tolist()]
        cells = [None if cell != cell else cell for cell in cells]
        if len(got) != len(cells):
            problems.append(f"pandas: {name}: expected {len(cells)} rows, got {len(got)}")
        for row, (a, b) in enumerate(zip(cells, got)):
            if not same_cell(a, b):
                problems.append(f"pandas: {name}, row {row}: expected {a!r}, got {b!r}")
                break
    return problems


def check_csv(folder, name, rows):
    """Python's own reader on everything; pandas on everything but the texts it calls missing."""
    path = folder / f"{name}.csv"
    expected = without_empty(expected_columns(rows, plain=False))
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file, strict=True)
    problems = same_columns(expected, from_fields(header, lines, expected, ""))
    frame = pd.read_csv(path)
    yield path.name, problems + same_frame(expected, frame, missing_texts=True)


def check_tsv(folder, name, rows):
    """Fields are what stands between two TABs, for Python and for pandas."""
    path = folder / f"{name}.tsv"
    expected = expected_columns(rows, plain=True)
    text = path.read_bytes().decode()
    ends = [] if text.endswith("\n") else ["the last line does not end"]
    header, *lines = [line.split("\t") for line in text.removesuffix("\n").split("\n")]
    problems = same_columns(expected, from_fields(header, lines, expected, "n/a"))
    frame = pd.read_csv(path, sep="\t", quoting=csv.QUOTE_NONE)
    yield path.name, ends + problems + same_frame(expected, frame, missing_texts=False)


def check_json_lines(folder, name, rows):
    """Strict JSON, the schema first, the columns in their order."""
    path = folder / f"{name}.jsonl"

    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    columns = expected_columns(rows, plain=False)
    with path.open(encoding="utf-8", newline="\n") as file:
        objects = [json.loads(line, parse_constant=refuse) for line in file]
    order = ["schema", *columns]
    problems = [f"keys {list(o)}" for o in objects if list(o) != order][:1]
    expected = {"schema": ["laion-fmri.rows/1"] * rows}
    for column, cells in columns.items():
        finite = [None if isinstance(c, float) and not math.isfinite(c) else c for c in cells]
        expected[column] = finite
    got = {column: [o.get(column) for o in objects] for column in order}
    yield path.name, problems or same_columns(expected, got)


def check_parquet(folder, name, rows):
    """pyarrow with types and missing cells; pandas on top of it."""
    types = [pa.string(), pa.int64(), pa.int64(), pa.float64(), pa.bool_()]
    types += [pa.string(), pa.float64(), pa.bool_()]
    expected = expected_columns(rows, plain=False)
    schema = pa.schema(list(zip(expected, types)))
    for path in (folder / f"{name}.parquet", folder / f"{name}-stream.parquet"):
        table = pq.read_table(path)
        if table.schema.equals(schema):
            problems = same_columns(expected, table.to_pydict())
        else:
            problems = [f"expected the schema {schema}, got {table.schema}"]
        groups, wanted = pq.read_metadata(path).num_row_groups, math.ceil(rows / 131_072)
        if groups != wanted:
            problems.append(f"expected {wanted} row groups, got {groups}")
        recipe = (table.schema.metadata or {}).get(b"recipe")
        wanted = None if path.stem.endswith("-stream") else "a = 1\n# \u00e9\n".encode()
        if recipe != wanted:
            problems.append(f"recipe: expected {wanted!r}, got {recipe!r}")
        frame = pd.read_parquet(path)
        yield path.name, problems + same_frame(expected, frame, missing_texts=False)


def cases(out):
    folder = verdict.there(out / "export")
    tables = (check_csv, check_tsv, check_json_lines, check_parquet)
    found = [check_npy(folder), check_npz(folder)]
    found += [
        check(folder, name, rows) for check in tables for name, rows in (("table", ROWS), ("none", 0))
    ]
    for name, problems in itertools.chain.from_iterable(found):
        yield f"read back {name}", problems


if __name__ == "__main__":
    verdict.run(__doc__, cases)
