#!/usr/bin/env python3
"""Uses the module where nothing is installed beside it and what it asks for.

    bare.py MIRROR
"""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import laion_fmri


def main(mirror):
    asked_for = {"laion-fmri-rs", "numpy", "pandas", "pillow"}
    of_those = {"pip", "setuptools", "python-dateutil", "six", "pytz", "tzdata"}
    installed = {found.metadata["Name"].lower() for found in importlib.metadata.distributions()}
    assert asked_for <= installed <= asked_for | of_those, sorted(installed)
    laion_fmri.dataset_initialize(mirror)
    sub = laion_fmri.load_subject("sub-03")
    betas = sub.get_betas("ses-01", roi="FFA1")
    trials = sub.get_trial_info("ses-01")
    assert betas.shape == (len(trials), sub.get_roi_mask("FFA1").sum())
    assert len(sub.embeddings.all("CLIP", session="ses-01")) == len(trials)
    laion_fmri.splits.get_split_masks(trials, "tau", pool="shared")
    assert len(laion_fmri.extract("sub-03", "ses-01", roi="FFA1")["betas"]) == len(trials)
    try:
        sub.to_torch_dataset("ses-01")
    except ImportError as error:
        assert "torch" in str(error)
    else:
        raise AssertionError("a dataset of PyTorch without torch")
    command = Path(sys.executable).with_name("laion-fmri")
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
    assert laion_fmri.__version__ in version, version
    print(f"laion_fmri {laion_fmri.__version__} works in {sys.prefix}")


if __name__ == "__main__":
    main(sys.argv[1])
