"""Datasets of PyTorch against the accessors, nibabel and Pillow, in processes of every kind."""

from __future__ import annotations

import gc
import os
import pickle
import shutil
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from test_docstrings import documented, faults

import laion_fmri

pytestmark = pytest.mark.torch
torch = pytest.importorskip(
    "torch", reason="torch is not installed; `cargo xtask python --torch` runs these tests"
)
from laion_fmri.torch_data import LaionFMRIDataset  # noqa: E402

data = torch.utils.data


def same(left, right):
    """Bit for bit: betas may be NaN, which torch.equal takes for different."""
    return left.shape == right.shape and left.numpy().tobytes() == right.numpy().tobytes()


def test_the_docstring_has_all_sections():
    assert {name: faults(name, value) for name, value in documented("torch_data").items()} == {
        "torch_data.LaionFMRIDataset": [],
        "torch_data.LaionFMRIDataset.n_voxels": [],
    }


def test_block_of_the_page(sub):
    ds = sub.to_torch_dataset(session="ses-01", roi="visual")
    item = ds[0]  # dict with betas, image, ...
    assert list(item) == ["betas", "image", "image_name", "session", "rep_index"]
    assert isinstance(ds, data.Dataset) and len(ds) == 52


def test_items_are_those_of_the_files(sub, reference):
    ds = sub.to_torch_dataset("ses-01", roi="FFA1")
    betas = reference.betas("ses-01")[:, reference.roi("FFA-1")]
    labels = reference.labels("ses-01")
    stored = laion_fmri.load_stimuli().images
    assert ds.n_voxels == betas.shape[1]
    for index, item in enumerate(ds):
        assert item["betas"].dtype == torch.float32
        np.testing.assert_array_equal(item["betas"].numpy(), betas[index])
        shown = laion_fmri.as_displayed_rgb(Image.open(BytesIO(stored[labels[index]])))
        expected = np.asarray(shown, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
        assert item["image"].dtype == torch.float32 and item["image"].is_contiguous()
        np.testing.assert_array_equal(item["image"].numpy(), expected)
        assert item["image_name"] == labels[index] and item["session"] == "ses-01"
        assert item["rep_index"] == labels[:index].count(labels[index])
    assert index == 51


def test_options_select_what_they_select_elsewhere(sub):
    mask = np.zeros(sub.get_n_voxels(), dtype=bool)
    mask[5:15] = True
    for arguments in (
        {"mask": mask},
        {"nc_threshold": 20},
        {"roi": ["face", "place"], "mask_source": "rsquare"},
        {"stimuli": "shared"},
    ):
        ds = LaionFMRIDataset(sub, "ses-02", **arguments)
        expected = sub.get_betas("ses-02", **arguments)
        got = torch.stack([item["betas"] for item in ds]).numpy()
        assert got.tobytes() == expected.tobytes()
    chosen = [item["image_name"] for item in ds]
    assert chosen and all(name.startswith("shared_") for name in chosen)


def test_several_sessions_follow_each_other(sub):
    ds = sub.to_torch_dataset(["ses-02", "ses-01"], roi="FFA1")
    betas, rows = sub.concat_betas(["ses-02", "ses-01"], roi="FFA1")
    np.testing.assert_array_equal(torch.stack([item["betas"] for item in ds]).numpy(), betas)
    assert [item["session"] for item in ds] == rows["session"].tolist()
    with pytest.raises(ValueError, match="nc_threshold") as caught:
        sub.to_torch_dataset(["ses-01", "ses-02"], nc_threshold=20)
    assert "nc_desc" in caught.value.hint
    sub.to_torch_dataset(["ses-01", "ses-02"], nc_threshold=20, nc_desc="Noiseceiling12rep")


def test_sessions_without_betas_are_named(own):
    (betas,) = own.glob("derivatives/glmsingle-tedana/sub-03/ses-01/func/*SingletrialBetas_statmap.nii.gz")
    betas.unlink()
    sub = laion_fmri.load_subject("sub-03")
    said = "sub-03: betas of 1 of 2 sessions are on disk; left out: ses-01"
    with pytest.warns(UserWarning, match=said) as caught:
        ds = sub.to_torch_dataset("all", roi="FFA1")
    assert len(caught) == 1 and caught[0].filename == __file__
    assert ds.sessions == ["ses-02"] and len(ds) == 46
    # Every other warning is an error here, so there is none.
    assert sub.to_torch_dataset(2, roi="FFA1").sessions == ["ses-02"]


def test_a_column_of_repetitions_wins(sub, monkeypatch):
    table = sub.get_trial_info("ses-01")
    table["rep_index"] = range(7, 7 + len(table))
    monkeypatch.setattr(sub, "get_trial_info", lambda session: table)
    assert [item["rep_index"] for item in sub.to_torch_dataset("ses-01", roi="FFA1")][:2] == [7, 8]


def test_indices_and_arguments(sub):
    ds = sub.to_torch_dataset("ses-01", roi="FFA1")
    assert same(ds[-1]["betas"], ds[51]["betas"])
    assert ds[np.int64(3)]["image_name"] == ds[torch.tensor(3)]["image_name"]
    for index in (52, -53):
        with pytest.raises(IndexError):
            ds[index]
    with pytest.raises(TypeError, match="trial"):
        ds["3"]
    with pytest.raises(TypeError, match="image_transform"):
        sub.to_torch_dataset("ses-01", image_transform=3)
    with pytest.raises(TypeError, match="scratch_dir"):
        sub.to_torch_dataset("ses-01", scratch_dir=3)
    with pytest.raises(TypeError, match="subject must be a Subject"):
        LaionFMRIDataset("sub-03", "ses-01")
    with pytest.raises(ValueError, match="session is required"):
        sub.to_torch_dataset(None)
    before = ds[0]["betas"]
    ds[0]["betas"].add_(1)  # an item is a copy
    assert same(ds[0]["betas"], before)


def _small(image):
    return image[:, ::4, ::4]


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_workers_of_a_loader(sub, method):
    ds = sub.to_torch_dataset("ses-01", roi="FFA1", image_transform=_small)
    here = [ds[index] for index in range(len(ds))]
    loader = data.DataLoader(ds, batch_size=8, num_workers=2, multiprocessing_context=method)
    names = []
    for number, batch in enumerate(loader):
        some = here[number * 8 : number * 8 + 8]
        assert same(batch["betas"], torch.stack([item["betas"] for item in some]))
        assert same(batch["image"], torch.stack([item["image"] for item in some]))
        names += batch["image_name"]
    assert names == [item["image_name"] for item in here]
    # Workers that ended left the files to this process.
    assert ds[0]["image_name"] == names[0] and all(path.exists() for path in ds._paths)


@pytest.fixture
def large_images(tmp_path, mirror):
    """The mirror with images of a size that matters."""
    h5py = pytest.importorskip("h5py")
    folder = tmp_path / "large"
    shutil.copytree(mirror, folder, ignore=shutil.ignore_patterns("*_stimuli.h5"), symlinks=True)
    (table,) = (folder / "stimuli").glob("*images_metadata.csv")
    n_images = len(table.read_text().splitlines()) - 1
    drawn = np.random.default_rng(0)
    encoded = []
    for _ in range(3):
        coarse = drawn.integers(0, 256, (SIDE // 50, SIDE // 50, 3), dtype=np.uint8)
        file = BytesIO()
        Image.fromarray(coarse).resize((SIDE, SIDE)).save(file, "JPEG")
        encoded.append(np.frombuffer(file.getvalue(), dtype=np.uint8))
    with h5py.File(folder / "stimuli" / "task-images_stimuli.h5", "w") as file:
        images = file.create_dataset("images", n_images, dtype=h5py.vlen_dtype(np.uint8))
        for row in range(n_images):
            images[row] = encoded[row % len(encoded)]
    return folder


#: Pixels along each side, so that a decoded image takes 8 MiB.
SIDE = 850


def memory_of(pids):
    """MiB of some processes; what they share counts once."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            (line,) = (line for line in file if line.startswith("Pss:"))
        total += int(line.split()[1])
    return total / 1024


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps_rollup"), reason="memory is read on Linux")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_memory_is_flat_while_a_loader_works(large_images):
    ds = laion_fmri.Subject("sub-03", large_images).to_torch_dataset("ses-01", roi="FFA1")
    options = {"batch_size": 4, "shuffle": True, "num_workers": 2, "persistent_workers": True}
    loader = data.DataLoader(data.Subset(ds, range(24)), **options)
    taken = []
    for _ in range(16):
        for batch in loader:
            assert batch["image"].shape == (4, 3, SIDE, SIDE)
        del batch
        gc.collect()
        workers = [worker.pid for worker in loader._iterator._workers]
        assert len(workers) == 2
        taken.append(memory_of([os.getpid(), *workers]))
    # The first epochs fill what is used again. One image in each batch that is kept would be 384 MiB.
    assert max(taken[8:]) - max(taken[:8]) < 16, taken


def test_a_pickle_finds_the_files_by_their_path(sub):
    ds = sub.to_torch_dataset("ses-01", roi="FFA1")
    whole = len(pickle.dumps(ds))
    assert whole < 20_000, "a pickle holds paths and names, and no betas"
    again = pickle.loads(pickle.dumps(ds))
    assert again._paths == ds._paths and same(again[5]["betas"], ds[5]["betas"])
    assert repr(again) == repr(ds)


def test_a_copy_outlives_the_dataset(sub):
    ds = sub.to_torch_dataset("ses-01", roi="FFA1")
    expected, pickled = ds[5]["betas"], pickle.dumps(ds)
    del ds
    gc.collect()
    again = pickle.loads(pickled)
    assert not again._paths[0].exists()
    assert same(again[5]["betas"], expected) and again._paths[0].exists()


def test_files_go_with_the_dataset_and_only_in_its_process(sub, tmp_path):
    ds = sub.to_torch_dataset("ses-01", roi="FFA1", scratch_dir=tmp_path)
    (folder,) = tmp_path.glob("laion-fmri-*")
    child = os.fork()
    if child == 0:
        ds._finalizer()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(folder.glob("*.npy"))) == 1
    del ds
    gc.collect()
    assert list(tmp_path.glob("laion-fmri-*")) == []


def test_nothing_is_left_of_a_dataset_that_could_not_be_made(sub, tmp_path):
    with pytest.raises(ValueError, match="ROI"):
        sub.to_torch_dataset("ses-01", roi="nowhere", scratch_dir=tmp_path)
    gc.collect()
    assert list(tmp_path.glob("laion-fmri-*")) == []


def test_a_subclass_may_have_items_of_its_own(sub):
    class Pairs(LaionFMRIDataset):
        def __getitem__(self, index):
            item = super().__getitem__(index)
            return item["betas"], item["rep_index"]

    loader = data.DataLoader(Pairs(sub, "ses-01", roi="FFA1"), batch_size=4)
    betas, repetitions = next(iter(loader))
    assert betas.shape[0] == 4 and repetitions.dtype == torch.int64


def test_a_subset_and_a_sampler(sub):
    ds = sub.to_torch_dataset("ses-01", roi="FFA1", image_transform=_small)
    chosen = [9, 3, 3, 20, 1, 0, 9, 51, 50, 4, 7]
    (batch,) = data.DataLoader(data.Subset(ds, chosen), batch_size=16)
    assert batch["image_name"] == [ds[index]["image_name"] for index in chosen]
    assert batch["rep_index"].tolist() == [ds[index]["rep_index"] for index in chosen]


def test_images_of_several_sizes(sub, monkeypatch):
    ds = sub.to_torch_dataset("ses-01", roi="FFA1", image_transform=lambda image: image.mean())
    expected = [ds[index]["image"] for index in range(4)]
    real = type(sub)._stimuli

    class Each:
        def __init__(self, native):
            self._native = native

        def image_tensors(self, names):
            if len(names) > 1:
                raise laion_fmri.DataIntegrityError("images differ in size")
            return self._native.image_tensors(names)

    monkeypatch.setattr(type(sub), "_stimuli", lambda self: Each(real(self)))
    assert [item["image"] for item in ds.__getitems__([0, 1, 2, 3])] == expected


def test_without_images(tmp_path, mirror):
    shutil.copytree(mirror, tmp_path / "data", ignore=shutil.ignore_patterns("*_stimuli.h5"))
    laion_fmri.dataset_initialize(str(tmp_path / "data"))
    with pytest.raises(laion_fmri.StimuliNotDownloadedError):
        laion_fmri.load_subject("sub-03").to_torch_dataset("ses-01")
