#!/usr/bin/env python3
"""The Python side of `cargo xtask bench python`, run where the module is installed.

    bench_python.py write MIRROR STIMULI VOLUMES   writes a session at full grid with its images, once
    bench_python.py time MIRROR CACHE              times cases that standard input names
    bench_python.py memory MIRROR CACHE CASE       prints MiB that a case takes beyond its result

STIMULI is the folder of bench_stimuli.py. `time` reads the name of a case per line, does its work once
and answers with the seconds that it took, or with a number that is no time. Cases that end in `_theirs`
are what a program without the module does: gzip, nibabel, h5py, Pillow, a Dataset of PyTorch.
"""

import csv
import gc
import gzip
import io
import json
import os
import shutil
import sys
import time
from pathlib import Path

import h5py
import nibabel as nib
import numpy as np
from bench_nifti import brain, header, level_1, write_betas
from PIL import Image

import laion_fmri
from laion_fmri import _paths

try:
    import torch
    from torch.utils.data import DataLoader, Dataset
except ImportError:
    torch, Dataset = None, object

SUBJECT, SESSION, ROI, MODEL = "sub-01", "ses-01", "FFA1", "CLIP"
ROI_VOXELS = 222
#: The other ROIs of the subject, as many as a subject of the dataset has.
OTHER_ROIS = 39
#: The images of bench_stimuli.py.
IMAGES = 500
MIB = 2**20


def write(mirror, stimuli, volumes):
    done = mirror / "made"
    wanted = f"{volumes} volumes, {OTHER_ROIS} other ROIs"
    if done.is_file() and done.read_text() == wanted:
        return
    shutil.rmtree(mirror, ignore_errors=True)
    inside = brain()
    roi = np.zeros_like(inside)
    roi[tuple(np.argwhere(inside)[100_000 : 100_000 + ROI_VOXELS].T)] = True
    anatomy = _paths.anatomical_subject_dir(mirror, SUBJECT)
    mask = anatomy / f"{SUBJECT}_ses-PrismaAnat_space-T1w_res-1pt8_desc-brain_mask.nii.gz"
    rois = _paths.rois_subject_dir(mirror, SUBJECT)
    labels = {ROI: "face"} | {f"other{number}": f"category{number % 8}" for number in range(OTHER_ROIS)}
    masks = {mask: inside}
    for label, category in labels.items():
        masks[rois / category / f"{SUBJECT}_space-T1w_res-1pt8_label-{label}_mask.nii.gz"] = roi
    for path, voxels in masks.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with level_1(path) as file:
            file.write(header(voxels.shape, np.uint8))
            file.write(voxels.astype(np.uint8).tobytes(order="F"))
    write_betas(_paths.betas_path(mirror, SUBJECT, SESSION), volumes, inside, 1, level_1)
    _paths.stimuli_dir_path(mirror).mkdir(parents=True)
    with h5py.File(stimuli / "embeddings_contiguous.h5") as file:
        names = list(file["image_ids"].asstr()[:IMAGES])
    shutil.copyfile(stimuli / "embeddings_contiguous.h5", _paths.embeddings_path(mirror, MODEL))
    shutil.copyfile(stimuli / "images.h5", _paths.stimuli_path(mirror))
    lines = ["image_name,dataset,participant,unique_or_shared,n_reps"]
    lines += [f"{name},LAION-natural,,shared,12rep" for name in names]
    _paths.stimuli_metadata_path(mirror).write_text("\n".join(lines) + "\n")
    drawn = np.random.default_rng(2)
    lines = ["session\trun\tbeta_index\tlabel"]
    for index in range(volumes):
        lines.append(f"{SESSION}\t{index * 12 // volumes + 1}\t{index}\t{drawn.choice(names)}")
    _paths.trials_path(mirror, SUBJECT, SESSION).write_text("\n".join(lines) + "\n")
    done.write_text(wanted)


class Theirs(Dataset):
    """A dataset as a program without the module writes it: betas in memory, images by h5py and Pillow."""

    def __init__(self, cases):
        mask = cases.mask().ravel()
        data = np.asanyarray(nib.load(cases.betas).dataobj)
        chosen = np.flatnonzero(mask)[cases.subject().get_roi_mask(ROI)]
        self.betas = data.reshape(-1, data.shape[3])[chosen].T.copy()
        self.labels, self.rows, self.path = cases.labels(), cases.image_rows(), cases.images
        self.file = None

    def __len__(self):
        return len(self.betas)

    def __getitem__(self, index):
        if self.file is None:
            self.file = h5py.File(self.path)
        label = self.labels[index]
        encoded = self.file["images"][self.rows[label]].tobytes()
        pixels = np.array(Image.open(io.BytesIO(encoded)).convert("RGB"))
        image = torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float().div_(255)
        return {
            "betas": torch.from_numpy(self.betas[index]),
            "image": image,
            "image_name": label,
            "session": SESSION,
            "rep_index": self.labels[:index].count(label),
        }


class Cases:
    """What is timed."""

    def __init__(self, mirror, cache):
        self.mirror, self.cache = mirror, cache
        os.environ["LAION_FMRI_CACHE"] = str(cache)
        self.betas = _paths.betas_path(mirror, SUBJECT, SESSION)
        self.images = _paths.stimuli_path(mirror)
        self.warm = self.subject()
        self.loaders = {}

    def run(self, name):
        self.prepare(name)
        gc.collect()
        started = time.perf_counter()
        result = getattr(self, name)()
        took = time.perf_counter() - started
        return result if isinstance(result, int) else took

    def prepare(self, name):
        """What a case needs, and is not timed."""
        prepare = getattr(self, f"before_{name}", None)
        if prepare is not None:
            prepare()

    # -- what both sides need ------------------------------------------------------------------------

    def subject(self):
        return laion_fmri.Subject(SUBJECT, self.mirror)

    def mask(self):
        anatomy = _paths.anatomical_subject_dir(self.mirror, SUBJECT)
        (path,) = anatomy.glob("**/*res-1pt8_desc-brain_mask.nii.gz")
        return np.asanyarray(nib.load(path).dataobj) != 0

    def labels(self):
        with open(_paths.trials_path(self.mirror, SUBJECT, SESSION), newline="") as file:
            return [row["label"] for row in csv.DictReader(file, delimiter="\t")]

    def image_rows(self):
        with open(_paths.stimuli_metadata_path(self.mirror), newline="") as file:
            return {row["image_name"]: number for number, row in enumerate(csv.DictReader(file))}

    # -- betas ---------------------------------------------------------------------------------------

    def before_roi_first(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def roi_first(self):
        return self.subject().get_betas(SESSION, roi=ROI)

    def roi_index(self):
        return self.subject().get_betas(SESSION, roi=ROI)

    def roi_theirs(self):
        """The streaming loop: one volume after the other through the gzip module."""
        mask = self.mask()
        (path,) = _paths.rois_subject_dir(self.mirror, SUBJECT).glob(f"*/*label-{ROI}_mask.nii.gz")
        chosen = np.flatnonzero(((np.asanyarray(nib.load(path).dataobj) != 0) & mask).ravel(order="F"))
        image = nib.load(self.betas)
        size = int(np.prod(image.shape[:3])) * 4
        rows = np.empty((image.shape[3], len(chosen)), np.float32)
        with gzip.open(self.betas) as file:
            file.read(int(image.header["vox_offset"]) or 352)
            for row in rows:
                row[:] = np.frombuffer(file.read(size), "<f4")[chosen]
        return rows

    def roi_call(self):
        """With everything open and indexed: what is left is the call."""
        return self.warm.get_betas(SESSION, roi=ROI)

    before_brain_first = before_roi_first

    def brain_first(self):
        return self.subject().get_betas(SESSION)

    def brain(self):
        return self.subject().get_betas(SESSION)

    def brain_theirs(self):
        mask = self.mask()
        return nib.load(self.betas).get_fdata(dtype=np.float32)[mask].T.copy()

    # -- images --------------------------------------------------------------------------------------

    def embeddings(self):
        return self.subject().embeddings.all(MODEL, session=SESSION)

    def embeddings_theirs(self):
        with h5py.File(_paths.embeddings_path(self.mirror, MODEL)) as file:
            rows = {name: row for row, name in enumerate(file["image_ids"].asstr()[:])}
            return file["embedding"][:][[rows[label] for label in self.labels()]]

    def pixels(self):
        return self.subject().images.array(session=SESSION)

    def pixels_theirs(self):
        rows = self.image_rows()
        with h5py.File(self.images) as file:
            encoded = [file["images"][rows[label]].tobytes() for label in self.labels()]
        first = Image.open(io.BytesIO(encoded[0]))
        pixels = np.empty((len(encoded), first.height, first.width, 3), np.uint8)
        for image, one in zip(pixels, encoded, strict=True):
            image[:] = np.asarray(Image.open(io.BytesIO(one)).convert("RGB"))
        return pixels

    def differing_pixels(self):
        """How many values are not those of Pillow."""
        return int((self.pixels() != self.pixels_theirs()).sum())

    # -- loading for training ------------------------------------------------------------------------

    def loader(self):
        return self.epoch("ours")

    def loader_theirs(self):
        return self.epoch("theirs")

    def before_loader(self):
        self.start("ours")

    def before_loader_theirs(self):
        self.start("theirs")

    def start(self, whose):
        """The loader with its workers running, as in every epoch but the first."""
        if whose not in self.loaders:
            ours = whose == "ours"
            dataset = self.subject().to_torch_dataset(SESSION, roi=ROI) if ours else Theirs(self)
            options = {"num_workers": 2, "shuffle": True, "persistent_workers": True}
            self.loaders[whose] = DataLoader(dataset, batch_size=8, **options)
            self.epoch(whose)

    def epoch(self, whose):
        for batch in self.loaders[whose]:
            assert batch["image"].shape[1] == 3

    def has_torch(self):
        return int(torch is not None)


def peak():
    """The most memory of this process, in bytes."""
    with open("/proc/self/status") as file:
        (line,) = (line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def shared_fairly(pids):
    """The memory of some processes, in bytes; what they share counts once."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            (line,) = (line for line in file if line.startswith("Pss:"))
        total += int(line.split()[1]) * 1024
    return total


def memory(cases, name):
    if name == "loader":
        # What six epochs leave behind that the five before did not: by then each process has the memory
        # that it reuses for its batches.
        cases.start("ours")
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        pids = [os.getpid(), *map(int, children)]
        for _ in range(4):
            cases.epoch("ours")
        gc.collect()
        before = shared_fairly(pids)
        for _ in range(6):
            cases.epoch("ours")
        gc.collect()
        return (shared_fairly(pids) - before) / MIB
    cases.prepare(name)
    # Linux sets the peak back to what is in use.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    result = getattr(cases, name)()
    return (peak() - before - result.nbytes) / MIB


def main(command, *arguments):
    if command == "write":
        mirror, stimuli, volumes = arguments
        write(Path(mirror), Path(stimuli), int(volumes))
        return
    mirror, cache, *rest = arguments
    cases = Cases(Path(mirror), Path(cache))
    if command == "memory":
        print(json.dumps(memory(cases, *rest)))
        return
    for line in sys.stdin:
        print(cases.run(line.strip()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
