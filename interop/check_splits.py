#!/usr/bin/env python3
"""Derives the random train/test splits with numpy, and compares them with the bundle.

    check_splits.py OUT

Nothing of the Rust code takes part: the bundle of crates/splits is decoded here after the
description of its format (crates/splits/src/bundle.rs), the test sets of both revisions are
drawn with numpy.random.default_rng, and the vectors that the tests of the Rust generator use
(xtask/splits/vectors.json) are compared with what numpy gives. OUT is not used. The last line
is a summary in the form of Rust's own test runner; the exit status is 1 if a case failed.
"""

import csv
import hashlib
import json
import struct
import zlib
from pathlib import Path

import numpy as np

import verdict

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "xtask" / "splits"
POOLS = ["shared", "sub-01", "sub-03", "sub-05", "sub-06", "sub-07"]
SPLITS = (
    [("r1", f"random_{i}") for i in range(5)]
    + [("r1", f"cluster_k5_{i}") for i in range(5)]
    + [("r1", "tau")]
    + [("r2", f"random_{i}") for i in range(5)]
)
FOLDS = 5


class Bundle:
    """The names, the members of each pool and the test images of each split."""

    def __init__(self, data):
        magic, version, n, pools, columns, length, text, digest = struct.unpack_from("<8s6I32s", data)
        assert (magic, version, pools, columns) == (b"LFSPLITS", 1, len(POOLS), len(SPLITS))
        payload = zlib.decompress(data[64 + text :])
        assert len(payload) == length and hashlib.sha256(payload).digest() == digest
        self.payload, self.position = payload, 0
        common, added = self.take(n), self.take(n)
        self.names, before = [], b""
        for shared, count in zip(common, added):
            before = before[:shared] + self.take(count)
            self.names.append(before.decode("utf-8"))
        self.members = {pool: self.chosen(self.names) for pool in POOLS}
        self.ood = self.chosen(self.names)
        self.test = {
            (revision, pool, split): self.chosen(self.members[pool])
            for pool in POOLS
            for revision, split in SPLITS
        }

    def take(self, count):
        self.position += count
        return self.payload[self.position - count : self.position]

    def chosen(self, names):
        """The names whose bits are set in the next column."""
        column = np.frombuffer(self.take((len(names) + 7) // 8), dtype=np.uint8)
        bits = np.unpackbits(column, bitorder="little")
        assert not bits[len(names) :].any()
        return [name for name, bit in zip(names, bits) if bit]


def sha256(texts, separator):
    return hashlib.sha256(separator.join(texts).encode("utf-8")).hexdigest()


def draw(members, seed):
    """Revision r1: a fifth of the pool, without replacement."""
    size = round(0.2 * len(members))
    places = np.random.default_rng(seed).choice(len(members), size, replace=False)
    return sorted(members[place] for place in places)


def partition(members, moves):
    """Revision r2: the folds of a shuffled pool, after the moves."""
    order = list(members)
    np.random.default_rng(42).shuffle(order)
    fold_of = {}
    for fold, part in enumerate(np.array_split(np.array(order, dtype=object), FOLDS)):
        fold_of.update((name, fold) for name in part)
    for name, old, new in moves:
        assert fold_of[name] == old, name
        fold_of[name] = new
    return [sorted(name for name in members if fold_of[name] == fold) for fold in range(FOLDS)]


def read_moves():
    with open(RECORDS / "moves.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {
        pool: [
            (row["image_name"], int(row["old_fold"]), int(row["new_fold"]))
            for row in rows
            if row["pool"] == pool
        ]
        for pool in POOLS
    }


def vector_cases(vectors):
    """Pairs of a title and whether the recorded vector is what numpy gives."""
    state = np.random.SeedSequence(vectors["seed_sequence"]["seed"]).generate_state(4, np.uint64)
    yield "seed sequence", [f"{word:016x}" for word in state] == vectors["seed_sequence"]["state"]
    pcg = vectors["pcg64"]
    bits = np.random.default_rng(pcg["seed"]).bit_generator
    got = bits.state["state"]
    yield "pcg64 state", (f"{got['state']:032x}", f"{got['inc']:032x}") == (pcg["state"], pcg["inc"])
    yield "pcg64 draws", [f"{word:016x}" for word in bits.random_raw(4)] == pcg["next64"]
    for vector in vectors["shuffle"]:
        order = list(range(vector["n"]))
        np.random.default_rng(vector["seed"]).shuffle(order)
        same = order[: len(vector["starts"])] == vector["starts"]
        yield f"shuffle of {vector['n']}", same and sha256(map(str, order), ",") == vector["sha256"]
    for vector in vectors["choice"]:
        generator = np.random.default_rng(vector["seed"])
        chosen = sorted(generator.choice(vector["n"], vector["size"], replace=False).tolist())
        title = f"choice of {vector['size']} out of {vector['n']}, seed {vector['seed']}"
        yield title, sha256(map(str, chosen), ",") == vector["sha256"]


def split_cases(bundle, moves):
    """Pairs of a title and whether the test images are those that numpy draws."""
    yield "sorted names", bundle.names == sorted(bundle.names, key=lambda name: name.encode("utf-8"))
    for pool in POOLS:
        members = bundle.members[pool]
        folds = partition(members, moves[pool])
        for i in range(FOLDS):
            name = f"random_{i}"
            yield f"r1 {pool} {name}", bundle.test["r1", pool, name] == draw(members, i)
            yield f"r2 {pool} {name}", bundle.test["r2", pool, name] == folds[i]


def list_cases(bundle):
    """Pairs of a title and whether a list has its recorded digest."""
    with open(RECORDS / "digests.tsv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            members = bundle.members[row["pool"]]
            if row["split"] == "ood":
                test, train = bundle.ood, members
            else:
                test = bundle.test[row["revision"], row["pool"], row["split"]]
                inside = set(test)
                train = [name for name in members if name not in inside]
            names = {"train": train, "test": test}[row["set"]]
            title = " ".join(row[key] for key in ("revision", "pool", "split", "set"))
            yield title, (len(names), sha256(names, "\n")) == (int(row["n"]), row["sha256"])


def cases(_out):
    bundle = Bundle((ROOT / "crates/splits/data/splits.bundle").read_bytes())
    vectors = json.loads((RECORDS / "vectors.json").read_text(encoding="utf-8"))
    for title, same in [*vector_cases(vectors), *split_cases(bundle, read_moves()), *list_cases(bundle)]:
        yield title, [] if same else ["differs"]


if __name__ == "__main__":
    verdict.run(__doc__, cases)
