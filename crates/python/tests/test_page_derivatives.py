"""The page about stimulus derivatives, from top to bottom, on the bucket of the fixtures.

Names of images are those of the fixtures.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import laion_fmri


def test_downloads(empty):
    laion_fmri.download_embeddings("CLIP")
    laion_fmri.download_segmentations()
    laion_fmri.download_captions()
    names = sorted(path.name for path in (empty / "stimuli").glob("*") if not path.name.startswith("."))
    assert names == [
        "task-images_desc-CLIP_embeddings.h5",
        "task-images_desc-captions.csv",
        "task-images_desc-segmentations.h5",
        "task-images_desc-segmentations_metadata.csv",
    ] or set(names) > {"task-images_desc-captions.csv"}
    assert len(laion_fmri.Captions().images()) > 0
    assert len(laion_fmri.Segmentations()) > 0


@pytest.mark.filterwarnings("ignore:.*marked as not valid")
def test_embeddings(configured):
    name = laion_fmri.load_stimuli().images.names()[0]
    emb = laion_fmri.load_embeddings("CLIP")
    first = emb["CLIP"][0]
    assert first.dtype == np.float16 and first.ndim == 1
    one = emb.get("CLIP", emb.image_ids[0])
    np.testing.assert_array_equal(one, first)

    stim = laion_fmri.load_stimuli()
    assert stim.embeddings.models == ["CLIP", "DINOv2", "PEcore", "SigLIP2"]
    assert stim.embeddings["CLIP"].shape == (len(stim.embeddings), len(first))
    assert stim.embeddings.get("CLIP", name).shape == first.shape


def test_segmentations(configured):
    seg = laion_fmri.Segmentations()
    name = seg.images()[0]
    nouns = seg.nouns(name, localized_only=False)
    assert nouns and all(isinstance(noun, str) for noun in nouns)
    mask = seg.get(name, nouns[0], instance=0)
    assert mask.dtype == np.uint8 and mask.ndim == 2


def test_captions(configured):
    caps = laion_fmri.Captions()
    name = next(name for name in caps.images() if caps.ai(name) is not None)
    assert caps.human(name) and all(isinstance(text, str) for text in caps.human(name))
    assert isinstance(caps.ai(name), str)
    table = caps.get(name)
    assert isinstance(table, pd.DataFrame) and (table["image_name"] == name).all()
    assert len(table) == len(caps.list(name))
    assert len(caps.metadata.head()) == 5


def test_subject_level_access(configured):
    sub = laion_fmri.load_subject("sub-01")
    trials = sub.metadata
    shown = trials[["session", "session_trial", "image_name", "unique_or_shared", "dataset"]].head()
    assert len(shown) == 5

    trial = 42  # global row index in sub.metadata

    x_one = sub.embeddings.get("CLIP", trial)
    x_all = sub.embeddings.all("CLIP")
    x_ses = sub.embeddings.all("CLIP", session="ses-01")
    assert len(x_all) == len(trials) and len(x_ses) == 48
    np.testing.assert_array_equal(x_all[trial], x_one)
    np.testing.assert_array_equal(x_all[:48], x_ses)

    for trial in (42, int(trials.index[trials["unique_or_shared"] == "shared"][0])):
        if sub.segmentations.has_image(trial):
            nouns = sub.segmentations.nouns(trial)
            if nouns:
                assert sub.segmentations.get(trial, nouns[0]).dtype == np.uint8
        human = sub.captions.human(trial)
        ai = sub.captions.ai(trial)
        assert isinstance(human, list) and (ai is None or isinstance(ai, str))
    unique = int(trials.index[trials["unique_or_shared"] == "unique"][0])
    assert sub.captions.ai(unique) is None
    with pytest.raises(IndexError):
        sub.captions.human(len(trials))
