"""The page as it opens: the first picture, links, and several browsers."""

import re

import nibabel
import numpy as np

from .truth import GLM, SESSION, SUBJECT, same

#: Seconds; software draws the picture here.
FIRST_PICTURE = 2.5
#: The best of so many is taken.
TRIES = 3


def first_picture(shared):
    # Each time in a profile of its own, so that nothing is cached; other programs may be in the
    # way.
    seconds = []
    for _ in range(TRIES - 1):
        page = shared.open()
        seconds.append(page.seconds)
        page.context.close()
    shared.main = page = shared.open()
    seconds.append(page.seconds)
    page.picture("first")
    print(f"first picture: {min(seconds):.2f} s (at most {FIRST_PICTURE})")
    problems = [] if min(seconds) <= FIRST_PICTURE else [f"first picture after {seconds} s"]
    if not page.text("#title").startswith(f"{SUBJECT}: "):
        problems.append(f"title {page.text('#title')!r}")
    # The map and the range of `laion-fmri figure --map nc`.
    path = next(
        iter(shared.mirror.glob(f"{GLM}/{SUBJECT}/**/*_desc-Noiseceiling12rep_statmap.nii.gz"))
    )
    values = np.asarray(nibabel.load(path).dataobj)[np.asarray(shared.truth.brain().dataobj) > 0]
    sizes = np.sort(np.abs(values[np.isfinite(values)]))
    end = sizes[round((len(sizes) - 1) * 0.99)]
    bar = page.page.get_attribute("#legend", "aria-label")
    found = re.fullmatch(
        r"Colour bar of noise ceiling, images shown 12 times, from 0% to ([\d.]+)%", bar
    )
    most = end + 10 ** (np.floor(np.log10(end)) - 1)
    if not found or not end <= float(found[1]) * (1 + 1e-6) or float(found[1]) > most:
        problems.append(f"{bar!r}; 99% of the values are below {end}")
    if page.pixels().std() < 5 or page.colourful() < 500:
        problems.append("the canvas is blank")
    if "token" in page.page.url:
        problems.append("the token is still in the address")
    page.page.wait_for_selector(f"#trial-0")
    return problems


def link(shared):
    page = shared.main
    page.page.select_option("#layout", "planes")
    page.fill("#filter", "run:1 shared")
    page.page.wait_for_timeout(200)
    fragment = page.page.evaluate("() => location.hash")
    other = shared.open(fragment)
    other.drawn(f"{SUBJECT} {SESSION} 3 beta")
    other.page.wait_for_selector("#trial-3, #table .row")
    problems = []
    for selector in ("#title", "#readout", "#filter-state", "#legend-note"):
        other.page.wait_for_function(
            "([s, t]) => document.querySelector(s).innerText === t",
            arg=[selector, page.text(selector)],
        )
    if other.page.evaluate("() => location.hash") != fragment:
        problems.append(f"{fragment} became {other.page.evaluate('() => location.hash')}")
    if abs(other.colourful() - page.colourful()) > 0.02 * page.colourful():
        problems.append("the pictures differ")
    other.context.close()
    page.fill("#filter", "")
    return problems


def lost_link(shared):
    problems = []
    asked = {
        f"#/{SUBJECT}/{SESSION}/9999?show=beta": "has no trial 9999",
        f"#/{SUBJECT}/ses-77/0?show=beta": "ses-77",
        "#/sub-99/ses-01/0": "no subject sub-99",
        "#/..%2F..%2Fetc/passwd": "no subject",
    }
    for fragment, expected in asked.items():
        page = shared.open(fragment)
        said = page.text("#messages .error p")
        if expected not in said:
            problems.append(f"{fragment}: {said!r}")
        if not page.text("#title").startswith("sub-"):
            problems.append(f"{fragment}: nothing is shown, {page.text('#title')!r}")
        page.context.close()
    return problems


def two_browsers(shared):
    pages = {trial: shared.open(f"#/{SUBJECT}/{SESSION}/{trial}?show=beta") for trial in (2, 6)}
    problems = []
    for _ in range(3):
        for page in pages.values():
            page.page.click("#next")
    for trial, page in pages.items():
        page.drawn(f"{SUBJECT} {SESSION} {trial + 3} beta")
        voxel, shown = page.voxel()
        problems += same(
            shown, shared.truth.trial(SESSION, trial + 3)[voxel], f"trial {trial + 3}, {voxel}"
        )
        problems += page.complaints
        page.context.close()
    return problems
