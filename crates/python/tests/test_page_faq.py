"""What the page of frequent questions and the overview say, on the bucket of the fixtures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from conftest import BUCKET

import laion_fmri


def command(*arguments, home):
    script = Path(sys.executable).with_name("laion-fmri")
    environment = {"HOME": str(home), "LAION_FMRI_BUCKET": BUCKET, "LAION_FMRI_ACCEPT_LICENSE": "1"}
    return subprocess.run(
        [str(script), *arguments], capture_output=True, text=True, env=environment, check=True
    )


def test_how_do_i_download_the_dataset(tmp_path, user):
    (tmp_path / "data").mkdir()
    command("config", "--data-dir", str(tmp_path / "data"), home=user)
    command("download", "--subject", "sub-01", "--ses", "ses-01", home=user)
    # The module finds what the command configured.
    assert laion_fmri.load_subject("sub-01").get_sessions() == ["ses-01"]


def test_only_the_parts_i_need(empty):
    laion_fmri.download.download("sub-03", desc="Noiseceiling", ses=["ses-01"], stat=None)
    laion_fmri.download.download("sub-03", suffix="mask", n_jobs=4)
    sub = laion_fmri.load_subject("sub-03")
    assert "FFA1" in sub.get_available_rois()
    assert sub.get_noise_ceiling(session="ses-01").dtype == np.float32


def test_betas_and_stimuli(sub):
    table = sub.get_trial_info(session="ses-01")
    assert len(table) == len(sub.get_betas(session="ses-01", roi="FFA1"))
    for query in ("FFA1", "face", ["FFA1", "EBA"], "all"):
        assert sub.get_betas(session="ses-01", roi=query).shape[0] == len(table)
    known = laion_fmri.load_stimuli().metadata["image_name"]
    assert table["label"].isin(known).mean() > 0.9
    light = sub.get_betas(session="ses-01", roi="face", nc_threshold=5.0, streaming=True)
    assert light.shape[1] <= sub.get_betas(session="ses-01", roi="face").shape[1]


def test_splits_of_every_method():
    from laion_fmri.splits import list_pools, list_splits

    for pool in list_pools():
        names = list_splits(pool)
        assert {"tau", "ood", "random_4", "cluster_k5_4"} <= set(names) and len(names) == 12
