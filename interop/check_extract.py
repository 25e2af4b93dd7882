#!/usr/bin/env python3
"""Computes again with numpy what `laion-fmri extract` wrote, from the files of the fixture bucket.

    check_extract.py OUT

OUT/extract holds the bucket, the outputs, and `cases.json` with the command line of each. Betas that
were neither z-scored nor averaged, means, and everything about rows and columns have to be equal bit
for bit (any NaN equals any NaN); z-scores to 1e-6, because the order of sums within a standard
deviation is numpy's own. `.npz` is read by numpy without pickle, `.zarr` by zarr and xarray (which need
Python 3.11), `.h5` by h5py, `.parquet` by pandas. The digest of the arrays, the checksums of inputs and
output in the recipe are computed again. Last, the Python example is run on the output that the Rust
example was run on, and has to print the same line. The last line is a summary in the form of Rust's own
test runner; the exit status is 1 if a case failed.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pandas
from bucket_reference import Choice, Reference, repetitions, stimulus_metadata, zscore
from check_buckets import array_problems
from check_splits import Bundle
import verdict

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "crates/laion-fmri/examples"
CEILINGS = {"nc_4rep": "Noiseceiling4rep", "nc_12rep": "Noiseceiling12rep"}
CEILINGS["nc_allrep"] = "NoiseceilingAllrep"
IMAGES = ("dataset", "unique_or_shared", "n_reps_planned")
ROWS = ("image_name", "session", "run", "beta_index", "repetition", "n_averaged", *IMAGES)
ROWS += ("train", "test")
COLUMNS = ("subject", "voxel_index", "voxel_ijk", "roi", *CEILINGS, "nc_session")


def asked(words):
    """The options of a command line."""
    parser = argparse.ArgumentParser()
    for name in ("subject", "session", "roi"):
        parser.add_argument(f"--{name}", nargs="+", default=[])
    for name in ("stimuli", "split", "pool", "features", "nc-desc", "average"):
        parser.add_argument(f"--{name}")
    for name in ("exclude-ood", "exact-reps"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--mask-source", default="anatomical")
    parser.add_argument("--zscore", default="none")
    parser.add_argument("--ddof", type=int, default=0)
    parser.add_argument("--zscore-fit", default="all")
    parser.add_argument("--nan", default="keep")
    parser.add_argument("--revision", default="r1")
    parser.add_argument("--nc-threshold", type=float)
    parser.add_argument("-o", dest="output")
    return parser.parse_args(words)


def named(prefix, name):
    return name if name.startswith(prefix) else prefix + name


class Split:
    """The training and test images that a command line asks for."""

    def __init__(self, bundle, options):
        members = bundle.members[options.pool]
        ood = options.split == "ood"
        key = (options.revision if options.split.startswith("random") else "r1", options.pool)
        self.test = set(bundle.ood if ood else bundle.test[*key, options.split])
        self.train = set(members) - self.test

    def masks(self, names):
        return (
            np.array([name in self.train for name in names], dtype=bool),
            np.array([name in self.test for name in names], dtype=bool),
        )


class Rows:
    """The trials of one subject that become rows, with their betas."""

    def __init__(self, root, subject, options, split):
        self.reference = Reference(root, subject)
        sessions = [named("ses-", session) for session in options.session]
        if sessions in ([], ["ses-all"]):
            sessions = self.reference.sessions()
        self.sessions = sessions
        self.choice = Choice(
            roi=options.roi or None,
            mask_source=options.mask_source,
            nc_threshold=options.nc_threshold,
            nc_desc=options.nc_desc,
        )
        self.names, self.about, values = [], [], []
        for session in sessions:
            betas, labels, runs = self.scored(session, options, split)
            for trial, label in enumerate(labels):
                is_shared = label.startswith("shared_")
                if options.stimuli and (options.stimuli == "shared") != is_shared:
                    continue
                if options.exclude_ood and "_OOD_" in label:
                    continue
                self.names.append(label)
                self.about.append((session, int(runs[trial]), trial))
                values.append(betas[trial])
        if options.exact_reps:
            times = Counter(self.names)
            planned = {name: 12 if name.startswith("shared_12rep_") else 4 for name in times}
            keep = [n for n, name in enumerate(self.names) if times[name] == planned[name]]
            self.names, self.about, values = (
                [part[n] for n in keep] for part in (self.names, self.about, values)
            )
        self.values = np.array(values)

    def scored(self, session, options, split):
        """The betas of all trials of a session, z-scored, as float32; labels and runs."""
        betas = self.reference.betas(self.choice, session)
        labels = self.reference.labels(session)
        columns, table = self.reference.trials(session)
        runs = [row[columns.index("run")] for row in table]
        if options.zscore != "none":
            fit = np.ones(len(labels), dtype=bool)
            if options.zscore_fit == "train":
                fit = split.masks(labels)[0]
            groups = runs if options.zscore == "run" else [""] * len(labels)
            with warnings.catch_warnings():
                # The mean of nothing but NaN.
                warnings.simplefilter("ignore", RuntimeWarning)
                betas = zscore(betas, groups, options.ddof, True, fit)[0].astype(np.float32)
        return betas, labels, runs

    def mean(self, name):
        """The mean over the trials of an image, summed in float64 in their order, and their number."""
        trials = [row for row, other in zip(self.values, self.names) if other == name]
        if len(trials) == 1:
            return trials[0], 1
        total = np.zeros(trials[0].shape)
        count = np.zeros(trials[0].shape)
        for row in trials:
            total += np.where(np.isnan(row), 0.0, row.astype(np.float64))
            count += ~np.isnan(row)
        with np.errstate(invalid="ignore"):
            return (total / count).astype(np.float32), len(trials)

    def columns(self, options):
        """What is known of each voxel."""
        reference, first = self.reference, self.sessions[0]
        flat = reference.indices(self.choice, first)
        brain = reference.brain(options.mask_source)
        grid = np.stack(np.unravel_index(flat, brain.shape, order="C"), axis=1).astype(np.int64)
        rois = []
        for item in options.roi:
            names = reference.roi_names(item) or [item]
            rois += [name for name in names if name not in rois]
        inside = {name: reference.roi_grid([name]).ravel(order="C")[flat] for name in rois}
        texts = ["|".join(n for n in inside if inside[n][voxel]) for voxel in range(flat.size)]
        found = {
            "subject": np.array([reference.subject] * flat.size),
            "voxel_index": flat.astype(np.int64),
            "voxel_ijk": grid,
            "roi": np.array(texts, dtype=f"U{max(map(len, texts)) or 1}"),
        }
        for name, desc in CEILINGS.items():
            found[name] = reference.values(reference.ceiling_path(None, desc)).ravel()[flat]
        if len(self.sessions) == 1 and len(options.subject) == 1:
            found["nc_session"] = reference.values(reference.ceiling_path(first, None)).ravel()[flat]
        return found


def expected(root, bundle, options):
    """Name -> array."""
    split = Split(bundle, options) if options.split else None
    subjects = sorted(named("sub-", subject) for subject in options.subject)
    subjects = [Rows(root, subject, options, split) for subject in subjects]
    arrays = {}
    if options.average == "image":
        names = sorted(set.intersection(*(set(subject.names) for subject in subjects)))
        means = [[subject.mean(name) for name in names] for subject in subjects]
        betas = np.concatenate([[value for value, _ in rows] for rows in means], axis=1)
        counts = np.array([[count for _, count in rows] for rows in means], dtype=np.int64).T
        arrays["n_averaged"] = counts if len(subjects) > 1 else counts[:, 0]
    else:
        (subject,) = subjects
        names, betas = subject.names, subject.values
        arrays["session"] = np.array([session for session, _, _ in subject.about])
        arrays["run"] = np.array([run for _, run, _ in subject.about])
        arrays["beta_index"] = np.array([trial for _, _, trial in subject.about])
        arrays["repetition"] = np.array([names[:n].count(name) for n, name in enumerate(names)])
        arrays["n_averaged"] = np.ones(len(names), dtype=np.int64)
    arrays["image_name"] = np.array(names)
    listed = {row["image_name"]: row for row in stimulus_metadata(root)}
    for column in IMAGES[:2]:
        arrays[column] = np.array([listed[name][column] if name in listed else "" for name in names])
    planned = [repetitions(listed[name]["n_reps"]) if name in listed else None for name in names]
    arrays["n_reps_planned"] = np.array([-1 if n is None else n for n in planned])
    if len(subjects) > 1:
        arrays["subjects"] = np.array([subject.reference.subject for subject in subjects])
    columns = [subject.columns(options) for subject in subjects]
    for name in columns[0]:
        arrays[name] = np.concatenate([found[name] for found in columns])
    if options.nan == "drop":
        kept = ~np.isnan(betas).any(axis=0)
        betas = betas[:, kept]
        for name in columns[0]:
            arrays[name] = arrays[name][kept]
    if options.nan == "zero":
        betas = np.where(np.isnan(betas), np.float32(0.0), betas)
    arrays["betas"] = np.ascontiguousarray(betas)
    if split:
        arrays["train"], arrays["test"] = split.masks(names)
    if options.features:
        path = root / f"stimuli/task-images_desc-{options.features}_embeddings.h5"
        with h5py.File(path) as file:
            place = {name: row for row, name in enumerate(file["image_ids"].asstr())}
            arrays["features"] = file["embedding"][()][[place[name] for name in names]]
    return arrays


def near(got, wanted):
    """How z-scores differ by more than 1e-6."""
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        return [f"expected {wanted.dtype} {wanted.shape}, got {got.dtype} {got.shape}"]
    with np.errstate(invalid="ignore"):
        off = np.abs(got.astype(float) - wanted) > 1e-6 * np.maximum(1.0, np.abs(wanted))
    off |= np.isnan(got) != np.isnan(wanted)
    return [f"{off.sum()} of {off.size} z-scores differ by more than 1e-6"] if off.any() else []


def text_problems(got, wanted):
    if got.dtype.kind != "U" or got.tolist() != wanted.tolist():
        return [f"expected {wanted[:4]}..., got {got.dtype} {got[:4]}..."]
    return []


def compare(got, wanted, options):
    """How named arrays differ."""
    problems = []
    if sorted(got) != sorted(wanted):
        problems.append(f"expected {sorted(wanted)}, got {sorted(got)}")
    for name in sorted(set(got) & set(wanted)):
        if wanted[name].dtype.kind == "U":
            found = text_problems(got[name], wanted[name])
        elif name == "betas" and options.zscore != "none":
            found = near(got[name], wanted[name])
        else:
            found = array_problems(got[name], wanted[name])
        problems += [f"{name}: {problem}" for problem in found]
    return problems


def from_npz(path):
    with np.load(path, allow_pickle=False) as npz:
        return {name: npz[name] for name in npz.files}


def from_h5(path):
    arrays = {}
    with h5py.File(path) as file:
        for name, dataset in file.items():
            is_text = h5py.check_string_dtype(dataset.dtype)
            arrays[name] = np.array((dataset.asstr() if is_text else dataset)[()])
            if is_text:
                arrays[name] = arrays[name].astype("U")
    return arrays


def from_zarr(path):
    import zarr

    group = zarr.open_group(path, mode="r")
    return {name: np.asarray(array[...]) for name, array in group.arrays()}


def labels_problems(path, wanted):
    """What xarray finds other than the dimensions and coordinates that the field's benchmarks use."""
    import xarray

    problems = []
    with xarray.open_zarr(path, chunks=None) as dataset:
        dims = {"betas": ("presentation", "neuroid"), "features": ("presentation", "feature")}
        dims |= {name: ("presentation",) for name in ROWS} | {name: ("neuroid",) for name in COLUMNS}
        dims |= {"voxel_ijk": ("neuroid", "axis"), "subjects": ("subject_axis",)}
        if wanted["n_averaged"].ndim == 2:
            dims["n_averaged"] = ("presentation", "subject_axis")
        for name in wanted:
            if dataset[name].dims != dims[name]:
                problems.append(f"{name}: dimensions {dataset[name].dims}")
        coordinates = sorted(set(wanted) - {"betas", "features"})
        if sorted(dataset.coords) != coordinates:
            problems.append(f"coordinates: expected {coordinates}, got {sorted(dataset.coords)}")
        first = wanted["image_name"][0]
        one = dataset["betas"].where(dataset["image_name"] == first, drop=True)
        if one.sizes["presentation"] != (wanted["image_name"] == first).sum():
            problems.append(f"rows of {first}: {dict(one.sizes)}")
    return problems


def sha256(path):
    """That of a file; of a folder that of the list of its files."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    lines = "".join(f"{sha256(path / name)}  {name}\n" for name in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def on_disk(path):
    """A recipe names files as a mirror does, where labels have no hyphens; the bucket has some."""
    if path.is_file():
        return path
    (found,) = [file for file in path.parent.iterdir() if bare(file.name) == bare(path.name)]
    return found


def bare(name):
    return name.replace("-", "")


def digest(arrays):
    """That of all arrays, as crates/export describes it."""
    lines = ""
    for name, array in sorted(arrays.items()):
        data = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        shape = json.dumps(list(array.shape), separators=(",", ":"))
        lines += f"{data} {array.dtype.str} {shape} {name}\n"
    return hashlib.sha256(lines.encode()).hexdigest()


def recipe_problems(path, bucket, inside, arrays):
    """What is not true in the recipe beside an output."""
    import tomllib

    recipe = tomllib.loads(path.with_name(path.name + ".recipe.toml").read_text(encoding="utf-8"))
    problems = []
    output = recipe.pop("output")
    if (output["file"], output["sha256"]) != (path.name, sha256(path)):
        problems.append(f"the output is {path.name} {sha256(path)}, the recipe says {output}")
    if tomllib.loads(inside) != recipe:
        problems.append("the recipe inside is another one")
    result = recipe["result"]
    if [result["rows"], result["columns"]] != list(arrays["betas"].shape):
        problems.append(f"result {result}")
    if result["arrays_sha256"] != digest(arrays):
        problems.append(f"digest: expected {digest(arrays)}, got {result['arrays_sha256']}")
    for given in recipe["inputs"]:
        file = on_disk(bucket / given["path"])
        if (given["size"], given["sha256"]) != (file.stat().st_size, sha256(file)):
            problems.append(f"input {given}")
    if not any("SingletrialBetas_statmap" in given["path"] for given in recipe["inputs"]):
        problems.append("no betas among the inputs")
    return problems


def table_problems(path, wanted):
    """How a table of rows differs from the rows of the arrays."""
    frame = pandas.read_parquet(path)
    columns = [name for name in ROWS if name in wanted]
    if list(frame.columns) != columns:
        return [f"columns: expected {columns}, got {list(frame.columns)}"]
    different = [name for name in columns if frame[name].tolist() != wanted[name].tolist()]
    return [f"column {name} differs" for name in different]


def check(folder, bundle, case):
    """All problems of one case."""
    options = asked(case["arguments"])
    path = folder / options.output
    wanted = expected(folder / "bucket", bundle, options)
    if path.suffix == ".parquet":
        return table_problems(path, wanted)
    got = {".npz": from_npz, ".zarr": from_zarr, ".h5": from_h5}[path.suffix](path)
    recipe = str(got.pop("recipe"))
    problems = compare(got, wanted, options)
    if path.suffix == ".zarr":
        problems += labels_problems(path, wanted)
    if sys.version_info >= (3, 11):
        problems += recipe_problems(path, folder / "bucket", recipe, got)
    return problems


def example_problems(folder):
    """The Python example has to print what the Rust example printed."""
    command = [sys.executable, EXAMPLES / "ridge.py", folder / "ridge.npz"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False)
    wanted = (folder / "ridge.txt").read_text(encoding="utf-8")
    if (printed.returncode, printed.stdout) != (0, wanted):
        return [f"expected {wanted!r}, got {printed.stdout!r} {printed.stderr}"]
    return []


def cases(out):
    folder = verdict.there(out / "extract")
    bundle = Bundle((ROOT / "crates/splits/data/splits.bundle").read_bytes())
    for case in json.loads((folder / "cases.json").read_text(encoding="utf-8")):
        line = " ".join(case["arguments"])
        if ".zarr" in line and sys.version_info < (3, 11):
            print(f"extract {line}: not read, zarr needs Python 3.11")
        else:
            yield f"extract {line}", lambda case=case: check(folder, bundle, case)
    yield "ridge.py", lambda: example_problems(folder)


if __name__ == "__main__":
    verdict.run(__doc__, cases)
