"""The splits: lists, masks, parameters, leaks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from laion_fmri import splits


def test_names_are_those_of_the_page():
    assert splits.list_pools() == ["shared", "sub-01", "sub-03", "sub-05", "sub-06", "sub-07"]
    clusters = [f"cluster_k5_{fold}" for fold in range(5)]
    randoms = [f"random_{fold}" for fold in range(5)]
    assert splits.list_splits() == [*randoms, *clusters, "tau", "ood"]
    assert splits.list_splits("shared") == splits.list_splits()
    assert len(splits.list_ood_types()) == 9


def test_one_split():
    split = splits.load_split("random_0", pool="shared")
    assert (split.name, split.pool, split.split_family) == ("random_0", "shared", "random")
    assert (split.n_train, split.n_test) == (897, 224)
    (variant,) = split.variants
    train, test = splits.get_train_test_ids("random_0", pool="shared")
    assert variant.train_ids == train and variant.test_ids == test
    assert sorted(variant.all_ids()) == sorted(train + test) and len(set(train + test)) == 1121
    assert split.splitter == "min_nn_stochastic"
    assert split.params == {"method": "uniform_random", "seed": 0}


def test_parameters_are_those_of_the_published_files():
    params = {name: split.params for name, split in splits.load_all_splits("shared").items()}
    assert list(params) == splits.list_splits()
    assert params["cluster_k5_3"] == {"method": "kmeans_clip_k5_holdout", "held_out_cluster": 3}
    assert params["ood"] == {
        "method": "ood_dataset_holdout",
        "ood_types": splits.list_ood_types(),
    }
    assert params["tau"]["adaptive_selection"]["tau"] == 0.46964284777641296
    assert params["tau"]["adaptive_selection"]["percentile"] == 74.0
    second = splits.load_split("random_0", "sub-03", revision="r2")
    assert second.splitter == "random_kfold"
    assert second.params == {
        "method": "shuffled_5fold_cv",
        "k": 5,
        "seed": 42,
        "fold": 0,
        "revision": 2,
    }
    assert splits.load_split("ood", "shared").splitter == "ood_holdout"


def test_ood_types_restrict_the_test_set():
    train, test = splits.get_train_test_ids("ood", pool="shared", ood_types=["shape"])
    assert (len(train), len(test)) == (1121, 82)
    assert splits.get_train_test_ids("ood", "shared", ood_types="shape") == (train, test)


def test_masks_of_tables_and_labels():
    train, test = splits.get_train_test_ids("tau", pool="shared")
    labels = [train[0], test[0], "unknown.jpg", train[0], test[-1]]
    expected = [True, False, False, True, False], [False, True, False, False, True]
    for trials in (
        pd.DataFrame({"label": labels}),
        pd.DataFrame({"stimulus_id": labels}),
        pd.Series(labels),
        np.array(labels),
        labels,
    ):
        masks = splits.get_split_masks(trials, "tau", pool="shared")
        assert [mask.dtype for mask in masks] == [bool, bool]
        assert tuple(mask.tolist() for mask in masks) == expected


def test_leaks_are_found():
    group = splits.duplicate_groups("sub-01")[0]
    labels = [*group[:2], "shared_a.jpg"]
    report = splits.find_leaks(labels, [True, False, False], [False, True, False])
    assert report.has_leaks and len(report.duplicates) == 1 and not report.repeats
    clean = splits.find_leaks(group[:2], [True, True], [False, False])
    assert not clean.has_leaks and (clean.n_train, clean.n_test) == (2, 0)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: splits.load_split("tau9", "shared"), "Unknown split.*tau"),
        (lambda: splits.load_split("tau", "sub-99"), "Unknown pool.*sub-07"),
        (lambda: splits.load_split("tau", "shared", revision="r9"), "r9"),
        (lambda: splits.list_splits("sub-99"), "sub-99"),
        (lambda: splits.get_train_test_ids("tau", "shared", 1), "variant_id"),
        (lambda: splits.get_train_test_ids("ood", "shared", ood_types=["x"]), "Unknown ood_types"),
        (lambda: splits.get_train_test_ids("tau", "shared", ood_types=["shape"]), "only valid"),
        (lambda: splits.get_split_masks(pd.DataFrame({"a": [1]}), "tau", "shared"), "label"),
        (lambda: splits.find_leaks(["a"], [True, False], [False, True]), "expected 1"),
    ],
)
def test_unknown_names_are_value_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def test_wrong_types_are_named():
    with pytest.raises(TypeError, match="name"):
        splits.load_split(1, "shared")
    with pytest.raises(TypeError, match="trials"):
        splits.get_split_masks("label", "tau", "shared")


def test_the_pool_of_another_subject_is_said(sub):
    trials = sub.metadata
    with pytest.warns(UserWarning, match="pool 'sub-01'.*another subject"):
        splits.get_split_masks(trials, "tau", pool="sub-01")
    # Not said: the own pool, that of all, and trials that everybody saw.
    splits.get_split_masks(trials, "tau", pool="sub-03")
    splits.get_split_masks(trials, "tau", pool="shared")
    shared = trials[trials["unique_or_shared"] == "shared"]
    splits.get_split_masks(shared, "tau", pool="sub-01")
