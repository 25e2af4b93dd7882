"""The stimulus side by name and by trial, against h5py, pandas and Pillow."""

from __future__ import annotations

import itertools
from io import BytesIO

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import laion_fmri
from laion_fmri import _paths, as_displayed_rgb

pytestmark = pytest.mark.filterwarnings("ignore:.*marked as not valid")

MODELS = ["CLIP", "DINOv2", "PEcore", "SigLIP2"]
TEXTS = {"keep_default_na": False, "na_filter": False}


@pytest.fixture
def stim(configured):
    return laion_fmri.load_stimuli()


@pytest.fixture(scope="module")
def table(mirror):
    return pd.read_csv(_paths.stimuli_metadata_path(mirror), **TEXTS)


@pytest.fixture(scope="module")
def encoded(mirror, table):
    """The stored bytes of every image."""
    with h5py.File(_paths.stimuli_path(mirror)) as file:
        stored = [row.tobytes() for row in file["images"][:]]
    return dict(zip(table["image_name"], stored, strict=True))


@pytest.fixture(scope="module")
def masks(mirror):
    with h5py.File(_paths.segmentations_path(mirror)) as file:
        return file["masks"][:]


@pytest.fixture(scope="module")
def mask_table(mirror):
    return pd.read_csv(_paths.segmentations_metadata_path(mirror), **TEXTS)


@pytest.fixture(scope="module")
def caption_table(mirror):
    return pd.read_csv(_paths.captions_path(mirror), **TEXTS)


@pytest.fixture(scope="module")
def labels(reference):
    """The image of each trial of the subject, in the order of its sessions."""
    return reference.labels("ses-01") + reference.labels("ses-02")


def vectors(mirror, model):
    """The embeddings by image name, as h5py reads them; NaN where they are marked as not valid."""
    with h5py.File(_paths.embeddings_path(mirror, model)) as file:
        names = file["image_ids"].asstr()[:]
        values = file["embedding"][:]
        values[~file["valid"][:].astype(bool)] = np.nan
        return values, list(names)


def displayed(raw):
    """An image on the grey of the screen, by Pillow alone."""
    image = Image.open(BytesIO(raw))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        grey = Image.new("RGBA", image.size, (128, 128, 128, 255))
        return np.asarray(Image.alpha_composite(grey, image).convert("RGB"))
    return np.asarray(image.convert("RGB"))


# -- by name -----------------------------------------------------------------------------------------


def test_the_table_of_images(stim, table):
    got = stim.metadata
    assert got["image_name"].tolist() == table["image_name"].tolist() == stim.images.names()
    assert got["unique_or_shared"].tolist() == table["unique_or_shared"].tolist()
    assert got["dataset"].tolist() == table["dataset"].tolist()
    assert stim.images.metadata.equals(got)


def test_images_by_name_and_by_row(stim, table, encoded):
    names = table["image_name"].tolist()
    images = stim.images
    assert len(images) == len(names)
    assert [name for name, _ in images] == names
    assert dict(images) == encoded
    for row, name in enumerate(names):
        assert images[name] == images[row] == images[np.int64(row)] == encoded[name]
        assert images.index_of(name) == row and name in images
    assert images[-1] == encoded[names[-1]]
    assert "none.jpg" not in images and 3 not in images
    for key, error in [("none.jpg", KeyError), (len(names), IndexError), (1.5, TypeError), (None, TypeError)]:
        with pytest.raises(error):
            images[key]
    with pytest.raises(KeyError, match="none.jpg"):
        images.index_of("none.jpg")


def test_images_are_those_of_pillow(stim, encoded):
    modes = set()
    for name, raw in encoded.items():
        stored = stim.images.get(name, as_displayed=False)
        expected = Image.open(BytesIO(raw))
        modes.add(stored.mode)
        assert stored.mode == expected.mode and stored.tobytes() == expected.tobytes()
        shown = stim.images.get(name)
        assert shown.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(shown), displayed(raw))
        np.testing.assert_array_equal(np.asarray(as_displayed_rgb(expected)), displayed(raw))
    assert len(modes) > 1, "the bucket has images of several modes"


def test_arrays_of_images_have_the_pixels_of_pillow(stim, encoded):
    names = list(encoded)
    keys = [*names, names[3], names[0]]
    array = stim.images.array(keys)
    assert array.dtype == np.uint8 and array.flags.c_contiguous
    np.testing.assert_array_equal(array, np.stack([displayed(encoded[name]) for name in keys]))
    np.testing.assert_array_equal(stim.images.array([3, -1]), array[[3, len(names) - 1]])
    assert stim.images.array([]).shape[0] == 0
    with pytest.raises(KeyError):
        stim.images.array(["none.jpg"])


@pytest.mark.parametrize("model", MODELS)
def test_embeddings_by_name(stim, mirror, model):
    expected, names = vectors(mirror, model)
    embeddings = laion_fmri.load_embeddings(model)
    array = embeddings[model]
    assert array.shape == expected.shape and array.dtype == np.float16 and array.ndim == 2
    assert len(array) == len(embeddings) == len(names) and embeddings.image_ids == names
    np.testing.assert_array_equal(np.asarray(array), expected)
    np.testing.assert_array_equal(np.asarray(array, dtype=np.float64), expected.astype(np.float64))
    wanted = [names[9], names[2], names[9], names[-1]]
    np.testing.assert_array_equal(embeddings.get(model, wanted), expected[[9, 2, 9, -1]])
    one = embeddings.get(model, names[5])
    assert one.dtype == np.float16
    np.testing.assert_array_equal(one, expected[5])
    assert model in embeddings and (model, names[0]) in embeddings
    assert (model, "none.jpg") not in embeddings and "VGG" not in embeddings
    with pytest.raises(KeyError, match="none.jpg"):
        embeddings.get(model, "none.jpg")
    np.testing.assert_array_equal(np.asarray(stim.embeddings[model]), expected)


@pytest.mark.parametrize(
    "key",
    [
        3,
        -1,
        np.int32(4),
        slice(None),
        slice(2, 40, 7),
        slice(None, None, -1),
        [5, 1, 5],
        np.array([[0, 1], [2, 3]]),
        (slice(3, 9), slice(1, 3)),
        (4, 2),
        ([1, 2], [0, 1]),
        (slice(None), 0),
        ([4, 0], slice(None, 2)),
        ([4, 0], 1),
        (slice(2, 5), [3, 0]),
        ...,
        (..., 1),
        (slice(0, 0), slice(None)),
    ],
    ids=repr,
)
def test_an_array_on_disk_is_indexed_as_numpy_indexes(configured, mirror, key):
    expected, _ = vectors(mirror, "CLIP")
    got = laion_fmri.load_embeddings("CLIP")["CLIP"][key]
    np.testing.assert_array_equal(got, expected[key])
    assert np.shape(got) == np.shape(expected[key]) and got.dtype == np.float16


def test_rows_that_are_not_valid(configured, mirror):
    """They are NaN in the array, with a warning; a look-up by name refuses."""
    expected, names = vectors(mirror, "CLIP")
    with h5py.File(_paths.embeddings_path(mirror, "CLIP")) as file:
        (row,) = np.flatnonzero(~file["valid"][:])
    embeddings = laion_fmri.load_embeddings("CLIP")
    assert np.isnan(expected[row]).all()
    for key in (row, [0, row], slice(row, row + 1), slice(None)):
        with pytest.warns(UserWarning, match="1 row of the embeddings is marked as not valid"):
            np.testing.assert_array_equal(embeddings["CLIP"][key], expected[key])
    with pytest.warns(UserWarning, match="not valid"):
        assert np.isnan(np.asarray(embeddings["CLIP"])[row]).all()
    with pytest.raises(KeyError, match="valid"):
        embeddings.get("CLIP", names[row])


def test_flags_and_bad_rows_of_an_array_on_disk(configured, mirror):
    expected, names = vectors(mirror, "CLIP")
    array = laion_fmri.load_embeddings("CLIP")["CLIP"]
    flags = np.arange(len(names)) % 3 == 0
    np.testing.assert_array_equal(array[flags], expected[flags])
    for key in (len(names), [0, len(names)]):
        with pytest.raises(IndexError):
            array[key]


def test_storage_that_is_not_read_says_what_makes_a_copy(mirror, tmp_path):
    """A virtual dataset, whose values lie in another file."""
    folder = tmp_path / "data"
    path = _paths.embeddings_path(folder, "CLIP")
    path.parent.mkdir(parents=True)
    source = _paths.embeddings_path(mirror, "CLIP")
    with h5py.File(source) as whole, h5py.File(path, "w") as file:
        for name in whole:
            if name != "embedding":
                whole.copy(name, file)
        values = whole["embedding"]
        layout = h5py.VirtualLayout(values.shape, values.dtype)
        layout[:] = h5py.VirtualSource(values)
        file.create_virtual_dataset("embedding", layout)
    laion_fmri.dataset_initialize(str(folder))
    with pytest.raises(laion_fmri._errors.DataIntegrityError) as raised:
        laion_fmri.load_embeddings("CLIP")["CLIP"][0]
    expected = f"h5repack -f NONE -l CONTI {path} COPY makes a copy that is read"
    assert raised.value.hint == expected


def test_object_masks_by_name(stim, masks, mask_table):
    segmentations = stim.segmentations
    assert len(segmentations) == len(masks)
    for row in range(len(masks)):
        got = segmentations[row]
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, masks[row])
    np.testing.assert_array_equal(segmentations[-1], masks[-1])
    for row in mask_table.itertuples():
        got = segmentations.get(row.image_name, row.noun, int(row.instance_id))
        np.testing.assert_array_equal(got, masks[int(row.mask_row)])
    assert segmentations.images() == sorted(set(mask_table["image_name"]))
    for name, rows in mask_table.groupby("image_name", sort=False):
        assert segmentations.has_image(name)
        assert segmentations.nouns(name, localized_only=False) == list(dict.fromkeys(rows["noun"]))
        localized = rows[rows["localized"].astype(int) == 1]
        assert segmentations.nouns(name) == list(dict.fromkeys(localized["noun"]))
        of_image = segmentations.for_image(name)
        assert of_image["mask_row"].astype(int).tolist() == rows["mask_row"].astype(int).tolist()
        assert of_image["noun"].tolist() == rows["noun"].tolist()
    assert segmentations.metadata["mask_file"].tolist() == mask_table["mask_file"].tolist()


def test_object_masks_that_are_not_there(stim, table, mask_table):
    segmentations = laion_fmri.Segmentations()
    known = mask_table["image_name"][0]
    unique = table.loc[table["unique_or_shared"] == "unique", "image_name"].iloc[0]
    for name in (unique, "none.jpg"):
        assert not segmentations.has_image(name)
        assert segmentations.nouns(name) == [] and len(segmentations.for_image(name)) == 0
    for arguments in ((known, "unicorn"), (known, "dog", 99), (unique, "dog")):
        with pytest.raises(KeyError):
            segmentations.get(*arguments)
    with pytest.raises(IndexError):
        segmentations[len(segmentations)]


def test_captions_by_name(stim, caption_table):
    for captions in (stim.captions, laion_fmri.Captions()):
        assert len(captions) == len(caption_table)
        assert captions.images() == sorted(set(caption_table["image_name"]))
        for name, rows in caption_table.groupby("image_name", sort=False):
            ranked = rows.sort_values("caption_idx", key=lambda column: column.astype(int), kind="stable")
            human = ranked.loc[ranked["source"] == "human", "caption"].tolist()
            model = ranked.loc[ranked["source"] == "ai", "caption"].tolist()
            assert captions.human(name) == human and captions.human(name, limit=1) == human[:1]
            assert captions.list(name, source="human") == human
            assert captions.ai(name) == (model[0] if model else None)
            assert sorted(captions.list(name)) == sorted(human + model)
            assert captions.get(name)["caption"].tolist() == rows["caption"].tolist()
            assert name in captions
        assert captions.metadata["caption"].tolist() == caption_table["caption"].tolist()
        assert captions.human("none.jpg") == [] and captions.ai("none.jpg") is None
        assert "none.jpg" not in captions and len(captions.get("none.jpg")) == 0


# -- by trial ----------------------------------------------------------------------------------------


def test_images_of_trials(sub, labels, encoded):
    images = sub.images
    assert len(images) == len(labels)
    for trial, name in enumerate(labels):
        assert images[trial] == encoded[name]
        np.testing.assert_array_equal(np.asarray(images.get(trial)), displayed(encoded[name]))
    assert images[-1] == images[np.int64(len(labels) - 1)] == encoded[labels[-1]]
    stored = images.get(0, as_displayed=False)
    assert stored.tobytes() == Image.open(BytesIO(encoded[labels[0]])).tobytes()
    assert list(itertools.islice(images, 5)) == [encoded[name] for name in labels[:5]]
    for trial, error in [(len(labels), IndexError), (-len(labels) - 1, IndexError), ("3", TypeError)]:
        with pytest.raises(error, match="trial"):
            images[trial]


@pytest.mark.parametrize("session", [None, "ses-01", "ses-02", "02"])
def test_images_of_a_session_or_of_all_trials(sub, labels, encoded, session):
    part = {None: slice(None), "ses-01": slice(52)}.get(session, slice(52, None))
    expected = np.stack([displayed(encoded[name]) for name in labels[part]])
    np.testing.assert_array_equal(sub.images.array(session=session), expected)
    shown = sub.images.all(session=session)
    assert len(shown) == len(expected)
    for image, pixels in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("model", MODELS)
def test_embeddings_of_trials(sub, labels, mirror, model):
    values, names = vectors(mirror, model)
    rows = [names.index(label) for label in labels]
    got = sub.embeddings.all(model)
    assert got.dtype == np.float16 and got.flags.c_contiguous
    np.testing.assert_array_equal(got, values[rows])
    np.testing.assert_array_equal(sub.embeddings.all(model.lower(), session="ses-02"), values[rows[52:]])
    for trial in (0, 42, -1):
        np.testing.assert_array_equal(sub.embeddings.get(model, trial), values[rows[trial]])
    assert model in sub.embeddings.models


def test_object_masks_of_trials(sub, labels, masks, mask_table):
    with_masks = 0
    for trial, name in enumerate(labels):
        rows = mask_table[mask_table["image_name"] == name]
        assert sub.segmentations.has_image(trial) == (len(rows) > 0)
        nouns = list(dict.fromkeys(rows.loc[rows["localized"].astype(int) == 1, "noun"]))
        assert sub.segmentations.nouns(trial) == nouns
        assert sub.segmentations.for_image(trial)["noun"].tolist() == rows["noun"].tolist()
        for row in rows.itertuples():
            got = sub.segmentations.get(trial, row.noun, int(row.instance_id))
            np.testing.assert_array_equal(got, masks[int(row.mask_row)])
            with_masks += 1
    assert with_masks > 0
    missing = next(i for i, name in enumerate(labels) if name not in set(mask_table["image_name"]))
    with pytest.raises(KeyError):
        sub.segmentations.get(missing, "dog")


def test_captions_of_trials(sub, labels, caption_table):
    captions = laion_fmri.Captions()
    for trial, name in enumerate(labels):
        assert sub.captions.human(trial) == captions.human(name)
        assert sub.captions.human(trial, limit=1) == captions.human(name)[:1]
        assert sub.captions.ai(trial) == captions.ai(name)
        assert sub.captions.list(trial) == captions.list(name)
        rows = caption_table[caption_table["image_name"] == name]
        assert sub.captions.for_image(trial)["caption"].tolist() == rows["caption"].tolist()
    assert any(sub.captions.list(trial) for trial in range(len(labels)))


def test_the_index_of_trials_is_that_of_the_metadata(sub, labels, mirror):
    trials = sub.metadata
    assert trials["image_name"].tolist() == labels
    chosen = trials.index[trials["unique_or_shared"] == "shared"]
    values, names = vectors(mirror, "CLIP")
    expected = [values[names.index(labels[trial])] for trial in chosen]
    np.testing.assert_array_equal(np.stack([sub.embeddings.get("CLIP", i) for i in chosen]), expected)
    np.testing.assert_array_equal(sub.embeddings.all("CLIP")[chosen], expected)


def test_wrong_sessions_and_models_name_themselves(sub):
    with pytest.raises(laion_fmri.DataNotDownloadedError):
        sub.images.array(session="ses-09")
    with pytest.raises(TypeError, match="session"):
        sub.embeddings.all("CLIP", session=1.5)
    with pytest.raises(ValueError, match="CLIP"):
        sub.embeddings.all("VGG")
    with pytest.raises(TypeError, match="model"):
        sub.embeddings.all(3)


def test_patched_trials_are_followed(sub, monkeypatch, labels):
    """Users replace the accessor on an instance; the views go through it."""
    real = sub.get_trial_info

    def reversed_table(session):
        return real(session).iloc[::-1].reset_index(drop=True)

    monkeypatch.setattr(sub, "get_trial_info", reversed_table)
    expected = labels[:52][::-1] + labels[52:][::-1]
    assert sub.metadata["image_name"].tolist() == expected
    whole = laion_fmri.load_stimuli().images
    assert sub.images[0] == whole[expected[0]]


def test_embeddings_of_a_model_are_used_as_an_array(configured, mirror):
    expected, _ = vectors(mirror, "DINOv2")
    array = laion_fmri.load_embeddings("DINOv2")["DINOv2"]
    np.testing.assert_array_equal(array.mean(axis=0), expected.mean(axis=0))
    assert array.astype("float32").dtype == np.float32 and array.T.shape == expected.shape[::-1]
    assert array.nbytes == expected.nbytes and array.copy().flags.owndata
    np.testing.assert_array_equal(array * 2 + 1, expected * 2 + 1)
    np.testing.assert_array_equal(1 - array, 1 - expected)
    np.testing.assert_array_equal(array == expected, expected == expected)
    np.testing.assert_array_equal(array @ expected[0], expected @ expected[0])
    np.testing.assert_array_equal(np.sqrt(np.abs(array)), np.sqrt(np.abs(expected)))
    assert "mean" in dir(array)
    with pytest.raises(AttributeError):
        getattr(array, "means")  # noqa: B009
    with pytest.raises(ValueError, match="truth value"):
        bool(array)
    with pytest.raises(TypeError, match="put into"):
        np.add(expected, expected, out=array)


def test_a_list_of_sessions_gives_a_dict(sub):
    both = sub.embeddings.all("DINOv2", session=["ses-01", "ses-02"])
    assert list(both) == ["ses-01", "ses-02"]
    for name, vectors_of in both.items():
        np.testing.assert_array_equal(vectors_of, sub.embeddings.all("DINOv2", session=name))
    (images,) = sub.images.array(session=["ses-1"]).values()
    np.testing.assert_array_equal(images, sub.images.array(session="ses-01"))
    assert {name: len(found) for name, found in sub.images.all(["ses-01"]).items()} == {"ses-01": 52}
    assert repr(sub.images.all("ses-01")) == "<ImageIterator of 52 images>"


def test_conditions_of_a_query_in_every_form(sub, stim):
    assert stim.query(seen_by="sub-03") == stim.query(seen_by=sub) == stim.query(seen_by="3")
    assert stim.query(repetitions="12rep") == stim.query(repetitions=12)
    for wrong in (3, b"sub-03"):
        with pytest.raises(TypeError, match="seen_by"):
            stim.query(seen_by=wrong)
    with pytest.raises(ValueError, match="repetitions"):
        stim.query(repetitions="often")
    with pytest.raises(TypeError, match="repetitions"):
        stim.query(repetitions=1.5)
    name = stim.segmentations.images()[0]
    with pytest.raises(ValueError, match="instance"):
        stim.segmentations.get(name, stim.segmentations.nouns(name)[0], instance=-1)
    for key in (True, np.True_, 1.0):
        with pytest.raises(TypeError, match="integer"):
            sub.images.get(key)
    assert repr(stim.images) == f"<Images: {len(stim.images)} of {stim.data_dir}>"
