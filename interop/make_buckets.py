#!/usr/bin/env python3
"""Writes small buckets with nibabel, and what every call has to answer about them.

    make_buckets.py OUT

Below OUT/buckets/<name> (float32, int16, untabled) this leaves the files of a mirror,
`expected/*.npy` and `cases.json`:

    {"cases": [{"call", "subject", <what is asked>, <what is expected>}, ...]}

What is asked has the names of the library's own arguments: `session`, `sessions`, `roi` (a list of
items), `mask` (bool over the voxel axis), `mask_source`, `nc_threshold`, `nc_desc`, `stimuli`,
`trials`. Names of arrays are relative to the bucket. All numbers are to be equal bit for bit (any
NaN equals any NaN), unless a case has a `tolerance`.
"""

import hashlib
import itertools
import json
import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

import bucket_files
from bucket_files import random
from bucket_reference import Choice, Reference, shared_betas, stimulus_metadata, zscore

SOURCES = ("anatomical", "rsquare")
DESCS = ("Noiseceiling4rep", "Noiseceiling12rep", "NoiseceilingAllrep")
QUERIES = [
    ["FFA1"],
    ["FFA-1"],
    ["face", "V1v"],
    ["(all - face) | MT & laion"],
    ["OPA"],
    ["PPA", "PPA"],
    [],
]


class Cases:
    """The cases of one bucket, and the arrays they name."""

    def __init__(self, root):
        self.root = root
        self.cases = []
        self.names = {}
        (root / "expected").mkdir()

    def array(self, values):
        """The name of a file with this array; equal arrays share one."""
        values = np.ascontiguousarray(values)
        content = f"{values.dtype}{values.shape}".encode() + values.tobytes()
        key = hashlib.sha256(content).digest()
        if key not in self.names:
            name = f"expected/{len(self.names):05}.npy"
            np.save(self.root / name, values)
            self.names[key] = name
        return self.names[key]

    def add(self, call, reference, asked, **expected):
        asked = {field: value for field, value in asked.items() if value is not None}
        if "mask" in asked:
            asked["mask"] = self.array(asked["mask"])
        subject = {"subject": reference.subject} if reference else {}
        self.cases.append({"call": call, **subject, **asked, **expected})

    def save(self):
        if not self.cases:
            raise SystemExit("no cases")
        text = json.dumps({"cases": self.cases}, indent=1, allow_nan=False, ensure_ascii=False)
        (self.root / "cases.json").write_text(text + "\n", encoding="utf-8")


def custom_masks(bucket, reference, source):
    """Masks over the voxel axis of a source: some voxels, and none."""
    size = int(reference.brain(source).sum())
    draw = random(bucket, reference.subject, source, "mask")
    return [draw.random(size) < 0.3, np.zeros(size, dtype=bool)]


def voxel_choices(bucket, reference):
    """The brain, ROIs and masks, under both sources and the default."""
    choices = [{"mask_source": source} for source in (*SOURCES, None)]
    choices += [
        {"roi": roi, "mask_source": source} for roi in QUERIES for source in SOURCES
    ]
    choices.append({"roi": QUERIES[2]})
    for source in SOURCES:
        masks = custom_masks(bucket, reference, source)
        choices += [{"mask": mask, "mask_source": source} for mask in masks]
    return choices


def random_queries(reference, count):
    """Expressions with all operators and nested parentheses."""
    draw = random("queries", reference.subject)
    names = ["all", *reference.roi_categories(), *reference.roi_names(), "pSTS-faces", "visual"]

    def expression(depth):
        if depth == 0 or draw.random() < 0.25:
            return str(draw.choice(names))
        sides = [expression(depth - 1) for _ in range(draw.integers(2, 4))]
        text = sides[0]
        for side in sides[1:]:
            text += f" {draw.choice(['|', '&', '-'])} {side}"
        return f"({text})" if draw.random() < 0.5 else text

    return [expression(3) for _ in range(count)]


def mask_cases(cases, reference):
    for source, resolution in (("anatomical", "1pt8"), ("anatomical", "full"), ("rsquare", "1pt8")):
        mask = reference.brain(source, resolution)
        asked = {"mask_source": source, "resolution": resolution}
        expected = cases.array(mask.ravel(order="C"))
        cases.add("brain_mask", reference, asked, shape=list(mask.shape), expected=expected)
    for source in SOURCES:
        count = int(reference.brain(source).sum())
        cases.add("n_voxels", reference, {"mask_source": source}, expected=count)


def roi_cases(cases, reference):
    for category in (None, *reference.roi_categories(), "scene", "no such category"):
        expected = reference.roi_names(category)
        cases.add("rois", reference, {"category": category}, expected=expected)
    cases.add("roi_categories", reference, {}, expected=reference.roi_categories())
    names = ["all", "visual", *reference.roi_categories(), *reference.roi_names()]
    algebra = [
        "face - FFA1",
        "face & OFA",
        "V1v | V1d",
        "OFA - OFA",
        "all - laion-general | FFA-1",
        "V1v | V1d & laion",
        "(V1v | V1d) & laion",
        "all - (face - (FFA1 | pSTS-faces))",
        "((FFA-2))",
        *random_queries(reference, 60),
    ]
    queries = [[name] for name in names + algebra]
    queries += [[], ["FFA1", "FFA2"], ["OFA", "face", "OFA"], ["V1v - laion", "MT & body", "EBA"]]
    for roi, source in itertools.product(queries, SOURCES):
        expected = cases.array(reference.roi_mask(roi, source))
        cases.add("roi_mask", reference, {"roi": roi, "mask_source": source}, expected=expected)
    several = ["pSTS-faces", "pSTSfaces", "face", "all - face", "visual"]
    for roi, source in itertools.product((several, algebra[:9], []), SOURCES):
        expected = [cases.array(reference.roi_mask([item], source)) for item in roi]
        cases.add("roi_masks", reference, {"roi": roi, "mask_source": source}, expected=expected)


def thresholds(reference, session):
    """No threshold, the session's own map, and maps over sessions; some of a value that occurs."""

    def occurring(path):
        values = reference.values(path)[reference.brain("anatomical")]
        values = values[np.isfinite(values)]
        return float(np.sort(values)[values.size // 2])

    asked = [{}, {"nc_threshold": 33.3}]
    asked.append({"nc_threshold": occurring(reference.ceiling_path(session, None))})
    for desc in DESCS:
        asked.append({"nc_threshold": occurring(reference.ceiling_path(None, desc)), "nc_desc": desc})
    return asked


def row_choices(n_volumes):
    trials = [None, [5, 0, 5, n_volumes - 1, 3], []]
    return [
        {"stimuli": stimuli, "trials": chosen}
        for stimuli, chosen in itertools.product((None, "shared", "unique"), trials)
    ]


def add_betas(cases, reference, asked):
    choice, session = Choice(**asked), asked["session"]
    cases.add(
        "betas",
        reference,
        asked,
        expected=cases.array(reference.betas(choice, session)),
        expected_trials=reference.rows(choice, session),
        expected_voxels=cases.array(reference.indices(choice, session).astype(np.int64)),
    )


def betas_cases(cases, bucket, reference, share):
    """Every combination of voxels, threshold and rows; of the later sessions every `share`th."""
    for number, session in enumerate(with_betas(reference)):
        n_volumes = reference.values(reference.betas_path(session)).shape[3]
        everything = itertools.product(
            voxel_choices(bucket, reference), thresholds(reference, session), row_choices(n_volumes)
        )
        step = 1 if number == 0 and share == 1 else 7
        for voxels, threshold, rows in itertools.islice(everything, 0, None, step):
            asked = {**voxels, **threshold, **rows}
            add_betas(cases, reference, {"session": session, **asked})


def with_betas(reference):
    return [
        session for session in reference.sessions() if reference.betas_path(session).is_file()
    ]


def joined_cases(cases, bucket, reference):
    """Several sessions, each on its own and below each other."""
    sessions = with_betas(reference)
    row_choices = [{}, {"stimuli": "shared"}, {"stimuli": "unique", "trials": [0, 2, 7, 11]}]
    everything = itertools.product(
        (sessions, sessions[::-1], [sessions[-1]]),
        voxel_choices(bucket, reference),
        thresholds(reference, sessions[0]),
        row_choices,
    )
    for names, voxels, threshold, rows in itertools.islice(everything, 0, None, 13):
        asked = {"sessions": names, **voxels, **threshold, **rows}
        choice = Choice(**asked)
        arrays = [reference.betas(choice, session) for session in names]
        expected = [cases.array(array) for array in arrays]
        cases.add("load_sessions", reference, asked, expected=expected)
        columns = [reference.chosen(choice, session) for session in names]
        trials = [reference.rows(choice, session) for session in names]
        if all(np.array_equal(columns[0], other) for other in columns):
            cases.add(
                "concat",
                reference,
                asked,
                expected=cases.array(np.concatenate(arrays)),
                expected_sessions=[s for s, rows in zip(names, trials) for _ in rows],
                expected_trials=sum(trials, []),
            )
        else:
            cases.add("concat", reference, asked, expected_error="VoxelAxis")


def ceiling_cases(cases, bucket, reference):
    which = [{"session": session} for session in reference.sessions()]
    which += [{"desc": desc} for desc in DESCS]
    for voxels in voxel_choices(bucket, reference):
        choice = Choice(**voxels)
        expected = []
        for one in which:
            values = reference.noise_ceiling(choice, **one)
            expected.append(cases.array(values))
            cases.add("noise_ceiling", reference, {**voxels, **one}, expected=expected[-1])
        asked = {**voxels, "which": which[::-1]}
        cases.add("noise_ceilings", reference, asked, expected=expected[::-1])
        coordinates = cases.array(reference.coordinates(choice))
        cases.add(
            "voxel_coordinates", reference, voxels, expected=coordinates, tolerance="1e-9 mm"
        )


def table_cases(cases, reference):
    cases.add("sessions", reference, {}, expected=reference.sessions())
    for session in reference.sessions():
        columns, rows = reference.trials(session)
        cases.add("trials", reference, {"session": session}, columns=columns, rows=rows)
    columns, table = reference.trial_table()
    cases.add("trial_table", reference, {}, columns=columns, rows=table)
    images = stimulus_metadata(reference.root)
    for kind in (None, "shared", "unique"):
        count = sum(kind in (None, image["unique_or_shared"]) for image in images)
        cases.add("n_stimuli", reference, {"stimuli": kind}, expected=count)


def zscore_cases(cases, bucket, reference):
    sessions = with_betas(reference)
    choices = [{}, {"roi": ["face"]}, {"roi": ["all"], "mask_source": "rsquare"}]
    for asked in choices:
        choice = Choice(**asked)
        betas = np.concatenate([reference.betas(choice, session) for session in sessions])
        runs, owners = [], []
        for session in sessions:
            columns, rows = reference.trials(session)
            runs += [f"{session} {row[columns.index('run')]}" for row in rows]
            owners += [session] * len(rows)
        draw = random(bucket, reference.subject, "fit")
        alone = np.zeros(len(betas), dtype=bool)
        alone[1] = True
        fits = [None, draw.random(len(betas)) < 0.5, alone]
        groups = {"all": [""] * len(betas), "session": owners, "run": runs}
        everything = itertools.product(groups.items(), (0, 1), (True, False), fits)
        for (within, labels), ddof, omit, fit in everything:
            rows = np.ones(len(betas), dtype=bool) if fit is None else fit
            scores, report = zscore(betas, labels, ddof, omit, rows)
            cases.add(
                "zscore",
                reference,
                {**asked, "sessions": sessions, "within": within, "groups": labels},
                ddof=ddof,
                nan="omit" if omit else "propagate",
                fit=None if fit is None else cases.array(fit),
                expected=cases.array(scores),
                report=report,
                tolerance="1e-6 relative",
            )


def group_cases(cases, references):
    sessions = [set(with_betas(reference)) for reference in references]
    first = sorted(set.intersection(*sessions))
    choices = [
        {},
        {"roi": ["face"]},
        {"roi": ["all - face"], "mask_source": "rsquare"},
        {"roi": ["FFA1"], "nc_threshold": 30.0, "nc_desc": "Noiseceiling4rep"},
        {"nc_threshold": 20.0, "nc_desc": "NoiseceilingAllrep"},
        {"roi": ["OPA"]},
    ]
    for names, choice in itertools.product((first, first[::-1], first[:1]), choices):
        images, answers = shared_betas(references, Choice(**choice), names)
        if not images:
            raise SystemExit("the subjects have no image in common")
        asked = {"subjects": [reference.subject for reference in references], "sessions": names}
        expected = {
            subject: {"betas": cases.array(betas), "repeats": repeats}
            for subject, (betas, repeats) in answers.items()
        }
        cases.add("shared_betas", None, {**asked, **choice}, images=images, expected=expected)


def written_cases(cases, bucket, reference):
    """Files that Rust writes, and how nibabel has to find them."""
    draw = random(bucket, reference.subject, "values")
    for number, voxels in enumerate(voxel_choices(bucket, reference)):
        choice = Choice(**voxels)
        brain = reference.brain(choice.mask_source)
        values = draw.normal(size=reference.indices(choice).size).astype(np.float32)
        values[3:8:2] = np.nan
        values[1:2] = -0.0
        volume = np.zeros(brain.size, dtype=np.float32)
        volume[reference.indices(choice)] = values
        suffix = "nii" if number % 4 == 3 else "nii.gz"
        cases.add(
            "to_nifti",
            reference,
            voxels,
            values=cases.array(values),
            output=f"written/{reference.subject}_values-{number:02}.{suffix}",
            like=relative(reference, reference.brain_path(choice.mask_source)),
            expected=cases.array(volume.reshape(brain.shape)),
        )
    masks = [("anatomical", "1pt8", None), ("anatomical", "full", None), ("rsquare", "1pt8", None)]
    masks += [(source, "1pt8", roi) for source in SOURCES for roi in (["all"], ["face - OFA"], [])]
    for number, (source, resolution, roi) in enumerate(masks):
        volume = reference.brain(source, resolution)
        if roi is not None:
            volume = volume & reference.roi_grid(roi)
        cases.add(
            "write_mask",
            reference,
            {"mask_source": source, "resolution": resolution, "roi": roi},
            output=f"written/{reference.subject}_mask-{number:02}.nii.gz",
            like=relative(reference, reference.brain_path(source, resolution)),
            expected=cases.array(volume.astype(np.uint8)),
        )


def relative(reference, path):
    return path.relative_to(reference.root).as_posix()


def options(cases, asked):
    """The arguments of a command for what is asked."""
    arguments = []
    for field, value in asked.items():
        if value is None:
            continue
        arguments.append("--" + field.replace("_", "-"))
        if field == "roi":
            arguments += value
        elif field == "mask":
            arguments.append(cases.array(value))
        elif field == "trials":
            arguments.append(",".join(str(trial) for trial in value))
        else:
            arguments.append(str(value))
    return arguments


def command_cases(cases, bucket, reference):
    """Commands whose outputs numpy, nibabel, pandas and the csv module read."""
    subject = reference.subject
    sessions = with_betas(reference)
    number = itertools.count()

    def add(command, arguments, name, **expected):
        output = f"written/cli/{subject}_{next(number):03}_{name}"
        arguments = [*command, "--subject", subject, *arguments, "-o", output]
        cases.add("command", reference, {"arguments": arguments}, output=output, **expected)

    everything = itertools.product(
        voxel_choices(bucket, reference), thresholds(reference, sessions[0]), row_choices(6)
    )
    for voxels, threshold, rows in itertools.islice(everything, 0, None, 61):
        asked = {**voxels, **threshold, **rows}
        if asked.get("roi") == [] or asked.get("trials") == []:
            continue  # nothing, which no command line can ask for
        choice, given = Choice(**asked), options(cases, asked)
        betas = {session: reference.betas(choice, session) for session in sessions}
        if not all(array.size for array in betas.values()):
            continue  # nothing is left, which the command refuses
        arrays = {session: cases.array(array) for session, array in betas.items()}
        one = ["--session", sessions[0]]
        add(["betas"], one + given, "betas.npy", expected=arrays[sessions[0]])
        add(["betas"], ["--session", *sessions, *given], "betas.npz", arrays=arrays)
        files = {f"{session}.npy": array for session, array in arrays.items()}
        add(["betas"], ["--session", *sessions, *given], "betas/", files=files)
    for voxels in voxel_choices(bucket, reference)[::2]:
        choice = Choice(**voxels)
        if voxels.get("roi") == [] or not reference.indices(choice).size:
            continue
        given = options(cases, voxels)
        brain = reference.brain(choice.mask_source)
        like = relative(reference, reference.brain_path(choice.mask_source))
        coordinates = cases.array(reference.coordinates(choice))
        add(["coordinates"], given, "mm.npy", expected=coordinates, tolerance="1e-9 mm")
        ceiling = reference.noise_ceiling(choice, desc=DESCS[1])
        add(["noise-ceiling", "--desc", DESCS[1]], given, "nc.npy", expected=cases.array(ceiling))
        maps = {s: cases.array(reference.noise_ceiling(choice, session=s)) for s in sessions}
        add(["noise-ceiling", "--session", *sessions], given, "nc.npz", arrays=maps)
        volume = np.zeros(brain.size, dtype=np.float32)
        volume[reference.indices(choice)] = ceiling
        expected = cases.array(volume.reshape(brain.shape))
        values = cases.array(ceiling)
        add(["to-nifti", values], given, "values.nii.gz", expected=expected, like=like)
        names = [f"v{index}" for index in reference.indices(choice)]
        betas = cases.array(reference.betas(choice, sessions[0]))
        one = ["--session", sessions[0], *given]
        add(["betas"], one, "betas.csv", columns=names, expected=betas)
        column = cases.array(ceiling[:, np.newaxis])
        desc = ["noise-ceiling", "--desc", DESCS[1]]
        add(desc, given, "nc.csv", columns=["noise_ceiling"], expected=column)
        near = {"expected": coordinates, "tolerance": "1e-9 mm"}
        add(["coordinates"], given, "mm.csv", columns=["x", "y", "z"], **near)
        if choice.mask is not None:
            continue
        if choice.roi is None:
            mask, grid = brain.ravel(order="C"), brain
        else:
            mask = reference.roi_mask(choice.roi, choice.mask_source)
            grid = brain & reference.roi_grid(choice.roi)
        add(["mask"], given, "mask.npy", expected=cases.array(mask))
        volume = cases.array(grid.astype(np.uint8))
        add(["mask"], given, "mask.nii.gz", expected=volume, like=like)
    full = reference.brain("anatomical", "full").ravel(order="C")
    add(["mask"], ["--res", "full"], "mask.npy", expected=cases.array(full))
    for names in ([], [sessions[0]], sessions[::-1]):
        columns, rows = trial_columns(reference, names or reference.sessions())
        for extension in ("csv", "tsv", "json"):
            texts = [cell for row in rows for cell in row if cell is not None]
            if extension == "tsv" and any("\n" in text for text in texts):
                continue  # no field of a TSV can hold a line break
            given = ["--session", *names] if names else []
            given += ["--format", extension]
            add(["trials"], given, f"trials.{extension}", columns=columns, rows=rows)


DERIVED = {
    "session_trial": "session_trial",
    "image_name": "image_name",
    "stim_idx": "stim_idx",
    "unique_or_shared": "unique_or_shared",
    "dataset": "dataset",
    "n_reps_planned": "planned_repetitions",
    "n_reps_actual": "actual_repetitions",
    "repetition": "repetition",
}


def trial_columns(reference, sessions):
    """The trials of these sessions as text with the derived columns; None for a missing cell."""
    columns, table = reference.trial_table()
    rows = []
    for session in sessions:
        for row in table:
            if row["session"] == session:
                derived = [row[field] for field in DERIVED.values()]
                texts = [None if value is None else str(value) for value in derived]
                rows.append(row["fields"] + texts)
    return columns + list(DERIVED), rows


def untabled_cases(cases, reference, without_trials):
    """A session without a trial table: its betas are read, and nothing is joined with its trials."""
    for session in without_trials:
        for rows in ({}, {"trials": [1, 3]}):
            add_betas(cases, reference, {"session": session, "roi": ["face"], **rows})
    missing = [relative(reference, reference.trials_path(session)) for session in without_trials]
    cases.add("missing_table", reference, {}, expected=missing)


def make(root, plan):
    bucket_files.Writer(plan, root).write()
    cases = Cases(root)
    references = [Reference(root, subject.id) for subject in plan.subjects]
    if plan.name == "untabled":
        for reference, subject in zip(references, plan.subjects):
            untabled_cases(cases, reference, subject.without_trials)
        cases.save()
        return Counter(case["call"] for case in cases.cases)
    for share, reference in enumerate(references, start=1):
        mask_cases(cases, reference)
        roi_cases(cases, reference)
        betas_cases(cases, plan.name, reference, share)
        joined_cases(cases, plan.name, reference)
        ceiling_cases(cases, plan.name, reference)
        table_cases(cases, reference)
        zscore_cases(cases, plan.name, reference)
        written_cases(cases, plan.name, reference)
        command_cases(cases, plan.name, reference)
    group_cases(cases, references)
    cases.save()
    return Counter(case["call"] for case in cases.cases)


def main(out):
    # Statistics of nothing are NaN, which is what they are expected to be.
    warnings.simplefilter("ignore", RuntimeWarning)
    folder = out / "buckets"
    if folder.exists():
        shutil.rmtree(folder)
    total = Counter()
    for plan in bucket_files.PLANS:
        root = folder / plan.name
        root.mkdir(parents=True)
        total += make(root, plan)
    counts = ", ".join(f"{call} {count}" for call, count in total.items())
    print(f"{sum(total.values())} cases in {folder}: {counts}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
