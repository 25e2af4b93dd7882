"""Drives the page of `laion-fmri browse` in headless Chromium, and compares it with numpy.

    python -m check_page OUT

OUT/mirror is the bucket of the test suite with its images. `cargo xtask browser` names the rest:
PAGE_PROGRAM the command, PAGE_CHROMIUM the browser, PAGE_LIBRARIES where its libraries are,
PAGE_AXE the script of axe-core. Screenshots are left in OUT/pictures, and what was measured is
printed. The last line is a summary in the form of Rust's own test runner; the exit status is 1 if a
case failed.
"""

from playwright.sync_api import sync_playwright

import verdict

from . import (
    accessibility,
    colours,
    files,
    image,
    keys,
    opening,
    regions,
    security,
    states,
    surface,
    trials,
    voxel,
)
from .shared import Shared

#: In this order: many go on with the page as the one before has left it.
CASES = [
    ("the first picture", opening.first_picture),
    ("a trial and its betas", trials.trial),
    ("colours are those of the values", colours.colours),
    ("threshold and range", colours.threshold),
    ("outlines of ROIs", regions.rois),
    ("outlines and crosshair at every size of the window", regions.sizes),
    ("a voxel", voxel.voxel),
    ("the surface", surface.surface),
    ("keys of the surface", surface.turned),
    ("the surface in a saved picture", surface.saved),
    ("a map of the surface that is chosen again", surface.interrupted),
    ("the mean over repeats of z-scores", trials.mean_zscore),
    ("the scrubber before a trial is chosen", trials.scrubber),
    ("how far a read is", states.reading),
    ("a filter by what is not on disk", states.lacking),
    ("a damaged file", states.damaged),
    ("a link to what is not there", opening.lost_link),
    ("two browsers at once", opening.two_browsers),
    ("object masks", image.object_masks),
    ("an image in every subject that saw it", image.every_subject),
    ("without the images", states.without_images),
    ("keys alone", keys.keys),
    ("a link reproduces the view", opening.link),
    ("files that are saved", files.saved),
    ("a map of one's own, NaN and zero", files.own_file),
    ("the filter of 31,000 trials", trials.filters),
    ("accessibility", accessibility.accessibility),
    ("responses from a store", voxel.responses),
    ("the strongest and weakest images are in view", voxel.in_view),
    ("a wrong token", security.wrong_token),
    ("no other host, and no complaints", security.quiet),
]


def cases(out):
    shared = Shared(out)
    with sync_playwright() as playwright:
        shared.launch(playwright)
        for title, check in CASES:
            yield title, verdict.found(lambda: check(shared))
        shared.browser.close()
    yield "Ctrl-C ends it", [] if shared.server.stop() == 0 else ["the status is not 0"]


if __name__ == "__main__":
    verdict.run(__doc__, cases)
