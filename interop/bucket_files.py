"""The buckets of the suite: which files they hold, written with nibabel.

`float32` holds unscaled betas with NaN, `int16` scaled betas on other grids. In `untabled` the trial
table of one session is missing. Everything is deterministic. What the oddities are for is said where
they are made.
"""

import csv
import gzip
import io
import zlib
from dataclasses import dataclass

import nibabel as nib
import numpy as np

GLMSINGLE = "derivatives/glmsingle-tedana"
SIZE = 16.0 / 9.0

# Anatomy is stored left-to-right reversed (LAS), so the first column points to the left.
LAS = np.array(
    [
        [-SIZE, 0.0, 0.0, 15.25],
        [0.0, SIZE, 0.0, -17.5],
        [0.0, 0.0, SIZE, -11.125],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
SHEARED = np.array(
    [
        [-1.75, 0.11, -0.05, 13.1],
        [0.12, 1.8, 0.21, -9.7],
        [0.03, -0.2, 1.7, -20.3],
        [0.0, 0.0, 0.0, 1.0],
    ]
)
TURNED = np.array(
    [
        [-SIZE * np.cos(0.3), -SIZE * np.sin(0.3), 0.0, 12.0],
        [-SIZE * np.sin(0.3), SIZE * np.cos(0.3), 0.0, -14.5],
        [0.0, 0.0, SIZE, 3.75],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


@dataclass(frozen=True)
class Space:
    """The two transforms of a header, each with its code, and the units."""

    sform: np.ndarray | None
    sform_code: int
    qform: np.ndarray | None
    qform_code: int
    units: tuple

    def put_into(self, header):
        header.set_zooms((SIZE,) * 3 + header.get_zooms()[3:])
        header.set_qform(self.qform, code=self.qform_code)
        header.set_sform(self.sform, code=self.sform_code)
        header.set_xyzt_units(*self.units)


EQUAL = Space(LAS, 1, LAS, 1, ("mm", "sec"))
DIFFERENT = Space(SHEARED, 4, TURNED, 1, ("mm", "unknown"))
QFORM_ONLY = Space(None, 0, TURNED, 2, ("mm", "msec"))
SFORM_ONLY = Space(SHEARED, 3, None, 0, ("mm", "sec"))


@dataclass(frozen=True)
class SubjectPlan:
    """What a subject of a bucket has on disk."""

    id: str
    shape: tuple
    space: Space
    # The number of volumes of each session; 0 for a session that is a trial table alone.
    sessions: dict
    trial_columns: tuple = ("session", "run", "beta_index", "label")
    without_trials: tuple = ()


@dataclass(frozen=True)
class BucketPlan:
    name: str
    subjects: tuple
    # Whether ROI labels keep the hyphens of the bucket.
    hyphens: bool
    line_end: str


PLANS = (
    BucketPlan(
        "float32",
        (
            SubjectPlan("sub-01", (17, 19, 13), EQUAL, {"ses-01": 24, "ses-02": 21, "ses-10": 0}),
            SubjectPlan("sub-03", (9, 23, 15), DIFFERENT, {"ses-01": 20, "ses-02": 17}),
        ),
        hyphens=True,
        line_end="\n",
    ),
    BucketPlan(
        "int16",
        (
            SubjectPlan("sub-01", (16, 11, 21), QFORM_ONLY, {"ses-01": 23, "ses-03": 18}),
            SubjectPlan(
                "sub-07",
                (23, 9, 15),
                SFORM_ONLY,
                {"ses-01": 19, "ses-02": 22, "ses-04": 13},
                trial_columns=("label", "run", "note", "session", "beta_index"),
            ),
        ),
        hyphens=False,
        line_end="\r\n",
    ),
    BucketPlan(
        "untabled",
        (
            SubjectPlan(
                "sub-01",
                (11, 9, 13),
                EQUAL,
                {"ses-01": 6, "ses-02": 5, "ses-03": 7},
                without_trials=("ses-02",),
            ),
        ),
        hyphens=False,
        line_end="\n",
    ),
)

ROIS = {
    "body": ["EBA", "FBA"],
    "character": ["VWFA-1", "mfs-words"],
    "face": ["FFA-1", "FFA-2", "OFA", "pSTS-faces"],
    "laion": ["laion-EVC", "laion-dorsal", "laion-general"],
    "motion": ["MT"],
    "object": ["OFA", "l-objects"],
    "place": ["OPA", "PPA"],
    "retinotopy": ["V1d", "V1v", "hV4"],
}

# Names with blanks, plus signs, dots, quotes, a blank before the extension, not ASCII; names that
# only look shared, or that a careless reader takes for a missing value.
SHARED = [
    "shared_12rep_LAION_cluster_1003_i0.jpg",
    "shared_12rep_LAION_cluster_3164_sorted-out_i0.jpg",
    "shared_12rep_THINGS+_kmeans_222_spring_roll.jpg",
    "shared_4rep_NSD_special100_10.jpg",
    "shared_4rep_NSD_special1000_100.jpg",
    "shared_4rep_OOD_shape_blob_round-01.png",
    "shared_4rep_OOD_unusual_Screenshot 2024-05-06 at 10.11.12.jpg",
    "shared_4rep_OOD_unusual_fruit-and-vegetables .jpg",
    "shared_4rep_OOD_\"quoted\", with comma.jpg",
    "shared_",
]
UNIQUE = [
    "unique_LAION_initial_cluster_1122_i20_{p}.jpg",
    "unique_LAION_new_cluster_373_i27_{p}.jpg",
    "unique_THINGS_whisk_{p}.jpg",
    "unique_THINGS+_mitten_{p}.jpg",
    "unique_\"half quoted_{p}.jpg",
    "unique_Straße_日本_{p}.jpg",
    "Shared_capital_{p}.jpg",
    " shared_leading blank_{p}.jpg",
    "NA",
]
# Shown, but not in the table of images.
UNLISTED = "unique_unlisted_{p}.jpg"


def random(*names):
    """A generator that is the same on every machine and different for every name."""
    return np.random.default_rng([zlib.crc32(name.encode()) for name in names])


def image_bytes(data, space, endian="<", scale=None, version=1):
    """An image as bytes. `scale` is (slope, inter) for stored integers or floats."""
    kinds = {1: (nib.Nifti1Header, nib.Nifti1Image), 2: (nib.Nifti2Header, nib.Nifti2Image)}
    header_class, image_class = kinds[version]
    header = header_class(endianness=endian)
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    space.put_into(header)
    image = image_class(data, None, header=header, dtype=data.dtype)
    space.put_into(image.header)
    raw = bytearray(image.to_bytes())
    if scale is not None:
        field = np.array(scale, dtype=endian + ("f4" if version == 1 else "f8"))
        place = 112 if version == 1 else 176
        raw[place : place + field.nbytes] = field.tobytes()
    return bytes(raw)


def packed_by_nibabel(data, space):
    """Floats in int16 with the slope and intercept that nibabel chooses."""
    image = nib.Nifti1Image(data, None)
    space.put_into(image.header)
    image.set_data_dtype(np.int16)
    return image.to_bytes()


def ellipsoid(shape, centre, radius):
    """The voxels within an ellipsoid, in fractions of the grid."""
    axes = [np.arange(length) / length for length in shape]
    grid = np.meshgrid(*axes, indexing="ij")
    return sum(((axis - c) / radius) ** 2 for axis, c in zip(grid, centre)) <= 1.0


class Writer:
    """Writes the files of one bucket."""

    def __init__(self, plan, root):
        self.plan = plan
        self.root = root

    def write(self):
        for subject in self.plan.subjects:
            self.masks(subject)
            self.maps(subject)
            self.rois(subject)
            for session, volumes in subject.sessions.items():
                if volumes:
                    self.betas(subject, session, volumes)
                if session not in subject.without_trials:
                    self.trials(subject, session, volumes or 9)
            # A directory with nothing in it is no session.
            (self.root / GLMSINGLE / subject.id / "ses-20" / "func").mkdir(parents=True)
        self.metadata()

    def put(self, relative, content):
        path = self.root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if relative.endswith(".gz"):
            content = gzip.compress(content, compresslevel=4, mtime=0)
        path.write_bytes(content)

    def draw(self, subject, *names):
        return random(self.plan.name, subject.id, *names)

    def masks(self, subject):
        """The anatomical mask, coarse and fine, in types that are not all 0 and 1."""
        stem = f"derivatives/anatomical/{subject.id}/ses-PrismaAnat/anat/{subject.id}_ses-PrismaAnat_space-T1w"
        brain = ellipsoid(subject.shape, (0.46, 0.52, 0.48), 0.38)
        if self.plan.name == "float32":
            content = image_bytes(brain.astype(np.uint8), subject.space)
        elif subject.id == "sub-01":
            # 3 * 0.5 - 1.5 is 0: outside the brain the stored value is 3, not 0.
            stored = np.where(brain, 5, 3).astype(np.int16)
            stored[brain & (self.draw(subject, "zero").random(subject.shape) < 0.1)] = 0
            content = image_bytes(stored, subject.space, endian=">", scale=(0.5, -1.5))
        else:
            values = np.where(brain, 0.5, 0.0)
            values[0, 0, 0] = np.nan
            values[0, 0, 1] = -0.0
            content = image_bytes(values, subject.space, version=2)
        self.put(f"{stem}_res-1pt8_desc-brain_mask.nii.gz", content)
        fine = tuple(2 * length - 5 for length in subject.shape)
        mask = ellipsoid(fine, (0.46, 0.52, 0.48), 0.4).astype(np.int32)
        self.put(f"{stem}_desc-brain_mask.nii.gz", image_bytes(mask, EQUAL))

    def maps(self, subject):
        """The mean R2 map and the noise ceilings over sessions and within each."""
        tree = f"{GLMSINGLE}/{subject.id}"
        draw = self.draw(subject, "maps")
        shape, space = subject.shape, subject.space
        stem = f"{tree}/{subject.id}_task-images_space-T1w"

        inside = ellipsoid(shape, (0.5, 0.5, 0.54), 0.37)
        r2 = np.where(inside, draw.normal(10.0, 8.0, shape), 0.0)
        place = np.argwhere(inside)
        r2[tuple(place[3])] = np.nan
        r2[tuple(place[7])] = -0.0
        if self.plan.name == "float32":
            # Not 0 in float64, but 0 once it is rounded to float32.
            r2[tuple(place[11])] = 1e-60
            content = image_bytes(r2, space)
        else:
            # 20 * 0.25 - 5 is 0.
            stored = np.where(inside, draw.integers(0, 200, shape), 20).astype(np.uint8)
            content = image_bytes(stored, space, scale=(0.25, -5.0))
        self.put(f"{stem}_stat-rsquare_desc-R2mean_statmap.nii.gz", content)

        def ceiling():
            values = np.clip(draw.normal(35.0, 20.0, shape), 0.0, 100.0)
            values[draw.random(shape) < 0.05] = np.nan
            values[draw.random(shape) < 0.05] = 30.0
            return values

        packed = np.nan_to_num(ceiling())
        self.put(f"{stem}_desc-Noiseceiling4rep_statmap.nii.gz", image_bytes(ceiling(), space))
        self.put(f"{stem}_desc-Noiseceiling12rep_statmap.nii.gz", packed_by_nibabel(packed, space))
        scaled = image_bytes((ceiling() * 10.0).astype(np.float32), space, ">", scale=(0.1, 0.3))
        self.put(f"{stem}_desc-NoiseceilingAllrep_statmap.nii.gz", scaled)
        for session in subject.sessions:
            if self.plan.name == "float32":
                content = image_bytes(ceiling().astype(np.float32), space)
            else:
                stored = draw.integers(0, 65536, shape).astype(np.uint16)
                content = image_bytes(stored, space, scale=(100.0 / 65535.0, 0.01))
            name = f"{subject.id}_{session}_task-images_space-T1w_desc-Noiseceiling_statmap.nii.gz"
            self.put(f"{tree}/{session}/func/{name}", content)

    def rois(self, subject):
        """ROIs in several types; files that are no volume on the functional grid lie beside them."""
        tree = f"derivatives/rois/{subject.id}"
        draw = self.draw(subject, "rois")
        general = np.zeros(subject.shape, dtype=bool)
        categories = dict(ROIS)
        if self.plan.name == "int16":
            # A subject may have the category which `visual` otherwise only stands for, and an ROI
            # may be named like a category.
            categories["visual"] = ["early"]
            categories["motion"] = ["MT", "place"]
        for category, labels in categories.items():
            for label in labels:
                # Some reach out of the brain.
                blob = ellipsoid(subject.shape, draw.uniform(0.2, 0.8, 3), draw.uniform(0.12, 0.25))
                if label.startswith("laion-"):
                    blob = general.copy() if label == "laion-general" else blob
                    general |= blob
                local = label if self.plan.hyphens else label.replace("-", "")
                name = f"{tree}/{category}/{subject.id}_space-T1w_res-1pt8_label-{local}_mask.nii.gz"
                self.put(name, self.roi(subject, category, label, blob, draw))
        # On another grid, as surfaces, or not ROIs at all: none of these makes an ROI.
        fine = np.ones(tuple(length + 2 for length in subject.shape), dtype=np.uint8)
        for name in (
            f"face/{subject.id}_space-T1w_res-1pt5_label-FFA3_mask.nii.gz",
            f"motion/{subject.id}_space-T1w_res-1pt5_label-MT_mask.nii.gz",
            "face/sub-99_space-T1w_res-1pt8_label-ATL_mask.nii.gz",
        ):
            self.put(f"{tree}/{name}", image_bytes(fine, EQUAL))
        surface = f"{subject.id}_hemi-L_space-fsnative_label-MST_mask.func.gii"
        self.put(f"{tree}/motion/{surface}", b"")
        self.put(f"{tree}/scene/{surface}", b"")
        self.put(f"{tree}/face/{subject.id}_space-T1w_res-1pt8_label-FFA1_mask.json", b"{}")

    def roi(self, subject, category, label, blob, draw):
        if label == "OPA":
            blob = np.zeros_like(blob)
        if label == "PPA":
            values = np.where(blob, draw.choice([0.5, -1.0, 1e-3], subject.shape), 0.0)
            values[blob & (draw.random(subject.shape) < 0.2)] = np.nan
            return image_bytes(values.astype(np.float32), subject.space)
        if label == "MT":
            return image_bytes((blob * -7).astype(np.int16), subject.space, endian=">")
        if (category, label) == ("object", "OFA"):
            return image_bytes((~blob).astype(np.uint8), subject.space, scale=(-1.0, 1.0))
        return image_bytes(blob.astype(np.uint8), subject.space)

    def betas(self, subject, session, volumes):
        draw = self.draw(subject, session, "betas")
        shape = subject.shape + (volumes,)
        name = f"{subject.id}_{session}_task-images_space-T1w_stat-effect_desc-SingletrialBetas_statmap.nii.gz"
        relative = f"{GLMSINGLE}/{subject.id}/{session}/func/{name}"
        brain = np.argwhere(ellipsoid(subject.shape, (0.48, 0.51, 0.5), 0.3))
        if self.plan.name == "int16":
            if session == "ses-01":
                # Neither number is exact in binary.
                stored = draw.integers(-32768, 32768, shape).astype(np.int16)
                stored[tuple(brain[5])] = 1234
                content = image_bytes(stored, subject.space, scale=(0.0123, -3.7))
            elif session == "ses-02":
                stored = draw.integers(-900, 900, shape).astype(np.int16)
                scale = (1.0 / 3.0, 1e-3)
                content = image_bytes(stored, subject.space, ">", scale=scale, version=2)
            else:
                content = packed_by_nibabel(draw.normal(0.2, 2.5, shape), subject.space)
            self.put(relative, content)
            return
        values = draw.normal(0.2, 2.5, shape).astype(np.float32)
        # NaN in all trials, in some, in all but one; no variance, exact in binary and not.
        values[:, :, : subject.shape[2] // 4, :] = np.nan
        values[draw.random(shape) < 0.01] = np.nan
        values[tuple(brain[2])][1:] = np.nan
        values[tuple(brain[4])] = 1.5
        values[tuple(brain[6])] = 0.1
        values[tuple(brain[8])] = np.where(np.arange(volumes) % 2, -0.0, 0.0)
        values[tuple(brain[9])] = np.float32(1e-42) * np.arange(volumes, dtype=np.float32)
        values[tuple(brain[10])] = np.float32(3e37) * draw.normal(0, 1, volumes).astype(np.float32)
        self.put(relative, image_bytes(values, subject.space))

    def labels(self, subject, session, trials):
        draw = self.draw(subject, session, "trials")
        own = [name.format(p="p" + subject.id[-2:]) for name in UNIQUE + [UNLISTED]]
        # Subjects share most of the shared images, not all, and unequally often.
        shared = [name for name in SHARED if draw.random() < 0.85]
        return [str(draw.choice(shared if draw.random() < 0.55 else own)) for _ in range(trials)]

    def trials(self, subject, session, trials):
        lines = ["\t".join(subject.trial_columns)]
        for row, label in enumerate(self.labels(subject, session, trials)):
            fields = {
                "session": session,
                "run": str(1 + row * 4 // trials),
                "beta_index": str(row),
                "label": label,
                "note": ["", "NA", " a \"b\" "][row % 3],
            }
            lines.append("\t".join(fields[column] for column in subject.trial_columns))
        name = f"{subject.id}_{session}_task-images_desc-SingletrialBetas_trials.tsv"
        relative = f"{GLMSINGLE}/{subject.id}/{session}/func/{name}"
        self.put(relative, ("\n".join(lines) + "\n").encode())

    def metadata(self):
        """The table of images, in an order of its own, with rows that nobody sees."""
        draw = random(self.plan.name, "metadata")
        datasets = ["NSD", "OOD", "THINGS, plus \"more\"", "NA", "None", "", "two\nlines", " blanks "]
        rows = [[name, "shared"] for name in SHARED]
        for subject in self.plan.subjects:
            names = [name.format(p="p" + subject.id[-2:]) for name in UNIQUE]
            rows += [[name, "unique"] for name in names if name != "NA"]
        rows += [["NA", "unique"], ["nobody_saw_this.jpg", "Shared"], ["nor this.jpg", ""]]
        draw.shuffle(rows)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator=self.plan.line_end)
        columns = ["image_name", "dataset", "participant", "unique_or_shared", "n_reps"]
        extra = self.plan.name == "int16"
        if extra:
            # No field of a TSV can hold a line break, and trials are also written as TSV.
            datasets.remove("two\nlines")
        writer.writerow(["extra"] * extra + columns)
        for row, (name, kind) in enumerate(rows):
            dataset = datasets[row % len(datasets)]
            reps = ["12rep", "4rep", "NA", "", "rep", "3"][row % 6]
            participant = "" if kind == "shared" else "sub-01"
            writer.writerow(["x,y"] * extra + [name, dataset, participant, kind, reps])
        self.put("stimuli/task-images_metadata.csv", text.getvalue().encode())
